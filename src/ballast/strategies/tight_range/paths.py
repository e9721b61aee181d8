"""
Three ways of joining the layers into one verdict.

- PATH1 follows the regime alone, up to a confidence of 0.90; or, as an option, L2 with a veto of L3.
- PATH2 lets L1 and L2 speak for themselves. What they want against a trend is *contra*: its confidence is
  capped, and so is the money that may stand against trends (``contra_headroom``). In a tight range the
  handler decides.
- PATH3 obeys the regime, and only orders that its own engine issued pass its gate (``passes_gate``).
"""

from __future__ import annotations

from enum import IntEnum
from math import isfinite

from ballast.model.compiled import compiled
from ballast.model.records import Record, record
from ballast.strategies.tight_range.handler import ERROR_CONFIDENCE
from ballast.strategies.tight_range.layers import Action, clamp
from ballast.strategies.tight_range.regimes import TOLERANCE, VOLUME_SURGE

DOMINANCE_SOURCE = "path3_full_l3_dominance"


class Path(IntEnum):
    """Which way is taken."""

    PATH1 = 1
    PATH2 = 2
    PATH3 = 3


class Path1Policy(IntEnum):
    """TREND is the regime's direction alone; L3_AWARE follows L2 unless L3 says hold."""

    TREND = 0
    L3_AWARE = 1


class Source(IntEnum):
    """Who issued a verdict."""

    TACTICAL = 0
    PATH1_TREND = 1
    PATH1_L3_AWARE = 2
    PATH2_HYBRID = 3
    PATH2_TIGHT_RANGE = 4
    PATH3_FULL_L3_DOMINANCE = 5
    PATH3_RANGE = 6


class Label(IntEnum):
    """Which case of a path applied."""

    NONE = 0
    TREND_FOLLOWING = 1
    NO_TREND = 2
    FORCED_HOLD = 3
    REDUCED_SIZE = 4
    NO_ADJUSTMENT = 5
    AGREEMENT = 6
    CONTRA_LIMITED = 7
    TREND_DEFAULT = 8
    MEAN_REVERSION = 9
    RANGE_HOLD = 10
    NO_DATA = 11
    NEUTRAL = 12
    DOMINANCE = 13
    RANGE_STRATEGY = 14
    INVALID_INPUT = 15


@record
class Verdict:
    """
    What a path decides, and why.

    ``size_multiplier`` scales the base position: the handler's in a tight range, 0.6 in PATH3's range, ``strength``
    elsewhere.
    Distances are fractions of price, 0 where the path names none.
    """

    action: int
    confidence: float
    strength: float
    size_multiplier: float
    stop_fraction: float
    target_fraction: float
    label: int
    source: int
    is_contra: bool
    allow_partial_rebalance: bool
    market_making_enabled: bool


@compiled(inline=True)
def write(verdict: Record, action: int, confidence: float, strength: float, label: int, source: int) -> None:
    """Set a verdict without flags, distances or contra."""
    verdict.action = action
    verdict.confidence = confidence
    verdict.strength = strength
    verdict.size_multiplier = strength if action != Action.HOLD else 0.0
    verdict.stop_fraction = 0.0
    verdict.target_fraction = 0.0
    verdict.label = label
    verdict.source = source
    verdict.is_contra = False
    verdict.allow_partial_rebalance = False
    verdict.market_making_enabled = False


@compiled
def path1(verdict: Record, direction: int, l3_confidence: float) -> None:
    """Follow the trend, up to 0.90; hold with 0.60 where there is none."""
    if direction == 0:
        write(verdict, Action.HOLD, 0.6, 0.4, Label.NO_TREND, Source.PATH1_TREND)
    else:
        write(verdict, direction, min(0.9, clamp(l3_confidence)), 0.8, Label.TREND_FOLLOWING, Source.PATH1_TREND)


@compiled
def path1_l3_aware(verdict: Record, votes: Record, opinion: Record, l3_action: int, l3_confidence: float) -> None:
    """Follow L2, or L1's first vote where L2 is silent; a sure L3 hold forces a hold, a half-sure one shrinks it."""
    action, confidence, strength = Action.HOLD + 0, 0.5, 0.5
    if opinion.is_given:
        action = opinion.action
        confidence = clamp(opinion.confidence) if isfinite(opinion.confidence) else 0.5
        strength = clamp(opinion.strength) if isfinite(opinion.strength) else 0.5
    elif votes.n_votes > 0:
        action = votes.first_action
        confidence = votes.first_confidence
    q = clamp(l3_confidence)
    if l3_action != Action.HOLD or q < 0.5 - TOLERANCE:
        write(verdict, action, confidence, strength, Label.NO_ADJUSTMENT, Source.PATH1_L3_AWARE)
    elif q >= 0.7 - TOLERANCE:
        write(verdict, Action.HOLD, q, strength, Label.FORCED_HOLD, Source.PATH1_L3_AWARE)
    else:
        write(verdict, action, 0.75 * confidence, 0.75 * strength, Label.REDUCED_SIZE, Source.PATH1_L3_AWARE)


@compiled(inline=True)
def path2(
    verdict: Record, direction: int, l3_confidence: float, joint_action: int, joint_confidence: float, cap: float
) -> None:
    """Join L1 and L2 with the regime outside tight ranges; ``cap`` limits the confidence against a trend."""
    q = clamp(l3_confidence)
    # What each case would say; which of them applies is chosen, not branched to.
    action, confidence, strength, label = direction, 0.8 * q, 0.7, Label.TREND_DEFAULT
    is_contra = (direction != 0) & (joint_action == -direction)
    is_sure = joint_confidence > cap + TOLERANCE
    limited = cap if is_sure else joint_confidence * (1.0 - cap)
    if is_contra:
        action, confidence, strength, label = joint_action, limited, 0.6, Label.CONTRA_LIMITED
    if joint_action == direction:
        confidence, strength, label = min(0.95, 0.5 * (q + joint_confidence)), 0.9, Label.AGREEMENT
    if direction == 0:
        action, confidence, strength, label = joint_action, 0.85 * joint_confidence, 0.6, Label.NEUTRAL
    write(verdict, action, confidence, strength, label, Source.PATH2_HYBRID)
    verdict.is_contra = is_contra


@compiled(inline=True)
def path2_tight_range(verdict: Record, signal: Record) -> None:
    """Pass the handler's signal on in a tight range, flags and all, also when it holds."""
    source = Source.PATH2_TIGHT_RANGE
    if signal.action == Action.HOLD:
        write(verdict, Action.HOLD, signal.confidence, 0.4, Label.RANGE_HOLD, source)
    else:
        write(verdict, signal.action, signal.confidence, 0.8, Label.MEAN_REVERSION, source)
        verdict.size_multiplier = signal.size_multiplier
        verdict.stop_fraction = signal.stop_fraction
        verdict.target_fraction = signal.target_fraction
    verdict.allow_partial_rebalance = True
    verdict.market_making_enabled = True


@compiled
def path2_without_signal(verdict: Record, has_data: bool) -> None:
    """Hold in a tight range that the handler could not judge; the flags stay off."""
    if has_data:
        write(verdict, Action.HOLD, ERROR_CONFIDENCE, 0.4, Label.RANGE_HOLD, Source.PATH2_TIGHT_RANGE)
    else:
        write(verdict, Action.HOLD, 0.3, 0.3, Label.NO_DATA, Source.PATH2_TIGHT_RANGE)


def refuse_input(verdict: Record, path: int) -> None:
    """Hold where what the layers said cannot be read; the flags stay off."""
    if path == Path.PATH2:
        write(verdict, Action.HOLD, ERROR_CONFIDENCE, 0.1, Label.INVALID_INPUT, Source.PATH2_HYBRID)
    elif path == Path.PATH3:
        write(verdict, Action.HOLD, 0.4, 0.3, Label.INVALID_INPUT, Source.PATH3_RANGE)
    else:
        write(verdict, Action.HOLD, 0.4, 0.3, Label.INVALID_INPUT, Source.PATH1_TREND)


@compiled
def path3(
    verdict: Record,
    direction: int,
    l3_confidence: float,
    close: float,
    high_20: float,
    low_20: float,
    rsi: float,
    volume_ratio: float,
) -> None:
    """
    Obey a trend, up to 0.95; elsewhere trade the lowest and highest 30 % of the 20-bar range on a surge of volume.

    ``volume_ratio`` is the last volume by its 20-bar mean; NaN, no volume, holds.
    """
    if direction != 0:
        source = Source.PATH3_FULL_L3_DOMINANCE
        write(verdict, direction, min(0.95, clamp(l3_confidence)), 1.0, Label.DOMINANCE, source)
        return
    place = (close - low_20) / (high_20 - low_20) if high_20 > low_20 else 0.5
    is_surge = volume_ratio > VOLUME_SURGE + TOLERANCE
    is_low = place < 0.3 - TOLERANCE and rsi < 35.0 - TOLERANCE
    is_high = place > 0.7 + TOLERANCE and rsi > 65.0 + TOLERANCE
    if is_surge and (is_low or is_high):
        write(verdict, 1 if is_low else -1, 0.56, 0.7, Label.RANGE_STRATEGY, Source.PATH3_RANGE)
        verdict.size_multiplier = 0.6
        verdict.stop_fraction = 0.02
        verdict.target_fraction = 0.02
    else:
        write(verdict, Action.HOLD, 0.6, 0.5, Label.RANGE_STRATEGY, Source.PATH3_RANGE)


def path3_without_range(verdict: Record, is_short: bool) -> None:
    """Hold where there are too few bars to judge a range by, or bars that cannot be."""
    if is_short:
        write(verdict, Action.HOLD, 0.5, 0.4, Label.NO_DATA, Source.PATH3_RANGE)
    else:
        write(verdict, Action.HOLD, 0.4, 0.3, Label.INVALID_INPUT, Source.PATH3_RANGE)


@compiled
def passes_gate(path: int, source: int) -> bool:
    """Tell whether an order of ``source`` may be sent on a path: PATH3 sends only what it issued itself."""
    if path != Path.PATH3:
        return True
    return source == Source.PATH3_FULL_L3_DOMINANCE or source == Source.PATH3_RANGE


@compiled
def contra_headroom(cap: float, portfolio_value: float, contra_exposure: float) -> float:
    """
    Return how much money may still be put against a trend: ``cap`` of the portfolio less what stands there.

    Never below 0; NaN in either gives 0.
    """
    room = cap * portfolio_value - contra_exposure
    if room > 0.0:
        return room
    return 0.0
