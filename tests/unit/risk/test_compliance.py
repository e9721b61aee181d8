"""The compliance screen: what it lets in, and when it asks to close."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.durations import DAY_NS, HOUR_NS, MINUTE_NS
from ballast.risk.compliance import (
    ComplianceLimits,
    ComplianceVerdict,
    EntryFacts,
    Swap,
    asks_to_close,
    entry_verdict,
    permits_entry,
    position_verdict,
    randomness_in_force,
    rollover_after,
)

NOON_NS = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
MIDNIGHT_NS = NOON_NS + 12 * HOUR_NS


def limits(**changes: Any) -> Any:
    made = ComplianceLimits.new()  # type: ignore[attr-defined]
    made.is_on = True
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def entry(now_ns: int = NOON_NS, *, is_raising: bool = True, under: Any = None, **facts: Any) -> ComplianceVerdict:
    made = EntryFacts.new()  # type: ignore[attr-defined]
    for name, value in {"is_listed": True, **facts}.items():
        setattr(made, name, value)
    return ComplianceVerdict(entry_verdict(is_raising, now_ns, made, limits() if under is None else under))


SWAP_FREE = {"is_fully_tradeable": True, "is_swap_free_account": True}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"swap": Swap.NONE}, ComplianceVerdict.PASS),
        ({"swap": Swap.CHARGED}, ComplianceVerdict.SWAP_CHARGED),
        ({"swap": Swap.UNKNOWN}, ComplianceVerdict.SWAP_CHARGED),
        ({"swap": Swap.CHARGED, **SWAP_FREE}, ComplianceVerdict.PASS),
        ({"swap": Swap.CHARGED, "is_swap_free_account": True}, ComplianceVerdict.SWAP_CHARGED),
        ({"swap": Swap.CHARGED, "is_fully_tradeable": True}, ComplianceVerdict.SWAP_CHARGED),
        ({"swap": Swap.CHARGED, "is_demo": True}, ComplianceVerdict.SWAP_CHARGED),
        ({"swap": Swap.NONE, "is_listed": False}, ComplianceVerdict.NOT_LISTED),
    ],
)
def test_an_entry_needs_a_listed_symbol_without_swap(facts: dict[str, Any], expected: ComplianceVerdict) -> None:
    assert entry(**facts) == expected


def test_demo_leniency_is_off_until_asked_for_and_then_noted() -> None:
    assert not ComplianceLimits.new().is_lenient_on_demo  # type: ignore[attr-defined]
    lenient = limits(is_lenient_on_demo=True)
    assert entry(under=lenient, is_demo=True) == ComplianceVerdict.PASS_AS_DEMO
    assert entry(under=lenient, is_demo=False) == ComplianceVerdict.SWAP_CHARGED
    assert entry(under=lenient, is_demo=True, is_listed=False) == ComplianceVerdict.NOT_LISTED


def test_swap_may_be_left_unscreened() -> None:
    assert entry(under=limits(is_swap_free_required=False), swap=Swap.CHARGED) == ComplianceVerdict.PASS


def test_nothing_is_known_by_default_and_nothing_enters() -> None:
    unknown = EntryFacts.new()  # type: ignore[attr-defined]
    assert (
        entry_verdict(is_raising=True, now_ns=NOON_NS, facts=unknown, limits=limits()) == ComplianceVerdict.NOT_LISTED
    )


def test_without_the_screen_everything_passes() -> None:
    off = limits(is_on=False)
    assert entry(under=off, is_listed=False) == ComplianceVerdict.PASS
    assert position_verdict(NOON_NS, 0, off) == ComplianceVerdict.PASS
    assert randomness_in_force(0.05, off) == 0.05


def test_under_the_screen_nothing_is_skipped_at_random() -> None:
    assert randomness_in_force(0.05, limits()) == 0.0


@pytest.mark.parametrize(
    ("before_ns", "expected"),
    [
        (10 * MINUTE_NS + 1, ComplianceVerdict.PASS),
        (10 * MINUTE_NS, ComplianceVerdict.NEAR_ROLLOVER),
        (1, ComplianceVerdict.NEAR_ROLLOVER),
        (0, ComplianceVerdict.PASS),
    ],
)
def test_nothing_is_entered_in_the_last_minutes_before_a_rollover(before_ns: int, expected: ComplianceVerdict) -> None:
    assert entry(MIDNIGHT_NS - before_ns, swap=Swap.NONE) == expected


def test_a_reduction_passes_whatever_the_screen_says() -> None:
    assert entry(MIDNIGHT_NS - 1, is_raising=False, is_listed=False) == ComplianceVerdict.PASS


@pytest.mark.parametrize(
    ("opened_ns", "now_ns", "expected"),
    [
        (NOON_NS, NOON_NS, ComplianceVerdict.PASS),
        (NOON_NS, MIDNIGHT_NS - 10 * MINUTE_NS - 1, ComplianceVerdict.PASS),
        (NOON_NS, MIDNIGHT_NS - 10 * MINUTE_NS, ComplianceVerdict.CLOSE_BEFORE_ROLLOVER),
        (NOON_NS, MIDNIGHT_NS + HOUR_NS, ComplianceVerdict.CLOSE_BEFORE_ROLLOVER),  # The stop was missed.
        (MIDNIGHT_NS, MIDNIGHT_NS, ComplianceVerdict.PASS),
        (MIDNIGHT_NS - 1, MIDNIGHT_NS - 1, ComplianceVerdict.CLOSE_BEFORE_ROLLOVER),
        (NOON_NS, NOON_NS + 24 * HOUR_NS, ComplianceVerdict.CLOSE_MAX_HOLD),
        (0, NOON_NS, ComplianceVerdict.CLOSE_AGE_UNKNOWN),
        (-1, NOON_NS, ComplianceVerdict.CLOSE_AGE_UNKNOWN),
    ],
)
def test_a_position_is_closed_before_the_rollover(opened_ns: int, now_ns: int, expected: ComplianceVerdict) -> None:
    assert position_verdict(now_ns, opened_ns, limits()) == expected


@pytest.mark.parametrize(
    ("age_ns", "expected"),
    [(24 * HOUR_NS - 1, ComplianceVerdict.PASS), (24 * HOUR_NS, ComplianceVerdict.CLOSE_MAX_HOLD)],
)
def test_a_position_is_closed_at_its_age(age_ns: int, expected: ComplianceVerdict) -> None:
    assert position_verdict(NOON_NS + age_ns, NOON_NS, limits(forbids_overnight=False)) == expected


times = st.integers(1, 2**61)
time_of_day = st.integers(0, DAY_NS - 1)


@given(times, time_of_day)
def test_the_next_rollover_is_after_now_at_most_a_day_away_and_at_its_time_of_day(
    now_ns: int, rollover_ns: int
) -> None:
    following = rollover_after(now_ns, rollover_ns)
    assert now_ns < following <= now_ns + DAY_NS
    assert following % DAY_NS == rollover_ns


@given(times, st.integers(0, 10 * DAY_NS), time_of_day, st.integers(MINUTE_NS, 4 * HOUR_NS))
def test_no_position_is_held_over_a_rollover(opened_ns: int, age_ns: int, rollover_ns: int, lead_ns: int) -> None:
    under = limits(rollover_ns=rollover_ns, rollover_lead_ns=lead_ns)
    crossed = opened_ns + age_ns >= rollover_after(opened_ns, rollover_ns)
    if crossed:
        assert asks_to_close(position_verdict(opened_ns + age_ns, opened_ns, under))


@given(times, time_of_day, st.integers(MINUTE_NS, 4 * HOUR_NS))
def test_what_may_enter_need_not_close_at_once(now_ns: int, rollover_ns: int, lead_ns: int) -> None:
    under = limits(rollover_ns=rollover_ns, rollover_lead_ns=lead_ns)
    may_enter = permits_entry(entry(now_ns, under=under, swap=Swap.NONE))
    assert may_enter == (not asks_to_close(position_verdict(now_ns, now_ns, under)))
