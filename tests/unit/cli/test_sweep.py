"""``ballast sweep``: a grid of runs, ranked and kept."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow.parquet as pq
import pytest

from ballast.backtest import sweep as sweep_cells
from ballast.backtest.sweep import SweepResult
from ballast.cli import sweep as sweep_module
from ballast.cli.main import run
from ballast.cli.sweep_files import best_cells, map_figure
from tests.unit.cli.cli_market import write_configuration


def test_every_cell_of_the_grid_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration, out = write_configuration(tmp_path), tmp_path / "cells"
    axes = ["--grid", "strategy.upside_threshold=0.05:0.1:0.05", "--grid", "execution.slippage_bps=5,10,20"]
    assert run(["sweep", str(configuration), *axes, "--out", str(out), "--workers", "1", "--rank", "total_return"]) == 0
    table = pq.read_table(out / "cells.parquet")
    assert table.column("strategy.upside_threshold").to_pylist() == [0.05, 0.05, 0.05, 0.1, 0.1, 0.1]
    assert table.column("execution.slippage_bps").to_pylist() == [5.0, 10.0, 20.0] * 2
    assert {b"config_hash", b"data_hash"} <= set(table.schema.metadata)
    assert "plotly" in (out / "map.html").read_text().lower()
    assert f"6 of 6 cells: {out}" in capsys.readouterr().out


def test_a_cell_is_the_run_with_its_settings(tmp_path: Path) -> None:
    configuration, out = write_configuration(tmp_path), tmp_path / "cells"
    axis = ["--grid", "strategy.upside_threshold=0.05,0.1"]
    assert run(["sweep", str(configuration), *axis, "--out", str(out), "--quiet"]) == 0
    setting = ["--set", "strategy.upside_threshold=0.1", "--json", str(tmp_path / "one.json")]
    assert run(["backtest", str(configuration), "--quiet", *setting]) == 0
    alone = json.loads((tmp_path / "one.json").read_text())
    cell = pq.read_table(out / "cells.parquet").to_pylist()[1]
    assert {name: cell[name] for name in ("final_equity", "sharpe", "fees", "n_fills")} == {
        name: alone[name] for name in ("final_equity", "sharpe", "fees", "n_fills")
    }


def test_final_figures_alone_are_those_of_the_whole_run(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path)
    axis = ["--grid", "strategy.upside_threshold=0.05,0.1", "--quiet"]
    assert run(["sweep", str(configuration), *axis, "--out", str(tmp_path / "all")]) == 0
    assert run(["sweep", str(configuration), *axis, "--out", str(tmp_path / "final"), "--final-only"]) == 0
    whole, final = (pq.read_table(tmp_path / name / "cells.parquet").to_pylist() for name in ("all", "final"))
    assert [list(cell) for cell in final] == [["strategy.upside_threshold", "final_equity", "n_fills", "fees"]] * 2
    # The sum of the fees is the account's own here, of the list of fills there.
    assert [{name: cell[name] for name in final[0]} for cell in whole] == [
        {**cell, "fees": pytest.approx(cell["fees"], rel=1e-12)} for cell in final
    ]


def test_final_figures_alone_cannot_be_ranked_by_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--grid", "strategy.upside_threshold=0.05,0.1", "--final-only", "--rank", "sharpe"]
    assert run(["sweep", str(write_configuration(tmp_path)), *arguments, "--out", str(tmp_path / "cells")]) == 2
    assert "--rank sharpe: no such figure; there are final_equity, n_fills, fees" in capsys.readouterr().err


def result() -> SweepResult:
    columns: dict[str, list[Any]] = {
        "strategy.a": [1, 1, 1, 1, 2, 2, 2, 2],
        "strategy.b": [10, 10, 20, 20, 10, 10, 20, 20],
        "strategy.c": ["x", "y"] * 4,
        "sharpe": [0.1, 0.4, None, 0.3, 0.2, -0.1, None, None],
    }
    return SweepResult(list(columns)[:3], ["sharpe"], columns, 8, "cascade", "")


def test_the_map_shows_the_best_over_the_keys_that_it_cannot_span() -> None:
    figure = map_figure(result(), "sharpe")
    assert figure.layout.title.text == "cascade: Sharpe, the best over C"
    assert [list(row) for row in figure.data[0].text] == [["0.40", "0.20"], ["0.30", "–"]]
    assert [list(row) for row in figure.data[0].z] == [[0.4, 0.2], [0.3, None]]
    assert (list(figure.data[0].x), list(figure.data[0].y)) == (["1", "2"], ["10", "20"])


def test_one_key_makes_a_line() -> None:
    one = SweepResult(["strategy.a"], ["sharpe"], {"strategy.a": [1, 2], "sharpe": [0.5, None]}, 2, "cascade", "")
    figure = map_figure(one, "sharpe")
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([1, 2], [0.5, None])


def test_the_best_cells_come_first_and_undefined_ones_last() -> None:
    table = best_cells(result(), "sharpe", 3)
    assert list(table.columns[-1].cells) == ["0.40", "0.30", "0.20"]


def test_an_interrupted_sweep_keeps_the_finished_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C comes when the first cells have been counted."""
    # Whoever runs the tests in the background may have had the signal ignored.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    configuration, out = write_configuration(tmp_path), tmp_path / "cells"

    @contextmanager
    def interrupting(title: str, *, quiet: bool) -> Iterator[Callable[[float], None]]:
        yield lambda fraction: signal.raise_signal(signal.SIGINT) if fraction > 0.0 else None

    begun = Event()

    def waiting(chunk: Any, final_only: bool, stop: Event) -> Any:
        # One worker: what comes after the first share of the cells must not be through before the signal is heard.
        if begun.is_set():
            stop.wait(60.0)
        begun.set()
        return work(chunk, final_only, stop)

    work = sweep_cells._work
    monkeypatch.setattr(sweep_cells, "_work", waiting)
    monkeypatch.setattr(sweep_module, "late_progress", interrupting)
    axis = ["--grid", "strategy.upside_threshold=0.01:0.3:0.01"]
    try:
        assert run(["sweep", str(configuration), *axis, "--out", str(out), "--workers", "1"]) == 130
    finally:
        signal.signal(signal.SIGINT, earlier)
    n_rows = pq.read_metadata(out / "cells.parquet").num_rows
    assert 0 < n_rows < 30
    printed = capsys.readouterr()
    assert f"{n_rows:,} of 30 cells" in printed.out
    assert printed.err == "error: interrupted\n"


def test_progress_grows_until_every_cell_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    @contextmanager
    def listening(title: str, *, quiet: bool) -> Iterator[Callable[[float], None]]:
        yield told.append

    monkeypatch.setattr(sweep_module, "late_progress", listening)
    axis = ["--grid", "strategy.upside_threshold=0.01:0.3:0.01"]
    assert run(["sweep", str(write_configuration(tmp_path)), *axis, "--out", str(tmp_path / "cells")]) == 0
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_output_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = write_configuration(tmp_path)
    assert (
        run(["sweep", str(configuration), "--grid", "strategy.upside_threshold=1,2", "--out", str(configuration)]) == 2
    )
    assert "is a file; name a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--grid'"),
        (["--grid", "strategy.upside_treshold=1,2"], "did you mean 'strategy.upside_threshold'?"),
        (["--grid", "strategy.upside_threshold=0.2:0.6"], "expected key=first:last:step"),
        (["--grid", "strategy.upside_threshold=0.1,0.2", "--rank", "sharp"], "did you mean 'sharpe'?"),
        (["--grid", "strategy.upside_threshold=0.1,0.2", "--set", "account.fee_rate=10"], "did you mean 0.1?"),
        (
            ["--grid", "strategy.upside_threshold=0.1,-0.2"],
            "strategy.upside_threshold = -0.2: expected a number above 0",
        ),
        (["--grid", "execution.slippage_bps=5,-5"], "execution.slippage_bps = -5: expected a number at least 0"),
        (["--grid", "execution.path=near_first,near"], 'execution.path = "near": expected one of'),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_refused_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration, out = write_configuration(tmp_path), tmp_path / "cells"
    assert run(["sweep", str(configuration), *arguments, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
