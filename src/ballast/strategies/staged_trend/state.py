"""What the strategy remembers: the trades that it has open or has asked for, and which of them belong together."""

from __future__ import annotations

from enum import IntEnum
from math import nan
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.records import ArrayOf, Shape, SymbolFloats, SymbolInts, record
from ballast.orders.contract_terms import ContractTerms
from ballast.orders.elastic import ElasticDecision, ElasticStop, forget
from ballast.orders.polling import Polling, rest
from ballast.orders.stop_price import StopPlacement
from ballast.strategies.staged_trend.entry import EntryRequest, Slots
from ballast.strategies.staged_trend.registry import NO_TICKET, Stage
from ballast.strategies.staged_trend.settings import MAX_TRADES

NO_CYCLE = -1


class TradeStatus(IntEnum):
    """Where a trade stands."""

    EMPTY = 0
    ASKED = 1
    OPEN = 2


@record
class Trade:
    """
    One trade, in base units and account currency.

    ``costs`` are the fees paid so far, ``distance`` the stop's approved distance from the entry. ``stop_price`` is
    where the stop stands, ``stop_before`` and ``lock_before`` what holds again if the venue refuses its last move.
    ``has_stop``: it rests at the venue; ``is_closing``: a market order that closes is on its way.
    """

    status: int = TradeStatus.EMPTY
    ticket: int = NO_TICKET
    symbol: int = -1
    side: int = PositionSide.NONE
    qty: float
    entry_price: float = nan
    costs: float
    distance: float = nan
    stop_price: float = nan
    stop_before: float = nan
    lock_before: float = nan
    has_stop: bool
    is_closing: bool
    opened_ns: int
    next_look_ns: int
    stop: ElasticStop
    pace: Polling


@record
class State:
    """
    Memory of the strategy.

    ``cycle`` numbers the last stretch of ``cycle_interval_seconds`` in which it looked for entries. What follows
    ``trades`` is room to reckon in.
    """

    cycle: int = NO_CYCLE
    next_ticket: int = 1
    slots: Slots
    stages: Annotated[Any, ArrayOf(Stage, "symbols")]
    trades: Annotated[npt.NDArray[np.void], ArrayOf(Trade, MAX_TRADES)]
    request: EntryRequest
    terms: ContractTerms
    decision: ElasticDecision
    placement: StopPlacement
    profits: Annotated[npt.NDArray[np.float64], Shape(MAX_TRADES)]
    sides: SymbolInts
    qualities: SymbolFloats
    costs: SymbolFloats
    order: SymbolInts


@compiled(inline=True)
def sign_of(trade: Trade) -> float:
    """Return 1 for a LONG trade, -1 for a SHORT one."""
    return 1.0 if trade.side == PositionSide.LONG else -1.0


@compiled
def empty_slot(state: State) -> int:
    """Return a slot without a trade, or -1."""
    for slot in range(MAX_TRADES):
        if state.trades[slot].status == TradeStatus.EMPTY:
            return slot
    return -1


@compiled
def count_on(state: State, symbol: int) -> int:
    """Return how many trades of a symbol are open or asked for."""
    n = 0
    for slot in range(MAX_TRADES):
        trade = state.trades[slot]
        if trade.status != TradeStatus.EMPTY and trade.symbol == symbol:
            n += 1
    return n


@compiled
def empty(trade: Trade) -> None:
    """Empty a slot, so that equal histories leave equal bytes."""
    trade.status = TradeStatus.EMPTY
    trade.ticket = NO_TICKET
    trade.symbol = -1
    trade.side = PositionSide.NONE
    trade.qty = 0.0
    trade.entry_price = nan
    trade.costs = 0.0
    trade.distance = nan
    trade.stop_price = nan
    trade.stop_before = nan
    trade.lock_before = nan
    trade.has_stop = False
    trade.is_closing = False
    trade.opened_ns = 0
    trade.next_look_ns = 0
    rest(trade.pace)
    forget(trade.stop)
