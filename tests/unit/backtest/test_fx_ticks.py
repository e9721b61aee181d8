"""Quotes walked on an account at an FX broker: who pays which side, the stop-out, and the rules about spreads."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from ballast.backtest.notes import refusals_of, signals_of
from ballast.backtest.run import run
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.config import from_dict
from ballast.config.guards import guards_of
from ballast.data.contracts import NO_CONTRACTS, Contracts
from ballast.data.ticks import Ticks, frames_from_ticks
from ballast.engine.guarding import Guards
from ballast.model.enums import Reason, Side
from ballast.model.errors import ConfigError
from ballast.model.market import Tick
from tests.conformance.markets import MINUTE_NS
from tests.unit.backtest.fx_runs import FxMarket, fx_setup
from tests.unit.strategies.hedge_grid.desk import GRID
from tests.unit.strategies.staged_trend.staged_run import staged_setup

BUY, SELL = Side.BUY, Side.SELL
approx: Any = pytest.approx
START_NS = 1_706_400_000_000_000_000
Row = tuple[float, float, float]
"""Second, bid, ask."""


def on_quotes(setup: Setup, rows: list[Row]) -> Setup:
    """Return the run over quotes of its one symbol instead of its bars."""
    ticks = Tick.array(len(rows))  # type: ignore[attr-defined]
    ticks["ts_ns"] = [START_NS + round(1_000 * second) * 1_000_000 for second, _, _ in rows]
    ticks["price"], ticks["ask"] = [bid for _, bid, _ in rows], [ask for _, _, ask in rows]
    ticks["qty"] = ticks["ask_qty"] = nan
    frames = frames_from_ticks(Ticks(ticks, 0), setup.frames.symbols, 60_000)
    terms = Contracts(NO_CONTRACTS.funding, setup.tiers, "", ())
    market = FxMarket(frames.records, frames.symbols, MINUTE_NS, ticks=frames.ticks, contracts=terms)
    return replace(setup, frames=market, ticks=frames.ticks)


def finished(setup: Setup) -> Session:
    session = Session(setup)
    session.run()
    return session


def fills(session: Session) -> list[tuple[float, int, float, float]]:
    """Return (second, side, quantity, price) of every fill."""
    log = session.engine.fills[: int(session.engine.log.n_fills)]
    return [
        ((int(one["time_ns"]) - START_NS) / 1e9, int(one["side"]), float(one["qty"]), float(one["price"]))
        for one in log
    ]


def test_an_entry_pays_the_ask_and_an_exit_the_bid() -> None:
    plan = {0: [(0, BUY, 10_000)], 1: [(0, SELL, 10_000)]}
    rows = [(1, 1.2999, 1.3001), (61, 1.2999, 1.3001), (121, 1.3099, 1.3101), (181, 1.3099, 1.3101)]
    session = finished(on_quotes(fx_setup({"EURUSD": [1.3] * 4}, plan), rows))  # type: ignore[arg-type]
    assert fills(session) == [(61.0, 1, 10_000.0, 1.3001), (121.0, -1, 10_000.0, 1.3099)]
    assert session.final_equity == approx(10_000 + 98.0, abs=1e-9)


# 1,000 + 20,000 (m - 1.30) = 20,000 m / 60 where m = 25,000 / 19,666.667 = 1.271186.
@pytest.mark.parametrize(("middle", "is_stopped"), [(1.2712, False), (1.2711, True)])
def test_the_stop_out_comes_at_the_tick_that_reaches_it_at_the_bid(middle: float, is_stopped: bool) -> None:
    setup = fx_setup({"EURUSD": [1.3] * 4}, {0: [(0, BUY, 20_000)]}, account={"initial_capital": 1_000.0})
    rows = [(1, 1.30, 1.30), (61, 1.30, 1.30), (75, middle - 0.0003, middle + 0.0003), (90, 1.31, 1.31)]
    session = finished(on_quotes(setup, [*rows, (121, 1.31, 1.31)]))
    stopped = [fill for fill in fills(session) if fill[1] == SELL]
    assert bool(stopped) == is_stopped
    assert bool(session.engine.strategy_view.liquidated) == is_stopped
    if is_stopped:
        assert stopped == [(75.0, -1, 20_000.0, approx(middle - 0.0003, abs=1e-9))]
        assert session.engine.fills[1]["reason"] == Reason.LIQUIDATION
        assert session.final_equity == approx(1_000 + 20_000 * (middle - 0.0003 - 1.30), abs=1e-6)


def test_the_ladder_wakes_at_the_tick_that_passes_its_threshold() -> None:
    risk = {"profile": "safe", "max_account_drawdown": 0.05}
    setup = fx_setup({"EURUSD": [1.3] * 4}, {0: [(0, BUY, 20_000)]}, account={"initial_capital": 5_000.0}, risk=risk)
    rows = [(1, 1.30, 1.30), (61, 1.30, 1.30), (75, 1.286, 1.286), (76, 1.286, 1.286), (121, 1.31, 1.31)]
    session = finished(on_quotes(setup, rows))  # type: ignore[arg-type]
    moves = session.engine.moves[: int(session.engine.log.n_moves)]
    assert [(int(move["time_ns"]) - START_NS) / 1e9 for move in moves] == [75.0]
    # What it sends arrives after the ticks of that time, and takes the bid that stands.
    assert fills(session)[1] == (75.0, -1, 20_000.0, 1.286)


def quiet(second: float, spread: float = 0.0) -> Row:
    return (second, 1.0999 - spread / 2, 1.0999 + spread / 2)


def staged_on_quotes(spread: float, later: list[Row] | None = None, **strategy: Any) -> Session:
    """Return a run whose signal comes with the close at second 360, quotes being ``spread`` apart."""
    settings = {"max_spread_to_stop_pct": 1.0, "max_entry_cost_usd": 10.0, **strategy}
    rows = [quiet(60 * minute + 1, spread) for minute in range(5)]
    rows += [(301, 1.1 - spread / 2, 1.1 + spread / 2)]
    rows += [(second, 1.1 - spread / 2, 1.1 + spread / 2) for second in (361, 362)]
    rows += later if later is not None else [(363, 1.1 - spread / 2, 1.1 + spread / 2), (481, 1.1, 1.1 + spread)]
    setup = staged_setup({"EURUSD": [1.1] * 9}, strategy=settings, risk={"max_risk_per_trade_usd": 50.0})
    # Without [trading], whose own limits would speak first.
    return finished(replace(on_quotes(setup, rows), guards=None))


def test_a_staged_entry_fills_at_the_ask_of_the_tick_after_the_one_that_asked() -> None:
    session = staged_on_quotes(0.0001)
    assert fills(session)[0] == (361.0, 1, 1_000.0, approx(1.10005, abs=1e-9))


@pytest.mark.parametrize(("points", "reason"), [(15.0, None), (15.2, "spread")])
def test_a_spread_of_fifteen_points_is_the_widest(points: float, reason: str | None) -> None:
    # A point is 0.00001.
    session = staged_on_quotes(points * 1e-5)
    assert ("spread" in refusals_of(session)) == (reason is not None)
    assert bool(fills(session)) == (reason is None)
    assert signals_of(session)["LONG"] > 0


def test_spread_to_stop_and_cost_are_judged_by_the_quotes() -> None:
    assert "spread_to_stop" in refusals_of(staged_on_quotes(0.00015, max_spread_to_stop_pct=0.10))
    # 1,000 EUR x 0.0001 = 0.10 dollars.
    assert "cost" in refusals_of(staged_on_quotes(0.0001, max_entry_cost_usd=0.09))
    assert "cost" not in refusals_of(staged_on_quotes(0.0001, max_entry_cost_usd=0.11))


def test_a_missing_side_is_an_unknown_price() -> None:
    rows = [(second, 1.1, nan) for second in (390.0, 391.0, 420.0)]
    session = staged_on_quotes(16e-5, rows)
    assert refusals_of(session)["price_unknown"] > 0
    assert not fills(session)


def test_profit_is_what_the_bid_would_bring() -> None:
    # Bought at 1.10005; the middle gains 0.0004, the bid 0.0003: 0.30 of a profit, of which 60 % are locked.
    later = [(363.0, 1.10035, 1.10045), (366.0, 1.10035, 1.10045), (370.0, 1.10035, 1.10045)]
    result = run(staged_on_quotes(0.0001, later).setup)
    assert [round(float(str(lock["peak"])), 6) for lock in result.locks] == [0.30]
    assert [round(float(str(lock["lock"])), 6) for lock in result.locks] == [0.18]


@pytest.mark.parametrize(("points", "refused"), [(0.0, False), (15.0, False), (16.0, True)])
def test_on_bars_the_rules_judge_the_spread_that_is_assumed(points: float, refused: bool) -> None:
    settings = {"max_spread_to_stop_pct": 1.0, "max_entry_cost_usd": 10.0, "assumed_spread_points": points}
    bars = {"EURUSD": [*([1.0999] * 5), 1.1, 1.1, 1.1, 1.1]}
    session = finished(staged_setup(bars, strategy=settings, risk={"max_risk_per_trade_usd": 50.0}))
    assert ("spread" in refusals_of(session)) == refused
    assert bool(fills(session)) != refused


def trading(**section: Any) -> Guards:
    config = from_dict({
        "data": {"path": "x", "symbols": ["EURUSD"]},
        "account": {"kind": "fx_margin"},
        "strategy": {"name": "equal_weight"},
        "trading": section,
    })
    found = guards_of(config, None, interval_ns=MINUTE_NS, latency_ns=0)
    assert found is not None
    return found


def entered(spread: float, **section: Any) -> Session:
    rows = [(60 * minute + 1, 1.1 - spread / 2, 1.1 + spread / 2) for minute in range(4)]
    setup = fx_setup({"EURUSD": [1.1] * 4}, {0: [(0, BUY, 1_000)], 1: [(0, SELL, 1_000)]})
    return finished(replace(on_quotes(setup, rows), guards=trading(**section)))  # type: ignore[arg-type]


def test_the_gate_refuses_an_entry_that_pays_too_wide_a_spread_and_no_exit() -> None:
    assert refusals_of(entered(0.000149)) == {}
    assert len(fills(entered(0.000149))) == 2
    # Refused both ways: the sale would open a short.
    assert refusals_of(entered(0.00016)) == {"spread_above_points": 2}
    assert refusals_of(entered(0.00016, symbol_max_spread_points={"EURUSD": 20.0})) == {}


def test_the_gate_refuses_what_it_cannot_judge() -> None:
    setup = fx_setup({"EURUSD": [1.1] * 4}, {0: [(0, BUY, 1_000)]})
    rows = [(1, 1.1, 1.1), (50, 1.1, nan), (61, 1.1, nan), (121, 1.1, 1.1)]
    session = finished(replace(on_quotes(setup, rows), guards=trading()))  # type: ignore[arg-type]
    assert refusals_of(session) == {"invalid_quote": 1}
    assert not fills(session)


def test_the_gate_knows_the_distance_to_the_stop_where_the_request_tells_it() -> None:
    setup = staged_on_quotes(0.00012).setup
    assert fills(finished(setup))
    # The stop is 10 pips away, 100 points; the spread is 12.
    guarded = finished(replace(setup, guards=trading(max_spread_of_stop=0.10)))
    assert refusals_of(guarded)["spread_above_stop_fraction"] > 0
    assert not fills(guarded)
    assert fills(finished(replace(setup, guards=trading(max_spread_of_stop=0.13))))


def test_on_bars_the_gate_has_no_spread_to_judge_and_the_result_says_so() -> None:
    setup = fx_setup({"EURUSD": [1.1] * 4}, {0: [(0, BUY, 1_000)]})
    result = run(replace(setup, guards=trading(max_spread_points=0.001)))
    assert result.refusals == {}
    assert "Spread, order book depth and guards on them are absent from bars." in result.assumptions


def test_a_price_is_as_old_as_its_last_tick() -> None:
    # No bar closes for four minutes while the symbol trades in the first of them only; ticks go on in the last.
    setup = fx_setup({"EURUSD": [1.3] * 4}, {0: [(0, BUY, 1_000)]}, risk={"profile": "safe"})
    rows = [(float(second), 1.3, 1.3) for second in (1, 61, 110, 179, 200, 239, 250)]
    session = finished(on_quotes(setup, rows))
    assert int(session.engine.log.n_moves) == 0


def test_every_build_gives_the_same_bytes() -> None:
    later = [(363.0 + k, 1.1 + 0.0001 * (k % 7), 1.1001 + 0.0001 * (k % 7)) for k in range(600)]
    setup = staged_on_quotes(0.0001, later).setup
    whole = finished(setup)
    assert len(fills(whole)) > 2
    special = Session(setup, specialised=True)
    special.run()
    assert special.snapshot() == whole.snapshot()
    plain = replace(setup, strategy=replace(setup.strategy, is_compiled=False))
    assert finished(plain).snapshot() == whole.snapshot()
    pieces = Session(setup)
    for stop in (3, 7, 9):
        pieces.run(stop)
    pieces.run()
    assert pieces.snapshot() == whole.snapshot()


def test_the_capital_of_a_grid_is_tried_on_bars_and_the_grid_then_runs_on_quotes() -> None:
    account = {"mode": "hedge", "leverage": 30, "initial_capital": 1_000.0}
    strategy = {"name": "hedge_grid", "initial_position_size_usd": 50.0}
    written = fx_setup({"EURUSD": [(1.3, 1.3)]}, {}, account=account, strategy=strategy, risk={"profile": "safe"})
    rows = [(float(second), 1.3000, 1.3002) for second in range(0, 300, 5)]
    setup = on_quotes(replace(written, strategy=GRID), rows)
    opened = run(setup).fills
    assert opened["price"].tolist() == [1.3002, 1.3000]
    with pytest.raises(ConfigError, match="the grid would be FROZEN as soon as it is open"):
        run(replace(setup, initial_capital=200.0))
