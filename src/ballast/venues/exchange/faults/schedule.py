"""
Which fault hits what: a function of script, seed and how often something has matched. No clock, no dice, no I/O.

Invariant: the same faults, seed and sequence of questions give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from ballast.model.errors import ConfigError, nearest
from ballast.venues.exchange.faults.kinds import (
    EVENTS,
    KINDS,
    AnswerLate,
    AnswerLost,
    AnyFault,
    ConnectionRefused,
    Fault,
    HttpError,
    PushDropped,
    PushDuplicated,
    PushLate,
    PushReordered,
    RateLimited,
    ServerTimeout,
    SocketClosed,
    StaleRead,
    Strike,
)

S = TypeVar("S", bound=Strike)
F = TypeVar("F", bound=Fault)


@dataclass
class Armed:
    """A fault in force since ``armed_ms``, and how much has matched it and been hit."""

    fault: Fault
    number: int
    armed_ms: float
    n_matched: int = 0
    n_struck: int = 0

    def is_active(self, now_ms: float) -> bool:
        """Tell whether its time has come, and not gone."""
        since_ms = now_ms - self.armed_ms - self.fault.after_ms
        return since_ms >= 0.0 and (self.fault.for_ms is None or since_ms < self.fault.for_ms)


@dataclass(frozen=True)
class Hit:
    """One thing hit by a fault; ``share``, from 0 to 1, is for what the fault leaves to chance."""

    fault: Any
    share: float

    @property
    def delay_s(self) -> float:
        """By how much it comes late."""
        return float(self.fault.delay_ms + self.share * self.fault.jitter_ms) / 1_000.0


class Schedule:
    """
    Faults in force.

    Parameters
    ----------
    seed : int
        Of what is left to chance.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._n_armed = 0
        self.armed: list[Armed] = []

    def arm(self, faults: Iterable[Fault], now_ms: float) -> None:
        """Put faults in force, besides those that are."""
        for fault in faults:
            self._n_armed += 1
            self.armed.append(Armed(fault, self._n_armed, now_ms))

    def clear(self) -> None:
        """Take all faults back; what they did stays."""
        self.armed.clear()

    def hits(self, kind: type[S], name: str, account: int | None, now_ms: float) -> list[Hit]:
        """Return what hits something of this name, oldest fault first; every fault of the kind counts it."""
        found = []
        for armed in self.armed:
            fault = armed.fault
            if not isinstance(fault, kind) or not armed.is_active(now_ms):
                continue
            is_whose = fault.account is None or fault.account == account
            if is_whose and fnmatchcase(name, fault.match) and self._strikes(armed, fault):
                found.append(Hit(fault, self._share(armed, "share")))
        return found

    def in_force(self, kind: type[F], now_ms: float) -> list[F]:
        """Return the faults of a kind whose time it is."""
        return [armed.fault for armed in self.armed if isinstance(armed.fault, kind) and armed.is_active(now_ms)]

    def due(self, now_ms: float) -> list[Armed]:
        """Return the events that are to happen now; who makes one happen counts it as struck."""
        return [
            armed
            for armed in self.armed
            if isinstance(armed.fault, EVENTS) and armed.n_struck == 0 and armed.is_active(now_ms)
        ]

    def told(self) -> list[dict[str, Any]]:
        """Return what is in force as plain values."""
        return [
            msgspec.to_builtins(armed.fault) | {"n_matched": armed.n_matched, "n_struck": armed.n_struck}
            for armed in self.armed
        ]

    def _strikes(self, armed: Armed, fault: Strike) -> bool:
        armed.n_matched += 1
        if armed.n_matched <= fault.skip or armed.n_struck >= fault.count > 0:
            return False
        if fault.probability < 1.0 and self._share(armed, "strike") >= fault.probability:
            return False
        armed.n_struck += 1
        return True

    def _share(self, armed: Armed, what: str) -> float:
        """Return a number from 0 to 1, exclusive, that only seed, fault and count decide."""
        text = f"{self._seed}/{armed.number}/{armed.n_matched}/{what}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2.0**64


def parse_faults(raw: Any, source: str) -> list[Fault]:
    """Return faults from plain values: a list of objects with a ``kind``; raises ``ConfigError``."""
    if not isinstance(raw, list):
        raise ConfigError(f"{source}: faults is a list of objects, each with a kind; write [[faults]] for each")
    return [_fault(one, f"{source}: fault {number}") for number, one in enumerate(raw, 1)]


def _fault(raw: Any, where: str) -> Fault:
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        raise ConfigError(f"{where} has no kind; choose one of {', '.join(KINDS)}")
    if kind not in KINDS:
        raise ConfigError(f"{where}: no kind {kind[:40]!r}{nearest(kind, KINDS)}; choose one of {', '.join(KINDS)}")
    try:
        fault: Fault = msgspec.convert(raw, AnyFault)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}, {kind}: {error}; it takes {', '.join(KINDS[kind].__struct_fields__)}") from None
    return fault


def random_faults(kinds: Sequence[str]) -> list[Fault]:
    """Return a bad day: of ``kinds`` those that pass by themselves, each hitting a few of a hundred at random."""
    day: list[Strike] = [
        AnswerLost(count=0, probability=0.01, match="*order*"),
        AnswerLate(count=0, probability=0.02, delay_ms=200.0, jitter_ms=2_000.0),
        ServerTimeout(count=0, probability=0.01, match="*order*"),
        HttpError(count=0, probability=0.01, match="*order*"),
        RateLimited(count=0, probability=0.01),
        StaleRead(count=0, probability=0.02),
        PushLate(count=0, probability=0.05, delay_ms=20.0, jitter_ms=1_000.0),
        PushDuplicated(count=0, probability=0.02),
        PushReordered(count=0, probability=0.02),
        PushDropped(count=0, probability=0.005),
        SocketClosed(count=0, probability=0.001),
        ConnectionRefused(count=0, probability=0.2),
    ]
    return [fault for fault in day if str(fault.__struct_config__.tag) in kinds]
