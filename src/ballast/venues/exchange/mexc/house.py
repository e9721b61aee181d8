"""The face as the server holds it: the desk, its two streams, and the ways in."""

from __future__ import annotations

import msgspec

from ballast.venues.exchange.faces import Answer, Face, Request, Talk, Trouble, Visit
from ballast.venues.exchange.faults.kinds import KINDS
from ballast.venues.exchange.mexc import codes, face
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.private_stream import PrivateStream
from ballast.venues.exchange.mexc.public_stream import PublicStream
from ballast.venues.exchange.mexc.sockets import Conversation, said

SOCKET = "/ws"
ORDER = "/api/v3/order"
LISTS = frozenset({"/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades"})
CHANNEL = b"\x0a"
"""Before the channel's length and text: field 1 of the messages that are pushed."""
TROUBLES = {Trouble.TIMED_OUT: "Timeout", Trouble.TOO_MANY: "Too Many Requests"}


class _Asked(msgspec.Struct):
    method: str


class MexcFace(Face):
    """MEXC's protocol over one desk."""

    name = "mexc"
    # A spot account owes nothing, and is never liquidated.
    faults = frozenset(KINDS) - {"liquidation"}

    def __init__(self, desk: Desk) -> None:
        self.desk, self.venue, self.keys = desk, desk.venue, desk.keys
        self.public, self.private = PublicStream(desk), PrivateStream(desk)
        self.sockets = {SOCKET: self._talk}

    def owns(self, path: str) -> bool:
        """Tell whether a path lies where this protocol lives."""
        return path.startswith("/api/") or path == SOCKET

    def look_up(self, wall_ms: int) -> None:
        """Take note of the wall's time."""
        self.desk.wall_ms = wall_ms

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        return face.answer(self.desk, request)

    def malformed(self, status: int, message: str) -> Answer:
        """Return the answer to what is no request at all."""
        return face.failed(status, status, message)

    def broken(self) -> Answer:
        """Return the answer where the exchange itself has failed."""
        return face.failed(500, codes.SERVER_ERROR, "Internal error")

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        updates = self.venue.take_updates()
        self.private.publish(updates)
        self.public.publish(updates)

    def addresses(self, host: str) -> dict[str, str]:
        """Return where clients go; a private socket is the public one with ``?listenKey=``."""
        return {
            "rest_url": f"http://{host}",
            "public_url": f"ws://{host}{SOCKET}",
            "private_url": f"ws://{host}{SOCKET}",
        }

    def caller(self, request: Request) -> int | None:
        """Return the account of the key that a request names."""
        key = self.keys.get(request.headers.get("X-MEXC-APIKEY", ""))
        return None if key is None else key.account

    def trouble(self, trouble: Trouble) -> Answer:
        """Return the answer of a venue in trouble."""
        if trouble == Trouble.TOO_MANY:
            return face.failed(429, codes.TOO_MANY_REQUESTS, "Too Many Requests", {"Retry-After": "1"})
        return face.failed(504, codes.SERVER_ERROR, "Timeout waiting for response; the status is unknown.")

    def emptied(self, request: Request, answer: Answer) -> Answer:
        """Return a list of orders or trades without any; an order alone is not found."""
        if request.path in LISTS and answer.status == 200:
            return Answer(200, b"[]", answer.headers)
        if request.path == ORDER and answer.status == 200:
            return face.failed(400, codes.NO_SUCH_ORDER, "Order does not exist.")
        return answer

    def request_in(self, text: str) -> str:
        """Return the method of a frame."""
        try:
            method = msgspec.json.decode(text, type=_Asked).method.upper()
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return ""
        return "" if method in {"PING", "PONG"} else method

    def account_in(self, talk: Talk) -> int | None:
        """Return the account whose listen key a socket came with."""
        return talk.account if isinstance(talk, Conversation) else None

    def trouble_in(self, talk: Talk, text: str, trouble: Trouble) -> bytes:  # noqa: ARG002  # All sockets talk alike.
        """Return the reply to a frame of a venue in trouble."""
        return said(0, codes.TOO_MANY_REQUESTS, TROUBLES[trouble])

    def topic_of(self, message: bytes) -> str:
        """Return the channel of a message, which stands first in it."""
        head = message[:1] == CHANNEL and len(message) > 1
        return message[2 : 2 + message[1]].decode("utf-8", "replace") if head else ""

    def end_listen_keys(self, account: int) -> bool:
        """End an account's listen keys, if it has any."""
        return self.desk.listen_keys.end_all(account) > 0

    def _talk(self, visit: Visit) -> Conversation:
        return Conversation(self.desk, self.public, self.private, visit)
