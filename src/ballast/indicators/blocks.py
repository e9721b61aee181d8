"""
Indicators over a stretch of frames, one after another: the same updates, each in a loop of its own.

A loop over one kind keeps its memory in registers and asks for nothing twice; however frames are cut into stretches,
of one frame each if need be, it writes the same bytes.
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

EVERY_FRAME = -1
"""The mask that finds every frame's column under its own number."""


def _loop_of_closes(update: Any) -> Any:
    """Return a loop of an indicator that reads closes."""

    def loop(
        state: Any, ring: Floats, spec: Any, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
    ) -> None:
        own, settings = borrowed(state), borrowed(spec)
        symbol, at = settings.symbol, settings.output_offset
        for frame in range(first, end):
            update(own, ring, settings, frames[frame].close[symbol], out)
            table[at, frame & mask] = out[at]
        give_back(own, state)

    return compiled(loop)


def _loop_of_series(update: Any, n_outputs: int = 1) -> Any:
    """Return a loop of an indicator that reads the column that its request names."""

    def loop(
        state: Any, ring: Floats, spec: Any, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
    ) -> None:
        own, settings = borrowed(state), borrowed(spec)
        symbol, at = settings.symbol, settings.output_offset
        for frame in range(first, end):
            row = frames[frame]
            high, low = row.high[symbol], row.low[symbol]
            value = column(settings.field, row.open[symbol], high, low, row.close[symbol], row.volume[symbol])
            update(own, ring, settings, value, out)
            for k in range(at, at + n_outputs):
                table[k, frame & mask] = out[k]
        give_back(own, state)

    return compiled(loop)


def _loop_of_bars(update: Any, n_outputs: int = 1) -> Any:
    """Return a loop of an indicator that reads high, low and close."""

    def loop(
        state: Any, ring: Floats, spec: Any, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
    ) -> None:
        own, settings = borrowed(state), borrowed(spec)
        symbol, at = settings.symbol, settings.output_offset
        for frame in range(first, end):
            row = frames[frame]
            update(own, ring, settings, row.high[symbol], row.low[symbol], row.close[symbol], out)
            for k in range(at, at + n_outputs):
                table[k, frame & mask] = out[k]
        give_back(own, state)

    return compiled(loop)


_rsi = _loop_of_closes(rsi_update)
_rsi_simple = _loop_of_closes(rsi_simple_update)
_ema = _loop_of_series(ema_update)
_sma = _loop_of_series(sma_update)
_rolling_high = _loop_of_series(rolling_high_update)
_rolling_low = _loop_of_series(rolling_low_update)
_rolling_std = _loop_of_series(rolling_std_update)
_bollinger = _loop_of_series(bollinger_update, len(CATALOGUE[Indicator.BOLLINGER].outputs))
_atr = _loop_of_bars(atr_update)
_atr_simple = _loop_of_bars(atr_simple_update)
_choppiness = _loop_of_bars(choppiness_update)
_adx = _loop_of_bars(adx_update, len(CATALOGUE[Indicator.ADX].outputs))


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
        _rsi(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ATR:
        _atr(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == EMA:
        _ema(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == SMA:
        _sma(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == BOLLINGER:
        _bollinger(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ADX:
        _adx(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == CHOPPINESS:
        _choppiness(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_HIGH:
        _rolling_high(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_LOW:
        _rolling_low(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ROLLING_STD:
        _rolling_std(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == RSI_SIMPLE:
        _rsi_simple(state, ring, spec, frames, first, end, out, table, mask)
    elif kind == ATR_SIMPLE:
        _atr_simple(state, ring, spec, frames, first, end, out, table, mask)
