"""What a run on a margin account adds to its result: how near it came to the end, and what the ladder did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ballast.backtest.forward_fill import forward_filled
from ballast.backtest.margin_levels import seconds_at_levels
from ballast.backtest.metrics import FloatArray, IntArray
from ballast.backtest.resting_exits import RestingExits
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import LadderState, MarginModel, PositionMode
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import RiskSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class MarginResult:
    """
    The margin account of one run.

    ``points`` has a record per bar (see ``engine.state.MarginPoint``). ``min_available``, ``max_mm_rate`` and
    ``max_im_rate`` are over all moments at which the account was looked at: closes, fills, wakes, funding; rates
    are fractions of equity. ``funding_paid`` is > 0 when it cost money. ``states`` counts seconds in each state,
    ``margin_levels`` those at each level of reporting (none without a ladder), ``actions`` what was done by name; a
    transition has ``ts_ms``, ``from``, ``to``, ``reason``.

    ``liquidation_marks`` are the marks, by symbol index, when a liquidation first closed something. A liquidated
    account reached a rate of 1, although ``max_mm_rate`` may be from before: the venue acts before anyone can look.
    ``marks`` returns the mark at each bar's close, (n_bars, n_symbols), the last price where the data has none, and
    ``rates`` what a unit of each quote currency is worth there in the account's, None where it is the same;
    ``leg_funding`` is what each leg paid (``2 * symbol`` for NONE and LONG, one further for SHORT), ``levels`` the
    level number of each fill. ``risk`` is None without a ladder, ``exits`` where nobody looked for what rested.
    """

    points: Any
    model: MarginModel
    mode: PositionMode
    leverage: Sequence[float]
    risk: RiskSettings | None
    liquidated: bool
    liquidation_ts_ms: int | None
    liquidation_marks: FloatArray
    min_available: float
    min_available_ts_ms: int | None
    max_mm_rate: float
    max_mm_rate_ts_ms: int | None
    max_im_rate: float
    funding_paid: float
    leg_funding: FloatArray
    realised_pnl: float
    insurance_loss: float
    states: Mapping[str, float]
    margin_levels: Mapping[str, float]
    transitions: Sequence[Mapping[str, object]]
    actions: Mapping[str, int]
    levels: IntArray
    marks: Callable[[], FloatArray]
    rates: Callable[[], FloatArray | None]
    exits: RestingExits | None

    def facts(self) -> dict[str, object]:
        """Return what the JSON carries, by key."""
        return {
            "liquidated": self.liquidated,
            "liquidation_ts": self.liquidation_ts_ms,
            "min_available": self.min_available,
            "min_available_ts": self.min_available_ts_ms,
            "max_mm_rate": self.max_mm_rate,
            "max_mm_rate_ts": self.max_mm_rate_ts_ms,
            "max_im_rate": self.max_im_rate,
            "funding_paid": self.funding_paid,
            "realised_pnl": self.realised_pnl,
            "insurance_loss": self.insurance_loss,
            "states": dict(self.states),
            "margin_levels": dict(self.margin_levels) or None,
            "transitions": [
                {"ts": move["ts_ms"], **{key: move[key] for key in ("from", "to", "reason")}}
                for move in self.transitions
            ],
            "actions": dict(self.actions),
        }


def margin_result_of(
    session: Session,
    reason_names: Sequence[str],
    fills: Any,
    outcome: Mapping[str, int],
    exits: RestingExits | None = None,
) -> MarginResult:
    """
    Return the margin part of a finished session.

    ``fills`` are its table, whose reasons index the names; ``outcome`` is what the strategy counted.
    """
    engine, venue = session.engine, session.venue
    log, account = engine.log, venue.accounts[0]
    moves = engine.moves[: int(log.n_moves)]
    transitions = [transition(move) for move in moves]
    setup = session.setup
    return MarginResult(
        points=engine.margin,
        model=setup.margin_model,
        mode=setup.position_mode,
        leverage=tuple(setup.leverage),
        risk=setup.risk if session.has_ladder else None,
        liquidated=bool(log.liquidated_ns),
        liquidation_ts_ms=_milliseconds(log.liquidated_ns),
        liquidation_marks=np.array(log.liquidation_mark[: setup.n_symbols]),
        min_available=float(log.min_available),
        min_available_ts_ms=_milliseconds(log.min_available_ns),
        max_mm_rate=float(log.max_mm_rate),
        max_mm_rate_ts_ms=_milliseconds(log.max_mm_rate_ns),
        max_im_rate=float(log.max_im_rate),
        funding_paid=float(account.funding_paid),
        leg_funding=np.array(log.leg_funding[: 2 * setup.n_symbols]),
        realised_pnl=float(account.realised_pnl),
        insurance_loss=float(account.insurance_loss),
        states=seconds_in_states(session, moves),
        margin_levels=seconds_at_levels(session) if session.has_ladder else {},
        transitions=transitions,
        actions=action_counts(transitions, reason_names, fills, outcome),
        levels=np.array(engine.fills["level"][: int(log.n_fills)]),
        marks=lambda: marks_of(setup),
        rates=lambda: rates_of(setup),
        exits=exits,
    )


def marks_of(setup: Setup) -> FloatArray:
    """Return the mark at each bar's close, (n_bars, n_symbols): the last price where the data has no mark."""
    prices = np.asarray(setup.frames.records["close"][:, : setup.n_symbols])
    if setup.marks is not None and len(setup.marks):
        bars = [np.asarray(setup.marks[name][:, : setup.n_symbols]) for name in ("open", "high", "low", "close")]
        # As the venue reads them: a bar without all four is none.
        prices = np.where(np.all(np.greater(bars, 0.0), axis=0), bars[-1], prices)
    return forward_filled(prices)


def rates_of(setup: Setup) -> FloatArray | None:
    """
    Return account currency for one unit of each quote currency at each close, (n_bars, n_symbols); NaN is unknown.

    None where every symbol is quoted in the account's currency.
    """
    if setup.conversions is None:
        return None
    marks = marks_of(setup)
    rates = np.ones_like(marks)
    for symbol, conversion in enumerate(setup.conversions):
        via = conversion["via_symbol"]
        price = conversion["rate"] if via < 0 else marks[:, via]
        rates[:, symbol] = 1.0 / price if conversion["is_inverse"] else price
    return rates


def _milliseconds(time_ns: int) -> int | None:
    return int(time_ns) // MILLISECOND_NS if time_ns else None


def transition(move: Any) -> dict[str, object]:
    """Return one move of the ladder in words, with the figures that moved it."""
    return {
        "ts_ms": int(move["time_ns"]) // MILLISECOND_NS,
        "from": LadderState(int(move["before"])).name,
        "to": LadderState(int(move["after"])).name,
        "reason": LadderReason(int(move["reason"])).name.lower(),
        **{name: float(move[name]) for name in FIGURES},
    }


FIGURES = ("equity", "available_for_trading", "next_worst_case", "imbalance_ratio", "mm_rate")
"""What the ladder saw at a move."""


def seconds_in_states(session: Session, moves: Any) -> dict[str, float]:
    """Return how long the ladder stood in each state, from the first close to the last."""
    ts_ns = session.frames["ts_ns"]
    interval_ns = session.setup.frames.interval_ns
    times = np.array([ts_ns[0] + interval_ns, *moves["time_ns"], ts_ns[-1] + interval_ns])
    states = [LadderState.NORMAL, *(int(state) for state in moves["after"])]
    seconds = {state.name: 0.0 for state in LadderState}
    for state, length_ns in zip(states, np.diff(times), strict=True):
        seconds[LadderState(state).name] += float(length_ns) / 1e9
    return seconds


_MOVES = {
    (LadderState.NORMAL.name, LadderState.FROZEN.name): "FREEZE",
    (LadderState.FROZEN.name, LadderState.NORMAL.name): "UNFREEZE",
}
_CALMER = (LadderState.NORMAL.name, LadderState.FROZEN.name)
LADDER_ACTIONS = ("FREEZE", "UNFREEZE", "PANIC_ENTER", "PANIC_EXIT", "EMERGENCY")
"""What the ladder may do: counted in every result, also where it never came to that."""


def action_counts(
    transitions: Sequence[Mapping[str, object]], names: Sequence[str], fills: Any, counted: Mapping[str, int]
) -> dict[str, int]:
    """
    Return how often each thing was done: fills by their reason, and the ladder's moves.

    What the strategy itself has ``counted`` under the name of a reason stands over its fills: one order may fill in
    parts.
    """
    counts = dict.fromkeys(LADDER_ACTIONS, 0)
    numbers, n_fills = np.unique(fills["reason"], return_counts=True)
    for number, count in zip(numbers.tolist(), n_fills.tolist(), strict=True):
        counts[names[number].upper() or "UNNAMED"] = count
    counts |= {name.upper(): count for name, count in counted.items() if name in names}
    for move in transitions:
        action = _MOVES.get((str(move["from"]), str(move["to"])))
        if move["to"] == LadderState.PANIC.name:
            action = "PANIC_ENTER"
        elif move["from"] == LadderState.PANIC.name and move["to"] in _CALMER:
            # On to EMERGENCY is no way out.
            action = "PANIC_EXIT"
        if action is not None:
            counts[action] = counts.get(action, 0) + 1
    return counts
