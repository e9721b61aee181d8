"""What the notes of a run come to: signals by action, refusals and alarms by reason, and every move of a stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ballast.backtest.session import Session
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import NoteKind, PositionSide
from ballast.risk.verdicts import NAMES, VETOES


@dataclass(frozen=True)
class Story:
    """
    A strategy's own notes, an array of ``engine.state.Note``, with the words for them.

    ``tell`` and ``levels`` are the strategy's, see ``strategies.spec.Strategy``.
    """

    notes: Any
    tell: Callable[[Any], str]
    levels: Mapping[int, str]


def story_of(session: Session) -> Story | None:
    """Return what the strategy noted, if it has words for it."""
    strategy = session.setup.strategy
    if strategy.tell is None:
        return None
    notes = notes_of(session)
    return Story(notes[notes["kind"] == NoteKind.STRATEGY], strategy.tell, strategy.levels)


def notes_of(session: Session) -> Any:
    """Return the notes of a run, an array of ``engine.state.Note`` in order of time."""
    return session.engine.notes[: int(session.engine.log.n_notes)]


def signals_of(session: Session) -> dict[str, int]:
    """Return how often each action was signalled, by the notes that the strategy declares as signals."""
    declared = session.setup.strategy.signals
    own = notes_of(session)
    own = own[own["kind"] == NoteKind.STRATEGY]
    found: Counter[str] = Counter()
    for reason, actions in declared.items():
        for level in own[own["reason"] == reason]["level"].tolist():
            found[actions(level).name] += 1
    return dict(sorted(found.items()))


def refusals_of(session: Session) -> dict[str, int]:
    """Return how often each reason kept a request from the venue: guards, ladder, and the strategy's own rules."""
    counts = session.engine.log.rejects
    found = Counter({NAMES[number]: int(counts[number]) for number in VETOES if counts[number]})
    found += _counted(session, session.setup.strategy.refusals)
    return dict(sorted(found.items()))


def alarms_of(session: Session) -> dict[str, int]:
    """Return how often the strategy raised each alarm that it declares."""
    return dict(sorted(_counted(session, session.setup.strategy.alarms).items()))


def _counted(session: Session, declared: Collection[int]) -> Counter[str]:
    """Return how many notes of the strategy's own there are of each of these reasons, by name."""
    own = notes_of(session)
    reasons = own[own["kind"] == NoteKind.STRATEGY]["reason"].tolist()
    return Counter(session.setup.strategy.reasons[reason] for reason in reasons if reason in declared)


def locks_of(session: Session) -> list[dict[str, object]]:
    """
    Return every move of an elastic stop, in order of time.

    ``lock`` is the profit that it locks and ``peak`` the highest that the position has had, account currency;
    ``price`` is where it stands.
    """
    declared = session.setup.strategy.locks
    return [
        {
            "ts": int(note["time_ns"]) // MILLISECOND_NS,
            "position": position_of(session, note),
            "lock": float(note["value"]),
            "peak": float(note["peak"]),
            "price": float(note["price"]),
        }
        for note in notes_of(session)
        if note["kind"] == NoteKind.LOCK or (note["kind"] == NoteKind.STRATEGY and int(note["reason"]) in declared)
    ]


def position_of(session: Session, note: Any) -> str:
    """Return which position a note is about: its symbol, the leg in hedge mode, the trade's number if it has one."""
    symbol = session.setup.frames.symbols[int(note["symbol"])]
    side = PositionSide(int(note["position_side"]))
    leg = f" {side.name}" if side else ""
    number = f" #{int(note['level'])}" if note["level"] else ""
    return f"{symbol}{leg}{number}"
