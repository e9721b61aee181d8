"""
What a person may do to the ladder, whatever it thinks itself.

Freezing, flattening and halting are always possible. Going down is not ordered but allowed: a release takes away
what the operator or a breaker holds, and ``climb`` decides; EMERGENCY and HALTED end in FROZEN when they have been
acknowledged, and begin again at once while their cause stands.
"""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.enums import LadderState
from ballast.risk.breakers import clear_breaker
from ballast.risk.ladder import NEVER, Ladder, enter
from ballast.risk.reasons import LadderReason


@compiled
def operator_freeze(ladder: Ladder, now_ns: int) -> int:
    """Stop what raises until ``operator_release``; returns the reason if the ladder moved."""
    ladder.is_operator_frozen = True
    if ladder.state != LadderState.NORMAL:
        return LadderReason.NONE
    return enter(ladder, LadderState.FROZEN, LadderReason.OPERATOR_FREEZE, now_ns)


@compiled
def operator_release(ladder: Ladder) -> None:
    """Take back ``operator_freeze`` and clear a tripped breaker, whose losses are reckoned anew from here."""
    ladder.is_operator_frozen = False
    clear_breaker(ladder)


@compiled
def raise_alarm(ladder: Ladder, reason: int, now_ns: int) -> int:
    """
    Put the ladder into EMERGENCY for a reason that no figure shows, such as a state mismatch.

    Remembered until acknowledged. A halted ladder stays halted unless the operator asks for it to be flattened.
    """
    ladder.alarm = reason
    if ladder.state == LadderState.EMERGENCY:
        return LadderReason.NONE
    if ladder.state == LadderState.HALTED and reason != LadderReason.OPERATOR_FLATTEN:
        return LadderReason.NONE
    return enter(ladder, LadderState.EMERGENCY, reason, now_ns)


@compiled
def operator_flatten(ladder: Ladder, now_ns: int) -> int:
    """Ask the engine to cancel and close everything."""
    return raise_alarm(ladder, LadderReason.OPERATOR_FLATTEN, now_ns)


@compiled
def halt(ladder: Ladder, reason: int, now_ns: int) -> int:
    """Stop everything but cancels: OPERATOR_HALT, or EMERGENCY_HOLD when an emergency could not close all."""
    if ladder.state == LadderState.HALTED:
        return LadderReason.NONE
    return enter(ladder, LadderState.HALTED, reason, now_ns)


@compiled
def acknowledge(ladder: Ladder, now_ns: int) -> int:
    """
    Leave EMERGENCY or HALTED for FROZEN; anywhere else nothing happens.

    The account's drawdown is reckoned from the next equity on: the loss that was acknowledged is no new one.
    """
    if ladder.state < LadderState.EMERGENCY:
        return LadderReason.NONE
    ladder.alarm = LadderReason.NONE
    ladder.peak_equity = nan
    ladder.imbalance_since_ns = NEVER
    return enter(ladder, LadderState.FROZEN, LadderReason.ACKNOWLEDGED, now_ns)
