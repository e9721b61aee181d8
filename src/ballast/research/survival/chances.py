"""How often each layer fires on many paths: each run by the engine with the real strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, local
from typing import Any

import numpy as np

from ballast.backtest.made_bars import START_NS, Floats, empty_bars, on_bars, put
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.durations import DAY_NS
from ballast.research.survival.layers import FORCED, Layer, first_times, is_over
from ballast.research.survival.paths import Paths, wilson

WORKERS = 2
CHUNK = 25
"""Paths that a worker takes at a time."""
LOOKS = 4
"""How many times a path is looked at to see whether it is over."""


@dataclass(frozen=True)
class Chance:
    """A probability with its 95 % interval."""

    p: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return what the JSON carries."""
        return {"p": self.p, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Chances:
    """
    What happened on many paths.

    ``at_horizon[days][layer]`` is the chance that a layer has fired by then; ``curve`` holds the same for every day,
    (n_days, n_layers). ``forced[days]`` is the chance that something has been closed by force, by the ladder or by the
    venue. ``median_equity`` and ``worst_equity`` (its 5 % quantile) are at the longest horizon, as is
    ``forced_equity``, the median of the paths that were closed by force; None where none was.
    """

    name: str
    n_paths: int
    interval_ns: int
    at_horizon: Mapping[float, Mapping[Layer, Chance]]
    forced: Mapping[float, Chance]
    curve: Floats
    median_equity: float
    worst_equity: float
    forced_equity: float | None


class Outcomes:
    """Runs paths one after another in sessions that are reset between them, one session a thread."""

    def __init__(self, setup: Setup, starts: Floats, n_bars: int, interval_ns: int) -> None:
        self._setup = setup
        self._starts = starts
        self._n_bars = n_bars
        self._interval_ns = interval_ns
        self._own = local()
        self._building = Lock()

    def of(self, paths: Paths, numbers: Sequence[int]) -> Floats:
        """Return a row per path: see ``counted``."""
        session, records = self._session()
        rows = np.full((len(numbers), len(Layer) + 1), np.inf)
        for row, number in zip(rows, numbers, strict=True):
            put(records, 1, *paths(number))
            session.reset(session.setup)
            for stop in np.linspace(0, self._n_bars + 1, LOOKS + 1).astype(int)[1:].tolist():
                session.run(stop)
                if is_over(session):
                    break
            for k, time_ns in enumerate(first_times(session).values()):
                if time_ns is not None:
                    row[k] = time_ns - START_NS - self._interval_ns
            row[-1] = session.engine.strategy_view.equity
        return rows

    def _session(self) -> tuple[Session, Any]:
        if not hasattr(self._own, "session"):
            # One at a time: the first one compiles.
            with self._building:
                records = empty_bars(self._setup, self._n_bars + 1, self._interval_ns)
                first = self._starts[None, :]
                put(records, 0, first, first, first, first)
                setup = on_bars(self._setup, records, self._interval_ns)
                session = Session(setup, keeps_curve=False)
                session.run(1)
                self._own.session, self._own.records = session, records
        return self._own.session, self._own.records


def chances(
    name: str,
    outcomes: Outcomes,
    paths: Paths,
    n_paths: int,
    horizons: Sequence[float],
    interval_ns: int,
    progress: Callable[[float], None] | None = None,
) -> Chances:
    """
    Return how often each layer fires by each horizon (days) on paths 0 to ``n_paths`` (exclusive).

    Runs on two threads: compiled runs do not hold the interpreter's lock.
    """
    pieces = [range(first, min(first + CHUNK, n_paths)) for first in range(0, n_paths, CHUNK)]
    rows = []
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for done, piece in enumerate(pool.map(lambda piece: outcomes.of(paths, piece), pieces), 1):
                rows.append(piece)
                if progress is not None:
                    progress(done / len(pieces))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return counted(name, np.vstack(rows), horizons, interval_ns)


def counted(name: str, rows: Floats, horizons: Sequence[float], interval_ns: int) -> Chances:
    """
    Return the outcome of paths.

    ``rows`` has one for each: nanoseconds from the start until each layer fired (inf: never), and the final equity;
    ``horizons`` are days.
    """
    times, finals = rows[:, :-1] / DAY_NS, rows[:, -1]
    forced_times = times[:, [list(Layer).index(layer) for layer in FORCED]].min(axis=1)

    def chance(hits: Any) -> Chance:
        n_hits = int(np.count_nonzero(hits))
        return Chance(n_hits / len(rows), *wilson(n_hits, len(rows)))

    days = np.linspace(0.0, max(horizons), 61)
    is_forced = forced_times <= max(horizons)
    return Chances(
        name=name,
        n_paths=len(rows),
        interval_ns=interval_ns,
        at_horizon={day: {layer: chance(times[:, k] <= day) for k, layer in enumerate(Layer)} for day in horizons},
        forced={day: chance(forced_times <= day) for day in horizons},
        curve=np.array([(times <= day).mean(axis=0) for day in days]),
        median_equity=float(np.median(finals)),
        worst_equity=float(np.quantile(finals, 0.05)),
        forced_equity=float(np.median(finals[is_forced])) if is_forced.any() else None,
    )
