"""The faults there are, each with what it takes; a file or an operator names them by ``kind``."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0.0, le=86_400_000.0)]
Status = Annotated[int, msgspec.Meta(ge=500, le=599)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Amount = Annotated[float, msgspec.Meta(gt=0.0)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag=str.lower):
    """Any fault: from when on, and for how long, in the market's time since it was armed; None is for ever."""

    after_ms: Milliseconds = 0.0
    for_ms: Milliseconds | None = None


class Strike(Fault, frozen=True, kw_only=True):
    """
    A fault that hits some of what happens.

    ``match`` is a pattern (``*`` for anything) of what it may hit, ``account`` whose. The first ``skip`` that match
    pass, then each is hit with ``probability``, until ``count`` have been hit; 0 has no end.
    """

    match: Text = "*"
    account: Count | None = None
    skip: Count = 0
    count: Count = 1
    probability: Share = 1.0


class OnRequest(Strike, frozen=True, kw_only=True):
    """
    Hits a request: ``match`` is ``POST /v5/order/create`` over REST, ``order.create`` over a socket.

    Over sockets it hits what signs in, subscribes and trades, never what only asks whether the venue is there.
    """


class AnswerLost(OnRequest, frozen=True, tag="answer_lost"):
    """It is done, and never answered; a REST connection breaks off."""


class AnswerLate(OnRequest, frozen=True, tag="answer_late"):
    """It is done, and answered after ``delay_ms`` and up to ``jitter_ms`` more."""

    delay_ms: Milliseconds = 10_000.0
    jitter_ms: Milliseconds = 0.0


class ServerTimeout(OnRequest, frozen=True, tag="server_timeout"):
    """It is done, and the answer says that nobody knows whether it was."""


class HttpError(OnRequest, frozen=True, tag="http_error"):
    """It is done, and answered with an HTTP status instead; REST alone."""

    status: Status = 502


class RateLimited(OnRequest, frozen=True, tag="rate_limited"):
    """It is refused, as if there had been too many."""


class StaleRead(OnRequest, frozen=True, tag="stale_read"):
    """A read is answered as the last equal one was; a list of orders or executions never read before is empty."""


class PartialFill(OnRequest, frozen=True, tag="partial_fill"):
    """The recorded market fills no more than ``qty`` base units of the order at that moment."""

    qty: Amount


class OnPush(Strike, frozen=True, kw_only=True):
    """Hits a message that nobody asked for: ``match`` is its topic, ``execution`` or ``orderbook.*``."""


class PushLate(OnPush, frozen=True, tag="push_late"):
    """It comes after ``delay_ms`` and up to ``jitter_ms`` more; messages of one topic keep their order."""

    delay_ms: Milliseconds
    jitter_ms: Milliseconds = 0.0


class PushDuplicated(OnPush, frozen=True, tag="push_duplicated"):
    """It comes twice."""


class PushReordered(OnPush, frozen=True, tag="push_reordered"):
    """It comes after the next one of its socket."""


class PushDropped(OnPush, frozen=True, tag="push_dropped"):
    """It never comes, while all else does."""


class SocketSilent(OnPush, frozen=True, tag="socket_silent"):
    """From it on its socket says nothing any more, not even that it is alive, and stays open."""


class SocketClosed(OnPush, frozen=True, tag="socket_closed"):
    """Instead of it its socket is closed; ``is_abrupt`` breaks the connection off without a word."""

    is_abrupt: bool = False


class ConnectionRefused(Strike, frozen=True, tag="connection_refused"):
    """A socket is not let in: ``match`` is its path."""


class Maintenance(Fault, frozen=True, tag="maintenance"):
    """Open sockets are closed, none is let in, and every request is refused with HTTP 503."""


class ClockSkew(Fault, frozen=True, tag="clock_skew"):
    """The venue's clock is ahead by ``offset_ms``, behind when it is negative."""

    offset_ms: int


class Liquidation(Fault, frozen=True, tag="liquidation"):
    """The account loses so much money, as soon as it holds a position, that the kernel liquidates it."""

    account: Count


class ListenKeyExpired(Fault, frozen=True, tag="listen_key_expired"):
    """An account's listen keys end, as soon as it has any, and their sockets close; where a venue has such keys."""

    account: Count


class SymbolDelisted(Fault, frozen=True, tag="symbol_delisted"):
    """A symbol trades no more: its orders are cancelled, and no new one is taken. There is no way back."""

    symbol: Text


class FiltersChanged(Fault, frozen=True, tag="filters_changed"):
    """A symbol's steps and limits change for new orders; what is not given stays. ``tick`` and ``lot`` as decimals."""

    symbol: Text
    tick: Text | None = None
    lot: Text | None = None
    min_qty: Amount | None = None
    max_qty: Amount | None = None
    min_notional: Amount | None = None


AnyFault = (
    AnswerLost
    | AnswerLate
    | ServerTimeout
    | HttpError
    | RateLimited
    | StaleRead
    | PartialFill
    | PushLate
    | PushDuplicated
    | PushReordered
    | PushDropped
    | SocketSilent
    | SocketClosed
    | ConnectionRefused
    | Maintenance
    | ClockSkew
    | Liquidation
    | ListenKeyExpired
    | SymbolDelisted
    | FiltersChanged
)
KINDS: dict[str, type[Fault]] = {str(kind.__struct_config__.tag): kind for kind in AnyFault.__args__}
"""Every fault by its name."""
EVENTS = (Liquidation, ListenKeyExpired, SymbolDelisted, FiltersChanged)
"""Faults that happen once, by themselves, at their time."""
