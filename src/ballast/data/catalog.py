"""
The catalog: Parquet partitions under one manifest of hashes, and one DuckDB view over them.

::

    manifest.json
    bars/venue=mexc/market=spot/symbol=DOGEUSDT/interval=1m/part-2026-05-<hash>.parquet
    funding/venue=bybit/market=linear/symbol=BTCUSDT/part-2026-<hash>.parquet

1. A part's name holds the hash of its bytes: the same rows give the same file, and a part never changes.
2. A change writes parts, then the manifest, then removes what it replaced; killed anywhere, the old or the new state holds.
3. Every part is checked against its hash before it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

from ballast.data import manifest as manifests
from ballast.data.durable import replacing
from ballast.data.intervals import interval_name, parse_interval
from ballast.data.manifest import Manifest, Part, SeriesEntry
from ballast.data.parts import merged, periods, serialised, time_span
from ballast.data.source import Columns, read_bars
from ballast.data.timestamps import utc_text
from ballast.model.errors import ConfigError, DataError, OutputError, nearest

BARS, FUNDING = "bars", "funding"


@dataclass(frozen=True, order=True)
class Series:
    """
    One kind of data of one symbol.

    Attributes
    ----------
    kind : str
        ``"bars"`` or ``"funding"``.
    dataset : str
        Venue and market, such as ``"mexc/spot"``.
    symbol : str
    interval : str
        Name of the bar interval, such as ``"1m"``; empty for funding.
    """

    kind: str
    dataset: str
    symbol: str
    interval: str = ""

    def __post_init__(self) -> None:
        venue, _, market = self.dataset.partition("/")
        if not venue or not market or "/" in market:
            raise ConfigError(f"dataset {self.dataset!r} is not a venue and a market; write it like mexc/spot")

    @property
    def folder(self) -> str:
        """The series' directory relative to the catalog's root; unusual characters are percent-encoded."""
        venue, market = self.dataset.split("/")
        keys = {"venue": venue, "market": market, "symbol": self.symbol}
        if self.interval:
            keys["interval"] = self.interval
        return "/".join([self.kind, *(f"{key}={quote(value, safe='')}" for key, value in keys.items())])

    @classmethod
    def of_folder(cls, folder: str) -> Self:
        """Return the series whose directory this is."""
        kind, *pairs = folder.split("/")
        keys = {key: unquote(value) for key, _, value in (pair.partition("=") for pair in pairs)}
        return cls(kind, f"{keys['venue']}/{keys['market']}", keys["symbol"], keys.get("interval", ""))


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
    """A catalog directory; it is made by the first change."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else Path(root)

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
    ) -> Columns:
        """
        Read the bars of some symbols, as far as the parts that touch a window hold them.

        Parameters
        ----------
        dataset : str
            Such as ``"mexc/spot"``.
        symbols : sequence of str
        interval_ms : int or None
            The interval wanted: bars of exactly that length if stored, else the longest that divides it,
            for the caller to aggregate. None takes the shortest that all the symbols have.
        start_ms, end_ms : int or None
            Parts wholly outside are left alone; rows are not cut to the window.

        Raises
        ------
        DataError
            The dataset, a symbol or the window is not there (the message names the command that fetches
            it), or a part does not match its hash.
        ConfigError
            Only bars that are coarser than the interval are stored.
        """
        known = manifests.load(self.root)
        intervals = self._intervals(known, dataset, symbols, interval_ms)
        stored = _choose_interval(intervals, dataset, interval_ms)
        step_ms = interval_ms or parse_interval(stored)
        window = (
            None if start_ms is None else start_ms // step_ms * step_ms,
            None if end_ms is None else -(-end_ms // step_ms) * step_ms,
        )
        paths = [
            path
            for symbol in symbols
            for path in self._paths_in_window(known, Series(BARS, dataset, symbol, stored), window)
        ]
        return read_bars(paths, symbols=symbols)

    def verify(self) -> int:
        """Check every part against its hash; return how many there are. Raises ``DataError`` for the first bad one."""
        count = 0
        for folder, entry in manifests.load(self.root).series.items():
            for name, part in entry.parts.items():
                self._check(self.root / folder / name, part)
                count += 1
        return count

    def connect(self) -> Any:
        """
        Return an in-memory DuckDB connection with the views ``bars`` and ``funding``.

        Beside the files' columns they have ``venue``, ``market``, ``symbol`` and, for bars, ``interval``.
        A kind of which nothing is stored has no view.
        """
        import duckdb

        connection = duckdb.connect()
        known = manifests.load(self.root)
        for kind in (BARS, FUNDING):
            folders = [folder for folder in known.series if folder.startswith(f"{kind}/")]
            paths = [str(self.root / folder / name) for folder in folders for name in known.series[folder].parts]
            if paths:
                options = {"hive_partitioning": True, "hive_types_autocast": False, "union_by_name": True}
                connection.read_parquet(paths, **options).create_view(kind)
        return connection

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """
        Give a ``Change`` that takes effect as a whole when the block ends, and not at all if it raises.

        Other processes wait their turn. Raises ``OutputError`` if the catalog cannot be written.
        """
        import fcntl

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / ".lock").open("w")
        except OSError as error:
            raise OutputError(
                f"{self.root}: the catalog cannot be written ({error.strerror}); set BALLAST_CATALOG to another place"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            change = Change(self, manifests.load(self.root))
            try:
                yield change
                change.commit()
            except BaseException:
                change.undo()
                raise

    def part_tables(self, series: Series, entry: SeriesEntry) -> Iterator[tuple[str, Part, Any]]:
        """Yield the name, record and table of each part that is merged by time, checked against its hash."""
        import pyarrow.parquet as pq

        for name, part in entry.parts.items():
            if not part.as_recorded:
                path = self.root / series.folder / name
                self._check(path, part)
                yield name, part, pq.read_table(path, partitioning=None)

    def _intervals(
        self, known: Manifest, dataset: str, symbols: Sequence[str], interval_ms: int | None
    ) -> dict[str, set[str]]:
        """Return the stored intervals by symbol; ``DataError`` if dataset or symbol is not there."""
        stored: dict[str, set[str]] = {}
        datasets = set()
        for folder, entry in known.series.items():
            series = Series.of_folder(folder)
            if series.kind == BARS and entry.parts:
                datasets.add(series.dataset)
                if series.dataset == dataset:
                    stored.setdefault(series.symbol, set()).add(series.interval)
        if dataset not in datasets:
            raise DataError(
                f"{self.root}: no dataset {dataset!r}{nearest(dataset, datasets)}; "
                f"get it with: {_download_command(dataset, symbols, interval_ms)}"
            )
        missing = [symbol for symbol in symbols if symbol not in stored]
        if missing:
            raise DataError(
                f"{self.root}: {dataset} has no bars of {missing[0]!r}{nearest(missing[0], stored)}; "
                f"get them with: {_download_command(dataset, missing, interval_ms)}"
            )
        return {symbol: stored[symbol] for symbol in symbols}

    def _paths_in_window(
        self, known: Manifest, series: Series, window: tuple[int | None, int | None]
    ) -> Iterator[Path]:
        start_ms, end_ms = window
        entry = known.series[series.folder]
        chosen = {
            name: part
            for name, part in entry.parts.items()
            if (start_ms is None or part.last_ms >= start_ms) and (end_ms is None or part.first_ms < end_ms)
        }
        if not chosen:
            have = _summary(series, entry)
            raise DataError(
                f"{self.root}: {series.dataset} has no bars of {series.symbol!r} in the window; it has them from "
                f"{utc_text(have.first_ms)} to {utc_text(have.last_ms)}; get more with: "
                f"{_download_command(series.dataset, [series.symbol], parse_interval(series.interval))}"
            )
        for name, part in chosen.items():
            path = self.root / series.folder / name
            self._check(path, part)
            yield path

    def _check(self, path: Path, part: Part) -> None:
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); import or download it again") from None
        if found != part.sha256:
            raise DataError(
                f"{path}: its hash {found[:12]} is not the manifest's {part.sha256[:12]}, so it was changed or damaged; "
                "delete the file's line from the manifest and import or download it again"
            )


class Change:
    """One change of a catalog under its lock; made by ``Catalog.changing``."""

    def __init__(self, catalog: Catalog, manifest: Manifest) -> None:
        self._catalog, self._manifest = catalog, manifest
        self._before = {folder: set(entry.parts) for folder, entry in manifest.series.items()}
        self._written: list[Path] = []
        self._is_changed = False

    def put(self, series: Series, table: Any, *, replace: bool = False) -> int:
        """
        Merge rows into a series by time; return how many were not there before.

        Parameters
        ----------
        series : Series
        table : pyarrow.Table
            With ``ts``, ascending without repeats, and the same columns as what is stored.
        replace : bool
            Whether a row whose values differ from the stored ones takes their place or is refused.

        Raises
        ------
        DataError
            A stored row differs and ``replace`` is false.
        """
        entry = self._entry(series)
        by_period: dict[str, tuple[str, Any]] = {}
        new_rows = 0
        stored = {_period_of(name): (name, part) for name, part, _ in self._stored(series, entry)}
        for period, rows in periods(table, series.interval):
            old = self._table(series, *stored[period]) if period in stored else None
            whole, added = merged(old, rows, replace=replace, origin=f"{series.dataset} {series.symbol} {series.interval}")
            new_rows += added
            if whole is not old:
                by_period[period] = (stored[period][0] if period in stored else "", whole)
        for period, (old_name, whole) in by_period.items():
            entry.parts.pop(old_name, None)
            self._write(series, entry, period, whole, as_recorded=False)
        return new_rows
