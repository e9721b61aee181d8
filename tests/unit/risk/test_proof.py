"""The search finds what is wrong with the documented ladder, nothing in the safe one, and what is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ballast.model.enums import LadderState
from ballast.risk.proof import CounterExample, Duty, prove
from ballast.risk.settings import Profile, risk_settings
from ballast.risk.situations import KNOWN, STALE, Witness, attest, grid_of, pack, put, scale_of, tick_ns, unpack
from tests.unit.risk.accounts import DOCUMENTED, NOON, SAFE, SECOND, figures, fresh_ladder, settings


def test_nothing_is_wrong_with_the_safe_ladder() -> None:
    proof = prove(SAFE)
    assert proof.counter_examples == {}
    assert proof.holds
    assert proof.n_ladders > 100
    assert proof.n_moves > 1_000_000


def shortest(duty: Duty) -> CounterExample:
    return prove(DOCUMENTED).counter_examples[duty]


def test_the_original_panics_before_it_freezes() -> None:
    found = shortest(Duty.ORDERED)
    assert [step.state for step in found.steps] == [LadderState.PANIC]
    assert found.steps[0].what.startswith("A = 2.999997 N, ")
    assert "not even below the freeze at 1.5 N" in found.fault


def test_the_original_never_leaves_panic() -> None:
    found = shortest(Duty.NO_DEAD_END)
    assert [step.state for step in found.steps] == [LadderState.PANIC]
    assert found.fault.endswith("it stays in PANIC")


def test_the_original_takes_an_unknown_figure_for_a_good_one() -> None:
    found = shortest(Duty.FAILS_CLOSED)
    assert [step.state for step in found.steps] == [LadderState.NORMAL]
    assert "unknown" in found.steps[0].what


def test_what_the_original_does_keep_is_not_blamed() -> None:
    blamed = set(prove(DOCUMENTED).counter_examples)
    assert blamed == {Duty.ORDERED, Duty.NO_DEAD_END, Duty.FAILS_CLOSED}


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    proof = prove(DOCUMENTED, lambda done, waiting: told.append((done, waiting)))
    assert told[-1] == (proof.n_ladders, 0)


@pytest.mark.verify
@pytest.mark.parametrize(
    "values",
    [
        {"daily_loss_limit": 0.02, "drawdown_limit": 0.05},
        {"hysteresis": 1.0},
        {"early_freeze_mult": 9.0, "panic_mult": 1.0, "hysteresis": 1.5},
        {"freeze_dwell_s": 0.0, "imbalance_hold_s": 0.0, "panic_exit_hold_s": 0.0},
        {"freeze_dwell_s": 18.0, "imbalance_hold_s": 48.0, "panic_exit_hold_s": 30.0},
        {"imbalance_available_pct": 95.0, "imbalance_ratio": 2.0},
    ],
    ids=["days", "no hysteresis", "far apart", "no waits", "odd waits", "wide imbalance"],
)
def test_the_safe_ladder_keeps_its_duties_under_other_settings(values: dict[str, float]) -> None:
    assert prove(risk_settings(values, has_margin=True)).counter_examples == {}


@pytest.mark.parametrize("chosen", [SAFE, DOCUMENTED, settings(daily_loss_limit=0.02)], ids=["safe", "original", "day"])
def test_the_grid_has_points_inside_on_and_beyond_every_threshold(chosen: Any) -> None:
    grid = grid_of(chosen)
    thresholds = [
        (grid.available, chosen.early_freeze_mult),
        (grid.available, chosen.panic_mult),
        (grid.available, chosen.panic_mult * chosen.hysteresis),
        (grid.available, chosen.early_freeze_mult * chosen.hysteresis),
        (grid.ratio, chosen.imbalance_ratio),
        (grid.available_pct, chosen.imbalance_available_pct),
        (grid.mm_rate, chosen.mm_rate_threshold / 100.0),
        *((grid.equity, 1.0 - limit) for limit in (chosen.daily_loss_limit, chosen.max_account_drawdown) if limit),
    ]
    for values, threshold in thresholds:
        assert threshold in values
        assert (values < threshold).any()
        assert (values > threshold).any()
    for seconds in (chosen.freeze_dwell_s, chosen.imbalance_hold_s, chosen.panic_exit_hold_s):
        assert int(seconds * SECOND) in grid.waits_ns


def test_figures_run_from_good_to_bad() -> None:
    grid = grid_of(SAFE)
    for values, better_is_higher in zip(grid[:5], (True, False, True, False, True), strict=True):
        assert (np.diff(values) < 0).all() if better_is_higher else (np.diff(values) > 0).all()


def test_the_tick_divides_every_wait_or_the_longest_has_not_too_many() -> None:
    assert tick_ns(SAFE) == 5 * SECOND
    assert tick_ns(settings(freeze_dwell_s=0.0, imbalance_hold_s=0.0, panic_exit_hold_s=0.0)) == SECOND
    odd = tick_ns(settings(imbalance_hold_s=7.0, panic_exit_hold_s=3_600.0))
    assert 3_600 * SECOND // odd <= 60


def test_a_packed_ladder_unpacks_to_one_that_packs_alike() -> None:
    scale = scale_of(SAFE, grid_of(SAFE))
    ladder = fresh_ladder(LadderState.PANIC)
    ladder.calm_since_ns, ladder.imbalance_since_ns = NOON - 30 * SECOND, NOON - 5 * SECOND
    ladder.thawed_since_ns = NOON - 5 * SECOND
    ladder.is_operator_frozen, ladder.peak_equity, ladder.alarm = True, 0.8, 3
    witness = Witness.new()  # type: ignore[attr-defined]
    witness.calm_since_ns, witness.thawed_since_ns = NOON - 20 * SECOND, NOON - 10 * SECOND
    key = pack(ladder, witness, scale)
    again, other = fresh_ladder(), Witness.new()  # type: ignore[attr-defined]
    unpack(key, again, other, scale)
    assert pack(again, other, scale) == key
    assert (other.state, other.calm_since_ns, other.thawed_since_ns) == (LadderState.PANIC, *witness.tolist()[1:])
    for name in (
        "state",
        "calm_since_ns",
        "thawed_since_ns",
        "imbalance_since_ns",
        "is_operator_frozen",
        "peak_equity",
        "alarm",
    ):
        assert again[name] == ladder[name]


@pytest.mark.parametrize(
    ("left", "reached", "calm_s", "thawed_s", "earned"),
    [
        (LadderState.FROZEN, LadderState.NORMAL, 0, 10, True),
        (LadderState.FROZEN, LadderState.NORMAL, 60, 9, False),
        (LadderState.PANIC, LadderState.FROZEN, 60, 0, True),
        (LadderState.PANIC, LadderState.FROZEN, 59, 59, False),
        (LadderState.PANIC, LadderState.NORMAL, 60, 10, True),
        (LadderState.PANIC, LadderState.NORMAL, 60, 9, False),
        (LadderState.EMERGENCY, LadderState.FROZEN, 60, 60, False),
        (LadderState.NORMAL, LadderState.PANIC, 0, 0, True),
    ],
)
def test_the_witness_grants_a_way_down_only_after_its_time(
    left: LadderState, reached: LadderState, calm_s: int, thawed_s: int, earned: bool
) -> None:
    ladder, witness = fresh_ladder(reached), Witness.new()  # type: ignore[attr-defined]
    ladder.evaluated_ns, witness.state = NOON, left
    witness.calm_since_ns, witness.thawed_since_ns = NOON - calm_s * SECOND, NOON - thawed_s * SECOND
    assert attest(witness, ladder, SAFE, figures()) == earned
    assert (witness.state, witness.thawed_since_ns) == (reached, NOON)


def test_the_witness_starts_anew_with_a_cause_that_comes_back() -> None:
    ladder, witness = fresh_ladder(LadderState.FROZEN), Witness.new()  # type: ignore[attr-defined]
    ladder.evaluated_ns, witness.state, witness.thawed_since_ns = NOON, LadderState.FROZEN, NOON - 60 * SECOND
    attest(witness, ladder, SAFE, figures(available_for_trading=29.0))
    ladder.state = LadderState.NORMAL
    assert not attest(witness, ladder, SAFE, figures())


@pytest.mark.parametrize("fault", range(STALE + 1))
def test_every_fault_makes_the_situation_unknown(fault: int) -> None:
    facts = figures()
    row = np.array([[5.0, 1.0, 50.0, 0.1, 1.0]])
    put(facts, 0, row, 0, KNOWN)
    assert facts.is_known
    put(facts, 0, row, 0, fault)
    assert not facts.is_known


def test_the_profile_without_a_ladder_fails_its_duties() -> None:
    off = risk_settings({"profile": int(Profile.OFF)}, has_margin=True)
    assert {Duty.FAILS_CLOSED, Duty.EMERGENCY_REACHABLE} <= set(prove(off).counter_examples)
