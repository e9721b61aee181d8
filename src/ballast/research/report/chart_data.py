"""What the page's charts draw, as plain values: thinned series packed into base64."""

from __future__ import annotations

from html import escape
from typing import Any

from ballast.backtest.charts import thinned
from ballast.backtest.formatting import title
from ballast.backtest.result import Result
from ballast.research.report.allocation import allocation
from ballast.research.report.margin_chart import margin_chart, margin_trades
from ballast.research.report.packing import packed, series


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
        **({"margin": margin_chart(result, result.margin)} if result.margin else {}),
    }


def _equity(result: Result) -> dict[str, Any]:
    ts_ms = result.ts_ms
    return {
        "run": series(result.strategy, ts_ms, result.equity),
        "drawdown": series("Drawdown", ts_ms, result.drawdowns),
        "benchmarks": [series(title(name), ts_ms, equity) for name, equity in result.benchmarks.items()],
    }


def _allocation(result: Result) -> dict[str, Any]:
    found = allocation(result)
    columns = [
        {"name": escape(name), "value": packed(found.weights[:, index])} for index, name in enumerate(found.names)
    ]
    is_stackable = found.is_stackable and result.margin is None
    if is_stackable:
        columns.append({"name": "Reserve", "value": packed(1.0 - found.weights.sum(axis=1))})
    return {"ts": packed(result.ts_ms[found.frames]), "stacked": is_stackable, "columns": columns}


def _trades(result: Result, symbol: int, name: str) -> dict[str, Any]:
    closes = result.close_prices[:, symbol]
    kept = thinned(closes)
    fills = result.fills[result.fills["symbol"] == symbol]
    columns = {"ts": "ts_ms", "side": "side", "qty": "qty", "price": "price", "fee": "fee"}
    columns |= {"reason": "reason", "event": "cycle"}
    more = margin_trades(result, result.margin, symbol) if result.margin else {}
    return {
        "name": escape(name),
        "ts": packed(result.ts_ms[kept]),
        "value": packed(closes[kept]),
        **more,
        "fills": {key: packed(fills[field]) for key, field in columns.items()} | more.get("fills", {}),
    }
