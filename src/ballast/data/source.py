"""
Bars from files and tables, as plain NumPy columns in file order.

The conventions: ``ts`` is the bar's open time in UTC, ``symbol``, ``open``, ``high``, ``low``, ``close``,
``volume`` in base units, optionally ``mark_close`` (or ``mark``) and ``venue``. Other names are mapped by
option. Nothing is filled, sorted or repaired here: that is for the reader of the columns to decide.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.data.files import CONVENTIONAL, Layout, Rows, open_source, shortened
from ballast.data.timestamps import to_milliseconds
from ballast.model.errors import ConfigError, DataError, SchemaError, nearest

__all__ = [
    "CONVENTIONAL",
    "MARKS",
    "PRICES",
    "VALUES",
    "Columns",
    "Floats",
    "Ints",
    "Layout",
    "read_bars",
    "symbols_in",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
MARKS = ("mark_close", "mark")


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
    parts = [_gathered(groups, origin, symbols, layout, codes) for groups in files]
    columns = Columns(origin, tuple(codes), **_joined(parts))
    _release_unused_memory()
    if layout.venue is not None and len(columns) == 0:
        _refuse_unknown_venue(source, layout, origin)
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
            names, index, _ = _wanted_rows(group, None, layout)
            found.update(dict.fromkeys(names[code] for code in np.unique(index)))
    return tuple(found)


# Some rows and the mask of the wanted ones (None = all).
_Picked = tuple[Rows, npt.NDArray[np.bool_] | None]


def _gathered(
    groups: Sequence[Rows], origin: str, symbols: Sequence[str] | None, layout: Layout, codes: dict[str, int]
) -> dict[str, Any]:
    """
    Read one file's wanted rows, one column after the other, so that little more than the result is in memory.

    ``codes`` numbers the symbols in order of first appearance and grows from file to file.
    """
    picked: list[_Picked] = []
    indices = []
    for group in groups:
        names, index, mask = _wanted_rows(group, symbols, layout)
        if len(index):
            picked.append((group, mask))
            indices.append(_translated(names, index, codes))
    gathered: dict[str, Any] = {"symbol_index": _concatenated(indices, np.int32)}
    gathered["ts_ms"] = _concatenated([_times(group, mask, origin) for group, mask in picked], np.int64)
    for name in VALUES:
        gathered[name] = _values(picked, name, len(gathered["ts_ms"]), origin)
    mark = next((name for name in MARKS if picked and name in picked[0][0].column_names), None)
    if mark is not None:
        gathered["mark"] = _values(picked, mark, len(gathered["ts_ms"]), origin)
    return gathered


def _refuse_unknown_venue(source: Any, layout: Layout, origin: str) -> None:
    _, files = open_source(source, layout, None)
    known = sorted({str(name) for groups in files for group in groups for name in group.column("venue").to_pylist()})
    if layout.venue not in known:
        hint = nearest(str(layout.venue), known) or f"; it has {shortened(known)}"
        raise DataError(f"{origin}: no rows for venue {layout.venue!r}{hint}")


def _release_unused_memory() -> None:
    """Give what decoding left in the pool back to the system: 15 MB beside a million bars."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _values(picked: Sequence[_Picked], name: str, length: int, origin: str) -> Floats:
    values, at = np.empty(length), 0
    for group, mask in picked:
        row = 0
        for chunk in group.chunks(name):
            part = _floats(chunk, name, origin)
            chosen = part if mask is None else part[mask[row : row + len(part)]]
            values[at : at + len(chosen)] = chosen
            row, at = row + len(part), at + len(chosen)
    return values


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the files' columns; each part is let go as soon as it has been copied."""
    if len(parts) == 1:
        return parts[0]
    has_mark = any("mark" in part for part in parts)
    for part in parts:
        if has_mark and "mark" not in part:
            part["mark"] = np.full(len(part["ts_ms"]), np.nan)
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def _translated(names: Sequence[str], index: npt.NDArray[np.int32], codes: dict[str, int]) -> npt.NDArray[np.int32]:
    for code in np.flatnonzero(np.bincount(index, minlength=len(names))).tolist():
        codes.setdefault(names[code], len(codes))
    translation = np.array([codes.get(name, -1) for name in names], np.int32)
    return index if np.array_equal(translation, np.arange(len(names))) else translation[index]


def _concatenated(parts: list[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _wanted_rows(
    rows: Rows, symbols: Sequence[str] | None, layout: Layout
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.bool_] | None]:
    """Return symbol names, an index into them per wanted row, and the mask of the wanted rows (None = all)."""
    names, index = _symbol_codes(rows, layout)
    # A row without a symbol is coded -1 and so meets the last entry.
    wanted = np.array([symbols is None or name in symbols for name in names] + [False])
    mask = wanted[index]
    if layout.venue is not None:
        mask &= _is_venue(rows, layout.venue)
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


def _is_venue(rows: Rows, venue: str) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = np.asarray(rows.column("venue").to_pylist(), dtype=object) == venue
    return mask


def _times(rows: Rows, mask: npt.NDArray[np.bool_] | None, origin: str) -> Ints:
    times = to_milliseconds(rows.column("ts"), origin)
    return times if mask is None else times[mask]


def _floats(chunk: Any, name: str, origin: str) -> Floats:
    import pyarrow as pa

    if not pa.types.is_float64(chunk.type):
        try:
            chunk = chunk.cast(pa.float64(), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise SchemaError(f"{origin}: column {name!r} is not a number ({reason}); correct the file") from None
    # Nulls become NaN.
    values: Floats = chunk.to_numpy(zero_copy_only=False)
    return values
