"""The rebalancer as its users call it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import pytest

from ballast.model.errors import BelowMinimum, ConfigError, DataError
from ballast.portfolio.calculators import BarRiskCalculator
from ballast.portfolio.periods import Frequency
from ballast.portfolio.rebalancer import PortfolioRebalancer
from ballast.portfolio.rebalancer_records import RebalanceResult, Trade
from ballast.portfolio.triggers import RebalanceTrigger

DAY_NS = 86_400_000_000_000
NOW_NS = int(datetime(2026, 1, 30, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
WEIGHTS = {"BTC": 0.5, "ETH": 0.25, "USDT": 0.25}
TARGETS = {"BTC": 0.4, "ETH": 0.3, "USDT": 0.3}
MARKET = {"BTC": 50_000.0, "ETH": 3_000.0}


def rebalancer(**settings: Any) -> PortfolioRebalancer:
    made = PortfolioRebalancer(**settings)
    made.set_target_weights(TARGETS)
    return made


def executed(made: PortfolioRebalancer, **settings: Any) -> RebalanceResult:
    arguments: dict[str, Any] = {"current_weights": WEIGHTS, "portfolio_value": 10_000, "market_data": MARKET}
    return asyncio.run(made.execute_rebalance(**(arguments | settings)))


def sides(result: RebalanceResult) -> list[tuple[str, str]]:
    return [(trade.side, trade.symbol) for trade in result.trades_required]


class Figures:
    """A user's own weight calculator."""

    def __init__(self, figures: list[float]) -> None:
        self.figures = figures
        self.correlation_sizer = self

    def get_portfolio_risk_metrics(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        return {"volatility": self.figures.pop(0)}

    def get_correlation_report(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        return {"average_correlation": self.figures.pop(0)}


def test_the_documented_call_sells_half_of_the_one_and_buys_half_of_the_other() -> None:
    """E7."""

    async def documented() -> RebalanceResult:
        made = PortfolioRebalancer(weight_calculator=Figures([]), partial_rebalance_factor=0.5)
        made.set_target_weights({"BTC": 0.4, "ETH": 0.3, "USDT": 0.3})
        return await made.execute_rebalance(
            current_weights={"BTC": 0.5, "ETH": 0.25, "USDT": 0.25},
            portfolio_value=10000,
            market_data=MARKET,
            trigger=RebalanceTrigger.THRESHOLD_BASED,
            partial=True,
        )

    result = asyncio.run(documented())
    assert result.success
    assert sides(result) == [("sell", "BTC"), ("buy", "ETH")]
    sell, buy = result.trades_required
    assert [sell.quantity, sell.estimated_value] == pytest.approx([0.01, 500.0])
    assert [buy.quantity, buy.estimated_value] == pytest.approx([1.0 / 12.0, 250.0])
    assert (sell.priority, buy.priority) == (1, 2)
    assert "partial" in sell.reason
    assert result.total_value_change == pytest.approx(750.0)
    assert result.metadata["transaction_costs"] == pytest.approx(0.75)
    assert result.metadata["cash_after"] == pytest.approx(2_749.25)
    assert (result.metadata["partial"], result.metadata["partial_factor"]) == (True, 0.5)
    assert result.metadata["trigger"] == "threshold_based"
    assert result.metadata["skipped"] == {}


def test_it_is_carried_out_although_the_drift_is_not_above_the_threshold() -> None:
    """E7."""
    made = rebalancer()
    assert not made.should_rebalance(WEIGHTS, RebalanceTrigger.THRESHOLD_BASED).is_due
    assert executed(made).success


@pytest.mark.parametrize(("factor", "values"), [(1.0, (1_000.0, 500.0)), (0.25, (250.0, 125.0))])
def test_the_partial_call_uses_the_factor(factor: float, values: tuple[float, float]) -> None:
    """E7."""
    made = rebalancer(partial_rebalance_factor=factor)
    result = asyncio.run(made.execute_partial_rebalance(WEIGHTS, 10_000, MARKET))
    assert [trade.estimated_value for trade in result.trades_required] == pytest.approx(values)
    assert result.metadata["partial"]


def test_a_whole_rebalance_says_nothing_of_a_factor() -> None:
    """E7."""
    result = executed(rebalancer())
    assert [trade.estimated_value for trade in result.trades_required] == pytest.approx([1_000.0, 500.0])
    assert not result.metadata["partial"]
    assert "partial_factor" not in result.metadata
    assert "partial" not in result.trades_required[0].reason
    assert result.metadata["cash_after"] == pytest.approx(2_998.5)


def test_cash_that_is_given_stands_over_the_weights() -> None:
    """E8 a."""
    made = rebalancer()
    made.set_target_weights({"A": 0.55, "B": 0.45})
    result = executed(made, current_weights={"A": 0.5, "B": 0.41}, market_data={"A": 1.0, "B": 1.0}, cash=300.0)
    assert [trade.estimated_value for trade in result.trades_required] == pytest.approx([166.500167, 133.200133])


def test_a_sell_is_all_that_a_buy_is_paid_from() -> None:
    """E8 b."""
    made = PortfolioRebalancer()
    made.set_target_weights({"A": 0.45, "B": 0.55})
    result = executed(made, current_weights={"A": 0.5, "B": 0.49}, market_data={"A": 1.0, "B": 1.0}, cash=0.0)
    assert sides(result) == [("sell", "A"), ("buy", "B")]
    assert [trade.estimated_value for trade in result.trades_required] == pytest.approx([500.0, 499.000999])


@pytest.mark.parametrize(
    ("weight", "partial", "sold"),
    [(0.12, False, 700.0), (0.12, True, 350.0), (0.09, False, 400.0), (0.1005, False, 505.0)],
)
def test_a_position_may_go_below_a_tenth_when_its_target_says_so(weight: float, partial: bool, sold: float) -> None:
    """E8 c."""
    made = rebalancer()
    made.set_target_weights({"A": 0.05, "USDT": 0.95})
    weights = {"A": weight, "USDT": 1.0 - weight}
    result = executed(made, current_weights=weights, market_data={"A": 1.0}, partial=partial)
    assert [trade.estimated_value for trade in result.trades_required] == pytest.approx([sold])


@pytest.mark.parametrize(("portfolio_value", "n_trades"), [(9_990.0, 0), (10_000.0, 1)])
def test_a_trade_of_ten_is_planned_and_one_of_less_is_not(portfolio_value: float, n_trades: int) -> None:
    """E8 d."""
    made = rebalancer()
    made.set_target_weights({"A": 0.501, "USDT": 0.499})
    weights = {"A": 0.5, "USDT": 0.5}
    result = executed(made, current_weights=weights, portfolio_value=portfolio_value, market_data={"A": 1.0})
    assert len(result.trades_required) == n_trades


def test_what_has_no_target_is_sold_and_sells_go_first_each_side_by_priority() -> None:
    made = PortfolioRebalancer()
    made.set_target_weights({"A": 0.63, "B": 0.35, "C": 0.02})
    result = executed(
        made,
        current_weights={"A": 0.52, "B": 0.31, "C": 0.05, "D": 0.12},
        market_data=dict.fromkeys("ABCD", 10.0),
    )
    assert sides(result) == [("sell", "D"), ("sell", "C"), ("buy", "A"), ("buy", "B")]
    assert [trade.priority for trade in result.trades_required] == [1, 2, 1, 2]


@pytest.mark.parametrize("price", [0.0, -5.0, nan, inf, "dear", None])
def test_an_asset_without_a_price_is_skipped_and_named(price: Any) -> None:
    result = executed(rebalancer(), market_data={"BTC": price, "ETH": 3_000.0})
    assert sides(result) == [("buy", "ETH")]
    assert "expected a finite price above 0" in result.metadata["skipped"]["BTC"]


def test_an_unknown_symbol_is_named_with_the_nearest() -> None:
    result = executed(rebalancer(), market_data={"BTCUSDT": 50_000.0, "ETH": 3_000.0})
    assert result.metadata["skipped"] == {"BTC": "BTC: not in market_data; did you mean 'BTCUSDT'?"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"portfolio_value": 0}, "portfolio_value = 0"),
        ({"portfolio_value": -1.0}, r"portfolio_value = -1\.0"),
        ({"portfolio_value": nan}, "portfolio_value = nan"),
        ({"portfolio_value": inf}, "portfolio_value = inf"),
        ({"current_weights": {"BTC": 0.9, "USDT": 0.9}}, "sum to 1.8"),
        ({"current_weights": {"BTC": -0.1, "USDT": 1.1}}, "current weight of BTC = -0.1: negative"),
        ({"current_weights": {"BTC": nan, "USDT": 1.0}}, "current weight of BTC = nan: not finite"),
        ({"current_weights": None}, "current weights are a NoneType: expected a mapping"),
        ({"current_weights": [0.5, 0.5]}, "current weights are a list: expected a mapping"),
        ({"cash": -1.0}, r"cash = -1\.0"),
        ({"cash": nan}, "cash = nan"),
    ],
)
def test_input_that_no_portfolio_can_have_is_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    made = rebalancer()
    with pytest.raises(DataError, match=message) as caught:
        executed(made, **settings)
    assert "\n" not in str(caught.value)
    assert made.history() == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"partial_rebalance_factor": 0.0}, r"partial_rebalance_factor = 0\.0: expected a number in \(0, 1\]"),
        ({"partial_rebalance_factor": 1.5}, r"partial_rebalance_factor = 1\.5"),
        ({"partial_rebalance_factor": nan}, "partial_rebalance_factor = nan"),
        ({"drift_threshold": -0.1}, r"drift_threshold = -0\.1"),
        ({"transaction_costs": 1.0}, r"transaction_costs = 1\.0: expected a number in \[0, 1\)"),
        ({"min_trade_value": inf}, "min_trade_value = inf"),
        ({"calendar_days": 0}, "calendar_days = 0"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PortfolioRebalancer(**settings)


def test_without_targets_nothing_is_due_and_nothing_can_be_planned() -> None:
    made = PortfolioRebalancer()
    assert made.should_rebalance(WEIGHTS) == (False, "no target weights are set")
    with pytest.raises(ConfigError, match="call set_target_weights first"):
        executed(made)


def test_bad_targets_leave_the_old_ones_in_place() -> None:
    made = rebalancer()
    with pytest.raises(ConfigError, match="negative"):
        made.set_target_weights({"BTC": -1.0})
    unread: Any = [("BTC", 1.0)]
    with pytest.raises(ConfigError, match="target weights are a list: give a mapping from assets to fractions"):
        made.set_target_weights(unread)
    assert made.target_weights == TARGETS
    assert made.set_target_weights({"BTC": 1.0})


def test_a_rebalancer_that_is_disabled_does_nothing_even_when_asked() -> None:
    made = rebalancer(rebalance_enabled=False)
    for trigger in RebalanceTrigger:
        assert made.should_rebalance(WEIGHTS, trigger) == (False, "rebalancing is disabled")
    result = executed(made)
    assert (result.success, result.execution_status, result.trades_required) == (False, "disabled", ())
    assert made.history() == []


def test_defaults_are_the_documented_ones() -> None:
    made = PortfolioRebalancer()
    assert (made.rebalance_enabled, made.drift_threshold, made.partial_rebalance_factor) == (True, 0.10, 0.5)
    assert (made.transaction_costs, made.min_trade_value, made.min_position_percentage) == (0.001, 10.0, 0.10)
    assert (made.target_weights, made.last_rebalance, made.rebalance_history) == ({}, None, [])


@pytest.mark.parametrize(("btc", "is_due"), [(0.42, False), (0.55, True)])
def test_two_points_of_drift_are_not_due_and_fifteen_are(btc: float, is_due: bool) -> None:
    weights = {"BTC": btc, "ETH": 0.3, "USDT": 0.7 - btc}
    assert rebalancer().should_rebalance(weights, RebalanceTrigger.THRESHOLD_BASED).is_due == is_due


def test_something_held_without_a_target_is_drift() -> None:
    assert rebalancer().should_rebalance({"BTC": 0.35, "ETH": 0.25, "DOGE": 0.15, "USDT": 0.25}).is_due


def test_cash_that_is_not_mentioned_is_what_the_weights_leave() -> None:
    made = rebalancer()
    assert not made.should_rebalance({"BTC": 0.4, "ETH": 0.3}).is_due
    assert executed(made, current_weights={"BTC": 0.4, "ETH": 0.3}).execution_status == "no significant trades"


def test_an_order_by_hand_is_always_due() -> None:
    assert rebalancer().should_rebalance(TARGETS, "manual").is_due


def test_the_calendar_counts_from_the_last_rebalance_that_was_completed() -> None:
    now = [NOW_NS]
    made = rebalancer(clock=lambda: now[0])
    assert made.should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED).is_due
    result = executed(made, trigger="calendar_based")
    assert result.timestamp == made.last_rebalance == "2026-01-30T12:00:00.000+00:00"
    now[0] += 30 * DAY_NS - 1
    assert not made.should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED).is_due
    now[0] += 1
    assert made.should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED).is_due


def test_a_monthly_calendar_does_not_skip_february() -> None:
    now = [NOW_NS]
    made = rebalancer(clock=lambda: now[0], frequency=Frequency.MONTHLY)
    executed(made)
    now[0] += 3 * DAY_NS
    assert made.should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED).is_due


def test_without_a_clock_the_calendar_says_so() -> None:
    verdict = rebalancer().should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED)
    assert verdict == (False, "no clock: construct the rebalancer with clock=time.time_ns")
    assert executed(rebalancer()).timestamp is None


def test_a_volatility_baseline_moves_only_when_it_is_left() -> None:
    made = rebalancer(weight_calculator=Figures([0.50, 0.58, 0.61, 0.70, nan]))
    due = [made.should_rebalance(WEIGHTS, RebalanceTrigger.VOLATILITY_BASED).is_due for _ in range(5)]
    assert due == [False, False, True, False, False]
    assert made.last_volatility == 0.61


def test_a_correlation_baseline_moves_only_when_it_is_left() -> None:
    made = rebalancer(weight_calculator=Figures([nan, 0.50, 0.58, 0.61, 0.70]))
    due = [made.should_rebalance(WEIGHTS, RebalanceTrigger.CORRELATION_BASED).is_due for _ in range(5)]
    assert due == [False, False, False, True, False]
    assert made.last_correlation == 0.61


class Broken:
    """A calculator whose sources fail, or answer with what is no report."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @property
    def correlation_sizer(self) -> Broken:
        return self

    def get_portfolio_risk_metrics(self, weights: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    get_correlation_report = get_portfolio_risk_metrics


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TimeoutError("the source is silent"), "TimeoutError: the source is silent"),
        (DataError("closes end in March"), "closes end in March"),
        (None, "AttributeError"),
        ({"volatility": "high", "average_correlation": "high"}, "ValueError: could not convert"),
    ],
)
def test_a_calculator_that_fails_makes_nothing_due(answer: Any, words: str) -> None:
    made = rebalancer(weight_calculator=Broken(answer))
    for trigger, figure in (("volatility_based", "volatility"), ("correlation_based", "average correlation")):
        verdict = made.should_rebalance(WEIGHTS, trigger)
        assert not verdict.is_due
        assert verdict.reason.startswith(f"{figure} cannot be computed: {words}")
    assert made.last_volatility is made.last_correlation is None


@pytest.mark.parametrize("trigger", [RebalanceTrigger.VOLATILITY_BASED, RebalanceTrigger.CORRELATION_BASED])
def test_without_a_calculator_its_triggers_say_so(trigger: RebalanceTrigger) -> None:
    assert rebalancer().should_rebalance(WEIGHTS, trigger) == (
        False,
        "no weight_calculator: construct the rebalancer with one",
    )


def test_the_built_in_calculator_fits() -> None:
    calm = [100.0 + k % 2 for k in range(60)]
    made = rebalancer(weight_calculator=BarRiskCalculator({"BTC": calm, "ETH": calm}, interval_ns=DAY_NS))
    assert not made.should_rebalance(WEIGHTS, RebalanceTrigger.VOLATILITY_BASED).is_due
    wild = [100.0 + 30.0 * (k % 2) for k in range(60)]
    made.weight_calculator = BarRiskCalculator({"BTC": wild, "ETH": wild}, interval_ns=DAY_NS)
    assert made.should_rebalance(WEIGHTS, RebalanceTrigger.VOLATILITY_BASED).is_due


def test_history_holds_what_was_planned_and_only_that() -> None:
    made = rebalancer()
    assert executed(made, current_weights=TARGETS).execution_status == "no significant trades"
    assert made.history() == []
    for _ in range(3):
        executed(made, trigger=RebalanceTrigger.MANUAL, partial=True)
    entry = made.history(1)[0]
    assert (len(made.history()), len(made.history(2)), len(made.history(-1))) == (3, 2, 3)
    assert (entry.trigger, entry.partial, entry.portfolio_value) == (RebalanceTrigger.MANUAL, True, 10_000)
    assert (len(entry.trades), entry.filled) == (2, ())
    assert entry.total_value_change == pytest.approx(750.0)
    assert entry.metadata["partial_factor"] == 0.5


def test_costs_above_a_thousandth_and_small_targets_are_remarked_on() -> None:
    made = PortfolioRebalancer(transaction_costs=0.01)
    made.set_target_weights({"BTC": 0.95, "ETH": 0.05})
    warnings = executed(made, current_weights={"BTC": 0.3, "ETH": 0.7}).metadata["warnings"]
    assert len(warnings) == 2
    assert "ETH, 0.05, is below min_position_percentage" in warnings[0]
    assert "are above 0.1% of the portfolio" in warnings[1]
    assert executed(rebalancer(), partial=True).metadata["warnings"] == []


def test_an_executor_gets_the_sells_first_and_its_fills_are_kept_apart_from_the_plan() -> None:
    seen: list[tuple[str, str]] = []

    async def execute(trade: Trade) -> float:
        seen.append((trade.side, trade.symbol))
        return trade.quantity if trade.side == "sell" else trade.quantity / 2.0

    made = rebalancer(executor=execute, clock=lambda: NOW_NS)
    result = executed(made)
    assert seen == [("sell", "BTC"), ("buy", "ETH")]
    assert result.execution_status == "partly filled"
    assert [fill.quantity for fill in result.filled] == pytest.approx([0.02, 1.0 / 12.0])
    assert made.history()[0].filled == result.filled
    assert made.last_rebalance is not None


def test_an_executor_that_fails_ends_the_rebalance_and_leaves_it_due() -> None:
    async def execute(trade: Trade) -> float:
        if trade.side == "buy":
            raise BelowMinimum("ETH: 500 is below the venue's minimum of 1000")
        return trade.quantity

    made = rebalancer(executor=execute, clock=lambda: NOW_NS)
    result = executed(made)
    assert (result.success, result.execution_status) == (False, "failed")
    assert [fill.trade.symbol for fill in result.filled] == ["BTC"]
    assert result.metadata["error"] == "buy ETH: ETH: 500 is below the venue's minimum of 1000"
    assert made.last_rebalance is None
    assert made.should_rebalance(WEIGHTS, RebalanceTrigger.CALENDAR_BASED).is_due


@pytest.mark.parametrize("reported", [nan, inf, -1.0, 1.0, None, True, "0.01"])
def test_a_fill_that_cannot_be_ends_the_rebalance_and_is_not_believed(reported: Any) -> None:
    async def execute(trade: Trade) -> float:
        return trade.quantity if trade.side == "sell" else reported

    made = rebalancer(executor=execute)
    result = executed(made)
    assert (result.success, result.execution_status) == (False, "failed")
    assert f"buy ETH: the executor returned {reported!r}; expected" in result.metadata["error"]
    assert [fill.trade.symbol for fill in made.history()[0].filled] == ["BTC"]


def test_whatever_an_executor_raises_what_was_filled_before_is_kept() -> None:
    async def execute(trade: Trade) -> float:
        if trade.side == "buy":
            raise TimeoutError("the venue is silent")
        return trade.quantity

    made = rebalancer(executor=execute)
    assert executed(made).metadata["error"] == "buy ETH: TimeoutError: the venue is silent"
    assert [fill.trade.symbol for fill in made.history()[0].filled] == ["BTC"]


@pytest.mark.parametrize(("part", "bought"), [(1.0, 499.000999), (0.5, 249.500499), (0.0, None)])
def test_purchases_get_what_the_sells_have_really_brought(part: float, bought: float | None) -> None:
    asked: list[Trade] = []

    async def execute(trade: Trade) -> float:
        asked.append(trade)
        return trade.quantity * (part if trade.side == "sell" else 1.0)

    made = PortfolioRebalancer(executor=execute)
    made.set_target_weights({"A": 0.0, "B": 0.6, "USDT": 0.4})
    weights, prices = {"A": 0.5, "B": 0.0, "USDT": 0.5}, {"A": 2.0, "B": 4.0}
    result = asyncio.run(made.execute_rebalance(weights, 1000.0, prices, cash=0.0))
    buys = [trade.estimated_value for trade in asked if trade.side == "buy"]
    assert buys == ([] if bought is None else [pytest.approx(bought, abs=1e-5)])
    assert result.execution_status == ("filled" if part == 1.0 else "partly filled")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"portfolio_value": "x"}, "portfolio_value = 'x': expected a finite amount above 0"),
        ({"market_data": None}, "market_data is a NoneType: expected a mapping"),
        ({"cash": "x"}, "cash = 'x': expected a finite amount"),
    ],
)
def test_what_is_no_number_and_no_table_is_refused_in_one_line(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        executed(rebalancer(), **inputs)


def test_a_setting_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="partial_rebalance_factor = 'half': expected a number"):
        PortfolioRebalancer(partial_rebalance_factor="half")  # type: ignore[arg-type]
