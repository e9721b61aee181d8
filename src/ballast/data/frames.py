"""
Bars of several symbols laid side by side in time: one record per instant, ready for the engine.

1. The timeline is the union of the configured symbols' usable bar times in ``start <= ts < end``, open times.
2. A bar whose open or close is missing, not finite or not positive does not exist (counted).
3. Of several usable bars with the same time and symbol the last in file order counts (counted).
4. A high or low that is missing, not positive or does not enclose open and close is widened (counted).
5. NaN in a record means no bar. A volume that is missing, not finite or negative is 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.data.intervals import interval_name
from ballast.data.source import CONVENTIONAL, VALUES, Columns, Floats, Ints, Layout, read_bars
from ballast.data.timestamps import last_of_each, most_frequent_step, utc_text
from ballast.model.errors import ConfigError, DataError
from ballast.model.market import Frame

_NS_PER_MS = 1_000_000
_FIELDS = (*VALUES, "mark")
Rows = slice | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """
    What a run is fed.

    Attributes
    ----------
    records : recarray of Frame
        Shape ``(n_frames,)``, ascending in ``ts_ns`` without repeats; symbols beyond the configured ones
        (up to the record's width) are NaN.
    symbols : tuple of str
        In configured order: symbol i is column i of every field.
    interval_ns : int
        Length of a bar.
    rows_skipped, rows_superseded, rows_widened : int
        Rows of the window ignored under rule 2, ignored under rule 3, and changed under rule 4.
    data_hash : str
        SHA-256, hex, of symbols, interval, times and values as used; the same for every file format and width.
    """

    records: Any
    symbols: tuple[str, ...]
    interval_ns: int
    rows_skipped: int
    rows_superseded: int
    rows_widened: int
    data_hash: str

    def __len__(self) -> int:
        return len(self.records)


def load_frames(
    source: Any,
    symbols: Sequence[str],
    *,
    interval_ms: int | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    width: int | None = None,
    layout: Layout = CONVENTIONAL,
) -> Frames:
    """Read bars and build frames in one call; see ``read_bars`` for ``source`` and ``build_frames`` for the rest."""
    columns = read_bars(source, symbols=symbols, layout=layout)
    return build_frames(columns, symbols, interval_ms=interval_ms, start_ms=start_ms, end_ms=end_ms, width=width)


def build_frames(
    columns: Columns,
    symbols: Sequence[str],
    *,
    interval_ms: int | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    width: int | None = None,
) -> Frames:
    """
    Lay bars side by side in time.

    Parameters
    ----------
    columns : Columns
        Rows of these symbols, and perhaps of others, in file order.
    symbols : sequence of str
        Configured order; no repeats.
    interval_ms : int or None
        Length of a bar. None takes the most frequent difference between consecutive times (equally
        frequent: the smallest). A multiple of the data's own interval aggregates: buckets aligned to the
        epoch, open first, high max, low min, close and mark last, volume summed, over the bars there are.
        A bucket counts if its own open time lies in the window, and then whole.
    start_ms, end_ms : int or None
        The window, milliseconds UTC, end exclusive; None leaves it open.
    width : int or None
        Symbols that a record holds, at least ``len(symbols)``, the default.

    Raises
    ------
    ConfigError
        Repeated symbols, a window that ends before it starts, an interval finer than the data or not a multiple of it.
    DataError
        A symbol without one usable bar in the window, or a single bar time and no interval.
    """
    _refuse_bad_request(symbols, start_ms, end_ms)
    window = _Window(start_ms, end_ms)
    series = [_usable_series(columns, symbol, window) for symbol in symbols]
    timeline = _timeline(series)
    own_interval_ms = most_frequent_step(timeline)
    if interval_ms is None:
        interval_ms = own_interval_ms
        if interval_ms is None:
            raise DataError(f"{columns.origin}: one bar time only, so the interval is unknown; give data.interval")
    elif own_interval_ms is not None and interval_ms != own_interval_ms:
        _refuse_bad_interval(columns.origin, interval_ms, own_interval_ms)
        aligned = _Window(_aligned_up(start_ms, interval_ms), _aligned_up(end_ms, interval_ms))
        series = [_aggregated(_usable_series(columns, symbol, aligned), interval_ms) for symbol in symbols]
        timeline = _timeline(series)
    records = _empty_records(timeline, len(symbols) if width is None else width)
    for slot, one in enumerate(series):
        _write(records, slot, one, timeline)
    return Frames(
        records=records,
        symbols=tuple(symbols),
        interval_ns=interval_ms * _NS_PER_MS,
        rows_skipped=sum(one.skipped for one in series),
        rows_superseded=sum(one.superseded for one in series),
        rows_widened=sum(one.widened for one in series),
        data_hash=_hash(records, symbols, interval_ms),
    )


@dataclass(frozen=True)
class _Window:
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
class _Series:
    """One symbol's usable bars, ascending in time without repeats, and what was left out or changed."""

    ts_ms: Ints
    values: dict[str, Floats]
    skipped: int
    superseded: int
    widened: int


def _usable_series(columns: Columns, symbol: str, window: _Window) -> _Series:
    rows = _rows_in_window(columns, symbol, window)
    usable = _is_price(columns.open[rows]) & _is_price(columns.close[rows])
    skipped = len(usable) - int(np.count_nonzero(usable))
    if skipped == len(usable):
        raise DataError(
            f"{columns.origin}: symbol {symbol!r} has no usable bar in {window} "
            f"({_coverage(columns, symbol)}); choose another window or leave the symbol out"
        )
    if skipped:
        rows = _narrowed(rows, np.flatnonzero(usable))
    kept = last_of_each(columns.ts_ms[rows])
    superseded = 0
    if kept is not None:
        superseded = len(usable) - skipped - len(kept)
        rows = _narrowed(rows, kept)
    values = {name: getattr(columns, name)[rows] for name in VALUES}
    is_volume = (values["volume"] >= 0.0) & (values["volume"] < np.inf)
    if not is_volume.all():
        values["volume"] = np.where(is_volume, values["volume"], 0.0)
    if columns.mark is not None:
        mark = columns.mark[rows]
        values["mark"] = np.where(_is_price(mark), mark, np.nan)
    widened = _widen(values)
    return _Series(columns.ts_ms[rows], values, skipped, superseded, widened)


def _rows_in_window(columns: Columns, symbol: str, window: _Window) -> Rows:
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


def _aggregated(series: _Series, interval_ms: int) -> _Series:
    buckets = series.ts_ms // interval_ms * interval_ms
    firsts = np.flatnonzero(np.append(np.True_, buckets[1:] != buckets[:-1]))
    lasts = np.append(firsts[1:], len(buckets)) - 1
    values = {
        "open": series.values["open"][firsts],
        "high": np.maximum.reduceat(series.values["high"], firsts),
        "low": np.minimum.reduceat(series.values["low"], firsts),
        "close": series.values["close"][lasts],
        "volume": np.add.reduceat(series.values["volume"], firsts),
    }
    if "mark" in series.values:
        values["mark"] = series.values["mark"][lasts]
    return _Series(buckets[firsts], values, series.skipped, series.superseded, series.widened)


def _timeline(series: Sequence[_Series]) -> Ints:
    first = series[0].ts_ms
    if all(np.array_equal(first, one.ts_ms) for one in series[1:]):
        return first
    return np.unique(np.concatenate([one.ts_ms for one in series]))


def _empty_records(timeline: Ints, width: int) -> Any:
    dtype = Frame.dtype(symbols=width)  # type: ignore[attr-defined]  # Made by the decorator.
    # Every field is made of eight-byte words, so that one pass fills them all.
    records = np.full((len(timeline), dtype.itemsize // 8), np.nan).view(dtype)[:, 0]
    np.multiply(timeline, _NS_PER_MS, out=records["ts_ns"])
    return records.view(np.recarray)


def _write(records: Any, slot: int, series: _Series, timeline: Ints) -> None:
    whole = len(series.ts_ms) == len(timeline)
    at = slice(None) if whole else np.searchsorted(timeline, series.ts_ms)
    for name, values in series.values.items():
        records[name][at, slot] = values


def _hash(records: Any, symbols: Sequence[str], interval_ms: int) -> str:
    digest = hashlib.sha256(f"{interval_ms}\n{chr(10).join(symbols)}\n".encode())
    digest.update(np.ascontiguousarray(records["ts_ns"], "<i8").data)
    for name in _FIELDS:
        if name == "mark" and not np.isfinite(records[name]).any():
            continue
        digest.update(name.encode())
        for slot in range(len(symbols)):
            digest.update(np.ascontiguousarray(records[name][:, slot], "<f8").data)
    return digest.hexdigest()


def _refuse_bad_request(symbols: Sequence[str], start_ms: int | None, end_ms: int | None) -> None:
    if not symbols:
        raise ConfigError("data.symbols is empty; name at least one symbol")
    doubled = next((symbol for symbol in symbols if list(symbols).count(symbol) > 1), None)
    if doubled is not None:
        raise ConfigError(f"data.symbols names {doubled!r} twice; name each symbol once")
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise ConfigError(
            f"the window is empty: data.start {utc_text(start_ms)} is not before data.end {utc_text(end_ms)}; widen it"
        )


def _refuse_bad_interval(origin: str, interval_ms: int, own_interval_ms: int) -> None:
    asked, own = interval_name(interval_ms), interval_name(own_interval_ms)
    if interval_ms < own_interval_ms:
        raise ConfigError(f"data.interval {asked} is finer than the bars of {origin}, which are {own}; ask for {own}")
    if interval_ms % own_interval_ms:
        raise ConfigError(f"data.interval {asked} is not a multiple of {own}, the bars of {origin}; ask for a multiple")


def _aligned_up(time_ms: int | None, interval_ms: int) -> int | None:
    return None if time_ms is None else -(-time_ms // interval_ms) * interval_ms


def _coverage(columns: Columns, symbol: str) -> str:
    times = columns.ts_ms[columns.rows_of(symbol)]
    if len(times) == 0:
        return "the data does not have the symbol"
    return f"the data has {len(times)} rows of it from {utc_text(int(times.min()))} to {utc_text(int(times.max()))}"


def _is_price(values: Floats) -> npt.NDArray[np.bool_]:
    # NaN fails both comparisons.
    return (values > 0.0) & (values < np.inf)
