"""
The elastic trailing stop: a stop that follows the profit of a position, with room to breathe.

``step`` takes one sample of a position's profit, net of swap and commission, in account currency, and says
which profit the stop should lock. What was really placed, after the market's distance rules and rounding,
is told by ``accept``, and that is what later samples are compared with.

Invariants: (E1) a lock never moves backward; (E2) no lock is above the peak; (E3) in RECONCILED mode no lock
is asked for at or beyond the profit of the sample; (E4) what cannot be read changes nothing.

Locks, with ``inc`` the increment and ``trunc`` towards zero:

- RECONCILED: the larger of the elastic line, ``peak * (1 - tolerance)``, and a fixed part: break-even from
  the first step and one increment from the second; after a jump the level before it plus the margin; from
  ``max_peak_threshold_usd`` on exactly ``max_peak_lock_usd``.
- LITERAL: the larger of the elastic line and the ladder ``trunc(profit / inc) * inc - inc``; after a jump at
  least the peak less the margin; capped from ``max_peak_threshold_usd`` on.
- ORIGINAL: as LITERAL, with three quarters of the peak after a jump, always capped, and starting from a lock
  of 0, so that break-even is never placed.
"""

from __future__ import annotations

from enum import IntEnum
from math import isnan, nan
from typing import Annotated

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.records import Shape, record
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings, MaxPeakLockMode
from ballast.orders.fixed_point import ONE, fraction_of, is_amount, to_amount, to_fixed

LONG_AGO_NS = -(2**62)
JUMP_RESOLUTION = 10
"""Parts of the jump window in which a profit is kept: under 3 s, one every 300 ms."""
KEPT_SAMPLES = JUMP_RESOLUTION + 1
THREE_QUARTERS = 3 * ONE // 4


class Verdict(IntEnum):
    """What a sample led to."""

    MOVE = 0
    UNREADABLE = 1  # NaN, a giant, or older than the sample before
    BELOW_FIRST_STEP = 2
    HELD = 3  # the lock is already there, or further
    THROUGH_MARKET = 4  # the stop would fill at once; try again at the next sample


class AfterMiss(IntEnum):
    """What to do when the venue refused to move a stop."""

    RETRY = 0
    ALARM = 1
    CLOSE = 2


@record
class ElasticStop:
    """
    Memory of one position's stop. ``new()`` is a position that was found open: its first sample is its baseline.

    ``lock`` is the profit at the stop that is really there, NaN without one. ``sample`` and ``sample_ns`` are
    the last profit seen and when; ``kept`` holds earlier ones, a ring of ``n_kept`` from ``oldest`` on.
    """

    peak: float
    lock: float = nan
    sample: float = nan
    sample_ns: int = LONG_AGO_NS
    missed_moves: int
    oldest: int
    n_kept: int
    kept: Annotated[npt.NDArray[np.float64], Shape(KEPT_SAMPLES)]
    kept_ns: Annotated[npt.NDArray[np.int64], Shape(KEPT_SAMPLES)]


@record
class ElasticDecision:
    """
    What one sample came to, and how: for orders, for logs, for tables.

    ``target`` is the lock that the rules ask for, whether or not the stop moves there. ``baseline`` is the
    profit that a jump was measured against, NaN if there was none. ``lock`` is the one in force before.
    """

    verdict: int
    profit: float = nan
    peak: float = nan
    baseline: float = nan
    floor_lock: float = nan
    elastic_line: float = nan
    is_jump: bool
    target: float = nan
    lock: float = nan


@compiled
def begin(stop: ElasticStop, profit: float, time_ns: int) -> None:
    """Start with a profit known at ``time_ns``, such as 0 when the position was opened: the first baseline."""
    stop.peak = max(0.0, profit)
    stop.sample = profit
    stop.sample_ns = time_ns
    stop.kept[0] = profit
    stop.kept_ns[0] = time_ns
    stop.oldest = 0
    stop.n_kept = 1


@compiled
def forget(stop: ElasticStop) -> None:
    """Return to a stop that never saw a profit, byte for byte, so that equal histories leave equal bytes."""
    stop.peak = 0.0
    stop.lock = nan
    stop.sample = nan
    stop.sample_ns = LONG_AGO_NS
    stop.missed_moves = 0
    stop.oldest = 0
    stop.n_kept = 0
    for k in range(stop.kept.shape[0]):
        stop.kept[k] = 0.0
        stop.kept_ns[k] = 0


@compiled
def step(stop: ElasticStop, settings: ElasticSettings, profit: float, time_ns: int, decision: ElasticDecision) -> int:
    """
    Take a sample of the profit, fill in ``decision``, and return its ``Verdict``.

    The lock in force stays as it is until ``accept``. ``settings`` must have passed ``validate``.
    """
    decision.profit = profit
    decision.lock = stop.lock
    if not is_amount(profit) or time_ns < stop.sample_ns:
        decision.verdict = Verdict.UNREADABLE
        return Verdict.UNREADABLE
    baseline = jump_baseline(stop, settings, time_ns)
    keep(stop, settings, profit, time_ns)
    stop.peak = max(stop.peak, profit)
    now, peak = to_fixed(profit), to_fixed(stop.peak)
    is_jump = not isnan(baseline) and now - to_fixed(baseline) > to_fixed(settings.big_jump_threshold_usd)
    floor_lock, line = floor_of(settings, now, peak), line_of(settings, peak)
    target = target_of(settings, now, peak, floor_lock, line, is_jump, baseline)
    decision.peak = stop.peak
    decision.baseline = baseline
    decision.floor_lock = to_amount(floor_lock)
    decision.elastic_line = to_amount(line)
    decision.is_jump = is_jump
    decision.target = to_amount(target)
    decision.verdict = judge(stop, settings, now, target)
    return decision.verdict


@compiled(inline=True)
def judge(stop: ElasticStop, settings: ElasticSettings, profit: int, target: int) -> int:
    """Return what a target means at this profit, both integers of 1e-8."""
    if profit < to_fixed(settings.min_lock_increment_usd):
        return Verdict.BELOW_FIRST_STEP
    if not is_better(settings, stop.lock, target):
        return Verdict.HELD
    if settings.mode == ElasticMode.RECONCILED and profit <= target:
        return Verdict.THROUGH_MARKET
    return Verdict.MOVE


@compiled(inline=True)
def is_better(settings: ElasticSettings, lock: float, target: int) -> bool:
    """Tell whether ``target``, an integer of 1e-8, is far enough above the lock in force; NaN is none."""
    if settings.mode == ElasticMode.ORIGINAL and isnan(lock):
        return target > 0
    if isnan(lock):
        return True
    if settings.mode == ElasticMode.RECONCILED and settings.min_lock_move_usd > 0.0:
        return target >= to_fixed(lock) + to_fixed(settings.min_lock_move_usd)
    return target > to_fixed(lock)


@compiled(inline=True)
def ladder(profit: int, increment: int) -> int:
    """Return the whole increments in ``profit`` less one, at least 0."""
    return max(0, profit // increment * increment - increment)


@compiled(inline=True)
def floor_of(settings: ElasticSettings, profit: int, peak: int) -> int:
    """Return the part of the lock that steps: of the peak and never above one increment when reconciled."""
    increment = to_fixed(settings.min_lock_increment_usd)
    if settings.enabled and settings.mode == ElasticMode.RECONCILED:
        return min(increment, ladder(peak, increment))
    return ladder(profit, increment)


@compiled(inline=True)
def line_of(settings: ElasticSettings, peak: int) -> int:
    """Return the elastic line; 0 where it is switched off."""
    return fraction_of(peak, ONE - to_fixed(settings.pullback_tolerance_pct)) if settings.enabled else 0


@compiled(inline=True)
def target_of(
    settings: ElasticSettings, profit: int, peak: int, floor_lock: int, line: int, is_jump: bool, baseline: float
) -> int:
    """Return the lock that the rules ask for."""
    if not settings.enabled:
        return max(floor_lock, fraction_of(max(0, profit), THREE_QUARTERS)) if is_jump else floor_lock
    has_run = peak >= to_fixed(settings.max_peak_threshold_usd)
    highest = to_fixed(settings.max_peak_lock_usd)
    margin = to_fixed(settings.big_jump_lock_margin_usd)
    if settings.mode == ElasticMode.RECONCILED:
        if has_run:
            return highest if settings.max_peak_lock_mode == MaxPeakLockMode.CAP else max(highest, line)
        return max(line, max(floor_lock, to_fixed(baseline) + margin) if is_jump else floor_lock)
    target = max(floor_lock, line)
    if settings.mode == ElasticMode.LITERAL:
        target = max(target, peak - margin) if is_jump else target
        return min(target, highest) if has_run else target
    target = max(target, fraction_of(peak, THREE_QUARTERS)) if is_jump else target
    return min(target, highest)


@compiled(inline=True)
def jump_baseline(stop: ElasticStop, settings: ElasticSettings, time_ns: int) -> float:
    """
    Return the profit that a jump to now is measured against; NaN if there is none.

    RECONCILED: the oldest one kept that is at most the window old, whatever the pace of the samples. It
    forgets what is older. The other modes: the sample before.
    """
    if settings.mode != ElasticMode.RECONCILED:
        return stop.sample
    since_ns = time_ns - int(settings.jump_window_seconds * SECOND_NS)
    while stop.n_kept > 0 and stop.kept_ns[stop.oldest] < since_ns:
        stop.oldest = stop.oldest + 1 if stop.oldest + 1 < KEPT_SAMPLES else 0
        stop.n_kept -= 1
    if stop.n_kept > 0:
        return stop.kept[stop.oldest]
    return stop.sample if stop.sample_ns >= since_ns else nan


@compiled(inline=True)
def keep(stop: ElasticStop, settings: ElasticSettings, profit: float, time_ns: int) -> None:
    """Remember a sample, and keep it for the jump window if the last one kept is old enough."""
    stop.sample = profit
    stop.sample_ns = time_ns
    if settings.mode != ElasticMode.RECONCILED:
        return
    if stop.n_kept > 0:
        newest = slot(stop.oldest + stop.n_kept - 1)
        if time_ns - stop.kept_ns[newest] < int(settings.jump_window_seconds * SECOND_NS) // JUMP_RESOLUTION:
            return
    free = slot(stop.oldest + stop.n_kept)
    stop.kept[free] = profit
    stop.kept_ns[free] = time_ns
    stop.n_kept += 1


@compiled(inline=True)
def slot(index: int) -> int:
    """Return the ring's slot of an index that may have passed its end once."""
    return index - KEPT_SAMPLES if index >= KEPT_SAMPLES else index


@compiled
def accept(stop: ElasticStop, lock: float) -> None:
    """Record the profit at the stop that is now in force; one below the present lock is ignored."""
    if isnan(stop.lock) or lock > stop.lock:
        stop.lock = lock
    stop.missed_moves = 0


@compiled
def miss(stop: ElasticStop, settings: ElasticSettings, has_stop: bool) -> int:
    """
    Record that the venue refused to move the stop; return an ``AfterMiss``.

    After ``max_missed_moves`` in a row the operator must know, and a position without any stop is closed.
    """
    stop.missed_moves += 1
    if stop.missed_moves < settings.max_missed_moves:
        return AfterMiss.RETRY
    return AfterMiss.ALARM if has_stop else AfterMiss.CLOSE
