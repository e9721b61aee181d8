"""
What every indicator is called, gives, needs and comes from.

``CATALOGUE`` is the one place that says so: ``table.plan`` sizes memory by it and the reference pages
are made from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ballast.indicators.state import BarField, Indicator

_WILDER = "Wilder, New Concepts in Technical Trading Systems, 1978"
_BOLLINGER = "Bollinger, Bollinger on Bollinger Bands, 2001"


def wilder_decay(period: int) -> float:
    """Return the part of a Wilder average that one bar leaves: (n - 1) / n."""
    return (period - 1) / period


def exponential_decay(period: int) -> float:
    """Return the part of an exponential average that one bar leaves: 1 - 2 / (n + 1)."""
    return (period - 1) / (period + 1)


@dataclass(frozen=True)
class Entry:
    """
    One indicator's facts.

    Attributes
    ----------
    outputs : tuple of str
        Names, in the order in which they are written.
    formula, source : str
        For people; ``n`` is the period.
    warmup : tuple of int
        (a, b): the last output appears first on bar ``a * n + b``, counting bars with data from 1.
    ring_lanes : int
        Window memory in multiples of the period.
    field : BarField or None
        The column read unless the request names another; None where the formula fixes its columns.
    smoothing : callable or None
        Period to decay factor; None for windows, which forget by position, not by weight.
    minimum_period : int
        Smallest period for which the formula means something.
    uses_multiplier : bool
        Whether ``multiplier`` matters.
    """

    outputs: tuple[str, ...]
    formula: str
    source: str
    warmup: tuple[int, int] = (1, 0)
    ring_lanes: int = 0
    field: BarField | None = None
    smoothing: Callable[[int], float] | None = None
    minimum_period: int = 1
    uses_multiplier: bool = False

    def warmup_bars(self, period: int) -> int:
        """Return the number of bars with data after which every output has a value."""
        return self.warmup[0] * period + self.warmup[1]

    def decay(self, period: int) -> float:
        """Return the part of a smoothed value that one bar leaves; 1 for windows."""
        return 1.0 if self.smoothing is None else self.smoothing(period)

    def ring_length(self, period: int) -> int:
        """Return the number of float64 slots of window memory."""
        return self.ring_lanes * period


CATALOGUE: dict[Indicator, Entry] = {
    Indicator.RSI: Entry(
        outputs=("rsi",),
        formula="100 G / (G + L); G, L = Wilder averages of gains and losses, seeded with the first n; 50 if both 0",
        source=_WILDER,
        warmup=(1, 1),
        smoothing=wilder_decay,
    ),
    Indicator.EMA: Entry(
        outputs=("ema",),
        formula="x + (n - 1) / (n + 1) (previous - x), seeded with the mean of the first n",
        source="Appel, Technical Analysis: Power Tools for Active Investors, 2005",
        field=BarField.CLOSE,
        smoothing=exponential_decay,
    ),
    Indicator.SMA: Entry(
        outputs=("sma",),
        formula="sum of the last n / n",
        source="arithmetic mean",
        ring_lanes=2,
        field=BarField.CLOSE,
    ),
    Indicator.ATR: Entry(
        outputs=("atr",),
        formula="Wilder average of TR = max(high, previous close) - min(low, previous close), seeded with the first n",
        source=_WILDER,
        warmup=(1, 1),
        smoothing=wilder_decay,
    ),
    Indicator.BOLLINGER: Entry(
        outputs=("middle", "upper", "lower", "width", "position"),
        formula="mean and mean +- k std of n; (upper - lower) / middle; (x - lower) / (upper - lower), 0.5 if flat",
        source=_BOLLINGER,
        ring_lanes=3,
        field=BarField.CLOSE,
        uses_multiplier=True,
    ),
    Indicator.ADX: Entry(
        outputs=("plus_di", "minus_di", "adx"),
        formula="DI = 100 DM / TR in Wilder sums; ADX = Wilder average of 100 |+DI - -DI| / (+DI + -DI)",
        source=_WILDER,
        warmup=(2, 0),
        smoothing=wilder_decay,
    ),
    Indicator.CHOPPINESS: Entry(
        outputs=("choppiness",),
        formula="100 log10(sum of TR over n / (highest high - lowest low of n)) / log10(n), 100 if the range is 0",
        source="Dreiss, The Choppiness Index, 1993",
        warmup=(1, 1),
        ring_lanes=3,
        minimum_period=2,
    ),
    Indicator.ROLLING_HIGH: Entry(
        outputs=("high",),
        formula="largest of the last n",
        source="maximum",
        ring_lanes=1,
        field=BarField.HIGH,
    ),
    Indicator.ROLLING_LOW: Entry(
        outputs=("low",),
        formula="smallest of the last n",
        source="minimum",
        ring_lanes=1,
        field=BarField.LOW,
    ),
    Indicator.ROLLING_STD: Entry(
        outputs=("std",),
        formula="sqrt(sum of (x - mean)^2 over the last n / n), the population form",
        source="Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, 1983",
        ring_lanes=3,
        field=BarField.CLOSE,
    ),
    Indicator.RSI_SIMPLE: Entry(
        outputs=("rsi",),
        formula="100 G / (G + L); G, L = sums of gains and losses of the last n changes; 50 if both 0",
        source="Wilder's index with Cutler's simple means",
        warmup=(1, 1),
        ring_lanes=2,
    ),
    Indicator.ATR_SIMPLE: Entry(
        outputs=("atr",),
        formula="sum of TR over n / n",
        source=_WILDER + ", with a simple mean",
        warmup=(1, 1),
        ring_lanes=1,
    ),
}
