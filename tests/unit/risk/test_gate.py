"""The gate looks at the account after the order: the worked ladder of shorts, and what may not slip through."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from ballast.model.enums import (
    AccountKind,
    IntentKind,
    LadderState,
    MarginModel,
    PositionMode,
    PositionSide,
    QtyUnit,
    Reason,
    Side,
)
from ballast.model.intents import Intent, place_market
from ballast.risk.climb import climb
from ballast.risk.gate import gate
from ballast.risk.ladder import is_raising
from tests.unit.risk.accounts import (
    DOCUMENTED,
    OFF,
    SAFE,
    facts_of,
    fresh_ladder,
    ladder_for,
    margin_view,
    settings,
)

# The worked ladder starts from 1 of margin at 75 x and doubles at every 1 % against it.
FIRST_QTY = 75.0 / 100.0
CALM_ATR_PCT = 0.5


def shorts(n_entries: int, n_steps: int) -> Any:
    """Return 1,000 with a fixed long leg, whose gain is left out, and a ladder of shorts, ``n_steps`` % up."""
    entries = [(FIRST_QTY * 2.0**k, 100.0 * 1.01**k) for k in range(n_entries)]
    qty = sum(size for size, _ in entries)
    average = sum(size * price for size, price in entries) / qty
    price = 100.0 * 1.01**n_steps
    return margin_view(
        (FIRST_QTY, qty), price=price, entry=(price, average), leverage=75.0, taker_fee_rate=0.0, slippage_rate=0.0
    )


def ladder_of(view: Any, n_entries: int) -> Any:
    return ladder_for(view, 2.0 * FIRST_QTY, FIRST_QTY * 2.0**n_entries, atr_pct=CALM_ATR_PCT)


def add_short(n_entries: int) -> Any:
    """Return the order of the ladder's next entry."""
    return order(Side.SELL, FIRST_QTY * 2.0**n_entries, next_qty=FIRST_QTY * 2.0 ** (n_entries + 1))


def order(side: Side, qty: float, position_side: PositionSide | None = None, **fields: Any) -> Any:
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 0, side, qty, QtyUnit.BASE, 1)
    opened = PositionSide.LONG if side == Side.BUY else PositionSide.SHORT
    intents[0].position_side = opened if position_side is None else position_side
    for name, value in fields.items():
        setattr(intents[0], name, value)
    return intents[0]


def test_before_the_seventh_short_both_gates_allow_it() -> None:
    view = shorts(6, 6)
    ladder = ladder_of(view, 6)
    facts = facts_of(view, ladder)
    assert facts.available_for_trading == pytest.approx(761.24, abs=0.005)
    assert facts.next_worst_case == pytest.approx(70.06, abs=0.005)
    assert gate(view, ladder, SAFE, facts, add_short(6)) == Reason.NONE
    assert facts.available_for_trading == pytest.approx(613.81, abs=0.005)
    assert facts.next_worst_case == pytest.approx(138.00, abs=0.005)
    assert facts.available_for_trading / facts.next_worst_case == pytest.approx(4.45, abs=0.005)


def test_the_eighth_short_is_refused_because_of_what_would_be_left() -> None:
    view = shorts(7, 7)
    ladder = ladder_of(view, 7)
    facts = facts_of(view, ladder)
    assert facts.available_for_trading == pytest.approx(509.78, abs=0.005)
    before = facts.tobytes()
    assert gate(view, ladder, SAFE, facts, add_short(7)) == Reason.LADDER_GATE
    assert facts.tobytes() == before
    lenient = settings(panic_mult=1.0, early_freeze_mult=1.1)
    assert gate(view, ladder, lenient, facts, add_short(7)) == Reason.LADDER_GATE
    without = facts_of(shorts(8, 7), ladder_of(shorts(8, 7), 8))
    assert without.available_for_trading == pytest.approx(211.98, abs=0.005)
    assert without.next_worst_case == pytest.approx(276.61, abs=0.005)


def test_the_documented_gate_allows_the_eighth_short() -> None:
    view = shorts(7, 7)
    ladder = ladder_of(view, 7)
    facts = facts_of(view, ladder, DOCUMENTED)
    # The example takes the margin reserve for both gates.
    facts.available_for_trading = 509.78
    assert gate(view, ladder, DOCUMENTED, facts, add_short(7)) == Reason.NONE


@pytest.mark.parametrize(("short_of", "expected"), [(0.0, Reason.NONE), (0.01, Reason.LADDER_GATE)])
def test_the_documented_gate_is_inclusive(short_of: float, expected: Reason) -> None:
    view = margin_view((1.0, 1.0))
    facts = facts_of(view, ladder_for(view), DOCUMENTED)
    facts.available_for_trading = 5.0 - short_of
    assert gate(view, ladder_for(view), DOCUMENTED, facts, order(Side.BUY, 5.0)) == expected


def test_with_the_notional_reserve_the_original_panics_at_the_fourth_short() -> None:
    ladder = fresh_ladder()
    seen = []
    for n in range(1, 5):
        view = shorts(n, n - 1)
        facts = facts_of(view, ladder_of(view, n), DOCUMENTED)
        facts.time_ns += n
        climb(ladder, DOCUMENTED, facts)
        seen.append((round(facts.available_for_trading, 2), LadderState(int(ladder.state))))
    normal = LadderState.NORMAL
    assert seen == [(998.00, normal), (817.96, normal), (451.73, normal), (-290.59, LadderState.PANIC)]


def test_what_one_step_approves_counts_for_its_next_request() -> None:
    view = margin_view((0.0, 0.0), cash=100.0, taker_fee_rate=0.0, slippage_rate=0.0)
    ladder = ladder_for(view)
    facts = facts_of(view, ladder)
    pair = [order(Side.BUY, 30.0, next_qty=10.0), order(Side.SELL, 30.0, next_qty=10.0)]
    assert [gate(view, ladder, SAFE, facts, intent) for intent in pair] == [Reason.NONE] * 2
    assert facts.available_for_trading == pytest.approx(100.0 - 60.0)
    assert facts.next_worst_case == pytest.approx(20.0)
    assert gate(view, ladder, SAFE, facts, order(Side.BUY, 15.0, next_qty=10.0)) == Reason.LADDER_GATE


def test_fees_and_slippage_belong_to_the_cost() -> None:
    view = margin_view((0.0, 0.0), cash=100.0)
    facts = facts_of(view, ladder_for(view))
    assert gate(view, ladder_for(view), SAFE, facts, order(Side.BUY, 10.0)) == Reason.NONE
    spent = 1_000.0 * (1.0 / 100.0 + 2.0 * 0.00055 + 0.001)
    assert 100.0 - facts.available == pytest.approx(spent)


def test_the_hedge_rule_counts_the_closing_fee_once() -> None:
    view = margin_view((0.0, 0.0), cash=100.0, model=MarginModel.BYBIT_UNIFIED)
    facts = facts_of(view, ladder_for(view))
    assert gate(view, ladder_for(view), SAFE, facts, order(Side.BUY, 10.0)) == Reason.NONE
    spent = 1_000.0 * (1.0 / 100.0 + 0.00055 * 0.99 + 0.00055 + 0.001)
    assert 100.0 - facts.available == pytest.approx(spent)


@pytest.mark.parametrize(("qty", "expected"), [(50.0, Reason.NONE), (50.1, Reason.LADDER_GATE)])
def test_no_side_may_take_more_than_its_part_of_equity(qty: float, expected: Reason) -> None:
    view = margin_view((0.0, 0.0), cash=100.0, taker_fee_rate=0.0, slippage_rate=0.0)
    balanced = margin_view((0.0, 0.0), (0.0, 0.0), cash=100.0, taker_fee_rate=0.0, slippage_rate=0.0)
    for account in (view, balanced):
        account.position_mode = PositionMode.ONE_WAY
        facts = facts_of(account, ladder_for(account))
        intent = order(Side.BUY, qty, PositionSide.NONE)
        assert gate(account, ladder_for(account), SAFE, facts, intent) == expected


@pytest.mark.parametrize("field", ["qty", "next_qty"])
def test_an_order_of_unknown_size_is_refused(field: str) -> None:
    view = margin_view((1.0, 1.0))
    facts = facts_of(view, ladder_for(view))
    intent = order(Side.BUY, 1.0)
    setattr(intent, field, nan)
    assert gate(view, ladder_for(view), SAFE, facts, intent) == Reason.LADDER_GATE


def test_a_resting_order_is_charged_at_the_worse_of_its_price_and_the_mark() -> None:
    view = margin_view((0.0, 0.0), cash=100.0)
    costs = []
    for price in (nan, 50.0, 200.0):
        facts = facts_of(view, ladder_for(view))
        assert gate(view, ladder_for(view), SAFE, facts, order(Side.SELL, 1.0, price=price)) == Reason.NONE
        costs.append(100.0 - float(facts.available))
    assert costs[0] == costs[1] < costs[2]


@pytest.mark.parametrize("state", [LadderState.FROZEN, LadderState.PANIC])
@pytest.mark.parametrize(("available", "expected"), [(6.3, Reason.NONE), (5.8, Reason.LADDER_GATE)])
def test_what_opens_towards_balance_has_its_own_budget_above_normal(
    state: LadderState, available: float, expected: Reason
) -> None:
    view = margin_view((9.0, 4.0), taker_fee_rate=0.0, slippage_rate=0.0)
    ladder = ladder_for(view)
    ladder.state = state
    facts = facts_of(view, ladder)
    facts.available = available
    intent = order(Side.SELL, 5.0)
    assert not is_raising(ladder, view, intent)
    assert gate(view, ladder, SAFE, facts, intent) == expected
    ladder.state = LadderState.NORMAL
    assert gate(view, ladder, SAFE, facts, intent) == Reason.NONE


@pytest.mark.parametrize(
    "intent",
    [
        order(Side.BUY, 1e9, reduce_only=True),
        order(Side.BUY, 1e9, kind=IntentKind.CANCEL),
        order(Side.BUY, 0.0, kind=IntentKind.AMEND, price=90.0),
    ],
    ids=["reduce-only", "cancel", "price alone"],
)
@pytest.mark.parametrize("state", [LadderState.NORMAL, LadderState.FROZEN, LadderState.PANIC])
def test_what_protects_is_not_gated(state: LadderState, intent: Any) -> None:
    view = margin_view((1.0, 1.0))
    ladder = ladder_for(view)
    ladder.state = state
    assert gate(view, ladder, SAFE, facts_of(view, ladder), intent) == Reason.NONE


def test_an_order_in_another_currency_is_judged_at_its_rate() -> None:
    left = []
    for rate in (0.5, 1.0):
        view = margin_view((2.0 / rate, 1.0 / rate), cash=100.0, model=MarginModel.FX, rate=rate)
        ladder = ladder_for(view, 4.0 / rate, 3.0 / rate)
        facts = facts_of(view, ladder)
        intent = order(Side.BUY, 5.0 / rate, next_qty=6.0 / rate)
        assert gate(view, ladder, SAFE, facts, intent) == Reason.NONE
        left.append((facts.available, facts.available_for_trading, facts.next_worst_case, facts.long_margin))
    assert left[0] == pytest.approx(left[1])


def test_neither_spot_nor_a_run_without_ladder_is_gated() -> None:
    view = margin_view((1.0, 1.0))
    huge = order(Side.BUY, 1e9)
    assert gate(view, ladder_for(view), OFF, facts_of(view, ladder_for(view)), huge) == Reason.NONE
    view.account_kind = AccountKind.SPOT
    assert gate(view, ladder_for(view), SAFE, facts_of(view, ladder_for(view)), huge) == Reason.NONE
