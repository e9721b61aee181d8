"""Balancing: the worked example in both readings, and what keeps it from making things worse."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.model.enums import EngineRole, LadderState, MarginModel, PositionMode, PositionSide, QtyUnit, Side
from ballast.model.intents import Intent
from ballast.model.order_terms import Terms, order_cost
from ballast.risk.balancing import BalancingOutcome, balancing_cost, plan_balancing
from tests.unit.risk.accounts import DOCUMENTED, NOON, SAFE, facts_of, ladder_for, margin_view, settings


def doge_and_ton(available: float, model: MarginModel = MarginModel.TEXTBOOK) -> Any:
    view = margin_view((500.0, 2_500.0), (10.0, 50.0), price=(0.15, 5.0), leverage=(75.0, 50.0), model=model)
    view.lot_units, view.lot_scale = 1, (1.0, 10.0)
    view.available = available
    return view


def plan(view: Any, chosen: Any = SAFE) -> tuple[list[tuple[Any, ...]], Any]:
    ladder = ladder_for(view)
    ladder.state, ladder.evaluated_ns = LadderState.PANIC, NOON
    intents = Intent.array(16)  # type: ignore[attr-defined]
    n = plan_balancing(view, ladder, chosen, facts_of(view, ladder, chosen), intents)
    assert ladder.balanced_ns == NOON
    told = [(int(i.symbol), Side(int(i.side)), PositionSide(int(i.position_side)), float(i.qty)) for i in intents[:n]]
    assert all(i.qty_unit == QtyUnit.BASE and i.role >= EngineRole.BALANCE for i in intents[:n])
    return told, ladder


def bought(orders: list[tuple[Any, ...]]) -> list[float]:
    assert [order[:3] for order in orders] == [(s, Side.BUY, PositionSide.LONG) for s in range(len(orders))]
    return [order[3] for order in orders]


@pytest.mark.parametrize(
    ("available", "scale", "expected"),
    [(8.0, 1.0, [2_000.0, 40.0]), (6.0, 0.75, [1_500.0, 30.0]), (1.0, 0.125, [250.0, 5.0])],
)
def test_the_original_spends_all_that_is_available(available: float, scale: float, expected: list[float]) -> None:
    orders, ladder = plan(doge_and_ton(available), DOCUMENTED)
    assert bought(orders) == pytest.approx(expected)
    assert ladder.balancing_scale == pytest.approx(scale)


@pytest.mark.parametrize("chosen", [SAFE, DOCUMENTED], ids=["safe", "documented"])
def test_below_the_minimum_nothing_is_ordered(chosen: Any) -> None:
    orders, ladder = plan(doge_and_ton(0.99), chosen)
    assert orders == []
    assert ladder.balancing_outcome == BalancingOutcome.TOO_LITTLE_AVAILABLE


def test_the_cost_has_fees_and_slippage_in_it() -> None:
    view = doge_and_ton(12.0)
    facts = facts_of(view, ladder_for(view))
    assert [balancing_cost(view, SAFE, facts, s) for s in range(2)] == pytest.approx([4.63, 4.42])
    assert [balancing_cost(view, DOCUMENTED, facts, s) for s in range(2)] == pytest.approx([4.00, 4.00])


@pytest.mark.parametrize(
    ("available", "scale", "expected"),
    [(12.0, 1.0, [2_000.0, 40.0]), (8.0, 0.70718, [1_414.0, 28.2]), (6.0, 0.53039, [1_060.0, 21.2])],
)
def test_the_safe_plan_spends_a_part_and_rounds_down(available: float, scale: float, expected: list[float]) -> None:
    orders, ladder = plan(doge_and_ton(available))
    assert bought(orders) == expected
    assert ladder.balancing_scale == pytest.approx(scale, abs=5e-6)
    assert ladder.balancing_outcome == BalancingOutcome.PLANNED


def test_under_the_hedge_rule_balancing_costs_the_closing_fees_alone() -> None:
    view = doge_and_ton(12.0, MarginModel.BYBIT_UNIFIED)
    facts = facts_of(view, ladder_for(view))
    # Long 500 -> 2,500 beside short 2,500: long's fee base 1,000 -> 5,000, short's 3,000 -> 5,000.
    fees = 0.15 * 0.00055 * (4_000.0 * (1.0 - 1.0 / 75.0) + 2_000.0 * (1.0 + 1.0 / 75.0))
    assert balancing_cost(view, SAFE, facts, 0) == pytest.approx(fees + 300.0 * (0.00055 + 0.001))


def test_the_lighter_leg_may_be_the_short_one() -> None:
    orders, _ = plan(margin_view((5.0, 2.0)))
    assert orders == [(0, Side.SELL, PositionSide.SHORT, 3.0)]


def test_what_is_balanced_is_left_alone() -> None:
    orders, ladder = plan(margin_view((5.0, 5.0)))
    assert orders == []
    assert ladder.balancing_outcome == BalancingOutcome.NOTHING_TO_DO
    one_way, _ = plan(margin_view((5.0, 0.0), mode=PositionMode.ONE_WAY))
    assert one_way == []


def test_less_than_the_smallest_order_is_skipped() -> None:
    view = doge_and_ton(12.0)
    view.min_qty[0], view.min_notional[1] = 5_000.0, 150.0
    orders, _ = plan(view)
    assert [order[0] for order in orders] == [1]
    view.min_notional[1] = 250.0
    orders, ladder = plan(view)
    assert orders == []
    assert ladder.balancing_outcome == BalancingOutcome.NOTHING_PASSED


@pytest.mark.parametrize(("reduces", "available"), [(True, 5.0), (True, 6.0), (False, 5.0)])
def test_with_money_for_less_than_half_the_heavier_leg_is_reduced_if_allowed(reduces: bool, available: float) -> None:
    view = doge_and_ton(available)
    orders, ladder = plan(view, settings(panic_reduce_heavier=reduces))
    if reduces and available == 5.0:
        assert orders == [(0, Side.BUY, PositionSide.SHORT, 2_000.0), (1, Side.BUY, PositionSide.SHORT, 40.0)]
        assert ladder.balancing_outcome == BalancingOutcome.REDUCING
    else:
        assert [order[2] for order in orders] == [PositionSide.LONG] * 2


def test_reducing_is_reduce_only() -> None:
    view = doge_and_ton(5.0)
    ladder = ladder_for(view)
    intents = Intent.array(4)  # type: ignore[attr-defined]
    chosen = settings(panic_reduce_heavier=True)
    n = plan_balancing(view, ladder, chosen, facts_of(view, ladder, chosen), intents)
    assert n == 2
    assert all(intent.reduce_only and intent.role == EngineRole.REDUCE_HEAVIER for intent in intents[:n])


@pytest.mark.parametrize(("limit", "passes"), [(3.0, True), (2.0, False)])
def test_no_order_takes_the_maintenance_margin_rate_beyond_its_limit(limit: float, passes: bool) -> None:
    # Textbook: (5 + 5) x 100 x 0.5 % = 5 of about 200 is 2.5 %.
    view = margin_view((5.0, 1.0), cash=200.0)
    orders, _ = plan(view, settings(panic_max_mm_pct=limit))
    assert bool(orders) == passes


def test_under_the_hedge_rule_no_order_may_raise_the_maintenance_margin_rate() -> None:
    view = margin_view((5.0, 1.0), cash=200.0, model=MarginModel.BYBIT_UNIFIED)
    assert plan(view)[0] != []
    # Where tiers ask for less than the closing fees, balance costs more maintenance margin than it frees.
    view.tiers[0].maintenance_margin_rate = 0.0001
    orders, ladder = plan(view)
    assert orders == []
    assert ladder.balancing_outcome == BalancingOutcome.NOTHING_PASSED


def test_the_limit_holds_for_all_orders_of_a_plan_together() -> None:
    view = margin_view((5.0, 1.0), (5.0, 1.0), cash=200.0)
    # 6 at first; 8 with one balanced, 10 with both: 4 % and 5 %.
    assert len(plan(view, settings(panic_max_mm_pct=4.5))[0]) == 1
    assert len(plan(view, settings(panic_max_mm_pct=5.5))[0]) == 2


def test_an_unknown_balance_orders_nothing() -> None:
    orders, ladder = plan(doge_and_ton(float("nan")))
    assert orders == []
    assert ladder.balancing_outcome == BalancingOutcome.TOO_LITTLE_AVAILABLE


@pytest.mark.parametrize("available", [1.0, 6.0, 12.0])
def test_under_the_hedge_rule_no_order_asks_for_more_than_the_venue_wants_to_see(available: float) -> None:
    view = doge_and_ton(available, MarginModel.BYBIT_UNIFIED)
    orders, _ = plan(view)
    for symbol, _, _, qty in orders:
        terms = Terms(int(MarginModel.BYBIT_UNIFIED), float(view.leverage[symbol]), 0.00055)
        assert order_cost(qty * view.mark[symbol] * 1.001, Side.BUY, terms) <= 0.8 * available
    assert [order[0] for order in orders] == [0, 1]


def test_the_lighter_leg_grows_no_further_than_the_tier_of_its_leverage() -> None:
    view = margin_view((2.0, 5.0))
    view.tiers[0].upper_value, view.tiers[0].max_leverage = 450.0, 100.0
    view.lot_units, view.lot_scale = 1, (10.0,)
    orders, _ = plan(view)
    # 450 of value at 100.1 are 4.4955 coins, 2 of which are there.
    assert orders == [(0, Side.BUY, PositionSide.LONG, 2.4)]
