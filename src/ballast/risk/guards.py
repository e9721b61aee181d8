"""
Guards: the kernel's alarm clocks at the prices where a threshold of the ladder is met.

Every guard is a sum of the facts' own forms, so that what wakes the ladder is what it then sees. Armed are only
those whose crossing could change something in the present state, each on the side on which the account stands.
Kernel guards fire where their value falls below zero: what must be reached from below is armed with its sign turned.
The maintenance margin rate, which is no line, has a guard of its own.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from ballast.kernel.thresholds import GUARD_TOLERANCE
from ballast.model.compiled import compiled
from ballast.model.enums import LadderState
from ballast.risk.breakers import floor_of
from ballast.risk.facts import Facts
from ballast.risk.ladder import Ladder
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import Profile, RiskSettings
from ballast.risk.thresholds import has_reached, is_over, is_under, tolerance

View = Any
Guards = Any
"""The kernel's guards, an array of ``N_GUARDS`` or more."""

N_GUARDS = 6


class GuardSlot(IntEnum):
    """Which threshold a guard stands for."""

    FREEZE = 0  # NORMAL: down to it; FROZEN and PANIC: either way through it with hysteresis
    PANIC = 1  # below PANIC: down to it; PANIC: either way through it with hysteresis
    IMBALANCE = 2  # either way
    DAILY_LOSS = 3
    DRAWDOWN = 4
    ACCOUNT_DRAWDOWN = 5


class Blend(NamedTuple):
    """How much of each form a threshold's distance consists of, and a constant."""

    available: float
    reserve: float
    next_worst_case: float
    equity: float
    constant: float


@compiled
def arm_guards(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts, guards: Guards) -> None:
    """Arm what could move the ladder from here, disarm the rest; for each step, after ``climb``."""
    for slot in range(N_GUARDS):
        guards[slot].is_armed = False
    if settings.profile == Profile.OFF or not facts.has_margin or ladder.state >= LadderState.EMERGENCY:
        return
    if not facts.is_known and settings.profile != Profile.DOCUMENTED:
        return
    _arm_losses(view, ladder, settings, facts, guards)
    if settings.profile == Profile.DOCUMENTED:
        if ladder.state < LadderState.PANIC:
            _arm_multiple(view, facts, guards[GuardSlot.PANIC], settings.panic_mult)
            _arm_imbalance(view, settings, facts, guards[GuardSlot.IMBALANCE], 1.0)
        return
    if ladder.state == LadderState.PANIC:
        _arm_multiple(view, facts, guards[GuardSlot.PANIC], settings.panic_mult * settings.hysteresis)
        _arm_imbalance(view, settings, facts, guards[GuardSlot.IMBALANCE], settings.hysteresis)
    else:
        _arm_multiple(view, facts, guards[GuardSlot.PANIC], settings.panic_mult)
        _arm_imbalance(view, settings, facts, guards[GuardSlot.IMBALANCE], 1.0)
    widened = 1.0 if ladder.state == LadderState.NORMAL else settings.hysteresis
    _arm_multiple(view, facts, guards[GuardSlot.FREEZE], settings.early_freeze_mult * widened)


@compiled
def mm_guard_rate(ladder: Ladder, settings: RiskSettings) -> float:
    """Return the maintenance margin rate (a fraction) that must wake the ladder, 0 for none."""
    if settings.profile == Profile.OFF or ladder.state >= LadderState.EMERGENCY:
        return 0.0
    return settings.mm_rate_threshold / 100.0


@compiled
def _arm_multiple(view: View, facts: Facts, guard: Any, multiple: float) -> None:
    """Arm where available money crosses so many worst cases, from the side on which it stands."""
    threshold = multiple * facts.next_worst_case
    blend = Blend(1.0, -1.0, -multiple, 0.0, 0.0)
    _arm_crossing(view, facts, guard, blend, threshold)


@compiled
def _arm_imbalance(view: View, settings: RiskSettings, facts: Facts, guard: Any, hysteresis: float) -> None:
    """Arm where the part of equity that is available crosses its limit, while a leg outweighs the other."""
    if not is_over(facts.imbalance_ratio, settings.imbalance_ratio * (2.0 - hysteresis)):
        return
    part = settings.imbalance_available_pct * hysteresis / 100.0
    if settings.profile == Profile.DOCUMENTED:
        threshold = part * facts.available
        blend = Blend(1.0 - part, -1.0, 0.0, 0.0, 0.0)
    else:
        threshold = part * facts.equity
        blend = Blend(1.0, -1.0, 0.0, -part, 0.0)
    _arm_crossing(view, facts, guard, blend, threshold)


@compiled
def _arm_crossing(view: View, facts: Facts, guard: Any, blend: Blend, threshold: float) -> None:
    """Arm where available money crosses a threshold, from the side on which it stands."""
    if is_under(facts.available_for_trading, threshold):
        _arm_rising(view, facts, guard, blend, threshold)
    else:
        _arm_falling(view, facts, guard, blend, threshold)


@compiled
def _arm_losses(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts, guards: Guards) -> None:
    if ladder.tripped == LadderReason.NONE:
        daily = floor_of(settings.daily_loss_limit, ladder.day_start_equity)
        _arm_floor(view, facts, guards[GuardSlot.DAILY_LOSS], daily)
        _arm_floor(view, facts, guards[GuardSlot.DRAWDOWN], floor_of(settings.drawdown_limit, ladder.breaker_peak))
    account = floor_of(settings.max_account_drawdown, ladder.peak_equity)
    _arm_floor(view, facts, guards[GuardSlot.ACCOUNT_DRAWDOWN], account)


@compiled
def _arm_floor(view: View, facts: Facts, guard: Any, floor: float) -> None:
    """Arm where equity falls to a floor, inclusive; NaN, no floor, arms nothing."""
    if has_reached(facts.equity, floor):
        _blend(view, facts, guard, Blend(0.0, 0.0, 0.0, 1.0, -floor), 1.0)
        # Reaching it is enough: let it fire within the ladder's own tolerance, which the kernel's may exceed by far.
        guard.offset -= GUARD_TOLERANCE * max(1.0, abs(guard.offset)) + 0.5 * tolerance(floor)


@compiled
def _arm_falling(view: View, facts: Facts, guard: Any, blend: Blend, threshold: float) -> None:
    """Arm where a figure falls strictly below its threshold."""
    _blend(view, facts, guard, blend, 1.0)
    guard.offset += tolerance(threshold)


@compiled
def _arm_rising(view: View, facts: Facts, guard: Any, blend: Blend, threshold: float) -> None:
    """Arm where a figure comes up to its threshold, inclusive."""
    _blend(view, facts, guard, blend, -1.0)
    guard.offset -= tolerance(threshold)


@compiled
def _blend(view: View, facts: Facts, guard: Any, blend: Blend, sign: float) -> None:
    """Write a sum of forms into a guard and arm it."""
    guard.is_armed = True
    guard.offset = sign * (
        blend.available * facts.available_form.offset
        + blend.reserve * facts.reserve_form.offset
        + blend.next_worst_case * facts.next_form.offset
        + blend.equity * facts.equity_form.offset
        + blend.constant
    )
    for symbol in range(view.n_symbols):
        guard.weight[symbol] = sign * (
            blend.available * facts.available_form.weight[symbol]
            + blend.reserve * facts.reserve_form.weight[symbol]
            + blend.next_worst_case * facts.next_form.weight[symbol]
            + blend.equity * facts.equity_form.weight[symbol]
        )
