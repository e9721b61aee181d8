"""Bars of the mark price that lie beside the bars of the price, joined to them by symbol and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ballast.data.parts import MARK_COLUMNS, times_of
from ballast.data.source import Columns


def with_marks(columns: Columns, tables: Mapping[str, Any]) -> Columns:
    """
    Return bars with the marks of some tables, by symbol, at the same times.

    ``tables`` are parts of the catalog: ascending in time without repeats. Marks that the bars brought themselves
    stay where the tables have none; marks at times without a bar are left out.
    """
    marks: dict[str, Any] = {}
    for name in MARK_COLUMNS:
        own = getattr(columns, name)
        marks[name] = np.full(len(columns), np.nan) if own is None else np.array(own)
    for symbol, table in tables.items():
        times, rows = times_of(table), columns.rows_of(symbol)
        at = np.searchsorted(times, columns.ts_ms[rows]).clip(0, len(times) - 1)
        is_marked = times[at] == columns.ts_ms[rows]
        for name, stored in MARK_COLUMNS.items():
            marks[name][rows[is_marked]] = table.column(stored).to_numpy()[at[is_marked]]
    return replace(columns, **marks)
