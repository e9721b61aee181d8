"""
First half of a step: fold what happened into the view.

The same functions run in every mode: a closed frame, an order event, a wake. The fold of a fill uses the
venue's own ledger arithmetic, so both sides agree to the bit when both saw the same fills.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.state import Engine, Log
from ballast.engine.view import View
from ballast.indicators.table import update
from ballast.kernel.ledger import cash_after, entry_after, leg_index, realised, wallet_after
from ballast.kernel.margin import is_on_margin
from ballast.kernel.projection import account_figures
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EventKind, Reason
from ballast.model.events import Event
from ballast.model.market import Frame


@compiled(inline=True)
def observe_bar(engine: Engine, row: Frame, frame: int, time_ns: int) -> None:
    """Take the frame that has just closed: prices, indicators, equity."""
    view = engine.strategy_view
    view.cause = Cause.BAR
    view.time_ns = time_ns
    view.frame = frame
    observe_prices(view, row)
    if engine.shared_feature.shape[0] > 0:
        for k in range(engine.shared_feature.shape[0]):
            view.feature[k] = engine.shared_feature[k, frame]
    else:
        observe_features(engine, row)
    value_positions(view)
    if engine.equity.shape[0] > 0:
        engine.equity[frame] = view.equity


@compiled
def pass_over(engine: Engine, frames: Frame, first: int, target: int) -> None:
    """
    Take the frames from ``first`` up to ``target`` (exclusive) at once: nothing happened, prices moved.

    Frame ``target`` must be observed next: what it overwrites need not be there before. Equity points are
    written only where the engine keeps a curve.
    """
    view = engine.strategy_view
    if engine.equity.shape[0] > 0:
        for frame in range(first, target):
            observe_prices(view, frames[frame])  # type: ignore[index]
            value_positions(view)
            engine.equity[frame] = view.equity
    else:
        for symbol in range(view.n_symbols):
            # Whoever has a bar at ``target`` takes its price there, next.
            frame = target
            while frame > first and frames[frame].close[symbol] != frames[frame].close[symbol]:  # type: ignore[index]
                frame -= 1
            if frame < target:
                observe_price(view, frames[frame], symbol)  # type: ignore[index]
    view.frame = target - 1


@compiled(inline=True)
def observe_prices(view: View, row: Frame) -> None:
    """Take the closes of one frame."""
    for symbol in range(view.n_symbols):
        observe_price(view, row, symbol)


@compiled(inline=True)
def observe_price(view: View, row: Frame, symbol: int) -> None:
    """Take one symbol's close; NaN, no bar, leaves its last price."""
    close = row.close[symbol]
    if close == close:
        view.price[symbol] = close
        view.bar_ts_ns[symbol] = row.ts_ns


@compiled(inline=True)
def observe_features(engine: Engine, row: Frame) -> None:
    """Update every declared indicator whose symbol has a bar in this frame."""
    for k in range(engine.feature_specs.shape[0]):
        spec = engine.feature_specs[k]
        s = spec.symbol
        update(
            engine.feature_states[k],
            engine.feature_ring,
            spec,
            row.open[s],
            row.high[s],
            row.low[s],
            row.close[s],
            row.volume[s],
            engine.strategy_view.feature,
        )


@compiled(needs="quotes")
def observe_tick(view: View, quotes: Any, clock: Any, cause: int) -> bool:
    """
    Take the best prices as they stand, and the tick that the strategy is called for; False where it is no tick.

    A quote's price is the last one, its quantity and side are 0.
    """
    for symbol in range(view.n_symbols):
        view.quotes[symbol] = quotes[symbol]
    if cause != Cause.QUOTE and cause != Cause.TRADE:
        return False
    view.cause = cause
    view.time_ns = clock.now_ns
    view.event_symbol = clock.woken_symbol
    view.event_side = clock.woken_side
    view.event_price = clock.woken_price
    view.event_qty = clock.woken_qty
    return True


@compiled(needs="tiers")
def observe_margin(view: View, markets: Any, positions: Any, conversions: Any) -> None:
    """Take what a venue publishes about a margin account: marks, leverage, what resting orders hold, rates."""
    for symbol in range(view.n_symbols):
        if conversions.shape[0] > 0:
            view.conversions[symbol].rate = conversions[symbol].rate
        view.mark[symbol] = markets[symbol].mark
        view.leverage[symbol] = positions[2 * symbol].leverage
        for leg in (2 * symbol, 2 * symbol + 1):
            position = positions[leg]
            view.order_value[leg] = position.order_value
            view.order_margin[leg] = position.order_margin
            view.order_closing_fee[leg] = position.order_closing_fee


@compiled(needs="tiers")
def value_margin(view: View) -> None:
    """Mark a margin account with the venue's own functions."""
    figures = account_figures(view)
    view.equity = figures.equity
    view.gross = figures.gross
    view.initial_margin = figures.initial_margin
    view.maintenance_margin = figures.maintenance_margin
    view.available = figures.available
    view.im_rate = figures.im_rate
    view.mm_rate = figures.mm_rate


@compiled(inline=True)
def value_positions(view: View) -> None:
    """
    Mark the account.

    Spot: cash plus quantity times last price; what is flat, or never had a price, counts nothing.
    """
    if view.tiers.shape[0] > 0 and is_on_margin(view.account_kind):
        value_margin(view)
        return
    equity = view.cash
    gross = 0.0
    for symbol in range(view.n_symbols):
        qty = view.position_qty[2 * symbol] + view.position_qty[2 * symbol + 1]
        price = view.price[symbol]
        if qty != 0.0 and price == price:
            value = qty * price
            equity += value
            gross += abs(value)
    view.equity = equity
    view.gross = gross


@compiled
def observe_event(view: View, log: Log, fills: Any, event: Event) -> None:
    """
    Fold one order event: the view's account moves by fills alone, which ``fills`` records; refusals are counted.

    It takes the parts of the engine that it needs: all of them are more to pass than it has to do.
    """
    view.cause = Cause.ORDER
    view.time_ns = event.time_ns
    view.event_kind = event.kind
    view.event_symbol = event.symbol
    view.event_position_side = event.position_side
    view.event_side = event.side
    view.event_role = event.role
    view.event_level = event.level
    view.event_cycle = event.cycle
    view.event_reason = event.reason
    view.event_qty = event.qty
    view.event_price = event.price
    view.event_fee = event.fee
    view.event_next_qty = event.next_qty
    if event.kind == EventKind.FILLED or event.kind == EventKind.PARTIALLY_FILLED:
        _fold_fill(view, log, fills, event)
    elif view.tiers.shape[0] > 0 and (event.kind == EventKind.FUNDING or event.kind == EventKind.INSURANCE):
        _fold_payment(view, event)
    else:
        log.rejects[event.reason] += 1
        if view.tiers.shape[0] > 0:
            # The marks have moved since.
            value_positions(view)
    if event.kind != EventKind.PARTIALLY_FILLED and event.order_id > 0:
        view.open_orders[event.symbol] -= 1


@compiled
def _fold_fill(view: View, log: Log, fills: Any, event: Event) -> None:
    leg = leg_index(0, view.n_symbols, event.symbol, event.position_side)
    fold_money(view, leg, event.qty * event.side, event.price, event.fee, event.quote_rate)
    view.liquidated = view.liquidated or event.reason == Reason.LIQUIDATION
    fills[log.n_fills] = event
    log.n_fills += 1
    value_positions(view)


@compiled(inline=True)
def fold_money(view: View, leg: int, signed_qty: float, price: float, fee: float, rate: float) -> None:
    """Move the money and coins of one fill in our own fold; ``rate`` makes quote currency the account's."""
    held, entry = view.position_qty[leg], view.entry_price[leg]
    view.entry_price[leg] = entry_after(held, entry, signed_qty, price)
    view.position_qty[leg] = held + signed_qty
    if view.tiers.shape[0] > 0 and is_on_margin(view.account_kind):
        view.cash = wallet_after(view.cash, realised(held, entry, signed_qty, price) * rate, fee)
    else:
        view.cash = cash_after(view.cash, signed_qty, price, fee)


@compiled
def _fold_payment(view: View, event: Event) -> None:
    """Take funding paid or received, or what the insurance fund paid."""
    view.cash -= event.fee
    if event.kind == EventKind.FUNDING:
        view.cause = Cause.FUNDING
        view.funding_paid += event.fee
    value_positions(view)


@compiled
def observe_wake(
    view: View,
    cause: int,
    time_ns: int,
    symbol: int,
    position_side: int,
    side: int,
    role: int,
    reason: int,
    price: float,
) -> None:
    """Note which watch or timer woke the strategy, and at what price (NaN for a timer)."""
    view.cause = cause
    view.time_ns = time_ns
    view.event_kind = 0
    view.event_symbol = symbol
    view.event_position_side = position_side
    view.event_side = side
    view.event_role = role
    view.event_level = 0
    view.event_cycle = 0
    view.event_reason = reason
    view.event_qty = 0.0
    view.event_price = price
    view.event_fee = 0.0
    view.event_next_qty = 0.0
    if view.tiers.shape[0] > 0:
        value_positions(view)
