"""A, N, reserve, ratio and percent: the worked examples, and that figure and form are one."""

from __future__ import annotations

from math import inf, isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.risk.facts import Facts, Form, value_of, weigh
from ballast.risk.settings import risk_settings
from tests.unit.risk.accounts import (
    DOCUMENTED,
    MINUTE,
    NOON,
    SAFE,
    SECOND,
    facts_of,
    ladder_for,
    margin_view,
    refresh,
)

DOGE, TON = (100.0, 500.0), (10.0, 50.0)


def test_the_reserve_is_the_factor_times_the_margin_of_balancing() -> None:
    view = margin_view(DOGE, TON, price=(0.15, 5.0), leverage=(75.0, 50.0))
    assert facts_of(view, ladder_for(view)).reserve == pytest.approx(5.76, abs=1e-9)
    assert facts_of(view, ladder_for(view), DOCUMENTED).reserve == pytest.approx(312.0, abs=1e-9)


def test_the_factor_is_that_of_the_most_nervous_symbol() -> None:
    view = margin_view(DOGE, TON, price=(0.15, 5.0), leverage=(75.0, 50.0))
    ladder = ladder_for(view, atr_pct=0.5)
    ladder.volatility[1].atr_pct = 2.0
    assert facts_of(view, ladder).reserve == pytest.approx(4.80 * 1.25, abs=1e-9)


@pytest.mark.parametrize(("next_qty", "expected"), [((8.0, 2.0), 10.0), ((8.0, 1.0), 9.0), ((2.0, 2.0), 4.0)])
@pytest.mark.parametrize("chosen", [SAFE, DOCUMENTED], ids=["safe", "documented"])
def test_the_worst_case_sums_the_next_step_of_every_leg(
    next_qty: tuple[float, float], expected: float, chosen: Any
) -> None:
    view = margin_view((4.0, 1.0))
    assert facts_of(view, ladder_for(view, *next_qty), chosen).next_worst_case == pytest.approx(expected, rel=1e-12)


def test_a_leg_at_its_last_level_costs_nothing_more() -> None:
    view = margin_view((4.0, 1.0))
    assert facts_of(view, ladder_for(view, 0.0, 2.0)).next_worst_case == pytest.approx(2.0)


def test_the_imbalance_example_counts_available_money_against_equity() -> None:
    view = margin_view((12.0, 1.0))
    view.available, view.initial_margin, view.equity = 40.0, 60.0, 100.0
    facts = facts_of(view, ladder_for(view))
    assert facts.reserve == pytest.approx(13.2)
    assert facts.available_for_trading == pytest.approx(26.8)
    assert facts.imbalance_ratio == pytest.approx(12.0)
    assert facts.available_pct == pytest.approx(26.80)


def test_the_original_counts_it_against_what_is_available() -> None:
    facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    facts.available, facts.reserve, facts.equity = 40.0, 13.2, 100.0
    weigh(facts, DOCUMENTED)
    assert facts.available_pct == pytest.approx(67.0)
    facts.available = 0.0
    weigh(facts, DOCUMENTED)
    assert isnan(facts.available_pct)


def test_without_equity_no_percentage_is_low_enough() -> None:
    facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    facts.available, facts.reserve, facts.equity = -5.0, 1.0, 0.0
    weigh(facts, SAFE)
    assert facts.available_pct == -inf


def test_an_empty_leg_is_an_infinite_ratio_except_in_the_original() -> None:
    view = margin_view((12.0, 0.0))
    assert facts_of(view, ladder_for(view)).imbalance_ratio == inf
    assert facts_of(view, ladder_for(view), DOCUMENTED).imbalance_ratio == 0.0


def test_dust_is_no_leg() -> None:
    view = margin_view((12.0, 0.04))
    view.min_qty[0] = 0.1
    assert facts_of(view, ladder_for(view)).imbalance_ratio == inf
    dust = margin_view((0.05, 0.01))
    dust.min_qty[0] = 0.1
    assert facts_of(dust, ladder_for(dust)).imbalance_ratio == 0.0


def test_one_net_position_has_nothing_to_balance() -> None:
    view = margin_view((12.0, 0.0), mode=PositionMode.ONE_WAY)
    facts = facts_of(view, ladder_for(view, 1.0))
    assert (facts.reserve, facts.imbalance_ratio) == (0.0, 0.0)
    assert facts.next_worst_case == pytest.approx(1.0)


def test_a_short_net_position_steps_on_its_own_side() -> None:
    view = margin_view((0.0, 0.0), mode=PositionMode.ONE_WAY, model=MarginModel.BYBIT_UNIFIED, taker_fee_rate=0.0)
    view.position_qty[0] = -12.0
    refresh(view)
    assert facts_of(view, ladder_for(view, 3.0)).next_worst_case == pytest.approx(3.0)


def test_under_the_hedge_rule_the_lighter_leg_steps_for_its_closing_fees_alone() -> None:
    view = margin_view((4.0, 1.0), model=MarginModel.BYBIT_UNIFIED)
    fee_free = margin_view((4.0, 1.0), model=MarginModel.BYBIT_UNIFIED, taker_fee_rate=0.0)
    assert facts_of(fee_free, ladder_for(fee_free, 0.0, 2.0)).next_worst_case == 0.0
    # Short 1 -> 3 and H 1 -> 3: long's fee base 5 -> 7, short's 2 -> 6.
    fees = 100.0 * 0.00055 * (2.0 * 0.99 + 4.0 * 1.01)
    assert facts_of(view, ladder_for(view, 0.0, 2.0)).next_worst_case == pytest.approx(fees)


@pytest.mark.parametrize("field", ["available", "equity", "mm_rate"])
def test_a_missing_figure_makes_the_account_unknown(field: str) -> None:
    view = margin_view((4.0, 1.0))
    assert facts_of(view, ladder_for(view)).is_known
    setattr(view, field, nan)
    assert not facts_of(view, ladder_for(view)).is_known


def test_a_symbol_at_risk_without_a_price_makes_the_account_unknown() -> None:
    view = margin_view((4.0, 4.0), (0.0, 0.0))
    view.mark[1] = nan
    assert facts_of(view, ladder_for(view)).is_known
    assert not facts_of(view, ladder_for(view, 0.0, 0.0, 1.0)).is_known
    view.mark[0] = nan
    assert not facts_of(view, ladder_for(view)).is_known


@pytest.mark.parametrize(("age_s", "fresh"), [(30, True), (90, True), (91, False)])
def test_a_price_is_stale_after_one_and_a_half_intervals_of_the_feed(age_s: int, fresh: bool) -> None:
    view = margin_view((4.0, 1.0))
    view.time_ns = view.bar_ts_ns[0] + MINUTE + age_s * SECOND
    assert facts_of(view, ladder_for(view)).is_known == fresh


@pytest.mark.parametrize(("age_s", "gap_bps", "fresh"), [(90, 10.0, True), (91, 0.0, False), (0, 10.1, False)])
def test_an_old_or_contradicting_wallet_makes_the_account_unknown(age_s: int, gap_bps: float, fresh: bool) -> None:
    view = margin_view((4.0, 1.0))
    ladder = ladder_for(view)
    ladder.wallet_ns, ladder.account_gap_bps = NOON - age_s * SECOND, gap_bps
    assert facts_of(view, ladder).is_known == fresh


def test_an_account_without_margin_has_no_margin_figures_and_is_known() -> None:
    view = margin_view((4.0, 1.0))
    view.account_kind, view.equity = AccountKind.SPOT, nan
    none_set = risk_settings({}, has_margin=False)
    assert facts_of(view, ladder_for(view), none_set).is_known
    assert not facts_of(view, ladder_for(view), risk_settings({"drawdown_limit": 0.05}, has_margin=False)).is_known
    assert isnan(facts_of(view, ladder_for(view), none_set).available_for_trading)


def test_a_step_forgets_what_the_last_one_approved() -> None:
    view = margin_view((4.0, 1.0))
    ladder = ladder_for(view)
    ladder.approved_qty[0] = 5.0
    facts_of(view, ladder)
    assert ladder.approved_qty[0] == 0.0


sizes = st.floats(0.0, 50.0).map(lambda qty: float(int(qty * 10)) / 10)
legs = st.tuples(sizes, sizes)


@given(
    held=st.tuples(legs, legs),
    steps=st.tuples(sizes, sizes, sizes, sizes),
    moved=st.tuples(st.floats(0.5, 2.0), st.floats(0.5, 2.0)),
    model=st.sampled_from(MarginModel),
    mode=st.sampled_from(PositionMode),
)
@tried(deadline=None, max_examples=150)
def test_a_form_read_at_other_marks_is_the_figure_measured_there(
    held: Any, steps: Any, moved: Any, model: MarginModel, mode: PositionMode
) -> None:
    if mode == PositionMode.ONE_WAY:
        held = tuple((long, 0.0) for long, _ in held)
    view = margin_view(*held, price=(100.0, 7.0), leverage=(75.0, 20.0), model=model, mode=mode)
    ladder = ladder_for(view, *steps)
    forms = facts_of(view, ladder)
    view.mark = [100.0 * moved[0], 7.0 * moved[1]]
    refresh(view)
    there = facts_of(view, ladder)

    def assert_same(form: Form, figure: float) -> None:
        assert value_of(form, view) == pytest.approx(figure, rel=1e-9, abs=1e-7)

    assert_same(forms.equity_form, there.equity)
    assert_same(forms.available_form, there.available)
    assert_same(forms.reserve_form, there.reserve)
    assert_same(forms.next_form, there.next_worst_case)


def test_facts_start_out_unknown() -> None:
    assert not Facts.new(symbols=1, legs=2).is_known  # type: ignore[attr-defined]
