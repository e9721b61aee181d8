"""
A recorded session, played to clients again.

Each client that opens a socket gets the one recorded at that path whose client asked for the same (see ``talks``): what
that was told comes byte for byte, never before the client has said as much as the recorded one had, and no sooner after
that than then, divided by the clock's speed. A request gets the next recorded answer to the same method, path and
query; a read that is asked more often than it was recorded gets the last one again.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from ballast.model.errors import DataError
from ballast.venues.exchange.faces import steady
from ballast.venues.exchange.recording.capture import (
    Answered,
    Asked,
    Closed,
    Heard,
    Line,
    Opened,
    Told,
    is_capture,
    read_capture,
    read_lines,
)
from ballast.venues.exchange.recording.public_log import Message, read_public_log
from ballast.venues.exchange.recording.talks import Talk, Talks

HOST = "127.0.0.1"
PUBLIC_PATH = "/v5/public/linear"
REPLY_DELAY_S = 0.001
"""After what a client says: some note what they have asked only after they have sent it."""
Route = tuple[str, str, str]


class Replay(ABC):
    """
    Answers from a recording.

    Parameters
    ----------
    speed : float
        Recorded seconds a second of the wall, inf for no waiting.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int = 0, tls: SSLContext | None = None) -> None:
        """Listen on ``port``, 0 for any that is free."""
        app = web.Application(client_max_size=1_000_000)
        app.router.add_route("*", "/{path:.*}", self._come_in)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port, ssl_context=tls).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def failed(self) -> None:
        """Wait; nothing here fails by itself."""
        await asyncio.Event().wait()

    async def _come_in(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._answer(request)
        play = self._socket_at(request.path, request.rel_url.raw_query_string)
        if play is None:
            return _missing(f"no more sockets were recorded at {request.path}")
        socket = web.WebSocketResponse(max_msg_size=1_000_000, compress=False)
        await socket.prepare(request)
        with suppress(ConnectionError):
            await play(socket)
        return socket

    @abstractmethod
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a REST request."""

    @abstractmethod
    def _socket_at(self, path: str, query: str) -> Callable[[web.WebSocketResponse], Awaitable[None]] | None:
        """Return how to play to a client that opens a socket; None turns it away."""

    async def _wait(self, seconds: float) -> None:
        if self._speed != float("inf") and seconds > 0.0:
            await asyncio.sleep(seconds / self._speed)


class SessionReplay(Replay):
    """
    Plays a session.

    Parameters
    ----------
    lines : sequence of Line
        Of a capture, without its first.
    speed : float
    """

    def __init__(self, lines: Sequence[Line], speed: float) -> None:
        super().__init__(speed)
        self._sockets: dict[str, Talks] = defaultdict(Talks)
        self._answers: dict[Route, deque[tuple[float, Answered]]] = defaultdict(deque)
        self._last: dict[Route, tuple[float, Answered]] = {}
        talks: dict[int, Talk] = {}
        asked: dict[int, Asked] = {}
        for line in lines:
            if isinstance(line, Opened):
                talks[line.socket] = Talk(len(talks), steady(line.query))
                self._sockets[line.path].free.append(talks[line.socket])
            elif isinstance(line, Heard | Told | Closed):
                talks[line.socket].lines.append(line)
            elif isinstance(line, Asked):
                asked[line.request] = line
            elif isinstance(line, Answered):
                one = asked[line.request]
                delay_s = (line.at_us - one.at_us) / 1e6
                self._answers[_route(one.method, one.path, one.query)].append((delay_s, line))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        route = _route(request.method, request.rel_url.raw_path, request.rel_url.raw_query_string)
        await request.read()
        waiting = self._answers.get(route)
        if waiting:
            self._last[route] = waiting.popleft()
        elif route not in self._last or request.method != "GET":
            return _missing(f"no more answers were recorded to {request.method} {request.rel_url}")
        delay_s, answered = self._last[route]
        await self._wait(delay_s)
        if answered.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers: Mapping[str, str] = {"Content-Type": "application/json"} | answered.headers
        return web.Response(status=answered.status, body=answered.body.encode(), headers=headers)

    def _socket_at(self, path: str, query: str) -> Callable[[web.WebSocketResponse], Awaitable[None]] | None:
        talks = self._sockets.get(path)
        first = None if talks is None else talks.take(steady(query))
        if talks is None or first is None:
            return None

        async def play(socket: web.WebSocketResponse) -> None:
            talk, at, said = first, 0, list[str]()
            loop = asyncio.get_running_loop()
            since_us, since_s = talk.lines[0].at_us if talk.lines else 0, loop.time()
            while at < len(talk.lines):
                line = talk.lines[at]
                if isinstance(line, Heard):
                    text = await _heard(socket)
                    if text is None:
                        return
                    said.append(text)
                    talk, at = talks.going_on(talk, said)
                    since_us, since_s = talk.lines[at].at_us, loop.time()
                    await asyncio.sleep(REPLY_DELAY_S)
                else:
                    due_s = (line.at_us - since_us) / 1e6 / self._speed
                    await asyncio.sleep(max(0.0, since_s + due_s - loop.time()))
                    if isinstance(line, Told):
                        await (socket.send_bytes(line.data) if line.data else socket.send_str(line.text))
                at += 1
            await socket.close()

        return play


class PublicReplay(Replay):
    """
    Plays recorded public messages to whoever subscribes, from the first on, at the times between them.

    Parameters
    ----------
    messages : sequence of Message
    speed : float
    path : str
        Where the public socket is.
    """

    def __init__(self, messages: Sequence[Message], speed: float, path: str) -> None:
        super().__init__(speed)
        self._messages, self._path = messages, path
        self.topics = sorted({message.topic for message in messages})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        return _missing(f"{request.path}: public messages are all there is; go to {self._path}")

    def _socket_at(self, path: str, query: str) -> Callable[[web.WebSocketResponse], Awaitable[None]] | None:  # noqa: ARG002  # All hear the same.
        return self._talk if path == self._path else None

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        plays: list[asyncio.Task[None]] = []
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    break
                asked = _object(message.data)
                names = asked.get("args") if asked.get("op") == "subscribe" else []
                wanted = {str(name) for name in names} if isinstance(names, list) else set()
                unknown = sorted(wanted.difference(self.topics))
                words = f"error:handler not found,topic:{unknown[0][:60]}" if unknown else ""
                said = {"success": not unknown, "ret_msg": words, "op": str(asked.get("op", ""))[:20]}
                if asked.get("op") == "ping":
                    said["ret_msg"] = "pong"
                await asyncio.sleep(REPLY_DELAY_S)
                await socket.send_str(msgspec.json.encode(said | {"req_id": asked.get("req_id", "")}).decode())
                if wanted and not unknown:
                    plays.append(asyncio.create_task(self._play(socket, wanted)))
        finally:
            for play in plays:
                play.cancel()

    async def _play(self, socket: web.WebSocketResponse, topics: set[str]) -> None:
        loop = asyncio.get_running_loop()
        chosen = [message for message in self._messages if message.topic in topics]
        start_s, first_ns = loop.time(), chosen[0].time_ns
        with suppress(ConnectionError):
            for message in chosen:
                due_s = start_s + (message.time_ns - first_ns) / 1e9 / self._speed
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                await socket.send_str(message.text.decode())


def _route(method: str, path: str, query: str) -> Route:
    return method, path, steady(query)


async def _heard(socket: web.WebSocketResponse) -> str | None:
    """Wait until the client says something, and return it; None when it has left."""
    message = await socket.receive()
    if message.type is WSMsgType.BINARY:
        return bytes(message.data).decode("utf-8", "replace")
    return str(message.data) if message.type is WSMsgType.TEXT else None


def _object(text: str) -> dict[str, Any]:
    with suppress(msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        read = msgspec.json.decode(text)
        return read if isinstance(read, dict) else {}
    return {}


def _missing(words: str) -> web.Response:
    return web.json_response({"error": words}, status=404)


def replay_of(path: Path, speed: float) -> tuple[Replay, Callable[[int], dict[str, Any]]]:
    """
    Return who plays a file, and what makes its ready line of the port.

    Raises
    ------
    DataError
        The file is neither a session nor public messages.
    """
    lines, source = read_lines(path, "--replay"), f"--replay {path}"
    if is_capture(lines):
        session, read = read_capture(lines, source)
        recorded = session.ready

        def moved(port: int) -> dict[str, Any]:
            """Return the line as it was recorded, but for where it listens."""
            text = re.sub(
                r"(https?|wss?)://127\.0\.0\.1:[0-9]+", rf"\1://{HOST}:{port}", msgspec.json.encode(recorded).decode()
            )
            return dict(msgspec.json.decode(text))

        return SessionReplay(read, speed), moved
    messages = read_public_log(lines, source)
    if not messages:
        raise DataError(f"{source}: the file is empty; name a capture")
    public = PublicReplay(messages, speed, PUBLIC_PATH)

    def made(port: int) -> dict[str, Any]:
        symbols = sorted({topic.rpartition(".")[2] for topic in public.topics})
        url = f"ws://{HOST}:{port}{PUBLIC_PATH}"
        return {"venue": "bybit", "public_url": url, "symbols": symbols, "topics": public.topics}

    return public, made
