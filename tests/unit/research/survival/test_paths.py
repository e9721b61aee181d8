"""Paths are as nervous as what they were made from, and the dice count."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from ballast.backtest.made_bars import START_NS, empty_bars, on_bars, put
from ballast.backtest.session import Session
from ballast.research.survival.chances import Outcomes, chances
from ballast.research.survival.layers import Layer, first_times
from ballast.research.survival.paths import Shapes, bootstrap, hourly, random_walks, shapes_of, wilson
from ballast.research.survival.road import road_of
from tests.conformance.markets import HOUR_NS, MINUTE_NS, lay_out
from tests.unit.research.survival.grids import OFF, grid


def recorded(n_symbols: int = 1, n_bars: int = 400, *, together: bool = False) -> Shapes:
    draw = np.random.default_rng(7)
    closes = 0.01 * draw.standard_normal((n_bars, n_symbols))
    if together:
        closes = closes[:, :1] * np.ones(n_symbols)
    high = np.maximum(closes, 0.0) + 0.004 * draw.random((n_bars, n_symbols))
    low = np.minimum(closes, 0.0) - 0.004 * draw.random((n_bars, n_symbols))
    return Shapes(np.zeros_like(closes), high, low, closes)


def true_ranges(path: object, starts: np.ndarray) -> np.ndarray:
    before = np.vstack((starts, path.close[:-1]))  # type: ignore[attr-defined]
    spans = np.log(np.maximum(path.high, before)) - np.log(np.minimum(path.low, before))  # type: ignore[attr-defined]
    return np.asarray(spans)


def test_random_walks_have_the_recorded_true_range() -> None:
    shapes, starts = recorded(), np.array([50.0])
    expected = (np.maximum(shapes.high, 0.0) - np.minimum(shapes.low, 0.0)).mean()
    walks = random_walks(shapes, starts, 500, seed=3)
    found = np.mean([true_ranges(walks(number), starts).mean() for number in range(60)])
    assert found == pytest.approx(expected, rel=0.01)


def test_random_walks_have_no_drift() -> None:
    walks = random_walks(recorded(), np.array([50.0]), 200, seed=3)
    ends = np.log([walks(number).close[-1, 0] / 50.0 for number in range(600)])
    assert abs(ends.mean()) < 3.0 * ends.std() / sqrt(600)


def test_symbols_that_moved_as_one_still_do() -> None:
    walk = random_walks(recorded(3, together=True), np.array([1.0, 10.0, 100.0]), 300, seed=1)(0)
    moves = np.diff(np.log(walk.close), axis=0)
    assert np.corrcoef(moves.T).min() > 0.999


def test_every_bar_encloses_its_open_and_close() -> None:
    shapes, starts = recorded(2), np.array([5.0, 0.02])
    for paths in (random_walks(shapes, starts, 100, 1), bootstrap(shapes, starts, 100, 24, 1)):
        path = paths(5)
        assert (path.high >= np.maximum(path.open, path.close)).all()
        assert (path.low <= np.minimum(path.open, path.close)).all()
        assert (path.low > 0.0).all()


def test_a_bootstrapped_path_is_made_of_whole_recorded_stretches() -> None:
    shapes, starts = recorded(), np.array([50.0])
    path = bootstrap(shapes, starts, 96, 24, seed=2)(0)
    moves = np.diff(np.log(np.vstack((starts, path.close))), axis=0)[:, 0]
    known = shapes.close[:, 0]
    for block in moves.reshape(4, 24):
        begin = int(np.argmin(abs(known - block[0])))
        assert np.allclose(block, np.take(known, range(begin, begin + 24), mode="wrap"), atol=1e-12)


def test_a_path_is_the_same_whatever_was_drawn_before_it() -> None:
    shapes, starts = recorded(), np.array([50.0])
    paths = random_walks(shapes, starts, 50, seed=9)
    late = paths(17).close
    for number in range(5):
        paths(number)
    assert np.array_equal(paths(17).close, late)
    assert not np.array_equal(paths(18).close, late)
    assert not np.array_equal(random_walks(shapes, starts, 50, seed=10)(17).close, late)


def test_minutes_are_joined_to_hours() -> None:
    market = lay_out({"A": [(float(k), float(k + 1)) for k in range(1, 181)]}, interval_ns=MINUTE_NS)
    quotes, interval_ns = hourly(market.records, 1, MINUTE_NS)
    assert interval_ns == HOUR_NS
    assert quotes.open[:, 0].tolist() == [1.0, 61.0, 121.0]
    assert quotes.close[:, 0].tolist() == quotes.high[:, 0].tolist() == [61.0, 121.0, 181.0]


def test_gaps_make_no_shapes() -> None:
    market = lay_out({"A": [1.0, 2.0, None, 2.0, 4.0]}, interval_ns=HOUR_NS)
    assert np.exp(shapes_of(market.records, 1).close)[:, 0] == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 100, 0.0, 0.0369935),
        (50, 100, 0.4038315, 0.5961685),
        (100, 100, 0.9630065, 1.0),
        (3, 10, 0.1077913, 0.6032219),
    ],
)
def test_wilson_intervals(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-6)


def test_sessions_that_are_reset_give_what_new_ones_give() -> None:
    setup = grid(risk=OFF, capital=60.0)
    starts = road_of(setup, 1).starts
    paths = random_walks(recorded(), starts, 200, seed=4)
    rows = Outcomes(setup, starts, 200, HOUR_NS).of(paths, range(40))
    assert np.isfinite(rows[:, 3]).any()
    for number in (0, 7, 39):
        bars = empty_bars(setup, 201, HOUR_NS)
        put(bars, 0, *(starts[None, :],) * 4)
        put(bars, 1, *paths(number))
        session = Session(on_bars(setup, bars, HOUR_NS))
        session.run()
        times = [np.inf if time is None else time - START_NS - HOUR_NS for time in first_times(session).values()]
        assert rows[number, :-1].tolist() == times
        assert rows[number, -1] == session.final_equity


def test_chances_grow_with_the_horizon_and_do_not_hang_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = grid(capital=60.0)
    starts = road_of(setup, 1).starts
    paths = bootstrap(recorded(), starts, 168, 24, seed=4)

    def found() -> object:
        outcomes = Outcomes(setup, starts, 168, HOUR_NS)
        return chances("bootstrap", outcomes, paths, 80, (1.0, 3.0, 7.0), HOUR_NS)

    both = found()
    monkeypatch.setattr("ballast.research.survival.chances.WORKERS", 1)
    one = found()
    assert both.at_horizon == one.at_horizon  # type: ignore[attr-defined]
    for layer in Layer:
        ps = [both.at_horizon[days][layer] for days in (1.0, 3.0, 7.0)]  # type: ignore[attr-defined]
        assert ps[0].p <= ps[1].p <= ps[2].p
        assert all(0.0 <= one.low <= one.p <= one.high <= 1.0 for one in ps)
    week = both.at_horizon[7.0]  # type: ignore[attr-defined]
    assert week[Layer.FREEZE].p >= week[Layer.PANIC].p >= week[Layer.EMERGENCY].p > 0.0
