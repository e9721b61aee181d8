"""Every decision of the compliance screen is one record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ballast.config.operator_sections import HalalSection, LoggingSection
from ballast.logs.decisions import TAG, RecordedScreen
from ballast.logs.operator_log import open_log
from ballast.model.durations import HOUR_NS
from ballast.risk.compliance import ComplianceVerdict, EntryFacts, Swap

NOON_NS = 1_795_176_000 * 10**9


@pytest.fixture
def screen(tmp_path: Path) -> RecordedScreen:
    log = open_log(LoggingSection(symbol_log_level="INFO"), tmp_path, lambda: NOON_NS)
    return RecordedScreen(HalalSection(enabled=True).limits, log)


def facts(**known: Any) -> Any:
    made = EntryFacts.new()  # type: ignore[attr-defined]
    for name, value in known.items():
        setattr(made, name, value)
    return made


def records(directory: Path) -> list[dict[str, Any]]:
    (path,) = directory.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_passes_refusals_and_closings_are_each_recorded_once(screen: RecordedScreen, tmp_path: Path) -> None:
    verdicts = [
        screen.entry("EURUSD", NOON_NS, facts(is_listed=True, swap=Swap.NONE), is_raising=True),
        screen.entry("EURUSD", NOON_NS, facts(is_listed=True), is_raising=True),
        screen.entry("EURUSD", NOON_NS, facts(), is_raising=False),
        screen.position("EURUSD", NOON_NS, NOON_NS - HOUR_NS),
        screen.position("EURUSD", NOON_NS, NOON_NS - 24 * HOUR_NS),
    ]
    assert verdicts == [
        ComplianceVerdict.PASS,
        ComplianceVerdict.SWAP_CHARGED,
        ComplianceVerdict.PASS,
        ComplianceVerdict.PASS,
        ComplianceVerdict.CLOSE_MAX_HOLD,
    ]
    written = records(tmp_path / "logs" / "symbols")
    assert [record["fields"]["verdict"] for record in written] == [verdict.name for verdict in verdicts]
    assert [record["text"] for record in written] == [f"{TAG} {verdict.name}" for verdict in verdicts]
    assert written[1]["fields"]["swap"] == Swap.UNKNOWN
    assert [record["fields"]["verdict"] for record in records(tmp_path / "logs")] == ["CLOSE_MAX_HOLD"]


def test_a_screen_that_is_off_says_nothing(tmp_path: Path) -> None:
    log = open_log(LoggingSection(), tmp_path, lambda: NOON_NS)
    off = RecordedScreen(HalalSection(enabled=False).limits, log)
    assert off.entry("EURUSD", NOON_NS, facts(), is_raising=True) == ComplianceVerdict.PASS
    assert list(tmp_path.iterdir()) == []
