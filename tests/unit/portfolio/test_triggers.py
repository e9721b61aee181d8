"""When a rebalance is due: thresholds, the calendar, and figures against their baselines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.portfolio.periods import Frequency, month_of, period_of
from ballast.portfolio.triggers import (
    RebalanceTrigger,
    calendar_due,
    correlation_due,
    threshold_due,
    trigger_of,
    volatility_due,
)

DAY_NS = 86_400_000_000_000


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc, arg-type]


def test_triggers_have_the_values_that_their_users_write() -> None:
    assert {trigger.name: trigger.value for trigger in RebalanceTrigger} == {
        "THRESHOLD_BASED": "threshold_based",
        "CALENDAR_BASED": "calendar_based",
        "VOLATILITY_BASED": "volatility_based",
        "CORRELATION_BASED": "correlation_based",
        "MANUAL": "manual",
    }
    assert trigger_of("manual") is RebalanceTrigger.MANUAL


def test_an_unknown_trigger_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'threshold_based'"):
        trigger_of("treshold_based")


@pytest.mark.parametrize(("drift", "is_due"), [(0.02, False), (0.1, False), (0.5 - 0.4, False), (0.15, True)])
def test_drift_is_due_strictly_above_the_threshold(drift: float, is_due: bool) -> None:
    assert threshold_due(drift, 0.10).is_due == is_due


def test_the_calendar_is_due_at_first_and_then_after_whole_days() -> None:
    start = at(2026, 1, 1, 12)
    assert calendar_due(None, start, Frequency.ELAPSED_DAYS, 30).is_due
    assert not calendar_due(start, start + 30 * DAY_NS - 1, Frequency.ELAPSED_DAYS, 30).is_due
    assert calendar_due(start, start + 30 * DAY_NS, Frequency.ELAPSED_DAYS, 30).is_due


@pytest.mark.parametrize(
    ("frequency", "last", "now", "is_due"),
    [
        # Monday late, Tuesday early: another day although less than one has passed.
        (Frequency.DAILY, at(2026, 1, 26, 15, 55), at(2026, 1, 27, 9, 35), True),
        (Frequency.DAILY, at(2026, 1, 26, 0), at(2026, 1, 26, 23, 59), False),
        # January's last Friday, February's first Monday.
        (Frequency.MONTHLY, at(2026, 1, 30), at(2026, 2, 2), True),
        (Frequency.MONTHLY, at(2026, 1, 1), at(2026, 1, 31), False),
        # 2025-12-31 is in the first ISO week of 2026.
        (Frequency.WEEKLY, at(2025, 12, 31), at(2026, 1, 2), False),
        (Frequency.WEEKLY, at(2025, 12, 31), at(2026, 1, 5), True),
        (Frequency.QUARTERLY, at(2026, 3, 31), at(2026, 4, 1), True),
        (Frequency.QUARTERLY, at(2026, 4, 1), at(2026, 6, 30), False),
        (Frequency.QUARTERLY, at(2025, 2, 1), at(2026, 2, 1), True),
    ],
)
def test_a_calendar_period_is_due_when_it_is_another(frequency: Frequency, last: int, now: int, is_due: bool) -> None:
    assert calendar_due(last, now, frequency, 30).is_due == is_due


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.sampled_from([Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY, Frequency.QUARTERLY]),
)
def test_a_period_holds_all_of_its_days_and_no_other(moment: datetime, frequency: Frequency) -> None:
    def key(date: datetime) -> int:
        return period_of(int(date.timestamp()) * 1_000_000_000, frequency)

    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    assert key(midnight) == key(midnight + timedelta(hours=23, minutes=59, seconds=59))
    begins = {
        Frequency.DAILY: True,
        Frequency.WEEKLY: midnight.weekday() == 0,
        Frequency.MONTHLY: midnight.day == 1,
        Frequency.QUARTERLY: midnight.day == 1 and midnight.month in {1, 4, 7, 10},
    }[frequency]
    assert (key(midnight - timedelta(seconds=1)) != key(midnight)) == begins


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_months_are_the_calendars(moment: datetime) -> None:
    at = moment.replace(microsecond=0, tzinfo=UTC)
    assert month_of(int(at.timestamp()) * 1_000_000_000) == at.year * 12 + at.month - 1


@pytest.mark.parametrize(
    ("baseline", "now", "is_due"),
    [
        (None, 0.5, False),
        (0.5, 0.6, False),  # exactly 20 %
        (0.5, 0.601, True),
        (0.5, 0.399, True),
        (0.5, 0.4, False),
        (0.0, 0.01, True),
        (0.5, nan, False),
        (None, nan, False),
    ],
)
def test_volatility_is_due_when_it_leaves_its_baseline_by_a_fifth(
    baseline: float | None, now: float, is_due: bool
) -> None:
    assert volatility_due(baseline, now, 0.20).is_due == is_due


@pytest.mark.parametrize(
    ("baseline", "now", "is_due"),
    [(None, 0.5, False), (0.5, 0.6, False), (0.5, 0.61, True), (0.05, -0.06, True), (0.5, nan, False)],
)
def test_correlation_is_due_when_it_leaves_its_baseline_by_a_tenth(
    baseline: float | None, now: float, is_due: bool
) -> None:
    assert correlation_due(baseline, now, 0.10).is_due == is_due


def test_the_reason_tells_the_old_value_from_the_new_one() -> None:
    assert volatility_due(0.5, 0.7, 0.2).reason == "volatility went from 0.5 to 0.7, more than 0.2"
    assert correlation_due(0.5, 0.55, 0.1).reason == "average correlation went from 0.5 to 0.55, not more than 0.1"
