"""Files of a day: safe names, whole lines, few open at once, and only what is ours and old is removed."""

from __future__ import annotations

import os
import resource
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.logs.files import DayFiles, day_of, file_name

TODAY = date(2026, 11, 20)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("name", ["DOGEUSDT", "BTC-PERP", "1INCHUSDT", "XAUUSD.m", "a_b"])
def test_an_ordinary_symbol_is_its_own_name(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "",
        ".hidden",
        "a/b",
        "a\0b",
        "a\nb",
        "x" * 300,
        "a..b",
        "-rf",
        "\ud800",
    ],
)
def test_an_odd_symbol_stays_in_its_directory(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    files = DayFiles(directory)
    files.write(name, TODAY, "log", "x")
    files.close()
    (made,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert made.parent == directory
    assert len(made.name) < 80


@given(st.sets(st.text(max_size=60), max_size=20))
def test_different_names_have_different_files(found: set[str]) -> None:
    safe = {file_name(name) for name in found}
    assert len(safe) == len(found)
    assert all(name and "/" not in name and name not in {".", ".."} and name.isascii() for name in safe)


def test_a_day_is_the_utc_day() -> None:
    midnight_ns = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) * 10**9
    assert day_of(midnight_ns - 1) == date(2026, 11, 20)
    assert day_of(midnight_ns) == date(2026, 11, 21)


def test_lines_are_added_to_what_is_there_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    for line in ("one", "two"):
        files = DayFiles(tmp_path)
        files.write("A", TODAY, "log", line)
        files.close()
    path = tmp_path / "A_2026-11-20.log"
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "A_2026-11-20.jsonl"
    path.write_text('{"whole":1}\n{"to')
    files = DayFiles(tmp_path)
    files.write("A", TODAY, "jsonl", '{"next":2}')
    files.close()
    assert path.read_text().splitlines() == ['{"whole":1}', '{"to', '{"next":2}']


def test_no_more_files_are_open_than_allowed_and_the_idle_go_first(tmp_path: Path) -> None:
    files = DayFiles(tmp_path, most_open=3)
    before = len(os.listdir("/proc/self/fd"))
    for round_ in range(3):
        for number in range(40):
            files.write(f"S{number}", TODAY, "log", f"line {round_}")
            files.write("BUSY", TODAY, "log", "x")
            assert files.n_open <= 3
    assert len(os.listdir("/proc/self/fd")) - before == files.n_open == 3
    files.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert all(len(path.read_text().splitlines()) == 3 for path in tmp_path.glob("S*"))


def test_a_link_in_the_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / "A_2026-11-20.log").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        DayFiles(tmp_path).write("A", TODAY, "log", "x")
    assert target.read_text() == "untouched"


def test_a_full_disk_tears_a_line_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    files = DayFiles(tmp_path)
    files.write("A", TODAY, "log", "whole")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    earlier = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, hard))
    try:
        with pytest.raises(OSError, match="No space"):
            files.write("A", TODAY, "log", "torn apart")
        with pytest.raises(OSError, match="File too large"):
            files.write("A", TODAY, "log", "nothing of it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, earlier)
    files.write("A", TODAY, "log", "whole again")
    files.close()
    assert (tmp_path / "A_2026-11-20.log").read_text() == "whole\ntor\nwhole again\n"


def test_what_is_older_than_its_days_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = ["A_2026-11-07.log", "A_2026-11-20.jsonl", "A_2026-11-21.log", "ballast_2026-11-07.log"]
    foreign = [
        "others_2020-01-01.log",
        "others_2020-01-02.jsonl",
        "notes_2020-01-01.txt",
        "A_2020-13-45.log",
        "2020-01-01.log",
        "A.log",
        "A_2020-01-01.log.gz",
    ]
    expired = ["A_2026-11-06.log", "A_2026-11-06.jsonl", "B_C-1_2019-12-31.log", "B_C-1_2019-12-31.jsonl"]
    for name in kept + foreign + expired:
        (tmp_path / name).write_text("x")
    (tmp_path / "D_2020-01-01.log").mkdir()
    (tmp_path / "E_2020-01-01.log").symlink_to(tmp_path / "A.log")
    assert DayFiles(tmp_path, retention_days=14).remove_expired(TODAY) == 4
    assert names(tmp_path) == sorted([*kept, *foreign, "D_2020-01-01.log", "E_2020-01-01.log"])


def test_a_directory_that_is_not_there_has_nothing_to_remove(tmp_path: Path) -> None:
    assert DayFiles(tmp_path / "none").remove_expired(TODAY) == 0
