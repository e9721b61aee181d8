"""
The private socket: orders, executions, positions and wallets of the account that has signed in.

Nothing is said at subscription: no topic has a snapshot. A position is told at every change of one of its orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Body, Desk
from ballast.venues.exchange.bybit.public_stream import Subscriber
from ballast.venues.exchange.bybit.wire import CATEGORY, fill_row, funding_row, order_row, position_rows, wallet_row
from ballast.venues.exchange.orders import (
    Fill,
    FundingPaid,
    OrderChanged,
    PositionChanged,
    Update,
    WalletChanged,
)

KINDS = ("order", "execution", "position", "wallet")
TOPICS = {*KINDS, *(f"{kind}.{CATEGORY}" for kind in KINDS[:3])}


@dataclass
class Client:
    """One socket of an account, and its topics by kind."""

    listener: Subscriber
    account: int
    topics: dict[str, str] = field(default_factory=dict)


class PrivateStream:
    """Who has signed in, and what each listens to."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clients: dict[int, Client] = {}
        self._n_messages = 0

    def sign_in(self, listener: Subscriber, account: int) -> None:
        """Let a socket hear of an account."""
        self._clients[id(listener)] = Client(listener, account)

    def account_of(self, listener: Subscriber) -> int | None:
        """Return the account of a socket; None before it has signed in."""
        client = self._clients.get(id(listener))
        return None if client is None else client.account

    def sign_out(self, listener: Subscriber) -> None:
        """Forget a socket."""
        self._clients.pop(id(listener), None)

    def subscribe(self, listener: Subscriber, names: Sequence[str]) -> None:
        """Let a socket that has signed in listen; raises ``Rejection``."""
        client = self._clients.get(id(listener))
        if client is None:
            raise Rejection(10004, "Request not authorized")
        unknown = [name for name in names if name not in TOPICS]
        if unknown:
            raise Rejection(10001, f"error:handler not found,topic:{unknown[0][:60]}")
        kinds = [name.partition(".")[0] for name in names]
        if len(set(kinds)) < len(set(names)):
            raise Rejection(10001, "the all-in-one topic and its category topic cannot be subscribed together")
        client.topics |= dict(zip(kinds, names, strict=True))

    def unsubscribe(self, listener: Subscriber, names: Iterable[str]) -> None:
        """Let a socket listen to some topics no more."""
        client = self._clients.get(id(listener))
        for name in names:
            if client is not None and client.topics.get(name.partition(".")[0]) == name:
                del client.topics[name.partition(".")[0]]

    def publish(self, updates: Sequence[Update]) -> None:
        """Tell each account what happened to it, in the order in which it happened; money and legs as they end."""
        accounts = {client.account for client in self._clients.values() if client.topics}
        for account in accounts:
            listeners = [client for client in self._clients.values() if client.account == account]
            for kind, rows in self._messages(account, updates):
                for client in listeners:
                    if kind in client.topics:
                        client.listener.send(self._message(client.topics[kind], rows))

    def _messages(self, account: int, updates: Sequence[Update]) -> Iterator[tuple[str, list[Body]]]:
        venue, symbols, has_wallet = self._desk.venue, dict[int, None](), False
        for update in updates:
            if isinstance(update, OrderChanged) and update.order.account == account:
                yield "order", [order_row(update.order, self._desk.listing(update.order.symbol))]
            elif isinstance(update, Fill) and update.order.account == account:
                yield "execution", [fill_row(update, self._desk.listing(update.order.symbol))]
            elif isinstance(update, FundingPaid) and update.account == account:
                yield "execution", [funding_row(update, self._desk.listing(update.symbol))]
            elif isinstance(update, PositionChanged) and update.account == account:
                symbols[update.symbol] = None
            elif isinstance(update, WalletChanged) and update.account == account:
                has_wallet = True
        for symbol in symbols:
            yield "position", position_rows(venue, account, symbol, price_key="entryPrice")
        if has_wallet:
            yield "wallet", [wallet_row(venue, account, is_pushed=True)]

    def _message(self, topic: str, rows: list[Body]) -> bytes:
        self._n_messages += 1
        now = self._desk.venue.now_ns // 1_000_000
        return msgspec.json.encode({"id": f"m{self._n_messages}", "topic": topic, "creationTime": now, "data": rows})
