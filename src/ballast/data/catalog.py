"""
The catalog: Parquet partitions under one manifest of hashes, read by symbol, interval and window.

::

    manifest.json
    bars/venue=mexc/market=spot/symbol=DOGEUSDT/interval=1m/part-2026-05-<hash>.parquet
    marks/venue=bybit/market=linear/symbol=BTCUSDT/interval=1h/part-2026-<hash>.parquet
    funding/venue=bybit/market=linear/symbol=BTCUSDT/part-2026-<hash>.parquet

Every part is checked against its hash before it is read; what the manifest does not name is not there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.data import manifest as manifests
from ballast.data.change import unchanging
from ballast.data.intervals import interval_name, parse_interval
from ballast.data.manifest import Manifest, SeriesEntry
from ballast.data.marks import with_marks
from ballast.data.series import BARS, FUNDING, MARKS, Series
from ballast.data.source import Columns, Marks, read_bars
from ballast.data.timestamps import utc_text
from ballast.model.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import duckdb

# Start and end, milliseconds UTC; None leaves it open.
Window = tuple[int | None, int | None]

# Venues whose history `ballast data download` fetches.
_DOWNLOADABLE = frozenset({"bybit", "mexc"})
WITH_MARKS = "bybit/linear"
"""Whose mark prices can be downloaded."""


@dataclass(frozen=True)
class SeriesSummary:
    """One line of ``ballast data ls``; first and last are times of rows, milliseconds UTC."""

    series: Series
    rows: int
    parts: int
    bytes: int
    first_ms: int
    last_ms: int


def default_root() -> Path:
    """Return ``$BALLAST_CATALOG``, else ``ballast/catalog`` in the user's data directory."""
    if configured := os.environ.get("BALLAST_CATALOG"):
        return Path(configured)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "ballast/catalog"


class Catalog:
    """A catalog directory, read only; ``changing`` in ``ballast.data.change`` writes it."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else root

    def summaries(self) -> list[SeriesSummary]:
        """Return what the catalog holds, in order of kind, dataset, symbol and interval."""
        entries = manifests.load(self.root).series.items()
        summaries = [_summary(Series.of_folder(folder), entry) for folder, entry in entries if entry.parts]
        return sorted(summaries, key=lambda summary: summary.series)

    def entry(self, series: Series) -> SeriesEntry:
        """Return one series' parts and covered ranges; empty ones if the catalog does not have it."""
        return manifests.load(self.root).series.get(series.folder, SeriesEntry())

    def read(
        self,
        dataset: str,
        symbols: Sequence[str],
        *,
        interval_ms: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        marks: Marks = "close",
    ) -> Columns:
        """
        Read the bars of some symbols from the parts that touch a window.

        Parameters
        ----------
        dataset : str
            Such as ``"mexc/spot"``.
        symbols : sequence of str
        interval_ms : int or None
            The interval wanted. Bars of exactly that length if all symbols have them, else the longest
            stored ones that divide it, for the caller to aggregate. None takes the shortest that all have.
        start_ms, end_ms : int or None
            Parts wholly outside are left alone; rows are not cut to the window.
        marks : "close" or "bars"
            ``"bars"`` reads the mark price's bars, too: those stored of the same interval, and what the bars' own
            parts have. A symbol may lack them, but not all.

        Raises
        ------
        DataError
            The dataset, a symbol or the window is not there (the message names the command that brings
            it), or a part does not match its hash.
        ConfigError
            No stored interval divides the one wanted.
        """
        with unchanging(self.root):
            known = manifests.load(self.root)
            chosen = self._interval(known, dataset, symbols, interval_ms, (start_ms, end_ms))
            # A bucket that opens in the window may need bars up to its own end.
            step_ms = interval_ms or 1
            reading_end_ms = None if end_ms is None else -(-end_ms // step_ms) * step_ms
            paths = [
                path
                for symbol in symbols
                for path in self._paths(known, Series(BARS, dataset, symbol, chosen), start_ms, reading_end_ms)
            ]
            if marks == "close":
                return read_bars(paths, symbols=symbols)
            columns = with_marks(
                read_bars(paths, symbols=symbols, marks="bars if there"),
                self._marks(known, [Series(MARKS, dataset, symbol, chosen) for symbol in symbols]),
            )
            if columns.mark_open is None or not np.isfinite(columns.mark_open).any():
                remedy = "leave data.mark out"
                if dataset == WITH_MARKS:
                    command = filling_command(dataset, symbols, parse_interval(chosen), (start_ms, end_ms))
                    remedy = f"get it with: {command} --mark, or {remedy}"
                raise DataError(f"{self.root}: {dataset} has no mark price of {', '.join(symbols)}; {remedy}")
            return columns

    def funding_files(self, dataset: str, symbols: Sequence[str]) -> list[Path]:
        """
        Return the parts with funding rates of some symbols, for ``load_funding``; symbols without any are left out.

        Raises ``DataError`` if none has any, or a part does not match its hash.
        """
        known = manifests.load(self.root)
        series = [Series(FUNDING, dataset, symbol) for symbol in symbols]
        held = [one for one in series if one.folder in known.series and known.series[one.folder].parts]
        if not held:
            raise DataError(
                f"{self.root}: {dataset} has no funding of {', '.join(symbols)}; "
                f"get it with: {filling_command(dataset, symbols, None)} --funding"
            )
        return [path for one in held for path in self._paths(known, one, None, None)]

    def verify(self) -> int:
        """Check every part against its hash; return how many there are. Raises ``DataError`` for the first bad one."""
        count = 0
        with unchanging(self.root):
            for folder, entry in manifests.load(self.root).series.items():
                for name, part in entry.parts.items():
                    manifests.check(self.root / folder / name, part)
                    count += 1
        return count

    def connect(self) -> duckdb.DuckDBPyConnection:
        """
        Return an in-memory DuckDB connection with the views ``bars``, ``marks`` and ``funding``.

        Beside the files' columns they have ``venue``, ``market`` and, but for funding, ``interval``. A kind of
        which nothing is stored has no view.
        """
        import duckdb

        connection = duckdb.connect()
        known = manifests.load(self.root)
        for kind in (BARS, MARKS, FUNDING):
            folders = [folder for folder in known.series if folder.startswith(f"{kind}/")]
            paths = [str(self.root / folder / name) for folder in folders for name in known.series[folder].parts]
            if paths:
                names = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
                options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
                # Paths cannot be bound in a view; they are quoted above.
                connection.execute(f"CREATE VIEW {kind} AS SELECT * FROM read_parquet([{names}], {options})")  # noqa: S608
        return connection

    def _marks(self, known: Manifest, series: Sequence[Series]) -> dict[str, Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        held = [one for one in series if one.folder in known.series and known.series[one.folder].parts]
        # `read_table` would read the folders' names as columns.
        paths = {one.symbol: self._paths(known, one, None, None) for one in held}
        return {name: pa.concat_tables([pq.ParquetFile(path).read() for path in each]) for name, each in paths.items()}

    def _interval(
        self, known: Manifest, dataset: str, symbols: Sequence[str], interval_ms: int | None, window: Window
    ) -> str:
        """Return the name of the stored interval to read; raises if the dataset or a symbol is not there."""
        series = [Series.of_folder(folder) for folder, entry in known.series.items() if entry.parts]
        held = [one for one in series if one.kind == BARS]
        here = [one for one in held if one.dataset == dataset]
        if not here:
            hint = nearest(dataset, {one.dataset for one in held})
            command = filling_command(dataset, symbols, interval_ms, window)
            raise DataError(f"{self.root}: no dataset {dataset!r}{hint}; get it with: {command}")
        missing = [symbol for symbol in symbols if symbol not in {one.symbol for one in here}]
        if missing:
            hint = nearest(missing[0], {one.symbol for one in here})
            command = filling_command(dataset, missing, interval_ms, window)
            raise DataError(f"{self.root}: {dataset} has no bars of {missing[0]!r}{hint}; get them with: {command}")
        by_symbol = ({parse_interval(one.interval) for one in here if one.symbol == symbol} for symbol in symbols)
        common = sorted(set.intersection(*by_symbol))
        fitting = [length for length in common if interval_ms is not None and interval_ms % length == 0]
        if common and interval_ms is None:
            return interval_name(common[0])
        if fitting:
            return interval_name(fitting[-1])
        stored = ", ".join(interval_name(length) for length in common) or "no interval that all of them have"
        wanted = f"{interval_name(interval_ms)} bars" if interval_ms else "bars of one interval"
        raise ConfigError(
            f"{self.root}: {dataset} cannot give {wanted} of {', '.join(symbols)}, it has {stored}; "
            f"get them with: {filling_command(dataset, symbols, interval_ms, window)}"
        )

    def _paths(self, known: Manifest, series: Series, start_ms: int | None, end_ms: int | None) -> Iterator[Path]:
        entry = known.series[series.folder]
        names = [
            name
            for name, part in entry.parts.items()
            if (start_ms is None or part.last_ms >= start_ms) and (end_ms is None or part.first_ms < end_ms)
        ]
        if not names:
            have = _summary(series, entry)
            span = f"{utc_text(have.first_ms)} to {utc_text(have.last_ms)}"
            interval_ms = parse_interval(series.interval)
            command = filling_command(series.dataset, [series.symbol], interval_ms, (start_ms, end_ms))
            raise DataError(
                f"{self.root}: {series.dataset} has no bars of {series.symbol!r} in the window, only from {span}; "
                f"get them with: {command}"
            )
        for name in names:
            path = self.root / series.folder / name
            manifests.check(path, entry.parts[name])
            yield path


def filling_command(
    dataset: str, symbols: Sequence[str], interval_ms: int | None, window: Window = (None, None)
) -> str:
    """Return the command line that brings missing bars into the catalog: those of the window, if there is one."""
    venue, _, market = dataset.partition("/")
    if venue == "sample":
        return "ballast data sample"
    if venue not in _DOWNLOADABLE:
        return f"ballast data import FILE --dataset {dataset}"
    interval = interval_name(interval_ms or 60_000)
    return (
        f"ballast data download --venue {venue} --market {market or 'spot'} "
        f"--symbols {','.join(symbols)} --interval {interval}{_options(window)}"
    )


def _options(window: Window) -> str:
    # Without a space between date and time, so that a shell takes it as one word.
    times = zip(("--start", "--end"), window, strict=True)
    return "".join(
        f" {option} {utc_text(ms).replace(' 00:00', '').replace(' ', 'T')}" for option, ms in times if ms is not None
    )


def _summary(series: Series, entry: SeriesEntry) -> SeriesSummary:
    parts = entry.parts.values()
    return SeriesSummary(
        series=series,
        rows=sum(part.rows for part in parts),
        parts=len(parts),
        bytes=sum(part.bytes for part in parts),
        first_ms=min(part.first_ms for part in parts),
        last_ms=max(part.last_ms for part in parts),
    )
