"""A run on one screen: the same groups of figures as plain text and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from ballast.backtest.figures import Figure, Group
from ballast.backtest.formatting import duration, interval, moment, number, percent, title
from ballast.backtest.margin_summary import alarm, margin_group, standstill
from ballast.backtest.metrics import trade_win_rate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ballast.backtest.quotes import QuoteFigures
    from ballast.backtest.result import Metrics, Result


def headline(result: Result) -> str:
    """Return what ran, on what, over which time, in one line."""
    span = f"{moment(int(result.ts_ms[0]))} to {moment(int(result.ts_ms[-1]))} UTC"
    return f"{symbols_text(result.symbols)} · {interval(result.interval_ns)} bars · {span}"


def symbols_text(symbols: Sequence[str], limit: int = 6) -> str:
    """Return the symbols in one line, counting those past the limit."""
    rest = len(symbols) - limit
    return ", ".join(symbols[:limit]) + (f" and {rest} more" if rest > 0 else "")


def groups(result: Result) -> list[Group]:
    """Return the figures of a run as the summary and the report show them."""
    figures = result.metrics
    margin = [margin_group(result, result.margin)] if result.margin else []
    quotes = [_quotes(result, result.quotes)] if result.quotes else []
    guards = [_guards(result)] if result.refusals or result.locks else []
    trading = [_trading(result, figures), *quotes]
    return [_performance(result, figures), _risk(figures), *margin, *trading, _costs(result, figures), *guards]


def remarks(result: Result) -> list[str]:
    """Return what a reader must know before trusting the figures, one sentence each."""
    found = []
    if result.margin and (stop := standstill(result.margin)):
        found.append(stop)
    if result.rows_skipped or result.rows_superseded or result.rows_widened:
        found.append(
            f"Data: {result.rows_skipped:,} rows skipped, {result.rows_superseded:,} superseded by later ones, "
            f"{result.rows_widened:,} widened."
        )
    if result.alarms:
        found.append(alarms_text(result))
    if result.rejects:
        counts = ", ".join(f"{reason} {count:,}" for reason, count in sorted(result.rejects.items()))
        found.append(f"Refused orders: {counts}.")
    if result.breaches:
        found.append(f"Limit breaches: {len(result.breaches):,}.")
    if result.ambiguous_fills:
        found.append(f"Ambiguous fills: {result.ambiguous_fills:,}.{resolved_ambiguity(result)}")
    return found


def alarms_text(result: Result) -> str:
    """Return the strategy's alarms with their counts, as a sentence."""
    counts = ", ".join(f"{reason} {count:,}" for reason, count in result.alarms.items())
    return f"Alarms of the strategy: {counts}."


def resolved_ambiguity(result: Result) -> str:
    """
    Return what the two more runs came to, as a sentence with a space before it; empty where there were none.

    No range: a strategy that goes on from another fill may end anywhere.
    """
    if result.best_final_equity is None or result.worst_final_equity is None:
        return ""
    return (
        f" Resolved for the position, final equity is {number(result.best_final_equity)}; against it, "
        f"{number(result.worst_final_equity)}."
    )


def summary_text(result: Result) -> str:
    """Return the summary as aligned plain text."""
    lines = [f"{result.strategy}  {headline(result)}"]
    if worst := alarm(result):
        lines += ["", worst]
    listed = groups(result)
    label_width = max(len(figure.label) for group in listed for figure in group.figures)
    value_width = max(len(figure.value) for group in listed for figure in group.figures)
    for group in listed:
        lines += ["", group.title]
        lines += [
            f"  {figure.label:<{label_width}}  {figure.value:>{value_width}}  {figure.remark}".rstrip()
            for figure in group.figures
        ]
    if found := remarks(result):
        lines += ["", *found]
    if result.assumptions:
        lines += ["", "Assumptions", *(f"  {sentence}" for sentence in result.assumptions)]
    return "\n".join(lines)


def print_summary(result: Result, console: Console) -> None:
    """Print the summary in two columns, one on a narrow terminal, gains green and losses red."""
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(Text.assemble((result.strategy, "bold"), "  ", (headline(result), "dim")))
    if worst := alarm(result):
        console.print(Text(worst, style="bold red"))
    columns = 2 if console.width >= 96 else 1
    grid = Table.grid(padding=(1, 2, 0, 0))
    tables = [_table(group) for group in groups(result)]
    for row in zip_longest(*[iter(tables)] * columns, fillvalue=""):
        grid.add_row(*row)
    console.print(grid)
    console.print()
    for sentence in remarks(result):
        console.print(Text(sentence, style="yellow"))
    if result.assumptions:
        console.print(Text("Assumptions", style="bold cyan"))
    for sentence in result.assumptions:
        console.print(Text(sentence, style="dim"))


def _table(group: Group) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=group.title,
        title_justify="left",
        title_style="bold cyan",
        box=None,
        show_header=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(min_width=18, no_wrap=True)
    table.add_column(justify="right", min_width=11, no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    for figure in group.figures:
        style = "green" if figure.tone > 0 else "red" if figure.tone < 0 else ""
        table.add_row(figure.label, Text(figure.value, style=style), Text(figure.remark))
    return table


def _performance(result: Result, figures: Metrics) -> Group:
    gain = figures.total_return
    too_short = "" if figures.cagr is not None else "needs 30 days"
    lines = [
        Figure("Final equity", number(figures.final_equity), f"from {number(result.initial_capital)}", "final_equity"),
        Figure("Total return", percent(gain, signed=True), "", "total_return", gain),
        Figure("CAGR", percent(figures.cagr, signed=True), too_short, "cagr"),
    ]
    for name, benchmark in result.benchmark_metrics.items():
        difference = gain - benchmark.total_return
        remark = f"{'ahead' if difference >= 0 else 'behind'} by {percent(abs(difference))}"
        lines.append(Figure(title(name), percent(benchmark.total_return, signed=True), remark))
    return Group("Performance", lines)


def _risk(figures: Metrics) -> Group:
    depth = figures.max_drawdown
    return Group(
        "Risk",
        [
            Figure("Maximum drawdown", percent(depth), "", "max_drawdown", depth),
            Figure("Longest drawdown", duration(figures.longest_drawdown_s), "", "longest_drawdown_s"),
            Figure("Volatility", percent(figures.volatility), "a year", "volatility"),
            Figure("Sharpe", number(figures.sharpe), "", "sharpe"),
            Figure("Sortino", number(figures.sortino), "", "sortino"),
            Figure("Calmar", number(figures.calmar), "", "calmar"),
            Figure("Recovery factor", number(figures.recovery_factor), "", "recovery_factor"),
            Figure("Exposure", percent(figures.exposure), "of equity", "exposure"),
        ],
    )


def _trading(result: Result, figures: Metrics) -> Group:
    return Group(
        "Trading",
        [
            *(_events(figures) if result.rebalances else _signals(result)),
            Figure("Fills", f"{figures.n_fills:,}", "", "n_fills"),
            Figure("Round trips", f"{figures.n_trades:,}", "", "n_trades"),
            Figure("Trade win rate", percent(figures.trade_win_rate), "", "trade_win_rate"),
            Figure("Average win", number(figures.average_win), "", "average_win"),
            Figure("Average loss", number(figures.average_loss), "", "average_loss"),
            Figure("Profit factor", number(figures.profit_factor), "", "profit_factor"),
            Figure("Expectancy", number(figures.expectancy, signed=True), "a round trip", "expectancy"),
        ],
    )


def _events(figures: Metrics) -> list[Figure]:
    both_ways = f"{figures.upside_events:,} up, {figures.downside_events:,} down" if figures.n_events else ""
    return [
        Figure("Events", f"{figures.n_events:,}", both_ways, "n_events"),
        Figure("Rebalance win rate", percent(figures.rebalance_win_rate), "", "rebalance_win_rate"),
    ]


def _signals(result: Result) -> list[Figure]:
    """Return what a strategy that does not rebalance has instead of events: its signals, and what it counted."""
    by_action = ", ".join(f"{count:,} {action}" for action, count in result.signals.items())
    signals = [Figure("Signals", f"{sum(result.signals.values()):,}", by_action)] if result.signals else []
    # On accounts with margin the counts stand with the account.
    counts = {} if result.margin else result.counts
    return [*signals, *(Figure(title(name), f"{count:,}") for name, count in counts.items())]


def _quotes(result: Result, quotes: QuoteFigures) -> Group:
    def of_notional(value: float | None) -> str:
        return "" if value is None else f"{number(value, signed=True)} bps of what filled"

    return Group(
        "Quotes",
        [
            Figure("Placed", f"{quotes.placed:,}", "", "quotes.placed"),
            Figure("Filled", f"{quotes.filled:,}", "", "quotes.filled"),
            Figure(
                "Spread captured",
                number(quotes.spread_captured, signed=True),
                of_notional(quotes.spread_captured_bps),
                "quotes.spread_captured",
            ),
            Figure(
                "Lost after 1 s",
                number(quotes.adverse_selection_1s, signed=True),
                of_notional(quotes.adverse_selection_1s_bps),
                "quotes.adverse_selection_1s",
            ),
            Figure(
                "Lost after 60 s",
                number(quotes.adverse_selection_60s, signed=True),
                of_notional(quotes.adverse_selection_60s_bps),
                "quotes.adverse_selection_60s",
            ),
            Figure("Fees", number(quotes.fees), "", "quotes.fees"),
            *(_quote_trips(result) if result.maker_reasons else ()),
        ],
    )


def _quote_trips(result: Result) -> list[Figure]:
    pnl = result.quote_trips.closed["pnl"]
    profit = float(pnl.sum())
    return [
        Figure("Round trips", f"{len(pnl):,}", "of quotes alone", "quotes.n_trades"),
        Figure("Trade win rate", percent(trade_win_rate(pnl)), "", "quotes.trade_win_rate"),
        Figure("P/L", number(profit, signed=True), "", "quotes.pnl", profit),
    ]


def _costs(result: Result, figures: Metrics) -> Group:
    def of_capital(value: float) -> str:
        return f"{percent(value / result.initial_capital)} of capital"

    return Group(
        "Costs",
        [
            Figure("Fees", number(figures.fees), of_capital(figures.fees), "fees"),
            Figure("Slippage", number(figures.slippage_paid), of_capital(figures.slippage_paid), "slippage_paid"),
            Figure("Turnover", number(figures.turnover), "times a year", "turnover"),
        ],
    )


def _guards(result: Result) -> Group:
    refusals = sorted(result.refusals.items(), key=lambda item: -item[1])
    names = ", ".join(reason for reason, _ in refusals[:2]) + (" and more" if len(refusals) > 2 else "")
    stops = result.reasons.index("elastic_trailing") if "elastic_trailing" in result.reasons else -1
    fired = sum(int(reason) == stops for reason in result.fills["reason"])
    counted = [
        ("Refused early", sum(result.refusals.values()), names),
        ("Stops moved", len(result.locks), f"{fired:,} filled" if fired else ""),
    ]
    return Group("Guards", [Figure(label, f"{count:,}", remark) for label, count, remark in counted if count])
