"""``ballast sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ballast.cli.backtest import Quiet, Settings
from ballast.cli.terminal import console, late_progress


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Configuration; the grid varies some of its keys.")],
    axes: Annotated[
        list[str],
        typer.Option(
            "--grid", metavar="KEY=A:B:STEP|A,B,C", help="Values of a strategy. or execution. key. Repeatable."
        ),
    ],
    settings: Settings = None,
    out: Annotated[Path, typer.Option("--out", help="Directory for the table of all cells and the heat map.")] = Path(
        "sweep"
    ),
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; else one for each core.")] = None,
    rank: Annotated[str, typer.Option("--rank", metavar="METRIC", help="Figure of the result to rank by.")] = "sharpe",
    top: Annotated[int, typer.Option("--top", min=1, help="How many of the best cells to show.")] = 10,
    quiet: Quiet = False,
) -> None:
    """
    Run a strategy with every combination of some settings, and rank the results.

    A:B:STEP includes B. Interrupted, it keeps the cells that are finished.
    """
    from ballast.backtest.setup import setup_from_config
    from ballast.backtest.sweep import refuse_unknown_metric
    from ballast.backtest.sweep import sweep as run_sweep
    from ballast.cli.market import frames_of
    from ballast.config import load, strategy_of
    from ballast.config.grid import parse_grid

    refuse_unknown_metric(rank)
    config = load(file, settings or ())
    grid = parse_grid(axes, strategy_of(config).parameters)
    setup = setup_from_config(config, frames_of(config))
    with late_progress("Sweep", quiet=quiet) as progress:
        result = run_sweep(setup, grid, workers=workers, out=out, progress=progress)
    if not quiet:
        terminal = console()
        result.print(terminal, rank=rank, top=top)
        terminal.print(f"All cells: {out}", soft_wrap=True)
