"""The sections that only a margin account has."""

from __future__ import annotations

from html import escape

from ballast.backtest.formatting import MISSING, duration, moment, number, percent, significant, title
from ballast.backtest.leg_attribution import LegAttribution
from ballast.backtest.margin_result import MarginResult
from ballast.backtest.margin_summary import alarm, closed_legs, leg_name, rate_text, standstill, worst_margin_rate
from ballast.backtest.result import Result
from ballast.model.enums import LadderState
from ballast.research.report.margin_chart import spells
from ballast.research.report.markup import Cell, escaped, figure, heading, section, table, text, titled
from ballast.research.report.sections import symbol_controls
from ballast.research.report.transitions import transition_table
from ballast.risk.settings import Profile


def alarm_banner(result: Result) -> str:
    """Return what must be read before all else: that the account was liquidated. Empty if it was not."""
    words = alarm(result)
    return f'\n<p class="alarm" role="alert">{escaped(words)}</p>' if words else ""


def account(result: Result, margin: MarginResult) -> str:
    """Return the chart of price, levels and fills, with the account beneath on the same time axis."""
    lead = (
        "Price at each close with the entries that stood open (thin lines), each leg’s mean entry (dotted), where its "
        "take-profit rested (dash-dotted steps) and every fill; beneath, the account at each close. Drag to zoom in "
        "time, double-click to see all."
    )
    chart = '<div class="chart" id="trade-chart"></div>'
    return section("account", "Price and margin", lead, symbol_controls(result) + _state_legend(margin) + chart)


def _state_legend(margin: MarginResult) -> str:
    if margin.risk is None:
        return '<p class="states muted">No ladder: nothing stood between this account and its liquidation.</p>'
    whole = sum(margin.states.values()) or 1.0
    chips = "".join(_chip(name, seconds / whole) for name, seconds in margin.states.items())
    return f'<p class="states">{chips}</p>'


def _chip(state: str, share: float) -> str:
    opening = "<span>" if share else '<span class="absent">'
    return f'{opening}<i class="{state.lower()}"></i>{state} {escaped(percent(share, 1))}</span>'


def margin_account(result: Result, margin: MarginResult) -> str:
    """Return how near it came to liquidation, the states, the moves between them, and what was done."""
    blocks = f'<p class="closest">{escaped(_closest(margin))}</p>'
    if stop := standstill(margin):
        blocks += f'<p class="closest">{escaped(stop)}</p>'
    if margin.liquidated:
        blocks += titled("Liquidation", _liquidation(result))
    if margin.risk is not None:
        blocks += titled("Time in each state", _states(result, margin))
        blocks += titled("Moves of the ladder", transition_table(margin.transitions, margin.risk))
    if any(margin.actions.values()):
        counts = "".join(
            f"<span>{escape(name)} <b>{count:,}</b></span>" for name, count in margin.actions.items() if count
        )
        blocks += titled("Actions", f'<p class="states">{counts}</p>')
    return section("margin", "Margin account", _terms(result, margin), blocks)


def _terms(result: Result, margin: MarginResult) -> str:
    different = dict.fromkeys(f"{value:g}x" for value in margin.leverage)
    by_symbol = (f"{name} {value:g}x" for name, value in zip(result.symbols, margin.leverage, strict=False))
    leverage = ", ".join(different if len(different) == 1 else by_symbol)
    profile = "" if margin.risk is None else Profile(int(margin.risk.profile)).name.lower()
    ladder = f"ladder with profile {profile}" if profile else "no ladder"
    mode = title(margin.mode.name.lower().replace("_", "-"))
    return f"{mode} mode, margin model {margin.model.name.lower()}, leverage {leverage}, {ladder}."


def _closest(margin: MarginResult) -> str:
    worst = worst_margin_rate(margin)
    if worst.ts_ms is None:
        return "It never held a position, so it was never at risk of liquidation."
    least = f"The least available balance was {number(margin.min_available)} on {moment(margin.min_available_ts_ms)}."
    if margin.liquidated:
        return f"Maintenance margin reached the whole margin balance on {moment(worst.ts_ms)}: liquidation. {least}"
    return (
        f"Closest to liquidation: maintenance margin took {rate_text(worst.value)} of the margin balance on "
        f"{moment(worst.ts_ms)}; at 100 % the venue liquidates. {least}"
    )


def _liquidation(result: Result) -> str:
    head = [text("Leg"), heading("Mark when it began"), heading("Taken over at")]
    rows = [
        [text(leg_name(result, *leg[:2])), figure(significant(leg.mark)), figure(significant(leg.price))]
        for leg in closed_legs(result)
    ]
    return table(head, rows, classes="narrow")


def _states(result: Result, margin: MarginResult) -> str:
    whole = sum(margin.states.values()) or 1.0
    lengths: dict[LadderState, list[int]] = {state: [] for state in LadderState}
    for state, begin, until in spells(result, margin):
        lengths[state].append(until - begin)
    rows = []
    for state in LadderState:
        seconds = margin.states[state.name]
        longest = max(lengths[state], default=0) / 1_000
        share = 100.0 * seconds / whole
        bar = f'<span class="bar {state.name.lower()}" style="width: {share:.1f}%"></span>'
        rows.append([
            text(state.name),
            figure(duration(seconds) if seconds else MISSING),
            figure(percent(seconds / whole)),
            figure(f"{len(lengths[state]):,}"),
            figure(duration(longest) if longest else MISSING),
            Cell(bar, "share"),
        ])
    head = [text("State"), *map(heading, ("Time", "Share", "Times", "Longest")), Cell("")]
    return table(head, rows)


def legs(result: Result) -> str:
    """Return where each leg's money came from."""
    figures = "Fills Traded Realised Unrealised Fees Funding Net Exposure Largest Held Entry"
    head = [text("Leg"), *map(heading, figures.split())]
    rows = [_leg_row(result, leg) for leg in result.legs]
    found = result.legs
    net = sum(leg.net for leg in found)
    foot = [
        text("All"),
        figure(f"{sum(leg.n_fills for leg in found):,}"),
        *(
            figure(number(sum(getattr(leg, name) for leg in found)))
            for name in ("traded", "realised_pnl", "unrealised_pnl", "fees", "funding")
        ),
        figure(number(net, signed=True), net),
        figure(percent(result.metrics.exposure, 1)),
        *[Cell("")] * 3,
    ]
    lead = (
        "Realised and unrealised are by price alone, against the leg’s mean entry and at the mark; net is what the leg "
        "added to equity. Funding above zero was paid. Exposure is mean value over equity, largest the highest value."
    )
    return section("legs", "Legs", lead, table(head, rows, foot))


def _leg_row(result: Result, leg: LegAttribution) -> list[Cell]:
    return [
        text(leg_name(result, leg.symbol, leg.position_side)),
        figure(f"{leg.n_fills:,}"),
        figure(number(leg.traded)),
        figure(number(leg.realised_pnl, signed=True), leg.realised_pnl),
        figure(number(leg.unrealised_pnl, signed=True), leg.unrealised_pnl),
        figure(number(leg.fees)),
        figure(number(leg.funding)),
        figure(number(leg.net, signed=True), leg.net),
        figure(percent(leg.exposure, 1)),
        figure(number(leg.largest_value)),
        figure(significant(leg.qty)),
        figure(significant(leg.entry_price)),
    ]


def exposure() -> str:
    """Return the chart of each leg's value over time."""
    lead = "Value of each leg at its mark over equity, at each bar’s close; short legs below zero."
    return section("exposure", "Exposure", lead, '<div class="chart" id="allocation-chart"></div>')
