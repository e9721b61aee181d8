"""
A grid on a road, run by the engine: tick by tick, or leaping from event to event.

Between events nothing about the account changes but its marks, so what comes next can be read off what the venue and
the ladder have armed: the price of a watch or a resting order, the root of a guard (a linear form in the marks), the
step at which the maintenance margin rate, convex in the marks, crosses its threshold. A leap ends short of the nearest
of these; the event itself is walked in single ticks, by the same engine on the same bars as a run of ticks alone, and
so is every stretch on which time matters. No rule is written down a second time here. Should anything happen inside a
leap after all, the walk is done again tick by tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ballast.backtest.made_bars import START_NS, lay, on_bars, put, unwritten_bars
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.kernel.projection import account_figures
from ballast.kernel.venue import OrderStatus
from ballast.model.durations import MINUTE_NS, SECOND_NS
from ballast.model.enums import LadderState
from ballast.research.survival.layers import Layer, first_times, is_over
from ballast.research.survival.road import Ints, Road

LONGEST_LEAP = 0.004
"""Of the price: bars as long as this keep the average true range in the band in which single ticks have it."""
SHORT = 2
"""Steps by which a leap ends before what it foresees: prices of several symbols are rounded to their own ticks."""
ROOM = 8
"""Bars beyond one for each step: the first one, and such as stand still."""
STRIDE = 64
"""Ticks walked between two looks at a panic that somebody watches; four times as many when nobody does."""
UNWATCHED_STRIDE = 4_096
"""Ticks walked at once through a panic that nobody watches: they are cheaper than looking."""

Watcher = Callable[["Walk"], None]


class Walk:
    """A session on a road; ``steps[row]`` is the step at which bar ``row`` closes."""

    def __init__(self, setup: Setup, road: Road) -> None:
        self.road = road
        self.steps: Ints = np.zeros(road.n_steps + ROOM, np.int64)
        self.records = unwritten_bars(setup, road.n_steps + ROOM)
        self.session = Session(on_bars(setup, self.records, MINUTE_NS), keeps_curve=False)
        self.row = 0
        self.go(np.zeros(1, np.int64))

    @property
    def step(self) -> int:
        """The step reached."""
        return int(self.steps[self.row - 1])

    @property
    def is_done(self) -> bool:
        """Whether the road or the account has come to its end."""
        return self.step >= self.road.n_steps or is_over(self.session)

    @property
    def changes(self) -> tuple[int, int]:
        """What differs once anything has happened."""
        log, clock = self.session.engine.log, self.session.venue.clock
        return int(log.n_fills) + int(log.n_moves), int(clock.events_written)

    def go(self, steps: Ints) -> None:
        """Walk bars that close at these steps."""
        first, end = self.row, self.row + len(steps)
        closes = self.road.prices(steps)
        before = self.road.prices(self.steps[max(0, first - 1) : max(1, first)])
        opens = np.vstack((before, closes[:-1]))
        lay(self.records, first, end, len(self.road.starts), MINUTE_NS)
        put(self.records, first, opens, np.maximum(opens, closes), np.minimum(opens, closes), closes)
        self.steps[first:end] = steps
        self.row = end
        self.session.run(end)

    def next_steps(self, n_steps: int) -> Ints:
        """Return the next single steps, as many as the road has left."""
        return np.arange(self.step + 1, min(self.step + n_steps, self.road.n_steps) + 1)

    def step_at(self, time_ns: int | None) -> int | None:
        """Return the step that an instant belongs to: the tick at or beyond the price that the road had there."""
        return None if time_ns is None else int(self.steps[max(0, -(-(time_ns - START_NS) // MINUTE_NS) - 1)])

    def layers(self) -> Mapping[Layer, int | None]:
        """Return the step at which each layer fired, None where it did not."""
        return {layer: self.step_at(time_ns) for layer, time_ns in first_times(self.session).items()}


def walked(setup: Setup, road: Road, *, watcher: Watcher | None = None, leaps: bool = True) -> Walk:
    """
    Return the walk to its end.

    ``watcher`` is called after every bar at which anything may have happened. Without ``leaps`` every bar is a tick.
    """
    walk = Walk(setup, road)
    may_leap = leaps and _may_leap(setup, road)
    while not walk.is_done:
        target = foreseen(walk) - SHORT if may_leap else 0
        if target <= walk.step + 1:
            walk.go(walk.next_steps(_stride(walk, is_watched=watcher is not None)))
            if watcher is not None:
                watcher(walk)
            continue
        before = walk.changes
        walk.go(np.array([min(target, walk.step + _longest(walk), road.n_steps)]))
        if walk.changes != before:
            return walked(setup, road, watcher=watcher, leaps=False)
    return walk


def _stride(walk: Walk, *, is_watched: bool) -> int:
    """Return how many ticks to walk before the next look: many in PANIC, where every tick counts but none adds."""
    is_panic = walk.session.engine.strategy_view.ladder_state == LadderState.PANIC
    if is_watched:
        return STRIDE if is_panic else 1
    return UNWATCHED_STRIDE if is_panic else 4 * STRIDE


def _longest(walk: Walk) -> int:
    """Return how many steps a leap may have: of the price there, not of the start."""
    left = 1.0 + walk.road.direction * walk.road.fraction(walk.step)
    return max(1, int(LONGEST_LEAP * min(1.0, left) / walk.road.step))


def _may_leap(setup: Setup, road: Road) -> bool:
    """Tell whether time and bars matter only where events are: no limits by the day, no latency, small ticks."""
    risk = setup.risk
    by_day = risk is not None and max(risk.daily_loss_limit, risk.drawdown_limit) > 0.0
    is_short = risk is None or risk.atr_bar_seconds * SECOND_NS <= MINUTE_NS
    return is_short and not by_day and setup.execution.latency_ns == 0 and 4.0 * road.step < LONGEST_LEAP


def foreseen(walk: Walk) -> int:
    """Return the step before which nothing can happen: the present one where something is due at any time."""
    session, road = walk.session, walk.road
    venue, view = session.venue, session.engine.strategy_view
    clock = venue.clock
    orders, watches = venue.orders[: clock.n_orders], venue.watches[: clock.n_watches]
    is_restless = clock.n_timers > 0 or view.ladder_state == LadderState.PANIC
    if is_restless or np.any(orders["status"] == OrderStatus.PENDING) or np.any(watches["is_passed"]):
        return walk.step
    nearest = min(_at_price(walk, watches), _at_price(walk, orders), _at_guard(walk))
    return _at_rate(walk, min(nearest, walk.step + _longest(walk) + SHORT, road.n_steps + SHORT))


def _at_price(walk: Walk, requests: Any) -> int:
    """Return the first step at which the price of a watch or a resting order, ahead on the road, is reached."""
    road = walk.road
    if not len(requests):
        return road.n_steps + SHORT
    starts = road.starts[requests["symbol"]]
    steps = road.direction * (requests["price"] - starts) / (starts * road.step)
    ahead = steps[steps > walk.step - 1]
    return int(np.floor(ahead.min())) if len(ahead) else road.n_steps + SHORT


def _at_guard(walk: Walk) -> int:
    """Return the first step at which an armed guard's form falls to zero."""
    road = walk.road
    guards = walk.session.venue.guards
    armed = guards[guards["is_armed"]]
    if not len(armed):
        return road.n_steps + SHORT
    # The marks are linear in the step, and so is each form.
    weighted = armed["weight"][:, : len(road.starts)] @ road.starts
    slope = road.direction * road.step * weighted
    value = armed["offset"] + weighted + slope * walk.step
    falls = slope < 0.0
    steps = walk.step + np.maximum(0.0, value[falls]) / -slope[falls]
    return int(min(np.floor(steps.min()), road.n_steps)) if len(steps) else road.n_steps + SHORT


def _at_rate(walk: Walk, farthest: int) -> int:
    """Return the first step up to ``farthest`` at which the maintenance margin rate has reached its threshold."""
    account = walk.session.venue.accounts[0]
    threshold = min(1.0, account.mm_guard_rate or 1.0)
    view = copied(walk.session.engine.strategy_view)

    def is_safe(step: int) -> bool:
        prices = walk.road.prices([step])[0]
        view.mark[: len(prices)] = prices
        return bool(account_figures(view).mm_rate < threshold)

    # Convex in the marks, the rate is safe on the whole way to a safe step.
    safe, unsafe = walk.step, farthest
    if is_safe(unsafe):
        return farthest
    while unsafe - safe > 1:
        middle = (safe + unsafe) // 2
        safe, unsafe = (middle, unsafe) if is_safe(middle) else (safe, middle)
    return unsafe


def copied(record: Any) -> Any:
    """Return a record of one's own with the same content."""
    return np.asarray(record).copy().view(np.recarray)[()]
