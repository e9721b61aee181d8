"""
What happens when an account's maintenance margin has eaten its margin balance, and ADL.

In this order, until the account is safe: cancel the orders that would add exposure; close, immediately or not
at all, down to the lower tier where there is one, the leg that is charged most first; hand everything that is
left over at the bankruptcy price. For a cross account that is the price, each leg's mark moved against it
by one common fraction, at which the margin balance is zero after the fee for closing. The trader keeps
nothing; what the market price is worse than that, the insurance fund pays.

An FX account is stopped out instead: the leg that has lost most is closed whole at the market, then the next, until
the margin level is above the stop-out again. A wallet below zero is brought back to zero by the broker.
"""

from __future__ import annotations

from math import inf

from ballast.kernel.book import drop, emit, engine_order
from ballast.kernel.fills import book_money, lots_left, slipped_price
from ballast.kernel.ledger import leg_index
from ballast.kernel.margin import reaches, tier_margin
from ballast.kernel.margin_account import figures_at, refresh_reserves
from ballast.kernel.marks import NOW
from ballast.kernel.queue import quoted_price
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import EngineRole, EventKind, MarginModel, PositionMode, PositionSide, Reason, Side
from ballast.model.instrument import quote_rate
from ballast.model.order_terms import tier_of
from ballast.model.units import MONEY_TOLERANCE, floor_to_step

LIQUIDATION_RATE = 1.0

TRACE = 1e-12
"""What a take-over leaves, of the positions' value, so that no rounding makes a debt."""


@compiled
def is_bust(venue: Venue, account: int, fraction: float) -> bool:
    """Tell whether an account is to be liquidated at its marks: its rate is reached, or it is flat and in debt."""
    figures = figures_at(venue, account, fraction)
    if reaches(figures.maintenance_margin, figures.equity, LIQUIDATION_RATE):
        return True
    return figures.gross == 0.0 and figures.equity < -MONEY_TOLERANCE


@compiled
def liquidate(venue: Venue, account: int) -> None:
    """Bring a bust account back to safety, or end it."""
    _cancel(venue, account, False)
    if not is_bust(venue, account, NOW):
        return
    if venue.accounts[account].margin_model == MarginModel.FX:
        _stop_out(venue, account)
        return
    while _reduce_to_lower_tier(venue, account):
        if not is_bust(venue, account, NOW):
            return
    _take_over(venue, account)
    _cancel(venue, account, True)


@compiled
def deleverage(venue: Venue, account: int, symbol: int, position_side: int, qty: float, price: float) -> None:
    """Close up to ``qty`` of a leg at ``price`` because the venue says so (ADL): the taker fee is charged."""
    leg = leg_index(account, venue.clock.n_symbols, symbol, position_side)
    qty = min(qty, abs(venue.positions[leg].qty))
    if qty > 0.0:
        _close(venue, account, leg, qty, price, Reason.ADL)


@compiled
def _cancel(venue: Venue, account: int, all_orders: bool) -> None:
    k = 0
    while k < venue.clock.n_orders:
        order = venue.orders[k]
        if order.account == account and (all_orders or not order.reduce_only):
            drop(venue, k, EventKind.CANCELLED, Reason.LIQUIDATION)
        else:
            k += 1
    refresh_reserves(venue)


@compiled
def _reduce_to_lower_tier(venue: Venue, account: int) -> bool:
    """Close what the most expensive leg has above the tier below its own; False when nothing could be closed."""
    leg = _most_charged_leg(venue, account)
    if leg < 0:
        return False
    symbol = leg // 2 - account * venue.clock.n_symbols
    market, position = venue.markets[symbol], venue.positions[leg]
    held = abs(position.qty)
    tier = tier_of(venue.tiers, market.first_tier, market.end_tier, held * market.mark)
    instrument = venue.instruments[symbol]
    kept = floor_to_step(venue.tiers[tier - 1].upper_value / market.mark, instrument.lot_units, instrument.lot_scale)
    while kept > 0.0 and kept * market.mark > venue.tiers[tier - 1].upper_value:
        # A quotient rounded up, or a nudge of the floor, may still lie a hair inside the tier above.
        kept = _one_less(kept, instrument.lot_units, instrument.lot_scale)
    qty = min(held - kept, lots_left(venue, symbol))
    if not qty > 0.0:
        return False
    side = Side.SELL if position.qty > 0.0 else Side.BUY
    market.volume_left -= qty
    _close(venue, account, leg, qty, slipped_price(venue, symbol, side, market.price), Reason.LIQUIDATION)
    return True


@compiled
def _stop_out(venue: Venue, account: int) -> None:
    """Close the largest loser, whole, until the account is safe; forgive what it owes once it is flat."""
    leg = _largest_loser(venue, account)
    while leg >= 0 and is_bust(venue, account, NOW):
        symbol, qty = leg // 2 - account * venue.clock.n_symbols, venue.positions[leg].qty
        market = venue.markets[symbol]
        side = Side.SELL if qty > 0.0 else Side.BUY
        price = quoted_price(venue, symbol, side)
        if not (market.has_bar and price == price):
            price = _mark_of_leg(venue, account, leg)
        _close(venue, account, leg, abs(qty), slipped_price(venue, symbol, side, price), Reason.LIQUIDATION)
        leg = _largest_loser(venue, account)
    equity = figures_at(venue, account, NOW).equity
    if leg < 0 and equity < 0.0:
        venue.accounts[account].insurance_loss -= equity
        _forgive_debt(venue, account)
        _cancel(venue, account, True)


@compiled
def _largest_loser(venue: Venue, account: int) -> int:
    """Return the leg whose unrealised result is worst; -1 when the account is flat."""
    n_symbols = venue.clock.n_symbols
    best, worst = -1, inf
    for k in range(2 * account * n_symbols, 2 * (account + 1) * n_symbols):
        position = venue.positions[k]
        if position.qty != 0.0:
            rate = quote_rate(venue, k // 2 - account * n_symbols)
            profit = position.qty * (_mark_of_leg(venue, account, k) - position.entry_price) * rate
            if profit < worst:
                best, worst = k, profit
    return best


@compiled
def _forgive_debt(venue: Venue, account: int) -> None:
    """Bring the wallet of an account without positions from below zero to zero, and tell the client."""
    holder = venue.accounts[account]
    order = engine_order(venue, account, 0, PositionSide.NONE, EngineRole.LIQUIDATION)
    emit(venue, order, EventKind.INSURANCE, Reason.LIQUIDATION, 0.0, 0.0, holder.cash, 0.0, False)
    holder.cash = 0.0


@compiled
def _one_less(qty: float, lot_units: int, lot_scale: float) -> float:
    if lot_units == 0:
        return qty * (1.0 - 1e-12)
    return floor_to_step(qty - lot_units / lot_scale, lot_units, lot_scale)


@compiled
def _most_charged_leg(venue: Venue, account: int) -> int:
    """Return the leg above its lowest tier that tiers charge most, and that has a market now; -1 for none."""
    n_symbols = venue.clock.n_symbols
    best, most = -1, 0.0
    for k in range(2 * account * n_symbols, 2 * (account + 1) * n_symbols):
        market = venue.markets[k // 2 - account * n_symbols]
        held, other = abs(venue.positions[k].qty), abs(venue.positions[k + 1 if k % 2 == 0 else k - 1].qty)
        is_charged = held > other or venue.accounts[account].margin_model == MarginModel.TEXTBOOK
        if held == 0.0 or not is_charged or not market.has_bar:
            continue
        value = held * market.mark
        if tier_of(venue.tiers, market.first_tier, market.end_tier, value) == market.first_tier:
            continue
        margin = tier_margin(venue.tiers, market.first_tier, market.end_tier, value)
        if margin > most:
            best, most = k, margin
    return best


@compiled
def _take_over(venue: Venue, account: int) -> None:
    """Hand every leg over at the bankruptcy price, and let the insurance fund pay what is missing."""
    holder = venue.accounts[account]
    n_symbols = venue.clock.n_symbols
    equity = figures_at(venue, account, NOW).equity
    gross, net = 0.0, 0.0
    for k in range(2 * account * n_symbols, 2 * (account + 1) * n_symbols):
        value = venue.positions[k].qty * _mark_of_leg(venue, account, k)
        gross += abs(value)
        net += value
    fees = holder.fees
    if gross > 0.0:
        # equity = sum(abs(value) * move) + fees at the moved prices, solved for the common fraction.
        move = (equity - TRACE * gross - holder.taker_fee_rate * gross) / (gross - holder.taker_fee_rate * net)
        for k in range(2 * account * n_symbols, 2 * (account + 1) * n_symbols):
            qty = venue.positions[k].qty
            if qty != 0.0:
                against = -move if qty > 0.0 else move
                price = _mark_of_leg(venue, account, k) * (1.0 + against)
                _close(venue, account, k, abs(qty), price, Reason.LIQUIDATION)
    holder.insurance_loss += max(0.0, (holder.fees - fees) - equity)
    holder.is_liquidated = True
    if holder.cash < 0.0:
        # A debt without positions.
        _forgive_debt(venue, account)


@compiled(inline=True)
def _mark_of_leg(venue: Venue, account: int, leg: int) -> float:
    mark = venue.markets[leg // 2 - account * venue.clock.n_symbols].mark
    return float(mark) if mark == mark else 0.0


@compiled
def _close(venue: Venue, account: int, leg: int, qty: float, price: float, reason: int) -> None:
    """Close ``qty`` of a leg at ``price`` for the taker fee and tell the client."""
    symbol = leg // 2 - account * venue.clock.n_symbols
    holder = venue.accounts[account]
    position_side = PositionSide.NONE
    if holder.position_mode == PositionMode.HEDGE:
        position_side = PositionSide.LONG if leg % 2 == 0 else PositionSide.SHORT
    order = engine_order(venue, account, symbol, position_side, EngineRole.LIQUIDATION)
    order.side = Side.SELL if venue.positions[leg].qty > 0.0 else Side.BUY
    rate = quote_rate(venue, symbol)
    fee = qty * price * holder.taker_fee_rate * rate
    holder.is_liquidated = holder.is_liquidated or reason == Reason.LIQUIDATION
    worse = max(0.0, (price - venue.markets[symbol].price) * order.side) * qty * rate
    book_money(venue, account, leg, qty * order.side, price, fee)
    emit(venue, order, EventKind.FILLED, reason, qty, price, fee, worse, False)
