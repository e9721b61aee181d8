"""Alerts reach every sink that works, the operator's log among them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ballast.alerts.fan_out import FanOut
from ballast.alerts.operator_log import OperatorLogSink
from ballast.config.operator_sections import LoggingSection
from ballast.logs.operator_log import open_log
from ballast.model.events import Alert, Severity

TROUBLE = Alert(Severity.CRITICAL, "margin", "near liquidation", {"symbol": "DOGEUSDT", "rate": 0.97})


@dataclass
class Kept:
    alerts: list[Alert] = field(default_factory=list)

    def send(self, alert: Alert, now_ns: int) -> None:
        self.alerts.append(alert)


class Broken:
    def send(self, alert: Alert, now_ns: int) -> None:
        raise ConnectionError("the secret address")


def test_every_sink_hears_of_it() -> None:
    sinks = [Kept(), Kept()]
    FanOut(sinks).send(TROUBLE, 1)
    assert [sink.alerts for sink in sinks] == [[TROUBLE], [TROUBLE]]


def test_a_broken_sink_costs_the_others_nothing_and_they_are_told() -> None:
    kept = Kept()
    FanOut([Broken(), kept]).send(TROUBLE, 1)
    first, second = kept.alerts
    assert first == TROUBLE
    assert (second.key, second.text) == ("alerts:sink_failed", "1 alert sink(s) failed (ConnectionError)")


def test_no_alert_is_lost_in_silence() -> None:
    with pytest.raises(ConnectionError):
        FanOut([Broken(), Broken()]).send(TROUBLE, 1)


def test_an_alert_stands_in_the_root_log_and_in_the_symbols(tmp_path: Path) -> None:
    log = open_log(LoggingSection(), tmp_path, lambda: 1_800_000_000 * 10**9)
    OperatorLogSink(log).send(TROUBLE, 7)
    for directory in (tmp_path / "logs", tmp_path / "logs" / "symbols"):
        (path,) = directory.glob("*.jsonl")
        record = json.loads(path.read_text())
        assert (record["event"], record["level"], record["text"]) == ("alert", "CRITICAL", "near liquidation")
        assert record["fields"] == {"key": "margin", "raised_ns": 7, "facts": TROUBLE.facts}
