"""Looking for entries: which symbols have a signal, in which order they are asked, and what is refused why."""

from __future__ import annotations

from math import nan
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import LadderState, PositionSide, QtyUnit, Side, TimeInForce
from ballast.model.intents import Intent, note, place_market
from ballast.model.units import is_price
from ballast.orders.contract_terms import ContractTerms
from ballast.strategies.staged_trend.chance import draw, is_left_out
from ballast.strategies.staged_trend.costs import cost_reason, entry_cost, scan_order
from ballast.strategies.staged_trend.entry import claim, reason_before_risk, settle
from ballast.strategies.staged_trend.money import best_prices, read_terms, round_trip_fees
from ballast.strategies.staged_trend.quality import quality
from ballast.strategies.staged_trend.settings import Params, Reason, Role
from ballast.strategies.staged_trend.signal import N_OUTPUTS, Feature, signal
from ballast.strategies.staged_trend.sizing import lots, lots_reason, risk_of, stop_distance
from ballast.strategies.staged_trend.state import State, TradeStatus, count_on, empty_slot
from ballast.strategies.staged_trend.stops import stop_reason

View = Any


@compiled
def scan(view: View, state: State, params: Params, intents: Intent, n: int) -> int:
    """Ask every symbol with a signal, the cheapest first."""
    for symbol in range(state.costs.shape[0]):
        state.costs[symbol] = nan
    for symbol in range(view.n_symbols):
        side = side_of(view, params, symbol)
        if side == PositionSide.NONE:
            continue
        state.sides[symbol] = side
        state.qualities[symbol] = quality_of(view, params, symbol, side)
        n = note(intents, n, symbol, state.qualities[symbol], side, Reason.SIGNAL)
        read_terms(view, symbol, state.terms)
        bid, ask = best_prices(view, params, symbol)
        fees = round_trip_fees(view, state.terms, state.terms.min_lots, ask if side == PositionSide.LONG else bid)
        state.costs[symbol] = entry_cost(state.terms, state.terms.min_lots, bid, ask, fees)
        if state.costs[symbol] != state.costs[symbol]:
            is_priced = is_price(bid) and ask >= bid
            n = note(intents, n, symbol, nan, side, Reason.TERMS_UNKNOWN if is_priced else Reason.PRICE_UNKNOWN)
    for k in range(scan_order(state.costs, params.name_rank, state.order)):
        n = _consider(view, state, params, state.order[k], intents, n)
    return n


@compiled
def side_of(view: View, params: Params, symbol: int) -> int:
    """Return which way a symbol's signal points."""
    at = N_OUTPUTS * symbol
    return signal(
        view.feature[at + Feature.SMA_FAST], view.feature[at + Feature.SMA_SLOW], view.feature[at + Feature.RSI], params
    )


@compiled
def quality_of(view: View, params: Params, symbol: int, side: int) -> float:
    """Return how good a symbol's signal is."""
    at = N_OUTPUTS * symbol
    return quality(
        view.feature[at + Feature.SMA_FAST],
        view.feature[at + Feature.SMA_SLOW],
        view.feature[at + Feature.RSI],
        view.feature[at + Feature.CHOPPINESS],
        view.feature[at + Feature.ADX],
        side,
        params,
    )


@compiled
def _consider(view: View, state: State, params: Params, symbol: int, intents: Intent, n: int) -> int:
    """Open a trade, or note the first reason against it."""
    side, terms = state.sides[symbol], state.terms
    _request(view, state, symbol, side)
    told = state.request.quality
    # How much it may be, and so its risk, takes more reckoning than all questions before.
    reason = reason_before_risk(state.request, state.stages[symbol], state.slots, params)
    if reason != Reason.NONE:
        return note(intents, n, symbol, told, side, reason)
    bid, ask = best_prices(view, params, symbol)
    read_terms(view, symbol, terms)
    atr = view.feature[N_OUTPUTS * symbol + Feature.ATR]
    distance = stop_distance(terms, params.is_crypto[symbol], atr, bid, ask, params)
    size = lots(terms, distance, params)
    state.request.risk = risk_of(terms, size, distance)
    reason = claim(state.request, state.stages[symbol], state.slots, params)
    if reason == Reason.NONE:
        reason = _terms_reason(view, params, symbol, side, terms, bid, ask, distance, size)
        if reason == Reason.NONE:
            told = draw(params.randomness_seed, symbol, state.cycle)
            if not is_left_out(told, params.randomness_factor):
                return _enter(view, state, symbol, side, size, distance, intents, n)
            reason = Reason.RANDOMNESS
        settle(state.slots, False)
    return note(intents, n, symbol, told, side, reason)


@compiled
def _request(view: View, state: State, symbol: int, side: int) -> None:
    """Write down who asks; what it risks is not known yet."""
    request = state.request
    age_ns = view.time_ns - view.bar_ts_ns[symbol] - view.interval_ns
    request.is_halted = view.ladder_state != LadderState.NORMAL
    request.is_stale = age_ns > view.max_stale_bars * view.interval_ns
    request.is_symbol_known = True
    request.side = side
    request.n_on_symbol = count_on(state, symbol)
    if request.n_on_symbol == 0 and view.position_qty[2 * symbol] != 0.0:
        # Somebody else's: there is no record of it.
        request.n_on_symbol = 1
    request.time_ns = view.time_ns
    request.quality = state.qualities[symbol]
    request.risk = nan


@compiled
def _terms_reason(
    view: View,
    params: Params,
    symbol: int,
    side: int,
    terms: ContractTerms,
    bid: float,
    ask: float,
    distance: float,
    size: float,
) -> int:
    """Return what size, costs or stop say against an entry."""
    entry = ask if side == PositionSide.LONG else bid
    reason = lots_reason(terms, distance, params)
    if reason == Reason.NONE:
        cost = entry_cost(terms, size, bid, ask, round_trip_fees(view, terms, size, entry))
        reason = cost_reason(terms, params.is_crypto[symbol], bid, ask, distance, cost, params)
    if reason == Reason.NONE:
        trigger = entry - distance if side == PositionSide.LONG else entry + distance
        reason = stop_reason(terms, side, bid, ask, trigger, params)
    return reason


@compiled
def _enter(
    view: View, state: State, symbol: int, side: int, size: float, distance: float, intents: Intent, n: int
) -> int:
    """Ask for a trade: a market order that must fill in the next bar, whose slot has been claimed."""
    slot = empty_slot(state)
    trade = state.trades[slot]
    trade.status = TradeStatus.ASKED
    trade.ticket = state.next_ticket
    trade.symbol = symbol
    trade.side = side
    trade.distance = distance
    state.next_ticket += 1
    order_side = Side.BUY if side == PositionSide.LONG else Side.SELL
    n = place_market(intents, n, symbol, order_side, size, QtyUnit.BASE, Reason.ENTRY)
    intent = intents[n - 1]  # type: ignore[index]
    intent.time_in_force = TimeInForce.IOC
    intent.expiry_ns = view.time_ns + view.latency_ns + view.interval_ns
    intent.stop_distance = distance
    intent.role = Role.ENTRY
    intent.level = slot
    intent.cycle = trade.ticket
    return n
