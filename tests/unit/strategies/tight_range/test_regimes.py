"""The classifier: each formula by hand, the increments against a plain account of the whole window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch
from ballast.model.errors import ConfigError
from ballast.strategies.tight_range.regimes import (
    Evidence,
    Regime,
    RegimeMemory,
    Subtype,
    breakout_distance,
    breakout_score,
    choose_regime,
    choose_subtype,
    judge,
    range_score,
    remember,
    subtype_score,
    trend_score,
    volatile_score,
    window_bars,
)

HOUR_NS = 3_600_000_000_000


class Bars:
    """Bars with every indicator that the classifier is handed."""

    def __init__(self, close: Any, high: Any = None, low: Any = None, volume: Any = None) -> None:
        self.close = np.asarray(close, float)
        self.high = self.close if high is None else np.asarray(high, float)
        self.low = self.close if low is None else np.asarray(low, float)
        volumes = np.full(len(self.close), np.nan) if volume is None else np.asarray(volume, float)
        self.atr = batch.atr(self.high, self.low, self.close)
        bands = batch.bollinger(self.close)
        with np.errstate(all="ignore"):
            ratio = volumes / batch.sma(volumes, 20)
        self.columns = np.stack([
            self.atr,
            batch.adx(self.high, self.low, self.close).adx,
            batch.rsi(self.close),
            bands.upper,
            bands.lower,
            bands.width,
            batch.rolling_high(self.high, 20),
            batch.rolling_low(self.low, 20),
            ratio,
        ])


def classified(bars: Bars, window: int = 48) -> list[Any]:
    """Return the evidence after each bar."""
    memory: Any = RegimeMemory.new()  # type: ignore[attr-defined]
    said = Evidence.array(len(bars.close))  # type: ignore[attr-defined]
    for bar in range(len(bars.close)):
        remember(memory, window, bars.high[bar], bars.low[bar], bars.close[bar], bars.atr[bar])
        judge(memory, said[bar], window, *bars.columns[:, bar])
    return list(said)


def zigzag(n_bars: int, low: float, high: float) -> list[float]:
    return [high if bar % 2 else low for bar in range(n_bars)]


def test_trend_score_by_hand() -> None:
    # ER 0.25 is half of 0.5; ADX 10 is a quarter of 40: 0.5 * 0.5 + 0.5 * 0.25 = 0.375.
    assert trend_score(0.25, 10.0) == pytest.approx(0.375, rel=1e-15)
    # Both saturate: 0.5 * 1 + 0.5 * 1 = 1.
    assert trend_score(0.9, 80.0) == 1.0
    # ER 0.5 saturates alone: 0.5 + 0.5 * 20 / 40 = 0.75.
    assert trend_score(0.5, 20.0) == pytest.approx(0.75, rel=1e-15)
    assert trend_score(0.0, 0.0) == 0.0


def test_volatile_score_by_hand() -> None:
    # 3 / 2 - 1 = 0.5; 5 / 2 - 1 = 1.5, clipped to 1; 1 / 2 - 1 < 0, clipped to 0.
    assert volatile_score(3.0, 2.0) == 0.5
    assert volatile_score(5.0, 2.0) == 1.0
    assert volatile_score(1.0, 2.0) == 0.0
    assert volatile_score(0.0, 0.0) == 0.0


def test_breakout_by_hand() -> None:
    # Extremes 90 and 110, ATR 4: 112 stands 2 / 4 = 0.5 above, 87 stands 3 / 4 = 0.75 below.
    assert breakout_distance(112.0, 110.0, 90.0, 4.0) == 0.5
    assert breakout_distance(87.0, 110.0, 90.0, 4.0) == -0.75
    assert breakout_distance(110.0, 110.0, 90.0, 4.0) == 0.0
    assert breakout_distance(112.0, 110.0, 90.0, 0.0) == 0.0
    # On twice the mean volume it counts whole; at 1.5 times, or without any, seven tenths: 0.75 * 0.7 = 0.525.
    assert breakout_score(-0.75, 2.0) == 0.75
    assert breakout_score(0.75, 1.5) == pytest.approx(0.525, rel=1e-15)
    assert breakout_score(0.75, float("nan")) == pytest.approx(0.525, rel=1e-15)
    assert breakout_score(3.0, 2.0) == 1.0


def test_range_score_by_hand() -> None:
    # (1 - 0.375) = 0.625 while the window moved less than 1.2 %, half of it from there on.
    assert range_score(0.375, 0.0119) == 0.625
    assert range_score(0.375, 0.012) == 0.3125
    assert range_score(0.375, -0.02) == 0.3125


@pytest.mark.parametrize(
    ("change", "breakout", "trending", "volatile", "in_range", "regime"),
    [
        (0.01, 0.71, 0.9, 0.9, 0.9, Regime.BREAKOUT),
        (0.01, 0.70, 0.46, 0.9, 0.9, Regime.TRENDING),
        (-0.01, 0.70, 0.46, 0.9, 0.9, Regime.TRENDING),
        (0.004, 0.70, 0.9, 0.61, 0.9, Regime.VOLATILE),
        (0.01, 0.70, 0.45, 0.60, 0.61, Regime.RANGE),
        (0.012, 0.30, 0.45, 0.20, 0.61, Regime.RANGE),  # the highest score
        (0.012, 0.30, 0.45, 0.50, 0.40, Regime.VOLATILE),
        (0.012, 0.69, 0.45, 0.50, 0.40, Regime.BREAKOUT),
        (0.002, 0.30, 0.58, 0.50, 0.42, Regime.TRENDING),
        (0.002, 0.50, 0.50, 0.50, 0.50, Regime.RANGE),  # among equals the range: no tie becomes a trend
        (0.002, 0.50, 0.50, 0.50, 0.40, Regime.VOLATILE),
    ],
)
def test_the_order_of_the_tests(
    change: float, breakout: float, trending: float, volatile: float, in_range: float, regime: Regime
) -> None:
    assert choose_regime(change, breakout, trending, volatile, in_range) == regime


SCORES = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.45, 0.6, 0.7, 0.46, 0.61, 0.71, 1.0])
CHANGES = st.floats(-0.03, 0.03) | st.sampled_from([0.0, 0.004, 0.0041, 0.012, 0.0119, -0.004, -0.012])


@given(change=CHANGES, breakout=SCORES, trending=SCORES, volatile=SCORES, in_range=SCORES)
def test_the_first_test_that_passes_decides_and_else_the_highest_score(
    change: float, breakout: float, trending: float, volatile: float, in_range: float
) -> None:
    highest = max(breakout, trending, volatile, in_range)
    tests = [
        (breakout > 0.7 + 1e-9, Regime.BREAKOUT),
        (abs(change) > 0.004 + 1e-9 and trending > 0.45 + 1e-9, Regime.TRENDING),
        (volatile > 0.6 + 1e-9, Regime.VOLATILE),
        (abs(change) < 0.012 - 1e-9 and in_range > 0.6 + 1e-9, Regime.RANGE),
        (in_range == highest, Regime.RANGE),
        (volatile == highest, Regime.VOLATILE),
        (trending == highest, Regime.TRENDING),
        (True, Regime.BREAKOUT),
    ]
    expected = next(regime for passes, regime in tests if passes)
    assert choose_regime(change, breakout, trending, volatile, in_range) == expected


@pytest.mark.parametrize(
    ("width", "touches", "adx", "rsi", "range_20", "subtype", "score"),
    [
        (0.0039, (2, 2), 30.0, 30.0, 0.01, Subtype.TIGHT_RANGE, 0.85),  # the handler owns it, whatever ADX and RSI
        (0.0039, (2, 1), 30.0, 30.0, 0.01, Subtype.OVERSOLD_SETUP, 0.85),
        (0.0039, (1, 9), 30.0, 61.0, 0.01, Subtype.OVERBOUGHT_SETUP, 0.85),
        (0.0040, (9, 9), 10.0, 30.0, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0049, (9, 9), 20.1, 39.9, 0.01, Subtype.OVERSOLD_SETUP, 0.85),
        (0.0049, (9, 9), 20.0, 39.9, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0049, (9, 9), 30.0, 40.0, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0049, (9, 9), 20.0, 60.1, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0050, (9, 9), 30.0, 60.1, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0050, (9, 9), 30.0, 39.9, 0.01, Subtype.NORMAL_RANGE, 0.70),
        (0.0099, (9, 9), 30.0, 50.0, 0.02, Subtype.WIDE_RANGE, 0.55),
        (0.0100, (9, 9), 30.0, 50.0, 0.01, Subtype.WIDE_RANGE, 0.55),
        (0.0100, (9, 9), 30.0, 50.0, 0.04, Subtype.NONE, 0.30),
    ],
)
def test_the_kinds_of_ranges(
    width: float,
    touches: tuple[int, int],
    adx: float,
    rsi: float,
    range_20: float,
    subtype: Subtype,
    score: float,
) -> None:
    evidence: Any = Evidence.new()  # type: ignore[attr-defined]
    evidence.band_width, evidence.adx, evidence.rsi, evidence.range_20 = width, adx, rsi, range_20
    evidence.upper_touches, evidence.lower_touches = touches
    assert choose_subtype(evidence) == subtype
    assert subtype_score(subtype) == score


def test_a_straight_rise_is_a_trend_by_hand() -> None:
    # Closes 100, 100.1, ... 104.7 (48 bars): p = 4.7 / 100 = 0.047; ER = 4.7 / 4.7 = 1; every move goes up, so
    # ADX = 100; trend = 0.5 + 0.5 = 1. The highs without the last three end at 104.4, three steps of 0.1 below the
    # close, and the ATR is one step: d = 3, on no volume min(1, 3) * 0.7 = 0.7, which is not above 0.7.
    said = classified(Bars([100.0 + 0.1 * step for step in range(48)]))[-1]
    assert said.change == pytest.approx(0.047, rel=1e-9)
    assert said.efficiency == pytest.approx(1.0, rel=1e-9)
    assert said.adx == pytest.approx(100.0, rel=1e-9)
    assert said.high == pytest.approx(104.4, rel=1e-12)
    assert said.breakout_distance == pytest.approx(3.0, rel=1e-9)
    assert said.breakout_score == pytest.approx(0.7, rel=1e-9)
    assert (said.regime, said.direction, said.confidence) == (Regime.TRENDING, 1, pytest.approx(1.0))


def test_a_straight_fall_is_the_mirror() -> None:
    said = classified(Bars([100.0 - 0.1 * step for step in range(48)]))[-1]
    assert (said.regime, said.direction) == (Regime.TRENDING, -1)
    assert said.change == pytest.approx(-0.047, rel=1e-9)


def test_a_surge_of_volume_makes_the_same_rise_a_breakout() -> None:
    # The last volume is 3, its 20-bar mean (19 * 1 + 3) / 20 = 1.1: 3 / 1.1 = 2.727 > 1.5, so min(1, 3) * 1 = 1.
    bars = Bars([100.0 + 0.1 * step for step in range(48)], volume=[1.0] * 47 + [3.0])
    said = classified(bars)[-1]
    assert said.volume_ratio == pytest.approx(3.0 / 1.1, rel=1e-12)
    assert (said.regime, said.direction, said.confidence) == (Regime.BREAKOUT, 1, 1.0)


def test_a_zigzag_of_a_tenth_of_a_percent_is_a_tight_range_by_hand() -> None:
    # Closes 100, 100.1, 100, ... (48 bars, last 100.1): p = 0.1 / 100 = 0.001; 47 moves of 0.1: ER = 0.1 / 4.7 = 1/47.
    # Bands: mean 100.05, population deviation 0.05: width = 4 * 0.05 / 100.05 = 0.0019990. Every move up is
    # answered by one down, so Wilder's +DM and -DM sums stay close and the score of the trend is small.
    said = classified(Bars(zigzag(48, 100.0, 100.1)))[-1]
    assert said.change == pytest.approx(0.001, rel=1e-9)
    assert said.efficiency == pytest.approx(1.0 / 47.0, rel=1e-9)
    assert said.band_width == pytest.approx(0.2 / 100.05, rel=1e-9)
    assert said.range_20 == pytest.approx(0.1 / 100.05, rel=1e-9)
    # 0.2 % of 100 is twice the zigzag: all 24 bars touch both bands.
    assert (said.upper_touches, said.lower_touches) == (24, 24)
    assert said.trend_score == pytest.approx(0.5 * (1 / 47) / 0.5 + 0.5 * said.adx / 40.0, rel=1e-9)
    assert said.confidence == said.range_score == pytest.approx(1.0 - said.trend_score, rel=1e-12)
    assert (said.regime, said.subtype, said.subtype_score, said.direction) == (1, Subtype.TIGHT_RANGE, 0.85, 0)


def test_wider_zigzags_are_wider_ranges() -> None:
    # Width 4 * 0.2 / 100.2 = 0.798 % < 1 %, range 0.4 / 100.2 < 2 %: normal. Width 4 % / 1.01 > 1 %, range 2 %: wide.
    assert classified(Bars(zigzag(60, 100.0, 100.4)))[-1].subtype == Subtype.NORMAL_RANGE
    assert classified(Bars(zigzag(61, 100.0, 102.0)))[-1].subtype == Subtype.WIDE_RANGE
    assert classified(Bars(zigzag(61, 100.0, 106.0)))[-1].subtype == Subtype.NONE


def test_flat_prices_are_a_tight_range_without_direction() -> None:
    said = classified(Bars([250.0] * 80))[-1]
    assert (said.regime, said.subtype, said.direction, said.confidence) == (1, Subtype.TIGHT_RANGE, 0, 1.0)
    assert (said.efficiency, said.atr, said.rsi) == (0.0, 0.0, 50.0)


def test_a_burst_of_range_without_direction_is_volatile() -> None:
    # Bars of reach 0.1 for 70 bars and of 4 for the last 10, closes where they were: Wilder's ATR after ten such bars
    # is 8 - 7.8 * (13 / 14) ** 10 = 4.28 (true range 0.2, then 8), its mean over the window far below half of that.
    reach = np.array([0.1] * 70 + [4.0] * 10)
    close = np.full(80, 100.0)
    said = classified(Bars(close, close + reach, close - reach))[-1]
    assert said.atr == pytest.approx(8.0 - 7.8 * (13.0 / 14.0) ** 10, rel=1e-9)
    assert (said.regime, said.direction, said.confidence) == (Regime.VOLATILE, 0, 1.0)


def test_forty_seven_bars_are_an_error_and_forty_eight_are_not() -> None:
    said = classified(Bars(zigzag(60, 100.0, 100.1)))
    assert [each.regime for each in said[:47]] == [Regime.ERROR] * 47
    assert all(each.regime != Regime.ERROR for each in said[47:])
    assert (said[46].confidence, said[46].direction, said[46].subtype) == (0.0, 0, Subtype.NONE)


def test_what_is_not_a_number_is_an_error() -> None:
    bars = Bars(zigzag(60, 100.0, 100.1))
    for column in range(8):
        spoilt = bars.columns[column, -1]
        bars.columns[column, -1] = np.nan
        assert classified(bars)[-1].regime == Regime.ERROR
        bars.columns[column, -1] = spoilt
    assert classified(bars)[-1].regime == Regime.RANGE


@pytest.mark.parametrize(("minutes", "n_bars"), [(1, 360), (5, 72), (7, 52), (15, 48), (60, 48), (1440, 48)])
def test_the_window_is_six_hours_and_forty_eight_bars_at_least(minutes: int, n_bars: int) -> None:
    assert window_bars(minutes * HOUR_NS // 60) == n_bars


def test_bars_of_seconds_are_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"not of 1 s; aggregate them, or say \"assume_tight_range\""):
        window_bars(1_000_000_000)


def plain_account(bars: Bars, last: int, window: int) -> dict[str, float]:
    """Return what the window's bars say, from the whole window at once."""
    first = max(0, last + 1 - window)
    closes = bars.close[first : last + 1]
    path = np.abs(np.diff(closes)).sum()
    atrs = bars.atr[first : last + 1]
    old_high, old_low = bars.high[first : last - 2], bars.low[first : last - 2]
    upper, lower = bars.columns[3, last], bars.columns[4, last]
    recent = slice(max(0, last - 23), last + 1) if bars.columns[5, last] < 0.004 else slice(0, 0)
    return {
        "window_bars": len(closes),
        "change": closes[-1] / closes[0] - 1.0,
        "efficiency": abs(closes[-1] - closes[0]) / path if path else 0.0,
        "mean_atr": np.nanmean(atrs),
        "high": old_high.max(),
        "low": old_low.min(),
        "upper_touches": (bars.high[recent] >= upper * 0.998).sum(),
        "lower_touches": (bars.low[recent] <= lower * 1.002).sum(),
    }


@pytest.mark.parametrize("window", [48, 72, 360])
@pytest.mark.parametrize("volatility", [0.0003, 0.01])
def test_the_increments_give_what_the_whole_window_gives(window: int, volatility: float) -> None:
    draw = np.random.default_rng(window)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, volatility, 900)))
    high, low = close * (1.0 + volatility * draw.random(900)), close * (1.0 - volatility * draw.random(900))
    bars = Bars(close, high, low, draw.uniform(0.5, 2.0, 900))
    said = classified(bars, window)
    for last in [*range(47, 900, 13), *range(window - 1, window + 5)]:
        for name, value in plain_account(bars, last, window).items():
            assert said[last][name] == pytest.approx(value, rel=1e-9, abs=1e-12), (name, last)


@given(
    seed=st.integers(0, 2**32 - 1),
    volatility=st.sampled_from([0.0, 1e-5, 1e-3, 0.05]),
    price=st.sampled_from([1e-6, 1.0, 1e5]),
)
def test_scores_stay_within_bounds_and_directions_belong_to_trends(seed: int, volatility: float, price: float) -> None:
    draw = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(draw.normal(0.0, 1.0, 70)) * volatility)
    for said in classified(Bars(close, close * (1 + volatility), close * (1 - volatility)))[47:]:
        for name in ("confidence", "trend_score", "volatile_score", "breakout_score", "range_score", "efficiency"):
            assert 0.0 <= said[name] <= 1.0 + 1e-12
        if said.direction != 0:
            assert said.regime in (Regime.TRENDING, Regime.BREAKOUT)
        if said.subtype != Subtype.NONE:
            assert said.regime == Regime.RANGE


def test_memory_goes_on_from_its_bytes() -> None:
    draw = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.002, 200)))
    bars = Bars(close)
    memory: Any = RegimeMemory.array(1)  # type: ignore[attr-defined]
    said: Any = Evidence.new()  # type: ignore[attr-defined]
    for bar in range(200):
        memory = np.frombuffer(memory.tobytes(), memory.dtype).copy().view(np.recarray)
        remember(memory[0], 48, bars.high[bar], bars.low[bar], bars.close[bar], bars.atr[bar])
        judge(memory[0], said, 48, *bars.columns[:, bar])
    assert said.tobytes() == classified(bars)[-1].tobytes()
