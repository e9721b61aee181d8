"""A door before a server, which a test can shut, and through which it can lose what comes from the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Pass bytes on between clients and ``port``; while ``is_shut`` nobody gets in, while ``is_silent`` nothing out."""

    port: int
    is_shut: bool = False
    is_silent: bool = False
    n_clients: int = 0
    own_port: int = 0
    has_ended: bool = False
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """Close every connection at once."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_shut:
            writer.transport.abort()
            return
        self.n_clients += 1
        self._writers.append(writer)
        # Shielded: who is cancelled while it connects would leave a connection that nobody closes.
        connecting = asyncio.ensure_future(asyncio.open_connection("127.0.0.1", self.port))
        connecting.add_done_callback(self._keep)
        there_reader, there_writer = await asyncio.shield(connecting)
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer, is_from_server=True))

    def _keep(self, connecting: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
        if connecting.cancelled() or connecting.exception() is not None:
            return
        writer = connecting.result()[1]
        self._writers.append(writer)
        if self.has_ended:
            writer.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_from_server: bool = False
    ) -> None:
        try:
            while part := await reader.read(65_536):
                if not (is_from_server and self.is_silent):
                    writer.write(part)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxied(port: int) -> AsyncIterator[Proxy]:
    """Open a door before ``port`` of this machine."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.own_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.has_ended = True
        server.close()
        proxy.cut()
        await server.wait_closed()
        # Once around, so that what was cut is closed before the loop ends.
        await asyncio.sleep(0)
