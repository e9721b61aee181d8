"""Arrays as the page's data carries them."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
import numpy.typing as npt

from ballast.backtest.charts import thinned
from ballast.backtest.metrics import FloatArray, IntArray


def packed(values: npt.ArrayLike) -> str:
    """Return the base64 of the values as little-endian float64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def series(name: str, ts_ms: IntArray, values: FloatArray) -> dict[str, str]:
    """Return a thinned line: its name, escaped, times and values; what is not finite is left out."""
    values = np.where(np.isfinite(values), values, np.nan)
    kept = thinned(values)
    return {"name": escape(name), "ts": packed(ts_ms[kept]), "value": packed(values[kept])}
