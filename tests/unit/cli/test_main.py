"""The command line as a whole: help, errors, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from ballast import __version__
from ballast.cli import backtest as backtest_module
from ballast.cli.main import run
from ballast.model.errors import InvariantBroken, OutcomeUnknown, RejectedByVenue


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("BALLAST_DEBUG", raising=False)
    return monkeypatch


def fail_with(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*paths: object) -> None:
        raise error

    patch.setattr(backtest_module, "refuse_unwritable", fail)


HEAVY = {"numba", "llvmlite", "polars", "pyarrow", "duckdb", "plotly", "aiohttp", "pydantic", "scipy", "pandas"}


def test_help_loads_nothing_heavy() -> None:
    """How long it then takes is measured in ``benchmarks/bench_start.py``."""
    code = """
import json, sys
from ballast.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "backtest" in done.stdout
    assert not HEAVY & set(json.loads(done.stderr))


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("backtest",),
        ("sweep",),
        ("strategies",),
        ("demo",),
        ("doctor",),
        ("data",),
        ("data", "import"),
        ("data", "ls"),
        ("data", "check"),
        ("data", "sample"),
        ("data", "download"),
    ],
)
def test_every_command_explains_itself(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: {' '.join(['ballast', *words])}" in text
    if words not in {(), ("data",)}:
        assert re.search(rf"^  Examples?:\n    ballast {' '.join(words)}", text, re.MULTILINE)
    undescribed = re.search(r"^  --[a-z-]+( [A-Z<]\S*)?$\n(?!    )", text, re.MULTILINE)
    assert undescribed is None, undescribed


@pytest.mark.parametrize("words", [[], ["data"]])
def test_without_a_command_the_help_is_shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert "Commands:" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"ballast {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bactest"], "No such command 'bactest'"),
        (["backtest"], "Missing argument 'FILE.toml'; see 'ballast backtest --help'"),
        (["backtest", "run.toml", "--repotr"], "--report"),
        (["data", "download", "--venue", "mexc"], "Missing option '--symbols'"),
        (["sweep", "run.toml", "--workers", "0", "--grid", "strategy.x=1"], "--workers"),
        (["strategies", "cascad"], "did you mean 'cascade'?"),
    ],
)
def test_a_slip_of_the_fingers_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RejectedByVenue("bybit has no symbol 'X'"), 2, "error: bybit has no symbol 'X'\n"),
        (OutcomeUnknown("no answer"), 1, "error: no answer\n"),
        (InvariantBroken("cash is negative"), 1, "error: cash is negative\n"),
        (
            ZeroDivisionError("division\nby zero"),
            1,
            "error: unexpected ZeroDivisionError: division by zero; BALLAST_DEBUG=1 shows where it happened\n",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_has_its_exit_code_and_one_line(
    failing: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    fail_with(failing, error)
    assert run(["backtest", "run.toml"]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("by_option", [True, False])
def test_debugging_shows_the_traceback(
    failing: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by_option: bool,
) -> None:
    fail_with(failing, ZeroDivisionError("division by zero"))
    if not by_option:
        failing.setenv("BALLAST_DEBUG", "1")
    assert run([*(["--debug"] if by_option else []), "backtest", "run.toml"]) == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last)" in printed
    assert printed.endswith("BALLAST_DEBUG=1 shows where it happened\n")


def test_the_strategies_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["strategies"]) == 0
    printed = capsys.readouterr().out
    assert "cascade" in printed
    assert "keep a basket of volatile coins level" in printed


def test_the_settings_of_a_strategy_are_shown_with_defaults_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["strategies", "cascade"]) == 0
    printed = capsys.readouterr().out
    assert "upside_threshold = 0.4   a number above 0 and at most 10 (fraction)" in printed
    assert 'profile = "recommended"' in printed
