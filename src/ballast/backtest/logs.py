"""The operator's log of a run: the same records that a live run would leave, dated by the events of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from typing import Any, NamedTuple

from ballast.backtest.margin_levels import Report, reports_of
from ballast.backtest.notes import notes_of, position_of
from ballast.backtest.session import Session
from ballast.kernel.ledger import increases, leg_index
from ballast.logs.decisions import TAG
from ballast.logs.line import Level
from ballast.logs.operator_log import OperatorLog
from ballast.model.enums import EngineRole, LadderState, NoteKind, Side
from ballast.risk.compliance import ComplianceVerdict
from ballast.risk.monitoring import MarginLevel
from ballast.risk.reasons import LadderReason
from ballast.risk.supervisor import SupervisorCause, SupervisorLevel
from ballast.risk.verdicts import NAMES


class Entry(NamedTuple):
    """One record to be written; ``is_for_operator`` sends it to the root log, too."""

    time_ns: int
    level: Level
    event: str
    text: str
    symbol: str
    is_for_operator: bool
    fields: dict[str, Any]


def write_logs(session: Session, open_log: Callable[[Callable[[], int]], OperatorLog]) -> int:
    """
    Write the log of a finished run; return how many lines could not be written.

    ``open_log`` is handed the clock, which shows the time of the event that is being written.
    """
    now_ns = [0]
    log = open_log(lambda: now_ns[0])
    for entry in entries(session):
        now_ns[0] = entry.time_ns
        if entry.is_for_operator:
            log.operator(entry.level, entry.event, entry.text, symbol=entry.symbol, **entry.fields)
        else:
            log.symbol(entry.symbol, entry.level, entry.event, entry.text, **entry.fields)
    log.close()
    return log.n_lost


def entries(session: Session) -> Iterator[Entry]:
    """Yield what a run has to tell, in order of time; at one time notes come first, then fills, moves and margin."""
    parts = (_of_notes(session), _of_fills(session), _of_moves(session), map(_of_report, reports_of(session)))
    return merge(*parts, key=lambda entry: entry.time_ns)


def _of_fills(session: Session) -> Iterator[Entry]:
    setup, engine = session.setup, session.engine
    held: dict[int, float] = {}
    for symbol, qty in setup.initial_positions.items():
        held[2 * list(setup.frames.symbols).index(symbol)] = qty
    for fill in engine.fills[: int(engine.log.n_fills)]:
        leg = leg_index(0, setup.n_symbols, int(fill["symbol"]), int(fill["position_side"]))
        signed = float(fill["qty"]) * int(fill["side"])
        before = held.get(leg, 0.0)
        held[leg] = before + signed
        event = "entry" if increases(before, signed) else "exit"
        symbol = setup.frames.symbols[int(fill["symbol"])]
        fields = {
            "side": Side(int(fill["side"])),
            "qty": float(fill["qty"]),
            "price": float(fill["price"]),
            "fee": float(fill["fee"]),
            "held": held[leg],
        }
        yield Entry(int(fill["time_ns"]), Level.INFO, event, _why(session, fill), symbol, True, fields)


def _why(session: Session, fill: Any) -> str:
    """Return the reason of a fill: the strategy's, or the role of an order that the engine placed."""
    if fill["role"] >= EngineRole.BALANCE:
        return EngineRole(int(fill["role"])).name.lower()
    return session.setup.strategy.reasons.get(int(fill["order_reason"]), "")


def _of_notes(session: Session) -> Iterator[Entry]:
    for note in notes_of(session):
        yield _of_note(session, note)


def _of_note(session: Session, note: Any) -> Entry:
    symbol = session.setup.frames.symbols[int(note["symbol"])]
    time_ns, kind, reason = int(note["time_ns"]), NoteKind(int(note["kind"])), int(note["reason"])
    value = float(note["value"])
    if kind == NoteKind.LOCK:
        fields = {"lock": value, "peak": round(float(note["peak"]), 8), "price": float(note["price"])}
        position = position_of(session, note).removeprefix(symbol).strip()
        return Entry(time_ns, Level.INFO, "stop_moved", position, symbol, True, fields)
    if kind == NoteKind.SWITCH:
        text = f"{SupervisorLevel(int(value)).name}: {SupervisorCause(reason).name.lower()}"
        return Entry(time_ns, Level.CRITICAL, "supervisor", text, "", True, {})
    if kind == NoteKind.STRATEGY:
        strategy = session.setup.strategy
        text, fields = strategy.reasons.get(reason, ""), {"value": value, "level": int(note["level"])}
        if reason in strategy.alarms:
            return Entry(time_ns, Level.WARNING, "alarm", text, symbol, True, fields)
        return Entry(time_ns, Level.DEBUG, "note", text, symbol, False, fields)
    text = "pass" if kind == NoteKind.ENTRY else NAMES[reason] if reason else "the venue takes no stop"
    if kind == NoteKind.ENTRY or (reason and reason in set(ComplianceVerdict)):
        text = f"{TAG} {text}"
    event = {NoteKind.REFUSAL: "entry_refused", NoteKind.ENTRY: "entry_screened"}.get(kind, "closing")
    return Entry(time_ns, Level.INFO, event, text, symbol, kind == NoteKind.CLOSING, {})


def _of_moves(session: Session) -> Iterator[Entry]:
    for move in session.engine.moves[: int(session.engine.log.n_moves)]:
        before, after = LadderState(int(move["before"])).name, LadderState(int(move["after"])).name
        level = Level.CRITICAL if move["after"] >= LadderState.EMERGENCY else Level.WARNING
        text = f"{before} to {after}: {LadderReason(int(move['reason'])).name.lower()}"
        fields = {"equity": float(move["equity"])}
        yield Entry(int(move["time_ns"]), level, "ladder", text, "", True, fields)


_LEVELS = {
    MarginLevel.INFO: Level.INFO,
    MarginLevel.WARNING: Level.WARNING,
    MarginLevel.ERROR: Level.ERROR,
    MarginLevel.CRITICAL: Level.CRITICAL,
    MarginLevel.UNKNOWN: Level.WARNING,
}


def _of_report(report: Report) -> Entry:
    text = f"available {report.available.name}, maintenance {report.maintenance.name}"
    fields = {
        "available_for_trading": report.available_for_trading,
        "equity": report.equity,
        "mm_rate": report.mm_rate,
    }
    return Entry(report.time_ns, _LEVELS[report.level], "margin", text, "", True, fields)
