"""Series small enough to draw, and the equity figure drawn from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.backtest.formatting import title
from ballast.backtest.metrics import FloatArray, IntArray

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ballast.backtest.result import Result

MAX_POINTS = 4_000
"""More points than a wide screen has columns would be drawn on top of each other."""


def thinned(values: FloatArray, max_points: int = MAX_POINTS) -> IntArray:
    """
    Return the indices, ascending, of the points worth drawing.

    All of them up to ``max_points``; else the lowest and the highest of each of ``max_points / 2`` equal
    buckets, so that no extreme is lost, with the first and the last point (so at most two more). NaN is
    never among them.
    """
    n = len(values)
    if n <= max_points:
        return np.flatnonzero(~np.isnan(values)).astype(np.int64)
    width = -(-n // (max_points // 2))
    padded = np.full(-(-n // width) * width, np.nan)
    padded[:n] = values
    buckets = padded.reshape(-1, width)
    offsets = np.arange(len(buckets)) * width
    lows = offsets + np.argmin(np.where(np.isnan(buckets), np.inf, buckets), axis=1)
    highs = offsets + np.argmax(np.where(np.isnan(buckets), -np.inf, buckets), axis=1)
    kept = np.unique(np.concatenate([lows, highs, [0, n - 1]]))
    return np.asarray(kept[~np.isnan(values[kept])], dtype=np.int64)


def equity_figure(result: Result) -> go.Figure:
    """Return equity and benchmarks with the drawdown beneath, on one time axis."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    times = result.ts_ms.astype("datetime64[ms]")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.04)
    curves = [("Equity", result.equity, 2.0)]
    curves += [(title(name), equity, 1.2) for name, equity in result.benchmarks.items()]
    for name, equity, width in curves:
        kept = thinned(equity)
        figure.add_trace(go.Scatter(x=times[kept], y=equity[kept], name=name, line={"width": width}), row=1, col=1)
    depth = result.drawdowns
    kept = thinned(depth)
    figure.add_trace(
        go.Scatter(x=times[kept], y=depth[kept], name="Drawdown", fill="tozeroy", line={"width": 1}), row=2, col=1
    )
    figure.update_yaxes(title_text="Equity", row=1, col=1)
    figure.update_yaxes(title_text="Drawdown", tickformat=".0%", row=2, col=1)
    figure.update_layout(title=result.strategy, hovermode="x unified", template="plotly_white")
    return figure
