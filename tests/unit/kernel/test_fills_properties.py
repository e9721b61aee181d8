"""What holds for every market and every set of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.kernel.venue import OrderStatus, state_bytes
from ballast.model.enums import EventKind, LimitFill, OrderType, PathPolicy, QtyUnit
from ballast.model.market import feed_of
from tests.unit.kernel.scenario import (
    BUY,
    FOK,
    INTERVAL_NS,
    IOC,
    SELL,
    START_NS,
    Ask,
    Scenario,
    amend,
    cancel,
    drive,
    limit,
    make_frames,
    make_venue,
    market,
    stop,
    stop_limit,
    timer,
    trailing,
    watch,
)

N_FRAMES = 6
MIRROR = 200.0
PRICES = st.integers(min_value=60, max_value=140).map(float)
SIDES = st.sampled_from([BUY, SELL])
QTYS = st.integers(min_value=1, max_value=9).map(float)
SYMBOLS = st.integers(min_value=0, max_value=1)


@st.composite
def bar(draw: st.DrawFn) -> tuple[float, ...] | None:
    if draw(st.integers(min_value=0, max_value=9)) == 0:
        return None
    prices = sorted(draw(st.lists(PRICES, min_size=4, max_size=4)))
    low, first, second, high = prices
    open_, close = (first, second) if draw(st.booleans()) else (second, first)
    return open_, high, low, close, float(draw(st.integers(min_value=0, max_value=100)))


MARKETS = st.lists(st.lists(bar(), min_size=N_FRAMES, max_size=N_FRAMES), min_size=2, max_size=2)
PATHLESS = st.one_of(
    st.builds(limit, SIDES, QTYS, PRICES, symbol=SYMBOLS, time_in_force=st.sampled_from([0, 0, IOC, FOK])),
    st.builds(limit, SIDES, QTYS, PRICES, symbol=SYMBOLS, post_only=st.just(value=True)),
    st.builds(stop, SIDES, QTYS, PRICES, symbol=SYMBOLS),
    st.builds(stop_limit, SIDES, QTYS, PRICES, PRICES, symbol=SYMBOLS),
    st.builds(market, SIDES, QTYS, symbol=SYMBOLS),
    st.builds(cancel, symbol=SYMBOLS),
    st.builds(amend, symbol=SYMBOLS, price=PRICES),
)
ASKS = st.one_of(
    PATHLESS,
    st.builds(trailing, SIDES, QTYS, st.sampled_from([0.02, 0.1]), symbol=SYMBOLS),
    st.builds(market, SIDES, st.sampled_from([50.0, 500.0]), symbol=SYMBOLS, qty_unit=st.just(QtyUnit.QUOTE)),
    st.builds(market, SIDES, st.sampled_from([0.1, 0.5]), symbol=SYMBOLS, qty_unit=st.just(QtyUnit.POSITION_FRACTION)),
    st.builds(
        market, st.just(BUY), st.sampled_from([0.1, 0.5]), symbol=SYMBOLS, qty_unit=st.just(QtyUnit.CASH_FRACTION)
    ),
    st.builds(watch, SIDES, PRICES, symbol=SYMBOLS),
    st.builds(timer, st.integers(min_value=0, max_value=60 * N_FRAMES)),
)
EXECUTIONS = st.fixed_dictionaries({
    "slippage_rate": st.sampled_from([0.0, 0.01]),
    "participation": st.sampled_from([np.inf, 0.1]),
    "latency_ns": st.sampled_from([0, INTERVAL_NS // 7, INTERVAL_NS]),
    "limit_fill": st.sampled_from(list(LimitFill)),
    "path_policy": st.sampled_from(list(PathPolicy)),
})


def plans(asks: st.SearchStrategy[Ask]) -> st.SearchStrategy[dict[str, list[Ask]]]:
    moments = [f"bar {n}" for n in range(N_FRAMES - 1)] + ["order 1", "order 3", "watch 1", "timer 1"]
    return st.dictionaries(st.sampled_from(moments), st.lists(asks, max_size=4), max_size=6)


class Story:
    """A run of random asks against a random market, with everything that was said."""

    def __init__(self, bars: Any, execution: Mapping[str, Any], **more: Any) -> None:
        self.scenario = Scenario("random", bars, {}, [], execution, {"lot": more.pop("lot", 0)}, **more)
        self.venue = make_venue(self.scenario)
        self.frames = make_frames(bars)
        self.events: list[Any] = []
        self.asked: dict[int, tuple[Ask, int]] = {}

    def run(self, plan: Mapping[str, Sequence[Ask]], stop_frame: int | None = None) -> None:
        def respond(moment: str) -> Sequence[Ask]:
            clock = self.venue.clock
            if moment.startswith("order"):
                self.events.append(self.venue.events[clock.events_read - 1].copy())
            self.check_table()
            asks = plan.get(moment, ())
            next_id = clock.next_order_id
            for ask in asks:
                if "qty" in ask and ask["kind"] == 0:
                    self.asked[next_id] = (ask, int(clock.now_ns))
                    next_id += 1
            return asks

        drive(self.venue, feed_of(self.frames), respond, stop_frame)
        self.check_table()

    def check_table(self) -> None:
        clock = self.venue.clock
        assert 0 <= clock.n_orders < len(self.venue.orders)
        orders = self.venue.orders[: clock.n_orders]
        assert all(order.qty > 0.0 for order in orders)
        assert len(set(orders["id"])) == clock.n_orders
        assert all(order.id < clock.next_order_id for order in orders)

    def fills(self) -> list[Any]:
        return [event for event in self.events if event.kind in (EventKind.FILLED, EventKind.PARTIALLY_FILLED)]


@settings(max_examples=150)
@given(MARKETS, EXECUTIONS, plans(ASKS))
def test_every_fill_is_one_that_the_market_allowed(bars: Any, execution: Any, plan: Any) -> None:
    story = Story(bars, execution, held=20.0)
    story.run(plan)
    slack = execution["slippage_rate"] + 1e-12
    filled: dict[int, float] = {}
    for event in story.fills():
        ask, asked_ns = story.asked[event.order_id]
        assert event.time_ns >= asked_ns + execution["latency_ns"]
        candidates = {(event.time_ns - START_NS) // INTERVAL_NS, (event.time_ns - START_NS - 1) // INTERVAL_NS}
        ranges = [bars[event.symbol][n] for n in candidates if 0 <= n < N_FRAMES and bars[event.symbol][n] is not None]
        assert any(one[2] * (1 - slack) <= event.price <= one[1] * (1 + slack) for one in ranges)
        if ask.get("type") in (OrderType.LIMIT, OrderType.STOP_LIMIT) and not any(
            one["kind"] == 1 for asks in plan.values() for one in asks
        ):
            assert (event.price - ask["price"]) * event.side <= 1e-9
        filled[event.order_id] = filled.get(event.order_id, 0.0) + event.qty
        assert event.qty > 0.0
        assert event.fee >= 0.0
        assert event.slippage >= 0.0
        assert event.side == ask["side"]
    for order_id, qty in filled.items():
        ask = story.asked[order_id][0]
        if ask.get("qty_unit", QtyUnit.BASE) == QtyUnit.BASE:
            assert qty <= ask["qty"] * (1 + 1e-12)


@settings(max_examples=100)
@given(MARKETS, EXECUTIONS, plans(ASKS))
def test_every_order_ends_at_most_once(bars: Any, execution: Any, plan: Any) -> None:
    story = Story(bars, execution, held=20.0)
    story.run(plan)
    ended = [e.order_id for e in story.events if e.kind != EventKind.PARTIALLY_FILLED and e.order_id > 0]
    assert len(ended) == len(set(ended))
    live = {order.id for order in story.venue.orders[: story.venue.clock.n_orders]}
    assert live.isdisjoint(ended)
    assert set(story.asked) == live | set(ended)


@settings(max_examples=100)
@given(MARKETS, EXECUTIONS, plans(ASKS))
def test_money_changes_only_by_fills_and_their_fees(bars: Any, execution: Any, plan: Any) -> None:
    story = Story(bars, execution, held=20.0)
    story.run(plan)
    account = story.venue.accounts[0]
    fills = story.fills()
    assert account.n_fills == len(fills)
    assert account.fees == pytest.approx(sum(e.fee for e in fills))
    assert account.cash == pytest.approx(10_000.0 - sum(e.side * e.qty * e.price + e.fee for e in fills))
    assert account.cash >= -1e-5
    for symbol, start in ((0, 20.0), (1, 0.0)):
        held = start + sum(e.side * e.qty for e in fills if e.symbol == symbol)
        assert story.venue.positions[2 * symbol].qty == pytest.approx(held, abs=1e-9)
        assert story.venue.positions[2 * symbol].qty >= 0.0


@settings(max_examples=100)
@given(
    st.lists(st.tuples(SIDES, QTYS, st.sampled_from([98.0, 99.0, 100.0, 101.0, 102.0]), SYMBOLS), max_size=12),
    st.sampled_from([0, 1]),
)
def test_clients_who_trade_only_with_each_other_conserve_coins_and_money(asks: Any, lot: int) -> None:
    """Without volume there is no recorded liquidity, so whoever fills fills against another client."""
    bars = [[(100.0, 100.0, 100.0, 100.0, 0.0)] * N_FRAMES] * 2
    story = Story(bars, {"participation": 0.5}, held=15.0, n_accounts=2, lot=lot)
    plan = {f"bar {n}": [limit(s, q, p, account=a) for s, q, p, a in asks[3 * n : 3 * n + 3]] for n in range(4)}
    story.run(plan)
    accounts = story.venue.accounts
    assert accounts["cash"].sum() + accounts["fees"].sum() == pytest.approx(20_000.0)
    assert story.venue.positions["qty"].sum() == pytest.approx(15.0)
    assert (story.venue.positions["qty"] >= 0.0).all()
    fills = story.fills()
    for taker, maker in zip(fills[::2], fills[1::2], strict=True):
        assert (taker.qty, taker.price, taker.side, taker.symbol) == (maker.qty, maker.price, -maker.side, maker.symbol)
        assert taker.account != maker.account
        assert maker.is_maker
        assert not taker.is_maker


@settings(max_examples=60)
@given(MARKETS, EXECUTIONS, plans(ASKS), st.integers(min_value=0, max_value=N_FRAMES))
def test_a_run_may_be_cut_at_any_frame(bars: Any, execution: Any, plan: Any, cut: int) -> None:
    # Counted moments restart with a cut, so only closes ask.
    plan = {moment: asks for moment, asks in plan.items() if moment.startswith("bar")}
    whole, parts = Story(bars, execution, held=20.0), Story(bars, execution, held=20.0)
    whole.run(plan)
    parts.run(plan, cut)
    parts.run(plan)
    assert state_bytes(whole.venue) == state_bytes(parts.venue)
    assert [event.tolist() for event in whole.events] == [event.tolist() for event in parts.events]


@settings(max_examples=100)
@given(
    MARKETS,
    plans(PATHLESS),
    st.sampled_from(list(LimitFill)),
    st.sampled_from([0, INTERVAL_NS // 7]),
    st.sampled_from([(PathPolicy.HIGH_FIRST, PathPolicy.LOW_FIRST), (PathPolicy.LOW_FIRST, PathPolicy.HIGH_FIRST)]),
)
def test_a_market_in_the_mirror_fills_in_the_mirror(
    bars: Any, plan: Any, limit_fill: int, latency_ns: int, policies: Any
) -> None:
    """Reflect prices at 100 and swap the sides: the same fills, reflected. Nobody is short of money or coins."""

    def reflected_bar(one: Any) -> Any:
        return one and (MIRROR - one[0], MIRROR - one[2], MIRROR - one[1], MIRROR - one[3], one[4])

    def reflected_ask(ask: Ask) -> Ask:
        changes = {name: MIRROR - ask[name] for name in ("price", "trigger_price") if name in ask}
        return {**ask, **changes, **({"side": -ask["side"]} if "side" in ask else {})}

    def fills(bars: Any, plan: Any, policy: int, *, is_mirror: bool) -> list[Any]:
        story = Story(bars, {"limit_fill": limit_fill, "latency_ns": latency_ns, "path_policy": policy}, cash=1e9)
        for symbol in (0, 1):
            story.venue.positions[2 * symbol].qty = 1e6
        story.run(plan)
        sign, offset = (-1.0, MIRROR) if is_mirror else (1.0, 0.0)
        return [
            (e.time_ns, e.order_id, sign * e.side, e.qty, offset + sign * e.price, e.is_maker) for e in story.fills()
        ]

    mirrored_plan = {moment: [reflected_ask(ask) for ask in asks] for moment, asks in plan.items()}
    mirrored_bars = [[reflected_bar(one) for one in column] for column in bars]
    direct = fills(bars, plan, policies[0], is_mirror=False)
    mirrored = fills(mirrored_bars, mirrored_plan, policies[1], is_mirror=True)
    assert [fill[:4] + fill[5:] for fill in direct] == [fill[:4] + fill[5:] for fill in mirrored]
    assert [fill[4] for fill in direct] == pytest.approx([fill[4] for fill in mirrored])


@settings(max_examples=60)
@given(MARKETS, EXECUTIONS, plans(ASKS))
def test_resting_orders_are_where_the_price_has_not_been(bars: Any, execution: Any, plan: Any) -> None:
    """At the end no resting limit accepts a price that the last bar closed strictly beyond, volume allowing."""
    story = Story(bars, {**execution, "participation": np.inf}, held=20.0)
    story.run(plan)
    for order in story.venue.orders[: story.venue.clock.n_orders]:
        last = bars[order.symbol][-1]
        if order.status == OrderStatus.RESTING and order.type == OrderType.LIMIT and last is not None:
            assert (last[3] - order.price) * order.side >= 0.0
