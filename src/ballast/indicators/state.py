"""
The two records that every indicator lives in, and the words for what it computes.

1. ``IndicatorSpec`` says what to compute and where its memory and outputs lie; it never changes in a run.
2. ``IndicatorState`` and a slice of one flat ``ring`` array are all the memory; copying both copies the
   indicator.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan

from ballast.model.records import record


class Indicator(IntEnum):
    """What to compute. ``ROLLING_MEAN`` and ``SMA`` are two names of one thing."""

    RSI = 0
    EMA = 1
    SMA = 2
    ROLLING_MEAN = 2
    ATR = 3
    BOLLINGER = 4
    ADX = 5
    CHOPPINESS = 6
    ROLLING_HIGH = 7
    ROLLING_LOW = 8
    ROLLING_STD = 9
    RSI_SIMPLE = 10
    ATR_SIMPLE = 11


class BarField(IntEnum):
    """The column of the bar that a single-series indicator reads."""

    OPEN = 0
    HIGH = 1
    LOW = 2
    CLOSE = 3
    VOLUME = 4


@record
class IndicatorSpec:
    """
    One indicator's settings and addresses; see ``table.plan``.

    ``log_period`` is the decimal logarithm of ``period``, ``decay`` the factor that one bar leaves of the past in a
    smoothed value. The window memory is ``ring[ring_offset : ring_offset + ring_length]``; outputs are written from
    ``output_offset`` on.
    """

    kind: int
    symbol: int
    period: int
    log_period: float
    multiplier: float
    interval_ns: int
    field: int
    decay: float
    ring_offset: int
    ring_length: int
    output_offset: int
    n_outputs: int


@record
class IndicatorState:
    """
    What an indicator remembers besides its ring; each kind uses the fields that it needs.

    ``count`` is the number of bars seen, ``head`` the ring slot of the next one. Fields named ``_sum``
    are Wilder sums (``period`` times Wilder's average) in smoothed kinds, and sums since the start of
    the current block (see ``window``) in windowed kinds, as are ``squares``, ``highest`` and
    ``lowest_negated``.
    """

    count: int
    head: int
    previous_high: float = nan
    previous_low: float = nan
    previous_close: float = nan
    gain_sum: float
    loss_sum: float
    range_sum: float
    plus_sum: float
    minus_sum: float
    index_sum: float
    average: float
    deviation_sum: float
    squares: float
    highest: float = -inf
    lowest_negated: float = -inf
