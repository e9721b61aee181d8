"""From margin to quantity."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.engine.view import View
from ballast.strategies.hedge_grid.sizing import documented_qty, margin_qty, opening_qty


def view_of(
    *, lot: tuple[int, float] = (0, 1.0), min_qty: float = 0.0, max_qty: float = inf, min_notional: float = 0.0
) -> Any:
    view = View.new(symbols=1, legs=2, features=8)  # type: ignore[attr-defined]
    view.lot_units[0], view.lot_scale[0] = lot
    view.min_qty[0], view.max_qty[0], view.min_notional[0] = min_qty, max_qty, min_notional
    return view


WHOLE, TENTH = (1, 1.0), (1, 10.0)


def test_margin_times_leverage_is_what_it_buys() -> None:
    assert margin_qty(1.0, 75.0, 0.2) == pytest.approx(375.0)
    assert opening_qty(view_of(lot=WHOLE), 0, margin_qty(1.0, 75.0, 0.2), 0.2) == 375.0


def test_an_opening_order_is_rounded_down_and_the_original_to_the_nearest() -> None:
    wanted = margin_qty(1.0, 100.0, 220.0)
    ours, originals = opening_qty(view_of(lot=TENTH), 0, wanted, 220.0), documented_qty(view_of(lot=TENTH), 0, wanted)
    assert (ours, originals) == (0.4, 0.5)
    assert [qty * 220 / 100 for qty in (ours, originals)] == pytest.approx([0.88, 1.10])


@pytest.mark.parametrize(("wanted", "expected"), [(0.67, 1.0), (2.0 / 3.0, 1.0), (0.66, 0.0), (1.0, 1.0), (1.95, 1.9)])
def test_the_minimum_stands_in_up_to_one_and_a_half_times(wanted: float, expected: float) -> None:
    assert opening_qty(view_of(lot=TENTH, min_qty=1.0), 0, wanted, 5.0) == expected


@pytest.mark.parametrize(("wanted", "expected"), [(0.4, 0.5), (0.33, 0.0), (0.5, 0.5), (0.7, 0.7)])
def test_the_minimum_notional_is_met_by_rounding_up_to_it(wanted: float, expected: float) -> None:
    assert opening_qty(view_of(lot=TENTH, min_notional=5.0), 0, wanted, 10.0) == expected


def test_less_than_a_lot_is_a_lot_when_that_is_near_enough() -> None:
    assert opening_qty(view_of(lot=WHOLE), 0, 0.7, 10.0) == 1.0
    assert opening_qty(view_of(lot=WHOLE), 0, 0.6, 10.0) == 0.0


def test_what_is_above_the_maximum_is_clamped_to_it() -> None:
    assert opening_qty(view_of(lot=TENTH, max_qty=3.25), 0, 50.0, 10.0) == 3.2
    assert opening_qty(view_of(lot=TENTH, max_qty=0.05), 0, 50.0, 10.0) == 0.0


@pytest.mark.parametrize("wanted", [nan, inf, -1.0, 0.0])
def test_what_is_no_quantity_is_refused(wanted: float) -> None:
    assert opening_qty(view_of(lot=TENTH), 0, wanted, 10.0) == 0.0


@pytest.mark.parametrize("price", [nan, 0.0, -1.0])
def test_without_a_price_nothing_is_ordered(price: float) -> None:
    assert opening_qty(view_of(lot=TENTH), 0, 1.0, price) == 0.0


@given(
    st.integers(1, 500),
    st.sampled_from([1.0, 10.0, 1000.0]),
    st.floats(1e-4, 1e5),
    st.floats(1e-3, 1e5),
    st.floats(0, 100),
    st.floats(0, 50),
)
@settings(deadline=None)
def test_an_order_is_on_the_grid_within_its_limits_and_never_much_larger(
    units: int, scale: float, wanted: float, price: float, min_qty: float, min_notional: float
) -> None:
    view = view_of(lot=(units, scale), min_qty=min_qty, min_notional=min_notional)
    qty = opening_qty(view, 0, wanted, price)
    if qty == 0.0:
        least = max(min_qty, min_notional / price, units / scale)
        assert least > wanted * 1.4999 - units / scale
        return
    assert qty * scale / units == pytest.approx(round(qty * scale / units), abs=1e-6)
    assert qty >= min_qty * (1 - 1e-9)
    assert qty * price >= min_notional * (1 - 1e-9) - 1e-8
    assert qty <= 1.5 * wanted * (1 + 1e-8)


@given(st.integers(1, 50), st.integers(0, 3), st.decimals("0.0001", "10000", places=4))
@settings(deadline=None)
def test_the_originals_rounding_is_that_of_decimals(units: int, places: int, wanted: Decimal) -> None:
    step = Decimal(units).scaleb(-places)
    exact = (wanted / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step
    found = documented_qty(view_of(lot=(units, 10.0**places)), 0, float(wanted))
    is_half = (wanted / step) % 1 == Decimal("0.5")
    assert found == pytest.approx(float(exact), rel=1e-12) or is_half


@pytest.mark.parametrize(("wanted", "expected"), [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (3.49, 3.0), (3.51, 4.0)])
def test_the_original_rounds_ties_to_even(wanted: float, expected: float) -> None:
    assert documented_qty(view_of(lot=WHOLE), 0, wanted) == expected


def test_the_original_knows_a_minimum_and_no_maximum() -> None:
    assert documented_qty(view_of(lot=WHOLE, min_qty=3.0, max_qty=5.0), 0, 0.1) == 3.0
    assert documented_qty(view_of(lot=WHOLE, min_qty=3.0, max_qty=5.0), 0, 100.0) == 100.0
