"""The handler on worked examples, on every shape of input, and on everything that it must refuse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.strategies.tight_range import PATH2TightRangeFix, TightRangeHandler, TightRangeSignal
from ballast.strategies.tight_range.handler import RangeSignal, range_signal

FALL = (-2, 1, -2, -2, 1, -2, -2, 1, -2, -2, 1, -2, -2, -2)


def closes_after(deltas: Any, start: float = 1000.0, n_flat: int = 46) -> list[float]:
    """Return ``n_flat`` closes at ``start`` and then one close per delta."""
    return [start] * n_flat + [start + total for total in accumulate(deltas)]


def bars_of(closes: list[float], reach: float = 1.0) -> dict[str, list[float]]:
    return {"close": closes, "high": [c + reach for c in closes], "low": [c - reach for c in closes]}


def signal_of(market_data: Any, l3_confidence: Any = 0.8, l1_l2_signal: Any = "HOLD", **settings: Any) -> Any:
    return TightRangeHandler(**settings).process_tight_range_signal(
        symbol="BTCUSDT", market_data=market_data, l3_confidence=l3_confidence, l1_l2_signal=l1_l2_signal
    )


def test_the_documented_call_works_as_documented() -> None:
    handler = PATH2TightRangeFix(min_data_points=50, bb_period=20, rsi_period=14, atr_period=14, max_confidence=0.7)
    signal = handler.process_tight_range_signal(
        symbol="BTCUSDT", market_data=bars_of(closes_after(FALL)), l3_confidence=0.8, l1_l2_signal="HOLD"
    )
    assert isinstance(signal, TightRangeSignal)
    assert isinstance(signal, Mapping)
    assert signal["action"] == signal.action == "BUY"
    assert f"{signal['confidence']:.2f}" == "0.70"
    assert set(signal) == set(dict(signal))
    assert signal.get("no such field") is None


def test_a_fall_is_bought() -> None:
    """E1."""
    signal = signal_of(bars_of(closes_after(FALL)))
    # Gains of the last 14 changes: 4 of 1. Losses: 10 of 2. Plainly 100 * 4 / (4 + 20) = 16.67.
    assert signal.indicators["rsi"] == pytest.approx(15.057321, rel=1e-6)
    assert signal.indicators["bb_position"] == 0.0
    assert signal.indicators["bb_width"] == pytest.approx(0.020483139, rel=1e-6)
    assert signal.indicators["atr"] == pytest.approx(2.476671006, rel=1e-6)
    assert signal.indicators["l3_confidence"] == 0.8
    assert (signal.action, signal.confidence, signal.position_size_multiplier) == ("BUY", 0.7, 0.5)
    assert signal.stop_loss_pct == pytest.approx(0.8, rel=1e-12)
    assert signal.take_profit_pct == pytest.approx(1.5, rel=1e-12)
    assert signal.entry_price == 984.0
    assert signal.stop_price == pytest.approx(976.128, rel=1e-12)
    assert signal.take_profit_price == pytest.approx(998.76, rel=1e-12)
    assert signal.allow_partial_rebalance
    assert signal.market_making_enabled
    assert signal.signal_type == "TIGHT_RANGE_BUY"
    assert "RSI < 40 (15.1)" in signal.reason
    assert signal.error_type is None


def test_plain_means_give_the_parity_numbers() -> None:
    """E1."""
    signal = signal_of(bars_of(closes_after(FALL)), rsi_method="sma", atr_method="sma")
    assert signal.indicators["rsi"] == pytest.approx(16.666666667, rel=1e-9)
    assert signal.indicators["atr"] == pytest.approx(2.714285714, rel=1e-9)
    assert signal.action == "BUY"


def test_a_rise_is_sold_as_the_mirror() -> None:
    """E1."""
    rise = bars_of(closes_after([-delta for delta in FALL]))
    signal = signal_of(rise)
    assert signal.indicators["rsi"] == pytest.approx(84.942680, rel=1e-6)
    assert signal.indicators["bb_position"] == 1.0
    assert signal_of(rise, rsi_method="sma").indicators["rsi"] == pytest.approx(83.333333333, rel=1e-9)
    assert (signal.action, signal.entry_price) == ("SELL", 1016.0)
    assert signal.stop_price == pytest.approx(1016.0 * 1.008, rel=1e-12)
    assert signal.take_profit_price == pytest.approx(1016.0 * 0.985, rel=1e-12)
    assert "RSI > 60 (84.9)" in signal.reason


@pytest.mark.parametrize(
    ("deltas", "rsi"),
    [
        ((1, -1, 0, 1, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0), 40.0),  # gains 2, losses 3
        ((-1, 1, 0, -1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0), 60.0),  # gains 3, losses 2
    ],
)
def test_an_index_at_its_threshold_holds(deltas: Any, rsi: float) -> None:
    """E2."""
    signal = signal_of(closes_after(deltas), rsi_method="sma")
    assert signal.indicators["rsi"] == rsi
    assert (signal.action, signal.confidence, signal.position_size_multiplier) == ("HOLD", 0.45, 0.0)
    assert signal.stop_loss_pct is signal.take_profit_pct is signal.stop_price is signal.take_profit_price is None
    assert "Balanced RSI" in signal.reason


@pytest.mark.parametrize("rsi_method", ["wilder", "sma"])
@pytest.mark.parametrize("price", [100.0, 0.0000123, 98765.4321])
def test_flat_prices_hold(rsi_method: str, price: float) -> None:
    """E2."""
    signal = signal_of([price] * 60, rsi_method=rsi_method)
    assert (signal.indicators["rsi"], signal.indicators["bb_position"], signal.action) == (50.0, 0.5, "HOLD")


@pytest.mark.parametrize(
    ("l3_confidence", "l1_l2_signal", "confidence"),
    [
        (0.5, "HOLD", 0.45),
        (0.5, "BUY", 0.54),
        (0.5, "LONG", 0.54),
        (0.5, "long", 0.54),
        (0.6, "BUY", 0.648),
        (0.65, "HOLD", 0.585),
        (0.65, "BUY", 0.70),
        (0.8, "HOLD", 0.70),
        (0.5, "SELL", 0.45),
        (0.5, None, 0.45),
        (0.0, "BUY", 0.0),
        (7.0, "HOLD", 0.70),
        (-1.0, "BUY", 0.0),
    ],
)
def test_confidence_follows_l3_and_agreement(l3_confidence: float, l1_l2_signal: Any, confidence: float) -> None:
    """E3."""
    signal = signal_of(closes_after(FALL), l3_confidence, l1_l2_signal)
    assert signal.action == "BUY"
    assert signal.confidence == pytest.approx(confidence, rel=1e-12)


@pytest.mark.parametrize(("atr", "stop", "target"), [(300.0, 0.008, 0.015), (500.0, 0.012, 0.020)])
def test_stops_and_targets_have_a_least_distance(atr: float, stop: float, target: float) -> None:
    """E3."""
    out: Any = RangeSignal.new()  # type: ignore[attr-defined]
    range_signal(out, 30.0, atr / 50_000.0, 0.8, 0, 0.7)
    assert (out.stop_fraction, out.target_fraction) == (pytest.approx(stop), pytest.approx(target))


@pytest.mark.parametrize(
    ("seed", "tail", "action", "simple", "wilder", "said"),
    [
        (42, (51_000.0, 49_500.0), "BUY", 18.37, 37.38, "RSI < 40"),
        (43, (50_000.0, 51_500.0), "SELL", 84.48, 64.54, "RSI > 60"),
        (44, None, "HOLD", 46.09, 48.20, "Balanced RSI"),
    ],
)
def test_the_original_scenarios_act_the_same_under_both_smoothings(
    seed: int, tail: Any, action: str, simple: float, wilder: float, said: str
) -> None:
    closes = np.random.RandomState(seed).uniform(50_000.0, 51_000.0, 60)
    if tail is not None:
        closes[-14:] = np.linspace(tail[0], tail[1], 14)
    for method, rsi in (("sma", simple), ("wilder", wilder)):
        signal = signal_of(bars_of(closes.tolist(), 100.0), rsi_method=method)
        assert signal.indicators["rsi"] == pytest.approx(rsi, abs=0.006)
        assert signal.action == action
        assert signal.confidence > 0.0
        assert signal.allow_partial_rebalance
        assert signal.market_making_enabled
        assert said in signal.reason


def as_structured(bars: Mapping[str, Any]) -> Any:
    table = np.zeros(len(bars["close"]), [(name, "f8") for name in bars])
    for name, values in bars.items():
        table[name] = values
    return table


@pytest.mark.parametrize("shape", [dict, pl.DataFrame, pa.table, as_structured])
def test_every_table_gives_the_same_signal(shape: Any) -> None:
    """E4."""
    bars = bars_of(closes_after(FALL))
    assert signal_of(shape(bars)) == signal_of(bars)


@pytest.mark.parametrize("shape", [list, tuple, np.array, pl.Series, lambda closes: {"close": closes}])
def test_bare_closes_are_bars_without_reach(shape: Any) -> None:
    closes = closes_after(FALL)
    assert signal_of(shape(closes)) == signal_of(bars_of(closes, 0.0))
    assert signal_of(shape(closes)).action == "BUY"


def assert_error(signal: Any, error_type: str, words: str) -> None:
    assert (signal.action, signal.confidence, signal.signal_type) == ("HOLD", 0.2, "ERROR_SIGNAL")
    assert signal.error_type == error_type
    assert words in signal.error_details
    assert "\n" not in signal.error_details
    assert len(signal.reason) <= len(error_type) + 102
    assert (signal.allow_partial_rebalance, signal.market_making_enabled) == (False, False)
    assert (signal.position_size_multiplier, dict(signal.indicators), signal.entry_price) == (0.0, {}, None)
    assert signal.stop_loss_pct is signal.take_profit_pct is signal.stop_price is None


def test_fifty_closes_are_enough_and_forty_nine_are_not() -> None:
    """E4."""
    closes = closes_after(FALL)
    assert_error(signal_of(closes[-49:]), "INSUFFICIENT_DATA", "50 closed bars are needed, 49 are there")
    assert signal_of(closes[-50:]).action == "BUY"


GOOD = closes_after(FALL)


@pytest.mark.parametrize(
    ("market_data", "error_type", "words"),
    [
        (None, "MISSING_CLOSE", "is None"),
        ({"open": GOOD}, "MISSING_CLOSE", "no column 'close'"),
        ({"close": GOOD, "high": GOOD[1:]}, "LENGTH_MISMATCH", "high has 59 bars, close has 60"),
        ({"close": GOOD, "low": GOOD[1:]}, "LENGTH_MISMATCH", "low has 59 bars, close has 60"),
        ([], "INSUFFICIENT_DATA", "0 are there"),
        ("text", "INVALID_DATA", "close is not numeric"),
        (["a"] * 60, "INVALID_DATA", "close is not numeric"),
        ([True] * 60, "INVALID_DATA", "close is not numeric: truth values"),
        ([GOOD, GOOD], "INVALID_DATA", "2 dimensions"),
        ([*GOOD[:-1], float("nan")], "INVALID_DATA", "bar 59"),
        ([*GOOD[:-19], float("nan"), *GOOD[-18:]], "INVALID_DATA", "bar 41"),
        ([*GOOD[:-1], float("inf")], "INVALID_DATA", "bar 59"),
        ([*GOOD[:-1], 0.0], "INVALID_DATA", "bar 59"),
        ([*GOOD[:-1], -1.0], "INVALID_DATA", "bar 59"),
        ({**bars_of(GOOD), "high": [c - 0.5 for c in GOOD]}, "INVALID_DATA", "low <= close <= high"),
        ({**bars_of(GOOD), "low": [c + 0.5 for c in GOOD]}, "INVALID_DATA", "low <= close <= high"),
        ({"close": GOOD, "ts": [*range(59), 58]}, "INVALID_TIMESTAMPS", "does not increase at bar 59"),
        ({"close": GOOD, "ts": list(range(60))[::-1]}, "INVALID_TIMESTAMPS", "does not increase at bar 1"),
        (
            {"close": GOOD, "ts": ["then"] * 60},
            "INVALID_TIMESTAMPS",
            "ts holds no times; give datetimes, or milliseconds since 1970, UTC",
        ),
        ({"close": GOOD, "ts": list(range(59))}, "LENGTH_MISMATCH", "ts has 59 bars"),
    ],
)
def test_what_is_wrong_with_the_data_has_its_own_name(market_data: Any, error_type: str, words: str) -> None:
    """E4."""
    assert_error(signal_of(market_data), error_type, words)


class IndexedSeries:
    """Closes by an index of times, as pandas has them."""

    def __init__(self, stamps: list[int], values: list[float]) -> None:
        self.index = np.array(stamps, dtype="datetime64[ms]")
        self.values = values

    def to_numpy(self) -> Any:
        return np.array(self.values)


class IndexedTable:
    """Columns by an index of times."""

    def __init__(self, stamps: list[int], bars: Mapping[str, list[float]]) -> None:
        self.index = np.array(stamps, dtype="datetime64[ms]")
        self.columns = list(bars)
        self.bars = bars

    def __getitem__(self, name: str) -> list[float]:
        return self.bars[name]


@pytest.mark.parametrize(("shape", "data"), [(IndexedSeries, GOOD), (IndexedTable, bars_of(GOOD))])
def test_the_times_of_an_index_are_times(shape: Any, data: Any) -> None:
    """E4."""
    stamps = [3_600_000 * hour for hour in range(60)]
    assert signal_of(shape(stamps, data)) == signal_of(data)
    assert_error(signal_of(shape(stamps[::-1], data)), "INVALID_TIMESTAMPS", "does not increase at bar 1")
    handler = TightRangeHandler()
    assert handler.process_tight_range_signal("B", shape(stamps, data), 0.8, now_ms=stamps[-1] + 1).entry_price == 986.0


@pytest.mark.parametrize("confidence", [None, float("nan"), "sure", True])
def test_a_confidence_that_is_no_number_is_an_error(confidence: Any) -> None:
    assert_error(signal_of(GOOD, confidence), "INVALID_CONFIDENCE", "l3_confidence is")


def test_an_old_fault_is_left_out() -> None:
    assert signal_of([1000.0, float("nan"), *GOOD[1:]]) == signal_of([1000.0, *GOOD[1:]])


@pytest.mark.parametrize("as_datetimes", [False, True])
def test_the_bar_that_is_still_forming_is_dropped(as_datetimes: bool) -> None:
    opened = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(61)]
    stamps = opened if as_datetimes else [int(each.timestamp() * 1000) for each in opened]
    table = {"timestamp": stamps, "close": [*GOOD, 2000.0]}
    handler = TightRangeHandler()

    def at(now: datetime) -> Any:
        return handler.process_tight_range_signal("B", table, 0.8, now_ms=int(now.timestamp() * 1000))

    assert at(opened[-1] + timedelta(minutes=59)).entry_price == 984.0
    assert at(opened[-1] + timedelta(minutes=60)).entry_price == 2000.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_data_points": 0}, "min_data_points = 0"),
        ({"rsi_period": 1.5}, "rsi_period = 1.5"),
        ({"max_confidence": 70}, "max_confidence = 70"),
        ({"max_confidence": "sure"}, "max_confidence = 'sure': expected a number from 0 to 1"),
        ({"rsi_method": "wildr"}, "did you mean 'wilder'"),
        ({"atr_method": "ema"}, "atr_method = 'ema'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TightRangeHandler(**settings)


@given(
    rsi=st.floats(0.0, 100.0),
    atr=st.floats(0.0, 0.5),
    l3=st.floats(-2.0, 2.0),
    said=st.sampled_from([-1, 0, 1]),
    cap=st.floats(0.0, 1.0),
)
def test_a_signal_keeps_its_bounds(rsi: float, atr: float, l3: float, said: int, cap: float) -> None:
    out: Any = RangeSignal.new()  # type: ignore[attr-defined]
    range_signal(out, rsi, atr, l3, said, cap)
    assert out.action == (1 if rsi < 40.0 - 1e-9 else -1 if rsi > 60.0 + 1e-9 else 0)
    assert 0.0 <= out.confidence <= (0.45 if out.action == 0 else cap)
    if out.action == 0:
        assert (out.size_multiplier, out.stop_fraction, out.target_fraction) == (0.0, 0.0, 0.0)
    else:
        assert out.size_multiplier == 0.5
        assert out.stop_fraction >= 0.008
        assert out.target_fraction >= 0.015
        assert out.target_fraction > out.stop_fraction
