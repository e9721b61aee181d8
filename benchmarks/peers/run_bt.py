"""
bt on W2: ``run_bt.py w2 N_BARS REPETITIONS``.

It trades at the prices of the row it stands on, so its prices are the opens and the decision is made with the closes
of the row before.
"""

from __future__ import annotations

import sys
from typing import Any

import bt
import numpy as np
import pandas as pd
import reference
from markets import market
from timing import report


class Cascade(bt.Algo):
    """The reference's decision as one of bt's algorithms."""

    def __init__(self, close: Any, names: list[str]) -> None:
        super().__init__()
        self.close, self.names = close, names
        self.bar = -2  # bt walks one row before the first
        self.ready, self.order = np.zeros(len(names), np.int64), np.zeros(len(names))
        self.fills = 0

    def __call__(self, target: Any) -> bool:
        """Decide at the close before, trade at this row's open: sells first."""
        self.bar += 1
        if self.bar < 0:
            return True
        held = np.array([target.children[name].position if name in target.children else 0.0 for name in self.names])
        close = self.close[self.bar]
        if reference.w2_orders(self.bar, close, held, float(target.capital), self.ready, self.order):
            for side in (-1.0, 1.0):
                for qty, name in zip(self.order, self.names, strict=True):
                    if qty * side > 0.0:
                        target.transact(qty, child=name, update=True)
                        self.fills += 1
        return True


def main(n_bars: int, repetitions: int) -> None:
    """Time the workload and print the result."""
    bars = market("w2", n_bars)
    names = [f"S{k}" for k in range(bars.close.shape[1])]
    opens = pd.DataFrame(bars.open, columns=names, index=pd.to_datetime(bars.ts_ns))

    def run() -> dict[str, Any]:
        strategy = bt.Strategy("cascade", [Cascade(bars.close, names)], children=names)
        backtest = bt.Backtest(
            strategy, opens, initial_capital=reference.W2_CASH, integer_positions=False, progress_bar=False,
            commissions=lambda qty, price: abs(qty) * price * reference.FEE_RATE,
        )  # fmt: skip
        backtest.run()
        done = backtest.strategy
        held = sum(done.children[name].position * bars.close[-1, k] for k, name in enumerate(names))
        return {"equity": done.capital + held, "fills": done.stack.algos[0].fills}

    report("bt", bt.__version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
