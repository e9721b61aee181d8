"""The tables of what was traded: events, costs, round trips and what is still open."""

from __future__ import annotations

from html import escape
from itertools import groupby

import numpy as np

from ballast.backtest.formatting import MISSING, duration, moment, number, percent, significant
from ballast.backtest.margin_summary import leg_name
from ballast.backtest.metrics import RecordArray, trade_win_rate
from ballast.backtest.result import Result
from ballast.model.enums import PositionSide
from ballast.research.report.markup import MAX_ROWS, Cell, figure, heading, section, table, text, titled, tone_class
from ballast.research.report.rebalances import Rebalance, rebalances


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
        heading("Deviation"),
        text("Direction"),
        text("Legs"),
        heading("Fees"),
        heading("Gain"),
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


def costs(result: Result) -> str:
    """Return fees and slippage by symbol."""
    fills = result.fills
    notional = fills["qty"] * fills["price"]
    rows = []
    n_symbols = len(result.symbols)
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
    head = [text("Symbol"), *map(heading, ("Fills", "Traded", "Fees", "Slippage", "Cost")), Cell("")]
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
    """Return closed round trips and open positions by symbol; on accounts with margin, closed ones by leg."""
    closed = result.round_trips.closed
    if result.margin is not None:
        return _round_trips_by_leg(result)
    head = [text("Symbol"), *map(heading, _TRIP_HEADS)]
    rows = [
        [text(name), *_trip_cells(closed[closed["symbol"] == symbol])] for symbol, name in enumerate(result.symbols)
    ]
    foot = [text("All"), *_trip_cells(closed)]
    lead = "Closed first in, first out, one for each fill that closes; P/L is net of both sides’ fees."
    if result.maker_reasons and result.quotes:
        rows += _quote_rows(result)
        lead += " Quotes trade coins of their own, and are not in the figures of all."
    return section("round-trips", "Round trips", lead, table(head, rows, foot) + _open_positions(result))


def _quote_rows(result: Result) -> list[list[Cell]]:
    """Return a row for each symbol's quotes."""
    closed = result.quote_trips.closed
    return [
        [text(f"{name} quotes"), *_trip_cells(closed[closed["symbol"] == symbol])]
        for symbol, name in enumerate(result.symbols)
    ]


_TRIP_HEADS = ("Closed", "Win rate", "P/L", "Best", "Worst", "Fees", "Mean holding")


def _round_trips_by_leg(result: Result) -> str:
    # What is still held stands with the legs, valued as the account values it.
    closed = result.round_trips.closed
    rows = []
    for leg in result.legs:
        own = closed[(closed["symbol"] == leg.symbol) & (closed["position_side"] == leg.position_side)]
        rows.append([text(leg_name(result, leg.symbol, leg.position_side)), *_trip_cells(own)])
    lead = "Closed first in, first out, one for each fill that closes; P/L is net of both sides’ fees, before funding."
    head = [text("Leg"), *map(heading, _TRIP_HEADS)]
    return section("round-trips", "Round trips", lead, table(head, rows, [text("All"), *_trip_cells(closed)]))


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
    rows = [*_open_rows(result, result.round_trips.open), *_open_rows(result, result.quote_trips.open, " quotes")]
    if not rows:
        return ""
    head = [text("Symbol"), *map(heading, ("Quantity", "Mean entry", "Last price", "Value", "P/L"))]
    return titled("Open positions", table(head, rows))


def _open_rows(result: Result, lots: RecordArray, whose: str = "") -> list[list[Cell]]:
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
            text(f"{result.symbols[symbol]}{side}{whose}"),
            *(figure(significant(value)) for value in (signed, entry, price)),
            figure(number(signed * price)),
            figure(number(pnl, signed=True), pnl),
        ])
    return rows
