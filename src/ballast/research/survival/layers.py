"""Which layers of protection fired in a session, and when."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import inf

from ballast.backtest.session import Session
from ballast.model.enums import LadderState
from ballast.risk.reasons import LadderReason


class Layer(StrEnum):
    """What stands between a grid and its end, and the end itself."""

    FREEZE = "freeze"
    PANIC = "panic"
    EMERGENCY = "emergency"
    LIQUIDATION = "liquidation"


FORCED = (Layer.EMERGENCY, Layer.LIQUIDATION)
"""What closes positions at a loss, whatever their owner thinks of it."""

Fractions = Mapping[Layer, float | None]
"""How far the price had gone when each layer fired, of its start; None for never."""


def forced_end(fractions: Fractions) -> float:
    """Return how far the price goes before something is closed by force; inf for never."""
    return min((end for layer in FORCED if (end := fractions[layer]) is not None), default=inf)


_STATES = {
    Layer.FREEZE: LadderState.FROZEN,
    Layer.PANIC: LadderState.PANIC,
    Layer.EMERGENCY: LadderState.EMERGENCY,
}
_TAKEN_BY_VENUE = (LadderReason.LIQUIDATION, LadderReason.AUTO_DELEVERAGING)


def first_times(session: Session) -> Mapping[Layer, int | None]:
    """
    Return when each layer first fired, ns; None where it did not.

    A layer has fired once the ladder stands at its state or above, by its own judgement: what follows from a
    liquidation is not protection.
    """
    moves = session.engine.moves[: int(session.engine.log.n_moves)]
    own = [move for move in moves if move["reason"] not in _TAKEN_BY_VENUE]
    times: dict[Layer, int | None] = {
        layer: next((int(move["time_ns"]) for move in own if move["after"] >= state), None)
        for layer, state in _STATES.items()
    }
    times[Layer.LIQUIDATION] = int(session.engine.log.liquidated_ns) or None
    return times


def is_over(session: Session) -> bool:
    """Tell whether nothing more can happen: closed to the last by the venue, piece by piece, or by the emergency."""
    view = session.engine.strategy_view
    is_closing = view.ladder_state >= LadderState.EMERGENCY or session.engine.log.liquidated_ns
    return bool(is_closing and not view.position_qty.any())
