"""Our own fold of a margin account is the venue's, to the bit, and its money adds up."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ballast
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.kernel.margin_account import figures_at, refresh_reserves
from ballast.kernel.marks import NOW
from ballast.kernel.orders import closes_leg
from ballast.model.enums import (
    AccountKind,
    Cause,
    EventKind,
    MarginModel,
    OrderType,
    PositionMode,
    PositionSide,
    QtyUnit,
    Side,
)
from ballast.model.errors import ConfigError
from ballast.model.instrument import Tier
from ballast.model.intents import cancel, place_market, timer
from ballast.model.market import Frame, FundingStamp, MarkBar
from ballast.strategies.registry import load
from tests.conformance.markets import START_NS, Market
from tests.conformance.runs import FILES

ROOT = Path(__file__).parents[3]
MINUTE_NS = 60_000_000_000
WIDTH = 2
FIGURES = ("equity", "gross", "initial_margin", "maintenance_margin", "available", "im_rate", "mm_rate")


def two_symbols(seed: int, n_frames: int, *, has_marks: bool, volatility: float) -> tuple[Market, Any, Any]:
    """Return random bars of two symbols with gaps, their marks (or None) and funding every twenty minutes."""
    dice = np.random.default_rng(seed)
    frames = Frame.array(n_frames, symbols=WIDTH)  # type: ignore[attr-defined]
    marks = MarkBar.array(n_frames, symbols=WIDTH)  # type: ignore[attr-defined]
    frames["ts_ns"] = START_NS + np.arange(n_frames) * MINUTE_NS
    for symbol, start in enumerate((100.0, 10.0)):
        path = start * np.exp(np.cumsum(dice.normal(0.0, volatility, (n_frames, 4)).ravel())).reshape(n_frames, 4)
        wobble = np.exp(dice.normal(0.0, volatility / 4.0, (n_frames, 4)))
        for target, prices in ((frames, path), (marks, path * wobble)):
            for name, values in _ohlc(prices).items():
                target[name][:, symbol] = values
        missing = dice.random(n_frames) < 0.05
        missing[0] = False
        unmarked = dice.random(n_frames) < 0.1
        for name in ("open", "high", "low", "close"):
            frames[name][missing, symbol] = np.nan
            marks[name][unmarked, symbol] = np.nan
    frames["volume"] = 1e9
    funding = FundingStamp.array(2 * (n_frames // 20))  # type: ignore[attr-defined]
    funding["ts_ns"] = START_NS + np.repeat(np.arange(1, n_frames // 20 + 1), 2) * 20 * MINUTE_NS
    funding["symbol"] = np.tile([0, 1], n_frames // 20)
    funding["rate"] = dice.normal(0.0, 0.001, len(funding))
    return Market(frames, ("A", "B"), MINUTE_NS), marks if has_marks else None, funding


def _ohlc(prices: Any) -> dict[str, Any]:
    return {"open": prices[:, 0], "high": prices.max(1), "low": prices.min(1), "close": prices[:, 3]}


def tiers() -> Any:
    """Return three tiers for each of two symbols, small enough for positions here to climb them."""
    rows = [(2_000.0, 0.01, 0.0, 50.0), (6_000.0, 0.02, 20.0, 25.0), (1e18, 0.05, 200.0, 10.0)]
    table = Tier.array(6)  # type: ignore[attr-defined]
    for k, row in enumerate(rows + rows):
        table[k].symbol = k // 3
        table[k].upper_value, table[k].maintenance_margin_rate, table[k].deduction, table[k].max_leverage = row
    return table


def margin_setup(decide: Any, seed: int, *, has_marks: bool = True, n_frames: int = 60, **settings: Any) -> Setup:
    volatility = settings.pop("volatility", 0.003)
    market, marks, funding = two_symbols(seed, n_frames, has_marks=has_marks, volatility=volatility)
    strategy = replace(load(str(FILES / "plain_python.py")), decide=decide)
    chosen = {
        "account_kind": AccountKind.UNIFIED_MARGIN,
        "position_mode": PositionMode.HEDGE,
        "leverage": (10.0, 20.0),
        "tiers": tiers(),
        "marks": marks,
        "funding": funding,
        "initial_capital": 1_000.0,
        "costs": Costs(maker_fee_rate=0.0002, taker_fee_rate=0.00055, slippage_bps=2.0),
        **settings,
    }
    return Setup(frames=market, strategy=strategy, params=strategy.params({}, 2), **chosen)


class RandomTrader:
    """Opens, closes, rests limits, waits with stops and cancels, by dice; ``inspect`` sees every call."""

    def __init__(self, seed: int, mode: PositionMode, inspect: Callable[[Any], None]) -> None:
        self.dice = np.random.default_rng(seed)
        self.mode = mode
        self.inspect = inspect

    def __call__(self, row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        self.inspect(view)
        dice = self.dice
        if dice.random() > (0.6 if view.cause == Cause.BAR else 0.1):
            return 0
        symbol = int(dice.integers(2))
        price = float(view.price[symbol])
        if dice.random() < 0.1:
            return cancel(intents, 0, symbol, -1, -1, 1)
        side = Side.BUY if dice.random() < 0.5 else Side.SELL
        qty = float(dice.exponential(300.0 if dice.random() < 0.9 else 3_000.0)) / price
        place_market(intents, 0, symbol, side, qty, QtyUnit.BASE, 1)
        intent = intents[0]
        if self.mode == PositionMode.HEDGE:
            intent.position_side = PositionSide.LONG if dice.random() < 0.5 else PositionSide.SHORT
        intent.type = int(dice.choice([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT]))
        if intent.type != OrderType.MARKET:
            towards = 1.0 if (side == Side.SELL) == (intent.type == OrderType.LIMIT) else -1.0
            intent.trigger_price = price * (1.0 + towards * 0.01 * dice.random())
            intent.price = intent.trigger_price
        intent.reduce_only = dice.random() < 0.2
        return 1


@settings(max_examples=25)
@given(
    seed=st.integers(min_value=0, max_value=2**31),
    mode=st.sampled_from(PositionMode),
    model=st.sampled_from(MarginModel),
    has_marks=st.booleans(),
    volatility=st.sampled_from([0.001, 0.004, 0.02]),
    latency_ns=st.sampled_from([0, 7_000_000_000]),
    participation=st.sampled_from([0.0, 1e-9]),
)
def test_the_view_is_the_venue_to_the_bit(
    seed: int,
    mode: PositionMode,
    model: MarginModel,
    has_marks: bool,
    volatility: float,
    latency_ns: int,
    participation: float,
) -> None:
    sessions: list[Session] = []
    n_compared = 0

    def inspect(view: Any) -> None:
        nonlocal n_compared
        venue = sessions[0].venue
        if venue.clock.events_read < venue.clock.events_written:
            return
        n_compared += 1
        account = venue.accounts[0]
        refresh_reserves(venue)
        figures = figures_at(venue, 0, NOW)
        assert [getattr(view, name) for name in FIGURES] == [getattr(figures, name) for name in FIGURES]
        assert (view.cash, view.funding_paid) == (account.cash, account.funding_paid)
        assert view.liquidated == account.is_liquidated
        np.testing.assert_array_equal(view.position_qty[:4], venue.positions["qty"][:4])
        np.testing.assert_array_equal(view.entry_price[:4], venue.positions["entry_price"][:4])

    trader = RandomTrader(seed, mode, inspect)
    execution = ExecutionSettings(latency_ns=latency_ns, volume_participation=participation)
    setup = margin_setup(
        trader, seed, has_marks=has_marks, volatility=volatility,
        position_mode=mode, margin_model=model, execution=execution,
    )  # fmt: skip
    sessions.append(Session(setup))
    sessions[0].run()
    venue, account = sessions[0].venue, sessions[0].venue.accounts[0]
    assert n_compared >= 60
    # Nothing comes from nowhere: the wallet is what was put in, earned, paid, and given by the insurance fund.
    dust = 1e-9 * 1_000.0
    wallet = 1_000.0 + account.realised_pnl - account.fees - account.funding_paid
    assert account.cash == pytest.approx(max(wallet, 0.0) if account.is_liquidated else wallet, abs=dust)
    if account.is_liquidated:
        assert account.cash >= 0.0
    if mode == PositionMode.HEDGE:
        assert (venue.positions["qty"][0::2] >= 0.0).all()
        assert (venue.positions["qty"][1::2] <= 0.0).all()


@pytest.mark.parametrize("seed", range(8))
def test_frames_that_are_passed_over_would_have_changed_nothing(seed: int) -> None:
    def play(*, walks: bool) -> Session:
        trader = RandomTrader(seed, PositionMode.HEDGE, lambda view: None)

        def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
            n = trader(row, view, state, params, intents)
            # While a timer waits every path is walked.
            is_first = walks and view.cause == Cause.BAR and view.frame == 0
            return timer(intents, n, START_NS + 10**6 * MINUTE_NS, 1, 1) if is_first else n

        session = Session(margin_setup(decide, seed, n_frames=200))
        session.run()
        return session

    quick, slow = play(walks=False), play(walks=True)
    n_fills = quick.engine.log.n_fills
    assert n_fills == slow.engine.log.n_fills
    assert n_fills > 0
    assert quick.engine.fills[:n_fills].tolist() == slow.engine.fills[:n_fills].tolist()
    np.testing.assert_array_equal(quick.engine.equity, slow.engine.equity)
    assert quick.venue.accounts.tolist() == slow.venue.accounts.tolist()


def snapshots() -> list[str]:
    """Return hashes of all that a few random runs leave behind."""
    found = []
    for seed, mode in enumerate([*PositionMode, *PositionMode]):
        model = MarginModel.BYBIT_UNIFIED if seed < 2 else MarginModel.TEXTBOOK
        trader = RandomTrader(seed, mode, lambda view: None)
        volatility = 0.02 if seed % 2 else 0.003
        session = Session(margin_setup(trader, seed, volatility=volatility, position_mode=mode, margin_model=model))
        session.run()
        found.append(hashlib.sha256(session.snapshot()).hexdigest())
    return found


def test_the_interpreter_gives_the_same_bytes() -> None:
    code = """
import json, numpy as np
from tests.unit.engine.test_margin_fold import snapshots
with np.errstate(all="ignore"):
    print(json.dumps(snapshots()))
"""
    paths = [str(Path(ballast.__file__).parents[1]), str(ROOT)]
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == snapshots()


@pytest.mark.parametrize("has_marks", [False, True])
def test_a_run_cut_anywhere_is_the_same_run(has_marks: bool) -> None:
    def play(cuts: list[int]) -> bytes:
        trader = RandomTrader(3, PositionMode.HEDGE, lambda view: None)
        session = Session(margin_setup(trader, 3, has_marks=has_marks))
        for stop in cuts:
            session.run(stop)
        session.run()
        return session.snapshot()

    assert play([]) == play([1, 2, 17, 40])


def test_leverage_above_the_first_tier_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"leverage of B = 51: it must be from 1 to 50"):
        Session(margin_setup(None, 1, leverage=(10.0, 51.0)))


def test_a_margin_account_without_tiers_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs risk tiers"):
        Session(margin_setup(None, 1, tiers=None))


def test_a_guard_and_funding_call_the_strategy() -> None:
    """A long of 10 at 100: the guard on 1 000 of value below 99 fires between bars, funding is told leg by leg."""
    told: list[tuple[int, int, float]] = []
    sessions: list[Session] = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause in (Cause.FUNDING, Cause.LADDER):
            told.append((int(view.cause), int(view.event_role), float(view.mark[0])))
        if view.cause == Cause.FUNDING:
            assert view.event_kind == EventKind.FUNDING
            assert view.event_fee == view.event_qty * view.event_price * 0.001
        if view.cause == Cause.ORDER:
            guard = sessions[0].venue.guards[4]
            guard.is_armed, guard.offset, guard.weight[0] = True, -990.0, 10.0
        if view.cause == Cause.BAR and view.frame == 0:
            place_market(intents, 0, 0, Side.BUY, 10.0, QtyUnit.BASE, 1)
            intents[0].position_side = PositionSide.LONG
            return 1
        return 0

    market, _, _ = two_symbols(1, 6, has_marks=False, volatility=0.0)
    for name, price in (("open", 100.0), ("high", 100.0), ("low", 100.0), ("close", 100.0)):
        market.records[name][:, 0] = price
    market.records["low"][3, 0] = 97.0
    market.records["close"][3:, 0] = market.records["open"][4:, 0] = 98.0
    market.records["low"][4:, 0] = 98.0
    funding = FundingStamp.array(1)  # type: ignore[attr-defined]
    funding[0].ts_ns, funding[0].symbol, funding[0].rate = START_NS + 5 * MINUTE_NS, 0, 0.001
    strategy_setup = margin_setup(decide, 1, n_frames=6, costs=Costs(slippage_bps=0.0))
    sessions.append(Session(replace(strategy_setup, frames=market, marks=None, funding=funding)))
    sessions[0].run()
    view = sessions[0].engine.strategy_view
    assert [(cause, role) for cause, role, _ in told] == [(Cause.LADDER, 4), (Cause.FUNDING, 0)]
    assert told[0][2] == pytest.approx(99.0, abs=1e-6)
    assert told[1][2] == 98.0
    assert view.funding_paid == pytest.approx(0.98)
    assert not sessions[0].venue.guards[4].is_armed


def test_orders_that_close_a_leg_can_only_reduce() -> None:
    venue = Session(margin_setup(None, 1)).venue
    assert closes_leg(venue, 0, PositionSide.LONG, Side.SELL)
    assert closes_leg(venue, 0, PositionSide.SHORT, Side.BUY)
    assert not closes_leg(venue, 0, PositionSide.LONG, Side.BUY)
    assert not closes_leg(venue, 0, PositionSide.SHORT, Side.SELL)
