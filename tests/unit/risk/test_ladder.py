"""Every cell of the ladder's table, what counts as raising, and what the ladder remembers of events."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.engine.view import View
from ballast.model.enums import (
    EngineRole,
    EventKind,
    IntentKind,
    LadderState,
    PositionMode,
    PositionSide,
    QtyUnit,
    Reason,
    Side,
)
from ballast.model.events import Event
from ballast.model.intents import Intent, cancel, note, place_market, place_stop, timer, watch
from ballast.risk.ladder import Ladder, expect, fold, is_raising, review
from ballast.risk.reasons import LadderReason

REFUSAL = {
    LadderState.NORMAL: Reason.NONE,
    LadderState.FROZEN: Reason.LADDER_FROZEN,
    LadderState.PANIC: Reason.LADDER_PANIC,
    LadderState.EMERGENCY: Reason.LADDER_EMERGENCY,
    LadderState.HALTED: Reason.LADDER_HALTED,
}
CLOSES_ITSELF = {LadderState.EMERGENCY, LadderState.HALTED}


def view_with(long: float = 0.0, short: float = 0.0) -> Any:
    view = View.new(symbols=2, legs=4, features=8)  # type: ignore[attr-defined]
    view.n_symbols = 2
    view.position_qty[2], view.position_qty[3] = long, short
    return view


def order(side: Side, **fields: Any) -> Any:
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 1, side, 1.0, QtyUnit.BASE, 1)
    for name, value in fields.items():
        setattr(intents[0], name, value)
    return intents[0]


def ladder(state: LadderState) -> Any:
    record = Ladder.new(symbols=2, legs=4)  # type: ignore[attr-defined]
    record.state = state
    return record


each_state = pytest.mark.parametrize("state", LadderState)


@each_state
@pytest.mark.parametrize(("held", "side"), [(0.0, Side.BUY), (5.0, Side.BUY), (0.0, Side.SELL), (-5.0, Side.SELL)])
def test_what_raises_passes_a_normal_ladder_only(state: LadderState, held: float, side: Side) -> None:
    assert review(ladder(state), view_with(held), order(side)) == REFUSAL[state]


@each_state
@pytest.mark.parametrize(("held", "side"), [(5.0, Side.SELL), (-5.0, Side.BUY)])
def test_what_reduces_passes_until_the_engine_closes_by_itself(state: LadderState, held: float, side: Side) -> None:
    expected = REFUSAL[state] if state in CLOSES_ITSELF else Reason.NONE
    assert review(ladder(state), view_with(held), order(side)) == expected


@each_state
@pytest.mark.parametrize("side", Side)
def test_what_protects_passes_until_the_engine_closes_by_itself(state: LadderState, side: Side) -> None:
    expected = REFUSAL[state] if state in CLOSES_ITSELF else Reason.NONE
    assert review(ladder(state), view_with(5.0), order(side, reduce_only=True)) == expected
    tighter = order(side, kind=IntentKind.AMEND, qty=0.0, trigger_price=90.0)
    assert review(ladder(state), view_with(5.0), tighter) == expected


@each_state
def test_an_amendment_of_the_quantity_counts_as_raising(state: LadderState) -> None:
    assert review(ladder(state), view_with(5.0), order(Side.SELL, kind=IntentKind.AMEND, qty=9.0)) == REFUSAL[state]


@each_state
def test_cancelling_watching_and_noting_pass_always(state: LadderState) -> None:
    intents = Intent.array(4)  # type: ignore[attr-defined]
    n = cancel(intents, 0, 1, 0, 0, 1)
    n = watch(intents, n, 1, Side.BUY, 1.0, 0, 1)
    n = timer(intents, n, 1, 0, 1)
    note(intents, n, 1, 1.0, 0, 1)
    assert [review(ladder(state), view_with(), intent) for intent in intents] == [Reason.NONE] * 4


def test_both_legs_of_a_symbol_count_together() -> None:
    hedged = view_with(long=5.0, short=-8.0)
    assert is_raising(ladder(LadderState.NORMAL), hedged, order(Side.SELL, position_side=PositionSide.LONG))
    assert not is_raising(ladder(LadderState.NORMAL), hedged, order(Side.BUY, position_side=PositionSide.LONG))
    assert not is_raising(ladder(LadderState.NORMAL), view_with(5.0), order(Side.SELL))


def test_a_stop_is_judged_like_any_order() -> None:
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_stop(intents, 0, 1, Side.BUY, 1.0, 120.0, 1)
    assert review(ladder(LadderState.FROZEN), view_with(), intents[0]) == Reason.LADDER_FROZEN


def hedged(long: float, short: float) -> Any:
    view = view_with(long, -short)
    view.position_mode, view.mark[1], view.price[1] = PositionMode.HEDGE, 100.0, 100.0
    return view


@pytest.mark.parametrize(("qty", "raises"), [(1.0, False), (3.0, False), (3.1, True), (6.0, True)])
def test_opening_the_lighter_leg_raises_once_it_becomes_the_heavier(qty: float, raises: bool) -> None:
    opening = order(Side.BUY, qty=qty, position_side=PositionSide.LONG)
    assert is_raising(ladder(LadderState.NORMAL), hedged(5.0, 8.0), opening) == raises


def test_what_already_rests_on_the_side_counts() -> None:
    view = hedged(5.0, 8.0)
    opening = order(Side.BUY, qty=2.0, position_side=PositionSide.LONG)
    view.order_value[3] = 900.0
    assert not is_raising(ladder(LadderState.NORMAL), view, opening)
    view.order_value[2] = 200.0
    assert is_raising(ladder(LadderState.NORMAL), view, opening)


def test_what_rests_in_another_currency_counts_at_its_rate() -> None:
    view = View.new(symbols=1, legs=2, features=8, conversions=1)  # type: ignore[attr-defined]
    view.n_symbols, view.position_mode, view.mark[0], view.price[0] = 1, PositionMode.HEDGE, 100.0, 100.0
    view.position_qty[0], view.position_qty[1], view.conversions[0].rate = 5.0, -8.0, 0.5
    opening = order(Side.BUY, symbol=0, qty=2.0, position_side=PositionSide.LONG)
    memory = Ladder.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    view.order_value[0] = 50.0
    assert not is_raising(memory, view, opening)
    view.order_value[0] = 100.0
    assert is_raising(memory, view, opening)


@pytest.mark.parametrize(
    ("approved", "raises"),
    [
        (order(Side.BUY, qty=2.0, position_side=PositionSide.LONG), True),
        (order(Side.SELL, qty=2.0, position_side=PositionSide.SHORT), False),
        (order(Side.BUY, qty=2.0, position_side=PositionSide.SHORT, reduce_only=True), False),
        (order(Side.SELL, qty=2.0, kind=IntentKind.AMEND), True),
        (order(Side.BUY, qty=float("nan"), position_side=PositionSide.LONG), True),
    ],
    ids=["same side", "other side", "reduce-only", "amendment", "unknown size"],
)
def test_what_the_same_step_has_approved_counts(approved: Any, raises: bool) -> None:
    view, memory = hedged(5.0, 8.0), ladder(LadderState.NORMAL)
    expect(memory, view, approved)
    assert is_raising(memory, view, order(Side.BUY, qty=2.0, position_side=PositionSide.LONG)) == raises


def fill(side: Side, position_side: PositionSide, kind: EventKind = EventKind.FILLED, **fields: Any) -> Any:
    event = Event.new()  # type: ignore[attr-defined]
    event.kind, event.symbol, event.side, event.position_side = kind, 1, side, position_side
    event.next_qty = 4.0
    for name, value in fields.items():
        setattr(event, name, value)
    return event


PARTLY, EXPIRED = EventKind.PARTIALLY_FILLED, EventKind.EXPIRED


@pytest.mark.parametrize(
    ("event", "next_qty"),
    [
        (fill(Side.BUY, PositionSide.LONG), (4.0, 1.0)),
        (fill(Side.SELL, PositionSide.SHORT), (1.0, 4.0)),
        (fill(Side.BUY, PositionSide.LONG, PARTLY), (4.0, 1.0)),
        (fill(Side.SELL, PositionSide.LONG, PARTLY), (1.0, 1.0)),
        (fill(Side.SELL, PositionSide.LONG), (4.0, 1.0)),
        (fill(Side.BUY, PositionSide.SHORT, PARTLY), (1.0, 1.0)),
        (fill(Side.BUY, PositionSide.NONE), (4.0, 1.0)),
        (fill(Side.BUY, PositionSide.LONG, EXPIRED), (1.0, 1.0)),
        (fill(Side.BUY, PositionSide.LONG, role=EngineRole.BALANCE), (1.0, 1.0)),
        (fill(Side.BUY, PositionSide.LONG, EventKind.FUNDING), (1.0, 1.0)),
    ],
)
def test_the_next_step_of_a_leg_follows_its_own_fills(event: Any, next_qty: tuple[float, float]) -> None:
    memory = ladder(LadderState.NORMAL)
    memory.next_qty[2:] = 1.0
    fold(memory, event)
    assert tuple(memory.next_qty[2:]) == next_qty


@pytest.mark.parametrize(
    ("reason", "alarm"),
    [
        (Reason.NONE, LadderReason.NONE),
        (Reason.LIQUIDATION, LadderReason.LIQUIDATION),
        (Reason.ADL, LadderReason.AUTO_DELEVERAGING),
    ],
)
def test_what_the_venue_takes_is_an_alarm(reason: Reason, alarm: LadderReason) -> None:
    memory = ladder(LadderState.NORMAL)
    fold(memory, fill(Side.SELL, PositionSide.LONG, reason=reason, role=EngineRole.LIQUIDATION))
    assert memory.alarm == alarm


@pytest.mark.parametrize(
    ("unit", "qty", "expected"),
    [
        (QtyUnit.BASE, 10.0, Reason.NONE),
        (QtyUnit.BASE, 20.0, Reason.NONE),
        (QtyUnit.BASE, 20.1, Reason.LADDER_FROZEN),
        (QtyUnit.POSITION_FRACTION, 1.0, Reason.NONE),
        (QtyUnit.POSITION_FRACTION, 2.1, Reason.LADDER_FROZEN),
        (QtyUnit.QUOTE, 1_000.0, Reason.NONE),
        (QtyUnit.QUOTE, 2_001.0, Reason.LADDER_FROZEN),
        (QtyUnit.CASH_FRACTION, 0.1, Reason.LADDER_FROZEN),
        (QtyUnit.BASE, float("nan"), Reason.LADDER_FROZEN),
    ],
)
def test_a_reduction_that_would_pass_beyond_its_mirror_is_raising(unit: QtyUnit, qty: float, expected: Reason) -> None:
    view = View.new(symbols=1, legs=2, features=8)  # type: ignore[attr-defined]
    view.n_symbols, view.price[0], view.position_qty[0] = 1, 100.0, 10.0
    ladder = Ladder.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    ladder.state = LadderState.FROZEN
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 0, Side.SELL, qty, unit, 1)

    assert review(ladder, view, intents[0]) == expected
