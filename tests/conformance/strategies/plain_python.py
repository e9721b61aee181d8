"""Decides in plain Python: what happens when a strategy wants a library that cannot be compiled."""

from __future__ import annotations

from enum import IntEnum
from statistics import fmean
from typing import Any

from ballast.model.enums import Cause, IntentKind, QtyUnit, Side
from ballast.model.intents import Intent, place_market
from ballast.model.records import Record, SymbolFloats, parameter, record


class Reason(IntEnum):
    """Why this strategy traded."""

    STRONGEST = 1
    REST = 2


@record
class Params:
    """How much is held."""

    weight: float = parameter(0.5, "Part of equity in the strongest symbol.", unit="fraction", minimum=0, maximum=1)


@record
class State:
    """The price of each symbol when it was last looked at."""

    last_price: SymbolFloats
    n_bars: int


def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Hold the symbol that rose most over twelve bars, if it beat the mean."""
    if view.cause != Cause.BAR:
        return 0
    state.n_bars += 1
    if state.n_bars % 12:
        return 0
    listed = [symbol for symbol in range(int(view.n_symbols)) if view.bar_ts_ns[symbol] >= 0]
    gains = {s: view.price[s] / state.last_price[s] - 1.0 for s in listed if state.last_price[s] > 0.0}
    state.last_price[listed] = view.price[listed]
    if not gains:
        return 0
    best = max(gains, key=lambda symbol: (gains[symbol], -symbol))
    n = 0
    for symbol in sorted(gains, key=lambda symbol: symbol == best):
        is_best = symbol == best and gains[best] >= fmean(gains.values())
        wanted = params.weight * view.equity if is_best else 0.0
        reason = Reason.STRONGEST if is_best else Reason.REST
        n = place_market(intents, n, symbol, Side.BUY, wanted, QtyUnit.QUOTE, reason)
        intents[n - 1].kind = IntentKind.TARGET  # type: ignore[index]
    return n
