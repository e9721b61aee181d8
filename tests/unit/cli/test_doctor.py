from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import IO

import pyarrow as pa
import pytest
from rich.console import Console

from ballast import __version__
from ballast.cli import doctor
from ballast.cli.doctor import Check, Status, exit_code, render, report
from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.series import Series

OK = Check("machine", "cores", Status.OK, "2")
NOTE = Check("disk", "free", Status.NOTE, "90 MiB", "make room")
BROKEN = Check("versions", "numba", Status.BROKEN, "missing", "pip install numba")


def printed(checks: list[Check], width: int = 120) -> str:
    output = io.StringIO()
    render(checks, Console(file=output, width=width))
    return output.getvalue()


def found(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory that nothing was ever written to, and point every default at it."""
    monkeypatch.setenv("BALLAST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    return tmp_path


def test_this_machine_runs_ballast(empty_machine: Path) -> None:
    checks = report()
    assert [check for check in checks if check.status is Status.BROKEN] == []
    assert found(checks, "ballast").found.startswith(__version__)


def test_the_report_covers_every_promised_subject(empty_machine: Path) -> None:
    groups = {check.group for check in report()}
    assert {"versions", "machine", "compiled code", "data", "disk", "clock", "terminal"} <= groups


def test_the_report_groups_its_checks() -> None:
    groups = [check.group for check in report()]
    changes = [group for group, before in zip(groups, ["", *groups], strict=False) if group != before]
    assert len(changes) == len(set(changes))


def test_looking_leaves_no_catalog_behind(empty_machine: Path) -> None:
    report()
    assert not (empty_machine / "catalog").exists()


def test_whatever_is_not_fine_comes_with_a_remedy(empty_machine: Path) -> None:
    assert [check for check in report() if check.status is not Status.OK and not check.remedy] == []


@pytest.mark.parametrize(("checks", "code"), [([], 0), ([OK], 0), ([OK, NOTE], 0), ([NOTE, BROKEN, OK], 1)])
def test_only_what_is_broken_fails(checks: list[Check], code: int) -> None:
    assert exit_code(checks) == code


def test_the_verdict_names_what_is_broken_and_counts_the_notes() -> None:
    assert printed([OK, NOTE, BROKEN]).splitlines()[-1] == "Broken: numba; 1 note."
    assert printed([OK]).splitlines()[-1] == "Everything that Ballast needs works here; 0 notes."


def test_a_remedy_stands_under_what_it_mends() -> None:
    lines = [line.split() for line in printed([OK, BROKEN]).splitlines()]
    place = lines.index(["numba", "broken", "missing"])
    assert lines[place + 1] == ["pip", "install", "numba"]


def test_brackets_in_a_path_are_shown_as_they_are() -> None:
    assert "/data/[red]x" in printed([Check("data", "catalog", Status.OK, "/data/[red]x")])


def test_a_library_that_is_missing_is_broken_and_says_for_what() -> None:
    check = doctor._library("no-such-library", "reading minds")
    assert check == Check(
        "versions",
        "no-such-library",
        Status.BROKEN,
        "missing, needed for reading minds",
        "pip install no-such-library",
    )


def test_a_cache_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file where the directory should be")
    monkeypatch.setenv("BALLAST_CACHE_DIR", str(tmp_path / "cache"))
    check = found(report(), "cache")
    assert check.status is Status.NOTE
    assert "cannot write" in check.found
    assert "BALLAST_CACHE_DIR" in check.remedy


def test_the_cache_is_counted_and_weighed(tmp_path: Path) -> None:
    (tmp_path / "a.nbc").write_bytes(b"x" * 1500)
    (tmp_path / "b.nbc").write_bytes(b"x" * 1500)
    (tmp_path / "other").write_bytes(b"x" * 5000)
    check = list(doctor._compiler(tmp_path))[-1]
    assert check.found == f"{tmp_path}: 2 functions, 3 KiB"


def test_a_compiler_that_raises_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(value: float, units: int, scale: float) -> float:
        raise OSError(errno.ENOEXEC, "no LLVM")

    monkeypatch.setattr("ballast.model.compiled.INTERPRETED", False)
    monkeypatch.setattr("ballast.model.units.floor_to_step", fails)
    check = doctor._compiles()
    assert check.status is Status.BROKEN
    assert "no LLVM" in check.found


def test_a_compiler_that_computes_nonsense_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballast.model.compiled.INTERPRETED", False)
    monkeypatch.setattr("ballast.model.units.floor_to_step", lambda value, units, scale: 0.75)
    assert doctor._compiles().status is Status.BROKEN


def test_the_interpreter_switch_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballast.model.compiled.INTERPRETED", True)
    check = doctor._compiles()
    assert check.status is Status.NOTE
    assert "BALLAST_INTERPRET" in check.remedy


def test_an_empty_catalog_says_how_to_fill_it(empty_machine: Path) -> None:
    check = found(report(), "catalog")
    assert check.status is Status.NOTE
    assert "ballast data download" in check.remedy


def test_a_dataset_is_summed_up(empty_machine: Path) -> None:
    table = pa.table({
        "ts": [0, 86_400_000],
        **{name: [1.0, 2.0] for name in ("open", "high", "low", "close", "volume")},
    })
    with changing(Catalog().root) as change:
        for symbol in ("AUSDT", "BUSDT"):
            change.put(Series("bars", "mexc/spot", symbol, "1d"), table)
    checks = report()
    assert found(checks, "mexc/spot").found == "2 symbols, 4 rows, 1970-01-01 to 1970-01-02"
    assert found(checks, "catalog").status is Status.OK


def test_the_doctor_survives_a_library_that_does_not_load(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ballast.data.catalog", None)
    check = found(report(), "catalog")
    assert check.status is Status.BROKEN
    assert "ballast.data.catalog" in check.found


def test_a_damaged_manifest_is_broken(empty_machine: Path) -> None:
    (empty_machine / "catalog").mkdir()
    (empty_machine / "catalog" / "manifest.json").write_text("{")
    check = found(report(), "catalog")
    assert check.status is Status.BROKEN
    assert "manifest.json" in check.found
    assert "import" in check.remedy


@pytest.mark.parametrize(
    ("free_bytes", "status"),
    [(2**30, Status.OK), (2**30 - 1, Status.NOTE), (50 * 2**20, Status.NOTE), (50 * 2**20 - 1, Status.BROKEN)],
)
def test_disk_space_is_judged_at_its_limits(free_bytes: int, status: Status) -> None:
    assert doctor._free_disk("reports", free_bytes).status is status


def test_places_on_one_file_system_share_a_line(tmp_path: Path) -> None:
    checks = list(doctor._disk({"reports": tmp_path, "catalog": tmp_path / "not" / "there" / "yet"}))
    assert len(checks) == 1
    assert checks[0].found.endswith("for reports, catalog")


@pytest.mark.parametrize(("available", "status"), [(2**30, Status.OK), (2**30 - 1, Status.NOTE)])
def test_memory_is_judged_at_its_limit(available: int, status: Status) -> None:
    assert doctor._memory(2**34, available).status is status


def test_available_memory_is_read_in_kibibytes(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       16000000 kB\nMemAvailable:    5000000 kB\n")
    assert doctor.available_memory_bytes(meminfo) == 5_000_000 * 1024


def test_memory_is_known_without_proc(tmp_path: Path) -> None:
    assert doctor.available_memory_bytes(tmp_path / "meminfo") > 0


@pytest.mark.parametrize(("step_ns", "status"), [(0, Status.OK), (5_000_000, Status.OK), (-6_000_000, Status.NOTE)])
def test_a_clock_that_is_being_set_is_noticed(step_ns: int, status: Status) -> None:
    wall = iter([1_000, 1_000 + 50_000_000 + step_ns])
    monotonic = iter([0, 50_000_000])
    drift_ns = doctor.clock_drift_ns(lambda: next(wall), lambda: next(monotonic), lambda seconds: None)
    assert drift_ns == step_ns
    assert doctor._drift(drift_ns).status is status


@pytest.mark.parametrize(("synchronised", "status"), [(True, Status.OK), (False, Status.NOTE), (None, Status.NOTE)])
def test_an_unknown_time_server_is_a_note(synchronised: bool | None, status: Status) -> None:
    assert doctor._synchronised(synchronised).status is status


def test_asking_the_kernel_about_its_clock_gives_an_answer_or_none() -> None:
    assert doctor.is_clock_synchronised() in {True, False, None}


def test_a_directory_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    assert doctor.existing_part(tmp_path / "a" / "b") == tmp_path
    assert doctor.write_problem(tmp_path / "a" / "b") == ""


def test_looking_for_room_to_write_leaves_nothing(tmp_path: Path) -> None:
    doctor.write_problem(tmp_path)
    assert os.listdir(tmp_path) == []


class Narrow(io.StringIO):
    """A terminal of another time."""

    encoding = "latin-1"


def test_a_terminal_without_unicode_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    output: IO[str] = Narrow()
    monkeypatch.setattr(sys, "stdout", output)
    check = doctor._terminal()
    assert check.status is Status.NOTE
    assert "latin-1" in check.found


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (5 * 2**20, "5 MiB"), (3 * 2**29, "1.5 GiB")],
)
def test_sizes_are_read_at_a_glance(size_bytes: int, text: str) -> None:
    assert doctor._size(size_bytes) == text
