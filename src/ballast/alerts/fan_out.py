"""Several sinks as one: what one of them does not take, the others hear of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ballast.model.events import Alert, Severity
from ballast.model.ports import AlertSink


@dataclass(frozen=True)
class FanOut:
    """Passes each alert to every sink; raises only when no sink has taken it."""

    sinks: Sequence[AlertSink]

    def send(self, alert: Alert, now_ns: int) -> None:
        """Pass ``alert`` on; a sink that fails costs the others nothing, and they are told."""
        failures: list[Exception] = []
        working: list[AlertSink] = []
        for sink in self.sinks:
            try:
                sink.send(alert, now_ns)
                working.append(sink)
            except Exception as error:  # noqa: BLE001  # A sink may fail in any way of its own.
                failures.append(error)
        if failures and not working:
            raise failures[0]
        if failures:
            self._tell(working, failures, now_ns)

    @staticmethod
    def _tell(working: Sequence[AlertSink], failures: Sequence[Exception], now_ns: int) -> None:
        names = ", ".join(sorted({type(error).__name__ for error in failures}))
        trouble = Alert(Severity.WARNING, "alerts:sink_failed", f"{len(failures)} alert sink(s) failed ({names})")
        for sink in working:
            sink.send(trouble, now_ns)
