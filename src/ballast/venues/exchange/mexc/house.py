"""The face as the server holds it: the desk, its two streams, and the ways in."""

from __future__ import annotations

from ballast.venues.exchange.faces import Answer, Face, Request, Visit
from ballast.venues.exchange.mexc import codes, face
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.private_stream import PrivateStream
from ballast.venues.exchange.mexc.public_stream import PublicStream
from ballast.venues.exchange.mexc.sockets import Conversation

SOCKET = "/ws"


class MexcFace(Face):
    """MEXC's protocol over one desk."""

    name = "mexc"

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

    def _talk(self, visit: Visit) -> Conversation:
        return Conversation(self.desk, self.public, self.private, visit)
