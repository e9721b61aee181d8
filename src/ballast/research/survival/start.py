"""Whether the capital carries the grid at all, asked of the engine: the account once both legs of all symbols stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, log10
from typing import Any

import numpy as np

from ballast.backtest.setup import Setup
from ballast.model.enums import LadderState
from ballast.research.survival.road import road_of
from ballast.research.survival.walk import Walk
from ballast.risk.settings import Profile
from ballast.strategies.hedge_grid.preflight import Pair, Preflight, pairs_of, require

AMPLE = 1_000.0
"""A capital this many times as large opens the legs whatever they need; what they take does not depend on it."""
PRECISION = 1e-6
"""Of the smallest capital, relative."""


def first_pairs(setup: Setup) -> Sequence[Pair]:
    """Return the first entries that the grid makes at the last closes; quantity 0 where the size is refused."""
    starts = road_of(setup, 1).starts.tolist()
    return pairs_of(setup.params, setup.frames.symbols, starts, setup.leverage, setup.grids())


def require_start(setup: Setup) -> Preflight:
    """
    Return how the account would stand at the start; ``minimum_capital`` is the capital itself where that will do.

    Raises ``ConfigError``, with the smallest capital that would do, where it would be FROZEN at once, and where a
    first entry cannot be sized.
    """
    pairs = first_pairs(setup)
    capital = setup.initial_capital
    ample = AMPLE * max(capital, sum(2.0 * pair.qty * pair.price for pair in pairs))
    rich = _opened(setup, ample)
    worst = 0.0
    taken = ample - float(rich.strategy_view.available)
    if setup.profile != Profile.OFF:
        worst = float(rich.facts.next_worst_case)
        taken = ample - float(rich.facts.available_for_trading)
    is_enough = not all(pair.qty for pair in pairs) or _carries(setup, capital)
    least = capital if is_enough else _least(setup, taken, ample)
    found = Preflight(capital, capital - taken, worst, least)
    require(pairs, found)
    return found


def _opened(setup: Setup, capital: float) -> Any:
    """Return the engine of a run that has just opened its first entries, at prices that stand still."""
    setup = replace(setup, initial_capital=capital)
    walk = Walk(setup, road_of(setup, 1))
    walk.go(np.zeros(1, np.int64))
    return walk.session.engine


def _carries(setup: Setup, capital: float) -> bool:
    """Tell whether all legs stand once opened, the ladder at NORMAL: also between two fills it counts."""
    view = _opened(setup, capital).strategy_view
    held = view.position_qty[: 2 * setup.n_symbols]
    return bool(view.ladder_state == LadderState.NORMAL and np.all(held != 0.0))


def _least(setup: Setup, taken: float, ample: float) -> float:
    """Return the smallest capital that carries the grid: halving between what opening takes and ample."""
    low, high = 0.0, 2.0 * max(taken, setup.initial_capital)
    while not _carries(setup, high) and high < ample:
        low, high = high, 2.0 * high
    while high - low > PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _carries(setup, middle) else (middle, high)
    # Up to a figure that can be typed: the message must not round it down.
    unit = 10.0 ** (floor(log10(high)) - 4)
    return ceil(high / unit) * unit
