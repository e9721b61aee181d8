"""
How the ladder moves: figures and thresholds in, at most one move out.

Worst first. Upwards it moves at once, downwards only when every cause has been gone, with hysteresis, for all of the
state's time: a cause that comes back, if only for an instant, starts that time anew. What an operator or a breaker
holds ends when they let go. All on the time of events. A figure that is unknown is never a reason to move down, and on
its own a reason to freeze.

(C1) The same ladder with worse figures never ends lower. (C2) Only an operator leaves EMERGENCY and HALTED.
(C3) Nothing is remembered outside the ladder's record. The documented profile breaks the rest on purpose:
it has the originals' thresholds, which panic before they freeze, and no way out of PANIC.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS, SECOND_NS
from ballast.model.enums import LadderState
from ballast.risk.breakers import is_account_drawn_down, keep_breakers
from ballast.risk.facts import Facts
from ballast.risk.ladder import NEVER, Ladder, enter
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import Profile, RiskSettings
from ballast.risk.thresholds import has_fallen_to, has_reached, is_over, is_under


@compiled
def climb(ladder: Ladder, settings: RiskSettings, facts: Facts) -> int:
    """
    Move the ladder to where these figures put it.

    Returns the ``LadderReason`` of the move, ``NONE`` if it stays. Time that runs backwards counts as standing
    still.
    """
    if settings.profile == Profile.OFF:
        return LadderReason.NONE
    now_ns = max(facts.time_ns, ladder.evaluated_ns)
    ladder.evaluated_ns = now_ns
    keep_breakers(ladder, settings, now_ns, facts.equity)
    if ladder.state >= LadderState.EMERGENCY:
        return LadderReason.NONE
    emergency = emergency_reason(ladder, settings, facts)
    if emergency != LadderReason.NONE:
        ladder.alarm = emergency
        return enter(ladder, LadderState.EMERGENCY, emergency, now_ns)
    _time_imbalance(ladder, settings, facts, now_ns)
    _time_recovery(ladder, settings, facts)
    moved = _climb_below_emergency(ladder, settings, facts, now_ns)
    if moved != LadderReason.NONE:
        # The new state counts for itself what is gone already.
        _time_recovery(ladder, settings, facts)
    return moved


@compiled
def _climb_below_emergency(ladder: Ladder, settings: RiskSettings, facts: Facts, now_ns: int) -> int:
    if ladder.state != LadderState.PANIC:
        panic = panic_reason(ladder, settings, facts, now_ns)
        if panic != LadderReason.NONE:
            return enter(ladder, LadderState.PANIC, panic, now_ns)
    elif settings.profile == Profile.DOCUMENTED or not has_lasted(
        ladder, ladder.calm_since_ns, settings.panic_exit_hold_s
    ):
        return LadderReason.NONE
    if ladder.state == LadderState.NORMAL:
        freeze = freeze_reason(ladder, settings, facts)
        return LadderReason.NONE if freeze == LadderReason.NONE else enter(ladder, LadderState.FROZEN, freeze, now_ns)
    if not is_held(ladder) and has_lasted(ladder, ladder.thawed_since_ns, settings.freeze_dwell_s):
        return enter(ladder, LadderState.NORMAL, LadderReason.RECOVERED, now_ns)
    if ladder.state == LadderState.PANIC:
        return enter(ladder, LadderState.FROZEN, LadderReason.RECOVERED, now_ns)
    return LadderReason.NONE


@compiled
def emergency_reason(ladder: Ladder, settings: RiskSettings, facts: Facts) -> int:
    """Return what calls for closing the account, or ``NONE``; a stale figure counts, an unknown one does not."""
    if ladder.alarm != LadderReason.NONE:
        return ladder.alarm
    if facts.has_margin and has_reached(facts.mm_rate * 100.0, settings.mm_rate_threshold):
        return LadderReason.MM_RATE
    if is_account_drawn_down(ladder, settings, facts.equity):
        return LadderReason.ACCOUNT_DRAWDOWN
    return LadderReason.NONE


@compiled
def is_margin_low(facts: Facts, multiple: float) -> bool:
    """Tell whether available money is strictly below so many worst cases of the next steps."""
    return facts.has_margin and is_under(facts.available_for_trading, multiple * facts.next_worst_case)


@compiled
def is_imbalanced(settings: RiskSettings, facts: Facts) -> bool:
    """Tell whether one leg outweighs the other while little is available; both comparisons are strict."""
    if not facts.has_margin or not is_over(facts.imbalance_ratio, settings.imbalance_ratio):
        return False
    return is_under(facts.available_pct, settings.imbalance_available_pct)


@compiled
def _time_imbalance(ladder: Ladder, settings: RiskSettings, facts: Facts, now_ns: int) -> None:
    """Note since when there is imbalance; an unknown figure does not end it."""
    if is_imbalanced(settings, facts):
        if ladder.imbalance_since_ns == NEVER:
            ladder.imbalance_since_ns = now_ns
    elif facts.is_known:
        ladder.imbalance_since_ns = NEVER


@compiled
def panic_reason(ladder: Ladder, settings: RiskSettings, facts: Facts, now_ns: int) -> int:
    """Return what calls for PANIC, or ``NONE``."""
    if is_margin_low(facts, settings.panic_mult):
        return LadderReason.LOW_MARGIN
    if is_imbalanced(settings, facts):
        held_ns = now_ns - ladder.imbalance_since_ns
        if held_ns >= settings.imbalance_hold_s * SECOND_NS:
            return LadderReason.HIGH_IMBALANCE
    return LadderReason.NONE


@compiled
def freeze_reason(ladder: Ladder, settings: RiskSettings, facts: Facts) -> int:
    """Return what calls for FROZEN, or ``NONE``. The documented original takes an unknown figure for a good one."""
    if ladder.is_operator_frozen:
        return LadderReason.OPERATOR_FREEZE
    if ladder.tripped != LadderReason.NONE:
        return ladder.tripped
    if is_margin_low(facts, settings.early_freeze_mult):
        return LadderReason.EARLY_FREEZE
    if not facts.is_known and settings.profile != Profile.DOCUMENTED:
        return LadderReason.UNKNOWN_INPUT
    return LadderReason.NONE


@compiled(inline=True)
def is_held(ladder: Ladder) -> bool:
    """Tell whether the operator or a breaker keeps the ladder at FROZEN, whatever the figures."""
    return ladder.is_operator_frozen or ladder.tripped != LadderReason.NONE


@compiled
def is_thawed(settings: RiskSettings, facts: Facts) -> bool:
    """Tell whether figures call for FROZEN no more: all known, available money at its threshold with hysteresis."""
    if settings.profile == Profile.DOCUMENTED:
        return not is_margin_low(facts, settings.early_freeze_mult)
    if not facts.has_margin or not facts.is_known:
        return facts.is_known
    worst_case = settings.early_freeze_mult * facts.next_worst_case * settings.hysteresis
    return has_reached(facts.available_for_trading, worst_case)


@compiled
def is_calm(settings: RiskSettings, facts: Facts) -> bool:
    """Tell whether both causes of PANIC have gone with hysteresis; nothing unknown is calm."""
    if not facts.is_known:
        return False
    if not has_reached(facts.available_for_trading, settings.panic_mult * facts.next_worst_case * settings.hysteresis):
        return False
    return has_reached(facts.available_pct, settings.imbalance_available_pct * settings.hysteresis) or has_fallen_to(
        facts.imbalance_ratio, settings.imbalance_ratio * (2.0 - settings.hysteresis)
    )


@compiled
def _time_recovery(ladder: Ladder, settings: RiskSettings, facts: Facts) -> None:
    """Note since when the causes of FROZEN and of PANIC have been gone without a break."""
    now_ns = ladder.evaluated_ns
    ladder.thawed_since_ns = begun(ladder.thawed_since_ns, is_thawed(settings, facts), now_ns)
    ladder.calm_since_ns = begun(ladder.calm_since_ns, is_calm(settings, facts), now_ns)


@compiled
def begun(since_ns: int, is_so: bool, now_ns: int) -> int:
    """Return since when something has been so without a break; ``NEVER`` when it is not."""
    if not is_so:
        return NEVER
    return now_ns if since_ns == NEVER else since_ns


@compiled
def has_lasted(ladder: Ladder, since_ns: int, wait_s: float) -> bool:
    """Tell whether what began at ``since_ns`` has lasted so long by now."""
    return since_ns != NEVER and ladder.evaluated_ns - since_ns >= wait_s * SECOND_NS


@compiled
def is_balancing_due(ladder: Ladder, settings: RiskSettings) -> bool:
    """Tell whether PANIC should try to balance the legs now: on entering, then again after each pause."""
    if settings.profile == Profile.OFF or ladder.state != LadderState.PANIC:
        return False
    if ladder.balanced_ns == NEVER:
        return True
    waited_ns = ladder.evaluated_ns - ladder.balanced_ns
    return settings.profile != Profile.DOCUMENTED and waited_ns >= settings.panic_balance_retry_s * SECOND_NS


@compiled
def next_deadline_ns(ladder: Ladder, settings: RiskSettings) -> int:
    """Return when the ladder wants to be asked again even if nothing happens; ``NEVER`` if time alone moves nothing."""
    soonest = NEVER
    if settings.profile == Profile.OFF or ladder.state >= LadderState.EMERGENCY:
        return soonest
    if ladder.state != LadderState.PANIC:
        soonest = _sooner(ladder, soonest, ladder.imbalance_since_ns, settings.imbalance_hold_s)
    if ladder.state == LadderState.FROZEN:
        soonest = _sooner(ladder, soonest, ladder.thawed_since_ns, settings.freeze_dwell_s)
    if ladder.tripped != LadderReason.NONE or settings.daily_loss_limit > 0.0:
        soonest = _sooner(ladder, soonest, (ladder.day + 1) * DAY_NS, 0.0)
    if ladder.state == LadderState.PANIC and settings.profile != Profile.DOCUMENTED:
        soonest = _sooner(ladder, soonest, ladder.calm_since_ns, settings.panic_exit_hold_s)
        soonest = _sooner(ladder, soonest, ladder.balanced_ns, settings.panic_balance_retry_s)
    return soonest


@compiled
def _sooner(ladder: Ladder, soonest_ns: int, begin_ns: int, wait_s: float) -> int:
    """Return the earlier of two deadlines that are still to come; what has not begun has none."""
    if begin_ns == NEVER:
        return soonest_ns
    at_ns = begin_ns + int(wait_s * SECOND_NS)
    is_earlier = soonest_ns == NEVER or at_ns < soonest_ns
    return at_ns if at_ns > ladder.evaluated_ns and is_earlier else soonest_ns
