"""
Bars from files and tables, as plain NumPy columns in file order.

The conventions: ``ts`` is the bar's open time in UTC, ``symbol``, ``open``, ``high``, ``low``, ``close``,
``volume`` in base units, optionally ``mark_open``, ``mark_high``, ``mark_low``, ``mark_close`` (or ``mark``)
and ``venue``. Other names are mapped by option. Nothing is filled, sorted or repaired here: that is for the
reader of the columns to decide.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ballast.data.files import CONVENTIONAL, Layout, Rows, open_source, shortened
from ballast.data.timestamps import to_milliseconds
from ballast.model.errors import ConfigError, DataError, SchemaError, nearest

__all__ = [
    "CONVENTIONAL",
    "MARKS",
    "MARK_PATH",
    "PRICES",
    "VALUES",
    "Columns",
    "Floats",
    "Ints",
    "Layout",
    "column_values",
    "read_bars",
    "refuse_unknown_venue",
    "symbols_in",
    "times_of",
    "venues_in",
    "wanted_rows",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
MARKS = ("mark_close", "mark")
MARK_PATH = ("mark_open", "mark_high", "mark_low")
Marks = Literal["close", "bars", "bars if there"]
"""What is read of the mark price: its close if there is one, or its whole bars."""


@dataclass(frozen=True)
class Columns:
    """
    Bars in file order; every array has shape ``(n_rows,)`` and may be read-only.

    Attributes
    ----------
    origin : str
        Where the rows came from, for messages.
    symbols : tuple of str
        The names that ``symbol_index`` points at, in order of first appearance.
    symbol_index : ndarray of int32
    ts_ms : ndarray of int64
        Open time, milliseconds UTC.
    open, high, low, close, volume : ndarray of float64
        NaN = missing.
    mark : ndarray of float64 or None
        Mark price at the bar's close; None when the source has no such column.
    mark_open, mark_high, mark_low : ndarray of float64 or None
        The rest of the mark price's bar; None when it was not read.
    """

    origin: str
    symbols: tuple[str, ...]
    symbol_index: npt.NDArray[np.int32]
    ts_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    mark: Floats | None = None
    mark_open: Floats | None = None
    mark_high: Floats | None = None
    mark_low: Floats | None = None

    def __len__(self) -> int:
        return len(self.ts_ms)

    def rows_of(self, symbol: str) -> Ints:
        """Return the row numbers of one symbol, ascending; empty if it is not there."""
        if symbol not in self.symbols:
            return np.empty(0, np.int64)
        return np.flatnonzero(self.symbol_index == self.symbols.index(symbol))


def read_bars(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Any,
    *,
    symbols: Sequence[str] | None = None,
    layout: Layout = CONVENTIONAL,
    marks: Marks = "close",
) -> Columns:
    """
    Read bars from a Parquet or CSV file, several such files, or a table in memory.

    Parameters
    ----------
    source : path, sequence of paths, or table
        A table is anything that speaks the Arrow stream protocol: a pyarrow Table, a Polars or pandas
        DataFrame, a DuckDB relation. Several files are read as one, in the order given.
    symbols : sequence of str or None
        Read only these; row groups that cannot hold any of them are not touched. None reads all.
    layout : Layout
        Column names, symbol and venue where they differ from the conventions.
    marks : "close", "bars" or "bars if there"
        ``"bars"`` reads the mark price's bars and insists on their columns.

    Raises
    ------
    DataError
        A file is missing, unreadable or neither Parquet nor CSV; no row has a wanted symbol.
    SchemaError
        A column is missing or holds something that is not a number or a time.
    ConfigError
        The layout names a column that is not there.
    """
    origin, files = open_source(source, layout, symbols)
    codes: dict[str, int] = {}
    parts = [_gathered(groups, origin, symbols, layout, codes, marks) for groups in files]
    columns = Columns(origin, tuple(codes), **_joined(parts))
    _release_unused_memory()
    if layout.venue is not None and len(columns) == 0:
        _, files = open_source(source, layout, None)
        refuse_unknown_venue([group for groups in files for group in groups], layout.venue, origin)
    unknown = [symbol for symbol in symbols or () if symbol not in columns.symbols]
    if unknown:
        known = symbols_in(source, layout=layout)
        hint = nearest(unknown[0], known) or f"; it has {shortened(known)}"
        raise DataError(f"{origin}: no rows for symbol {unknown[0]!r}{hint}")
    return columns


def symbols_in(source: Any, *, layout: Layout = CONVENTIONAL) -> tuple[str, ...]:
    """Return the symbols that a source holds, in order of first appearance; raises as ``read_bars`` does."""
    _, files = open_source(source, layout, None)
    found: dict[str, None] = {}
    for groups in files:
        for group in groups:
            names, index, _ = wanted_rows(group, None, layout)
            found.update(dict.fromkeys(names[code] for code in np.unique(index)))
    return tuple(found)


# Some rows and the mask of the wanted ones (None = all).
_Picked = tuple[Rows, npt.NDArray[np.bool_] | None]


def _gathered(
    groups: Sequence[Rows],
    origin: str,
    symbols: Sequence[str] | None,
    layout: Layout,
    codes: dict[str, int],
    marks: Marks,
) -> dict[str, Any]:
    """
    Read one file's wanted rows, one column after the other, so that little more than the result is in memory.

    ``codes`` numbers the symbols in order of first appearance and grows from file to file.
    """
    picked: list[_Picked] = []
    indices = []
    for group in groups:
        names, index, mask = wanted_rows(group, symbols, layout)
        if len(index):
            picked.append((group, mask))
            indices.append(_translated(names, index, codes))
    gathered: dict[str, Any] = {"symbol_index": _concatenated(indices, np.int32)}
    gathered["ts_ms"] = _concatenated([times_of(group, mask, origin) for group, mask in picked], np.int64)
    marked = _mark_columns(picked[0][0].column_names, marks, origin) if picked else {}
    for ours, name in {**dict(zip(VALUES, VALUES, strict=True)), **marked}.items():
        gathered[ours] = column_values(picked, name, len(gathered["ts_ms"]), origin)
    return gathered


def _mark_columns(names: Sequence[str], marks: Marks, origin: str) -> dict[str, str]:
    """Return which columns to read the mark price from, by the names of ``Columns``."""
    close = next((name for name in MARKS if name in names), None)
    missing = [*(name for name in MARK_PATH if name not in names), *(MARKS[:1] if close is None else ())]
    if missing and marks == "bars":
        raise SchemaError(
            f"{origin}: no column {missing[0]!r}, of which data.mark = true reads the mark price; map it with the "
            "columns option, or leave data.mark out"
        )
    found = {} if close is None else {"mark": close}
    return found if missing or marks == "close" else found | dict(zip(MARK_PATH, MARK_PATH, strict=True))


def refuse_unknown_venue(groups: Sequence[Rows], venue: str, origin: str) -> None:
    """Raise ``DataError`` if the rows name venues, but not this one."""
    named = [group for group in groups if "venue" in group.column_names]
    known = sorted({str(name) for group in named for name in venues_in(group)})
    if known and venue not in known:
        hint = nearest(venue, known) or f"; it has {shortened(known)}"
        raise DataError(f"{origin}: no rows for venue {venue!r}{hint}")


def _release_unused_memory() -> None:
    """Give what decoding left in the pool back to the system: 15 MB beside a million bars."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def column_values(picked: Sequence[_Picked], name: str, length: int, origin: str) -> Floats:
    """Return a column of the picked rows, ``length`` in all, as numbers; raises ``SchemaError``."""
    values, at = np.empty(length), 0
    for group, mask in picked:
        row = 0
        for chunk in group.chunks(name):
            part = _floats(chunk, name, origin, group.first_row + row)
            chosen = part if mask is None else part[mask[row : row + len(part)]]
            values[at : at + len(chosen)] = chosen
            row, at = row + len(part), at + len(chosen)
    return values


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the files' columns; each part is let go as soon as it has been copied."""
    if len(parts) == 1:
        return parts[0]
    names = list(dict.fromkeys(name for part in parts for name in part))
    # A file may lack the columns of marks.
    missing = [(part, name) for part in parts for name in names if name not in part]
    for part, name in missing:
        part[name] = np.full(len(part["ts_ms"]), np.nan)
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in names}


def _translated(names: Sequence[str], index: npt.NDArray[np.int32], codes: dict[str, int]) -> npt.NDArray[np.int32]:
    for code in np.flatnonzero(np.bincount(index, minlength=len(names))).tolist():
        codes.setdefault(names[code], len(codes))
    translation = np.array([codes.get(name, -1) for name in names], np.int32)
    return index if np.array_equal(translation, np.arange(len(names))) else translation[index]


def _concatenated(parts: list[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def wanted_rows(
    rows: Rows, symbols: Sequence[str] | None, layout: Layout
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.bool_] | None]:
    """Return symbol names, an index into them per wanted row, and the mask of the wanted rows (None = all)."""
    names, index = _symbol_codes(rows, layout)
    # A row without a symbol is coded -1 and so meets the last entry.
    wanted = np.array([symbols is None or name in symbols for name in names] + [False])
    mask = wanted[index]
    if layout.venue is not None and "venue" in rows.column_names:
        mask &= venues_in(rows) == layout.venue
    if mask.all():
        return names, index, None
    return names, index[mask], mask


def _symbol_codes(rows: Rows, layout: Layout) -> tuple[list[str], npt.NDArray[np.int32]]:
    if layout.symbol is not None:
        if "symbol" in rows.column_names:
            raise ConfigError(f"the bars name their symbols themselves; leave out the symbol {layout.symbol!r}")
        return [layout.symbol], np.zeros(rows.num_rows, np.int32)
    column = rows.column("symbol")
    if not hasattr(column.type, "index_type"):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    if column.num_chunks == 0:
        return [], np.empty(0, np.int32)
    codes = [_codes(chunk.indices) for chunk in column.chunks]
    return [str(name) for name in column.chunk(0).dictionary.to_pylist()], _concatenated(codes, np.int32)


def _codes(indices: Any) -> npt.NDArray[np.int32]:
    # `fill_null` loads pyarrow's compute module, 30 ms that a clean file need not pay.
    filled = indices.fill_null(-1) if indices.null_count else indices
    codes: npt.NDArray[np.int32] = filled.to_numpy().astype(np.int32, copy=False)
    return codes


def venues_in(rows: Rows) -> npt.NDArray[np.object_]:
    """Return the ``venue`` column."""
    return np.asarray(rows.column("venue").to_pylist(), dtype=object)


def times_of(rows: Rows, mask: npt.NDArray[np.bool_] | None, origin: str) -> Ints:
    """Return the picked rows' times, milliseconds UTC; raises ``SchemaError``."""
    times = to_milliseconds(rows.column("ts"), origin, rows.first_row)
    return times if mask is None else times[mask]


def _first_bad_number(chunk: Any) -> tuple[int, object]:
    """Return the first value that cannot be cast, and its row, counted from 1; one at least must be there."""
    import pyarrow as pa

    for row in range(len(chunk)):
        try:
            chunk.slice(row, 1).cast(pa.float64(), safe=False)
        except pa.ArrowInvalid:
            return row + 1, chunk[row].as_py()
    raise AssertionError("every value is a number")


def _floats(chunk: Any, name: str, origin: str, first_row: int) -> Floats:
    import pyarrow as pa

    if not pa.types.is_float64(chunk.type):
        try:
            chunk = chunk.cast(pa.float64(), safe=False)
        except pa.ArrowNotImplementedError:
            raise SchemaError(f"{origin}: column {name!r} holds {chunk.type}, not numbers; correct the file") from None
        except pa.ArrowInvalid:
            row, value = _first_bad_number(chunk)
            what = f"{origin}: row {first_row + row}, column {name!r}: {value!r} is not a number"
            raise SchemaError(f"{what}; correct the row or remove it") from None
    # Nulls become NaN.
    values: Floats = chunk.to_numpy(zero_copy_only=False)
    return values
