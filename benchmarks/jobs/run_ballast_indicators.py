"""
Ballast's indicators alone: ``run_ballast_indicators.py tight_range|staged_trend N_BARS REPETITIONS``.

What the strategy asks for, a stretch of frames after the other, as the engine takes them, on the market of W1.
``tail`` sums the last values of every output, by kind, period and name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from reference import TAIL_BARS
from run_ballast import frames_of
from timing import report

from ballast import __version__
from ballast.engine.state import BLOCK_FRAMES
from ballast.indicators.blocks import compute
from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.table import Request, plan
from ballast.model.compiled import compiled
from ballast.strategies import registry


@compiled
def over_stretches(specs: Any, states: Any, ring: Any, frames: Any, out: Any, table: Any, tail: Any) -> None:
    """Take all frames into the indicators, and sum the outputs after the last ones."""
    mask = table.shape[1] - 1
    for first in range(0, frames.shape[0], mask + 1):
        end = min(frames.shape[0], first + mask + 1)
        compute(specs, states, ring, frames, first, end, out, table, mask)
        for frame in range(max(first, frames.shape[0] - TAIL_BARS), end):
            for k in range(tail.shape[0]):
                tail[k] += table[k, frame & mask]


def names(requests: Sequence[Request]) -> list[str]:
    """Return a name for every output: its own, the period, and the column where the request names one."""
    return [
        " ".join([output, str(request.period), *([] if request.field is None else [request.field.name.lower()])])
        for request in requests
        for output in CATALOGUE[request.kind].outputs
    ]


def main(name: str, n_bars: int, repetitions: int) -> None:
    """Time a strategy's indicators and print the result."""
    frames = frames_of(name, n_bars)
    strategy = registry.load(name)
    requests = strategy.features(strategy.params({}, 1), 1, frames.interval_ns)

    def run() -> dict[str, Any]:
        specs, states, ring, n_outputs = plan(requests)
        out, table, tail = np.full(n_outputs, np.nan), np.full((n_outputs, BLOCK_FRAMES), np.nan), np.zeros(n_outputs)
        over_stretches(specs, states, ring, frames.records, out, table, tail)
        return {"tail": dict(zip(names(requests), tail.tolist(), strict=True))}

    report("Ballast", __version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
