"""
The first two layers, and what they say together.

L1 is any number of fast votes, L2 one tactical opinion. Ballast computes them from declared indicators:

- L1, three votes: the RSI (below 40 buys, above 60 sells), the place of the close in Bollinger's bands (lowest
  fifth buys, highest fifth sells), and momentum (the close more than a quarter ATR above its EMA of 12 bars
  buys, below it sells). Each votes hold when it has nothing to say.
- L2: the close above its SMA of 50 bars with +DI above -DI buys, the mirror sells, anything else holds; the
  ADX gives confidence and strength.

What is not a number casts no vote. Ties and silence hold with confidence 0.
"""

from __future__ import annotations

from enum import IntEnum
from math import isfinite
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.records import Record, record
from ballast.strategies.tight_range.regimes import TOLERANCE, sign_of

TIE = 1e-12
OVERSOLD = 40.0
OVERBOUGHT = 60.0


class Action(IntEnum):
    """What a layer, a path or the handler wants; BUY and SELL have the values of ``Side``."""

    SELL = -1
    HOLD = 0
    BUY = 1


class Feature(IntEnum):
    """Where each declared indicator's output stands in a symbol's block of ``view.feature``."""

    RSI = 0
    ATR = 1
    MIDDLE = 2
    UPPER = 3
    LOWER = 4
    WIDTH = 5
    POSITION = 6
    PLUS_DI = 7
    MINUS_DI = 8
    ADX = 9
    EMA_12 = 10
    SMA_50 = 11
    VOLUME_20 = 12
    HIGH_20 = 13
    LOW_20 = 14
    WILDER_ATR = 15


FEATURES_PER_SYMBOL = len(Feature)


@record
class Votes:
    """Confidence cast for each side by L1, and L2 once it is counted in; ``first_*`` is L1's first vote."""

    buy: float
    sell: float
    hold: float
    n_votes: int
    first_action: int
    first_confidence: float


@record
class Opinion:
    """What L2 says. ``is_given`` is false where it says nothing."""

    action: int
    confidence: float
    strength: float
    is_given: bool


@compiled(inline=True)
def clear_votes(votes: Record) -> None:
    """Begin a count."""
    votes.buy = 0.0
    votes.sell = 0.0
    votes.hold = 0.0
    votes.n_votes = 0
    votes.first_action = Action.HOLD
    votes.first_confidence = 0.0


@compiled(inline=True)
def clamp(value: float) -> float:
    """Return ``value`` within 0..1."""
    return min(1.0, max(0.0, value))


@compiled(inline=True)
def vote(votes: Record, action: int, confidence: float) -> None:
    """Cast one vote with a confidence that is clamped to 0..1; one that is not finite is dropped."""
    if not isfinite(confidence):
        return
    weight = clamp(confidence)
    if votes.n_votes == 0:
        votes.first_action = action
        votes.first_confidence = weight
    votes.n_votes += 1
    # Products with 0 and 1 where a branch could choose: which way a market votes is not to be foretold.
    votes.buy += weight * (action == Action.BUY)
    votes.sell += weight * (action == Action.SELL)
    votes.hold += weight * (action == Action.HOLD)


@compiled(inline=True)
def count(votes: Record, opinion: Record) -> tuple[int, float]:
    """
    Return what L1 and L2 say together, and the winner's part of all confidence.

    A tie for the first place, within 1e-12, and an empty count hold with confidence 0.
    """
    weight = clamp(opinion.confidence) if opinion.is_given and isfinite(opinion.confidence) else 0.0
    opinion_buys, opinion_sells = opinion.action == Action.BUY, opinion.action == Action.SELL
    buy = votes.buy + (weight if opinion_buys else 0.0)
    sell = votes.sell + (weight if opinion_sells else 0.0)
    hold = votes.hold + (0.0 if opinion_buys or opinion_sells else weight)
    total = buy + sell + hold
    # Values that are chosen, not branches that are taken: nobody can foretell which.
    buys = (buy > sell + TIE) & (buy > hold + TIE)
    sells = (sell > buy + TIE) & (sell > hold + TIE)
    holds = (hold > buy + TIE) & (hold > sell + TIE)
    most = hold if holds else 0.0
    most = sell if sells else most
    most = buy if buys else most
    action = -1 if sells else 0
    return (1 if buys else action), (most / total if total > 0.0 else 0.0)


@compiled(inline=True)
def technical_votes(row: Any, view: Record, params: Record, symbol: int, votes: Record) -> None:
    """Cast L1's three votes for a symbol at its close."""
    at = FEATURES_PER_SYMBOL * symbol
    rsi = view.feature[at + Feature.RSI]
    action = side_outside(rsi, OVERSOLD - TOLERANCE, OVERBOUGHT + TOLERANCE)
    vote(votes, action, 0.5 + abs(action) * (abs(rsi - 50.0) / 100.0))
    position = view.feature[at + Feature.POSITION]
    action = side_outside(position, 0.2 - TOLERANCE, 0.8 + TOLERANCE)
    vote(votes, action, 0.5 + abs(action) * abs(position - 0.5))
    gap = _gap_in_atrs(row.close[symbol], view.feature[at + Feature.EMA_12], view.feature[at + Feature.WILDER_ATR])
    action = -side_outside(gap, -0.25 - TOLERANCE, 0.25 + TOLERANCE)
    vote(votes, action, 0.5 + abs(action) * (0.5 * min(abs(gap), 1.0)))


@compiled(inline=True)
def side_outside(value: float, low: float, high: float) -> int:
    """Return BUY below ``low``, SELL above ``high``, else HOLD; NaN gives HOLD."""
    return int(value < low) - int(value > high)


@compiled(inline=True)
def _gap_in_atrs(close: float, mean: float, atr: float) -> float:
    """Return how many ATRs the close is above its mean; 0 where nothing moves."""
    return (close - mean) / atr if not atr <= 0.0 else 0.0


@compiled(inline=True)
def tactical_opinion(row: Any, view: Record, params: Record, symbol: int, opinion: Record) -> None:
    """Write L2's opinion of a symbol at its close."""
    at = FEATURES_PER_SYMBOL * symbol
    gap = row.close[symbol] - view.feature[at + Feature.SMA_50]
    lean = view.feature[at + Feature.PLUS_DI] - view.feature[at + Feature.MINUS_DI]
    adx = view.feature[at + Feature.ADX]
    opinion.is_given = isfinite(gap + lean + adx)
    agrees = sign_of(gap) == sign_of(lean)
    opinion.action = sign_of(gap) if agrees else 0
    opinion.strength = min(1.0, adx / 50.0)
    opinion.confidence = 0.5 + 0.5 * opinion.strength if opinion.action != 0 else 0.5
