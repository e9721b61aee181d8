"""
The sockets: one process, one loop, the loopback alone.

Every request is handled at once, on the loop, so that the venue never sees two at a time: it is answered, and then
everybody is told what it caused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from ballast.venues.exchange import operator
from ballast.venues.exchange.bybit import face
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.private_stream import PrivateStream
from ballast.venues.exchange.bybit.public_stream import PublicStream
from ballast.venues.exchange.bybit.sockets import (
    Conversation,
    PrivateConversation,
    PublicConversation,
    TradeConversation,
)
from ballast.venues.exchange.bybit.wire import CATEGORY
from ballast.venues.exchange.operator import OperatorError
from ballast.venues.exchange.outbox import Outbox
from ballast.venues.exchange.pace import Pace
from ballast.venues.exchange.venue import LocalVenue

HOST = "127.0.0.1"
LARGEST_BODY = 1_000_000
LARGEST_FRAME = 1_000_000
SILENCE_S = 600.0
"""After so long without a word from a client its socket is closed."""
TICK_S = 0.05
"""Between looks at the wall's clock."""


class ExchangeServer:
    """
    A venue behind sockets.

    Parameters
    ----------
    venue : LocalVenue
    desk : Desk
        Of that venue.
    pace : Pace
    """

    def __init__(self, venue: LocalVenue, desk: Desk, pace: Pace) -> None:
        self.venue, self.desk, self.pace = venue, desk, pace
        self.public, self.private = PublicStream(desk), PrivateStream(desk)
        self._n_greeted = 0
        self._open: dict[web.WebSocketResponse, Outbox] = {}
        self._runner: web.AppRunner | None = None
        self._clock: asyncio.Task[None] | None = None
        self._sweep: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on ``port``, 0 for any that is free, and let the clock run."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._shaped])
        app.router.add_get(f"/v5/public/{CATEGORY}", self._public_socket)
        app.router.add_get("/v5/private", self._private_socket)
        app.router.add_get("/v5/trade", self._trade_socket)
        app.router.add_get("/operator/state", self._operator_state)
        app.router.add_post("/operator/step", self._operator_step)
        app.router.add_post("/operator/transfer", self._operator_transfer)
        app.router.add_post("/operator/faults", self._operator_faults)
        app.router.add_route("*", "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._sweep = asyncio.create_task(self._close_silent())
        if not self.pace.is_stepped:
            self._clock = asyncio.create_task(self._run_clock())

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        for task in (self._clock, self._sweep):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the exchange stops")
        if self._runner is not None:
            await self._runner.cleanup()

    async def failed(self) -> None:
        """Wait until the clock fails; it never ends otherwise."""
        if self._clock is None:
            await asyncio.Event().wait()
        else:
            await self._clock

    @property
    def n_sockets(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    def sockets(self) -> list[Outbox]:
        """Return the ways to all clients, oldest first."""
        return list(self._open.values())

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        updates = self.venue.take_updates()
        self.private.publish(updates)
        self.public.publish(updates, None if self.pace.is_stepped else time.time_ns() // 1_000_000)

    async def _run_clock(self) -> None:
        start_s, start_ns = time.monotonic(), self.venue.now_ns
        while True:
            if self.pace.speed == float("inf"):
                self.venue.advance_to(self.venue.next_point_ns())
                await asyncio.sleep(TICK_S if self.venue.has_ended else 0)
            else:
                await asyncio.sleep(TICK_S)
                self.venue.advance_to(start_ns + int((time.monotonic() - start_s) * self.pace.speed * 1e9))
            self.publish()

    async def _close_silent(self) -> None:
        """Close the sockets of clients that have not said a word for long."""
        while True:
            await asyncio.sleep(SILENCE_S / 10.0)
            since_s = time.monotonic() - SILENCE_S
            for socket in [socket for socket, outbox in self._open.items() if outbox.heard_s < since_s]:
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"silent for too long")

    def _now(self) -> Desk:
        self.desk.wall_ms = time.time_ns() // 1_000_000
        return self.desk

    @web.middleware
    async def _shaped(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Give whatever goes wrong the venue's shape."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _response(face.malformed(self._now(), error.status, error.reason))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # A client's request must not take the exchange down; what it was is told once, on standard error.
            request.app.logger.exception("%s %s failed", request.method, request.path)
            return _response(face.broken(self._now()))

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        asked = face.Request(
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            headers={name.upper(): value for name, value in request.headers.items()},
            body=await request.read(),
            address=request.remote or "",
        )
        answered = face.answer(self._now(), asked)
        self.publish()
        return _response(answered)

    async def _public_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, lambda n, box: PublicConversation(self.desk, n, self.public, box))

    async def _private_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, lambda n, box: PrivateConversation(self.desk, n, self.private, box))

    async def _trade_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, lambda n, box: TradeConversation(self.desk, n))

    async def _talk(self, request: web.Request, begin: Callable[[int, Outbox], Conversation]) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, compress=False)
        await socket.prepare(request)
        if request.transport is None:
            raise ConnectionResetError
        self._n_greeted += 1
        outbox = Outbox(request.transport)
        talk = begin(self._n_greeted, outbox)
        self._open[socket] = outbox
        try:
            async for message in socket:
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    break
                outbox.heard_s = time.monotonic()
                self._now()
                text = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
                for reply in talk.hear(text):
                    outbox.reply(reply)
                self.publish()
        finally:
            outbox.close()
            talk.leave()
            self._open.pop(socket, None)
        return socket

    async def _operator_state(self, _request: web.Request) -> web.StreamResponse:
        return _json(200, operator.state(self.venue, self.pace) | {"n_sockets": self.n_sockets})

    async def _operator_step(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda asked: operator.step(self.venue, self.pace, asked))

    async def _operator_transfer(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda asked: operator.transfer(self.venue, asked))

    async def _operate(self, request: web.Request, do: Callable[[Mapping[str, Any]], None]) -> web.StreamResponse:
        try:
            asked = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
            do(asked)
        except (msgspec.DecodeError, RecursionError):
            return _json(400, {"error": "the body is not a JSON object"})
        except OperatorError as error:
            return _json(error.status, {"error": str(error)})
        self.publish()
        return _json(200, operator.state(self.venue, self.pace))

    async def _operator_faults(self, _request: web.Request) -> web.StreamResponse:
        return _json(501, {"error": "this version of the local exchange injects no faults"})


def _response(answered: face.Answer) -> web.Response:
    return web.Response(
        status=answered.status, body=answered.body, content_type="application/json", headers=dict(answered.headers)
    )


def _json(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
