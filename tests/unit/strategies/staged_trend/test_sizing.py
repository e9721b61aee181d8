"""Stops and lots: worked risks, caps that fit the asset, and a refusal for everything that is unknown."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.strategies.staged_trend.settings import LotMode, Reason
from ballast.strategies.staged_trend.sizing import lots, lots_reason, risk_of, stop_distance
from ballast.strategies.staged_trend.stops import stop_reason
from tests.unit.strategies.staged_trend.staged import LONG, NONE, SHORT, params_of, terms_of

EURUSD, USDJPY, BTCUSD = terms_of(), terms_of(3, 100.0 / 150.0), terms_of(2, 0.01)


@pytest.mark.parametrize(
    ("pips", "risk", "reason"),
    [(20.0, 2.00, Reason.NONE), (25.0, 2.50, Reason.MINIMUM_LOT_RISK), (24.0, 2.40, Reason.MINIMUM_LOT_RISK)],
)
def test_the_least_lot_that_risks_too_much_is_refused(pips: float, risk: float, reason: Reason) -> None:
    """D32."""
    assert risk_of(EURUSD, 0.01, pips * 0.0001) == pytest.approx(risk, rel=1e-12)
    assert lots_reason(EURUSD, pips * 0.0001, params_of()) == reason
    assert isnan(lots(EURUSD, pips * 0.0001, params_of())) == (reason != Reason.NONE)


def test_a_stop_of_two_atrs_that_risks_too_much_is_refused() -> None:
    """D32: two ATRs."""
    distance = stop_distance(EURUSD, False, 0.00120, 1.10, 1.10, params_of())  # noqa: FBT003
    assert distance == pytest.approx(0.0024, rel=1e-12)
    assert lots_reason(EURUSD, distance, params_of()) == Reason.MINIMUM_LOT_RISK


def test_lots_are_floored_to_the_step() -> None:
    assert lots(EURUSD, 0.0010, params_of()) == 0.02
    assert lots(EURUSD, 0.0011, params_of()) == 0.01
    assert lots(EURUSD, 0.0010, params_of(max_risk_per_trade_usd=20.0)) == 0.20
    assert lots(USDJPY, 0.100, params_of(max_risk_per_trade_usd=20.0)) == 0.30


def test_lots_stop_at_the_largest_allowed() -> None:
    assert lots(terms_of(max_lots=0.05), 0.0001, params_of(max_risk_per_trade_usd=100.0)) == 0.05


def test_the_least_lot_can_be_asked_for() -> None:
    assert lots(EURUSD, 0.0010, params_of(lot_mode=LotMode.MINIMUM)) == 0.01
    assert isnan(lots(EURUSD, 0.0025, params_of(lot_mode=LotMode.MINIMUM)))


@pytest.mark.parametrize(
    ("change", "distance", "reason"),
    [
        ({}, 0.0, Reason.STOP_UNKNOWN),
        ({}, -0.001, Reason.STOP_UNKNOWN),
        ({}, nan, Reason.STOP_UNKNOWN),
        ({}, float("inf"), Reason.STOP_UNKNOWN),
        ({"tick_value": 0.0}, 0.001, Reason.TERMS_UNKNOWN),
        ({"tick_value": nan}, 0.001, Reason.TERMS_UNKNOWN),
        ({"tick_units": 0}, 0.001, Reason.TERMS_UNKNOWN),
        ({"lot_units": 0}, 0.001, Reason.LOT_STEP_UNKNOWN),
        ({"lot_scale": 0.0}, 0.001, Reason.LOT_STEP_UNKNOWN),
        ({"min_lots": 0.0}, 0.001, Reason.LOT_LIMITS),
        ({"min_lots": nan}, 0.001, Reason.LOT_LIMITS),
        ({"max_lots": 0.005}, 0.001, Reason.LOT_LIMITS),
        ({"max_lots": nan}, 0.001, Reason.LOT_LIMITS),
    ],
)
def test_what_is_unknown_is_not_sized(change: dict[str, Any], distance: float, reason: Reason) -> None:
    terms = terms_of(**change)
    assert lots_reason(terms, distance, params_of()) == reason
    assert isnan(lots(terms, distance, params_of()))


def pips_of(terms: Any, atr: float, price: float, *, is_crypto: bool = False) -> float:
    return stop_distance(terms, is_crypto, atr, price, price, params_of()) / float(terms.pip_size)


def test_the_stop_is_two_atrs_between_its_least_and_its_most() -> None:
    assert pips_of(EURUSD, 0.0008, 1.10) == pytest.approx(16.0, rel=1e-12)
    assert pips_of(EURUSD, 0.0001, 1.10) == pytest.approx(10.0, rel=1e-12)
    assert pips_of(EURUSD, 0.0300, 1.10) == pytest.approx(500.0, rel=1e-12)


def test_a_crypto_asset_has_a_cap_in_parts_of_its_price() -> None:
    assert stop_distance(BTCUSD, True, 100.0, 60_000.0, 60_001.0, params_of()) == 200.0  # noqa: FBT003
    assert stop_distance(BTCUSD, True, 1_000.0, 60_000.0, 60_001.0, params_of()) == 300.0  # noqa: FBT003
    assert pips_of(BTCUSD, 0.01, 60_000.0, is_crypto=True) == pytest.approx(15.0, rel=1e-12)


def test_the_stops_level_and_the_spread_are_the_least() -> None:
    strict = terms_of(stops_level=0.0030)
    assert stop_distance(strict, False, 0.0001, 1.1000, 1.1002, params_of()) == pytest.approx(0.0032, rel=1e-9)  # noqa: FBT003


@pytest.mark.parametrize(
    ("atr", "bid", "ask"), [(nan, 1.1, 1.1), (0.0, 1.1, 1.1), (0.001, nan, 1.1), (0.001, 1.1, 0.0), (0.001, 1.1, 1.0)]
)
def test_a_stop_needs_an_atr_and_quotes(atr: float, bid: float, ask: float) -> None:
    assert isnan(stop_distance(EURUSD, False, atr, bid, ask, params_of()))  # noqa: FBT003


@given(
    st.floats(min_value=1e-5, max_value=0.05),
    st.floats(min_value=0.2, max_value=3.0),
    st.floats(min_value=0.5, max_value=500.0),
)
def test_no_size_risks_more_than_allowed(distance: float, tick_value: float, max_risk: float) -> None:
    terms, params = terms_of(tick_value=tick_value), params_of(max_risk_per_trade_usd=max_risk)
    size = lots(terms, distance, params)
    if isnan(size):
        assert risk_of(terms, 0.01, distance) > max_risk
    else:
        assert risk_of(terms, size, distance) <= max_risk * (1.0 + 1e-9) + 1e-8
        assert size == 50.0 or risk_of(terms, size + 0.01, distance) > max_risk * (1.0 - 1e-9)


BID, ASK = 1.10000, 1.10010


@pytest.mark.parametrize(
    ("side", "stop", "reason"),
    [
        (LONG, 1.09860, Reason.NONE),
        (SHORT, 1.10150, Reason.NONE),
        (LONG, 1.09910, Reason.NONE),
        (LONG, 1.09911, Reason.STOP_BELOW_MINIMUM_PIPS),
        (SHORT, 1.10100, Reason.NONE),
        (SHORT, 1.10099, Reason.STOP_BELOW_MINIMUM_PIPS),
        (LONG, 1.10010, Reason.STOP_WRONG_SIDE),
        (LONG, 1.10100, Reason.STOP_WRONG_SIDE),
        (SHORT, 1.10000, Reason.STOP_WRONG_SIDE),
        (SHORT, 1.09900, Reason.STOP_WRONG_SIDE),
        (LONG, 1.09810, Reason.NONE),
        (LONG, 1.09809, Reason.MINIMUM_LOT_RISK),
        (LONG, nan, Reason.STOP_UNKNOWN),
        (LONG, 0.0, Reason.STOP_UNKNOWN),
        (NONE, 1.09860, Reason.NO_SIGNAL),
    ],
)
def test_a_stop_is_examined_before_it_is_sent(side: int, stop: float, reason: Reason) -> None:
    assert Reason(stop_reason(EURUSD, side, BID, ASK, stop, params_of())) == reason


def test_the_stops_level_counts_from_the_price_that_closes() -> None:
    strict = terms_of(stops_level=0.00100)
    assert stop_reason(strict, LONG, BID, ASK, 1.09900, params_of()) == Reason.NONE
    assert stop_reason(strict, LONG, BID, ASK, 1.09901, params_of()) == Reason.STOP_BELOW_STOPS_LEVEL
    assert stop_reason(strict, SHORT, BID, ASK, 1.10110, params_of()) == Reason.NONE
    assert stop_reason(strict, SHORT, BID, ASK, 1.10109, params_of()) == Reason.STOP_BELOW_STOPS_LEVEL


def test_a_stop_within_two_spreads_is_refused() -> None:
    assert stop_reason(EURUSD, LONG, 1.10000, 1.10060, 1.09940, params_of()) == Reason.STOP_INSIDE_SPREAD
    assert stop_reason(EURUSD, LONG, 1.10000, 1.10060, 1.09939, params_of()) == Reason.NONE


@pytest.mark.parametrize(
    ("change", "bid", "ask", "reason"),
    [
        ({"tick_value": 0.0}, BID, ASK, Reason.TERMS_UNKNOWN),
        ({"pip_size": 0.0}, BID, ASK, Reason.TERMS_UNKNOWN),
        ({"min_lots": 0.0}, BID, ASK, Reason.TERMS_UNKNOWN),
        ({}, nan, ASK, Reason.PRICE_UNKNOWN),
        ({}, BID, nan, Reason.PRICE_UNKNOWN),
        ({}, ASK, BID, Reason.PRICE_UNKNOWN),
    ],
)
def test_a_stop_that_cannot_be_examined_is_refused(
    change: dict[str, Any], bid: float, ask: float, reason: Reason
) -> None:
    assert stop_reason(terms_of(**change), LONG, bid, ask, 1.09860, params_of()) == reason


@given(st.floats(min_value=0.0001, max_value=0.0009), st.floats(min_value=0.0, max_value=0.0003), st.integers(0, 30))
def test_the_stop_that_is_found_passes_the_examination(atr: float, spread: float, level: int) -> None:
    terms = terms_of(stops_level=level / 1e5)
    ask = BID + spread
    distance = stop_distance(terms, False, atr, BID, ask, params_of())  # noqa: FBT003
    for side, stop in ((LONG, ask - distance), (SHORT, BID + distance)):
        assert stop_reason(terms, side, BID, ask, stop, params_of()) == Reason.NONE
