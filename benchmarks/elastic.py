"""
What does one evaluation of the elastic stop cost?

Feeds a stop half a million samples of a random walk of profits from compiled code, as an engine would, in each mode
and at three paces, accepting every move, and prints the median and the fastest of nine rounds in nanoseconds of CPU
time per evaluation; other work on the machine lengthens even that. The goal is a median under 30 ns. Run it with
``python benchmarks/elastic.py``.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

from ballast.model.compiled import compiled
from ballast.orders.elastic import ElasticDecision, ElasticStop, Verdict, accept, begin, step
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings

N_SAMPLES = 500_000
N_ROUNDS = 9
GOAL_NS = 30.0
PACES_MS = {"ticks, 50 ms": 50, "fast, 300 ms": 300, "normal, 3 s": 3_000}


@compiled
def evaluate(stop: Any, settings: Any, profits: Any, times_ns: Any, decision: Any) -> int:
    """Take every sample, accept every move, and return how many there were."""
    moves = 0
    for sample in range(profits.shape[0]):
        if step(stop, settings, profits[sample], times_ns[sample], decision) == Verdict.MOVE:
            accept(stop, decision.target)
            moves += 1
    return moves


def walk() -> Any:
    """Return profits in cents between 0 and 5, so that every branch of the rules is taken again and again."""
    steps = np.random.default_rng(1).normal(0.0, 0.02, N_SAMPLES)
    return np.floor(np.abs(np.cumsum(steps)) % 5.0 * 100.0) / 100.0


def measure(mode: ElasticMode, pace_ms: int, profits: Any) -> list[float]:
    """Return the nanoseconds per evaluation of each round, sorted; the first run, which compiles, is not one."""
    settings, decision = ElasticSettings.new(), ElasticDecision.new()  # type: ignore[attr-defined]
    settings.mode = mode
    times_ns = 1_700_000_000_000_000_000 + np.arange(N_SAMPLES) * pace_ms * 1_000_000
    rounds = []
    for _ in range(N_ROUNDS + 1):
        stop = ElasticStop.new()  # type: ignore[attr-defined]
        begin(stop, 0.0, int(times_ns[0]))
        start = time.process_time_ns()
        moves = evaluate(stop, settings, profits, times_ns, decision)
        rounds.append((time.process_time_ns() - start) / N_SAMPLES)
        assert moves > 0
    return sorted(rounds[1:])


def main() -> int:
    """Measure and print; return 1 if a median misses the goal."""
    profits, worst = walk(), 0.0
    print("| mode | pace | median ns | fastest ns |", "|---|---|---|---|", sep="\n")
    for mode in ElasticMode:
        for pace, pace_ms in PACES_MS.items():
            rounds = measure(mode, pace_ms, profits)
            median = statistics.median(rounds)
            worst = max(worst, median)
            print(f"| {mode.name.lower()} | {pace} | {median:.1f} | {rounds[0]:.1f} |")
    print(f"\nSlowest median {worst:.1f} ns, goal under {GOAL_NS:g} ns: {'met' if worst < GOAL_NS else 'missed'}")
    return int(worst >= GOAL_NS)


if __name__ == "__main__":
    sys.exit(main())
