"""Every rung, up and down: the worked thresholds in both profiles, and the clocks to the nanosecond."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from ballast.model.enums import LadderState
from ballast.risk.climb import climb, is_balancing_due, is_imbalanced, is_margin_low, next_deadline_ns
from ballast.risk.ladder import NEVER
from ballast.risk.reasons import LadderReason
from tests.unit.risk.accounts import DOCUMENTED, NOON, OFF, SAFE, SECOND, figures, fresh_ladder, read_back, settings

NORMAL, FROZEN, PANIC, EMERGENCY, HALTED = LadderState
LOW_PCT = {"imbalance_ratio": 12.0, "available_pct": 26.8}


def climbed(ladder: Any, seconds: float = 0.0, chosen: Any = SAFE, **changed: float) -> LadderState:
    climb(ladder, chosen, figures(NOON + round(seconds * SECOND), **changed))
    return LadderState(int(ladder.state))


@pytest.mark.parametrize(
    ("available", "freeze", "panic", "documented", "safe"),
    [
        (30.0, False, False, NORMAL, NORMAL),
        (29.99, False, True, PANIC, FROZEN),
        (15.00, False, True, PANIC, FROZEN),
        (14.99, True, True, PANIC, PANIC),
    ],
)
def test_the_thresholds_of_both_profiles_at_a_worst_case_of_ten(
    available: float, freeze: bool, panic: bool, documented: LadderState, safe: LadderState
) -> None:
    facts = figures(available_for_trading=available)
    assert is_margin_low(facts, DOCUMENTED.early_freeze_mult) == freeze
    assert is_margin_low(facts, DOCUMENTED.panic_mult) == panic
    assert climbed(fresh_ladder(), chosen=DOCUMENTED, available_for_trading=available) == documented
    assert climbed(fresh_ladder(), available_for_trading=available) == safe


@pytest.mark.parametrize(
    ("available", "worst_case", "freeze"), [(200.0, 150.0, True), (280.0, 220.0, True), (330.0, 220.0, False)]
)
def test_the_documented_freeze_is_strict(available: float, worst_case: float, freeze: bool) -> None:
    facts = figures(available_for_trading=available, next_worst_case=worst_case)
    assert is_margin_low(facts, DOCUMENTED.early_freeze_mult) == freeze


def test_a_freeze_ends_at_its_threshold_times_the_hysteresis() -> None:
    ladder = fresh_ladder()
    assert climbed(ladder, available_for_trading=29.99) == FROZEN
    assert climbed(ladder, 20, available_for_trading=32.99) == FROZEN
    assert climbed(ladder, 40, available_for_trading=32.99) == FROZEN
    assert climbed(ladder, 41, available_for_trading=33.00) == FROZEN
    assert climbed(ladder, 51, available_for_trading=33.00) == NORMAL


def test_a_freeze_lasts_from_when_its_cause_has_gone_to_the_nanosecond() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=29.99)
    climbed(ladder, 100, available_for_trading=33.00)
    assert climbed(ladder, 110 - 1e-9) == FROZEN
    assert climbed(ladder, 110) == NORMAL


def test_a_leg_that_closes_and_reopens_at_one_instant_does_not_end_a_freeze() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=25.0)
    for _ in range(3):
        assert climbed(ladder, 3_600, next_worst_case=5.0, available_for_trading=25.0) == FROZEN
        assert climbed(ladder, 3_600, available_for_trading=25.0) == FROZEN
    assert ladder.n_moves == 1


@pytest.mark.parametrize("back", [{"available_for_trading": 32.99}, {"mm_rate": nan}], ids=["money", "unknown"])
def test_a_cause_that_comes_back_for_an_instant_starts_the_freeze_anew(back: dict[str, float]) -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=29.99)
    climbed(ladder, 1)
    assert climbed(ladder, 9, **back) == FROZEN
    assert climbed(ladder, 9) == FROZEN
    assert climbed(ladder, 19 - 1e-9) == FROZEN
    assert climbed(ladder, 19) == NORMAL


def test_a_panic_leaves_to_freezing_its_own_time() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=14.99)
    climbed(ladder, 1, available_for_trading=20.0)
    climbed(ladder, 60, available_for_trading=33.0)
    assert climbed(ladder, 61, available_for_trading=33.0) == FROZEN
    assert next_deadline_ns(ladder, SAFE) == NOON + 71 * SECOND
    assert climbed(ladder, 71 - 1e-9, available_for_trading=33.0) == FROZEN
    assert climbed(ladder, 71, available_for_trading=33.0) == NORMAL


@pytest.mark.parametrize(("available", "calm"), [(16.49, False), (16.50, True)])
def test_a_panic_ends_at_its_threshold_times_the_hysteresis_held(available: float, calm: bool) -> None:
    ladder = fresh_ladder()
    assert climbed(ladder, available_for_trading=14.99) == PANIC
    assert climbed(ladder, 1, available_for_trading=available) == PANIC
    assert climbed(ladder, 61 - 1e-9, available_for_trading=available) == PANIC
    assert climbed(ladder, 61, available_for_trading=available) == (FROZEN if calm else PANIC)


def test_a_break_in_the_calm_starts_its_clock_anew() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=14.99)
    climbed(ladder, 1, available_for_trading=20.0)
    assert climbed(ladder, 50, available_for_trading=16.0) == PANIC
    assert climbed(ladder, 61, available_for_trading=20.0) == PANIC
    assert climbed(ladder, 121 - 1e-9, available_for_trading=20.0) == PANIC
    assert climbed(ladder, 121, available_for_trading=20.0) == FROZEN


def test_a_panic_ends_in_normal_where_no_freeze_is_left() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=14.99)
    climbed(ladder, 1, available_for_trading=33.0)
    assert climbed(ladder, 61, available_for_trading=33.0) == NORMAL


def test_a_panic_under_an_operators_freeze_ends_in_frozen() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=14.99)
    ladder.is_operator_frozen = True
    climbed(ladder, 1)
    assert climbed(ladder, 61) == FROZEN


@pytest.mark.parametrize(
    ("ratio", "percent", "expected"),
    [
        (12.0, 26.80, True),
        (10.0, 26.80, False),
        (10.001, 26.80, True),
        (12.0, 30.0, False),
        (12.0, 29.999, True),
        (inf, 0.0, True),
        (12.0, -inf, True),
        (nan, 0.0, False),
        (12.0, nan, False),
    ],
)
def test_imbalance_is_strict_in_ratio_and_percent(ratio: float, percent: float, expected: bool) -> None:
    assert is_imbalanced(SAFE, figures(imbalance_ratio=ratio, available_pct=percent)) == expected


def test_imbalance_means_panic_once_it_has_held() -> None:
    ladder = fresh_ladder()
    assert climbed(ladder, 0, **LOW_PCT) == NORMAL
    assert climbed(ladder, 5 - 1e-9, **LOW_PCT) == NORMAL
    assert climbed(ladder, 5, **LOW_PCT) == PANIC
    assert ladder.reason == LadderReason.HIGH_IMBALANCE


def test_imbalance_that_ends_in_between_starts_anew() -> None:
    ladder = fresh_ladder()
    climbed(ladder, 0, **LOW_PCT)
    climbed(ladder, 3)
    assert climbed(ladder, 6, **LOW_PCT) == NORMAL
    assert climbed(ladder, 11, **LOW_PCT) == PANIC


def test_imbalance_that_cannot_be_seen_for_a_while_goes_on() -> None:
    ladder = fresh_ladder()
    climbed(ladder, 0, **LOW_PCT)
    climbed(ladder, 3, available_pct=nan)
    assert climbed(ladder, 5, **LOW_PCT) == PANIC


@pytest.mark.parametrize(
    ("ratio", "percent", "calm"),
    [(12.0, 32.99, False), (12.0, 33.0, True), (9.001, 20.0, False), (9.0, 20.0, True)],
)
def test_imbalance_ends_by_ratio_or_by_percent_with_hysteresis(ratio: float, percent: float, calm: bool) -> None:
    ladder = fresh_ladder()
    climbed(ladder, 0, **LOW_PCT)
    climbed(ladder, 5, **LOW_PCT)
    climbed(ladder, 6, imbalance_ratio=ratio, available_pct=percent)
    assert climbed(ladder, 66, imbalance_ratio=ratio, available_pct=percent) == (NORMAL if calm else PANIC)


def test_the_original_panics_over_imbalance_at_once() -> None:
    assert climbed(fresh_ladder(), chosen=DOCUMENTED, **LOW_PCT) == PANIC


def test_the_original_never_leaves_panic() -> None:
    ladder = fresh_ladder(PANIC)
    for seconds in (0, 60, 120, 1e6, 2e6):
        assert climbed(ladder, seconds, chosen=DOCUMENTED) == PANIC


def test_the_original_takes_an_unknown_figure_for_a_good_one() -> None:
    assert climbed(fresh_ladder(), chosen=DOCUMENTED, available_for_trading=nan) == NORMAL


@pytest.mark.parametrize("field", ["available_for_trading", "next_worst_case", "mm_rate", "equity", "available_pct"])
def test_an_unknown_figure_freezes(field: str) -> None:
    ladder = fresh_ladder()
    assert climbed(ladder, **{field: nan}) == FROZEN
    assert ladder.reason == LadderReason.UNKNOWN_INPUT
    assert climbed(ladder, 100, **{field: nan}) == FROZEN
    assert climbed(ladder, 101) == FROZEN
    assert climbed(ladder, 111) == NORMAL


def test_an_unknown_figure_neither_ends_nor_hides_a_panic() -> None:
    ladder = fresh_ladder()
    assert climbed(ladder, mm_rate=nan, available_for_trading=14.0) == PANIC
    climbed(ladder, 1)
    climbed(ladder, 30, mm_rate=nan)
    assert climbed(ladder, 61) == PANIC


@pytest.mark.parametrize(("mm_rate", "expected"), [(0.8999, NORMAL), (0.90, EMERGENCY), (inf, EMERGENCY)])
@pytest.mark.parametrize("chosen", [SAFE, DOCUMENTED], ids=["safe", "documented"])
def test_the_maintenance_margin_rate_is_inclusive(mm_rate: float, expected: LadderState, chosen: Any) -> None:
    assert climbed(fresh_ladder(), chosen=chosen, mm_rate=mm_rate) == expected


@pytest.mark.parametrize(("chosen", "expected"), [(SAFE, FROZEN), (DOCUMENTED, NORMAL)], ids=["safe", "documented"])
def test_a_missing_maintenance_margin_rate_freezes_except_in_the_original(chosen: Any, expected: LadderState) -> None:
    assert climbed(fresh_ladder(), chosen=chosen, mm_rate=nan) == expected


@pytest.mark.parametrize("state", [EMERGENCY, HALTED])
def test_nothing_but_an_operator_leaves_the_upper_rungs(state: LadderState) -> None:
    ladder = fresh_ladder(state)
    for seconds in (0, 60, 1e6):
        assert climbed(ladder, seconds) == state


@pytest.mark.parametrize("state", [NORMAL, FROZEN, PANIC])
def test_an_emergency_comes_first_from_everywhere(state: LadderState) -> None:
    assert climbed(fresh_ladder(state), mm_rate=0.95, available_for_trading=1.0) == EMERGENCY


def test_without_a_ladder_nothing_moves() -> None:
    ladder = fresh_ladder()
    before = ladder.tobytes()
    assert climbed(ladder, 5, chosen=OFF, mm_rate=5.0, available_for_trading=nan) == NORMAL
    assert ladder.tobytes() == before


def test_an_account_without_margin_has_no_margin_rungs() -> None:
    facts = figures(NOON, available_for_trading=-1.0, mm_rate=5.0, **LOW_PCT)
    facts.has_margin = False
    ladder = fresh_ladder()
    for _ in range(3):
        facts.time_ns += 10 * SECOND
        assert climb(ladder, SAFE, facts) == LadderReason.NONE


def test_time_that_runs_backwards_ends_nothing() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=29.0)
    assert climbed(ladder, -1e6) == FROZEN
    assert ladder.evaluated_ns == NOON


def test_balancing_is_due_on_entering_panic_and_after_each_pause() -> None:
    ladder = fresh_ladder()
    assert not is_balancing_due(ladder, SAFE)
    climbed(ladder, available_for_trading=10.0)
    assert is_balancing_due(ladder, SAFE)
    ladder.balanced_ns = ladder.evaluated_ns
    climbed(ladder, 60 - 1e-9, available_for_trading=10.0)
    assert not is_balancing_due(ladder, SAFE)
    climbed(ladder, 60, available_for_trading=10.0)
    assert is_balancing_due(ladder, SAFE)
    assert not is_balancing_due(ladder, DOCUMENTED)


def test_the_ladder_asks_to_be_woken_when_a_wait_is_over() -> None:
    ladder = fresh_ladder()
    assert next_deadline_ns(ladder, SAFE) == NEVER
    climbed(ladder, **LOW_PCT)
    assert next_deadline_ns(ladder, SAFE) == NOON + 5 * SECOND
    climbed(ladder, 1, available_for_trading=29.0, **LOW_PCT)
    assert next_deadline_ns(ladder, SAFE) == NOON + 5 * SECOND
    climbed(ladder, 5, available_for_trading=29.0, **LOW_PCT)
    assert next_deadline_ns(ladder, SAFE) == NEVER
    ladder.balanced_ns = ladder.evaluated_ns
    assert next_deadline_ns(ladder, SAFE) == NOON + 65 * SECOND
    climbed(ladder, 20)
    assert next_deadline_ns(ladder, SAFE) == NOON + 65 * SECOND
    climbed(ladder, 65)
    assert next_deadline_ns(ladder, SAFE) == NOON + 80 * SECOND
    assert climbed(ladder, 80) == NORMAL


def test_a_deadline_is_never_in_the_past() -> None:
    ladder = fresh_ladder()
    climbed(ladder, available_for_trading=29.0)
    climbed(ladder, 11, available_for_trading=29.0)
    assert ladder.state == FROZEN
    assert next_deadline_ns(ladder, SAFE) == NEVER


multiples = st.one_of(st.floats(-1.0, 5.0), st.just(nan), st.sampled_from([1.5, 1.65, 3.0, 3.3]))
situations = st.fixed_dictionaries({
    "available_for_trading": multiples.map(lambda multiple: multiple * 10.0),
    "imbalance_ratio": st.one_of(st.floats(1.0, 20.0), st.sampled_from([9.0, 10.0, inf, nan])),
    "available_pct": st.one_of(st.floats(0.0, 100.0), st.sampled_from([30.0, 33.0, -inf, nan])),
    "mm_rate": st.one_of(st.floats(0.0, 0.89), st.sampled_from([0.0, 0.0, 0.0, 0.9, nan])),
    "equity": st.one_of(st.floats(810.0, 1_000.0), st.sampled_from([800.0, 1_000.0, nan])),
})
histories = st.lists(st.tuples(st.integers(0, 70 * SECOND), situations), min_size=1, max_size=12)


def worse(situation: dict[str, float], by: tuple[float, ...]) -> dict[str, float]:
    """Return a situation that is as bad or worse in every known figure."""
    return {
        "available_for_trading": situation["available_for_trading"] - by[0],
        "imbalance_ratio": situation["imbalance_ratio"] + by[1],
        "available_pct": situation["available_pct"] - by[2],
        "mm_rate": situation["mm_rate"] + by[3],
        "equity": situation["equity"] - by[4],
    }


@given(history=histories, by=st.tuples(*[st.floats(0.0, 20.0)] * 5))
@tried(deadline=None, max_examples=400)
def test_between_the_points_of_the_grid_the_ladder_keeps_its_duties(history: Any, by: tuple[float, ...]) -> None:
    ladder, now, good_since = fresh_ladder(), 0, -1
    for wait, situation in history:
        now += wait
        before, darker = read_back(ladder), read_back(ladder)
        state = climbed(ladder, now / SECOND, **situation)
        restarted = read_back(before)
        climbed(restarted, now / SECOND, **situation)
        assert restarted.tobytes() == ladder.tobytes()
        is_known = not np.isnan(list(situation.values())).any()
        if is_known:
            assert climbed(darker, now / SECOND, **worse(situation, by)) >= state
        else:
            assert state >= max(before.state, FROZEN)
        is_good = is_known and situation["available_for_trading"] >= (16.5 if before.state == PANIC else 33.0) - 1e-9
        if is_good and before.state == PANIC:
            is_good = situation["available_pct"] >= 33.0 or situation["imbalance_ratio"] <= 9.0
        good_since = (good_since if good_since >= 0 else now) if is_good else -1
        if state < before.state:
            assert before.state < EMERGENCY
            assert good_since >= 0
            assert now - good_since >= (10 if before.state == FROZEN else 60) * SECOND
        if state != before.state:
            good_since = now if is_good and state == FROZEN and situation["available_for_trading"] >= 33.0 else -1
        if situation["mm_rate"] >= 0.9:
            assert state == EMERGENCY


def test_a_custom_dwell_is_kept() -> None:
    ladder = fresh_ladder()
    chosen = settings(freeze_dwell_s=30)
    climbed(ladder, chosen=chosen, available_for_trading=29.0)
    climbed(ladder, 1, chosen=chosen)
    assert climbed(ladder, 30.9, chosen=chosen) == FROZEN
    assert climbed(ladder, 31, chosen=chosen) == NORMAL
