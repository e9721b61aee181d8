"""Run every indicator over a market with holes and print the bytes of outputs and memory as a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ballast.indicators.blocks import EVERY_FRAME, compute
from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.state import BarField
from ballast.indicators.table import Request, plan
from ballast.model.market import Frame
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
    """Hand every bar to every indicator by itself; return the outputs after each, ``(n_bars, n_outputs)``."""
    frames, column = frames_of(bars), np.empty((len(out), 1))
    results = np.empty((len(frames), len(out)))
    for bar in range(len(frames)):
        compute(specs, states, ring, frames, bar, bar + 1, out, column, 0)
        results[bar] = out
    return results


def in_blocks(requests: Sequence[Request], bars: Bars, cuts: Sequence[int]) -> tuple[Floats, Any, Floats]:
    """Compute stretches of frames between ``cuts``; return the outputs after each bar, states and ring."""
    specs, states, ring, n_outputs = plan(requests)
    frames = frames_of(bars)
    out, table = np.full(n_outputs, np.nan), np.empty((n_outputs, len(frames)))
    for first, end in pairwise(cuts):
        compute(specs, states, ring, frames, first, end, out, table, EVERY_FRAME)
    return np.ascontiguousarray(table.T), states, ring


def frames_of(bars: Bars) -> Any:
    """Return the frames of one symbol."""
    frames = Frame.array(len(bars.close), symbols=1)  # type: ignore[attr-defined]
    for name, column in zip(("open", "high", "low", "close", "volume"), bars, strict=True):
        frames[name][:, 0] = column
    return frames


def digest() -> str:
    """Return a hash of all outputs and all memory after 200 bars, one by one and then in stretches."""
    specs, states, ring, n_outputs = plan(REQUESTS)
    results = feed(specs, states, ring, market(200), np.full(n_outputs, np.nan))
    blocks = in_blocks(REQUESTS, market(200), [0, 7, 128, 200])
    return hashlib.sha256(b"".join(part.tobytes() for part in (results, states, ring, *blocks))).hexdigest()


if __name__ == "__main__":
    print(digest())
