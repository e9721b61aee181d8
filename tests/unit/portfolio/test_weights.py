"""Weights as users give them, and prices in every form that they come in."""

from __future__ import annotations

from math import inf, isnan, nan
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError, DataError
from ballast.portfolio.prices import last_price
from ballast.portfolio.weights import CASH_ASSETS, cash_of, check_current_weights, target_weights


def test_targets_that_sum_to_1_are_kept_as_they_are_in_a_copy() -> None:
    given_ = {"BTC": 0.4, "ETH": 0.3, "USDT": 0.3}
    kept = target_weights(given_)
    assert kept == given_
    assert kept is not given_


def test_a_sum_within_a_thousandth_is_kept_and_a_greater_one_divided_out() -> None:
    assert target_weights({"BTC": 0.5009, "ETH": 0.5}) == {"BTC": 0.5009, "ETH": 0.5}
    assert target_weights({"BTC": 40, "ETH": 60}) == pytest.approx({"BTC": 0.4, "ETH": 0.6})


@given(st.dictionaries(st.text(min_size=1), st.floats(0.0, 1e6), min_size=1))
def test_targets_sum_to_1_within_a_thousandth(weights: dict[str, float]) -> None:
    if sum(weights.values()) > 1e-300:
        assert sum(target_weights(weights).values()) == pytest.approx(1.0, abs=0.0011)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "none are given"),
        ({"BTC": -0.1, "ETH": 1.1}, "target weight of BTC = -0.1: negative"),
        ({"BTC": nan}, "target weight of BTC = nan: not finite"),
        ({"BTC": inf}, "target weight of BTC = inf: not finite"),
        ({"BTC": "0.4"}, "target weight of BTC = '0.4': not a number"),
        ({"BTC": True}, "target weight of BTC = True: not a number"),
        ({"BTC": 0.0}, "they sum to 0"),
    ],
)
def test_impossible_targets_are_refused_in_one_line(weights: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        target_weights(weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "weights", [{"BTC": 0.5, "USDT": 0.48}, {"BTC": 0.52, "USDT": 0.5}, {"BTC": 0.3}, {"BTC": 1.02}, {}]
)
def test_weights_may_be_two_hundredths_off(weights: dict[str, float]) -> None:
    check_current_weights(weights, CASH_ASSETS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"BTC": 0.5, "USDT": 0.47}, "sum to 0.97: they must sum to 1, cash included"),
        ({"BTC": 0.53, "USDT": 0.5}, "sum to 1.03: they must sum to 1, cash included"),
        ({"BTC": 0.7, "ETH": 0.4}, "sum to 1.1: they must sum to at most 1"),
        ({"BTC": -0.2}, "current weight of BTC = -0.2: negative"),
        ({"BTC": nan}, "current weight of BTC = nan: not finite"),
    ],
)
def test_impossible_holdings_are_refused_in_one_line(weights: dict[str, float], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        check_current_weights(weights, CASH_ASSETS)
    assert "\n" not in str(caught.value)


def test_cash_is_the_weight_of_the_cash_legs_or_what_the_weights_leave() -> None:
    assert cash_of({"BTC": 0.5, "USDT": 0.3, "USD": 0.1}, 1_000.0, CASH_ASSETS) == pytest.approx(400.0)
    assert cash_of({"BTC": 0.5}, 1_000.0, CASH_ASSETS) == pytest.approx(500.0)
    assert cash_of({"BTC": 1.01}, 1_000.0, CASH_ASSETS) == 0.0
    assert cash_of({"BTC": 0.9, "USDT": 0.0}, 1_000.0, CASH_ASSETS) == 0.0


@pytest.mark.parametrize(
    "data",
    [
        3.0,
        3,
        np.array(3.0),
        [1.0, 2.0, 3.0],
        (1, 3),
        np.array([2.0, 3.0]),
        {"close": 3.0},
        {"close": [2.0, 3.0], "open": [9.0, 9.0]},
        pl.Series([2.0, 3.0]),
        pl.DataFrame({"close": [2.0, 3.0], "open": [1.0, 1.0]}),
    ],
)
def test_a_price_is_found_in_numbers_mappings_tables_and_series(data: object) -> None:
    assert last_price(data) == 3.0


@pytest.mark.parametrize(
    "data", [None, "3.0x", [], {"open": 3.0}, True, object(), {"close": None}, pl.DataFrame({"o": [1]})]
)
def test_what_is_no_price_is_nan(data: object) -> None:
    assert isnan(last_price(data))
