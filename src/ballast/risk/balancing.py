"""
Balancing in PANIC: buying the lighter leg of every symbol up to the heavier one, as far as money allows.

It cuts the net position but raises the gross one at the worst time. So it spends a part of what is available, counts
its own fees and slippage, rounds down, and never takes the maintenance margin rate above a limit; under the hedge
rule, where balance is what lowers that rate, it may not raise it at all. The documented profile spends everything
on margin alone.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from ballast.kernel.margin import Legs, legs_after, margin_rate
from ballast.kernel.projection import account_figures, figures_with, terms_in
from ballast.model.compiled import compiled
from ballast.model.enums import EngineRole, MarginModel, PositionMode, PositionSide, QtyUnit, Side
from ballast.model.instrument import quote_rate
from ballast.model.intents import Intent, place_market
from ballast.model.order_terms import largest_value
from ballast.model.order_terms import order_cost as venue_order_cost
from ballast.model.units import floor_to_step, meets_minimums
from ballast.risk.emergency import close_leg
from ballast.risk.facts import Facts, legs_of_facts
from ballast.risk.gate import order_cost
from ballast.risk.ladder import Ladder
from ballast.risk.settings import Profile, RiskSettings
from ballast.risk.thresholds import has_fallen_to, is_under

View = Any

PREFERS_REDUCING = 0.5
"""With money for less than this part of the balancing, reducing the heavier leg is better, if it is allowed."""


class BalancingOutcome(IntEnum):
    """What became of an attempt at balancing."""

    NONE = 0
    NOTHING_TO_DO = 1
    TOO_LITTLE_AVAILABLE = 2  # critical: not even the minimum
    PLANNED = 3
    REDUCING = 4
    NOTHING_PASSED = 5  # below the minimum order everywhere, or the maintenance margin forbids it


class Load(NamedTuple):
    """An account's equity and maintenance margin while orders are being added to a plan."""

    equity: float
    maintenance_margin: float


@compiled
def plan_balancing(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts, intents: Intent) -> int:
    """
    Write the orders of one attempt at balancing; return how many.

    Notes the attempt, its ``BalancingOutcome`` and the scale (part of the imbalance that money allows for) in the
    ladder, whether or not anything could be ordered.
    """
    ladder.balanced_ns = ladder.evaluated_ns
    ladder.balancing_scale = 0.0
    total = 0.0
    for symbol in range(view.n_symbols):
        total += balancing_cost(view, settings, facts, symbol)
    if total == 0.0:
        ladder.balancing_outcome = BalancingOutcome.NOTHING_TO_DO
        return 0
    # Written so that an unknown balance is too little.
    if not facts.available >= settings.panic_min_available_usd or not total > 0.0:
        ladder.balancing_outcome = BalancingOutcome.TOO_LITTLE_AVAILABLE
        return 0
    usable = settings.panic_balance_fraction * facts.available
    ladder.balancing_scale = min(1.0, usable / total)
    if settings.panic_reduce_heavier and is_under(ladder.balancing_scale, PREFERS_REDUCING):
        n = _reduce_heavier(view, ladder, facts, intents)
        ladder.balancing_outcome = BalancingOutcome.REDUCING
    else:
        n = _add_to_lighter(view, ladder, settings, facts, intents)
        ladder.balancing_outcome = BalancingOutcome.PLANNED
    if n == 0:
        ladder.balancing_outcome = BalancingOutcome.NOTHING_PASSED
    return n


@compiled
def missing_qty(view: View, facts: Facts, symbol: int) -> float:
    """Return what the lighter leg lacks (base units): > 0 if that is LONG, < 0 if SHORT, 0 within half an order."""
    if view.position_mode != PositionMode.HEDGE:
        return 0.0
    missing = (facts.leg_qty[2 * symbol + 1] - facts.leg_qty[2 * symbol]) / quote_rate(view, symbol)
    return missing if abs(missing) > view.min_qty[symbol] / 2.0 else 0.0


@compiled
def _balanced(view: View, facts: Facts, symbol: int, signed_qty: float) -> Legs:
    """Return the legs once the lighter one has bought (> 0, LONG) or sold (< 0, SHORT) so much at the market."""
    price = view.mark[symbol] * (1.0 + (view.slippage_rate if signed_qty > 0.0 else -view.slippage_rate))
    return legs_after(
        legs_of_facts(facts, symbol), True, signed_qty > 0.0, signed_qty * quote_rate(view, symbol), price
    )


@compiled
def balancing_cost(view: View, settings: RiskSettings, facts: Facts, symbol: int) -> float:
    """Return what balancing a symbol whole would take from the available balance; 0 if it is balanced."""
    missing = missing_qty(view, facts, symbol)
    if missing == 0.0:
        return 0.0
    if settings.profile == Profile.DOCUMENTED:
        return abs(missing) * quote_rate(view, symbol) * view.mark[symbol] / view.leverage[symbol]
    return order_cost(view, facts, symbol, _balanced(view, facts, symbol, missing), view.mark[symbol])


@compiled
def _add_to_lighter(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts, intents: Intent) -> int:
    n = 0
    figures = account_figures(view)
    load = Load(figures.equity, figures.maintenance_margin)
    for symbol in range(view.n_symbols):
        missing = missing_qty(view, facts, symbol)
        qty = abs(missing) * ladder.balancing_scale
        if settings.profile != Profile.DOCUMENTED:
            # The venue asks for the whole cost of an order, whatever the heavier leg carries already.
            qty = min(qty, settings.panic_balance_fraction * facts.available / _order_cost_per_coin(view, symbol))
            qty = min(qty, _room_in_tiers(view, facts, symbol))
            qty = floor_to_step(qty, view.lot_units[symbol], view.lot_scale[symbol])
            if not meets_minimums(qty, view.mark[symbol], view.min_qty[symbol], view.min_notional[symbol]):
                continue
            then = _load_after(view, facts, load, symbol, qty if missing > 0.0 else -qty)
            if not _may_carry(view, settings, load, then):
                continue
            load = then
        if qty > 0.0:
            n = place_market(
                intents, n, symbol, Side.BUY if missing > 0.0 else Side.SELL, qty, QtyUnit.BASE, ladder.reason
            )
            intent = intents[n - 1]  # type: ignore[index]
            intent.position_side = PositionSide.LONG if missing > 0.0 else PositionSide.SHORT
            intent.role = EngineRole.BALANCE
    return n


@compiled
def _order_cost_per_coin(view: View, symbol: int) -> float:
    """Return what the venue wants to see available for each coin of an order, on the side where it wants more."""
    price = view.mark[symbol] * (1.0 + view.slippage_rate)
    return venue_order_cost(price * quote_rate(view, symbol), Side.SELL, terms_in(view, symbol))


@compiled
def _room_in_tiers(view: View, facts: Facts, symbol: int) -> float:
    """Return how much the lighter leg may grow before its tier asks for less leverage; at the worse price."""
    price = view.mark[symbol] * (1.0 + view.slippage_rate)
    lighter = min(facts.leg_qty[2 * symbol], facts.leg_qty[2 * symbol + 1])
    first, end = view.first_tier[symbol], view.end_tier[symbol]
    value = largest_value(view.tiers, first, end, view.leverage[symbol])
    return max(0.0, value / price - lighter) / quote_rate(view, symbol)


@compiled
def _reduce_heavier(view: View, ladder: Ladder, facts: Facts, intents: Intent) -> int:
    n = 0
    for symbol in range(view.n_symbols):
        missing = missing_qty(view, facts, symbol)
        qty = floor_to_step(abs(missing), view.lot_units[symbol], view.lot_scale[symbol])
        if meets_minimums(qty, view.mark[symbol], view.min_qty[symbol], view.min_notional[symbol]):
            heavier = 2 * symbol + (1 if missing > 0.0 else 0)
            n = close_leg(view, intents, n, heavier, qty, EngineRole.REDUCE_HEAVIER, ladder.reason)
    return n


@compiled
def _load_after(view: View, facts: Facts, load: Load, symbol: int, signed_qty: float) -> Load:
    """Return the load with one more order of the plan filled, its fee paid."""
    fee = abs(signed_qty) * quote_rate(view, symbol) * view.mark[symbol] * view.taker_fee_rate
    now = account_figures(view)
    then = figures_with(view, symbol, _balanced(view, facts, symbol, signed_qty), -fee)
    return Load(
        load.equity + (then.equity - now.equity),
        load.maintenance_margin + (then.maintenance_margin - now.maintenance_margin),
    )


@compiled
def _may_carry(view: View, settings: RiskSettings, before: Load, after: Load) -> bool:
    """Tell whether the maintenance margin rate stays in bounds; one that is unknown does not."""
    rate = margin_rate(after.maintenance_margin, after.equity)
    if not has_fallen_to(rate * 100.0, settings.panic_max_mm_pct):
        return False
    if view.margin_model != MarginModel.BYBIT_UNIFIED:
        return True
    return has_fallen_to(rate, margin_rate(before.maintenance_margin, before.equity))
