"""The arithmetic of quotes: the worked example first, then what holds for all."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.strategies.range_maker import quoting

MID, ATR, FEE, EDGE = 50_000.0, 100.0, 0.001, 0.0002
HALF = 0.0012


def test_the_half_spread_is_the_fee_and_the_edge_where_the_range_moves_less() -> None:
    assert quoting.half_spread(ATR, MID, 0.5, FEE, EDGE) == pytest.approx(HALF, rel=1e-12)
    assert quoting.half_spread(4 * ATR, MID, 0.5, FEE, EDGE) == pytest.approx(0.004, rel=1e-12)


def test_without_inventory_the_quotes_stand_around_the_middle() -> None:
    centre = quoting.centre_of(MID, 0.0, HALF, 1.0)
    assert quoting.bid_price(centre, HALF, inf, 0, 1.0) == pytest.approx(49_940.0, rel=1e-12)
    assert quoting.ask_price(centre, HALF, 0.0, 0, 1.0) == pytest.approx(50_060.0, rel=1e-12)


def test_half_an_inventory_moves_the_centre_and_halves_the_bid() -> None:
    ratio = quoting.inventory_ratio(0.025, 0.0, 0.05)
    centre = quoting.centre_of(MID, ratio, HALF, 1.0)
    assert ratio == 0.5
    assert centre == pytest.approx(49_970.0, rel=1e-12)
    assert quoting.bid_price(centre, HALF, inf, 0, 1.0) == pytest.approx(49_910.036, rel=1e-12)
    assert quoting.ask_price(centre, HALF, 0.0, 0, 1.0) == pytest.approx(50_029.964, rel=1e-12)
    assert quoting.bid_qty(0.002, ratio) == pytest.approx(0.001, rel=1e-12)
    assert quoting.ask_qty(0.002, ratio) == 0.002


def test_a_band_too_narrow_to_pay_the_fees_is_not_quoted_in() -> None:
    assert not quoting.pays(HALF, 0.002)
    assert quoting.pays(HALF, 0.0024)
    assert not quoting.pays(HALF, nan)


def test_prices_are_rounded_away_from_the_middle() -> None:
    assert quoting.bid_price(100.0, 0.00125, inf, 1, 10.0) == 99.8
    assert quoting.ask_price(100.0, 0.00125, 0.0, 1, 10.0) == 100.2


def test_a_quote_never_crosses_the_book() -> None:
    assert quoting.bid_price(100.0, 0.001, 99.5, 1, 10.0) == 99.4
    assert quoting.ask_price(100.0, 0.001, 100.5, 1, 10.0) == 100.6
    assert quoting.bid_price(100.0, 0.001, 99.5, 0, 1.0) == 0.0
    assert quoting.ask_price(100.0, 0.001, 100.5, 0, 1.0) == 0.0
    assert quoting.bid_price(100.0, 0.001, nan, 1, 10.0) == 99.9


def test_a_side_below_a_minimum_is_off() -> None:
    assert quoting.whole_qty(0.0159, 100.0, 1, 1000.0, 0.0, 0.0) == 0.015
    assert quoting.whole_qty(0.0009, 100.0, 1, 1000.0, 0.0, 0.0) == 0.0
    assert quoting.whole_qty(0.05, 100.0, 1, 1000.0, 0.0, 5.0) == 0.05
    assert quoting.whole_qty(0.049, 100.0, 1, 1000.0, 0.0, 5.0) == 0.0
    assert quoting.whole_qty(0.05, 100.0, 1, 1000.0, 0.06, 0.0) == 0.0


@settings(deadline=None)
@given(
    inventory=st.floats(-10.0, 10.0),
    half=st.floats(1e-5, 0.05),
    skew=st.floats(0.0, 10.0),
    best=st.tuples(st.integers(1, 99_000), st.integers(1, 1_000)),
)
def test_quotes_stand_on_ticks_outside_the_book_and_sizes_never_grow(
    inventory: float, half: float, skew: float, best: tuple[int, int]
) -> None:
    bid, ask = best[0] / 100.0, (best[0] + best[1]) / 100.0
    ratio = quoting.inventory_ratio(inventory, 0.0, 5.0)
    centre = quoting.centre_of(0.5 * (bid + ask), ratio, half, skew)
    mine_bid = quoting.bid_price(centre, half, ask, 1, 100.0)
    mine_ask = quoting.ask_price(centre, half, bid, 1, 100.0)
    assert mine_bid < ask
    assert mine_ask > bid
    assert mine_bid * 100.0 == pytest.approx(round(mine_bid * 100.0), abs=1e-6)
    assert 0.0 <= quoting.bid_qty(1.0, ratio) <= 1.0
    assert 0.0 <= quoting.ask_qty(1.0, ratio) <= 1.0
    assert quoting.bid_qty(1.0, ratio) == 1.0 or quoting.ask_qty(1.0, ratio) == 1.0
