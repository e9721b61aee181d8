"""
Breakers: losses that stop new exposure for the day, and the one that closes the account.

A limit L trips at a loss of L or more: equity at or below ``(1 - L)`` of where it is reckoned from. The day is UTC's.
A tripped breaker blocks what raises, never an exit; the next day or the operator clears it, and what it reckons from
starts anew, since otherwise the old loss would trip it again at once.
"""

from __future__ import annotations

from math import isfinite, isnan, nan

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS
from ballast.risk.ladder import Ladder
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import RiskSettings
from ballast.risk.thresholds import has_fallen_to


@compiled(inline=True)
def floor_of(limit: float, reference: float) -> float:
    """Return the equity at which a limit on losses from ``reference`` trips; NaN without limit or reference."""
    return (1.0 - limit) * reference if limit > 0.0 else nan


@compiled
def are_breakers_set(settings: RiskSettings) -> bool:
    """Tell whether any limit on losses is in force."""
    return settings.daily_loss_limit > 0.0 or settings.drawdown_limit > 0.0 or settings.max_account_drawdown > 0.0


@compiled
def clear_breaker(ladder: Ladder) -> None:
    """Forget a trip, and reckon that breaker's losses from the next equity on."""
    if ladder.tripped == LadderReason.DAILY_LOSS:
        ladder.day_start_equity = nan
    if ladder.tripped == LadderReason.DRAWDOWN:
        ladder.breaker_peak = nan
    ladder.tripped = LadderReason.NONE


@compiled
def keep_breakers(ladder: Ladder, settings: RiskSettings, now_ns: int, equity: float) -> None:
    """Note the day's start and the peaks, and trip what the equity trips; an unknown equity changes nothing."""
    day = now_ns // DAY_NS
    if day > ladder.day:
        clear_breaker(ladder)
        ladder.day = day
        ladder.day_start_equity = nan
    if not isfinite(equity):
        return
    if isnan(ladder.day_start_equity):
        ladder.day_start_equity = equity
    # NaN, no peak yet, is below nothing.
    if not ladder.breaker_peak >= equity:
        ladder.breaker_peak = equity
    if not ladder.peak_equity >= equity:
        ladder.peak_equity = equity
    if ladder.tripped != LadderReason.NONE:
        return
    if has_fallen_to(equity, floor_of(settings.daily_loss_limit, ladder.day_start_equity)):
        ladder.tripped = LadderReason.DAILY_LOSS
    elif has_fallen_to(equity, floor_of(settings.drawdown_limit, ladder.breaker_peak)):
        ladder.tripped = LadderReason.DRAWDOWN


@compiled
def is_account_drawn_down(ladder: Ladder, settings: RiskSettings, equity: float) -> bool:
    """Tell whether the loss from the peak calls for closing the account."""
    return has_fallen_to(equity, floor_of(settings.max_account_drawdown, ladder.peak_equity))
