"""Small markets for the local exchange: two symbols with steps and tiers, bars as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, nan
from typing import Any

import numpy as np

from ballast.bars.of_ticks import frames_of_ticks
from ballast.model.enums import PositionMode, TickKind
from ballast.model.instrument import Instrument, Tier, step_units
from ballast.model.market import Frame, FundingStamp, Tick, feed_of
from ballast.venues.exchange.market import AccountTerms, FillTerms, Market, Setup
from ballast.venues.exchange.venue import LocalVenue

START_NS = 1_760_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000
MINUTE_NS = 60_000_000_000
SECOND_NS = 1_000_000_000
Bar = tuple[float, float, float, float]


def flat(price: float, n: int) -> list[Bar]:
    return [(price, price, price, price)] * n


def line(*prices: float) -> list[Bar]:
    """Return bars that run straight from each price to the next."""
    return [(a, max(a, b), min(a, b), b) for a, b in pairwise(prices)]


def market(
    *columns: Sequence[Bar],
    start_frame: int = 0,
    volume: float = 600.0,
    funding: Sequence[tuple[float, float]] = (),
    interval_ns: int = MINUTE_NS,
    lot: str = "0.001",
    names: tuple[str, ...] = (),
) -> Market:
    """Return a market of AAAUSDT, BBBUSDT ...; ``funding`` is (seconds after the start, rate) of the first."""
    frames = Frame.array(len(columns[0]), symbols=2)  # type: ignore[attr-defined]
    for name in ("open", "high", "low", "close", "volume", "mark"):
        frames[name] = np.nan
    frames["ts_ns"] = START_NS + np.arange(len(columns[0])) * interval_ns
    for symbol, bars in enumerate(columns):
        for k, name in enumerate(("open", "high", "low", "close")):
            frames[name][:, symbol] = [bar[k] for bar in bars]
        frames["volume"][:, symbol] = volume
    stamps = FundingStamp.array(len(funding))  # type: ignore[attr-defined]
    for stamp, (second, rate) in zip(stamps, funding, strict=True):
        stamp.ts_ns, stamp.rate = START_NS + int(second * SECOND_NS), rate
    instruments = Instrument.array(len(columns))  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = step_units("0.01", "tick")
    instruments["lot_units"], instruments["lot_scale"] = step_units(lot, "lot")
    instruments["min_qty"], instruments["max_qty"], instruments["min_notional"] = 0.001, 10_000.0, 5.0
    tiers = Tier.array(2 * len(columns))  # type: ignore[attr-defined]
    for k, tier in enumerate(tiers):
        tier.symbol = k // 2
        rows = ((200_000.0, 0.01, 0.0, 50.0), (inf, 0.02, 2_000.0, 25.0))
        tier.upper_value, tier.maintenance_margin_rate, tier.deduction, tier.max_leverage = rows[k % 2]
    names = names or tuple(f"{letter * 3}USDT" for letter in "ABCD"[: len(columns)])
    return Market(names, feed_of(frames, funding=stamps), interval_ns, instruments, tiers, start_frame)


def ticked(*ticks: tuple[float, str, *tuple[float, ...]], n_frames: int = 3, **more: Any) -> Market:
    """Return a market of AAAUSDT's ticks: (seconds after the start, "quote", "buy", "sell" or "trade", numbers)."""
    rows = Tick.array(len(ticks))  # type: ignore[attr-defined]
    for row, (second, kind, *numbers) in zip(rows, ticks, strict=True):
        row.ts_ns, row.kind = START_NS + round(second * SECOND_NS), TickKind[kind.upper()]
        for name, number in zip(("price", "qty", "ask", "ask_qty"), numbers, strict=False):
            row[name] = number
    of = market(flat(nan, n_frames), **more)
    made = frames_of_ticks(rows, 1, MINUTE_NS, width=2)
    frames = of.feed.frames
    frames[np.searchsorted(frames["ts_ns"], made["ts_ns"])] = made
    return replace(of, feed=of.feed._replace(ticks=rows))


def venue(
    of: Market,
    *,
    n_accounts: int = 1,
    mode: PositionMode = PositionMode.ONE_WAY,
    cash: float = 10_000.0,
    slippage_rate: float = 0.0,
    participation: float = inf,
    **terms: Any,
) -> LocalVenue:
    accounts = [AccountTerms(f"account-{k}", cash=cash, position_mode=mode, **terms) for k in range(n_accounts)]
    return LocalVenue(Setup(of, accounts, FillTerms(slippage_rate=slippage_rate, participation=participation)))
