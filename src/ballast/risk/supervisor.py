"""
The supervisor: when errors pile up, no new trades until the operator has looked.

1. The level only rises by itself: RUNNING, HALT_NEW (the ladder's FROZEN), FLATTEN (its EMERGENCY). Only
   ``operator_clear`` lowers it; no time, no success and no restart does.
2. HALT_NEW comes on ``max_consecutive`` errors of one class without a success between, on ``max_mixed`` of any class
   within ``mixed_window_ns``, and at once on a journal that cannot be written or a broken invariant.
3. Errors of one symbol's data count for that symbol alone and halt it alone.
4. Every error begins a cooldown, which blocks entries only.
5. What does not raise exposure always passes: exits and trailing run on at every level.

It is one record, saved as bytes; bytes that cannot be read come back as HALT_NEW.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.durations import MINUTE_NS
from ballast.model.enums import LadderState
from ballast.model.errors import (
    ConfigError,
    DataError,
    InvariantBroken,
    JournalError,
    OutcomeUnknown,
    RateLimited,
    RejectedByVenue,
    TemporaryVenueError,
    VenueError,
)
from ballast.model.records import Shape, SymbolBools, SymbolInts, record

ERRORS_KEPT = 64
"""How many times of errors the record remembers, and the most that ``max_mixed`` can ask for."""
ACCOUNT = -1
"""In place of a symbol: the whole account."""
_VERSION = 1


class SupervisorLevel(IntEnum):
    """What the supervisor allows, strongest last."""

    RUNNING = 0
    HALT_NEW = 1
    FLATTEN = 2


class SupervisorCause(IntEnum):
    """Why the level is what it is."""

    NONE = 0
    SAME_ERROR = 1
    MIXED_ERRORS = 2
    JOURNAL_LOST = 3
    INVARIANT_BROKEN = 4
    OPERATOR = 5
    LOSS_LIMIT = 6
    NO_STOP_POSSIBLE = 7
    UNREADABLE_RECORD = 8
    SYMBOL_DATA = 9


class SupervisorVerdict(IntEnum):
    """Why a new trade may not be made."""

    PASS = 0
    HALTED = 120
    FLATTENING = 121
    COOLDOWN = 122
    SYMBOL_HALTED = 123
    SYMBOL_COOLDOWN = 124


class ErrorClass(IntEnum):
    """Which errors count as the same."""

    INTERNAL = 0
    CONNECTION = 1
    RATE_LIMIT = 2
    REJECTED = 3
    OUTCOME_UNKNOWN = 4
    VENUE = 5
    DATA = 6
    JOURNAL = 7
    INVARIANT = 8


@record
class SupervisorLimits:
    """When the supervisor steps in."""

    max_consecutive: int = 5
    max_mixed: int = 10
    mixed_window_ns: int = 10 * MINUTE_NS
    cooldown_ns: int = 15 * MINUTE_NS


@record
class Supervisor:
    """Everything that must survive a restart. Times are ns UTC; ``error_ns`` is a ring that ``n_errors`` counts on."""

    level: int = SupervisorLevel.RUNNING
    cause: int = SupervisorCause.NONE
    since_ns: int = 0
    cooldown_until_ns: int = 0
    last_class: int = -1
    n_consecutive: int = 0
    n_errors: int = 0
    error_ns: Annotated[npt.NDArray[np.int64], Shape(ERRORS_KEPT)]
    symbol_errors: SymbolInts
    symbol_cooldown_until_ns: SymbolInts
    symbol_is_halted: SymbolBools


def error_class(error: BaseException) -> ErrorClass:
    """Return the class that an exception counts under; what is not Ballast's own is ``INTERNAL``."""
    for kind, found in _CLASSES:
        if isinstance(error, kind):
            return found
    return ErrorClass.INTERNAL


_CLASSES: tuple[tuple[type[BaseException], ErrorClass], ...] = (
    (InvariantBroken, ErrorClass.INVARIANT),
    (JournalError, ErrorClass.JOURNAL),
    (RateLimited, ErrorClass.RATE_LIMIT),
    (TemporaryVenueError, ErrorClass.CONNECTION),
    (RejectedByVenue, ErrorClass.REJECTED),
    (OutcomeUnknown, ErrorClass.OUTCOME_UNKNOWN),
    (VenueError, ErrorClass.VENUE),
    (DataError, ErrorClass.DATA),
    (OSError, ErrorClass.CONNECTION),
)


@compiled
def _raise_to(supervisor: Supervisor, level: int, cause: int, now_ns: int) -> int:
    """Raise the level, never lower it; return the cause if it rose, else NONE."""
    if level <= supervisor.level:
        return SupervisorCause.NONE
    supervisor.level = level
    supervisor.cause = cause
    supervisor.since_ns = now_ns
    return cause


@compiled
def report_error(supervisor: Supervisor, limits: SupervisorLimits, kind: int, symbol: int, now_ns: int) -> int:
    """
    Count an error.

    Parameters
    ----------
    kind : int
        An ``ErrorClass``.
    symbol : int
        Whose data it was, for errors of ``DATA``; ``ACCOUNT`` for all others.

    Returns
    -------
    int
        The ``SupervisorCause`` if this error raised the level or halted the symbol, else ``NONE``.
    """
    if kind == ErrorClass.DATA and symbol >= 0:
        return _report_symbol_error(supervisor, limits, symbol, now_ns)
    supervisor.n_consecutive = supervisor.n_consecutive + 1 if kind == supervisor.last_class else 1
    supervisor.last_class = kind
    supervisor.error_ns[supervisor.n_errors % ERRORS_KEPT] = now_ns
    supervisor.n_errors += 1
    supervisor.cooldown_until_ns = max(supervisor.cooldown_until_ns, now_ns + limits.cooldown_ns)
    if kind == ErrorClass.JOURNAL:
        return _raise_to(supervisor, SupervisorLevel.HALT_NEW, SupervisorCause.JOURNAL_LOST, now_ns)
    if kind == ErrorClass.INVARIANT:
        return _raise_to(supervisor, SupervisorLevel.HALT_NEW, SupervisorCause.INVARIANT_BROKEN, now_ns)
    if supervisor.n_consecutive >= limits.max_consecutive:
        return _raise_to(supervisor, SupervisorLevel.HALT_NEW, SupervisorCause.SAME_ERROR, now_ns)
    if _is_flood(supervisor, limits, now_ns):
        return _raise_to(supervisor, SupervisorLevel.HALT_NEW, SupervisorCause.MIXED_ERRORS, now_ns)
    return SupervisorCause.NONE


@compiled
def _report_symbol_error(supervisor: Supervisor, limits: SupervisorLimits, symbol: int, now_ns: int) -> int:
    supervisor.symbol_errors[symbol] += 1
    supervisor.symbol_cooldown_until_ns[symbol] = max(
        supervisor.symbol_cooldown_until_ns[symbol], now_ns + limits.cooldown_ns
    )
    if supervisor.symbol_errors[symbol] < limits.max_consecutive or supervisor.symbol_is_halted[symbol]:
        return SupervisorCause.NONE
    supervisor.symbol_is_halted[symbol] = True
    return SupervisorCause.SYMBOL_DATA


@compiled
def _is_flood(supervisor: Supervisor, limits: SupervisorLimits, now_ns: int) -> bool:
    """Tell whether the latest ``max_mixed`` errors lie within the window, ends included."""
    if supervisor.n_errors < limits.max_mixed:
        return False
    oldest = supervisor.error_ns[(supervisor.n_errors - limits.max_mixed) % ERRORS_KEPT]
    return now_ns - oldest <= limits.mixed_window_ns


@compiled
def report_success(supervisor: Supervisor, symbol: int) -> None:
    """Count a success: a cycle without an error (``ACCOUNT``), or good data of a symbol. Lowers no level."""
    if symbol >= 0:
        supervisor.symbol_errors[symbol] = 0
    else:
        supervisor.n_consecutive = 0
        supervisor.last_class = -1


@compiled
def request_flatten(supervisor: Supervisor, cause: int, now_ns: int) -> int:
    """Ask to close everything, for a loss limit or because no stop can be placed; returns as ``report_error``."""
    return _raise_to(supervisor, SupervisorLevel.FLATTEN, cause, now_ns)


@compiled
def operator_halt(supervisor: Supervisor, now_ns: int) -> int:
    """Halt new trades by hand; returns as ``report_error``."""
    return _raise_to(supervisor, SupervisorLevel.HALT_NEW, SupervisorCause.OPERATOR, now_ns)


@compiled
def operator_flatten(supervisor: Supervisor, now_ns: int) -> int:
    """Close everything by hand; returns as ``report_error``."""
    return _raise_to(supervisor, SupervisorLevel.FLATTEN, SupervisorCause.OPERATOR, now_ns)


@compiled
def operator_clear(supervisor: Supervisor, now_ns: int) -> None:
    """Let trading go on: the one way back to RUNNING. Forgets all errors, cooldowns and halted symbols."""
    supervisor.level = SupervisorLevel.RUNNING
    supervisor.cause = SupervisorCause.NONE
    supervisor.since_ns = now_ns
    supervisor.cooldown_until_ns = 0
    supervisor.n_errors = 0
    report_success(supervisor, ACCOUNT)
    for symbol in range(len(supervisor.symbol_errors)):
        operator_clear_symbol(supervisor, symbol)


@compiled
def operator_clear_symbol(supervisor: Supervisor, symbol: int) -> None:
    """Let one symbol trade again."""
    supervisor.symbol_errors[symbol] = 0
    supervisor.symbol_cooldown_until_ns[symbol] = 0
    supervisor.symbol_is_halted[symbol] = False


@compiled
def supervisor_verdict(is_raising: bool, now_ns: int, symbol: int, supervisor: Supervisor) -> int:
    """Judge a request; returns a ``SupervisorVerdict``. What does not raise exposure always passes."""
    if not is_raising:
        return SupervisorVerdict.PASS
    if supervisor.level != SupervisorLevel.RUNNING:
        is_halt = supervisor.level == SupervisorLevel.HALT_NEW
        return SupervisorVerdict.HALTED if is_halt else SupervisorVerdict.FLATTENING
    if supervisor.symbol_is_halted[symbol]:
        return SupervisorVerdict.SYMBOL_HALTED
    if now_ns < supervisor.cooldown_until_ns:
        return SupervisorVerdict.COOLDOWN
    if now_ns < supervisor.symbol_cooldown_until_ns[symbol]:
        return SupervisorVerdict.SYMBOL_COOLDOWN
    return SupervisorVerdict.PASS


@compiled
def ladder_floor(supervisor: Supervisor) -> int:
    """Return the ladder state below which the ladder must not go while the supervisor stands where it does."""
    if supervisor.level == SupervisorLevel.RUNNING:
        return LadderState.NORMAL
    return LadderState.FROZEN if supervisor.level == SupervisorLevel.HALT_NEW else LadderState.EMERGENCY


def new_supervisor(symbols: Sequence[str]) -> Any:
    """Return a supervisor that has seen nothing."""
    return Supervisor.new(symbols=len(symbols))  # type: ignore[attr-defined]


def saved(supervisor: Any, symbols: Sequence[str]) -> bytes:
    """Return the supervisor as bytes: one line of JSON that names version, symbols and checksum, then the record."""
    body = supervisor.tobytes()
    header = {"supervisor": _VERSION, "symbols": list(symbols), "crc32": _checksum(symbols, body)}
    return json.dumps(header).encode() + b"\n" + body


def restored(data: bytes, symbols: Sequence[str], now_ns: int) -> Any:
    """
    Return the supervisor that ``saved`` wrote, for the symbols that are configured now.

    What cannot be read comes back halted, with cause ``UNREADABLE_RECORD`` since ``now_ns``.

    Raises
    ------
    ConfigError
        A symbol that the record halts is not configured any more, so that its halt would be forgotten.
    """
    earlier = _parsed(data)
    if earlier is None:
        halted = new_supervisor(symbols)
        _raise_to(halted, SupervisorLevel.HALT_NEW, SupervisorCause.UNREADABLE_RECORD, now_ns)
        return halted
    names, old = earlier
    missing = [name for i, name in enumerate(names) if old.symbol_is_halted[i] and name not in symbols]
    if missing:
        raise ConfigError(
            f"data.symbols: {', '.join(missing)} halted by the supervisor and not configured any more; "
            "clear the halt first, or configure the symbol"
        )
    made = new_supervisor(symbols)
    for field in made.dtype.names:
        if not field.startswith("symbol_"):
            made[field] = old[field]
            continue
        for i, name in enumerate(symbols):
            if name in names:
                made[field][i] = old[field][names.index(name)]
    return made


def _parsed(data: bytes) -> tuple[list[str], Any] | None:
    """Return the symbols and the record of saved bytes, None where anything about them is not as it was written."""
    line, _, body = data.partition(b"\n")
    try:
        header = json.loads(line)
        version, names, checksum = header["supervisor"], header["symbols"], header["crc32"]
    except (ValueError, KeyError, TypeError):
        return None
    if version != _VERSION or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    dtype = Supervisor.dtype(symbols=len(names))  # type: ignore[attr-defined]
    if len(body) != dtype.itemsize or checksum != _checksum(names, body):
        return None
    record = np.frombuffer(bytearray(body), dtype).view(np.recarray)[0]
    return (names, record) if record.level in set(SupervisorLevel) else None


def _checksum(symbols: Sequence[str], body: bytes) -> int:
    return zlib.crc32(json.dumps(list(symbols)).encode() + b"\n" + body)
