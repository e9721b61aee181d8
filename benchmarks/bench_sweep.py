"""
How fast is a sweep, and how much memory does it take?

W3: W1 on 100,000 bars for 1,000 pairs of thresholds, on one core. *Full engine*: every pair runs everything, its own
indicator and equity curve included. *Shared features*: a sweep for final figures, which computes the RSI once for all
pairs; the bits must be equal. *All figures*: a sweep as ``ballast sweep`` runs it, Sharpe ratio, drawdown and the rest
of every pair included. Run it by itself with ``python benchmarks/bench_sweep.py [--quick]``.
"""

from __future__ import annotations

import sys

from rounds import Disagreement, Job, available, figures, interleave, table, times_as_fast, under

N_ROUNDS = 3
N_BARS = 100_000
FULL, SHARED, FIGURES = "Ballast full engine", "Ballast shared features", "Ballast all figures"
RUST = "vectorbt rust"
MOST_MB = 500


def jobs(n_pairs: int) -> list[Job]:
    """Return what runs W3."""
    reference = ("w3", N_BARS, n_pairs)
    return [
        Job(FULL, "jobs/run_ballast_sweep.py", ("full", N_BARS, n_pairs, 1), reference=reference),
        Job(SHARED, "jobs/run_ballast_sweep.py", ("shared", N_BARS, n_pairs, 3), reference=reference),
        Job(FIGURES, "jobs/run_ballast_sweep.py", ("figures", N_BARS, n_pairs, 1), reference=reference),
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
            raise Disagreement(
                "with shared features the final equity of some pair is not, to the bit, the full engine's"
            )
    peak_mb = max(result["peak_rss_mb"] for label in (FULL, SHARED, FIGURES) for result in results[label])
    rows = [
        times_as_fast(results, FULL, RUST, 4.0),
        times_as_fast(results, SHARED, RUST, 40.0),
        times_as_fast(results, FIGURES, RUST, 1.0),
        under("peak memory of the sweep, MB", peak_mb, MOST_MB),
    ]
    return "\n\n".join([
        "## A sweep",
        f"### W3: {n_pairs:,} pairs of thresholds, {N_BARS:,} bars each, one core, {n_rounds} round(s)",
        table(todo, results, "bars"),
        "The equity of a sweep is the sum over its pairs. Full and shared features agree to the bit, pair by pair.",
        "### Goals",
        figures(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
