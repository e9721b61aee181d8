"""
What waits for one socket.

Messages go out whole, in order, as WebSocket frames on the connection itself; those of one turn of the loop in one
write. A client that does not read is cut off when ``MOST_WAITING`` bytes wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ballast.venues.exchange.faults.injection import Wire

MOST_WAITING = 16_000_000
"""Bytes that may wait for one socket."""
REPLY_DELAY_S = 0.001
"""Before a socket's answers: some clients note what they have asked only after they have sent it."""


TEXT, BINARY = 0x81, 0x82


def frame(data: bytes, kind: int = TEXT) -> bytes:
    """Return a message as one unmasked frame (RFC 6455, section 5.2)."""
    n = len(data)
    if n < 126:
        return pack(">BB", kind, n) + data
    return (pack(">BBH", kind, 126, n) if n < 65_536 else pack(">BBQ", kind, 127, n)) + data


class Outbox:
    """
    The way to one client; nothing here ever waits.

    Parameters
    ----------
    transport : asyncio.Transport
        Of a connection whose handshake is over.

    Attributes
    ----------
    heard_s : float
        When the client last said something, by ``time.monotonic``.
    wire : Wire or None
        What becomes of messages on the way; None brings all.
    note : callable or None
        Is told of each message that is sent, and whether it is binary.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes, int]] = deque()
        self._is_scheduled = False
        self.is_closed = False
        self.heard_s = time.monotonic()
        self.wire: Wire | None = None
        self.note: Callable[[bytes, bool], None] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the client is told nothing any more, though the socket is open."""
        return self.wire is not None and self.wire.is_silent

    def send(self, text: bytes) -> None:
        """Send a text message."""
        self._pass_on(text, TEXT)

    def push(self, data: bytes) -> None:
        """Send a binary message."""
        self._pass_on(data, BINARY)

    def reply(self, text: bytes, late_s: float = 0.0) -> None:
        """Send an answer, no sooner than a network would bring it; what is late by a fault holds up nothing else."""
        if late_s > 0.0:
            self._loop.call_later(late_s, self.reply, text)
        elif not self.is_silent:
            self._leave(self._loop.time() + REPLY_DELAY_S, text, TEXT)

    def _pass_on(self, data: bytes, kind: int) -> None:
        if self.wire is None or self.wire.is_clear:
            self._leave(0.0, data, kind)
            return
        for late_s, message in self.wire.pass_on(data, self._loop.time()):
            if late_s > 0.0:
                self._loop.call_later(late_s, self._leave, 0.0, message, kind)
            else:
                self._leave(0.0, message, kind)

    def close(self, *, is_abrupt: bool = False) -> None:
        """Send what is due, and then nothing more; ``is_abrupt`` breaks the connection off."""
        self._flush()
        self.is_closed = True
        self._waiting.clear()
        if is_abrupt:
            self._transport.abort()

    def _leave(self, due_s: float, data: bytes, kind: int) -> None:
        self._waiting.append((due_s, data, kind))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what is due; what waits behind an answer waits with it."""
        self._is_scheduled = False
        if self.is_closed or self._transport.is_closing():
            return
        waiting, now_s, due = self._waiting, self._loop.time(), []
        while waiting and waiting[0][0] <= now_s:
            _, data, kind = waiting.popleft()
            due.append(frame(data, kind))
            if self.note is not None:
                self.note(data, kind == BINARY)
        if due:
            self._transport.write(b"".join(due))
            if self._transport.get_write_buffer_size() > MOST_WAITING:
                self.is_closed = True
                self._transport.abort()
        if waiting:
            self._is_scheduled = True
            self._loop.call_later(waiting[0][0] - now_s, self._flush)
