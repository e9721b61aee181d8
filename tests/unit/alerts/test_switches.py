"""What people are told when a switch moves."""

from __future__ import annotations

import pytest

from ballast.alerts.switches import calendar_alert, supervisor_alert
from ballast.model.events import Severity
from ballast.risk.supervisor import (
    ErrorClass,
    SupervisorCause,
    SupervisorLimits,
    new_supervisor,
    operator_halt,
    report_error,
    request_flatten,
)

LIMITS = SupervisorLimits.new()  # type: ignore[attr-defined]


def test_an_error_that_changes_nothing_says_nothing() -> None:
    supervisor = new_supervisor(["A"])
    assert supervisor_alert(report_error(supervisor, LIMITS, ErrorClass.REJECTED, -1, 1), supervisor) is None


@pytest.mark.parametrize(("level", "does"), [("HALT_NEW", "no new trades"), ("FLATTEN", "closing everything")])
def test_a_change_of_level_is_critical_and_says_what_happens_now(level: str, does: str) -> None:
    supervisor = new_supervisor(["A"])
    if level == "HALT_NEW":
        cause = operator_halt(supervisor, 1)
    else:
        cause = request_flatten(supervisor, SupervisorCause.LOSS_LIMIT, 1)
    alert = supervisor_alert(cause, supervisor)
    assert alert is not None
    assert alert.severity == Severity.CRITICAL
    assert alert.text.startswith(
        f"{level} because of {SupervisorCause(cause).name}: {does} until the operator clears it"
    )
    assert alert.facts["level"] == level


def test_a_halted_symbol_is_named() -> None:
    supervisor = new_supervisor(["A", "B"])
    causes = [report_error(supervisor, LIMITS, ErrorClass.DATA, 1, 1) for _ in range(5)]
    alert = supervisor_alert(causes[-1], supervisor, "B")
    assert alert is not None
    assert (alert.key, alert.facts["symbol"]) == ("supervisor:B", "B")


def test_a_calendar_that_fails_is_a_warning_in_its_own_words() -> None:
    alert = calendar_alert("news.json: the calendar is empty; fetch it again")
    assert (alert.severity, alert.text) == (Severity.WARNING, "news.json: the calendar is empty; fetch it again")
