"""
Where the money of each leg came from: price, fees and funding.

A leg is one side of one symbol: LONG and SHORT in hedge mode, the net position (NONE) in one-way mode. Profit by
price is against the leg's mean entry, as the venue books it, while round trips match first in, first out: over a
leg that ends flat both give the same sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from ballast.backtest import metrics as measure
from ballast.backtest.metrics import FloatArray, IntArray, RecordArray
from ballast.kernel.ledger import entry_after, realised
from ballast.model.enums import PositionSide


@dataclass(frozen=True)
class LegAttribution:
    """
    One leg of a run, in account currency.

    ``symbol`` is an index; ``traded`` the notional of its fills. ``realised_pnl`` is by price alone, before ``fees``
    and ``funding`` (each > 0 when paid); ``unrealised_pnl`` is of what is still held at the last mark. ``qty`` is
    signed, ``entry_price`` NaN when flat. ``exposure`` is the mean over the bars of value / equity (None where
    equity never was positive), ``largest_value`` the highest abs(qty) x mark at a bar's close.
    """

    symbol: int
    position_side: PositionSide
    n_fills: int
    traded: float
    realised_pnl: float
    unrealised_pnl: float
    fees: float
    funding: float
    qty: float
    entry_price: float
    exposure: float | None
    largest_value: float

    @property
    def net(self) -> float:
        """What the leg added to equity."""
        return self.realised_pnl + self.unrealised_pnl - self.fees - self.funding


def leg_attribution(
    fills: RecordArray,
    funding: FloatArray,
    marks: FloatArray,
    equity: FloatArray,
    rates: FloatArray | None = None,
) -> list[LegAttribution]:
    """
    Return the legs that traded, by symbol, LONG before SHORT.

    Parameters
    ----------
    fills : structured array
        As in ``Result``, holdings from before the run included.
    funding : array, (2 * n_symbols,) or longer
        What each leg paid; ``2 * symbol`` for NONE and LONG, one further for SHORT.
    marks : array, (n_bars, n_symbols)
        Mark at each bar's close.
    rates : array, (n_bars, n_symbols)
        Account currency for one unit of the symbol's quote currency there; None where it is the same.
    """
    legs = legs_of(fills)
    worth = marks if rates is None else marks * rates
    found = []
    for leg in np.unique(legs).tolist():
        own = fills[legs == leg]
        value = leg_value(own, worth[:, leg // 2])
        qty, entry_price, profit = _settled(own)
        mark, rate = float(marks[-1, leg // 2]), 1.0 if rates is None else float(rates[-1, leg // 2])
        found.append(
            LegAttribution(
                symbol=leg // 2,
                position_side=PositionSide(int(own["position_side"].max())),
                n_fills=len(own),
                traded=float(np.sum(own["qty"] * own["price"] * own["quote_rate"])),
                realised_pnl=profit,
                unrealised_pnl=0.0 if isnan(entry_price) else qty * (mark - entry_price) * rate,
                fees=float(np.sum(own["fee"])),
                funding=float(funding[leg]),
                qty=qty,
                entry_price=entry_price,
                exposure=measure.exposure(value, equity),
                largest_value=float(np.max(value)),
            )
        )
    return found


def legs_of(fills: RecordArray) -> IntArray:
    """Return the leg of each fill: ``2 * symbol`` for NONE and LONG, one further for SHORT."""
    return np.asarray(2 * fills["symbol"] + (fills["position_side"] == PositionSide.SHORT), dtype=np.int64)


def leg_quantities(fills: RecordArray, frames: IntArray, n_symbols: int) -> FloatArray:
    """Return the signed quantities after the fills inside each of the given bars, (n_points, 2 * n_symbols)."""
    legs = legs_of(fills)
    held = np.zeros((len(frames), 2 * n_symbols))
    for leg in np.unique(legs).tolist():
        own = fills[legs == leg]
        held[:, leg] = _running(own)[np.searchsorted(own["frame"], frames, side="right")]
    return held


def leg_value(fills: RecordArray, marks: FloatArray) -> FloatArray:
    """Return abs(qty) x mark at each close, (n_bars,), of the one leg whose fills and marks are given."""
    n_bars = len(marks)
    lengths = np.diff(fills["frame"], prepend=0, append=n_bars)
    value = np.repeat(np.abs(_running(fills)), lengths)
    value *= np.where(np.isnan(marks), 0.0, marks)
    return value


def gross_value(fills: RecordArray, marks: FloatArray) -> FloatArray:
    """Return the sum over legs of abs(qty) x mark at each close, (n_bars,); ``marks`` are (n_bars, n_symbols)."""
    legs = legs_of(fills)
    gross = np.zeros(len(marks))
    for leg in np.unique(legs).tolist():
        gross += leg_value(fills[legs == leg], marks[:, leg // 2])
    return gross


def _running(fills: RecordArray) -> FloatArray:
    """Return what one leg held before its first fill and after each."""
    return np.append(0.0, np.cumsum(fills["side"] * fills["qty"]))


def entries(fills: RecordArray) -> Iterator[tuple[float, float, float]]:
    """Yield quantity (signed), mean entry (NaN when flat) and realised profit of one leg after each of its fills."""
    qty, entry_price, profit = 0.0, nan, 0.0
    columns = (fills[name].tolist() for name in ("side", "qty", "price", "quote_rate"))
    for side, size, price, rate in zip(*columns, strict=True):
        signed_qty = side * size
        profit += realised(qty, entry_price, signed_qty, price) * rate
        entry_price = entry_after(qty, entry_price, signed_qty, price)
        qty += signed_qty
        yield qty, entry_price, profit


def _settled(fills: RecordArray) -> tuple[float, float, float]:
    last = (0.0, nan, 0.0)
    for last in entries(fills):  # noqa: B007  # The state after the last one.
        pass
    return last
