"""
What clients say on the socket, and what they are answered; no connection here, only messages.

One socket serves public channels, and private ones if it came with a listen key. The venue closes it after 30 s without
a subscription, 60 s without a word, 24 hours, 100 messages in a second, or when its listen key ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from ballast.venues.exchange.faces import Mailbox, Visit
from ballast.venues.exchange.mexc.codes import Rejection
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.listen_keys import MOST_SOCKETS, ListenKey
from ballast.venues.exchange.mexc.private_stream import PrivateStream
from ballast.venues.exchange.mexc.public_stream import PublicStream, not_subscribed
from ballast.venues.exchange.window import Window

MOST_SUBSCRIPTIONS = 30
MOST_MESSAGES = 100
"""In a second."""
IDLE_MS, SILENCE_MS, LIFE_MS = 30_000, 60_000, 86_400_000
_PRIVATE = "spot@private."
_BAD = 1


class Conversation:
    """One socket's side of the talk; to the streams it is who listens."""

    def __init__(self, desk: Desk, public: PublicStream, private: PrivateStream, visit: Visit) -> None:
        self._desk, self._public, self._private = desk, public, private
        self._mailbox: Mailbox = visit.mailbox
        self._channels: set[str] = set()
        self._heard = Window(1_000)
        self._began_ms = self._idle_since_ms = self._last_word_ms = desk.wall_ms
        self._farewell = ""
        self._key = self._admit(parse_qs(visit.query).get("listenKey", [""])[0])

    def _admit(self, text: str) -> ListenKey | None:
        """Return the listen key that a socket came with, if it came with one that has room."""
        if not text:
            return None
        key = self._desk.listen_keys.holder(text, self._desk.wall_ms)
        if key is None or key.n_sockets >= MOST_SOCKETS:
            self._mailbox.send(b"Invalid listen key")
            self._farewell = "invalid listen key"
            return None
        key.n_sockets += 1
        return key

    @property
    def account(self) -> int | None:
        """Whose listen key the socket came with; None without one."""
        return None if self._key is None else self._key.account

    def push(self, data: bytes) -> None:
        """Send a message of a stream."""
        self._last_word_ms = self._desk.wall_ms
        self._mailbox.push(data)

    def hear(self, text: str) -> list[bytes]:
        """Answer one frame; what is no message gets an error, and the talk goes on."""
        now_ms = self._last_word_ms = self._desk.wall_ms
        self._heard.add(now_ms)
        if self._heard.used(now_ms) > MOST_MESSAGES:
            self._farewell = "too many messages"
            return []
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return [said(0, _BAD, "the frame is not JSON")]
        if not isinstance(message, dict):
            return [said(0, _BAD, "a message is an object with a method")]
        return self._answer(message)

    def leave(self) -> None:
        """Forget the socket."""
        self._public.unsubscribe(self)
        self._private.unsubscribe(self)
        if self._key is not None:
            self._key.n_sockets -= 1

    def overdue(self, wall_ms: int) -> str:
        """Return why the venue closes the socket now; "" while it does not."""
        if self._farewell:
            return self._farewell
        if self._key is not None and self._desk.listen_keys.holder(self._key.text, wall_ms) is None:
            return "the listen key has ended"
        if not self._channels and wall_ms - self._idle_since_ms >= IDLE_MS:
            return "no subscription"
        if wall_ms - self._last_word_ms >= SILENCE_MS:
            return "no traffic"
        return "a day has passed" if wall_ms - self._began_ms >= LIFE_MS else ""

    def _answer(self, message: dict[str, Any]) -> list[bytes]:
        number, method = message.get("id"), message.get("method")
        number = number if type(number) is int and 0 <= number < 2**63 else 0
        words = method.upper() if isinstance(method, str) else ""
        if words == "PING":
            return [said(number, 0, "PONG")]
        if words == "PONG":
            return []
        act = {"SUBSCRIPTION": self._subscribe, "UNSUBSCRIPTION": self._unsubscribe}.get(words)
        if act is None:
            return [said(number, _BAD, "the method is SUBSCRIPTION, UNSUBSCRIPTION or PING")]
        names = message.get("params")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            return [said(number, _BAD, "params is a list of channels")]
        return self._each(number, names, act)

    def _each(self, number: int, names: list[str], act: Callable[[str], None]) -> list[bytes]:
        """Do something about each channel: one answer for those where it worked, and one for each other."""
        done, answers = [], []
        for name in names:
            try:
                act(name)
                done.append(name)
            except Rejection as error:
                answers.append(said(number, 0, error.message))
        if done:
            answers.insert(0, said(number, 0, ",".join(done)))
        return answers

    def _subscribe(self, name: str) -> None:
        if name in self._channels:
            return
        if len(self._channels) >= MOST_SUBSCRIPTIONS:
            raise not_subscribed(name, f"more than {MOST_SUBSCRIPTIONS} subscriptions")
        if name.startswith(_PRIVATE):
            self._private.subscribe(self, None if self._key is None else self._key.account, name)
        else:
            self._public.subscribe(self, name)
        self._channels.add(name)

    def _unsubscribe(self, name: str) -> None:
        if name in self._channels:
            self._public.unsubscribe(self, [name])
            self._private.unsubscribe(self, [name])
            self._channels.discard(name)
            self._idle_since_ms = self._desk.wall_ms


def said(number: int, code: int, message: str) -> bytes:
    """Return an answer."""
    return msgspec.json.encode({"id": number, "code": code, "msg": message})
