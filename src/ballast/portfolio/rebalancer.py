"""
The one portfolio rebalancer: targets, triggers, the plan, and a history of what was planned and filled.

It computes and remembers. Orders are sent by the executor it is given; without one it only plans. It reads no
clock of its own: pass one, such as ``time.time_ns``, for time stamps and the calendar.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import fsum, isfinite, nan
from numbers import Real
from typing import Any

from ballast.model.errors import ConfigError, DataError, Error
from ballast.model.units import is_below, is_number, is_price
from ballast.portfolio.calculators import WeightCalculator
from ballast.portfolio.drift import TOLERANCE, is_beyond, largest_drift
from ballast.portfolio.periods import Frequency
from ballast.portfolio.rebalancer_plan import as_array, legs, plan_of
from ballast.portfolio.rebalancer_records import FilledTrade, HistoryEntry, RebalanceResult, Trade
from ballast.portfolio.trades import affordable_part
from ballast.portfolio.triggers import (
    RebalanceTrigger,
    Verdict,
    calendar_due,
    correlation_due,
    threshold_due,
    trigger_of,
    volatility_due,
)
from ballast.portfolio.weights import CASH_ASSETS, cash_of, check_current_weights, target_weights

COST_WARNING = 0.001
"""Costs above this part of the portfolio are remarked on."""


class PortfolioRebalancer:
    """
    Bring a portfolio back to its target weights.

    Parameters
    ----------
    weight_calculator : WeightCalculator, optional
        Who answers for volatility and correlation; only those two triggers ask. ``BarRiskCalculator`` is the
        built-in one.
    partial_rebalance_factor : float
        Part of each gap that a partial rebalance trades, in (0, 1].
    drift_threshold : float
        ``THRESHOLD_BASED`` is due when a weight is strictly further than this from its target; a fraction.
    transaction_costs : float
        Fee of every trade, a fraction of its value.
    min_trade_value : float
        Trades worth less, in quote, are dropped.
    min_position_percentage : float
        Advisory, a fraction: targets between 0 and this are listed in the metadata. A target always wins.
    rebalance_enabled : bool
        While False nothing is due and nothing is planned.
    cash_assets : collection of str
        Assets that are money: legs, never trades.
    frequency, calendar_days : Frequency, int
        When ``CALENDAR_BASED`` is due; the days count for ``Frequency.ELAPSED_DAYS`` only.
    volatility_change : float
        ``VOLATILITY_BASED`` is due when volatility leaves its baseline by more than this part of it.
    correlation_change : float
        ``CORRELATION_BASED`` is due when the average correlation leaves its baseline by more than this.
    clock : callable, optional
        Returns nanoseconds since 1970, UTC.
    executor : callable, optional
        Awaited with each planned trade in turn; returns the base quantity that was filled. Purchases are cut to
        what the sells have really brought. An error, or a quantity that cannot be, ends the rebalance there.

    Raises
    ------
    ConfigError
        For a setting out of range.

    Examples
    --------
    In a notebook, or in any coroutine::

        rebalancer = PortfolioRebalancer(partial_rebalance_factor=0.5)
        rebalancer.set_target_weights({"BTC": 0.4, "ETH": 0.3, "USDT": 0.3})
        result = await rebalancer.execute_rebalance(
            current_weights={"BTC": 0.5, "ETH": 0.25, "USDT": 0.25},
            portfolio_value=10_000,
            market_data={"BTC": 50_000.0, "ETH": 3_000.0},
            trigger=RebalanceTrigger.THRESHOLD_BASED,
            partial=True,
        )
    """

    def __init__(
        self,
        weight_calculator: WeightCalculator | None = None,
        partial_rebalance_factor: float = 0.5,
        *,
        drift_threshold: float = 0.10,
        transaction_costs: float = 0.001,
        min_trade_value: float = 10.0,
        min_position_percentage: float = 0.10,
        rebalance_enabled: bool = True,
        cash_assets: Collection[str] = CASH_ASSETS,
        frequency: Frequency = Frequency.ELAPSED_DAYS,
        calendar_days: int = 30,
        volatility_change: float = 0.20,
        correlation_change: float = 0.10,
        clock: Callable[[], int] | None = None,
        executor: Callable[[Trade], Awaitable[float]] | None = None,
    ) -> None:
        _refuse_outside("partial_rebalance_factor", partial_rebalance_factor, 0.0, 1.0, exclusive_low=True)
        _refuse_outside("drift_threshold", drift_threshold, 0.0, 1.0)
        _refuse_outside("transaction_costs", transaction_costs, 0.0, 1.0, exclusive_high=True)
        _refuse_outside("min_trade_value", min_trade_value, 0.0, float("inf"), exclusive_high=True)
        _refuse_outside("min_position_percentage", min_position_percentage, 0.0, 1.0)
        _refuse_outside("calendar_days", calendar_days, 1, 36_500)
        _refuse_outside("volatility_change", volatility_change, 0.0, float("inf"), exclusive_high=True)
        _refuse_outside("correlation_change", correlation_change, 0.0, 2.0)
        self.weight_calculator = weight_calculator
        self.partial_rebalance_factor = partial_rebalance_factor
        self.drift_threshold = drift_threshold
        self.transaction_costs = transaction_costs
        self.min_trade_value = min_trade_value
        self.min_position_percentage = min_position_percentage
        self.rebalance_enabled = rebalance_enabled
        self.cash_assets = frozenset(cash_assets)
        self.frequency = frequency
        self.calendar_days = calendar_days
        self.volatility_change = volatility_change
        self.correlation_change = correlation_change
        self.target_weights: dict[str, float] = {}
        self.rebalance_history: list[HistoryEntry] = []
        self.last_volatility: float | None = None
        self.last_correlation: float | None = None
        self._last_ns: int | None = None
        self._clock = clock
        self._executor = executor

    @property
    def last_rebalance(self) -> str | None:
        """When the last rebalance was completed, ISO 8601 in UTC; None for never, or without a clock."""
        return None if self._last_ns is None else _iso(self._last_ns)

    def set_target_weights(self, weights: Mapping[str, float]) -> bool:
        """
        Take new targets, cash included, as fractions; a sum further than 0.001 from 1 is divided out. Return True.

        Raises ``ConfigError`` for no weights, a sum of 0, or a weight that is negative or not finite; the old
        targets then stay.
        """
        self.target_weights = target_weights(weights)
        return True

    def should_rebalance(
        self,
        current_weights: Mapping[str, float],
        trigger: RebalanceTrigger | str = RebalanceTrigger.THRESHOLD_BASED,
    ) -> Verdict:
        """
        Tell whether a trigger makes a rebalance due, and why.

        The first volatility and correlation become the baselines; later ones do when they make a rebalance
        due. Raises ``DataError`` for weights that cannot be, ``ConfigError`` for an unknown trigger.
        """
        trigger = trigger_of(trigger)
        check_current_weights(current_weights, self.cash_assets)
        if not self.rebalance_enabled:
            return Verdict(False, "rebalancing is disabled")
        if trigger is RebalanceTrigger.THRESHOLD_BASED:
            return self._judge_drift(current_weights)
        if trigger is RebalanceTrigger.CALENDAR_BASED:
            return self._judge_calendar()
        if trigger is RebalanceTrigger.VOLATILITY_BASED:
            return self._judge_volatility(current_weights)
        if trigger is RebalanceTrigger.CORRELATION_BASED:
            return self._judge_correlation(current_weights)
        return Verdict(True, "asked for")

    async def execute_rebalance(
        self,
        current_weights: Mapping[str, float],
        portfolio_value: float,
        market_data: Mapping[str, object],
        trigger: RebalanceTrigger | str = RebalanceTrigger.MANUAL,
        partial: bool = False,
        cash: float | None = None,
    ) -> RebalanceResult:
        """
        Plan the trades towards the targets and, with an executor, carry them out. Does not ask whether it is due.

        Parameters
        ----------
        current_weights : mapping of str to float
            Fractions of the portfolio; an asset without a target is sold.
        portfolio_value : float
            Quote currency, above 0.
        market_data : mapping of str to object
            Per asset a price, a mapping or table with ``close``, or a series. An asset without a usable price
            is left as it is and named in ``metadata["skipped"]``.
        trigger : RebalanceTrigger or str
            What the history is to say.
        partial : bool
            Trade only ``partial_rebalance_factor`` of each gap.
        cash : float, optional
            Cash in quote; without it, it is read from the weights.

        Raises
        ------
        ConfigError
            No targets are set, or the trigger is unknown.
        DataError
            Weights, prices, value or cash that no portfolio can have.
        """
        trigger = trigger_of(trigger)
        self._check_inputs(current_weights, portfolio_value, market_data, cash)
        metadata: dict[str, Any] = {"portfolio_value": portfolio_value, "trigger": trigger.value, "partial": partial}
        if partial:
            metadata["partial_factor"] = self.partial_rebalance_factor
        now_ns = None if self._clock is None else self._clock()
        timestamp = None if now_ns is None else _iso(now_ns)
        if not self.rebalance_enabled:
            return RebalanceResult(False, (), 0.0, "disabled", timestamp, (), metadata)
        money = cash_of(current_weights, portfolio_value, self.cash_assets) if cash is None else cash
        trades = self._plan(current_weights, portfolio_value, market_data, money, metadata)
        filled, status = await self._carry_out(trades, money, metadata)
        total = fsum(trade.estimated_value for trade in trades)
        success = status != "failed"
        if success:
            self._last_ns = now_ns
        if trades:
            self.rebalance_history.append(
                HistoryEntry(timestamp, trigger, trades, filled, total, portfolio_value, partial, metadata)
            )
        return RebalanceResult(success, trades, total, status, timestamp, filled, metadata)

    async def execute_partial_rebalance(
        self,
        current_weights: Mapping[str, float],
        portfolio_value: float,
        market_data: Mapping[str, object],
        trigger: RebalanceTrigger | str = RebalanceTrigger.MANUAL,
        cash: float | None = None,
    ) -> RebalanceResult:
        """Do as ``execute_rebalance`` with ``partial=True``."""
        return await self.execute_rebalance(
            current_weights, portfolio_value, market_data, trigger, partial=True, cash=cash
        )

    def history(self, limit: int = 0) -> list[HistoryEntry]:
        """Return the newest ``limit`` entries, oldest first; all of them for 0 or less."""
        return self.rebalance_history[-limit:] if limit > 0 else list(self.rebalance_history)

    def _judge_drift(self, weights: Mapping[str, float]) -> Verdict:
        if not self.target_weights:
            return Verdict(False, "no target weights are set")
        # Cash that the weights do not mention is what they leave, and says nothing that they do not.
        assets = [
            asset for asset in legs(weights, self.target_weights) if asset in weights or asset not in self.cash_assets
        ]
        drift = largest_drift(as_array(weights, assets), as_array(self.target_weights, assets))
        return threshold_due(drift, self.drift_threshold)

    def _judge_calendar(self) -> Verdict:
        if self._clock is None:
            return Verdict(False, "no clock: construct the rebalancer with clock=time.time_ns")
        return calendar_due(self._last_ns, self._clock(), self.frequency, self.calendar_days)

    def _judge_volatility(self, weights: Mapping[str, float]) -> Verdict:
        if self.weight_calculator is None:
            return Verdict(False, "no weight_calculator: construct the rebalancer with one")
        calculator = self.weight_calculator
        volatility, fault = _figure("volatility", lambda: calculator.get_portfolio_risk_metrics(weights))
        if fault:
            return Verdict(False, fault)
        verdict = volatility_due(self.last_volatility, volatility, self.volatility_change)
        if isfinite(volatility) and (verdict.is_due or self.last_volatility is None):
            self.last_volatility = volatility
        return verdict

    def _judge_correlation(self, weights: Mapping[str, float]) -> Verdict:
        if self.weight_calculator is None:
            return Verdict(False, "no weight_calculator: construct the rebalancer with one")
        calculator = self.weight_calculator
        average, fault = _figure(
            "average_correlation", lambda: calculator.correlation_sizer.get_correlation_report(weights)
        )
        if fault:
            return Verdict(False, fault)
        verdict = correlation_due(self.last_correlation, average, self.correlation_change)
        if isfinite(average) and (verdict.is_due or self.last_correlation is None):
            self.last_correlation = average
        return verdict

    def _check_inputs(
        self, weights: Mapping[str, float], portfolio_value: float, market_data: object, cash: float | None
    ) -> None:
        if not self.target_weights:
            raise ConfigError("no target weights are set: call set_target_weights first")
        check_current_weights(weights, self.cash_assets)
        if not isinstance(market_data, Mapping):
            raise DataError(f"market_data is a {type(market_data).__name__}: expected a mapping from assets to prices")
        if not is_number(portfolio_value) or not is_price(portfolio_value):
            raise DataError(f"portfolio_value = {portfolio_value!r}: expected a finite amount above 0")
        if cash is not None and not (isinstance(cash, Real) and isfinite(cash) and float(cash) >= 0.0):
            raise DataError(f"cash = {cash!r}: expected a finite amount, 0 or more")

    def _plan(
        self,
        weights: Mapping[str, float],
        portfolio_value: float,
        market_data: Mapping[str, object],
        cash: float,
        metadata: dict[str, Any],
    ) -> tuple[Trade, ...]:
        """Return the trades; add what they cost, and what was left out or is remarkable, to the metadata."""
        plan = plan_of(
            weights,
            self.target_weights,
            market_data,
            self.cash_assets,
            portfolio_value=portfolio_value,
            cash=cash,
            fee_rate=self.transaction_costs,
            factor=self.partial_rebalance_factor if metadata["partial"] else 1.0,
            min_trade_value=self.min_trade_value,
        )
        metadata |= {"transaction_costs": plan.costs, "cash_after": plan.cash_after, "skipped": plan.skipped}
        metadata["warnings"] = self._warnings(plan.costs, portfolio_value)
        return plan.trades

    def _warnings(self, costs: float, portfolio_value: float) -> list[str]:
        warnings = [
            f"the target of {asset}, {weight:.4g}, is below min_position_percentage = {self.min_position_percentage:g}"
            for asset, weight in self.target_weights.items()
            if asset not in self.cash_assets and weight > 0.0 and is_beyond(self.min_position_percentage, weight)
        ]
        if is_beyond(costs / portfolio_value, COST_WARNING):
            warnings.append(f"costs of {costs:.6g} are above {COST_WARNING:.1%} of the portfolio")
        return warnings

    async def _carry_out(
        self, trades: tuple[Trade, ...], money: float, metadata: dict[str, Any]
    ) -> tuple[tuple[FilledTrade, ...], str]:
        """Hand the trades to the executor one by one; return what was filled, and the status."""
        if not trades:
            return (), "no significant trades"
        if self._executor is None:
            return (), "planned"
        filled: list[FilledTrade] = []
        for trade in trades:
            order = trade if trade.side == "sell" else self._affordable(trade, trades, filled, money)
            if order is None:
                continue
            try:
                reported = await self._executor(order)
            except Exception as error:  # noqa: BLE001  # Whatever went wrong, what was filled before must be kept.
                metadata["error"] = f"{order.side} {order.symbol}: {_said(error)}"
                return tuple(filled), "failed"
            quantity = _fill_of(reported, order)
            if not isfinite(quantity):
                metadata["error"] = (
                    f"{order.side} {order.symbol}: the executor returned {reported!r}; "
                    f"expected the filled quantity, from 0 to {order.quantity:.12g}"
                )
                return tuple(filled), "failed"
            filled.append(FilledTrade(order, quantity))
        is_whole = len(filled) == len(trades) and not any(
            is_beyond(1.0, fill.quantity / fill.trade.quantity) for fill in filled
        )
        return tuple(filled), "filled" if is_whole else "partly filled"

    def _affordable(
        self, trade: Trade, trades: tuple[Trade, ...], filled: list[FilledTrade], money: float
    ) -> Trade | None:
        """Return a purchase cut to its share of the cash that is there once the sells have filled as they did."""
        sold = fsum(fill.quantity * fill.trade.estimated_price for fill in filled if fill.trade.side == "sell")
        wanted = fsum(other.estimated_value for other in trades if other.side == "buy")
        part = affordable_part(
            wanted, (money + sold * (1.0 - self.transaction_costs)) * (1.0 + TOLERANCE), self.transaction_costs
        )
        if part >= 1.0:
            return trade
        value = trade.estimated_value * part
        if value <= 0.0 or is_below(value, self.min_trade_value):
            return None
        return replace(trade, quantity=trade.quantity * part, estimated_value=value)


def _figure(name: str, report: Callable[[], Mapping[str, float]]) -> tuple[float, str]:
    """Return a figure out of a calculator's report, NaN if it is not in there; and what went wrong, if anything did."""
    try:
        return float(report().get(name, nan)), ""
    except Exception as error:  # noqa: BLE001  # A figure that somebody else cannot compute makes nothing due.
        return nan, f"{name.replace('_', ' ')} cannot be computed: {_said(error)}"


def _said(error: Exception) -> str:
    """Return an error in one line, with its type where the message is not ours."""
    return str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"


def _fill_of(reported: Any, trade: Trade) -> float:
    """Return what an executor says has filled; NaN unless it is 0 to all of the trade, rounding apart."""
    try:
        quantity = nan if isinstance(reported, bool | str) else float(reported)
    except (TypeError, ValueError):
        return nan
    return nan if quantity < 0.0 or is_beyond(quantity / trade.quantity, 1.0) else quantity


def _refuse_outside(
    name: str, value: float, low: float, high: float, *, exclusive_low: bool = False, exclusive_high: bool = False
) -> None:
    if not is_number(value):
        raise ConfigError(f"{name} = {value!r}: expected a number")
    is_above = value > low or (value == low and not exclusive_low)
    is_under = value < high or (value == high and not exclusive_high)
    if not (is_above and is_under):
        left, right = "(" if exclusive_low else "[", ")" if exclusive_high else "]"
        raise ConfigError(f"{name} = {value!r}: expected a number in {left}{low:g}, {high:g}{right}")


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
