"""When the maker looks between closes: at ticks that can matter, at its orders, and when data falls silent."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.market_making.making import look, on_order, stays
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
    if view.cause == Cause.TIMER and view.event_role >= Role.ALARM:
        symbol = view.event_role - Role.ALARM
        return look(view, params, state.makers[symbol], symbol, intents, 0, False)
    return 0
