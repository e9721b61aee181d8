"""``ballast backtest`` with filters, switches, stops and logs in its file: what they do, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ballast.cli.main import run
from ballast.data.sample import write_sample
from tests.unit.cli.cli_market import MARKET, write_configuration

FIRST = MARKET.names[0]
NEWS = f'[news]\ncalendar = "news.json"\nfollows = {{{FIRST} = "USD"}}\n'
ALL = f"""
[risk.elastic_trailing]
[trading]
denied_symbols = ["{MARKET.names[1]}"]
[halal]
enabled = true
max_hold_hours = 0.5
[supervisor]
max_consecutive_errors = 50
[logging]
retention_days = 30
"""


def with_sections(directory: Path, sections: str) -> Path:
    path = write_configuration(directory)
    path.write_text(path.read_text() + sections, encoding="utf-8")
    return path


def result_of(directory: Path, sections: str) -> dict[str, Any]:
    out = directory / "out.json"
    assert run(["backtest", str(with_sections(directory, sections)), "--json", str(out), "--quiet"]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def refusal(directory: Path, sections: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["backtest", str(with_sections(directory, sections))]) == 2
    message = capsys.readouterr().err.strip()
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def days_of(directory: Path) -> tuple[str, str]:
    """Return the first day of the market and its last."""
    write_sample(directory / "market.parquet", MARKET)
    times = pl.read_parquet(directory / "market.parquet")["ts"]
    first, last = times.min(), times.max()
    return str(first)[:10], str(last)[:10]


def write_calendar(directory: Path, text: str) -> None:
    (directory / "news.json").write_text(text, encoding="utf-8")


def events(*rows: str) -> str:
    return '{"events": [' + ", ".join(rows) + "]}"


def test_a_run_under_all_of_them_says_what_they_did_and_writes_its_logs(tmp_path: Path) -> None:
    found = result_of(tmp_path, ALL)
    assert found["refusals"]["denied"] > 0
    assert "elastic_trailing" in {fill["reason"] for fill in found["fills"]}
    assert [set(lock) for lock in found["locks"][:1]] == [{"ts", "position", "lock", "peak", "price"}]
    assert all(lock["lock"] <= lock["peak"] + 1e-9 for lock in found["locks"])
    assert any("elastic stop" in sentence for sentence in found["assumptions"])
    day = str(days_of(tmp_path)[0])
    symbol_log = tmp_path / "logs" / "symbols" / f"{FIRST}_{day}.log"
    root = tmp_path / "logs" / f"ballast_{day}.log"
    assert "[HALAL]" in symbol_log.read_text()
    assert re.search(r" INFO     entry ", root.read_text())
    records = [json.loads(line) for line in symbol_log.with_suffix(".jsonl").read_text().splitlines()]
    assert {record["symbol"] for record in records} == {FIRST}
    assert [record["time_ns"] for record in records] == sorted(record["time_ns"] for record in records)
    assert all(record["time"].startswith(day) for record in records)


def test_a_position_that_is_too_old_is_closed_and_the_operator_reads_why(tmp_path: Path) -> None:
    found = result_of(tmp_path, "[halal]\nenabled = true\nmax_hold_hours = 0.5\n[logging]\n")
    assert "compliance" in {fill["reason"] for fill in found["fills"]}
    root = tmp_path / "logs" / f"ballast_{days_of(tmp_path)[0]}.log"
    assert re.search(r"closing \w+ \[HALAL\] close_max_hold\n", root.read_text().replace('"', "")) is not None


def test_logs_keep_the_days_that_they_are_told_to_keep(tmp_path: Path) -> None:
    result_of(tmp_path, "[logging]\nretention_days = 1\n")
    names = {path.name for path in (tmp_path / "logs").glob("ballast_*.log")}
    result_of(tmp_path, "[logging]\nretention_days = 30\n")
    assert len(names) == 1 < len(list((tmp_path / "logs").glob("ballast_*.log")))


def test_a_log_that_cannot_be_written_stops_nothing_and_the_result_says_so(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    found = result_of(tmp_path, "[logging]\n")
    assert found["n_fills"] > 0
    assert any("lines of the logs could not be written" in sentence for sentence in found["assumptions"])


def test_without_the_sections_nothing_is_written_and_the_new_keys_are_empty(tmp_path: Path) -> None:
    found = result_of(tmp_path, "")
    assert found["locks"] == []
    assert found["signals"] == {}
    assert not (tmp_path / "logs").exists()
    assert not {"news", "halal", "supervisor", "logging", "trading"} & set(found["config"])


def test_an_inert_guard_leaves_every_fill_as_it_was(tmp_path: Path) -> None:
    bare = result_of(tmp_path, "")
    guarded = result_of(tmp_path, "[supervisor]\nmax_consecutive_errors = 50\nmax_mixed_errors = 64\n")
    assert {reason: count for reason, count in guarded["refusals"].items() if reason == "halted"} == {}
    if "cooldown" not in guarded["refusals"]:
        assert bare["fills"] == guarded["fills"]


def test_a_release_keeps_the_symbol_that_follows_it_out_all_day(tmp_path: Path) -> None:
    first, last = days_of(tmp_path)
    rows = [
        f'{{"date": "{day}T{hour:02}:{minute:02}:00Z", "country": "USD", "impact": "High"}}'
        for day in (first, last, str(date.fromisoformat(last) + timedelta(days=1)))
        for hour in range(24)
        for minute in (0, 20, 40)
    ]
    write_calendar(tmp_path, events(*rows))
    covers = f"covers_start = {first}\ncovers_end = 2100-01-01\n"
    found = result_of(tmp_path, NEWS + covers)
    assert found["refusals"]["release_near"] > 0
    assert FIRST not in {fill["symbol"] for fill in found["fills"] if fill["side"] == "BUY"}
    assert result_of(tmp_path, "")["data_hash"] != found["data_hash"]


def test_an_old_calendar_that_is_allowed_blocks_near_what_it_holds_and_says_so(tmp_path: Path) -> None:
    first, _ = days_of(tmp_path)
    rows = [
        f'{{"date": "{first}T{hour:02}:{minute:02}:00Z", "country": "USD"}}' for hour in range(24) for minute in (0, 30)
    ]
    write_calendar(tmp_path, events(*rows))
    found = result_of(tmp_path, NEWS + 'fail_mode = "allow"\n')
    assert found["refusals"]["release_near"] > 0
    (sentence,) = [one for one in found["assumptions"] if "news calendar" in one]
    assert sentence.endswith("entries pass, but near a release that it does hold.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "news.json: cannot be read (No such file or directory)"),
        ("", "news.json: the calendar is empty"),
        ('{"events": []}', "news.json: the calendar holds no events"),
        ("<html>", "neither JSON nor iCalendar"),
        (events('{"date": "2026-01-05T13:30:00", "country": "USD"}'), "event 1"),
        (events('{"date": "2026-01-05T13:30:00Z", "country": "dollars"}'), "'dollars' is not a currency"),
        (events('{"country": "USD"}'), "event 1 has no 'date'"),
        (events('{"date": "2019-01-05T13:30:00Z", "country": "USD"}'), "too old or too short for the run"),
    ],
)
def test_a_calendar_that_cannot_serve_is_refused_or_allowed_as_the_file_says(
    tmp_path: Path, text: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        write_calendar(tmp_path, text)
    assert words in refusal(tmp_path, NEWS, capsys)
    found = result_of(tmp_path, NEWS + 'fail_mode = "allow"\n')
    assert any("news calendar" in sentence for sentence in found["assumptions"])
    assert found["n_fills"] > 0


def test_a_calendar_is_not_asked_for_where_nobody_follows_a_currency(tmp_path: Path) -> None:
    found = result_of(tmp_path, '[news]\ncalendar = "nowhere.json"\n')
    assert found["n_fills"] > 0


def test_an_account_that_may_be_charged_swap_enters_nothing(tmp_path: Path) -> None:
    found = result_of(tmp_path, f'[halal]\nenabled = true\nallowed_symbols = ["{MARKET.names[2]}"]\n')
    assert found["refusals"]["not_listed"] > 0
    assert {fill["symbol"] for fill in found["fills"] if fill["side"] == "BUY"} <= {MARKET.names[2]}


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ("[news]\n", "news.calendar is missing"),
        ('[news]\ncalendar = "http://example.org/x.json"\n', "expected an https URL or the path of a file"),
        ('[news]\ncalendar = "https://me:secret@example.org/x"\n', "no secret may stand in the file"),
        ('[news]\ncalendar = "x"\nfail_mode = "open"\n', 'news.fail_mode = "open"'),
        ('[halal]\nrollover_time = "9pm"\n', 'halal.rollover_time = "9pm"'),
        ("[halal]\nmax_hold_hours = 0\n", "halal.max_hold_hours = 0"),
        ("[supervisor]\nkill_switch_enabled = false\n", "no guard can be switched off"),
        ("[logging]\nroot_levle = 1\n", "did you mean 'root_level'"),
        ("[trading]\nrandomness_factor = 0.5\n", "does not decide in cycles"),
        ("[risk.elastic_trailing]\npullback_tolerance_pct = 40\n", "did you mean 0.4? it is a fraction"),
        ("[risk.elastic_trailing]\nmin_lock_increment_usd = 0\n", "min_lock_increment_usd = 0"),
        ("[risk]\nfast_trailing_debounce_cycles = 3\n", "nothing trails without [risk.elastic_trailing]"),
    ],
)
def test_bad_input_is_one_line_that_names_the_key(
    tmp_path: Path, sections: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(tmp_path, sections, capsys)


@pytest.mark.parametrize(
    ("section", "line", "words"),
    [
        ("logging", r'root_level = "a\nb\u001b[2J"', r'logging.root_level = "a\nb\x1b[2J": expected one of'),
        ("logging", r'"a\nb" = 1', r"logging.a\nb: no such key"),
        ("logging", r'root_log_dir = "a\u0000b"', r'logging.root_log_dir = "a\x00b": holds a character 0'),
        ("news", r'calendar = "a\u0000b"', r'news.calendar = "a\x00b": holds a character 0'),
    ],
)
def test_what_a_file_says_neither_breaks_the_line_nor_reaches_the_terminal(
    tmp_path: Path, section: str, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refusal(tmp_path, f"[{section}]\n{line}\n", capsys)
    assert words in message
    assert message.isprintable()


def test_the_report_shows_refusals_and_locks(tmp_path: Path) -> None:
    path = with_sections(tmp_path, ALL)
    assert run(["backtest", str(path), "--report", str(tmp_path / "out.html"), "--quiet"]) == 0
    page = (tmp_path / "out.html").read_text()
    assert '<section id="guards">' in page
    assert "Moves of the elastic stop" in page
    assert "The symbol is denied by the configuration." in page


def test_the_summary_counts_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", str(with_sections(tmp_path, ALL))]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"Stops moved +[1-9]", printed)
    assert re.search(r"Refused early +[1-9].*denied", printed)
