"""What people are told when a switch moves or a filter loses its calendar."""

from __future__ import annotations

from typing import Any

from ballast.model.events import Alert, Severity
from ballast.risk.supervisor import SupervisorCause, SupervisorLevel


def supervisor_alert(cause: int, supervisor: Any, symbol: str = "") -> Alert | None:
    """
    Return what to say about the cause that ``report_error`` or an operator's call gave; None for no change.

    ``symbol`` names the one that was halted.
    """
    reason = SupervisorCause(cause)
    if reason == SupervisorCause.NONE:
        return None
    if reason == SupervisorCause.SYMBOL_DATA:
        text = f"{symbol}: its data failed again and again; no new trades in it until it is cleared"
        return Alert(Severity.WARNING, f"supervisor:{symbol}", text, {"symbol": symbol, "cause": reason.name})
    level = SupervisorLevel(int(supervisor.level))
    does = "closing everything" if level == SupervisorLevel.FLATTEN else "no new trades"
    text = f"{level.name} because of {reason.name}: {does} until the operator clears it; exits and stops go on"
    facts: dict[str, str | int | float | bool | None] = {
        "level": level.name,
        "cause": reason.name,
        "n_consecutive": int(supervisor.n_consecutive),
        "n_errors": int(supervisor.n_errors),
    }
    return Alert(Severity.CRITICAL, f"supervisor:{level.name}", text, facts)


def calendar_alert(problem: str) -> Alert:
    """Return what to say about a calendar that could not be had; ``problem`` is ``NewsDesk.refresh``'s line."""
    return Alert(Severity.WARNING, "news:calendar", problem)
