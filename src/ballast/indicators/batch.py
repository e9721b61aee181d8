"""
Indicators of whole series, as NumPy arrays.

Each function runs the loops of ``blocks`` over the series: what a strategy sees in its view is, to the bit, what
these return. Common to all:

- Input is anything that NumPy makes a one-dimensional float array of, ``(n_bars,)``, oldest first.
- Results are ``(n_bars,)``; the value at a bar uses that bar and earlier ones only. They are NaN until
  warm-up is complete.
- A bar with NaN in a column that is read is no bar: it repeats the result before it and is not counted.
- ``period`` is in bars, 1 or more (choppiness: 2). Anything else raises ``ConfigError``; arrays of
  other shapes or of different lengths raise ``DataError``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.indicators.blocks import EVERY_FRAME, compute
from ballast.indicators.state import BarField, Indicator
from ballast.indicators.table import Request, plan
from ballast.indicators.window import Floats
from ballast.model.errors import DataError
from ballast.model.market import Frame


class BollingerBands(NamedTuple):
    """Bollinger's bands; each ``(n_bars,)``. ``width`` and ``position`` are fractions."""

    middle: Floats
    upper: Floats
    lower: Floats
    width: Floats
    position: Floats


class DirectionalMovement(NamedTuple):
    """Wilder's directional indicators and their average index; each ``(n_bars,)``, 0 to 100."""

    plus_di: Floats
    minus_di: Floats
    adx: Floats


def sma(values: npt.ArrayLike, period: int) -> Floats:
    """
    Return the simple moving average: the mean of the last ``period`` values.

    First value on bar ``period``. Equal values give exactly that value.

    Examples
    --------
    >>> sma([1.0, 2.0, 4.0], 2).tolist()
    [nan, 1.5, 3.0]
    """
    return _series(Indicator.SMA, values, period)[:, 0]


def rolling_mean(values: npt.ArrayLike, period: int) -> Floats:
    """Return the mean of the last ``period`` values; the same as :func:`sma`."""
    return sma(values, period)


def ema(values: npt.ArrayLike, period: int) -> Floats:
    """
    Return the exponential moving average with weight ``k = 2 / (period + 1)``.

    ``k * value + (1 - k) * previous``, seeded on bar ``period`` with the mean of the first ``period``
    values.

    References
    ----------
    Appel, Technical Analysis: Power Tools for Active Investors, 2005.
    """
    return _series(Indicator.EMA, values, period)[:, 0]


def rolling_high(values: npt.ArrayLike, period: int) -> Floats:
    """Return the largest of the last ``period`` values. First value on bar ``period``."""
    return _series(Indicator.ROLLING_HIGH, values, period)[:, 0]


def rolling_low(values: npt.ArrayLike, period: int) -> Floats:
    """Return the smallest of the last ``period`` values. First value on bar ``period``."""
    return _series(Indicator.ROLLING_LOW, values, period)[:, 0]


def rolling_std(values: npt.ArrayLike, period: int) -> Floats:
    """
    Return the population standard deviation (divisor ``period``) of the last ``period`` values.

    First value on bar ``period``; exactly 0 when the values are equal.
    """
    return _series(Indicator.ROLLING_STD, values, period)[:, 0]


def rsi(close: npt.ArrayLike, period: int = 14) -> Floats:
    """
    Return Wilder's relative strength index, 0 to 100.

    ``100 * G / (G + L)``, with G and L the Wilder averages of gains and losses: the mean of the first
    ``period`` changes, then ``(previous * (period - 1) + newest) / period``. First value on bar
    ``period + 1``. Only gains give 100, only losses 0, neither 50.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return _series(Indicator.RSI, close, period)[:, 0]


def rsi_simple(close: npt.ArrayLike, period: int = 14) -> Floats:
    """
    Return the relative strength index of plain sums over the last ``period`` changes (Cutler's form).

    Edges and first value as :func:`rsi`; unlike it, nothing older than ``period`` changes matters.
    """
    return _series(Indicator.RSI_SIMPLE, close, period)[:, 0]


def atr(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, period: int = 14) -> Floats:
    """
    Return Wilder's average true range, in units of price.

    The true range is ``max(high, previous close) - min(low, previous close)``; the first bar has none.
    Seeded on bar ``period + 1`` with the mean of the first ``period`` ranges, then smoothed as in
    :func:`rsi`.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return _bars(Indicator.ATR, high, low, close, period)[:, 0]


def atr_simple(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, period: int = 14) -> Floats:
    """Return the plain mean of the last ``period`` true ranges; see :func:`atr`."""
    return _bars(Indicator.ATR_SIMPLE, high, low, close, period)[:, 0]


def bollinger(close: npt.ArrayLike, period: int = 20, multiplier: float = 2.0) -> BollingerBands:
    """
    Return Bollinger's bands, ``multiplier`` population standard deviations about the mean.

    ``width`` is ``(upper - lower) / middle`` (NaN where the mean is 0). ``position`` is
    ``(close - lower) / (upper - lower)``: 0 on the lower band, 1 on the upper, beyond them outside, and
    0.5 when the bands coincide. First values on bar ``period``. ``multiplier`` is finite, >= 0.

    References
    ----------
    Bollinger, Bollinger on Bollinger Bands, 2001.
    """
    return BollingerBands(*_series(Indicator.BOLLINGER, close, period, multiplier).T)


def adx(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, period: int = 14) -> DirectionalMovement:
    """
    Return +DI, -DI and the average directional index.

    A bar's directional movement is the larger of rise (of the high) and fall (of the low), if positive;
    on a tie none. The DIs are ``100 * DM / TR`` in Wilder sums seeded with the first ``period - 1``
    bars, first on bar ``period + 1``. ADX is the Wilder average of
    ``DX = 100 * |+DI - -DI| / (+DI + -DI)``, seeded with the mean of the first ``period``, first on bar
    ``2 * period``. Without range both DIs are 0. Without directional movement DX is undefined: it adds
    0 to the seed and afterwards leaves ADX as it was.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return DirectionalMovement(*_bars(Indicator.ADX, high, low, close, period).T)


def choppiness(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, period: int = 14) -> Floats:
    """
    Return the choppiness index: near 0 in a straight trend, near 100 in a market that goes nowhere.

    ``100 * log10(S / (H - L)) / log10(period)``, with S the sum of the last ``period`` true ranges, H
    and L the extremes of those bars. First value on bar ``period + 1``. 100 when H equals L. A gap into
    the oldest bar counts in S but not in H - L, and can lift the value above 100.

    References
    ----------
    Dreiss, The Choppiness Index, 1993.
    """
    return _bars(Indicator.CHOPPINESS, high, low, close, period)[:, 0]


def _series(kind: Indicator, values: npt.ArrayLike, period: int, multiplier: float = 2.0) -> Floats:
    series = _column("values", values)
    reads_any_column = kind not in (Indicator.RSI, Indicator.RSI_SIMPLE)
    field = BarField.CLOSE if reads_any_column else None
    return _run(Request(kind, period, multiplier=multiplier, field=field), series, series, series)


def _bars(kind: Indicator, high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, period: int) -> Floats:
    columns = _column("high", high), _column("low", low), _column("close", close)
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise DataError(f"high, low and close have {lengths} bars; give arrays of one length")
    return _run(Request(kind, period), *columns)


def _column(name: str, values: npt.ArrayLike) -> Floats:
    column = np.asarray(values, np.float64)
    if column.ndim != 1:
        raise DataError(f"{name} has {column.ndim} dimensions; give a one-dimensional array")
    return column


def _run(request: Request, high: Floats, low: Floats, close: Floats) -> Floats:
    specs, states, ring, n_outputs = plan([request])
    # No request that comes here reads open or volume.
    frames = Frame.array(len(close), symbols=1)  # type: ignore[attr-defined]
    frames["high"][:, 0], frames["low"][:, 0], frames["close"][:, 0] = high, low, close
    table = np.empty((n_outputs, len(close)))
    compute(specs, states, ring, frames, 0, len(close), np.full(n_outputs, np.nan), table, EVERY_FRAME)
    return table.T
