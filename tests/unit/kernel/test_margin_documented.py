"""
The martingale of ``docs/margin.md`` in both margin models: ten shorts that double each per cent, 75x, 1 000 of capital.

The long leg stays at its first 0.75; equity counts the short leg's profit alone, and entry fees are left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.kernel.margin import Legs, Resting, symbol_figures
from ballast.model.enums import MarginModel
from ballast.model.order_terms import Terms
from tests.unit.kernel.test_margin import ONE_PERCENT

PAGE = Path(__file__).parents[3] / "docs" / "margin.md"
BYBIT, TEXTBOOK = MarginModel.BYBIT_UNIFIED, MarginModel.TEXTBOOK
SAFETY_FACTOR = 1.17


def after(n_shorts: int, mark: float, model: MarginModel) -> tuple[float, float, float]:
    """Return equity, initial and maintenance margin with so many shorts, at a mark."""
    entries = [100.0 * 1.01**level for level in range(n_shorts)]
    qtys = [0.75 * 2.0**level for level in range(n_shorts)]
    qty = sum(qtys)
    average = sum(q * price for q, price in zip(qtys, entries, strict=True)) / qty
    legs, terms = Legs(0.75, 100.0, qty, average), Terms(int(model), 75.0, 0.00055)
    figures = symbol_figures(legs, terms, Resting(0.0, 0.0, 0.0, 0.0), mark, ONE_PERCENT, 0, 1)
    return 1_000.0 + qty * (average - mark), figures.initial_margin, figures.maintenance_margin


def price(level: int) -> float:
    return 100.0 * 1.01**level


def available(n_shorts: int, mark: float, model: MarginModel, *, reserve_leverage: float) -> float:
    """Return equity less initial margin less the safety reserve on the net size."""
    equity, initial, _ = after(n_shorts, mark, model)
    net = 0.75 * (2.0**n_shorts - 1.0) - 0.75
    return equity - initial - SAFETY_FACTOR * net * mark / reserve_leverage


@pytest.mark.parametrize(
    ("model", "before_seventh", "before_eighth"),
    [(TEXTBOOK, 761.24, 509.78), (BYBIT, 759.43, 505.14)],
)
def test_what_is_available_before_the_seventh_and_the_eighth_short(
    model: MarginModel, before_seventh: float, before_eighth: float
) -> None:
    assert available(6, price(6), model, reserve_leverage=75.0) == pytest.approx(before_seventh, abs=0.0051)
    assert available(7, price(7), model, reserve_leverage=75.0) == pytest.approx(before_eighth, abs=0.0051)


@pytest.mark.parametrize(
    ("model", "expected"),
    [(TEXTBOOK, [998.00, 817.96, 451.73, -290.59]), (BYBIT, [998.84, 818.72, 452.33, -290.32])],
)
def test_a_reserve_of_the_whole_notional_is_gone_with_the_fourth_short(
    model: MarginModel, expected: list[float]
) -> None:
    found = [available(n, price(n - 1), model, reserve_leverage=1.0) for n in range(1, 5)]
    assert found == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize(("model", "initial"), [(TEXTBOOK, 1_119.93), (BYBIT, 1_165.28)])
def test_ten_shorts_need_more_than_the_account_ever_had(model: MarginModel, initial: float) -> None:
    equity, found, _ = after(10, price(9), model)
    assert equity == pytest.approx(1_000.0 - 814.98, abs=0.0051)
    assert found == pytest.approx(initial, abs=0.0051)
    assert after(10, price(10), model)[0] == pytest.approx(1_000.0 - 1_654.11, abs=0.0051)


def test_the_page_shows_these_figures() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for figure in (
        "761.24",
        "509.78",
        "759.43",
        "505.14",
        "998.00",
        "-290.59",
        "998.84",
        "-290.32",
        "1,119.93",
        "1,165.28",
    ):
        assert figure in text
