"""The sections of the page, each a function of the result."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

import numpy as np

from ballast.backtest.formatting import MISSING, duration, moment, number, percent, significant, title
from ballast.backtest.metrics import RecordArray, trade_win_rate
from ballast.backtest.result import CurveMetrics, Result
from ballast.backtest.summary import Figure, groups
from ballast.model.enums import PositionSide
from ballast.research.report.definitions import definition
from ballast.research.report.markup import Cell, bullets, escaped, figure, section, table, text, tone_class
from ballast.research.report.rebalances import Rebalance, rebalances

MAX_ROWS = 3_000
"""A browser lays out no longer table with pleasure; the JSON holds every row."""

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
        *map(_heading, ("Final equity", "Return", "CAGR", "Volatility", "Sharpe", "Sortino", "Calmar", "Max drawdown")),
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


def trades(result: Result) -> str:
    """Return the price chart with every fill of the chosen symbol."""
    counts = np.bincount(result.fills["symbol"], minlength=len(result.symbols))
    busiest = int(np.argmax(counts))
    options = "".join(
        f'<option value="{index}"{" selected" if index == busiest else ""}>{escape(name)}</option>'
        for index, name in enumerate(result.symbols)
    )
    controls = (
        f'<div class="controls"><label>Symbol <select id="trade-symbol">{options}</select></label>'
        '<span class="muted" id="trade-note"></span></div>'
    )
    lead = "Every fill at its price, with its reason on hover. Drag to zoom, double-click to see all."
    return section("trades", "Trades", lead, controls + '<div class="chart" id="trade-chart"></div>')


def rebalance_table(result: Result) -> str:
    """Return one row per counted event; nothing for a strategy that counts none."""
    told = rebalances(result)
    if not told:
        return ""
    rate = percent(result.metrics.rebalance_win_rate)
    lead = (
        f"{result.upside_events:,} upside, {result.downside_events:,} downside; {rate} gained. Gain is what an event "
        "had earned against not having acted when the next one was decided; for the last one, at the last bar."
    )
    if len(told) > MAX_ROWS:
        lead += f" The last {MAX_ROWS:,} of {len(told):,} are listed."
    head = [
        Cell("#"),
        text("Time (UTC)"),
        text("Trigger"),
        _heading("Deviation"),
        text("Direction"),
        text("Legs"),
        _heading("Fees"),
        _heading("Gain"),
    ]
    rows = [_rebalance_row(result, event) for event in told[-MAX_ROWS:]]
    return section("rebalances", "Rebalances", lead, table(head, rows, tall=len(rows) > 15))


def _rebalance_row(result: Result, event: Rebalance) -> list[Cell]:
    legs = " ".join(
        f'<span><b class="{tone_class(leg.side)}">{"+" if leg.side > 0 else "−"}{number(leg.notional)}</b> '
        f"{escape(result.symbols[leg.symbol])}</span>"
        for leg in event.legs
    )
    return [
        figure(f"{event.number:,}"),
        text(moment(event.ts_ms)),
        text(result.symbols[event.trigger]),
        figure(percent(event.deviation, 1, signed=True)),
        text("Upside" if event.is_upside else "Downside"),
        Cell(legs, "text wrap legs"),
        figure(number(event.fee)),
        figure(number(event.gain, signed=True), event.gain),
    ]


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
    head = [Cell("", "text"), *map(_heading, _MONTHS), _heading("Year")]
    return section("months", "Monthly returns", "", table(head, rows, classes="months"))


def _month_cell(value: float, strongest: float) -> Cell:
    if not np.isfinite(value):
        return Cell(MISSING)
    colour = "gain" if value >= 0 else "loss"
    share = round(8 + 42 * min(1.0, abs(value) / strongest)) if value else 0
    style = f"background: color-mix(in srgb, var(--{colour}) {share}%, transparent)"
    return Cell(escape(percent(value, 1, signed=True)), style=style)


def costs(result: Result) -> str:
    """Return fees and slippage by symbol."""
    fills = result.fills
    notional = fills["qty"] * fills["price"]
    rows, n_symbols = [], len(result.symbols)
    count = np.bincount(fills["symbol"], minlength=n_symbols)
    sums = {
        name: np.bincount(fills["symbol"], weights=column, minlength=n_symbols)
        for name, column in {"notional": notional, "fee": fills["fee"], "slippage": fills["slippage"]}.items()
    }
    total = {name: float(column.sum()) for name, column in sums.items()}
    cost = sums["fee"] + sums["slippage"]
    largest = float(np.max(np.abs(cost), initial=0.0)) or 1.0
    for symbol, name in enumerate(result.symbols):
        bar = f'<span class="bar" style="width: {100 * abs(float(cost[symbol])) / largest:.1f}%"></span>'
        rows.append([
            text(name),
            figure(f"{count[symbol]:,}"),
            *(figure(number(float(sums[column][symbol]))) for column in ("notional", "fee", "slippage")),
            figure(number(float(cost[symbol]))),
            Cell(bar, "share"),
        ])
    head = [text("Symbol"), *map(_heading, ("Fills", "Traded", "Fees", "Slippage", "Cost")), Cell("")]
    whole = total["fee"] + total["slippage"]
    foot = [
        text("All"),
        figure(f"{len(fills):,}"),
        *(figure(number(value)) for value in total.values()),
        figure(number(whole)),
        Cell(""),
    ]
    share = percent(whole / total["notional"], 3) if total["notional"] else MISSING
    lead = f"{share} of what was traded, {percent(whole / result.initial_capital)} of the initial capital."
    return section("costs", "Costs", lead, table(head, rows, foot))


def round_trip_table(result: Result) -> str:
    """Return closed round trips and open positions by symbol."""
    closed = result.round_trips.closed
    head = [text("Symbol"), *map(_heading, ("Closed", "Win rate", "P/L", "Best", "Worst", "Fees", "Mean holding"))]
    rows = [
        [text(name), *_trip_cells(closed[closed["symbol"] == symbol])] for symbol, name in enumerate(result.symbols)
    ]
    foot = [text("All"), *_trip_cells(closed)]
    lead = "Closed first in, first out, one for each fill that closes; P/L is net of both sides’ fees."
    return section("round-trips", "Round trips", lead, table(head, rows, foot) + _open_positions(result))


def _trip_cells(trips: RecordArray) -> list[Cell]:
    if len(trips) == 0:
        return [figure("0"), *[figure(MISSING)] * 6]
    pnl = trips["pnl"]
    holding_s = float(np.mean(trips["exit_ts_ms"] - trips["entry_ts_ms"])) / 1_000.0
    return [
        figure(f"{len(trips):,}"),
        figure(percent(trade_win_rate(pnl), 1)),
        figure(number(float(pnl.sum()), signed=True), float(pnl.sum())),
        figure(number(float(pnl.max()), signed=True)),
        figure(number(float(pnl.min()), signed=True)),
        figure(number(float(trips["fee"].sum()))),
        figure(duration(holding_s)),
    ]


def _open_positions(result: Result) -> str:
    lots = result.round_trips.open
    if len(lots) == 0:
        return ""
    rows = []
    for (symbol, position_side), indices in groupby(
        range(len(lots)), lambda i: (lots["symbol"][i], lots["position_side"][i])
    ):
        own = lots[list(indices)]
        signed = float(np.sum(own["side"] * own["qty"]))
        entry = float(np.sum(own["qty"] * own["entry_price"]) / np.sum(own["qty"]))
        price = float(result.close_prices[-1, symbol])
        pnl = signed * (price - entry) - float(own["fee"].sum())
        side = f" {PositionSide(position_side).name}" if position_side else ""
        rows.append([
            text(f"{result.symbols[symbol]}{side}"),
            *(figure(significant(value)) for value in (signed, entry, price)),
            figure(number(signed * price)),
            figure(number(pnl, signed=True), pnl),
        ])
    head = [text("Symbol"), *map(_heading, ("Quantity", "Mean entry", "Last price", "Value", "P/L"))]
    return _titled("Open positions", table(head, rows))


def notes(result: Result) -> str:
    """Return what to know before trusting the figures: data problems, ambiguity, refusals, breaches, assumptions."""
    facts = [
        f"{result.rows_skipped:,} rows of data skipped as unusable, {result.rows_widened:,} with high or low widened.",
        f"{result.ambiguous_fills:,} fills whose order inside their bar cannot be known.",
    ]
    if result.best_final_equity is not None and result.worst_final_equity is not None:
        facts[-1] += (
            f" Resolved for the position, final equity is {number(result.best_final_equity)}; against it, "
            f"{number(result.worst_final_equity)}."
        )
    blocks = bullets(facts)
    if result.assumptions:
        blocks += _titled("Assumptions", bullets(result.assumptions))
    if result.rejects:
        rows = [
            [text(reason), figure(f"{count:,}")]
            for reason, count in sorted(result.rejects.items(), key=lambda item: -item[1])
        ]
        blocks += _titled("Refused orders", table([text("Reason"), _heading("Count")], rows, classes="narrow"))
    if result.breaches:
        blocks += _titled("Limit breaches", _breaches(result))
    return section("notes", "What to know", "", blocks)


def _breaches(result: Result) -> str:
    keys = list(dict.fromkeys(key for breach in result.breaches for key in breach))
    rows = [[text(_fact(key, breach.get(key))) for key in keys] for breach in result.breaches[:MAX_ROWS]]
    head = [text("Time (UTC)" if key.endswith("ts_ms") else title(key)) for key in keys]
    more = (
        f'<p class="lead">The first {MAX_ROWS:,} of {len(result.breaches):,}.</p>'
        if len(result.breaches) > MAX_ROWS
        else ""
    )
    return more + table(head, rows, tall=len(rows) > 15)


def _fact(key: str, value: object) -> str:
    if key.endswith("ts_ms") and isinstance(value, int | np.integer):
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


def _titled(words: str, content: str) -> str:
    return f"<h3>{escape(words)}</h3>{content}"


def _heading(words: str) -> Cell:
    return Cell(escape(words))
