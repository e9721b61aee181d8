"""
vectorbt on one workload: ``run_vectorbt.py w1|w2|w3 N_BARS rust|numba REPETITIONS [N_PAIRS]``.

W1 and W3 are signals shifted by one bar and filled at the open, through its Rust or its Numba engine; the RSI is
TA-Lib's. W2 is a flexible order function: the reference's own decision, compiled, before each segment.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import reference
import talib
import vectorbt as vbt
from markets import market
from numba import njit
from timing import report
from vectorbt.portfolio.enums import NoOrder
from vectorbt.portfolio.nb import order_nb

COLUMNS = 25  # of a sweep at once: the fastest of several widths
w2_orders = njit(reference.w2_orders)


def signals(close: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Return entries and exits, ``(n_bars, n_pairs)``, on the bar after the one whose close decides."""
    rsi = np.concatenate(([np.nan], talib.RSI(close, reference.PERIOD)[:-1]))[:, None]
    return rsi < low, rsi > high


def from_signals(bars: Any, engine: str, low: Any, high: Any, **options: Any) -> Any:
    """Return the portfolio of one or more pairs of thresholds."""
    entries, exits = signals(bars.close[:, 0], low, high)
    return vbt.Portfolio.from_signals(
        bars.close, entries, exits, price=bars.open, size=np.inf, fees=reference.FEE_RATE,
        init_cash=reference.W1_CASH, freq="1min", engine=engine, **options,
    )  # fmt: skip


def run_w1(bars: Any, engine: str) -> dict[str, Any]:
    """Run one pair of thresholds."""
    portfolio = from_signals(bars, engine, np.array([reference.LOW]), np.array([reference.HIGH]))
    return {"equity": np.asarray(portfolio.final_value()).item(), "fills": len(portfolio.order_records)}


def run_w3(bars: Any, engine: str, pairs: Any) -> dict[str, Any]:
    """Run many pairs, a block of columns at a time."""
    equity, fills = 0.0, 0
    for first in range(0, len(pairs), COLUMNS):
        low, high = pairs[first : first + COLUMNS].T
        portfolio = from_signals(bars, engine, low, high, max_orders=len(bars.close) * len(low) // 8)
        equity += float(np.asarray(portfolio.final_value()).sum())
        fills += len(portfolio.order_records)
    return {"equity": equity, "fills": fills}


@njit
def plan_segment(context: Any, close: Any, ready: Any, order: Any, sequence: Any) -> Any:
    """Decide at the close of the bar before; queue the sells, then the purchases."""
    count = 0
    bar = context.i - 1
    if bar >= 0 and w2_orders(bar, close[bar], context.last_position, context.last_cash[0], ready, order):
        for side in (-1.0, 1.0):
            for asset in range(len(order)):
                if order[asset] * side > 0.0:
                    sequence[count] = asset
                    count += 1
    return order, sequence, count


@njit
def next_order(context: Any, order: Any, sequence: Any, count: int, open_: Any) -> Any:
    """Hand over the queued orders one by one, at the open."""
    if context.call_idx >= count:
        return -1, NoOrder
    asset = sequence[context.call_idx]
    return asset, order_nb(size=order[asset], price=open_[context.i, asset], fees=reference.FEE_RATE)


def run_w2(bars: Any) -> dict[str, Any]:
    """Run the portfolio workload; what it would record beyond orders is switched off."""
    n_assets = bars.close.shape[1]
    memory = np.zeros(n_assets, np.int64), np.zeros(n_assets), np.zeros(n_assets, np.int64)
    portfolio = vbt.Portfolio.from_order_func(
        bars.close, next_order, bars.open, flexible=True, group_by=True, cash_sharing=True,
        init_cash=reference.W2_CASH, freq="1min", pre_segment_func_nb=plan_segment,
        pre_segment_args=(bars.close, *memory), max_orders=200_000,
        update_value=False, ffill_val_price=False, fill_pos_record=False,
    )  # fmt: skip
    return {"equity": float(portfolio.final_value()), "fills": len(portfolio.order_records)}


def main(workload: str, n_bars: int, engine: str, repetitions: int, n_pairs: int = 0) -> None:
    """Time a workload and print the result."""
    bars = market("w1" if workload == "w3" else workload, n_bars)
    pairs = np.array(reference.pairs(n_pairs))
    runs = {"w1": lambda: run_w1(bars, engine), "w2": lambda: run_w2(bars), "w3": lambda: run_w3(bars, engine, pairs)}
    work = n_bars * n_pairs if workload == "w3" else n_bars
    report(f"vectorbt, {engine}", vbt.__version__, work, runs[workload], repetitions)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], *(int(number) for number in sys.argv[4:]))
