"""
Faults done to one venue's clients: what is asked of the schedule, and what follows for requests, messages and sockets.

No connection here: the server is told what to answer and when, a socket's messages what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ballast.model.errors import ConfigError
from ballast.venues.exchange.faces import Answer, Face, Request, Talk, Trouble, steady
from ballast.venues.exchange.faults import events
from ballast.venues.exchange.faults.kinds import (
    AnswerLate,
    AnswerLost,
    ClockSkew,
    ConnectionRefused,
    Fault,
    HttpError,
    ListenKeyExpired,
    Maintenance,
    OnPush,
    PartialFill,
    PushDropped,
    PushDuplicated,
    PushLate,
    PushReordered,
    RateLimited,
    ServerTimeout,
    SocketClosed,
    SocketSilent,
    StaleRead,
)
from ballast.venues.exchange.faults.schedule import Schedule, parse_faults, random_faults

MOST_READS = 256
"""Different reads of which a stale one is remembered; who asks for more has the oldest forgotten."""
_PAGE = b"<html><body><h1>%d</h1></body></html>"


class Outcome(NamedTuple):
    """What becomes of a request: its answer, None for a connection that breaks off, and how late it is."""

    answer: Answer | None
    delay_s: float = 0.0


class Injection:
    """
    The faults of one venue.

    Parameters
    ----------
    face : Face
    seed : int
        Of what is left to chance.
    """

    def __init__(self, face: Face, seed: int = 0) -> None:
        self.face, self.schedule = face, Schedule(seed)
        self._reads: dict[tuple[int | None, str, str], Answer] = {}
        self._was_down = False

    @property
    def is_armed(self) -> bool:
        """Whether there is any fault in force, or to come."""
        return bool(self.schedule.armed)

    @property
    def now_ms(self) -> float:
        """The market's time."""
        return self.face.venue.now_ns / 1e6

    def arm(self, raw: Any, source: str, *, is_only: bool = False) -> None:
        """Put faults in force, from plain values; ``is_only`` in place of all others. Raises ``ConfigError``."""
        faults = parse_faults(raw, source)
        for number, fault in enumerate(faults, 1):
            self._check(fault, f"{source}: fault {number}")
        if is_only:
            self.schedule.clear()
            self._reads.clear()
        self.schedule.arm(faults, self.now_ms)

    def arm_at_random(self) -> None:
        """Put a bad day in force: what happens is left to the seed."""
        self.schedule.arm(random_faults(sorted(self.face.faults)), self.now_ms)

    def _check(self, fault: Fault, where: str) -> None:
        kind = str(fault.__struct_config__.tag)
        if kind not in self.face.faults:
            raise ConfigError(f"{where}: {self.face.name} has no {kind}; it has {', '.join(sorted(self.face.faults))}")
        events.check(self.face.venue, fault, where)

    def pass_time(self) -> bool:
        """Let happen what is due; tell whether maintenance begins, and every socket is to be closed."""
        for armed in self.schedule.due(self.now_ms):
            fault = armed.fault
            if isinstance(fault, ListenKeyExpired):
                armed.n_struck += int(self.face.end_listen_keys(fault.account))
            else:
                armed.n_struck += int(events.happen(self.face.venue, fault))
        was_down, self._was_down = self._was_down, self.is_down
        return self._was_down and not was_down

    @property
    def is_down(self) -> bool:
        """Whether the venue is under maintenance."""
        return bool(self.schedule.in_force(Maintenance, self.now_ms))

    def skew_ms(self) -> int:
        """Return how far the venue's clock is ahead."""
        if not self.schedule.armed:
            return 0
        return sum(fault.offset_ms for fault in self.schedule.in_force(ClockSkew, self.now_ms))

    def lets_in(self, path: str) -> bool:
        """Tell whether a socket may be opened."""
        return not self.is_down and not self.schedule.hits(ConnectionRefused, path, None, self.now_ms)

    def answer(self, request: Request) -> Outcome:
        """Answer a request, and say what becomes of the answer."""
        if self.is_down:
            return Outcome(_page(503))
        name, account = f"{request.method} {request.path}", self.face.caller(request)
        now_ms, hits = self.now_ms, self.schedule.hits
        if hits(RateLimited, name, account, now_ms):
            return Outcome(self.face.trouble(Trouble.TOO_MANY))
        with self._bounded(name, account):
            answer = self.face.answer(request)
        if request.method == "GET":
            answer = self._read(name, account, request, answer)
        late = sum(hit.delay_s for hit in hits(AnswerLate, name, account, now_ms))
        if hits(AnswerLost, name, account, now_ms):
            return Outcome(None, late)
        for hit in hits(HttpError, name, account, now_ms):
            answer = _page(hit.fault.status)
        if hits(ServerTimeout, name, account, now_ms):
            answer = self.face.trouble(Trouble.TIMED_OUT)
        return Outcome(answer, late)

    def hear(self, talk: Talk, text: str) -> tuple[list[bytes], float]:
        """Return what to answer to a frame, and how late."""
        name = self.face.request_in(text)
        if not name:
            return talk.hear(text), 0.0
        account, now_ms, hits = self.face.account_in(talk), self.now_ms, self.schedule.hits
        if hits(RateLimited, name, account, now_ms):
            return [self.face.trouble_in(talk, text, Trouble.TOO_MANY)], 0.0
        with self._bounded(name, account):
            replies = talk.hear(text)
        late = sum(hit.delay_s for hit in hits(AnswerLate, name, account, now_ms))
        if hits(AnswerLost, name, account, now_ms):
            return [], 0.0
        if hits(ServerTimeout, name, account, now_ms):
            replies = [self.face.trouble_in(talk, text, Trouble.TIMED_OUT)]
        return replies, late

    @contextmanager
    def _bounded(self, name: str, account: int | None) -> Iterator[None]:
        """Let the recorded market fill only so much meanwhile, if a fault says so."""
        found = self.schedule.hits(PartialFill, name, account, self.now_ms)
        if not found:
            yield
            return
        volume_left = self.face.venue.host.volume_left
        before = volume_left.copy()
        volume_left[:] = min(hit.fault.qty for hit in found)
        try:
            yield
        finally:
            volume_left[:] = before

    def _read(self, name: str, account: int | None, request: Request, answer: Answer) -> Answer:
        """Return what a read is answered, which may be what it was answered before."""
        if not self.schedule.in_force(StaleRead, self.now_ms):
            self._reads.clear()
            return answer
        key = account, request.path, steady(request.query)
        if self.schedule.hits(StaleRead, name, account, self.now_ms):
            return self._reads.get(key) or self.face.emptied(request, answer)
        self._reads.pop(key, None)
        self._reads[key] = answer
        if len(self._reads) > MOST_READS:
            del self._reads[next(iter(self._reads))]
        return answer


class Wire:
    """
    What becomes of the messages of one socket.

    Parameters
    ----------
    injection : Injection
    talk : Talk
    close : callable
        Closes the socket; True breaks it off.
    """

    def __init__(self, injection: Injection, talk: Talk, close: Callable[[bool], None]) -> None:
        self._injection, self._talk, self._close = injection, talk, close
        self._held: bytes | None = None
        self._due_s: dict[str, float] = {}
        self.is_silent = False

    @property
    def is_clear(self) -> bool:
        """Whether every message passes as it is."""
        return not (self._injection.schedule.armed or self.is_silent or self._held)

    def pass_on(self, message: bytes, now_s: float) -> list[tuple[float, bytes]]:
        """Return what is sent for a message, each with how late: nothing, it, or more."""
        if self.is_silent:
            return []
        injection = self._injection
        topic, account = injection.face.topic_of(message), injection.face.account_in(self._talk)

        def struck(kind: type[OnPush]) -> list[Any]:
            return injection.schedule.hits(kind, topic, account, injection.now_ms)

        for hit in struck(SocketClosed):
            self._close(hit.fault.is_abrupt)
            return []
        if struck(SocketSilent):
            self.is_silent = True
            return []
        if struck(PushDropped):
            return []
        copies = 2 if struck(PushDuplicated) else 1
        if struck(PushReordered) and self._held is None:
            self._held = message
            return []
        due_s = max(self._due_s.get(topic, 0.0), now_s + sum(hit.delay_s for hit in struck(PushLate)))
        self._due_s[topic] = due_s
        sent = [(max(0.0, due_s - now_s), message)] * copies
        if self._held is not None:
            sent.append((sent[-1][0], self._held))
            self._held = None
        return sent


def _page(status: int) -> Answer:
    """Return what stands between client and venue and answers in the venue's place."""
    return Answer(status, _PAGE % status, {"Content-Type": "text/html"})
