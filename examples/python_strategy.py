"""
A strategy in plain Python, with any library in it: buy the coin whose last day rose most steadily.

Without ``@compiled``, ``decide`` runs in the interpreter between the two compiled halves of the engine: microseconds a
bar instead of nanoseconds, with the same fills. Prices are remembered in ``State``, which is saved with a run; a list
of one's own would be lost.
"""

from enum import IntEnum
from typing import Annotated

import numpy as np
import numpy.typing as npt

from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import Shape, parameter, record

HOURS = 24
MOST_SYMBOLS = 8


class Reason(IntEnum):
    STEADIEST = 1
    OVERTAKEN = 2


@record
class Params:
    min_fit: float = parameter(0.5, "Buy nothing whose line fits worse.", unit="fraction", minimum=0, maximum=1)


@record
class State:
    n_hours: int
    log_prices: Annotated[npt.NDArray[np.float64], Shape(HOURS * MOST_SYMBOLS)]


def decide(row, view, state, params, intents):
    """Once an hour, fit a line through each coin's last day and hold the one that rises and fits best."""
    if view.cause != Cause.BAR or view.time_ns % 3_600_000_000_000:
        return 0
    history = state.log_prices.reshape(HOURS, MOST_SYMBOLS)
    history[:-1] = history[1:]
    history[-1, : view.n_symbols] = np.log(view.price[: view.n_symbols])
    state.n_hours += 1
    if state.n_hours < HOURS:
        return 0
    best = steadiest(history[:, : view.n_symbols], params.min_fit)
    n = 0
    for symbol in range(view.n_symbols):
        if symbol != best and view.position_qty[2 * symbol] > 0.0:
            n = place_market(intents, n, symbol, Side.SELL, 1.0, QtyUnit.POSITION_FRACTION, Reason.OVERTAKEN)
    if n == 0 and best >= 0 and view.position_qty[2 * best] == 0.0:
        n = place_market(intents, n, best, Side.BUY, 0.95, QtyUnit.CASH_FRACTION, Reason.STEADIEST)
    return n


def steadiest(history: npt.NDArray[np.float64], min_fit: float) -> int:
    """Return the column that rises with the best fit, -1 for none; a coin without prices yet does not count."""
    best, best_fit = -1, min_fit
    hours = np.arange(len(history))
    for symbol, prices in enumerate(history.T):
        if np.isfinite(prices).all() and prices.std() > 0.0:
            correlation = np.corrcoef(hours, prices)[0, 1]
            if correlation > 0.0 and correlation**2 > best_fit:
                best, best_fit = symbol, correlation**2
    return best


if __name__ == "__main__":
    from pathlib import Path

    import ballast
    from ballast.data.sample import Market, write_sample

    market = Market(days=10, interval_ms=300_000)
    write_sample(Path("sample.parquet"), market)
    result = ballast.run(market.names, data="sample.parquet", strategy=__file__, min_fit=0.6)
    print(result.summary())
