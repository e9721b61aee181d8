"""Target weights in the engine: examples worked by hand, every trigger, and what holds on any market."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ballast
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.model.errors import ConfigError
from ballast.model.instrument import instruments
from ballast.portfolio.calculators import BarRiskCalculator
from ballast.portfolio.rebalancer import PortfolioRebalancer
from ballast.portfolio.triggers import RebalanceTrigger
from ballast.strategies import target_weights
from ballast.strategies.registry import load
from tests.architecture.sources import ROOT
from tests.conformance.markets import HOUR_NS, START_NS, Quote, lay_out, random_market
from tests.unit.strategies.basket import cash, orders, quantity, reasons, shape

DAY_NS = 24 * HOUR_NS
STRATEGY = load("target_weights")
FREE = Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0)


def ran(
    market: Any,
    weights: Sequence[float] = (),
    *,
    held: Mapping[str, float] | None = None,
    capital: float = 1_000.0,
    costs: Costs | None = None,
    grids: Any = None,
    execution: ExecutionSettings | None = None,
    **values: Any,
) -> Session:
    by_symbol = {symbol: {"weight": weight} for symbol, weight in enumerate(weights)}
    session = Session(
        Setup(
            frames=market,
            strategy=STRATEGY,
            params=STRATEGY.params(values, len(market.symbols), by_symbol),
            initial_capital=capital,
            costs=costs or Costs(slippage_bps=0.0),
            initial_positions=held or {},
            instruments=grids,
            execution=execution or ExecutionSettings(),
        )
    )
    session.run()
    return session


def hours(bars: Mapping[str, Sequence[Quote]], **settings: Any) -> Session:
    return ran(lay_out(bars), **settings)


def notionals(session: Session) -> list[float]:
    return [notional for _, _, notional in orders(session)]


# Held: 0.1 BTC at 50 000 and 2 500 / 3 000 ETH, 2 500 in cash: .5, .25, .25 of 10 000. Wanted .4, .3, .3. The calendar
# asks at the first close. BTC sells 500, which brings 499.5; ETH buys 250 and pays 0.25: cash 2 749.25.
@pytest.mark.parametrize(
    ("factor", "sold", "bought", "money"),
    [(0.5, 500.0, 250.0, 2_749.25), (1.0, 1_000.0, 500.0, 2_998.5), (0.25, 250.0, 125.0, 2_624.625)],
)
def test_the_worked_example_at_each_factor(factor: float, sold: float, bought: float, money: float) -> None:
    """E7."""
    session = hours(
        {"BTC": [50_000.0] * 3, "ETH": [3_000.0] * 3},
        weights=(0.4, 0.3),
        cash_weight=0.3,
        held={"BTC": 0.1, "ETH": 2_500.0 / 3_000.0},
        capital=2_500.0,
        trigger="calendar_based",
        partial=True,
        partial_rebalance_factor=factor,
    )
    assert shape(session) == [(1, "SELL", "BTC"), (1, "BUY", "ETH")]
    assert notionals(session) == pytest.approx([sold, bought])
    assert cash(session) == pytest.approx(money)
    assert reasons(session) == ["calendar", "calendar"]


def test_the_same_weights_are_not_beyond_a_threshold_of_a_tenth() -> None:
    """E7."""
    session = hours(
        {"BTC": [50_000.0] * 3, "ETH": [3_000.0] * 3},
        weights=(0.4, 0.3),
        cash_weight=0.3,
        held={"BTC": 0.1, "ETH": 2_500.0 / 3_000.0},
        capital=2_500.0,
    )
    assert shape(session) == []


def test_buys_in_the_engine_share_the_cash_fees_included() -> None:
    """E8 a: of 10 000, C is 9 700 and more than it should be, but has no bar to be sold at; 300 buy A and B."""
    session = hours(
        {"C": [97.0, *[None] * 5], "A": [10.0] * 6, "B": [5.0] * 6},
        weights=(0.91, 0.05, 0.04),
        held={"C": 100.0},
        capital=300.0,
        trigger="calendar_based",
        execution=ExecutionSettings(max_stale_bars=0),
    )
    bought = [notional for _, _, notional in orders(session)][:2]
    assert bought == pytest.approx([166.500167, 133.200133], rel=1e-6)


def test_a_sell_in_the_engine_funds_a_buy_less_both_fees() -> None:
    """E8 b: 500 of A are sold, and bring what B can be bought for."""
    session = hours(
        {"A": [10.0] * 3, "B": [5.0] * 3},
        weights=(0.45, 0.55),
        held={"A": 500.0, "B": 980.0},
        capital=1e-9,
        trigger="calendar_based",
    )
    total = 9_900.0
    assert notionals(session) == pytest.approx([5_000.0 - 0.45 * total, (5_000.0 - 0.45 * total) * 0.999 / 1.001])


def test_no_weights_are_equal_shares_of_what_cash_leaves_bought_whole() -> None:
    session = hours({"A": [10.0] * 3, "B": [5.0] * 3}, cash_weight=0.2, partial=True)
    assert notionals(session) == pytest.approx([400.0, 400.0])
    assert reasons(session) == ["start", "start"]


def test_the_first_purchase_pays_its_fees_out_of_itself_when_there_is_no_cash_leg() -> None:
    session = hours({"A": [10.0] * 3, "B": [5.0] * 3})
    assert notionals(session) == pytest.approx([500.0 / 1.001] * 2)
    assert 0.0 <= cash(session) + 1e-9 < 1e-6


# 500 each without fees; A doubles: 1 000 of 1 500, a weight of 2/3 against 1/2. It sells 250, and B buys for them.
def test_drift_above_the_threshold_is_traded_back_at_the_next_open() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, (10.0, 20.0), 20.0, 20.0], "B": [10.0] * 5}
    session = hours(bars, costs=FREE)
    assert shape(session)[2:] == [(3, "SELL", "A"), (3, "BUY", "B")]
    assert notionals(session)[2:] == pytest.approx([250.0, 250.0])
    assert reasons(session)[2:] == ["threshold", "threshold"]
    halved = hours(bars, costs=FREE, partial=True)
    assert notionals(halved)[2:] == pytest.approx([125.0, 125.0])
    assert STRATEGY.outcome(session.state) == {"n_events": 2}


def test_sells_that_bring_less_than_planned_leave_the_buys_smaller() -> None:
    # The open after the decision is half of the close: 12.5 A bring 125, which is all that B can get.
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, (10.0, 20.0), (10.0, 10.0)], "B": [10.0] * 4}
    session = hours(bars, costs=FREE)
    assert notionals(session)[2:] == pytest.approx([125.0, 125.0])
    assert cash(session) == pytest.approx(0.0, abs=1e-9)


def test_manual_buys_once_and_holds() -> None:
    assert len(shape(hours({"A": [10.0, 10.0, 90.0, 1.0] * 20, "B": [10.0] * 80}, trigger="manual"))) == 2


def test_an_account_that_holds_something_waits_for_its_trigger() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0] * 4, "B": [10.0] * 4}
    assert shape(hours(bars, held={"A": 50.0, "B": 50.0}, capital=1.0)) == []
    assert shape(hours(bars, held={"A": 80.0, "B": 20.0}, capital=1.0)) == [(1, "SELL", "A"), (1, "BUY", "B")]


def rising(n: int) -> Sequence[Quote]:
    return [10.0 * 1.01**k for k in range(n)]


def days_of(session: Session) -> list[int]:
    return sorted({bar for bar, _, _ in shape(session)})


@pytest.mark.parametrize(
    ("settings", "fills"),
    [
        # 2024-01-28 is a Sunday; bar n opens at its midnight plus n days; what bar n decides fills in bar n + 1.
        ({"frequency": "monthly"}, [1, 5, 34]),  # 1 February is bar 4, 1 March bar 33
        ({"frequency": "weekly"}, [1, 9, 16, 23, 30]),  # Mondays are bars 1, which finds all level, 8, 15, ...
        ({"frequency": "quarterly"}, [1]),
        ({"frequency": "elapsed_days", "calendar_days": 10}, [1, 11, 21, 31]),
    ],
)
def test_the_calendar_runs_in_utc(settings: Mapping[str, Any], fills: Sequence[int]) -> None:
    market = lay_out({"A": rising(36), "B": [10.0] * 36}, interval_ns=DAY_NS)
    session = ran(market, trigger="calendar_based", min_trade_value=0.0, **settings)
    assert days_of(session) == fills


def test_a_rebalance_that_a_gap_dropped_is_due_again() -> None:
    # Bar 3 decides; bar 4, in which it would fill, is missing; bar 5's close decides again.
    bars: Mapping[str, Sequence[Quote]] = {
        "A": [10.0, 10.0, 10.0, 20.0, None, 20.0, 20.0, 20.0],
        "B": [10.0, 10.0, 10.0, 10.0, None, 10.0, 10.0, 10.0],
    }
    session = ran(
        lay_out(bars, interval_ns=DAY_NS),
        trigger="calendar_based",
        calendar_days=3,
        costs=FREE,
        execution=ExecutionSettings(max_stale_bars=0),
    )
    assert shape(session)[:2] == [(1, "BUY", "A"), (1, "BUY", "B")]
    assert shape(session)[2:] == [(6, "SELL", "A"), (6, "BUY", "B")]


def test_a_calendar_that_finds_nothing_to_trade_waits_for_its_next_period() -> None:
    # Due after two days and level; A doubles a day later and is left until the fourth.
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0] * 3 + [20.0] * 4, "B": [10.0] * 7}
    session = ran(
        lay_out(bars, interval_ns=DAY_NS),
        trigger="calendar_based",
        frequency="elapsed_days",
        calendar_days=2,
        costs=FREE,
    )
    assert shape(session)[2:] == [(5, "SELL", "A"), (5, "BUY", "B")]


def zigzag(steps: Sequence[float]) -> list[Quote]:
    price, prices = 100.0, [100.0]
    for step in steps:
        price *= 1.0 + step
        prices.append(price)
    return list(prices)


def test_volatility_is_due_when_it_leaves_its_baseline_and_the_baseline_moves_with_it() -> None:
    steps = [0.01, -0.01] * 10 + [0.05, -0.05] * 10
    session = hours(
        {"A": zigzag(steps), "B": [10.0] * 41}, trigger="volatility_based", window_bars=11, min_trade_value=0.0
    )
    # The first fill stands in bar 1; the window is full, and the baseline set, at bar 10; bar 21 moves 5 %.
    # From bar 30 on the window holds steps of 5 % alone.
    assert days_of(session)[:2] == [1, 22]
    assert days_of(session)[-1] <= 31
    assert set(reasons(session)[2:]) == {"volatility"}
    calm = hours({"A": zigzag(steps[:20]), "B": [10.0] * 21}, trigger="volatility_based", window_bars=11)
    assert days_of(calm) == [1]


def test_correlation_is_due_when_it_leaves_its_baseline() -> None:
    together = [0.02, -0.01, 0.01, -0.02] * 5
    apart = [-step for step in together]
    a, b = zigzag(together + together), zigzag(together + apart)
    session = hours({"A": a, "B": b}, trigger="correlation_based", window_bars=9, min_trade_value=0.0)
    # Returns of bars 1 to 20 are one; from bar 21 on they part.
    assert days_of(session)[:2] == [1, 22]
    assert set(reasons(session)[2:]) == {"correlation"}
    assert days_of(hours({"A": a, "B": a}, trigger="correlation_based", window_bars=9)) == [1]


def test_nothing_is_due_before_the_window_is_full() -> None:
    steps = [0.001, -0.001] * 5 + [0.3, -0.2] * 10
    short = hours({"A": zigzag(steps), "B": [10.0] * 31}, trigger="volatility_based", window_bars=60)
    assert days_of(short) == [1]


def test_an_asset_without_bars_neither_trades_nor_makes_others_trade() -> None:
    # A rises by 5 %, which is worth a trade and not a rebalance: only C's listing brings one.
    bars: Mapping[str, Sequence[Quote]] = {
        "A": [10.0] * 3 + [10.5] * 7,
        "B": [10.0] * 10,
        "C": [None] * 6 + [10.0] * 4,
    }
    session = hours(bars, costs=FREE)
    assert shape(session)[:2] == [(1, "BUY", "A"), (1, "BUY", "B")]
    assert shape(session)[2:] == [(7, "SELL", "A"), (7, "BUY", "C")]
    # 350 + 333.33 + 333.33 = 1 016.67, a third of it each is 338.89; B's 5.56 are below the minimum.
    assert notionals(session)[2:] == pytest.approx([100.0 / 9.0, 3_050.0 / 9.0])


def test_a_target_of_zero_sells_all_of_it() -> None:
    session = hours({"A": [10.0] * 3, "B": [7.0] * 3}, weights=(0.0, 1.0), held={"A": 33.3}, capital=1.0)
    assert quantity(session, "A") == 0.0


def test_sells_are_whole_lots_and_no_order_is_below_the_minimum() -> None:
    grids = instruments(2)
    grids["lot_units"], grids["lot_scale"] = 3, 1.0
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, (10.0, 20.0), 20.0, 20.0], "B": [10.0] * 5}
    session = hours(bars, costs=FREE, grids=grids)
    # 48 lots of one at 10 each; A at 20 is 960 of 1 480 and sells 220, eleven, of which nine are lots of three.
    assert notionals(session) == pytest.approx([480.0, 480.0, 180.0, 210.0])
    assert not shape(hours(bars, costs=FREE, min_trade_value=600.0))


def test_a_latency_is_waited_for_by_sells_and_then_by_buys() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, (10.0, 20.0), 20.0, 20.0], "B": [10.0] * 5}
    session = hours(bars, costs=FREE, execution=ExecutionSettings(latency_ns=HOUR_NS // 4))
    times = session.engine.fills["time_ns"][: session.engine.log.n_fills] - START_NS
    assert times.tolist() == [int(HOUR_NS * hour) for hour in (1.25, 1.25, 3.25, 3.5)]


@pytest.mark.parametrize(
    ("weights", "settings", "message"),
    [
        ((0.4, 0.3), {}, r"sum to 0.7, with cash_weight = 0 to 0.7 and not to 1; use cash_weight = 0.3"),
        ((0.8, 0.4), {}, "sum to 1.2, with cash_weight = 0 to 1.2 and not to 1; lower the weights"),
        ((0.8, 0.2), {"cash_weight": 0.2}, "and not to 1"),
        ((-0.1, 1.1), {}, r"strategy.weight = -0.1: expected a number at least 0 and at most 1"),
        ((float("nan"), 1.0), {}, "strategy.weight = nan: expected a finite number"),
        ((40.0, 60.0), {}, "did you mean 0.4"),
        ((), {"cash_weight": 1.0}, "nothing is left to invest"),
        ((), {"partial_rebalance_factor": 0.0}, "partial_rebalance_factor"),
        ((), {"trigger": "treshold_based"}, "did you mean 'threshold_based'"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(
    weights: Sequence[float], settings: Mapping[str, Any], message: str
) -> None:
    by_symbol = {symbol: {"weight": weight} for symbol, weight in enumerate(weights)}
    with pytest.raises(ConfigError, match=message) as caught:
        STRATEGY.params(settings, 2, by_symbol)
    assert "\n" not in str(caught.value)


@given(
    seed=st.integers(0, 10_000),
    fee_rate=st.sampled_from([0.0, 0.001, 0.01]),
    slippage_bps=st.sampled_from([0.0, 50.0]),
    trigger=st.sampled_from(["threshold_based", "calendar_based", "volatility_based", "correlation_based"]),
    partial=st.booleans(),
)
def test_cash_never_goes_below_zero_and_sells_of_an_instant_come_before_its_buys(
    seed: int, fee_rate: float, slippage_bps: float, trigger: str, partial: bool
) -> None:
    costs = Costs(maker_fee_rate=fee_rate, taker_fee_rate=fee_rate, slippage_bps=slippage_bps)
    session = ran(
        random_market(seed, n_symbols=3, n_frames=80),
        costs=costs,
        trigger=trigger,
        partial=partial,
        calendar_days=1,
        window_bars=10,
    )
    money = session.setup.initial_capital
    last = (0, 0)
    for fill in session.engine.fills[: session.engine.log.n_fills]:
        money -= fill["side"] * fill["qty"] * fill["price"] + fill["fee"]
        assert money >= -1e-9
        assert (fill["cycle"], fill["side"]) >= last
        last = (fill["cycle"], fill["side"])


def first_rebalance(seed: int, partial: bool) -> tuple[Session, Any]:
    """Return a free run and the frame at whose close its second rebalance was decided, if there was one."""
    session = ran(random_market(seed, n_symbols=3, n_frames=80), costs=FREE, partial=partial, min_trade_value=1.0)
    fills = session.engine.fills[: session.engine.log.n_fills]
    second = fills[fills["cycle"] == 2]
    return session, (int(second["time_ns"][0]), fills[fills["cycle"] == 1], second) if len(second) else None


@given(seed=st.integers(0, 10_000), partial=st.booleans())
def test_what_the_engine_trades_is_what_the_rebalancer_plans(seed: int, partial: bool) -> None:
    session, event = first_rebalance(seed, partial)
    if event is None:
        return
    filled_ns, before, second = event
    closes = session.frames[(session.frames["ts_ns"] + HOUR_NS) <= filled_ns]["close"][:, :3]
    prices = {}
    for symbol in range(3):
        known = closes[~np.isnan(closes[:, symbol]), symbol]
        prices[symbol] = float(known[-1]) if len(known) else 0.0
    held = {s: float(np.sum((before["qty"] * before["side"])[before["symbol"] == s])) for s in range(3)}
    money = 1_000.0 - float(np.sum(before["qty"] * before["side"] * before["price"]))
    total = money + sum(held[s] * prices[s] for s in range(3))
    planner = PortfolioRebalancer(transaction_costs=0.0, min_trade_value=1.0)
    planner.set_target_weights({f"S{s}": 1.0 / 3.0 for s in range(3)})
    weights = {f"S{s}": held[s] * prices[s] / total for s in range(3)}
    planned = drive(
        planner.execute_rebalance(weights, total, {f"S{s}": prices[s] for s in range(3)}, partial=partial, cash=money)
    )
    sells = {trade.symbol: trade.quantity for trade in planned.trades_required if trade.side == "sell"}
    done = {f"S{fill['symbol']}": float(fill["qty"]) for fill in second if fill["side"] < 0}
    # A symbol whose next bar is missing drops its order.
    assert {name: done[name] for name in done} == pytest.approx({name: sells[name] for name in done}, rel=1e-9)


def drive(call: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as done:
        call.send(None)
    return done.value.value


def test_the_words_are_those_of_the_rebalancer() -> None:
    assert [trigger.name for trigger in target_weights.Trigger] == [trigger.name for trigger in RebalanceTrigger]
    planner, settings = PortfolioRebalancer(), STRATEGY.parameters
    for key in (
        "partial_rebalance_factor",
        "drift_threshold",
        "calendar_days",
        "volatility_change",
        "correlation_change",
    ):
        assert settings[key].default == getattr(planner, key)
    assert settings["min_trade_value"].default == planner.min_trade_value
    assert settings["window_bars"].default == inspect.signature(BarRiskCalculator).parameters["window_bars"].default


RECORDED = "binance_spot_1h_2018-01_2025-08.parquet"
CONFIGURATION = """
[data]
path = "{path}"
symbols = ["BTCUSDT", "ETHUSDT"]
start = 2021-01-01

[strategy]
name = "target_weights"
cash_weight = 0.3

[strategy.symbols.BTCUSDT]
weight = 0.4

[strategy.symbols.ETHUSDT]
weight = 0.3
"""
ROW = re.compile(r"\| `(\w+)`(.*) \| (\d+) % \| (-\d+\.\d) % \| (\d\.\d\d) \| (\d+) \| (\d+) \|")
EARNED = ROW.findall((ROOT / "docs" / "rebalancer.md").read_text(encoding="utf-8"))


def test_the_page_tells_of_every_trigger() -> None:
    assert {row[0].upper() for row in EARNED} == {trigger.name for trigger in target_weights.Trigger}


@pytest.mark.parametrize("row", EARNED, ids=[row[0] + (" partial" if "partial" in row[1] else "") for row in EARNED])
def test_it_earned_what_the_page_says(row: Sequence[str], recorded_data: Path, tmp_path: Path) -> None:
    trigger, remark, *figures = row
    file = tmp_path / "run.toml"
    file.write_text(CONFIGURATION.format(path=recorded_data / RECORDED))
    settings = {"strategy.trigger": trigger, "strategy.partial": "partial" in remark}
    metrics = ballast.backtest_file(file, set=settings).metrics
    found = [
        f"{100.0 * metrics.total_return:.0f}",
        f"{100.0 * metrics.max_drawdown:.1f}",
        f"{metrics.sharpe:.2f}",
        f"{metrics.n_events}",
        f"{metrics.fees:.0f}",
    ]
    assert found == figures
