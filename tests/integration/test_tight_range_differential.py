"""The tight-range strategy decides and fills as an independent implementation of its rules does, close by close."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs
from ballast.data.frames import load_frames
from ballast.strategies.tight_range.regimes import Regime, Subtype
from tests.conformance.markets import MINUTE_NS, WIDTH, Market, random_market
from tests.reference.tight_range_layers import Bar, Config, Decision
from tests.reference.tight_range_trades import trade
from tests.unit.strategies.tight_range.ranges import setup_on

CONFIGS = {
    "path2": Config(),
    "path1": Config(path="path1"),
    "path1, L3-aware": Config(path="path1", path1_policy="l3_aware"),
    "path3": Config(path="path3"),
    "band": Config(target_mode="band", cost_multiple=0.0, regime_exit=False, time_stop_bars=5),
    "band to the mean": Config(
        target_mode="band", band_target="mean", fee_rate=0.0001, slippage=0.0, max_contra_allocation=0.03
    ),
}
KINDS = {
    Subtype.NONE: "",
    Subtype.TIGHT_RANGE: "tight",
    Subtype.OVERSOLD_SETUP: "oversold",
    Subtype.OVERBOUGHT_SETUP: "overbought",
    Subtype.NORMAL_RANGE: "normal",
    Subtype.WIDE_RANGE: "wide",
}
BAR = ("open", "high", "low", "close", "volume")


def bars_of(market: Market, symbol: int) -> list[Bar | None]:
    columns = [market.records[name][:, symbol].tolist() for name in BAR]
    return [None if isnan(bar[3]) else bar for bar in zip(*columns, strict=True)]


def said(market: Any) -> tuple[Any, ...]:
    """Return what Ballast's decision about a symbol comes to, as the reference puts it."""
    evidence, verdict = market.decision.evidence, market.decision.verdict
    return (
        Regime(int(evidence.regime)).name.lower(),
        KINDS[Subtype(int(evidence.subtype))],
        int(evidence.direction),
        int(verdict.action),
        float(evidence.confidence),
        float(verdict.confidence),
        float(verdict.size_multiplier) if verdict.action else 0.0,
    )


def expected(decision: Decision) -> tuple[Any, ...]:
    regime = decision.regime
    size = decision.size if decision.side else 0.0
    return (regime.name, regime.kind, regime.direction, decision.side, regime.confidence, decision.confidence, size)


def assert_agreement(market: Market, config: Config) -> tuple[int, set[str]]:
    """Assert that both decide and fill alike; return the number of fills, and the kinds of ranges that were met."""
    n_symbols, times_ns = len(market.symbols), market.records["ts_ns"].tolist()
    decided, book = trade(times_ns, [bars_of(market, each) for each in range(n_symbols)], market.interval_ns, config)
    values = {
        name: getattr(config, name)
        for name in ("path", "path1_policy", "target_mode", "band_target", "max_contra_allocation", "time_stop_bars")
    }
    values |= {"regime_exit": config.regime_exit, "cost_multiple": config.cost_multiple}
    costs = Costs(
        maker_fee_rate=config.fee_rate, taker_fee_rate=config.fee_rate, slippage_bps=10_000.0 * config.slippage
    )
    session = Session(setup_on(market, costs=costs, **values))
    for frame in range(len(times_ns)):
        session.run(frame + 1)
        for symbol in range(n_symbols):
            decision = decided[symbol][frame]
            if decision is not None:
                ours, theirs = said(session.state.markets[symbol]), expected(decision)
                assert ours[:4] == theirs[:4], (frame, symbol)
                assert ours[4:] == pytest.approx(theirs[4:], rel=1e-9, abs=1e-12), (frame, symbol)
    fills = session.engine.fills[: session.engine.log.n_fills]
    frames = np.searchsorted(times_ns, fills["time_ns"], "right") - 1
    for symbol in range(n_symbols):
        own = fills["symbol"] == symbol
        facts = list(zip(frames[own].tolist(), fills["side"][own].tolist(), strict=True))
        theirs_ = [fill for fill in book.fills if fill.symbol == symbol]
        assert facts == [(fill.bar, fill.side) for fill in theirs_]
        assert fills["qty"][own].tolist() == pytest.approx([fill.qty for fill in theirs_], rel=1e-7)
        assert fills["price"][own].tolist() == pytest.approx([fill.price for fill in theirs_], rel=1e-9)
    assert float(session.engine.strategy_view.equity) == pytest.approx(book.equity, rel=1e-9)
    return len(fills), {each.regime.kind for column in decided for each in column if each is not None}


@pytest.mark.parametrize("name", CONFIGS)
def test_random_markets_are_traded_alike(name: str) -> None:
    n_fills = 0
    kinds: set[str] = set()
    for seed, interval_ns, volatility in ((1, None, 0.04), (2, 5 * MINUTE_NS, 0.001), (3, None, 0.004)):
        settings = {} if interval_ns is None else {"interval_ns": interval_ns}
        found, met = assert_agreement(random_market(seed, 3, 400, volatility=volatility, **settings), CONFIGS[name])
        n_fills, kinds = n_fills + found, kinds | met
    assert n_fills > 30
    assert kinds >= {"tight", "normal", "wide", ""}


def test_a_market_without_volume_has_no_surges() -> None:
    market = random_market(2, 3, 400, interval_ns=5 * MINUTE_NS, volatility=0.001)
    market.records["volume"] *= 0.0
    assert_agreement(market, CONFIGS["path3"])


MINUTES = ("binance_perp_1m_2025-05_2025-06.parquet", "2025-05-10", "2025-05-12")
CRASH = ("binance_spot_1h_2018-01_2025-08.parquet", "2020-02-15", "2020-04-15")
HOLE = ("binance_spot_1h_2018-01_2025-08.parquet", "2021-02-01", "2021-04-01")


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("recording", [MINUTES, CRASH, HOLE], ids=["minutes", "crash", "hole"])
def test_recorded_markets_are_traded_alike(recorded_data: Path, name: str, recording: tuple[str, str, str]) -> None:
    file, *days = recording
    start_ms, end_ms = (int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) for day in days)
    symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    frames = load_frames(recorded_data / file, symbols, start_ms=start_ms, end_ms=end_ms, width=WIDTH)
    n_fills, _ = assert_agreement(Market(frames.records, symbols, frames.interval_ns), CONFIGS[name])
    assert n_fills > 30
