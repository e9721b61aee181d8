"""Asks for everything that a strategy may ask for, in turn: no opinion, only traffic."""

from __future__ import annotations

from enum import IntEnum
from math import isnan
from typing import Any

from ballast.indicators.state import Indicator
from ballast.indicators.table import Request
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EventKind, IntentKind, QtyUnit, Side, TimeInForce
from ballast.model.intents import (
    ANY,
    Intent,
    cancel,
    note,
    place_limit,
    place_market,
    place_stop,
    place_trailing,
    timer,
    watch,
)
from ballast.model.records import Record, parameter, record


class Reason(IntEnum):
    """What each request is for."""

    ENTRY = 1
    LIMIT = 2
    STOP = 3
    TRAIL = 4
    WOKEN = 5
    TARGET = 6
    TIMED = 7
    SEEN = 8


@record
class Params:
    """How much and how far."""

    notional: float = parameter(300.0, "Value of one order.", unit="quote", minimum=0)
    distance: float = parameter(0.02, "Distance of levels from the price.", unit="fraction", minimum=0)


@record
class State:
    """Counts, so that memory matters."""

    n_bars: int
    n_fills: int
    n_wakes: int
    spent: float


def features(params: Params, n_symbols: int, interval_ns: int) -> list[Request]:
    """Ask for one mean per symbol."""
    return [Request(Indicator.SMA, 5, symbol=symbol) for symbol in range(n_symbols)]


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Answer every cause."""
    if view.cause == Cause.BAR:
        state.n_bars += 1
        symbol = state.n_bars % view.n_symbols
        return _on_bar(row, view, state, params, intents, symbol)
    if view.cause == Cause.ORDER:
        if view.event_kind == EventKind.FILLED:
            state.n_fills += 1
            state.spent += view.event_fee
            if state.n_fills % 5 == 0:
                return place_market(intents, 0, view.event_symbol, Side.BUY, 0.1, QtyUnit.CASH_FRACTION, Reason.ENTRY)
        return 0
    state.n_wakes += 1
    if view.cause == Cause.WATCH:
        return place_market(intents, 0, view.event_symbol, Side.BUY, params.notional, QtyUnit.QUOTE, Reason.WOKEN)
    return cancel(intents, 0, 0, ANY, ANY, Reason.TIMED)


@compiled
def _on_bar(row: Any, view: Record, state: State, params: Params, intents: Intent, symbol: int) -> int:
    price = row.close[symbol]
    if isnan(price):
        return note(intents, 0, symbol, view.equity, 0, Reason.SEEN)
    below = price * (1.0 - params.distance)
    above = price * (1.0 + params.distance)
    qty = params.notional / price
    turn = state.n_bars % 8
    n = 0
    if turn == 0:
        n = place_market(intents, n, symbol, Side.BUY, params.notional, QtyUnit.QUOTE, Reason.ENTRY)
        n = place_market(intents, n, symbol, Side.SELL, 0.5, QtyUnit.POSITION_FRACTION, Reason.ENTRY)
    elif turn == 1:
        n = place_limit(intents, n, symbol, Side.BUY, qty, below, Reason.LIMIT)
        intents[n - 1].post_only = True  # type: ignore[index]
        n = place_limit(intents, n, symbol, Side.SELL, qty, above, Reason.LIMIT)
        intents[n - 1].reduce_only = True  # type: ignore[index]
    elif turn == 2:
        n = place_stop(intents, n, symbol, Side.SELL, qty, below, Reason.STOP)
        intents[n - 1].expiry_ns = view.time_ns + 3 * view.interval_ns  # type: ignore[index]
    elif turn == 3:
        n = place_trailing(intents, n, symbol, Side.SELL, qty, params.distance, Reason.TRAIL)
    elif turn == 4:
        n = watch(intents, n, symbol, Side.BUY, below, 1, Reason.WOKEN)
        n = watch(intents, n, symbol, Side.SELL, above, 2, Reason.WOKEN)
    elif turn == 5 and view.feature[symbol] == view.feature[symbol]:
        n = place_market(intents, n, symbol, Side.BUY, 2.0 * params.notional, QtyUnit.QUOTE, Reason.TARGET)
        intents[n - 1].kind = IntentKind.TARGET  # type: ignore[index]
    elif turn == 6:
        n = timer(intents, n, view.time_ns + view.interval_ns // 2, 0, Reason.TIMED)
        n = place_limit(intents, n, symbol, Side.BUY, qty, above, Reason.LIMIT)
        intents[n - 1].time_in_force = TimeInForce.FOK  # type: ignore[index]
    return note(intents, n, symbol, view.equity, turn, Reason.SEEN)
