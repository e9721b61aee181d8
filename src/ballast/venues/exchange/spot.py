"""
What a spot account holds, how much of it its resting orders have locked, and whether a new order can be paid.

The money and the coins are the kernel's; what is locked follows from the orders that rest. Promises that whatever rests
can be paid when it fills: a buy locks its value at its limit with the dearer of the two fees, a sell its quantity.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Any, NamedTuple

from ballast.kernel.fills import slipped_price
from ballast.kernel.ledger import leg_index
from ballast.kernel.queue import quoted_price
from ballast.model.enums import AccountKind, OrderType, PositionSide, QtyUnit, Side
from ballast.model.units import MONEY_TOLERANCE
from ballast.venues.exchange.market import Setup
from ballast.venues.exchange.orders import OrderRequest
from ballast.venues.exchange.refusals import Refusal, Refused
from ballast.venues.exchange.registry import Registry


class Holding(NamedTuple):
    """A coin's amount, and how much of it resting orders have locked."""

    total: float
    locked: float

    @property
    def free(self) -> float:
        """What may still be spent."""
        return max(0.0, self.total - self.locked)


class SpotBooks:
    """
    The spot accounts of a venue, read from the kernel's record and the orders that rest.

    Parameters
    ----------
    setup : Setup
    record : Venue
        The kernel's state.
    orders : Registry
    """

    def __init__(self, setup: Setup, record: Any, orders: Registry) -> None:
        self._setup, self._record, self._orders = setup, record, orders
        self._n_symbols = len(setup.market.symbols)

    def has(self, account: int) -> bool:
        """Tell whether an account is a spot account: it holds coins and money, and owes nothing."""
        return self._setup.accounts[account].kind == AccountKind.SPOT

    def money(self, account: int) -> Holding:
        """Return an account's quote money."""
        locked = 0.0
        for symbol in range(self._n_symbols):
            for order in self._orders.live(account, symbol):
                if order.request.side == Side.BUY and order.request.type == OrderType.LIMIT:
                    locked += order.left_qty * order.price
        return Holding(self._cash(account), locked * (1.0 + self.dearer_rate(account)))

    def coins(self, account: int, symbol: int) -> Holding:
        """Return an account's base units of a symbol."""
        locked = sum(
            order.left_qty
            for order in self._orders.live(account, symbol)
            if order.request.side == Side.SELL and order.request.type == OrderType.LIMIT
        )
        return Holding(self._held(account, symbol), locked)

    def holdings(self, account: int) -> dict[str, Holding]:
        """Return what an account holds by coin, quote money first."""
        listings = self._setup.market.listings
        held = {listings[0].quote: self.money(account)}
        return held | {listing.base: self.coins(account, symbol) for symbol, listing in enumerate(listings)}

    def value(self, account: int, prices: list[float]) -> float:
        """Return money and coins at ``prices``, by symbol; coins without a price count nothing. Quote money."""
        worth = (self._held(account, symbol) * price for symbol, price in enumerate(prices) if price > 0.0)
        return self._cash(account) + sum(worth)

    def dearer_rate(self, account: int) -> float:
        """Return the fee rate that money is locked with: what is left of a resting order may take after a gap."""
        terms = self._setup.accounts[account]
        return max(terms.maker_fee_rate, terms.taker_fee_rate)

    def check(self, account: int, symbol: int, request: OrderRequest) -> None:
        """Raise ``Refused`` for an order that the account cannot pay, or deliver, out of what is free."""
        is_market = request.type == OrderType.MARKET
        price = self._taker_price(symbol, request.side) if is_market else request.price
        if isnan(price):
            raise Refused(Refusal.NO_PRICE)
        is_money = request.qty_unit == QtyUnit.QUOTE
        if request.side == Side.SELL:
            needed, holding = request.qty / price if is_money else request.qty, self.coins(account, symbol)
            is_short = needed > holding.free * (1.0 + MONEY_TOLERANCE)
        else:
            worth, holding = request.qty if is_money else request.qty * price, self.money(account)
            needed = worth * (1.0 + self.dearer_rate(account))
            is_short = needed > holding.free + MONEY_TOLERANCE * max(1.0, holding.total)
        if is_short:
            raise Refused(Refusal.INSUFFICIENT_FUNDS)

    def _taker_price(self, symbol: int, side: Side) -> float:
        """Return what a taker pays or gets; NaN where nobody would trade with it."""
        if not self._record.markets[symbol].has_bar:
            return nan
        met = float(quoted_price(self._record, symbol, side))
        return float(slipped_price(self._record, symbol, side, met))

    def _cash(self, account: int) -> float:
        return float(self._record.accounts[account].cash)

    def _held(self, account: int, symbol: int) -> float:
        leg = leg_index(account, self._n_symbols, symbol, PositionSide.NONE)
        return float(self._record.positions[leg].qty)
