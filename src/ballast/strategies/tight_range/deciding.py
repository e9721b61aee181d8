"""
Trade in and around tight ranges: three layers say what they see, a path joins them, and each symbol is traded.

``make_decide`` builds the strategy out of any three layers, so that a user's own can stand for Ballast's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, nan
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.market_making import answer
from ballast.strategies.market_making.reasons import Role as MakerRole
from ballast.strategies.tight_range.exposure import open_close, turn
from ballast.strategies.tight_range.handler import range_signal
from ballast.strategies.tight_range.layers import (
    FEATURES_PER_SYMBOL,
    Feature,
    clear_votes,
    count,
    tactical_opinion,
    technical_votes,
)
from ballast.strategies.tight_range.maker import quote
from ballast.strategies.tight_range.paths import (
    Path,
    Path1Policy,
    path1,
    path1_l3_aware,
    path2,
    path2_tight_range,
    path3,
)
from ballast.strategies.tight_range.rebalancing import follow_rebalance, restore_weights
from ballast.strategies.tight_range.regimes import (
    CAPACITY,
    MIN_WINDOW_BARS,
    WINDOW_NS,
    Regime,
    assume_tight_range,
    is_tight,
    judge,
    remember,
)
from ballast.strategies.tight_range.settings import RegimeSource, Role
from ballast.strategies.tight_range.trades import act, on_order


@compiled(inline=True)
def volume_ratio(volume: float, mean_volume: float) -> float:
    """Return a bar's volume by its 20-bar mean, NaN without one."""
    return volume / mean_volume if mean_volume > 0.0 else nan


@compiled(inline=True)
def classified_regime(row: Any, view: Record, params: Record, symbol: int, memory: Record, evidence: Record) -> None:
    """L3 of Ballast: take the bar into the classifier's memory and judge; or assume what was asked for."""
    at = FEATURES_PER_SYMBOL * symbol
    if params.regime == RegimeSource.ASSUME_TIGHT_RANGE:
        assume_tight_range(evidence, params.assumed_confidence)
        return
    if memory.window == 0:
        memory.window = min(CAPACITY, max(MIN_WINDOW_BARS, -(-WINDOW_NS // view.interval_ns)))
    window = memory.window
    atr = view.feature[at + Feature.WILDER_ATR]
    remember(memory, window, row.high[symbol], row.low[symbol], row.close[symbol], atr)
    judge(
        memory,
        evidence,
        window,
        atr,
        view.feature[at + Feature.ADX],
        view.feature[at + Feature.RSI],
        view.feature[at + Feature.UPPER],
        view.feature[at + Feature.LOWER],
        view.feature[at + Feature.WIDTH],
        view.feature[at + Feature.HIGH_20],
        view.feature[at + Feature.LOW_20],
        volume_ratio(row.volume[symbol], view.feature[at + Feature.VOLUME_20]),
    )


@compiled(inline=True)
def join(row: Any, view: Record, params: Record, symbol: int, decision: Record) -> None:
    """Write the configured path's verdict from what the layers said."""
    at = FEATURES_PER_SYMBOL * symbol
    evidence, verdict = decision.evidence, decision.verdict
    close = row.close[symbol]
    rsi = view.feature[at + Feature.RSI]
    direction, q = evidence.direction, evidence.confidence
    range_signal(
        decision.signal,
        rsi,
        view.feature[at + Feature.ATR] / close,
        q,
        decision.joint_action,
        params.max_confidence,
    )
    if params.path == Path.PATH1 and params.path1_policy == Path1Policy.TREND:
        path1(verdict, direction, q)
    elif params.path == Path.PATH1:
        path1_l3_aware(verdict, decision.votes, decision.opinion, direction, q)
    elif params.path == Path.PATH3:
        high, low = view.feature[at + Feature.HIGH_20], view.feature[at + Feature.LOW_20]
        path3(verdict, direction, q, close, high, low, rsi, evidence.volume_ratio)
    elif is_tight(evidence):
        path2_tight_range(verdict, decision.signal)
    else:
        path2(verdict, direction, q, decision.joint_action, decision.joint_confidence, params.max_contra_allocation)
    verdict.allow_partial_rebalance = verdict.allow_partial_rebalance and params.allow_partial_rebalance
    verdict.market_making_enabled = verdict.market_making_enabled and params.market_making_enabled


def make_decide(
    l1: Callable[..., None] = technical_votes,
    l2: Callable[..., None] = tactical_opinion,
    l3: Callable[..., None] = classified_regime,
) -> Any:
    """
    Return the tight-range strategy's ``decide`` over three layers: Ballast's, or compiled functions of one's own.

    Parameters
    ----------
    l1 : (row, view, params, symbol, votes)
        Casts votes with ``layers.vote(votes, action, confidence)``.
    l2 : (row, view, params, symbol, opinion)
        Writes ``action``, ``confidence``, ``strength`` and ``is_given``.
    l3 : (row, view, params, symbol, memory, evidence)
        Writes ``regime``, ``subtype``, ``direction`` and ``confidence``; ERROR decides nothing. ``memory`` is the
        classifier's.

    Notes
    -----
    Each is called once per symbol and closed bar. Indicators of one's own are asked for behind those of
    ``features``, and stand in ``view.feature`` from ``FEATURES_PER_SYMBOL * view.n_symbols`` on.
    """

    @compiled
    def decide(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
        """Judge every symbol that has a new bar, and act on it; follow the fate of orders."""
        if view.cause == Cause.ORDER and not MakerRole.BID <= view.event_role <= MakerRole.CLOSE:
            if view.event_role == Role.REBALANCE:
                return follow_rebalance(view, state, params, intents)
            return on_order(view, state, params, intents)
        if view.cause != Cause.BAR:
            return answer(view, state, params, intents)
        for symbol in range(view.n_symbols):
            if view.bar_ts_ns[symbol] == row.ts_ns:
                market = state.markets[symbol]
                decision = market.decision
                market.n_bars += 1
                clear_votes(decision.votes)
                decision.opinion.is_given = False
                l1(row, view, params, symbol, decision.votes)
                l2(row, view, params, symbol, decision.opinion)
                l3(row, view, params, symbol, market.memory, decision.evidence)
                turn(market, decision.evidence.direction)
        open_close(view, state, params)
        n = 0
        for symbol in range(view.n_symbols):
            if view.bar_ts_ns[symbol] == row.ts_ns:
                n = settle(row, view, state, params, symbol, intents, n)
        n = restore_weights(row, view, state, params, intents, n)
        return quote(view, state, params, intents, n) if state.makers.shape[0] > 0 else n

    return decide


@compiled(inline=True)
def settle(row: Any, view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Complete a symbol's decision and act on it, once it has bars enough and a regime."""
    market = state.markets[symbol]
    decision = market.decision
    decision.time_ns = view.time_ns
    decision.refusal = 0
    decision.max_contra_notional = state.contra_room
    decision.joint_action, decision.joint_confidence = count(decision.votes, decision.opinion)
    state.allow_partial_rebalance[symbol] = False
    state.market_making_enabled[symbol] = False
    if market.n_bars < params.min_data_points or decision.evidence.regime == Regime.ERROR:
        return n
    if not isfinite(view.feature[FEATURES_PER_SYMBOL * symbol + Feature.ATR]):
        return n
    join(row, view, params, symbol, decision)
    state.allow_partial_rebalance[symbol] = decision.verdict.allow_partial_rebalance
    state.market_making_enabled[symbol] = decision.verdict.market_making_enabled
    n = act(row, view, state, params, symbol, intents, n)
    if decision.refusal == 0:
        market.last_refusal = 0
    return n
