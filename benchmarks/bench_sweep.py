"""
How fast is a sweep, and how much memory does it take?

W3: W1 on 100,000 bars for 1,000 pairs of thresholds, on one core. *Full*: every pair runs the whole engine, indicator
included. *Shared features*: the RSI is computed once for all pairs; results must be equal to the bit. Run it by itself
with ``python benchmarks/bench_sweep.py [--quick]``.
"""

from __future__ import annotations

import sys

from rounds import Disagreement, Job, available, goals, interleave, ratio_goal, table

N_ROUNDS = 3
N_BARS = 100_000
FULL, SHARED, RUST = "Ballast full", "Ballast shared features", "vectorbt rust"
MEMORY_GOAL_MB = 500


def jobs(n_pairs: int) -> list[Job]:
    """Return what runs W3."""
    reference = ("w3", N_BARS, n_pairs)
    return [
        Job(FULL, "jobs/run_ballast_sweep.py", ("full", N_BARS, n_pairs, 1), reference=reference),
        Job(SHARED, "jobs/run_ballast_sweep.py", ("shared", N_BARS, n_pairs, 3), reference=reference),
        Job(RUST, "peers/run_vectorbt.py", ("w3", N_BARS, "rust", 1, n_pairs), "vectorbt", reference),
        Job("vectorbt numba", "peers/run_vectorbt.py", ("w3", N_BARS, "numba", 1, n_pairs), "vectorbt", reference),
    ]


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds, n_pairs = (1, 100) if is_quick else (N_ROUNDS, 1000)
    todo = available(jobs(n_pairs))
    results = interleave(todo, n_rounds)
    for full, shared in zip(results[FULL], results[SHARED], strict=True):
        if full["digest"] != shared["digest"]:
            raise Disagreement("the sweep with shared features differs from the full engine: the bits of some pair's equity are not equal")
    peak_mb = max(result["peak_rss_mb"] for label in (FULL, SHARED) for result in results[label])
    rows = [
        ratio_goal(results, FULL, RUST, 4.0),
        ratio_goal(results, SHARED, RUST, 40.0),
        ("peak memory of the sweep, MB", peak_mb, f"under {MEMORY_GOAL_MB}", peak_mb < MEMORY_GOAL_MB),
    ]
    return "\n\n".join([
        "## A sweep",
        f"### W3: {n_pairs:,} pairs of thresholds, {N_BARS:,} bars each, one core, {n_rounds} round(s)",
        table(todo, results, "bars"),
        "The equity of a sweep is the sum over its pairs. Full and shared features agree to the bit, pair by pair.",
        "### Goals",
        goals(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
