"""Periods of the UTC calendar, numbered so that two times in one period have one number."""

from __future__ import annotations

from enum import IntEnum

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS


class Frequency(IntEnum):
    """How often the calendar asks: after whole elapsed days, or once in each period of the UTC calendar."""

    ELAPSED_DAYS = 0
    DAILY = 1
    WEEKLY = 2
    MONTHLY = 3
    QUARTERLY = 4


@compiled
def period_of(time_ns: int, frequency: int) -> int:
    """Return the number of the UTC day, ISO week, month or quarter that holds a time."""
    if frequency == Frequency.WEEKLY:
        # 1970 began on a Thursday.
        return (time_ns // DAY_NS + 3) // 7
    if frequency == Frequency.MONTHLY:
        return month_of(time_ns)
    if frequency == Frequency.QUARTERLY:
        return month_of(time_ns) // 3
    return time_ns // DAY_NS


@compiled
def month_of(time_ns: int) -> int:
    """
    Return the number of the UTC month, counted from January of year 0.

    The calendar arithmetic is H. Hinnant's, "chrono-Compatible Low-Level Date Algorithms", 2013.
    """
    days = time_ns // DAY_NS + 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    return (year_of_era + era * 400) * 12 + month_from_march + 2
