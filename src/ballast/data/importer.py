"""Bars from a file into the catalog: refused if they are defective, the same however often."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.intervals import interval_name
from ballast.data.parts import columns_table
from ballast.data.quality import DEFECTS, defects
from ballast.data.series import BARS, Series
from ballast.data.source import CONVENTIONAL, Columns, Layout, read_bars
from ballast.data.timestamps import most_frequent_step
from ballast.model.errors import DataError


@dataclass(frozen=True)
class ImportReport:
    """What an import did; ``rows_new`` were not in the catalog before."""

    dataset: str
    symbols: tuple[str, ...]
    interval: str
    rows: int
    rows_new: int


def import_bars(
    path: str | os.PathLike[str],
    dataset: str,
    catalog: Catalog,
    *,
    layout: Layout = CONVENTIONAL,
    interval_ms: int | None = None,
    as_recorded: bool = False,
    replace: bool = False,
) -> ImportReport:
    """
    Import a Parquet or CSV file; all of it or nothing.

    Parameters
    ----------
    path : path
    dataset : str
        Venue and market to file the bars under, such as ``"mexc/spot"``.
    catalog : Catalog
    layout : Layout
        Column names and symbol where they differ from the conventions.
    interval_ms : int or None
        Bar length; None takes the most frequent difference between consecutive times.
    as_recorded : bool
        Keep defects, and the file's order, instead of refusing them.
    replace : bool
        Whether bars that differ from stored ones replace them or are refused.

    Raises
    ------
    DataError
        The file cannot be read; it has defects (the message names the first of each kind); a bar differs
        from the stored one; the interval cannot be told from a single bar.
    OutputError
        The catalog cannot be written.
    """
    columns = read_bars(path, layout=layout, marks="bars if there")
    if len(columns) == 0:
        raise DataError(f"{columns.origin}: no bars in the file; check that it is the right one")
    interval = interval_name(interval_ms or _own_interval(columns))
    if not as_recorded:
        _refuse_defects(columns)
    rows_new = 0
    with changing(catalog.root) as change:
        for symbol in columns.symbols:
            series, table = Series(BARS, dataset, symbol, interval), columns_table(columns, symbol)
            if as_recorded:
                rows_new += change.put_as_recorded(series, table)
            else:
                rows_new += change.put(series, table, replace=replace)
    return ImportReport(dataset, columns.symbols, interval, len(columns), rows_new)


def _own_interval(columns: Columns) -> int:
    step_ms = most_frequent_step(np.unique(columns.ts_ms))
    if step_ms is None:
        raise DataError(f"{columns.origin}: one bar time only, so the interval is unknown; give it with --interval")
    return step_ms


def _refuse_defects(columns: Columns) -> None:
    found = sorted(defects(columns), key=lambda finding: finding.row)
    firsts = [next((finding for finding in found if finding.kind is kind), None) for kind in DEFECTS]
    named = [str(first) for first in firsts if first is not None]
    if named:
        raise DataError(
            f"{columns.origin}: refused for {'; '.join(named)}; correct the file, or keep it so with --as-recorded"
        )
