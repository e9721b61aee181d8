"""
How fast are the indicators of a strategy, alone?

What ``tight_range`` and ``staged_trend`` ask for, a stretch of bars after the other as the engine takes them, beside
TA-Lib's C functions over whole columns, on the market of W1. What TA-Lib has not, only Ballast computes. Run it by
itself with ``python benchmarks/bench_indicators.py [--quick]``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isclose
from statistics import median
from typing import Any

from rounds import Disagreement, Figure, Job, available, figures, interleave, rate, times_as_fast

N_BARS = 1_000_000
N_ROUNDS = 7
TOLERANCE = 1e-9
NOTE = """\
What a strategy asks for, one symbol; the last values agree to a billionth. TA-Lib has neither the bands' width and
place nor choppiness nor an RSI of simple means: only Ballast computes those."""
ON_W1 = ("tight_range", "staged_trend")


def jobs(strategy: str) -> list[Job]:
    """Return what runs."""
    arguments = (strategy, N_BARS, 7)
    return available([
        Job(f"Ballast, {strategy}", "jobs/run_ballast_indicators.py", arguments),
        Job(f"TA-Lib, {strategy}", "peers/run_talib.py", arguments, "vectorbt"),
    ])


def refuse_disagreement(ours: Mapping[str, float], theirs: Mapping[str, float]) -> None:
    """Raise ``Disagreement`` unless both computed the same."""
    for name, value in theirs.items():
        if not isclose(ours[name], value, rel_tol=TOLERANCE):
            raise Disagreement(f"{name}: Ballast's last values sum to {ours[name]!r}, TA-Lib's to {value!r}")


def rows(strategy: str, n_rounds: int) -> list[Figure]:
    """Measure one strategy's indicators."""
    todo = jobs(strategy)
    results = interleave(todo, n_rounds)
    ours, theirs = f"Ballast, {strategy}", f"TA-Lib, {strategy}"
    for mine, other in zip(results[ours], results.get(theirs, []), strict=False):
        refuse_disagreement(mine["tail"], other["tail"])
    return [*(_cost(label, done) for label, done in results.items()), times_as_fast(results, ours, theirs)]


def _cost(label: str, done: list[dict[str, Any]]) -> Figure:
    return Figure(f"{label}, ns a bar", median(1e9 / rate(one) for one in done))


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds = 1 if is_quick else N_ROUNDS
    return "\n\n".join([
        "## Indicators alone",
        NOTE,
        figures([row for strategy in ON_W1 for row in rows(strategy, n_rounds)]),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
