"""Measure an equity curve: rules 47 and 48."""

import math
from collections.abc import Sequence
from itertools import pairwise

MS_PER_YEAR = 31_536_000_000  # 365 days


def max_drawdown(values: Sequence[float]) -> float:
    """Return the deepest fall below the running peak as a fraction <= 0 (rule 47)."""
    peak, deepest = values[0], 0.0
    for value in values:
        peak = max(peak, value)
        deepest = min(deepest, value / peak - 1.0)
    return deepest


def sharpe(values: Sequence[float], interval_ms: int, risk_free_rate: float) -> float:
    """Return the yearly Sharpe ratio of the returns between points; 0 for fewer than two or no deviation (rule 48)."""
    returns = [later / earlier - 1.0 for earlier, later in pairwise(values)]
    if len(returns) < 2:
        return 0.0
    mean = math.fsum(returns) / len(returns)
    deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
    periods = MS_PER_YEAR / interval_ms
    return (mean - risk_free_rate / periods) / deviation * math.sqrt(periods) if deviation > 0.0 else 0.0
