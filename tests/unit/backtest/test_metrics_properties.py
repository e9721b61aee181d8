from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ballast.backtest import metrics
from ballast.backtest.metrics import FloatArray

equities = arrays(np.float64, st.integers(1, 60), elements=st.floats(1.0, 1e6))
results = arrays(np.float64, st.integers(0, 40), elements=st.floats(-1e6, 1e6))


@settings(deadline=None)
@given(equities)
def test_the_maximum_drawdown_is_that_of_every_pair_of_points(equity: FloatArray) -> None:
    worst = min(equity[j] / equity[i] - 1.0 for i in range(len(equity)) for j in range(i, len(equity)))
    assert np.isclose(metrics.max_drawdown(metrics.drawdowns(equity)), worst, rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(equities)
def test_the_deepest_drawdown_agrees_with_its_own_times(equity: FloatArray) -> None:
    ts_ms = np.arange(len(equity), dtype=np.int64) * 1_000
    found = metrics.deepest_drawdown(metrics.drawdowns(equity), ts_ms)
    if found is None:
        assert metrics.max_drawdown(metrics.drawdowns(equity)) == 0.0
        return
    start, trough = found.start_ts_ms // 1_000, found.trough_ts_ms // 1_000
    assert found.depth == metrics.max_drawdown(metrics.drawdowns(equity))
    assert np.isclose(equity[trough] / equity[start] - 1.0, found.depth, rtol=1e-12)
    end = len(equity) - 1 if found.end_ts_ms is None else found.end_ts_ms // 1_000
    assert metrics.longest_drawdown_s(metrics.drawdowns(equity), ts_ms) >= end - start
    assert (found.end_ts_ms is None) == (equity[start] > equity[trough:].max())


@settings(deadline=None)
@given(equities, st.floats(0.5, 100.0))
def test_the_unit_of_money_does_not_matter(equity: FloatArray, scale: float) -> None:
    changes, scaled = metrics.returns(equity), metrics.returns(equity * scale)
    assert np.allclose(changes, scaled, rtol=1e-9, atol=1e-12)
    assert np.isclose(
        metrics.max_drawdown(metrics.drawdowns(equity)),
        metrics.max_drawdown(metrics.drawdowns(equity * scale)),
        rtol=1e-9,
        atol=1e-12,
    )


@settings(deadline=None)
@given(results)
def test_expectancy_is_made_of_win_rate_and_averages(pnl: FloatArray) -> None:
    decided = np.concatenate([metrics.wins(pnl), metrics.losses(pnl)])
    win_rate = metrics.trade_win_rate(decided)
    if win_rate is None:
        return
    average_win = metrics.average_win(decided) or 0.0
    average_loss = metrics.average_loss(decided) or 0.0
    expected = win_rate * average_win + (1.0 - win_rate) * average_loss
    assert np.isclose(metrics.expectancy(decided) or 0.0, expected, rtol=1e-9, atol=1e-6)


@settings(deadline=None)
@given(equities, st.floats(0.5, 3.0))
def test_no_figure_is_nan_or_infinite(equity: FloatArray, years: float) -> None:
    changes = metrics.returns(equity)
    gain = metrics.total_return(equity, float(equity[0]))
    depth = metrics.max_drawdown(metrics.drawdowns(equity))
    growth = metrics.cagr(gain, years)
    figures = [
        metrics.sharpe(changes, 8_760.0),
        metrics.sortino(changes, 8_760.0),
        metrics.volatility(changes, 8_760.0),
        growth,
        metrics.calmar(growth, depth),
        metrics.recovery_factor(gain, depth),
    ]
    assert all(np.isfinite(figure) for figure in figures if figure is not None)
