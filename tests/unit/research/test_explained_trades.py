"""What the report says of each trade of a strategy that tells its reasons, checked by hand."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from typing import Any

import pytest

from ballast.backtest.run import run
from ballast.backtest.setup import Costs
from ballast.research.report.explained_trades import explained_trades
from ballast.research.report.page import report_html
from tests.unit.backtest.sample_result import small_result
from tests.unit.strategies.tight_range.ranges import FALL, setup_on, walk
from tests.unit.strategies.tight_range.test_market_making import on_ticks


def rows_of(page: str) -> list[list[str]]:
    """Return the cells of the table's rows as text."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[unescape(cell.replace("<br>", " | ")) for cell in row] for row in cells]


def result_of(**changes: Any) -> Any:
    settings = {"regime": "assume_tight_range", "min_data_points": 60, **changes}
    costs = Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=0.0)
    bars = {"S": [*walk(FALL), 984.0, 984.0, 984.0, (984.0, 970.0), 970.0]}
    return run(setup_on(bars, costs=costs, **settings))


def test_a_tight_range_trade_can_be_checked_by_hand() -> None:
    """E1, to the end: confidence 0.7, 5 % of 10,000 at 984, stop 976.128, target 998.76."""
    (row, *_) = rows_of(explained_trades(result_of()))
    number, decided, known, happened, profit = row
    assert number == "1"
    assert decided.startswith("S | ")
    facts = known.split(" | ")
    assert facts[:2] == ["close 984", "equity 10,000.00"]
    assert "L3: range, tight range, at 0.8000" in facts
    assert "path: mean reversion at 0.7000" in facts
    assert facts[-1].startswith("RSI 15.0573, ATR ")
    # 500 / 984 = 0.50813 at 984, a thousandth of it in fees.
    bought, stop, target, sold = happened.split(" | ")
    assert "range_entry: bought 0.50813 at 984, fee 0.5" in bought
    assert (stop, target) == ("stop 976.128", "target 998.76")
    # 0.50813 x (976.128 - 984) = -4.00, less 0.50 and 0.496.
    assert "stop: sold 0.50813 at 976.128, fee 0.496" in sold
    assert profit == "−5.00"


def test_every_trade_that_was_entered_is_told_once() -> None:
    result = result_of()
    assert len(rows_of(explained_trades(result))) == result.counts["entries"]


def test_quotes_and_rebalances_are_no_trades_of_signals() -> None:
    result = run(on_ticks(200_000))
    rows = rows_of(explained_trades(result))
    assert len(rows) == result.counts["entries"] > 0
    assert not any("bid:" in cell or "partial_rebalance" in cell for row in rows for cell in row)
    assert all("RSI " in row[2] for row in rows)


def test_the_regime_can_be_reckoned_again_from_what_its_trade_tells() -> None:
    """Trend: half of efficiency by 0.5, half of ADX by 40. Range: what is not trend. Tight: bands, and touches."""
    rows = rows_of(explained_trades(run(on_ticks(200_000))))
    told = [row[2] for row in rows if "L3: range, tight range," in row[2]]
    assert told
    for known in told:
        l3, change, efficiency, trend, in_range, width, touches, adx = (
            float(re.search(pattern, known)[1])  # type: ignore[index]
            for pattern in (
                r"L3: range, tight range, at ([\d.]+)",
                r"change ([+-][\d.]+)%",
                r"efficiency ([\d.]+)",
                r"trend ([\d.]+)",
                r"range ([\d.]+):",
                r"bands ([\d.]+)% wide",
                r"(\d+) touches",
                r"ADX ([\d.]+)",
            )
        )
        assert trend == pytest.approx(0.5 * min(1.0, efficiency / 0.5) + 0.5 * min(1.0, adx / 40.0), abs=2e-4)
        assert l3 == in_range == pytest.approx(1.0 - trend, abs=2e-4)
        assert abs(change) < 1.2
        assert width < 0.4
        assert touches >= 2


def votes_in(known: str) -> dict[str, float]:
    """Return the confidence for each side, L1's sums with L2's opinion."""
    told = re.search(r"L1: 3 votes, buy ([\d.]+), sell ([\d.]+), hold ([\d.]+)", known)
    opinion = re.search(r"L2: (\w+) at ([\d.]+)", known)
    assert told is not None
    assert opinion is not None
    sums = dict(zip(("buy", "sell", "hold"), map(float, told.groups()), strict=True))
    sums[opinion[1]] += float(opinion[2])
    return sums


def test_what_l1_and_l2_say_together_can_be_reckoned_again_from_entries_and_sales() -> None:
    result = run(on_ticks(200_000))
    rows = rows_of(explained_trades(result))
    told = [row[2] for row in rows]
    told += [line for row in rows for line in row[3].split(" | ") if "L1: " in line]
    assert len(told) > len(rows)
    for known in told:
        joint = re.search(r"L1 and L2: (\w+) at ([\d.]+)", known)
        assert joint is not None
        sums = votes_in(known)
        if joint[2] != "0.0000":
            assert joint[1] == max(sums, key=lambda side: sums[side])
            assert float(joint[2]) == pytest.approx(sums[joint[1]] / sum(sums.values()), abs=2e-4)


def test_a_sale_that_a_close_decided_stands_after_what_was_known_then() -> None:
    sales = []
    for row in rows_of(explained_trades(run(on_ticks(200_000)))):
        lines = row[3].split(" | ")
        sales += [(before, line) for before, line in pairwise(lines) if " reduction: sold " in line]
    assert sales
    for before, line in sales:
        assert "; path: " in before
        assert "RSI " in before
        assert before[:16] <= line[:16]


def test_a_strategy_without_words_for_its_notes_has_no_such_section() -> None:
    assert explained_trades(small_result()) == ""
    assert 'id="explained"' not in report_html(small_result())
    assert 'id="explained"' in report_html(result_of())


def test_a_trade_that_is_still_open_says_so() -> None:
    result = result_of(time_stop_bars=0)
    bars = {"S": [*walk(FALL), 984.0, 984.0]}
    still = run(setup_on(bars, regime="assume_tight_range", min_data_points=60))
    assert rows_of(explained_trades(still))[0][-1] == "open"
    assert rows_of(explained_trades(result))[0][-1] != "open"
