"""
Fills: who pays which price for how much.

- A market order, a triggered stop and a limit that was marketable when it arrived take liquidity: they
  pay the price of the moment, worse by ``slippage_rate``, and the taker fee. A marketable limit never
  pays more than its limit.
- A limit that rested pays its own price and the maker fee; at an open beyond it, the better open.
- A stop met inside the bar pays its trigger with slippage; at an open beyond it, the open with slippage.
- With ``participation`` p, fills of a symbol inside one bar sum to at most p times the bar's volume. What
  is left of a GTC order waits for the next bar, where it takes at the open if its limit is already beyond
  the last price; IOC drops it; FOK fills wholly or not at all, and never against other clients.
- Units other than base become base at the fill price, are floored to lots and are tested there against
  the intent's minimum notional.

The model is unrealistic where it must guess: a bar does not say how much was traded at which price, so
every price of the path is assumed to carry the whole participation.
"""

from __future__ import annotations

from math import inf

from ballast.kernel.book import drop, emit, remove
from ballast.kernel.ledger import cash_after, entry_after, leg_index, realised, wallet_after
from ballast.kernel.margin_account import is_margin, margin_fault
from ballast.kernel.queue import quoted_price
from ballast.kernel.venue import Order, OrderStatus, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import AccountKind, EventKind, OrderType, QtyUnit, Reason, Side, TimeInForce
from ballast.model.instrument import Instrument, quote_rate
from ballast.model.units import MONEY_TOLERANCE, RELATIVE_NUDGE, floor_to_step, is_below, round_to_tick


@compiled
def taker_price(venue: Venue, order: Order, price: float) -> float:
    """Return the price of taking liquidity at ``price``: slipped to the tick beyond, never past a limit."""
    paid = slipped_price(venue, order.symbol, order.side, price)
    if order.type == OrderType.LIMIT:
        paid = min(paid, order.price) if order.side == Side.BUY else max(paid, order.price)
    return paid


@compiled
def slipped_price(venue: Venue, symbol: int, side: int, price: float) -> float:
    """Return what a taker pays when the market stands at ``price``: worse by the slippage, at the tick beyond."""
    rate = venue.execution.slippage_rate
    instrument = venue.instruments[symbol]
    paid = price * (1.0 + rate) if side == Side.BUY else price * (1.0 - rate)
    return round_to_tick(paid, instrument.tick_units, instrument.tick_scale, side == Side.BUY)


@compiled
def base_qty(venue: Venue, order: Order, price: float, fee_rate: float) -> float:
    """Return the order's quantity in base units at ``price``, floored to lots; >= 0."""
    leg = leg_index(order.account, venue.clock.n_symbols, order.symbol, order.position_side)
    # What the cash buys is priced in the symbol's currency.
    cash = venue.accounts[order.account].cash / quote_rate(venue, order.symbol)
    held = venue.positions[leg].qty
    return qty_in_base(venue.instruments[order.symbol], order.qty, order.qty_unit, price, fee_rate, cash, held)


@compiled
def qty_in_base(
    instrument: Instrument, qty: float, qty_unit: int, price: float, fee_rate: float, cash: float, held: float
) -> float:
    """Return a quantity of any unit in base units at ``price``, given cash and position, floored to lots."""
    if qty_unit == QtyUnit.QUOTE:
        qty = qty / price
    elif qty_unit == QtyUnit.CASH_FRACTION:
        qty = qty * max(0.0, cash) / (price * (1.0 + fee_rate))
    elif qty_unit == QtyUnit.POSITION_FRACTION:
        qty = qty * abs(held)
    return floor_to_step(qty, instrument.lot_units, instrument.lot_scale)


@compiled
def fill(venue: Venue, k: int, price: float, is_maker: bool) -> bool:
    """
    Fill order ``k`` at ``price``, as far as its limits allow.

    Returns True when the order has left the table (filled, or dropped with a reason), so that the
    caller's index now points at the next one. ``price`` is final; slippage is measured against the
    symbol's price on the path.
    """
    order = venue.orders[k]
    account = venue.accounts[order.account]
    fee_rate = account.maker_fee_rate if is_maker else account.taker_fee_rate
    wanted = base_qty(venue, order, price, fee_rate)
    reason = _refusal(venue, order, wanted, price)
    if reason != Reason.NONE:
        drop(venue, k, EventKind.REJECTED, reason)
        return True
    wanted = _within_position(venue, order, wanted)
    market = venue.markets[order.symbol]
    qty = min(wanted, lots_left(venue, order.symbol))
    if order.time_in_force == TimeInForce.FOK and qty < wanted:
        drop(venue, k, EventKind.CANCELLED, Reason.IMMEDIATE_UNFILLED)
        return True
    if qty > 0.0:
        fault = payment_fault(venue, order, qty, price, fee_rate)
        if fault != Reason.NONE:
            drop(venue, k, refusal_kind(venue, order), fault)
            return True
        market.volume_left -= qty
        _fill_part(venue, order, wanted, qty, price, fee_rate, is_maker)
    if qty == wanted:
        remove(venue, k)
        return True
    if order.time_in_force == TimeInForce.IOC:
        drop(venue, k, EventKind.CANCELLED, Reason.IMMEDIATE_UNFILLED)
        return True
    return False


@compiled
def _refusal(venue: Venue, order: Order, qty: float, price: float) -> int:
    """Return why nothing may fill, or NONE: minimums, and what is there to sell or reduce."""
    if not qty > 0.0:
        return Reason.BELOW_LOT
    if not order.has_filled:  # Minimums are for orders, not for what participation leaves of them.
        fault = size_fault(venue.instruments[order.symbol], qty, price, order.min_notional)
        if fault != Reason.NONE:
            return fault
    held = venue.positions[leg_index(order.account, venue.clock.n_symbols, order.symbol, order.position_side)].qty
    if order.reduce_only and held * order.side >= 0.0:
        return Reason.NOTHING_TO_REDUCE
    # A spot account cannot owe coins; the tolerance forgives sums of floats.
    is_spot = venue.accounts[order.account].kind == AccountKind.SPOT
    if is_spot and order.side == Side.SELL and not order.reduce_only and qty > held * (1.0 + MONEY_TOLERANCE):
        return Reason.INSUFFICIENT_POSITION
    return Reason.NONE


@compiled
def size_fault(instrument: Instrument, qty: float, price: float, min_notional: float) -> int:
    """Return which limit of size an order of ``qty`` at ``price`` breaks, or NONE."""
    if is_below(qty * price, max(min_notional, instrument.min_notional)):
        return Reason.BELOW_MINIMUM_NOTIONAL
    if qty < instrument.min_qty:
        return Reason.BELOW_LOT
    return Reason.ABOVE_MAXIMUM_QTY if qty > instrument.max_qty else Reason.NONE


@compiled
def _within_position(venue: Venue, order: Order, qty: float) -> float:
    """Clip what reduces to what is held; within noise of all it is all, so that no dust stays behind."""
    is_spot = venue.accounts[order.account].kind == AccountKind.SPOT
    if not (order.reduce_only or (is_spot and order.side == Side.SELL)):
        return qty
    held = abs(venue.positions[leg_index(order.account, venue.clock.n_symbols, order.symbol, order.position_side)].qty)
    return all_or_part(qty, held)


@compiled(inline=True)
def all_or_part(qty: float, held: float) -> float:
    """Return what of ``held`` a reduction by ``qty`` takes: all of it when it comes within noise of all."""
    return held if qty * RELATIVE_NUDGE >= held else qty


@compiled
def lots_left(venue: Venue, symbol: int) -> float:
    """Return how much of a symbol participation still lets fill in this bar, in whole lots; inf when it is off."""
    instrument = venue.instruments[symbol]
    return floor_to_step(venue.markets[symbol].volume_left, instrument.lot_units, instrument.lot_scale)


@compiled
def _fill_part(
    venue: Venue, order: Order, wanted: float, qty: float, price: float, fee_rate: float, is_maker: bool
) -> None:
    """Fill ``qty`` of the ``wanted`` base units of an order; what is left is base units too."""
    order.qty = wanted - qty
    order.qty_unit = QtyUnit.BASE
    order.has_filled = True
    book_fill(venue, order, qty, price, fee_rate, is_maker)


@compiled(inline=True)
def refusal_kind(venue: Venue, order: Order) -> int:
    """Return what a margin account is told of an order short of margin: cancelled, once it had a trigger or a fill."""
    was_accepted = order.has_filled or order.trigger_price == order.trigger_price
    if is_margin(venue, order.account) and was_accepted:
        return EventKind.CANCELLED
    return EventKind.REJECTED


@compiled
def payment_fault(venue: Venue, order: Order, qty: float, price: float, fee_rate: float) -> int:
    """Return why an account cannot pay for a fill, or NONE."""
    if is_margin(venue, order.account):
        return margin_fault(venue, order, qty, price)
    return Reason.NONE if _affordable(venue, order, qty, price, fee_rate) else Reason.INSUFFICIENT_CASH


@compiled
def _affordable(venue: Venue, order: Order, qty: float, price: float, fee_rate: float) -> bool:
    """Tell whether a spot account can pay; forgives 1e-9 of its total value, the noise of planned sums."""
    if order.side == Side.SELL:
        return True
    account = venue.accounts[order.account]
    cost = qty * price * (1.0 + fee_rate)
    return cost <= account.cash or cost <= account.cash + MONEY_TOLERANCE * max(1.0, total_value(venue, order.account))


@compiled
def total_value(venue: Venue, account: int) -> float:
    """Return cash plus positions at the prices the venue last saw; symbols that never had a price count 0."""
    total = venue.accounts[account].cash
    n_symbols = venue.clock.n_symbols
    for symbol in range(n_symbols):
        market = venue.markets[symbol]
        price = market.price if market.has_bar else market.last_price
        if price > 0.0:
            leg = leg_index(account, n_symbols, symbol, 0)
            total += (venue.positions[leg].qty + venue.positions[leg + 1].qty) * price
    return total


@compiled
def book_fill(venue: Venue, order: Order, qty: float, price: float, fee_rate: float, is_maker: bool) -> None:
    """Move money and coins for a fill of ``qty`` > 0 at ``price`` and tell the client."""
    leg = leg_index(order.account, venue.clock.n_symbols, order.symbol, order.position_side)
    rate = quote_rate(venue, order.symbol)
    fee = qty * price * fee_rate * rate
    book_money(venue, order.account, leg, qty * order.side, price, fee)
    met = quoted_price(venue, order.symbol, order.side)
    slippage = 0.0 if is_maker else max(0.0, (price - met) * order.side) * qty * rate
    kind = EventKind.FILLED if order.qty == 0.0 else EventKind.PARTIALLY_FILLED
    emit(venue, order, kind, Reason.NONE, qty, price, fee, slippage, is_maker)


@compiled
def book_money(venue: Venue, account_index: int, leg: int, signed_qty: float, price: float, fee: float) -> None:
    """Move the money and coins of one fill in the venue's books; ``fee`` is account currency."""
    account = venue.accounts[account_index]
    position = venue.positions[leg]
    symbol = leg // 2 - account_index * venue.clock.n_symbols
    profit = realised(position.qty, position.entry_price, signed_qty, price) * quote_rate(venue, symbol)
    account.realised_pnl += profit
    position.entry_price = entry_after(position.qty, position.entry_price, signed_qty, price)
    position.qty += signed_qty
    if is_margin(venue, account_index):
        account.cash = wallet_after(account.cash, profit, fee)
    else:
        account.cash = cash_after(account.cash, signed_qty, price, fee)
    account.fees += fee
    account.n_fills += 1


@compiled
def match_clients(venue: Venue, k: int, limit: float) -> int:
    """
    Fill order ``k`` against resting limits of other accounts at ``limit`` or better, in price-time order.

    ``limit`` is the price of recorded liquidity, or the order's own if that is stricter. Both sides trade
    at the resting price, the resting one as maker; one that cannot pay or deliver is rejected on the way.
    Returns the order's index afterwards (rows before it may have left the table), or -1 when it has left
    itself.
    """
    while True:
        order = venue.orders[k]
        best = best_counterparty(venue, k, limit)
        if best < 0:
            return k
        other = venue.orders[best]
        price = other.price
        taker_rate = venue.accounts[order.account].taker_fee_rate
        maker_rate = venue.accounts[other.account].maker_fee_rate
        wanted = base_qty(venue, order, price, taker_rate)
        if _refusal(venue, order, wanted, price) != Reason.NONE:
            return k
        wanted = _within_position(venue, order, wanted)
        offered = base_qty(venue, other, price, maker_rate)
        reason = _refusal(venue, other, offered, price)
        offered = _within_position(venue, other, offered)
        qty = min(wanted, offered)
        if reason == Reason.NONE:
            reason = payment_fault(venue, other, qty, price, maker_rate)
        if reason != Reason.NONE:
            drop(venue, best, EventKind.REJECTED, reason)
            k -= 1 if best < k else 0
            continue
        if payment_fault(venue, order, qty, price, taker_rate) != Reason.NONE:
            return k
        _fill_part(venue, order, wanted, qty, price, taker_rate, False)
        _fill_part(venue, other, offered, qty, price, maker_rate, True)
        is_done = qty == wanted
        if qty == offered:
            remove(venue, best)
            k -= 1 if best < k else 0
        if is_done:
            remove(venue, k)
            return -1


@compiled
def best_counterparty(venue: Venue, k: int, limit: float) -> int:
    """Return another account's resting limit of best price at or inside ``limit``, oldest first; -1 if none."""
    order = venue.orders[k]
    sign = 1.0 if order.side == Side.BUY else -1.0
    best = -1
    best_price = inf
    for i in range(venue.clock.n_orders):
        other = venue.orders[i]
        if (
            other.account != order.account
            and other.symbol == order.symbol
            and other.side == -order.side
            and other.status == OrderStatus.RESTING
            and other.type == OrderType.LIMIT
            and sign * other.price <= sign * limit
            and sign * other.price < best_price
        ):
            best = i
            best_price = sign * other.price
    return best
