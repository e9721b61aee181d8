"""
The sockets: one process, one loop, the loopback alone, and one port for every venue.

Every request is handled at once, on the loop, so that the venue never sees two at a time: it is answered, and then
everybody is told what it caused. A socket that does not read is closed when ``QUEUE_LENGTH`` messages wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from ballast.venues.exchange import operator
from ballast.venues.exchange.faces import Answer, Face, Request, Talk, Visit
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
DOORMAN_S = 0.5
"""Between looks at who has stayed too long."""
TICK_S = 0.05
"""Between looks at the wall's clock."""


class Outbox:
    """What waits for one socket."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[float, bytes, bool]] = asyncio.Queue(QUEUE_LENGTH)
        self.is_full = False

    def send(self, text: bytes) -> None:
        """Leave a message; when too many wait, none is taken any more, and the socket is to be closed."""
        self._leave(0.0, text, is_binary=False)

    def push(self, data: bytes) -> None:
        """Leave a message to be sent as a binary frame."""
        self._leave(0.0, data, is_binary=True)

    def reply(self, text: bytes) -> None:
        """Leave an answer, to be sent no sooner than a network would bring it."""
        self._leave(time.monotonic() + REPLY_DELAY_S, text, is_binary=False)

    def _leave(self, not_before_s: float, data: bytes, *, is_binary: bool) -> None:
        try:
            self._queue.put_nowait((not_before_s, data, is_binary))
        except asyncio.QueueFull:
            self.is_full = True

    async def deliver(self, socket: web.WebSocketResponse) -> None:
        """Send what comes until the socket closes."""
        with suppress(ConnectionError, asyncio.CancelledError):
            while not self.is_full:
                not_before_s, data, is_binary = await self._queue.get()
                if not_before_s > time.monotonic():
                    await asyncio.sleep(not_before_s - time.monotonic())
                await (socket.send_bytes(data) if is_binary else socket.send_str(data.decode()))
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")


class ExchangeServer:
    """
    Venues behind sockets.

    Parameters
    ----------
    faces : sequence of Face
        At least one; the first answers what lies in no other's part of the paths.
    pace : Pace
    """

    def __init__(self, faces: Sequence[Face], pace: Pace) -> None:
        self.faces, self.pace = {face.name: face for face in faces}, pace
        self._first = faces[0]
        self._n_sockets = 0
        self._open: dict[web.WebSocketResponse, Talk] = {}
        self._runner: web.AppRunner | None = None
        self._clock: asyncio.Task[None] | None = None
        self._doorman: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on ``port``, 0 for any that is free, and let the clock run."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._shaped])
        for face in self.faces.values():
            for path, begin in face.sockets.items():
                app.router.add_get(path, partial(self._talk, begin))
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
        self._doorman = asyncio.create_task(self._show_out())

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        for task in (self._clock, self._doorman):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the exchange stops")
        if self._runner is not None:
            await self._runner.cleanup()

    async def failed(self) -> None:
        """Wait until the clock fails, or the closing of sockets; it never ends otherwise."""
        await asyncio.gather(*(task for task in (self._clock, self._doorman) if task is not None))

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        for face in self.faces.values():
            face.look_up(wall_ms())
            face.publish()

    async def _run_clock(self) -> None:
        venues = [face.venue for face in self.faces.values()]
        # Venues that got ready one after the other go on together.
        start_s, start_ns = time.monotonic(), max(venue.now_ns for venue in venues)
        while True:
            if self.pace.speed == float("inf"):
                until_ns = min(venue.next_point_ns() for venue in venues)
                await asyncio.sleep(TICK_S if venues[0].has_ended else 0)
            else:
                await asyncio.sleep(TICK_S)
                until_ns = start_ns + int((time.monotonic() - start_s) * self.pace.speed * 1e9)
            for venue in venues:
                venue.advance_to(until_ns)
            self.publish()

    async def _show_out(self) -> None:
        """Close the sockets that their venue has no more patience with."""
        while True:
            await asyncio.sleep(DOORMAN_S)
            for socket, talk in list(self._open.items()):
                if reason := talk.overdue(wall_ms()):
                    # Not waited for: a client that does not answer must not keep the next one in.
                    leaving = asyncio.create_task(_send_off(socket, reason))
                    self._leaving.add(leaving)
                    leaving.add_done_callback(self._leaving.discard)

    def _face(self, path: str) -> Face:
        """Return whose path it is, told the time."""
        face = next((one for one in self.faces.values() if one.owns(path)), self._first)
        face.look_up(wall_ms())
        return face

    @web.middleware
    async def _shaped(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Give whatever goes wrong the venue's shape."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _response(self._face(request.path).malformed(error.status, error.reason))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # A client's request must not take the exchange down; what it was is told once, on standard error.
            request.app.logger.exception("%s %s failed", request.method, request.path)
            return _response(self._face(request.path).broken())

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        asked = Request(
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            headers={name.upper(): value for name, value in request.headers.items()},
            body=await request.read(),
            address=request.remote or "",
        )
        answered = self._face(asked.path).answer(asked)
        self.publish()
        return _response(answered)

    async def _talk(self, begin: Callable[[Visit], Talk], request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, receive_timeout=SILENCE_S, compress=False)
        await socket.prepare(request)
        self._n_sockets += 1
        outbox = Outbox()
        face = self._face(request.path)
        talk = begin(Visit(self._n_sockets, request.rel_url.raw_query_string, outbox))
        self._open[socket] = talk
        delivery = asyncio.create_task(outbox.deliver(socket))
        try:
            with suppress(asyncio.TimeoutError):
                async for message in socket:
                    if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                        break
                    face.look_up(wall_ms())
                    text = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
                    for reply in talk.hear(text):
                        outbox.reply(reply)
                    self.publish()
                    if reason := talk.overdue(wall_ms()):
                        await _send_off(socket, reason)
        finally:
            talk.leave()
            self._open.pop(socket, None)
            delivery.cancel()
        return socket

    def _venue_of(self, request: web.Request) -> LocalVenue:
        """Return the venue that an operator means with ``?venue=``, else the first; raises ``OperatorError``."""
        name = request.query.get("venue", self._first.name)
        if name not in self.faces:
            raise OperatorError(400, f"venue {name}: this exchange is {' and '.join(self.faces)}")
        return self.faces[name].venue

    async def _operator_state(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda _asked: None)

    async def _operator_step(self, request: web.Request) -> web.StreamResponse:
        venues = [face.venue for face in self.faces.values()]
        return await self._operate(request, lambda asked: operator.step(venues, self.pace, asked))

    async def _operator_transfer(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda asked: operator.transfer(self._venue_of(request), asked))

    async def _operate(self, request: web.Request, do: Callable[[Mapping[str, Any]], None]) -> web.StreamResponse:
        try:
            do(msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any]))
            state = operator.state(self._venue_of(request), self.pace)
        except (msgspec.DecodeError, RecursionError):
            return _json(400, {"error": "the body is not a JSON object"})
        except OperatorError as error:
            return _json(error.status, {"error": str(error)})
        self.publish()
        return _json(200, state | {"n_sockets": len(self._open)})

    async def _operator_faults(self, _request: web.Request) -> web.StreamResponse:
        return _json(501, {"error": "this version of the local exchange injects no faults"})


async def _send_off(socket: web.WebSocketResponse, reason: str) -> None:
    with suppress(ConnectionError):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=reason.encode())


def wall_ms() -> int:
    """Return the wall's time."""
    return time.time_ns() // 1_000_000


def _response(answered: Answer) -> web.Response:
    return web.Response(
        status=answered.status, body=answered.body, content_type="application/json", headers=dict(answered.headers)
    )


def _json(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
