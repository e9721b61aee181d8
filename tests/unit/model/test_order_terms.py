"""What a venue asks of an order before it takes it; the kernel's margin tests work its cost out by hand."""

from __future__ import annotations

from math import inf

import pytest

from ballast.model.enums import MarginModel, Side
from ballast.model.instrument import Tier
from ballast.model.order_terms import Terms, is_leverage_allowed, largest_value, order_cost

TIERS = Tier.array(4)  # type: ignore[attr-defined]
TIERS["symbol"] = [0, 1, 1, 1]
TIERS["upper_value"] = [5.0, 1_000.0, 20_000.0, inf]
TIERS["max_leverage"] = [3.0, 50.0, 20.0, 10.0]


@pytest.mark.parametrize(
    ("value", "leverage", "allowed"),
    [
        (0.0, 50.0, True),
        (1_000.0, 50.0, True),
        (1_000.01, 50.0, False),
        (1_000.01, 20.0, True),
        (20_000.0, 20.0, True),
        (20_000.01, 20.0, False),
        (1e12, 10.0, True),
        (1e12, 10.5, False),
    ],
)
def test_the_tier_of_a_value_bounds_the_leverage_inclusively(value: float, leverage: float, allowed: bool) -> None:
    assert is_leverage_allowed(TIERS, 1, 4, value, leverage) == allowed


def test_without_tiers_every_leverage_is_allowed_and_no_value_is_the_largest() -> None:
    assert is_leverage_allowed(TIERS, 2, 2, 1e12, 1_000.0)
    assert largest_value(TIERS, 2, 2, 1.0) == 0.0


@pytest.mark.parametrize(("leverage", "value"), [(50.0, 1_000.0), (20.0, 20_000.0), (10.0, inf), (60.0, 0.0)])
def test_the_largest_value_is_the_last_that_its_tier_allows(leverage: float, value: float) -> None:
    assert largest_value(TIERS, 1, 4, leverage) == value
    if 0.0 < value < inf:
        assert is_leverage_allowed(TIERS, 1, 4, value, leverage)
        assert not is_leverage_allowed(TIERS, 1, 4, value * 1.000001, leverage)


def test_an_order_that_opens_short_costs_more_where_fees_are_set_aside() -> None:
    terms = Terms(MarginModel.BYBIT_UNIFIED, 10.0, 0.00055)
    assert order_cost(10_000.0, Side.SELL, terms) > order_cost(10_000.0, Side.BUY, terms)
