"""The log sink writes what people need and withholds what they have just read."""

from __future__ import annotations

import io
import json

import pytest

from ballast.alerts.log import LogSink
from ballast.model.events import Alert, Severity

SECOND_NS = 1_000_000_000


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_alert_becomes_one_line_with_time_severity_key_text_and_facts() -> None:
    stream = io.StringIO()
    alert = Alert(Severity.WARNING, "stale:DOGEUSDT", "no price for 40 s", {"symbol": "DOGEUSDT", "age_s": 40.0})

    LogSink(stream).send(alert, 1_700_000_000_123_000_000)

    assert lines(stream) == [
        {
            "time": "2023-11-14T22:13:20.123+00:00",
            "severity": "WARNING",
            "key": "stale:DOGEUSDT",
            "text": "no price for 40 s",
            "facts": {"symbol": "DOGEUSDT", "age_s": 40.0},
        }
    ]


def test_a_repeated_key_is_withheld_and_then_counted() -> None:
    stream = io.StringIO()
    sink = LogSink(stream, repeat_after_ns=60 * SECOND_NS)
    alert = Alert(Severity.INFO, "gap", "a gap")

    for second in (0, 10, 59, 60, 61):
        sink.send(alert, second * SECOND_NS)

    assert [line.get("withheld") for line in lines(stream)] == [None, 2]


def test_another_key_is_not_withheld() -> None:
    stream = io.StringIO()
    sink = LogSink(stream)

    sink.send(Alert(Severity.INFO, "a", "one"), 0)
    sink.send(Alert(Severity.INFO, "b", "two"), 1)

    assert [line["key"] for line in lines(stream)] == ["a", "b"]


def test_a_critical_alert_is_never_withheld() -> None:
    stream = io.StringIO()
    sink = LogSink(stream)

    for now_ns in range(3):
        sink.send(Alert(Severity.CRITICAL, "margin", "near liquidation"), now_ns)

    assert len(lines(stream)) == 3


def test_control_characters_are_escaped() -> None:
    stream = io.StringIO()

    LogSink(stream).send(Alert(Severity.INFO, "k", "\x1b[2Jgone\nnew line"), 0)

    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_fact_that_json_cannot_hold_is_an_error_not_a_broken_line() -> None:
    stream = io.StringIO()

    with pytest.raises(ValueError, match="JSON"):
        LogSink(stream).send(Alert(Severity.INFO, "k", "t", {"x": float("nan")}), 0)

    assert stream.getvalue() == ""
