"""Market data as the engine sees it: one frame of bars for all symbols."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from ballast.model.records import SymbolFloats, record


@record
class Frame:
    """
    The bars of one interval for all symbols, by symbol index; NaN = no bar.

    ``ts_ns`` is the open time, UTC; the frame closes one interval later. Volume is in base units; ``mark``
    is the mark price at the close, NaN where the data has none.
    """

    ts_ns: int
    open: SymbolFloats
    high: SymbolFloats
    low: SymbolFloats
    close: SymbolFloats
    volume: SymbolFloats
    mark: SymbolFloats


@record
class MarkBar:
    """The mark price's own bars of one frame, by symbol index; NaN = none, the last price stands in."""

    open: SymbolFloats
    high: SymbolFloats
    low: SymbolFloats
    close: SymbolFloats


@record
class FundingStamp:
    """One exchange of funding: ``rate`` is a fraction of the position's value, longs pay when it is positive."""

    ts_ns: int
    symbol: int
    rate: float


@record
class Tick:
    """
    One trade, or one change of the best prices; ``kind`` is a ``TickKind``.

    ``price`` and ``qty`` are of the trade, or of the best bid; ``ask`` and ``ask_qty`` of the best ask. A side of the
    book that is empty has NaN for a price; a size that nobody recorded is NaN.
    """

    ts_ns: int
    symbol: int
    kind: int
    price: float = nan
    qty: float = nan
    ask: float = nan
    ask_qty: float = nan


@record
class Quote:
    """
    The best prices of one symbol and the sizes shown there, NaN where unknown, as of ``ts_ns``.

    Where only trades are recorded, the bid is where somebody last sold into it, the ask where somebody last bought.
    """

    ts_ns: int
    bid: float = nan
    bid_qty: float = nan
    ask: float = nan
    ask_qty: float = nan


class Feed(NamedTuple):
    """
    All that a run hears of the market.

    ``frames`` is an array of ``Frame``; ``marks`` an array of ``MarkBar`` as long as ``frames`` or empty;
    ``funding`` an array of ``FundingStamp``, ascending by time and then symbol, empty where there is none;
    ``ticks`` an array of ``Tick``, ascending in time, of which ``frames`` are the bars, or empty.
    """

    frames: Any
    marks: Any
    funding: Any
    ticks: Any


def feed_of(frames: Any, marks: Any = None, funding: Any = None, ticks: Any = None) -> Feed:
    """Return a feed of ``frames`` and what there is besides; None is empty."""
    width = frames.dtype["close"].shape[0]
    return Feed(
        frames,
        MarkBar.array(0, symbols=width) if marks is None else marks,  # type: ignore[attr-defined]
        FundingStamp.array(0) if funding is None else funding,  # type: ignore[attr-defined]
        Tick.array(0) if ticks is None else ticks,  # type: ignore[attr-defined]
    )


def width_for(n_symbols: int) -> int:
    """Return the record width for ``n_symbols``: the next power of two, so that few builds serve all counts."""
    width = 1
    while width < n_symbols:
        width *= 2
    return width
