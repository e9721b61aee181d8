"""
Many settings over one data set: every cell of a grid, on all cores, each indicator computed once.

A cell's figures are those of a run of its own, to the bit. Cells that differ only in the strategy's
settings share one session per worker, which is reset between them; cells that ask for the same
indicators share their values; and a strategy that can say how far nothing happens is believed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from ballast.backtest.run import Timeline, result_of, timeline_of
from ballast.backtest.session import Session, apply_overrides
from ballast.backtest.setup import Setup
from ballast.indicators.blocks import EVERY_FRAME, compute
from ballast.indicators.table import Request, plan
from ballast.model.errors import ConfigError, nearest
from ballast.risk.settings import Profile

FEATURE_BUDGET_BYTES = 1_000_000_000
"""Shared indicator values larger than this are computed bar by bar in each cell instead."""

CHUNKS_PER_WORKER = 4
"""How finely cells are dealt out: fine enough to end together, coarse enough for many to share a stretch of frames."""

BATCH_CELLS = 500
"""How many cells go into one call of compiled code: between two calls Ctrl-C is heard."""

PROGRESS_S = 0.1
"""Between two looks at how many cells are done."""


@dataclass(frozen=True)
class Cell:
    """One point of a grid: the values that make it, by key, and the run that they give."""

    values: Mapping[str, Any]
    setup: Setup


@dataclass(frozen=True)
class SweepResult:
    """
    What a sweep found.

    ``columns`` maps each key of the grid and each figure to a list with one entry per finished cell, in
    grid order (last key fastest); ``n_cells`` is the size of the whole grid. What cannot be computed is None.
    """

    keys: Sequence[str]
    figures: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
    n_cells: int
    strategy: str
    data_hash: str

    @property
    def n_finished(self) -> int:
        """How many cells have figures."""
        return len(self.columns[self.figures[0]])

    def ranked(self, figure: str) -> list[int]:
        """Return the rows from best to worst by ``figure`` (greater is better); undefined ones come last."""
        if figure not in self.columns:
            raise ConfigError(f"no figure '{figure}' in this sweep{nearest(figure, self.figures)}")
        values = self.columns[figure]
        return sorted(range(len(values)), key=lambda row: (values[row] is None, -(values[row] or 0.0)))


def grid_cells(grid: Mapping[str, Sequence[Any]], setup_of: Callable[[Mapping[str, Any]], Setup]) -> list[Cell]:
    """Return every combination of the grid's values, the last key fastest, with the setup that ``setup_of`` makes."""
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [Cell(values, setup_of(values)) for values in combinations]


def sweep(
    cells: Sequence[Cell],
    *,
    workers: int | None = None,
    final_only: bool = False,
    progress: Callable[[float], None] | None = None,
) -> SweepResult:
    """
    Run every cell; all must be over the same frames and of the same strategy.

    Parameters
    ----------
    cells : sequence of Cell
        From :func:`grid_cells`.
    workers : int, optional
        Threads (compiled runs do not hold the interpreter); default: one per core.
    final_only : bool
        Compute ``final_equity``, ``n_fills`` and ``fees`` only, and keep no equity curve: much faster.
    progress : callable, optional
        Called with the fraction of cells done.

    Notes
    -----
    On Ctrl-C no further cell begins, and what is finished is returned.
    """
    for cell in cells:
        _refuse_profile(cell.setup)
    stop = Event()
    count = workers or os.cpu_count() or 1
    # All figures are of the same bars; final figures need none.
    chunks = _chunks(cells, count, None if final_only else timeline_of(cells[0].setup))
    with ThreadPoolExecutor(count) as pool:
        pending = {pool.submit(_work, chunk, final_only, stop) for chunk in chunks}
        try:
            while pending:
                ended, pending = wait(pending, None if progress is None else PROGRESS_S, FIRST_COMPLETED)
                for future in ended:
                    future.result()
                if progress is not None:
                    progress(sum(len(chunk.rows) for chunk in chunks) / len(cells))
        except KeyboardInterrupt:
            # What is finished is in the rows.
            pass
        finally:
            stop.set()
    return _collected(cells, {number: row for chunk in chunks for number, row in chunk.rows.items()})


def _refuse_profile(setup: Setup) -> None:
    """Refuse margin accounts under a ladder that nobody may trade with: tuning them would find what it lets pass."""
    if setup.has_margin and setup.profile != Profile.SAFE:
        raise ConfigError(
            f'risk.profile = "{setup.profile.name.lower()}": a sweep takes "safe" only; '
            "backtest and survive take the others, for comparison"
        )


@dataclass(frozen=True)
class _Chunk:
    """
    Cells that one session runs one after another: same costs and fills, same indicators.

    ``idle`` holds the sessions of all chunks alike that no worker is using; making one costs as much as
    many short runs. ``rows`` are the figures of the cells that are finished, by their number.
    """

    cells: Sequence[tuple[int, Setup]]
    shared_feature: Any
    timeline: Timeline | None
    idle: list[Session]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)


def _chunks(cells: Sequence[Cell], workers: int, timeline: Timeline | None) -> list[_Chunk]:
    groups: dict[Any, list[tuple[int, Setup]]] = {}
    for number, cell in enumerate(cells):
        groups.setdefault(_group_key(cell.setup), []).append((number, cell.setup))
    values: dict[Any, Any] = {}
    chunks = []
    for key, members in groups.items():
        requests = key[0]
        if requests not in values:
            values[requests] = shared_features(members[0][1], requests)
        size = max(1, -(-len(members) // (workers * CHUNKS_PER_WORKER)))
        parts = [members[start : start + size] for start in range(0, len(members), size)]
        idle: list[Session] = []
        chunks += [_Chunk(part, values[requests], timeline, idle) for part in parts]
    return chunks


def _group_key(setup: Setup) -> tuple[Any, ...]:
    """Return what two runs must share to use one session: all but the strategy's settings."""
    setup = apply_overrides(setup)
    requests = tuple(setup.strategy.features(setup.params, setup.n_symbols, setup.frames.interval_ns))
    positions = tuple(setup.initial_positions.items())
    grids = None if setup.instruments is None else setup.instruments.tobytes()
    margin = (setup.account_kind, setup.position_mode, setup.margin_model, tuple(setup.leverage))
    risk = None if setup.risk is None else setup.risk.tobytes()
    makes_market = setup.strategy.makes_market(setup.params)
    return requests, makes_market, setup.costs, setup.execution, setup.initial_capital, positions, grids, margin, risk


def shared_features(setup: Setup, requests: Sequence[Request]) -> Any:
    """Return the indicators' outputs, (n_outputs, n_frames); None when there are none, or too many to hold."""
    laid_out = plan(requests)
    n_frames, n_outputs = len(setup.frames.records), laid_out[3]
    if n_outputs == 0 or n_frames * n_outputs * 8 > FEATURE_BUDGET_BYTES:
        return None
    values = np.empty((n_outputs, n_frames))
    specs, states, ring, _ = laid_out
    records, out = setup.frames.records, np.full(n_outputs, np.nan)
    compute(specs, states, ring, records, 0, n_frames, out, values, EVERY_FRAME)
    return values


def _work(chunk: _Chunk, final_only: bool, stop: Event) -> None:
    """Run a chunk's cells, and put down each one's figures as soon as it has them; none begins after ``stop``."""
    if stop.is_set():
        return
    session = _session(chunk, keeps_curve=not final_only)
    if final_only and session.runs_batches:
        for first in range(0, len(chunk.cells), BATCH_CELLS):
            if stop.is_set():
                break
            batch = chunk.cells[first : first + BATCH_CELLS]
            finals = session.final_figures([setup for _, setup in batch])
            chunk.rows.update({number: _figures(*row) for (number, _), row in zip(batch, finals.tolist(), strict=True)})
    else:
        for number, setup in chunk.cells:
            if stop.is_set():
                break
            session.reset(setup)
            session.run()
            chunk.rows[number] = (
                _final_figures(session) if final_only else vars(result_of(session, timeline=chunk.timeline).metrics)
            )
    chunk.idle.append(session)


def _session(chunk: _Chunk, *, keeps_curve: bool) -> Session:
    try:
        return chunk.idle.pop()
    except IndexError:
        setup = chunk.cells[0][1]
        return Session(setup, specialised=True, shared_feature=chunk.shared_feature, keeps_curve=keeps_curve)


def _final_figures(session: Session) -> dict[str, Any]:
    return _figures(session.final_equity, session.engine.log.n_fills, session.venue.accounts[0].fees)


def _figures(final_equity: float, n_fills: float, fees: float) -> dict[str, Any]:
    return {"final_equity": float(final_equity), "n_fills": int(n_fills), "fees": float(fees)}


def _collected(cells: Sequence[Cell], rows: Mapping[int, Mapping[str, Any]]) -> SweepResult:
    keys = list(cells[0].values)
    figures = list(next(iter(rows.values()), {"final_equity": None}))
    numbers = sorted(rows)
    columns = {key: [cells[number].values[key] for number in numbers] for key in keys}
    columns |= {figure: [rows[number][figure] for number in numbers] for figure in figures}
    setup = cells[0].setup
    return SweepResult(keys, figures, columns, len(cells), setup.strategy.name, setup.frames.data_hash)
