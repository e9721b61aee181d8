"""What a run of the grid came to: counts of its actions, and where each leg's money came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ballast.model.enums import PositionSide
from ballast.strategies.hedge_grid.settings import State


class LegResult(NamedTuple):
    """Realised money of one leg, in quote: profit by price, fees and funding paid (negative: received)."""

    symbol: int
    position_side: PositionSide
    price_pnl: float
    fees: float
    funding: float
    cycles: int
    levels_max: int

    @property
    def net(self) -> float:
        """Profit after fees and funding."""
        return self.price_pnl - self.fees - self.funding


def attribution(state: State, n_symbols: int) -> Sequence[LegResult]:
    """Return one result per leg, LONG before SHORT, symbols in configured order."""
    results = []
    for index in range(2 * n_symbols):
        leg = state.leg[index]
        side = PositionSide.SHORT if index % 2 else PositionSide.LONG
        money = (float(leg.price_pnl), float(leg.fees), float(leg.funding))
        results.append(LegResult(index // 2, side, *money, int(leg.cycle), int(leg.levels_max)))
    return results


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows."""
    counts = {
        name: int(getattr(state, f"n_{name}"))
        for name in ("open", "average", "tp", "close", "reopen", "balance", "restore")
    }
    levels = state.leg["levels_max"]
    return {**counts, "levels_max_long": int(levels[0::2].max()), "levels_max_short": int(levels[1::2].max())}
