"""Accounts at an FX broker, by hand: money in the account's currency, margin by leverage, the stop-out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.run import result_of
from ballast.model.enums import EventKind, Reason, Side
from tests.unit.backtest.fx_runs import Bars, fx_run

BUY, SELL = Side.BUY, Side.SELL


def fills(session: Any) -> Any:
    return session.engine.fills[: int(session.engine.log.n_fills)]


def test_a_tenth_of_a_lot_of_eurusd_in_dollars() -> None:
    # 10,000 EUR from 1.30 to 1.31: 100 USD; 0.0035 % of 13,000 and of 13,100 in fees; a thirtieth of 13,000 is held.
    bars = {"EURUSD": [1.30, 1.30, 1.305, 1.31, 1.31]}
    session = fx_run(bars, {0: [(0, BUY, 10_000)], 3: [(0, SELL, 10_000)]}, account={"fee_rate": 0.000035})
    points = session.engine.margin
    assert points["initial_margin"][1] == pytest.approx(13_000 / 30)
    assert points["maintenance_margin"][1] == pytest.approx(13_000 / 60)
    assert session.engine.equity[2] == pytest.approx(10_000 + 50 - 0.455)
    assert session.final_equity == pytest.approx(10_000 + 100 - 0.455 - 0.4585, abs=1e-9)
    assert session.venue.accounts[0].cash == session.engine.strategy_view.cash


def test_an_ounce_of_gold_short() -> None:
    bars = {"XAUUSD": [1_300.0, 1_300.0, 1_290.5, 1_290.5]}
    session = fx_run(bars, {0: [(0, SELL, 1.0)], 2: [(0, BUY, 1.0)]}, account={"leverage": 20})
    assert session.engine.margin["initial_margin"][1] == pytest.approx(65.0)
    assert session.final_equity == pytest.approx(10_009.5)


def test_a_hundredth_of_a_lot_is_the_least_unless_something_else_is_said() -> None:
    bars = {"XAUUSD": [1_300.0] * 4}
    session = fx_run(bars, {0: [(0, BUY, 0.5)], 1: [(0, BUY, 2.7)]})
    assert [(event["qty"], event["price"]) for event in fills(session)] == [(2.0, 1_300.0)]
    assert session.engine.log.rejects[Reason.BELOW_LOT] == 1
    own = fx_run(bars, {0: [(0, BUY, 0.5)]}, instruments={"XAUUSD": {"lot_step": 0.1}})
    assert fills(own)["qty"].tolist() == [0.5]


def test_dollars_of_usdjpy_come_by_its_own_price() -> None:
    # 1,000 USD from 150 to 151.50: 1,500 JPY, at 151.5, the last close before the sale: 9.900990 USD.
    bars = {"USDJPY": [150.0, 150.0, 151.5, 151.5]}
    session = fx_run(bars, {0: [(0, BUY, 1_000)], 2: [(0, SELL, 1_000)]})
    assert session.engine.margin["initial_margin"][1] == pytest.approx(1_000 / 30)
    assert session.engine.equity[2] == pytest.approx(10_000 + 1_500 / 151.5)
    assert fills(session)["quote_rate"].tolist() == [1 / 150, 1 / 151.5]
    assert session.final_equity == pytest.approx(10_000 + 1_500 / 151.5)


def test_gbpusd_on_an_account_in_euros_goes_through_eurusd() -> None:
    # 10,000 GBP from 1.60 to 1.62: 200 USD; at 1.25 USD a EUR 160 EUR. Fees: 0.01 % of 16,000 / 1.28 and 16,200 / 1.25.
    bars = {"GBPUSD": [1.60, 1.60, 1.62, 1.62], "EURUSD": [1.28, 1.28, 1.25, 1.30]}
    account = {"currency": "EUR", "fee_rate": 0.0001}
    session = fx_run(bars, {0: [(0, BUY, 10_000)], 2: [(0, SELL, 10_000)]}, account=account)
    assert session.engine.margin["initial_margin"][1] == pytest.approx(16_000 / 1.28 / 30)
    assert fills(session)["fee"].tolist() == pytest.approx([1.25, 1.296])
    assert session.final_equity == pytest.approx(10_000 + 160 - 1.25 - 1.296)
    result = result_of(session)
    assert result.round_trips.closed["pnl"].tolist() == pytest.approx([160 - 1.25 - 1.296])
    assert sum(leg.net for leg in result.legs) == pytest.approx(session.final_equity - 10_000)


def test_a_fixed_rate_stands_over_a_symbol_of_the_run() -> None:
    bars = {"GBPUSD": [1.60, 1.60, 1.62, 1.62], "EURUSD": [1.28] * 4}
    session = fx_run(
        bars, {0: [(0, BUY, 10_000)]}, account={"currency": "EUR"}, instruments={"GBPUSD": {"conversion_rate": 0.75}}
    )
    assert session.final_equity == pytest.approx(10_000 + 200 * 0.75)
    assert sum(leg.net for leg in result_of(session).legs) == pytest.approx(150.0)


def test_nothing_opens_while_the_rate_is_unknown() -> None:
    bars: Bars = {"GBPUSD": [1.60] * 5, "EURUSD": [None, None, 1.28, 1.28, 1.28]}
    session = fx_run(bars, {0: [(0, BUY, 10_000)], 2: [(0, BUY, 10_000)]}, account={"currency": "EUR"})
    assert session.engine.log.rejects[Reason.NO_PRICE] == 1
    assert fills(session)["price"].tolist() == [1.60]
    assert np.isfinite(session.engine.equity).all()


def test_what_leverage_does_not_cover_is_refused() -> None:
    # 231,000 EUR at 1.30 need 10,010 USD.
    bars = {"EURUSD": [1.30] * 4}
    session = fx_run(bars, {0: [(0, BUY, 231_000)], 1: [(0, BUY, 230_000)]})
    assert session.engine.log.rejects[Reason.INSUFFICIENT_MARGIN] == 1
    assert fills(session)["qty"].tolist() == [230_000.0]


def test_a_limit_order_sets_its_margin_aside_in_account_currency() -> None:
    # 1,000,000 GBP at 1.50, 1.25 USD a EUR, leverage 120: 10,000 EUR, all there is; the next order finds nothing.
    bars = {"GBPUSD": [1.60] * 5, "EURUSD": [1.25] * 5}
    plan = {0: [(0, BUY, 1_000_000, 1.50)], 2: [(0, BUY, 1_000)]}
    session = fx_run(bars, plan, account={"currency": "EUR", "leverage": 120})  # type: ignore[arg-type]
    assert session.engine.margin["initial_margin"][1] == pytest.approx(10_000.0)
    assert session.engine.log.rejects[Reason.INSUFFICIENT_MARGIN] == 1


def test_the_stop_out_comes_at_half_the_used_margin() -> None:
    # 1,000 + 20,000 (m - 1.30) = 20,000 m / 60 where m = 25,000 / 19,666.667.
    mark = 25_000 / (20_000 - 20_000 / 60)
    account = {"initial_capital": 1_000.0}
    instruments = {"EURUSD": {"tick": 1e-9}}
    bars: Bars = {"EURUSD": [1.30, 1.30, (1.30, 1.25), 1.25]}
    session = fx_run(bars, {0: [(0, BUY, 20_000)]}, account=account, instruments=instruments)
    _, stopped = fills(session)
    assert (stopped["reason"], stopped["side"], stopped["qty"]) == (Reason.LIQUIDATION, SELL, 20_000.0)
    assert stopped["price"] == pytest.approx(mark, abs=2e-9)
    assert session.final_equity == pytest.approx(1_000 + 20_000 * (mark - 1.30), abs=1e-4)
    assert session.engine.strategy_view.liquidated
    # Half a pip above it nothing happens.
    above = fx_run(
        {"EURUSD": [1.30, 1.30, (1.30, mark + 0.00005), 1.30]},
        {0: [(0, BUY, 20_000)]},
        account=account,
        instruments=instruments,
    )
    assert len(fills(above)) == 1


def test_the_stop_out_level_is_a_setting() -> None:
    bars: Bars = {"EURUSD": [1.30, 1.30, (1.30, 1.28), 1.28]}
    calm = fx_run(bars, {0: [(0, BUY, 20_000)]}, account={"initial_capital": 1_000.0})
    assert len(fills(calm)) == 1
    strict = fx_run(bars, {0: [(0, BUY, 20_000)]}, account={"initial_capital": 1_000.0, "stop_out_level_pct": 100})
    assert len(fills(strict)) == 2


def test_the_largest_loser_goes_first_and_the_rest_stays_when_that_is_enough() -> None:
    # At 1.28 the EUR have lost 400, the GBP 100; the GBP alone need only 160 / 2.
    bars: Bars = {"GBPUSD": [1.60, 1.60, (1.60, 1.59), 1.59], "EURUSD": [1.30, 1.30, (1.30, 1.27), 1.27]}
    plan = {0: [(0, BUY, 3_000), (1, BUY, 20_000)]}
    session = fx_run(bars, plan, account={"initial_capital": 1_050.0})
    closed = [int(event["symbol"]) for event in fills(session) if event["reason"] == Reason.LIQUIDATION]
    assert closed == [1]
    assert session.engine.strategy_view.position_qty[0] == 3_000.0


def test_a_gap_through_zero_is_forgiven() -> None:
    bars = {"EURUSD": [1.30, 1.30, 1.20, 1.20]}
    session = fx_run(bars, {0: [(0, BUY, 20_000)]}, account={"initial_capital": 1_000.0})
    account = session.venue.accounts[0]
    assert account.insurance_loss == pytest.approx(1_000.0)
    assert (account.cash, session.final_equity) == (0.0, 0.0)
    assert session.venue.events["kind"][: session.venue.clock.events_written].tolist()[-1] == EventKind.INSURANCE


def test_a_loser_without_a_bar_is_closed_at_its_last_price() -> None:
    bars: Bars = {"EURUSD": [1.30, 1.30, 1.27, None, 1.27], "GBPUSD": [1.60, 1.60, 1.60, (1.60, 1.54), 1.54]}
    plan = {0: [(0, BUY, 10_000), (1, BUY, 3_000)]}
    session = fx_run(bars, plan, account={"initial_capital": 700.0})
    stopped = [event for event in fills(session) if event["reason"] == Reason.LIQUIDATION]
    assert [(int(event["symbol"]), event["price"]) for event in stopped] == [(0, 1.27)]


WALK = st.lists(st.floats(-0.03, 0.03), min_size=8, max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    gbp=WALK,
    eur=WALK,
    sizes=st.lists(st.integers(-40, 40), min_size=8, max_size=8),
    capital=st.sampled_from([600.0, 3_000.0]),
    fee_rate=st.sampled_from([0.0, 0.0005]),
)
def test_money_is_conserved_in_the_accounts_currency(
    gbp: list[float], eur: list[float], sizes: list[int], capital: float, fee_rate: float
) -> None:
    walks = {"GBPUSD": 1.6 * np.cumprod(1 + np.array(gbp)), "EURUSD": 1.25 * np.cumprod(1 + np.array(eur))}
    bars = {name: [float(price) for price in walk.round(5)] for name, walk in walks.items()}
    plan = {n: [(n % 2, BUY if size > 0 else SELL, abs(size) * 1_000.0)] for n, size in enumerate(sizes) if size}
    session = fx_run(bars, plan, account={"currency": "EUR", "initial_capital": capital, "fee_rate": fee_rate})
    qty, entry, cash = np.zeros(2), np.zeros(2), capital
    for event in fills(session):
        s, signed = int(event["symbol"]), float(event["side"] * event["qty"])
        closing = min(abs(signed), abs(qty[s])) if qty[s] * signed < 0 else 0.0
        cash += closing * np.sign(qty[s]) * (event["price"] - entry[s]) * event["quote_rate"] - event["fee"]
        after = qty[s] + signed
        if qty[s] * signed >= 0:
            entry[s] = (entry[s] * qty[s] + event["price"] * signed) / after
        elif abs(signed) > abs(qty[s]):
            entry[s] = event["price"]
        qty[s] = after
        known = 1 / float(session.frames["close"][: frame_of(session, event), 1][-1])
        assert event["quote_rate"] == known
        assert event["fee"] == pytest.approx(abs(signed) * event["price"] * known * fee_rate)
    account, last = session.venue.accounts[0], session.frames["close"][-1, :2]
    cash += account.insurance_loss
    assert account.cash == pytest.approx(cash, abs=1e-6)
    assert session.engine.strategy_view.cash == account.cash
    worth = cash + float(np.sum(qty * (last - entry))) / float(last[1])
    assert session.final_equity == pytest.approx(worth, abs=1e-6)
    result = result_of(session)
    assert sum(leg.net for leg in result.legs) + account.insurance_loss == pytest.approx(worth - capital, abs=1e-6)


def frame_of(session: Any, event: Any) -> int:
    """Return the frame in which an event happened: all before it have closed."""
    return int((event["time_ns"] - session.frames["ts_ns"][0]) // session.setup.frames.interval_ns)
