"""
Changes of the catalog that happen whole or not at all.

Parts are written first, under names that hold their hash, then the manifest, then what it no longer names
is removed. Killed anywhere in between, the old or the new state holds; leftovers of a killed change go
with the next one that touches the same series.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ballast.data import manifest as manifests
from ballast.data.manifest import Manifest, Part, SeriesEntry
from ballast.data.parts import merged, periods, serialised, times_of
from ballast.data.series import Series
from ballast.files.durable import replacing
from ballast.model.errors import OutputError


@contextmanager
def changing(root: Path) -> Iterator[Change]:
    """
    Give a ``Change`` that takes effect when the block ends, and not at all if it raises.

    Other processes wait for their turn. Raises ``OutputError`` if the catalog cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise OutputError(
            f"{root}: the catalog cannot be written ({error.strerror}); set BALLAST_CATALOG to another place"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        change = Change(root, manifests.load(root))
        try:
            yield change
            change.commit()
        except BaseException:
            change.undo()
            raise


@contextmanager
def unchanging(root: Path) -> Iterator[None]:
    """Let nobody change the catalog while the block runs, so that no part goes between its manifest and its reading."""
    with ExitStack() as stack:
        # Where there is no lock, nobody has written yet, or nobody can.
        with suppress(OSError):
            lock = stack.enter_context((root / ".lock").open())
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


class Change:
    """One change under the catalog's lock; made by ``changing``."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root, self._manifest = root, manifest
        self._written: list[Path] = []
        self._touched: set[str] = set()

    def put(self, series: Series, table: Any, *, replace: bool = False) -> int:
        """
        Merge rows, ascending in time without repeats, into a series; return how many times are new.

        Raises ``DataError`` for a row that differs from the stored one, unless ``replace`` lets it count.
        """
        entry = self._entry(series)
        stored = {_period(name): name for name, part in entry.parts.items() if not part.as_recorded}
        n_new = 0
        for period, rows in periods(table, series.period_unit):
            old_name = stored.get(period)
            old = None if old_name is None else self._read(series, old_name, entry.parts[old_name])
            whole = rows if old is None else merged(old, rows, str(series), replace=replace)
            if old_name is not None and whole is not old:
                del entry.parts[old_name]
            if whole is not old:
                n_new += whole.num_rows - (0 if old is None else old.num_rows)
                self._write(series, entry, period, whole, serialised(whole), as_recorded=False)
        return n_new

    def put_as_recorded(self, series: Series, table: Any) -> int:
        """Keep rows in their order, defects and all, as a part of their own; return how many are new (all or none)."""
        entry, data = self._entry(series), serialised(table)
        recorded = [part.sha256 for part in entry.parts.values() if part.as_recorded]
        if hashlib.sha256(data).hexdigest() in recorded:
            return 0
        # Numbered, so that of several bars for one time the last one recorded counts.
        self._write(series, entry, f"recorded-{len(recorded) + 1:04d}", table, data, as_recorded=True)
        return int(table.num_rows)

    def cover(self, series: Series, start_ms: int, end_ms: int) -> None:
        """Note that a venue has answered for ``start_ms <= time < end_ms``."""
        entry = self._entry(series)
        entry.covered = manifests.merged_ranges([*entry.covered, (start_ms, end_ms)])

    def tidy(self, series: Series) -> None:
        """Remove what a killed change of a series left behind."""
        self._touched.add(series.folder)

    def commit(self) -> None:
        """Make the change hold."""
        if not self._touched:
            return
        manifests.save(self._root, self._manifest)
        leftovers = list(self._root.glob(".*.partial"))
        for folder in self._touched:
            parts = self._manifest.series.get(folder, SeriesEntry()).parts
            leftovers.extend(path for path in (self._root / folder).glob("*") if path.name not in parts)
        for path in leftovers:
            path.unlink(missing_ok=True)

    def undo(self) -> None:
        """Remove what was written for a change that did not come to hold."""
        current = manifests.load(self._root).series
        for path in self._written:
            folder = path.parent.relative_to(self._root).as_posix()
            if folder not in current or path.name not in current[folder].parts:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _entry(self, series: Series) -> SeriesEntry:
        self._touched.add(series.folder)
        return self._manifest.series.setdefault(series.folder, SeriesEntry())

    def _read(self, series: Series, name: str, part: Part) -> Any:
        import pyarrow.parquet as pq

        path = self._root / series.folder / name
        manifests.check(path, part)
        return pq.ParquetFile(path).read()

    def _write(
        self, series: Series, entry: SeriesEntry, period: str, table: Any, data: bytes, *, as_recorded: bool
    ) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._root / series.folder / f"part-{period}-{sha256[:12]}.parquet"
        with replacing(path) as scratch:
            scratch.write_bytes(data)
        self._written.append(path)
        times = times_of(table)
        entry.parts[path.name] = Part(sha256, len(times), len(data), int(times.min()), int(times.max()), as_recorded)
        # By name is the reading order: merged parts by period, then recorded ones as they came.
        entry.parts = dict(sorted(entry.parts.items()))


def _period(name: str) -> str:
    return name.removeprefix("part-").rpartition("-")[0]
