"""The operator's log of every strategy: whatever one notes, a run with `[logging]` writes it and ends."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ballast.backtest.logs import write_logs
from ballast.backtest.notes import locks_of, refusals_of, signals_of
from ballast.config.operator_sections import LoggingSection
from ballast.logs.operator_log import open_log
from tests.conformance.runs import CASES, fills, undisturbed

EVERY_DAY = LoggingSection(retention_days=1000)


def events_of(directory: Path) -> Counter[str]:
    """Return how many records of each event the logs of a directory hold, as JSON."""
    lines = [line for path in directory.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    return Counter(str(json.loads(line)["event"]) for line in lines)


@pytest.mark.parametrize("label", CASES)
def test_a_run_of_any_strategy_is_told_to_the_operator(label: str, tmp_path: Path) -> None:
    session = undisturbed(label, 1)
    assert write_logs(session, lambda clock: open_log(EVERY_DAY, tmp_path, clock)) == 0
    root, symbols = events_of(tmp_path / "logs"), events_of(tmp_path / "logs" / "symbols")
    assert root["entry"] + root["exit"] == symbols["entry"] + symbols["exit"] == len(fills(session))
    assert root["stop_moved"] == symbols["stop_moved"] == len(locks_of(session))
    assert symbols["signal"] == sum(signals_of(session).values())
    assert symbols["entry_refused"] == sum(refusals_of(session).values())
