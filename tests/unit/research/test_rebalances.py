from __future__ import annotations

import numpy as np
import pytest

from ballast.backtest.metrics import rebalance_win_rate
from ballast.backtest.result import Result
from ballast.research.report.rebalances import rebalances
from tests.unit.backtest.sample_result import MINUTE_MS, START_MS, fill, fills, long_result, small_result

SHARE = 0.7 * 599.4 / 2 / 1.001


def upside_run(reasons: list[str], last: tuple[float, float, float]) -> Result:
    """Capital 7,000: A 100 at 30, B 100 at 10, C 200 at 5, cash 2,000; then a fifth of A is sold for the others."""
    early, late = START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS
    return small_result(
        symbols=["A", "B", "C"],
        initial_capital=7_000.0,
        reasons=reasons,
        ts_ms=START_MS + np.arange(5, dtype=np.int64) * MINUTE_MS,
        equity=np.full(5, 7_000.0),
        closes=np.array([[30.0, 10.0, 5.0]] * 4 + [last]),
        fills=fills(
            fill(1, 100.0, 30.0, ts_ms=early, symbol=0),
            fill(1, 100.0, 10.0, ts_ms=early, symbol=1),
            fill(1, 200.0, 5.0, ts_ms=early, symbol=2),
            fill(-1, 20.0, 30.0, ts_ms=late, symbol=0, fee=0.6, cycle=1, reason=1),
            fill(1, SHARE / 10.0, 10.0, ts_ms=late, symbol=1, fee=SHARE * 0.001, cycle=1, reason=1),
            fill(1, SHARE / 5.0, 5.0, ts_ms=late, symbol=2, fee=SHARE * 0.001, cycle=1, reason=1),
        ),
        n_events=1,
    )


@pytest.mark.parametrize("reason", ["UPSIDE_SELL", "REBALANCE"])
def test_an_upside_event_is_told_from_its_fills(reason: str) -> None:
    (event,) = rebalances(upside_run(["INITIAL", reason], (24.0, 11.0, 5.5)))
    assert (event.number, event.ts_ms, event.is_upside, event.trigger) == (1, START_MS + 3 * MINUTE_MS, True, 0)
    assert event.deviation == pytest.approx(0.80)
    assert [(leg.symbol, leg.side) for leg in event.legs] == [(0, -1), (1, 1), (2, 1)]
    assert event.legs[0].notional == pytest.approx(600.0)
    assert event.fee == pytest.approx(1.019161, abs=5e-7)


@pytest.mark.parametrize(
    ("last", "gain"), [((24.0, 11.0, 5.5), 160.896923), ((36.0, 9.0, 4.5), 7_237.064755 - 7_400.0)]
)
def test_the_gain_is_measured_against_not_having_acted(last: tuple[float, float, float], gain: float) -> None:
    (event,) = rebalances(upside_run(["INITIAL", "UPSIDE_SELL"], last))
    assert event.gain == pytest.approx(gain, abs=5e-7)


def test_a_downside_event_is_triggered_by_what_it_bought() -> None:
    ts_ms = START_MS + 2 * MINUTE_MS
    result = small_result(
        symbols=["A", "B"],
        reasons=["INITIAL", "REBALANCE"],
        closes=np.array([[10.0, 10.0]] * 3),
        fills=fills(
            fill(1, 50.0, 10.0, ts_ms=START_MS + MINUTE_MS, symbol=0),
            fill(1, 150.0, 10.0, ts_ms=START_MS + MINUTE_MS, symbol=1),
            fill(-1, 20.0, 10.0, ts_ms=ts_ms, symbol=1, cycle=1, reason=1),
            fill(1, 40.0, 10.0, ts_ms=ts_ms, symbol=0, cycle=1, reason=1),
        ),
    )
    (event,) = rebalances(result)
    assert (event.is_upside, event.trigger) == (False, 0)
    assert event.deviation == pytest.approx(-0.5)


@pytest.mark.parametrize("bought", [0.0, 474.050949])
def test_a_downside_event_paid_by_sales_is_not_an_upside_event(bought: float) -> None:
    # A 500, B 1,900, C 1,200: B gives a quarter, A gets what that brought, or nothing when its buy was skipped.
    early, late = START_MS, START_MS + MINUTE_MS
    rows = [fill(1, value, 1.0, ts_ms=early, symbol=index) for index, value in enumerate((500.0, 1_900.0, 1_200.0))]
    rows.append(fill(-1, 475.0, 1.0, ts_ms=late, symbol=1, fee=0.475, cycle=1, reason=3))
    if bought:
        rows.append(fill(1, bought, 1.0, ts_ms=late, symbol=0, fee=bought * 0.001, cycle=1, reason=4))
    (event,) = rebalances(small_result(symbols=["A", "B", "C"], closes=np.ones((3, 3)), fills=fills(*rows)))
    assert (event.is_upside, event.trigger) == (False, 0)
    assert event.deviation == pytest.approx(-0.583333, abs=5e-7)


def test_the_table_agrees_with_the_metrics() -> None:
    result = long_result()
    told = rebalances(result)
    assert len(told) == result.n_events
    assert sum(event.is_upside for event in told) == result.upside_events
    assert np.mean([event.gain > 0 for event in told]) == rebalance_win_rate(result.events, result.close_prices)
    own = result.fills[result.fills["cycle"] > 0]
    assert sum(event.fee for event in told) == pytest.approx(float(own["fee"].sum()))


def test_a_strategy_without_events_has_no_table() -> None:
    assert rebalances(small_result(n_events=0)) == []
