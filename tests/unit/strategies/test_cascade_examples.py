"""The published worked examples, as corrected and as the original computed them. Money to 1e-6 relative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from ballast.backtest import documented_metrics, metrics
from ballast.backtest.run import run
from ballast.strategies.cascade.settings import Direction
from ballast.strategies.cascade.trend import is_against_trend, is_mean_reverting
from tests.conformance.markets import Quote
from tests.unit.strategies.basket import (
    cascade,
    cascade_setup,
    cash,
    fees,
    noted,
    one_decision,
    one_event,
    orders,
    quantity,
    shape,
)

DOCUMENTED: Mapping[str, Any] = {"profile": "documented"}
STARTED = {"A": 2.0, "B": 5.0, "C": 0.5}
RAN_AWAY: dict[str, Any] = {"held": {"A": 100.0, "B": 100.0, "C": 200.0}, "cash": 2_000.0}


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-6)


def test_the_start_pays_its_fees_out_of_the_shares() -> None:
    session = cascade({symbol: [price, price] for symbol, price in STARTED.items()})
    assert orders(session) == [("BUY", symbol, near(2_331.002331)) for symbol in STARTED]
    assert [quantity(session, symbol) for symbol in STARTED] == near([1_165.501166, 466.200466, 4_662.004662])  # type: ignore[arg-type]
    assert cash(session) == near(3_000.0)
    assert fees(session) == near(6.993007)


def test_the_original_start_pays_its_fees_out_of_the_reserve() -> None:
    session = cascade(one_decision(STARTED, DOCUMENTED), **DOCUMENTED)
    assert [quantity(session, symbol) for symbol in STARTED] == near([1_166.666667, 466.666667, 4_666.666667])  # type: ignore[arg-type]
    assert cash(session) == near(2_993.0)


def ran_away(order: str = "ABC", **settings: Any) -> Any:
    prices = {"A": 30.0, "B": 10.0, "C": 5.0}
    return cascade(one_decision({symbol: prices[symbol] for symbol in order}, settings), **RAN_AWAY, **settings)


@pytest.mark.parametrize("order", ["ABC", "BAC", "CBA"])
def test_an_upside_event_sells_a_fifth_and_spreads_seven_tenths(order: str) -> None:
    session = ran_away(order)
    assert orders(session)[0] == ("SELL", "A", near(600.0))
    assert sorted(orders(session)[1:]) == [("BUY", "B", near(209.580420)), ("BUY", "C", near(209.580420))]
    assert quantity(session, "B") == near(120.958042)
    assert quantity(session, "C") == near(241.916084)
    assert cash(session) == near(2_179.82)
    assert fees(session) == near(1.019161)
    assert session.engine.strategy_view.equity == near(6_998.980839)
    values = [quantity(session, symbol) * price for symbol, price in (("A", 30.0), ("B", 10.0), ("C", 5.0))]
    assert values[0] / (sum(values) / 3.0) - 1.0 == near(0.494036)


def test_the_original_upside_event_pays_fees_out_of_the_reserve() -> None:
    session = ran_away(**DOCUMENTED)
    assert orders(session) == [("SELL", "A", near(600.0)), ("BUY", "B", near(209.79)), ("BUY", "C", near(209.79))]
    assert cash(session) == near(2_179.40042)
    assert fees(session) == near(1.01958)


def test_the_original_takes_the_first_asset_in_the_list() -> None:
    session = ran_away("BAC", **DOCUMENTED)
    assert orders(session) == [("BUY", "B", near(666.666667))]
    assert cash(session) == near(2_000.0 - 666.666667 * 1.001)


@pytest.mark.parametrize("settings", [{}, DOCUMENTED])
def test_shares_below_the_minimum_leave_only_the_sale(settings: Mapping[str, Any]) -> None:
    session = one_event({"A": 214.5, "B": 20.0, "C": 20.0}, 0.0, downside_threshold=0.99, **settings)
    assert orders(session) == [("SELL", "A", near(42.9))]
    assert cash(session) == near(42.8571)


@pytest.mark.parametrize("settings", [{}, DOCUMENTED])
def test_a_sale_below_the_minimum_is_no_event(settings: Mapping[str, Any]) -> None:
    session = one_event({"A": 74.9, "B": 7.0, "C": 7.0}, 0.0, downside_threshold=0.99, **settings)
    assert orders(session) == []
    assert session.state.n_events == 0


@pytest.mark.parametrize("settings", [{}, DOCUMENTED])
def test_a_deficit_is_bought_from_cash(settings: Mapping[str, Any]) -> None:
    session = one_event({"A": 600.0, "B": 1_200.0, "C": 1_200.0}, 1_000.0, **settings)
    assert orders(session) == [("BUY", "A", near(400.0))]
    assert cash(session) == near(599.6)
    values = np.array([quantity(session, symbol) for symbol in "ABC"])
    assert values / values.mean() - 1.0 == pytest.approx([-0.117647, 0.058824, 0.058824], abs=1e-6)


@pytest.mark.parametrize(("floor", "sold", "bought"), [(0.10, 475.0, 474.050949), (0.0, 401.101101, 700.0)])
def test_cash_above_the_floor_comes_before_a_quarter_of_an_outperformer(
    floor: float, sold: float, bought: float
) -> None:
    session = one_event({"A": 500.0, "B": 1_900.0, "C": 1_200.0}, 300.0, min_usdt_reserve_pct=floor)
    assert orders(session) == [("SELL", "B", near(sold)), ("BUY", "A", near(bought))]
    assert cash(session) == pytest.approx(300.0 if floor else 0.0, abs=1e-9)


def test_the_original_ignores_cash_that_does_not_cover_all() -> None:
    session = one_event({"A": 500.0, "B": 1_900.0, "C": 1_200.0}, 300.0, **DOCUMENTED)
    assert orders(session) == [("SELL", "B", near(475.0)), ("BUY", "A", near(474.525))]
    assert cash(session) == near(299.525475)


def test_the_original_asks_at_every_close_for_a_purchase_whose_fee_it_cannot_pay() -> None:
    values = {"A": 600.0, "B": 1_200.0, "C": 1_200.0}
    session = cascade({symbol: [1.0] * 3 for symbol in values}, held=values, cash=400.2, **DOCUMENTED)
    assert orders(session) == []
    assert session.engine.log.rejects.sum() == 3


def test_the_original_skips_a_start_that_fees_made_too_dear() -> None:
    session = cascade(one_decision(STARTED, DOCUMENTED), usdt_reserve=0.0, **DOCUMENTED)
    assert [order[:2] for order in orders(session)] == [("BUY", "A"), ("BUY", "B")]
    assert session.engine.log.rejects.sum() == 1


WITHOUT_CASH = {"A": 300.0, "B": 1_500.0, "C": 1_200.0, "E": 1_000.0}


def test_a_capped_shortfall_passes_once_to_the_others() -> None:
    session = one_event(WITHOUT_CASH, 0.0)
    assert orders(session) == [("SELL", "B", near(375.0)), ("SELL", "C", near(300.0)), ("BUY", "A", near(673.651349))]


def test_without_redistribution_a_capped_shortfall_is_lost() -> None:
    session = one_event(WITHOUT_CASH, 0.0, redistribute_shortfall=False)
    assert orders(session) == [
        ("SELL", "B", near(375.0)),
        ("SELL", "C", near(200.400400)),
        ("BUY", "A", near(574.250749)),
    ]
    assert quantity(session, "A") == near(874.250749)


def test_the_original_sells_for_a_purchase_that_it_cannot_pay() -> None:
    session = one_event(WITHOUT_CASH, 0.0, **DOCUMENTED)
    assert orders(session) == [("SELL", "B", near(375.0)), ("SELL", "C", near(200.0))]
    assert cash(session) == near(574.425)
    assert session.engine.log.rejects.sum() == 1


@pytest.mark.parametrize("settings", [{}, DOCUMENTED])
def test_a_deficit_below_the_minimum_is_no_event(settings: Mapping[str, Any]) -> None:
    assert orders(one_event({"A": 10.01, "B": 32.495, "C": 32.495}, 1_000.0, **settings)) == []


@pytest.mark.parametrize("settings", [{}, DOCUMENTED])
@pytest.mark.parametrize("values", [(1_400.0, 800.0, 800.0), (650.0, 1_175.0, 1_175.0)])
def test_a_deviation_exactly_at_its_threshold_is_no_event(
    values: tuple[float, ...], settings: Mapping[str, Any]
) -> None:
    assert orders(one_event(dict(zip("ABC", values, strict=True)), 1_000.0, **settings)) == []


EQUITY = np.array([10_000.0, 10_100.0, 9_898.0, 10_195.0, 9_800.0, 10_300.0])
RISING = np.array([10_000.0, 12_000.0, 12_500.0])


def test_the_figures_of_a_worked_equity_curve() -> None:
    steps = metrics.returns(EQUITY)
    assert metrics.total_return(EQUITY, 10_000.0) == near(0.03)
    assert steps == near([0.01, -0.02, 0.030006062, -0.038744483, 0.051020408])  # type: ignore[arg-type]
    assert metrics.sharpe(steps, 8_760.0) == near(16.607029)
    assert metrics.sharpe(steps, 365.0) == near(3.389896)
    assert metrics.max_drawdown(metrics.drawdowns(EQUITY)) == near(-0.038744483)
    assert metrics.max_drawdown(metrics.drawdowns(RISING)) == 0.0


def test_the_originals_figures_of_a_worked_equity_curve() -> None:
    assert documented_metrics.sharpe(EQUITY) == pytest.approx(0.198379, abs=5e-7)
    assert documented_metrics.max_drawdown(EQUITY, 10_000.0) == near(-0.048543689)
    assert documented_metrics.max_drawdown(RISING, 10_000.0) == near(-0.20)
    assert documented_metrics.volatility(EQUITY) == near(float(np.std(documented_metrics.step_returns(EQUITY), ddof=0)))


def test_the_originals_yearly_return_explodes_on_a_day() -> None:
    assert documented_metrics.annualised_return(0.03, 1) == near(1.03**365.25 - 1.0)
    assert documented_metrics.annualised_return(0.03, 1) == pytest.approx(49_000.0, rel=0.01)
    assert documented_metrics.annualised_return(0.03, 0) == 0.0


def test_the_originals_figures_of_too_few_points_are_zero() -> None:
    assert documented_metrics.sharpe(EQUITY[:2]) == 0.0
    assert documented_metrics.sharpe(np.full(5, 100.0)) == 0.0
    assert documented_metrics.volatility(EQUITY[:1]) == 0.0
    assert documented_metrics.win_rate(np.array([]), np.array([])) == 0.0


@pytest.mark.parametrize(
    ("after", "without", "with_event", "rate"),
    [((24.0, 11.0, 5.5), 6_600.0, 6_760.896923, 1.0), ((36.0, 9.0, 4.5), 7_400.0, 7_237.064755, 0.0)],
)
def test_an_event_wins_if_it_beats_not_acting(
    after: tuple[float, ...], without: float, with_event: float, rate: float
) -> None:
    prices = {"A": 30.0, "B": 10.0, "C": 5.0}
    bars: Mapping[str, Sequence[Quote]] = {
        symbol: [price, (price, last)] for (symbol, price), last in zip(prices.items(), after, strict=True)
    }
    result = run(cascade_setup(bars, **RAN_AWAY))
    before, later = metrics.event_values(result.events, result.close_prices)
    assert (before[0], later[0]) == (near(without), near(with_event))
    assert result.metrics.rebalance_win_rate == rate


def test_in_the_originals_view_no_event_ever_wins() -> None:
    session = ran_away(**DOCUMENTED)
    before = np.array([7_000.0])
    assert documented_metrics.win_rate(before, np.array([session.engine.strategy_view.equity])) == 0.0


CALM = [100.0] * 15
TRENDS = {
    "up": ([102.0, 104.0, 106.0, 108.0, 110.0], 101.5, 106.0, 0.044335, (True, False), False),
    "down": ([98.0, 96.0, 94.0, 92.0, 90.0], 98.5, 94.0, 0.045685, (False, True), False),
    "sideways": ([101.0, 102.0, 101.0, 102.0, 101.0], 100.35, 101.4, 0.010463, (False, False), True),
    "up and turning": ([104.0, 108.0, 112.0, 110.0, 106.0], 102.0, 108.0, 0.058824, (True, False), True),
}


@pytest.mark.parametrize("name", TRENDS)
def test_a_trend_stops_what_trades_against_it(name: str) -> None:
    last, long_mean, short_mean, strength, blocked, reverts = TRENDS[name]
    path = np.array(CALM + last)
    assert path.mean() == near(long_mean)
    assert path[-5:].mean() == near(short_mean)
    assert abs(short_mean - long_mean) / long_mean == pytest.approx(strength, abs=5e-7)
    stops = [is_against_trend(long_mean, short_mean, 0.03, int(way)) for way in (Direction.UPSIDE, Direction.DOWNSIDE)]
    assert stops == list(blocked)
    change = path[-1] / path[-4] - 1.0
    assert is_mean_reverting(path[-1], long_mean, short_mean, change) is reverts


def test_too_little_history_stops_nothing() -> None:
    nan = float("nan")
    assert not is_against_trend(nan, nan, 0.03, int(Direction.UPSIDE))
    assert not is_against_trend(nan, nan, 0.03, int(Direction.DOWNSIDE))


@pytest.mark.parametrize(
    ("name", "upside", "downside", "side"),
    [("up", 0.045, 0.9, "SELL"), ("sideways", 0.0045, 0.9, "SELL"), ("down", 0.9, 0.05, "BUY")],
)
@pytest.mark.parametrize("filtered", [False, True])
def test_the_filter_reads_its_means_from_closed_bars(
    name: str, upside: float, downside: float, side: str, filtered: bool
) -> None:
    last, *_ = TRENDS[name]
    path = CALM + last + last[-1:]
    session = cascade(
        {"A": path, "B": [100.0] * len(path)},
        held={"A": 100.0, "B": 100.0},
        max_position_pct=1.0,
        upside_threshold=upside,
        downside_threshold=downside,
        trend_filter=filtered,
    )
    assert set(noted(session)) == ({("trend_veto", "A")} if filtered and name != "sideways" else set())
    expected = [] if filtered and name != "sideways" else [side]
    assert [order for frame, order, symbol in shape(session) if symbol == "A" and frame >= 15][:1] == expected
