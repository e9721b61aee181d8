from __future__ import annotations

import pytest

from ballast.backtest import formatting


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1234.5, "1,234.50"), (-0.004, "0.00"), (-2.0, "−2.00"), (None, "–"), (float("nan"), "–"), (float("inf"), "–")],
)
def test_a_number_has_two_decimals_and_a_true_minus(value: float | None, expected: str) -> None:
    assert formatting.number(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(3.0, "+3.00"), (-3.0, "−3.00"), (0.0, "0.00")])
def test_a_signed_number_shows_its_sign_unless_it_is_nothing(value: float, expected: str) -> None:
    assert formatting.number(value, signed=True) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.1234, "12.34 %"), (-0.05, "−5.00 %"), (52.123, "5,212 %"), (None, "–")]
)
def test_a_fraction_is_shown_in_percent(fraction: float | None, expected: str) -> None:
    assert formatting.percent(fraction) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0000143455, "0.0000143455"),
        (98_495_425.4, "98,495,425"),
        (1.1799, "1.1799"),
        (0.0, "0"),
        (-1_200.0, "−1,200"),
    ],
)
def test_prices_keep_six_digits_and_no_exponent(value: float, expected: str) -> None:
    assert formatting.significant(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (59.6, "1 m"), (3_661, "1 h 1 m"), (90_000, "1 d 1 h"), (86_460, "1 d")]
)
def test_a_duration_is_its_two_largest_units(seconds: float, expected: str) -> None:
    assert formatting.duration(seconds) == expected


@pytest.mark.parametrize(
    ("interval_ns", "expected"),
    [(60_000_000_000, "1m"), (14_400_000_000_000, "4h"), (90_000_000_000, "90s"), (500_000_000, "0.5s")],
)
def test_an_interval_is_written_as_in_a_configuration(interval_ns: int, expected: str) -> None:
    assert formatting.interval(interval_ns) == expected


def test_a_moment_is_in_utc_with_seconds_where_there_are_any() -> None:
    assert formatting.moment(1_767_225_600_000) == "2026-01-01 00:00"
    assert formatting.moment(1_767_225_601_500) == "2026-01-01 00:00:01"
    assert formatting.moment(None) == "–"


def test_a_name_becomes_words() -> None:
    assert formatting.title("buy_and_hold") == "Buy and hold"
    assert formatting.title("BTC index") == "BTC index"
