"""
The sockets: one process, one loop, the loopback alone.

Every request is handled at once, on the loop, so that the venue never sees two at a time: it is answered, and then
everybody is told what it caused. A socket that does not read is closed when ``QUEUE_LENGTH`` messages wait for it.
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
from ballast.venues.exchange.pace import Pace
from ballast.venues.exchange.venue import LocalVenue

HOST = "127.0.0.1"
LARGEST_BODY = 1_000_000
LARGEST_FRAME = 1_000_000
QUEUE_LENGTH = 10_000
"""Messages that may wait for one socket."""
REPLY_DELAY_S = 0.001
"""Before a socket's answers: some clients note what they have asked only after they have sent it."""
SILENCE_S = 600.0
"""After so long without a word from a client its socket is closed."""
TICK_S = 0.05
"""Between looks at the wall's clock."""


class Outbox:
    """What waits for one socket."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUE_LENGTH)
        self.is_full = False

    def send(self, text: bytes, *, not_before_s: float = 0.0) -> None:
        """Leave a message; when too many wait, none is taken any more, and the socket is to be closed."""
        try:
            self._queue.put_nowait((not_before_s, text))
        except asyncio.QueueFull:
            self.is_full = True

    def reply(self, text: bytes) -> None:
        """Leave an answer, to be sent no sooner than a network would bring it."""
        self.send(text, not_before_s=time.monotonic() + REPLY_DELAY_S)

    async def deliver(self, socket: web.WebSocketResponse) -> None:
        """Send what comes until the socket closes."""
        with suppress(ConnectionError, asyncio.CancelledError):
            while not self.is_full:
                not_before_s, text = await self._queue.get()
                if not_before_s > time.monotonic():
                    await asyncio.sleep(not_before_s - time.monotonic())
                await socket.send_str(text.decode())
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")


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
        self._n_sockets = 0
        self._open: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        self._clock: asyncio.Task[None] | None = None
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
        if not self.pace.is_stepped:
            self._clock = asyncio.create_task(self._run_clock())

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        if self._clock is not None:
            self._clock.cancel()
            with suppress(asyncio.CancelledError):
                await self._clock
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

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        updates = self.venue.take_updates()
        self.private.publish(updates)
        self.public.publish(updates)

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
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, receive_timeout=SILENCE_S, compress=False)
        await socket.prepare(request)
        self._n_sockets += 1
        outbox = Outbox()
        talk = begin(self._n_sockets, outbox)
        self._open.add(socket)
        delivery = asyncio.create_task(outbox.deliver(socket))
        try:
            with suppress(asyncio.TimeoutError):
                async for message in socket:
                    if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                        break
                    self._now()
                    text = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
                    for reply in talk.hear(text):
                        outbox.reply(reply)
                    self.publish()
        finally:
            talk.leave()
            self._open.discard(socket)
            delivery.cancel()
        return socket

    async def _operator_state(self, _request: web.Request) -> web.StreamResponse:
        return _json(200, operator.state(self.venue, self.pace) | {"n_sockets": len(self._open)})

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
