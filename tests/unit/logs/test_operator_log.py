"""The operator's log on real files, with a clock of our own."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ballast.config.operator_sections import LoggingSection
from ballast.logs.line import Level
from ballast.logs.operator_log import OperatorLog, open_log
from ballast.logs.redaction import REDACTED, Redactor
from ballast.logs.standard import attach

MIDNIGHT_NS = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) * 10**9
DAY_NS = 86_400 * 10**9


@dataclass
class Clock:
    now_ns: int = MIDNIGHT_NS - DAY_NS // 2

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> OperatorLog:
    return open_log(LoggingSection(), tmp_path, clock, Redactor(["hush-hush-hush"]))


def texts(directory: Path, pattern: str) -> dict[str, list[str]]:
    """Return the events of the JSON files that match, and check that the text beside them has as many lines."""
    found = {}
    for path in sorted(directory.glob(f"{pattern}.jsonl")):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(path.with_suffix(".log").read_text().splitlines()) == len(records)
        found[path.stem] = [record["event"] for record in records]
    return found


def test_what_an_operator_must_see_is_in_both_logs_and_detail_in_the_symbols_only(
    log: OperatorLog, tmp_path: Path
) -> None:
    log.operator(Level.INFO, "entry", "bought", symbol="DOGEUSDT", qty=1.5)
    log.symbol("DOGEUSDT", Level.DEBUG, "indicator", rsi=41.2)
    log.symbol("SHIBUSDT", Level.INFO, "refused", "spread")
    log.symbol("DOGEUSDT", Level.WARNING, "stale")
    log.operator(Level.INFO, "started")
    log.operator(Level.DEBUG, "heartbeat")
    assert texts(tmp_path / "logs", "*") == {"ballast_2026-11-20": ["entry", "stale", "started"]}
    assert texts(tmp_path / "logs" / "symbols", "*") == {
        "DOGEUSDT_2026-11-20": ["entry", "indicator", "stale"],
        "SHIBUSDT_2026-11-20": ["refused"],
    }


def test_the_levels_of_the_file_are_kept(tmp_path: Path, clock: Clock) -> None:
    log = open_log(LoggingSection(root_level="WARNING", symbol_log_level="INFO"), tmp_path, clock)
    log.operator(Level.INFO, "entry", symbol="A")
    log.symbol("A", Level.DEBUG, "detail")
    log.operator(Level.WARNING, "trouble")
    assert texts(tmp_path / "logs", "*") == {"ballast_2026-11-20": ["trouble"]}
    assert texts(tmp_path / "logs" / "symbols", "*") == {"A_2026-11-20": ["entry"]}


def test_the_day_turns_at_utc_midnight_in_one_run(log: OperatorLog, tmp_path: Path, clock: Clock) -> None:
    for offset_ns, event in [(-1, "last"), (0, "first"), (DAY_NS - 1, "later"), (DAY_NS, "next")]:
        clock.now_ns = MIDNIGHT_NS + offset_ns
        log.operator(Level.INFO, event, symbol="A")
    expected = {"2026-11-20": ["last"], "2026-11-21": ["first", "later"], "2026-11-22": ["next"]}
    assert texts(tmp_path / "logs", "*") == {f"ballast_{day}": events for day, events in expected.items()}
    assert texts(tmp_path / "logs" / "symbols", "*") == {f"A_{day}": events for day, events in expected.items()}


def test_a_clock_that_steps_back_writes_into_the_day_that_it_names(
    log: OperatorLog, tmp_path: Path, clock: Clock
) -> None:
    for offset_ns in (0, -1, 1):
        clock.now_ns = MIDNIGHT_NS + offset_ns
        log.operator(Level.INFO, "beat")
    assert texts(tmp_path / "logs", "*") == {"ballast_2026-11-20": ["beat"], "ballast_2026-11-21": ["beat", "beat"]}


def test_fourteen_days_are_kept(log: OperatorLog, tmp_path: Path, clock: Clock) -> None:
    for day in range(20):
        clock.now_ns = MIDNIGHT_NS + day * DAY_NS
        log.operator(Level.INFO, "beat", symbol="A")
    for directory in (tmp_path / "logs", tmp_path / "logs" / "symbols"):
        assert len(list(directory.glob("*.log"))) == len(list(directory.glob("*.jsonl"))) == 14
    assert (tmp_path / "logs" / "ballast_2026-11-27.log").exists()


def test_the_cap_on_open_files_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    log = open_log(LoggingSection(max_open_files=2), tmp_path, clock)
    for _ in range(3):
        for number in range(30):
            log.symbol(f"S{number}", Level.DEBUG, "tick")
    assert texts(tmp_path / "logs" / "symbols", "*") == {f"S{number}_2026-11-20": ["tick"] * 3 for number in range(30)}


def everything_written(directory: Path) -> str:
    return "\n".join(path.read_text() for path in directory.rglob("*") if path.is_file())


def test_no_secret_reaches_a_file_by_any_way(log: OperatorLog, tmp_path: Path) -> None:
    secret = "hush-hush-hush"
    log.operator(Level.INFO, secret, f"text {secret}", symbol=secret, field=secret, api_key="other-secret")
    log.symbol("A", Level.DEBUG, "deep", nested={"list": [secret, {secret: secret}]}, cut="x" * 4_090 + secret)
    handler = attach(log, logging.getLogger("test.secrets"))
    try:
        int(secret)
    except ValueError:
        logging.getLogger("test.secrets").exception("failed with %s", secret)
    finally:
        logging.getLogger("test.secrets").removeHandler(handler)
    written = everything_written(tmp_path) + "".join(str(path) for path in tmp_path.rglob("*"))
    assert "hush-h" not in written
    assert "other-secret" not in written
    assert REDACTED in written


def test_a_disk_that_fails_stops_nothing_and_is_reported_when_it_is_back(log: OperatorLog, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the directory should be")
    for _ in range(3):
        log.operator(Level.INFO, "entry", symbol="A")
    assert log.n_lost > 0
    (tmp_path / "logs").unlink()
    log.operator(Level.INFO, "back")
    root = texts(tmp_path / "logs", "*")["ballast_2026-11-20"]
    assert root == ["log_lines_lost", "back"]
    lost = json.loads((tmp_path / "logs" / "ballast_2026-11-20.jsonl").read_text().splitlines()[0])
    assert lost["fields"]["lost"] == log.n_lost == 6
    log.operator(Level.INFO, "again")
    assert texts(tmp_path / "logs", "*")["ballast_2026-11-20"] == ["log_lines_lost", "back", "again"]


def test_a_closed_log_opens_itself_again(log: OperatorLog, tmp_path: Path) -> None:
    log.operator(Level.INFO, "one")
    log.close()
    log.operator(Level.INFO, "two")
    assert texts(tmp_path / "logs", "*") == {"ballast_2026-11-20": ["one", "two"]}


def test_lines_of_many_threads_stay_whole(log: OperatorLog, tmp_path: Path) -> None:
    def write(number: int) -> None:
        for count in range(50):
            log.symbol("A", Level.WARNING, f"t{number}", "x" * 500, count=count)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts(tmp_path / "logs", "*")["ballast_2026-11-20"]) == sorted(
        f"t{n}" for n in range(8) for _ in range(50)
    )


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("all is %s", ("well",), "all is well"),
        ("two %s %s", ("only one",), "a message that cannot be formatted (TypeError)"),
        ("%s", (Unprintable(),), "a message that cannot be formatted (RuntimeError)"),
        ("a line\nand another", (), "a line\nand another"),
    ],
)
def test_what_libraries_say_is_logged(
    log: OperatorLog, tmp_path: Path, message: str, arguments: tuple[Any, ...], shown: str
) -> None:
    logger = logging.getLogger("test.library")
    handler = attach(log, logger)
    logger.removeHandler(handler)
    # Not through the logger: the test runner listens there, too, and would raise.
    handler.handle(logger.makeRecord(logger.name, logging.WARNING, __file__, 1, message, arguments, None))
    (line,) = (tmp_path / "logs" / "ballast_2026-11-20.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert (record["event"], record["level"], record["text"]) == ("test.library", "WARNING", shown)


def test_attaching_twice_leaves_one_handler(log: OperatorLog) -> None:
    logger = logging.getLogger("test.twice")
    attach(log, logger)
    second = attach(log, logger)
    assert logger.handlers == [second]
    logger.removeHandler(second)


def test_a_field_may_have_the_name_of_a_part_of_the_record(log: OperatorLog, tmp_path: Path) -> None:
    log.symbol("DOGEUSDT", Level.INFO, "note", "seen", level=3, text="more", event="other")
    log.operator(Level.WARNING, "alarm", "seen", symbol="DOGEUSDT", level=3)
    (path,) = (tmp_path / "logs" / "symbols").glob("DOGEUSDT_*.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["level"] for record in records] == ["INFO", "WARNING"]
    assert records[0]["fields"] == {"level": 3, "text": "more", "event": "other"}
    log.close()
