"""
How fast is one backtest?

W1, one symbol and an RSI rule, and W2, ten symbols and a threshold cascade, as ``reference.py`` states them, on the
markets of ``markets.py``; beside them strategies that Ballast ships, those of signals and ``target_weights`` on the
market of W1 and the cascade on that of W2. A run is from bars in memory to final equity. Run it by itself with
``python benchmarks/bench_engine.py [--quick]``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from statistics import median
from typing import Any

from rounds import Figure, Job, available, figures, interleave, rate, table, times_as_fast

N_ROUNDS = 7
ON_W1 = ("tight_range", "staged_trend", "target_weights")


def ballast(workload: str, n_bars: int, build: str) -> Job:
    """Return the job that runs Ballast; of the shipped strategies no reference is stated here."""
    shipped = {"cascade": "shipped cascade ", **{name: f"{name} " for name in ON_W1}}
    label = f"Ballast {shipped.get(workload, '')}{build}"
    reference = None if workload in shipped else (workload, n_bars)
    return Job(label, "jobs/run_ballast.py", (workload, n_bars, build, 7), reference=reference)


def w1_jobs() -> list[Job]:
    """Return what runs W1."""
    n = 1_000_000
    vectorbt = "peers/run_vectorbt.py"
    return [
        ballast("w1", n, "shared"),
        ballast("w1", n, "specialised"),
        *(ballast(name, n, "shared") for name in ON_W1),
        Job("vectorbt rust", vectorbt, ("w1", n, "rust", 7), "vectorbt", ("w1", n)),
        Job("vectorbt numba", vectorbt, ("w1", n, "numba", 3), "vectorbt", ("w1", n)),
        Job(
            "hftbacktest", "peers/run_hftbacktest.py", ("w1", n, 2), "hftbacktest", ("w1", n, 0.01), 1e-6,
            "sells one tick lower, as its reference",
        ),
    ]  # fmt: skip


def w2_jobs(*, is_quick: bool) -> list[Job]:
    """Return what runs W2; the peers that call Python for each bar run a part of it."""
    n, n_bt, n_nautilus = 500_000, 10_000 if is_quick else 50_000, 5_000 if is_quick else 20_000
    return [
        ballast("w2", n, "shared"),
        ballast("w2", n, "specialised"),
        ballast("cascade", n, "shared"),
        Job("vectorbt numba", "peers/run_vectorbt.py", ("w2", n, "numba", 3), "vectorbt", ("w2", n)),
        Job("bt", "peers/run_bt.py", ("w2", n_bt, 1), "bt", ("w2", n_bt)),
        Job(
            "NautilusTrader", "peers/run_nautilus.py", ("w2", n_nautilus, 1), "nautilus", ("w2", n_nautilus), 1e-6,
            "quantities of 8 decimals",
        ),
    ]  # fmt: skip


def cost_of_a_bar(results: Mapping[str, list[dict[str, Any]]], label: str) -> Figure:
    """Return the CPU ns that a bar costs."""
    return Figure(f"{label}, ns a bar", median(1e9 / rate(result) for result in results[label]))


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds = 1 if is_quick else N_ROUNDS
    w1, w2 = available(w1_jobs()), available(w2_jobs(is_quick=is_quick))
    one, ten = interleave(w1, n_rounds), interleave(w2, n_rounds)
    shared, specialised = "Ballast shared", "Ballast specialised"
    rows = [
        times_as_fast(one, shared, "vectorbt rust", 2.0),
        times_as_fast(one, specialised, "vectorbt rust", 2.0),
        *(times_as_fast(one, f"Ballast {name} shared", shared, 0.5) for name in ON_W1),
        *(cost_of_a_bar(one, label) for label in (shared, *(f"Ballast {name} shared" for name in ON_W1))),
        times_as_fast(one, shared, "hftbacktest", 20.0),
        times_as_fast(one, specialised, "hftbacktest", 20.0),
        times_as_fast(ten, shared, "vectorbt numba", 8.0),
        times_as_fast(ten, specialised, "vectorbt numba", 8.0),
        times_as_fast(ten, shared, "NautilusTrader", 2000.0),
        times_as_fast(ten, shared, "bt"),
        times_as_fast(ten, "Ballast shipped cascade shared", "vectorbt numba"),
    ]
    return "\n\n".join([
        "## One backtest",
        "`shared` is how `ballast backtest` runs, through a function pointer; `specialised` is how a sweep runs.",
        f"### W1: RSI reversion, one symbol, {n_rounds} round(s)",
        table(w1, one, "bars"),
        f"### W2: cascade with quantities fixed at the close, ten symbols, {n_rounds} round(s)",
        table(w2, ten, "rows"),
        "### Goals",
        figures(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
