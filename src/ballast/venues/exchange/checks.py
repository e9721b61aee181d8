"""What is wrong with a request on its face; each raises ``Refused``."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, isnan, nan

from ballast.model.enums import OrderType, PositionSide, QtyUnit, Side
from ballast.venues.exchange.market import Listing
from ballast.venues.exchange.orders import OrderRequest, OrderState, Origin, Trigger
from ballast.venues.exchange.refusals import Refusal, Refused
from ballast.venues.exchange.registry import Registry

MAX_ACTIVE_ORDERS = 500
"""Of an account, a symbol; of a spot account in all."""
MAX_CONDITIONAL_ORDERS = 10
"""Of an account, a symbol; protection of positions not counted."""
MAX_SPOT_CONDITIONAL_ORDERS = 30
"""Of a spot account, a symbol."""
MOST_PRICE = 1e12
"""Quote money per base unit; far above it prices could no longer be counted in ticks."""


def check_order(request: OrderRequest, is_hedged: bool, held: float, last_price: float, listing: Listing) -> None:
    """Check an order against its account's mode, what its leg holds (signed), and the symbol's steps."""
    if (request.position_side != PositionSide.NONE) != is_hedged:
        raise Refused(Refusal.WRONG_POSITION_SIDE)
    is_limit = request.type == OrderType.LIMIT
    check_prices([request.price] if is_limit else [])
    check_reach((one for one in (request.take_profit, request.stop_loss) if not isnan(one)), listing.tick)
    reference = request.price if is_limit else last_price
    if request.qty_unit == QtyUnit.QUOTE:
        check_money(request, listing)
    else:
        check_qty(request.qty, nan if request.reduce_only else reference, listing)
    if request.trigger != Trigger.NONE:
        check_trigger(request.trigger, request.trigger_price, last_price, listing.tick)
        reference = reference if is_limit else request.trigger_price
    check_protection(request, reference)
    closes_leg = is_hedged and (request.position_side == PositionSide.LONG) != (request.side == Side.BUY)
    if (request.reduce_only or closes_leg) and held * request.side >= 0.0:
        raise Refused(Refusal.NOTHING_TO_REDUCE)


def check_room(request: OrderRequest, orders: Registry, account: int, symbol: int, *, is_spot: bool) -> None:
    """Check that the account may have one more order of the symbol."""
    if is_spot and orders.n_live_of(account) >= MAX_ACTIVE_ORDERS:
        raise Refused(Refusal.TOO_MANY_ORDERS)
    if request.trigger == Trigger.NONE and orders.n_live(account, symbol) < MAX_ACTIVE_ORDERS:
        return
    live = orders.live(account, symbol)
    waiting = [order for order in live if order.state == OrderState.UNTRIGGERED]
    if request.trigger == Trigger.NONE:
        if len(live) - len(waiting) >= MAX_ACTIVE_ORDERS:
            raise Refused(Refusal.TOO_MANY_ORDERS)
        return
    most = MAX_SPOT_CONDITIONAL_ORDERS if is_spot else MAX_CONDITIONAL_ORDERS
    if sum(order.request.origin == Origin.CLIENT for order in waiting) >= most:
        raise Refused(Refusal.TOO_MANY_CONDITIONAL_ORDERS)


def check_qty(qty: float, price: float, listing: Listing) -> None:
    """Check a quantity, and its value at ``price`` unless that is NaN."""
    if not isfinite(qty) or qty <= 0.0 or not is_on_grid(qty, listing.lot):
        raise Refused(Refusal.INVALID_QTY)
    if qty < max(listing.min_qty, listing.lot) * (1.0 - 1e-9):
        raise Refused(Refusal.BELOW_MINIMUM_QTY)
    if qty > listing.max_qty:
        raise Refused(Refusal.ABOVE_MAXIMUM_QTY)
    if qty * price < listing.min_notional - 1e-9:
        raise Refused(Refusal.BELOW_MINIMUM_NOTIONAL)


def is_on_grid(value: float, step: float) -> bool:
    """Tell whether a finite number is a multiple of a step."""
    steps = value / step
    return isfinite(steps) and abs(steps - round(steps)) <= 1e-6


def check_money(request: OrderRequest, listing: Listing) -> None:
    """Check the money that a market order is to trade."""
    if request.type != OrderType.MARKET or not isfinite(request.qty) or request.qty <= 0.0:
        raise Refused(Refusal.INVALID_QTY)
    if request.qty < listing.min_notional - 1e-9:
        raise Refused(Refusal.BELOW_MINIMUM_NOTIONAL)


def check_prices(prices: Iterable[float]) -> None:
    """Check that all are prices, above 0 and up to ``MOST_PRICE``."""
    if not all(0.0 < price <= MOST_PRICE for price in prices):
        raise Refused(Refusal.INVALID_PRICE)


def check_protection(request: OrderRequest, price: float) -> None:
    """Check that take-profit and stop-loss lie on their sides of where the order opens; of NaN nothing is known."""
    side = request.opens
    if (request.take_profit - price) * side <= 0.0 or (request.stop_loss - price) * side >= 0.0:
        raise Refused(Refusal.WRONG_SIDE_OF_PRICE)


def check_leg(held: float, origin: Origin, price: float, last_price: float, tick: float) -> Trigger:
    """
    Return on which way a leg's take-profit or stop-loss is met, and check that it lies ahead; 0 takes it away.

    A ``last_price`` of NaN judges no side.
    """
    if held == 0.0:
        raise Refused(Refusal.NO_POSITION)
    trigger = Trigger.RISES if (held > 0.0) == (origin == Origin.TAKE_PROFIT) else Trigger.FALLS
    if price != 0.0:
        check_reach([price], tick)
        if (price <= last_price) if trigger == Trigger.RISES else (price >= last_price):
            raise Refused(Refusal.WRONG_SIDE_OF_PRICE)
    return trigger


def check_reach(triggers: Iterable[float], tick: float) -> None:
    """Check that all are prices that a market which moves in ticks can meet."""
    triggers = list(triggers)
    check_prices(triggers)
    if any(price < tick * (1.0 - 1e-9) for price in triggers):
        raise Refused(Refusal.INVALID_PRICE)


def check_trigger(trigger: Trigger, price: float, last_price: float, tick: float) -> None:
    """Check that a trigger lies ahead of the price, on the side from which it is to be met."""
    check_reach([price], tick)
    if trigger == Trigger.RISES and price <= last_price:
        raise Refused(Refusal.TRIGGER_NOT_ABOVE)
    if trigger == Trigger.FALLS and price >= last_price:
        raise Refused(Refusal.TRIGGER_NOT_BELOW)


def way_to(price: float, last_price: float) -> Trigger:
    """Return the way on which a price is met from where the market stands."""
    return Trigger.FALLS if price < last_price else Trigger.RISES
