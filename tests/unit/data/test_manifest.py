from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.data import manifest as manifests
from ballast.data.manifest import Manifest, Part, SeriesEntry, merged_ranges, uncovered
from ballast.model.errors import DataError

ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))


def points(spans: list[tuple[int, int]]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def test_a_manifest_is_read_as_it_was_saved(tmp_path: Path) -> None:
    entry = SeriesEntry({"part-2024-a.parquet": Part("ab", 2, 900, 0, 60_000)}, [(0, 120_000)])
    manifests.save(tmp_path, Manifest(series={"bars/x": entry}))
    assert manifests.load(tmp_path) == Manifest(series={"bars/x": entry})


def test_no_manifest_is_an_empty_one(tmp_path: Path) -> None:
    assert manifests.load(tmp_path) == Manifest()


@pytest.mark.parametrize("text", ["", "{", '{"version": "x"}', '{"series": {"a": {"parts": {"p": {}}}}}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: not a readable manifest"):
        manifests.load(tmp_path)


def test_a_manifest_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    manifests.save(tmp_path, Manifest(version=2))
    with pytest.raises(DataError, match="written by a newer Ballast"):
        manifests.load(tmp_path)


@given(ranges)
def test_merged_ranges_are_apart_and_hold_the_same_times(spans: list[tuple[int, int]]) -> None:
    merged = merged_ranges(spans)
    assert points(merged) == points(spans)
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@given(st.integers(0, 40), st.integers(0, 40), ranges)
def test_what_is_uncovered_is_what_no_range_holds(start: int, end: int, spans: list[tuple[int, int]]) -> None:
    missing = uncovered(start, end, spans)
    assert points(missing) == set(range(start, end)) - points(spans)
    assert missing == merged_ranges(missing)
