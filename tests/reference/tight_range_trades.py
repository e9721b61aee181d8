"""
What the tight-range strategy trades: one trade a symbol, in at the next open, out by stop, target, time or verdict.

Prices walk a bar from its open to the nearer extreme, the other, and the close. Market orders pay slippage, stops pay
it from their trigger, or from an open beyond it; targets fill once the price is through them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

from tests.reference.tight_range_layers import NOISE, Bar, Config, Decision, Past, decision_at

NS_PER_HOUR = 3_600_000_000_000
BASE, MOST, LEAST = 0.1, 0.4, 10.0
"""Part of equity that a multiplier of 1 buys, most of it in one symbol, and the smallest order."""


class Fill(NamedTuple):
    """One fill; ``bar`` is the number of its frame, ``side`` 1 or -1."""

    bar: int
    symbol: int
    side: int
    qty: float
    price: float


class Order(NamedTuple):
    """What a close asks for at the next open: money for a purchase, coins for a sale."""

    symbol: int
    side: int
    amount: float
    decision: Decision | None = None


@dataclass
class Trade:
    """A symbol's holding, what guards it, and what stands against its trend."""

    qty: float = 0.0
    price: float = nan
    stop: float = 0.0
    target: float = 0.0
    entered_ns: int = 0
    is_range: bool = False
    is_contra: bool = False
    direction: int = 0
    sold_against: float = 0.0


@dataclass
class Book:
    """An account, and everything that it has traded."""

    config: Config
    trades: list[Trade]
    interval_ns: int
    cash: float = 10_000.0
    fills: list[Fill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    @property
    def equity(self) -> float:
        return self.cash + sum(trade.qty * trade.price for trade in self.trades if trade.qty > 0.0)

    def fill(self, bar: int, symbol: int, side: int, qty: float, price: float) -> None:
        trade = self.trades[symbol]
        self.cash -= side * qty * price + qty * price * self.config.fee_rate
        trade.qty = trade.qty + qty if side > 0 else max(0.0, trade.qty - qty)
        if trade.qty < 1e-9 * qty:
            trade.qty = 0.0
        self.fills.append(Fill(bar, symbol, side, qty, price))

    def open(self, bar: int, symbol: int, price: float, order: Order | None) -> None:
        """Trade what is due at an open; an order takes its symbol's stop and target away until it has filled."""
        trade, slippage = self.trades[symbol], self.config.slippage
        if order is not None and order.side > 0:
            paid = price * (1.0 + slippage)
            self.fill(bar, symbol, 1, order.amount / paid, paid)
            self._guard(trade, paid, order)
        elif order is not None:
            qty = trade.qty if trade.qty - order.amount <= 1e-9 * trade.qty else order.amount
            self.fill(bar, symbol, -1, qty, price * (1.0 - slippage))
            if order.decision is not None and order.decision.is_contra:
                trade.sold_against += qty * price * (1.0 - slippage)
        if trade.qty == 0.0:
            return
        if price <= trade.stop:
            self.fill(bar, symbol, -1, trade.qty, price * (1.0 - slippage))
        elif price > trade.target or (order is not None and price >= trade.target):
            # A target that the price has passed when it is set takes what there is, never less than itself.
            self.fill(
                bar, symbol, -1, trade.qty, price if order is None else max(trade.target, price * (1.0 - slippage))
            )

    def _guard(self, trade: Trade, paid: float, order: Order) -> None:
        decision = order.decision
        assert decision is not None
        trade.stop, trade.target = decision.levels or (paid * (1.0 - decision.stop), paid * (1.0 + decision.target))
        trade.is_range, trade.is_contra = decision.is_range, decision.is_contra

    def walk(self, bar: int, symbol: int, prices: Bar) -> None:
        """Follow a bar from its open to its close."""
        trade = self.trades[symbol]
        opened, high, low, trade.price, _ = prices
        stops, reaches = low <= trade.stop, high > trade.target
        if trade.qty > 0.0 and stops and (not reaches or opened - low < high - opened):
            self.fill(bar, symbol, -1, trade.qty, trade.stop * (1.0 - self.config.slippage))
        elif trade.qty > 0.0 and reaches:
            self.fill(bar, symbol, -1, trade.qty, trade.target)

    def contra_room(self) -> float:
        """Return what may still be put against trends."""
        against = sum(trade.qty * trade.price for trade in self.trades if trade.is_contra and trade.direction < 0)
        against += sum(trade.sold_against for trade in self.trades)
        return max(0.0, self.config.max_contra_allocation * self.equity - against)

    def close(self, time_ns: int, decisions: Sequence[Decision | None]) -> None:
        """Ask for what the verdicts of a close want; ``time_ns`` is the close's."""
        equity, cash, room = self.equity, self.cash / (1.0 + self.config.fee_rate), self.contra_room()
        for symbol, decision in enumerate(decisions):
            if decision is None:
                continue
            trade = self.trades[symbol]
            if trade.qty > 0.0 and self._must_end(trade, time_ns, decision):
                self.orders.append(Order(symbol, -1, trade.qty))
                continue
            money = self._money(trade, decision, equity, cash)
            money = min(money, room) if decision.is_contra else money
            if money < LEAST:
                continue
            room -= money if decision.is_contra else 0.0
            cash -= money if decision.side > 0 else 0.0
            amount = money if decision.side > 0 else money / trade.price
            self.orders.append(Order(symbol, decision.side, amount, decision))

    def _money(self, trade: Trade, decision: Decision, equity: float, cash: float) -> float:
        """Return what a verdict buys or sells for, before what stands against trends is counted; 0 for nothing."""
        money, worth = BASE * decision.size * equity, trade.qty * trade.price if trade.qty > 0.0 else 0.0
        if decision.confidence <= 0.0 or decision.side == 0 or (decision.side > 0) == (worth > 0.0):
            return 0.0
        if decision.side > 0:
            return 0.0 if self._is_no_trade(decision, trade.price) else min(money, MOST * equity, cash / (1.0 + NOISE))
        return min(money, worth) if decision.is_contra or worth - money >= LEAST else worth

    def _must_end(self, trade: Trade, time_ns: int, decision: Decision) -> bool:
        config = self.config
        is_old = time_ns - trade.entered_ns >= config.time_stop_bars * self.interval_ns
        is_over = config.regime_exit and trade.is_range and decision.regime.kind != "tight"
        return (config.time_stop_bars > 0 and is_old) or is_over

    def _is_no_trade(self, decision: Decision, price: float) -> bool:
        """Tell whether a target is too near to pay for the trade, or a level already passed."""
        round_trip = 2.0 * (self.config.fee_rate + self.config.slippage)
        if decision.levels is not None and not 0.0 < decision.levels[0] < price < decision.levels[1]:
            return True
        return decision.target < self.config.cost_multiple * round_trip - NOISE


def trade(
    times_ns: Sequence[int], markets: Sequence[Sequence[Bar | None]], interval_ns: int, config: Config
) -> tuple[list[list[Decision | None]], Book]:
    """
    Run the strategy; ``markets`` holds each symbol's bar, or None, for every open time.

    Returns each symbol's decision for every close, and the book.
    """
    decided = [decisions(market, interval_ns, config) for market in markets]
    book = Book(config, [Trade() for _ in markets], interval_ns)
    for bar, time_ns in enumerate(times_ns):
        is_next = bar > 0 and time_ns - times_ns[bar - 1] == interval_ns
        due = {order.symbol: order for order in book.orders if is_next}
        book.orders = []
        for symbol, market in enumerate(markets):
            prices = market[bar]
            if prices is None:
                continue
            order = due.get(symbol)
            book.open(bar, symbol, prices[0], order)
            if order is not None and order.side > 0:
                book.trades[symbol].entered_ns = time_ns
            book.walk(bar, symbol, prices)
            turn(book.trades[symbol], decided[symbol][bar])
        book.close(time_ns + interval_ns, [each[bar] for each in decided])
    return decided, book


def decisions(market: Sequence[Bar | None], interval_ns: int, config: Config) -> list[Decision | None]:
    """Return a symbol's decision at every close, None where there is no bar or none yet."""
    past = Past([bar for bar in market if bar is not None], max(48, -(-6 * NS_PER_HOUR // interval_ns)))
    own = iter(range(len(past.close)))
    return [None if bar is None else decision_at(past, next(own), config) for bar in market]


def turn(trade: Trade, decision: Decision | None) -> None:
    """Take a symbol's new direction; what was sold against a rise is forgotten with it."""
    direction = 0 if decision is None else decision.regime.direction
    if direction != trade.direction:
        trade.sold_against = 0.0
    trade.direction = direction
