"""
Second half of a step: turn wishes into approved requests.

Targets become one net order per symbol, and last the ladder looks at every request. The verdicts are
values in the same buffer: what was refused stays there with its reason and is never sent.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.notes import take_note
from ballast.engine.state import Engine
from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, Reason
from ballast.model.intents import Intent
from ballast.portfolio.targets import resolve_target
from ballast.risk.gate import gate
from ballast.risk.ladder import expect, review


def make_approve(judge: Any) -> Any:
    """
    Return ``approve(engine, intent)``, which asks ``judge(engine, intent)`` last: a reason, or ``Reason.NONE``.

    It returns why an intent may not be sent, or ``Reason.NONE``. A TARGET is first replaced in place by the order
    that reaches it; one that is already reached becomes a NOTE. Notes and alerts are written to the log here
    and go no further.
    """

    def approve(engine: Engine, intent: Intent) -> int:
        view = engine.strategy_view
        if intent.kind == IntentKind.NOTE or intent.kind == IntentKind.ALERT:
            take_note(view, engine.log, engine.notes, intent)
            return Reason.NONE
        if not 0 <= intent.symbol < view.n_symbols:
            return Reason.UNKNOWN_SYMBOL
        if intent.kind == IntentKind.TARGET:
            resolve_target(view, intent)
            if intent.kind == IntentKind.NOTE:
                take_note(view, engine.log, engine.notes, intent)
                return Reason.NONE
        reason: int = judge(engine, intent)
        if reason == Reason.NONE and intent.kind == IntentKind.PLACE:
            view.open_orders[intent.symbol] += 1
        return reason

    return compiled(approve, inline=True)


@compiled(inline=True)
def pass_all(engine: Engine, intent: Intent) -> int:
    """Without a ladder nothing is refused here."""
    return Reason.NONE


@compiled
def ask_ladder(engine: Engine, intent: Intent) -> int:
    """Ask whether the ladder's state admits an order, and then whether the account could bear it."""
    view, ladder = engine.strategy_view, engine.ladder
    reason = review(ladder, view, intent)
    if reason == Reason.NONE:
        reason = gate(view, ladder, engine.risk, engine.facts, intent)
    if reason == Reason.NONE and (intent.kind == IntentKind.PLACE or intent.kind == IntentKind.AMEND):
        expect(ladder, view, intent)
    return reason
