"""
Whether a trade may be opened: twelve questions in order, and the first failure is the answer.

1. halted, or stale data; 2. symbol and signal there; 3. the cap on trades open or on their way, over all
symbols, which nothing overrides; 4. the first trade of a symbol passes here; 5. staging enabled; 6. the
record of the first trade; 7. same direction; 8. inside the window, its end included; 9. quality; 10. profit of
the oldest trade; 11. for a third, one of the others at break-even or better; 12. risk, each and together.
"""

from __future__ import annotations

from math import isnan, nan

from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.enums import PositionSide
from ballast.model.records import record
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.registry import Stage
from ballast.strategies.staged_trend.settings import Params, Reason


@record
class EntryRequest:
    """
    A trade that somebody would like to open.

    ``side`` is the signal's ``PositionSide``; ``n_on_symbol`` is what the venue says is open on the symbol,
    which the symbol's record must agree with; ``quality`` is NaN when unknown; ``risk`` is what the trade
    would lose at its stop.
    """

    is_halted: bool
    is_stale: bool
    is_symbol_known: bool = True
    side: int = PositionSide.NONE
    n_on_symbol: int
    time_ns: int
    quality: float = nan
    risk: float = nan


@record
class Slots:
    """The account's trades, over all symbols: open, and asked for but not yet answered."""

    n_open: int
    n_pending: int


@compiled
def may_open(request: EntryRequest, stage: Stage, slots: Slots, params: Params) -> int:
    """Return ``Reason.NONE`` if the trade may be opened, else the first reason against it."""
    reason = reason_before_risk(request, stage, slots, params)
    is_first = request.n_on_symbol == 0 and stage.n_tickets == 0
    return reason if reason != Reason.NONE or is_first else risk_reason(request, stage, params)


@compiled
def reason_before_risk(request: EntryRequest, stage: Stage, slots: Slots, params: Params) -> int:
    """Return the first of the questions 1 to 11 that is a reason against a trade, whatever it risks."""
    if request.is_halted:
        return Reason.LADDER_NOT_NORMAL
    if request.is_stale:
        return Reason.STALE_DATA
    if not request.is_symbol_known:
        return Reason.NO_SYMBOL
    if request.side != PositionSide.LONG and request.side != PositionSide.SHORT:
        return Reason.NO_SIGNAL
    if slots.n_open + slots.n_pending >= params.max_open_trades:
        return Reason.MAX_TRADES
    if request.n_on_symbol == 0 and stage.n_tickets == 0:
        return Reason.NONE
    return joining_reason(request, stage, params)


@compiled
def joining_reason(request: EntryRequest, stage: Stage, params: Params) -> int:
    """Return why a trade may not join those that are open on its symbol, whatever it risks, or ``Reason.NONE``."""
    if not params.staged_open_enabled:
        return Reason.STAGED_DISABLED
    if stage.n_tickets == 0 or stage.n_tickets != request.n_on_symbol:
        return Reason.NO_RECORD
    if not is_same_direction(stage, request.side):
        return Reason.TREND_MISMATCH
    if request.time_ns - stage.first_trade_ns > int(params.staged_open_window_seconds * SECOND_NS):
        return Reason.WINDOW_EXPIRED
    if not reaches(request.quality, params.staged_quality_threshold):
        return Reason.QUALITY
    return profit_reason(stage, params)


@compiled
def is_same_direction(stage: Stage, side: int) -> bool:
    """Tell whether the record's trend and every open trade point to ``side``."""
    if stage.trend != side:
        return False
    for index in range(stage.n_tickets):
        if stage.tickets[index].side != side:
            return False
    return True


@compiled
def reaches(value: float, limit: float) -> bool:
    """Tell whether ``value`` is at least ``limit``; within half of 1e-8 they are equal. NaN reaches nothing."""
    return is_amount(value) and is_amount(limit) and to_fixed(value) >= to_fixed(limit)


@compiled
def profit_reason(stage: Stage, params: Params) -> int:
    """Return what the open trades' profits say against another one."""
    oldest = stage.tickets[0].profit
    if isnan(oldest):
        return Reason.PROFIT_UNKNOWN
    if not reaches(oldest, params.staged_min_profit_usd):
        return Reason.PROFIT
    if stage.n_tickets == 1:
        return Reason.NONE
    return Reason.NONE if reaches(oldest, 0.0) or reaches(stage.tickets[1].profit, 0.0) else Reason.NEED_BREAKEVEN


@compiled
def risk_reason(request: EntryRequest, stage: Stage, params: Params) -> int:
    """Return what the risks at the stops say against another trade; an unknown risk is too much."""
    if not reaches(params.max_risk_per_trade_usd, request.risk):
        return Reason.RISK_PER_TRADE
    total = request.risk
    for index in range(stage.n_tickets):
        total += stage.tickets[index].risk
    allowed = params.max_risk_per_trade_usd * (stage.n_tickets + 1)
    return Reason.NONE if reaches(allowed, total) else Reason.RISK_TOTAL


@compiled
def claim(request: EntryRequest, stage: Stage, slots: Slots, params: Params) -> int:
    """Ask ``may_open`` and, if it consents, take a slot in the same step; ``settle`` gives it back."""
    reason = may_open(request, stage, slots, params)
    if reason == Reason.NONE:
        slots.n_pending += 1
    return reason


@compiled
def settle(slots: Slots, was_opened: bool) -> None:
    """Turn a claimed slot into an open trade, or drop it when the order failed."""
    if slots.n_pending > 0:
        slots.n_pending -= 1
        if was_opened:
            slots.n_open += 1


@compiled
def release(slots: Slots) -> None:
    """Give back the slot of a trade that is closed."""
    if slots.n_open > 0:
        slots.n_open -= 1
