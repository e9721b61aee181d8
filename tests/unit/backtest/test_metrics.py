from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ballast.backtest import metrics
from ballast.backtest.metrics import FloatArray, IntArray
from ballast.model import units
from tests.unit.backtest.sample_result import MINUTE_MS, START_MS, fill, fills

EQUITY = np.array([10_000.0, 10_100.0, 9_898.0, 10_195.0, 9_800.0, 10_300.0])
HOUR_NS = 3_600_000_000_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


def times(n_bars: int, step_ms: int = MINUTE_MS) -> IntArray:
    return START_MS + np.arange(n_bars, dtype=np.int64) * step_ms


def test_returns_are_simple_and_between_consecutive_points() -> None:
    assert metrics.returns(EQUITY) == pytest.approx([0.01, -0.02, 0.030006062, -0.038744483, 0.051020408], abs=5e-10)


def test_a_return_on_lost_equity_is_left_out() -> None:
    assert metrics.returns(np.array([100.0, 0.0, 50.0, 75.0])).tolist() == [-1.0, 0.5]


def test_the_total_return_counts_from_the_initial_capital() -> None:
    assert metrics.total_return(EQUITY, 10_000.0) == pytest.approx(0.03, rel=1e-12)


@pytest.mark.parametrize(("interval_hours", "expected"), [(1, 16.607029), (24, 3.389896)])
def test_sharpe_of_the_worked_example(interval_hours: int, expected: float) -> None:
    periods = metrics.periods_per_year(interval_hours * HOUR_NS)
    assert metrics.sharpe(metrics.returns(EQUITY), periods) == pytest.approx(expected, abs=5e-7)


def test_a_daily_sharpe_is_annualised_once() -> None:
    # Two returns of mean m and half-distance d have a sample deviation of d * sqrt(2).
    daily = 0.05
    changes = np.array([daily * np.sqrt(2.0) + 1.0, daily * np.sqrt(2.0) - 1.0])
    periods = metrics.periods_per_year(24 * HOUR_NS, bars_per_session=1)
    assert metrics.sharpe(changes, periods) == pytest.approx(0.7937, abs=5e-5)


@pytest.mark.parametrize("changes", [[], [0.01], [0.01, 0.01, 0.01], [0.0, 0.0]])
def test_sharpe_is_zero_without_two_returns_that_differ(changes: list[float]) -> None:
    assert metrics.sharpe(np.array(changes), 365.0) == 0.0


def test_sharpe_is_zero_when_returns_differ_by_rounding_only() -> None:
    steady = np.asarray(10_000.0 * 1.0004 ** np.arange(500), dtype=np.float64)
    assert metrics.sharpe(metrics.returns(steady), 365.0) == 0.0


def test_the_risk_free_rate_is_yearly_and_divided_over_the_bars() -> None:
    changes = np.array([0.02, 0.0])
    assert metrics.sharpe(changes, 100.0, risk_free_rate=1.0) == pytest.approx(0.0, abs=1e-12)
    assert metrics.sortino(changes, 100.0, risk_free_rate=1.0) == pytest.approx(0.0, abs=1e-12)


def test_sortino_divides_by_the_root_mean_square_of_what_fell() -> None:
    changes = np.array([0.03, -0.01, 0.02, -0.02])
    # Mean 0.005; mean of squares below zero (0.0001 + 0.0004) / 4 = 0.000125.
    assert metrics.sortino(changes, 400.0) == pytest.approx(0.005 / 0.000125**0.5 * 20.0, rel=1e-12)


@pytest.mark.parametrize("changes", [[], [0.01, 0.02], [0.0, 0.0]])
def test_sortino_needs_a_falling_return(changes: list[float]) -> None:
    assert metrics.sortino(np.array(changes), 365.0) is None


def test_volatility_is_the_sample_deviation_over_a_year() -> None:
    assert metrics.volatility(np.array([0.01, 0.03]), 100.0) == pytest.approx(0.02 / 2**0.5 * 10.0, rel=1e-12)
    assert metrics.volatility(np.array([0.01]), 100.0) is None


@pytest.mark.parametrize(("days", "expected"), [(365, 0.20), (730, 0.095445)])
def test_cagr_of_a_fifth_gained(days: int, expected: float) -> None:
    span = metrics.years(np.array([START_MS, START_MS + days * DAY_MS]))
    assert metrics.cagr(0.2, span) == pytest.approx(expected, abs=5e-7)


def test_cagr_starts_at_thirty_days() -> None:
    whole = metrics.years(np.array([0, 30 * DAY_MS]))
    assert metrics.cagr(0.1, whole) is not None
    assert metrics.cagr(0.1, metrics.years(np.array([0, 30 * DAY_MS - 1]))) is None


def test_cagr_of_a_total_loss_is_minus_one_and_of_a_debt_unknown() -> None:
    assert metrics.cagr(-1.0, 2.0) == -1.0
    assert metrics.cagr(-1.2, 2.0) is None


def test_a_year_has_as_many_bars_as_fit_or_252_sessions() -> None:
    assert metrics.periods_per_year(HOUR_NS) == 8_760.0
    assert metrics.periods_per_year(60_000_000_000, bars_per_session=390) == 252 * 390


@pytest.mark.parametrize(
    ("equity", "expected"), [(EQUITY.tolist(), -0.038744483), ([10_000.0, 12_000.0, 12_500.0], 0.0), ([5.0], 0.0)]
)
def test_the_maximum_drawdown_is_a_fraction_at_most_zero(equity: list[float], expected: float) -> None:
    assert metrics.max_drawdown(metrics.drawdowns(np.array(equity))) == pytest.approx(expected, abs=5e-10)


def test_the_deepest_drawdown_names_its_peak_trough_and_recovery() -> None:
    equity = np.array([100.0, 110.0, 105.0, 110.0, 99.0, 88.0, 104.5, 120.0])
    found = metrics.deepest_drawdown(metrics.drawdowns(equity), times(8))
    assert found == pytest.approx((-0.2, times(8)[3], times(8)[5], times(8)[7]), rel=1e-12)


def test_a_drawdown_that_lasts_has_no_end() -> None:
    found = metrics.deepest_drawdown(metrics.drawdowns(np.array([100.0, 90.0, 95.0])), times(3))
    assert found is not None
    assert found.end_ts_ms is None


def test_equity_that_never_fell_has_no_drawdown() -> None:
    rising = np.array([100.0, 100.0, 101.0])
    assert metrics.deepest_drawdown(metrics.drawdowns(rising), times(3)) is None
    assert metrics.longest_drawdown_s(metrics.drawdowns(rising), times(3)) == 0.0


@pytest.mark.parametrize(
    ("equity", "minutes"),
    [
        ([100.0, 90.0, 100.0, 101.0, 80.0, 101.0], 2),
        ([100.0, 99.0, 99.5, 99.9, 100.0, 50.0, 101.0], 4),
        ([100.0, 101.0, 100.0, 100.0, 100.5], 3),
    ],
)
def test_the_longest_drawdown_runs_from_the_peak_to_the_recovery_or_the_end(equity: list[float], minutes: int) -> None:
    assert metrics.longest_drawdown_s(metrics.drawdowns(np.array(equity)), times(len(equity))) == minutes * 60.0


def test_calmar_and_recovery_factor_divide_by_the_drawdown() -> None:
    assert metrics.calmar(0.3, -0.15) == pytest.approx(2.0)
    assert metrics.recovery_factor(-0.1, -0.2) == pytest.approx(-0.5)


def test_ratios_to_a_drawdown_are_unknown_without_one() -> None:
    assert metrics.calmar(0.3, 0.0) is None
    assert metrics.calmar(None, -0.1) is None
    assert metrics.recovery_factor(0.3, 0.0) is None


PNL = np.array([100.0, -50.0])


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (metrics.trade_win_rate, 0.5),
        (metrics.profit_factor, 2.0),
        (metrics.average_win, 100.0),
        (metrics.average_loss, -50.0),
        (metrics.expectancy, 25.0),
    ],
)
def test_trade_statistics_of_one_win_and_one_loss(
    figure: Callable[[FloatArray], float | None], expected: float
) -> None:
    assert figure(PNL) == expected


def test_break_even_counts_in_the_expectancy_only() -> None:
    with_even = np.append(PNL, [0.0, 5e-10])
    assert metrics.trade_win_rate(with_even) == 0.5
    assert metrics.average_win(with_even) == 100.0
    assert metrics.expectancy(with_even) == pytest.approx(12.5)


@pytest.mark.parametrize(
    "figure",
    [
        metrics.trade_win_rate,
        metrics.profit_factor,
        metrics.average_win,
        metrics.average_loss,
        metrics.expectancy,
    ],
)
def test_no_trades_have_no_statistics(figure: Callable[[FloatArray], float | None]) -> None:
    assert figure(np.empty(0)) is None


def test_money_has_one_tolerance() -> None:
    # Stated twice, because importing the compiled one would load Numba for every reader of a result.
    assert metrics.MONEY_TOLERANCE == units.MONEY_TOLERANCE


def test_wins_alone_have_no_profit_factor_and_losses_alone_zero() -> None:
    assert metrics.profit_factor(np.array([3.0])) is None
    assert metrics.profit_factor(np.array([-3.0])) == 0.0


def test_turnover_is_traded_notional_over_mean_equity_and_years() -> None:
    traded = fills(fill(1, 2.0, 100.0), fill(-1, 2.0, 150.0))
    assert metrics.turnover(traded, np.array([900.0, 1_100.0]), 0.5) == pytest.approx(1.0)
    assert metrics.turnover(traded, np.array([900.0]), 0.0) is None


def test_exposure_is_the_mean_of_gross_over_equity() -> None:
    assert metrics.exposure(np.array([0.0, 50.0, 1.0]), np.array([100.0, 100.0, 0.0])) == pytest.approx(0.25)
    assert metrics.exposure(np.array([1.0]), np.array([-1.0])) is None


def test_monthly_returns_chain_to_the_total_return() -> None:
    ts_ms = START_MS + np.array([0, 30, 31, 40, 60, 365], dtype=np.int64) * DAY_MS
    equity = np.array([100.0, 110.0, 105.0, 99.0, 120.0, 130.0])
    found = metrics.monthly_returns(ts_ms, equity, 100.0)
    assert [(month.year, month.month) for month in found] == [(2026, 1), (2026, 2), (2026, 3), (2027, 1)]
    assert found[1].value == pytest.approx(99.0 / 110.0 - 1.0)
    assert np.prod([1.0 + month.value for month in found]) == pytest.approx(1.3)


def test_the_first_month_starts_from_the_initial_capital() -> None:
    (january,) = metrics.monthly_returns(times(2), np.array([90.0, 99.0]), 100.0)
    assert january.value == pytest.approx(-0.01)


# Capital 7,000: A 100 at 30, B 100 at 10, C 200 at 5, cash 2,000; then a fifth of A is sold for the others.
START = [
    fill(1, 100.0, 30.0, ts_ms=START_MS + MINUTE_MS, symbol=0),
    fill(1, 100.0, 10.0, ts_ms=START_MS + MINUTE_MS, symbol=1),
    fill(1, 200.0, 5.0, ts_ms=START_MS + MINUTE_MS, symbol=2),
]
SHARE = 0.7 * 599.4 / 2 / 1.001


def upside(bar: int, cycle: int) -> list[tuple[object, ...]]:
    ts_ms = START_MS + bar * MINUTE_MS
    return [
        fill(-1, 20.0, 30.0, ts_ms=ts_ms, symbol=0, fee=0.6, cycle=cycle),
        fill(1, SHARE / 10.0, 10.0, ts_ms=ts_ms, symbol=1, fee=SHARE * 0.001, cycle=cycle),
        fill(1, SHARE / 5.0, 5.0, ts_ms=ts_ms, symbol=2, fee=SHARE * 0.001, cycle=cycle),
    ]


def test_an_event_holds_quantities_and_cash_on_both_sides_of_its_fills() -> None:
    events = metrics.events_from_fills(fills(*START, *upside(3, 1)), times(5), 3, 7_000.0)
    assert events.qty_before.tolist() == [[100.0, 100.0, 200.0]]
    assert events.cash_before.tolist() == [2_000.0]
    assert events.qty_after[0] == pytest.approx([80.0, 120.958042, 241.916084], abs=5e-7)
    assert events.cash_after[0] == pytest.approx(2_179.82, abs=1e-9)
    assert events.decision_frame.tolist() == [2]


@pytest.mark.parametrize(("prices", "expected"), [([24.0, 11.0, 5.5], 1.0), ([36.0, 9.0, 4.5], 0.0)])
def test_the_last_event_is_judged_at_the_last_bar(prices: list[float], expected: float) -> None:
    events = metrics.events_from_fills(fills(*START, *upside(3, 1)), times(5), 3, 7_000.0)
    closes = np.array([[30.0, 10.0, 5.0]] * 4 + [prices])
    assert metrics.rebalance_win_rate(events, closes) == expected


def test_an_event_is_judged_where_the_next_one_was_decided() -> None:
    # The first wins at the close of bar 4, where the second is decided; the second loses at the last bar.
    # The bar of the second's own fill says the opposite of both and must not count.
    events = metrics.events_from_fills(fills(*START, *upside(3, 1), *upside(5, 2)), times(7), 3, 7_000.0)
    closes = np.array([[30.0, 10.0, 5.0]] * 4 + [[24.0, 11.0, 5.5], [36.0, 9.0, 4.5], [36.0, 9.0, 4.5]])
    assert metrics.rebalance_win_rate(events, closes) == 0.5


def test_an_event_that_changes_nothing_does_not_win() -> None:
    even = [fill(-1, 1.0, 10.0, symbol=1, cycle=1), fill(1, 2.0, 5.0, symbol=2, cycle=1)]
    events = metrics.events_from_fills(fills(*even), times(3), 3, 7_000.0)
    assert metrics.rebalance_win_rate(events, np.array([[30.0, 10.0, 5.0]] * 3)) == 0.0


def test_a_symbol_without_a_price_yet_counts_as_nothing() -> None:
    events = metrics.events_from_fills(fills(*START, *upside(3, 1)), times(5), 4, 7_000.0)
    closes = np.array([[24.0, 11.0, 5.5, np.nan]] * 5)
    assert metrics.rebalance_win_rate(events, closes) == 1.0


def test_there_is_no_rebalance_win_rate_without_events() -> None:
    events = metrics.events_from_fills(fills(*START), times(3), 3, 7_000.0)
    assert metrics.rebalance_win_rate(events, np.ones((3, 3))) is None
