"""
Indicators over a stretch of frames, one after another: the same updates, each in a loop of its own.

A loop over one kind keeps its memory in registers and asks for nothing twice; what needs no memory, the bands and the
directions, is made of whole rows. However frames are cut into stretches, of one frame each if need be, the bytes are
the same. The loops check no bounds: ``compute`` does, once a stretch.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Any

from ballast.indicators.averages import ema_update, sma_update
from ballast.indicators.momentum import rsi_simple_update, rsi_update
from ballast.indicators.state import IndicatorSpec, IndicatorState
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
from ballast.indicators.trend import adx_over, choppiness_update, take_move
from ballast.indicators.volatility import atr_simple_update, atr_update, bollinger_over, is_missing
from ballast.indicators.window import (
    Floats,
    moments_update,
    rolling_high_update,
    rolling_low_update,
    rolling_std_update,
)
from ballast.model.compiled import compiled
from ballast.model.registers import borrowed, give_back

BLOCK_FRAMES = 128
"""How many frames indicators are computed for at once: a power of two, small enough for a core's first-level cache."""
EVERY_FRAME = -1
"""The mask that finds every frame's column under its own number."""


def _loop(step: Any) -> Any:
    """Return a loop of an indicator of one output: ``step`` takes a bar and what was shown before it."""

    def loop(state: Any, ring: Floats, spec: Any, bars: Any, out: Floats, table: Floats, start: int) -> None:
        own, settings = borrowed(state), borrowed(spec)
        at = settings.output_offset
        row, shown = table[at, start : start + bars.size], out[at]
        for k in range(bars.size):
            shown = step(own, ring, settings, bars[k], shown)
            row[k] = shown
        out[at] = shown
        give_back(own, state)

    return compiled(checks_bounds=False)(loop)


def _of_closes(update: Any) -> Any:
    """Return a step of an indicator that reads closes."""

    def step(state: Any, ring: Floats, spec: Any, bar: Any, before: float) -> float:
        shown: float = update(state, ring, spec, bar.close[spec.symbol], before)
        return shown

    return compiled(inline=True, checks_bounds=False)(step)


def _of_series(update: Any) -> Any:
    """Return a step of an indicator that reads the column that its request names."""

    def step(state: Any, ring: Floats, spec: Any, bar: Any, before: float) -> float:
        shown: float = update(state, ring, spec, _value_of(spec, bar), before)
        return shown

    return compiled(inline=True, checks_bounds=False)(step)


def _of_bars(update: Any) -> Any:
    """Return a step of an indicator that reads high, low and close."""

    def step(state: Any, ring: Floats, spec: Any, bar: Any, before: float) -> float:
        symbol = spec.symbol
        shown: float = update(state, ring, spec, bar.high[symbol], bar.low[symbol], bar.close[symbol], before)
        return shown

    return compiled(inline=True, checks_bounds=False)(step)


@compiled(inline=True, checks_bounds=False)
def _value_of(spec: Any, bar: Any) -> float:
    symbol = spec.symbol
    high, low = bar.high[symbol], bar.low[symbol]
    return column(spec.field, bar.open[symbol], high, low, bar.close[symbol], bar.volume[symbol])


@compiled(inline=True, checks_bounds=False)
def _has_value(spec: Any, bar: Any) -> bool:
    return not isnan(_value_of(spec, bar))


@compiled(inline=True, checks_bounds=False)
def _has_prices(spec: Any, bar: Any) -> bool:
    return not is_missing(bar.high[spec.symbol], bar.low[spec.symbol], bar.close[spec.symbol])


def _finishing(is_there: Any) -> Any:
    """Return a function that ends the work on an output whose row was made as a whole."""

    def finish(spec: Any, bars: Any, out: Floats, row: Floats, output: int, n_cold: int) -> None:
        """Let what was shown before stand until a bar comes that is behind ``n_cold`` others; keep the last value."""
        at = spec.output_offset + output
        for k in range(bars.size):
            n_cold -= 1 if is_there(spec, bars[k]) else 0
            if n_cold < 0:
                break
            row[k] = out[at]
        out[at] = row[bars.size - 1]

    return compiled(finish)


_finish_series = _finishing(_has_value)
_finish_bars = _finishing(_has_prices)


@compiled(checks_bounds=False)
def _bollinger(state: Any, ring: Floats, spec: Any, bars: Any, out: Floats, table: Floats, start: int) -> None:
    own, settings = borrowed(state), borrowed(spec)
    at, stop, seen = settings.output_offset, start + bars.size, own.count
    middle, upper, lower = table[at, start:stop], table[at + 1, start:stop], table[at + 2, start:stop]
    width, position = table[at + 3, start:stop], table[at + 4, start:stop]
    mean, squares, last = nan, nan, nan
    for k in range(bars.size):
        value = _value_of(settings, bars[k])
        if not isnan(value):
            last = value
            mean, squares = moments_update(own, ring, settings, value)
        middle[k] = mean
        upper[k] = squares
        position[k] = last
    bollinger_over(settings, middle, upper, lower, width, position)
    for k, row in enumerate((middle, upper, lower, width, position)):
        _finish_series(settings, bars, out, row, k, max(0, settings.period - 1 - seen))
    give_back(own, state)


@compiled(checks_bounds=False)
def _adx(state: Any, ring: Floats, spec: Any, bars: Any, out: Floats, table: Floats, start: int) -> None:
    own, settings = borrowed(state), borrowed(spec)
    symbol, period, at, stop = settings.symbol, settings.period, settings.output_offset, start + bars.size
    plus, minus, ranges = table[at, start:stop], table[at + 1, start:stop], table[at + 2, start:stop]
    seen = own.count
    for k in range(bars.size):
        bar = bars[k]
        high, low, close = bar.high[symbol], bar.low[symbol], bar.close[symbol]
        is_bar = not is_missing(high, low, close)
        if is_bar:
            take_move(own, settings, high, low, close)
        plus[k] = own.plus_sum if is_bar else nan
        minus[k] = own.minus_sum if is_bar else nan
        ranges[k] = own.range_sum if is_bar else nan
    adx_over(own, settings, seen, plus, minus, ranges)
    _finish_bars(settings, bars, out, plus, 0, max(0, period - seen))
    _finish_bars(settings, bars, out, minus, 1, max(0, period - seen))
    _finish_bars(settings, bars, out, ranges, 2, max(0, 2 * period - 1 - seen))
    give_back(own, state)


_rsi = _loop(_of_closes(rsi_update))
_rsi_simple = _loop(_of_closes(rsi_simple_update))
_ema = _loop(_of_series(ema_update))
_sma = _loop(_of_series(sma_update))
_rolling_high = _loop(_of_series(rolling_high_update))
_rolling_low = _loop(_of_series(rolling_low_update))
_rolling_std = _loop(_of_series(rolling_std_update))
_atr = _loop(_of_bars(atr_update))
_atr_simple = _loop(_of_bars(atr_simple_update))
_choppiness = _loop(_of_bars(choppiness_update))


@compiled
def compute(
    specs: Any, states: Any, ring: Floats, frames: Any, first: int, end: int, out: Floats, table: Floats, mask: int
) -> None:
    """
    Take the frames from ``first`` up to ``end`` (exclusive) into every indicator of a plan.

    The outputs after each frame go to column ``frame & mask`` of ``table``, (n_outputs, columns), whose end no stretch
    passes; those after the last go to ``out``, which holds what they were before ``first``.
    """
    for begin in range(first, end, BLOCK_FRAMES):
        stop = min(begin + BLOCK_FRAMES, end)
        bars, start = frames[begin:stop], begin & mask
        for k in range(specs.shape[0]):
            if not _has_room(states[k], specs[k], ring, bars, stop - begin, out, table, start):
                raise IndexError("an indicator reads or writes beyond the memory that it was given")
            _update(states[k], ring, specs[k], bars, out, table, start)


@compiled(inline=True)
def _has_room(
    state: Any, spec: Any, ring: Floats, bars: Any, n_bars: int, out: Floats, table: Floats, start: int
) -> bool:
    """Tell whether a loop over ``n_bars``, which checks no bounds, stays within all that it touches."""
    return (
        bars.size == n_bars
        and spec.symbol < bars[0].close.size
        and spec.output_offset + spec.n_outputs <= min(out.size, table.shape[0])
        and start + n_bars <= table.shape[1]
        and spec.ring_offset + spec.ring_length <= ring.size
        and 0 <= state.head < max(1, spec.period)
    )


@compiled
def _update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, bars: Any, out: Floats, table: Floats, start: int
) -> None:
    """Take bars into one indicator."""
    kind = spec.kind
    if kind == RSI:
        _rsi(state, ring, spec, bars, out, table, start)
    elif kind == ATR:
        _atr(state, ring, spec, bars, out, table, start)
    elif kind == EMA:
        _ema(state, ring, spec, bars, out, table, start)
    elif kind == SMA:
        _sma(state, ring, spec, bars, out, table, start)
    elif kind == BOLLINGER:
        _bollinger(state, ring, spec, bars, out, table, start)
    elif kind == ADX:
        _adx(state, ring, spec, bars, out, table, start)
    elif kind == CHOPPINESS:
        _choppiness(state, ring, spec, bars, out, table, start)
    elif kind == ROLLING_HIGH:
        _rolling_high(state, ring, spec, bars, out, table, start)
    elif kind == ROLLING_LOW:
        _rolling_low(state, ring, spec, bars, out, table, start)
    elif kind == ROLLING_STD:
        _rolling_std(state, ring, spec, bars, out, table, start)
    elif kind == RSI_SIMPLE:
        _rsi_simple(state, ring, spec, bars, out, table, start)
    elif kind == ATR_SIMPLE:
        _atr_simple(state, ring, spec, bars, out, table, start)
