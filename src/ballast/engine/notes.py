"""What is worth telling of a run besides orders and fills, in the order in which it happened."""

from __future__ import annotations

from typing import Any

from ballast.engine.state import Log
from ballast.engine.view import View
from ballast.model.compiled import compiled
from ballast.model.intents import Intent


@compiled
def write_note(
    view: View,
    log: Log,
    notes: Any,
    kind: int,
    symbol: int,
    position_side: int,
    reason: int,
    value: float,
    price: float,
) -> None:
    """Note something of the engine's own, of a ``NoteKind``, at the view's time."""
    note = notes[log.n_notes]
    note.time_ns = view.time_ns
    note.kind = kind
    note.symbol = symbol
    note.position_side = position_side
    note.reason = reason
    note.level = 0
    note.value = value
    note.peak = 0.0
    note.price = price
    log.n_notes += 1


@compiled
def take_note(view: View, log: Log, notes: Any, intent: Intent) -> None:
    """Note what a strategy says."""
    note = notes[log.n_notes]
    note.time_ns = view.time_ns
    note.kind = 0
    note.symbol = intent.symbol
    note.position_side = intent.position_side
    note.reason = intent.reason
    note.level = intent.level
    note.value = intent.qty
    note.peak = intent.next_qty
    note.price = intent.price
    log.n_notes += 1
