"""
Private channels: orders, deals and balances of the account whose listen key a socket came with.

Nothing is said at subscription. Orders and deals come in the order in which they happened, and then each coin whose
balance is another than when it was last told, as it is in the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ballast.venues import mexc_push
from ballast.venues.exchange.mexc.account import balances
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.public_stream import Subscriber, not_subscribed
from ballast.venues.exchange.mexc.wire import deal_push, millis, order_push
from ballast.venues.exchange.orders import Fill, OrderChanged, OrderState, Update, WalletChanged

ORDERS, DEALS, ACCOUNT = (f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account"))
CHANNELS = (ORDERS, DEALS, ACCOUNT)
Balances = dict[str, tuple[str, str]]
Push = tuple[str, str, dict[str, Any], dict[str, str | int]]


@dataclass
class Told:
    """An account somebody listens to: its sockets with their channels, and what they were told last."""

    balances: Balances
    filled: dict[int, float]
    clients: dict[int, tuple[Subscriber, set[str]]] = field(default_factory=dict)


class PrivateStream:
    """Who listens to which account, and to what of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts: dict[int, Told] = {}

    def subscribe(self, listener: Subscriber, account: int | None, name: str) -> None:
        """Let a socket hear of its account; raises ``Rejection`` for a channel that is none, or a socket of nobody."""
        if name not in CHANNELS or account is None:
            raise not_subscribed(name)
        told = self._accounts.get(account)
        if told is None:
            orders, symbols = self._desk.venue.orders, range(len(self._desk.venue.market.symbols))
            live = (order for symbol in symbols for order in orders.live(account, symbol))
            filled = {order.number: order.filled_qty for order in live}
            told = self._accounts[account] = Told(balances(self._desk, account), filled)
        told.clients.setdefault(id(listener), (listener, set()))[1].add(name)

    def unsubscribe(self, listener: Subscriber, names: Sequence[str] | None = None) -> None:
        """Let a socket listen no more, to some channels or to any."""
        for account, told in list(self._accounts.items()):
            if id(listener) in told.clients:
                channels = told.clients[id(listener)][1]
                channels.difference_update(CHANNELS if names is None else names)
                if not channels:
                    del told.clients[id(listener)]
            if not told.clients:
                del self._accounts[account]

    def publish(self, updates: Sequence[Update]) -> None:
        """Tell each account what happened to it."""
        for account, told in self._accounts.items():
            mine = [update for update in updates if _owner(update) == account]
            if not mine:
                continue
            for channel, body, fields, about in self._messages(account, told, mine):
                frame = mexc_push.encode(channel, body, fields, sendTime=millis(self._desk.venue.now_ns), **about)
                for listener, channels in told.clients.values():
                    if channel in channels:
                        listener.push(frame)

    def _messages(self, account: int, told: Told, updates: Sequence[Update]) -> Iterator[Push]:
        for update in updates:
            if isinstance(update, OrderChanged):
                order = update.order
                last_qty = order.filled_qty - told.filled.get(order.number, 0.0)
                told.filled[order.number] = order.filled_qty
                if not order.is_live:
                    del told.filled[order.number]
                listing = self._desk.listing(order.symbol)
                yield ORDERS, "privateOrders", order_push(order, listing, last_qty), {"symbol": listing.symbol}
            elif isinstance(update, Fill):
                listing = self._desk.listing(update.order.symbol)
                yield DEALS, "privateDeals", deal_push(update, listing), {"symbol": listing.symbol}
        now = balances(self._desk, account)
        before, told.balances = told.balances, now
        kind, time_ms = _cause(updates), millis(self._desk.venue.now_ns)
        for coin, (free, locked) in now.items():
            if before[coin] != (free, locked):
                old_free, old_locked = before[coin]
                fields = {
                    "vcoinName": coin,
                    "coinId": hashlib.md5(coin.encode(), usedforsecurity=False).hexdigest(),
                    "balanceAmount": free,
                    "balanceAmountChange": _difference(old_free, free),
                    "frozenAmount": locked,
                    "frozenAmountChange": _difference(old_locked, locked),
                    "type": kind or ("DEPOSIT" if float(free) >= float(old_free) else "WITHDRAW"),
                    "time": time_ms,
                }
                yield ACCOUNT, "privateAccount", fields, {"createTime": time_ms}


def _owner(update: Update) -> int:
    if isinstance(update, OrderChanged | Fill):
        return update.order.account
    return update.account if isinstance(update, WalletChanged) else -1


def _cause(updates: Sequence[Update]) -> str:
    """Return the venue's word for why balances changed; "" where no order is behind it."""
    if any(isinstance(update, Fill) for update in updates):
        return "ENTRUST"
    orders = [update.order for update in updates if isinstance(update, OrderChanged)]
    if not orders:
        return ""
    return "ENTRUST_CANCEL" if orders[-1].state == OrderState.CANCELLED else "ENTRUST_PLACE"


def _difference(before: str, now: str) -> str:
    decimals = len(now.partition(".")[2])
    return f"{float(now) - float(before):.{decimals}f}"
