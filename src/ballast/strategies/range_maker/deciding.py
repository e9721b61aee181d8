"""When the maker looks: at every close, at ticks that can matter, at fills, and when data falls silent."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.range_maker.making import look, make_market, on_order, stays
from ballast.strategies.range_maker.reasons import Role
from ballast.strategies.tight_range.deciding import classified_regime
from ballast.strategies.tight_range.layers import FEATURES_PER_SYMBOL, Feature
from ballast.strategies.tight_range.regimes import is_tight


@compiled
def decide(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Keep every symbol's quotes where they belong."""
    if view.cause == Cause.QUOTE or view.cause == Cause.TRADE:
        maker = state.symbols[view.event_symbol].maker
        if stays(view, params, maker, view.event_symbol):
            return 0
        return look(view, params, maker, view.event_symbol, intents, 0, False)
    if view.cause == Cause.BAR:
        return _at_close(row, view, state, params, intents)
    if view.cause == Cause.ORDER and Role.BID <= view.event_role <= Role.CLOSE:
        return on_order(view, params, state.symbols[view.event_symbol].maker, view.event_symbol, intents, 0)
    if view.cause == Cause.TIMER and view.event_role >= Role.ALARM:
        symbol = view.event_role - Role.ALARM
        return look(view, params, state.symbols[symbol].maker, symbol, intents, 0, False)
    return 0


@compiled
def _at_close(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Judge the regime of every symbol that has a new bar; look at the quotes of all."""
    n = 0
    for symbol in range(view.n_symbols):
        own = state.symbols[symbol]
        if view.bar_ts_ns[symbol] == row.ts_ns:
            classified_regime(row, view, params, symbol, own.memory, own.evidence)
        if own.memory.n_bars > 0 or own.evidence.regime > 0:
            at = FEATURES_PER_SYMBOL * symbol
            atr, width = view.feature[at + Feature.ATR], view.feature[at + Feature.WIDTH]
            n = make_market(view, params, own.maker, symbol, is_tight(own.evidence), atr, width, intents, n)
    return n
