"""After a restart the levels agree with the venue, by the best way there is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import PositionSide, Side
from ballast.model.ids import ClientOrderId, parse
from ballast.strategies.hedge_grid.book import held_price
from ballast.strategies.hedge_grid.levels import last_qty
from ballast.strategies.hedge_grid.restore import ROLE_CODES, Ladder, OwnFill, Restored, estimate, rebuild, restore
from ballast.strategies.hedge_grid.settings import Leg, Role
from tests.unit.strategies.hedge_grid.desk import Desk, of_role, resting

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
LADDER = Ladder(margin=1.0, leverage=75.0, multiplier=2.0, max_levels=10)


def new_leg() -> Any:
    return Leg.array(1)[0]  # type: ignore[attr-defined]


def own(
    role: str, level: int, qty: float, price: float, *, leg: PositionSide = LONG, cycle: int = 0, sequence: int = 0
) -> OwnFill:
    opens = role not in {"TP", "CL", "RH"}
    side = Side.BUY if opens == (leg == LONG) else Side.SELL
    return OwnFill(ClientOrderId("BAL", "GRID1", leg, role, level, cycle, sequence), side, qty, price)


def levels(leg: Any) -> list[float]:
    return [float(qty) for qty in leg.level_qty[: leg.n_levels]]


@pytest.mark.parametrize(
    ("held", "n_levels", "last", "following"),
    [(1, 1, 1, 2), (3, 2, 2, 4), (7, 3, 4, 8), (15, 4, 8, 16), (31, 5, 16, 32), (5.8, 3, 3.3143, 6.6286)],
)
def test_the_published_estimates(held: float, n_levels: int, last: float, following: float) -> None:
    leg = new_leg()
    estimate(leg, held, 100.0, 1.0, 2.0, 10)
    assert leg.n_levels == n_levels
    assert last_qty(leg) == pytest.approx(last, abs=5e-5)
    assert 2.0 * last_qty(leg) == pytest.approx(following, abs=1e-4)
    assert leg.is_estimated
    assert sum(levels(leg)) == pytest.approx(held)


FILLS = [own("OP", 0, 0.75, 100.0), own("AV", 1, 1.5, 99.0), own("AV", 2, 3.0, 98.0)]


def test_levels_within_a_thousandth_are_kept_at_the_venues_quantity_and_average() -> None:
    leg = new_leg()
    rebuild(leg, LONG, FILLS, LADDER)
    prices = list(leg.level_price[:3])
    assert restore(leg, LONG, 5.25 * 1.001, held_price(leg) + 0.5, [], LADDER) == Restored.KEPT
    assert leg.qty == pytest.approx(5.25 * 1.001)
    assert levels(leg) == pytest.approx([0.75 * 1.001, 1.5 * 1.001, 3.0 * 1.001])
    assert list(leg.level_price[:3]) == pytest.approx([price + 0.5 for price in prices])


def test_levels_further_off_are_rebuilt_from_our_own_fills() -> None:
    leg = new_leg()
    rebuild(leg, LONG, FILLS[:2], LADDER)
    assert restore(leg, LONG, 5.25, 98.57142857142857, FILLS, LADDER) == Restored.REBUILT
    assert levels(leg) == pytest.approx([0.75, 1.5, 3.0])


def test_without_fills_that_explain_it_the_levels_are_estimated() -> None:
    leg = new_leg()
    assert restore(leg, LONG, 5.25, 100.0, FILLS[:1], LADDER) == Restored.ESTIMATED
    assert levels(leg) == pytest.approx([0.75, 1.5, 3.0])
    assert leg.is_estimated


def test_a_leg_that_was_closed_meanwhile_is_empty_and_a_cycle_further() -> None:
    leg = new_leg()
    rebuild(leg, LONG, FILLS, LADDER)
    assert restore(leg, LONG, 0.0, 0.0, [], LADDER) == Restored.KEPT
    assert (leg.qty, leg.n_levels, leg.cycle) == (0.0, 0, 1)


def test_what_came_before_the_leg_was_last_flat_does_not_count() -> None:
    later = [own("TP", 0, 5.25, 101.0), own("RE", 0, 0.7, 101.0, cycle=1), own("AV", 1, 1.4, 99.9, cycle=1)]
    leg = new_leg()
    rebuild(leg, LONG, [*FILLS, *later], LADDER)
    assert levels(leg) == pytest.approx([0.7, 1.4])
    assert leg.cycle == 1


def test_the_cycle_is_read_from_the_ids_when_older_fills_are_gone() -> None:
    leg = new_leg()
    rebuild(leg, LONG, [own("RE", 0, 0.7, 101.0, cycle=41), own("TP", 0, 0.7, 102.0, cycle=41)], LADDER)
    assert (leg.qty, leg.cycle) == (0.0, 42)


def test_the_other_leg_and_balancing_are_told_apart() -> None:
    leg = new_leg()
    fills = [own("OP", 0, 0.75, 100.0), own("OP", 0, 0.75, 100.0, leg=SHORT), own("BA", 0, 4.0, 90.0)]
    rebuild(leg, LONG, fills, LADDER)
    assert levels(leg) == [0.75]
    assert leg.balance_qty == 4.0


def test_every_role_has_two_characters_of_its_own() -> None:
    assert len(set(ROLE_CODES.values())) == len(ROLE_CODES)
    for code in ROLE_CODES.values():
        text = str(ClientOrderId("BAL", "GRID1", LONG, code, 9, 12, 3))
        assert len(text) <= 36
        assert parse(text) is not None


MOVES = st.lists(st.tuples(st.sampled_from(["down", "up", "part", "exit"]), st.floats(0.1, 0.9)), max_size=14)


@given(MOVES)
@settings(deadline=None, max_examples=60)
def test_ids_and_fills_alone_give_back_the_levels_that_the_grid_knows(moves: list[tuple[str, float]]) -> None:
    desk = Desk()
    fills: dict[PositionSide, list[OwnFill]] = {LONG: [], SHORT: []}

    def fill(order: Any, price: float, qty: float | None = None) -> list[Any]:
        made = ClientOrderId("BAL", "GRID1", order.leg, ROLE_CODES[Role(order.role)], order.level, order.cycle, 0)
        read = parse(str(made))
        assert read is not None
        fills[order.leg].append(OwnFill(read, order.side, order.qty if qty is None else qty, price))
        return desk.fill(order, price, qty)

    price = 100.0
    for order in desk.close(price):
        fill(order, price)
    for word, part in moves:
        desk.later(10)
        side = LONG if word == "down" else SHORT
        if word in {"down", "up"}:
            leg = desk.leg(side)
            if leg.n_levels in {0, 10}:
                continue
            price = float(leg.watch_price)
            found = [order for order in desk.reach(side, price) if order.role == Role.AVERAGE]
            fill(found[0], price)
        else:
            side = LONG if part < 0.5 else SHORT
            held = abs(float(desk.view.position_qty[0 if side == LONG else 1]))
            qty = part * held if word == "part" else None
            price = float(desk.leg(side).take_profit_price)
            followed = fill(resting(desk, side), price, qty)
            if word != "part":
                fill(of_role(followed, Role.REOPEN), price)
        for leg_side in (LONG, SHORT):
            rebuilt = new_leg()
            rebuild(rebuilt, leg_side, fills[leg_side], LADDER)
            known = desk.leg(leg_side)
            assert levels(rebuilt) == pytest.approx(desk.levels(leg_side), rel=1e-9)
            assert rebuilt.cycle == known.cycle
            assert held_price(rebuilt) == pytest.approx(held_price(known), rel=1e-9)
