"""What a margin account looked like: one point per closed bar, and the extremes at every moment it was looked at."""

from __future__ import annotations

from ballast.engine.state import Engine
from ballast.kernel.ledger import leg_index
from ballast.model.compiled import compiled
from ballast.model.enums import Cause


@compiled
def track_margin(engine: Engine, cause: int) -> None:
    """Note the account's figures, after the ladder has looked; points are kept where the engine keeps a curve."""
    view, log, facts = engine.strategy_view, engine.log, engine.facts
    log.max_im_rate = max(log.max_im_rate, view.im_rate)
    if view.available < log.min_available:
        log.min_available = view.available
        log.min_available_ns = view.time_ns
    if view.mm_rate > log.max_mm_rate:
        log.max_mm_rate = view.mm_rate
        log.max_mm_rate_ns = view.time_ns
    if cause == Cause.FUNDING:
        log.leg_funding[leg_index(0, view.n_symbols, view.event_symbol, view.event_position_side)] += view.event_fee
    if view.liquidated and log.liquidated_ns == 0:
        log.liquidated_ns = view.time_ns
        for symbol in range(view.n_symbols):
            log.liquidation_mark[symbol] = view.mark[symbol]
    if cause != Cause.BAR or engine.margin.shape[0] == 0:
        return
    point = engine.margin[view.frame]
    point.available = view.available
    point.initial_margin = view.initial_margin
    point.maintenance_margin = view.maintenance_margin
    point.mm_rate = view.mm_rate
    point.available_for_trading = facts.available_for_trading
    point.reserve = facts.reserve
    point.next_worst_case = facts.next_worst_case
    point.funding_paid = view.funding_paid
    point.state = view.ladder_state
