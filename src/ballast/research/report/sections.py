"""The sections of the page, each a function of the result."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

import numpy as np

from ballast.backtest.figures import Figure
from ballast.backtest.formatting import MISSING, duration, moment, number, percent, significant, title
from ballast.backtest.result import CurveMetrics, Result
from ballast.backtest.summary import alarms_text, groups, resolved_ambiguity
from ballast.research.report.definitions import definition
from ballast.research.report.margin_tiles import margin_tiles
from ballast.research.report.markup import (
    MAX_ROWS,
    Cell,
    bullets,
    escaped,
    figure,
    heading,
    section,
    table,
    text,
    titled,
    tone_class,
)
from ballast.research.report.refusals import meaning

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def headline(result: Result) -> str:
    """Return the six figures that a reader looks for first."""
    figures = result.metrics
    end = "not recovered yet" if figures.drawdown_end is None else "recovered"
    rates = [
        ("of events", figures.rebalance_win_rate),
        ("of round trips", figures.trade_win_rate),
    ]
    won, rate = next(((words, rate) for words, rate in rates if rate is not None), ("no trades", None))
    tiles = [
        ("Final equity", number(figures.final_equity), f"from {number(result.initial_capital)}", 0.0),
        ("Total return", percent(figures.total_return, signed=True), _against(result), figures.total_return),
        ("A year", percent(figures.cagr, signed=True), "CAGR" if figures.cagr is not None else "needs 30 days", 0.0),
        ("Maximum drawdown", percent(figures.max_drawdown), end if figures.max_drawdown else "never fell", 0.0),
        ("Sharpe", number(figures.sharpe), f"volatility {percent(figures.volatility)}", 0.0),
        ("Win rate", percent(rate), won, 0.0),
    ]
    if result.margin is not None:
        # How near it came to its end counts for more than how smoothly it got there.
        tiles[4:] = margin_tiles(result.margin)
    return "".join(
        f'<div><dt>{escape(label)}</dt><dd class="{tone_class(tone)}">{escaped(value)}</dd>'
        f"<dd>{escaped(remark)}</dd></div>"
        for label, value, remark, tone in tiles
    )


def _against(result: Result) -> str:
    for name, benchmark in result.benchmark_metrics.items():
        return f"{title(name)} {percent(benchmark.total_return, signed=True)}"
    return f"in {duration(result.years * 31_536_000)}"


def equity(result: Result) -> str:
    """Return the equity chart with the drawdown beneath, and the table that sets benchmarks beside the run."""
    chart = '<div class="chart" id="equity-chart"></div>'
    if not result.benchmarks:
        return section("equity", "Equity and drawdown", "", chart)
    head = [
        Cell("", "text"),
        *map(heading, ("Final equity", "Return", "CAGR", "Volatility", "Sharpe", "Sortino", "Calmar", "Max drawdown")),
    ]
    rows = [_curve_row(result.strategy, result.curve_metrics)]
    rows += [_curve_row(title(name), figures) for name, figures in result.benchmark_metrics.items()]
    return section("equity", "Equity and drawdown", "", chart + table(head, rows))


def _curve_row(name: str, figures: CurveMetrics) -> list[Cell]:
    return [
        text(name),
        figure(number(figures.final_equity)),
        figure(percent(figures.total_return, signed=True), figures.total_return),
        figure(percent(figures.cagr, signed=True)),
        figure(percent(figures.volatility)),
        figure(number(figures.sharpe)),
        figure(number(figures.sortino)),
        figure(number(figures.calmar)),
        figure(percent(figures.max_drawdown)),
    ]


def figures(result: Result) -> str:
    """Return every figure of the summary, each with its definition as a tooltip."""
    blocks = "".join(
        f"<div><h3>{escape(group.title)}</h3>{table((), map(_figure_row, group.figures), classes='figures')}</div>"
        for group in groups(result)
    )
    return section("figures", "Figures", "", f'<div class="figure-groups">{blocks}</div>')


def _figure_row(line: Figure) -> list[Cell]:
    meaning = definition(line.key) if line.key else ""
    return [
        Cell(escape(line.label), "text", meaning),
        figure(line.value, line.tone),
        text(line.remark),
    ]


def allocation() -> str:
    """Return the chart of weights over time."""
    lead = "Share of equity at each bar’s close, after its fills. What is not invested is the reserve."
    return section("allocation", "Allocation", lead, '<div class="chart" id="allocation-chart"></div>')


def symbol_controls(result: Result) -> str:
    """Return the choice of the symbol whose price is drawn, the busiest one first, and room for a note."""
    counts = np.bincount(result.fills["symbol"], minlength=len(result.symbols))
    busiest = int(np.argmax(counts))
    options = "".join(
        f'<option value="{index}"{" selected" if index == busiest else ""}>{escape(name)}</option>'
        for index, name in enumerate(result.symbols)
    )
    return (
        f'<div class="controls"><label>Symbol <select id="trade-symbol">{options}</select></label>'
        '<span class="muted" id="trade-note"></span></div>'
    )


def trades(result: Result) -> str:
    """Return the price chart with every fill of the chosen symbol."""
    lead = "Every fill at its price, with its reason on hover. Drag to zoom, double-click to see all."
    return section("trades", "Trades", lead, symbol_controls(result) + '<div class="chart" id="trade-chart"></div>')


def months(result: Result) -> str:
    """Return the monthly returns, one row a year, shaded by size."""
    found = result.monthly_returns
    strongest = max((abs(month.value) for month in found if np.isfinite(month.value)), default=0.0) or 1.0
    rows = []
    for year, members in groupby(found, key=lambda month: month.year):
        values = {month.month: month.value for month in members}
        whole = float(np.prod([1.0 + value for value in values.values()])) - 1.0
        cells = [_month_cell(values[month], strongest) if month in values else Cell("") for month in range(1, 13)]
        rows.append([text(year), *cells, figure(percent(whole, 1, signed=True), whole)])
    head = [Cell("", "text"), *map(heading, _MONTHS), heading("Year")]
    return section("months", "Monthly returns", "", table(head, rows, classes="months"))


def _month_cell(value: float, strongest: float) -> Cell:
    if not np.isfinite(value):
        return Cell(MISSING)
    colour = "gain" if value >= 0 else "loss"
    share = round(8 + 42 * min(1.0, abs(value) / strongest)) if value else 0
    style = f"background: color-mix(in srgb, var(--{colour}) {share}%, transparent)"
    return Cell(escape(percent(value, 1, signed=True)), style=style)


def notes(result: Result) -> str:
    """Return what to know before trusting the figures: data problems, ambiguity, refusals, breaches, assumptions."""
    facts = [
        (
            f"{result.rows_skipped:,} rows of data skipped as unusable, {result.rows_superseded:,} superseded by a "
            f"later one of the same time, {result.rows_widened:,} with high or low widened."
        ),
        f"{result.ambiguous_fills:,} fills whose order inside their bar cannot be known.{resolved_ambiguity(result)}",
    ]
    if result.alarms:
        facts.append(alarms_text(result))
    blocks = bullets(facts)
    if result.assumptions:
        blocks += titled("Assumptions", bullets(result.assumptions))
    if result.rejects:
        blocks += titled("Refused orders", _refusals(result))
    if result.breaches:
        blocks += titled("Limit breaches", _breaches(result))
    return section("notes", "What to know", "", blocks)


def _refusals(result: Result) -> str:
    """Return how often each reason occurred and, on accounts with margin, what it means."""
    is_explained = result.margin is not None
    rows = [
        [text(reason), figure(f"{count:,}"), *([text(meaning(reason))] if is_explained else [])]
        for reason, count in sorted(result.rejects.items(), key=lambda item: -item[1])
    ]
    head = [text("Reason"), heading("Count"), *([text("Meaning")] if is_explained else [])]
    return table(head, rows, classes="narrow")


def _breaches(result: Result) -> str:
    keys = list(dict.fromkeys(key for breach in result.breaches for key in breach))
    rows = [[text(_fact(key, breach.get(key))) for key in keys] for breach in result.breaches[:MAX_ROWS]]
    head = [text("Time (UTC)" if key == "ts" else title(key)) for key in keys]
    more = (
        f'<p class="lead">The first {MAX_ROWS:,} of {len(result.breaches):,}.</p>'
        if len(result.breaches) > MAX_ROWS
        else ""
    )
    return more + table(head, rows, tall=len(rows) > 15)


def _fact(key: str, value: object) -> str:
    if key == "ts" and isinstance(value, int | np.integer):
        return moment(int(value))
    if isinstance(value, float):
        return significant(value)
    return MISSING if value is None else str(value)


def configuration(result: Result) -> str:
    """Return the effective configuration and everything that identifies the run."""
    names = {"Configuration": result.config_hash, "Data": result.data_hash, "Code": result.code_version}
    hashes = "".join(
        f"<dt>{label}</dt><dd><code>{escape(value) if value else MISSING}</code></dd>" for label, value in names.items()
    )
    lines = "\n".join(_settings(result.config))
    return section(
        "configuration",
        "Configuration",
        "The same configuration, data and code give the same result to the byte.",
        f'<dl class="hashes">{hashes}</dl>' + (f"<pre>{escape(lines)}</pre>" if lines else ""),
    )


def _settings(config: Mapping[str, object], path: str = "") -> list[str]:
    """Lay the configuration out as TOML does: values first, then one block a table."""
    lines = [f"{key} = {_setting(value)}" for key, value in config.items() if not isinstance(value, Mapping)]
    if path and lines:
        lines = [f"[{path}]", *lines]
    for key, value in config.items():
        if isinstance(value, Mapping):
            block = _settings(value, f"{path}.{key}" if path else key)
            lines += ["", *block] if lines else block
    return lines


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_setting, value)) + "]"
    return "none" if value is None else str(value)
