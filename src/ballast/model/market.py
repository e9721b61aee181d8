"""Market data as the engine sees it: one frame of bars for all symbols."""

from __future__ import annotations

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


def width_for(n_symbols: int) -> int:
    """Return the record width for ``n_symbols``: the next power of two, so that few builds serve all counts."""
    width = 1
    while width < n_symbols:
        width *= 2
    return width
