"""The kernel, driven for several clients: requests go in at the instant at which the clock stands."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np

from ballast.kernel.advance import advance
from ballast.kernel.margin_account import set_leverage
from ballast.kernel.orders import submit
from ballast.kernel.venue import new_venue
from ballast.model.enums import Cause, IntentKind, OrderType, QtyUnit, Reason, Side, TimeInForce
from ballast.model.errors import ConfigError, InvariantBroken
from ballast.model.intents import ANY, Intent, clear
from ballast.model.market import width_for
from ballast.venues.exchange.checks import MAX_CONDITIONAL_ORDERS
from ballast.venues.exchange.market import Setup
from ballast.venues.exchange.orders import Order, Trigger

ORDER_CAPACITY = 8_192
LEAST_ACCOUNTS = 4
"""Room for so many accounts is always made; those that nobody has are empty."""

Word = tuple[Cause, Any]
"""``ORDER`` or ``FUNDING`` with a copy of the event, or ``WATCH`` with the number of the order that it wakes."""


class Host:
    """A kernel venue in the hands of a host; ``record`` is its state, for reading."""

    def __init__(self, setup: Setup) -> None:
        market = setup.market
        n_symbols = len(market.symbols)
        self.feed, self.record = market.feed, new_venue(
            n_symbols,
            market.instruments[:n_symbols],
            interval_ns=market.interval_ns,
            # Powers of two, so that few builds of the kernel serve all exchanges.
            n_accounts=max(LEAST_ACCOUNTS, width_for(len(setup.accounts))),
            order_capacity=ORDER_CAPACITY,
            # Room for every conditional order and every leg's protection.
            watch_capacity=max(1_024, width_for(len(setup.accounts) * n_symbols * (MAX_CONDITIONAL_ORDERS + 4))),
            width=market.feed.frames.dtype["close"].shape[0],
            tiers=market.tiers,
        )  # fmt: skip
        self._intent = Intent.new()  # type: ignore[attr-defined]
        self._end_ns = market.end_ns - 1
        for name in ("slippage_rate", "participation", "path_policy", "limit_fill"):
            setattr(self.record.execution, name, getattr(setup.fills, name))
        _open_accounts(self.record, setup)
        self._enter(market.start_frame, market.start_ns)

    @property
    def now_ns(self) -> int:
        """The market's time."""
        return int(self.record.clock.pause_ns)

    def move_to(self, time_ns: int) -> None:
        """Set the clock's next stop, never back nor past the market's end; :meth:`run` gets there."""
        self.record.clock.pause_ns = min(max(time_ns, self.now_ns), self._end_ns)

    def run(self) -> Iterator[Word]:
        """Do all that is due, and tell of it one by one, so that what is asked in answer acts at that instant."""
        clock = self.record.clock
        stop = len(self.feed.frames)
        while True:
            # The kernel counts calls to catch a strategy that answers itself; clients come from outside.
            clock.n_calls = 0
            cause = advance(self.record, self.feed, stop)
            if cause in {Cause.ORDER, Cause.FUNDING}:
                while clock.events_read < clock.events_written:
                    event = self.record.events[clock.events_read].copy()
                    clock.events_read += 1
                    yield Cause.ORDER, event
            elif cause == Cause.WATCH:
                yield Cause.WATCH, int(clock.woken_role)
            elif cause in {Cause.PAUSE, Cause.END}:
                return
            elif cause < 0:
                raise InvariantBroken(f"the venue's clock stopped with {Cause(cause).name} in bar {clock.frame}")

    def place(self, order: Order) -> int:
        """Hand in an order; return the kernel's id."""
        request, intent = order.request, self._intent
        clear(intent, IntentKind.PLACE, order.symbol, 0)
        intent.position_side, intent.side, intent.type = request.position_side, request.side, request.type
        is_market = request.type == OrderType.MARKET
        intent.time_in_force = TimeInForce.IOC if is_market else request.time_in_force
        intent.qty, intent.qty_unit = request.qty if request.qty_unit == QtyUnit.QUOTE else order.qty, request.qty_unit
        intent.price = order.price
        intent.reduce_only, intent.post_only = request.reduce_only, request.post_only and not is_market
        intent.level = order.number
        kernel_id = int(self.record.clock.next_order_id)
        submit(self.record, order.account, intent)
        return kernel_id

    def amend(self, order: Order, qty: float, price: float) -> None:
        """Ask for another quantity left, or price; NaN leaves it."""
        self._mean(order, IntentKind.AMEND)
        self._intent.qty, self._intent.price = qty, price
        submit(self.record, order.account, self._intent)

    def cancel(self, order: Order) -> None:
        """Ask for an order back."""
        self._mean(order, IntentKind.CANCEL)
        submit(self.record, order.account, self._intent)

    def watch(self, order: Order) -> None:
        """Ask to be told when a conditional order's price is met, in place of what was asked for it before."""
        intent = self._intent
        clear(intent, IntentKind.WATCH, order.symbol, 0)
        intent.side = Side.SELL if order.request.trigger == Trigger.RISES else Side.BUY
        intent.trigger_price, intent.role = order.trigger_price, order.number
        submit(self.record, order.account, intent)

    def forget_watch(self, order: Order) -> None:
        """Take back what :meth:`watch` asked for."""
        clock, watches = self.record.clock, self.record.watches
        for k in np.flatnonzero(watches["role"][: clock.n_watches] == order.number):
            watches[k : clock.n_watches - 1] = watches[k + 1 : clock.n_watches].copy()
            clock.n_watches -= 1

    def _mean(self, order: Order, kind: IntentKind) -> None:
        clear(self._intent, kind, order.symbol, 0)
        self._intent.position_side, self._intent.role, self._intent.level = ANY, ANY, order.number

    def _enter(self, frame: int, start_ns: int) -> None:
        """Stand before a frame, with the prices and without the funding of the history before it."""
        clock = self.record.clock
        clock.frame = clock.closed_frame = frame - 1
        clock.next_funding = int(np.searchsorted(self.feed.funding["ts_ns"], start_ns))
        for symbol in range(clock.n_symbols):
            closes = self.feed.frames["close"][:frame, symbol]
            known = np.flatnonzero(closes > 0.0)
            self.record.markets[symbol].last_price = closes[known[-1]] if len(known) else nan
            self.record.markets[symbol].synced_frame = frame - 1
        clock.pause_ns = start_ns


def _open_accounts(record: Any, setup: Setup) -> None:
    for number, terms in enumerate(setup.accounts):
        holder = record.accounts[number]
        holder.kind, holder.position_mode, holder.margin_model = terms.kind, terms.position_mode, terms.margin_model
        holder.cash = terms.cash
        holder.maker_fee_rate, holder.taker_fee_rate = terms.maker_fee_rate, terms.taker_fee_rate
        for symbol, name in enumerate(setup.market.symbols):
            if set_leverage(record, number, symbol, terms.leverage) != Reason.NONE:
                raise ConfigError(
                    f"leverage of {name} = {terms.leverage:g}: its first risk tier allows less; lower account.leverage"
                )
