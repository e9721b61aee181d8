"""Connections by hand: requests and frames as bytes, right or wrong."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from struct import pack, unpack
from typing import Any, NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LAST = 0x80
"""Of a message's frames, and in the second byte: masked."""
PATIENCE_S = 10.0


class Frame(NamedTuple):
    """What a server has sent; ``code`` is why it closes."""

    opcode: int
    data: bytes

    @property
    def code(self) -> int:
        return int(unpack(">H", self.data[:2])[0]) if self.opcode == CLOSE and len(self.data) > 1 else 0


def frame(data: bytes, first: int = LAST | TEXT, *, mask: bytes | None = b"mask", length: int | None = None) -> bytes:
    """Return a frame as a client sends it, of a length that may be a lie; ``mask`` None breaks the rules."""
    n, bit = len(data) if length is None else length, 0 if mask is None else LAST
    size = pack(">B", bit | n) if n < 126 else pack(">BH", bit | 126, n) if n < 65_536 else pack(">BQ", bit | 127, n)
    if mask is None:
        return pack(">B", first) + size + data
    masked = bytes(byte ^ mask[k % 4] for k, byte in enumerate(data)) if len(data) < 1_000 else _long(data, mask)
    return pack(">B", first) + size + mask + masked


def _long(data: bytes, mask: bytes) -> bytes:
    whole = int.from_bytes(data, "big") ^ int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")
    return whole.to_bytes(len(data), "big")


class Raw:
    """One connection to 127.0.0.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))

    async def upgrade(self, path: str) -> None:
        """Become a socket."""
        await self.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, data: bytes) -> None:
        """Write; who is cut off meanwhile is cut off."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def say(self, message: Any) -> None:
        await self.send(frame(json.dumps(message).encode()))

    async def hear(self) -> Frame | None:
        """Return the next frame; None when the connection has ended."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                first, second = await self.reader.readexactly(2)
                size = second
                if second == 126:
                    size = unpack(">H", await self.reader.readexactly(2))[0]
                elif second == 127:
                    size = unpack(">Q", await self.reader.readexactly(8))[0]
                return Frame(first & 0x0F, await self.reader.readexactly(size))
        except (ConnectionError, asyncio.IncompleteReadError):
            return None

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes] | None:
        """Return the status, headers and body of an answer to a request; None when there is none."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).splitlines()
                pairs = (line.split(b": ", 1) for line in lines if line)
                headers = {name.lower(): value for name, value in pairs}
                return int(status.split()[1]), headers, await self.reader.readexactly(int(headers[b"content-length"]))
        except (ConnectionError, asyncio.IncompleteReadError):
            return None

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    def abort(self) -> None:
        """End without a word."""
        self.writer.transport.abort()
