"""
Margin accounts at the venue: what they are worth at its marks, and whether an order can be afforded.

Resting orders that would open set their cost aside; what reduces needs none, and conditional orders none
before they trigger. In one-way mode what closes the position is netted, order by order; in hedge mode an
order is never netted against the other leg.
"""

from __future__ import annotations

from ballast.kernel.ledger import leg_index
from ballast.kernel.margin import Legs, Resting, exceeds, is_on_margin, legs_of, symbol_figures
from ballast.kernel.marks import NOW, mark_at
from ballast.kernel.projection import AccountFigures, figures_of
from ballast.kernel.venue import Order, Position, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import PositionMode, Reason, Side
from ballast.model.instrument import quote_rate
from ballast.model.order_terms import Terms, closing_fee_rate, is_leverage_allowed, order_cost
from ballast.model.units import is_price


@compiled(inline=True)
def is_margin(venue: Venue, account: int) -> bool:
    """Tell whether an account holds positions on margin; on venues without tiers none does."""
    return bool(venue.tiers.shape[0] > 0 and is_on_margin(venue.accounts[account].kind))


@compiled(inline=True)
def legs_at(venue: Venue, account: int, symbol: int) -> Legs:
    """Return an account's legs of a symbol, their sizes times the conversion rate."""
    k = leg_index(account, venue.clock.n_symbols, symbol, 0)
    first, second = venue.positions[k], venue.positions[k + 1]
    rate = quote_rate(venue, symbol)
    return legs_of(first.qty * rate, first.entry_price, second.qty * rate, second.entry_price)


@compiled(inline=True)
def terms_at(venue: Venue, account: int, symbol: int) -> Terms:
    """Return how an account is charged for a symbol."""
    holder = venue.accounts[account]
    leverage = venue.positions[leg_index(account, venue.clock.n_symbols, symbol, 0)].leverage
    return Terms(holder.margin_model, leverage, holder.taker_fee_rate)


@compiled(inline=True)
def resting_at(venue: Venue, account: int, symbol: int) -> Resting:
    """Return what an account's resting orders of a symbol hold."""
    k = leg_index(account, venue.clock.n_symbols, symbol, 0)
    first, second = venue.positions[k], venue.positions[k + 1]
    margin = first.order_margin + second.order_margin
    return Resting(first.order_value, second.order_value, margin, first.order_closing_fee + second.order_closing_fee)


@compiled
def figures_at(venue: Venue, account: int, fraction: float) -> AccountFigures:
    """Return an account's figures a fraction of the way to the next path point, or ``NOW``."""
    profit, gross, initial, maintenance = 0.0, 0.0, 0.0, 0.0
    for symbol in range(venue.clock.n_symbols):
        legs, resting = legs_at(venue, account, symbol), resting_at(venue, account, symbol)
        if legs.long_qty == 0.0 and legs.short_qty == 0.0 and resting.margin == 0.0:
            continue
        market = venue.markets[symbol]
        mark = mark_at(market, venue.clock.point, fraction)
        terms = terms_at(venue, account, symbol)
        one = symbol_figures(legs, terms, resting, mark, venue.tiers, market.first_tier, market.end_tier)
        profit += one.profit
        gross += one.gross
        initial += one.initial_margin
        maintenance += one.maintenance_margin
    return figures_of(venue.accounts[account].cash, profit, gross, initial, maintenance)


@compiled(needs="tiers")
def refresh_reserves(venue: Venue) -> None:
    """Reckon anew what resting orders hold, from the table of orders."""
    for k in range(venue.positions.shape[0]):
        _clear(venue.positions[k])
    for k in range(venue.clock.n_orders):
        order = venue.orders[k]
        if order.holds_margin:
            _reserve(venue, order)


@compiled(inline=True)
def _clear(position: Position) -> None:
    position.order_value = 0.0
    position.order_margin = 0.0
    position.order_closing_fee = 0.0
    position.order_netted_qty = 0.0


@compiled
def _reserve(venue: Venue, order: Order) -> None:
    k = leg_index(order.account, venue.clock.n_symbols, order.symbol, 0)
    position = venue.positions[k if order.side == Side.BUY else k + 1]
    opening = opening_qty(venue, order, order.qty, position.order_netted_qty)
    position.order_netted_qty += order.qty - opening
    value = opening * order.price * quote_rate(venue, order.symbol)
    terms = terms_at(venue, order.account, order.symbol)
    position.order_value += value
    position.order_margin += order_cost(value, order.side, terms)
    position.order_closing_fee += value * closing_fee_rate(order.side, terms)


@compiled
def opening_qty(venue: Venue, order: Order, qty: float, netted_qty: float) -> float:
    """Return how much of ``qty`` would open, when earlier orders close ``netted_qty`` of the position."""
    if order.reduce_only:
        return 0.0
    if venue.accounts[order.account].position_mode == PositionMode.HEDGE:
        return qty
    held = venue.positions[leg_index(order.account, venue.clock.n_symbols, order.symbol, 0)].qty
    closable = max(0.0, -held * order.side - netted_qty)
    return max(0.0, qty - closable)


@compiled(needs="tiers")
def margin_fault(venue: Venue, order: Order, qty: float, price: float) -> int:
    """Return why a margin account may not send, or take, ``qty`` at ``price``; NONE when nothing is in the way."""
    if order.holds_margin:
        return Reason.NONE
    opening = opening_qty(venue, order, qty, 0.0)
    if opening == 0.0:
        return Reason.NONE
    account, symbol = order.account, order.symbol
    rate = quote_rate(venue, symbol)
    if not is_price(rate):
        return Reason.NO_PRICE
    opening_value = opening * price * rate
    refresh_reserves(venue)
    terms, legs = terms_at(venue, account, symbol), legs_at(venue, account, symbol)
    resting, market = resting_at(venue, account, symbol), venue.markets[symbol]
    if order.side == Side.BUY:
        value = legs.long_qty * market.mark + resting.long_value + opening_value
    else:
        value = legs.short_qty * market.mark + resting.short_value + opening_value
    if not is_leverage_allowed(venue.tiers, market.first_tier, market.end_tier, value, terms.leverage):
        return Reason.ABOVE_RISK_LIMIT
    available = figures_at(venue, account, NOW).available
    is_short = exceeds(order_cost(opening_value, order.side, terms), available)
    return Reason.INSUFFICIENT_MARGIN if is_short else Reason.NONE


@compiled
def set_leverage(venue: Venue, account: int, symbol: int, leverage: float) -> int:
    """
    Change a symbol's leverage, in both legs; return why not, or NONE.

    It must be at least 1 and no more than the tier of the larger side, orders included, allows, and the account
    must be able to carry the margin that follows.
    """
    if not leverage >= 1.0:
        return Reason.INVALID_QTY
    k = leg_index(account, venue.clock.n_symbols, symbol, 0)
    first, second = venue.positions[k], venue.positions[k + 1]
    refresh_reserves(venue)
    legs, resting, market = legs_at(venue, account, symbol), resting_at(venue, account, symbol), venue.markets[symbol]
    mark = max(0.0, market.mark)
    value = max(legs.long_qty * mark + resting.long_value, legs.short_qty * mark + resting.short_value)
    if not is_leverage_allowed(venue.tiers, market.first_tier, market.end_tier, value, leverage):
        return Reason.ABOVE_RISK_LIMIT
    before = first.leverage
    _lever(venue, first, second, leverage)
    figures = figures_at(venue, account, NOW)
    if leverage < before and exceeds(figures.initial_margin, figures.equity):
        _lever(venue, first, second, before)
        return Reason.INSUFFICIENT_MARGIN
    return Reason.NONE


@compiled
def _lever(venue: Venue, first: Position, second: Position, leverage: float) -> None:
    first.leverage = leverage
    second.leverage = leverage
    refresh_reserves(venue)
