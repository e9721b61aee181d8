"""The plans: start, upside and downside, from the numbers of one close to orders for the next open."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import QtyUnit, Side, TimeInForce
from ballast.model.intents import ANY, Intent, place_market
from ballast.model.records import Record
from ballast.model.units import floor_to_step, is_below
from ballast.strategies.cascade.settings import Direction, Reason, Role
from ballast.strategies.cascade.stock import TOLERANCE

SUPPORT_CAP = 0.25
"""The part of its own value that an outperformer gives at most to support another asset."""


@compiled
def place(
    view: Record,
    state: Record,
    intents: Intent,
    n: int,
    symbol: int,
    side: int,
    qty: float,
    unit: int,
    minimum: float,
    needs: int,
    cycle: int,
    reason: int,
) -> int:
    """Ask for one market order that fills at the event's open or is dropped; return the new count."""
    n = place_market(intents, n, symbol, side, qty, unit, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.time_in_force = TimeInForce.IOC
    intent.min_notional = minimum
    intent.expiry_ns = state.expiry_ns
    intent.needs_symbol = needs
    intent.cycle = cycle
    intent.role = Role.SELL if side == Side.SELL else Role.BUY
    return n


@compiled
def minimum_value(view: Record, params: Record, symbol: int) -> float:
    """Return the smallest order worth placing: ours or the venue's, whichever is greater."""
    return max(params.min_order_value, view.min_notional[symbol])


@compiled
def lots(view: Record, symbol: int, qty: float) -> float:
    """Return ``qty`` floored to the symbol's lot."""
    return floor_to_step(qty, view.lot_units[symbol], view.lot_scale[symbol])


@compiled
def plan_start(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Buy an equal share of the invested capital of every asset tradable now, fee included in the share."""
    share = (1.0 - params.usdt_reserve) * view.initial_capital / view.n_symbols / (1.0 + view.taker_fee_rate)
    n = 0
    for symbol in range(view.n_symbols):
        if state.is_tradable[symbol]:
            minimum = minimum_value(view, params, symbol)
            n = place(view, state, intents, n, symbol, Side.BUY, share, QtyUnit.QUOTE, minimum, ANY, 0, Reason.START)
    return n


@compiled
def plan_upside(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Sell a part of the asset; the buys wait for the proceeds. Empty when that part is below the minimum."""
    qty = lots(view, symbol, params.sell_percentage * view.position_qty[2 * symbol])
    if is_below(qty * view.price[symbol], minimum_value(view, params, symbol)):
        return n
    state.pending_sells = 1
    cycle = state.n_events + 1
    return place(view, state, intents, n, symbol, Side.SELL, qty, QtyUnit.BASE, 0.0, ANY, cycle, Reason.UPSIDE_SELL)


@compiled
def spread_proceeds(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Spread an upside sale over the other assets in equal shares, each under the position cap."""
    keep = params.usdt_reserve
    if params.refill_reserve:
        missing = params.usdt_reserve * state.total - view.cash + state.proceeds
        keep = min(1.0, max(0.0, missing) / state.proceeds) if missing > 0.0 else keep
    share = (1.0 - keep) * state.proceeds / (view.n_symbols - 1)
    n = 0
    for symbol in range(view.n_symbols):
        if symbol == state.trigger or not state.is_tradable[symbol]:
            continue
        room = max(0.0, params.max_position_pct * state.total - state.value[symbol])
        notional = min(share / (1.0 + view.taker_fee_rate), room)
        minimum = minimum_value(view, params, symbol)
        if not is_below(notional, minimum):
            n = place(
                view, state, intents, n, symbol, Side.BUY, notional, QtyUnit.QUOTE, minimum, ANY, state.n_events,
                Reason.REDISTRIBUTION_BUY,
            )  # fmt: skip
    return n


@compiled
def plan_downside(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """
    Buy the asset back to the mean: from cash above the floor, then from outperformers.

    Empty when the whole of it would come to less than the minimum, so that nothing is sold for nothing.
    """
    fee = view.taker_fee_rate
    minimum = minimum_value(view, params, symbol)
    deficit = min(state.mean_value - state.value[symbol], params.max_position_pct * state.total - state.value[symbol])
    if is_below(deficit, minimum):
        return n
    need = deficit * (1.0 + fee)
    use = min(max(0.0, view.cash - params.min_usdt_reserve_pct * state.total), need)
    support = _plan_support(view, state, params, symbol, (need - use) / (1.0 - fee)) if use < need else 0.0
    notional = min(deficit, (use + support * (1.0 - fee)) / (1.0 + fee))
    price = view.price[symbol]
    planned = lots(view, symbol, notional / price) * price if view.lot_units[symbol] > 0 else notional
    if is_below(planned, minimum):
        return n
    state.deficit = deficit
    state.cash_use = use
    state.pending_sells = 0
    cycle = state.n_events + 1
    for other in range(view.n_symbols):
        if support > 0.0 and state.slice[other] > 0.0:
            qty = state.slice[other] / view.price[other]
            state.pending_sells += 1
            n = place(
                view, state, intents, n, other, Side.SELL, qty, QtyUnit.BASE, 0.0, symbol, cycle, Reason.SUPPORT_SELL
            )
    return n if state.pending_sells > 0 else place_downside_buy(view, state, params, intents, n, cycle)


@compiled
def place_downside_buy(view: Record, state: Record, params: Record, intents: Intent, n: int, cycle: int) -> int:
    """Buy for the planned cash and whatever the support sells really brought, at most the deficit."""
    notional = min(state.deficit, (state.cash_use + state.proceeds) / (1.0 + view.taker_fee_rate))
    minimum = minimum_value(view, params, state.trigger)
    if is_below(notional, minimum):
        return n
    return place(
        view,
        state,
        intents,
        n,
        state.trigger,
        Side.BUY,
        notional,
        QtyUnit.QUOTE,
        minimum,
        ANY,
        cycle,
        Reason.DOWNSIDE_BUY,
    )


@compiled
def _plan_support(view: Record, state: Record, params: Record, trigger: int, gross: float) -> float:
    """
    Write into ``state.slice`` what each outperformer sells for ``gross`` in all; return the sum.

    Slices follow the excess over the mean, are capped at a quarter of the asset's value, dropped when
    below the minimum, and then take up the capped ones' shortfall once, in the same proportion.
    """
    excess_sum = _take_excess(view, state, trigger)
    shortfall = 0.0
    for symbol in range(view.n_symbols):
        state.slice[symbol] = 0.0
        if excess_sum > 0.0 and state.excess[symbol] > 0.0:
            raw = gross * state.excess[symbol] / excess_sum
            cap = SUPPORT_CAP * state.value[symbol]
            state.slice[symbol] = min(raw, cap)
            if raw > cap:
                shortfall += raw - cap
                state.excess[symbol] = 0.0  # Capped: takes no part in the second pass.
            if is_below(state.slice[symbol], minimum_value(view, params, symbol)):
                state.slice[symbol] = 0.0
                state.excess[symbol] = 0.0
    if params.redistribute_shortfall and shortfall > 0.0:
        _redistribute(view, state, shortfall)
    return _round_slices(view, state, params)


@compiled
def _take_excess(view: Record, state: Record, trigger: int) -> float:
    """Write each tradable other asset's value above the mean into ``state.excess``; return the sum."""
    excess_sum = 0.0
    for symbol in range(view.n_symbols):
        excess = state.value[symbol] - state.mean_value
        is_source = state.is_tradable[symbol] and symbol != trigger and excess > TOLERANCE * state.mean_value
        state.excess[symbol] = excess if is_source else 0.0
        excess_sum += state.excess[symbol]
    return excess_sum


@compiled
def _redistribute(view: Record, state: Record, shortfall: float) -> None:
    """Share the shortfall among what is left in ``state.excess``, each up to its own cap."""
    excess_sum = 0.0
    for symbol in range(view.n_symbols):
        excess_sum += state.excess[symbol]
    for symbol in range(view.n_symbols):
        if state.excess[symbol] > 0.0:
            wanted = state.slice[symbol] + shortfall * state.excess[symbol] / excess_sum
            state.slice[symbol] = min(wanted, SUPPORT_CAP * state.value[symbol])


@compiled
def _round_slices(view: Record, state: Record, params: Record) -> float:
    """Round the slices to whole lots, drop what that takes below the minimum, and return the sum."""
    support = 0.0
    for symbol in range(view.n_symbols):
        if state.slice[symbol] > 0.0 and view.lot_units[symbol] > 0:
            price = view.price[symbol]
            state.slice[symbol] = lots(view, symbol, state.slice[symbol] / price) * price
            if is_below(state.slice[symbol], minimum_value(view, params, symbol)):
                state.slice[symbol] = 0.0
        support += state.slice[symbol]
    return support


@compiled
def plan_trim(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Sell what an asset is worth above the position cap; the money stays in cash."""
    excess = state.value[symbol] - params.max_position_pct * state.total
    qty = lots(view, symbol, excess / view.price[symbol])
    if is_below(qty * view.price[symbol], minimum_value(view, params, symbol)):
        return n
    state.direction = Direction.TRIM
    state.trigger = symbol
    state.pending_sells = 1
    cycle = state.n_events + 1
    return place(view, state, intents, n, symbol, Side.SELL, qty, QtyUnit.BASE, 0.0, ANY, cycle, Reason.TRIM_SELL)
