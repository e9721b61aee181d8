"""
What resting quotes earned when they filled, and what the market took back afterwards.

The reference is the middle price: of the best two where quotes are recorded, else the last trade's price, on bars the
last close. All sums are over fills of quotes, in quote currency; ``*_bps`` is the sum over the notional of the fills
that it counts, in basis points.

- Spread captured: ``side * (middle just before the fill - price) * qty``, positive when the fill was better than
  the middle. "Just before" is strictly before the fill's millisecond.
- Adverse selection after h: ``side * (middle just before - middle h later) * qty``, positive when the market went
  against the fill, which is a cost. A fill whose h is not over when the data ends is not counted; h shorter than a
  bar cannot be told from bars.

What a quote has earned h after its fill is the first less the second, and less the fee.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import TickKind

HORIZONS_S = (1, 60)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class QuoteFigures:
    """
    Quotes of one run; what cannot be computed is None.

    ``placed`` counts orders that were asked for, replacements and refused ones included, ``filled`` fills, parts
    included. Money is in quote currency; see the module for signs.
    """

    placed: int
    filled: int
    spread_captured: float | None
    spread_captured_bps: float | None
    adverse_selection_1s: float | None
    adverse_selection_1s_bps: float | None
    adverse_selection_60s: float | None
    adverse_selection_60s_bps: float | None
    fees: float


@dataclass(frozen=True)
class Middles:
    """One symbol's middle prices, ``(n,)`` each, ascending in time; ``step_ms`` is how long one holds at least."""

    ts_ms: npt.NDArray[np.int64]
    prices: Floats
    step_ms: int = 0

    def before(self, ts_ms: npt.NDArray[np.int64]) -> Floats:
        """Return the last middle strictly before each time, NaN where there is none."""
        return self._at(np.searchsorted(self.ts_ms, ts_ms, "left") - 1)

    def after(self, ts_ms: npt.NDArray[np.int64], horizon_ms: int) -> Floats:
        """Return the middle that holds ``horizon_ms`` later, NaN beyond the end of the data or within a bar."""
        if horizon_ms < self.step_ms or len(self.ts_ms) == 0:
            return np.full(len(ts_ms), np.nan)
        later = ts_ms + horizon_ms
        found = self._at(np.searchsorted(self.ts_ms, later, "right") - 1)
        return np.where(later <= self.ts_ms[-1], found, np.nan)

    def _at(self, rows: npt.NDArray[np.int64]) -> Floats:
        if len(self.prices) == 0:
            return np.full(len(rows), np.nan)
        return np.where(rows >= 0, self.prices[np.maximum(rows, 0)], np.nan)


def middles_of_ticks(ticks: Any, symbol: int) -> Middles:
    """Return a symbol's middles: of its quotes that have both sides, or without any its trades' prices."""
    own = ticks[ticks["symbol"] == symbol]
    quotes = own[own["kind"] == TickKind.QUOTE]
    if len(quotes) == 0:
        return Middles(own["ts_ns"] // MILLISECOND_NS, np.ascontiguousarray(own["price"]))
    prices = 0.5 * (quotes["price"] + quotes["ask"])
    known = ~np.isnan(prices)
    return Middles(quotes["ts_ns"][known] // MILLISECOND_NS, prices[known])


def middles_of_bars(frames: Any, symbol: int, interval_ns: int) -> Middles:
    """Return a symbol's closes at the times of closing."""
    closes = frames["close"][:, symbol]
    known = ~np.isnan(closes)
    times = (frames["ts_ns"][known] + interval_ns) // MILLISECOND_NS
    return Middles(times, closes[known], interval_ns // MILLISECOND_NS)


def quote_figures(fills: Any, reasons: frozenset[int], placed: int, middles: Sequence[Middles]) -> QuoteFigures:
    """
    Judge the fills whose reason is one of ``reasons``; ``middles`` has an entry per symbol.

    ``fills`` is the table of a result.
    """
    own = fills[np.isin(fills["reason"], list(reasons)) & fills["is_maker"]]
    before = np.full(len(own), np.nan)
    after = {seconds: before.copy() for seconds in HORIZONS_S}
    for symbol, series in enumerate(middles):
        rows = own["symbol"] == symbol
        before[rows] = series.before(own["ts_ms"][rows])
        for seconds in HORIZONS_S:
            after[seconds][rows] = series.after(own["ts_ms"][rows], 1000 * seconds)
    signed, notional = own["side"] * own["qty"], own["qty"] * own["price"]
    captured = _summed(signed * (before - own["price"]), notional)
    adverse = {seconds: _summed(signed * (before - after[seconds]), notional) for seconds in HORIZONS_S}
    return QuoteFigures(
        placed=placed,
        filled=len(own),
        spread_captured=captured[0],
        spread_captured_bps=captured[1],
        adverse_selection_1s=adverse[1][0],
        adverse_selection_1s_bps=adverse[1][1],
        adverse_selection_60s=adverse[60][0],
        adverse_selection_60s_bps=adverse[60][1],
        fees=float(np.sum(own["fee"])),
    )


def _summed(money: Floats, notional: Floats) -> tuple[float | None, float | None]:
    """Return the sum of what is known, and it in basis points of its notional; None of each without any."""
    known = ~np.isnan(money)
    if not known.any():
        return None, None
    total = float(np.sum(money[known]))
    return total, 1e4 * total / float(np.sum(notional[known]))
