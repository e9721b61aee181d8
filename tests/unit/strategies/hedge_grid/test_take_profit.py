"""The target price: net of both fees, on the side that earns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import PositionSide
from ballast.strategies.hedge_grid.take_profit import documented_take_profit_price, on_tick, take_profit_price

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
TAKER, MAKER = 0.00055, 0.0002
LONG_ENTRIES = [(100.0, 0.75), (99.0, 1.5), (98.01, 3.0), (97.0299, 6.0)]
SHORT_ENTRIES = [(100.0, 0.75), (101.0, 1.5), (102.01, 3.0), (103.0301, 6.0)]


def average(entries: list[tuple[float, float]]) -> float:
    return sum(price * qty for price, qty in entries) / sum(qty for _, qty in entries)


def test_the_ladder_of_the_example_averages_as_published() -> None:
    assert sum(qty for _, qty in LONG_ENTRIES) == 11.25
    assert [price * qty / 75 for price, qty in LONG_ENTRIES] == pytest.approx([1.0, 1.98, 3.9204, 7.762392])
    assert average(LONG_ENTRIES) == pytest.approx(97.75194667, abs=5e-9)
    assert average(SHORT_ENTRIES) == pytest.approx(102.28538667, abs=5e-9)


@pytest.mark.parametrize(
    ("side", "entry", "n_entries", "original", "exact"),
    [
        (LONG, average(LONG_ENTRIES), 4, 98.96407081, 98.80299030),
        (SHORT, average(SHORT_ENTRIES), 4, 101.01704787, 101.18603863),
        (LONG, 100.0, 1, 101.075, 101.07521504),
        (SHORT, 100.0, 1, 98.925, 98.92521496),
    ],
)
def test_the_published_targets(side: PositionSide, entry: float, n_entries: int, original: float, exact: float) -> None:
    assert take_profit_price(side, entry, 1.0, TAKER, MAKER, 0.0) == pytest.approx(exact, abs=5e-9)
    assert documented_take_profit_price(side, entry, 1.0, n_entries) == pytest.approx(original, abs=5e-9)


def test_the_published_distances_to_the_target() -> None:
    entry, last = average(LONG_ENTRIES), 97.0299
    targets = [
        documented_take_profit_price(LONG, entry, 1.0, 4),
        take_profit_price(LONG, entry, 1.0, TAKER, MAKER, 0.0),
        take_profit_price(LONG, entry, 1.0, 0.0, 0.0, 0.0),
    ]
    assert targets[2] == pytest.approx(98.72946613, abs=5e-9)
    assert [100 * (target / last - 1) for target in targets] == pytest.approx([1.9934, 1.8274, 1.7516], abs=5e-5)


@pytest.mark.parametrize(
    ("n_adds", "long", "short"),
    [(0, 1.000, 1.000), (1, 1.340, 1.327), (2, 1.584, 1.559), (3, 1.752, 1.716), (5, 1.930, 1.880), (9, 2.020, 1.962)],
)
def test_the_published_distance_after_every_averaging(n_adds: int, long: float, short: float) -> None:
    for side, step, expected in ((LONG, 0.99, long), (SHORT, 1.01, short)):
        entries = [(100.0 * step**k, 2.0**k) for k in range(n_adds + 1)]
        target = take_profit_price(side, average(entries), 1.0, 0.0, 0.0, 0.0)
        assert 100 * abs(target / entries[-1][0] - 1) == pytest.approx(expected, abs=6e-4)


@given(
    st.sampled_from([LONG, SHORT]),
    st.floats(1e-6, 1e6),
    st.floats(0.01, 50.0),
    st.floats(0.0, 0.01),
    st.floats(-0.001, 0.01),
    st.floats(-0.1, 0.1),
)
@settings(deadline=None)
def test_a_closed_leg_nets_exactly_its_target_and_what_funding_cost(
    side: PositionSide, entry: float, percent: float, taker: float, maker: float, extra: float
) -> None:
    extra *= entry
    exit_price = take_profit_price(side, entry, percent, taker, maker, extra)
    sign = 1.0 if side == LONG else -1.0
    net = sign * (exit_price - entry) - entry * taker - exit_price * maker
    assert net == pytest.approx(entry * percent / 100 + extra, rel=1e-9, abs=1e-12 * entry)


def test_a_target_is_rounded_to_the_tick_that_earns_more() -> None:
    assert on_tick(LONG, 101.07521504, 1, 100.0) == 101.08
    assert on_tick(SHORT, 98.92521496, 1, 100.0) == 98.92
    assert on_tick(LONG, 101.08, 1, 100.0) == 101.08
    assert on_tick(SHORT, 98.92, 1, 100.0) == 98.92
    assert on_tick(LONG, 101.07521504, 0, 1.0) == 101.07521504
