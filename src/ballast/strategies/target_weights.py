"""
Target weights: hold each asset at its part of the total, and trade back when a trigger says so.

Sells come first, buys share the cash there is once the sells are settled, cash is a leg and never traded. The
first purchase is always whole; later ones may close only a part of each gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from math import nan, sqrt
from typing import Annotated, Any

import numpy as np

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS
from ballast.model.enums import Cause, EventKind
from ballast.model.errors import ConfigError
from ballast.model.intents import Intent
from ballast.model.records import ArrayOf, Record, Shape, SymbolFloats, parameter, record
from ballast.portfolio.dispersion import correlation, covariance
from ballast.portfolio.drift import Floats, is_beyond
from ballast.portfolio.periods import Frequency, period_of
from ballast.portfolio.rebalancing import (
    Rebalance,
    begin,
    buy_if_funded,
    ends_a_sell,
    is_tradable,
    refuse_weights,
    sell_or_want,
    weight_of,
)

EXIT_PLAN = "rebalance"
LONGEST_WINDOW = 250


class Trigger(IntEnum):
    """What makes a rebalance due after the first purchase; MANUAL never does by itself."""

    THRESHOLD_BASED = 0
    CALENDAR_BASED = 1
    VOLATILITY_BASED = 2
    CORRELATION_BASED = 3
    MANUAL = 4


class Reason(IntEnum):
    """Why this strategy traded."""

    START = 1
    THRESHOLD = 2
    CALENDAR = 3
    VOLATILITY = 4
    CORRELATION = 5


@record
class Params:
    """Settings of the rebalancer; fractions unless the name says otherwise."""

    weight: SymbolFloats = parameter(
        0.0,
        "Target weight of a symbol, set in `[strategy.symbols.NAME]`; all 0 means equal shares of what "
        "`cash_weight` leaves.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    cash_weight: float = parameter(
        0.0, "Part of the total kept in cash; with the weights it sums to 1.", unit="fraction", minimum=0, maximum=1
    )
    trigger: int = parameter(
        int(Trigger.THRESHOLD_BASED), "What makes a rebalance due; `manual` buys once and holds.", choices=Trigger
    )
    drift_threshold: float = parameter(
        0.10,
        "`threshold_based`: due when a weight is further than this from its target.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    frequency: int = parameter(
        int(Frequency.ELAPSED_DAYS),
        "`calendar_based`: due after `calendar_days`, or in each new day, ISO week, month or quarter, UTC.",
        choices=Frequency,
    )
    calendar_days: int = parameter(
        30, "`elapsed_days`: whole days between rebalances.", unit="days", minimum=1, maximum=36_500
    )
    volatility_change: float = parameter(
        0.20,
        "`volatility_based`: due when volatility leaves its baseline by more than this part of it.",
        unit="fraction",
        minimum=0,
    )
    correlation_change: float = parameter(
        0.10,
        "`correlation_based`: due when the average correlation leaves its baseline by more than this.",
        minimum=0,
        maximum=2,
    )
    window_bars: int = parameter(
        60, "Closed bars that volatility and correlation look at.", unit="bars", minimum=3, maximum=LONGEST_WINDOW
    )
    partial: bool = parameter(False, "Close only `partial_rebalance_factor` of each gap after the first purchase.")
    partial_rebalance_factor: float = parameter(
        0.5,
        "Part of each gap that a partial rebalance trades.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    min_trade_value: float = parameter(10.0, "Trades worth less are not placed.", unit="quote", minimum=0)


@record
class Returns:
    """One symbol's returns by ring slot, NaN until known, and with them every figure; a frame has one slot for all."""

    value: Annotated[Floats, Shape(LONGEST_WINDOW)] = nan  # type: ignore[assignment]  # The default fills the array.


@record
class State:
    """
    Memory of the rebalancer.

    ``decided_ns`` and ``figure`` become the last time and the baseline once the first order of the rebalance under way
    fills, so that one which fails stays due. ``last_ns`` is -1 for never. The returns fill a ring of
    ``window_bars - 1`` slots.
    """

    has_started: bool
    is_counted: bool
    n_events: int
    rebalance: Rebalance
    decided_ns: int
    last_ns: int = -1
    figure: float = nan
    baseline: float = nan
    head: int
    last_price: SymbolFloats = nan  # type: ignore[assignment]
    returns: Annotated[Any, ArrayOf(Returns, "symbols")]
    portfolio: Annotated[Floats, Shape(LONGEST_WINDOW)]


def validate(params: Params, n_symbols: int) -> None:
    """Refuse weights that do not sum to 1 with the cash, within 0.001; no weights at all are equal shares."""
    total = float(np.asarray(params.weight)[:n_symbols].sum())
    if total == 0.0:
        if params.cash_weight >= 1.0:
            raise ConfigError(f"strategy.cash_weight = {params.cash_weight:g}: nothing is left to invest; use less")
        return
    refuse_weights(np.asarray(params.weight)[:n_symbols], float(params.cash_weight))


def prepare(state: State, params: Params, has_positions: bool) -> None:
    """Wait for the trigger at once when the account already holds something; the first purchase is for empty ones."""
    state.has_started = has_positions


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Look at the trigger at every close; sell, and buy once the last sell is settled."""
    if view.cause == Cause.ORDER:
        return _follow(view, state, params, intents)
    if view.cause != Cause.BAR:
        return 0
    if params.trigger == Trigger.VOLATILITY_BASED or params.trigger == Trigger.CORRELATION_BASED:
        _remember(view, state, params)
    for symbol in range(view.n_symbols):
        if view.open_orders[symbol] > 0:
            return 0
    reason = _due(view, state, params)
    return _rebalance(view, state, params, intents, reason) if reason != 0 else 0


@compiled
def _due(view: Record, state: State, params: Params) -> int:
    """Return why a rebalance is due, or 0."""
    state.figure = nan
    if not state.has_started:
        return Reason.START
    if params.trigger == Trigger.THRESHOLD_BASED:
        return Reason.THRESHOLD if is_beyond(_largest_drift(view, params), params.drift_threshold) else 0
    if params.trigger == Trigger.CALENDAR_BASED:
        return Reason.CALENDAR if _is_new_period(view, state, params) else 0
    if params.trigger == Trigger.VOLATILITY_BASED:
        volatility = _volatility(view, state, params)
        limit = params.volatility_change * state.baseline
        return Reason.VOLATILITY if _has_left_baseline(state, volatility, limit) else 0
    if params.trigger == Trigger.CORRELATION_BASED:
        average = _average_correlation(view, state, params)
        return Reason.CORRELATION if _has_left_baseline(state, average, params.correlation_change) else 0
    return 0


@compiled
def _has_left_baseline(state: State, figure: float, limit: float) -> bool:
    """Tell whether a figure is further than ``limit`` from its baseline; the first one becomes the baseline."""
    if state.baseline != state.baseline:
        state.baseline = figure
    state.figure = figure
    return is_beyond(abs(figure - state.baseline), limit)


@compiled
def _is_new_period(view: Record, state: State, params: Params) -> bool:
    """Tell whether the calendar asks; a bar that closes at midnight belongs to the day before."""
    if state.last_ns < 0:
        return True
    if params.frequency == Frequency.ELAPSED_DAYS:
        return (view.time_ns - state.last_ns) // DAY_NS >= params.calendar_days
    return period_of(view.time_ns - 1, params.frequency) != period_of(state.last_ns - 1, params.frequency)


@compiled
def _target(view: Record, params: Params, symbol: int) -> float:
    """Return a symbol's target weight: its own, or an equal share where none has one."""
    for other in range(view.n_symbols):
        if params.weight[other] > 0.0:
            return params.weight[symbol]
    return (1.0 - params.cash_weight) / view.n_symbols


@compiled
def _largest_drift(view: Record, params: Params) -> float:
    """Return the largest absolute drift among the symbols that could be traded now."""
    largest = 0.0
    for symbol in range(view.n_symbols):
        if is_tradable(view, symbol):
            largest = max(largest, abs(weight_of(view, symbol) - _target(view, params, symbol)))
    return largest


@compiled
def _remember(view: Record, state: State, params: Params) -> None:
    """Take the returns of the frame that has closed: 0 without a bar, NaN before a symbol's second price."""
    for symbol in range(view.n_symbols):
        price = view.price[symbol]
        state.returns[symbol].value[state.head] = price / state.last_price[symbol] - 1.0
        state.last_price[symbol] = price
    state.head = state.head + 1 if state.head + 2 < params.window_bars else 0


@compiled
def _volatility(view: Record, state: State, params: Params) -> float:
    """Return the deviation a bar at today's weights; NaN before the window is full, or when all is cash."""
    n_returns = params.window_bars - 1
    invested = 0.0
    for k in range(n_returns):
        state.portfolio[k] = 0.0
    for symbol in range(view.n_symbols):
        weight = weight_of(view, symbol)
        invested += weight
        if weight != 0.0:
            for k in range(n_returns):
                state.portfolio[k] += weight * state.returns[symbol].value[k]
    return sqrt(covariance(state.portfolio, state.portfolio, n_returns)) if invested > 0.0 else nan


@compiled
def _average_correlation(view: Record, state: State, params: Params) -> float:
    """Return the mean correlation over all pairs that are held and can be judged; NaN without any."""
    total = 0.0
    n_pairs = 0
    for first in range(view.n_symbols):
        for second in range(first + 1, view.n_symbols):
            if weight_of(view, first) != 0.0 and weight_of(view, second) != 0.0:
                rho = correlation(state.returns[first].value, state.returns[second].value, params.window_bars - 1)
                if rho == rho:
                    total += rho
                    n_pairs += 1
    return total / n_pairs if n_pairs > 0 else nan


@compiled
def _rebalance(view: Record, state: State, params: Params, intents: Intent, reason: int) -> int:
    """Sell what is above its target and note what is to be bought; buy at once when nothing is to be sold."""
    factor = params.partial_rebalance_factor if params.partial and reason != Reason.START else 1.0
    begin(state.rebalance, view, state.n_events + 1, reason, 0)
    state.is_counted = False
    state.decided_ns = view.time_ns
    n_tradable = 0
    n = 0
    for symbol in range(view.n_symbols):
        if is_tradable(view, symbol):
            n_tradable += 1
            target = _target(view, params, symbol)
            weight, least = weight_of(view, symbol), params.min_trade_value
            n = sell_or_want(state.rebalance, view, symbol, weight, target, factor, least, intents, n)
    n = buy_if_funded(state.rebalance, view, view.cash, params.min_trade_value, intents, n)
    if n == 0 and n_tradable > 0 and reason != Reason.START:
        # Everything is where it should be: that, too, is a rebalance done.
        _complete(state)
    return n


@compiled
def _follow(view: Record, state: State, params: Params, intents: Intent) -> int:
    """Take the first fill as a rebalance done; once the last sell is settled, buy."""
    if view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED:
        _complete(state)
        if not state.is_counted:
            state.is_counted = True
            state.n_events += 1
    if not ends_a_sell(state.rebalance, view):
        return 0
    return buy_if_funded(state.rebalance, view, view.cash, params.min_trade_value, intents, 0)


@compiled
def _complete(state: State) -> None:
    """Remember when the rebalance under way was decided, and on what figure."""
    state.has_started = True
    state.last_ns = state.decided_ns
    if state.figure == state.figure:
        state.baseline = state.figure


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows."""
    return {"n_events": int(state.n_events)}
