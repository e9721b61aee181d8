"""The kernel, driven for several clients: requests go in at the instant at which the clock stands."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.kernel.margin_account import set_leverage
from ballast.kernel.venue import LAST_POINT, Phase, new_venue
from ballast.model.enums import AccountKind, Cause, EventKind, IntentKind, OrderType, QtyUnit, Reason, Side, TimeInForce
from ballast.model.errors import ConfigError, InvariantBroken
from ballast.model.intents import ANY, Intent, clear
from ballast.model.market import Feed, width_for
from ballast.venues.exchange import steps
from ballast.venues.exchange.checks import MAX_CONDITIONAL_ORDERS, MAX_SPOT_CONDITIONAL_ORDERS
from ballast.venues.exchange.growing import GrowingFeed
from ballast.venues.exchange.market import Setup
from ballast.venues.exchange.orders import Order, Trigger

ORDER_CAPACITY = 8_192
LEAST_ACCOUNTS = 4
"""Room for so many accounts is always made; those that nobody has are empty."""
BETWEEN_BARS = frozenset({Phase.CLOSED, Phase.BETWEEN})
Column = npt.NDArray[Any]


class Happened(NamedTuple):
    """An event of the kernel, field by field; see ``model.events.Event``."""

    kind: int
    time_ns: int
    frame: int
    order_id: int
    account: int
    symbol: int
    position_side: int
    side: int
    qty: float
    price: float
    fee: float
    slippage: float
    role: int
    level: int
    cycle: int
    reason: int
    order_reason: int
    next_qty: float
    is_maker: bool
    quote_rate: float


class Best(NamedTuple):
    """The best prices of a market of ticks and what is shown there, NaN where nobody knows."""

    bid: float
    bid_qty: float
    ask: float
    ask_qty: float


Word = Happened | int
"""An event, or the number of the conditional order whose price has been met."""


class Host:
    """
    A kernel venue in the hands of a host; ``record`` is its state, for reading.

    The columns are views of it, because an item of a column costs a hundredth of a record's attribute.

    Attributes
    ----------
    record : Venue
    position_mode, maker_fee_rate, taker_fee_rate : ndarray
        By account.
    cash : ndarray
        By account.
    qty : ndarray
        By leg.
    volume_left : ndarray
        By symbol, what the recorded market still fills in this bar, base units.
    feed : Feed
        The market's, as plain arrays.
    growing : GrowingFeed or None
        Where a live market's frames and ticks come from.
    depth : Depth or None
        What a market of ticks tells of its books beyond the best prices.
    """

    def __init__(self, setup: Setup) -> None:
        market = setup.market
        n_symbols = len(market.symbols)
        self.record = new_venue(
            n_symbols,
            market.instruments[:n_symbols],
            interval_ns=market.interval_ns,
            # Powers of two, so that few builds of the kernel serve all exchanges.
            n_accounts=max(LEAST_ACCOUNTS, width_for(len(setup.accounts))),
            order_capacity=ORDER_CAPACITY,
            # Room for every conditional order and every leg's protection.
            watch_capacity=max(1_024, width_for(len(setup.accounts) * n_symbols * (_most_conditional(setup) + 4))),
            width=market.feed.frames.dtype["close"].shape[0],
            tiers=market.tiers,
            has_ticks=market.has_ticks,
        )
        whole = np.asarray(self.record)
        self._venues, self._events, clock = whole.reshape(1), whole["events"], whole["clock"]
        self.feed = Feed(*(np.asarray(part) for part in market.feed))
        self.growing = GrowingFeed(self.feed, market.interval_ns, n_symbols) if market.is_live else None
        self.depth = None if market.books is None else market.books.open(market.shift_ns)
        self.has_ticks, self._quotes = market.has_ticks, whole["quotes"]
        self._stop, self._n_symbols, self._end_ns = len(market.feed.frames), n_symbols, market.end_ns - 1
        self._pause_ns, self._clock_ns, self._frame = clock["pause_ns"], clock["now_ns"], clock["frame"]
        self._phase = clock["phase"]
        self._next_tick, self._told_tick = clock["next_tick"], 0
        self._read, self._written = clock["events_read"], clock["events_written"]
        self._next_order_id, self._woken_role = clock["next_order_id"], clock["woken_role"]
        holders, markets = whole["accounts"], whole["markets"]
        self.cash = holders["cash"]
        self.position_mode, self.qty = holders["position_mode"], whole["positions"]["qty"]
        self.maker_fee_rate, self.taker_fee_rate = holders["maker_fee_rate"], holders["taker_fee_rate"]
        self._has_bar, self._price = markets["has_bar"], markets["price"]
        self._last_price, self._mark, self.volume_left = markets["last_price"], markets["mark"], markets["volume_left"]
        self._intents = np.asarray(Intent.new()).reshape(1)  # type: ignore[attr-defined]
        clear(self._intents[0], IntentKind.PLACE, 0, 0)
        self._slots = {name: self._intents[name] for name in self._intents.dtype.names or ()}
        self._bytes = self._intents.view(np.uint8)
        self._blank = self._bytes.copy()
        self._money = np.zeros(len(steps.Money._fields))
        self._position = np.zeros(len(steps.PositionFigures._fields))
        self._prices = np.zeros(n_symbols)
        for name in ("slippage_rate", "participation", "path_policy", "limit_fill"):
            setattr(self.record.execution, name, getattr(setup.fills, name))
        _open_accounts(self.record, setup)
        self._enter(market.start_frame, market.start_ns)

    @property
    def now_ns(self) -> int:
        """The market's time."""
        return int(self._pause_ns.item())

    @property
    def clock_ns(self) -> int:
        """When the kernel's last thing happened."""
        return int(self._clock_ns.item())

    @property
    def frame(self) -> int:
        """The bar that the market is in; -1 before the first."""
        return int(self._frame.item())

    def last_price(self, symbol: int) -> float:
        """Return where the price stands, off the tick grid on the way between two; NaN before the first."""
        price = float(self._price.item(symbol))
        return price if self._has_bar.item(symbol) and price > 0.0 else float(self._last_price.item(symbol))

    def mark_price(self, symbol: int) -> float:
        """Return the mark price; the last price where the market has none."""
        mark = float(self._mark.item(symbol))
        return self.last_price(symbol) if isnan(mark) else mark

    def prices(self) -> list[float]:
        """Return where every symbol's price stands."""
        steps.prices(self._venues, self._prices)  # type: ignore[arg-type]
        return self._prices.tolist()

    def best(self, symbol: int) -> Best | None:
        """Return the best prices; None where the market has no ticks, and so no book."""
        if not self.has_ticks:
            return None
        _, *best = self._quotes[symbol].tolist()
        return Best(*best)

    def has_price(self, symbol: int) -> bool:
        """Tell whether a symbol has a price now: not where bars are missing, nor before its first tick."""
        is_open = self.has_ticks or self._phase.item() not in BETWEEN_BARS
        return is_open and bool(self._has_bar.item(symbol))

    def withdraw(self, symbol: int) -> None:
        """Let a symbol of a market of ticks have no price until its next tick: nothing fills."""
        if self._has_bar[symbol]:
            self._last_price[symbol] = self._price[symbol]
        self._has_bar[symbol] = False
        for name in Best._fields:
            self._quotes[name][symbol] = nan

    def take_walked(self) -> Any:
        """Return the ticks that have been walked since the last call."""
        end = int(self._next_tick.item())
        first, self._told_tick = self._told_tick, end
        return self.feed.ticks[first:end]

    def ticks_of_frame(self) -> Any:
        """Return the ticks that have been walked of the frame that the market is in."""
        ticks = self.feed.ticks[: int(self._next_tick.item())]
        return ticks[np.searchsorted(ticks["ts_ns"], self.feed.frames["ts_ns"][self.frame]) :]

    def next_point_ns(self) -> int:
        """Return when a path of prices next turns, or the next tick comes; the market's end if neither does."""
        if self.has_ticks:
            ticks, at = self.feed.ticks, int(self._next_tick.item())
            return int(ticks["ts_ns"][at]) if at < len(ticks) else self._end_ns
        clock, interval, frames = self.record.clock, int(self.record.clock.interval_ns), self.feed.frames["ts_ns"]
        points = (int(clock.open_ns) + point * interval // LAST_POINT for point in range(LAST_POINT + 1))
        ahead = [at for at in points if at > self.now_ns]
        if ahead:
            return ahead[0]
        return int(frames[clock.frame + 1]) if clock.frame + 1 < len(frames) else self._end_ns

    def slipped(self, symbol: int, side: int, price: float) -> float:
        """Return what a taker pays or gets where the market stands at ``price``."""
        return float(steps.slipped(self._venues, symbol, int(side), price))  # type: ignore[arg-type]

    def taker_price(self, symbol: int, side: int) -> float:
        """Return what a taker pays or gets now; NaN where nobody would trade with it."""
        if not self.has_price(symbol):
            return nan
        return float(steps.taker_price(self._venues, symbol, int(side)))  # type: ignore[arg-type]

    def money(self, account: int) -> steps.Money:
        """Return an account's figures at the marks."""
        steps.money(self._venues, account, self._money)  # type: ignore[arg-type]
        return steps.Money._make(self._money.tolist())

    def position(self, account: int, symbol: int, position_side: int) -> steps.PositionFigures:
        """Return a leg's figures at the mark."""
        steps.position(self._venues, account, symbol, int(position_side), self._position)  # type: ignore[arg-type]
        return steps.PositionFigures._make(self._position.tolist())

    def move_to(self, time_ns: int) -> None:
        """Set the clock's next stop, never back nor past the market's end; :meth:`run` gets there."""
        self._pause_ns[()] = min(max(time_ns, self.now_ns), self._end_ns)
        if self.growing is not None:
            self._grow(self.growing)

    def run(self) -> Iterator[Word]:
        """Do all that is due, and tell of it one by one, so that what is asked in answer acts at that instant."""
        while True:
            cause = steps.step(self._venues, self.feed, self._stop)  # type: ignore[arg-type]
            if cause in (Cause.PAUSE, Cause.END):
                return
            if cause in (Cause.ORDER, Cause.FUNDING):
                while (first := self._read.item()) < (end := self._written.item()):
                    # Heard before they are told of: what is asked in answer may bring the kernel to write anew.
                    self._read[()] = end
                    yield from map(Happened._make, self._events[first:end].tolist())
            elif cause == Cause.WATCH:
                yield int(self._woken_role.item())
            elif cause < 0:
                raise InvariantBroken(f"the venue's clock stopped with {Cause(cause).name} in bar {self.frame}")

    def _ask(self, account: int, kind: IntentKind, symbol: int, **fields: float) -> None:
        self._bytes[:] = self._blank
        slots = self._slots
        slots["kind"][0], slots["symbol"][0] = kind, symbol
        for name, value in fields.items():
            slots[name][0] = value
        steps.ask(self._venues, account, self._intents)  # type: ignore[arg-type]

    def place(self, order: Order) -> int:
        """Hand in an order; return the kernel's id."""
        request = order.request
        is_market = request.type == OrderType.MARKET
        kernel_id = int(self._next_order_id.item())
        self._ask(
            order.account,
            IntentKind.PLACE,
            order.symbol,
            position_side=request.position_side,
            side=request.side,
            type=request.type,
            time_in_force=TimeInForce.IOC if is_market else request.time_in_force,
            qty=request.qty if request.qty_unit == QtyUnit.QUOTE else order.qty,
            qty_unit=request.qty_unit,
            price=order.price,
            reduce_only=request.reduce_only,
            post_only=request.post_only and not is_market,
            level=order.number,
        )
        return kernel_id

    def preview(self, order: Order) -> tuple[Reason, steps.Money]:
        """Return why the kernel would not have an order, or NONE, and the account's figures once it had it."""
        whole = self._venues.view(np.uint8)
        saved = whole.copy()
        try:
            kernel_id = self.place(order)
            words = [word for word in self.run() if isinstance(word, Happened) and word.order_id == kernel_id]
            refused = [word.reason for word in words if word.kind == EventKind.REJECTED]
            return Reason(refused[0] if refused else Reason.NONE), self.money(order.account)
        finally:
            whole[:] = saved

    def amend(self, order: Order, qty: float, price: float) -> None:
        """Ask for another quantity left, or price; NaN leaves it."""
        self._ask_of(order, IntentKind.AMEND, qty=qty, price=price)

    def cancel(self, order: Order) -> None:
        """Ask for an order back."""
        self._ask_of(order, IntentKind.CANCEL)

    def watch(self, order: Order) -> None:
        """Ask to be told when a conditional order's price is met, in place of what was asked for it before."""
        self._ask(
            order.account,
            IntentKind.WATCH,
            order.symbol,
            side=Side.SELL if order.request.trigger == Trigger.RISES else Side.BUY,
            trigger_price=order.trigger_price,
            role=order.number,
        )

    def forget_watch(self, order: Order) -> None:
        """Take back what :meth:`watch` asked for."""
        clock, watches = self.record.clock, self.record.watches
        for k in np.flatnonzero(watches["role"][: clock.n_watches] == order.number):
            watches[k : clock.n_watches - 1] = watches[k + 1 : clock.n_watches].copy()
            clock.n_watches -= 1

    def _ask_of(self, order: Order, kind: IntentKind, **fields: float) -> None:
        self._ask(order.account, kind, order.symbol, position_side=ANY, role=ANY, level=order.number, **fields)

    def _grow(self, growing: GrowingFeed) -> None:
        """Bring the feed up to where the clock stops; ticks that everybody has heard of go."""
        growing.reach(self.now_ns)
        gone = growing.forget(min(self._told_tick, int(self._next_tick.item())))
        self._told_tick -= gone
        self._next_tick[()] -= gone
        self.feed, self._stop = growing.feed, growing.n_frames

    def _enter(self, frame: int, start_ns: int) -> None:
        """Stand before a frame, with the prices and without the funding of the history before it."""
        clock = self.record.clock
        clock.frame = clock.closed_frame = frame - 1
        clock.next_funding = int(np.searchsorted(self.feed.funding["ts_ns"], start_ns))
        clock.next_tick = self._told_tick = int(np.searchsorted(self.feed.ticks["ts_ns"], start_ns))
        if self.has_ticks:
            steps.remember(self._venues, _last_of_each(self.feed.ticks[: self._told_tick]))  # type: ignore[arg-type]
        for symbol in range(clock.n_symbols):
            closes = self.feed.frames["close"][:frame, symbol]
            known = np.flatnonzero(closes > 0.0)
            self.record.markets[symbol].last_price = closes[known[-1]] if len(known) else nan
            self.record.markets[symbol].synced_frame = frame - 1
        clock.pause_ns = start_ns


def _most_conditional(setup: Setup) -> int:
    is_spot = any(terms.kind == AccountKind.SPOT for terms in setup.accounts)
    return MAX_SPOT_CONDITIONAL_ORDERS if is_spot else MAX_CONDITIONAL_ORDERS


def _last_of_each(ticks: Column) -> Column:
    """Return each symbol's last tick of each kind, in order: all that its best prices follow from."""
    kinds = 4 * ticks["symbol"] + ticks["kind"]
    _, from_the_end = np.unique(kinds[::-1], return_index=True)
    chosen: Column = ticks[np.sort(len(ticks) - 1 - from_the_end)]
    return chosen


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
