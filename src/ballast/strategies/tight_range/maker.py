"""
What the flag ``market_making_enabled`` switches on: the maker of ``market_making``, while ranges are tight.

Its inventory and the signals' coins lie in one position; each side sells only its own.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.market_making import make_market
from ballast.strategies.market_making.making import write_off
from ballast.strategies.tight_range.layers import FEATURES_PER_SYMBOL, Feature


@compiled(needs="makers")
def quote(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Bring every symbol's quotes up to date at a close, as its flag says; return the new count of intents."""
    for symbol in range(view.n_symbols):
        if state.markets[symbol].n_bars >= params.min_data_points:
            maker, is_wanted = state.makers[symbol], state.market_making_enabled[symbol] != 0
            maker.is_long_only = True
            # A stop and a target both filled, the second before the first one's cancel, or a guard: they sold its, too.
            write_off(view, maker, symbol, view.price[symbol], 0.0)
            at = FEATURES_PER_SYMBOL * symbol
            atr, width = view.feature[at + Feature.ATR], view.feature[at + Feature.WIDTH]
            n = make_market(view, params, maker, symbol, is_wanted, atr, width, intents, n)
    return n
