"""
Which recorded socket a client is played, where several were open at one path.

It is given the first that was opened with the same query. As soon as it asks for something else than that one's client
did, it gets another in its place whose client has asked for the same from the beginning, if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from ballast.venues.exchange.recording.capture import Heard, Line


@dataclass
class Talk:
    """One socket of a recording: its number in the order of opening, its query, and what was said on it."""

    number: int
    query: str
    lines: list[Line] = field(default_factory=list)

    def fits(self, said: list[str]) -> bool:
        """Tell whether its client has begun by asking for the same."""
        asked = [line.text for line in self.lines if isinstance(line, Heard)]
        return len(asked) >= len(said) and all(gist(a) == gist(b) for a, b in zip(asked, said, strict=False))

    def place_of(self, n_said: int) -> int:
        """Return the place of the line in which its client says something for the ``n_said`` th time."""
        return [at for at, line in enumerate(self.lines) if isinstance(line, Heard)][n_said - 1]


@dataclass
class Talks:
    """The sockets of one path that no client has been given, in the order of their opening."""

    free: list[Talk] = field(default_factory=list)

    def take(self, query: str) -> Talk | None:
        """Give the first that was opened with ``query``, or else the first; None when all are given."""
        talk = next((one for one in self.free if one.query == query), self.free[0] if self.free else None)
        if talk is not None:
            self.free.remove(talk)
        return talk

    def going_on(self, held: Talk, said: list[str]) -> tuple[Talk, int]:
        """Return the talk that goes on for a client that holds one and has said so much, and where in it that is."""
        other = None if held.fits(said) else next((one for one in self.free if one.fits(said)), None)
        if other is None:
            return held, held.place_of(len(said))
        self.free.remove(other)
        self.free.append(held)
        self.free.sort(key=lambda talk: talk.number)
        return other, other.place_of(len(said))


def gist(text: str) -> Any:
    """Return what a frame asks for, without what differs each time: requests' numbers, times, signatures."""
    try:
        told = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text
    if not isinstance(told, dict):
        return text
    what, wanted = told.get("op", told.get("method")), told.get("args", told.get("params"))
    if not isinstance(wanted, list):
        return what, repr(wanted)
    return what, wanted[:1] if what == "auth" else sorted(map(repr, wanted))
