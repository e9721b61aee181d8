"""The flag ``market_making_enabled`` at work: regime, path, handler, rebalance, quotes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast import backtest_file
from ballast.backtest.run import run
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.backtest.sweep import Cell, sweep
from ballast.data.tick_sample import TickMarket, sample_ticks
from ballast.data.ticks import Ticks, frames_from_ticks
from ballast.model.enums import Reason as Unfilled
from ballast.model.errors import ConfigError
from ballast.model.instrument import Instrument
from ballast.research.report.page import report_html
from ballast.strategies.market_making.reasons import Reason as MakerReason
from ballast.strategies.market_making.reasons import Role as MakerRole
from ballast.strategies.tight_range import Regime, Subtype
from ballast.strategies.tight_range.exposure import free_cash
from ballast.strategies.tight_range.paths import Label
from ballast.strategies.tight_range.settings import Phase, Reason, Role
from tests.conformance.markets import random_market
from tests.unit.strategies.tight_range.ranges import ASSUMED, FALL, FREE, STRATEGY, each_close, setup_on, walk

HELD = 3.0
TIGHT: Any = ASSUMED
QUOTES = {Reason.BID, Reason.ASK}
BUSY = {
    "market_making_enabled": True,
    "k_atr": 0.0,
    "min_edge": 0.00003,
    "refresh_move": 1.0,
    "keep_distance": 0.4,
    "cash_weight": 0.8,
    "drift_threshold": 0.05,
}
"""Quotes so near that a made-up market fills many."""


def on_ticks(n_ticks: int = 60_000, *, strategy: Any = STRATEGY, **values: Any) -> Setup:
    """Return a run over made-up ticks round 1,000, minutes of which are a tight range; 3 coins of 10,000 are held."""
    ticks = sample_ticks(TickMarket(n_ticks=n_ticks, mean_gap_ms=120, reach=150))
    frames = frames_from_ticks(Ticks(ticks, 0), ["AUSDT"], 60_000)
    instruments = Instrument.array(1)  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = 1, 100.0
    instruments["lot_units"], instruments["lot_scale"] = 1, 1000.0
    return Setup(
        frames=frames,
        ticks=frames.ticks,
        strategy=strategy,
        params=strategy.params({**BUSY, **values}, 1, {0: {"weight": 0.2}}),
        initial_capital=7_000.0,
        initial_positions={"AUSDT": HELD},
        instruments=instruments,
        costs=FREE,
        execution=ExecutionSettings(latency_ns=50_000_000),
    )


def finished(setup: Setup, **options: Any) -> Session:
    session = Session(setup, **options)
    session.run()
    return session


@cache
def chain() -> Session:
    """Return the finished run of the whole chain; for reading only."""
    return finished(on_ticks(200_000))


def log_of(session: Session) -> Any:
    return session.engine.fills[: int(session.engine.log.n_fills)]


def is_makers(log: Any) -> Any:
    return (log["role"] >= MakerRole.BID) & (log["role"] <= MakerRole.CLOSE)


def counts(session: Session) -> Counter[str]:
    """Return how many fills each reason has."""
    names = session.setup.strategy.reasons
    return Counter(names[int(reason)] for reason in log_of(session)["order_reason"])


def test_made_up_ticks_lead_from_regime_to_quotes() -> None:
    session = Session(on_ticks(200_000))
    seen: Counter[tuple[int, int]] = Counter()
    quoted_in: set[tuple[int, int]] = set()
    for _ in each_close(session):
        decision, maker = session.state.markets[0].decision, session.state.makers[0]
        regime = (int(decision.evidence.regime), int(decision.evidence.subtype))
        seen[regime] += 1
        if maker.bid > 0.0 or maker.ask > 0.0:
            quoted_in.add(regime)
            # Path and handler: the verdict is the handler's, and its flag let the quotes up.
            assert decision.verdict.label in (Label.MEAN_REVERSION, Label.RANGE_HOLD)
            assert decision.verdict.market_making_enabled
        assert bool(maker.is_on) == bool(session.state.market_making_enabled[0])
    tight = (Regime.RANGE, Subtype.TIGHT_RANGE)
    assert seen[tight] > 200
    assert seen[Regime.ERROR, 0] == 47
    assert quoted_in == {tight}
    filled = counts(session)
    assert filled["range_entry"] > 0
    assert filled["partial_rebalance"] > 5
    assert filled["bid"] > 50
    assert filled["ask"] > 50
    # What a close decides waits for the first tick of the next bar, instead of being dropped for want of a price.
    assert session.engine.log.rejects[Unfilled.NO_PRICE] == 0
    assert session.snapshot() == chain().snapshot()


def test_the_result_shows_the_quotes_fills_apart() -> None:
    result = run(on_ticks())
    names = np.array(result.reasons)[result.fills["reason"]]
    is_quote = np.isin(names, ["bid", "ask"])
    facts = result.to_dict()
    assert facts["quotes"]["filled"] == int(is_quote.sum()) > 10
    assert facts["quotes"]["placed"] > facts["quotes"]["filled"]
    assert np.all(result.fills["is_maker"][is_quote])
    assert "quotes_placed" not in facts
    # What the signals traded is not the maker's.
    assert {"reduction", "partial_rebalance"} & set(names[~is_quote].tolist())


def test_round_trips_of_signals_and_of_quotes_are_matched_apart() -> None:
    result = run(on_ticks())
    facts, names = result.to_dict(), {"bid", "ask", "inventory_closed"}
    assert facts["quotes"]["n_trades"] == len(result.quote_trips.closed) > 10
    assert facts["n_trades"] == len(facts["trades"]) > 0
    assert not names & {trade["reason"] for trade in facts["trades"]}
    assert names >= {result.reasons[reason] for reason in result.quote_trips.closed["reason"]}
    # Cash flow by cash flow: what the maker has earned is its closed trips and what it still holds.
    maker = finished(on_ticks()).state.makers[0]
    lots = result.quote_trips.open
    cost = float(np.sum(lots["qty"] * lots["entry_price"]))
    assert float(maker.cash) == pytest.approx(facts["quotes"]["pnl"] - cost, abs=1e-6)
    page = report_html(result)
    assert "AUSDT quotes" in page


def test_without_the_flag_nobody_hears_of_ticks_and_no_maker_is_kept() -> None:
    setup = on_ticks(20_000, market_making_enabled=False)
    session = Session(setup)
    assert session.state.makers.shape == (0,)
    assert not session.venue.clock.tells_quotes
    assert not session.venue.clock.tells_trades
    result = run(setup)
    assert result.quotes is None
    assert not any("The maker" in sentence for sentence in result.assumptions)


def test_on_bars_the_maker_quotes_at_closes_and_the_result_says_so() -> None:
    setup = replace(on_ticks(), ticks=None)
    result = run(setup)
    assert any("The maker runs on bars" in sentence for sentence in result.assumptions)
    assert result.quotes is not None
    assert result.quotes.placed > 0


def test_the_end_of_the_range_takes_the_quotes_down_and_sells_the_makers_coins_alone() -> None:
    session = Session(on_ticks(200_000))
    ended = False
    for _ in each_close(session):
        maker = session.state.makers[0]
        if not session.state.market_making_enabled[0]:
            assert (maker.bid, maker.ask) == (0.0, 0.0)
            assert maker.off_reason in (0, MakerReason.RANGE_ENDED)
            ended = ended or maker.off_reason == MakerReason.RANGE_ENDED
    assert ended


def assert_apart(session: Session, held: float = HELD) -> None:
    """Check that the maker's fills are its inventory, and that neither ever held less than nothing."""
    log, position = log_of(session), float(session.engine.strategy_view.position_qty[0])
    signed, makers = log["side"] * log["qty"], is_makers(log)
    inventory, own = np.cumsum(np.where(makers, signed, 0.0)), held + np.cumsum(np.where(makers, 0.0, signed))
    assert inventory.min(initial=0.0) >= -1e-9
    assert own.min(initial=held) >= -1e-9
    if len(log):
        assert float(session.state.makers[0].inventory) == pytest.approx(inventory[-1], abs=1e-9)
        assert position == pytest.approx(inventory[-1] + own[-1], abs=1e-9)


def test_neither_sells_what_the_other_holds() -> None:
    assert_apart(chain())
    assert counts(chain())["reduction"] > 10
    # Also where a SELL may take all that is held.
    session = finished(on_ticks(200_000, base_position_pct=0.4, allow_partial_rebalance=False))
    assert_apart(session)
    log = log_of(session)
    own = HELD + np.cumsum(np.where(is_makers(log), 0.0, log["side"] * log["qty"]))
    assert own.min() == pytest.approx(0.0, abs=1e-9)
    # Also where replaced asks can fill for seconds more.
    assert_apart(finished(replace(on_ticks(200_000), execution=ExecutionSettings(latency_ns=3_000_000_000))))


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), latency=st.integers(0, 2), weight=st.sampled_from([0.0, 0.2]))
def test_on_any_bars_each_sells_its_own_and_cash_stays_positive(seed: int, latency: int, weight: float) -> None:
    market = random_market(seed, 1, 150, volatility=0.01)
    costs = Costs(maker_fee_rate=0.0, taker_fee_rate=0.001, slippage_bps=0.0)
    setup = setup_on(market, latency_bars=latency, costs=costs, held={market.symbols[0]: 0.0})
    values = {**TIGHT, "market_making_enabled": True, "k_atr": 0.1, "cash_weight": 1.0 - weight}
    if weight == 0.0:
        values["cash_weight"] = 0.0
    session = Session(replace(setup, params=STRATEGY.params(values, 1, {0: {"weight": weight}})))
    for _ in each_close(session):
        assert session.engine.strategy_view.cash >= -1e-6
        assert session.state.makers[0].inventory <= session.engine.strategy_view.position_qty[0] + 1e-9


def held_by_maker(bars: list[Any], qty: float, **values: Any) -> Session:
    """Return a session after 47 flat closes, with coins that are the maker's."""
    setup = setup_on({"S": bars}, held={"S": qty}, market_making_enabled=True, **TIGHT, **values)
    session = Session(setup)
    session.run(47)
    maker = session.state.makers[0]
    maker.inventory, maker.cash = qty, -qty * 1_000.0
    return session


def test_a_sell_verdict_leaves_the_makers_coins_alone() -> None:
    rise = walk([-delta for delta in FALL])
    session = held_by_maker(rise, 1.0, k_atr=10.0)
    session.run()
    assert session.state.markets[0].decision.verdict.action == -1
    assert counts(session)["reduction"] == 0
    # The same coins without a maker to own them are sold.
    without = finished(setup_on({"S": rise}, held={"S": 1.0}, **TIGHT))
    assert counts(without)["reduction"] > 0


def test_a_rebalance_does_not_count_the_makers_coins() -> None:
    bars = [1_000.0 + bar % 2 for bar in range(60)]
    session = held_by_maker(bars, 4.0, k_atr=10.0, min_data_points=50)
    session.params.weight[0], session.params.cash_weight = 0.2, 0.8
    session.run()
    # 4 of about 14 are the maker's: to the signals nothing is held, so a tenth of the total is bought, not sold.
    first = log_of(session)[0]
    assert (int(first["role"]), int(first["side"])) == (Role.REBALANCE, 1)
    assert first["qty"] * first["price"] == pytest.approx(0.1 * 14_000.0, rel=1e-2)


def test_a_resting_bid_is_cash_spoken_for() -> None:
    session = Session(on_ticks())
    n_seen = 0
    for _ in each_close(session):
        maker, view = session.state.makers[0], session.engine.strategy_view
        if maker.bid > 0.0 and session.state.markets[0].trade.phase == Phase.FLAT:
            n_seen += 1
            spoken_for = view.cash - free_cash(view, session.state)
            assert spoken_for == pytest.approx(maker.bid * maker.bid_left, rel=1e-9)
    assert n_seen > 5


def test_a_bid_is_no_larger_than_the_cash() -> None:
    bars = {"S": [1_000.0 + bar % 2 for bar in range(60)]}
    session = Session(setup_on(bars, held={"S": 10.0}, capital=25.0, market_making_enabled=True, k_atr=0.1, **TIGHT))
    session.run(50)
    maker = session.state.makers[0]
    assert 0.0 < maker.bid * maker.bid_left <= 25.0


def test_what_stop_and_target_sell_twice_leaves_the_makers_books_true() -> None:
    # Orders take a bar: the stop at 976.128 fills on the way down, the target on the way up before its cancel is there.
    bars = [*walk(FALL), 984.0, 984.0, 984.0, (984.0, 970.0), 1_010.0, 1_010.0, 1_010.0]
    setup = setup_on({"S": bars}, market_making_enabled=True, latency_bars=1, k_atr=50.0, min_data_points=60, **TIGHT)
    session = Session(setup)
    for frame in each_close(session):
        if frame == 62:
            trade, maker, view = session.state.markets[0].trade, session.state.makers[0], session.engine.strategy_view
            assert trade.phase == Phase.OPEN
            maker.inventory, maker.cash = trade.qty, -trade.qty * 984.0
            for qty in (view.position_qty, session.venue.positions["qty"]):
                qty[0] = 2.0 * trade.qty
    assert {"stop", "target"} <= set(counts(session))
    maker, trade = session.state.makers[0], session.state.markets[0].trade
    assert maker.inventory == pytest.approx(0.0, abs=1e-9)
    assert maker.cash > 0.0
    assert session.engine.strategy_view.position_qty[0] == pytest.approx(trade.qty, abs=1e-9)


def test_roles_and_reasons_of_the_maker_are_no_one_elses() -> None:
    assert not set(map(int, Role)) & set(map(int, MakerRole))
    own = {one.name: int(one) for one in Reason}
    theirs = {one.name: int(one) for one in MakerReason}
    assert theirs.items() <= own.items()
    assert len(set(own.values())) == len(own) == len(Reason.__members__)


def test_every_build_gives_the_same_bytes() -> None:
    setup = on_ticks(40_000)
    whole = finished(setup)
    assert counts(whole)["bid"] > 3
    assert finished(setup, specialised=True).snapshot() == whole.snapshot()
    pieces = Session(setup)
    for stop in (3, 55, 71):
        pieces.run(stop)
    pieces.run()
    assert pieces.snapshot() == whole.snapshot()
    plain = replace(setup, strategy=replace(setup.strategy, is_compiled=False))
    assert finished(plain).snapshot() == whole.snapshot()


def test_a_sweep_over_the_flag_runs_each_cell_as_it_is() -> None:
    setup = replace(on_ticks(), ticks=None)
    cells = [{"market_making_enabled": flag, "cost_multiple": cost} for flag in (False, True) for cost in (1.0, 2.0)]
    setups = [replace(setup, params=STRATEGY.params({**BUSY, **cell}, 1, {0: {"weight": 0.2}})) for cell in cells]
    swept = sweep([Cell(cell, one) for cell, one in zip(cells, setups, strict=True)], workers=1)
    alone = [run(one, with_policies=False).metrics.n_fills for one in setups]
    assert list(swept.columns["n_fills"]) == alone
    assert alone[0] != alone[2]


@pytest.mark.parametrize("key", ["quote_size_pct", "target_inventory_pct"])
def test_quotes_and_targets_larger_than_the_inventory_are_refused_in_one_line(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"strategy\.{key} = 0\.2: must not be above max_inventory_pct = 0\.05$"):
        STRATEGY.params({key: 0.2}, 1)


CONFIGURATION = """
[data]
path = "{path}"
kind = "trades"
symbols = ["1INCHUSDT"]
interval = "1m"
[account]
maker_fee_rate = 0.0
taker_fee_rate = 0.0005
[execution]
slippage_bps = 0
latency_ns = 50_000_000
[strategy]
name = "tight_range"
market_making_enabled = true
max_age_s = 120
cash_weight = 0.8
drift_threshold = 0.05
[strategy.symbols.1INCHUSDT]
weight = 0.2
[report]
benchmarks = []
"""


def test_recorded_trades_lead_from_regime_to_quotes(recorded_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "tight_range.toml"
    path = recorded_data / "bybit_spot_trades_1INCH_UNIUSDC_2025-05.parquet"
    file.write_text(CONFIGURATION.format(path=path), encoding="utf-8")
    result = backtest_file(file)
    filled = Counter(np.array(result.reasons)[result.fills["reason"]].tolist())
    # Regime, path and handler: such an entry needs a tight range and the handler's BUY in it.
    assert filled["range_entry"] > 0
    assert filled["partial_rebalance"] > 0
    assert result.counts["partial_rebalances"] > 0
    assert result.quotes is not None
    assert result.quotes.placed > result.quotes.filled == filled["bid"] + filled["ask"] > 0
    assert filled["inventory_closed"] > 0
    fills = result.fills
    makers = np.isin(np.array(result.reasons)[fills["reason"]], ["bid", "ask", "inventory_closed"])
    inventory = np.cumsum(np.where(makers, fills["side"] * fills["qty"], 0.0))
    own = np.cumsum(np.where(makers, 0.0, fills["side"] * fills["qty"]))
    assert inventory.min() >= -1e-9
    assert own.min() >= -1e-9
    assert inventory[-1] == pytest.approx(0.0, abs=1e-9)
