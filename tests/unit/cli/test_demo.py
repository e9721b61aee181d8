"""``ballast demo``: from nothing to a report."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ballast.cli.demo import settings
from ballast.cli.main import run
from ballast.config import from_dict
from ballast.data.sample import Market


def test_the_demo_leaves_a_market_settings_a_result_and_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "somewhere" / "demo"
    assert run(["demo", "--directory", str(directory)]) == 0
    assert sorted(path.name for path in directory.iterdir()) == [
        "cascade.toml",
        "market.parquet",
        "report.html",
        "result.json",
    ]
    printed = capsys.readouterr().out
    assert "Final equity" in printed
    assert str(directory / "report.html") in printed
    result = json.loads((directory / "result.json").read_text())
    assert result["upside_events"] > 0
    assert result["downside_events"] > 0


def test_the_demo_runs_with_the_defaults() -> None:
    config = from_dict(tomllib.loads(settings(Market().names)))
    plain = from_dict({"data": {"path": "x", "symbols": list(Market().names)}, "strategy": {"name": "cascade"}})
    assert config.strategy == plain.strategy
    assert (config.account, config.execution) == (plain.account, plain.execution)


def test_settings_of_your_own_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = settings(Market().names).replace("10000.0", "-1.0")
    (tmp_path / "cascade.toml").write_text(own)
    assert run(["demo", "--directory", str(tmp_path), "--quiet"]) == 2
    assert "account.initial_capital = -1.0" in capsys.readouterr().err
    assert (tmp_path / "cascade.toml").read_text() == own


def test_a_place_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo").write_text("")
    assert run(["demo", "--directory", str(tmp_path / "demo")]) == 2
    assert "choose another place with --directory" in capsys.readouterr().err
