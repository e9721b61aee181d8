from __future__ import annotations

from dataclasses import replace
from io import StringIO
from math import inf

import pytest
from rich.console import Console

from ballast.backtest.formatting import moment, significant
from ballast.backtest.margin_summary import alarm, closed_legs, margin_group, rate_text, standstill, worst_margin_rate
from ballast.model.enums import PositionSide
from tests.unit.backtest.margin_runs import liquidated, panicked, two_symbols
from tests.unit.backtest.sample_result import long_result


def test_a_liquidation_is_the_first_thing_said_with_time_and_price() -> None:
    result = liquidated()
    assert result.margin is not None
    (leg,) = closed_legs(result)
    lines = result.summary().splitlines()
    assert lines[2] == alarm(result)
    assert f"Liquidated on {moment(result.margin.liquidation_ts_ms)} UTC with S0USDT at" in lines[2]
    assert f"S0USDT at {significant(leg.mark)}: of 700.00 there was 0.00 at the end." in lines[2]


def test_the_price_of_a_liquidation_lies_between_the_mark_and_ruin() -> None:
    (leg,) = closed_legs(liquidated())
    assert leg.position_side == PositionSide.SHORT
    # A short is handed over at the price where nothing is left, above the mark at which the venue stepped in.
    assert 0.0 < leg.mark < leg.price < 1.05 * leg.mark


@pytest.mark.parametrize("width", [60, 120])
def test_the_terminal_says_it_in_red_before_any_figure(width: int) -> None:
    out = StringIO()
    liquidated().print(Console(file=out, width=width, force_terminal=True, color_system="standard"))
    text = out.getvalue()
    assert "\x1b[1;31mLiquidated on" in text
    assert text.index("Liquidated on") < text.index("Performance")
    plain = StringIO()
    liquidated().print(Console(file=plain, width=width))
    assert max(map(len, plain.getvalue().splitlines())) <= width


def test_a_run_that_lives_raises_no_alarm() -> None:
    assert alarm(two_symbols()) == ""
    assert "Liquidated on" not in two_symbols().summary()


def test_the_margin_block_names_account_extremes_and_states() -> None:
    result = panicked()
    assert result.margin is not None
    figures = {figure.label.strip(): figure for figure in margin_group(result, result.margin).figures}
    assert (figures["Account"].value, figures["Account"].remark) == ("hedge", "bybit_unified, 20x")
    assert figures["Liquidated"].value == "no"
    assert figures["Worst MM rate"].remark == moment(result.margin.max_mm_rate_ts_ms)
    assert figures["Least available"].remark == moment(result.margin.min_available_ts_ms)
    assert (figures["Ladder"].value, figures["Ladder"].remark) == ("safe", "2 moves")
    assert {"NORMAL", "FROZEN", "PANIC"} <= set(figures)
    assert "HALTED" not in figures
    assert figures["PANIC"].tone < 0.0
    assert figures["Levels max long"].value == str(result.counts["levels_max_long"])


def test_a_liquidated_account_reached_the_whole_rate_though_nobody_saw_it() -> None:
    margin = liquidated().margin
    assert margin is not None
    assert margin.max_mm_rate < 1.0
    assert worst_margin_rate(margin) == (1.0, margin.liquidation_ts_ms)
    assert worst_margin_rate(replace(margin, max_mm_rate=1.25, max_mm_rate_ts_ms=7)) == (1.25, 7)


def test_a_rate_without_equity_is_words() -> None:
    assert rate_text(0.5) == "50.00 %"
    assert rate_text(inf) == "no equity"


def test_a_run_without_a_ladder_says_so() -> None:
    assert "nothing protected it" in liquidated().summary()


def test_a_run_that_ended_in_emergency_says_that_it_stood_still() -> None:
    result = panicked()
    assert result.margin is not None
    assert standstill(result.margin) == ""
    moves = [
        *result.margin.transitions,
        {**result.margin.transitions[-1], "ts_ms": 1_706_418_000_000, "from": "PANIC", "to": "EMERGENCY"},
        {**result.margin.transitions[-1], "ts_ms": 1_706_418_060_000, "from": "EMERGENCY", "to": "HALTED"},
    ]
    stopped = replace(result, margin=replace(result.margin, transitions=moves))
    assert "In HALTED from 2024-01-28 05:00 to the end" in stopped.summary()
    assert "only an operator" in stopped.summary()


def test_accounts_without_margin_have_no_such_block() -> None:
    assert "Margin" not in long_result().summary()
    assert alarm(long_result()) == ""
