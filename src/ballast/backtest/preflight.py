"""
Before a run on a margin account: does its capital carry what the strategy opens first?

Asked of the engine itself, at prices that stand still, so that no rule of margin, gate or ladder is written down a
second time, and the capital that is named is one that was tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, log10

import numpy as np

from ballast.backtest.made_bars import empty_bars, on_bars, on_ticks, put
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup, first_close
from ballast.model.enums import Reason
from ballast.model.errors import ConfigError
from ballast.risk.settings import Profile
from ballast.strategies.spec import Start

MOST_DOUBLINGS = 64
"""Of the capital: what still fails then does not fail for want of money."""
PRECISION = 1e-6
"""Of the smallest capital, relative."""
DIGITS = 5
"""Of the capital that is named, rounded up."""


def refuse_frozen_start(setup: Setup) -> None:
    """
    Ask ``require_start`` at the first close of each symbol, under the safe ladder.

    The documented ladder freezes where it likes, and without one nothing does.
    """
    if setup.has_margin and setup.profile == Profile.SAFE:
        require_start(setup, [first_close(setup, symbol) for symbol in setup.frames.symbols])


def require_start(setup: Setup, prices: Sequence[float]) -> None:
    """
    Raise ``ConfigError`` unless the capital carries the strategy's first entries while ``prices`` stand still.

    It does if both legs of every symbol come to stand and the ladder never moves. The message names the smallest
    capital that would do. Strategies that do not declare what they open (``refuse_start``) are not asked.
    """
    if setup.strategy.refuse_start is None:
        return
    setup.strategy.refuse_start(setup.params, start_of(setup, prices))
    if _carries(setup, prices, setup.initial_capital):
        return
    least = _least(setup, prices)
    engine = _opened(setup, prices, least).engine
    short = least - setup.initial_capital
    if setup.profile == Profile.OFF:
        trouble = "could not open both legs of every symbol"
    else:
        available, worst = float(engine.facts.available_for_trading) - short, float(engine.facts.next_worst_case)
        trouble = (
            f"would be FROZEN as soon as it is open, with {available:.6g} available beside the reserve, less than "
            f"{float(engine.risk.early_freeze_mult):g} times the {worst:.6g} that its next steps would take"
        )
    raise ConfigError(
        f"account.initial_capital = {setup.initial_capital:g}: the grid {trouble}; use at least {least:.6g}, which is "
        "just enough to open it at a price that stands still"
    )


def start_of(setup: Setup, prices: Sequence[float]) -> Start:
    """Return what a strategy's first entries depend on."""
    return Start(setup.frames.symbols, _on_ticks(setup, prices), setup.leverage, setup.grids())


def _on_ticks(setup: Setup, prices: Sequence[float]) -> list[float]:
    grids = setup.grids()
    units, scales = np.asarray(grids["tick_units"], float), np.asarray(grids["tick_scale"], float)
    return [float(price) for price in on_ticks(np.asarray(prices, float), units, scales)]


def _opened(setup: Setup, prices: Sequence[float], capital: float) -> Session:
    """Return a run that has had time to open the first entries, at prices that stand still."""
    interval_ns = setup.frames.interval_ns
    # They are decided on at the first close and fill at the next open, or so much later.
    n_bars = 2 + -(-setup.execution.latency_ns // interval_ns)
    records = empty_bars(setup, n_bars, interval_ns)
    still = np.tile(_on_ticks(setup, prices), (n_bars, 1))
    put(records, 0, still, still, still, still)
    # A filter that lets nothing in would make any capital look like enough.
    bare = replace(on_bars(setup, records, interval_ns), initial_capital=capital, guards=None)
    session = Session(bare, keeps_curve=False)
    session.run()
    return session


def _carries(setup: Setup, prices: Sequence[float], capital: float) -> bool:
    """Tell whether all legs stand once opened and the ladder has never moved: between two fills it counts, too."""
    engine = _opened(setup, prices, capital).engine
    held = engine.strategy_view.position_qty[: 2 * setup.n_symbols]
    return bool(engine.log.n_moves == 0 and np.all(held != 0.0))


def _least(setup: Setup, prices: Sequence[float]) -> float:
    """Return the smallest capital that carries the first entries, in a few digits, rounded up."""
    low, high = setup.initial_capital, 2.0 * setup.initial_capital
    for _ in range(MOST_DOUBLINGS):
        if _carries(setup, prices, high):
            break
        low, high = high, 2.0 * high
    else:
        raise ConfigError(_hopeless(setup, _opened(setup, prices, high)))
    while high - low > PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _carries(setup, prices, middle) else (middle, high)
    unit = 10.0 ** (floor(log10(high)) - DIGITS + 1)
    return ceil(high / unit) * unit


def _hopeless(setup: Setup, rich: Session) -> str:
    """Return what to say where no capital opens all first entries."""
    reasons = [reason.name.lower() for reason in Reason if rich.engine.log.rejects[reason]]
    return (
        f"strategy.name = '{setup.strategy.name}': its first entries cannot all be opened, whatever the capital "
        f"({', '.join(reasons) or 'they do not fill'}); use smaller ones, or less leverage"
    )
