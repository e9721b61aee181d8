"""
How fast is a hedge grid on a margin account?

A year of minutes of five perpetuals in hedge mode, with marks of their own, risk tiers, funding every eight hours and
the whole ladder: once with so much capital that the ladder only watches, once with so little that it acts. Beside it
hftbacktest's events a second on W1, four to a bar, which is the nearest that a peer comes: none charges margin as the
exchange does. Run it by itself with ``python benchmarks/bench_margin.py [--quick]``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rounds import Figure, Job, available, figures, interleave, rate, table

N_BARS, N_SYMBOLS = 525_600, 5
N_ROUNDS = 5
LEAST = 3e6
EVENTS_PER_BAR = 4
WATCHED, ACTING = "Ballast grid, ladder watches", "Ballast grid, ladder acts"
PEER = "hftbacktest"


def jobs(n_bars: int) -> list[Job]:
    """Return what runs."""
    grid = "jobs/run_ballast_grid.py"
    return [
        Job(WATCHED, grid, (n_bars, N_SYMBOLS, "100000.0", 3)),
        Job(ACTING, grid, (n_bars, N_SYMBOLS, "4000.0", 3)),
        Job(
            PEER, "peers/run_hftbacktest.py", ("w1", 1_000_000, 2), "hftbacktest", ("w1", 1_000_000, 0.01), 1e-6,
            "W1, one symbol, no margin",
        ),
    ]  # fmt: skip


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds = 1 if is_quick else N_ROUNDS
    todo = available(jobs(100_000 if is_quick else N_BARS))
    results = interleave(todo, n_rounds)
    rows = [at_least(f"{name}, symbol-bars a CPU second", results[name]) for name in (WATCHED, ACTING)]
    events = EVENTS_PER_BAR * median(rate(result) for result in results[PEER]) if results.get(PEER) else None
    rows.append(Figure(f"{PEER}, events a CPU second", events))
    return "\n\n".join([
        "## Margin",
        f"### A hedge grid, {N_SYMBOLS} symbols, {n_rounds} round(s)",
        table(todo, results, "symbol-bars"),
        "### Goals",
        figures(rows),
    ])


def at_least(what: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the median rate of a job beside its goal."""
    measured = median(rate(result) for result in results)
    return Figure(what, measured, f"at least {LEAST:,.3g}", measured >= LEAST)


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
