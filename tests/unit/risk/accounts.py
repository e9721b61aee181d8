"""Margin accounts as the engine shows them, made by hand, and the figures that the ladder reads off them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ballast.engine.view import View
from ballast.kernel.projection import account_figures
from ballast.model.enums import AccountKind, LadderState, MarginModel, PositionMode
from ballast.risk.facts import Facts, measure
from ballast.risk.ladder import Ladder
from ballast.risk.safety import UNKNOWN_ATR_PCT
from ballast.risk.settings import Profile, RiskSettings, risk_settings

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 20_000 * 86_400 * SECOND + 43_200 * SECOND

SAFE = risk_settings({}, has_margin=True)
DOCUMENTED = risk_settings({"profile": int(Profile.DOCUMENTED)}, has_margin=True)
OFF = risk_settings({"profile": int(Profile.OFF)}, has_margin=True)


def settings(**values: float) -> Any:
    return risk_settings(values, has_margin=True)


def margin_view(
    *legs: tuple[float, float],
    cash: float = 1_000.0,
    price: float | tuple[float, ...] = 100.0,
    entry: tuple[float, ...] | None = None,
    leverage: float | tuple[float, ...] = 100.0,
    model: MarginModel = MarginModel.TEXTBOOK,
    mode: PositionMode = PositionMode.HEDGE,
    taker_fee_rate: float = 0.00055,
    slippage_rate: float = 0.001,
    rate: float | None = None,
) -> Any:
    """
    Return a view of one account: ``legs`` are (long, short) unsigned sizes by symbol, entered at the mark.

    With a ``rate``, all prices are in a currency of which one is worth so much of the account's.
    """
    n = len(legs)
    n_conversions = 0 if rate is None else n
    view = View.new(  # type: ignore[attr-defined]
        symbols=n, legs=2 * n, features=8, tiers=n, conversions=n_conversions
    )
    for conversion in view.conversions:
        conversion.rate = rate
    view.n_symbols = n
    view.time_ns, view.interval_ns, view.bar_ts_ns = NOON, MINUTE, NOON - MINUTE
    view.account_kind, view.position_mode, view.margin_model = AccountKind.UNIFIED_MARGIN, mode, model
    view.taker_fee_rate, view.slippage_rate, view.cash = taker_fee_rate, slippage_rate, cash
    view.mark, view.price, view.leverage = price, price, leverage
    for s, (long, short) in enumerate(legs):
        view.position_qty[2 * s : 2 * s + 2] = long, -short
        view.first_tier[s], view.end_tier[s] = s, s + 1
        view.tiers[s].symbol, view.tiers[s].maintenance_margin_rate = s, 0.005
        view.entry_price[2 * s : 2 * s + 2] = view.mark[s] if entry is None else entry[2 * s : 2 * s + 2]
    refresh(view)
    return view


def refresh(view: Any) -> None:
    """Reckon the account's figures at the view's marks, as the engine does."""
    figures = account_figures(view)
    view.equity, view.available = figures.equity, figures.available
    view.initial_margin, view.maintenance_margin = figures.initial_margin, figures.maintenance_margin
    view.mm_rate = figures.mm_rate


def ladder_for(view: Any, *next_qty: float, atr_pct: float = UNKNOWN_ATR_PCT) -> Any:
    ladder = Ladder.new(symbols=view.n_symbols, legs=2 * view.n_symbols)  # type: ignore[attr-defined]
    ladder.next_qty[: len(next_qty)] = next_qty
    for volatility in ladder.volatility:
        volatility.atr_pct = atr_pct
    return ladder


def facts_of(view: Any, ladder: Any, chosen: RiskSettings = SAFE) -> Any:
    facts = Facts.new(symbols=view.n_symbols, legs=2 * view.n_symbols)  # type: ignore[attr-defined]
    measure(view, ladder, chosen, facts)
    return facts


GOOD: Mapping[str, float] = {
    "available_for_trading": 1_000.0,
    "next_worst_case": 10.0,
    "imbalance_ratio": 1.0,
    "available_pct": 100.0,
    "mm_rate": 0.0,
    "equity": 1_000.0,
}


def figures(time_ns: float = NOON, **changed: float) -> Any:
    """Return facts with good figures but for those that are given; NaN makes them unknown."""
    facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    facts.time_ns, facts.has_margin = int(time_ns), True
    for name, value in {**GOOD, **changed}.items():
        setattr(facts, name, value)
    facts.is_known = not any(np.isnan(facts[name]) for name in GOOD)
    return facts


def fresh_ladder(state: LadderState = LadderState.NORMAL) -> Any:
    ladder = Ladder.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    ladder.state, ladder.since_ns, ladder.evaluated_ns = state, NOON, NOON
    return ladder


def read_back(ladder: Any) -> Any:
    """Return the ladder as a restart finds it: from its bytes."""
    stored = np.frombuffer(bytearray(ladder.tobytes()), ladder.dtype)
    return stored.view(np.recarray)[0]
