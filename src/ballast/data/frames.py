"""
Bars of several symbols laid side by side in time: one record per instant, ready for the engine.

1. The timeline is the union of the configured symbols' usable bar times in ``start <= ts < end``, open times.
2. A bar whose open or close is missing, not finite or not positive does not exist (counted).
3. Of several usable bars with the same time and symbol the last in file order counts (counted).
4. A high or low that is missing, not positive or does not enclose open and close is widened (counted).
5. NaN in a record means no bar. A volume that is missing, not finite or negative is 0.
6. Where mark prices are read as bars, rules 2 to 4 hold for them by themselves, uncounted: a mark is there although
   its bar is not, and the other way round. Marks at times off the timeline are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.data.contracts import NO_CONTRACTS, Contracts
from ballast.data.intervals import interval_name
from ballast.data.source import CONVENTIONAL, VALUES, Columns, Ints, Layout, Marks, read_bars
from ballast.data.timestamps import most_frequent_step, utc_text
from ballast.data.usable import UsableSeries, Window, aggregated, at_times, usable_bars, usable_marks
from ballast.model.durations import MILLISECOND_NS
from ballast.model.errors import ConfigError, DataError
from ballast.model.market import Frame, MarkBar

if TYPE_CHECKING:
    from ballast.data.run_calendar import RunCalendar

_FIELDS = (*VALUES, "mark")


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
        SHA-256, hex, of what a run reads: symbols, interval, times and values as used, the same for every file format
        and width; and of ``contracts`` and ``news``, if there are any.
    marks : recarray of MarkBar
        As long as ``records``, NaN where there is no mark; None if the source's marks were not read as bars.
    unmarked : tuple of int
        By symbol, frames with a bar but without a mark; empty if ``marks`` is None.
    contracts : Contracts
        What perpetuals have beside bars; empty unless it was read for them.
    ticks : recarray of Tick
        The ticks that the bars were made of; None for bars that were read as such.
    news : RunCalendar
        The economic calendar; None unless it was read for a run that asks it.
    """

    records: Any
    symbols: tuple[str, ...]
    interval_ns: int
    rows_skipped: int
    rows_superseded: int
    rows_widened: int
    data_hash: str
    marks: Any = None
    unmarked: tuple[int, ...] = ()
    contracts: Contracts = NO_CONTRACTS
    ticks: Any = None
    news: RunCalendar | None = None

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
    marks: Marks = "close",
) -> Frames:
    """
    Read bars and build frames in one call.

    See ``read_bars`` for ``source``, ``layout`` and ``marks``, and ``build_frames`` for the rest.
    """
    columns = read_bars(source, symbols=symbols, layout=layout, marks=marks)
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
        Rows of these symbols, and perhaps of others, in file order; with bars of the mark price or without.
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
    window = Window(start_ms, end_ms)
    series = [usable_bars(columns, symbol, window) for symbol in symbols]
    timeline = _timeline(series)
    own_interval_ms, bucket_ms = most_frequent_step(timeline), None
    if interval_ms is None:
        interval_ms = own_interval_ms
        if interval_ms is None:
            raise DataError(f"{columns.origin}: one bar time only, so the interval is unknown; give data.interval")
    elif own_interval_ms is not None and interval_ms != own_interval_ms:
        _refuse_bad_interval(columns.origin, interval_ms, own_interval_ms)
        bucket_ms = interval_ms
        window = Window(_aligned_up(start_ms, interval_ms), _aligned_up(end_ms, interval_ms))
        series = [aggregated(usable_bars(columns, symbol, window), interval_ms) for symbol in symbols]
        timeline = _timeline(series)
    records = _empty_records(Frame, len(timeline), len(symbols) if width is None else width)
    np.multiply(timeline, MILLISECOND_NS, out=records["ts_ns"])
    for slot, one in enumerate(series):
        _write(records, slot, one, timeline)
    marks = None if columns.mark_open is None else _marks(columns, symbols, window, bucket_ms, records)
    return Frames(
        records=records,
        symbols=tuple(symbols),
        interval_ns=interval_ms * MILLISECOND_NS,
        rows_skipped=sum(one.skipped for one in series),
        rows_superseded=sum(one.superseded for one in series),
        rows_widened=sum(one.widened for one in series),
        data_hash=_hash(records, marks, symbols, interval_ms),
        marks=marks,
        unmarked=_unmarked(records, marks, len(symbols)),
    )


def _timeline(series: Sequence[UsableSeries]) -> Ints:
    first = series[0].ts_ms
    if all(np.array_equal(first, one.ts_ms) for one in series[1:]):
        return first
    return np.unique(np.concatenate([one.ts_ms for one in series]))


def _empty_records(kind: Any, length: int, width: int) -> Any:
    dtype = kind.dtype(symbols=width)
    # Every field is made of eight-byte words, so that one pass fills them all.
    records = np.full((length, dtype.itemsize // 8), np.nan).view(dtype)[:, 0]
    return records.view(np.recarray)


def _marks(columns: Columns, symbols: Sequence[str], window: Window, bucket_ms: int | None, records: Any) -> Any:
    """Return the marks at the frames' times, in buckets if the bars are, and write their closes into the frames."""
    width = records.dtype["close"].shape[0]
    marks = _empty_records(MarkBar, len(records), width)
    timeline = records["ts_ns"] // MILLISECOND_NS
    for slot, symbol in enumerate(symbols):
        series = usable_marks(columns, symbol, window)
        if bucket_ms is not None:
            series = aggregated(series, bucket_ms)
        _write(marks, slot, at_times(series, timeline), timeline)
    records["mark"][...] = marks["close"]
    return marks


def _unmarked(records: Any, marks: Any, n_symbols: int) -> tuple[int, ...]:
    if marks is None:
        return ()
    missing = np.isnan(marks["close"]) & ~np.isnan(records["close"])
    return tuple(np.count_nonzero(missing[:, :n_symbols], axis=0).tolist())


def _write(records: Any, slot: int, series: UsableSeries, timeline: Ints) -> None:
    whole = len(series.ts_ms) == len(timeline)
    at = slice(None) if whole else np.searchsorted(timeline, series.ts_ms)
    for name, values in series.values.items():
        records[name][at, slot] = values


def _hash(records: Any, marks: Any, symbols: Sequence[str], interval_ms: int) -> str:
    digest = hashlib.sha256(f"{interval_ms}\n{chr(10).join(symbols)}\n".encode())
    digest.update(np.ascontiguousarray(records["ts_ns"], "<i8").data)
    for name in _FIELDS:
        if name == "mark" and not np.isfinite(records[name]).any():
            continue
        digest.update(name.encode())
        _feed(digest, records[name], len(symbols))
    for name in () if marks is None else marks.dtype.names:
        digest.update(f"mark_{name}".encode())
        _feed(digest, marks[name], len(symbols))
    return digest.hexdigest()


def _feed(digest: Any, values: Any, n_symbols: int) -> None:
    for slot in range(n_symbols):
        digest.update(np.ascontiguousarray(values[:, slot], "<f8").data)


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
