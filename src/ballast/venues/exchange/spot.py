"""
What a spot account holds, how much of it its resting orders have locked, and whether a new order can be paid.

The money and the coins are the kernel's; what is locked follows from the orders that rest. Promises that whatever rests
can be paid when it fills: a buy locks its value at its limit with the dearer of the two fees, a sell its quantity.
Orders that wait for a trigger lock nothing, and are asked again when it is met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import NamedTuple

from msgspec.structs import replace

from ballast.model.enums import AccountKind, OrderType, PositionSide, QtyUnit, Side
from ballast.model.errors import ConfigError
from ballast.model.units import MONEY_TOLERANCE
from ballast.venues.exchange.checks import way_to
from ballast.venues.exchange.hosting import Host
from ballast.venues.exchange.legs import Legs
from ballast.venues.exchange.market import Listing, Setup
from ballast.venues.exchange.orders import Order, OrderRequest, OrderState
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
    The spot accounts of a venue, read from the kernel's columns and the orders that rest.

    Parameters
    ----------
    setup : Setup
    host : Host
    legs : Legs
        Where the kernel holds what.
    orders : Registry
    """

    def __init__(self, setup: Setup, host: Host, legs: Legs, orders: Registry) -> None:
        self._setup, self._host, self._legs, self._orders = setup, host, legs, orders
        self._n_symbols = len(setup.market.symbols)

    def has(self, account: int) -> bool:
        """Tell whether an account is a spot account: it holds coins and money, and owes nothing."""
        return self._setup.accounts[account].kind == AccountKind.SPOT

    def money(self, account: int, without: Order | None = None) -> Holding:
        """Return an account's quote money, and what is locked of it by all orders but ``without``."""
        buys = (
            order.left_qty * order.price
            for symbol in range(self._n_symbols)
            for order in self._locking(account, symbol, Side.BUY)
            if order is not without
        )
        return Holding(self._cash(account), sum(buys) * (1.0 + self.dearer_rate(account)))

    def coins(self, account: int, symbol: int, without: Order | None = None) -> Holding:
        """Return an account's base units of a symbol, and what is locked of them by all orders but ``without``."""
        sells = (order.left_qty for order in self._locking(account, symbol, Side.SELL) if order is not without)
        return Holding(self._held(account, symbol), sum(sells))

    def holdings(self, account: int) -> dict[str, Holding]:
        """Return what an account holds by coin, quote money first."""
        listings = self._setup.market.listings
        held = {listings[0].quote: self.money(account)}
        return held | {listing.base: self.coins(account, symbol) for symbol, listing in enumerate(listings)}

    def written(self, account: int) -> dict[str, tuple[str, str, str]]:
        """Return (total, free, locked) by coin as venues write them, quote money first."""
        return self.write(self.holdings(account))

    def write(self, holdings: Mapping[str, Holding]) -> dict[str, tuple[str, str, str]]:
        """Return (total, free, locked) by coin as venues write them."""
        listings = {listing.base: listing for listing in self._setup.market.listings}
        found = {}
        for coin, held in holdings.items():
            write = listings[coin].qty if coin in listings else _money
            found[coin] = write(held.total), write(held.free), write(held.locked)
        return found

    def value(self, account: int, prices: list[float]) -> float:
        """Return money and coins at ``prices``, by symbol; coins without a price count nothing. Quote money."""
        worth = (self._held(account, symbol) * price for symbol, price in enumerate(prices) if price > 0.0)
        return self._cash(account) + sum(worth)

    def dearer_rate(self, account: int) -> float:
        """Return the fee rate that money is locked with: what is left of a resting order may take after a gap."""
        terms = self._setup.accounts[account]
        return max(terms.maker_fee_rate, terms.taker_fee_rate)

    def check(self, account: int, symbol: int, request: OrderRequest, without: Order | None = None) -> None:
        """
        Raise ``Refused`` for an order that the account cannot pay, or deliver, out of what is free.

        What ``without`` has locked counts as free.
        """
        is_market = request.type == OrderType.MARKET
        price = self._host.taker_price(symbol, request.side) if is_market else request.price
        if isnan(price):
            raise Refused(Refusal.NO_PRICE)
        is_money = request.qty_unit == QtyUnit.QUOTE
        if request.side == Side.SELL:
            needed, holding = request.qty / price if is_money else request.qty, self.coins(account, symbol, without)
            is_short = needed > holding.free * (1.0 + MONEY_TOLERANCE)
        else:
            worth, holding = request.qty if is_money else request.qty * price, self.money(account, without)
            needed = worth * (1.0 + self.dearer_rate(account))
            is_short = needed > holding.free + MONEY_TOLERANCE * max(1.0, holding.total)
        if is_short:
            raise Refused(Refusal.INSUFFICIENT_FUNDS)

    def check_again(self, order: Order, qty_left: float, price: float) -> None:
        """Raise ``Refused`` for an order that the account cannot pay as it is about to be: amended, or triggered."""
        qty = order.request.qty if order.request.qty_unit == QtyUnit.QUOTE else qty_left
        asked = replace(order.request, qty=qty, price=price)
        self.check(order.account, order.symbol, asked, without=order)

    def can_pay(self, order: Order) -> bool:
        """Tell whether an order whose trigger has been met can be paid."""
        try:
            self.check_again(order, order.qty, order.price)
        except Refused:
            return False
        return True

    def aimed(self, order: Order, trigger_price: float, last_price: float) -> OrderRequest:
        """Return what an order asks for with another trigger: in spot its way follows from where the price stands."""
        if not self.has(order.account):
            return order.request
        return replace(order.request, trigger=way_to(trigger_price, last_price))

    def _locking(self, account: int, symbol: int, side: Side) -> Iterator[Order]:
        """Return the orders of a side that rest, or are about to."""
        for order in self._orders.live(account, symbol):
            is_limit = order.request.type == OrderType.LIMIT
            if is_limit and order.request.side == side and order.state != OrderState.UNTRIGGERED:
                yield order

    def _cash(self, account: int) -> float:
        return float(self._host.cash.item(account))

    def _held(self, account: int, symbol: int) -> float:
        return float(self._host.qty.item(self._legs.at(account, symbol, PositionSide.NONE)))


def check_one_purse(listings: Sequence[Listing]) -> str:
    """Return the coin in which everything is quoted; raises ``ConfigError`` for several, or symbols of each other."""
    quotes = {listing.quote for listing in listings}
    if len(quotes) > 1 or quotes & {listing.base for listing in listings}:
        raise ConfigError(
            f"symbols quoted in {', '.join(sorted(quotes))}: the spot accounts of the local exchange hold one "
            "quote coin; choose symbols of one"
        )
    return listings[0].quote


def _money(value: float) -> str:
    return format(value, ".8f")
