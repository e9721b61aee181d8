"""
Whether a capital carries the grid at all: the account as it would stand once both legs are open.

A start that would be FROZEN at once is refused with the smallest capital that would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10
from typing import Any

from ballast.model.errors import ConfigError
from ballast.model.records import SymbolFloats, SymbolInts, record
from ballast.strategies.hedge_grid.sizes import initial_qty, next_qty
from ballast.strategies.spec import Start

MONEY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Pair:
    """
    Both first entries of one symbol.

    ``qty`` is of each leg, in base units, as the venue would fill it; 0 when its size is refused.
    ``next_long_qty`` and ``next_short_qty`` are what each leg would buy next, 0 at the last level.
    """

    symbol: str
    qty: float
    price: float
    leverage: float
    next_long_qty: float
    next_short_qty: float


@record
class _Terms:
    """What sizes depend on, under the names that the engine's view has for it."""

    leverage: SymbolFloats
    lot_units: SymbolInts
    lot_scale: SymbolFloats = 1.0  # type: ignore[assignment]  # The default fills the array.
    min_qty: SymbolFloats
    max_qty: SymbolFloats = inf  # type: ignore[assignment]
    min_notional: SymbolFloats


def pairs_of(
    params: Any, symbols: Sequence[str], prices: Sequence[float], leverage: Sequence[float], instruments: Any
) -> Sequence[Pair]:
    """
    Return the first entries that the grid would make at ``prices``, one pair per symbol.

    ``params`` is a record of the grid's ``Params``, ``instruments`` an array of ``Instrument``.
    """
    terms = _Terms.new(symbols=len(symbols))  # type: ignore[attr-defined]
    terms.leverage[:] = leverage
    for name in ("lot_units", "lot_scale", "min_qty", "max_qty", "min_notional"):
        getattr(terms, name)[:] = instruments[name]
    pairs = []
    for k, (symbol, price) in enumerate(zip(symbols, prices, strict=True)):
        qty = float(initial_qty(terms, params, k, price))
        following = float(next_qty(terms, params, k, 1, qty, price))
        pairs.append(Pair(symbol, qty, price, leverage[k], following, following))
    return pairs


@dataclass(frozen=True)
class Preflight:
    """
    The account after opening: available money A less reserve, worst case N of the next steps, and what would do.

    ``minimum_capital`` is the smallest capital with A >= ``early_freeze_mult`` x N, in quote.
    """

    capital: float
    available: float
    next_worst_case: float
    minimum_capital: float

    @property
    def is_frozen(self) -> bool:
        """Tell whether the ladder would stand at FROZEN at once."""
        return self.capital < self.minimum_capital - MONEY_TOLERANCE * max(1.0, self.minimum_capital)


def next_worst_case(pairs: Sequence[Pair]) -> float:
    """Return N: the margin of every leg's next step, all of them taken, at the price of the start."""
    return sum((pair.next_long_qty + pair.next_short_qty) * pair.price / pair.leverage for pair in pairs)


def opening_cost(pairs: Sequence[Pair], taker_fee_rate: float, slippage_rate: float) -> float:
    """Return what opening every pair takes from the equity: fees, and slippage on both legs."""
    notional = sum(2.0 * pair.qty * pair.price for pair in pairs)
    return notional * (taker_fee_rate + slippage_rate)


def preflight(
    pairs: Sequence[Pair],
    *,
    capital: float,
    initial_margin: float,
    reserve: float,
    early_freeze_mult: float,
    taker_fee_rate: float,
    slippage_rate: float,
    worst_case: float | None = None,
) -> Preflight:
    """
    Return how the account would stand after opening ``pairs``.

    Parameters
    ----------
    initial_margin : float
        What the account's margin model charges for all those legs, quote.
    reserve : float
        The ladder's safety reserve for them, quote; legs of one size leave nothing to reserve for.
    early_freeze_mult : float
        FROZEN below this many N; 0 when there is no ladder.
    worst_case : float, optional
        N as the account's margin model charges it, quote; without it margin alone, as ``next_worst_case``.
    """
    taken = opening_cost(pairs, taker_fee_rate, slippage_rate) + initial_margin + reserve
    worst = next_worst_case(pairs) if worst_case is None else worst_case
    return Preflight(capital, capital - taken, worst, taken + early_freeze_mult * worst)


def require(pairs: Sequence[Pair], found: Preflight) -> None:
    """Raise ``ConfigError`` where a pair cannot be sized or the capital would be FROZEN at the start."""
    for pair in pairs:
        if pair.qty == 0.0:
            raise ConfigError(
                f"strategy.initial_position_size_usd: too small for {pair.symbol} at {pair.price:g} with leverage "
                f"{pair.leverage:g}: the venue's minimum is more than 1.5 times as much; raise it"
            )
    if found.is_frozen:
        raise ConfigError(
            f"account.initial_capital = {found.capital:g}: the grid would be FROZEN as soon as it is open, with "
            f"{found.available:.6g} available against a worst case of {found.next_worst_case:.6g}; "
            f"use at least {_rounded_up(found.minimum_capital):.6g}"
        )


def _rounded_up(amount: float) -> float:
    """Return an amount in six digits that are no less than it, so that whoever types them in is let pass."""
    unit = 10.0 ** (floor(log10(amount)) - 5)
    return ceil(amount / unit) * unit


def refuse_start(params: Any, start: Start) -> None:
    """Raise ``ConfigError`` where a pair cannot be sized, or the capital would be FROZEN once all pairs are open."""
    pairs = pairs_of(params, start.symbols, start.prices, start.leverage, start.instruments)
    margin = sum(start.pair_margin(pair.qty, pair.price, pair.leverage) for pair in pairs)
    worst = sum(
        start.step_margin(pair.qty, pair.next_long_qty, 0.0, pair.price, pair.leverage)
        + start.step_margin(pair.qty, 0.0, pair.next_short_qty, pair.price, pair.leverage)
        for pair in pairs
    )
    found = preflight(
        pairs,
        capital=start.capital,
        initial_margin=margin,
        reserve=0.0,
        early_freeze_mult=start.early_freeze_mult,
        taker_fee_rate=start.taker_fee_rate,
        slippage_rate=start.slippage_rate,
        worst_case=worst,
    )
    require(pairs, found)
