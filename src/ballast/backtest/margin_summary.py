"""What a run did to its margin account: the group of figures, and the one sentence that comes before all others."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ballast.backtest.figures import Figure, Group
from ballast.backtest.formatting import MINUS, duration, moment, number, percent, significant, title
from ballast.model.enums import EngineRole, LadderState, PositionSide
from ballast.risk.monitoring import MarginLevel
from ballast.risk.settings import Profile

if TYPE_CHECKING:
    from ballast.backtest.margin_result import MarginResult
    from ballast.backtest.result import Result


class ClosedLeg(NamedTuple):
    """What a liquidation closed of one leg: at which mark it began, and the mean price that the venue took it at."""

    symbol: int
    position_side: PositionSide
    mark: float
    price: float


def closed_legs(result: Result) -> list[ClosedLeg]:
    """Return the legs that a liquidation closed, whole or in part, by symbol, LONG before SHORT."""
    margin = result.margin
    if margin is None or not margin.liquidated:
        return []
    role = EngineRole.LIQUIDATION.name.lower()
    numbers = [number for number, name in enumerate(result.reasons) if name == role]
    fills = result.fills[np.isin(result.fills["reason"], numbers)]
    legs = sorted(set(zip(fills["symbol"].tolist(), fills["position_side"].tolist(), strict=True)))
    found = []
    for symbol, side in legs:
        own = fills[(fills["symbol"] == symbol) & (fills["position_side"] == side)]
        price = float(np.sum(own["qty"] * own["price"]) / np.sum(own["qty"]))
        found.append(ClosedLeg(symbol, PositionSide(side), float(margin.liquidation_marks[symbol]), price))
    return found


def leg_name(result: Result, symbol: int, position_side: int) -> str:
    """Return a leg's name: the symbol, and in hedge mode its side."""
    side = f" {PositionSide(position_side).name}" if position_side else ""
    return f"{result.symbols[symbol]}{side}"


def alarm(result: Result) -> str:
    """Return in one sentence that the account was liquidated, when and at which price; empty if it was not."""
    margin = result.margin
    if margin is None or not margin.liquidated:
        return ""
    where = " and ".join(f"{result.symbols[symbol]} at {significant(mark)}" for symbol, mark in _marks(result).items())
    return (
        f"Liquidated on {moment(margin.liquidation_ts_ms)} UTC with {where}: "
        f"of {number(result.initial_capital)} there was {number(float(result.equity[-1]))} at the end."
    )


def _marks(result: Result) -> dict[int, float]:
    return {leg.symbol: leg.mark for leg in closed_legs(result)}


def standstill(margin: MarginResult) -> str:
    """Return in one sentence that the run ended in a state that only an operator leaves; empty if it did not."""
    last = margin.transitions[-1] if margin.transitions else None
    if last is None or LadderState[str(last["to"])] < LadderState.EMERGENCY:
        return ""
    since = next(move for move in margin.transitions if LadderState[str(move["to"])] >= LadderState.EMERGENCY)
    return (
        f"In {last['to']} from {moment(int(str(since['ts_ms'])))} to the end: the engine closed what it could, "
        "nothing was opened again, and only an operator could have gone on."
    )


class Extreme(NamedTuple):
    """A figure and the time at which it stood, None if it never did."""

    value: float
    ts_ms: int | None


def worst_margin_rate(margin: MarginResult) -> Extreme:
    """Return the highest maintenance margin rate; a liquidated account reached 1, whether anyone could look or not."""
    if margin.liquidated and margin.max_mm_rate < 1.0:
        return Extreme(1.0, margin.liquidation_ts_ms)
    return Extreme(margin.max_mm_rate, margin.max_mm_rate_ts_ms)


def rate_text(rate: float) -> str:
    """Return a margin rate as a percentage; without any equity left it has no number."""
    return percent(rate) if isfinite(rate) else "no equity"


def margin_group(result: Result, margin: MarginResult) -> Group:
    """Return the figures of the margin account and its ladder."""
    worst = worst_margin_rate(margin)
    funding = number(margin.funding_paid)
    tone = -1.0 if worst.value >= 1.0 else 0.0
    leverages = sorted(set(margin.leverage))
    leverage = "–".join(f"{value:g}" for value in dict.fromkeys((leverages[0], leverages[-1]))) if leverages else "1"
    lines = [
        Figure("Account", margin.mode.name.lower(), f"{margin.model.name.lower()}, {leverage}x"),
        *_liquidation(result, margin),
        Figure("Worst MM rate", rate_text(worst.value), _when(worst.ts_ms), "max_mm_rate", tone),
        Figure("Worst IM rate", rate_text(margin.max_im_rate), "", "max_im_rate"),
        Figure(
            "Least available",
            number(margin.min_available),
            _when(margin.min_available_ts_ms),
            "min_available",
            min(0.0, margin.min_available),
        ),
        Figure("Realised by price", number(margin.realised_pnl, signed=True), "before costs", "realised_pnl"),
        Figure("Funding paid", funding, "received" if funding.startswith(MINUS) else "", "funding_paid"),
        *(Figure(title(name), f"{count:,}") for name, count in result.counts.items()),
    ]
    return Group("Margin", [*lines, *_ladder(margin)])


def _liquidation(result: Result, margin: MarginResult) -> list[Figure]:
    if not margin.liquidated:
        return [Figure("Liquidated", "no", "", "liquidated")]
    lines = [Figure("Liquidated", "yes", _when(margin.liquidation_ts_ms), "liquidated", -1.0)]
    lines += [
        Figure("  at a mark of", significant(mark), result.symbols[symbol], "", -1.0)
        for symbol, mark in _marks(result).items()
    ]
    if margin.insurance_loss > 0.0:
        lines.append(Figure("Insurance fund", number(margin.insurance_loss), "paid for it", "insurance_loss"))
    return lines


def _ladder(margin: MarginResult) -> list[Figure]:
    if margin.risk is None:
        return [Figure("Ladder", "off", "nothing protected it")]
    lines = [Figure("Ladder", Profile(int(margin.risk.profile)).name.lower(), _moves(len(margin.transitions)))]
    whole = sum(margin.states.values())
    for state in LadderState:
        seconds = margin.states.get(state.name, 0.0)
        if seconds > 0.0:
            tone = -1.0 if state >= LadderState.PANIC else 0.0
            lines.append(Figure(f"  {state.name}", percent(seconds / whole), duration(seconds), "states", tone))
    return [*lines, *_levels(margin)]


def _levels(margin: MarginResult) -> list[Figure]:
    """Return for how long margin was worth a warning, an error or more; nothing where it never was."""
    found = []
    for level in MarginLevel:
        seconds = margin.margin_levels.get(level.name, 0.0)
        if level != MarginLevel.INFO and seconds > 0.0:
            tone = -1.0 if level > MarginLevel.WARNING else 0.0
            found.append(Figure(f"Margin {level.name.lower()}", duration(seconds), "", "margin_levels", tone))
    return found


def _when(ts_ms: int | None) -> str:
    return moment(ts_ms) if ts_ms is not None else ""


def _moves(count: int) -> str:
    return f"{count:,} move" + ("" if count == 1 else "s")
