"""How quotes live: put up, kept, replaced, taken down; inventory, losses and silence."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.backtest.setup import Costs
from ballast.model.enums import Reason as Unfilled
from tests.unit.strategies.range_maker.ticks import (
    BUSY,
    fills_of,
    finished,
    made_up,
    maker_of,
    notes_of,
    setup_of,
    ticks_of,
    warm_up,
)

START = 30 * 60
"""The second at which the warm-up is over."""


def quiet(second: float, middle: float = 100.0) -> tuple[Any, ...]:
    return (second, "quote", middle - 0.01, 5.0, middle + 0.01, 5.0)


def run(rows: list[tuple[Any, ...]], **values: Any) -> Any:
    return finished(setup_of(ticks_of([*warm_up(), *rows]), {"max_age_s": 120.0, **values}))


def orders_of(session: Any) -> list[tuple[str, float, float]]:
    """Return side, price and quantity of what rests at the end."""
    live = session.venue.orders[: session.venue.clock.n_orders]
    return [("buy" if one["side"] > 0 else "sell", float(one["price"]), float(one["qty"])) for one in live]


def test_a_bid_of_one_per_cent_of_equity_rests_a_half_spread_below_the_middle() -> None:
    session = run([quiet(START + 1), quiet(START + 2)])
    assert orders_of(session) == [("buy", 99.98, 1.0)]
    maker = maker_of(session)
    assert maker.half == pytest.approx(0.0002)


def test_spot_offers_what_the_maker_holds_and_leans_against_it() -> None:
    session = run([quiet(START + 1), (START + 2, "sell", 99.97, 9.0), quiet(START + 3), quiet(START + 4)])
    assert fills_of(session) == [(START + 2, "buy", 1.0, 99.98, True)]
    # A fifth of the largest inventory: the centre is a fifth of a half-spread lower, the bid a fifth smaller.
    assert orders_of(session) == [("buy", 99.97, 0.799), ("sell", 100.02, 0.999)]


def test_both_sides_filled_earn_the_spread() -> None:
    session = run([
        quiet(START + 1),
        (START + 2, "sell", 99.97, 9.0),
        quiet(START + 3),
        (START + 4, "buy", 100.05, 9.0),
    ])
    maker = maker_of(session)
    # Equity, at the last close, had fallen a little when the ask was placed: it is a lot smaller than the bid was.
    assert maker.inventory == pytest.approx(0.001)
    assert maker.cash + maker.inventory * 99.98 == pytest.approx(0.999 * (100.02 - 99.98), abs=1e-9)
    assert maker.n_filled == 2


def test_a_quote_near_its_place_keeps_it_when_time_refreshes() -> None:
    rows = [quiet(START + second) for second in range(1, 50)]
    assert maker_of(run(rows)).n_placed == maker_of(run(rows[:3])).n_placed


def test_a_middle_that_moves_replaces_quotes_and_one_that_does_not_leaves_them() -> None:
    still = [quiet(START + 1), quiet(START + 2), quiet(START + 3, 100.01)]
    before = maker_of(run(still)).n_placed
    assert maker_of(run([*still, quiet(START + 4, 100.03)])).n_placed == before + 1


def test_quotes_older_than_the_refresh_interval_move_to_their_place() -> None:
    drift = [quiet(START + 1), quiet(START + 14, 100.015), quiet(START + 20, 100.015)]
    assert maker_of(run(drift, min_edge=0.001, keep_distance=0.2)).bid == 99.9
    assert maker_of(run(drift, min_edge=0.001, keep_distance=0.05)).bid == 99.91
    assert maker_of(run(drift, min_edge=0.001, keep_distance=0.05)).n_placed == 2


def test_silence_takes_quotes_down_after_ten_seconds_and_the_next_tick_brings_them_back() -> None:
    rows = [quiet(START + 1), quiet(START + 2), quiet(START + 20), quiet(START + 55)]
    session = run(rows, max_age_s=10.0)
    said = [(round(second, 6), reason) for second, reason in notes_of(session) if second > START]
    assert said == [(START + 12.0, "STALE"), (START + 30.0, "STALE")]
    assert orders_of(session) == [("buy", 99.98, 1.0)]


def test_nothing_fills_while_the_data_is_silent() -> None:
    rows = [quiet(START + 1), quiet(START + 2), (START + 30, "sell", 90.0, 99.0), quiet(START + 31)]
    assert fills_of(run(rows, max_age_s=10.0)) == []
    assert len(fills_of(run(rows, max_age_s=60.0))) == 1


def test_a_wide_spread_takes_quotes_down() -> None:
    wide = (START + 3, "quote", 99.0, 5.0, 101.0, 5.0)
    session = run([quiet(START + 1), quiet(START + 2), wide, (START + 4, "quote", 99.0, 5.0, 101.0, 5.0)])
    assert [note for note in notes_of(session) if note[0] > START] == [(START + 3, "WIDE_SPREAD")]
    assert orders_of(session) == []


def test_a_narrow_band_is_never_quoted_in() -> None:
    rows = [quiet(60 * minute + 1) for minute in range(40)]
    session = finished(setup_of(ticks_of(rows), {"max_age_s": 120.0}))
    assert maker_of(session).n_placed == 0
    assert {reason for _, reason in notes_of(session)} == {"NARROW_BAND"}


def test_the_day_s_loss_stops_the_maker_closes_what_it_holds_and_ends_at_midnight() -> None:
    fall = [(START + 3 + second, "quote", 99.9 - second, 5.0, 99.92 - second, 5.0) for second in range(20)]
    session = run(
        [quiet(START + 1), (START + 2, "sell", 99.97, 9.0), *fall],
        daily_loss_pct=0.0002,
        max_spread_bps=100.0,
    )
    assert [reason for second, reason in notes_of(session) if second > START].count("LOSS_STOP") == 1
    assert maker_of(session).inventory == 0.0
    assert maker_of(session).is_stopped
    *bought, sold = fills_of(session)
    assert {one[1] for one in bought} == {"buy"}
    assert (sold[1], sold[4]) == ("sell", False)
    assert sold[2] == pytest.approx(sum(one[2] for one in bought))
    tomorrow = [
        *((86_400 + row[0], *row[1:]) for row in warm_up()),
        quiet(86_400 + START + 1),
        quiet(86_400 + START + 2),
    ]
    awake = run(
        [quiet(START + 1), (START + 2, "sell", 99.97, 9.0), *fall, *tomorrow],
        daily_loss_pct=0.0002,
        max_spread_bps=100.0,
    )
    assert not maker_of(awake).is_stopped
    assert maker_of(awake).n_placed > maker_of(session).n_placed


def test_the_end_of_the_range_takes_quotes_down_and_closes_the_inventory() -> None:
    trend = []
    for minute in range(31, 120):
        middle = 100.0 * 1.004 ** (minute - 30)
        trend.append((60 * minute + 1, "quote", middle - 0.01, 5.0, middle + 0.01, 5.0))
    rows = [quiet(START + 1), (START + 2, "sell", 99.97, 9.0), *trend]
    session = finished(setup_of(ticks_of([*warm_up(), *rows]), {"regime": "classifier"}))
    assert orders_of(session) == []
    assert maker_of(session).inventory == 0.0
    assert maker_of(session).off_reason != 0


@pytest.mark.parametrize("target", [0.0, 0.03, 0.04])
@pytest.mark.parametrize(("latency_s", "size"), [(0.0, 0.02), (0.05, 0.05), (3.0, 0.02), (3.0, 0.05)])
def test_the_inventory_never_passes_its_bound(target: float, latency_s: float, size: float) -> None:
    values = {"quote_size_pct": size, "max_inventory_pct": 0.05, "target_inventory_pct": target}
    latency_ns = int(latency_s * 1e9)
    session = finished(setup_of(made_up(), {**BUSY, **values}, interval_ms=5_000, latency_ns=latency_ns))
    held, largest = 0.0, 0.0
    for _, side, qty, price, _ in fills_of(session):
        held += qty if side == "buy" else -qty
        largest = max(largest, held * price)
        assert held >= -1e-9
    assert session.engine.log.n_fills > 15
    assert 0.0 <= largest <= 0.05 * 10_000.0 * 1.001


def test_a_quote_that_may_still_fill_leaves_no_room_for_its_successor_until_its_cancel_has_arrived() -> None:
    rows = [
        quiet(START + 1),
        quiet(START + 3, 100.04),
        quiet(START + 3.5, 100.04),
        (START + 4.5, "sell", 99.97, 9.0),
        quiet(START + 6, 100.04),
    ]
    values = {"max_age_s": 120.0, "quote_size_pct": 0.05, "max_inventory_pct": 0.05}

    def after(rows: list[tuple[Any, ...]]) -> Any:
        return finished(setup_of(ticks_of([*warm_up(), *rows]), values, latency_ns=1_000_000_000))

    # Its cancel arrives at second 4, its successor, 100.01, a second later: nobody bids in between.
    assert fills_of(after(rows)) == []
    assert orders_of(after(rows)) == [("buy", 100.01, 4.998)]
    later = after([*rows[:-1], (START + 5.5, "sell", 100.0, 9.0), *rows[-1:]])
    assert fills_of(later) == [(START + 5.5, "buy", 4.998, 100.01, True)]
    # Filled while its cancel is on its way, it has no successor.
    filled = after([*rows[:3], (START + 3.75, "sell", 99.97, 9.0), *rows[3:]])
    assert fills_of(filled) == [(START + 3.75, "buy", 5.0, 99.98, True)]
    assert [order[0] for order in orders_of(filled)] == ["sell"]


def test_the_inventory_is_not_sold_twice_where_an_ask_may_still_fill() -> None:
    rows = [
        quiet(START + 1),
        (START + 3, "sell", 99.97, 9.0),
        quiet(START + 4),
        quiet(START + 6),
        quiet(START + 7, 99.5),
        (START + 7.5, "buy", 100.5, 9.0),
        quiet(START + 7.6, 99.5),
        quiet(START + 9, 99.5),
        quiet(START + 11, 99.5),
    ]
    values = {"max_age_s": 120.0, "daily_loss_pct": 0.00004}
    session = finished(setup_of(ticks_of([*warm_up(), *rows]), values, latency_ns=1_000_000_000))
    assert maker_of(session).is_stopped
    # The ask fills while its cancel is on its way; what it left is sold a second later.
    sold = [(second, qty) for second, side, qty, _, _ in fills_of(session) if side == "sell"]
    assert sold == [(START + 7.5, 0.999), (START + 8.5, pytest.approx(0.8))]
    assert maker_of(session).inventory == 0.0
    assert session.engine.log.rejects[Unfilled.INSUFFICIENT_POSITION] == 0


def test_the_maker_s_books_are_the_account_s() -> None:
    session = finished(
        setup_of(made_up(), BUSY, interval_ms=5_000, costs=Costs(maker_fee_rate=0.0001, taker_fee_rate=0.001))
    )
    view, maker = session.engine.strategy_view, maker_of(session)
    assert maker.inventory == pytest.approx(view.position_qty[0], abs=1e-9)
    assert maker.cash == pytest.approx(view.cash - 10_000.0, abs=1e-6)


def test_every_fill_but_the_last_close_is_a_maker_s() -> None:
    session = finished(setup_of(made_up(), BUSY, interval_ms=5_000))
    assert all(is_maker for *_, is_maker in fills_of(session))


def test_quotes_placed_are_counted() -> None:
    setup = setup_of(made_up(), BUSY, interval_ms=5_000)
    session = finished(setup)
    placed = int(session.venue.clock.next_order_id) - 1
    assert setup.strategy.outcome(session.state) == {"quotes_placed": placed}


@pytest.mark.parametrize(("middle", "is_stopped"), [(98.0, False), (97.9, True)])
def test_the_day_s_loss_stops_the_maker_where_it_reaches_its_part_of_equity(middle: float, is_stopped: bool) -> None:
    # One unit bought at 99.98 may lose two: 0.02 % of 10,000.
    rows = [quiet(START + 1), (START + 2, "sell", 99.97, 9.0), quiet(START + 3, middle)]
    session = run(rows, daily_loss_pct=0.0002, max_inventory_pct=0.01)
    assert maker_of(session).is_stopped == is_stopped


@pytest.mark.parametrize("band", ["wide", "narrow"])
def test_the_day_s_loss_stops_the_maker_at_the_tick_that_brings_it_wherever_its_quotes_may_stay(band: str) -> None:
    rows = [
        quiet(START + 1),
        (START + 2, "sell", 99.97, 9.0),
        quiet(START + 3, 99.97),
        quiet(START + 4, 99.96),
        quiet(START + 5, 99.96),
    ]
    if band == "narrow":
        # Bars without a range between the fill and the loss: no quotes are up, but the inventory is.
        still = [quiet(START + 60 * minute + 1, 99.97) for minute in range(1, 22)]
        rows = [*rows[:3], *still, quiet(START + 60 * 21 + 4, 99.96), quiet(START + 60 * 21 + 5, 99.96)]
    values = {"quote_size_pct": 0.05, "daily_loss_pct": 8e-6, "refresh_move": 1.0, "max_age_s": 120.0}
    session = finished(setup_of(ticks_of([*warm_up(), *rows]), values))
    assert fills_of(session)[0] == (START + 2, "buy", 5.0, 99.98, True)
    assert fills_of(session)[-1][:2] == (rows[-2][0], "sell")
    assert notes_of(session)[-1] == (rows[-2][0], "LOSS_STOP")
    later = {reason for second, reason in notes_of(session) if second > START + 60}
    assert ("NARROW_BAND" in later) == (band == "narrow")
