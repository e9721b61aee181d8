"""
A strategy of one's own: hold every coin whose fast mean is above its slow one.

Run this file, or name it in a configuration: ``[strategy] name = "own_strategy.py"``. ``@compiled`` makes ``decide``
machine code; it then sees plain numbers and records, and calls only functions that are compiled too.
"""

from enum import IntEnum

from ballast.indicators.state import Indicator
from ballast.indicators.table import Request
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import parameter, record


class Reason(IntEnum):
    RISING = 1
    FALLING = 2


@record
class Params:
    fast: int = parameter(60, "Bars of the fast mean.", unit="bars", minimum=2)
    slow: int = parameter(480, "Bars of the slow mean.", unit="bars", minimum=3)


@record
class State:
    n_entries: int


def features(params, n_symbols, interval_ns):
    """Ask the engine for two means of every symbol, in this order."""
    spans = (int(params.fast), int(params.slow))
    return [Request(Indicator.EMA, span, symbol=symbol) for symbol in range(n_symbols) for span in spans]


@compiled
def decide(row, view, state, params, intents):
    """Write what is wanted into ``intents`` and return how many there are; orders fill at the next open."""
    if view.cause != Cause.BAR:
        return 0
    n_free = 0
    for symbol in range(view.n_symbols):
        n_free += view.position_qty[2 * symbol] == 0.0
    n = 0
    for symbol in range(view.n_symbols):
        fast, slow = view.feature[2 * symbol], view.feature[2 * symbol + 1]  # NaN until warm: then neither is true
        is_held = view.position_qty[2 * symbol] > 0.0
        if fast > slow and not is_held:
            state.n_entries += 1
            share = 0.99 * view.cash / n_free  # room for the fee and a worse price
            n = place_market(intents, n, symbol, Side.BUY, share, QtyUnit.QUOTE, Reason.RISING)
        elif fast < slow and is_held:
            n = place_market(intents, n, symbol, Side.SELL, 1.0, QtyUnit.POSITION_FRACTION, Reason.FALLING)
    return n


if __name__ == "__main__":
    from pathlib import Path

    import ballast
    from ballast.data.sample import Market, write_sample

    market = Market(days=10)
    write_sample(Path("sample.parquet"), market)
    result = ballast.run(market.names, data="sample.parquet", strategy=__file__, fast=120)
    print(result.summary())
