"""
How much memory does a run of 1,000,000 bars take?

Peak resident memory of whole processes on W1: ``ballast backtest`` from a Parquet file, without and with the JSON
result, and engines that are handed arrays. Run it by itself with ``python benchmarks/bench_memory.py [--quick]``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from command import backtest, check, configuration
from rounds import Figure, Job, available, figures, interleave, under, usage

N_ROUNDS = 3
N_BARS = 1_000_000
MOST_MB = 350
ENGINES = [
    Job("Ballast, handed arrays", "jobs/run_ballast.py", ("w1", N_BARS, "shared", 1), None, ("w1", N_BARS)),
    Job("vectorbt rust, handed arrays", "peers/run_vectorbt.py", ("w1", N_BARS, "rust", 1), "vectorbt", ("w1", N_BARS)),
    Job(
        "hftbacktest, handed arrays", "peers/run_hftbacktest.py", ("w1", N_BARS, 1), "hftbacktest",
        ("w1", N_BARS, 0.01), 1e-6,
    ),
]  # fmt: skip


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds = 1 if is_quick else N_ROUNDS
    jobs = available(ENGINES)
    results = interleave(jobs, n_rounds)
    with tempfile.TemporaryDirectory() as directory:
        config, result = configuration(Path(directory), "w1", N_BARS, "rsi_reversion"), Path(directory) / "result.json"
        usage(backtest(config))
        plain = median(usage(backtest(config)).peak_rss_mb for _ in range(n_rounds))
        with_json = median(usage(backtest(config, result)).peak_rss_mb for _ in range(n_rounds))
        check(result, "w1", N_BARS)
    rows = [
        under("`ballast backtest`, no report, peak MB", plain, MOST_MB),
        under("`ballast backtest --json`, no report, peak MB", with_json, None),
        *(Figure(f"{job.label}, peak MB", median(one["peak_rss_mb"] for one in results[job.label])) for job in jobs),
    ]
    return "\n\n".join([
        "## Memory",
        f"W1, {N_BARS:,} bars, whole processes; median of {n_rounds} round(s).",
        figures(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
