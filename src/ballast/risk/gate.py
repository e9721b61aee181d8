"""
The gate: whether the account could bear an order, asked of the account as it would be after it.

Thresholds on the present state cannot protect a ladder whose steps grow, because the step that they allow is the one
that breaks it. So what raises passes only if afterwards available money still covers the panic threshold, and what
opens towards balance, while the ladder stands above NORMAL, only from its own budget. What the gate has passed in
one step counts for the next request of that step.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Any

from ballast.kernel.ledger import leg_index
from ballast.kernel.margin import Legs, legs_after
from ballast.kernel.projection import terms_in
from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, LadderState, MarginModel, PositionMode, PositionSide, Reason, Side
from ballast.model.instrument import quote_rate
from ballast.model.intents import Intent
from ballast.risk.facts import Facts, draw_next, draw_reserve, legs_of_facts, step_margin, weigh, weigh_sides
from ballast.risk.ladder import Ladder, base_qty, is_raising
from ballast.risk.settings import Profile, RiskSettings
from ballast.risk.thresholds import has_fallen_to, has_reached

View = Any


@compiled
def gate(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts, intent: Intent) -> int:
    """
    Return ``Reason.LADDER_GATE`` if the account could not bear this order, or ``Reason.NONE``.

    For orders that ``review`` has passed; ``facts`` are ``measure``'s of this step. An approved order stays in
    them as if it had filled, with its cost gone from what is available. An order whose size or price cannot be told
    is refused.
    """
    is_order = intent.kind == IntentKind.PLACE or (intent.kind == IntentKind.AMEND and intent.qty > 0.0)
    if settings.profile == Profile.OFF or not facts.has_margin or not is_order or intent.reduce_only:
        return Reason.NONE
    raising = is_raising(ladder, view, intent)
    if not raising and ladder.state == LadderState.NORMAL:
        return Reason.NONE
    if settings.profile == Profile.DOCUMENTED:
        return _documented_gate(view, facts, intent) if raising else Reason.NONE
    price = _worse_price(view, intent)
    before = legs_of_facts(facts, intent.symbol)
    after = _legs_with(view, before, intent, price)
    cost = order_cost(view, facts, intent.symbol, after, price)
    if not raising:
        # Written so that an unknown cost, NaN, is refused.
        return Reason.NONE if cost <= settings.panic_balance_fraction * facts.available else Reason.LADDER_GATE
    return _project(view, settings, facts, intent, after, cost)


@compiled
def order_cost(view: View, facts: Facts, symbol: int, after: Legs, price: float) -> float:
    """
    Return what an order takes from the available balance: margin, the fees of opening and closing, slippage.

    The closing fee is part of the margin already where the margin model sets it aside.
    """
    before = legs_of_facts(facts, symbol)
    long_added = max(0.0, after.long_qty - before.long_qty)
    short_added = max(0.0, after.short_qty - before.short_qty)
    margin = step_margin(view, facts, symbol, long_added, short_added)
    fees = 2.0 if terms_in(view, symbol).model != MarginModel.BYBIT_UNIFIED else 1.0
    notional = (long_added + short_added) * price
    charge = notional * (fees * view.taker_fee_rate + view.slippage_rate)
    return margin.offset + margin.weight * view.mark[symbol] + charge


@compiled
def _documented_gate(view: View, facts: Facts, intent: Intent) -> int:
    """Compare what is available before the order with the order's margin; equality passes."""
    qty = abs(base_qty(view, intent, nan)) * quote_rate(view, intent.symbol)
    margin = qty * view.mark[intent.symbol] / view.leverage[intent.symbol]
    return Reason.NONE if has_reached(facts.available_for_trading, margin) else Reason.LADDER_GATE


@compiled
def _worse_price(view: View, intent: Intent) -> float:
    """Return the higher of the mark and the order's own price: fees grow with it on both sides."""
    mark = view.mark[intent.symbol]
    return mark if isnan(intent.price) else max(mark, intent.price)


@compiled
def _legs_with(view: View, legs: Legs, intent: Intent, price: float) -> Legs:
    rate = quote_rate(view, intent.symbol)
    held = abs(legs.long_qty - legs.short_qty) / rate
    signed_qty = intent.side * base_qty(view, intent, held) * rate
    hedged = view.position_mode == PositionMode.HEDGE
    return legs_after(legs, hedged, intent.position_side != PositionSide.SHORT, signed_qty, price)


@compiled
def _project(view: View, settings: RiskSettings, facts: Facts, intent: Intent, after: Legs, cost: float) -> int:
    """Judge the account with the order filled; put everything back if it is refused."""
    leg = leg_index(0, view.n_symbols, intent.symbol, intent.position_side)
    before = legs_of_facts(facts, intent.symbol)
    next_qty, available = facts.next_qty[leg], facts.available
    facts.next_qty[leg] = intent.next_qty * quote_rate(view, intent.symbol)
    _recompute(view, settings, facts, intent.symbol, after, available - cost)
    side_margin = facts.long_margin if intent.side == Side.BUY else facts.short_margin
    is_covered = has_reached(facts.available_for_trading, settings.panic_mult * facts.next_worst_case)
    if is_covered and has_fallen_to(side_margin, settings.max_side_margin_pct / 100.0 * facts.equity):
        return Reason.NONE
    facts.next_qty[leg] = next_qty
    _recompute(view, settings, facts, intent.symbol, before, available)
    return Reason.LADDER_GATE


@compiled
def _recompute(view: View, settings: RiskSettings, facts: Facts, symbol: int, legs: Legs, available: float) -> None:
    facts.leg_qty[2 * symbol], facts.leg_entry[2 * symbol] = legs.long_qty, legs.long_entry
    facts.leg_qty[2 * symbol + 1], facts.leg_entry[2 * symbol + 1] = legs.short_qty, legs.short_entry
    facts.available = available
    draw_reserve(view, settings, facts)
    draw_next(view, settings, facts)
    weigh_sides(view, facts)
    weigh(facts, settings)
