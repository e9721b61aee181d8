"""Run every indicator over a market with holes and print the bytes of outputs and memory as a digest."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.state import BarField
from ballast.indicators.table import Request, plan, update
from tests.unit.indicators.sample_bars import Bars, Floats, walk

REQUESTS = [
    *(Request(kind, period) for kind in CATALOGUE for period in (2, 5, 14)),
    *(Request(kind, 3, field=BarField.VOLUME) for kind, entry in CATALOGUE.items() if entry.field is not None),
]


def market(n_bars: int) -> Bars:
    """Return a market with flat stretches, jumps, bars that are missing and bars that lack one column."""
    bars = walk(n_bars, seed=2, gap_size=0.3)
    rng = np.random.default_rng(4)
    for column in bars:
        column[rng.random(n_bars) < 0.02] = np.nan
        column[n_bars // 3 : n_bars // 3 + 30] = 50.0
    for column in bars:
        column[n_bars // 2 : n_bars // 2 + 5] = np.nan
    return bars


def feed(specs: Any, states: Any, ring: Floats, bars: Bars, out: Floats) -> Floats:
    """Update every indicator with every bar; return the outputs after each, ``(n_bars, n_outputs)``."""
    results = np.empty((len(bars.close), len(out)))
    for bar, (open_, high, low, close, volume) in enumerate(np.column_stack(bars).tolist()):
        for spec, state in zip(specs, states, strict=True):
            update(state, ring, spec, open_, high, low, close, volume, out)
        results[bar] = out
    return results


def digest() -> str:
    """Return a hash of all outputs and all memory after 200 bars."""
    specs, states, ring, n_outputs = plan(REQUESTS)
    results = feed(specs, states, ring, market(200), np.full(n_outputs, np.nan))
    return hashlib.sha256(results.tobytes() + states.tobytes() + ring.tobytes()).hexdigest()


if __name__ == "__main__":
    print(digest())
