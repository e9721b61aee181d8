"""What JSON knows, out of what a run computes with."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np


def number(value: Any) -> Any:
    """Return a value as it is, None for a number that is not finite."""
    return None if isinstance(value, float) and not isfinite(value) else value


def plain(value: Any) -> Any:
    """Turn NumPy scalars and arrays, tuples and mappings into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return number(value)
    return str(value)


def rows(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Turn columns of one length into a mapping for each row."""
    names = tuple(columns)
    return [dict(zip(names, map(number, row), strict=True)) for row in zip(*columns.values(), strict=True)]
