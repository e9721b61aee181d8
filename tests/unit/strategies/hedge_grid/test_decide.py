"""What the grid asks for, cause by cause."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from ballast.model.enums import Cause, EngineRole, EventKind, IntentKind, LadderState, PositionSide, Reason, Side
from ballast.strategies.hedge_grid import attribution
from ballast.strategies.hedge_grid.settings import Reason as GridReason
from ballast.strategies.hedge_grid.settings import Role
from ballast.strategies.hedge_grid.take_profit import take_profit_price
from tests.unit.strategies.hedge_grid.desk import (
    MAKER,
    SECOND_NS,
    TAKER,
    Asked,
    Desk,
    engine_order,
    index,
    near,
    of_role,
    resting,
)

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
BOTH = [LONG, SHORT]
each_side = pytest.mark.parametrize("side", BOTH)


def other(side: PositionSide) -> PositionSide:
    return SHORT if side == LONG else LONG


def away(side: PositionSide, steps: int = 1, price: float = 100.0) -> float:
    """Return the price ``steps`` levels against a leg."""
    return price * (0.99 if side == LONG else 1.01) ** steps


def opened(**values: object) -> Desk:
    desk = Desk(**values)  # type: ignore[arg-type]
    desk.open_pair(100.0)
    return desk


def roles(intents: list[Asked]) -> list[int]:
    return [intent.role for intent in intents]


def reached(desk: Desk, side: PositionSide, price: float) -> Asked:
    """Let ten seconds pass, a level be reached, and return the order that this leads to."""
    desk.later(10)
    return of_role(desk.reach(side, price), Role.AVERAGE)


# The start.


def test_the_first_close_opens_both_legs_with_the_same_margin() -> None:
    orders = Desk().close(100.0)
    assert [(order.leg, order.side, order.qty) for order in orders] == [
        (LONG, Side.BUY, near(0.75)),
        (SHORT, Side.SELL, near(0.75)),
    ]
    assert {(order.kind, order.role, order.level, order.cycle, order.reason) for order in orders} == {
        (IntentKind.PLACE, Role.OPEN, 0, 0, GridReason.OPEN)
    }
    assert [order.next_qty for order in orders] == near([1.5, 1.5])


def test_without_a_price_or_while_frozen_nothing_is_opened() -> None:
    desk = Desk()
    assert desk.decide(Cause.BAR) == []
    desk.view.ladder_state = LadderState.FROZEN
    assert desk.close(100.0) == []
    assert len(desk.ladder(LadderState.NORMAL)) == 2


def test_orders_in_flight_are_not_sent_again() -> None:
    desk = Desk()
    desk.close(100.0)
    assert desk.close(101.0) == []


def test_a_filled_entry_gets_its_target_and_a_watch_at_the_next_level() -> None:
    followed = opened_with_requests()
    for side in BOTH:
        target, watch = of_role(followed[side], Role.TP), of_role(followed[side], Role.WATCH)
        assert target.price == take_profit_price(side, 100.0, 1.0, TAKER, MAKER, 0.0)
        assert (target.qty, target.reduce_only, target.leg) == (0.75, True, side)
        assert target.side == (Side.SELL if side == LONG else Side.BUY)
        assert target.next_qty == near(0.75)
        assert watch.trigger_price == away(side)
        assert watch.side == (Side.BUY if side == LONG else Side.SELL)


def opened_with_requests() -> dict[PositionSide, list[Asked]]:
    return Desk().open_pair(100.0)


def test_settings_may_differ_by_symbol() -> None:
    desk = Desk(n_symbols=2)
    desk.params.grid_step_percent[1] = 5.0
    desk.params.initial_position_size_usd[1] = 4.0
    orders = desk.close(100.0, 50.0)
    assert [(order.symbol, order.qty) for order in orders] == [
        (0, near(0.75)),
        (0, near(0.75)),
        (1, near(6.0)),
        (1, near(6.0)),
    ]
    watches = [of_role(desk.fill(order, (100.0, 50.0)[order.symbol]), Role.WATCH).trigger_price for order in orders]
    assert watches == near([99.0, 101.0, 47.5, 52.5])


def test_a_size_that_the_venue_refuses_stops_its_symbol() -> None:
    desk = Desk()
    desk.view.min_qty[0] = 5.0
    (refusal,) = desk.close(100.0)
    assert (refusal.kind, refusal.reason) == (IntentKind.NOTE, GridReason.BELOW_MINIMUM)
    assert desk.close(100.0) == []


# The pair rule.


def test_a_second_leg_that_fails_three_times_takes_the_first_with_it() -> None:
    desk = Desk()
    long, short = desk.close(100.0)
    desk.fill(long, 100.0)
    for delay in (2, 4):
        (wake,) = desk.fail(short, Reason.INSUFFICIENT_MARGIN)
        assert (wake.kind, wake.expiry_ns) == (IntentKind.TIMER, desk.view.time_ns + delay * SECOND_NS)
        desk.later(delay - 0.1)
        assert desk.decide(Cause.TIMER) == [] or roles(desk.asked) == [Role.REPAIR]
        desk.later(0.1)
        short = of_role(desk.decide(Cause.TIMER), Role.OPEN)
        assert short.leg == SHORT
    followed = desk.fail(short, Reason.INSUFFICIENT_MARGIN)
    close = of_role(followed, Role.CLOSE)
    assert [order.reason for order in followed if order.kind == IntentKind.NOTE] == [GridReason.PAIR_FAILED]
    assert (close.leg, close.side, close.qty, close.reduce_only) == (LONG, Side.SELL, 0.75, True)
    assert close.reason == GridReason.CLOSE
    after = desk.fill(close, 100.0)
    assert [(order.kind, order.role) for order in after] == [(IntentKind.CANCEL, Role.TP)]
    desk.later(3600)
    assert desk.close(100.0) == []


def test_a_closing_that_fails_is_tried_again() -> None:
    desk = Desk()
    long, short = desk.close(100.0)
    desk.fill(long, 100.0)
    followed: list[Asked] = []
    for _ in range(3):
        followed = desk.fail(short, Reason.INSUFFICIENT_MARGIN)
        desk.later(10)
        desk.close(100.0)
    order = of_role(followed, Role.CLOSE)
    desk.fail(order, Reason.NO_PRICE)
    desk.later(100)
    assert of_role(desk.close(100.0), Role.CLOSE).leg == LONG


def test_a_ladder_that_refuses_is_no_failure_of_the_pair() -> None:
    desk = Desk()
    long, short = desk.close(100.0)
    desk.fill(long, 100.0)
    for _ in range(5):
        desk.fail(short, Reason.LADDER_GATE)
        desk.later(61)
        short = of_role(desk.close(100.0), Role.OPEN)
    assert not desk.state.is_stopped[0]


# Averaging.


@each_side
def test_a_level_that_is_reached_is_bought_at_the_multiple_of_the_last(side: PositionSide) -> None:
    desk = opened()
    for level in range(1, 4):
        order = reached(desk, side, away(side, level))
        assert (order.level, order.qty) == (level, near(0.75 * 2**level))
        assert (order.leg, order.side) == (side, Side.BUY if side == LONG else Side.SELL)
        assert order.next_qty == near(0.75 * 2 ** (level + 1))
        assert order.reason == GridReason.AVERAGE
        desk.fill(order, away(side, level))
    assert desk.levels(side) == near([0.75, 1.5, 3.0, 6.0])
    assert desk.levels(other(side)) == [0.75]


@each_side
def test_the_target_follows_in_place(side: PositionSide) -> None:
    desk = opened()
    followed = desk.add(side, away(side))
    target = of_role(followed, Role.TP)
    assert (target.kind, target.qty, target.reduce_only) == (IntentKind.AMEND, 2.25, True)
    entry = float(desk.view.entry_price[index(side)])
    assert target.price == take_profit_price(side, entry, 1.0, TAKER, MAKER, 0.0)
    assert of_role(followed, Role.WATCH).trigger_price == away(side, 1, away(side))


@each_side
def test_after_a_gap_over_several_levels_one_is_added(side: PositionSide) -> None:
    desk = opened()
    price = away(side, 4)
    order = reached(desk, side, price)
    assert order.level == 1
    assert roles(desk.asked) == [Role.AVERAGE]
    assert of_role(desk.fill(order, price), Role.WATCH).trigger_price == near(away(side, 5))


@each_side
def test_a_price_short_of_the_level_only_renews_the_watch(side: PositionSide) -> None:
    desk = opened()
    desk.later(10)
    assert roles(desk.reach(side, away(side, 1) * (1.0001 if side == LONG else 0.9999))) == [Role.WATCH]


def test_two_additions_to_a_leg_are_a_second_apart() -> None:
    desk = opened()
    desk.add(LONG, 99.0)
    desk.later(0.5)
    assert roles(desk.reach(LONG, 98.0)) == [Role.WATCH]
    desk.later(0.5)
    assert roles(desk.reach(LONG, 98.0)) == [Role.AVERAGE]


@pytest.mark.parametrize(
    ("bid", "ask", "is_documented", "role"),
    [
        # A quarter of a step of 1 %, of the bid.
        (99.0, 99.24, False, Role.AVERAGE),
        (99.0, 99.25, False, Role.WATCH),
        (99.0, nan, False, Role.WATCH),
        (99.0, 99.25, True, Role.AVERAGE),
    ],
)
def test_a_level_waits_for_the_spread_where_it_is_known(
    bid: float, ask: float, is_documented: bool, role: Role
) -> None:
    desk = opened(has_quotes=True, is_documented=is_documented)
    desk.view.quotes[0].bid, desk.view.quotes[0].ask = bid, ask
    desk.later(10)
    assert roles(desk.reach(LONG, 99.0)) == [role]


def test_the_last_level_has_no_next_and_no_watch() -> None:
    desk = opened(max_grid_levels_per_side=2)
    order = reached(desk, LONG, 99.0)
    assert order.next_qty == 0.0
    assert roles(desk.fill(order, 99.0)) == [Role.TP]
    assert roles(desk.reach(LONG, 90.0)) == []


refusals = pytest.mark.parametrize(
    "reason", [Reason.LADDER_GATE, Reason.INSUFFICIENT_MARGIN, Reason.ABOVE_RISK_LIMIT, Reason.NO_PRICE]
)


@refusals
def test_a_refused_addition_changes_nothing_and_is_tried_again_after_a_minute(reason: int) -> None:
    desk = opened()
    levels, target = desk.levels(LONG), resting(desk, LONG)
    order = reached(desk, LONG, 99.0)
    (wake,) = desk.fail(order, reason)
    assert (wake.kind, wake.expiry_ns) == (IntentKind.TIMER, desk.view.time_ns + 60 * SECOND_NS)
    assert (desk.levels(LONG), resting(desk, LONG)) == (levels, target)
    desk.later(59)
    assert desk.reach(LONG, 98.9) == []
    assert desk.close(98.9) == []
    desk.later(1)
    (watch,) = desk.decide(Cause.TIMER)
    assert (watch.role, watch.leg, watch.trigger_price) == (Role.WATCH, LONG, 99.0)
    again = of_role(desk.reach(LONG, 98.9), Role.AVERAGE)
    assert (again.level, again.qty) == (1, order.qty)


@refusals
def test_additions_that_keep_being_refused_wait_twice_as_long_each_time_up_to_an_hour(reason: int) -> None:
    desk = opened()
    order = reached(desk, LONG, 99.0)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60, *[60] * 70):
        (wake,) = desk.fail(order, reason)
        assert wake.expiry_ns == desk.view.time_ns + minutes * 60 * SECOND_NS
        desk.later(60 * minutes)
        assert roles(desk.decide(Cause.TIMER)) == [Role.WATCH]
        order = of_role(desk.reach(LONG, 98.9), Role.AVERAGE)


@pytest.mark.parametrize("ended", ["filled", "filled in part", "closed"])
def test_an_addition_that_brings_anything_or_a_close_ends_the_waits(ended: str) -> None:
    desk = opened()
    for _ in range(4):
        desk.fail(reached(desk, LONG, 99.0), Reason.LADDER_GATE)
        desk.later(3_600)
    if ended == "closed":
        (order,) = desk.fill(resting(desk, LONG), 101.1)
        desk.fill(order, 100.0)
    else:
        order = reached(desk, LONG, 99.0)
        desk.fill(order, 99.0, 1.0 if ended == "filled in part" else None)
        if ended == "filled in part":
            desk.fail(order, Reason.IMMEDIATE_UNFILLED, EventKind.CANCELLED)
    (wake,) = desk.fail(reached(desk, LONG, 97.0), Reason.LADDER_GATE)
    assert wake.expiry_ns == desk.view.time_ns + 60 * SECOND_NS


def test_a_leg_that_waits_keeps_its_target_and_does_not_hold_up_the_other() -> None:
    desk = opened()
    desk.fail(reached(desk, LONG, 99.0), Reason.LADDER_GATE)
    assert reached(desk, SHORT, 101.0).level == 1
    (order,) = desk.fill(resting(desk, LONG), 101.1)
    assert (order.role, order.leg) == (Role.REOPEN, LONG)


def test_a_wait_outlasts_a_restart() -> None:
    desk = opened()
    desk.fail(reached(desk, LONG, 99.0), Reason.LADDER_GATE)
    desk.restart()
    desk.later(59)
    assert Role.AVERAGE not in roles(desk.reach(LONG, 98.9))
    desk.later(1)
    assert roles(desk.decide(Cause.TIMER)) == [Role.WATCH]


def test_a_level_whose_size_the_venue_refuses_waits_as_one_that_it_refused() -> None:
    desk = opened()
    desk.view.min_notional[0] = 1e6
    desk.later(10)
    (wake,) = desk.reach(LONG, 99.0)
    assert (wake.kind, wake.expiry_ns) == (IntentKind.TIMER, desk.view.time_ns + 60 * SECOND_NS)


def test_an_addition_that_fills_in_part_is_a_smaller_level() -> None:
    desk = opened()
    order = reached(desk, LONG, 99.0)
    assert desk.fill(order, 99.0, 1.0) == []
    followed = desk.fail(order, Reason.IMMEDIATE_UNFILLED, EventKind.CANCELLED)
    assert of_role(followed, Role.TP).qty == 1.75
    assert desk.levels(LONG) == [0.75, 1.0]
    assert reached(desk, LONG, 98.0).qty == 2.0


@pytest.mark.parametrize("state", [LadderState.FROZEN, LadderState.PANIC, LadderState.EMERGENCY, LadderState.HALTED])
def test_nothing_is_added_while_the_ladder_is_up_and_the_watch_comes_back_with_it(state: LadderState) -> None:
    desk = opened()
    desk.ladder(state)
    desk.later(10)
    assert desk.reach(LONG, 99.0) == []
    assert desk.close(98.0) == []
    watch = of_role(desk.ladder(LadderState.NORMAL), Role.WATCH)
    assert (watch.leg, watch.trigger_price) == (LONG, 99.0)


# Take-profit and what follows it.


def test_a_partial_exit_scales_the_entries_and_leaves_the_rest_of_the_order() -> None:
    desk = opened()
    desk.add(LONG, 99.0)
    desk.later(60)
    assert desk.fill(resting(desk, LONG), 101.0, 0.75) == []
    assert desk.levels(LONG) == near([0.5, 1.0])
    assert desk.leg(LONG).cycle == 0
    assert reached(desk, LONG, 98.0).qty == near(2.0)


def test_an_exit_that_crosses_an_amendment_is_asked_for_anew() -> None:
    desk = opened()
    desk.view.latency_ns = SECOND_NS
    desk.add(LONG, 99.0)
    (target,) = desk.fill(resting(desk, LONG), 101.0, 0.75)
    assert (target.kind, target.role, target.qty) == (IntentKind.AMEND, Role.TP, 1.5)


@each_side
def test_a_closed_leg_comes_back_at_once_at_the_initial_size(side: PositionSide) -> None:
    desk = opened()
    price = float(desk.leg(side).take_profit_price)
    (order,) = desk.fill(resting(desk, side), price)
    assert (order.role, order.leg, order.reason) == (Role.REOPEN, side, GridReason.REOPEN)
    assert order.qty == near(75.0 / price)
    assert (order.cycle, order.level) == (1, 0)
    assert order.next_qty == near(2 * order.qty)
    followed = desk.fill(order, price)
    assert [intent.kind for intent in followed] == [IntentKind.PLACE, IntentKind.WATCH]
    assert [intent.cycle for intent in followed] == [1, 0]
    assert (desk.state.n_tp, desk.state.n_reopen) == (1, 1)


@each_side
def test_a_closed_leg_comes_back_as_large_as_the_other_when_that_has_grown(side: PositionSide) -> None:
    desk = opened()
    for level in range(1, 5):
        desk.add(other(side), away(other(side), level))
    price = float(desk.leg(side).take_profit_price)
    (order,) = desk.fill(resting(desk, side), price)
    assert order.qty == near(0.75 * 31)
    desk.fill(order, price)
    assert sum(desk.levels(side)) == near(0.75 * 31)
    assert desk.leg(side).n_levels == 5
    assert order.next_qty == near(2 * desk.levels(side)[-1])


def test_the_documented_leg_comes_back_as_one_entry_whatever_it_costs() -> None:
    desk = opened(is_documented=True)
    for level in range(1, 5):
        desk.add(SHORT, away(SHORT, level))
    desk.view.available = 0.0
    (order,) = desk.fill(resting(desk, LONG), 101.075)
    assert order.qty == near(0.75 * 31)
    assert order.next_qty == near(2 * order.qty)
    desk.fill(order, 101.075)
    assert desk.levels(LONG) == [order.qty]
    assert reached(desk, LONG, 100.0).qty == near(2 * order.qty)


def test_a_leg_that_cannot_be_afforded_stays_flat_is_reported_and_tried_every_minute() -> None:
    desk = opened()
    desk.view.available = 0.0
    note, wake = desk.fill(resting(desk, LONG), 101.1)
    assert (note.kind, note.reason) == (IntentKind.NOTE, GridReason.NAKED_LEG)
    assert (wake.kind, wake.expiry_ns) == (IntentKind.TIMER, desk.view.time_ns + 60 * SECOND_NS)
    desk.later(59)
    assert desk.close(101.1) == []
    desk.view.available = 1000.0
    desk.later(1)
    assert roles(desk.decide(Cause.TIMER)) == [Role.REOPEN]


def test_what_the_venue_says_of_no_order_of_ours_is_no_failure_of_one() -> None:
    desk = opened()
    desk.view.available = 0.0
    desk.fill(resting(desk, LONG), 101.1)
    before = int(desk.leg(LONG).retry_ns)
    desk.fail(replace(resting(desk, LONG), role=0), Reason.NONE, EventKind.CANCELLED)
    assert (desk.leg(LONG).retry_ns, desk.leg(LONG).retries) == (before, 0)


def test_a_reopening_that_fails_is_tried_after_two_four_and_eight_seconds_and_then_each_minute() -> None:
    desk = opened()
    (order,) = desk.fill(resting(desk, LONG), 101.1)
    notes = []
    for delay in (2, 4, 8, 60, 60):
        followed = desk.fail(order, Reason.INSUFFICIENT_MARGIN)
        notes.append([one.reason for one in followed if one.kind == IntentKind.NOTE])
        desk.later(delay - 0.1)
        assert Role.REOPEN not in roles(desk.close(101.1))
        desk.later(0.1)
        order = of_role(desk.close(101.1), Role.REOPEN)
    assert notes == [[], [], [GridReason.NAKED_LEG], [], []]


@pytest.mark.parametrize("state", [LadderState.FROZEN, LadderState.PANIC])
def test_a_reopening_evens_the_legs_out_so_it_is_asked_for_while_frozen(state: LadderState) -> None:
    desk = opened()
    desk.ladder(state)
    assert roles(desk.fill(resting(desk, LONG), 101.1)) == [Role.REOPEN]


@each_side
def test_while_frozen_a_leg_comes_back_no_larger_than_the_other(side: PositionSide) -> None:
    desk = opened()
    desk.view.position_qty[index(other(side))] *= 0.8
    desk.close(100.0)
    desk.ladder(LadderState.FROZEN)
    (order,) = desk.fill(resting(desk, side), 100.0)
    assert order.qty == near(0.6)


def test_a_move_of_the_ladder_is_told_before_the_fill_behind_it_and_waits_for_that() -> None:
    desk = opened()
    target = resting(desk, LONG)
    desk.view.position_qty[0] = 0.0
    assert desk.ladder(LadderState.FROZEN) == []
    desk.view.position_qty[0] = 0.75
    (order,) = desk.fill(target, 101.1)
    assert (order.role, order.cycle) == (Role.REOPEN, 1)


def test_with_both_legs_gone_a_frozen_ladder_is_waited_for() -> None:
    desk = opened()
    desk.ladder(LadderState.FROZEN)
    (order,) = desk.fill(resting(desk, LONG), 101.1)
    desk.fail(order, Reason.LADDER_FROZEN)
    assert desk.fill(resting(desk, SHORT), 98.9) == []
    desk.later(61)
    assert roles(desk.ladder(LadderState.NORMAL)) == [Role.REOPEN, Role.REOPEN]


def test_an_addition_that_arrives_after_its_leg_was_closed_begins_it_anew() -> None:
    desk = opened()
    order = reached(desk, LONG, 99.0)
    assert desk.fill(resting(desk, LONG), 101.1) == []
    followed = desk.fill(order, 99.0)
    assert desk.levels(LONG) == near([0.5, 1.0])
    assert desk.leg(LONG).cycle == 1
    assert of_role(followed, Role.TP).qty == 1.5


def test_a_close_that_is_told_twice_is_one() -> None:
    desk = opened()
    target = resting(desk, LONG)
    (order,) = desk.fill(target, 101.1)
    assert desk.fail(target, Reason.NOTHING_TO_REDUCE, EventKind.CANCELLED) == []
    assert desk.leg(LONG).cycle == 1
    assert desk.state.n_tp == 1
    desk.fill(order, 101.1)
    assert desk.leg(LONG).take_profit_qty == order.qty


# The take-profit order's own troubles.


def test_an_amendment_that_is_refused_becomes_a_cancel_and_a_new_order() -> None:
    desk = opened()
    target = of_role(desk.add(LONG, 99.0), Role.TP)
    (cancel,) = desk.fail(target, Reason.INVALID_PRICE)
    assert (cancel.kind, cancel.role, cancel.leg) == (IntentKind.CANCEL, Role.TP, LONG)
    (placed,) = desk.fail(cancel, Reason.CANCELLED_BY_STRATEGY, EventKind.CANCELLED)
    assert (placed.kind, placed.qty, placed.price) == (IntentKind.PLACE, target.qty, target.price)


def test_an_amendment_that_finds_no_order_becomes_a_new_one() -> None:
    desk = opened()
    target = of_role(desk.add(LONG, 99.0), Role.TP)
    (placed,) = desk.fail(target, Reason.UNKNOWN_ORDER)
    assert (placed.kind, placed.qty) == (IntentKind.PLACE, 2.25)


def test_an_amendment_that_the_ladder_refuses_is_asked_for_again_when_it_is_down() -> None:
    desk = opened()
    target = of_role(desk.add(LONG, 99.0), Role.TP)
    desk.view.ladder_state = LadderState.EMERGENCY
    assert desk.fail(target, Reason.LADDER_EMERGENCY) == []
    again = of_role(desk.ladder(LadderState.FROZEN), Role.TP)
    assert (again.kind, again.qty) == (IntentKind.AMEND, 2.25)


def test_a_target_that_cannot_be_placed_is_tried_again_and_reported_as_missing() -> None:
    desk = Desk()
    long, short = desk.close(100.0)
    desk.fill(short, 100.0)
    target = of_role(desk.fill(long, 100.0), Role.TP)
    notes = []
    for delay in (2, 4, 8, 60):
        followed = desk.fail(target, Reason.ORDER_TABLE_FULL)
        notes.append([one.reason for one in followed if one.kind == IntentKind.NOTE])
        desk.later(delay)
        target = of_role(desk.close(100.0), Role.TP)
        assert (target.kind, target.leg) == (IntentKind.PLACE, LONG)
    assert notes == [[], [], [GridReason.TP_MISSING], []]


def test_a_target_that_somebody_else_cancels_comes_back() -> None:
    desk = opened()
    wake = desk.fail(resting(desk, LONG), Reason.CANCELLED_BY_STRATEGY, EventKind.CANCELLED)
    assert roles(wake) == [Role.REPAIR]
    desk.later(2)
    assert of_role(desk.decide(Cause.TIMER), Role.TP).leg == LONG


def test_a_target_larger_than_one_order_may_be_comes_in_parts() -> None:
    desk = Desk(lot=(1, 100.0))
    desk.open_pair(100.0)
    desk.view.max_qty[0] = 1.0
    target = of_role(desk.add(LONG, 99.0), Role.TP)
    assert target.qty == 1.0
    (rest,) = desk.fill(resting(desk, LONG), 101.0)
    assert (rest.kind, rest.qty) == (IntentKind.PLACE, near(0.75))


# The venue and the engine act by themselves.


def test_balancing_is_part_of_the_leg_but_not_of_the_ladder() -> None:
    desk = opened()
    desk.add(SHORT, 101.0)
    target = of_role(desk.fill(engine_order(EngineRole.BALANCE, LONG, 1.5, opens=True), 101.0), Role.TP)
    assert (target.kind, target.qty) == (IntentKind.AMEND, 2.25)
    assert desk.levels(LONG) == [0.75]
    assert reached(desk, LONG, 99.0).qty == 1.5


def test_a_reduction_of_the_heavier_leg_scales_it() -> None:
    desk = opened()
    desk.add(SHORT, 101.0)
    desk.fill(engine_order(EngineRole.REDUCE_HEAVIER, SHORT, 1.125), 101.0)
    assert desk.levels(SHORT) == near([0.375, 0.75])
    assert desk.leg(SHORT).cycle == 0


def test_after_an_emergency_nothing_is_opened_until_somebody_releases_it() -> None:
    desk = opened()
    desk.ladder(LadderState.EMERGENCY)
    for side in BOTH:
        (cancel,) = desk.fill(engine_order(EngineRole.EMERGENCY, side, 0.75), 100.0)
        assert (cancel.kind, cancel.role, cancel.leg) == (IntentKind.CANCEL, Role.TP, side)
        desk.fail(resting(desk, side), Reason.CANCELLED_BY_STRATEGY, EventKind.CANCELLED)
    desk.later(3600)
    assert desk.close(100.0) == []
    orders = desk.ladder(LadderState.NORMAL)
    assert [(order.role, order.qty) for order in orders] == [(Role.REOPEN, near(0.75))] * 2


@pytest.mark.parametrize("reason", [Reason.LIQUIDATION, Reason.ADL])
def test_a_position_that_the_venue_takes_away_stops_the_grid(reason: int) -> None:
    desk = opened()
    followed = desk.fill(engine_order(EngineRole.LIQUIDATION, LONG, 0.75), 90.0, reason=reason)
    assert [one.reason for one in followed if one.kind == IntentKind.NOTE] == [GridReason.STOPPED]
    assert Role.REOPEN not in roles(followed)
    desk.later(3600)
    assert desk.close(90.0) == []


def test_somebody_who_releases_an_emergency_starts_the_grid_anew() -> None:
    desk = opened()
    desk.ladder(LadderState.EMERGENCY)
    for side in BOTH:
        desk.fill(engine_order(EngineRole.EMERGENCY, side, 0.75), 90.0, reason=Reason.ADL)
        desk.fail(resting(desk, side), Reason.CANCELLED_BY_STRATEGY, EventKind.CANCELLED)
    assert desk.state.is_stopped[0]
    assert roles(desk.ladder(LadderState.NORMAL)) == [Role.REOPEN, Role.REOPEN]


def test_a_liquidated_account_opens_nothing() -> None:
    desk = Desk()
    desk.view.liquidated = True
    assert desk.close(100.0) == []


def test_funding_is_booked_and_moves_the_target_when_asked_to() -> None:
    desk = opened()
    assert desk.funding(LONG, 0.3) == []
    assert desk.leg(LONG).funding == 0.3
    paying = opened(funding_in_take_profit=True)
    target = of_role(paying.funding(SHORT, 0.3), Role.TP)
    assert target.price == take_profit_price(SHORT, 100.0, 1.0, TAKER, MAKER, 0.3 / 0.75)


# Restart.


def test_a_position_that_is_there_at_the_start_is_taken_over_as_a_ladder() -> None:
    desk = Desk()
    desk.view.position_qty[0], desk.view.entry_price[0] = 5.25, 98.0
    followed = desk.close(98.0)
    assert [one.reason for one in followed if one.kind == IntentKind.NOTE] == [GridReason.RESTORE]
    assert desk.leg(LONG).n_levels == 3
    assert of_role([one for one in followed if one.leg == LONG], Role.TP).qty == 5.25
    assert [(one.role, one.leg) for one in followed if one.kind == IntentKind.PLACE and one.leg == SHORT] == [
        (Role.REOPEN, SHORT)
    ]


def test_a_position_that_vanished_unseen_is_a_closed_leg() -> None:
    desk = opened()
    desk.view.position_qty[0] = 0.0
    followed = desk.close(100.0)
    assert desk.leg(LONG).cycle == 1
    assert [(one.kind, one.role) for one in followed if one.kind != IntentKind.NOTE] == [
        (IntentKind.CANCEL, Role.TP),
        (IntentKind.PLACE, Role.REOPEN),
    ]


def test_everything_is_in_the_bytes_of_the_state() -> None:
    twin, desk = opened(), opened()
    for each, forgets in ((twin, False), (desk, True)):
        for price in (99.0, 98.01, 97.0299):
            each.add(LONG, price)
            if forgets:
                each.restart()
        each.fill(resting(each, LONG), 98.9)
    assert str(desk.asked) == str(twin.asked)
    assert desk.state_bytes == twin.state_bytes


# Where the money came from.


def test_price_fees_and_funding_are_told_apart_by_leg() -> None:
    desk = opened()
    desk.add(LONG, 99.0)
    desk.funding(LONG, 0.02)
    desk.fill(resting(desk, LONG), 100.5)
    long, short = attribution(desk.state, 1)
    assert long.price_pnl == near(2.25 * 100.5 - 0.75 * 100 - 1.5 * 99)
    assert long.fees == near((0.75 * 100 + 1.5 * 99) * TAKER + 2.25 * 100.5 * MAKER)
    assert (long.funding, long.cycles, long.levels_max) == (0.02, 1, 2)
    assert long.net == long.price_pnl - long.fees - 0.02
    assert (short.price_pnl, short.fees) == (0.0, near(75 * TAKER))
