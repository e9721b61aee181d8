"""
Indicators over a stretch of frames, one after another: the same updates, each in a loop of its own.

A loop over one kind keeps its memory in registers and asks for nothing twice; what it writes is, to the bit,
what ``table.update`` gives bar by bar.
"""

from __future__ import annotations

from typing import Any

from ballast.indicators.averages import ema_update, sma_update
from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.momentum import rsi_simple_update, rsi_update
from ballast.indicators.state import Indicator, IndicatorSpec, IndicatorState
from ballast.indicators.table import (
    ADX,
    ATR,
    ATR_SIMPLE,
    BOLLINGER,
    CHOPPINESS,
    EMA,
    ROLLING_HIGH,
    ROLLING_LOW,
    ROLLING_STD,
    RSI,
    RSI_SIMPLE,
    SMA,
    column,
)
from ballast.indicators.trend import adx_update, choppiness_update
from ballast.indicators.volatility import atr_simple_update, atr_update, bollinger_update
from ballast.indicators.window import Floats, rolling_high_update, rolling_low_update, rolling_std_update
from ballast.model.compiled import compiled
from ballast.model.registers import borrowed, give_back


@compiled(inline=True)
def _rsi(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
    rsi_update(state, spec, row.close[spec.symbol], out)


@compiled(inline=True)
def _rsi_simple(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
    rsi_simple_update(state, ring, spec, row.close[spec.symbol], out)


@compiled(inline=True)
def _ema(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
    ema_update(state, spec, _value(spec, row), out)


@compiled(inline=True)
def _value(spec: Any, row: Any) -> float:
    """Return the column of a bar that an indicator of a single series reads."""
    s = spec.symbol
    return column(spec.field, row.open[s], row.high[s], row.low[s], row.close[s], row.volume[s])


def _of_series(update: Any) -> Any:
    """Return a step of a windowed indicator of a single series."""

    def step(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
        update(state, ring, spec, _value(spec, row), out)

    return compiled(step, inline=True)


def _of_bars(update: Any, *, has_ring: bool) -> Any:
    """Return a step of an indicator that reads high, low and close."""

    def with_ring(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
        s = spec.symbol
        update(state, ring, spec, row.high[s], row.low[s], row.close[s], out)

    def without_ring(state: Any, ring: Floats, spec: Any, row: Any, out: Floats) -> None:
        s = spec.symbol
        update(state, spec, row.high[s], row.low[s], row.close[s], out)

    return compiled(with_ring if has_ring else without_ring, inline=True)


def _loop_of(kind: Indicator, step: Any) -> Any:
    """Return ``update_frames`` for indicators of one kind."""
    n_outputs = len(CATALOGUE[kind].outputs)

    def loop(
        state: Any, ring: Floats, spec: Any, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
    ) -> None:
        own, settings = borrowed(state), borrowed(spec)
        at = settings.output_offset
        for frame in range(first, end):
            step(own, ring, settings, frames[frame], out)
            for k in range(n_outputs):
                table[at + k, frame & mask] = out[at + k]
        give_back(own, state)

    return compiled(loop)


_rsi_loop = _loop_of(Indicator.RSI, _rsi)
_rsi_simple_loop = _loop_of(Indicator.RSI_SIMPLE, _rsi_simple)
_ema_loop = _loop_of(Indicator.EMA, _ema)
_sma_loop = _loop_of(Indicator.SMA, _of_series(sma_update))
_bollinger_loop = _loop_of(Indicator.BOLLINGER, _of_series(bollinger_update))
_high_loop = _loop_of(Indicator.ROLLING_HIGH, _of_series(rolling_high_update))
_low_loop = _loop_of(Indicator.ROLLING_LOW, _of_series(rolling_low_update))
_std_loop = _loop_of(Indicator.ROLLING_STD, _of_series(rolling_std_update))
_atr_loop = _loop_of(Indicator.ATR, _of_bars(atr_update, has_ring=False))
_adx_loop = _loop_of(Indicator.ADX, _of_bars(adx_update, has_ring=False))
_atr_simple_loop = _loop_of(Indicator.ATR_SIMPLE, _of_bars(atr_simple_update, has_ring=True))
_choppiness_loop = _loop_of(Indicator.CHOPPINESS, _of_bars(choppiness_update, has_ring=True))


@compiled
def compute(
    specs: Any, states: Any, ring: Floats, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
) -> None:
    """
    Take the frames from ``first`` up to ``end`` (exclusive) into every indicator of a plan.

    The outputs after each frame go to column ``frame & mask`` of ``table``, (n_outputs, columns), and those after the
    last to ``out``, which holds what they were before ``first``.
    """
    for k in range(specs.shape[0]):
        _update(states[k], ring, specs[k], frames, first, end, out, table, mask)


@compiled
def _update(
    state: IndicatorState,
    ring: Floats,
    spec: IndicatorSpec,
    frames: Any,
    first: int,
    end: int,
    out: Floats,
    table: Floats,
    mask: int,
) -> None:
    """Take frames into one indicator."""
    kind = spec.kind
    if kind == RSI:
        _rsi_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ATR:
        _atr_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == EMA:
        _ema_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == SMA:
        _sma_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == BOLLINGER:
        _bollinger_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ADX:
        _adx_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == CHOPPINESS:
        _choppiness_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_HIGH:
        _high_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_LOW:
        _low_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_STD:
        _std_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == RSI_SIMPLE:
        _rsi_simple_loop(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ATR_SIMPLE:
        _atr_simple_loop(state, ring, spec, frames, first, end, out, table, mask)
