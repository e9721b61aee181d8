"""
Every decision of the compliance screen, as a record.

The screen is only asked through here, so that none goes unrecorded. What it asks to close reaches the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ballast.logs.line import Level
from ballast.logs.operator_log import OperatorLog
from ballast.risk.compliance import ComplianceVerdict, asks_to_close, entry_verdict, position_verdict

TAG = "[HALAL]"


@dataclass(frozen=True)
class RecordedScreen:
    """The compliance screen with a log; ``limits`` is a ``ComplianceLimits``."""

    limits: Any
    log: OperatorLog

    def entry(self, symbol: str, now_ns: int, facts: Any, *, is_raising: bool) -> ComplianceVerdict:
        """Judge a request as ``entry_verdict`` does; ``facts`` is an ``EntryFacts``."""
        verdict = ComplianceVerdict(entry_verdict(is_raising, now_ns, facts, self.limits))
        known = {name: facts[name].item() for name in facts.dtype.names}
        self._record(symbol, "screen_entry", verdict, now_ns=now_ns, is_raising=is_raising, **known)
        return verdict

    def position(self, symbol: str, now_ns: int, opened_ns: int) -> ComplianceVerdict:
        """Judge a position as ``position_verdict`` does."""
        verdict = ComplianceVerdict(position_verdict(now_ns, opened_ns, self.limits))
        self._record(symbol, "screen_position", verdict, now_ns=now_ns, opened_ns=opened_ns)
        return verdict

    def _record(self, symbol: str, event: str, verdict: ComplianceVerdict, **facts: Any) -> None:
        if not self.limits.is_on:
            return
        text = f"{TAG} {verdict.name}"
        if asks_to_close(verdict):
            self.log.operator(Level.INFO, event, text, symbol=symbol, verdict=verdict, **facts)
        else:
            self.log.symbol(symbol, Level.INFO, event, text, verdict=verdict, **facts)
