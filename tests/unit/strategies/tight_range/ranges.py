"""The tight-range strategy at work on small markets, and ways of looking at what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.strategies import tight_range
from ballast.strategies.spec import Strategy, from_module
from tests.conformance.markets import HOUR_NS, Market, Quote, lay_out

STRATEGY = from_module(tight_range, "tight_range")
ASSUMED = {"regime": "assume_tight_range"}
FREE = Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0)
FALL = (-2, 1, -2, -2, 1, -2, -2, 1, -2, -2, 1, -2, -2, -2)


def walk(deltas: Sequence[float], start: float = 1000.0, n_flat: int = 46) -> list[Quote]:
    """Return ``n_flat`` quotes at ``start`` and one after each delta; every bar is one price."""
    return [*([start] * n_flat), *(start + total for total in accumulate(deltas))]


def setup_on(
    bars: Mapping[str, Sequence[Quote]] | Market,
    *,
    strategy: Strategy = STRATEGY,
    costs: Costs = FREE,
    capital: float = 10_000.0,
    held: Mapping[str, float] | None = None,
    interval_ns: int = HOUR_NS,
    latency_bars: int = 0,
    **values: Any,
) -> Setup:
    market = bars if isinstance(bars, Market) else lay_out(bars, interval_ns=interval_ns)
    return Setup(
        frames=market,
        strategy=strategy,
        params=strategy.params(values, len(market.symbols)),
        initial_capital=capital,
        initial_positions=held or {},
        costs=costs,
        execution=ExecutionSettings(latency_ns=latency_bars * market.interval_ns),
    )


def traded(bars: Mapping[str, Sequence[Quote]] | Market, **settings: Any) -> Session:
    session = Session(setup_on(bars, **settings))
    session.run()
    return session


def with_layers(**layers: Any) -> Strategy:
    """Return the strategy over layers of one's own."""
    return replace(STRATEGY, decide=tight_range.make_decide(**layers))


def fills(session: Session) -> list[tuple[int, str, float, float]]:
    """Return fills as (bar, reason, signed quantity, price)."""
    log = session.engine.fills[: session.engine.log.n_fills]
    first = session.frames["ts_ns"][0]
    return [
        (
            int((fill["time_ns"] - first) // session.setup.frames.interval_ns),
            session.setup.strategy.reasons[int(fill["order_reason"])],
            float(fill["side"] * fill["qty"]),
            float(fill["price"]),
        )
        for fill in log
    ]


def reasons(session: Session) -> list[str]:
    return [reason for _, reason, _, _ in fills(session)]


def noted(session: Session) -> list[tuple[str, float, int]]:
    """Return notes as (reason, value, level)."""
    notes = session.engine.notes[: session.engine.log.n_notes]
    names = session.setup.strategy.reasons
    return [(names[int(note["reason"])], float(note["value"]), int(note["level"])) for note in notes]


def resting(session: Session) -> list[tuple[int, int, int, float]]:
    """Return live orders, those without a cancel on its way, as (symbol, role, cycle, quantity)."""
    orders = session.venue.orders[: session.venue.clock.n_orders]
    return [
        (int(order["symbol"]), int(order["role"]), int(order["cycle"]), float(order["qty"]))
        for order in orders
        if order["cancel_ns"] == 0
    ]


def each_close(session: Session) -> Iterator[int]:
    """Run a session frame by frame, yielding after each."""
    for frame in range(len(session.frames)):
        session.run(frame + 1)
        yield frame


def closes_of(session: Session) -> Any:
    """Return last closes by frame and symbol, 0 before the first."""
    closes = np.array(session.frames["close"][:, : session.setup.n_symbols])
    for frame in range(1, len(closes)):
        missing = np.isnan(closes[frame])
        closes[frame, missing] = closes[frame - 1, missing]
    return np.nan_to_num(closes)
