"""
The private socket: orders, executions, positions and wallets of the account that has signed in.

Nothing is said at subscription: no topic has a snapshot. A position is told at every change of one of its orders; of
spot, which has none, each coin whose amount or lock is another than when it was last told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Body, Desk
from ballast.venues.exchange.bybit.public_stream import Subscriber
from ballast.venues.exchange.bybit.wallet import wallet_row
from ballast.venues.exchange.bybit.wire import fill_row, funding_row, order_row, position_rows
from ballast.venues.exchange.orders import (
    Fill,
    FundingPaid,
    OrderChanged,
    PositionChanged,
    Update,
    WalletChanged,
)

KINDS = ("order", "execution", "position", "wallet")


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
        # By account and kind: the topics that are heard, and by whom.
        self._heard_by: dict[tuple[int, str], dict[str, list[Subscriber]]] = {}
        self._n_messages = 0
        category = desk.category
        of_category = KINDS[:2] if category.is_spot else KINDS[:3]
        self._names = {*KINDS, *(f"{kind}.{category.name}" for kind in of_category)}
        # Of spot accounts that somebody hears of: each coin as it was told last.
        self._told: dict[int, dict[str, tuple[str, str, str]]] = {}

    def sign_in(self, listener: Subscriber, account: int) -> None:
        """Let a socket hear of an account."""
        self._clients[id(listener)] = Client(listener, account)
        self._index()

    def account_of(self, listener: Subscriber) -> int | None:
        """Return the account of a socket; None before it has signed in."""
        client = self._clients.get(id(listener))
        return None if client is None else client.account

    def sign_out(self, listener: Subscriber) -> None:
        """Forget a socket."""
        self._clients.pop(id(listener), None)
        self._index()

    def subscribe(self, listener: Subscriber, names: Sequence[str]) -> None:
        """Let a socket that has signed in listen; raises ``Rejection``."""
        client = self._clients.get(id(listener))
        if client is None:
            raise Rejection(10004, "Request not authorized")
        unknown = [name for name in names if name not in self._names]
        if unknown:
            raise Rejection(10001, f"error:handler not found,topic:{unknown[0][:60]}")
        kinds = [name.partition(".")[0] for name in names]
        if len(set(kinds)) < len(set(names)):
            raise Rejection(10001, "the all-in-one topic and its category topic cannot be subscribed together")
        client.topics |= dict(zip(kinds, names, strict=True))
        self._index()

    def unsubscribe(self, listener: Subscriber, names: Iterable[str]) -> None:
        """Let a socket listen to some topics no more."""
        client = self._clients.get(id(listener))
        for name in names:
            if client is not None and client.topics.get(name.partition(".")[0]) == name:
                del client.topics[name.partition(".")[0]]
        self._index()

    def publish(self, updates: Sequence[Update]) -> None:
        """Tell each account what happened to it, in the order in which it happened; money and legs as they end."""
        if not self._heard_by:
            return
        category, legs, wallets = self._desk.category, dict[tuple[int, int], None](), dict[int, None]()
        for update in updates:
            if isinstance(update, OrderChanged):
                account, order = update.order.account, update.order
                self._tell(account, "order", order_row, order, self._desk.listing(order.symbol), category)
            elif isinstance(update, PositionChanged):
                legs[update.account, update.symbol] = None
            elif isinstance(update, WalletChanged):
                wallets[update.account] = None
            elif isinstance(update, Fill):
                account, listing = update.order.account, self._desk.listing(update.order.symbol)
                self._tell(account, "execution", fill_row, update, listing, category)
            elif isinstance(update, FundingPaid):
                listing = self._desk.listing(update.symbol)
                self._tell(update.account, "execution", funding_row, update, listing, category)
        if category.is_spot:
            # Whatever happens to an order is of its account's leg, too, and may lock coins or money.
            for account in wallets | dict.fromkeys(account for account, _ in legs):
                self._tell_coins(account)
            return
        venue = self._desk.venue
        for account, symbol in legs:
            self._tell(account, "position", position_rows, venue, account, symbol, price_key="entryPrice")
        for account in wallets:
            self._tell(account, "wallet", wallet_row, venue, account, category, is_pushed=True)

    def _tell_coins(self, account: int) -> None:
        if account not in self._told:
            return
        venue = self._desk.venue
        before, now = self._told[account], venue.spot.written(account)
        self._told[account] = now
        changed = [coin for coin, amounts in now.items() if before[coin] != amounts]
        if changed:
            self._tell(account, "wallet", wallet_row, venue, account, self._desk.category, changed, is_pushed=True)

    def _tell(
        self, account: int, kind: str, make: Callable[..., Body | list[Body]], *about: Any, **options: Any
    ) -> None:
        """Encode what ``make`` makes once for each topic that is heard, whoever hears it; nothing if none is."""
        topics = self._heard_by.get((account, kind))
        if topics is None:
            return
        made = make(*about, **options)
        rows = made if isinstance(made, list) else [made]
        now = self._desk.venue.now_ns // MILLISECOND_NS
        for topic, listeners in topics.items():
            self._n_messages += 1
            body = {"id": f"m{self._n_messages}", "topic": topic, "creationTime": now, "data": rows}
            text = msgspec.json.encode(body)
            for listener in listeners:
                listener.send(text)

    def _index(self) -> None:
        self._heard_by.clear()
        for client in self._clients.values():
            for kind, topic in client.topics.items():
                self._heard_by.setdefault((client.account, kind), {}).setdefault(topic, []).append(client.listener)
        if self._desk.category.is_spot:
            heard_of = (account for account, kind in self._heard_by if kind == "wallet")
            written = self._desk.venue.spot.written
            self._told = {account: self._told.get(account) or written(account) for account in heard_of}
