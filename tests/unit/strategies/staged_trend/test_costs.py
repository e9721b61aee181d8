"""What an entry costs, when it is too dear, and whose turn it is."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.strategies.staged_trend.costs import cost_reason, entry_cost, scan_order
from ballast.strategies.staged_trend.settings import Reason
from tests.unit.strategies.staged_trend.staged import params_of, terms_of

EURUSD, BTCUSD = terms_of(), terms_of(2, 0.01)


def test_an_entry_costs_its_spread_and_its_fees() -> None:
    assert entry_cost(EURUSD, 0.01, 1.10000, 1.10010, 0.07) == pytest.approx(0.17, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "size", "bid", "ask"),
    [
        ({}, 0.01, nan, 1.1),
        ({}, 0.01, 1.1, 1.0),
        ({}, nan, 1.0, 1.1),
        ({"tick_value": 0.0}, 0.01, 1.0, 1.1),
    ],
)
def test_a_cost_that_cannot_be_told_is_nan(change: dict[str, Any], size: float, bid: float, ask: float) -> None:
    assert isnan(entry_cost(terms_of(**change), size, bid, ask, 0.0))


def reason_of(ask: float, *, stop: float = 0.0020, cost: float = 0.10, bid: float = 1.10000) -> Reason:
    return Reason(cost_reason(EURUSD, False, bid, ask, stop, cost, params_of()))  # noqa: FBT003


def test_each_limit_itself_is_allowed() -> None:
    assert reason_of(1.10015) == Reason.NONE
    assert reason_of(1.10016) == Reason.SPREAD
    assert reason_of(1.10010, stop=0.0010) == Reason.NONE
    assert reason_of(1.10010, stop=0.00099) == Reason.SPREAD_TO_STOP
    assert reason_of(1.10010, cost=0.30) == Reason.NONE
    assert reason_of(1.10010, cost=0.3000001) == Reason.COST


def test_what_is_unknown_is_too_dear() -> None:
    assert reason_of(nan) == Reason.PRICE_UNKNOWN
    assert reason_of(1.09999) == Reason.PRICE_UNKNOWN
    assert reason_of(1.10010, stop=nan) == Reason.SPREAD_TO_STOP
    assert reason_of(1.10010, cost=nan) == Reason.COST
    unknown = terms_of(tick_value=nan)
    assert cost_reason(unknown, False, 1.1, 1.1001, 0.002, 0.1, params_of()) == Reason.TERMS_UNKNOWN  # noqa: FBT003


def test_a_crypto_asset_is_judged_by_its_price_instead_of_points() -> None:
    def judged(ask: float) -> int:
        return cost_reason(BTCUSD, True, 1_000.0, ask, 1_000.0, 0.1, params_of())  # noqa: FBT003

    assert judged(1_020.0) == Reason.NONE
    assert judged(1_020.01) == Reason.SPREAD_TO_PRICE


def scanned(costs: list[float], ranks: list[int]) -> list[int]:
    order = np.zeros(len(costs), np.int64)
    n = scan_order(np.array(costs), np.array(ranks), order)
    return [int(symbol) for symbol in order[:n]]


def test_the_cheapest_comes_first_and_equals_by_name() -> None:
    assert scanned([0.3, 0.1, 0.2, 0.1], [0, 3, 1, 2]) == [3, 1, 2, 0]
    assert scanned([nan, 0.1, nan], [0, 1, 2]) == [1]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, nan]), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_is_that_of_sorting(costs: list[float], rng: Any) -> None:
    ranks = list(range(len(costs)))
    rng.shuffle(ranks)
    known = [symbol for symbol in range(len(costs)) if not isnan(costs[symbol])]
    assert scanned(costs, ranks) == sorted(known, key=lambda symbol: (costs[symbol], ranks[symbol]))
