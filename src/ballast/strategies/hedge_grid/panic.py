"""Which take-profit gives way while the ladder is in PANIC."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import LadderState, PanicTakeProfit
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.hedge_grid.requests import cancel_take_profit
from ballast.strategies.hedge_grid.settings import Reason, TakeProfitStatus

NEITHER = -1


@compiled
def heavier_leg(view: Record, state: Record, params: Record, symbol: int) -> int:
    """
    Return the index of the leg that holds more, the loser; ``NEITHER`` when they are level.

    The documented profile goes by the number of levels and takes the LONG leg on a tie.
    """
    long_leg = 2 * symbol
    more = abs(view.position_qty[long_leg]) - abs(view.position_qty[long_leg + 1])
    if params.is_documented:
        more = state.leg[long_leg].n_levels - state.leg[long_leg + 1].n_levels + 0.5
    elif is_level(view, symbol):
        return NEITHER
    return long_leg if more > 0.0 else long_leg + 1


@compiled
def is_level(view: Record, symbol: int) -> bool:
    """Tell whether a symbol's legs differ by less than can be traded."""
    difference = abs(abs(view.position_qty[2 * symbol]) - abs(view.position_qty[2 * symbol + 1]))
    return difference == 0.0 or difference < view.min_qty[symbol]


@compiled
def releases(view: Record, params: Record, symbol: int) -> bool:
    """Tell whether a take-profit that was taken away may come back: the legs have been balanced since."""
    return not params.is_documented and is_level(view, symbol)


@compiled
def follow_ladder(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Take note of the ladder's new state; entering PANIC takes the policy's take-profits away, leaving restores."""
    was_panic = state.ladder_state == LadderState.PANIC
    is_panic = view.ladder_state == LadderState.PANIC
    if view.ladder_state < LadderState.EMERGENCY <= state.ladder_state:
        # Somebody has looked at what stopped us, and released it.
        for symbol in range(view.n_symbols):
            state.is_stopped[symbol] = False
    state.ladder_state = view.ladder_state
    if is_panic == was_panic or view.panic_tp_policy == PanicTakeProfit.KEEP_ALL:
        return n
    for symbol in range(view.n_symbols):
        if is_panic:
            heavier = heavier_leg(view, state, params, symbol)
            if heavier != NEITHER:
                n = _take_away(state, heavier, intents, n)
        else:
            state.leg[2 * symbol].is_take_profit_held = False
            state.leg[2 * symbol + 1].is_take_profit_held = False
    return n


@compiled
def _take_away(state: Record, leg_index: int, intents: Intent, n: int) -> int:
    leg = state.leg[leg_index]
    leg.is_take_profit_held = True
    if leg.take_profit != TakeProfitStatus.RESTING:
        return n
    leg.take_profit = TakeProfitStatus.CANCELLING
    return cancel_take_profit(intents, n, leg_index, Reason.TP)
