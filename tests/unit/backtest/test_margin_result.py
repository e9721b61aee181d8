from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.backtest.margin_result import marks_of
from ballast.backtest.session import Session
from ballast.model.enums import Cause, EventKind, PositionSide
from tests.unit.backtest.margin_runs import (
    GRID_SETTINGS,
    funding_of,
    liquidated,
    market,
    marks_above,
    panicked,
    result_from,
)
from tests.unit.strategies.hedge_grid.desk import GRID
from tests.unit.strategies.hedge_grid.grid_run import grid_setup


class Watched:
    """A run without a ladder whose account is looked at from outside at every cause."""

    def __init__(self, setup: Any) -> None:
        self.seen: list[tuple[int, float, float, float]] = []
        self.paid = np.zeros(2 * setup.n_symbols)
        self.marks_at_end: Any = None
        self.session = Session(replace(setup, strategy=replace(GRID, decide=self.decide, is_compiled=False)))
        self.session.run()

    def decide(self, row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        self.seen.append((int(view.time_ns), float(view.available), float(view.mm_rate), float(view.im_rate)))
        if view.cause == Cause.FUNDING and view.event_kind == EventKind.FUNDING:
            self.paid[2 * view.event_symbol + (view.event_position_side == PositionSide.SHORT)] += view.event_fee
        if view.liquidated and self.marks_at_end is None:
            self.marks_at_end = np.array(view.mark)
        return int(GRID.decide(row, view, state, params, intents))


@pytest.fixture(scope="module")
def watched() -> Watched:
    setup = grid_setup(market(5, 500, [0.0, 0.0, 0.00066, 0.0008]), capital=700.0, leverage=50.0, **GRID_SETTINGS)
    return Watched(replace(setup, funding=funding_of(setup.frames, every=60)))


def test_extremes_carry_the_first_moment_at_which_they_stood(watched: Watched) -> None:
    log = watched.session.engine.log
    times, available, mm_rate, im_rate = map(np.array, zip(*watched.seen, strict=True))
    assert (log.min_available, log.min_available_ns) == (available.min(), times[available.argmin()])
    assert (log.max_mm_rate, log.max_mm_rate_ns) == (mm_rate.max(), times[mm_rate.argmax()])
    assert log.max_im_rate == im_rate.max()


def test_each_leg_has_the_funding_that_it_was_charged(watched: Watched) -> None:
    assert np.count_nonzero(watched.paid) == 2
    assert watched.session.engine.log.leg_funding[:2].tolist() == watched.paid.tolist()
    assert watched.paid.sum() == pytest.approx(watched.session.venue.accounts[0].funding_paid)


def test_the_marks_of_a_liquidation_are_those_when_it_began(watched: Watched) -> None:
    log = watched.session.engine.log
    assert log.liquidated_ns > 0
    assert log.liquidation_mark[0] == watched.marks_at_end[0]


def test_marks_are_the_last_price_where_the_data_has_none() -> None:
    setup = grid_setup(market(1, 30, [0.0]))
    closes = np.asarray(setup.frames.records["close"][:, :1])
    assert marks_of(setup).tolist() == closes.tolist()
    marks = marks_of(replace(setup, marks=marks_above(setup, 1.001)))
    assert marks[::10].tolist() == closes[::10].tolist()
    assert marks[1:10] == pytest.approx(closes[1:10] * 1.001)


def test_the_json_of_a_margin_run_has_the_moments_and_the_legs() -> None:
    result = panicked()
    facts = result.to_dict()
    assert facts["max_mm_rate_ts"] > facts["transitions"][0]["ts"] - 3_600_000
    assert facts["min_available_ts"] is not None
    assert [(leg["symbol"], leg["position_side"]) for leg in facts["legs"]] == [("S0USDT", "LONG"), ("S0USDT", "SHORT")]
    for leg in facts["legs"]:
        assert leg["net"] == leg["realised_pnl"] + leg["unrealised_pnl"] - leg["fees"] - leg["funding"]
    assert liquidated().to_dict()["legs"][0]["entry_price"] is None


def test_an_account_that_holds_nothing_was_never_at_risk() -> None:
    setup = grid_setup(market(1, 30, [0.0]))
    result = result_from(replace(setup, strategy=replace(GRID, decide=lambda *_: 0, is_compiled=False)))
    assert result.margin is not None
    assert (result.margin.max_mm_rate, result.margin.max_mm_rate_ts_ms) == (0.0, None)
    assert result.legs == []
