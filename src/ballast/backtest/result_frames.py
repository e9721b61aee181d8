"""A result's tables as Polars frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def utc(column: pl.Series) -> pl.Series:
    """Return UTC milliseconds as times."""
    import polars as pl

    return column.cast(pl.Datetime("ms", "UTC"))


def frame_of(columns: Mapping[str, list[Any]]) -> pl.DataFrame:
    """Return columns of fills or round trips, by the names of the JSON, as a frame."""
    import polars as pl

    # Named, because an empty column could not tell its type.
    types: dict[str, Any] = dict.fromkeys(columns, pl.Float64)
    types |= dict.fromkeys(("symbol", "side", "position_side", "reason"), pl.String)
    types |= {"cycle": pl.Int64, "is_maker": pl.Boolean}
    types |= dict.fromkeys(("ts", "entry_ts", "exit_ts"), pl.Int64)
    frame = pl.DataFrame(dict(columns), schema={name: types[name] for name in columns})
    return frame.with_columns(utc(frame[name]) for name in ("ts", "entry_ts", "exit_ts") if name in columns)
