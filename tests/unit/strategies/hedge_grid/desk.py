"""A hand-made view with a strategy in front of it: what is asked for is kept, and fills happen when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import pytest

from ballast.engine.view import View
from ballast.kernel.ledger import entry_after
from ballast.model.enums import (
    AccountKind,
    Cause,
    EngineRole,
    EventKind,
    IntentKind,
    LadderState,
    PanicTakeProfit,
    PositionMode,
    PositionSide,
    Reason,
    Side,
)
from ballast.model.intents import INTENT_CAPACITY, Intent
from ballast.model.market import width_for
from ballast.strategies import hedge_grid
from ballast.strategies.hedge_grid.settings import Role, State
from ballast.strategies.spec import from_module

GRID = from_module(hedge_grid, "hedge_grid")
TAKER, MAKER = 0.00055, 0.0002
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One intent, as plain values."""

    kind: IntentKind = IntentKind.PLACE
    symbol: int = 0
    leg: PositionSide
    side: Side
    qty: float
    price: float = 0.0
    trigger_price: float = 0.0
    reduce_only: bool
    role: int
    level: int = 0
    cycle: int = 0
    next_qty: float = 0.0
    reason: int = 0
    expiry_ns: int = 0


def asked(intent: Any) -> Asked:
    """Return an intent as plain values."""
    return Asked(
        kind=IntentKind(intent.kind),
        symbol=int(intent.symbol),
        leg=PositionSide(intent.position_side),
        side=Side(intent.side),
        qty=float(intent.qty),
        price=float(intent.price),
        trigger_price=float(intent.trigger_price),
        reduce_only=bool(intent.reduce_only),
        role=int(intent.role),
        level=int(intent.level),
        cycle=int(intent.cycle),
        next_qty=float(intent.next_qty),
        reason=int(intent.reason),
        expiry_ns=int(intent.expiry_ns),
    )


class Desk:
    """One grid and the account that it believes in. ``asked`` is what the last call of ``decide`` wanted."""

    def __init__(
        self,
        *,
        n_symbols: int = 1,
        leverage: float = 75.0,
        available: float = 1_000.0,
        lot: tuple[int, float] = (0, 1.0),
        tick: tuple[int, float] = (0, 1.0),
        panic_tp_policy: PanicTakeProfit = PanicTakeProfit.KEEP_ALL,
        is_documented: bool = False,
        has_quotes: bool = False,
        **values: Any,
    ) -> None:
        width = width_for(n_symbols)
        self.view = View.new(symbols=width, legs=2 * width, features=8, quotes=width if has_quotes else 0)  # type: ignore[attr-defined]
        self.params = GRID.params(values, n_symbols, is_documented=is_documented)
        self._state = State.array(1, symbols=width, legs=2 * width)  # type: ignore[attr-defined]
        self._intents = Intent.array(INTENT_CAPACITY)  # type: ignore[attr-defined]
        view = self.view
        view.n_symbols = n_symbols
        view.account_kind, view.position_mode = AccountKind.UNIFIED_MARGIN, PositionMode.HEDGE
        view.taker_fee_rate, view.maker_fee_rate = TAKER, MAKER
        view.available = available
        view.panic_tp_policy = panic_tp_policy
        view.leverage[:] = leverage
        view.lot_units[:], view.lot_scale[:] = lot
        view.tick_units[:], view.tick_scale[:] = tick
        view.time_ns = 1_700_000_000 * SECOND_NS
        self.asked: list[Asked] = []

    @property
    def state(self) -> Any:
        """The grid's memory."""
        return self._state[0]

    @property
    def state_bytes(self) -> bytes:
        """All of the grid's memory."""
        return bytes(self._state.tobytes())

    def restart(self) -> None:
        """Forget everything but the bytes of the state."""
        fresh = State.array(1, symbols=len(self.view.price), legs=len(self.view.position_qty))  # type: ignore[attr-defined]
        fresh[:] = np.frombuffer(self.state_bytes, fresh.dtype)
        self._state = fresh

    def leg(self, side: PositionSide, symbol: int = 0) -> Any:
        """Return the grid's memory of a leg."""
        return self.state.leg[index(side, symbol)]

    def levels(self, side: PositionSide, symbol: int = 0) -> list[float]:
        """Return the quantities of a leg's levels."""
        leg = self.leg(side, symbol)
        return [float(qty) for qty in leg.level_qty[: leg.n_levels]]

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.view.time_ns += int(seconds * SECOND_NS)

    def decide(self, cause: Cause) -> list[Asked]:
        """Call the grid and keep what it asks for."""
        self.view.cause = cause
        n = GRID.decide(None, self.view, self.state, self.params, self._intents)
        self.asked = [asked(self._intents[k]) for k in range(n)]
        return self.asked

    def close(self, *prices: float) -> list[Asked]:
        """Let a bar close at these prices, one per symbol."""
        self.view.price[: len(prices)] = prices
        self.view.mark[: len(prices)] = prices
        return self.decide(Cause.BAR)

    def reach(self, side: PositionSide, price: float, symbol: int = 0) -> list[Asked]:
        """Let the price of a leg's next level be reached."""
        self._event(symbol, side, price=price)
        return self.decide(Cause.WATCH)

    def ladder(self, state: LadderState) -> list[Asked]:
        """Let the ladder move."""
        self.view.ladder_state = state
        return self.decide(Cause.LADDER)

    def funding(self, side: PositionSide, paid: float, symbol: int = 0) -> list[Asked]:
        """Let a leg pay funding."""
        self._event(symbol, side)
        self.view.event_kind, self.view.event_fee = EventKind.FUNDING, paid
        return self.decide(Cause.FUNDING)

    def fill(self, order: Asked, price: float, qty: float | None = None, *, reason: int = Reason.NONE) -> list[Asked]:
        """Let an order be filled at ``price``, wholly or, with ``qty``, in part."""
        self._event(order.symbol, order.leg, order, price=price, reason=reason)
        view = self.view
        view.event_kind = EventKind.FILLED if qty is None else EventKind.PARTIALLY_FILLED
        held = abs(float(view.position_qty[index(order.leg, order.symbol)]))
        view.event_qty = order.qty if qty is None else qty
        if order.reduce_only:
            view.event_qty = min(view.event_qty, held)
        view.event_fee = view.event_qty * price * (MAKER if order.role == Role.TP else TAKER)
        k = index(order.leg, order.symbol)
        signed = view.event_qty * order.side
        view.entry_price[k] = entry_after(view.position_qty[k], view.entry_price[k], signed, price)
        view.position_qty[k] += signed
        return self.decide(Cause.ORDER)

    def fail(self, order: Asked, reason: int, kind: EventKind = EventKind.REJECTED) -> list[Asked]:
        """Let an order come to nothing."""
        self._event(order.symbol, order.leg, order, reason=reason)
        self.view.event_kind, self.view.event_qty = kind, order.qty
        return self.decide(Cause.ORDER)

    def open_pair(self, price: float, symbol: int = 0) -> dict[PositionSide, list[Asked]]:
        """Open both legs of a symbol at ``price``; return what each fill led to."""
        orders = [order for order in self.close(price) if order.symbol == symbol]
        return {order.leg: self.fill(order, price) for order in orders}

    def add(self, side: PositionSide, price: float) -> list[Asked]:
        """Let a leg's next level be reached and filled at ``price``; return what the fill led to."""
        self.later(10)
        (order, *_) = [one for one in self.reach(side, price) if one.role == Role.AVERAGE]
        return self.fill(order, price)

    def _event(
        self, symbol: int, side: PositionSide, order: Asked | None = None, *, price: float = nan, reason: int = 0
    ) -> None:
        view = self.view
        view.event_symbol, view.event_position_side = symbol, side
        view.event_price, view.event_qty, view.event_fee = price, 0.0, 0.0
        view.event_reason = reason
        view.event_role = order.role if order else Role.WATCH
        view.event_level, view.event_cycle = (order.level, order.cycle) if order else (0, 0)
        view.event_side = order.side if order else 0


def index(side: PositionSide, symbol: int = 0) -> int:
    """Return the index of a leg."""
    return 2 * symbol + (1 if side == PositionSide.SHORT else 0)


def of_role(intents: list[Asked], role: int) -> Asked:
    """Return the one intent of a role."""
    (found,) = [intent for intent in intents if intent.role == role]
    return found


def resting(desk: Desk, side: PositionSide, symbol: int = 0) -> Asked:
    """Return the take-profit that rests for a leg, as the grid knows it."""
    leg = desk.leg(side, symbol)
    return Asked(
        symbol=symbol,
        leg=side,
        side=Side.SELL if side == PositionSide.LONG else Side.BUY,
        qty=float(leg.take_profit_qty),
        price=float(leg.take_profit_price),
        reduce_only=True,
        role=Role.TP,
        cycle=int(leg.cycle),
    )


def engine_order(role: EngineRole, side: PositionSide, qty: float, *, opens: bool = False) -> Asked:
    """Return an order that the engine places by itself."""
    order_side = Side.BUY if (side == PositionSide.LONG) == opens else Side.SELL
    return Asked(leg=side, side=order_side, qty=qty, reduce_only=not opens, role=role)


def near(value: Any) -> Any:
    """Return what equals ``value`` but for the noise of floats."""
    return pytest.approx(value)
