"""Indicators computed over stretches of frames are, to the bit, those computed bar by bar."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.indicators.blocks import EVERY_FRAME, compute
from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.state import Indicator
from ballast.indicators.table import Request, plan
from ballast.model.market import Frame
from tests.unit.indicators.sample_bars import Floats, walk
from tests.unit.indicators.table_run import REQUESTS, feed, frames_of, in_blocks, market

N_BARS = 300


@cache
def bar_by_bar() -> tuple[Floats, bytes]:
    """Return the outputs of all indicators after each bar, and their memory at the end."""
    specs, states, ring, n_outputs = plan(REQUESTS)
    results = feed(specs, states, ring, market(N_BARS), np.full(n_outputs, np.nan))
    return results, states.tobytes() + ring.tobytes()


@settings(max_examples=60)
@given(st.lists(st.integers(min_value=0, max_value=N_BARS), max_size=12))
def test_any_cut_into_stretches_gives_the_bytes_of_single_bars(cuts: list[int]) -> None:
    expected, memory = bar_by_bar()
    results, states, ring = in_blocks(REQUESTS, market(N_BARS), [0, *sorted(cuts), N_BARS])
    assert results.tobytes() == expected.tobytes()
    assert states.tobytes() + ring.tobytes() == memory


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name.lower())
def test_columns_are_used_again_when_the_table_is_short(kind: Indicator) -> None:
    requests = [Request(kind, 5)]
    whole, _, _ = in_blocks(requests, market(N_BARS), [0, N_BARS])
    specs, states, ring, n_outputs = plan(requests)
    out, table = np.full(n_outputs, np.nan), np.zeros((n_outputs, 32))
    frames = frames_of(market(N_BARS))
    for first in range(0, N_BARS, 32):
        end = min(first + 32, N_BARS)
        compute(specs, states, ring, frames, first, end, out, table, 31)
        assert table[:, : end - first].T.tobytes() == whole[first:end].tobytes()
        assert out.tobytes() == whole[end - 1].tobytes()


def test_an_indicator_reads_its_own_symbol() -> None:
    frames = Frame.array(40, symbols=2)  # type: ignore[attr-defined]
    for symbol, bars in enumerate((walk(40, seed=1), walk(40, seed=2))):
        frames["close"][:, symbol] = bars.close
    specs, states, ring, n_outputs = plan([Request(Indicator.RSI, 5, symbol=1)])
    table = np.empty((n_outputs, 40))
    compute(specs, states, ring, frames, 0, 40, np.full(n_outputs, np.nan), table, EVERY_FRAME)
    alone, _, _ = in_blocks([Request(Indicator.RSI, 5)], walk(40, seed=2), [0, 40])
    assert table[0].tobytes() == alone[:, 0].tobytes()


@pytest.mark.parametrize(
    ("what", "value"),
    [("symbol", 1), ("output_offset", 1), ("ring_offset", 1), ("head", 5), ("head", -1), ("frames", 0), ("table", 0)],
)
def test_what_lies_outside_of_its_memory_is_refused(what: str, value: int) -> None:
    specs, states, ring, n_outputs = plan([Request(Indicator.CHOPPINESS, 5)])
    frames, table = frames_of(market(8)), np.empty((n_outputs, 8))
    if what in specs.dtype.names:
        specs[what] = value
    elif what == "head":
        states.head = value
    frames = frames[:7] if what == "frames" else frames
    table = table[:, :7].copy() if what == "table" else table
    with pytest.raises(IndexError, match="beyond the memory"):
        compute(specs, states, ring, frames, 0, 8, np.full(n_outputs, np.nan), table, EVERY_FRAME)
