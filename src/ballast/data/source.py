"""
Bars from files and tables, as plain NumPy columns in file order.

The conventions: ``ts`` is the bar's open time in UTC, ``symbol``, ``open``, ``high``, ``low``, ``close``,
``volume`` in base units, optionally ``mark_close`` (or ``mark``) and ``venue``. Other names are mapped by
option. Nothing is filled, sorted or repaired here: that is for the reader of the columns to decide.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ballast.data.timestamps import to_milliseconds
from ballast.model.errors import ConfigError, DataError, SchemaError, nearest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
MARKS = ("mark_close", "mark")
_PARQUET_MAGIC = b"PAR1"
_CHUNK_ROWS = 65_536


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


@dataclass(frozen=True)
class Layout:
    """
    How to read a source whose layout differs from the conventions.

    Attributes
    ----------
    rename : mapping of str to str
        The source's column name to ours: ``{"timestamp": "ts"}``.
    symbol : str or None
        The symbol of every row, for sources without a ``symbol`` column.
    venue : str or None
        Keep only the rows whose ``venue`` column says so.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    symbol: str | None = None
    venue: str | None = None


CONVENTIONAL = Layout()


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
    origin, files = _open(source, layout, symbols)
    codes: dict[str, int] = {}
    parts = [_gathered(groups, origin, symbols, layout, codes) for groups in files]
    columns = Columns(origin, tuple(codes), **_joined(parts))
    _release_unused_memory()
    unknown = [symbol for symbol in symbols or () if symbol not in columns.symbols]
    if unknown:
        known = symbols_in(source, layout=layout)
        hint = nearest(unknown[0], known) or f"; it has {_shortened(known)}"
        raise DataError(f"{origin}: no rows for symbol {unknown[0]!r}{hint}")
    return columns


def symbols_in(source: Any, *, layout: Layout = CONVENTIONAL) -> tuple[str, ...]:
    """Return the symbols that a source holds, in order of first appearance; raises as ``read_bars`` does."""
    origin, files = _open(source, layout, None)
    found: dict[str, None] = {}
    for groups in files:
        for group in groups:
            names, index, _ = _wanted_rows(group, origin, None, layout)
            found.update(dict.fromkeys(names[code] for code in np.unique(index)))
    return tuple(found)


class _Rows(Protocol):
    """Some rows of a source: a pyarrow Table is one, a row group that is read column by column another."""

    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def column(self, name: str) -> Any: ...


# Some rows and the mask of the wanted ones (None = all).
_Picked = tuple[_Rows, npt.NDArray[np.bool_] | None]


def _gathered(
    groups: Sequence[_Rows], origin: str, symbols: Sequence[str] | None, layout: Layout, codes: dict[str, int]
) -> dict[str, Any]:
    """
    Read one file's wanted rows, one column after the other, so that little more than the result is in memory.

    ``codes`` numbers the symbols in order of first appearance and grows from file to file.
    """
    picked: list[_Picked] = []
    indices = []
    for group in groups:
        names, index, mask = _wanted_rows(group, origin, symbols, layout)
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


def _release_unused_memory() -> None:
    """Give what decoding left in the pool back to the system: 15 MB beside a million bars."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _values(picked: Sequence[_Picked], name: str, length: int, origin: str) -> Floats:
    values, at = np.empty(length), 0
    for group, mask in picked:
        row = 0
        for chunk in _chunks(group, name, origin):
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


def _open(source: Any, layout: Layout, symbols: Sequence[str] | None) -> tuple[str, Iterator[Sequence[_Rows]]]:
    """Return a name for messages and, file by file, the rows that make up the source."""
    if hasattr(source, "__arrow_c_stream__"):
        import pyarrow as pa

        return "the table", iter([[_renamed(pa.table(source), layout, "the table")]])
    paths = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not paths:
        raise DataError("no file to read bars from; name at least one Parquet or CSV file")
    origin = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return origin, (_groups(Path(path), layout, symbols) for path in paths)


def _groups(path: Path, layout: Layout, symbols: Sequence[str] | None) -> Sequence[_Rows]:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        beside = [entry.name for entry in path.parent.glob("*") if entry.is_file()] if path.parent.is_dir() else []
        hint = nearest(path.name, beside) or "; check the path"
        raise DataError(f"{path}: no such file{hint}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if magic == _PARQUET_MAGIC:
        return _parquet_groups(path, layout, symbols)
    if path.suffix.lower() in {".csv", ".txt"}:
        return [_csv_table(path, layout)]
    raise DataError(f"{path}: not a Parquet file; give a Parquet file, or a CSV file whose name ends in .csv")


def _parquet_groups(path: Path, layout: Layout, symbols: Sequence[str] | None) -> Sequence[_Rows]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    symbol_names = _theirs(layout, "symbol")
    try:
        metadata = pq.read_metadata(path)
        coded = [name for name in symbol_names if name in metadata.schema.names]
        # Read-ahead would hold the compressed file beside its columns.
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=coded, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    ours = _our_names(file.schema_arrow.names, layout, str(path))
    numbers = range(file.num_row_groups)
    wanted = [n for n in numbers if _may_hold(file.metadata.row_group(n), symbol_names, symbols)]
    # Without a single row group there would be nothing to tell missing columns by.
    return [_RowGroup(path, file, number, ours) for number in wanted or numbers[:1]]


class _RowGroup:
    """One row group of a Parquet file; a column is read when it is asked for."""

    def __init__(self, path: Path, file: Any, number: int, ours: Mapping[str, str]) -> None:
        self._path, self._file, self._number = path, file, number
        self._theirs = {name: theirs for theirs, name in ours.items()}
        self.column_names = list(self._theirs)
        self.num_rows: int = file.metadata.row_group(number).num_rows

    def column(self, name: str) -> Any:
        import pyarrow as pa

        try:
            return self._file.read_row_group(self._number, columns=[self._theirs[name]], use_threads=False).column(0)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._path, error) from None

    def chunks(self, name: str) -> Iterator[Any]:
        """Decode a column piece by piece, so that it never stands in memory beside its copy."""
        import pyarrow as pa

        wanted = {"row_groups": [self._number], "columns": [self._theirs[name]], "use_threads": False}
        try:
            for batch in self._file.iter_batches(batch_size=_CHUNK_ROWS, **wanted):
                yield batch.column(0)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0]
    return DataError(f"{path}: not a readable Parquet file ({reason}); write or fetch it again")


def _theirs(layout: Layout, ours: str) -> tuple[str, ...]:
    return (ours, *(theirs for theirs, name in layout.rename.items() if name == ours))


def _may_hold(group: Any, names: tuple[str, ...], symbols: Sequence[str] | None) -> bool:
    """Tell from a row group's statistics whether any wanted symbol can be in it."""
    if symbols is None:
        return True
    for number in range(group.num_columns):
        column = group.column(number)
        statistics = column.statistics
        if column.path_in_schema in names and statistics is not None and statistics.has_min_max:
            return any(statistics.min <= symbol <= statistics.max for symbol in symbols)
    return True


def _csv_table(path: Path, layout: Layout) -> Any:
    import pyarrow as pa
    import pyarrow.csv

    # Reading times as text keeps every unit and format for `to_milliseconds` to judge.
    text = {name: pa.string() for name in _theirs(layout, "ts") + _theirs(layout, "symbol")}
    try:
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=text))
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a readable CSV file ({reason}); expected a header line and commas") from None
    return _renamed(table, layout, str(path))


def _renamed(table: Any, layout: Layout, origin: str) -> Any:
    return table.rename_columns(list(_our_names(table.column_names, layout, origin).values()))


def _our_names(names: Sequence[str], layout: Layout, origin: str) -> dict[str, str]:
    """Return the source's column names with what we call them."""
    for theirs, ours in layout.rename.items():
        if theirs not in names:
            raise ConfigError(f"{origin}: no column {theirs!r} to read as {ours!r}{nearest(theirs, names)}")
    renamed = {name: layout.rename.get(name, name) for name in names}
    called = list(renamed.values())
    doubled = next((name for name in called if called.count(name) > 1), None)
    if doubled is not None:
        raise ConfigError(f"{origin}: two columns would be read as {doubled!r}; map only one of them")
    return renamed


def _column(rows: _Rows, name: str, origin: str) -> Any:
    _refuse_missing_column(rows, name, origin)
    return rows.column(name)


def _refuse_missing_column(rows: _Rows, name: str, origin: str) -> None:
    if name not in rows.column_names:
        hint = nearest(name, rows.column_names) or f"; it has {_shortened(rows.column_names)}"
        raise SchemaError(f"{origin}: no column {name!r}{hint}; rename it or map it with the columns option")


def _wanted_rows(
    rows: _Rows, origin: str, symbols: Sequence[str] | None, layout: Layout
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.bool_] | None]:
    """Return symbol names, an index into them per wanted row, and the mask of the wanted rows (None = all)."""
    names, index = _symbol_codes(rows, origin, layout)
    # A row without a symbol is coded -1 and so meets the last entry.
    wanted = np.array([symbols is None or name in symbols for name in names] + [False])
    mask = wanted[index]
    if layout.venue is not None:
        mask &= _is_venue(rows, layout.venue, origin)
    if mask.all():
        return names, index, None
    return names, index[mask], mask


def _symbol_codes(rows: _Rows, origin: str, layout: Layout) -> tuple[list[str], npt.NDArray[np.int32]]:
    if "symbol" not in rows.column_names and layout.symbol is not None:
        return [layout.symbol], np.zeros(rows.num_rows, np.int32)
    column = _column(rows, "symbol", origin)
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


def _is_venue(rows: _Rows, venue: str, origin: str) -> npt.NDArray[np.bool_]:
    values = np.asarray(_column(rows, "venue", origin).to_pylist(), dtype=object)
    mask: npt.NDArray[np.bool_] = values == venue
    if not mask.any() and len(values):
        known = sorted({str(value) for value in values})
        hint = nearest(venue, known) or f"; it has {_shortened(known)}"
        raise DataError(f"{origin}: no rows for venue {venue!r}{hint}")
    return mask


def _times(rows: _Rows, mask: npt.NDArray[np.bool_] | None, origin: str) -> Ints:
    times = to_milliseconds(_column(rows, "ts", origin), origin)
    return times if mask is None else times[mask]


def _chunks(rows: _Rows, name: str, origin: str) -> Iterator[Any]:
    _refuse_missing_column(rows, name, origin)
    return rows.chunks(name) if isinstance(rows, _RowGroup) else iter(rows.column(name).chunks)


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


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
