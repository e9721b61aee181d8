"""
From verdicts to orders: entries with their limits, protection, and ways out.

A symbol has one trade at a time: a market entry that fills at the next open or not at all; then a stop and a
target, of which one cancels the other; or an exit at the market, by time, by regime or by a verdict. On a
spot account SELL only reduces.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import EngineRole, EventKind, QtyUnit, Side, TimeInForce
from ballast.model.enums import Reason as Fault
from ballast.model.intents import Intent, cancel, next_open_ns, note, note_three, place_limit, place_market, place_stop
from ballast.model.records import Record
from ballast.model.units import floor_to_step, meets_minimums
from ballast.portfolio.rebalancing import minimum_value
from ballast.strategies.tight_range.exposure import DUST, keep_contra, keep_contra_sale, own_qty, sold
from ballast.strategies.tight_range.handler import stop_fraction, target_fraction
from ballast.strategies.tight_range.layers import FEATURES_PER_SYMBOL, Action, Feature
from ballast.strategies.tight_range.paths import Label, passes_gate
from ballast.strategies.tight_range.regimes import TOLERANCE, is_tight
from ballast.strategies.tight_range.settings import BandTarget, Phase, Reason, Role, TargetMode


@compiled
def act(row: Any, view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Do what a symbol's new verdict asks for, or what its trade's age and regime do; return the count of intents."""
    market = state.markets[symbol]
    trade, decision = market.trade, market.decision
    action = decision.verdict.action if decision.verdict.confidence > 0.0 else 0
    if trade.phase == Phase.OPEN:
        reason = _closing_reason(view, params, trade, decision.evidence)
        if reason != 0:
            trade.is_contra_exit = False
            if reason == Reason.REGIME_EXIT:
                n = _explain_regime(decision.evidence, symbol, intents, n)
            return _exit(view, state, symbol, intents, n, trade.qty, reason)
    if trade.phase == Phase.ENTERING or trade.phase == Phase.CLOSING or state.rebalance_orders > 0:
        return n
    if action == Action.SELL and own_qty(view, state, symbol) > 0.0:
        return _reduce(view, state, params, symbol, intents, n)
    if action == Action.BUY and trade.phase == Phase.FLAT:
        return _enter(row, view, state, params, symbol, intents, n)
    return n


@compiled
def _closing_reason(view: Record, params: Record, trade: Record, evidence: Record) -> int:
    """Return why an open trade must end now, 0 when it need not."""
    if trade.must_close:
        return Reason.UNPROTECTED
    is_old = view.time_ns - trade.entry_ns >= params.time_stop_bars * view.interval_ns
    if params.time_stop_bars > 0 and is_old:
        return Reason.TIME_STOP
    if params.regime_exit and trade.is_range and not is_tight(evidence):
        return Reason.REGIME_EXIT
    return 0


@compiled
def _refuse(state: Record, symbol: int, intents: Intent, n: int, value: float, reason: int) -> int:
    """Keep a refusal in the decision, and note it when it is not the one before again."""
    market = state.markets[symbol]
    market.decision.refusal = reason
    if market.last_refusal == reason:
        return n
    market.last_refusal = reason
    return note(intents, n, symbol, value, 0, reason)


@compiled
def _explain_regime(evidence: Record, symbol: int, intents: Intent, n: int) -> int:
    """Note L3's answer, and if it is the classifier's, the numbers behind it."""
    case = 10 * evidence.regime + evidence.subtype
    n = note_three(intents, n, symbol, evidence.confidence, evidence.direction, 0.0, case, Reason.L3_SAID)
    if evidence.window_bars == 0:
        return n
    change, efficiency, volume = evidence.change, evidence.efficiency, evidence.volume_ratio
    n = note_three(intents, n, symbol, change, efficiency, volume, evidence.window_bars, Reason.WINDOW_WAS)
    trend, volatile, breakout = evidence.trend_score, evidence.volatile_score, evidence.breakout_score
    n = note_three(intents, n, symbol, trend, volatile, breakout, 0, Reason.SCORES_WERE)
    touches = min(evidence.upper_touches, evidence.lower_touches)
    width, range_20 = evidence.band_width, evidence.range_20
    return note_three(intents, n, symbol, evidence.range_score, width, range_20, touches, Reason.RANGE_WAS)


@compiled
def explain(view: Record, state: Record, symbol: int, intents: Intent, n: int) -> int:
    """Note what every layer said before an order: the side or case as level, the confidence as value."""
    decision = state.markets[symbol].decision
    votes, opinion, evidence = decision.votes, decision.opinion, decision.evidence
    at = FEATURES_PER_SYMBOL * symbol
    n = note_three(intents, n, symbol, votes.buy, votes.sell, votes.hold, votes.n_votes, Reason.L1_SAID)
    n = note(intents, n, symbol, opinion.confidence, opinion.action, Reason.L2_SAID)
    n = note(intents, n, symbol, decision.joint_confidence, decision.joint_action, Reason.L1_L2_SAID)
    n = _explain_regime(evidence, symbol, intents, n)
    n = note(intents, n, symbol, decision.verdict.confidence, decision.verdict.label, Reason.PATH_SAID)
    rsi, atr, adx = view.feature[at + Feature.RSI], view.feature[at + Feature.ATR], view.feature[at + Feature.ADX]
    return note_three(intents, n, symbol, rsi, atr, adx, 0, Reason.INDICATORS_WERE)


@compiled
def _entry_reason(label: int, is_contra: bool) -> int:
    """Return the reason that an entry carries."""
    if is_contra:
        return Reason.CONTRA_ENTRY
    if label == Label.MEAN_REVERSION:
        return Reason.RANGE_ENTRY
    if label == Label.AGREEMENT:
        return Reason.AGREEMENT_ENTRY
    if label == Label.TREND_DEFAULT or label == Label.TREND_FOLLOWING:
        return Reason.TREND_ENTRY
    if label == Label.NEUTRAL:
        return Reason.NEUTRAL_ENTRY
    if label == Label.DOMINANCE:
        return Reason.DOMINANCE_ENTRY
    return Reason.BREAKOUT_RANGE_ENTRY if label == Label.RANGE_STRATEGY else Reason.TACTICAL_ENTRY


@compiled
def _aim(view: Record, params: Record, symbol: int, verdict: Record, trade: Record, price: float) -> None:
    """Set a new trade's distances, or its levels where the band gives them."""
    at = FEATURES_PER_SYMBOL * symbol
    atr = view.feature[at + Feature.ATR]
    trade.stop_fraction = verdict.stop_fraction if verdict.stop_fraction > 0.0 else stop_fraction(atr / price)
    trade.target_fraction = verdict.target_fraction if verdict.stop_fraction > 0.0 else target_fraction(atr / price)
    trade.stop_price = 0.0
    trade.target_price = 0.0
    trade.is_range = verdict.label == Label.MEAN_REVERSION
    if trade.is_range and params.target_mode == TargetMode.BAND:
        is_mean = params.band_target == BandTarget.MEAN
        trade.target_price = view.feature[at + Feature.MIDDLE] if is_mean else view.feature[at + Feature.UPPER]
        trade.stop_price = view.feature[at + Feature.LOWER] - atr
        trade.target_fraction = trade.target_price / price - 1.0
        trade.stop_fraction = 1.0 - trade.stop_price / price


@compiled
def _enter(row: Any, view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Buy, if gate, costs, caps and cash let it."""
    market = state.markets[symbol]
    trade, verdict = market.trade, market.decision.verdict
    price = row.close[symbol]
    if not passes_gate(params.path, verdict.source):
        return _refuse(state, symbol, intents, n, verdict.confidence, Reason.SOURCE_REFUSED)
    _aim(view, params, symbol, verdict, trade, price)
    if not (trade.target_fraction > 0.0 and 0.0 < trade.stop_fraction < 1.0):
        return _refuse(state, symbol, intents, n, trade.target_fraction, Reason.BAND_PASSED)
    round_trip = 2.0 * (view.taker_fee_rate + view.slippage_rate)
    if trade.target_fraction < params.cost_multiple * round_trip - TOLERANCE:
        return _refuse(state, symbol, intents, n, trade.target_fraction, Reason.COST_GATE)
    notional = params.base_position_pct * verdict.size_multiplier * view.equity
    room = params.max_position_pct * view.equity - view.position_qty[2 * symbol] * price
    if room < params.min_order_value:
        return _refuse(state, symbol, intents, n, room, Reason.POSITION_CAP)
    if verdict.is_contra and state.contra_room < params.min_order_value:
        return _refuse(state, symbol, intents, n, state.contra_room, Reason.CONTRA_CAP)
    notional = min(notional, room, state.free_cash / ((1.0 + view.taker_fee_rate) * (1.0 + TOLERANCE)))
    if verdict.is_contra:
        notional = min(notional, state.contra_room)
    if notional < params.min_order_value:
        return _refuse(state, symbol, intents, n, notional, Reason.BELOW_MINIMUM)
    return _buy(view, state, params, symbol, intents, n, notional)


@compiled
def _buy(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int, notional: float) -> int:
    """Place a trade's entry and reserve what it takes."""
    market = state.markets[symbol]
    trade, verdict = market.trade, market.decision.verdict
    _begin(state, trade, Phase.ENTERING)
    trade.notional = notional
    trade.is_contra = verdict.is_contra
    state.free_cash -= notional * (1.0 + view.taker_fee_rate)
    if verdict.is_contra:
        market.contra_pending = notional
        state.contra_room -= notional
    market.last_refusal = 0
    n = note(intents, n, symbol, verdict.confidence, verdict.action, Reason.SIGNALLED)
    n = explain(view, state, symbol, intents, n)
    reason = _entry_reason(verdict.label, verdict.is_contra)
    n = place_market(intents, n, symbol, Side.BUY, notional, QtyUnit.QUOTE, reason)
    intents[n - 1].time_in_force = TimeInForce.IOC  # type: ignore[index]
    intents[n - 1].min_notional = params.min_order_value * (1.0 - TOLERANCE)  # type: ignore[index]
    intents[n - 1].stop_distance = trade.stop_fraction * view.price[symbol]  # type: ignore[index]
    return _finish(view, trade, intents, n, Role.ENTRY)


@compiled
def _begin(state: Record, trade: Record, phase: int) -> None:
    """Give a trade its number, and forget the one before."""
    state.n_orders += 1
    trade.number = state.n_orders
    trade.phase = phase
    trade.qty = 0.0
    trade.entry_qty = 0.0
    trade.entry_price = 0.0
    trade.notional = 0.0
    trade.is_contra = False
    trade.has_target = False
    trade.must_close = False


@compiled
def _finish(view: Record, trade: Record, intents: Intent, n: int, role: int) -> int:
    """Mark the newest intent as the trade's, to fill at the next open or not at all; return the count."""
    intent = intents[n - 1]  # type: ignore[index]
    intent.role = role
    intent.cycle = trade.number
    intent.expiry_ns = next_open_ns(view)
    return n


@compiled
def _reduce(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Sell what a verdict's size comes to, up to what is held, and against a rise up to what contra may."""
    market = state.markets[symbol]
    trade, verdict = market.trade, market.decision.verdict
    price = view.price[symbol]
    held = own_qty(view, state, symbol)
    least = minimum_value(view, symbol, params.min_order_value)
    if not passes_gate(params.path, verdict.source):
        return _refuse(state, symbol, intents, n, verdict.confidence, Reason.SOURCE_REFUSED)
    notional = min(params.base_position_pct * verdict.size_multiplier * view.equity, held * price)
    if verdict.is_contra:
        if state.contra_room < params.min_order_value:
            return _refuse(state, symbol, intents, n, state.contra_room, Reason.CONTRA_CAP)
        notional = min(notional, state.contra_room)
    elif held * price - notional < least:
        notional = held * price
    qty = min(held, notional / price)
    if notional < least or not _can_be_sold(view, symbol, qty):
        return _refuse(state, symbol, intents, n, notional, Reason.BELOW_MINIMUM)
    reason = Reason.REDUCTION + 0
    if verdict.is_contra:
        reason = Reason.CONTRA_REDUCTION + 0
        market.contra_pending = notional
        state.contra_room -= notional
    if trade.phase == Phase.FLAT:
        _begin(state, trade, Phase.CLOSING)
    trade.is_contra_exit = verdict.is_contra
    market.last_refusal = 0
    n = note(intents, n, symbol, verdict.confidence, verdict.action, Reason.SIGNALLED)
    n = explain(view, state, symbol, intents, n)
    return _exit(view, state, symbol, intents, n, qty, reason)


@compiled
def _can_be_sold(view: Record, symbol: int, qty: float) -> bool:
    """Tell whether so much of a symbol makes an order that the venue takes."""
    lots = floor_to_step(qty, view.lot_units[symbol], view.lot_scale[symbol])
    return meets_minimums(lots, view.price[symbol], view.min_qty[symbol], view.min_notional[symbol])


@compiled
def _exit(view: Record, state: Record, symbol: int, intents: Intent, n: int, qty: float, reason: int) -> int:
    """Take the protection away and sell at the market."""
    trade = state.markets[symbol].trade
    if trade.phase == Phase.OPEN:
        n = _unprotect(trade, symbol, intents, n, reason)
    trade.phase = Phase.CLOSING
    n = place_market(intents, n, symbol, Side.SELL, qty, QtyUnit.BASE, reason)
    intents[n - 1].reduce_only = True  # type: ignore[index]
    return _finish(view, trade, intents, n, Role.EXIT)


@compiled
def _unprotect(trade: Record, symbol: int, intents: Intent, n: int, reason: int) -> int:
    """Cancel a trade's stop and target."""
    if not trade.must_close:
        n = cancel(intents, n, symbol, Role.STOP, 0, reason)
    if trade.has_target:
        n = cancel(intents, n, symbol, Role.TARGET, 0, reason)
    trade.has_target = False
    return n


@compiled
def _protect(trade: Record, symbol: int, intents: Intent, n: int) -> int:
    """Place the stop and the target of what a trade holds."""
    trade.phase = Phase.OPEN
    trade.must_close = False
    n = _place_stop(trade, symbol, intents, n)
    n = place_limit(intents, n, symbol, Side.SELL, trade.qty, trade.target_price, Reason.TARGET)
    trade.has_target = True
    return _mark(trade, intents, n, Role.TARGET)


@compiled
def _place_stop(trade: Record, symbol: int, intents: Intent, n: int) -> int:
    n = place_stop(intents, n, symbol, Side.SELL, trade.qty, trade.stop_price, Reason.STOP)
    return _mark(trade, intents, n, Role.STOP)


@compiled
def _mark(trade: Record, intents: Intent, n: int, role: int) -> int:
    intent = intents[n - 1]  # type: ignore[index]
    intent.role = role
    intent.cycle = trade.number
    intent.reduce_only = True
    return n


@compiled
def on_order(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Follow a trade's orders to their ends."""
    market = state.markets[view.event_symbol]
    if view.event_role >= EngineRole.BALANCE:
        return _give_up(view, state, market, intents)
    if view.event_cycle == 0 or view.event_cycle != market.trade.number:
        return 0
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    if view.event_role == Role.ENTRY:
        return _on_entry(view, state, market, intents, is_fill)
    if is_fill:
        market.trade.qty = max(0.0, market.trade.qty - view.event_qty)
        sold(market, view.event_qty)
    if view.event_role == Role.EXIT:
        return _on_exit(view, market, intents, is_fill)
    return _on_protection(view, market, intents)


@compiled
def _give_up(view: Record, state: Record, market: Record, intents: Intent) -> int:
    """Take out of a trade what somebody else has sold of it: a guard, the ladder, the venue; nothing left ends it."""
    trade = market.trade
    held = own_qty(view, state, view.event_symbol)
    if held >= trade.qty * (1.0 - DUST):
        return 0
    sold(market, trade.qty - held)
    trade.qty = held
    # Without its coins an exit on its way is refused, and ends the trade by that.
    if trade.phase != Phase.OPEN or held > DUST * trade.entry_qty:
        return 0
    trade.phase = Phase.FLAT
    return _unprotect(trade, view.event_symbol, intents, 0, Reason.STOP)


@compiled
def _on_entry(view: Record, state: Record, market: Record, intents: Intent, is_fill: bool) -> int:
    """Count what an entry bought; once it has ended, protect it."""
    trade = market.trade
    if is_fill:
        if trade.qty == 0.0:
            trade.entry_ns = view.time_ns
        cost = trade.qty * trade.entry_price + view.event_qty * view.event_price
        trade.qty += view.event_qty
        trade.entry_price = cost / trade.qty
        trade.entry_qty = trade.qty
        keep_contra(market, trade.is_contra, view.event_qty, view.event_price)
    if view.event_kind == EventKind.PARTIALLY_FILLED:
        return 0
    market.contra_pending = 0.0
    if trade.qty == 0.0:
        trade.phase = Phase.FLAT
        return 0
    state.n_trades += 1
    if trade.stop_price == 0.0:
        trade.stop_price = trade.entry_price * (1.0 - trade.stop_fraction)
        trade.target_price = trade.entry_price * (1.0 + trade.target_fraction)
    n = note(intents, 0, view.event_symbol, trade.stop_price, trade.number, Reason.STOP_IS)
    n = note(intents, n, view.event_symbol, trade.target_price, trade.number, Reason.TARGET_IS)
    return _protect(trade, view.event_symbol, intents, n)


@compiled
def _on_exit(view: Record, market: Record, intents: Intent, is_fill: bool) -> int:
    """Count what an exit sold; once it has ended, protect what is left."""
    trade = market.trade
    if is_fill:
        keep_contra_sale(market, trade.is_contra_exit, view.event_qty * view.event_price)
    if view.event_kind == EventKind.PARTIALLY_FILLED:
        return 0
    market.contra_pending = 0.0
    if trade.qty <= DUST * trade.entry_qty:
        trade.phase = Phase.FLAT
        return 0
    if _is_unsellable(view, trade):
        trade.phase = Phase.FLAT
        return note(intents, 0, view.event_symbol, trade.qty, 0, Reason.DUST)
    return _protect(trade, view.event_symbol, intents, 0)


@compiled
def _is_unsellable(view: Record, trade: Record) -> bool:
    """Tell whether an exit was refused because nothing of its trade could be sold; it may have been for a part."""
    fault = view.event_reason
    if view.event_kind != EventKind.REJECTED:
        return False
    if fault == Fault.BELOW_MINIMUM_NOTIONAL or fault == Fault.BELOW_LOT or fault == Fault.INVALID_QTY:
        return not _can_be_sold(view, view.event_symbol, trade.qty)
    return fault == Fault.NOTHING_TO_REDUCE


@compiled
def _on_protection(view: Record, market: Record, intents: Intent) -> int:
    """Let one of stop and target cancel the other; a stop that was refused ends the trade at the next close."""
    trade, symbol = market.trade, view.event_symbol
    is_stop = view.event_role == Role.STOP
    n = 0
    if view.event_kind == EventKind.REJECTED:
        if is_stop:
            trade.must_close = True
        else:
            trade.has_target = False
    elif view.event_kind == EventKind.PARTIALLY_FILLED:
        if is_stop and trade.has_target:
            n = cancel(intents, n, symbol, Role.TARGET, 0, Reason.STOP)
            trade.has_target = False
        elif not is_stop:
            n = cancel(intents, n, symbol, Role.STOP, 0, Reason.TARGET)
            n = _place_stop(trade, symbol, intents, n)
    elif view.event_kind == EventKind.FILLED:
        if is_stop and trade.has_target:
            n = cancel(intents, n, symbol, Role.TARGET, 0, Reason.STOP)
        elif not is_stop and not trade.must_close:
            n = cancel(intents, n, symbol, Role.STOP, 0, Reason.TARGET)
        trade.has_target = False
        trade.qty = 0.0
        if trade.phase == Phase.OPEN:
            trade.phase = Phase.FLAT
    return n
