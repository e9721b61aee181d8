"""From a lock to a price and back: the worked examples, both directions, and what the venue would not take."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.enums import PositionSide
from ballast.orders.contract_terms import ContractTerms, distance_of, pip_size, value_of
from ballast.orders.elastic_settings import ElasticMode
from ballast.orders.fixed_point import to_fixed
from ballast.orders.stop_price import Placement, StopPlacement, place
from tests.unit.orders.elastic_run import settings_of

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
LITERAL = ElasticMode.LITERAL


def terms_of(digits: int, tick_value: float, **values: float) -> Any:
    terms = ContractTerms.new()  # type: ignore[attr-defined]
    terms.tick_units, terms.tick_scale, terms.tick_value = 1, float(10**digits), tick_value
    terms.pip_size = pip_size(digits)
    for key, value in values.items():
        setattr(terms, key, value)
    return terms


EURUSD = terms_of(5, 1.0)
USDJPY = terms_of(3, 100.0 / 150.0)


def placed(
    terms: Any,
    side: int,
    target: float,
    market: float,
    *,
    entry: float = 1.10000,
    lots: float = 0.01,
    lock: float = nan,
    settings: Any = None,
) -> Any:
    placement = StopPlacement.new()  # type: ignore[attr-defined]
    verdict = place(terms, settings or settings_of(), side, lots, entry, target, lock, market, placement)
    assert verdict == placement.verdict
    assert isnan(placement.price) == isnan(placement.lock) == (verdict != Placement.PLACE)
    return placement


def test_a_long_stop_stands_above_its_entry_and_a_short_stop_below() -> None:
    """D28."""
    long, short = placed(EURUSD, LONG, 0.46, 1.10200), placed(EURUSD, SHORT, 0.46, 1.09800)
    assert (long.price, long.lock) == (1.10046, 0.46)
    assert (short.price, short.lock) == (1.09954, 0.46)


def test_the_tick_value_carries_the_rate_of_the_quote_currency() -> None:
    """D28: a quote currency that is not the account's."""
    stop = placed(USDJPY, LONG, 0.46, 150.500, entry=150.000)
    assert (stop.price, stop.lock) == (150.069, 0.46)


@pytest.mark.parametrize(("side", "market", "price"), [(LONG, 1.10050, 1.10040), (SHORT, 1.09950, 1.09960)])
def test_a_stop_inside_the_stops_level_moves_away_and_locks_less(side: int, market: float, price: float) -> None:
    """D28: the stops level."""
    for mode in ElasticMode:
        stop = placed(terms_of(5, 1.0, stops_level=0.00010), side, 0.46, market, settings=settings_of(mode))
        assert (stop.price, stop.lock) == (price, 0.40)


def test_a_stop_exactly_at_the_stops_level_stays() -> None:
    assert placed(terms_of(5, 1.0, stops_level=0.00010), LONG, 0.46, 1.10056).price == 1.10046
    assert placed(terms_of(5, 1.0, stops_level=0.00010), LONG, 0.46, 1.10055).price == 1.10045


@pytest.mark.parametrize(("side", "market"), [(LONG, 1.10046), (LONG, 1.10030), (SHORT, 1.09954), (SHORT, 1.09970)])
def test_at_or_through_the_market_nothing_is_placed(side: int, market: float) -> None:
    assert placed(EURUSD, side, 0.46, market).verdict == Placement.THROUGH_MARKET


def test_the_literal_stop_goes_two_pips_or_the_stops_level_from_the_market() -> None:
    literal = settings_of(LITERAL)
    near = placed(EURUSD, LONG, 0.46, 1.10040, settings=literal)
    assert (near.price, near.lock) == (1.10020, 0.20)
    far = placed(terms_of(5, 1.0, stops_level=0.00035), SHORT, 0.46, 1.09960, settings=literal)
    assert (far.price, far.lock) == (1.09995, 0.05)


def test_a_stop_that_clamping_makes_no_better_is_not_sent() -> None:
    strict = terms_of(5, 1.0, stops_level=0.00010)
    assert placed(strict, LONG, 0.46, 1.10050, lock=0.39).verdict == Placement.PLACE
    assert placed(strict, LONG, 0.46, 1.10050, lock=0.395).verdict == Placement.NOT_BETTER
    assert placed(strict, LONG, 0.46, 1.10050, lock=0.40).verdict == Placement.NOT_BETTER
    assert placed(strict, LONG, 0.46, 1.10050, lock=0.395, settings=settings_of(LITERAL)).lock == 0.40


def test_a_stop_pushed_below_the_lowest_lock_is_not_sent() -> None:
    wide = terms_of(5, 1.0, stops_level=0.00300)
    assert placed(wide, LONG, 0.46, 1.10100).lock == -2.00
    assert placed(wide, LONG, 0.46, 1.10099).verdict == Placement.TOO_LOW


@pytest.mark.parametrize(
    ("terms", "change", "verdict"),
    [
        (terms_of(5, 0.0), {}, Placement.UNKNOWN_TERMS),
        (terms_of(5, nan), {}, Placement.UNKNOWN_TERMS),
        (terms_of(5, 1.0, tick_units=0), {}, Placement.UNKNOWN_TERMS),
        (terms_of(5, 1.0, stops_level=nan), {}, Placement.UNKNOWN_TERMS),
        (EURUSD, {"lots": 0.0}, Placement.UNKNOWN_TERMS),
        (terms_of(5, 1.0, stops_level=0.003), {"lots": 1e300}, Placement.UNKNOWN_TERMS),
        (EURUSD, {"entry": nan}, Placement.UNKNOWN_TERMS),
        (EURUSD, {"target": nan}, Placement.UNKNOWN_TERMS),
        (EURUSD, {"side": PositionSide.NONE}, Placement.UNKNOWN_TERMS),
        (EURUSD, {"market": nan}, Placement.NO_MARKET_PRICE),
        (EURUSD, {"market": 0.0}, Placement.NO_MARKET_PRICE),
    ],
)
def test_what_cannot_be_reckoned_is_not_placed(terms: Any, change: dict[str, Any], verdict: Placement) -> None:
    asked: dict[str, Any] = {"side": LONG, "target": 0.46, "market": 1.10200, **change}
    stop = placed(terms, asked.pop("side"), asked.pop("target"), asked.pop("market"), **asked)
    assert stop.verdict == verdict


SIDES = st.sampled_from([LONG, SHORT])
TICKS = st.integers(min_value=-3_000, max_value=3_000)


@given(SIDES, st.floats(min_value=0.0, max_value=3.0), st.floats(min_value=0.01, max_value=5.0), TICKS)
def test_a_stop_locks_what_is_asked_less_a_tick_at_most(side: int, target: float, lots: float, ticks: int) -> None:
    entry = (110_000 + ticks) / 1e5
    far = entry + (0.5 if side == LONG else -0.5)
    stop = placed(EURUSD, side, target, far, entry=entry, lots=lots)
    assert stop.verdict == Placement.PLACE
    assert target - lots * 1.0 - 1e-8 <= stop.lock <= target + 1e-8


@given(SIDES, st.floats(min_value=0.0, max_value=3.0), TICKS, st.integers(min_value=0, max_value=50))
def test_a_stop_is_never_nearer_to_the_market_than_allowed(side: int, target: float, ticks: int, level: int) -> None:
    for mode in ElasticMode:
        market = (110_000 + ticks) / 1e5
        terms = terms_of(5, 1.0, stops_level=level / 1e5)
        stop = placed(terms, side, target, market, settings=settings_of(mode))
        if stop.verdict == Placement.PLACE:
            gap = (market - stop.price) * (1 if side == LONG else -1)
            assert gap >= level / 1e5 - 1e-10
            assert gap > 0.0
            assert to_fixed(stop.lock) <= to_fixed(target)


@given(st.floats(min_value=-3.0, max_value=3.0), TICKS, TICKS)
def test_longs_and_shorts_mirror_each_other(target: float, entry_ticks: int, gap_ticks: int) -> None:
    entry = 110_000 + entry_ticks
    long = placed(EURUSD, LONG, target, (entry + gap_ticks) / 1e5, entry=entry / 1e5)
    short = placed(EURUSD, SHORT, target, (entry - gap_ticks) / 1e5, entry=entry / 1e5)
    assert (long.verdict, isnan(long.lock) or long.lock == short.lock) == (short.verdict, True)


@given(st.floats(min_value=0.01, max_value=10.0), st.floats(min_value=-5.0, max_value=5.0))
def test_money_and_distance_are_inverse(lots: float, amount: float) -> None:
    assert value_of(USDJPY, lots, distance_of(USDJPY, lots, amount)) == pytest.approx(amount, rel=1e-12)


@pytest.mark.parametrize(("digits", "pip"), [(0, 1.0), (2, 0.01), (3, 0.01), (4, 0.0001), (5, 0.0001), (6, 0.000001)])
def test_a_pip_is_ten_points_where_the_last_digit_is_a_fraction_of_it(digits: int, pip: float) -> None:
    assert pip_size(digits) == pip
