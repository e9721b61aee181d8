"""The last price in whatever form market data comes."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from numbers import Real

import numpy as np


def last_price(data: object) -> float:
    """
    Return the latest price of one asset's market data; NaN where there is none.

    A number is the price itself. A mapping or table is read at ``close``; a series or sequence at its last
    element.
    """
    if isinstance(data, bool) or data is None:
        return nan
    if isinstance(data, Real):
        return float(data)
    columns = data if isinstance(data, Mapping) else getattr(data, "columns", None)
    if columns is not None:
        return last_price(data["close"]) if "close" in columns else nan  # type: ignore[index]  # Any library's table.
    try:
        values = np.asarray(data, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return nan
    return float(values[-1]) if values.size else nan
