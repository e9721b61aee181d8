"""The page as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from ballast.backtest.result import Result
from ballast.backtest.summary import headline
from ballast.files.durable import write_whole
from ballast.research.report import guard_sections, margin_sections, sections, trade_tables
from ballast.research.report.chart_data import chart_data
from ballast.research.report.explained_trades import explained_trades

_NAVIGATION = {
    "equity": "Equity",
    "account": "Price and margin",
    "margin": "Margin account",
    "legs": "Legs",
    "figures": "Figures",
    "allocation": "Allocation",
    "exposure": "Exposure",
    "trades": "Trades",
    "explained": "Explained",
    "rebalances": "Rebalances",
    "months": "Months",
    "costs": "Costs",
    "round-trips": "Round trips",
    "guards": "Guards",
    "notes": "What to know",
    "configuration": "Configuration",
}


def write_report(result: Result, path: str | os.PathLike[str]) -> None:
    """
    Write the run as one HTML file that opens offline, the whole file or none of it.

    Raises
    ------
    OutputError
        The file cannot be written; what stood there before still stands.
    """
    write_whole(Path(path), [report_html(result).encode()])


def report_html(result: Result) -> str:
    """Return the page: text, charts, their data and the library that draws them, about 5 MB."""
    from plotly.offline import get_plotlyjs

    body = "\n".join((
        sections.equity(result),
        *_account(result),
        explained_trades(result),
        trade_tables.rebalance_table(result),
        sections.months(result),
        trade_tables.costs(result),
        trade_tables.round_trip_table(result),
        guard_sections.guards(result),
        sections.notes(result),
        sections.configuration(result),
    ))
    links = "".join(
        f'<a href="#{identifier}">{words}</a>'
        for identifier, words in _NAVIGATION.items()
        if f'<section id="{identifier}">' in body
    )
    has_margin = result.margin is not None
    return Template(_asset("page.html")).substitute(
        title=escape(f"{_heading(result)} · Ballast"),
        style=_asset("style.css") + (_asset("margin.css") if has_margin else ""),
        alarm=margin_sections.alarm_banner(result),
        strategy=escape(_heading(result)),
        span=escape(headline(result)),
        headline=sections.headline(result),
        navigation=links,
        sections=body,
        footer=escape(f"Ballast {result.code_version}"),
        data=_embedded(chart_data(result)),
        plotly=get_plotlyjs(),
        script=_asset("charts.js").replace("  /* trades */\n", _asset("margin.js" if has_margin else "trades.js")),
    )


def _account(result: Result) -> list[str]:
    """Return the sections on what was held: a margin account's before its figures, any other's after them."""
    if result.margin is None:
        return [sections.figures(result), sections.allocation(), sections.trades(result)]
    return [
        margin_sections.account(result, result.margin),
        margin_sections.margin_account(result, result.margin),
        margin_sections.legs(result),
        sections.figures(result),
        margin_sections.exposure(),
    ]


def _heading(result: Result) -> str:
    """Return the title that the configuration gives, else the strategy's name."""
    report = result.config.get("report")
    title = report.get("title") if isinstance(report, Mapping) else None
    return str(title or result.strategy)


def _asset(name: str) -> str:
    return files("ballast.research.report").joinpath(name).read_text(encoding="utf-8")


def _embedded(value: object) -> str:
    """Return JSON that can stand inside a script element: nothing in it closes one."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
