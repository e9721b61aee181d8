"""The elastic stop on a position, in whole runs: worked examples, and what must hold whatever the strategy does."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from ballast.backtest.setup import Costs
from ballast.model.enums import Cause, EngineRole, EventKind, PositionMode, PositionSide, Side
from ballast.model.intents import place_market
from ballast.model.market import FundingStamp
from tests.conformance.markets import HOUR_NS, MINUTE_NS, START_NS, Quote
from tests.unit.engine.scripted import (
    Ask,
    Script,
    buy,
    cancel_all,
    elastic,
    fills,
    limit,
    locks,
    on_margin,
    reduce_only,
    run,
    sell,
    stop,
)

ELASTIC = EngineRole.ELASTIC_TRAILING
# The documented sequence of profits, of one unit bought at 100: 0.56, 0.34, 0.88, 0.64, 1.10.
DOCUMENTED: list[Quote] = [100.0, 100.56, 100.34, 100.88, 100.64, 101.10]


def rounded(found: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    return [(round(lock, 8), round(peak, 8), round(price, 8)) for lock, peak, price in found]


def test_the_documented_sequence_locks_the_reconciled_column_of_the_table() -> None:
    session = run(Script({0: [buy(1.0)]}), {"A": [100.0, *DOCUMENTED]}, elastic(), tick=False)
    # 60 % of each new peak, and 0.80 from a peak of 1.00 on.
    assert rounded(locks(session)) == [
        (0.336, 0.56, 100.336),
        (0.528, 0.88, 100.528),
        (0.8, 1.1, 100.8),
    ]
    assert fills(session) == [(Side.BUY, 1.0, 100.0, 0)]


def test_prices_on_ticks_lock_what_the_tick_below_brings() -> None:
    session = run(Script({0: [buy(1.0)]}), {"A": [100.0, *DOCUMENTED]}, elastic())
    assert rounded(locks(session)) == [(0.33, 0.56, 100.33), (0.52, 0.88, 100.52), (0.8, 1.1, 100.8)]


def test_the_stop_fills_at_its_price_and_the_strategy_hears_of_it() -> None:
    script = Script({0: [buy(1.0)]})
    session = run(script, {"A": [100.0, *DOCUMENTED, (101.10, 100.50), 100.5]}, elastic())
    assert fills(session) == [(Side.BUY, 1.0, 100.0, 0), (Side.SELL, 1.0, 100.8, ELASTIC)]
    told = [(cause, role, kind) for cause, _, role, kind, _ in script.heard if role == ELASTIC]
    assert told == [(Cause.ORDER, ELASTIC, EventKind.FILLED)]
    assert session.venue.clock.n_orders == 0


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    session = run(Script({0: [buy(1.0)]}), {"A": [100.0, *DOCUMENTED, 99.0]}, elastic())
    assert fills(session)[-1] == (Side.SELL, 1.0, 99.0, ELASTIC)


def test_a_short_position_on_margin_is_followed_from_above() -> None:
    mirrored: list[Quote] = [100.0, 100.0, 99.44, 99.66, 99.12, 99.36, 98.90, (98.90, 99.50)]
    session = run(Script({0: [sell(1.0)]}), {"A": mirrored}, elastic(), **on_margin())
    assert rounded(locks(session)) == [(0.33, 0.56, 99.67), (0.52, 0.88, 99.48), (0.8, 1.1, 99.2)]
    assert fills(session)[-1] == (Side.BUY, 1.0, 99.2, ELASTIC)


def test_each_leg_of_a_hedge_has_a_stop_of_its_own() -> None:
    def opened(side: Side, leg: PositionSide) -> Ask:
        def ask(view: Any, intents: Any, n: int) -> int:
            made = place_market(intents, n, 0, side, 1.0, 0, 1)
            intents[made - 1].position_side = leg
            return made

        return ask

    script = Script({0: [opened(Side.BUY, PositionSide.LONG), opened(Side.SELL, PositionSide.SHORT)]})
    session = run(
        script,
        {"A": [100.0, 100.0, 100.56, 100.56, (100.56, 99.0), 98.90, (98.9, 99.5)]},
        elastic(),
        **on_margin(mode=PositionMode.HEDGE),
    )
    closed = [(side, price) for side, _, price, role in fills(session) if role == ELASTIC]
    assert closed == [(Side.SELL, 100.33), (Side.BUY, 99.2)]


def test_profit_is_net_of_what_was_paid_and_of_the_fee_to_close() -> None:
    costs = Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=0.0)
    session = run(Script({0: [buy(1.0)]}), {"A": [100.0, 100.0, 100.76, 100.6]}, elastic(), costs=costs, tick=False)
    # 0.76 less 0.10 paid and 0.10 to come is 0.56, of which 0.336 is locked: at 100.336 and the two fees.
    assert rounded(locks(session)) == [(0.336, 0.56, 100.536)]


def test_funding_that_was_paid_is_no_profit() -> None:
    stamps = FundingStamp.array(1)  # type: ignore[attr-defined]
    bars: list[Quote] = [100.0, 100.0, 100.86, 100.86]
    script = Script({0: [buy(1.0)]})
    first = run(script, {"A": bars}, None, **on_margin()).frames["ts_ns"][0]
    stamps["ts_ns"], stamps["symbol"], stamps["rate"] = first + 1.5 * HOUR_NS, 0, 0.003
    session = run(Script({0: [buy(1.0)]}), {"A": bars}, elastic(), funding=stamps, tick=False, **on_margin())
    assert rounded(locks(session)) == [(0.336, 0.56, 100.636)]


def test_funding_that_was_received_moves_no_stop_back() -> None:
    stamps = FundingStamp.array(1)  # type: ignore[attr-defined]
    bars: list[Quote] = [100.0, 100.0, 100.56, 100.58, 100.56, 100.56]
    stamps["ts_ns"], stamps["symbol"], stamps["rate"] = START_NS + 3.5 * HOUR_NS, 0, -0.0005
    session = run(Script({0: [buy(1.0)]}), {"A": bars}, elastic(), funding=stamps, tick=False, **on_margin())
    # 0.05 is received, so that the stop at 100.336 locks 0.386: at a profit of 0.63 the line, 0.378, lies behind it.
    assert [price for _, _, price in rounded(locks(session))] == [100.336]
    assert round(float(session.engine.guarding.stops[0].stop.lock), 3) == 0.386


def test_the_strategys_own_exit_takes_the_stop_with_it() -> None:
    script = Script({0: [buy(1.0)], 4: [sell(1.0)]})
    session = run(script, {"A": [100.0, *DOCUMENTED, 101.1, 101.1]}, elastic())
    assert [(side, role) for side, _, _, role in fills(session)] == [(Side.BUY, 0), (Side.SELL, 0)]
    assert session.venue.clock.n_orders == 0
    assert not any(role == ELASTIC for _, _, role, _, _ in script.heard)


def test_a_resting_exit_and_the_stop_close_a_position_once() -> None:
    script = Script({0: [buy(1.0)], 1: [stop(Side.SELL, 1.0, 100.3)]})
    session = run(script, {"A": [100.0, *DOCUMENTED[:2], (100.56, 99.0), 99.0]}, elastic())
    # The stop at 100.33 stands before the strategy's at 100.30, which then has nothing to sell.
    assert fills(session) == [(Side.BUY, 1.0, 100.0, 0), (Side.SELL, 1.0, 100.33, ELASTIC)]


def test_a_take_profit_that_fills_first_leaves_nothing_behind() -> None:
    script = Script({0: [buy(1.0)], 1: [reduce_only(limit(Side.SELL, 1.0, 100.9))]})
    session = run(script, {"A": [100.0, *DOCUMENTED, 101.2, 101.2]}, elastic())
    assert [(side, role) for side, _, _, role in fills(session)] == [(Side.BUY, 0), (Side.SELL, 0)]
    assert session.venue.clock.n_orders == 0


def test_a_strategy_that_cancels_everything_leaves_the_stop() -> None:
    script = Script({0: [buy(1.0)], 2: [cancel_all()]})
    session = run(script, {"A": [100.0, *DOCUMENTED[:2], (100.56, 99.0), 99.0]}, elastic())
    assert fills(session)[-1] == (Side.SELL, 1.0, 100.33, ELASTIC)


def test_the_stop_is_no_open_order_of_the_strategy() -> None:
    seen: list[int] = []

    def look(view: Any, intents: Any, n: int) -> int:
        seen.append(int(view.open_orders[0]))
        return n

    script = Script({0: [buy(1.0)], **{k: [look] for k in range(2, 9)}})
    run(script, {"A": [100.0, *DOCUMENTED, (101.1, 99.0), 99.0, 99.0]}, elastic())
    assert seen == [0] * 7


def test_a_position_that_grows_keeps_its_stop_price_and_sells_all() -> None:
    script = Script({0: [buy(1.0)], 2: [buy(1.0)]})
    session = run(script, {"A": [100.0, 100.0, 100.56, (100.56, 100.4), (100.4, 99.0)]}, elastic())
    assert [price for _, _, price in locks(session)] == [100.33]
    assert fills(session)[-1] == (Side.SELL, 2.0, 100.33, ELASTIC)


def test_a_position_that_shrinks_keeps_its_stop_price() -> None:
    script = Script({0: [buy(2.0)], 2: [sell(1.5)]})
    session = run(script, {"A": [100.0, 100.0, 100.28, 100.2, (100.2, 99.0)]}, elastic())
    assert [price for _, _, price in locks(session)] == [100.16]
    assert fills(session)[-1] == (Side.SELL, 0.5, 100.16, ELASTIC)


def test_a_new_position_begins_anew() -> None:
    script = Script({0: [buy(1.0)], 6: [sell(1.0)], 7: [buy(1.0)]})
    session = run(script, {"A": [100.0, *DOCUMENTED, 101.1, 101.1, 101.1, 101.3]}, elastic())
    assert rounded(locks(session))[-1] == (0.12, 0.2, 101.22)


def test_a_position_that_turns_round_begins_anew_on_the_other_side() -> None:
    bars: list[Quote] = [100.0, 100.0, 100.56, 100.5, 99.9, (99.9, 100.45)]
    session = run(Script({0: [buy(1.0)], 2: [sell(2.0)]}), {"A": bars}, elastic(), **on_margin())
    # The price of the new entry is 100.50.
    assert [price for _, _, price in locks(session)] == [100.33, 100.14]
    assert fills(session)[-1] == (Side.BUY, 1.0, 100.14, ELASTIC)


def test_a_holding_from_before_the_run_is_followed() -> None:
    session = run(Script({}), {"A": [100.0, 100.5, (100.5, 99.0)]}, elastic(), initial_positions={"A": 2.0})
    assert rounded(locks(session)) == [(0.8, 1.0, 100.4)]
    assert fills(session)[-1][3] == ELASTIC


def test_within_the_window_a_jump_locks_the_level_before_it_and_the_margin() -> None:
    seconds = 10**9
    bars: list[Quote] = [100.0, 100.0, 100.0, 100.5, 100.5]
    guards = elastic()
    guards.pace.trailing_cycle_interval_seconds = 1.0
    session = run(Script({0: [buy(1.0)]}), {"A": bars}, guards, interval_ns=seconds, tick=False)
    # 0.5 within 3 s is a jump from 0: 0 + 0.10 is locked, or 60 % of the peak, whichever is more.
    assert rounded(locks(session)) == [(0.3, 0.5, 100.3)]
    wide = elastic(pullback_tolerance_pct=0.9, big_jump_lock_margin_usd=0.3)
    wide.pace.trailing_cycle_interval_seconds = 1.0
    session = run(Script({0: [buy(1.0)]}), {"A": bars}, wide, interval_ns=seconds, tick=False)
    assert rounded(locks(session)) == [(0.3, 0.5, 100.3)]


def test_a_slow_position_is_looked_at_at_multiples_of_the_normal_pace() -> None:
    seconds = 10**9
    bars: list[Quote] = [100.0, 100.0, 100.0, *[100.0 + 0.01 * k for k in range(1, 12)]]
    session = run(Script({0: [buy(100.0)]}), {"A": bars}, elastic(), interval_ns=seconds)
    assert len(locks(session)) >= 1
    times = session.engine.notes["time_ns"][: session.engine.log.n_notes]
    # A profit of 1.00 is there at 4 s and seen at 6 s; from then on it is looked at at every close.
    assert times[0] - START_NS == 6 * seconds
    assert any(time % (3 * seconds) for time in times[1:])


def test_literal_mode_ends_the_documented_sequence_at_its_second_sample() -> None:
    session = run(
        Script({0: [buy(1.0)]}),
        {"A": [100.0, 100.0, 100.56, (100.56, 100.34), 100.88]},
        elastic(mode=1),
        interval_ns=MINUTE_NS,
    )
    # The first sample is measured against the entry, 0: a jump, so that 0.46 is locked, and 0.34 fills it.
    assert rounded(locks(session)) == [(0.46, 0.56, 100.46)]
    assert fills(session)[-1] == (Side.SELL, 1.0, 100.46, ELASTIC)


def test_dust_below_a_lot_gets_no_stop() -> None:
    script = Script({0: [buy(1.0)]})
    session = run(script, {"A": [100.0, *DOCUMENTED]}, elastic())
    instruments = session.setup.grids().copy()
    instruments["min_qty"] = 5.0
    session = run(
        Script({}), {"A": [100.0, 105.0, 106.0]}, elastic(), initial_positions={"A": 1.0}, instruments=instruments
    )
    assert locks(session) == []


def test_without_the_guard_nothing_is_different() -> None:
    bars: dict[str, list[Quote]] = {"A": [100.0, *DOCUMENTED, (101.1, 99.0), 99.0]}
    bare = run(Script({0: [buy(1.0)], 6: [sell(0.5)]}), bars, None)
    inert = run(
        Script({0: [buy(1.0)], 6: [sell(0.5)]}), bars, elastic(min_lock_increment_usd=1e9, max_peak_threshold_usd=1e9)
    )
    assert fills(bare) == fills(inert)
    assert bare.engine.equity.tobytes() == inert.engine.equity.tobytes()


@pytest.mark.parametrize("latency_ns", [0, HOUR_NS // 2])
def test_a_stop_on_its_way_is_not_asked_for_twice(latency_ns: int) -> None:
    from ballast.backtest.setup import ExecutionSettings

    execution = ExecutionSettings(latency_ns=latency_ns)
    bars: list[Quote] = [100.0, 100.0, 100.0, 100.56, 100.56, 100.7, 100.7, (100.7, 99.0), 99.0, 99.0]
    session = run(Script({0: [buy(1.0)]}), {"A": bars}, elastic(), execution=execution)
    assert [(side, role) for side, _, _, role in fills(session)] == [(Side.BUY, 0), (Side.SELL, ELASTIC)]
    assert not any(isnan(price) for _, _, price in locks(session))
    assert session.engine.log.rejects.sum() == 0


def test_a_run_goes_on_from_any_bar_as_if_it_had_never_stopped() -> None:
    from tests.conformance.runs import digest, moved

    bars = {"A": [100.0, *DOCUMENTED, (101.1, 100.9), 100.9, (100.9, 99.0), 99.0]}
    whole = run(Script({0: [buy(1.0)]}), bars, elastic())
    for frame in range(1, len(bars["A"])):
        session = type(whole)(replace(whole.setup, strategy=Script({0: [buy(1.0)]}).strategy))
        session.run(frame)
        resumed = moved(session)
        resumed.run()
        assert digest(resumed) == digest(whole), frame
