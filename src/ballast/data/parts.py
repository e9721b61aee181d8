"""The tables that parts are made of: built, cut into periods, merged by time, turned into bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ballast.data.source import PRICES, VALUES, Columns, Ints
from ballast.data.timestamps import last_of_each, utc_text
from ballast.model.errors import DataError
from ballast.model.ports import FundingRate, RecordedBar

MARK_COLUMNS = {"mark_open": "mark_open", "mark_high": "mark_high", "mark_low": "mark_low", "mark": "mark_close"}
"""Marks by the names of ``Columns``, and the names under which parts store them."""


def bars_table(symbol: str, bars: Sequence[RecordedBar]) -> Any:
    """Return bars that a venue reported as a part's table."""
    times, *values = zip(*bars, strict=True) if bars else ([],) * 6
    return _table(symbol, np.array(times, np.int64), dict(zip(VALUES, values, strict=True)))


def marks_table(symbol: str, bars: Sequence[RecordedBar]) -> Any:
    """Return bars of the mark price that a venue reported as a part's table."""
    times = np.array([bar.open_time_ms for bar in bars], np.int64)
    names = zip(MARK_COLUMNS.values(), PRICES, strict=True)
    return _table(symbol, times, {stored: [getattr(bar, name) for bar in bars] for stored, name in names})


def funding_table(symbol: str, rates: Sequence[FundingRate]) -> Any:
    """Return funding rates as a part's table."""
    times = np.array([rate.time_ms for rate in rates], np.int64)
    return _table(symbol, times, {"funding_rate": [rate.funding_rate for rate in rates]})


def columns_table(columns: Columns, symbol: str) -> Any:
    """Return one symbol's rows, in file order, as a part's table."""
    rows = columns.rows_of(symbol)
    values = {name: getattr(columns, name)[rows] for name in VALUES}
    marks = {stored: getattr(columns, name) for name, stored in MARK_COLUMNS.items()}
    values |= {stored: mark[rows] for stored, mark in marks.items() if mark is not None}
    return _table(symbol, columns.ts_ms[rows], values)


def times_of(table: Any) -> Ints:
    """Return a part's times, milliseconds UTC, in row order."""
    times: Ints = table.column("ts").to_numpy().view(np.int64)
    return times


def periods(table: Any, unit: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the rows of each day, month or year (``D``, ``M``, ``Y``) of a table ascending in time."""
    stamps = times_of(table).view("datetime64[ms]").astype(f"datetime64[{unit}]")
    if len(stamps) == 0:
        return
    starts: list[int] = [0, *(np.flatnonzero(stamps[1:] != stamps[:-1]) + 1).tolist()]
    for start, end in zip(starts, [*starts[1:], len(stamps)], strict=True):
        yield str(stamps[start]), table.slice(start, end - start)


def merged(old: Any, new: Any, origin: str, *, replace: bool) -> Any:
    """
    Return the rows of two tables by time; ``old`` itself if ``new`` brings nothing.

    A time that both have must hold the same values (missing equals missing), unless ``replace`` lets the
    new ones count. Raises ``DataError`` naming the first difference.
    """
    import pyarrow as pa

    _, in_old, in_new = np.intersect1d(times_of(old), times_of(new), assume_unique=True, return_indices=True)
    differs = not old.take(in_old).equals(new.take(in_new))
    if differs and not replace:
        raise DataError(_difference(old.take(in_old).to_pylist(), new.take(in_new).to_pylist(), origin))
    if not differs and len(in_new) == new.num_rows:
        return old
    both = pa.concat_tables([old, new], promote_options="default")
    order = last_of_each(times_of(both))
    return both if order is None else both.take(order)


def serialised(table: Any) -> bytes:
    """Return a table as the bytes of a Parquet file; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd")
    data: bytes = buffer.getvalue().to_pybytes()
    return data


def _table(symbol: str, times: Ints, values: dict[str, Any]) -> Any:
    import pyarrow as pa

    columns = {"ts": pa.array(times).view(pa.timestamp("ms", "UTC")), "symbol": pa.array([symbol] * len(times))}
    # `from_pandas` stores NaN as missing, so that two missing values are equal.
    columns |= {name: pa.array(column, pa.float64(), from_pandas=True) for name, column in values.items()}
    return pa.table(columns)


def _difference(old: list[dict[str, Any]], new: list[dict[str, Any]], origin: str) -> str:
    for was, comes in zip(old, new, strict=True):
        for name in comes:
            if was.get(name) != comes[name]:
                when = utc_text(int(comes["ts"].timestamp() * 1000))
                return (
                    f"{origin}: the {name} stored for {when} is {was.get(name)} and the new one is {comes[name]}; "
                    "ask to replace stored rows if the new ones are right"
                )
    return f"{origin}: the new rows have other columns than the stored ones; ask to replace stored rows"
