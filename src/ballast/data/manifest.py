"""
What the catalog holds, with a hash of every file: one JSON file, replaced as a whole.

The manifest is the truth. A part file that it does not name does not exist, so that writing parts first
and the manifest last makes every change happen whole or not at all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from ballast.files.durable import replacing
from ballast.model.errors import DataError

FILE_NAME = "manifest.json"
_VERSION = 1
_AGAIN = "delete the folder it is in, take the series out of the manifest and import or download it again"


class Part(msgspec.Struct, frozen=True):
    """One Parquet file; ``first_ms`` and ``last_ms`` are the least and greatest time in it."""

    sha256: str
    rows: int
    bytes: int
    first_ms: int
    last_ms: int
    # Kept as it came, defects and all, instead of being merged by time.
    as_recorded: bool = False


class SeriesEntry(msgspec.Struct):
    """
    One series: its parts by file name, in reading order, and what has been downloaded.

    ``covered`` holds the half-open time ranges that a venue has answered for, ascending and apart; a range
    without bars is one in which the venue had none.
    """

    parts: dict[str, Part] = msgspec.field(default_factory=dict)
    covered: list[tuple[int, int]] = msgspec.field(default_factory=list)


class Manifest(msgspec.Struct):
    """All series by folder, relative to the catalog's root."""

    version: int = _VERSION
    series: dict[str, SeriesEntry] = msgspec.field(default_factory=dict)


def load(root: Path) -> Manifest:
    """Return the manifest of a catalog, an empty one where there is none yet; ``DataError`` if it is damaged."""
    path = root / FILE_NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except (msgspec.DecodeError, OSError) as error:
        raise DataError(f"{path}: not a readable manifest ({error}); restore it, or import the data anew") from None
    if manifest.version > _VERSION:
        raise DataError(f"{path}: written by a newer Ballast (format {manifest.version}); upgrade to read this catalog")
    return manifest


def save(root: Path, manifest: Manifest) -> None:
    """Put the manifest in the place of the old one; raises ``OutputError``."""
    path = root / FILE_NAME
    data = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
    with replacing(path) as scratch:
        scratch.write_bytes(data)


def check(path: Path, part: Part) -> None:
    """Raise ``DataError`` unless a part's file is there and has the hash that the manifest gives it."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {_AGAIN}") from None
    if found != part.sha256:
        raise DataError(
            f"{path}: changed or damaged, its hash {found[:12]} is not the manifest's {part.sha256[:12]}; {_AGAIN}"
        )


def merged_ranges(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return half-open ranges ascending, with those that overlap or touch joined, and empty ones left out."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def uncovered(start: int, end: int, covered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what of ``start <= time < end`` no range covers, ascending."""
    missing, at = [], start
    for covered_start, covered_end in merged_ranges(covered):
        if covered_start >= end:
            break
        if covered_start > at:
            missing.append((at, covered_start))
        at = max(at, covered_end)
    if at < end:
        missing.append((at, end))
    return missing
