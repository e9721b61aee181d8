"""Small tables of bars for tests, in memory and on disk."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MINUTE = 60_000
# 2024-01-01 00:00 UTC.
T0 = 1_704_067_200_000

Row = tuple[Any, ...]


def bar(minute: float, symbol: str = "AUSDT", *, open_: Any = 10.0, close: Any = 11.0, **other: Any) -> Row:
    """One row: time in minutes since T0; high, low and volume default to what encloses and 5."""
    known = [value for value in (open_, close) if value is not None and not isnan(value)]
    high = other.get("high", max(known, default=None))
    low = other.get("low", min(known, default=None))
    return (int(T0 + minute * MINUTE), symbol, open_, high, low, close, other.get("volume", 5.0))


def table_of(rows: Sequence[Row], **extra: Any) -> Any:
    names = ("ts", "symbol", "open", "high", "low", "close", "volume")
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    arrays = {
        "ts": pa.array(columns[0], pa.timestamp("ms", "UTC")),
        "symbol": pa.array(columns[1], pa.string()),
        **{name: pa.array(columns[number], pa.float64()) for number, name in enumerate(names[2:], start=2)},
    }
    return pa.table(arrays | {name: pa.array(values) for name, values in extra.items()})


def parquet_of(path: Path, rows: Sequence[Row], **options: Any) -> Path:
    pq.write_table(table_of(rows), path, **options)
    return path
