"""
What a margin account is charged: the one definition, asked by the venue, the view, the ladder and survival.

Pure functions of sizes, prices and a table of tiers; ``docs/margin.md`` derives them. Sizes are unsigned base
units, values and margins quote money, rates fractions; where the account keeps another currency, callers multiply
the sizes by its rate, and every value is account currency. Invariants: (M1) between fills the initial margin of a
symbol is exactly ``weight * mark + offset``; (M2) the maintenance margin never falls when the mark rises;
(M3) legs of equal size are charged for one side and both closing fees.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from ballast.kernel.ledger import entry_after
from ballast.model.compiled import compiled
from ballast.model.enums import AccountKind, MarginModel, Side
from ballast.model.instrument import Tier
from ballast.model.order_terms import Terms, closing_fee_rate, tier_of
from ballast.model.units import MONEY_TOLERANCE


class Legs(NamedTuple):
    """One symbol's positions: sizes >= 0 and average entry prices, 0 where there is none. One-way fills one."""

    long_qty: float
    long_entry: float
    short_qty: float
    short_entry: float


class Resting(NamedTuple):
    """What a symbol's resting orders that would open hold: values by side, and sums of both."""

    long_value: float
    short_value: float
    margin: float
    closing_fee: float


class Linear(NamedTuple):
    """A figure that is linear in the mark: ``weight * mark + offset``."""

    weight: float
    offset: float


class Figures(NamedTuple):
    """One symbol at a mark: unrealised profit, sum of both legs' values, initial and maintenance margin."""

    profit: float
    gross: float
    initial_margin: float
    maintenance_margin: float


class LegMargins(NamedTuple):
    """The margins of one symbol's positions by leg, without orders."""

    long_initial: float
    long_maintenance: float
    short_initial: float
    short_maintenance: float


@compiled(inline=True)
def is_on_margin(account_kind: int) -> bool:
    """Tell whether accounts of this kind hold positions on margin."""
    return account_kind == AccountKind.UNIFIED_MARGIN or account_kind == AccountKind.FX_MARGIN


@compiled(inline=True)
def legs_of(first_qty: float, first_entry: float, second_qty: float, second_entry: float) -> Legs:
    """Return a symbol's legs from its two signed quantities; in one-way mode the first may be negative."""
    if first_qty < 0.0:
        return Legs(0.0, 0.0, -first_qty, first_entry)
    long_entry = first_entry if first_qty > 0.0 else 0.0
    short_entry = second_entry if second_qty < 0.0 else 0.0
    return Legs(first_qty, long_entry, abs(second_qty), short_entry)


@compiled
def legs_after(legs: Legs, hedged: bool, is_long_leg: bool, signed_qty: float, price: float) -> Legs:
    """Return the legs after a fill of ``signed_qty`` at ``price``; ``is_long_leg`` counts in hedge mode alone."""
    long_qty, short_qty = legs.long_qty, legs.short_qty
    if not hedged:
        net, entry = (long_qty, legs.long_entry) if long_qty > 0.0 else (-short_qty, legs.short_entry)
        return legs_of(net + signed_qty, entry_after(net, entry, signed_qty, price), 0.0, 0.0)
    if is_long_leg:
        entry = entry_after(long_qty, legs.long_entry, signed_qty, price)
        return legs_of(long_qty + signed_qty, entry, -short_qty, legs.short_entry)
    entry = entry_after(-short_qty, legs.short_entry, signed_qty, price)
    return legs_of(long_qty, legs.long_entry, signed_qty - short_qty, entry)


@compiled(inline=True)
def leg_fees(legs: Legs, terms: Terms) -> tuple[float, float]:
    """Return F of the long and the short leg; the part that is hedged counts twice."""
    hedged = min(legs.long_qty, legs.short_qty)
    long_fee = legs.long_entry * closing_fee_rate(Side.BUY, terms) * (legs.long_qty + hedged)
    short_fee = legs.short_entry * closing_fee_rate(Side.SELL, terms) * (legs.short_qty + hedged)
    return long_fee, short_fee


@compiled(inline=True)
def initial_margin(legs: Legs, terms: Terms) -> Linear:
    """Return the initial margin of a symbol's positions as a linear figure of its mark."""
    if terms.model != MarginModel.BYBIT_UNIFIED:
        return Linear((legs.long_qty + legs.short_qty) / terms.leverage, 0.0)
    long_fee, short_fee = leg_fees(legs, terms)
    return Linear(max(legs.long_qty, legs.short_qty) / terms.leverage, long_fee + short_fee)


@compiled
def tier_margin(tiers: Tier, first: int, end: int, value: float) -> float:
    """Return value x rate - deduction of its tier; >= 0."""
    tier = tiers[tier_of(tiers, first, end, value)]  # type: ignore[index]
    return max(0.0, value * tier.maintenance_margin_rate - tier.deduction)


@compiled(inline=True)
def position_maintenance(legs: Legs, terms: Terms, mark: float, tiers: Tier, first: int, end: int) -> float:
    """Return what tiers ask of a symbol's positions, without closing fees: of the part that is not hedged."""
    if terms.model != MarginModel.BYBIT_UNIFIED:
        long_margin = tier_margin(tiers, first, end, legs.long_qty * mark)
        return long_margin + tier_margin(tiers, first, end, legs.short_qty * mark)
    size, hedged = max(legs.long_qty, legs.short_qty), min(legs.long_qty, legs.short_qty)
    if size == hedged:
        return 0.0
    return (size - hedged) / size * tier_margin(tiers, first, end, size * mark)


@compiled(inline=True)
def order_maintenance(held_value: float, order_value: float, tiers: Tier, first: int, end: int) -> float:
    """Return by how much resting orders of one side would raise what tiers ask of that side once filled."""
    if order_value == 0.0:
        return 0.0
    return tier_margin(tiers, first, end, held_value + order_value) - tier_margin(tiers, first, end, held_value)


@compiled
def maintenance_margin(
    legs: Legs, terms: Terms, resting: Resting, mark: float, tiers: Tier, first: int, end: int
) -> float:
    """Return the maintenance margin of a symbol at ``mark``: positions, closing fees, resting orders."""
    long_fee, short_fee = leg_fees(legs, terms)
    orders = order_maintenance(legs.long_qty * mark, resting.long_value, tiers, first, end)
    orders += order_maintenance(legs.short_qty * mark, resting.short_value, tiers, first, end)
    positions = position_maintenance(legs, terms, mark, tiers, first, end)
    return positions + (long_fee + short_fee) + orders + resting.closing_fee


@compiled
def symbol_figures(
    legs: Legs, terms: Terms, resting: Resting, mark: float, tiers: Tier, first: int, end: int
) -> Figures:
    """Return all figures of one symbol at ``mark``; NaN, no price yet, counts as 0."""
    if mark != mark:
        mark = 0.0
    margin = initial_margin(legs, terms)
    return Figures(
        legs.long_qty * (mark - legs.long_entry) + legs.short_qty * (legs.short_entry - mark),
        (legs.long_qty + legs.short_qty) * mark,
        margin.weight * mark + (margin.offset + resting.margin),
        maintenance_margin(legs, terms, resting, mark, tiers, first, end),
    )


@compiled
def leg_margins(legs: Legs, terms: Terms, mark: float, tiers: Tier, first: int, end: int) -> LegMargins:
    """Return a symbol's margins leg by leg; of equal legs the one with the larger closing fee counts as bigger."""
    long_fee, short_fee = leg_fees(legs, terms)
    if terms.model != MarginModel.BYBIT_UNIFIED:
        long_value, short_value = legs.long_qty * mark, legs.short_qty * mark
        return LegMargins(
            long_value / terms.leverage,
            tier_margin(tiers, first, end, long_value),
            short_value / terms.leverage,
            tier_margin(tiers, first, end, short_value),
        )
    size = max(legs.long_qty, legs.short_qty)
    initial, maintenance = size * mark / terms.leverage, position_maintenance(legs, terms, mark, tiers, first, end)
    equal = legs.long_qty == legs.short_qty
    if (long_fee >= short_fee) if equal else (legs.long_qty > legs.short_qty):
        return LegMargins(initial + long_fee, maintenance + long_fee, short_fee, short_fee)
    return LegMargins(long_fee, long_fee, initial + short_fee, maintenance + short_fee)


@compiled(inline=True)
def margin_rate(margin: float, equity: float) -> float:
    """Return a margin as a fraction of the margin balance; inf when there is margin and no balance."""
    if equity > 0.0:
        return margin / equity
    return inf if margin > 0.0 else 0.0


@compiled(inline=True)
def reaches(margin: float, equity: float, rate: float) -> bool:
    """Tell whether a margin above 0 has come to ``rate`` of the margin balance, or beyond, within 1e-9 of money."""
    threshold = rate * equity
    return margin > 0.0 and margin >= threshold - MONEY_TOLERANCE * max(1.0, abs(threshold))


@compiled(inline=True)
def exceeds(need: float, available: float) -> bool:
    """Tell whether ``available`` money misses ``need``; within 1e-9 it counts as equal."""
    return need > available + MONEY_TOLERANCE * max(1.0, abs(available))
