"""The rules of the cascade one by one: when it acts, on whom, how much, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.backtest.run import run
from ballast.backtest.session import Session
from ballast.backtest.setup import ExecutionSettings
from ballast.model.errors import ConfigError
from ballast.model.instrument import Instrument
from tests.conformance.markets import Quote
from tests.unit.strategies.basket import (
    CASCADE,
    cascade,
    cascade_setup,
    cash,
    noted,
    one_event,
    orders,
    quantity,
    reasons,
    shape,
)

UNEQUAL = {"A": 3_000.0, "B": 1_000.0, "C": 1_000.0}
"""A triggers upwards (severity 2), B and C downwards (1.14)."""


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9)


# When it acts.


def test_an_asset_is_free_again_at_exactly_its_cooldown() -> None:
    bars = {symbol: [1.0] * 8 for symbol in UNEQUAL}
    session = cascade(bars, held=UNEQUAL, cash=0.0, minutes=10, downside_threshold=0.99, sell_percentage=0.05)
    sells = [frame for frame, side, symbol in shape(session) if (side, symbol) == ("SELL", "A")]
    assert sells == [1, 4, 7]


def test_a_fill_of_any_kind_starts_a_cooldown() -> None:
    bars = {symbol: [1.0] * 3 for symbol in "ABC"}
    session = cascade(bars, held={"A": 600.0, "B": 1_900.0, "C": 1_200.0}, cash=0.0, minutes=10)
    assert shape(session) == [(1, "SELL", "B"), (1, "BUY", "A")]
    assert quantity(session, "B") / ((quantity(session, "A") + quantity(session, "B") + 1_200.0) / 3.0) - 1.0 < 0.4


def test_cooldown_stops_triggering_but_not_being_traded() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 1.0, 1.0, 1.0], "B": [1.0, 1.0, 2.5, 2.5], "C": [1.0] * 4}
    session = cascade(bars, held={"A": 1_500.0, "B": 900.0, "C": 700.0}, cash=0.0, minutes=10, downside_threshold=0.9)
    assert shape(session)[:3] == [(1, "SELL", "A"), (1, "BUY", "B"), (1, "BUY", "C")]
    assert [frame for frame, side, symbol in shape(session) if side == "SELL" and symbol == "B"] == []


def test_every_start_purchase_starts_a_cooldown() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, (1.0, 4.0), 4.0, 4.0, 4.0, 4.0], "B": [1.0] * 6, "C": [1.0] * 6}
    session = cascade(bars, minutes=10)
    assert [frame for frame, side, _ in shape(session) if side == "SELL"] == [4]


def test_the_start_is_decided_again_until_something_fills() -> None:
    session = cascade({"A": [1.0] * 4, "B": [1.0] * 4}, steps=[0, 2, 4, 5], max_position_pct=0.5)
    assert shape(session) == [(5, "BUY", "A"), (5, "BUY", "B")]


def test_a_late_listing_joins_with_nothing_and_is_bought_by_the_ordinary_rule() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0] * 5, "B": [1.0] * 5, "C": [None, None, 1.0, 1.0, 1.0]}
    session = cascade(bars)
    assert shape(session) == [(1, "BUY", "A"), (1, "BUY", "B"), (3, "BUY", "C")]
    assert reasons(session) == ["start", "start", "downside_buy"]
    assert quantity(session, "A") == near(7_000.0 / 3.0 / 1.001)
    mean = 2.0 * quantity(session, "A") / 3.0
    assert quantity(session, "C") == near(mean)


def test_a_price_stays_usable_for_its_limit_and_no_longer() -> None:
    for limit, expected in ((2, [(3, "SELL", "A"), (3, "BUY", "B")]), (1, [])):
        bars: Mapping[str, list[Quote]] = {
            "A": [1.0, 1.0, 4.0, 4.0],
            "B": [1.0, None, None, 1.0],
            "C": [1.0, None, None, None],
        }
        held = dict.fromkeys("ABC", 1_000.0)
        options = {"downside_threshold": 0.9, "upside_threshold": 0.4, "max_position_pct": 1.0}
        session = cascade(bars, held=held, cash=0.0, max_stale_bars=limit, **options)
        # With the others stale, the mean is the asset's own value and nothing strays.
        assert shape(session) == expected


def test_a_gap_of_all_symbols_drops_the_plan_and_the_next_close_checks_afresh() -> None:
    bars = {symbol: [1.0, 1.0, 1.0] for symbol in UNEQUAL}
    session = cascade(bars, held=UNEQUAL, cash=0.0, steps=[0, 2, 3])
    assert {frame for frame, _, _ in shape(session)} == {3}
    assert session.state.n_events == 1


def test_a_trigger_without_a_bar_drops_the_event_with_its_sells() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, None, 1.0], "B": [1.0] * 3, "C": [1.0] * 3}
    session = cascade(bars, held={"A": 500.0, "B": 1_900.0, "C": 1_200.0}, cash=0.0)
    assert shape(session) == [(2, "SELL", "B"), (2, "BUY", "A")]
    assert session.state.n_events == 1


def test_a_supporter_without_a_bar_only_leaves_out_its_order() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 1.0], "B": [1.0, None], "C": [1.0, 1.0], "D": [1.0, 1.0]}
    session = cascade(bars, held={"A": 100.0, "B": 1_500.0, "C": 1_500.0, "D": 900.0}, cash=0.0)
    assert shape(session) == [(1, "SELL", "C"), (1, "BUY", "A")]


def test_a_planned_event_is_carried_out_though_the_open_has_moved_back() -> None:
    session = cascade(
        {"A": [3.0, 1.0], "B": [1.0, 1.0]}, held={"A": 1_000.0, "B": 1_000.0}, cash=0.0, max_position_pct=1.0
    )
    assert shape(session) == [(1, "SELL", "A"), (1, "BUY", "B")]


def test_an_event_whose_orders_travel_longer_than_a_bar_is_finished_before_the_next_is_decided() -> None:
    bars = {symbol: [1.0] * 12 for symbol in UNEQUAL}
    setup = cascade_setup(bars, held=UNEQUAL, cash=0.0, minutes=1, cooldown_minutes=0.0, upside_threshold=0.1)
    session = Session(replace(setup, execution=ExecutionSettings(latency_ns=90_000_000_000)))
    session.run()
    cycles = session.engine.fills["cycle"][: session.engine.log.n_fills].tolist()
    assert [side for _, side, _ in shape(session)][:6] == ["SELL", "BUY", "BUY"] * 2
    assert cycles == sorted(cycles)
    assert session.engine.log.rejects.sum() == 0


# On whom.


def test_the_most_severe_is_chosen_and_equals_keep_their_order() -> None:
    assert orders(one_event(UNEQUAL, 1_000.0))[0][:2] == ("SELL", "A")
    values = {"A": 1_400.0, "B": 600.0, "C": 600.0, "D": 1_400.0}
    first = one_event(values, 5_000.0, upside_threshold=0.5)
    assert orders(first)[0][:2] == ("BUY", "B")


def test_severities_that_differ_by_noise_are_equal() -> None:
    values = {"A": 1_400.0, "B": 600.0 + 1e-8, "C": 600.0, "D": 1_400.0}
    assert orders(one_event(values, 5_000.0, upside_threshold=0.5))[0][:2] == ("BUY", "B")


def test_an_empty_plan_lets_the_next_candidate_try() -> None:
    session = one_event({"A": 60.0, "B": 1.0, "C": 10.0}, 1_000.0, min_order_value=13.0)
    assert orders(session)[0][:2] == ("BUY", "B")


# How much.


def test_a_purchase_stops_at_the_position_cap_of_the_decision() -> None:
    values = {"A": 3_000.0, "B": 1_990.0, "C": 10.0}
    session = one_event(values, 0.0, max_position_pct=0.4, downside_threshold=0.999)
    bought = {symbol: notional for side, symbol, notional in orders(session) if side == "BUY"}
    assert bought == {"C": near(0.7 * 600.0 * 0.999 / 2.0 / 1.001)}
    roomier = one_event({**values, "B": 1_900.0, "C": 100.0}, 0.0, max_position_pct=0.4, downside_threshold=0.999)
    assert ("BUY", "B", near(100.0)) in orders(roomier)


def test_a_deficit_is_clipped_at_the_position_cap_before_anything_is_sold() -> None:
    session = one_event({"A": 100.0, **dict.fromkeys("BCDE", 1_500.0)}, 0.0, max_position_pct=0.15)
    gross = 815.0 * 1.001 / 0.999
    assert orders(session) == [*(("SELL", symbol, near(gross / 4.0)) for symbol in "BCDE"), ("BUY", "A", near(815.0))]


def test_the_floor_of_cash_is_left_alone() -> None:
    session = one_event({"A": 500.0, "B": 1_200.0, "C": 1_200.0}, 500.0, min_usdt_reserve_pct=0.10)
    assert cash(session) == near(340.0)


def test_purchases_are_sized_by_what_the_sells_really_brought() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 1.0], "B": [1.0, 0.5], "C": [1.0, 1.0]}
    session = cascade(bars, held={"A": 500.0, "B": 1_900.0, "C": 1_200.0}, cash=0.0)
    assert orders(session) == [("SELL", "B", near(237.5)), ("BUY", "A", near(237.5 * 0.999 / 1.001))]


def test_slippage_worsens_every_price() -> None:
    session = one_event(UNEQUAL, 0.0, slippage_bps=100.0)
    fills = session.engine.fills[: session.engine.log.n_fills]
    assert fills["price"].tolist() == near([0.99, 1.01, 1.01])  # type: ignore[arg-type]
    assert fills["slippage"].sum() == near(float(np.sum(fills["qty"]) * 0.01))


def in_lots(n_symbols: int, units: int, scale: float) -> Any:
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    instruments["lot_units"], instruments["lot_scale"] = units, scale
    return instruments


def test_an_exact_multiple_of_a_lot_keeps_all_its_lots() -> None:
    held = {"A": 3.5, "B": 1.0, "C": 1.0}
    bars = {symbol: [100.0, 100.0] for symbol in held}
    session = cascade(bars, held=held, cash=0.0, instruments=in_lots(3, 1, 10.0))
    fills = session.engine.fills[: session.engine.log.n_fills]
    assert fills["qty"].tolist() == [0.7, 0.2, 0.2]


def test_a_sale_that_is_too_small_in_whole_lots_is_no_event() -> None:
    held = {"A": 7.4, "B": 2.0, "C": 2.0}
    session = cascade({symbol: [11.0, 11.0] for symbol in held}, held=held, cash=0.0, instruments=in_lots(3, 1, 1.0))
    assert ("SELL", "A") not in [order[:2] for order in orders(session)]


def test_a_price_driven_breach_of_the_cap_is_reported_once_and_not_traded() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 3.0, 3.0, 1.0, 3.0], "B": [1.0] * 5, "C": [1.0] * 5}
    setup = cascade_setup(
        bars, held=dict.fromkeys("ABC", 1_000.0), cash=1_000.0, upside_threshold=5.0, downside_threshold=0.9
    )
    result = run(setup)
    assert [breach["symbol"] for breach in result.breaches] == ["A", "A"]
    assert result.breaches[0]["weight"] == near(0.5)
    closes_ms = result.ts_ms + result.interval_ns // 1_000_000
    assert [breach["ts"] for breach in result.breaches] == closes_ms[[1, 4]].tolist()
    assert len(result.fills) == 0


def test_benchmarks_begin_with_all_that_the_run_begins_with() -> None:
    bars: Mapping[str, list[Quote]] = {symbol: [2.0, 2.0, 4.0] for symbol in "ABC"}
    setup = cascade_setup(bars, held=dict.fromkeys("ABC", 1_000.0), cash=1_000.0)
    result = run(replace(setup, benchmarks=("equal_weight", "monthly")))
    assert result.initial_capital == near(7_000.0)
    assert [equity[0] for equity in result.benchmarks.values()] == [near(7_000.0)] * 2
    assert all(figures.total_return > 0.9 for figures in result.benchmark_metrics.values())


# Options.

OFF: Mapping[str, Any] = {
    "profile": "recommended",
    "trend_filter": False,
    "trim_over_max": False,
    "refill_reserve": False,
    "stop_averaging_below": 0.0,
    "max_events_per_day": 0,
    "confirm_closes": 1,
    "redistribute_shortfall": True,
    "min_position_pct": 0.15,
}


def test_options_are_off_unless_asked_for() -> None:
    record, defaults = CASCADE.params(OFF, 3), CASCADE.params({}, 3)
    assert record.tobytes() == defaults.tobytes()


def test_the_advisory_minimum_changes_nothing() -> None:
    assert orders(one_event(UNEQUAL, 100.0)) == orders(one_event(UNEQUAL, 100.0, min_position_pct=0.9))


CALM = {"upside_threshold": 9.0, "downside_threshold": 0.99}


def test_trimming_sells_what_is_above_the_cap_and_keeps_the_money() -> None:
    session = one_event(UNEQUAL, 0.0, trim_over_max=True, **CALM)
    assert orders(session) == [("SELL", "A", near(1_000.0))]
    assert reasons(session) == ["trim_sell"]
    assert orders(one_event(UNEQUAL, 0.0, **CALM)) == []


def test_trimming_waits_for_nothing_that_was_refused() -> None:
    session = one_event(UNEQUAL, 0.0, trim_over_max=True, confirm_closes=2)
    assert orders(session) == [("SELL", "A", near(1_000.0))]


def test_trimming_leaves_an_event_its_turn() -> None:
    assert reasons(one_event(UNEQUAL, 0.0, trim_over_max=True))[0] == "upside_sell"


@pytest.mark.parametrize(("money", "kept"), [(0.0, 599.4), (1_935.0, 145.5), (3_000.0, 0.3 * 599.4)])
def test_refilling_keeps_what_the_reserve_lacks(money: float, kept: float) -> None:
    session = one_event(UNEQUAL, money, refill_reserve=True)
    assert cash(session) - money == pytest.approx(kept, rel=1e-9)
    assert cash(one_event(UNEQUAL, money)) - money == near(0.3 * 599.4)


def falling(**settings: Any) -> Any:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 1.0, 0.4, 0.4], "B": [1.0] * 4, "C": [1.0] * 4}
    return cascade(bars, **settings)


def test_averaging_stops_below_a_part_of_the_entry_price() -> None:
    assert [side for frame, side, symbol in shape(falling()) if symbol == "A" and frame == 3] == ["BUY"]
    stopped = falling(stop_averaging_below=0.5)
    assert [frame for frame, _, _ in shape(stopped) if frame > 1] == []
    assert ("stopped_averaging", "A") in noted(stopped)
    assert shape(falling(stop_averaging_below=0.39)) == shape(falling())


def test_a_day_has_its_limit_of_events() -> None:
    bars = {symbol: [1.0] * 60 for symbol in UNEQUAL}
    settings = {"held": UNEQUAL, "cash": 0.0, "downside_threshold": 0.99, "sell_percentage": 0.02}
    limited = cascade(bars, max_events_per_day=2, **settings)
    frames = [frame for frame, side, _ in shape(limited) if side == "SELL"]
    assert frames == [1, 2, 24, 25, 48, 49]
    assert ("daily_limit", "A") in noted(limited)
    assert len([side for _, side, _ in shape(cascade(bars, **settings)) if side == "SELL"]) > 6


def test_a_trigger_can_be_asked_to_stand_for_several_closes() -> None:
    bars: Mapping[str, list[Quote]] = {"A": [1.0, 3.0, 1.0, 3.0, 3.0, 3.0], "B": [1.0] * 6, "C": [1.0] * 6}
    settings: Mapping[str, Any] = {"held": dict.fromkeys("ABC", 1_000.0), "cash": 0.0, "downside_threshold": 0.9}
    assert shape(cascade(bars, **settings))[0] == (2, "SELL", "A")
    confirmed = cascade(bars, confirm_closes=2, **settings)
    assert shape(confirmed)[0] == (5, "SELL", "A")
    assert noted(confirmed).count(("unconfirmed", "A")) == 2


def test_a_veto_ends_after_its_time() -> None:
    path = [100.0] * 20 + [100.0 * 1.05**step for step in range(1, 40)]
    settings: Mapping[str, Any] = {
        "held": {"A": 10.0, "B": 10.0},
        "cash": 0.0,
        "max_position_pct": 1.0,
        "trend_filter": True,
    }
    session = cascade(
        {"A": path, "B": [100.0] * len(path)},
        trend_max_veto_hours=6.0,
        upside_threshold=0.2,
        downside_threshold=0.9,
        **settings,
    )
    vetoed = [note["time_ns"] for note in session.engine.notes[: session.engine.log.n_notes]]
    first_fill_ns = session.engine.fills["time_ns"][0]
    assert first_fill_ns - vetoed[0] == 6 * 3_600_000_000_000
    assert reasons(session)[0] == "upside_sell"


# Settings.


@pytest.mark.parametrize(
    ("values", "n_symbols", "words"),
    [
        ({}, 1, "data.symbols has 1 entry: the cascade needs at least 2 assets"),
        ({"max_position_pct": 0.2}, 3, "strategy.max_position_pct = 0.2: 3 assets"),
        ({"max_position_pct": 0.2}, 3, "use at least 0.2333"),
        ({"trend_short_hours": 20.0}, 2, "strategy.trend_short_hours = 20: must be below trend_window_hours = 20"),
        ({"upside_treshold": 0.3}, 3, "upside_threshold"),
        ({"upside_threshold": 0.0}, 3, "strategy.upside_threshold = 0.0: expected a number above 0"),
        ({"downside_threshold": 1.0}, 3, "strategy.downside_threshold = 1.0: expected a number above 0 and below 1"),
        ({"sell_percentage": 20.0}, 3, "did you mean 0.2"),
        ({"usdt_reserve": 1.0}, 3, "strategy.usdt_reserve"),
        ({"min_order_value": 0.0}, 3, "strategy.min_order_value"),
        ({"cooldown_minutes": -1.0}, 3, "strategy.cooldown_minutes"),
        ({"min_usdt_reserve_pct": 1.0}, 3, "strategy.min_usdt_reserve_pct"),
        ({"confirm_closes": 0}, 3, "strategy.confirm_closes"),
        ({"profile": "documentd"}, 3, "documented"),
        ({"upside_threshold": float("nan")}, 3, "strategy.upside_threshold"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(values: Mapping[str, Any], n_symbols: int, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        CASCADE.params(values, n_symbols)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_feasible_cap_exactly_at_its_limit_is_accepted() -> None:
    CASCADE.params({"max_position_pct": 0.7 / 3.0}, 3)
