"""What the server asks of a face, and what a face gets to see of a request; no sockets here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from ballast.venues.exchange.keys import ApiKey
from ballast.venues.exchange.venue import LocalVenue

VOLATILE = frozenset({"timestamp", "signature", "recvWindow"})
"""Parameters of a query that differ each time it is asked."""


def steady(query: str) -> str:
    """Return what a query asks for, without what differs each time."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(sorted(pair for pair in pairs if pair[0] not in VOLATILE))


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``query`` and ``body`` as sent, header names in upper case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Mailbox(Protocol):
    """One socket, to write to; nothing here ever waits."""

    def send(self, text: bytes) -> None:
        """Send a text frame."""

    def push(self, data: bytes) -> None:
        """Send a binary frame."""


class Talk(Protocol):
    """One socket's side of the talk."""

    def hear(self, text: str) -> list[bytes]:
        """Return what to answer to one frame, text frames in order."""

    def leave(self) -> None:
        """Forget the socket."""

    def overdue(self, wall_ms: int) -> str:
        """Return why the venue closes the socket now; "" while it does not."""


@dataclass(frozen=True)
class Visit:
    """A client that opens a socket: the exchange's count of sockets, the query as sent, and where to write to."""

    number: int
    query: str
    mailbox: Mailbox


class Trouble(Enum):
    """What a venue says on bad days, in its own words."""

    TIMED_OUT = 1  # nobody knows whether it was done
    TOO_MANY = 2


class Face(ABC):
    """
    One venue behind its own protocol.

    Attributes
    ----------
    name : str
    venue : LocalVenue
    keys : mapping of str to ApiKey
        By the name that clients send.
    sockets : mapping of str to callable
        By path, how a talk there begins.
    is_paced : bool
        Whether what changes often is told no more often than the venue tells it; else everything at once.
    faults : frozenset of str
        The kinds of fault that it can show.
    """

    name: str
    venue: LocalVenue
    keys: Mapping[str, ApiKey]
    sockets: Mapping[str, Callable[[Visit], Talk]]
    is_paced: bool = False
    faults: frozenset[str]

    @abstractmethod
    def owns(self, path: str) -> bool:
        """Tell whether a path lies where this protocol lives."""

    @abstractmethod
    def look_up(self, wall_ms: int) -> None:
        """Take note of the wall's time."""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer a request; whatever it holds, the answer has the venue's shape."""

    @abstractmethod
    def malformed(self, status: int, message: str) -> Answer:
        """Return the answer to what is no request at all."""

    @abstractmethod
    def broken(self) -> Answer:
        """Return the answer where the exchange itself has failed."""

    @abstractmethod
    def publish(self) -> None:
        """Tell everybody what has happened since the last call."""

    @abstractmethod
    def addresses(self, host: str) -> dict[str, str]:
        """Return where clients go, by the names that the ready line has for it; ``host`` is host and port."""

    @abstractmethod
    def caller(self, request: Request) -> int | None:
        """For faults: return the account that a request says it comes from; None if it does not."""

    @abstractmethod
    def trouble(self, trouble: Trouble) -> Answer:
        """For faults: return the answer of a venue in trouble."""

    @abstractmethod
    def emptied(self, request: Request, answer: Answer) -> Answer:
        """For faults: return the answer to a read as if nothing had happened yet; the same if it is no such read."""

    @abstractmethod
    def request_in(self, text: str) -> str:
        """For faults: return the name of what a frame asks for; "" if it asks for nothing but a sign of life."""

    @abstractmethod
    def account_in(self, talk: Talk) -> int | None:
        """For faults: return the account of a socket; None before it has signed in, and if it never does."""

    @abstractmethod
    def trouble_in(self, talk: Talk, text: str, trouble: Trouble) -> bytes:
        """For faults: return the reply to a frame of a venue in trouble."""

    @abstractmethod
    def end_listen_keys(self, account: int) -> bool:
        """For faults: end an account's listen keys; False where it has none."""

    @abstractmethod
    def topic_of(self, message: bytes) -> str:
        """For faults: return the topic of a message that is pushed."""
