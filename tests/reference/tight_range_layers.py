"""
What the tight-range strategy sees at a close: indicators, regime, three layers and a path, from the whole past.

Sides are 1 (buy), -1 (sell) and 0 (hold). Nothing is remembered between closes but Wilder's averages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, isnan, nan, sqrt

Bar = tuple[float, float, float, float, float]
"""Open, high, low, close, volume."""

NOISE = 1e-9
PERIOD = 14
MEAN_BARS = 20
SLOW_BARS = 50
TOUCH_BARS = 24
LEAST_WINDOW = 48


@dataclass(frozen=True)
class Config:
    """The strategy's keys that are varied, and what trading costs."""

    path: str = "path2"
    path1_policy: str = "trend"
    target_mode: str = "floor"
    band_target: str = "opposite"
    max_contra_allocation: float = 0.2
    time_stop_bars: int = 48
    regime_exit: bool = True
    cost_multiple: float = 2.0
    fee_rate: float = 0.001
    slippage: float = 0.001


@dataclass(frozen=True)
class Regime:
    """L3's answer; ``kind`` is a range's kind, empty for none."""

    name: str
    kind: str
    direction: int
    confidence: float


@dataclass(frozen=True)
class Decision:
    """A path's verdict at a close; distances are fractions of price, ``levels`` a band's own stop and target."""

    regime: Regime
    side: int
    confidence: float
    size: float
    stop: float
    target: float
    is_contra: bool = False
    is_range: bool = False
    levels: tuple[float, float] | None = None


class Past:
    """One symbol's closed bars, with every indicator at every one of them."""

    def __init__(self, bars: Sequence[Bar], window: int) -> None:
        self.window = window
        self.high, self.low, self.close, self.volume = ([bar[column] for bar in bars] for column in range(1, 5))
        moves = [0.0, *(after - before for before, after in pairwise(self.close))]
        gains, losses = (averaged([max(sign * move, 0.0) for move in moves]) for sign in (1.0, -1.0))
        self.rsi = [index(gain, loss) for gain, loss in zip(gains, losses, strict=True)]
        ranges = [0.0, *(self._true_range(bar) for bar in range(1, len(self.close)))]
        self.atr = averaged(ranges)
        up, down = self._directional_moves()
        totals = [summed(column) for column in (ranges, up, down)]
        self.plus, self.minus = (
            [100.0 * part(x, y) for x, y in zip(each, totals[0], strict=True)] for each in totals[1:]
        )
        moved = [100.0 * part(abs(x - y), x + y) for x, y in zip(self.plus, self.minus, strict=True)]
        self.adx = averaged([0.0 if isnan(each) else each for each in moved], PERIOD)
        self.ema = self._ema(12)

    def _true_range(self, bar: int) -> float:
        before = self.close[bar - 1]
        return max(self.high[bar] - self.low[bar], abs(self.high[bar] - before), abs(self.low[bar] - before))

    def _directional_moves(self) -> tuple[list[float], list[float]]:
        up, down = [0.0], [0.0]
        for bar in range(1, len(self.close)):
            rise, fall = self.high[bar] - self.high[bar - 1], self.low[bar - 1] - self.low[bar]
            up.append(rise if rise > max(fall, 0.0) else 0.0)
            down.append(fall if fall > max(rise, 0.0) else 0.0)
        return up, down

    def _ema(self, period: int) -> list[float]:
        means = [nan] * (period - 1) + [fsum(self.close[:period]) / period]
        for close in self.close[period:]:
            means.append(means[-1] + 2.0 / (period + 1.0) * (close - means[-1]))
        return means

    def bands(self, bar: int) -> tuple[float, float, float]:
        """Return middle, upper and lower band."""
        closes = self.close[bar + 1 - MEAN_BARS : bar + 1]
        middle = fsum(closes) / MEAN_BARS
        deviation = (
            sqrt(fsum((close - middle) ** 2 for close in closes) / MEAN_BARS) if min(closes) < max(closes) else 0.0
        )
        return middle, middle + 2.0 * deviation, middle - 2.0 * deviation

    def extremes(self, bar: int) -> tuple[float, float]:
        """Return the 20-bar high and low."""
        recent = slice(bar + 1 - MEAN_BARS, bar + 1)
        return max(self.high[recent]), min(self.low[recent])

    def surges(self, bar: int) -> bool:
        """Tell whether the volume is above 1.5 times its 20-bar mean."""
        mean = fsum(self.volume[bar + 1 - MEAN_BARS : bar + 1]) / MEAN_BARS
        return mean > 0.0 and self.volume[bar] / mean > 1.5 + NOISE


def averaged(values: Sequence[float], before: int = 1) -> list[float]:
    """Return Wilder's averages; the first ``before`` values do not count, and the next 14 are the seed."""
    first = before + PERIOD
    averages = [nan] * min(len(values), first - 1)
    for bar in range(first - 1, len(values)):
        seed = fsum(values[before:first]) / PERIOD
        averages.append(seed if bar == first - 1 else (13.0 * averages[-1] + values[bar]) / PERIOD)
    return averages


def summed(values: Sequence[float]) -> list[float]:
    """Return Wilder's sums of moves; 13 moves are the seed, and the first sum that counts is the next."""
    sums, total = [nan] * len(values), 0.0
    for bar in range(1, len(values)):
        total = (total if bar < PERIOD else total * 13.0 / PERIOD) + values[bar]
        sums[bar] = total if bar >= PERIOD else nan
    return sums


def part(value: float, whole: float) -> float:
    """Return a quotient; 0 where there is nothing to divide by."""
    return 0.0 if whole == 0.0 else value / whole


def index(gain: float, loss: float) -> float:
    """Return the RSI of two averages."""
    return 50.0 if gain + loss == 0.0 else 100.0 * gain / (gain + loss)


def regime_at(past: Past, bar: int) -> Regime | None:
    """Classify the market at a bar; None before the 48th."""
    if bar + 1 < LEAST_WINDOW:
        return None
    first = max(0, bar + 1 - past.window)
    closes = past.close[first : bar + 1]
    change = closes[-1] / closes[0] - 1.0
    walked = fsum(abs(after - before) for before, after in pairwise(closes))
    efficiency = part(abs(closes[-1] - closes[0]), walked)
    atrs = [atr for atr in past.atr[first : bar + 1] if not isnan(atr)]
    trend = min(1.0, 0.5 * min(1.0, efficiency / 0.5) + 0.5 * min(1.0, past.adx[bar] / 40.0))
    burst = min(1.0, max(0.0, part(past.atr[bar], fsum(atrs) / len(atrs)) - 1.0))
    beyond = max(0.0, closes[-1] - max(past.high[first : bar - 2])) - max(
        0.0, min(past.low[first : bar - 2]) - closes[-1]
    )
    breakout = min(1.0, part(abs(beyond), past.atr[bar])) * (1.0 if past.surges(bar) else 0.7)
    in_range = (1.0 - trend) * (1.0 if abs(change) < 0.012 - NOISE else 0.5)
    scores = {"range": in_range, "volatile": burst, "trending": trend, "breakout": breakout}
    if breakout > 0.7 + NOISE:
        name = "breakout"
    elif abs(change) > 0.004 + NOISE and trend > 0.45 + NOISE:
        name = "trending"
    elif burst > 0.6 + NOISE:
        name = "volatile"
    elif abs(change) < 0.012 - NOISE and in_range > 0.6 + NOISE:
        name = "range"
    else:
        name = max(scores, key=lambda each: scores[each])
    course = {"breakout": beyond, "trending": change}.get(name, 0.0)
    return Regime(name, kind_at(past, bar) if name == "range" else "", (course > 0) - (course < 0), scores[name])


def kind_at(past: Past, bar: int) -> str:
    """Return what kind of range a range is."""
    middle, upper, lower = past.bands(bar)
    width = (upper - lower) / middle
    high, low = past.extremes(bar)
    reach = (high - low) / (0.5 * (high + low))
    recent = slice(bar + 1 - TOUCH_BARS, bar + 1)
    touches = min(
        sum(high >= upper * 0.998 for high in past.high[recent]), sum(low <= lower * 1.002 for low in past.low[recent])
    )
    is_setup = width < 0.005 - NOISE and past.adx[bar] > 20.0 + NOISE
    if width < 0.004 - NOISE and touches >= 2:
        return "tight"
    if is_setup and past.rsi[bar] < 40.0 - NOISE:
        return "oversold"
    if is_setup and past.rsi[bar] > 60.0 + NOISE:
        return "overbought"
    if width < 0.01 - NOISE and reach < 0.02 - NOISE:
        return "normal"
    return "wide" if reach < 0.04 - NOISE else ""


def outside(value: float, low: float, high: float) -> int:
    """Buy below ``low``, sell above ``high``."""
    return (value < low - NOISE) - (value > high + NOISE)


def votes_at(past: Past, bar: int) -> list[tuple[int, float]]:
    """Return L1's votes as (side, confidence)."""
    _, upper, lower = past.bands(bar)
    place = min(1.0, max(0.0, (past.close[bar] - lower) / (upper - lower))) if upper > lower else 0.5
    gap = part(past.close[bar] - past.ema[bar], past.atr[bar])
    sides = outside(past.rsi[bar], 40.0, 60.0), outside(place, 0.2, 0.8), -outside(gap, -0.25, 0.25)
    extra = abs(past.rsi[bar] - 50.0) / 100.0, abs(place - 0.5), 0.5 * min(1.0, abs(gap))
    return [(side, 0.5 + more if side else 0.5) for side, more in zip(sides, extra, strict=True)]


def opinion_at(past: Past, bar: int) -> tuple[int, float, float]:
    """Return L2's side, confidence and strength."""
    gap = past.close[bar] - fsum(past.close[bar + 1 - SLOW_BARS : bar + 1]) / SLOW_BARS
    lean = past.plus[bar] - past.minus[bar]
    side = 1 if min(gap, lean) > 0.0 else -1 if max(gap, lean) < 0.0 else 0
    strength = min(1.0, past.adx[bar] / 50.0)
    return side, 0.5 + 0.5 * strength if side else 0.5, strength


def joined(votes: Sequence[tuple[int, float]]) -> tuple[int, float]:
    """Return the side with the most confidence, and its part of all; a tie holds with none."""
    sums = {each: fsum(confidence for side, confidence in votes if side == each) for each in (1, -1, 0)}
    ranked = sorted(sums, key=lambda side: sums[side], reverse=True)
    if sums[ranked[0]] - sums[ranked[1]] <= 1e-12:
        return 0, 0.0
    return ranked[0], sums[ranked[0]] / fsum(sums.values())


def decision_at(past: Past, bar: int, config: Config) -> Decision | None:
    """Return the configured path's verdict at a bar; None before the 50th."""
    regime = regime_at(past, bar)
    if regime is None or bar + 1 < SLOW_BARS:
        return None
    atr = past.atr[bar] / past.close[bar]
    stop, target = max(1.2 * atr, 0.008), max(2.0 * atr, 0.015)

    def verdict(side: int, confidence: float, size: float, *, is_contra: bool = False) -> Decision:
        return Decision(regime, side, confidence, size, stop, target, is_contra)

    rules: dict[str, Callable[..., Decision]] = {"path1": path_1, "path2": path_2, "path3": path_3}
    return rules[config.path](past, bar, config, regime, verdict)


def path_1(past: Past, bar: int, config: Config, regime: Regime, verdict: Callable[..., Decision]) -> Decision:
    """Follow the trend; or L2, with an eye on an L3 that holds where there is none."""
    q = regime.confidence
    if config.path1_policy == "trend":
        return verdict(regime.direction, min(0.9, q), 0.8) if regime.direction else verdict(0, 0.6, 0.0)
    side, confidence, strength = opinion_at(past, bar)
    if regime.direction or q < 0.5 - NOISE:
        return verdict(side, confidence, strength)
    return verdict(0, q, 0.0) if q >= 0.7 - NOISE else verdict(side, 0.75 * confidence, 0.75 * strength)


def path_2(past: Past, bar: int, config: Config, regime: Regime, verdict: Callable[..., Decision]) -> Decision:
    """Join L1 and L2 with the trend; let the handler have tight ranges."""
    side, confidence = joined([*votes_at(past, bar), opinion_at(past, bar)[:2]])
    q, cap = regime.confidence, config.max_contra_allocation
    if regime.direction == 0 and regime.kind == "tight":
        return handled(past, bar, config, side, verdict(0, 0.45, 0.0))
    if regime.direction == 0:
        return verdict(side, 0.85 * confidence, 0.6)
    if side == regime.direction:
        return verdict(side, min(0.95, 0.5 * (q + confidence)), 0.9)
    if side == 0:
        return verdict(regime.direction, 0.8 * q, 0.7)
    limited = cap if confidence > cap + NOISE else confidence * (1.0 - cap)
    return verdict(side, limited, 0.6, is_contra=True)


def handled(past: Past, bar: int, config: Config, joint: int, hold: Decision) -> Decision:
    """Buy a low RSI and sell a high one."""
    side = outside(past.rsi[bar], 40.0, 60.0)
    if side == 0:
        return hold
    base = min(0.7, 0.9 * hold.regime.confidence)
    confidence = min(0.7, 1.2 * base) if joint == side else base
    levels = None
    stop, target = hold.stop, hold.target
    if config.target_mode == "band":
        middle, upper, lower = past.bands(bar)
        levels = lower - past.atr[bar], middle if config.band_target == "mean" else upper
        stop, target = (abs(level / past.close[bar] - 1.0) for level in levels)
    return Decision(hold.regime, side, confidence, 0.5, stop, target, is_range=True, levels=levels)


def path_3(past: Past, bar: int, config: Config, regime: Regime, verdict: Callable[..., Decision]) -> Decision:
    """Obey the trend; elsewhere trade the ends of the 20-bar range on a surge of volume."""
    if regime.direction:
        return verdict(regime.direction, min(0.95, regime.confidence), 1.0)
    high, low = past.extremes(bar)
    place = (past.close[bar] - low) / (high - low) if high > low else 0.5
    side = outside(place, 0.3, 0.7)
    if past.surges(bar) and side and side == outside(past.rsi[bar], 35.0, 65.0):
        return Decision(regime, side, 0.56, 0.6, 0.02, 0.02)
    return verdict(0, 0.6, 0.0)
