"""Baskets with known values, and the cascade at work on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.strategies.registry import load
from tests.conformance.markets import MINUTE_NS, Quote, lay_out

FEE_RATE = 0.001
CASCADE = load("cascade")


def cascade_setup(
    bars: Mapping[str, Sequence[Quote]],
    *,
    held: Mapping[str, float] | None = None,
    cash: float = 10_000.0,
    slippage_bps: float = 0.0,
    minutes: int = 60,
    steps: Sequence[int] | None = None,
    max_stale_bars: int = 5,
    instruments: Any = None,
    **values: Any,
) -> Setup:
    """Return the cascade on these bars, holding base quantities ``held`` from the start."""
    return Setup(
        frames=lay_out(bars, interval_ns=minutes * MINUTE_NS, steps=steps),
        strategy=CASCADE,
        params=CASCADE.params(values, len(bars)),
        initial_capital=cash,
        costs=Costs(maker_fee_rate=FEE_RATE, taker_fee_rate=FEE_RATE, slippage_bps=slippage_bps),
        execution=ExecutionSettings(max_stale_bars=max_stale_bars),
        instruments=instruments,
        initial_positions=held or {},
    )


def cascade(bars: Mapping[str, Sequence[Quote]], **settings: Any) -> Session:
    """Return a finished run of :func:`cascade_setup`."""
    session = Session(cascade_setup(bars, **settings))
    session.run()
    return session


def one_event(values: Mapping[str, float], cash: float, *, price: float = 1.0, **settings: Any) -> Session:
    """Return a run with one decision on assets worth ``values``, filled at the prices that it was taken at."""
    held = {symbol: value / price for symbol, value in values.items() if value}
    bars = one_decision(dict.fromkeys(values, price), settings)
    return cascade(bars, held=held, cash=cash, **settings)


def one_decision(prices: Mapping[str, float], settings: Mapping[str, Any]) -> Mapping[str, Sequence[Quote]]:
    """Return bars of unchanging prices that leave room for one decision: the documented profile fills at its close."""
    n_bars = 1 if settings.get("profile") == "documented" else 2
    return {symbol: [price] * n_bars for symbol, price in prices.items()}


def orders(session: Session) -> list[tuple[str, str, float]]:
    """Return the fills as (BUY or SELL, symbol, notional), in order of execution."""
    return [
        (
            "BUY" if fill["side"] > 0 else "SELL",
            session.setup.frames.symbols[fill["symbol"]],
            fill["qty"] * fill["price"],
        )
        for fill in session.engine.fills[: session.engine.log.n_fills]
    ]


def shape(session: Session) -> list[tuple[int, str, str]]:
    """Return the fills as (bar in which it filled, BUY or SELL, symbol)."""
    fills = session.engine.fills[: session.engine.log.n_fills]
    interval_ns = session.setup.frames.interval_ns
    bars = (fills["time_ns"] - session.frames["ts_ns"][0]) // interval_ns
    return [(int(bar), side, symbol) for bar, (side, symbol, _) in zip(bars, orders(session), strict=True)]


def reasons(session: Session) -> list[str]:
    """Return the names of the reasons of the fills, in order of execution."""
    fills = session.engine.fills[: session.engine.log.n_fills]
    return [session.setup.strategy.reasons[int(reason)] for reason in fills["order_reason"]]


def noted(session: Session) -> list[tuple[str, str]]:
    """Return the notes as (reason, symbol)."""
    notes = session.engine.notes[: session.engine.log.n_notes]
    strategy, symbols = session.setup.strategy, session.setup.frames.symbols
    return [(strategy.reasons[int(note["reason"])], symbols[int(note["symbol"])]) for note in notes]


def quantity(session: Session, symbol: str) -> float:
    """Return the base quantity held at the end."""
    return float(session.engine.strategy_view.position_qty[2 * list(session.setup.frames.symbols).index(symbol)])


def cash(session: Session) -> float:
    """Return the cash held at the end."""
    return float(session.engine.strategy_view.cash)


def fees(session: Session) -> float:
    """Return the sum of all fees."""
    return float(session.engine.fills["fee"][: session.engine.log.n_fills].sum())
