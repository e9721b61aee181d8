"""What no stream of ticks may do to resting orders, whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.bars.of_ticks import frames_of_ticks
from ballast.kernel.venue import state_bytes
from ballast.model.enums import TickKind
from ballast.model.market import Tick, feed_of
from tests.unit.kernel.scenario import BUY, INTERVAL_NS, SELL, WIDTH, Scenario, at, drive, limit, make_venue, market

PRICES = st.integers(98, 102)
SIZES = st.integers(0, 8)
TICKS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(list(TickKind)), PRICES, SIZES, st.integers(1, 3), SIZES),
    min_size=4,
    max_size=40,
)
ORDERS = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(97, 103), st.integers(1, 6)), min_size=1, max_size=4
)


def make(rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return ticks: gaps in seconds, a trade's price and size, or a bid, its size, the spread and the ask's size."""
    ticks = Tick.array(len(rows))  # type: ignore[attr-defined]
    ticks["ts_ns"] = [at(float(second)) for second in np.cumsum([row[0] for row in rows])]
    for tick, (_, kind, price, size, spread, ask_size) in zip(ticks, rows, strict=True):
        tick.kind, tick.price, tick.qty = kind, price, size
        if kind == TickKind.QUOTE:
            tick.ask, tick.ask_qty = price + spread, ask_size
    return ticks


def run(
    ticks: Any, orders: Sequence[tuple[int, int, int]], stops: Sequence[int] = (), **execution: Any
) -> tuple[list[str], bytes]:
    """Send orders at the first close; return what was said and the bytes that are left."""
    scenario = Scenario("", [], {}, [], execution, {}, cash=1e6, held=100.0, ticks=[["1", "trade", "100", "1"]])
    venue = make_venue(scenario)
    frames = frames_of_ticks(ticks, WIDTH, INTERVAL_NS, width=WIDTH)
    feed = feed_of(frames, ticks=ticks)
    asks = [limit(side, qty, price, level=level) for level, (side, price, qty) in enumerate(orders)]
    log: list[str] = []
    for stop in (*stops, len(frames)):
        log += drive(venue, feed, lambda moment: asks if moment == "bar 0" else (), min(stop, len(frames)))
    return log, state_bytes(venue)


def fills(log: Sequence[str], liquidity: str) -> list[tuple[float, str, float, float]]:
    """Return (second, side, qty, price) of each fill of one kind."""
    said = [line.split() for line in log if line.endswith(liquidity)]
    return [(float(words[0]), words[2], float(words[3]), float(words[5])) for words in said]


@settings(deadline=None, max_examples=150)
@given(rows=TICKS, orders=ORDERS)
def test_makers_get_no_more_at_their_price_than_was_traded_there_unless_it_was_passed(
    rows: list[tuple[Any, ...]], orders: list[tuple[int, int, int]]
) -> None:
    ticks = make(rows)
    log, _ = run(ticks, orders)
    for side, sign in (("buy", 1.0), ("sell", -1.0)):
        mine = [fill for fill in fills(log, "maker") if fill[1] == side]
        for price in {fill[3] for fill in mine}:
            got = sum(fill[2] for fill in mine if fill[3] == price)
            trades = ticks[ticks["kind"] != TickKind.QUOTE]
            traded = trades["qty"][trades["price"] == price].sum()
            beyond = (sign * trades["price"] < sign * price).any()
            quotes = ticks[ticks["kind"] == TickKind.QUOTE]
            opposite = quotes["ask"] if side == "buy" else quotes["price"]
            assert got <= traded or beyond or (sign * opposite < sign * price).any()


@settings(deadline=None, max_examples=100)
@given(shown=st.integers(1, 20), sizes=st.lists(st.integers(1, 6), min_size=1, max_size=12), qty=st.integers(1, 9))
def test_a_quote_waits_for_exactly_what_stands_in_front_of_it(shown: int, sizes: list[int], qty: int) -> None:
    rows: list[tuple[Any, ...]] = [(1, TickKind.QUOTE, 100, shown, 1, 5), (61, TickKind.QUOTE, 100, shown, 1, 5)]
    rows += [(1, TickKind.SELL, 100, size, 1, 5) for size in sizes]
    log, _ = run(make(rows), [(BUY, 100, qty)])
    got = sum(fill[2] for fill in fills(log, "maker"))
    assert got == min(qty, max(0, sum(sizes) - shown))


@settings(deadline=None, max_examples=60)
@given(rows=TICKS, orders=ORDERS, cut=st.integers(2, 39), seed=st.integers(0, 1000))
def test_ticks_to_come_do_not_change_what_has_been_said(
    rows: list[tuple[Any, ...]], orders: list[tuple[int, int, int]], cut: int, seed: int
) -> None:
    cut = min(cut, len(rows) - 1)
    later = np.random.default_rng(seed).permutation(np.arange(cut, len(rows)))
    other = [*rows[:cut], *((rows[k][0], *rows[j][1:]) for k, j in zip(range(cut, len(rows)), later, strict=True))]
    one, two = make(rows), make(other)
    end = (int(one["ts_ns"][cut]) - at(0.0)) / 1e9
    past = [[line for line in run(ticks, orders)[0] if float(line.split()[0]) < end] for ticks in (one, two)]
    assert past[0] == past[1]


@settings(deadline=None, max_examples=60)
@given(rows=TICKS, orders=ORDERS, stops=st.lists(st.integers(0, 8), max_size=4))
def test_a_walk_in_pieces_is_the_walk(
    rows: list[tuple[Any, ...]], orders: list[tuple[int, int, int]], stops: list[int]
) -> None:
    ticks = make(rows)
    assert run(ticks, orders, sorted(stops)) == run(ticks, orders)


@settings(deadline=None, max_examples=60)
@given(rows=TICKS, orders=ORDERS, share=st.sampled_from([0.1, 0.5, 1.0]))
def test_no_tick_gives_more_than_its_share(
    rows: list[tuple[Any, ...]], orders: list[tuple[int, int, int]], share: float
) -> None:
    ticks = make(rows)
    log, _ = run(ticks, orders, participation=share)
    given_by: dict[float, float] = {}
    for second, _, qty, _ in (*fills(log, "maker"), *fills(log, "taker")):
        given_by[second] = given_by.get(second, 0.0) + qty
    for second, qty in given_by.items():
        own = ticks[ticks["ts_ns"] == at(second)]
        offered = np.where(own["kind"] == TickKind.QUOTE, np.fmin(own["qty"], own["ask_qty"]), own["qty"])
        assert qty <= share * offered.sum() + 1e-9


def test_without_participation_a_taker_finds_all_it_wants() -> None:
    ticks = make([(1, TickKind.QUOTE, 100, 1, 1, 1), (61, TickKind.QUOTE, 100, 1, 1, 1)])
    scenario = Scenario("", [], {}, [], {"participation": inf}, {}, ticks=[["1", "trade", "100", "1"]])
    feed = feed_of(frames_of_ticks(ticks, WIDTH, INTERVAL_NS, width=WIDTH), ticks=ticks)
    asks = [market(BUY, 50)]
    log = drive(make_venue(scenario), feed, lambda moment: asks if moment == "bar 0" else ())
    assert log == ["62 filled buy 50 @ 101 taker"]
