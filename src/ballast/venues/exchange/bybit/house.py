"""The face as the server holds it: the desk, its two streams, and the ways in."""

from __future__ import annotations

from ballast.venues.exchange.bybit import face
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.private_stream import PrivateStream
from ballast.venues.exchange.bybit.public_stream import PublicStream
from ballast.venues.exchange.bybit.sockets import PrivateConversation, PublicConversation, TradeConversation
from ballast.venues.exchange.bybit.wire import CATEGORY
from ballast.venues.exchange.faces import Answer, Face, Request, Visit


class BybitFace(Face):
    """Bybit's protocol over one desk."""

    name = "bybit"

    def __init__(self, desk: Desk) -> None:
        self.desk, self.venue, self.keys = desk, desk.venue, desk.keys
        self.public, self.private = PublicStream(desk), PrivateStream(desk)
        self.sockets = {
            f"/v5/public/{CATEGORY}": self._public,
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
            "public_url": f"ws://{host}/v5/public/{CATEGORY}",
            "private_url": f"ws://{host}/v5/private",
            "trade_url": f"ws://{host}/v5/trade",
        }

    def _public(self, visit: Visit) -> PublicConversation:
        return PublicConversation(self.desk, visit.number, self.public, visit.mailbox)

    def _private(self, visit: Visit) -> PrivateConversation:
        return PrivateConversation(self.desk, visit.number, self.private, visit.mailbox)

    def _trade(self, visit: Visit) -> TradeConversation:
        return TradeConversation(self.desk, visit.number)
