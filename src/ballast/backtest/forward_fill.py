"""Prices that stay until the next one."""

from __future__ import annotations

import numpy as np

from ballast.backtest.metrics import FloatArray


def forward_filled(prices: FloatArray) -> FloatArray:
    """Return the last price at or before each row, (n_rows, n_columns); NaN before a column's first."""
    row = np.where(np.isnan(prices), 0, np.arange(len(prices))[:, None])
    np.maximum.accumulate(row, axis=0, out=row)
    return np.take_along_axis(np.asarray(prices), row, axis=0)
