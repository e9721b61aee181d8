"""
What stands against trends: coins bought in a fall, and what was sold in a rise, both in money.

Coins bought against a fall count, at the last price, whenever their symbol falls, until they are sold. What was
sold against a rise counts until that rise is over: an episode ends when the direction changes.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.records import Record
from ballast.strategies.tight_range.paths import contra_headroom
from ballast.strategies.tight_range.settings import Phase

DUST = 1e-9
"""What is left of a holding below this part of it is rounding."""


@compiled(inline=True)
def open_close(view: Record, state: Record, params: Record) -> None:
    """Say what the decisions of a close may use: cash that is not spoken for, and the contra room."""
    state.free_cash = free_cash(view, state)
    exposure = 0.0
    for symbol in range(view.n_symbols):
        exposure += contra_exposure(state.markets[symbol], view.price[symbol])
    state.contra_room = contra_headroom(params.max_contra_allocation, view.equity, exposure)


@compiled(inline=True)
def free_cash(view: Record, state: Record) -> float:
    """Return the cash less what entries in flight and the maker's bids take."""
    cash = view.cash
    for symbol in range(view.n_symbols):
        trade = state.markets[symbol].trade
        if trade.phase == Phase.ENTERING:
            cash -= trade.notional * (1.0 + view.taker_fee_rate)
        if state.makers.shape[0] > 0:
            maker = state.makers[symbol]
            cash -= maker.bid * maker.bid_left * (1.0 + view.maker_fee_rate)
    return cash


@compiled(inline=True)
def own_qty(view: Record, state: Record, symbol: int) -> float:
    """Return what signals and rebalances hold of a symbol: its position without the maker's inventory."""
    qty = view.position_qty[2 * symbol]
    if state.makers.shape[0] > 0:
        own = qty - state.makers[symbol].inventory
        return own if own > DUST * qty else 0.0
    return qty


@compiled(inline=True)
def contra_exposure(market: Record, price: float) -> float:
    """Return the money that stands against a symbol's trend, orders in flight included."""
    exposure = market.contra_pending + market.contra_sold
    if market.last_direction < 0 and market.contra_qty > 0.0:
        exposure += market.contra_qty * price
    return exposure


@compiled(inline=True)
def turn(market: Record, direction: int) -> None:
    """Take a symbol's new direction; what was sold against a rise is forgotten with it."""
    if direction != market.last_direction:
        market.contra_sold = 0.0
        market.last_direction = direction


@compiled
def keep_contra(market: Record, is_contra: bool, qty: float, price: float) -> None:
    """Move a filled part of a contra purchase from what is pending to what is held."""
    if is_contra:
        market.contra_qty += qty
        market.contra_pending = max(0.0, market.contra_pending - qty * price)


@compiled
def keep_contra_sale(market: Record, is_contra: bool, notional: float) -> None:
    """Move a filled part of a contra sale from what is pending to what the episode has sold."""
    if is_contra:
        market.contra_sold += notional
        market.contra_pending = max(0.0, market.contra_pending - notional)


@compiled
def sold(market: Record, qty: float) -> None:
    """Let coins that were sold be those bought against a fall, as far as there are any."""
    market.contra_qty = max(0.0, market.contra_qty - qty)
