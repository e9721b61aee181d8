"""The elastic stop's worked examples, sample by sample and to the last digit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from math import isnan
from typing import Any

import pytest

from ballast.model.errors import ConfigError
from ballast.orders.elastic import AfterMiss, Verdict, accept, begin, miss, step
from ballast.orders.elastic_settings import ElasticMode, MaxPeakLockMode, validate
from tests.architecture.sources import ROOT
from tests.unit.orders.elastic_run import START_NS, digest, locks, new_decision, new_stop, play, settings_of

RECONCILED, LITERAL, ORIGINAL = ElasticMode.RECONCILED, ElasticMode.LITERAL, ElasticMode.ORIGINAL
DOCUMENTED = (0.56, 0.34, 0.88, 0.64, 1.10)
MS = 1_000_000


@pytest.mark.parametrize(
    ("mode", "baseline", "expected"),
    [
        (LITERAL, 0.0, [0.46, 0.46, 0.78, 0.78, 0.80]),
        (ORIGINAL, 0.0, [0.42, 0.42, 0.70, 0.70, 0.80]),
        (LITERAL, None, [0.40, 0.40, 0.78, 0.78, 0.80]),
        (RECONCILED, 0.0, [0.336, 0.336, 0.528, 0.528, 0.80]),
        (RECONCILED, None, [0.336, 0.336, 0.528, 0.528, 0.80]),
    ],
)
def test_the_documented_sequence(mode: ElasticMode, baseline: float | None, expected: list[float]) -> None:
    """D23."""
    assert locks(DOCUMENTED, settings_of(mode), baseline) == expected


def test_the_documented_sequence_line_by_line() -> None:
    """D23: what stands behind each sample."""
    decisions = play(new_stop(), settings_of(LITERAL), DOCUMENTED)
    assert [decision.peak for decision in decisions] == [0.56, 0.56, 0.88, 0.88, 1.10]
    assert [decision.floor_lock for decision in decisions] == [0.40, 0.20, 0.70, 0.50, 1.00]
    assert [decision.elastic_line for decision in decisions] == [0.336, 0.336, 0.528, 0.528, 0.660]
    assert [bool(decision.is_jump) for decision in decisions] == [True, False, True, False, True]
    assert [Verdict(decision.verdict) for decision in decisions] == [
        Verdict.MOVE,
        Verdict.HELD,
        Verdict.MOVE,
        Verdict.HELD,
        Verdict.MOVE,
    ]


def exit_of(mode: ElasticMode, baseline: float | None) -> tuple[int, float | None]:
    """Return the sample at which a stop that really stands fills, and its lock; 0 if it never does."""
    in_force: float | None = None
    for number, (profit, lock) in enumerate(
        zip(DOCUMENTED, locks(DOCUMENTED, settings_of(mode), baseline), strict=True)
    ):
        if in_force is not None and profit <= in_force:
            return number + 1, in_force
        in_force = lock
    return 0, in_force


def test_only_the_reconciled_stop_survives_the_documented_sequence() -> None:
    """D23: in a closed loop."""
    assert exit_of(LITERAL, 0.0) == (2, 0.46)
    assert exit_of(ORIGINAL, 0.0) == (2, 0.42)
    assert exit_of(LITERAL, None) == (2, 0.40)
    assert exit_of(RECONCILED, 0.0) == (0, 0.80)


@pytest.mark.parametrize(
    ("profits", "expected"),
    [
        ([0.05, 0.09], [None, None]),
        ([0.10], [0.06]),
        ([0.10, 0.15, 0.20, 0.25, 0.30, 0.28, 0.26], [0.06, 0.09, 0.12, 0.15, 0.20, 0.20, 0.20]),
        ([0.30, 0.45, 0.60, 0.55, 0.70], [0.20, 0.30, 0.50, 0.50, 0.60]),
        ([0.60, 0.90, 0.99, 1.00, 1.20, 1.40, 1.70, 2.00], [0.50, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80]),
    ],
)
def test_literal_locks(profits: Sequence[float], expected: list[float | None]) -> None:
    """D24."""
    assert locks(profits, settings_of(LITERAL, big_jump_threshold_usd=0.40), profits[0]) == expected


@pytest.mark.parametrize(("second", "is_jump", "lock"), [(0.60, False, 0.50), (0.61, True, 0.51), (0.70, True, 0.60)])
def test_a_jump_is_more_than_its_threshold(second: float, is_jump: bool, lock: float) -> None:
    """D25."""
    stop = new_stop()
    decisions = play(stop, settings_of(LITERAL), [0.20, second])
    assert (bool(decisions[1].is_jump), stop.lock) == (is_jump, lock)


def test_a_lock_is_kept_when_the_cap_comes_below_it() -> None:
    """D25: from a baseline of 0.55."""
    assert locks([0.99, 1.10], settings_of(LITERAL), 0.55) == [0.89, 0.89]
    assert locks([0.99, 1.10], settings_of(ORIGINAL), 0.55) == [0.80, 0.80]


def test_reconciled_locks() -> None:
    """D26."""
    profits = [0.08, 0.10, 0.15, 0.20, 0.50, 0.91, 0.70, 1.00, 1.40, 2.00, 1.30]
    expected = [None, 0.06, 0.09, 0.12, 0.30, 0.60, 0.60, 0.80, 0.84, 1.20, 1.20]
    decisions = play(new_stop(), settings_of(), profits)
    assert locks(profits, settings_of()) == expected
    assert decisions[5].is_jump
    assert not decisions[4].is_jump


def test_a_runner_is_followed_by_the_reconciled_stop_and_left_by_the_literal_one() -> None:
    """D26: the runner."""
    profits = [0.30, 0.60, 0.95, 1.30, 1.60, 2.00, 3.00, 5.00]
    assert locks(profits, settings_of()) == [0.18, 0.36, 0.57, 0.80, 0.96, 1.20, 1.80, 3.00]
    assert locks(profits, settings_of(LITERAL))[-1] == 0.80
    capped = settings_of(max_peak_lock_mode=MaxPeakLockMode.CAP)
    assert locks(profits, capped) == [0.18, 0.36, 0.57, 0.80, 0.80, 0.80, 0.80, 0.80]


@pytest.mark.parametrize("mode", [LITERAL, ORIGINAL])
def test_the_other_modes_cap_whatever_the_cap_mode_says(mode: ElasticMode) -> None:
    profits = [0.95, 1.30, 5.00]
    free = settings_of(mode, max_peak_lock_mode=MaxPeakLockMode.THEN_ELASTIC)
    assert locks(profits, free) == locks(profits, settings_of(mode, max_peak_lock_mode=MaxPeakLockMode.CAP))
    assert locks(profits, settings_of(ORIGINAL))[0] == 0.80


def test_from_the_threshold_on_the_fixed_lock_is_exact_even_after_a_jump() -> None:
    assert locks([0.20, 1.00], settings_of()) == [0.12, 0.80]
    assert locks([0.20, 1.33, 1.34], settings_of()) == [0.12, 0.80, 0.80]
    assert locks([0.20, 1.35], settings_of()) == [0.12, 0.81]


def test_break_even_is_the_first_lock_where_nothing_else_is() -> None:
    generous: dict[str, Any] = {"pullback_tolerance_pct": 1.0}
    assert locks([0.10, 0.20, 0.90], settings_of(**generous), None) == [0.0, 0.10, 0.30]
    assert locks([0.10, 0.20], settings_of(LITERAL, **generous), None) == [0.0, 0.10]
    assert locks([0.10, 0.20], settings_of(ORIGINAL, **generous), None) == [None, 0.10]


def test_the_reconciled_floor_counts_from_the_peak_and_ends_at_one_increment() -> None:
    decisions = play(new_stop(), settings_of(), [0.10, 0.19, 0.25, 0.15, 0.60, 0.12])
    assert [decision.floor_lock for decision in decisions] == [0.0, 0.0, 0.10, 0.10, 0.10, 0.10]


def test_a_lock_moves_by_a_cent_at_least_but_the_first_always() -> None:
    assert locks([0.50, 0.516, 0.517], settings_of()) == [0.30, 0.30, 0.3102]
    assert locks([0.60, 0.619, 0.62], settings_of(pullback_tolerance_pct=0.5)) == [0.30, 0.30, 0.31]
    assert locks([0.10], settings_of(min_lock_move_usd=0.50)) == [0.06]
    assert locks([0.50, 0.501], settings_of(min_lock_move_usd=0.0)) == [0.30, 0.3006]


def test_a_lock_that_could_not_be_placed_is_not_asked_for_through_the_market() -> None:
    stop, settings, decision = new_stop(), settings_of(), new_decision()
    assert step(stop, settings, 1.00, START_NS + MS, decision) == Verdict.MOVE
    assert isnan(stop.lock)
    for profit in (0.70, 0.80):
        assert step(stop, settings, profit, START_NS + MS, decision) == Verdict.THROUGH_MARKET
        assert decision.target == 0.80
    assert step(stop, settings, 0.81, START_NS + MS, decision) == Verdict.MOVE


@pytest.mark.parametrize("mode", ElasticMode)
@pytest.mark.parametrize("profit", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_what_cannot_be_read_changes_nothing(mode: ElasticMode, profit: float) -> None:
    stop = new_stop()
    play(stop, settings_of(mode), DOCUMENTED)
    before = stop.tobytes()
    assert step(stop, settings_of(mode), profit, START_NS * 2, new_decision()) == Verdict.UNREADABLE
    assert stop.tobytes() == before


def test_a_sample_from_before_the_last_one_changes_nothing() -> None:
    stop = new_stop()
    before = stop.tobytes()
    assert step(stop, settings_of(), 5.0, START_NS - 1, new_decision()) == Verdict.UNREADABLE
    assert stop.tobytes() == before


def test_an_adopted_position_has_its_first_sample_for_baseline_and_its_stop_for_lock() -> None:
    stop = new_stop(None)
    accept(stop, 0.40)
    first, second = play(stop, settings_of(), [0.60, 1.10])
    assert (bool(first.is_jump), first.verdict) == (False, Verdict.HELD)
    assert isnan(first.baseline)
    assert (bool(second.is_jump), second.baseline, stop.lock) == (True, 0.60, 0.80)


def rise(every_ns: int) -> list[float]:
    """Return profits of a rise from 0.20 by 0.45 within 2.4 s, looked at every so often."""
    n = 12_000 * MS // every_ns
    return [0.20 + 0.45 * min(max(number * every_ns / MS - 6_000, 0.0), 2_400) / 2_400 for number in range(n)]


@pytest.mark.parametrize("every_ms", [50, 100, 300, 600, 1_000, 3_000])
def test_a_jump_is_seen_at_every_pace(every_ms: int) -> None:
    assert any(decision.is_jump for decision in play(new_stop(0.2), settings_of(), rise(every_ms * MS), every_ms * MS))


def test_a_rise_that_takes_longer_than_the_window_is_no_jump() -> None:
    assert not any(decision.is_jump for decision in play(new_stop(), settings_of(), [0.1, 0.3, 0.6, 0.9]))
    slow = play(new_stop(0.1), settings_of(), [0.2, 0.9], 3_001 * MS)
    assert [bool(decision.is_jump) for decision in slow] == [False, False]
    assert all(isnan(decision.baseline) for decision in slow)


def test_a_jump_counts_from_the_moment_of_opening() -> None:
    fast = play(new_stop(), settings_of(), [0.05, 0.10, 0.20, 0.30, 0.41], 300 * MS)
    assert [bool(decision.is_jump) for decision in fast] == [False, False, False, False, True]
    assert fast[-1].baseline == 0.0


def test_a_sample_between_two_kept_ones_is_a_baseline_when_the_kept_are_too_old() -> None:
    stop, settings, decision = new_stop(None), settings_of(), new_decision()
    for at_ms, profit in ((0, 0.10), (100, 0.20), (3_050, 0.65)):
        step(stop, settings, profit, START_NS + at_ms * MS, decision)
    assert (decision.baseline, bool(decision.is_jump)) == (0.20, True)


def test_without_elastic_line_the_ladder_is_left() -> None:
    for mode in ElasticMode:
        plain = settings_of(mode, enabled=False)
        assert locks([0.10, 0.25, 0.30, 0.25], plain, None)[1:] == [0.10, 0.20, 0.20]
        assert locks([0.20, 0.80], plain, None)[1] == 0.70
        assert locks([0.20, 0.88], plain, None)[1] == 0.70
        assert locks([0.10, 0.58], plain, None)[1] == 0.435


@pytest.mark.parametrize("mode", ElasticMode)
def test_a_target_equal_to_the_lock_moves_nothing(mode: ElasticMode) -> None:
    decisions = play(new_stop(), settings_of(mode, min_lock_move_usd=0.0), [0.50, 0.50])
    assert [Verdict(decision.verdict) for decision in decisions] == [Verdict.MOVE, Verdict.HELD]


def test_an_accepted_lock_never_goes_back() -> None:
    stop = new_stop()
    accept(stop, 0.40)
    accept(stop, 0.30)
    assert stop.lock == 0.40
    accept(stop, float("nan"))
    assert stop.lock == 0.40


def test_three_refusals_in_a_row_raise_an_alarm_and_close_only_what_has_no_stop() -> None:
    stop, settings = new_stop(), settings_of()
    assert [miss(stop, settings, has_stop=True) for _ in range(4)] == [
        AfterMiss.RETRY,
        AfterMiss.RETRY,
        AfterMiss.ALARM,
        AfterMiss.ALARM,
    ]
    assert miss(stop, settings, has_stop=False) == AfterMiss.CLOSE
    accept(stop, 0.1)
    assert miss(stop, settings, has_stop=False) == AfterMiss.RETRY


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"max_peak_lock_usd": 1.01}, "max_peak_lock_usd"),
        ({"big_jump_lock_margin_usd": 0.41}, "big_jump_lock_margin_usd"),
    ],
)
def test_settings_that_would_lock_more_than_the_peak_are_refused(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^risk\.elastic_trailing\.{key} = .*; use at most "):
        validate(settings_of(**values))
    validate(settings_of(LITERAL, **values))
    validate(settings_of())


def test_a_stop_that_begins_again_forgets_nothing_it_needs() -> None:
    stop = new_stop()
    begin(stop, -0.30, START_NS)
    assert (stop.peak, stop.sample, stop.n_kept) == (0.0, -0.30, 1)


def test_interpreted_and_compiled_code_leave_the_same_bytes() -> None:
    other = "0" if os.environ.get("BALLAST_INTERPRET") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.orders.elastic_run"],
        env={**os.environ, "BALLAST_INTERPRET": other, "PYTHONPATH": f"{ROOT / 'src'}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest()
