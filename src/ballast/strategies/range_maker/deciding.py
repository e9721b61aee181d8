"""The maker alone: at every close the regime, between closes what the market and its orders ask for."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.market_making import answer, make_market
from ballast.strategies.tight_range.deciding import classified_regime
from ballast.strategies.tight_range.layers import FEATURES_PER_SYMBOL, Feature
from ballast.strategies.tight_range.regimes import is_tight


@compiled
def decide(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Keep every symbol's quotes where they belong."""
    if view.cause == Cause.BAR:
        return _at_close(row, view, state, params, intents)
    return answer(view, state, params, intents)


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
            maker, is_wanted = state.makers[symbol], is_tight(own.evidence)
            n = make_market(view, params, maker, symbol, is_wanted, atr, width, intents, n)
    return n
