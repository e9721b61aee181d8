"""When the maker looks between closes: at ticks that can matter, at its orders, and when data falls silent."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EngineRole, EventKind
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.market_making.making import Maker, look, on_order, stays, write_off
from ballast.strategies.market_making.reasons import Role


@compiled(needs="makers")
def answer(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Look at the quotes that a call is about, if it is about any of ``state.makers``; return the count of intents."""
    if view.cause == Cause.QUOTE or view.cause == Cause.TRADE:
        maker = state.makers[view.event_symbol]
        if stays(view, params, maker, view.event_symbol):
            return 0
        return look(view, params, maker, view.event_symbol, intents, 0, False)
    if view.cause == Cause.ORDER and Role.BID <= view.event_role <= Role.CLOSE:
        return on_order(view, params, state.makers[view.event_symbol], view.event_symbol, intents, 0)
    if view.cause == Cause.ORDER and view.event_role >= EngineRole.BALANCE:
        return _on_other(view, params, state.makers[view.event_symbol], view.event_symbol, intents)
    if view.cause == Cause.TIMER and view.event_role >= Role.ALARM:
        symbol = view.event_role - Role.ALARM
        return look(view, params, state.makers[symbol], symbol, intents, 0, False)
    return 0


@compiled
def _on_other(view: Record, params: Record, maker: Maker, symbol: int, intents: Intent) -> int:
    """Give up what a guard, the ladder or the venue has closed, and quote without it."""
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    if not is_fill or not write_off(view, maker, symbol, view.event_price, view.event_fee / view.event_qty):
        return 0
    # Between closes of bars nobody knows the middle: there the next close does.
    return look(view, params, maker, symbol, intents, 0, True) if view.quotes.shape[0] > 0 else 0
