"""The flag ``allow_partial_rebalance`` at work: regime, path, handler, rebalance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast import backtest_file
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs
from ballast.model.errors import ConfigError
from ballast.strategies.tight_range import Regime, Subtype
from ballast.strategies.tight_range.settings import Phase, Role
from tests.conformance.markets import random_market
from tests.unit.strategies.tight_range.ranges import (
    ASSUMED,
    FALL,
    FREE,
    STRATEGY,
    each_close,
    fills,
    noted,
    resting,
    setup_on,
    traded,
    walk,
)

approx: Any = pytest.approx

TAKER = Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=0.0)
ZIGZAG = [100.0 + 0.1 * (bar % 2) for bar in range(60)]
TREND = [100.0 + bar for bar in range(60)]
MORE_ZIGZAG = [*ZIGZAG, *ZIGZAG[:4]]


def weighted(bars: Any, weights: dict[int, float], *, held: dict[str, float] | None = None, **values: Any) -> Session:
    """Return a finished run with target weights by symbol index; the rest of the total is cash."""
    setup = setup_on(bars, held=held, costs=values.pop("costs", TAKER), capital=values.pop("capital", 10_000.0))
    by_symbol = {symbol: {"weight": weight} for symbol, weight in weights.items()}
    values.setdefault("cash_weight", 1.0 - sum(weights.values()))
    session = Session(replace_params(setup, values, by_symbol))
    session.run()
    return session


def replace_params(setup: Any, values: dict[str, Any], by_symbol: dict[int, dict[str, float]]) -> Any:
    return replace(setup, params=STRATEGY.params(values, setup.n_symbols, by_symbol))


# Held: 0.1 BTC at 50 000, 2 500 / 3 000 ETH, 2 500 in cash, so .5, .25, .25 of 10 000; wanted
# .4, .3, .3. The drift is exactly a tenth, so a threshold below it makes the rebalance due.
@pytest.mark.parametrize(
    ("factor", "sold", "bought", "cash"),
    [(0.5, 500.0, 250.0, 2_749.25), (1.0, 1_000.0, 500.0, 2_998.5), (0.25, 250.0, 125.0, 2_624.625)],
)
def test_a_tight_range_closes_its_part_of_each_gap(factor: float, sold: float, bought: float, cash: float) -> None:
    """E7."""
    session = weighted(
        {"BTC": [50_000.0] * 52, "ETH": [3_000.0] * 52},
        {0: 0.4, 1: 0.3},
        held={"BTC": 0.1, "ETH": 2_500.0 / 3_000.0},
        capital=2_500.0,
        drift_threshold=0.08,
        partial_rebalance_factor=factor,
        max_position_pct=0.5,
        **ASSUMED,
    )
    first, second = fills(session)[:2]
    assert first == (50, "partial_rebalance", approx(-sold / 50_000.0, rel=1e-6), 50_000.0)
    assert second == (50, "partial_rebalance", approx(bought / 3_000.0, rel=1e-6), 3_000.0)
    assert len(fills(session)) == 2
    assert session.engine.strategy_view.cash == approx(cash, rel=1e-6)


def test_a_drift_of_exactly_the_threshold_is_not_due() -> None:
    """E7."""
    session = weighted(
        {"BTC": [50_000.0] * 52, "ETH": [3_000.0] * 52},
        {0: 0.4, 1: 0.3},
        held={"BTC": 0.1, "ETH": 2_500.0 / 3_000.0},
        capital=2_500.0,
        max_position_pct=0.5,
        **ASSUMED,
    )
    assert fills(session) == []


def test_regime_path_and_handler_lead_to_a_rebalance_that_says_why() -> None:
    # Two symbols in a range that the classifier finds tight: A is half of all, B nothing; wanted .3 each.
    session = weighted({"A": ZIGZAG, "B": ZIGZAG}, {0: 0.3, 1: 0.3}, held={"A": 50.0}, capital=5_000.0)
    bars = {bar for bar, reason, _, _ in fills(session) if reason == "partial_rebalance"}
    # At the 50th close: .2 and .3 away. The next open sells a tenth of the total and buys 15 %.
    assert min(bars) == 50
    sale, purchase = fills(session)[:2]
    assert sale[:2] == purchase[:2] == (50, "partial_rebalance")
    assert -sale[2] * sale[3] == approx(1_000.0, rel=2e-3)
    assert purchase[2] * purchase[3] == approx(1_500.0, rel=2e-3)
    names = [reason for reason, _, _ in noted(session)]
    opinions = ["l1_said", "l2_said", "l1_l2_said", "l3_said"]
    numbers = ["window_was", "scores_were", "range_was", "path_said", "indicators_were"]
    assert names[:20] == [*opinions, *numbers, "drift_was"] * 2
    said = noted(session)[:10]
    assert said[3][2] == 10 * Regime.RANGE + Subtype.TIGHT_RANGE
    assert said[7][2] == 10  # the handler holds in a balanced range
    assert said[9][1] == approx(0.2, abs=1e-3)
    assert noted(session)[19][1] == approx(-0.3, abs=1e-9)
    assert STRATEGY.outcome(session.state)["partial_rebalances"] == int(session.state.n_rebalances) > 0


def test_without_weights_and_without_the_flag_nothing_is_rebalanced() -> None:
    for values in ({"allow_partial_rebalance": False}, {"drift_threshold": 0.31}):
        session = weighted({"A": ZIGZAG, "B": ZIGZAG}, {0: 0.3, 1: 0.3}, held={"A": 50.0}, capital=5_000.0, **values)
        assert fills(session) == []
    assert fills(traded({"A": ZIGZAG, "B": ZIGZAG}, held={"A": 50.0}, capital=5_000.0)) == []


def test_a_symbol_whose_range_is_not_tight_is_left_alone() -> None:
    rising = {"A": ZIGZAG, "B": TREND}
    session = weighted(rising, {0: 0.3, 1: 0.3}, held={"A": 50.0}, capital=5_000.0, max_position_pct=0.31)
    moved = [(reason, qty) for _, reason, qty, _ in fills(session) if reason == "partial_rebalance"]
    assert moved
    assert all(qty < 0.0 for _, qty in moved)


def test_a_trade_under_way_is_not_rebalanced_away() -> None:
    # The worked fall makes the handler buy S; its stop and target stay although S is far below its weight.
    bars = {"S": [*walk(FALL), 985.0, 985.0, 985.0]}
    session = weighted(bars, {0: 0.4}, costs=FREE, min_data_points=60, regime="assume_tight_range")
    assert [reason for _, reason, _, _ in fills(session)] == ["range_entry"]
    assert session.state.markets[0].trade.phase == Phase.OPEN
    assert len(resting(session)) == 2


def test_no_verdict_enters_while_a_rebalance_waits_for_its_fills() -> None:
    # Orders take three bars: what the handler asks for at the closes between is not done.
    setup = setup_on(
        {"A": [*ZIGZAG[:50], *walk(FALL, start=100.0, n_flat=0)]},
        held={"A": 80.0},
        capital=2_000.0,
        costs=FREE,
        latency_bars=3,
    )
    values = {**ASSUMED, "cash_weight": 0.7, "max_position_pct": 0.9}
    session = Session(replace_params(setup, values, {0: {"weight": 0.3}}))
    for _ in each_close(session):
        if session.state.rebalance_orders > 0:
            assert session.state.markets[0].trade.phase == Phase.FLAT
    assert fills(session)[0][1] == "partial_rebalance"


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), latency=st.integers(0, 2), factor=st.sampled_from([0.3, 1.0]))
def test_on_any_market_cash_stays_positive_and_every_rebalance_ends(seed: int, latency: int, factor: float) -> None:
    market = random_market(seed, 3, 150, volatility=0.01)
    setup = setup_on(market, latency_bars=latency, costs=TAKER)
    values = {**ASSUMED, "cash_weight": 0.4, "partial_rebalance_factor": factor, "drift_threshold": 0.02}
    session = Session(replace_params(setup, values, {symbol: {"weight": 0.2} for symbol in range(3)}))
    for _ in each_close(session):
        view = session.engine.strategy_view
        assert view.cash >= -1e-6
        waiting = [role for _, role, _, _ in resting(session) if role == Role.REBALANCE]
        assert session.state.rebalance_orders == len(waiting)
        if session.state.rebalance_orders == 0:
            assert session.state.rebalance.pending_sells == 0
    last = [int(fill["time_ns"]) for fill in session.engine.fills[: session.engine.log.n_fills]]
    assert np.all(np.diff(last) >= 0)


@pytest.mark.parametrize(
    ("weights", "values", "message"),
    [
        ({0: 0.3, 1: 0.3}, {"cash_weight": 0.3}, "sum to 0.6, with cash_weight = 0.3 to 0.9 and not to 1; use"),
        ({}, {"cash_weight": 0.5}, "strategy.cash_weight = 0.5: nothing is rebalanced without target weights; set"),
        ({}, {"cash_weight": 1.0}, "strategy.cash_weight = 1: nothing is rebalanced without target weights; set"),
        ({0: 0.5, 1: 0.1}, {"cash_weight": 0.4}, "strategy.weight = 0.5: must not be above max_position_pct = 0.4"),
        ({0: -0.1}, {}, "weight = -0.1: expected a number at least 0"),
        ({0: float("nan")}, {}, "weight = nan: expected a finite number"),
        ({}, {"partial_rebalance_factor": 0.0}, "partial_rebalance_factor = 0.0: expected a number above 0"),
    ],
)
def test_weights_that_cannot_be_are_refused_in_one_line(
    weights: dict[int, float], values: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        STRATEGY.params(values, 2, {symbol: {"weight": weight} for symbol, weight in weights.items()})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


CONFIGURATION = """
[data]
path = "{path}"
symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
[account]
fee_rate = 0.001
[strategy]
name = "tight_range"
cash_weight = 0.4
drift_threshold = 0.05
[strategy.symbols.BTCUSDT]
weight = 0.3
[strategy.symbols.ETHUSDT]
weight = 0.2
[strategy.symbols.XRPUSDT]
weight = 0.1
"""


def test_recorded_minutes_lead_from_regime_to_rebalance(recorded_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "tight_range.toml"
    path = recorded_data / "binance_perp_1m_2025-05_2025-06.parquet"
    file.write_text(CONFIGURATION.format(path=path), encoding="utf-8")
    result = backtest_file(file)
    fills = result.fills
    names = np.array(result.reasons)[fills["reason"]]
    moved = fills[names == "partial_rebalance"]
    # In every symbol, beside what the handler traded in the same ranges.
    assert result.counts["partial_rebalances"] > 0
    assert set(moved["symbol"]) == {0, 1, 2}
    assert "range_entry" in names
    # One cycle is one rebalance, in which the sells of an instant come before its buys.
    assert len(set(moved["cycle"])) == result.counts["partial_rebalances"]
    for cycle in set(moved["cycle"]):
        assert np.all(np.diff(moved["side"][moved["cycle"] == cycle]) >= 0)
