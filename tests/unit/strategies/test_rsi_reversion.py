"""The RSI rule beside a plain Python account of it: same fills and equity to 1e-12."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.errors import ConfigError
from ballast.strategies.registry import load
from tests.conformance.markets import Market, lay_out

STRATEGY = load("rsi_reversion")


def account_of(
    opens: Any, closes: Any, *, period: int, low: float, high: float, fee_rate: float, slippage: float, capital: float
) -> tuple[list[tuple[int, float, float]], list[float]]:
    """Return the fills as (bar, signed quantity, price) and the equity at every close."""
    cash, qty, wish = capital, 0.0, 0
    gains, losses, fills, equity = 0.0, 0.0, [], []
    for bar, close in enumerate(closes):
        if wish > 0:
            price = opens[bar] * (1.0 + slippage)
            qty = cash / (price * (1.0 + fee_rate))
            cash -= qty * price * (1.0 + fee_rate)
            fills.append((bar, qty, price))
        elif wish < 0:
            price = opens[bar] * (1.0 - slippage)
            fills.append((bar, -qty, price))
            cash, qty = cash + qty * price * (1.0 - fee_rate), 0.0
        wish = 0
        equity.append(cash + qty * close)
        change = close - closes[bar - 1] if bar else 0.0
        if bar <= period:
            gains, losses = gains + max(change, 0.0) / period, losses + max(-change, 0.0) / period
        else:
            gains = (gains * (period - 1) + max(change, 0.0)) / period
            losses = (losses * (period - 1) + max(-change, 0.0)) / period
        if bar >= period:
            rsi = 100.0 * gains / (gains + losses)
            wish = 1 if qty == 0.0 and rsi < low else -1 if qty > 0.0 and rsi > high else 0
    return fills, equity


def prices(seed: int, n_bars: int = 1_500) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.01, n_bars)))
    opens = np.append(closes[0], closes[:-1]) * np.exp(draw.normal(0.0, 0.002, n_bars))
    return opens, closes


def market_of(opens: Any, closes: Any) -> Market:
    return lay_out({"S": list(zip(opens.tolist(), closes.tolist(), strict=True))})


def traded(market: Market, *, fee_rate: float = 0.001, slippage_bps: float = 0.0, **values: Any) -> Session:
    setup = Setup(
        frames=market,
        strategy=STRATEGY,
        params=STRATEGY.params(values, 1),
        costs=Costs(maker_fee_rate=fee_rate, taker_fee_rate=fee_rate, slippage_bps=slippage_bps),
    )
    session = Session(setup)
    session.run()
    return session


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("period", "low", "high"), [(14, 40.0, 60.0), (2, 10.0, 90.0), (50, 49.0, 51.0)])
@pytest.mark.parametrize(("fee_rate", "slippage_bps"), [(0.001, 0.0), (0.002, 25.0)])
def test_fills_and_equity_are_those_of_the_plain_account(
    seed: int, period: int, low: float, high: float, fee_rate: float, slippage_bps: float
) -> None:
    opens, closes = prices(seed)
    session = traded(
        market_of(opens, closes), fee_rate=fee_rate, slippage_bps=slippage_bps, period=period, low=low, high=high
    )
    fills, equity = account_of(
        opens,
        closes,
        period=period,
        low=low,
        high=high,
        fee_rate=fee_rate,
        slippage=slippage_bps / 1e4,
        capital=10_000.0,
    )
    log = session.engine.fills[: session.engine.log.n_fills]
    bars = (log["time_ns"] - session.frames["ts_ns"][0]) // session.setup.frames.interval_ns
    assert bars.tolist() == [bar for bar, _, _ in fills]
    assert (log["side"] * log["qty"]).tolist() == pytest.approx([qty for _, qty, _ in fills], rel=1e-12)
    assert log["price"].tolist() == pytest.approx([price for _, _, price in fills], rel=1e-12)
    assert session.engine.equity.tolist() == pytest.approx(equity, rel=1e-12)
    assert len(fills) > 3


def test_nothing_is_decided_before_the_index_is_warm() -> None:
    falling = 100.0 * 0.99 ** np.arange(40.0)
    session = traded(market_of(falling, falling), period=14)
    log = session.engine.fills[: session.engine.log.n_fills]
    assert (log["time_ns"] - session.frames["ts_ns"][0]).tolist() == [15 * session.setup.frames.interval_ns]
    assert session.state.n_entries == 1


def test_an_index_at_its_threshold_does_not_trade() -> None:
    steps = [0.0] + [1.0] * 4 + [-1.0] * 6 + [1.0, -1.0] * 8
    path = 100.0 + np.cumsum(steps)
    session = traded(market_of(path, path), period=10, low=40.0, high=60.0)
    first = session.engine.fills["time_ns"][0] if session.engine.log.n_fills else None
    # Four gains and six losses of one are 40 exactly at bar 10: no order fills at bar 11.
    assert first != session.frames["ts_ns"][11]


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"strategy\.low = 60\.0: must be below strategy\.high = 60\.0"):
        STRATEGY.params({"low": 60.0, "high": 60.0}, 1)
