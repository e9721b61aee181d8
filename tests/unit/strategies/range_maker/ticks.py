"""Runs of the maker over ticks that a test writes down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.data.tick_sample import TickMarket, sample_ticks
from ballast.data.ticks import Ticks, frames_from_ticks
from ballast.model.enums import TickKind
from ballast.model.instrument import Instrument
from ballast.model.market import Tick
from ballast.strategies.range_maker.settings import Reason
from ballast.strategies.registry import load

SECOND_NS = 1_000_000_000
START_S = 1_706_400_000
"""2024-01-28 00:00 UTC."""
BUSY = {"min_edge": 0.00003, "keep_distance": 0.4}
"""Settings with which the maker trades often in a made-up market."""
LIVELY = {"regime": "assume_tight_range", "k_atr": 0.0, "min_edge": 0.0002, "refresh_move": 1.0}


def warm_up(n_minutes: int = 30, price: float = 100.0) -> list[tuple[Any, ...]]:
    """Return minutes of quotes that swing by half a per cent, so that the band is wide, too far apart to quote in."""
    rows: list[tuple[Any, ...]] = []
    for minute in range(n_minutes):
        middle = price * (1.0 + 0.005 * (-1) ** minute)
        rows += [(60 * minute + 1, "quote", middle - 1.0, 5.0, middle + 1.0, 5.0)]
    return rows


def ticks_of(rows: Sequence[tuple[Any, ...]]) -> Any:
    """
    Return ticks from rows.

    A row is (second, ``buy``, ``sell`` or ``trade``, price, size) or (second, ``quote``, bid, size, ask, size).
    """
    ticks = Tick.array(len(rows))  # type: ignore[attr-defined]
    for tick, (second, kind, *values) in zip(ticks, rows, strict=True):
        tick.ts_ns = round((START_S + second) * 1000) * 1_000_000
        tick.kind = TickKind[kind.upper()]
        for name, value in zip(("price", "qty", "ask", "ask_qty"), values, strict=False):
            setattr(tick, name, value)
    return ticks


def setup_of(
    ticks: Any,
    values: Mapping[str, Any] | None = None,
    *,
    interval_ms: int = 60_000,
    costs: Costs | None = None,
    **execution: Any,
) -> Setup:
    """Return a run of the maker over ticks of one symbol: ticks of a hundredth, lots of a thousandth, no fee."""
    strategy = load("range_maker")
    frames = frames_from_ticks(Ticks(ticks, 0), ["AUSDT"], interval_ms)
    instruments = Instrument.array(1)  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = 1, 100.0
    instruments["lot_units"], instruments["lot_scale"] = 1, 1000.0
    return Setup(
        frames=frames,
        ticks=frames.ticks,
        strategy=strategy,
        params=strategy.params({**LIVELY, **(values or {})}, 1),
        instruments=instruments,
        costs=costs or Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0),
        execution=ExecutionSettings(**execution),
    )


def made_up(n_ticks: int = 20_000, **market: Any) -> Any:
    """Return a made-up market in which the maker is busy."""
    return sample_ticks(TickMarket(n_ticks=n_ticks, **market))


def finished(setup: Setup) -> Session:
    """Return a session that has run to its end."""
    session = Session(setup)
    session.run()
    return session


def maker_of(session: Session) -> Any:
    """Return the maker's memory of the symbol."""
    return session.state.symbols[0].maker


def notes_of(session: Session) -> list[tuple[float, str]]:
    """Return what the maker noted, each with its second."""
    notes = session.engine.notes[: int(session.engine.log.n_notes)]
    return [(int(one["time_ns"]) / SECOND_NS - START_S, Reason(int(one["reason"])).name) for one in notes]


def fills_of(session: Session) -> list[tuple[float, str, float, float, bool]]:
    """Return (second, side, qty, price, is_maker) of every fill."""
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    return [
        (
            int(one["time_ns"]) / SECOND_NS - START_S,
            "buy" if one["side"] > 0 else "sell",
            float(one["qty"]),
            float(one["price"]),
            bool(one["is_maker"]),
        )
        for one in fills
    ]


def bytes_of(session: Session) -> bytes:
    """Return all memory of a session."""
    assert np.isfinite(session.engine.equity).all()
    return session.snapshot()
