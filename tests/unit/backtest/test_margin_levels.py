"""How loudly a margin account is reported, and what the grid raises alarms about: in results and in the logs."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast.backtest.margin_levels import reports_of
from ballast.backtest.result import Result
from ballast.backtest.run import result_of, run
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.config.operator_sections import LoggingSection
from ballast.model.durations import MINUTE_NS
from ballast.risk.monitoring import MarginLevel
from ballast.risk.settings import Profile, risk_settings
from tests.unit.backtest.margin_runs import GRID_SETTINGS, market
from tests.unit.strategies.hedge_grid.grid_run import finished, grid_setup, trend

LOUD = {"im_warn_pct": 73.5, "im_error_pct": 73.0, "mm_warn_pct": 1.5}


def narrow(interval_ns: int = MINUTE_NS, /, **risk: float) -> Setup:
    """Return a run that freezes and panics, so that little of its money is free."""
    setup = grid_setup(market(7, 1_500, [0.0, 0.00005, -0.00004]), capital=500.0, leverage=20.0, **GRID_SETTINGS)
    bars: Any = setup.frames
    records = bars.records.copy()
    records["ts_ns"] = records["ts_ns"][0] + np.arange(len(records)) * interval_ns
    frames = replace(bars, records=records, interval_ns=interval_ns)
    return replace(setup, frames=frames, risk=risk_settings(risk, has_margin=True))


def levels_by_hand(session: Session) -> Any:
    """Return the louder level at each close, from the figures that were kept there."""
    engine, risk = session.engine, session.engine.risk
    found = []
    for point, equity in zip(engine.margin, engine.equity, strict=True):
        free_pct = 100.0 * (point["available"] - point["reserve"]) / equity
        level = MarginLevel.ERROR if free_pct < risk.im_error_pct else MarginLevel.INFO
        level = MarginLevel.WARNING if level == MarginLevel.INFO and free_pct < risk.im_warn_pct else level
        found.append(max(level, int(100.0 * point["mm_rate"] > risk.mm_warn_pct)))
    return np.array(found)


def logged(setup: Setup, directory: Path) -> tuple[Result, list[dict[str, Any]]]:
    """Run with logs; return the result and the root log's records."""
    result = run(replace(setup, logging=LoggingSection(), directory=directory))
    files = sorted((directory / "logs").glob("*.jsonl"))
    return result, [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_result_counts_the_seconds_at_each_level() -> None:
    session = finished(narrow(**LOUD))
    by_hand = levels_by_hand(session)
    assert set(by_hand) == {MarginLevel.INFO, MarginLevel.WARNING, MarginLevel.ERROR}
    margin = result_of(session).margin
    assert margin is not None
    assert margin.margin_levels == {level.name: 60.0 * np.count_nonzero(by_hand[:-1] == level) for level in MarginLevel}
    assert margin.facts()["margin_levels"] == margin.margin_levels


@pytest.mark.parametrize("key", LOUD)
def test_each_of_its_keys_moves_a_level(key: str) -> None:
    quiet = {"im_warn_pct": 1.0, "im_error_pct": 0.0, "mm_warn_pct": 89.0}
    chosen = quiet | {"im_warn_pct": 73.5, key: LOUD[key]} if key == "im_error_pct" else quiet | {key: LOUD[key]}
    found = [{report.level for report in reports_of(finished(narrow(**values)))} for values in (quiet, chosen)]
    assert found[0] == set()
    assert (MarginLevel.ERROR if key == "im_error_pct" else MarginLevel.WARNING) in found[1]


@pytest.mark.parametrize(("seconds", "bars_per_report"), [(60, 1), (300, 1), (10, 6)])
def test_what_is_reported_is_new_and_at_most_once_a_minute(seconds: int, bars_per_report: int) -> None:
    session = finished(narrow(seconds * 1_000_000_000, **LOUD))
    reports = list(reports_of(session))
    told = [MarginLevel.INFO, *(report.level for report in reports)]
    assert len(told) > 5
    assert all(before != after for before, after in pairwise(told))
    by_hand = levels_by_hand(session)
    loudest = [max(by_hand[k : k + bars_per_report]) for k in range(0, len(by_hand), bars_per_report)]
    changes = np.flatnonzero(np.diff([MarginLevel.INFO, *loudest]))
    assert told[1:] == [loudest[k] for k in changes]
    stretch_ns = bars_per_report * seconds * 1_000_000_000
    first_close_ns = int(session.frames["ts_ns"][0]) + seconds * 1_000_000_000
    assert [(report.time_ns - first_close_ns) // stretch_ns for report in reports] == changes.tolist()


def test_the_log_has_a_line_for_each_report(tmp_path: Path) -> None:
    setup = narrow(**LOUD)
    _, records = logged(setup, tmp_path)
    lines = [record for record in records if record["event"] == "margin"]
    reports = list(reports_of(finished(setup)))
    assert [line["time_ns"] for line in lines] == [report.time_ns for report in reports]
    assert [line["level"] for line in lines] == [report.level.name for report in reports]
    assert lines[0]["fields"]["equity"] == reports[0].equity
    assert f"available {reports[0].available.name}" in lines[0]["text"]


def test_the_summary_says_for_how_long_margin_was_short() -> None:
    text = run(narrow(**LOUD)).summary()
    assert "Margin warning" in text
    assert "Margin error" in text
    assert "Margin critical" not in text


def test_without_a_ladder_no_level_is_kept() -> None:
    session = finished(narrow(profile=int(Profile.OFF)))
    assert list(reports_of(session)) == []
    margin = result_of(session).margin
    assert margin is not None
    assert margin.facts()["margin_levels"] is None


def test_a_leg_that_cannot_come_back_is_an_alarm_in_result_summary_and_log(tmp_path: Path) -> None:
    # One way and without a ladder: the winner takes its profit until no money is left to open it again.
    setup = grid_setup({"A": trend(100.0, 1.0025, 60)}, capital=100.0, leverage=50.0, take_profit_percent=1.0)
    result, records = logged(
        replace(setup, risk=risk_settings({"profile": int(Profile.OFF)}, has_margin=True)), tmp_path
    )
    assert result.alarms["naked_leg"] > 0
    assert f"Alarms of the strategy: naked_leg {result.alarms['naked_leg']}" in result.summary()
    alarms = [record for record in records if record["event"] == "alarm" and record["text"] == "naked_leg"]
    assert len(alarms) == result.alarms["naked_leg"]
    assert {alarm["level"] for alarm in alarms} == {"WARNING"}
    assert {alarm["symbol"] for alarm in alarms} == {"A"}
