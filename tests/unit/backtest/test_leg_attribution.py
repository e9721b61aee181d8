from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest import metrics
from ballast.backtest.leg_attribution import leg_attribution, leg_quantities, legs_of
from ballast.backtest.metrics import RecordArray
from ballast.backtest.result import Result
from ballast.model.enums import PositionSide
from tests.unit.backtest.margin_runs import liquidated, panicked, result_from, two_symbols
from tests.unit.backtest.sample_result import MINUTE_MS, START_MS, fill, fills
from tests.unit.strategies.hedge_grid.grid_run import random_setup

LONG, SHORT = 1, 2
MARKS = np.array([[100.0], [104.0], [110.0]])


def hedged() -> RecordArray:
    """Return a long of 3 at 102 that sells 1 at 108, and a short of 2 at 100 bought back at 105."""
    return fills(
        fill(1, 2, 100, position_side=LONG, ts_ms=START_MS, fee=0.2),
        fill(-1, 2, 100, position_side=SHORT, ts_ms=START_MS, fee=0.2),
        fill(1, 1, 106, position_side=LONG, ts_ms=START_MS + MINUTE_MS, fee=0.106),
        fill(1, 2, 105, position_side=SHORT, ts_ms=START_MS + MINUTE_MS, fee=0.21),
        fill(-1, 1, 108, position_side=LONG, ts_ms=START_MS + 2 * MINUTE_MS, fee=0.108),
    )


def test_a_hedged_symbol_by_hand() -> None:
    long, short = leg_attribution(hedged(), np.array([0.5, -0.3]), MARKS, np.full(3, 1_000.0))
    assert (long.symbol, long.position_side, long.n_fills) == (0, PositionSide.LONG, 3)
    assert long.traded == 2 * 100 + 106 + 108
    assert long.realised_pnl == pytest.approx(108 - 102)
    assert long.qty == 2.0
    assert long.entry_price == pytest.approx(102.0)
    assert long.unrealised_pnl == pytest.approx(2 * (110 - 102))
    assert long.fees == pytest.approx(0.414)
    assert long.net == pytest.approx(6 + 16 - 0.414 - 0.5)
    assert long.largest_value == 3 * 104
    assert long.exposure == pytest.approx((200 + 312 + 220) / 3 / 1_000)
    assert (short.position_side, short.n_fills, short.qty) == (PositionSide.SHORT, 2, 0.0)
    assert short.realised_pnl == -10.0
    assert short.unrealised_pnl == 0.0
    assert isnan(short.entry_price)
    assert short.net == pytest.approx(-10 - 0.41 + 0.3)


def test_a_one_way_position_that_turns_has_one_leg() -> None:
    table = fills(fill(1, 1, 100), fill(-1, 3, 110, ts_ms=START_MS + MINUTE_MS))
    (leg,) = leg_attribution(table, np.zeros(2), MARKS, np.full(3, 1_000.0))
    assert (leg.position_side, leg.qty, leg.entry_price) == (PositionSide.NONE, -2.0, 110.0)
    assert leg.realised_pnl == 10.0
    assert leg.unrealised_pnl == 0.0


def test_legs_that_never_traded_are_left_out() -> None:
    table = fills(fill(1, 1, 5, symbol=1))
    marks = np.column_stack([MARKS[:, 0], np.full(3, 6.0)])
    (leg,) = leg_attribution(table, np.zeros(4), marks, np.full(3, 1_000.0))
    assert (leg.symbol, leg.unrealised_pnl) == (1, 1.0)


def test_quantities_are_those_after_the_fills_inside_a_bar() -> None:
    held = leg_quantities(hedged(), np.array([0, 1, 2]), 1)
    assert held.tolist() == [[2.0, -2.0], [3.0, 0.0], [2.0, 0.0]]
    assert legs_of(hedged()).tolist() == [0, 1, 0, 1, 0]


def books_agree(result: Result) -> None:
    """Every sum over legs is the account's own figure."""
    margin = result.margin
    assert margin is not None
    scale = 1e-9 * max(1.0, float(np.max(result.gross)))
    legs = result.legs
    assert sum(leg.realised_pnl for leg in legs) == pytest.approx(margin.realised_pnl, abs=scale)
    assert sum(leg.funding for leg in legs) == pytest.approx(margin.funding_paid, abs=scale)
    assert sum(leg.fees for leg in legs) == pytest.approx(result.metrics.fees, abs=scale)
    if margin.insurance_loss == 0.0:
        assert sum(leg.net for leg in legs) == pytest.approx(result.equity[-1] - result.initial_capital, abs=scale)
    frames = np.arange(len(result.ts_ms))
    held = leg_quantities(result.position_fills, frames, len(result.symbols))
    value = np.sum(np.abs(held) * np.nan_to_num(np.repeat(result.marks, 2, axis=1)), axis=1)
    assert value == pytest.approx(result.gross, rel=1e-9, abs=scale)
    if (result.equity > 0.0).all():
        exposures = [leg.exposure or 0.0 for leg in legs]
        assert sum(exposures) == pytest.approx(result.metrics.exposure or 0.0, rel=1e-9)
    assert sum(leg.traded for leg in legs) == pytest.approx(np.sum(result.fills["qty"] * result.fills["price"]))


def test_the_legs_of_real_runs_add_up_to_the_account() -> None:
    for result in (liquidated(), panicked(), two_symbols()):
        books_agree(result)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=15)
def test_the_legs_of_random_runs_add_up_to_the_account(seed: int) -> None:
    books_agree(result_from(random_setup(seed)))


def test_funding_goes_to_the_leg_that_paid_it() -> None:
    long, short, *others = two_symbols().legs
    assert long.funding > 0.0 > short.funding
    assert [leg.funding > 0.0 for leg in others] == [True, False]


def test_round_trips_of_flat_legs_earn_what_the_legs_realised() -> None:
    result = liquidated()
    closed = result.round_trips.closed
    for leg in result.legs:
        assert leg.qty == 0.0
        own = closed[closed["position_side"] == leg.position_side]
        assert own["pnl"].sum() == pytest.approx(leg.realised_pnl - leg.fees, abs=1e-6)


def test_long_and_short_of_equal_size_both_count_as_exposure_and_turnover() -> None:
    table = fills(fill(1, 2, 100, position_side=LONG), fill(-1, 2, 100, position_side=SHORT))
    held = leg_quantities(table, np.arange(3), 1)
    gross = np.sum(np.abs(held), axis=1) * MARKS[:, 0]
    assert metrics.exposure(gross, np.full(3, 1_000.0)) == pytest.approx(4 * np.mean(MARKS) / 1_000)
    assert metrics.turnover(table, np.full(3, 1_000.0), 1.0) == pytest.approx(0.4)
    assert sum(leg.exposure or 0 for leg in leg_attribution(table, np.zeros(2), MARKS, np.full(3, 1_000.0))) == (
        pytest.approx(metrics.exposure(gross, np.full(3, 1_000.0)))
    )
