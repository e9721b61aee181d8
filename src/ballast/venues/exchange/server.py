"""
The sockets: one process, one loop, the loopback alone, and one port for every venue.

Every request is handled at once, on the loop, so that the venue never sees two at a time: it is answered, and then
everybody is told what it caused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from ballast.model.durations import MILLISECOND_NS
from ballast.venues.exchange import operator
from ballast.venues.exchange.faces import Answer, Face, Request, Talk, Visit
from ballast.venues.exchange.faults.injection import Injection, Outcome, Wire
from ballast.venues.exchange.live import LiveFeed
from ballast.venues.exchange.operator import OperatorError
from ballast.venues.exchange.outbox import Outbox
from ballast.venues.exchange.pace import Pace
from ballast.venues.exchange.recording.capture import Recorder
from ballast.venues.exchange.venue import LocalVenue

HOST = "127.0.0.1"
LARGEST_BODY = 1_000_000
LARGEST_FRAME = 1_000_000
SILENCE_S = 600.0
"""After so long without a word from a client its socket is closed."""
PATIENCE_S = 75.0
"""So long may a connection be idle, or a request's head take to arrive, before the connection is closed."""
BODY_S = 10.0
"""So long may a request's body take."""
LINGER_S = 1.0
"""So long is the rest of a body thrown away that was answered before it had come."""
DOORMAN_S = 0.5
"""Between looks at who has stayed too long."""
TICK_S = 0.05
"""Between looks at the wall's clock."""
NO_NEWS = (HttpProcessingError, ConnectionError)
"""What clients do to connections; the first is answered with HTTP status 400."""


class ExchangeServer:
    """
    Venues behind sockets.

    Parameters
    ----------
    faces : sequence of Face
        At least one; the first answers what lies in no other's part of the paths.
    pace : Pace
    seed : int
        Of what faults leave to chance.
    live : LiveFeed or None
        Where the market comes from while it goes on; its clock is the wall's.

    Attributes
    ----------
    injections : dict of str to Injection
        Faults by venue.
    recorder : Recorder or None
        Writes down what clients ask and are told; what an operator does is left out.
    """

    def __init__(self, faces: Sequence[Face], pace: Pace, seed: int = 0, live: LiveFeed | None = None) -> None:
        self.faces, self.pace, self.live = {face.name: face for face in faces}, pace, live
        for face in faces:
            face.is_paced = not pace.is_stepped
        self.injections = {face.name: Injection(face, seed) for face in faces}
        self.recorder: Recorder | None = None
        self._first = faces[0]
        self._n_greeted = 0
        self._open: dict[web.WebSocketResponse, tuple[Face, Talk, Outbox]] = {}
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._start_s, self._start_ns = 0.0, 0
        self._leaving: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int = 0, tls: SSLContext | None = None) -> None:
        """Listen on ``port``, 0 for any that is free, and let the clock run."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._shaped])
        for face in self.faces.values():
            for path, begin in face.sockets.items():
                app.router.add_get(path, partial(self._talk, begin))
        app.router.add_get("/operator/state", self._operator_state)
        app.router.add_post("/operator/step", self._operator_step)
        app.router.add_post("/operator/transfer", self._operator_transfer)
        app.router.add_get("/operator/faults", self._operator_faults)
        app.router.add_post("/operator/faults", self._operator_faults)
        app.router.add_route("*", "/{path:.*}", self._rest)
        # No venue takes compressed bodies; one that is, is no request, however large it would become.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            logger=_quiet_logger(),
            keepalive_timeout=PATIENCE_S,
            lingering_time=LINGER_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        venues = [face.venue for face in self.faces.values()]
        # Venues that got ready one after the other go on together.
        self._start_s, self._start_ns = time.monotonic(), max(venue.now_ns for venue in venues)
        if self.live is not None:
            self._start_ns = time.time_ns()
            self._tasks.append(asyncio.create_task(self.live.run(venues, self._market_ns)))
        if not self.pace.is_stepped:
            self._tasks.append(asyncio.create_task(self._run_clock()))
        self._tasks.append(asyncio.create_task(self._show_out()))

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the exchange stops")
        if self._runner is not None:
            await self._runner.cleanup()

    async def failed(self) -> None:
        """Wait until the clock fails, or the closing of sockets, or the live feed; it never ends otherwise."""
        await asyncio.gather(*self._tasks)

    @property
    def n_sockets(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    def sockets(self) -> list[Outbox]:
        """Return the ways to all clients, oldest first."""
        return [outbox for _, _, outbox in self._open.values()]

    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""
        for face in self.faces.values():
            self._tell_time(face)
            injection = self.injections[face.name]
            if injection.is_armed and injection.pass_time():
                for socket, (whose, _, outbox) in list(self._open.items()):
                    if whose is face:
                        self._break_off(socket, outbox, is_abrupt=False)
            face.publish()

    def _market_ns(self) -> int:
        """Return the market's time where it follows the wall's."""
        return self._start_ns + int((time.monotonic() - self._start_s) * self.pace.speed * 1e9)

    async def _run_clock(self) -> None:
        venues = [face.venue for face in self.faces.values()]
        while True:
            if self.pace.speed == float("inf"):
                until_ns = min(venue.next_point_ns() for venue in venues)
                await asyncio.sleep(TICK_S if venues[0].has_ended else 0)
            else:
                await asyncio.sleep(TICK_S)
                until_ns = self._market_ns()
            for face in self.faces.values():
                self._tell_time(face)
                face.venue.advance_to(until_ns)
            self.publish()

    async def _show_out(self) -> None:
        """Close the sockets that their venue has no more patience with."""
        while True:
            await asyncio.sleep(DOORMAN_S)
            silent_s = time.monotonic() - SILENCE_S
            for socket, (_, talk, outbox) in list(self._open.items()):
                if reason := "silent for too long" if outbox.heard_s < silent_s else talk.overdue(wall_ms()):
                    self._let_go(socket, reason)

    def _let_go(self, socket: web.WebSocketResponse, reason: str) -> None:
        """Close a socket, not waiting: a client that does not answer must not hold up the next one."""
        leaving = asyncio.create_task(_send_off(socket, reason))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _break_off(self, socket: web.WebSocketResponse, outbox: Outbox, *, is_abrupt: bool) -> None:
        """Close a socket by a fault."""
        outbox.close(is_abrupt=is_abrupt)
        if not is_abrupt:
            self._let_go(socket, "")

    def _tell_time(self, face: Face) -> None:
        face.look_up(wall_ms() + self.injections[face.name].skew_ms())

    def _face(self, path: str) -> Face:
        """Return whose path it is, told the time."""
        face = next((one for one in self.faces.values() if one.owns(path)), self._first)
        self._tell_time(face)
        return face

    @web.middleware
    async def _shaped(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Give whatever goes wrong the venue's shape."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            answered = _response(self._face(request.path).malformed(error.status, error.reason))
            if isinstance(error, web.HTTPRequestTimeout):
                answered.force_close()
            return answered
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
            headers={name.upper(): _plain(value) for name, value in request.headers.items()},
            body=await _body(request),
            address=request.remote or "",
        )
        face, recorder = self._face(asked.path), self.recorder
        number = recorder.asked(asked.method, asked.path, asked.query, asked.body) if recorder else 0
        injection = self.injections[face.name]
        outcome = injection.answer(asked) if injection.is_armed else Outcome(face.answer(asked))
        self.publish()
        if outcome.delay_s > 0.0:
            await asyncio.sleep(outcome.delay_s)
        if recorder:
            told = outcome.answer or Answer(0, b"", {})
            recorder.answered(number, told.status, told.headers, told.body)
        if outcome.answer is None:
            if request.transport is not None:
                request.transport.abort()
            # Nobody is there to read it.
            return web.Response()
        return _response(outcome.answer)

    async def _talk(self, begin: Callable[[Visit], Talk], request: web.Request) -> web.StreamResponse:
        face = self._face(request.path)
        injection = self.injections[face.name]
        if not injection.lets_in(request.path):
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, compress=False, autoping=False)
        await socket.prepare(request)
        if request.transport is None:
            raise ConnectionResetError
        self._n_greeted += 1
        outbox = Outbox(request.transport)
        talk = begin(Visit(self._n_greeted, request.rel_url.raw_query_string, outbox))
        outbox.wire = Wire(injection, talk, lambda is_abrupt: self._break_off(socket, outbox, is_abrupt=is_abrupt))
        self._open[socket] = face, talk, outbox
        number, recorder = self._n_greeted, self.recorder
        if recorder:
            recorder.opened(number, request.path, request.rel_url.raw_query_string)
            outbox.note = lambda data, is_binary: recorder.told(number, data, is_binary=is_binary)
        try:
            async for message in socket:
                outbox.heard_s = time.monotonic()
                if message.type == WSMsgType.PING and not outbox.is_silent:
                    await socket.pong(message.data)
                if message.type in {WSMsgType.PING, WSMsgType.PONG}:
                    continue
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    break
                text = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
                if recorder:
                    recorder.heard(number, text)
                try:
                    self._hear(face, talk, outbox, text)
                except Exception:
                    # As with requests: a client's message must not take the exchange down.
                    request.app.logger.exception("a message at %s failed", request.path)
                    await _send_off(socket, "the exchange failed", WSCloseCode.INTERNAL_ERROR)
                if reason := talk.overdue(wall_ms()):
                    await _send_off(socket, reason)
        finally:
            outbox.close()
            if recorder:
                recorder.closed(number)
            talk.leave()
            self._open.pop(socket, None)
        return socket

    def _hear(self, face: Face, talk: Talk, outbox: Outbox, text: str) -> None:
        """Let a message be answered, and everybody be told what it caused."""
        self._tell_time(face)
        injection = self.injections[face.name]
        replies, late_s = injection.hear(talk, text) if injection.is_armed else (talk.hear(text), 0.0)
        for reply in replies:
            outbox.reply(reply, late_s)
        self.publish()

    def _meant(self, request: web.Request) -> str:
        """Return the venue that an operator means with ``?venue=``, else the first; raises ``OperatorError``."""
        name = request.query.get("venue", self._first.name)
        if name not in self.faces:
            raise OperatorError(400, f"venue {name}: this exchange is {' and '.join(self.faces)}")
        return name

    def _venue_of(self, request: web.Request) -> LocalVenue:
        return self.faces[self._meant(request)].venue

    async def _operator_state(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda _asked: None)

    async def _operator_step(self, request: web.Request) -> web.StreamResponse:
        venues = [face.venue for face in self.faces.values()]
        return await self._operate(request, lambda asked: operator.step(venues, self.pace, asked))

    async def _operator_transfer(self, request: web.Request) -> web.StreamResponse:
        return await self._operate(request, lambda asked: operator.transfer(self._venue_of(request), asked))

    async def _operate(self, request: web.Request, do: Callable[[Mapping[str, Any]], None]) -> web.StreamResponse:
        try:
            do(msgspec.json.decode(await _body(request) or b"{}", type=dict[str, Any]))
            state = operator.state(self._venue_of(request), self.pace)
        except (msgspec.DecodeError, RecursionError):
            return _json(400, {"error": "the body is not a JSON object"})
        except OperatorError as error:
            return _json(error.status, {"error": str(error)})
        self.publish()
        told = {} if self.live is None else {"live": self.live.state(self._market_ns())}
        return _json(200, state | {"n_sockets": self.n_sockets} | told)

    async def _operator_faults(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = msgspec.json.decode(await _body(request) or b"{}", type=dict[str, Any])
            injection = self.injections[self._meant(request)]
            operator.set_faults(injection, asked)
        except (msgspec.DecodeError, RecursionError):
            return _json(400, {"error": "the body is not a JSON object"})
        except OperatorError as error:
            return _json(error.status, {"error": str(error)})
        self.publish()
        return _json(200, {"faults": injection.schedule.told()})


async def _send_off(socket: web.WebSocketResponse, reason: str, code: WSCloseCode = WSCloseCode.GOING_AWAY) -> None:
    with suppress(ConnectionError):
        await socket.close(code=code, message=reason.encode())


async def _body(request: web.Request) -> bytes:
    """Return a request's body; raises ``HTTPRequestTimeout`` when it does not come."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


def _quiet_logger() -> logging.Logger:
    """Return where failures of connections are told; what is no HTTP, or has gone in the middle of it, is no news."""
    logger = logging.getLogger(__name__)
    if not logger.filters:
        logger.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], NO_NEWS)))
    return logger


def wall_ms() -> int:
    """Return the wall's time."""
    return time.time_ns() // MILLISECOND_NS


def _plain(text: str) -> str:
    """Return a header's text without the halves of characters that stand for bytes that are none."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _response(answered: Answer) -> web.Response:
    headers = {"Content-Type": "application/json"} | dict(answered.headers)
    return web.Response(status=answered.status, body=answered.body, headers=headers)


def _json(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
