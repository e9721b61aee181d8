"""
Where inside a bar an account meets its thresholds: liquidation, the margin rate's guard, the linear guards.

A quick bound over the whole bar comes first: when the worst corner of all marks is safe, nothing more is asked
until the next bar. Else every path point is tested, and every stretch between two. Linear guards are crossed
where a line says; the margin rate is convex in the marks, so that a stretch is safe when its end is, and the
crossing is found by halving.
"""

from __future__ import annotations

from ballast.kernel.funding import is_funding_due
from ballast.kernel.liquidation import LIQUIDATION_RATE, is_bust
from ballast.kernel.margin import maintenance_margin, reaches
from ballast.kernel.margin_account import figures_at, is_margin, legs_at, resting_at, terms_at
from ballast.kernel.marks import NOW, mark_at
from ballast.kernel.triggers import NEVER
from ballast.kernel.venue import Guard, SymbolMarket, Venue
from ballast.model.compiled import compiled
from ballast.model.market import Feed
from ballast.model.order_terms import tier_of

MARGIN_RATE_GUARD = -1
"""The ``woken_role`` of the guard on the maintenance margin rate; linear guards have their index."""

NOBODY = -2
HALVINGS = 60

GUARD_TOLERANCE = 2e-9
"""Of the offset, at least of 1: twice the tolerance of money, so that who is woken finds the threshold passed."""


@compiled(inline=True)
def lowest_mark(market: SymbolMarket) -> float:
    """Return the lowest mark of this bar's path."""
    return min(market.mark_0, market.mark_1, market.mark_2, market.mark_3)


@compiled(inline=True)
def highest_mark(market: SymbolMarket) -> float:
    """Return the highest mark of this bar's path."""
    return max(market.mark_0, market.mark_1, market.mark_2, market.mark_3)


@compiled(needs="tiers")
def is_calm(venue: Venue, feed: Feed, close_ns: int) -> bool:
    """Tell whether no threshold can be met and no funding is due before this bar's close, wherever marks go."""
    if is_funding_due(venue, feed, close_ns):
        return False
    for account in range(venue.accounts.shape[0]):
        if is_margin(venue, account) and not _is_safe_everywhere(venue, account):
            return False
    for k in range(venue.guards.shape[0]):
        guard = venue.guards[k]
        if guard.is_armed and not lowest_value(venue, guard) > guard_limit(guard):
            return False
    return True


@compiled
def _is_safe_everywhere(venue: Venue, account: int) -> bool:
    holder = venue.accounts[account]
    equity, maintenance = holder.cash, 0.0
    for symbol in range(venue.clock.n_symbols):
        legs, resting = legs_at(venue, account, symbol), resting_at(venue, account, symbol)
        if legs.long_qty == 0.0 and legs.short_qty == 0.0 and resting.margin == 0.0:
            continue
        market = venue.markets[symbol]
        low, high = lowest_mark(market), highest_mark(market)
        worst = low if legs.long_qty > legs.short_qty else high
        if not worst > 0.0 or _changes_tier(venue, market, max(legs.long_qty, legs.short_qty), low, high):
            return False
        equity += legs.long_qty * (worst - legs.long_entry) + legs.short_qty * (legs.short_entry - worst)
        terms = terms_at(venue, account, symbol)
        maintenance += maintenance_margin(legs, terms, resting, high, venue.tiers, market.first_tier, market.end_tier)
    if maintenance == 0.0:
        return bool(equity >= 0.0)
    rate = holder.mm_guard_rate if account == 0 and holder.mm_guard_rate > 0.0 else LIQUIDATION_RATE
    return not reaches(maintenance, min(rate, LIQUIDATION_RATE) * equity, 1.0)


@compiled
def _changes_tier(venue: Venue, market: SymbolMarket, qty: float, low: float, high: float) -> bool:
    """Tell whether a position's tier changes between two marks; a table's deductions may not join there."""
    first, end = market.first_tier, market.end_tier
    if qty * high <= venue.tiers[first].upper_value:
        return False
    return bool(tier_of(venue.tiers, first, end, qty * low) != tier_of(venue.tiers, first, end, qty * high))


@compiled
def lowest_value(venue: Venue, guard: Guard) -> float:
    """Return the lowest value that a guard can have on this bar's path."""
    value = guard.offset
    for symbol in range(venue.clock.n_symbols):
        weight = guard.weight[symbol]
        if weight != 0.0:
            market = venue.markets[symbol]
            value += weight * (lowest_mark(market) if weight > 0.0 else highest_mark(market))
    return value


@compiled(inline=True)
def guard_limit(guard: Guard) -> float:
    """Return the value at which a guard fires: a hair below zero."""
    return -GUARD_TOLERANCE * max(1.0, abs(guard.offset))


@compiled
def guard_value(venue: Venue, guard: Guard, fraction: float) -> float:
    """Return a guard's value a fraction of the way to the next path point, or ``NOW``; NaN fires it."""
    value = guard.offset
    for symbol in range(venue.clock.n_symbols):
        weight = guard.weight[symbol]
        if weight != 0.0:
            value += weight * mark_at(venue.markets[symbol], venue.clock.point, fraction)
    return value


@compiled
def due_guard(venue: Venue) -> int:
    """Return which guard is met where the marks stand, or ``NOBODY``."""
    for k in range(venue.guards.shape[0]):
        guard = venue.guards[k]
        if guard.is_armed and not guard_value(venue, guard, NOW) > guard_limit(guard):
            return k
    return MARGIN_RATE_GUARD if _meets_margin_rate(venue, NOW) else NOBODY


@compiled
def _meets_margin_rate(venue: Venue, fraction: float) -> bool:
    rate = venue.accounts[0].mm_guard_rate
    if not rate > 0.0 or not is_margin(venue, 0):
        return False
    figures = figures_at(venue, 0, fraction)
    return reaches(figures.maintenance_margin, figures.equity, rate)


@compiled
def disarm(venue: Venue, guard: int) -> None:
    """Let a guard that has fired rest."""
    if guard == MARGIN_RATE_GUARD:
        venue.accounts[0].mm_guard_rate = 0.0
    else:
        venue.guards[guard].is_armed = False


@compiled
def next_guard(venue: Venue) -> tuple[int, float]:
    """Return the guard that this stretch of path meets first, and where; those already met wait for the point."""
    best, best_fraction = NOBODY, NEVER
    start_fraction = venue.clock.fraction
    for k in range(venue.guards.shape[0]):
        guard = venue.guards[k]
        if not guard.is_armed:
            continue
        limit, start = guard_limit(guard), guard_value(venue, guard, start_fraction)
        end = guard_value(venue, guard, 1.0)
        if not (start > limit and end <= limit):
            continue
        fraction = min(1.0, start_fraction + (1.0 - start_fraction) * ((start - limit) / (start - end)))
        if fraction < best_fraction:
            best, best_fraction = k, fraction
    if _meets_margin_rate(venue, 1.0) and not _meets_margin_rate(venue, start_fraction):
        fraction = _first_fraction(venue, 0, venue.accounts[0].mm_guard_rate)
        if fraction < best_fraction:
            return MARGIN_RATE_GUARD, fraction
    return best, best_fraction


@compiled
def next_liquidation(venue: Venue) -> tuple[int, float]:
    """Return the account that this stretch of path liquidates first, and where."""
    best, best_fraction = NOBODY, NEVER
    for account in range(venue.accounts.shape[0]):
        if not is_margin(venue, account):
            continue
        if is_bust(venue, account, venue.clock.fraction):
            fraction = venue.clock.fraction
        elif is_bust(venue, account, 1.0):
            fraction = _first_fraction(venue, account, LIQUIDATION_RATE)
        else:
            continue
        if fraction < best_fraction:
            best, best_fraction = account, fraction
    return best, best_fraction


@compiled
def _first_fraction(venue: Venue, account: int, rate: float) -> float:
    """Return the first fraction at which the margin rate is reached, when it is at the end and not at the start."""
    safe, unsafe = venue.clock.fraction, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (safe + unsafe)
        figures = figures_at(venue, account, middle)
        if reaches(figures.maintenance_margin, figures.equity, rate):
            unsafe = middle
        else:
            safe = middle
    return unsafe
