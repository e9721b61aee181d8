"""
What the host asks of the kernel, one compiled call each.

Records arrive as arrays of one: that costs a fraction of a microsecond, a record by itself ten. What is told comes back
as the kernel's own events, or in a plain array of floats, so that nobody walks records field by field.
"""

from __future__ import annotations

from math import isnan, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.kernel.advance import advance
from ballast.kernel.fills import slipped_price
from ballast.kernel.ledger import entry_after, increases, leg_index, realised
from ballast.kernel.margin import initial_margin, leg_margins
from ballast.kernel.margin_account import figures_at, legs_at, refresh_reserves, resting_at, terms_at
from ballast.kernel.marks import NOW
from ballast.kernel.orders import submit
from ballast.kernel.queue import quoted_price, take_prices
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.intents import Intent
from ballast.model.market import Feed, Tick
from ballast.model.order_terms import tier_of

Floats = npt.NDArray[np.float64]


class Money(NamedTuple):
    """
    An account at the marks, quote money; rates are fractions of the margin balance.

    ``positions_margin`` and ``orders_margin`` are the two parts of ``initial_margin``.
    """

    equity: float
    gross: float
    initial_margin: float
    maintenance_margin: float
    available: float
    im_rate: float
    mm_rate: float
    positions_margin: float
    orders_margin: float
    cash: float
    realised_pnl: float
    fees: float
    funding_paid: float


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


@compiled
def ask(venues: Venue, account: int, intents: Intent) -> None:
    """Hand in what an account asks for."""
    submit(venues[0], account, intents[0])  # type: ignore[index]


@compiled
def fill_leg(held_qty: float, entry_price: float, signed_qty: float, price: float) -> tuple[float, float, float]:
    """Return what a fill closes of a leg, base units, the profit on that, and the leg's entry price after it."""
    closed = 0.0 if increases(held_qty, signed_qty) else min(abs(signed_qty), abs(held_qty))
    profit = realised(held_qty, entry_price, signed_qty, price)
    return closed, profit, entry_after(held_qty, entry_price, signed_qty, price)


@compiled
def step(venues: Venue, feed: Feed, stop: int) -> int:
    """Go to the next cause, or to the host's pause."""
    venue = venues[0]  # type: ignore[index]
    # The kernel counts calls to catch a strategy that answers itself; clients come from outside.
    venue.clock.n_calls = 0
    return advance(venue, feed, stop)


@compiled
def remember(venues: Venue, ticks: Tick) -> None:
    """Let ticks of the past move prices, and nothing else."""
    venue = venues[0]  # type: ignore[index]
    for k in range(ticks.shape[0]):  # type: ignore[attr-defined]
        tick = ticks[k]  # type: ignore[index]
        take_prices(venue, tick)
        venue.markets[tick.symbol].mark = venue.markets[tick.symbol].price


@compiled
def price_of(venue: Venue, symbol: int) -> float:
    """Return where a symbol's price stands, off the tick grid on the way between two; NaN before the first."""
    market = venue.markets[symbol]
    price: float = market.price if market.has_bar and market.price > 0.0 else market.last_price
    return price


@compiled
def mark_of(venue: Venue, symbol: int) -> float:
    """Return the mark price; the last price where the market has none."""
    mark = venue.markets[symbol].mark
    return price_of(venue, symbol) if isnan(mark) else mark


@compiled
def prices(venues: Venue, told: Floats) -> None:
    """Write every symbol's price."""
    venue = venues[0]  # type: ignore[index]
    for symbol in range(venue.clock.n_symbols):
        told[symbol] = price_of(venue, symbol)


@compiled
def slipped(venues: Venue, symbol: int, side: int, price: float) -> float:
    """Return what a taker pays or gets where the market stands at ``price``."""
    paid: float = slipped_price(venues[0], symbol, side, price)  # type: ignore[index]
    return paid


@compiled
def taker_price(venues: Venue, symbol: int, side: int) -> float:
    """Return what a taker pays or gets; NaN where the other side's best price is not known."""
    venue = venues[0]  # type: ignore[index]
    paid: float = slipped_price(venue, symbol, side, quoted_price(venue, symbol, side))
    return paid


@compiled
def money(venues: Venue, account: int, told: Floats) -> None:
    """Write the fields of ``Money``."""
    venue = venues[0]  # type: ignore[index]
    refresh_reserves(venue)
    figures = figures_at(venue, account, NOW)
    positions, orders = 0.0, 0.0
    for symbol in range(venue.clock.n_symbols):
        mark = mark_of(venue, symbol)
        line = initial_margin(legs_at(venue, account, symbol), terms_at(venue, account, symbol))
        positions += (line.weight * mark if mark > 0.0 else 0.0) + line.offset
        orders += resting_at(venue, account, symbol).margin
    holder = venue.accounts[account]
    told[0] = figures.equity
    told[1] = figures.gross
    told[2] = figures.initial_margin
    told[3] = figures.maintenance_margin
    told[4] = figures.available
    told[5] = figures.im_rate
    told[6] = figures.mm_rate
    told[7] = positions
    told[8] = orders
    told[9] = holder.cash
    told[10] = holder.realised_pnl
    told[11] = holder.fees
    told[12] = holder.funding_paid


@compiled
def position(venues: Venue, account: int, symbol: int, position_side: int, told: Floats) -> None:
    """Write the fields of ``PositionFigures``."""
    venue = venues[0]  # type: ignore[index]
    leg = venue.positions[leg_index(account, venue.clock.n_symbols, symbol, position_side)]
    mark = mark_of(venue, symbol)
    told[0] = leg.qty
    told[1] = leg.entry_price
    told[2] = mark
    told[3] = 0.0
    told[4] = 0.0
    told[5] = 0.0
    told[6] = 0.0
    told[7] = leg.leverage
    told[8] = nan
    if leg.qty == 0.0 or not mark > 0.0:
        return
    market = venue.markets[symbol]
    legs, terms = legs_at(venue, account, symbol), terms_at(venue, account, symbol)
    charged = leg_margins(legs, terms, mark, venue.tiers, market.first_tier, market.end_tier)
    told[3] = abs(leg.qty) * mark
    told[4] = leg.qty * (mark - leg.entry_price)
    told[5] = charged.long_initial if leg.qty > 0.0 else charged.short_initial
    told[6] = charged.long_maintenance if leg.qty > 0.0 else charged.short_maintenance
    told[8] = _liquidation_price(venue, account, symbol, mark)


@compiled
def _liquidation_price(venue: Venue, account: int, symbol: int, mark: float) -> float:
    """
    Return about where this symbol's mark would have to go for the account to be liquidated; NaN for nowhere.

    Other marks stay, and the tier stays what it is, so that both sides of ``balance == maintenance`` are lines.
    """
    market, legs = venue.markets[symbol], legs_at(venue, account, symbol)
    net = legs.long_qty - legs.short_qty
    if net == 0.0:
        return nan
    refresh_reserves(venue)
    now = figures_at(venue, account, NOW)
    size = max(legs.long_qty, legs.short_qty)
    tier = venue.tiers[tier_of(venue.tiers, market.first_tier, market.end_tier, size * mark)]
    price = mark - (now.equity - now.maintenance_margin) / (net - abs(net) * tier.maintenance_margin_rate)
    return price if price > 0.0 else nan
