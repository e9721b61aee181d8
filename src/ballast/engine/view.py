"""
What a strategy sees. The only place where look-ahead could enter.

Invariants: (V1) prices are closes of closed bars, never of the bar that is still forming; (V2) cash and
positions are our own fold of fills; (V3) nothing here is written by a strategy.
"""

from __future__ import annotations

from math import inf, nan

from ballast.model.records import FeatureFloats, LegFloats, SymbolFloats, SymbolInts, record


@record
class View:
    """
    The read-only state handed to ``decide``.

    ``cause`` says why it is called; the ``event_*`` fields tell of the order, watch or timer concerned and
    are meaningless on BAR. ``price`` is the last close (NaN before the first bar), ``bar_ts_ns`` that
    bar's open time (-1 before it). ``position_qty`` and ``entry_price`` are indexed by leg: ``2 * symbol``
    for NONE and LONG, ``2 * symbol + 1`` for SHORT. ``feature`` holds the outputs of the declared
    indicators in order, NaN until warm. ``time_ns`` is the instant of the call: at BAR, the close of the
    frame. ``equity`` is cash plus positions at ``price``; ``gross`` the sum of absolute position values.
    """

    cause: int
    time_ns: int
    interval_ns: int
    n_symbols: int
    frame: int = -1
    cash: float
    equity: float
    gross: float
    initial_capital: float
    maker_fee_rate: float
    taker_fee_rate: float
    slippage_rate: float
    latency_ns: int
    max_stale_bars: int
    ladder_state: int
    event_kind: int
    event_symbol: int
    event_position_side: int
    event_side: int
    event_role: int
    event_level: int
    event_cycle: int
    event_reason: int
    event_qty: float
    event_price: float = nan
    event_fee: float
    price: SymbolFloats = nan  # type: ignore[assignment]  # The default fills the array.
    bar_ts_ns: SymbolInts = -1  # type: ignore[assignment]
    lot_units: SymbolInts
    lot_scale: SymbolFloats = 1.0  # type: ignore[assignment]
    tick_units: SymbolInts
    tick_scale: SymbolFloats = 1.0  # type: ignore[assignment]
    min_qty: SymbolFloats
    max_qty: SymbolFloats = inf  # type: ignore[assignment]
    min_notional: SymbolFloats
    open_orders: SymbolInts
    position_qty: LegFloats
    entry_price: LegFloats = nan  # type: ignore[assignment]
    feature: FeatureFloats = nan  # type: ignore[assignment]
