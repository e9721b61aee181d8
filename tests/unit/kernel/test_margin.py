"""Margin, term by term: recorded account snapshots, hand-worked examples, boundaries of tiers, properties."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.kernel.margin import (
    Legs,
    Resting,
    exceeds,
    initial_margin,
    leg_margins,
    legs_after,
    legs_of,
    maintenance_margin,
    margin_rate,
    reaches,
    symbol_figures,
    tier_margin,
)
from ballast.model.enums import MarginModel, Side
from ballast.model.instrument import Tier
from ballast.model.order_terms import Terms, order_cost, tier_of

BYBIT, TEXTBOOK = int(MarginModel.BYBIT_UNIFIED), int(MarginModel.TEXTBOOK)
NOTHING = Resting(0.0, 0.0, 0.0, 0.0)


def tier_table(*rows: tuple[float, float, float, float], symbol: int = 0) -> Any:
    """Return tiers from (upper value, rate, deduction, leverage)."""
    table = Tier.array(len(rows))  # type: ignore[attr-defined]
    table["symbol"] = symbol
    for k, row in enumerate(rows):
        table[k].upper_value, table[k].maintenance_margin_rate, table[k].deduction, table[k].max_leverage = row
    return table


# The first four of Bybit's public risk limits of BTCUSDT as of August 2026, and one that continues them.
BTC = tier_table(
    (2_000_000.0, 0.005, 0.0, 100.0),
    (2_600_000.0, 0.0056, 1_200.0, 90.0),
    (3_200_000.0, 0.0063, 3_020.0, 80.0),
    (3_800_000.0, 0.0067, 4_300.0, 75.0),
    (inf, 0.01, 16_840.0, 50.0),
)
ONE_PERCENT = tier_table((inf, 0.01, 0.0, 50.0))

# A live account in hedge mode (LTCUSDT, 10x, taker 0.055 %, May 2026): mark, sizes and entries of both legs, then
# the initial and maintenance margin that the venue reported for each. The last row's long entry is inferred.
SNAPSHOTS = [
    (53.70, 6.2, 55.9136884800, 2.2, 55.53059536, 33.52648911, 2.38048911, 0.14782244, 0.14782244),
    (53.76, 6.2, 55.9136884800, 2.2, 55.53059536, 33.56368911, 2.38288911, 0.14782244, 0.14782244),
    (53.77, 6.2, 55.9136884800, 2.2, 55.53059536, 33.56988911, 2.38328911, 0.14782244, 0.14782244),
    (53.65, 6.2, 55.9136884800, 2.2, 55.53059536, 33.49548911, 2.37848911, 0.14782244, 0.14782244),
    (53.63, 6.2, 55.9136884800, 2.2, 55.53059536, 33.48308911, 2.37768911, 0.14782244, 0.14782244),
    (53.61, 6.3, 55.8769632660, 2.1, 55.53059536, 34.00663641, 2.48395641, 0.14110324, 0.14110324),
]


@pytest.mark.parametrize("row", SNAPSHOTS, ids=lambda row: f"mark {row[0]}")
def test_a_live_hedge_account_is_reproduced(row: tuple[float, ...]) -> None:
    mark, long_qty, long_entry, short_qty, short_entry, *reported = row
    legs, terms = Legs(long_qty, long_entry, short_qty, short_entry), Terms(BYBIT, 10.0, 0.00055)
    assert list(leg_margins(legs, terms, mark, ONE_PERCENT, 0, 1)) == pytest.approx(reported, abs=1e-8)
    margin = initial_margin(legs, terms)
    assert margin.weight * mark + margin.offset == pytest.approx(reported[0] + reported[2], abs=2e-8)
    maintenance = maintenance_margin(legs, terms, NOTHING, mark, ONE_PERCENT, 0, 1)
    assert maintenance == pytest.approx(reported[1] + reported[3], abs=2e-8)


def test_a_one_way_long_by_hand() -> None:
    """
    0.5 BTC bought at 60 000, 20x, taker 0.055 %, mark 61 000.

    Value 30 500; IM = 30 500 / 20 = 1 525. Closing fee 30 000 x (1 - 1/20) x 0.00055 = 15.675. MM = 152.5 + 15.675.
    """
    legs, terms = legs_of(0.5, 60_000.0, 0.0, nan), Terms(BYBIT, 20.0, 0.00055)
    figures = symbol_figures(legs, terms, NOTHING, 61_000.0, BTC, 0, 5)
    assert figures.profit == pytest.approx(500.0, rel=1e-12)
    assert figures.initial_margin == pytest.approx(1_540.675, rel=1e-12)
    assert figures.maintenance_margin == pytest.approx(168.175, rel=1e-12)
    assert figures.gross == 30_500.0


def test_a_one_way_short_by_hand() -> None:
    """The same sold: the closing fee is 30 000 x (1 + 1/20) x 0.00055 = 17.325, and the mark is a loss of 500."""
    legs, terms = legs_of(-0.5, 60_000.0, 0.0, nan), Terms(BYBIT, 20.0, 0.00055)
    figures = symbol_figures(legs, terms, NOTHING, 61_000.0, BTC, 0, 5)
    assert figures.profit == pytest.approx(-500.0, rel=1e-12)
    assert figures.initial_margin == pytest.approx(1_542.325, rel=1e-12)
    assert figures.maintenance_margin == pytest.approx(169.825, rel=1e-12)


def test_the_cost_of_an_order_by_hand() -> None:
    """
    A buy of 1 at 10 000, 10x, taker 0.055 %: 1 000 + 5.5 + 10 000 x 0.9 x 0.00055 = 4.95. A sell closes at 1.1: 6.05.

    (Bybit help centre, "Order Cost (USDT Contract)".)
    """
    terms = Terms(BYBIT, 10.0, 0.00055)
    assert order_cost(10_000.0, Side.BUY, terms) == pytest.approx(1_010.45, rel=1e-12)
    assert order_cost(10_000.0, Side.SELL, terms) == pytest.approx(1_011.55, rel=1e-12)
    assert order_cost(10_000.0, Side.BUY, Terms(TEXTBOOK, 10.0, 0.00055)) == 1_000.0


def test_the_textbook_charges_both_legs_and_no_fees() -> None:
    legs, terms = Legs(3.0, 100.0, 1.0, 110.0), Terms(TEXTBOOK, 10.0, 0.00055)
    margins = leg_margins(legs, terms, 120.0, ONE_PERCENT, 0, 1)
    assert list(margins) == pytest.approx([36.0, 3.6, 12.0, 1.2], rel=1e-12)
    figures = symbol_figures(legs, terms, NOTHING, 120.0, ONE_PERCENT, 0, 1)
    assert figures.initial_margin == pytest.approx(48.0, rel=1e-12)
    assert figures.maintenance_margin == pytest.approx(4.8, rel=1e-12)


def test_equal_legs_carry_one_side_and_both_fees() -> None:
    """2 against 2, 10x: F(long) = 100 x 0.9 x 0.001 x 4 = 0.36; F(short) = 90 x 1.1 x 0.001 x 4 = 0.396."""
    legs, terms = Legs(2.0, 100.0, 2.0, 90.0), Terms(BYBIT, 10.0, 0.001)
    margins = leg_margins(legs, terms, 95.0, ONE_PERCENT, 0, 1)
    assert list(margins) == pytest.approx([0.36, 0.36, 19.0 + 0.396, 0.396], rel=1e-12)


def test_the_deduction_is_shared_by_what_is_not_hedged() -> None:
    """
    50 against 20 BTC, mark 60 000: 3 000 000 is tier 3; 3 000 000 x 0.0063 - 3 020 = 15 880, of which 3/5.

    F(long) = 60 000 x 0.9 x 0.00055 x 70 = 2 079; F(short) = 60 000 x 1.1 x 0.00055 x 40 = 1 452.
    """
    legs, terms = Legs(50.0, 60_000.0, 20.0, 60_000.0), Terms(BYBIT, 10.0, 0.00055)
    margins = leg_margins(legs, terms, 60_000.0, BTC, 0, 5)
    assert margins.long_maintenance == pytest.approx(9_528.0 + 2_079.0, rel=1e-12)
    assert margins.short_maintenance == pytest.approx(1_452.0, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "row"),
    [
        (0.0, 0),
        (2_000_000.0, 0),
        (np.nextafter(2_000_000.0, inf), 1),
        (2_600_000.0, 1),
        (2_600_000.01, 2),
        (3_200_000.0, 2),
        (3_200_000.01, 3),
        (3_800_000.0, 3),
        (3_800_000.01, 4),
        (1e12, 4),
    ],
)
def test_tier_bounds_are_inclusive(value: float, row: int) -> None:
    assert tier_of(BTC, 0, 5, value) == row


@pytest.mark.parametrize("row", range(4))
def test_deductions_join_the_tiers(row: int) -> None:
    upper = float(BTC[row].upper_value)
    above = float(np.nextafter(upper, inf))
    assert tier_margin(BTC, 0, 5, above) == pytest.approx(tier_margin(BTC, 0, 5, upper), rel=1e-12)


def test_tiers_of_another_symbol_are_not_looked_at() -> None:
    both: Any = np.concatenate([BTC, tier_table((100.0, 0.1, 0.0, 5.0), (inf, 0.2, 10.0, 2.0), symbol=1)]).view(
        np.recarray
    )
    assert tier_margin(both, 5, 7, 100.0) == 10.0
    assert tier_margin(both, 5, 7, 150.0) == 20.0
    assert tier_of(both, 0, 5, 1e12) == 4


def test_resting_orders_are_charged_as_if_filled() -> None:
    """A resting buy of 1 000 000 beside a long of 1 500 000: 2 500 000 x 0.0056 - 1 200 less 7 500, and its fee."""
    legs, terms = legs_of(25.0, 60_000.0, 0.0, nan), Terms(BYBIT, 10.0, 0.00055)
    resting = Resting(1_000_000.0, 0.0, 101_000.0, 495.0)
    alone = maintenance_margin(legs, terms, NOTHING, 60_000.0, BTC, 0, 5)
    held = maintenance_margin(legs, terms, resting, 60_000.0, BTC, 0, 5)
    assert held - alone == pytest.approx(12_800.0 - 7_500.0 + 495.0, rel=1e-12)
    figures = symbol_figures(legs, terms, resting, 60_000.0, BTC, 0, 5)
    assert figures.initial_margin == pytest.approx(150_000.0 + 25 * 60_000 * 0.9 * 0.00055 + 101_000.0, rel=1e-12)


def test_rates_have_an_end() -> None:
    assert margin_rate(5.0, 20.0) == 0.25
    assert margin_rate(5.0, 0.0) == inf
    assert margin_rate(0.0, -3.0) == 0.0
    assert reaches(100.0, 100.0, 1.0)
    assert reaches(100.0 - 0.5e-9, 100.0, 1.0)
    assert not reaches(99.9999, 100.0, 1.0)
    assert not reaches(0.0, 0.0, 1.0)
    assert reaches(1.0, -5.0, 0.9)


def test_money_within_a_billionth_is_enough() -> None:
    assert not exceeds(100.0, 100.0)
    assert not exceeds(100.0 + 0.5e-7, 100.0)
    assert exceeds(100.0 + 2e-7, 100.0)


def after(legs: Legs, signed_qty: float, price: float, *, hedged: bool, is_long_leg: bool) -> Legs:
    return legs_after(legs, hedged, is_long_leg, signed_qty, price)


def test_legs_after_a_fill() -> None:
    legs = Legs(2.0, 100.0, 1.0, 90.0)
    assert after(legs, 2.0, 110.0, hedged=True, is_long_leg=True) == Legs(4.0, 105.0, 1.0, 90.0)
    assert after(legs, -2.0, 110.0, hedged=True, is_long_leg=True) == Legs(0.0, 0.0, 1.0, 90.0)
    assert after(legs, -1.0, 100.0, hedged=True, is_long_leg=False) == Legs(2.0, 100.0, 2.0, 95.0)
    assert after(Legs(2.0, 100.0, 0.0, 0.0), -5.0, 110.0, hedged=False, is_long_leg=False) == Legs(0.0, 0.0, 3.0, 110.0)
    assert after(Legs(0.0, 0.0, 3.0, 110.0), 3.0, 100.0, hedged=False, is_long_leg=True) == Legs(0.0, 0.0, 0.0, 0.0)


QTYS = st.just(0.0) | st.floats(min_value=1e-6, max_value=100.0)
PRICES = st.floats(min_value=1_000.0, max_value=100_000.0)
LEVERAGES = st.floats(min_value=1.0, max_value=50.0)
FEES = st.floats(min_value=0.0, max_value=0.002)
MODELS = st.sampled_from([BYBIT, TEXTBOOK])
VALUES = st.floats(min_value=0.0, max_value=5e6)


@given(QTYS, PRICES, QTYS, PRICES, LEVERAGES, FEES, MODELS, PRICES)
def test_initial_margin_is_linear_in_the_mark(
    long_qty: float, long_entry: float, short_qty: float, short_entry: float,
    leverage: float, fee: float, model: int, mark: float,
) -> None:  # fmt: skip
    legs, terms = Legs(long_qty, long_entry, short_qty, short_entry), Terms(model, leverage, fee)
    margin = initial_margin(legs, terms)
    whole = symbol_figures(legs, terms, NOTHING, mark, BTC, 0, 5).initial_margin
    assert whole == margin.weight * mark + (margin.offset + 0.0)
    by_leg = leg_margins(legs, terms, mark, BTC, 0, 5)
    assert by_leg.long_initial + by_leg.short_initial == pytest.approx(whole, rel=1e-12)


@given(QTYS, PRICES, QTYS, PRICES, LEVERAGES, FEES, MODELS, PRICES, VALUES, VALUES)
def test_the_sum_of_legs_is_the_symbol_and_never_above_its_initial_margin(
    long_qty: float, long_entry: float, short_qty: float, short_entry: float,
    leverage: float, fee: float, model: int, mark: float, long_value: float, short_value: float,
) -> None:  # fmt: skip
    legs, terms = Legs(long_qty, long_entry, short_qty, short_entry), Terms(model, leverage, fee)
    by_leg = leg_margins(legs, terms, mark, BTC, 0, 5)
    figures = symbol_figures(legs, terms, NOTHING, mark, BTC, 0, 5)
    assert by_leg.long_maintenance + by_leg.short_maintenance == pytest.approx(
        figures.maintenance_margin, rel=1e-12, abs=1e-9
    )
    # 50x, the least that any of these tiers allows, is 2 % of value: above every tier's rate.
    assert figures.maintenance_margin <= figures.initial_margin * (1.0 + 1e-12)


@given(QTYS, QTYS, PRICES, LEVERAGES, FEES, MODELS, PRICES, st.floats(min_value=1.0, max_value=2.0))
def test_more_of_a_position_never_costs_less(
    qty: float, other: float, entry: float, leverage: float, fee: float, model: int, mark: float, factor: float
) -> None:
    terms = Terms(model, leverage, fee)
    smaller = symbol_figures(Legs(qty, entry, 0.0, 0.0), terms, NOTHING, mark, BTC, 0, 5)
    larger = symbol_figures(Legs(qty * factor, entry, 0.0, 0.0), terms, NOTHING, mark, BTC, 0, 5)
    assert larger.initial_margin >= smaller.initial_margin
    assert larger.maintenance_margin >= smaller.maintenance_margin * (1.0 - 1e-12)
    hedged = symbol_figures(Legs(qty, entry, other, entry), terms, NOTHING, mark, BTC, 0, 5)
    assert hedged.initial_margin >= smaller.initial_margin


@given(QTYS, PRICES, QTYS, PRICES, LEVERAGES, FEES, PRICES)
def test_a_hedge_never_needs_more_than_its_legs_apart_but_for_the_second_closing_fee(
    long_qty: float, long_entry: float, short_qty: float, short_entry: float, leverage: float, fee: float, mark: float
) -> None:
    terms = Terms(BYBIT, leverage, fee)
    both = symbol_figures(Legs(long_qty, long_entry, short_qty, short_entry), terms, NOTHING, mark, BTC, 0, 5)
    one = symbol_figures(Legs(long_qty, long_entry, 0.0, 0.0), terms, NOTHING, mark, BTC, 0, 5)
    other = symbol_figures(Legs(0.0, 0.0, short_qty, short_entry), terms, NOTHING, mark, BTC, 0, 5)
    hedged = min(long_qty, short_qty)
    second_fees = hedged * fee * (long_entry * (1.0 - 1.0 / leverage) + short_entry * (1.0 + 1.0 / leverage))
    slack = second_fees + 1e-9 * (1.0 + one.initial_margin + other.initial_margin)
    assert both.initial_margin <= one.initial_margin + other.initial_margin + slack
    assert both.maintenance_margin <= one.maintenance_margin + other.maintenance_margin + slack


@given(QTYS, QTYS, PRICES, LEVERAGES, FEES, MODELS, PRICES, st.floats(min_value=1.0, max_value=3.0), VALUES)
def test_maintenance_never_falls_when_the_mark_rises(
    long_qty: float, short_qty: float, entry: float, leverage: float, fee: float, model: int,
    mark: float, factor: float, value: float,
) -> None:  # fmt: skip
    legs, terms = Legs(long_qty, entry, short_qty, entry), Terms(model, leverage, fee)
    resting = Resting(value, 0.5 * value, 1.0, 1.0)
    low = maintenance_margin(legs, terms, resting, mark, BTC, 0, 5)
    assert maintenance_margin(legs, terms, resting, mark * factor, BTC, 0, 5) >= low * (1.0 - 1e-9)
