"""One symbol's rows as bars: which of them are any, in order of time, with each defect counted or left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ballast.data.source import VALUES, Columns, Floats, Ints
from ballast.data.timestamps import last_of_each, utc_text
from ballast.model.errors import DataError

Rows = slice | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Open times in ``start_ms <= time < end_ms``, milliseconds UTC; None leaves an end open."""

    start_ms: int | None
    end_ms: int | None

    def contains(self, times: Ints) -> npt.NDArray[np.bool_] | None:
        """Return the mask of times inside, or None if all are."""
        inside = None
        if self.start_ms is not None and len(times) and times.min() < self.start_ms:
            inside = times >= self.start_ms
        if self.end_ms is not None and len(times) and times.max() >= self.end_ms:
            before = times < self.end_ms
            inside = before if inside is None else inside & before
        return inside

    def __str__(self) -> str:
        start = "the beginning" if self.start_ms is None else utc_text(self.start_ms)
        end = "the end" if self.end_ms is None else utc_text(self.end_ms)
        return f"{start} .. {end}"


@dataclass(frozen=True)
class UsableSeries:
    """One symbol's usable bars, or marks, ascending in time without repeats, and what was left out or changed."""

    ts_ms: Ints
    values: dict[str, Floats]
    skipped: int
    superseded: int
    widened: int


def usable_bars(columns: Columns, symbol: str, window: Window) -> UsableSeries:
    """Return the bars of a symbol in a window; raises ``DataError`` if there is none."""
    rows = _rows_in_window(columns, symbol, window)
    usable = _is_price(columns.open[rows]) & _is_price(columns.close[rows])
    skipped = len(usable) - int(np.count_nonzero(usable))
    if skipped == len(usable):
        raise DataError(
            f"{columns.origin}: symbol {symbol!r} has no usable bar in {window} "
            f"({_coverage(columns, symbol)}); choose another window or leave the symbol out"
        )
    rows = _chosen(columns, rows, usable)
    values = {name: getattr(columns, name)[rows] for name in VALUES}
    is_volume = (values["volume"] >= 0.0) & (values["volume"] < np.inf)
    if not is_volume.all():
        values["volume"] = np.where(is_volume, values["volume"], 0.0)
    if columns.mark is not None and columns.mark_open is None:
        mark = columns.mark[rows]
        values["mark"] = np.where(_is_price(mark), mark, np.nan)
    widened = _widen(values)
    times = columns.ts_ms[rows]
    return UsableSeries(times, values, skipped, len(usable) - skipped - len(times), widened)


def usable_marks(columns: Columns, symbol: str, window: Window) -> UsableSeries:
    """Return the mark price's bars of a symbol in a window, perhaps none; the columns must have been read."""
    prices = {"open": columns.mark_open, "high": columns.mark_high, "low": columns.mark_low, "close": columns.mark}
    rows = _rows_in_window(columns, symbol, window)
    held = {name: values for name, values in prices.items() if values is not None}
    rows = _chosen(columns, rows, _is_price(held["open"][rows]) & _is_price(held["close"][rows]))
    chosen = {name: values[rows] for name, values in held.items()}
    _widen(chosen)
    return UsableSeries(columns.ts_ms[rows], chosen, 0, 0, 0)


def _chosen(columns: Columns, rows: Rows, usable: npt.NDArray[np.bool_]) -> Rows:
    """Return the usable ones among some rows in order of time, of equal times the last."""
    if not usable.all():
        rows = _narrowed(rows, np.flatnonzero(usable))
    kept = last_of_each(columns.ts_ms[rows])
    return rows if kept is None else _narrowed(rows, kept)


def _rows_in_window(columns: Columns, symbol: str, window: Window) -> Rows:
    rows: Rows = slice(0, len(columns)) if columns.symbols == (symbol,) else _as_slice(columns.rows_of(symbol))
    inside = window.contains(columns.ts_ms[rows])
    return rows if inside is None else _narrowed(rows, np.flatnonzero(inside))


def _as_slice(rows: Ints) -> Rows:
    """Return consecutive row numbers as a slice, which reads without a copy; files sorted by symbol allow it."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and np.all(rows[1:] > rows[:-1]):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _narrowed(rows: Rows, kept: Ints) -> Rows:
    return _as_slice(kept + rows.start if isinstance(rows, slice) else rows[kept])


def _widen(values: dict[str, Floats]) -> int:
    """Make high and low enclose open and close, replacing arrays only if need be; return how many bars changed."""
    top = np.maximum(values["open"], values["close"])
    # A comparison with NaN is false, so that a missing high counts as not enclosing.
    short_above = ~((values["high"] >= top) & (values["high"] < np.inf))
    bottom = np.minimum(values["open"], values["close"])
    short_below = ~((values["low"] <= bottom) & (values["low"] > 0.0))
    changed = int(np.count_nonzero(short_above | short_below))
    if changed:
        values["high"] = np.where(short_above, top, values["high"])
        values["low"] = np.where(short_below, bottom, values["low"])
    return changed


def aggregated(series: UsableSeries, interval_ms: int) -> UsableSeries:
    """Return a series in buckets of an interval, aligned to the epoch."""
    if len(series.ts_ms) == 0:
        return series
    buckets = series.ts_ms // interval_ms * interval_ms
    firsts = np.flatnonzero(np.append(np.True_, buckets[1:] != buckets[:-1]))
    lasts = np.append(firsts[1:], len(buckets)) - 1
    values = {
        "open": series.values["open"][firsts],
        "high": np.maximum.reduceat(series.values["high"], firsts),
        "low": np.minimum.reduceat(series.values["low"], firsts),
        "close": series.values["close"][lasts],
    }
    if "volume" in series.values:
        values["volume"] = np.add.reduceat(series.values["volume"], firsts)
    if "mark" in series.values:
        values["mark"] = series.values["mark"][lasts]
    return UsableSeries(buckets[firsts], values, series.skipped, series.superseded, series.widened)


def at_times(series: UsableSeries, timeline: Ints) -> UsableSeries:
    """Return what a series has at the times of a timeline."""
    if np.array_equal(series.ts_ms, timeline):
        return series
    known = np.isin(series.ts_ms, timeline)
    values = {name: column[known] for name, column in series.values.items()}
    return UsableSeries(series.ts_ms[known], values, series.skipped, series.superseded, series.widened)


def _coverage(columns: Columns, symbol: str) -> str:
    times = columns.ts_ms[columns.rows_of(symbol)]
    if len(times) == 0:
        return "the data does not have the symbol"
    return f"the data has {len(times)} rows of it from {utc_text(int(times.min()))} to {utc_text(int(times.max()))}"


def _is_price(values: Floats) -> npt.NDArray[np.bool_]:
    # NaN fails both comparisons.
    return (values > 0.0) & (values < np.inf)
