"""
Funding rates of a run's symbols, from a file or from the catalog.

1. A stamp counts if it lies in the window, start inclusive, end exclusive.
2. Venues stamp some milliseconds off: a stamp within a second of a full minute, where bars open, belongs to that
   minute. Any other keeps its own time, to the millisecond.
3. A row whose rate is missing is left out (counted). Of several rows with the same time and symbol the last in file
   order counts.
4. A symbol without a stamp pays nothing, and the run says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.data.files import CONVENTIONAL, Layout, Rows, open_source
from ballast.data.source import Floats, Ints, column_values, refuse_unknown_venue, venues_in, wanted_rows
from ballast.data.timestamps import to_milliseconds, utc_text
from ballast.model.durations import MILLISECOND_NS, MINUTE_MS
from ballast.model.errors import DataError
from ballast.model.market import FundingStamp

RATE = "funding_rate"
_JITTER_MS = 1_000
# No venue asks for as much at one stamp; a file that does holds percentages or something else.
_LARGEST_RATE = 0.5
_NO_ROWS = (np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0, object))


@dataclass(frozen=True)
class Funding:
    """
    What a source of funding rates holds for a run.

    Attributes
    ----------
    stamps : recarray of FundingStamp
        Ascending by time and then symbol.
    missing : tuple of str
        Symbols without a stamp in the window.
    rows_skipped : int
        Rows of the window without a rate.
    """

    stamps: Any
    missing: tuple[str, ...]
    rows_skipped: int


def load_funding(
    source: Any, symbols: Sequence[str], frame_times_ns: Ints, interval_ns: int, *, layout: Layout = CONVENTIONAL
) -> Funding:
    """
    Read the funding stamps of a run.

    Parameters
    ----------
    source : path, sequence of paths, or table
        Columns ``ts``, ``symbol``, ``funding_rate`` (a fraction of position value, longs pay when positive) and
        perhaps ``venue``, of which one must be chosen if there are several.
    symbols : sequence of str
        Configured order.
    frame_times_ns : ndarray of int64
        Open times of the run's frames, ascending; they are the window, up to the end of the last one.
    interval_ns : int
        Length of a frame.
    layout : Layout
        Column names and venue where they differ from the conventions.

    Raises
    ------
    DataError
        The source is missing or unreadable, has several venues and none is chosen, or a rate is no fraction.
    SchemaError
        A column is missing or holds something that is not a number or a time.
    """
    origin, files = open_source(source, layout, symbols)
    groups = [group for file in files for group in file]
    if layout.venue is not None:
        refuse_unknown_venue(groups, layout.venue, origin)
    parts = [_rows(group, symbols, layout, origin) for group in groups]
    times_ms, symbol, rate, venue = (np.concatenate(column) for column in zip(_NO_ROWS, *parts, strict=True))
    _refuse_several_venues(venue, origin)
    times_ns = _settled(times_ms) * MILLISECOND_NS
    inside = (times_ns >= frame_times_ns[0]) & (times_ns < frame_times_ns[-1] + interval_ns)
    usable = inside & np.isfinite(rate)
    _refuse_large(rate, usable, times_ms, origin)
    stamps = _stamps(times_ns[usable], symbol[usable], rate[usable])
    seen = set(stamps["symbol"].tolist())
    missing = tuple(name for index, name in enumerate(symbols) if index not in seen)
    return Funding(stamps, missing, int(np.count_nonzero(inside) - np.count_nonzero(usable)))


def _rows(
    group: Rows, symbols: Sequence[str], layout: Layout, origin: str
) -> tuple[Ints, npt.NDArray[np.int32], Floats, npt.NDArray[np.object_]]:
    """Return time, symbol index, rate and venue of the wanted rows."""
    names, index, mask = wanted_rows(group, symbols, layout)
    order = np.array([symbols.index(name) if name in symbols else -1 for name in names], np.int32)
    times = to_milliseconds(group.column("ts"), origin, group.first_row)
    rates = column_values([(group, mask)], RATE, len(index), origin)
    venues = venues_in(group) if "venue" in group.column_names else np.full(group.num_rows, "", object)
    return (times if mask is None else times[mask]), order[index], rates, (venues if mask is None else venues[mask])


def _settled(times_ms: Ints) -> Ints:
    """Move what lies within a second of a full minute to it."""
    minutes = (times_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    settled: Ints = np.where(np.abs(minutes - times_ms) <= _JITTER_MS, minutes, times_ms)
    return settled


def _stamps(times_ns: Ints, symbol: npt.NDArray[np.int32], rate: Floats) -> Any:
    stamps = FundingStamp.array(len(times_ns))  # type: ignore[attr-defined]  # Made by the decorator.
    stamps["ts_ns"], stamps["symbol"], stamps["rate"] = times_ns, symbol, rate
    order = np.lexsort((np.arange(len(stamps)), stamps["symbol"], stamps["ts_ns"]))
    stamps = stamps[order]
    is_last = np.ones(len(stamps), np.bool_)
    is_last[:-1] = (stamps["ts_ns"][1:] != stamps["ts_ns"][:-1]) | (stamps["symbol"][1:] != stamps["symbol"][:-1])
    return stamps[is_last]


def _refuse_several_venues(venues: npt.NDArray[np.object_], origin: str) -> None:
    known = sorted({str(venue) for venue in venues})
    if len(known) > 1:
        raise DataError(f"{origin}: funding of several venues, {', '.join(known)}; say which with data.venue")


def _refuse_large(rate: Floats, usable: npt.NDArray[np.bool_], times_ms: Ints, origin: str) -> None:
    wrong = np.flatnonzero(usable & (np.abs(rate) > _LARGEST_RATE))
    if len(wrong):
        raise DataError(
            f"{origin}: {RATE} {rate[wrong[0]]:g} at {utc_text(int(times_ms[wrong[0]]))} is no fraction of a "
            "position's value; write 0.0001 for 0.01 %"
        )
