"""The definition of every figure, taken from the docstring of the function that computes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ballast.backtest import metrics
from ballast.backtest.result import Metrics

_COMPUTED: Mapping[str, Callable[..., Any]] = {
    "total_return": metrics.total_return,
    "cagr": metrics.cagr,
    "volatility": metrics.volatility,
    "sharpe": metrics.sharpe,
    "sortino": metrics.sortino,
    "calmar": metrics.calmar,
    "recovery_factor": metrics.recovery_factor,
    "max_drawdown": metrics.max_drawdown,
    "longest_drawdown_s": metrics.longest_drawdown_s,
    "rebalance_win_rate": metrics.rebalance_win_rate,
    "trade_win_rate": metrics.trade_win_rate,
    "average_win": metrics.average_win,
    "average_loss": metrics.average_loss,
    "profit_factor": metrics.profit_factor,
    "expectancy": metrics.expectancy,
    "turnover": metrics.turnover,
    "exposure": metrics.exposure,
}

_READ_OFF = {
    "final_equity": "Cash and positions at the close of the last bar, marked at their last prices, not liquidated.",
    "drawdown_start": "Last point at the peak before the deepest drawdown, UTC ms. None without a drawdown.",
    "drawdown_trough": "Lowest point of the deepest drawdown, UTC ms. None without a drawdown.",
    "drawdown_end": "First point back at the peak after the deepest drawdown, UTC ms. None while it lasts.",
    "fees": "Sum of the fees of all fills, initial purchases included. Slippage is not a fee. Quote currency.",
    "slippage_paid": "Sum over all fills of what slippage cost against the price without it. Quote currency, >= 0.",
    "n_events": "Events of which at least one order filled; the initial allocation is not an event.",
    "upside_events": "Counted events that sold an asset above the mean.",
    "downside_events": "Counted events that bought an asset below the mean.",
    "n_fills": "Fills of all orders, the initial allocation included.",
    "n_trades": "Closed round trips: one for each fill that closes, first in, first out, per symbol and position side.",
}

_INTRODUCTION = """\
# Results

What a run is judged by. Rates and ratios are fractions (0.05 is 5 %), money is in quote currency, times are integers
of UTC milliseconds. A figure that cannot be computed is `null` in the JSON and a dash elsewhere, never NaN. Equity has
one point per bar, at the bar's close, after the fills inside it; each figure is computed from all of them, while the
charts of the report draw at most about 4,000, the lowest and the highest of each stretch.

A year is 365 days: a market that never closes has 31,536,000 s / interval bars a year, one that trades in sessions
252 x the bars of a session.

Benchmarks are measured by the same functions and stand under `benchmark` by name. `ambiguous_fills` counts the fills
whose order inside their bar cannot be known; `best_final_equity` and `worst_final_equity` are two more complete runs
with each of them resolved for and against the position: results of a policy, not proven bounds.

`fills` lists every fill in order of execution, `price` with slippage in it; `cycle` is the number of the event that it
belongs to, 0 for none. `trades` lists the closed round trips, `pnl` net of the fees of both sides, pro rata to the
quantity closed. `equity` is a list of `[ts, equity]`, `ts` the bar's open time.

A holding from before the run counts as bought at its symbol's first close, without a fee.

The report, one HTML file that opens offline, shows the same figures with the equity, the allocation, every fill on its
price chart and every counted event: its trigger, how far that stood from the mean, its fills, and its gain, which is
what the rebalance win rate counts. It opens dark where the system is.

## Figures
"""


def definition(key: str) -> str:
    """Return what a figure means, in a few sentences; ``key`` is its name in the JSON."""
    if key in _READ_OFF:
        return _READ_OFF[key]
    prose = (inspect.getdoc(_COMPUTED[key]) or "").split("\nParameters\n")[0]
    sentence = " ".join(prose.split()).removeprefix("Return the ")
    return sentence[0].upper() + sentence[1:]


def results_page() -> str:
    """Return the text of ``docs/results.md``."""
    return _INTRODUCTION + "".join(f"\n**`{field.name}`** {definition(field.name)}\n" for field in fields(Metrics))
