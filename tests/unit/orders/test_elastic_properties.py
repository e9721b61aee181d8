"""What holds for every series of profits: E1 to E4, and how the modes stand to each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ballast.orders.elastic import ElasticStop, Verdict, accept, step
from ballast.orders.elastic_settings import ElasticMode, MaxPeakLockMode, unread
from ballast.orders.fixed_point import to_fixed
from tests.unit.orders.elastic_run import START_NS, locks, new_decision, new_stop, play, settings_of

CENTS = st.lists(st.integers(min_value=-300, max_value=600), min_size=1, max_size=40)
PROFITS = st.lists(st.floats(min_value=-5.0, max_value=20.0), min_size=1, max_size=40)
MODES = st.sampled_from(ElasticMode)
PACES = st.sampled_from([40_000_000, 300_000_000, 1_700_000_000, 3_000_000_000, 60_000_000_000])


@st.composite
def settings_of_any_kind(draw: st.DrawFn) -> Any:
    """Draw settings that `validate` accepts, in whole cents."""
    cents = st.integers(min_value=1, max_value=200)
    threshold, margin = draw(cents), draw(cents)
    high, lock = draw(cents), draw(cents)
    return settings_of(
        draw(MODES),
        max_peak_lock_mode=draw(st.sampled_from(MaxPeakLockMode)),
        pullback_tolerance_pct=draw(st.integers(min_value=0, max_value=100)) / 100,
        min_lock_increment_usd=draw(cents) / 100,
        big_jump_threshold_usd=max(threshold, margin) / 100,
        big_jump_lock_margin_usd=min(threshold, margin) / 100,
        max_peak_threshold_usd=max(high, lock) / 100,
        max_peak_lock_usd=min(high, lock) / 100,
        min_lock_move_usd=draw(st.integers(min_value=0, max_value=10)) / 100,
        enabled=draw(st.booleans()),
    )


@given(PROFITS, settings_of_any_kind(), PACES)
def test_e1_a_lock_never_moves_backward(profits: list[float], settings: Any, every_ns: int) -> None:
    stop = new_stop()
    held = [float(decision.lock) for decision in play(stop, settings, profits, every_ns)] + [float(stop.lock)]
    assert all(np.isnan(before) or after >= before for before, after in pairwise(held))


@given(PROFITS, settings_of_any_kind(), PACES)
def test_e2_no_lock_is_above_the_peak(profits: list[float], settings: Any, every_ns: int) -> None:
    for decision in play(new_stop(), settings, profits, every_ns):
        assert to_fixed(decision.target) <= to_fixed(decision.peak)
        assert decision.target >= 0.0


@given(PROFITS, settings_of_any_kind(), PACES)
def test_e3_no_reconciled_stop_is_asked_for_through_the_market(
    profits: list[float], settings: Any, every_ns: int
) -> None:
    settings.mode = ElasticMode.RECONCILED
    for decision in play(new_stop(), settings, profits, every_ns):
        assert decision.verdict != Verdict.MOVE or to_fixed(decision.target) < to_fixed(decision.profit)


@given(PROFITS, settings_of_any_kind(), st.integers(min_value=0, max_value=39))
def test_e4_what_cannot_be_read_might_as_well_not_have_come(profits: list[float], settings: Any, at: int) -> None:
    clean, disturbed = new_stop(), new_stop()
    play(clean, settings, profits)
    for number, profit in enumerate(profits, 1):
        decision = new_decision()
        if number == at:
            step(disturbed, settings, float("nan"), START_NS + number, decision)
        if step(disturbed, settings, profit, START_NS + number * 3_000_000_000, decision) == Verdict.MOVE:
            accept(disturbed, decision.target)
    assert disturbed.tobytes() == clean.tobytes()


@given(CENTS)
def test_a_reconciled_stop_gives_the_tolerance_unless_the_fixed_lock_holds(cents: list[int]) -> None:
    """With the default settings only break-even, a jump and the fixed lock are tighter than the elastic line."""
    for decision in play(new_stop(), settings_of(), [value / 100 for value in cents]):
        if decision.peak < 1.0 and not decision.is_jump and decision.peak >= 0.20:
            assert to_fixed(decision.target) == max(to_fixed(decision.elastic_line), to_fixed(decision.floor_lock))
            assert decision.floor_lock <= 0.10


@given(CENTS)
def test_a_literal_stop_without_jumps_is_never_wider_than_the_reconciled_one_below_the_cap(cents: list[int]) -> None:
    profits = [min(value, 99) / 100 for value in cents]
    calm: dict[str, Any] = {"big_jump_threshold_usd": 100.0}
    literal = locks(profits, settings_of(ElasticMode.LITERAL, **calm))
    reconciled = locks(profits, settings_of(min_lock_move_usd=0.0, **calm))
    for tight, wide in zip(literal, reconciled, strict=True):
        assert wide is None or (tight is not None and tight >= wide)


@given(CENTS)
def test_above_the_cap_a_literal_stop_is_never_tighter_than_the_reconciled_one(cents: list[int]) -> None:
    calm: dict[str, Any] = {"big_jump_threshold_usd": 100.0, "min_lock_move_usd": 0.0}
    run = [1.00, *(abs(value) / 100 + 0.81 for value in cents)]
    literal, reconciled = locks(run, settings_of(ElasticMode.LITERAL, **calm)), locks(run, settings_of(**calm))
    assert all(narrow == 0.80 for narrow in literal)
    assert all(wide is not None and wide >= 0.80 for wide in reconciled)


@given(CENTS, settings_of_any_kind())
def test_an_account_in_cents_gets_the_same_locks_in_cents(cents: list[int], settings: Any) -> None:
    scaled = settings.copy()
    for key in scaled.dtype.names:
        if key.endswith("_usd"):
            setattr(scaled, key, to_fixed(settings[key]) / 1_000_000)
    small = locks([value / 100 for value in cents], settings)
    large = locks([float(value) for value in cents], scaled)
    assert [None if lock is None else to_fixed(lock) * 100 for lock in small] == [
        None if lock is None else to_fixed(lock) for lock in large
    ]


@given(PROFITS, settings_of_any_kind(), PACES, st.integers(min_value=0, max_value=40))
def test_a_stop_goes_on_from_its_bytes(profits: list[float], settings: Any, every_ns: int, cut: int) -> None:
    whole, first = new_stop(), new_stop()
    for number, profit in enumerate(profits, 1):
        if number == cut:
            first = np.frombuffer(bytearray(first.tobytes()), ElasticStop.dtype()).view(np.recarray)[0]  # type: ignore[attr-defined]
        for stop in (whole, first):
            decision = new_decision()
            if step(stop, settings, profit, START_NS + number * every_ns, decision) == Verdict.MOVE:
                accept(stop, decision.target)
    assert first.tobytes() == whole.tobytes()


@given(PROFITS, settings_of_any_kind(), PACES, st.data())
def test_what_is_said_to_be_unread_changes_nothing(
    profits: list[float], settings: Any, every_ns: int, data: st.DataObject
) -> None:
    other = settings.copy()
    for key in unread(settings):
        if key == "max_peak_lock_mode":
            other.max_peak_lock_mode = 1 - settings.max_peak_lock_mode
        else:
            setattr(other, key, data.draw(st.floats(min_value=0.01, max_value=5.0), label=key))
    asked = [
        [float(decision.target) for decision in play(new_stop(), one, profits, every_ns)] for one in (settings, other)
    ]
    assert asked[0] == asked[1]
    verdicts = [
        [int(decision.verdict) for decision in play(new_stop(), one, profits, every_ns)] for one in (settings, other)
    ]
    assert verdicts[0] == verdicts[1]
