"""The first sink: one JSON line per alert, and one more when a repeated one has gone on for a while."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

from ballast.model.events import Alert, Severity

REPEAT_AFTER_NS = 300_000_000_000


@dataclass
class _Raised:
    last_written_ns: int
    n_withheld: int = 0


@dataclass
class LogSink:
    """
    Writes alerts as JSON lines.

    Parameters
    ----------
    stream : text file, optional
        Where lines go; flushed after each. Default: standard error.
    repeat_after_ns : int
        An alert with the key of an earlier one is withheld until this much later; the line that then
        appears says how many were withheld. A CRITICAL alert is never withheld.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    repeat_after_ns: int = REPEAT_AFTER_NS
    _raised: dict[str, _Raised] = field(default_factory=dict)

    def send(self, alert: Alert, now_ns: int) -> None:
        """Write ``alert``, raised at ``now_ns`` (UTC since 1970), unless its key was written recently."""
        earlier = self._raised.get(alert.key)
        is_recent = earlier is not None and now_ns - earlier.last_written_ns < self.repeat_after_ns
        if earlier is not None and is_recent and alert.severity < Severity.CRITICAL:
            earlier.n_withheld += 1
            return
        self._write(alert, now_ns, earlier.n_withheld if earlier else 0)
        self._raised[alert.key] = _Raised(now_ns)

    def _write(self, alert: Alert, now_ns: int, n_withheld: int) -> None:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(now_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
            "severity": alert.severity.name,
            "key": alert.key,
            "text": alert.text,
            "facts": alert.facts,
        }
        if n_withheld:
            line["withheld"] = n_withheld
        # ASCII only: control characters and foreign scripts cannot play tricks on a terminal.
        self.stream.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
        self.stream.flush()
