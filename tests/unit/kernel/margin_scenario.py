"""
A margin account's story: bars, marks, funding, what is asked when, and what the venue then says.

One account trades symbol 0 (and 1 where there are bars for it) with the fees of ``scenario``: maker 0.1 %, taker 0.2 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from ballast.kernel.advance import next_cause, sync_last_price
from ballast.kernel.margin_account import set_leverage
from ballast.kernel.orders import submit
from ballast.kernel.venue import Phase, new_venue
from ballast.model.enums import AccountKind, Cause, EventKind, MarginModel, PositionMode, PositionSide, Reason, Side
from ballast.model.instrument import Instrument, step_units
from ballast.model.market import FundingStamp, MarkBar, feed_of
from tests.unit.kernel.scenario import (
    INTERVAL_NS,
    MAKER_RATE,
    SECOND_NS,
    START_NS,
    TAKER_RATE,
    WIDTH,
    Ask,
    at,
    make_frames,
    make_intent,
)
from tests.unit.kernel.test_margin import tier_table

TIERS = ((1_000.0, 0.01, 0.0, 50.0), (5_000.0, 0.02, 10.0, 20.0), (inf, 0.05, 160.0, 10.0))
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def margin_venue(
    *,
    cash: float = 1_000.0,
    leverage: float = 10.0,
    mode: PositionMode = PositionMode.HEDGE,
    model: MarginModel = MarginModel.BYBIT_UNIFIED,
    n_symbols: int = 1,
    lot: float = 0.0,
    **execution: Any,
) -> Any:
    """Return a venue with one margin account."""
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    instruments["lot_units"], instruments["lot_scale"] = step_units(lot, "lot")
    tiers = np.concatenate([tier_table(*TIERS, symbol=symbol) for symbol in range(n_symbols)])
    venue = new_venue(n_symbols, instruments, interval_ns=INTERVAL_NS, width=WIDTH, tiers=tiers)
    for name, value in execution.items():
        setattr(venue.execution, name, value)
    account = venue.accounts[0]
    account.kind, account.position_mode, account.margin_model = AccountKind.UNIFIED_MARGIN, mode, model
    account.cash, account.maker_fee_rate, account.taker_fee_rate = cash, MAKER_RATE, TAKER_RATE
    for symbol in range(n_symbols):
        assert set_leverage(venue, 0, symbol, leverage) == Reason.NONE
    return venue


def mark_bars(bars: Sequence[Any]) -> Any:
    """Return marks of symbol 0, None for a missing one."""
    marks = MarkBar.array(len(bars), symbols=WIDTH)  # type: ignore[attr-defined]
    for name in ("open", "high", "low", "close"):
        marks[name] = np.nan
    for n, bar in enumerate(bars):
        if bar is not None:
            for name, value in zip(("open", "high", "low", "close"), bar, strict=True):
                marks[name][n, 0] = value
    return marks


def funding_stamps(*rows: tuple[float, float]) -> Any:
    """Return stamps of symbol 0 from (second, rate)."""
    stamps = FundingStamp.array(len(rows))  # type: ignore[attr-defined]
    for stamp, (second, rate) in zip(stamps, rows, strict=True):
        stamp.ts_ns, stamp.symbol, stamp.rate = at(second), 0, rate
    return stamps


def play(
    venue: Any,
    bars: Sequence[Any],
    plan: Mapping[str, Sequence[Ask]],
    *,
    marks: Any = None,
    funding: Any = None,
    hear: Callable[[str], None] | None = None,
) -> list[str]:
    """Walk all frames; what ``plan`` names is asked at its moment. Returns what was said."""
    frames, left = make_frames(bars), dict(plan)
    feed = feed_of(frames, marks, funding)
    said: list[str] = []
    counts: dict[Cause, int] = {}
    while (cause := Cause(next_cause(venue, feed, len(frames)))) >= 0:
        counts[cause] = counts.get(cause, 0) + 1
        moment = f"bar {venue.clock.closed_frame}" if cause == Cause.BAR else f"{cause.name.lower()} {counts[cause]}"
        if cause != Cause.BAR:
            said.append(_told(venue, cause))
        if hear is not None:
            hear(moment)
        for ask in left.pop(moment, ()):
            if venue.clock.phase in (Phase.BETWEEN, Phase.CLOSED):
                sync_last_price(venue, frames, ask.get("symbol", 0))
            submit(venue, 0, make_intent(ask))
    assert cause == Cause.END
    assert not left, f"never came: {sorted(left)}"
    return said


def _told(venue: Any, cause: Cause) -> str:
    clock = venue.clock
    second = f"{(clock.now_ns - START_NS) / SECOND_NS:.6g}"
    if cause in (Cause.LADDER, Cause.WATCH, Cause.TIMER):
        return f"{second} {cause.name.lower()} {clock.woken_role} at {venue.markets[0].mark:.8g}"
    event = venue.events[clock.events_read]
    clock.events_read += 1
    kind, leg = EventKind(event.kind), ("", " long", " short")[event.position_side]
    symbol = f" s{event.symbol}" if clock.n_symbols > 1 else ""
    reason = f" {Reason(event.reason).name.lower()}" if event.reason else ""
    if kind in (EventKind.FUNDING, EventKind.INSURANCE):
        return f"{second} {kind.name.lower()}{symbol}{leg} {event.fee:.8g}"
    if kind not in (EventKind.FILLED, EventKind.PARTIALLY_FILLED):
        return f"{second} {kind.name.lower()}{symbol}{leg}{reason} {event.qty:.8g}"
    word, side = ("filled", "part")[int(kind)], Side(event.side).name.lower()
    return f"{second} {word} {side}{symbol}{leg} {event.qty:.8g} @ {event.price:.8g}{reason}"
