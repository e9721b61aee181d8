"""
One public connection that is kept: subscribed again after every loss, watched for silence, repaired where it broke.

What a venue's messages mean is said by a ``Dialect`` without any I/O; what was missed is fetched by a ``Mender``.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ballast.model.durations import MILLISECOND_NS
from ballast.model.errors import Disconnected, TemporaryVenueError
from ballast.model.public_feed import FeedEvent, FeedKind, FeedState, FeedStatus, FeedTopic
from ballast.venues.pacing import Clock, SystemClock
from ballast.venues.reconnecting import PUBLIC_PLAN, Reconnecting, ReconnectPlan

if TYPE_CHECKING:
    import aiohttp

LONGEST_MESSAGE = 8 * 2**20


@dataclass
class Reading:
    """What a message means: events in order, what to send back, and topics in which something was missed."""

    events: list[FeedEvent] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    missed: list[FeedTopic] = field(default_factory=list)
    topic: FeedTopic | None = None


class Dialect(Protocol):
    """A venue's public messages."""

    @property
    def topics(self) -> Sequence[FeedTopic]:
        """What is listened to."""
        ...

    def greeting(self) -> list[bytes]:
        """Return what to send on a new connection; what was known of books before it is forgotten."""
        ...

    def ping(self) -> bytes:
        """Return what keeps a connection alive."""
        ...

    def read(self, message: bytes, now_ns: int) -> Reading:
        """
        Return what a message means.

        Raises ``RejectedByVenue`` when the venue refuses a topic, ``Disconnected`` when the message cannot be read.
        """
        ...


class Mender(Protocol):
    """Who asks for what was missed."""

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return what was missed in a topic, in order; ``TemporaryVenueError`` where nobody could say."""
        ...


@dataclass(frozen=True)
class Silence:
    """
    How long nothing may come, in seconds.

    After ``ping_s`` the venue is asked, after ``dead_s`` the connection counts as lost. ``stale_s`` says it for each
    kind of topic: trades have no entry, because a symbol may well not trade.
    """

    ping_s: float = 20.0
    dead_s: float = 30.0
    stale_s: Mapping[FeedKind, float] = field(
        default_factory=lambda: {FeedKind.BOOK: 10.0, FeedKind.TICKER: 10.0, FeedKind.BARS: 90.0}
    )


@dataclass
class PublicSocket:
    """
    The port ``PublicFeed`` over one WebSocket.

    Parameters
    ----------
    url : str
    dialect : Dialect
    mender : Mender
    plan : ReconnectPlan
    silence : Silence
    clock, draw
        Time and uniform dice in [0, 1).
    """

    url: str
    dialect: Dialect
    mender: Mender
    plan: ReconnectPlan = PUBLIC_PLAN
    silence: Silence = field(default_factory=Silence)
    clock: Clock = field(default_factory=SystemClock)
    draw: Callable[[], float] = random.random  # noqa: S311  # Jitter spreads clients out; it guards nothing.

    async def events(self) -> AsyncGenerator[FeedEvent, None]:
        """Yield what happens; see ``PublicFeed.events``."""
        import aiohttp

        reconnecting, reason = Reconnecting(self.plan, self.draw), ""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(self.url, max_msg_size=LONGEST_MESSAGE) as socket:
                        reconnecting.connected(self.clock.monotonic_s())
                        yield self._status(FeedState.CONNECTED, None, self.url)
                        async for event in self._listen(socket):
                            yield event
                except (aiohttp.ClientError, OSError, Disconnected) as error:
                    reason = str(error) or type(error).__name__
                yield self._status(FeedState.LOST, None, reason)
                wait_s = reconnecting.lost(self.clock.monotonic_s())
                if wait_s is None:
                    raise Disconnected(f"{self.url}: {self.plan.attempts} attempts to connect failed, last: {reason}")
                await self.clock.sleep(wait_s)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[FeedEvent, None]:
        """Yield the events of one connection until it is lost, which raises ``Disconnected``."""
        for text in self.dialect.greeting():
            await socket.send_str(text.decode())
        now_s = self.clock.monotonic_s()
        watch = _Watch(self.silence, dict.fromkeys(self.dialect.topics, now_s), heard_s=now_s, pinged_s=now_s)
        while True:
            message = await _next_message(socket, watch.look_in_s(self.clock.monotonic_s()))
            now_s = self.clock.monotonic_s()
            if message is None:
                if watch.is_dead(now_s):
                    raise Disconnected(f"nothing came for {self.silence.dead_s:g} s")
                if watch.is_ping_due(now_s):
                    await socket.send_str(self.dialect.ping().decode())
            else:
                reading = self.dialect.read(message, self._now_ns())
                for topic in watch.heard(reading.topic, now_s):
                    yield self._status(FeedState.FRESH, topic, "something came again")
                for event in reading.events:
                    yield event
                for reply in reading.replies:
                    await socket.send_str(reply.decode())
                for topic in reading.missed:
                    async for event in self._mended(topic):
                        yield event
            for topic in watch.newly_stale(now_s):
                yield self._status(FeedState.STALE, topic, f"nothing for {self.silence.stale_s[topic.kind]:g} s")

    async def _mended(self, topic: FeedTopic) -> AsyncGenerator[FeedEvent, None]:
        try:
            for event in await self.mender.mend(topic):
                yield event
        except TemporaryVenueError as error:
            yield self._status(FeedState.UNREPAIRED, topic, str(error))

    def _status(self, state: FeedState, topic: FeedTopic | None, text: str) -> FeedStatus:
        return FeedStatus(state, self._now_ns(), topic, text)

    def _now_ns(self) -> int:
        return self.clock.wall_ms() * MILLISECOND_NS


@dataclass
class _Watch:
    """When something was heard last, of the connection and of each topic; all times monotonic seconds."""

    silence: Silence
    topics: dict[FeedTopic, float]
    heard_s: float
    pinged_s: float
    stale: set[FeedTopic] = field(default_factory=set)

    def look_in_s(self, now_s: float) -> float:
        """Return how long nothing needs doing if nothing comes."""
        dues = [self.heard_s + self.silence.dead_s, max(self.heard_s, self.pinged_s) + self.silence.ping_s]
        dues += [self._stale_at(topic) for topic in self.topics if topic not in self.stale]
        return max(0.001, min(dues) - now_s)

    def is_dead(self, now_s: float) -> bool:
        return now_s - self.heard_s >= self.silence.dead_s

    def is_ping_due(self, now_s: float) -> bool:
        if now_s - max(self.heard_s, self.pinged_s) < self.silence.ping_s:
            return False
        self.pinged_s = now_s
        return True

    def heard(self, topic: FeedTopic | None, now_s: float) -> list[FeedTopic]:
        """Note a message; return its topic if that was stale."""
        self.heard_s = now_s
        if topic is None:
            return []
        self.topics[topic] = now_s
        was_stale = topic in self.stale
        self.stale.discard(topic)
        return [topic] if was_stale else []

    def newly_stale(self, now_s: float) -> list[FeedTopic]:
        found = [topic for topic in self.topics if topic not in self.stale and now_s >= self._stale_at(topic)]
        self.stale.update(found)
        return found

    def _stale_at(self, topic: FeedTopic) -> float:
        return self.topics[topic] + self.silence.stale_s.get(topic.kind, float("inf"))


async def _next_message(socket: aiohttp.ClientWebSocketResponse, timeout_s: float) -> bytes | None:
    """Return the next message, None when none came in time; a socket that closes raises ``Disconnected``."""
    import aiohttp

    try:
        message = await socket.receive(timeout_s)
    except TimeoutError:
        return None
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data).encode()
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    words = (message.type.name.lower(), message.data, message.extra)
    raise Disconnected(f"the venue closed the connection ({' '.join(str(word) for word in words if word)})")
