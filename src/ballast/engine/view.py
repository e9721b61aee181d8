"""
What a strategy sees. The only place where look-ahead could enter.

Invariants: (V1) prices are closes of closed bars, never of the bar that is still forming; (V2) cash and
positions are our own fold of fills; (V3) nothing here is written by a strategy.
"""

from __future__ import annotations

from math import inf, nan
from typing import Annotated, Any

from ballast.model.instrument import Conversion, Tier
from ballast.model.market import Quote
from ballast.model.records import ArrayOf, FeatureFloats, LegFloats, SymbolFloats, SymbolInts, record


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

    On margin accounts ``mark`` is the mark price at the instant of the call (the last price where the data
    has no mark), ``cash`` the wallet balance, ``equity`` the margin balance: cash plus unrealised profit at
    mark. ``gross`` sums ``abs(qty) * mark`` over legs. ``available`` is equity less ``initial_margin`` and
    may be negative; ``im_rate`` and ``mm_rate`` are fractions of equity (inf where equity is gone).
    ``funding_paid`` is a sum, > 0 when it cost money. ``order_margin`` and the other ``order_*`` figures are
    what resting orders that would open hold, by leg. ``tiers`` is the venue's table; symbol ``s`` owns the
    rows from ``first_tier[s]`` up to ``end_tier[s]`` (exclusive). ``conversions`` has rows where symbols are quoted in
    other currencies than the account's: money above is account currency, prices and entries are the symbol's.

    Where ticks are recorded ``quotes`` holds each symbol's best prices at the instant of the call; it has no rows on
    bars. On QUOTE and TRADE the ``event_*`` fields tell of the tick: its symbol, and a trade's price, quantity and
    taking side (0 if unknown).
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
    panic_tp_policy: int
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
    event_next_qty: float
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
    account_kind: int
    position_mode: int
    margin_model: int
    available: float
    initial_margin: float
    maintenance_margin: float
    im_rate: float
    mm_rate: float
    funding_paid: float
    liquidated: bool
    mark: SymbolFloats = nan  # type: ignore[assignment]
    leverage: SymbolFloats = 1.0  # type: ignore[assignment]
    order_value: LegFloats
    order_margin: LegFloats
    order_closing_fee: LegFloats
    first_tier: SymbolInts
    end_tier: SymbolInts
    tiers: Annotated[Any, ArrayOf(Tier, "tiers")]
    quotes: Annotated[Any, ArrayOf(Quote, "quotes")]
    conversions: Annotated[Any, ArrayOf(Conversion, "conversions")]
