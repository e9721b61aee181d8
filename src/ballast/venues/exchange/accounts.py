"""What an account is worth, from the kernel's own figures; quote money."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from ballast.kernel.margin import initial_margin, leg_margins, symbol_figures
from ballast.kernel.margin_account import figures_at, legs_at, refresh_reserves, resting_at, terms_at
from ballast.kernel.marks import NOW
from ballast.kernel.projection import AccountFigures
from ballast.model.enums import PositionMode, PositionSide
from ballast.model.order_terms import tier_of
from ballast.venues.exchange.venue import LocalVenue


class Margins(NamedTuple):
    """Initial and maintenance margin of all positions, and initial margin of all resting orders."""

    positions: float
    maintenance: float
    orders: float


class PositionFigures(NamedTuple):
    """One leg: signed quantity, entry price (NaN when flat), and its figures at the mark."""

    qty: float
    entry_price: float
    mark_price: float
    value: float
    profit: float
    initial_margin: float
    maintenance_margin: float
    leverage: float
    liquidation_price: float


def figures(venue: LocalVenue, account: int) -> AccountFigures:
    """Return an account's figures at the marks."""
    refresh_reserves(venue.record)
    return AccountFigures(*(float(value) for value in figures_at(venue.record, account, NOW)))


def margins(venue: LocalVenue, account: int) -> Margins:
    """Return what an account's margin is made of."""
    record, positions, maintenance, orders = venue.record, 0.0, 0.0, 0.0
    refresh_reserves(record)
    for symbol in range(len(venue.market.symbols)):
        legs, terms = legs_at(record, account, symbol), terms_at(record, account, symbol)
        resting = resting_at(record, account, symbol)
        mark, market = venue.mark_price(symbol), record.markets[symbol]
        one = symbol_figures(legs, terms, resting, mark, record.tiers, market.first_tier, market.end_tier)
        line = initial_margin(legs, terms)
        positions += (line.weight * mark if mark > 0.0 else 0.0) + line.offset
        maintenance += one.maintenance_margin
        orders += resting.margin
    return Margins(positions, maintenance, orders)


def sides_of(venue: LocalVenue, account: int) -> tuple[PositionSide, ...]:
    """Return the legs that an account's symbols have."""
    if venue.record.accounts[account].position_mode == PositionMode.HEDGE:
        return PositionSide.LONG, PositionSide.SHORT
    return (PositionSide.NONE,)


def position(venue: LocalVenue, account: int, symbol: int, position_side: PositionSide) -> PositionFigures:
    """Return a leg at the mark."""
    record, market = venue.record, venue.record.markets[symbol]
    leg, mark = venue.leg(account, symbol, position_side), venue.mark_price(symbol)
    legs, terms = legs_at(record, account, symbol), terms_at(record, account, symbol)
    qty, entry = float(leg.qty), float(leg.entry_price)
    if qty == 0.0 or not mark > 0.0:
        return PositionFigures(qty, entry, mark, 0.0, 0.0, 0.0, 0.0, float(leg.leverage), nan)
    charged = leg_margins(legs, terms, mark, record.tiers, market.first_tier, market.end_tier)
    initial = charged.long_initial if qty > 0.0 else charged.short_initial
    maintenance = charged.long_maintenance if qty > 0.0 else charged.short_maintenance
    return PositionFigures(
        qty,
        entry,
        mark,
        abs(qty) * mark,
        qty * (mark - entry),
        float(initial),
        float(maintenance),
        float(leg.leverage),
        _liquidation_price(venue, account, symbol, mark),
    )


def _liquidation_price(venue: LocalVenue, account: int, symbol: int, mark: float) -> float:
    """
    Return about where this symbol's mark would have to go for the account to be liquidated; NaN for nowhere.

    Other marks stay, and the tier stays what it is, so that both sides of ``balance == maintenance`` are lines.
    """
    record, market = venue.record, venue.record.markets[symbol]
    legs = legs_at(record, account, symbol)
    net = legs.long_qty - legs.short_qty
    now = figures(venue, account)
    size = max(legs.long_qty, legs.short_qty)
    tier = record.tiers[tier_of(record.tiers, market.first_tier, market.end_tier, size * mark)]
    slope = net - abs(net) * float(tier.maintenance_margin_rate)
    if net == 0.0:
        return nan
    price = mark - (now.equity - now.maintenance_margin) / slope
    return float(price) if price > 0.0 else nan
