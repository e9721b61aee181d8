"""Verdicts become orders: entries, protection, ways out, refusals; played on small markets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs
from ballast.model.compiled import compiled
from ballast.model.enums import Reason as Reject
from ballast.model.errors import ConfigError
from ballast.model.instrument import Instrument
from ballast.strategies.tight_range import Action, Regime, Subtype, tell, vote
from ballast.strategies.tight_range.exposure import contra_exposure, keep_contra, sold, turn
from ballast.strategies.tight_range.settings import Market, Phase, Reason, Role
from tests.conformance.markets import lay_out, random_market
from tests.conformance.runs import circumstances
from tests.unit.strategies.tight_range.ranges import (
    ASSUMED,
    FALL,
    FREE,
    STRATEGY,
    closes_of,
    each_close,
    fills,
    noted,
    reasons,
    resting,
    setup_on,
    traded,
    walk,
    with_layers,
)

approx: Any = pytest.approx

BUY_AT = 46 + len(FALL) - 1  # the last bar of `walk(FALL)`, whose close has the worked RSI


def held_after_fall(*then: Any, **values: Any) -> Session:
    """Return a run that buys at the last close of the worked fall, and sees the bars ``then``."""
    return traded({"S": [*walk(FALL), *then]}, **{**ASSUMED, "min_data_points": BUY_AT + 1, **values})


def test_a_tight_range_buys_half_the_base_position_at_the_next_open() -> None:
    session = held_after_fall((985.0, 986.0), 986.0)
    assert fills(session) == [(BUY_AT + 1, "range_entry", approx(500.0 / 985.0), 985.0)]
    trade = session.state.markets[0].trade
    # ATR of one-price bars: all changes are true ranges. The floors of 0.8 % and 1.5 % are wider.
    assert trade.stop_price == approx(985.0 * 0.992, rel=1e-12)
    assert trade.target_price == approx(985.0 * 1.015, rel=1e-12)
    assert {role for _, role, _, _ in resting(session)} == {Role.STOP, Role.TARGET}


def test_the_strategy_and_the_handler_give_the_same_signal() -> None:
    session = held_after_fall()
    said = session.state.markets[0].decision
    assert (said.signal.action, said.signal.confidence, said.signal.size_multiplier) == (1, 0.7, 0.5)
    assert {reason: value for reason, value, _ in noted(session)}["indicators_were"] == approx(15.057321, rel=1e-6)


def test_a_stop_ends_the_trade_and_takes_the_target_with_it() -> None:
    session = held_after_fall(985.0, (985.0, 970.0), (970.0, 970.0), time_stop_bars=0)
    assert reasons(session)[:2] == ["range_entry", "stop"]
    bar, _, qty, price = fills(session)[1]
    assert (bar, qty, price) == (BUY_AT + 2, approx(-500.0 / 985.0), approx(985.0 * 0.992))
    # The next entry has its own pair of orders and nothing else is left.
    assert {cycle for _, _, cycle, _ in resting(session)} <= {int(session.state.markets[0].trade.number)}


def test_a_target_ends_the_trade_and_takes_the_stop_with_it() -> None:
    session = held_after_fall(985.0, (985.0, 1005.0), 1005.0)
    assert reasons(session) == ["range_entry", "target"]
    assert fills(session)[1][3] == approx(985.0 * 1.015)
    assert session.engine.strategy_view.position_qty[0] == 0.0
    assert resting(session) == []
    assert session.state.markets[0].trade.phase == Phase.FLAT


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    session = held_after_fall(985.0, (900.0, 900.0))
    assert fills(session)[1] == (BUY_AT + 2, "stop", approx(-500.0 / 985.0), 900.0)


def test_a_trade_that_goes_nowhere_is_closed_by_time() -> None:
    session = held_after_fall(*[985.0] * 12, time_stop_bars=5)
    # Filled at the open of bar b, it is five bars old at the close of bar b + 4 and leaves at the open of b + 5.
    assert [(bar, reason) for bar, reason, _, _ in fills(session)][:2] == [
        (BUY_AT + 1, "range_entry"),
        (BUY_AT + 6, "time_stop"),
    ]


def test_a_time_stop_of_zero_is_off() -> None:
    assert reasons(held_after_fall(*[985.0] * 60, time_stop_bars=0)) == ["range_entry"]


def test_selling_reduces_a_holding_and_never_goes_short() -> None:
    rise = [-delta for delta in FALL]
    session = traded({"S": [*walk(rise), *[1016.0] * 60]}, held={"S": 1.0}, **ASSUMED)
    sales = fills(session)
    assert {reason for _, reason, _, _ in sales} == {"reduction"}
    equity = 10_000.0 + 1016.0
    assert all(-qty * price <= 0.05 * equity * 1.01 for _, _, qty, price in sales)
    assert session.engine.strategy_view.position_qty[0] == 0.0
    assert resting(session) == []


def test_a_falling_account_without_coins_sells_nothing() -> None:
    session = traded({"S": [*walk([-delta for delta in FALL]), *[1016.0] * 5]}, **ASSUMED)
    assert fills(session) == []
    assert session.state.markets[0].decision.verdict.action == Action.SELL


def test_a_verdict_to_sell_closes_the_trade_of_its_size() -> None:
    # A dozen rises of one push the fall out of the plain index, still below the target of 998.76.
    session = held_after_fall(*[984.0 + step for step in range(13)], rsi_method="sma")
    assert reasons(session) == ["range_entry", "reduction"]
    assert session.engine.strategy_view.position_qty[0] == 0.0
    assert resting(session) == []


def test_a_target_too_near_for_its_costs_is_refused_once_and_said_so() -> None:
    # A round trip costs 2 * (0.1 % + 0.2 %) = 0.6 %; four of them are more than the target of 1.5 %.
    costs = Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=20.0)
    refused = traded({"S": [*walk(FALL), *[984.0] * 3]}, costs=costs, cost_multiple=4.0, **ASSUMED)
    assert fills(refused) == []
    assert [reason for reason, _, _ in noted(refused)] == ["cost_gate"]
    assert noted(refused)[0][1] == approx(0.015)
    assert refused.state.markets[0].decision.refusal == Reason.COST_GATE
    # At 2.5 round trips the need is 0.015, which the target just meets.
    assert reasons(held_after_fall(984.0, costs=costs, cost_multiple=2.5)) == ["range_entry"]
    assert reasons(held_after_fall(984.0, costs=costs, cost_multiple=2.51)) == []


@pytest.mark.parametrize(("aim", "feature"), [("opposite", 3), ("mean", 2)])
def test_band_mode_aims_at_the_bands_and_stops_an_atr_below(aim: str, feature: int) -> None:
    values: Any = {**ASSUMED, "min_data_points": BUY_AT + 1, "target_mode": "band", "band_target": aim}
    # The last close before the entry stands above the lower band less an ATR.
    known = Session(setup_on({"S": [*walk(FALL), (985.0, 986.0)]}, **values))
    known.run(BUY_AT + 1)
    view = known.engine.strategy_view.feature.copy()
    known.run()
    trade = known.state.markets[0].trade
    assert reasons(known) == ["range_entry"]
    assert trade.target_price == view[feature]
    assert trade.stop_price == view[4] - view[1]


def test_a_price_beyond_the_bands_stop_is_no_entry() -> None:
    session = traded(
        {"S": [*walk(FALL), 900.0, 900.0]}, target_mode="band", **{**ASSUMED, "min_data_points": BUY_AT + 2}
    )
    assert fills(session) == []
    assert [reason for reason, _, _ in noted(session)] == ["band_passed"]


def test_a_position_at_its_cap_grows_no_further() -> None:
    session = held_after_fall(984.0, held={"S": 10.0})
    assert fills(session) == []
    assert [reason for reason, _, _ in noted(session)] == ["position_cap"]


def test_an_entry_below_the_minimum_is_not_made() -> None:
    session = held_after_fall(984.0, capital=150.0)
    assert [reason for reason, _, _ in noted(session)] == ["below_minimum"]
    assert noted(session)[0][1] == approx(7.5)


def test_an_entry_that_meets_no_bar_is_forgotten() -> None:
    # Frames without any bar are no frames, so others have theirs.
    others: Any = {name: [50.0] * (BUY_AT + 4) for name in "TUV"}
    bars = {"S": [*walk(FALL), None, 984.0, 984.0], **others}
    session = traded(bars, **{**ASSUMED, "min_data_points": BUY_AT + 1})
    assert [bar for bar, _, _, _ in fills(session)] == [BUY_AT + 3]
    # A frame without its bar decides nothing about a symbol, not even a refusal.
    assert {reason for reason, _, _ in noted(session)} & {"band_passed", "cost_gate", "below_minimum"} == set()


def test_nothing_is_decided_before_there_are_enough_bars() -> None:
    falling = [1000.0 - bar for bar in range(80)]
    for n_bars in (20, 50, 70):
        session = traded({"S": falling}, min_data_points=n_bars, time_stop_bars=0, **ASSUMED)
        assert fills(session)[0][0] == n_bars


def test_the_classifier_needs_forty_eight_bars_whatever_the_setting() -> None:
    rising = {"S": [1000.0 + bar for bar in range(80)]}
    session = traded(rising, strategy=with_layers(l1=eager, l2=silent), min_data_points=2)
    assert fills(session)[0][:2] == (48, "agreement_entry")


def test_flags_follow_the_tight_range_and_their_switches() -> None:
    for rebalances in (True, False):
        for makes in (True, False):
            session = held_after_fall(allow_partial_rebalance=rebalances, market_making_enabled=makes)
            verdict = session.state.markets[0].decision.verdict
            assert (verdict.allow_partial_rebalance, verdict.market_making_enabled) == (rebalances, makes)
            assert session.state.allow_partial_rebalance[0] == rebalances
            assert session.state.market_making_enabled[0] == makes


def test_flags_fall_when_the_range_ends() -> None:
    zigzag = [100.0 + 0.1 * (bar % 2) for bar in range(60)]
    bars = {"S": [*zigzag, *[100.0 + bar for bar in range(1, 30)]]}
    session = Session(setup_on(bars, market_making_enabled=True))
    session.run(60)
    assert session.state.market_making_enabled[0]
    assert session.state.allow_partial_rebalance[0]
    session.run()
    assert session.state.markets[0].decision.evidence.direction == 1
    assert not session.state.market_making_enabled[0]
    assert not session.state.allow_partial_rebalance[0]


def test_every_order_says_what_each_layer_said() -> None:
    session = held_after_fall(984.0)
    said = {reason: (value, level) for reason, value, level in noted(session)}
    layers = ["l1_said", "l2_said", "l1_l2_said", "l3_said", "path_said", "indicators_were"]
    assert list(said) == ["signalled", *layers, "stop_is", "target_is"]
    # L1: RSI 15.06 buys at 0.5 + 0.3494, the lowest fifth of the bands buys, the close far below its EMA sells at 1.
    assert said["l1_said"] == (approx(0.8494 + 1.0, abs=1e-4), 3)
    assert said["l3_said"] == (0.8, 11)  # range, tight
    assert said["path_said"] == (0.7, 9)  # mean reversion


@st.composite
def flat_markets(draw: Any) -> Any:
    price = draw(st.sampled_from([1e-6, 0.3, 100.0, 98_765.4321]))
    return {"S": [price, *(draw(st.sampled_from([price, price, price, None])) for _ in range(90))]}


@settings(max_examples=25)
@given(bars=flat_markets(), path=st.sampled_from(["path1", "path2", "path3"]), regime=st.booleans())
def test_flat_prices_never_trade(bars: Any, path: str, regime: bool) -> None:
    session = traded(bars, path=path, regime="classifier" if regime else "assume_tight_range")
    assert session.engine.log.n_fills == 0
    assert all(market.decision.verdict.action == 0 for market in session.state.markets)


@compiled
def silent(row: Any, view: Any, params: Any, symbol: int, out: Any) -> None:
    """Say nothing."""


@compiled
def torn(row: Any, view: Any, params: Any, symbol: int, votes: Any) -> None:
    """Vote for either side alike."""
    vote(votes, 1, 0.7)
    vote(votes, -1, 0.7)


@compiled
def eager(row: Any, view: Any, params: Any, symbol: int, votes: Any) -> None:
    """Buy, always."""
    vote(votes, 1, 0.9)


@compiled
def falling(row: Any, view: Any, params: Any, symbol: int, memory: Any, evidence: Any) -> None:
    """See a falling trend, except where the price is above 900: there a tight range."""
    is_high = row.close[symbol] > 900.0
    evidence.regime = Regime.RANGE + 0 if is_high else Regime.TRENDING + 0
    evidence.subtype = Subtype.TIGHT_RANGE + 0 if is_high else Subtype.NONE + 0
    evidence.direction = 0 if is_high else -1
    evidence.confidence = 0.8


@compiled
def unclear(row: Any, view: Any, params: Any, symbol: int, memory: Any, evidence: Any) -> None:
    """See no trend at all."""
    evidence.regime = Regime.VOLATILE
    evidence.direction = 0
    evidence.confidence = 0.5


@compiled
def rising(row: Any, view: Any, params: Any, symbol: int, memory: Any, evidence: Any) -> None:
    """See a rising trend, always."""
    evidence.regime = Regime.TRENDING
    evidence.direction = 1
    evidence.confidence = 0.8


@compiled
def fickle(row: Any, view: Any, params: Any, symbol: int, votes: Any) -> None:
    """Buy at 100, sell below."""
    vote(votes, 1 if row.close[symbol] >= 100.0 else -1, 0.9)


def test_a_reduction_of_less_than_a_lot_is_refused_and_leaves_the_trade_its_protection() -> None:
    # 900 buys nine lots of 1. 1.5 % of equity, 150, may go against the rise: at 99.9 one lot goes, and what is left of
    # the 150 is half a lot.
    bars = {"S": [*[100.0] * 20, *[99.9] * 5]}
    strategy = with_layers(l1=fickle, l2=silent, l3=rising)
    setup = setup_on(bars, strategy=strategy, min_data_points=15, max_contra_allocation=0.015)
    lots = Instrument.array(1)  # type: ignore[attr-defined]
    lots["lot_units"], lots["lot_scale"] = 1, 1.0
    session = Session(replace(setup, instruments=lots))
    session.run()
    traded_qty = [(reason, qty) for _, reason, qty, _ in fills(session)]
    assert traded_qty == [("agreement_entry", 9.0), ("contra_reduction", -1.0)]
    trade = session.state.markets[0].trade
    assert (trade.phase, trade.qty) == (Phase.OPEN, 8.0)
    assert sorted((role, qty) for _, role, _, qty in resting(session)) == [(Role.STOP, 8.0), (Role.TARGET, 8.0)]
    assert "below_minimum" in [reason for reason, _, _ in noted(session)]
    assert session.engine.log.rejects.sum() == 2  # the protection that the one reduction took away


def test_an_exit_that_the_venue_refuses_leaves_the_trade_its_protection() -> None:
    # 300 is what the sale is worth at 99.9; at the next open, 99.5, it is less than the venue takes.
    bars: Any = {"S": [*[100.0] * 20, (99.5, 99.9), (99.5, 100.0)]}
    strategy = with_layers(l1=fickle, l2=silent, l3=rising)
    setup = setup_on(bars, strategy=strategy, min_data_points=15, max_contra_allocation=0.09, base_position_pct=0.05)
    venue = Instrument.array(1)  # type: ignore[attr-defined]
    venue["min_notional"] = 299.0
    session = Session(replace(setup, instruments=venue))
    session.run()
    assert [reason for _, reason, _, _ in fills(session)] == ["agreement_entry"]
    trade = session.state.markets[0].trade
    assert (trade.phase, trade.qty) == (Phase.OPEN, approx(4.5))
    assert session.engine.log.rejects[Reject.BELOW_MINIMUM_NOTIONAL] == 1
    assert {role: qty for _, role, _, qty in resting(session)} == approx({Role.STOP: 4.5, Role.TARGET: 4.5})


def test_a_tie_of_layers_never_buys() -> None:
    session = traded(random_market(3, 1, 120), strategy=with_layers(l1=torn, l2=silent, l3=unclear))
    assert fills(session) == []
    assert session.state.markets[0].decision.joint_confidence == 0.0
    bought = traded(random_market(3, 1, 120), strategy=with_layers(l1=eager, l2=silent, l3=unclear))
    assert "neutral_entry" in reasons(bought)


def test_a_trade_of_the_range_ends_with_the_range() -> None:
    # The jumps between 990 and 1010 widen the ATR, so that the stop is far when the price leaves the range at 899.
    slide = [980.0, 960.0, 940.0, 930.0, 920.0, 910.0, 905.0, 899.0, 899.0]
    bars: Any = {"S": [1000.0] * 30 + [990.0, 1010.0] * 8 + slide}
    values: Any = {
        "strategy": with_layers(l1=silent, l2=silent, l3=falling),
        "min_data_points": 53,
        "time_stop_bars": 0,
    }
    session = traded(bars, **values)
    left = fills(session)
    assert [reason for _, reason, _, _ in left] == ["range_entry", "regime_exit"]
    assert left[1][0] == len(bars["S"]) - 1
    assert noted(session)[-1][0] == "l3_said"
    last = session.engine.notes[session.engine.log.n_notes - 1]
    assert tell(last).startswith("L3: trending down")
    assert "regime_exit" not in reasons(traded(bars, regime_exit=False, **values))


def test_contra_purchases_stop_at_their_cap() -> None:
    bars: Any = {name: [100.0 - 0.001 * bar for bar in range(70)] for name in ("A", "B", "C", "D")}
    session = traded(
        bars,
        strategy=with_layers(l1=eager, l2=silent, l3=falling),
        base_position_pct=0.20,
        max_contra_allocation=0.25,
        time_stop_bars=0,
    )
    # Each asks for 0.20 * 0.6 = 12 % of 10,000; the third gets the last 1 %, the fourth is refused.
    assert [qty * price for _, _, qty, price in fills(session)] == approx([1200.0, 1200.0, 100.0], rel=1e-6)
    assert set(reasons(session)) == {"contra_entry"}
    assert "contra_cap" in [reason for reason, _, _ in noted(session)]


@pytest.mark.parametrize("latency_bars", [1, 3])
def test_contra_orders_on_their_way_count(latency_bars: int) -> None:
    # The second symbol starts three bars later, so that it decides while the first one's order is still travelling.
    late: Any = {
        "A": [100.0 - 0.001 * bar for bar in range(70)],
        "B": [*[None] * 2, *(100.0 - 0.001 * bar for bar in range(68))],
    }
    others: Any = {name: [None] * 69 + [100.0] for name in "CD"}
    session = traded(
        {**late, **others},
        strategy=with_layers(l1=eager, l2=silent, l3=falling),
        base_position_pct=0.20,
        max_contra_allocation=0.15,
        time_stop_bars=0,
        latency_bars=latency_bars,
    )
    # 12 % and then the 3 % that are left, at two closes two bars apart.
    assert [qty * price for _, _, qty, price in fills(session)] == approx([1200.0, 300.0], rel=1e-4)


def test_what_was_sold_against_a_rise_counts_until_the_rise_is_over() -> None:
    market: Any = Market.new()  # type: ignore[attr-defined]
    turn(market, 1)
    market.contra_sold = 700.0
    turn(market, 1)
    assert contra_exposure(market, 100.0) == 700.0
    turn(market, 0)
    assert contra_exposure(market, 100.0) == 0.0


def test_coins_bought_against_a_fall_count_whenever_their_symbol_falls() -> None:
    market: Any = Market.new()  # type: ignore[attr-defined]
    turn(market, -1)
    keep_contra(market, is_contra=True, qty=5.0, price=100.0)
    assert contra_exposure(market, 90.0) == 450.0
    turn(market, 1)
    assert contra_exposure(market, 90.0) == 0.0
    turn(market, -1)
    sold(market, 2.0)
    assert contra_exposure(market, 90.0) == 270.0
    sold(market, 9.0)
    assert contra_exposure(market, 90.0) == 0.0


def contra_run(seed: int, cap: float) -> Session:
    return Session(
        setup_on(
            random_market(seed, 4, 220, volatility=0.01),
            base_position_pct=0.2,
            max_contra_allocation=cap,
            costs=Costs(),
            held={"S0USDT": 1.0},
            min_order_value=1.0,
        )
    )


@pytest.mark.parametrize("cap", [0.0, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("seed", range(8))
def test_what_stands_against_trends_never_passes_its_cap(seed: int, cap: float) -> None:
    session = contra_run(seed, cap)
    closes = closes_of(session)
    coins, sales = np.zeros(4), np.zeros(4)
    direction = np.zeros(4, int)
    n_seen = 0
    room = 0.0
    for frame in each_close(session):
        spent = 0.0
        for fill in session.engine.fills[n_seen : session.engine.log.n_fills]:
            symbol, money = int(fill["symbol"]), float(fill["qty"] * fill["price"])
            if fill["order_reason"] == Reason.CONTRA_ENTRY:
                coins[symbol] += fill["qty"]
                spent += money
            elif fill["side"] < 0:
                coins[symbol] = max(0.0, coins[symbol] - fill["qty"])
                if fill["order_reason"] == Reason.CONTRA_REDUCTION:
                    sales[symbol] += money
                    # A sale is planned at the close and fills at the open: its money is that of the plan.
                    spent += float(fill["qty"]) * closes[frame - 1][symbol]
        n_seen = int(session.engine.log.n_fills)
        assert spent <= room * (1.0 + 1e-9) + 1e-9
        now = np.array([int(market.decision.evidence.direction) for market in session.state.markets])
        sales[now != direction] = 0.0
        direction = now
        exposure = float((coins * closes[frame])[now < 0].sum() + sales.sum())
        room = max(0.0, cap * float(session.engine.strategy_view.equity) - exposure)


def test_the_contra_runs_do_trade_against_trends() -> None:
    found = set()
    for seed in range(8):
        session = contra_run(seed, 0.2)
        session.run()
        found |= set(reasons(session))
    assert {"contra_entry", "contra_reduction"} <= found


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("regime", ["classifier", "assume_tight_range"])
def test_an_open_trade_is_protected_and_a_closed_one_leaves_nothing(seed: int, regime: str) -> None:
    setup = setup_on(random_market(seed, 4, 200), regime=regime, costs=Costs())
    session = Session(replace(setup, **circumstances(seed)))
    n_open = 0
    for _ in each_close(session):
        live = resting(session)
        for symbol in range(4):
            trade = session.state.markets[symbol].trade
            mine = [(role, qty) for where, role, cycle, qty in live if where == symbol]
            stops = [qty for role, qty in mine if role == Role.STOP]
            held = session.engine.strategy_view.position_qty[2 * symbol]
            assert trade.qty <= held * (1.0 + 1e-9) + 1e-12
            if trade.phase == Phase.OPEN and not trade.must_close:
                n_open += 1
                assert stops == [approx(trade.qty, rel=1e-9, abs=1e-12)]
                assert sum(role == Role.TARGET for role, _ in mine) <= 1
            if trade.phase == Phase.FLAT:
                assert mine == []
    assert n_open > 20


def test_cash_is_never_promised_twice() -> None:
    bars: Any = {name: [1000.0 - bar for bar in range(51)] for name in "ABCD"}
    session = traded(bars, base_position_pct=0.8, max_position_pct=0.8, costs=Costs(), **ASSUMED)
    # Four times 40 % do not fit: two and what is left are bought, none is refused for want of cash.
    bought = [qty * price for _, _, qty, price in fills(session)]
    assert bought == approx([4_000.0, 4_000.0, 10_000.0 / 1.001 - 8_000.0], rel=1e-6)
    assert session.engine.strategy_view.cash == approx(0.0, abs=1e-3)
    assert session.engine.log.rejects[1] == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"path": "path4"}, "strategy.path = 'path4'"),
        ({"regime": "assumed"}, "strategy.regime = 'assumed'"),
        ({"base_position_pct": 0.5}, "must not be above max_position_pct"),
        ({"base_position_pct": 10}, r"did you mean 0\.1\? it is a fraction"),
        ({"max_contra_allocation": 20}, r"did you mean 0\.2\? it is a fraction"),
        ({"target_mode": "bands"}, "did you mean 'band'"),
        ({"bb_periods": 20}, "did you mean 'bb_period'"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        STRATEGY.params(values, 2)


def test_seconds_need_the_assumption() -> None:
    bars = lay_out({"S": [100.0] * 60}, interval_ns=1_000_000_000)
    with pytest.raises(ConfigError, match="needs bars of 1 minute or more"):
        traded(bars)
    assert fills(traded(bars, **ASSUMED)) == []


def test_costs_are_those_of_the_account() -> None:
    session = held_after_fall((985.0, 986.0), costs=Costs(maker_fee_rate=0.0, taker_fee_rate=0.002, slippage_bps=10.0))
    ((_, _, qty, price),) = fills(session)
    assert price == approx(985.0 * 1.001)
    assert qty * price == approx(500.0)
    assert FREE.slippage_bps == 0.0


def test_a_refusal_is_noted_once_while_it_lasts_and_again_after_a_pause() -> None:
    # Refused at both ends of a flat stretch, whose plain index goes back to 50 in between.
    bars = {"S": [*walk(FALL), *[984.0] * 20, *[984.0 - 2.0 * step for step in range(1, 15)]]}
    session = traded(bars, cost_multiple=100.0, costs=Costs(), rsi_method="sma", **ASSUMED)
    assert [reason for reason, _, _ in noted(session)] == ["cost_gate", "cost_gate"]
    assert fills(session) == []
