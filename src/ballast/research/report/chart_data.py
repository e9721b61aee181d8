"""What the page's charts draw, as plain values: thinned series packed into base64."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.backtest.charts import thinned
from ballast.backtest.formatting import title
from ballast.backtest.metrics import drawdowns
from ballast.backtest.result import Result
from ballast.research.report.allocation import allocation


def chart_data(result: Result) -> dict[str, Any]:
    """
    Return every series of the page by chart.

    An array is the base64 of its little-endian float64 values; times are UTC milliseconds. Names are
    escaped, because the chart library reads markup in them.
    """
    return {
        "equity": _equity(result),
        "allocation": _allocation(result),
        "trades": {
            "reasons": [escape(reason) for reason in result.reasons],
            "symbols": [_trades(result, index, name) for index, name in enumerate(result.symbols)],
        },
    }


def packed(values: npt.ArrayLike) -> str:
    """Return the base64 of the values as little-endian float64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def _equity(result: Result) -> dict[str, Any]:
    def series(name: str, values: npt.NDArray[np.float64]) -> dict[str, str]:
        kept = thinned(values)
        return {"name": escape(name), "ts": packed(result.ts_ms[kept]), "value": packed(values[kept])}

    return {
        "run": series(result.strategy, result.equity),
        "drawdown": series("Drawdown", drawdowns(result.equity)),
        "benchmarks": [series(title(name), equity) for name, equity in result.benchmarks.items()],
    }


def _allocation(result: Result) -> dict[str, Any]:
    found = allocation(result)
    columns = [
        {"name": escape(name), "value": packed(found.weights[:, index])} for index, name in enumerate(result.symbols)
    ]
    if found.is_stackable:
        columns.append({"name": "Reserve", "value": packed(1.0 - found.weights.sum(axis=1))})
    return {"ts": packed(result.ts_ms[found.frames]), "stacked": found.is_stackable, "columns": columns}


def _trades(result: Result, symbol: int, name: str) -> dict[str, Any]:
    closes = result.close_prices[:, symbol]
    kept = thinned(closes)
    fills = result.fills[result.fills["symbol"] == symbol]
    columns = {"ts": "ts_ms", "side": "side", "qty": "qty", "price": "price", "fee": "fee"}
    columns |= {"reason": "reason", "event": "cycle"}
    return {
        "name": escape(name),
        "ts": packed(result.ts_ms[kept]),
        "value": packed(closes[kept]),
        "fills": {key: packed(fills[field]) for key, field in columns.items()},
    }
