"""The face as the server holds it: the desk, its two streams, and the ways in."""

from __future__ import annotations

import re

import msgspec

from ballast.venues.exchange.bybit import codes, face
from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.private_stream import PrivateStream
from ballast.venues.exchange.bybit.public_stream import PublicStream
from ballast.venues.exchange.bybit.sockets import (
    Conversation,
    PrivateConversation,
    PublicConversation,
    TradeConversation,
)
from ballast.venues.exchange.faces import Answer, Face, Request, Talk, Trouble, Visit
from ballast.venues.exchange.faults.kinds import KINDS

TROUBLES = {
    Trouble.TIMED_OUT: Rejection(codes.SERVER_TIMEOUT, "Server Timeout"),
    Trouble.TOO_MANY: Rejection(codes.TOO_MANY_VISITS, "Too many visits. Exceeded the API Rate Limit."),
}
LISTS = frozenset({"/v5/order/realtime", "/v5/order/history", "/v5/execution/list"})
TOPIC = re.compile(rb'"topic":"([^"]+)"')
LONGEST_HEAD = 120


class _Asked(msgspec.Struct):
    op: str


class BybitFace(Face):
    """Bybit's protocol over one desk."""

    name = "bybit"
    faults = frozenset(KINDS) - {"listen_key_expired"}

    def __init__(self, desk: Desk) -> None:
        self.desk, self.venue, self.keys = desk, desk.venue, desk.keys
        self.public, self.private = PublicStream(desk), PrivateStream(desk)
        if desk.category.is_spot:
            # A spot account owes nothing, and is never liquidated.
            self.faults = self.faults - {"liquidation"}
        self.sockets = {
            f"/v5/public/{desk.category.name}": self._public,
            "/v5/private": self._private,
            "/v5/trade": self._trade,
        }

    def owns(self, path: str) -> bool:
        """Tell whether a path lies where this protocol lives."""
        return path.startswith("/v5/")

    def look_up(self, wall_ms: int) -> None:
        """Take note of the wall's time."""
        self.desk.wall_ms = wall_ms

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        return face.answer(self.desk, request)

    def malformed(self, status: int, message: str) -> Answer:
        """Return the answer to what is no request at all."""
        return face.malformed(self.desk, status, message)

    def broken(self) -> Answer:
        """Return the answer where the exchange itself has failed."""
        return face.broken(self.desk)

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        updates = self.venue.take_updates()
        self.private.publish(updates)
        self.public.publish(updates, self.desk.wall_ms if self.is_paced else None)

    def addresses(self, host: str) -> dict[str, str]:
        """Return where clients go."""
        return {
            "rest_url": f"http://{host}",
            "public_url": f"ws://{host}/v5/public/{self.desk.category.name}",
            "private_url": f"ws://{host}/v5/private",
            "trade_url": f"ws://{host}/v5/trade",
        }

    def caller(self, request: Request) -> int | None:
        """Return the account of the key that a request names."""
        key = self.keys.get(request.headers.get("X-BAPI-API-KEY", ""))
        return None if key is None else key.account

    def trouble(self, trouble: Trouble) -> Answer:
        """Return the answer of a venue in trouble."""
        told = (
            {}
            if trouble != Trouble.TOO_MANY
            else {
                "X-Bapi-Limit": "10",
                "X-Bapi-Limit-Status": "0",
                "X-Bapi-Limit-Reset-Timestamp": str(self.desk.wall_ms + 1_000),
            }
        )
        return face.failed(self.desk, TROUBLES[trouble], told)

    def emptied(self, request: Request, answer: Answer) -> Answer:
        """Return a list of orders or executions without any."""
        if request.path not in LISTS:
            return answer
        body = msgspec.json.decode(answer.body)
        if body["retCode"] == 0:
            body["result"] |= {"list": [], "nextPageCursor": ""}
        return Answer(answer.status, msgspec.json.encode(body), answer.headers)

    def request_in(self, text: str) -> str:
        """Return the op of a frame."""
        try:
            op = msgspec.json.decode(text, type=_Asked).op
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return ""
        return "" if op == "ping" else op

    def account_in(self, talk: Talk) -> int | None:
        """Return the account that a socket has signed in for."""
        return talk.account if isinstance(talk, Conversation) else None

    def trouble_in(self, talk: Talk, text: str, trouble: Trouble) -> bytes:
        """Return the reply to a frame of a venue in trouble."""
        assert isinstance(talk, Conversation)
        return talk.refuse(text, TROUBLES[trouble])

    def end_listen_keys(self, account: int) -> bool:  # noqa: ARG002  # There are none here.
        """Return False: this venue has no listen keys."""
        return False

    def topic_of(self, message: bytes) -> str:
        """Return the topic of a message."""
        found = TOPIC.search(message, 0, LONGEST_HEAD)
        return found[1].decode() if found else ""

    def _public(self, visit: Visit) -> PublicConversation:
        return PublicConversation(self.desk, visit.number, self.public, visit.mailbox)

    def _private(self, visit: Visit) -> PrivateConversation:
        return PrivateConversation(self.desk, visit.number, self.private, visit.mailbox)

    def _trade(self, visit: Visit) -> TradeConversation:
        return TradeConversation(self.desk, visit.number)
