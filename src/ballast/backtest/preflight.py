"""Before a run on a margin account: would the ladder freeze it as soon as the strategy has opened what it opens?"""

from __future__ import annotations

from ballast.backtest.setup import Setup, first_close
from ballast.kernel.margin import Legs, Terms, initial_margin
from ballast.risk.settings import Profile
from ballast.strategies.spec import Start


def refuse_frozen_start(setup: Setup) -> None:
    """
    Raise ``ConfigError``, with the smallest capital that would do, where the strategy says that it would be frozen.

    Asked at the first close of each symbol, of strategies that know what they open, under the safe ladder: the
    documented one freezes where it likes.
    """
    if setup.strategy.refuse_start is None or not setup.has_margin or setup.profile != Profile.SAFE:
        return
    symbols = setup.frames.symbols
    start = Start(
        symbols=symbols,
        prices=[first_close(setup, symbol) for symbol in symbols],
        leverage=setup.leverage,
        instruments=setup.grids(),
        capital=setup.initial_capital,
        early_freeze_mult=float(setup.risk.early_freeze_mult),
        taker_fee_rate=setup.costs.taker_fee_rate,
        slippage_rate=setup.costs.slippage_bps / 10_000.0,
        pair_margin=lambda qty, price, leverage: _margin(setup, qty, qty, price, leverage),
        step_margin=lambda qty, long_added, short_added, price, leverage: (
            _margin(setup, qty + long_added, qty + short_added, price, leverage)
            - _margin(setup, qty, qty, price, leverage)
        ),
    )
    setup.strategy.refuse_start(setup.params, start)


def _margin(setup: Setup, long_qty: float, short_qty: float, price: float, leverage: float) -> float:
    """Return the initial margin of a long and a short leg, entered and marked at ``price``."""
    terms = Terms(int(setup.margin_model), float(leverage), setup.costs.taker_fee_rate)
    line = initial_margin(Legs(long_qty, price, short_qty, price), terms)
    return float(line.weight * price + line.offset)
