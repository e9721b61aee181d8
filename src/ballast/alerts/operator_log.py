"""Alerts in the operator's log, beside what led to them."""

from __future__ import annotations

from dataclasses import dataclass

from ballast.logs.line import Level
from ballast.logs.operator_log import OperatorLog
from ballast.model.events import Alert, Severity

_LEVELS = {Severity.INFO: Level.INFO, Severity.WARNING: Level.WARNING, Severity.CRITICAL: Level.CRITICAL}


@dataclass(frozen=True)
class OperatorLogSink:
    """Writes alerts to the root log; a symbol among the facts puts them into the symbol's log, too."""

    log: OperatorLog

    def send(self, alert: Alert, now_ns: int) -> None:
        """Write ``alert``, which was raised at ``now_ns``; the log's own clock dates the line."""
        symbol = alert.facts.get("symbol")
        self.log.operator(
            _LEVELS[alert.severity],
            "alert",
            alert.text,
            symbol=symbol if isinstance(symbol, str) else "",
            key=alert.key,
            raised_ns=now_ns,
            facts=alert.facts,
        )
