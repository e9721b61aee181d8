"""
Where rows come from: Parquet and CSV files and tables in memory, opened under our column names.

A Parquet file is handed on row group by row group and read column by column, so that little more than
what is wanted is ever in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from ballast.model.errors import ConfigError, DataError, SchemaError, nearest

_PARQUET_MAGIC = b"PAR1"
_CHUNK_ROWS = 65_536


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
        Keep only the rows whose ``venue`` column says so; sources without such a column are of one venue.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    symbol: str | None = None
    venue: str | None = None


CONVENTIONAL = Layout()


class Rows(Protocol):
    """Some rows of a source under our column names."""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""

    @property
    def first_row(self) -> int:
        """How many rows of the source stand before these."""

    @property
    def column_names(self) -> list[str]:
        """Our names of all columns, wanted or not."""

    def column(self, name: str) -> Any:
        """Return a whole column as a pyarrow ChunkedArray; ``SchemaError`` if it is not there."""

    def chunks(self, name: str) -> Iterator[Any]:
        """Yield a column as pyarrow arrays, one after the other; ``SchemaError`` if it is not there."""


def open_source(source: Any, layout: Layout, symbols: Sequence[str] | None) -> tuple[str, Iterator[Sequence[Rows]]]:
    """Return a name for messages and, file by file, the rows that make up the source."""
    if hasattr(source, "__arrow_c_stream__"):
        import pyarrow as pa

        return "the table", iter([[_Table(pa.table(source), layout, "the table")]])
    paths = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not paths:
        raise DataError("no file to read bars from; name at least one Parquet or CSV file")
    origin = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return origin, (_groups(Path(path), layout, symbols) for path in paths)


def column_names(path: Path, layout: Layout) -> Sequence[str]:
    """Return our names of a Parquet or CSV file's columns, without reading its rows; none if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() in {".csv", ".txt"}:
            with path.open(encoding="utf-8") as file:
                names = [name.strip().strip('"') for name in file.readline().split(",")]
        else:
            names = pq.read_schema(path).names
    except (OSError, UnicodeDecodeError, pa.ArrowException):
        return ()
    return [layout.rename.get(name, name) for name in names]


def _groups(path: Path, layout: Layout, symbols: Sequence[str] | None) -> Sequence[Rows]:
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
        return [_Table(_csv_table(path, layout), layout, str(path))]
    raise DataError(f"{path}: not a Parquet file; give a Parquet file, or a CSV file whose name ends in .csv")


def _parquet_groups(path: Path, layout: Layout, symbols: Sequence[str] | None) -> Sequence[Rows]:
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
    first_rows = list(accumulate((file.metadata.row_group(n).num_rows for n in numbers), initial=0))
    return [_RowGroup(path, file, number, first_rows[number], ours) for number in wanted or numbers[:1]]


class _Table:
    """A table in memory."""

    first_row = 0

    def __init__(self, table: Any, layout: Layout, origin: str) -> None:
        self._table = table.rename_columns(list(_our_names(table.column_names, layout, origin).values()))
        self._origin = origin
        self.column_names: list[str] = self._table.column_names
        self.num_rows: int = self._table.num_rows

    def column(self, name: str) -> Any:
        _refuse_missing_column(self.column_names, name, self._origin)
        return self._table.column(name)

    def chunks(self, name: str) -> Iterator[Any]:
        return iter(self.column(name).chunks)


class _RowGroup:
    """One row group of a Parquet file; a column is read when it is asked for."""

    def __init__(self, path: Path, file: Any, number: int, first_row: int, ours: Mapping[str, str]) -> None:
        self._path, self._file, self._number, self.first_row = path, file, number, first_row
        self._theirs = {name: theirs for theirs, name in ours.items()}
        self.column_names = list(self._theirs)
        self.num_rows: int = file.metadata.row_group(number).num_rows

    def column(self, name: str) -> Any:
        import pyarrow as pa

        _refuse_missing_column(self.column_names, name, str(self._path))
        try:
            return self._file.read_row_group(self._number, columns=[self._theirs[name]], use_threads=False).column(0)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._path, error) from None

    def chunks(self, name: str) -> Iterator[Any]:
        """Decode a column piece by piece, so that it never stands in memory beside its copy."""
        import pyarrow as pa

        _refuse_missing_column(self.column_names, name, str(self._path))
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
        return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=text))
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a readable CSV file ({reason}); expected a header line and commas") from None


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


def _refuse_missing_column(names: Sequence[str], name: str, origin: str) -> None:
    if name not in names:
        hint = nearest(name, names) or f"; it has {shortened(names)}"
        raise SchemaError(f"{origin}: no column {name!r}{hint}; rename it or map it with the columns option")


def shortened(names: Sequence[str]) -> str:
    """Return up to eight names, and how many more there are; ``none`` of none."""
    if not names:
        return "none"
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
