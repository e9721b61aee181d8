"""
The short way for the plainest order: a market order at a close, filled whole at the next open, heard of by nobody.

For sweeps that keep neither curve nor fills, and strategies that decide at closes only: there the order
table, the events and the call that would follow are work without effect. Anything that is not plain goes
the long way. Both ways use the same definitions of price, quantity and money, and a test holds them equal.
"""

from __future__ import annotations

from math import inf

from ballast.engine.observe import fold_money
from ballast.engine.state import Log
from ballast.engine.view import View
from ballast.kernel.book import is_quiet
from ballast.kernel.fills import all_or_part, book_money, qty_in_base, size_fault, slipped_price
from ballast.kernel.venue import Phase, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import AccountKind, IntentKind, LadderState, OrderType, PositionSide, Reason, Side, TimeInForce
from ballast.model.intents import Intent
from ballast.model.market import Frame
from ballast.model.units import MONEY_TOLERANCE
from ballast.risk.ladder import Ladder


@compiled(inline=True)
def is_plain(venue: Venue, ladder: Ladder, intent: Intent) -> bool:
    """Tell whether an intent at a close is nothing but a market order for the next open."""
    execution = venue.execution
    return bool(
        intent.kind == IntentKind.PLACE
        and intent.type == OrderType.MARKET
        and intent.time_in_force == TimeInForce.GTC
        and intent.position_side == PositionSide.NONE
        and intent.expiry_ns == 0
        and intent.needs_symbol < 0
        and not intent.reduce_only
        and not intent.post_only
        and execution.latency_ns == 0
        and execution.participation == inf
        and not execution.same_close
        and ladder.state == LadderState.NORMAL
        and venue.accounts[0].kind == AccountKind.SPOT
    )


@compiled
def fill_at_next_open(
    venue: Venue, view: View, ladder: Ladder, log: Log, frames: Frame, intent: Intent, stop: int
) -> bool:
    """
    Fill a plain order at the next frame's open, in the venue's books and in ours.

    Returns False, and does nothing, when the order is not plain or would not fill whole: the long way
    then says what becomes of it.
    """
    clock = venue.clock
    if not is_quiet(venue) or clock.phase != Phase.BETWEEN or clock.frame + 1 >= stop:
        return False
    symbol, side = intent.symbol, intent.side
    if not 0 <= symbol < clock.n_symbols or not is_plain(venue, ladder, intent):
        return False
    account = venue.accounts[0]
    held = venue.positions[2 * symbol].qty
    market_price = frames[clock.frame + 1].open[symbol]  # type: ignore[index]
    price = slipped_price(venue, symbol, side, market_price)
    instrument = venue.instruments[symbol]
    qty = qty_in_base(instrument, intent.qty, intent.qty_unit, price, account.taker_fee_rate, account.cash, held)
    fee = qty * price * account.taker_fee_rate
    # NaN, no bar, fails these comparisons.
    if side == Side.BUY:
        # Narrower than the long way's tolerance, which counts what is held as well.
        can_fill = qty * price + fee <= account.cash + MONEY_TOLERANCE * max(1.0, account.cash)
    else:
        can_fill = qty <= held
        qty = all_or_part(qty, held)
        fee = qty * price * account.taker_fee_rate
    if not (can_fill and qty > 0.0) or size_fault(instrument, qty, price, intent.min_notional) != Reason.NONE:
        return False
    clock.next_order_id += 1
    book_money(venue, 0, 2 * symbol, qty * side, price, fee)
    fold_money(view, 2 * symbol, qty * side, price, fee, 1.0)
    log.n_fills += 1
    return True
