"""The losing leg of a walk, level by level: what each level cost, what the next one needs, how the account stood."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from ballast.backtest.session import Session
from ballast.kernel.margin import legs_after
from ballast.model.enums import LadderState, PositionSide
from ballast.research.survival.layers import Layer
from ballast.research.survival.walk import Walk, copied
from ballast.risk.facts import legs_of_facts, measure
from ballast.risk.gate import order_cost
from ballast.risk.reasons import LadderReason
from ballast.strategies.hedge_grid.levels import last_price, last_qty, trigger_price
from ballast.strategies.hedge_grid.settings import Role
from ballast.strategies.hedge_grid.sizes import next_qty


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    One moment of a walk.

    ``event`` is "level" or a layer's name. ``level`` counts from 1, the first
    entry; ``qty``, ``step_margin`` (qty x price / leverage) and ``fill_price`` are of that level, None for other
    events. ``fraction`` and ``price`` are where on the road it was. ``next_cost`` is what the level after it would take
    from the available balance, at ``next_price``: margin, fees, slippage; None where no further level is allowed.
    What a layer saw when it fired stands in its row; the initial margin was not among that.
    ``available`` is what is left for trading beside the reserve, A, and ``next_worst_case`` is N; these
    and the state are None without a ladder. ``reason`` is why the ladder moved. Money in quote, rates as fractions of
    equity.
    """

    event: str
    symbol: str
    side: str
    fraction: float
    price: float
    level: int | None = None
    fill_price: float | None = None
    qty: float | None = None
    step_margin: float | None = None
    next_price: float | None = None
    next_cost: float | None = None
    equity: float
    initial_margin: float | None
    maintenance_margin: float | None
    mm_rate: float | None
    available: float | None
    next_worst_case: float | None
    state: str | None
    reason: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return what the JSON carries."""
        return asdict(self)


HEDGED = True
"""The grid's two legs stand side by side."""


class Table:
    """Watches a walk; keeps a row of every level that its losing legs gain and of each layer when it first fires."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.curve: list[tuple[float, float, str]] = []
        """How far the road had come, equity, and state of the ladder."""
        self._fills = 0
        self._moves = 0
        self._fired: set[Layer] = set()

    def __call__(self, walk: Walk) -> None:
        """Look at a walk after a bar."""
        session, log = walk.session, walk.session.engine.log
        losing = int(PositionSide.SHORT if walk.road.direction > 0 else PositionSide.LONG)
        for fill in session.engine.fills[self._fills : int(log.n_fills)]:
            if fill["position_side"] == losing and fill["role"] in (Role.OPEN, Role.AVERAGE):
                self.rows.append(_level_row(walk, fill))
        for move in session.engine.moves[self._moves : int(log.n_moves)]:
            at = walk.road.fraction(walk.step_at(int(move["time_ns"])) or 0)
            self.curve.append((at, float(move["equity"]), LadderState(int(move["after"])).name))
            layer = _LAYER_OF.get(int(move["after"]))
            if layer is not None and layer not in self._fired and not log.liquidated_ns:
                self._fired.add(layer)
                self.rows.append(_layer_row(walk, move, layer))
        if log.liquidated_ns and Layer.LIQUIDATION not in self._fired:
            self._fired.add(Layer.LIQUIDATION)
            self.rows.append(_row(walk, event=Layer.LIQUIDATION.value))
        self._fills, self._moves = int(log.n_fills), int(log.n_moves)
        view = session.engine.strategy_view
        self.curve.append((walk.road.fraction(walk.step), float(view.equity), LadderState(view.ladder_state).name))


_LAYER_OF = {
    int(LadderState.FROZEN): Layer.FREEZE,
    int(LadderState.PANIC): Layer.PANIC,
    int(LadderState.EMERGENCY): Layer.EMERGENCY,
}


def _level_row(walk: Walk, fill: Any) -> Row:
    symbol = int(fill["symbol"])
    leverage = float(walk.session.engine.strategy_view.leverage[symbol])
    price, cost = next_level(walk.session, symbol, int(fill["position_side"]))
    return _row(
        walk,
        event="level",
        symbol=symbol,
        level=int(fill["level"]) + 1,
        fill_price=float(fill["price"]),
        qty=float(fill["qty"]),
        step_margin=float(fill["qty"] * fill["price"]) / leverage,
        next_price=price,
        next_cost=cost,
    )


def _layer_row(walk: Walk, move: Any, layer: Layer) -> Row:
    step = walk.step_at(int(move["time_ns"]))
    seen: dict[str, Any] = {
        "equity": float(move["equity"]),
        "initial_margin": None,
        "maintenance_margin": _finite(move["mm_rate"] * move["equity"]),
        "mm_rate": _finite(move["mm_rate"]),
        "available": _finite(move["available_for_trading"]),
        "next_worst_case": _finite(move["next_worst_case"]),
        "state": LadderState(int(move["after"])).name,
    }
    reason = LadderReason(int(move["reason"])).name.lower()
    return Row(event=layer.value, **_place(walk, step or 0, 0), **seen, reason=reason)


def _row(walk: Walk, *, event: str, symbol: int = 0, **values: Any) -> Row:
    view, facts = walk.session.engine.strategy_view, walk.session.engine.facts
    has_ladder = walk.session.has_ladder
    account: dict[str, Any] = {
        "equity": float(view.equity),
        "initial_margin": float(view.initial_margin),
        "maintenance_margin": float(view.maintenance_margin),
        "mm_rate": _finite(view.mm_rate),
        "available": _finite(facts.available_for_trading) if has_ladder else None,
        "next_worst_case": _finite(facts.next_worst_case) if has_ladder else None,
        "state": LadderState(int(view.ladder_state)).name if has_ladder else None,
    }
    if event == Layer.LIQUIDATION:
        # What is left afterwards says nothing about what led there.
        account |= {"initial_margin": None, "maintenance_margin": None, "mm_rate": None}
    return Row(event=event, **_place(walk, walk.step, symbol), **account, **values)


def _place(walk: Walk, step: int, symbol: int) -> dict[str, Any]:
    return {
        "symbol": walk.session.setup.frames.symbols[symbol],
        "side": "SHORT" if walk.road.direction > 0 else "LONG",
        "fraction": walk.road.fraction(step),
        "price": float(walk.road.prices([step])[0][symbol]),
    }


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def next_level(session: Session, symbol: int, position_side: int) -> tuple[float | None, float | None]:
    """Return the price of a leg's next level, and what it would take from the available balance; None at the last."""
    engine, params = session.engine, session.params
    short = position_side == PositionSide.SHORT
    leg = session.state.leg[2 * symbol + short]
    if not leg.n_levels:
        return None, None
    view = copied(engine.strategy_view)
    price = float(trigger_price(position_side, last_price(leg), params.grid_step_percent[symbol]))
    qty = float(next_qty(view, params, symbol, int(leg.n_levels), last_qty(leg), price))
    if qty == 0.0:
        return None, None
    view.mark[symbol] = view.price[symbol] = price
    facts, ladder = copied(engine.facts), copied(engine.ladder)
    measure(view, ladder, engine.risk, facts)
    after = legs_after(legs_of_facts(facts, symbol), HEDGED, not short, -qty if short else qty, price)
    return price, float(order_cost(view, facts, symbol, after, price))
