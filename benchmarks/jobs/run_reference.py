"""
The reference of one workload, compiled by Numba.

``run_reference.py w1 N_BARS [SELL_DISCOUNT]``, ``run_reference.py w2 N_BARS``, ``run_reference.py w3 N_BARS N_PAIRS``.
"""

from __future__ import annotations

import sys
from typing import Any

import numba
import numpy as np
import reference
from markets import market
from timing import report

wilder_rsi, w1, w2_orders, w2 = (
    numba.njit(function) for function in (reference.wilder_rsi, reference.w1, reference.w2_orders, reference.w2)
)


def run_rsi_rules(bars: Any, pairs: list[tuple[float, float]], sell_discount: float = 0.0) -> dict[str, Any]:
    """Run W1 for some pairs of thresholds; return the sums."""
    open_, close = np.ascontiguousarray(bars.open[:, 0]), np.ascontiguousarray(bars.close[:, 0])
    rsi = np.empty(len(close))
    wilder_rsi(close, reference.PERIOD, rsi)
    results = np.array([w1(open_, close, rsi, low, high, sell_discount) for low, high in pairs])
    return {"equity": results[:, 0].sum(), "fills": int(results[:, 1].sum())}


def run_cascade(bars: Any) -> dict[str, Any]:
    """Run W2."""
    n_assets = bars.close.shape[1]
    memory = np.zeros(n_assets), np.zeros(n_assets, np.int64), np.zeros(n_assets)
    equity, fills, triggers = w2(bars.open, bars.close, w2_orders, *memory)
    return {"equity": equity, "fills": fills, "triggers": triggers}


def main(workload: str, n_bars: int, *numbers: float) -> None:
    """Time the bare arithmetic of a workload and print its result."""
    bars = market("w2" if workload == "w2" else "w1", n_bars)
    runs = {
        "w1": lambda: run_rsi_rules(bars, [(reference.LOW, reference.HIGH)], *numbers),
        "w2": lambda: run_cascade(bars),
        "w3": lambda: run_rsi_rules(bars, reference.pairs(int(numbers[0]))),
    }
    work = n_bars * int(numbers[0]) if workload == "w3" else n_bars
    report("reference", numba.__version__, work, runs[workload], 3)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *(float(number) for number in sys.argv[3:]))
