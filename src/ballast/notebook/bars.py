"""What ``data=`` may be: a dataset of the catalog, a file, or a table in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ballast.cli.market import complete, frames_of, marks_of
from ballast.config import Config
from ballast.data.frames import Frames
from ballast.data.source import read_bars
from ballast.model.errors import ConfigError

Moment = date | str
"""A date, a datetime or ISO 8601 text; UTC where it does not say."""

DEFAULT_DATASET = "mexc/spot"
TABLE = "table in memory"
"""Stands where a configuration names its file; ``data_hash`` identifies the bars."""

_DATASET = re.compile(r"[\w-]+/[\w-]+")


def is_table(data: object) -> bool:
    """Tell whether ``data`` is a pyarrow Table, a Polars or pandas DataFrame, or anything else that speaks Arrow."""
    return hasattr(data, "__arrow_c_stream__")


def data_section(
    data: object, symbols: Sequence[str], interval: str | None, start: Moment | None, end: Moment | None
) -> dict[str, Any]:
    """Return ``[data]`` of a configuration file for these arguments; what is None is left out."""
    section = {**_place(data), "symbols": list(symbols), "interval": interval, "start": start, "end": end}
    return {key: value for key, value in section.items() if value is not None}


def _place(data: object) -> dict[str, str]:
    # Text is a dataset if it reads as one and no file has that name.
    if is_table(data):
        return {"path": TABLE}
    if isinstance(data, str) and _DATASET.fullmatch(data) and not Path(data).exists():
        return {"dataset": data}
    if isinstance(data, str | os.PathLike):
        return {"path": os.fspath(data)}
    raise ConfigError(
        f"data = {type(data).__name__}: expected a file, a dataset such as '{DEFAULT_DATASET}', "
        "or a Polars, pandas or pyarrow table"
    )


def frames_from(config: Config, data: object) -> Frames:
    """Return the bars of a configuration, read from ``data`` if that is a table; raises as ``frames_of`` does."""
    if not is_table(data):
        return frames_of(config)
    return complete(config, read_bars(data, symbols=config.data.symbols, marks=marks_of(config)))
