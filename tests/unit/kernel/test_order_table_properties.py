"""The order table against a plain list: any sequence of placing, changing, cancelling and moving prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ballast.kernel.advance import next_cause, sync_last_price
from ballast.kernel.orders import submit
from ballast.model.enums import Cause, EventKind
from ballast.model.market import feed_of
from tests.unit.kernel.scenario import (
    BUY,
    SELL,
    Ask,
    Scenario,
    amend,
    cancel,
    flat,
    limit,
    make_frames,
    make_intent,
    make_venue,
    market,
    stop,
)

N_FRAMES = 64
ROLES = st.integers(min_value=0, max_value=3)
QTYS = st.integers(min_value=1, max_value=5).map(float)
LEVELS = st.integers(min_value=90, max_value=109).map(lambda level: level + 0.5)
CLOSES = st.integers(min_value=90, max_value=110).map(float)


@dataclass
class Waiting:
    """What the model remembers of a live order."""

    id: int
    side: int
    qty: float
    level: float
    is_stop: bool
    role: int

    def is_met(self, price: float) -> bool:
        return (price < self.level) == ((self.side == BUY) != self.is_stop)


class OrderTable(RuleBasedStateMachine):
    """Flat bars at whole prices, levels at halves: a level is met or it is not, and always at an open."""

    def __init__(self) -> None:
        super().__init__()
        scenario = Scenario("table", [flat()] * N_FRAMES, {}, [], cash=1e9, held=1e6)
        self.venue, self.frames = make_venue(scenario), make_frames(scenario.bars)
        self.live: list[Waiting] = []
        self.requests: list[tuple[str, int, float]] = []
        self.frame = 0
        self.price = 100.0
        self.said: list[tuple[int, int]] = []
        self._advance()

    def _advance(self) -> None:
        while (cause := next_cause(self.venue, feed_of(self.frames), self.frame + 1)) != Cause.END:
            if cause == Cause.ORDER:
                event = self.venue.events[self.venue.clock.events_read]
                self.venue.clock.events_read += 1
                self.said.append((int(event.order_id), int(event.kind)))

    def _ask(self, ask: Ask) -> None:
        sync_last_price(self.venue, self.frames, 0)
        submit(self.venue, 0, make_intent(ask))

    def _next_id(self) -> int:
        return int(self.venue.clock.next_order_id)

    @rule(side=st.sampled_from([BUY, SELL]), qty=QTYS, level=LEVELS, is_stop=st.booleans(), role=ROLES)
    def place(self, side: int, qty: float, level: float, is_stop: bool, role: int) -> None:
        self.live.append(Waiting(self._next_id(), side, qty, level, is_stop, role))
        self._ask((stop if is_stop else limit)(side, qty, level, role=role))

    @rule(role=ROLES)
    def cancel(self, role: int) -> None:
        self._ask(cancel(role=role))
        for order in self.live:
            if order.role == role:
                self.requests.append(("cancel", order.id, 0.0))

    @rule(role=ROLES, qty=QTYS)
    def amend(self, role: int, qty: float) -> None:
        if any(order.role == role for order in self.live):
            self._ask(amend(role=role, qty=qty))
        for order in self.live:
            if order.role == role:
                self.requests.append(("amend", order.id, qty))

    @rule()
    def refuse(self) -> None:
        self._ask(market(BUY, -1.0))
        self.said_first = [(self._next_id() - 1, int(EventKind.REJECTED))]
        self._hear(self.said_first)

    @rule(price=CLOSES)
    def move(self, price: float) -> None:
        if self.frame + 1 >= N_FRAMES:
            return
        self.frame += 1
        for name in ("open", "high", "low", "close"):
            self.frames[name][self.frame, 0] = price
        expected = []
        cancelled = {order_id for what, order_id, _ in self.requests if what == "cancel"}
        for what, order_id, qty in self.requests:
            for order in self.live:
                if what == "amend" and order.id == order_id:
                    order.qty = qty
        for order in list(self.live):
            if order.id in cancelled:
                expected.append((order.id, int(EventKind.CANCELLED)))
                self.live.remove(order)
            elif order.is_met(price):
                expected.append((order.id, int(EventKind.FILLED)))
                self.live.remove(order)
        self.requests.clear()
        self._hear(expected)

    def _hear(self, expected: list[tuple[int, int]]) -> None:
        self.said.clear()
        self._advance()
        assert self.said == expected

    @invariant()
    def the_table_is_the_list(self) -> None:
        amended = {order_id: qty for what, order_id, qty in self.requests if what == "amend"}
        table: Any = self.venue.orders[: self.venue.clock.n_orders]
        assert [(order.id, order.side, order.role) for order in table] == [(o.id, o.side, o.role) for o in self.live]
        for order, known in zip(table, self.live, strict=True):
            assert order.qty == known.qty
            assert known.id not in amended or order.amend_qty == amended[known.id]


TestOrderTable = OrderTable.TestCase
TestOrderTable.settings = settings(max_examples=40, stateful_step_count=40)
