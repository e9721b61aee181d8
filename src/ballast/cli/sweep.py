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
        typer.Option("--grid", metavar="KEY=A:B:STEP|A,B,C", help="Values of a key, such as strategy.x. Repeatable."),
    ],
    settings: Settings = None,
    out: Annotated[Path, typer.Option("--out", help="Directory for the table of all cells and the heat map.")] = Path(
        "sweep"
    ),
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads; else one for each core.")] = None,
    rank: Annotated[
        str | None,
        typer.Option("--rank", metavar="METRIC", help="Figure to rank by, greatest first. [default: sharpe]"),
    ] = None,
    final_only: Annotated[
        bool,
        typer.Option("--final-only", help="Final equity, fills and fees, and no other figure; many times as fast."),
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="How many of the best cells to show.")] = 10,
    quiet: Quiet = False,
) -> None:
    """
    Run a strategy with every combination of some settings, and rank the results.

    A:B:STEP includes B. Interrupted, it keeps the cells that are finished.
    """
    from ballast.backtest.setup import setup_from_config
    from ballast.backtest.sweep import grid_cells
    from ballast.backtest.sweep import sweep as run_sweep
    from ballast.cli.market import frames_of
    from ballast.cli.sweep_files import best_cells, refuse_unknown_figure, refuse_unwritable_directory, write_files
    from ballast.config import load, varied
    from ballast.config.grid import parse_grid, variable_keys
    from ballast.model.errors import ConfigError

    rank = rank or ("final_equity" if final_only else "sharpe")
    refuse_unknown_figure(rank, final_only=final_only)
    refuse_unwritable_directory(out)
    config = load(file, settings or ())
    grid = parse_grid(axes, variable_keys(config))
    frames = frames_of(config)
    if frames.ticks is not None:
        raise ConfigError(f"data.path = {config.data.path}: sweeps run over bars, and this file holds ticks")
    cells = grid_cells(grid, lambda values: setup_from_config(varied(config, values), frames))
    with late_progress("Sweep", quiet=quiet) as progress:
        result = run_sweep(cells, workers=workers, final_only=final_only, progress=progress)
    if result.n_finished:
        write_files(result, rank, out, {"config_hash": config.hash, "data_hash": result.data_hash})
    if result.n_finished and not quiet:
        terminal = console()
        terminal.print(best_cells(result, rank, top))
        terminal.print(f"{result.n_finished:,} of {result.n_cells:,} cells: {out}", soft_wrap=True)
    if result.n_finished < result.n_cells:
        raise KeyboardInterrupt
