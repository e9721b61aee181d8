from __future__ import annotations

import json
import re
from dataclasses import replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

from ballast.backtest.formatting import significant
from ballast.backtest.margin_result import MarginResult
from ballast.backtest.margin_summary import alarm, closed_legs
from ballast.backtest.result import Result
from ballast.model.enums import LadderState, Reason
from ballast.research.report import report_html
from ballast.research.report.chart_data import chart_data
from ballast.research.report.definitions import results_page
from ballast.research.report.margin_chart import CLOSES, LIQUIDATES, OPENS, leg_history, spells
from ballast.research.report.refusals import meaning
from ballast.research.report.transitions import rule_of, transition_table
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import risk_settings
from tests.unit.backtest.margin_runs import liquidated, panicked, two_symbols
from tests.unit.backtest.sample_result import MINUTE_MS, START_MS, fill, fills, long_result
from tests.unit.research.test_report import HOSTILE, outline, unpacked, without_library


def margin_of(result: Result) -> MarginResult:
    assert result.margin is not None
    return result.margin


def test_the_first_words_of_the_page_say_that_the_account_was_liquidated() -> None:
    html = without_library(report_html(liquidated()))
    header = html[html.index("<header>") :]
    assert re.match(r'<header>\s*<p class="alarm" role="alert">Liquidated on ', header)
    (leg,) = closed_legs(liquidated())
    assert f"S0USDT at {significant(leg.mark)}" in alarm(liquidated())
    assert alarm(liquidated()) in header


def test_a_page_of_an_account_that_lives_has_no_alarm() -> None:
    assert 'class="alarm"' not in without_library(report_html(panicked()))


@pytest.mark.parametrize("run", [liquidated, panicked, two_symbols])
def test_every_element_is_closed_and_every_link_arrives(run: Any) -> None:
    found = outline(report_html(run()))
    assert found.open == []
    assert {address[1:] for address in found.addresses} <= found.identifiers
    assert {"account", "margin", "legs", "exposure", "trade-chart", "allocation-chart"} <= found.identifiers
    assert not {"trades", "allocation"} & found.identifiers


def test_nothing_on_the_page_is_nan_infinite_or_none() -> None:
    for run in (liquidated, panicked, two_symbols):
        assert not re.search(r">[^<]*\b(nan|inf|None)\b", without_library(report_html(run())).split("<script")[0])


def test_spot_pages_carry_nothing_of_margin() -> None:
    html = without_library(report_html(long_result()))
    for word in ("--frozen", "rate_lines", 'id="legs"', 'class="alarm"', "Meaning"):
        assert word not in html
    assert "margin" not in chart_data(long_result())
    assert html.count("function drawTrades(") == 1


def test_names_of_users_are_escaped_on_margin_pages_too() -> None:
    hostile = replace(liquidated(), symbols=[HOSTILE], reasons=[HOSTILE] * len(liquidated().reasons))
    assert "<" not in json.dumps(chart_data(hostile))
    assert "<script>alert" not in without_library(report_html(hostile))


def test_the_panels_draw_the_account_as_it_stood_at_each_close() -> None:
    result = panicked()
    points = margin_of(result).points
    data = chart_data(result)["margin"]
    drawn = {line["name"]: unpacked(line["value"]) for line in (*data["money"], *data["ladder"], data["rate"])}
    assert drawn["Equity"].tolist() == result.equity.tolist()
    assert drawn["Available"].tolist() == points["available"].tolist()
    assert drawn["Initial margin"].tolist() == points["initial_margin"].tolist()
    assert drawn["Maintenance margin"].tolist() == points["maintenance_margin"].tolist()
    assert drawn["MM rate"].tolist() == points["mm_rate"].tolist()
    assert drawn["A: available for trading"].tolist() == points["available_for_trading"].tolist()
    assert drawn["Freeze: 3 N"].tolist() == (3.0 * points["next_worst_case"]).tolist()
    assert drawn["Panic: 1.5 N"].tolist() == (1.5 * points["next_worst_case"]).tolist()
    assert drawn["Reserve"].tolist() == points["reserve"].tolist()
    assert [line["value"] for line in data["rate_lines"]] == [1.0, 0.9, 0.5]


def test_what_stood_at_a_close_is_drawn_at_the_close_where_fills_have_their_own_times() -> None:
    result = panicked()
    data = chart_data(result)
    closes_ms = (result.ts_ms + MINUTE_MS).tolist()
    price = data["trades"]["symbols"][0]
    assert unpacked(data["margin"]["money"][0]["ts"]).tolist() == closes_ms
    assert unpacked(price["ts"]).tolist() == closes_ms
    assert unpacked(price["value"]).tolist() == result.close_prices[:, 0].tolist()
    assert unpacked(price["fills"]["ts"]).tolist() == result.fills["ts_ms"].tolist()


def test_take_profits_are_drawn_as_steps_where_they_rested() -> None:
    result = two_symbols()
    margin = margin_of(result)
    assert margin.exits is not None
    exits = margin.exits._replace(prices=margin.exits.prices.copy())
    # A while without any.
    exits.prices[400:450] = nan
    result = replace(result, margin=replace(margin, exits=exits))
    looks_ms = (result.ts_ms + MINUTE_MS)[exits.frames]
    for symbol in (0, 1):
        drawn = {one["leg"]: one for one in chart_data(result)["trades"]["symbols"][symbol]["exits"]}
        assert list(drawn) == ["0", "1"]
        for side, one in drawn.items():
            times, prices = unpacked(one["ts"]), unpacked(one["price"])
            # Read back as steps, the corners are what was seen at each look.
            at = np.searchsorted(times, looks_ms, side="right") - 1
            shown = np.where(at >= 0, prices[np.maximum(at, 0)], nan)
            assert shown.tolist() == pytest.approx(exits.prices[:, 2 * symbol + int(side)].tolist(), nan_ok=True)
            assert len(times) < len(looks_ms) / 4
            assert times[-1] == looks_ms[-1]


def test_a_leg_that_nobody_watched_or_that_never_had_an_exit_has_no_steps() -> None:
    result = two_symbols()
    margin = margin_of(result)
    assert margin.exits is not None
    unwatched = replace(result, margin=replace(margin, exits=None))
    assert [one["exits"] for one in chart_data(unwatched)["trades"]["symbols"]] == [[], []]
    prices = margin.exits.prices.copy()
    prices[:, 1] = nan
    shortless = replace(result, margin=replace(margin, exits=margin.exits._replace(prices=prices)))
    assert [one["leg"] for one in chart_data(shortless)["trades"]["symbols"][0]["exits"]] == ["0"]


def test_without_a_ladder_only_liquidation_has_a_line() -> None:
    data = chart_data(liquidated())["margin"]
    assert data["ladder"] == []
    assert data["bands"] == []
    assert data["rate_lines"] == [{"value": 1.0, "name": "liquidation"}]


def test_funding_that_is_only_rounding_is_not_drawn() -> None:
    assert len(chart_data(liquidated())["margin"]["funding"]) == 1
    assert chart_data(panicked())["margin"]["funding"] == []


def test_rates_without_equity_are_left_out_of_the_line() -> None:
    result = liquidated()
    points = margin_of(result).points.copy()
    points["mm_rate"][5], points["mm_rate"][6] = inf, nan
    data = chart_data(replace(result, margin=replace(margin_of(result), points=points)))
    assert len(unpacked(data["margin"]["rate"]["value"])) == len(result.ts_ms) - 2


def test_the_bands_are_the_spells_above_normal() -> None:
    result = panicked()
    found = spells(result, margin_of(result))
    freeze, panic = (int(str(move["ts_ms"])) for move in margin_of(result).transitions)
    end = int(result.ts_ms[-1]) + MINUTE_MS
    assert found == [
        (LadderState.NORMAL, int(result.ts_ms[0]) + MINUTE_MS, freeze),
        (LadderState.FROZEN, freeze, panic),
        (LadderState.PANIC, panic, end),
    ]
    for state, begin, until in found:
        assert (until - begin) / 1_000 == pytest.approx(margin_of(result).states[state.name], abs=0.002)
    assert chart_data(result)["margin"]["bands"] == [[1, freeze, panic], [2, panic, end]]


def test_the_liquidation_is_marked_at_its_moment_and_with_its_price() -> None:
    result = liquidated()
    end = chart_data(result)["margin"]["liquidation"]
    (leg,) = closed_legs(result)
    assert end["ts"] == margin_of(result).liquidation_ts_ms
    assert end["words"] == [f"LIQUIDATED at {significant(leg.mark)}"]
    assert not end["has_fills_after"]
    drawn = chart_data(result)["trades"]["symbols"][0]["fills"]
    assert (unpacked(drawn["doing"]) == LIQUIDATES).sum() == 1


def test_every_fill_of_each_leg_is_drawn_with_what_it_did_and_its_level() -> None:
    result = two_symbols()
    for symbol, drawn in enumerate(chart_data(result)["trades"]["symbols"]):
        own = result.fills[result.fills["symbol"] == symbol]
        adds = (own["side"] == 1) == (own["position_side"] == 1)
        assert unpacked(drawn["fills"]["leg"]).tolist() == (own["position_side"] - 1).tolist()
        assert unpacked(drawn["fills"]["doing"]).tolist() == np.where(adds, OPENS, CLOSES).tolist()
        levels = margin_of(result).levels[result.fills["symbol"] == symbol]
        assert unpacked(drawn["fills"]["level"]).tolist() == levels.tolist()
        assert levels.max() >= 3
        assert drawn["leg_names"] == ["LONG", "SHORT"]


def by_hand() -> Result:
    """Return a long leg of two levels that closes and opens again."""
    table = fills(
        fill(1, 1, 100, position_side=1, ts_ms=START_MS),
        fill(1, 2, 97, position_side=1, ts_ms=START_MS + MINUTE_MS),
        fill(-1, 3, 99, position_side=1, ts_ms=START_MS + 2 * MINUTE_MS),
        fill(1, 1, 99, position_side=1, ts_ms=START_MS + 3 * MINUTE_MS),
    )
    margin = replace(margin_of(two_symbols()), levels=np.array([0, 1, 0, 0]))
    return replace(two_symbols(), fills=table, margin=margin)


def test_levels_last_until_their_leg_is_closed_and_the_mean_entry_follows() -> None:
    result = by_hand()
    leg = leg_history(result, margin_of(result), 0)
    end = float(result.ts_ms[-1]) + MINUTE_MS
    closed, again = START_MS + 2 * MINUTE_MS, START_MS + 3 * MINUTE_MS
    assert leg.doings == [OPENS, OPENS, CLOSES, OPENS]
    assert leg.levels == [
        (START_MS, closed, 100.0, 0.0),
        (START_MS + MINUTE_MS, closed, 97.0, 1.0),
        (again, end, 99.0, 0.0),
    ]
    entry = [(ts, None if isnan(price) else price) for ts, price in leg.entry]
    assert entry == [
        (START_MS, None),
        (START_MS, 100.0),
        (START_MS + MINUTE_MS, 100.0),
        (START_MS + MINUTE_MS, 98.0),
        (closed, 98.0),
        (closed, None),
        (again, None),
        (again, 99.0),
        (end, 99.0),
    ]


def test_a_position_that_turns_ends_its_levels_and_begins_new_ones() -> None:
    table = fills(fill(1, 1, 100, ts_ms=START_MS), fill(-1, 3, 110, ts_ms=START_MS + MINUTE_MS))
    margin = replace(margin_of(two_symbols()), levels=np.zeros(2, np.int64))
    result = replace(two_symbols(), fills=table, margin=margin)
    leg = leg_history(result, margin, 0)
    assert [(start, price) for start, _, price, _ in leg.levels] == [(START_MS, 100.0), (START_MS + MINUTE_MS, 110.0)]
    assert leg.levels[0][1] == START_MS + MINUTE_MS


def test_exposure_has_a_line_for_each_leg_short_ones_below_zero() -> None:
    drawn = chart_data(two_symbols())["allocation"]
    assert not drawn["stacked"]
    assert [column["name"] for column in drawn["columns"]] == [
        "S0USDT LONG", "S0USDT SHORT", "S1USDT LONG", "S1USDT SHORT",
    ]  # fmt: skip
    lows = [unpacked(column["value"]).min() for column in drawn["columns"]]
    assert [low < 0.0 for low in lows] == [False, True, False, True]


def test_the_mark_is_drawn_where_it_is_not_the_price() -> None:
    mark = chart_data(panicked())["trades"]["symbols"][0]["mark"]
    assert unpacked(mark["value"]).tolist() == panicked().marks[:, 0].tolist()
    assert chart_data(two_symbols())["trades"]["symbols"][0]["mark"] is None


def test_moves_are_told_with_their_rule_and_figures() -> None:
    result = panicked()
    margin = margin_of(result)
    assert margin.risk is not None
    html = transition_table(margin.transitions, margin.risk)
    first = margin.transitions[0]
    ratio = float(str(first["available_for_trading"])) / float(str(first["next_worst_case"]))
    assert ratio < 3.0
    for expected in ("Early freeze", "A below 3 N", "Low margin", "A below 1.5 N", f"{ratio:,.2f}"):
        assert expected in html
    assert "It stayed NORMAL" in transition_table([], margin.risk)


def test_rules_are_told_with_the_thresholds_of_the_run() -> None:
    risk = risk_settings({"early_freeze_mult": 5.0, "mm_rate_threshold": 80.0}, has_margin=True)
    assert rule_of(LadderReason.EARLY_FREEZE, risk) == "A below 5 N"
    assert rule_of(LadderReason.MM_RATE, risk) == "MM rate at 80 %"
    assert rule_of(LadderReason.OPERATOR_HALT, risk) == ""


def test_the_page_tells_the_closest_approach_the_states_and_the_legs() -> None:
    html = without_library(report_html(panicked())).split("<script")[0]
    for expected in ("Closest to liquidation", "Time in each state", "S0USDT SHORT", "PANIC_ENTER", "Times"):
        assert expected in html
    assert "Closest to liquidation" not in report_html(liquidated()).split("<script")[0]


def test_refusals_are_explained_on_margin_pages() -> None:
    assert meaning("insufficient_margin") in report_html(liquidated())


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason != Reason.NONE])
def test_every_reason_for_a_refusal_is_explained(reason: Reason) -> None:
    assert len(meaning(reason.name.lower())) > 10


def test_a_reason_of_a_strategy_has_no_explanation_of_ours() -> None:
    assert meaning("STALE") == ""


def test_the_page_of_results_defines_every_key_that_margin_adds() -> None:
    result = panicked()
    page = results_page()
    for key in (*margin_of(result).facts(), "legs"):
        assert f"**`{key}`**" in page


def test_an_account_that_never_traded_has_a_report() -> None:
    idle = two_symbols()
    margin = margin_of(idle)
    points = margin.points.copy()
    for name in ("initial_margin", "maintenance_margin", "mm_rate", "funding_paid"):
        points[name] = 0.0
    quiet = replace(
        margin, points=points, levels=np.zeros(0, np.int64), max_mm_rate=0.0, max_mm_rate_ts_ms=None, actions={}
    )
    html = report_html(replace(idle, fills=fills(), margin=quiet))
    assert "never at risk" in html
    assert "It never held a position" in html
