"""
The literal original's figures, with their flaws, for comparison with published results only.

No figure here judges a run: ``metrics`` does. Sources and units are as there; fractions, drawdowns <= 0.
"""

from __future__ import annotations

import numpy as np

from ballast.backtest.metrics import FloatArray

DAYS_PER_YEAR = 365.25


def step_returns(equity: FloatArray) -> FloatArray:
    """Return the simple returns between consecutive points, shape (n_points - 1,)."""
    return np.asarray(np.diff(equity) / equity[:-1], dtype=np.float64)


def annualised_return(total_return: float, whole_days: int) -> float:
    """Return (1 + total return) ^ (365.25 / days) - 1, which explodes on short runs; 0 for less than one day."""
    return float((1.0 + total_return) ** (DAYS_PER_YEAR / whole_days) - 1.0) if whole_days >= 1 else 0.0


def sharpe(equity: FloatArray) -> float:
    """Return mean / population deviation of the step returns, not annualised; 0 for two points or no deviation."""
    steps = step_returns(equity)
    deviation = volatility(equity)
    return float(np.mean(steps)) / deviation if len(equity) > 2 and deviation > 0.0 else 0.0


def volatility(equity: FloatArray) -> float:
    """Return the population deviation of the step returns, not annualised; 0 for a single point."""
    return float(np.std(step_returns(equity))) if len(equity) > 1 else 0.0


def max_drawdown(equity: FloatArray, initial_capital: float) -> float:
    """Return (lowest - highest) / highest of all points and the initial capital, whichever came first."""
    points = np.append(equity, initial_capital)
    return float(np.min(points) / np.max(points) - 1.0)


def win_rate(before: FloatArray, after: FloatArray) -> float:
    """
    Return the share of events worth more after than before at the same prices; 0 without events.

    An event only pays fees at its own prices, so with any fee this is 0.
    """
    return float(np.mean(after > before)) if len(before) else 0.0
