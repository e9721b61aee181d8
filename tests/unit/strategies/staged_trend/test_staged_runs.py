"""Staged trend following on the engine: the worked examples in whole runs, and what must hold at every close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.run import assumptions, result_of
from ballast.backtest.session import Session
from ballast.model.enums import EngineRole, LadderState, OrderType, PositionSide, Side
from ballast.strategies.staged_trend.chance import draw
from ballast.strategies.staged_trend.settings import MAX_TRADES, Reason, Role
from ballast.strategies.staged_trend.state import TradeStatus
from tests.conformance.markets import MINUTE_NS, START_NS, Quote
from tests.unit.backtest.fx_runs import Bars
from tests.unit.strategies.staged_trend.staged_run import (
    QUIET,
    START,
    fills,
    staged_run,
    staged_setup,
    told,
    with_slippage,
)

DOCUMENTED: list[Quote] = [
    1.1, (1.1, 1.10056), (1.10056, 1.10034), (1.10034, 1.10088), (1.10088, 1.10064), (1.10064, 1.1011),
]  # fmt: skip
"""A position of 0.01 lots that is worth 0.56, 0.34, 0.88, 0.64 and 1.10."""


def mirrored(bars: list[Quote]) -> list[Quote]:
    """Return the bars with every price as far below 1.1 as it stood above."""
    return [
        round(2.2 - bar, 5) if isinstance(bar, float) else (round(2.2 - bar[0], 5), round(2.2 - bar[1], 5))  # type: ignore[index]
        for bar in bars
    ]


def refused(session: Session, reason: Reason) -> list[int]:
    """Return the frames at whose close an entry was refused for a reason."""
    return [int((ns - START_NS) // MINUTE_NS) - 1 for ns in told(session, reason)["time_ns"]]


class TestTheElasticStop:
    def test_the_documented_sequence_stays_open_under_the_reconciled_stop(self) -> None:
        session = staged_run(START + DOCUMENTED)
        locks = told(session, Reason.LOCK)
        # 0.336, 0.528 and 0.80, each to the tick away from the market.
        assert locks["value"].tolist() == pytest.approx([0.33, 0.52, 0.80])
        assert locks["price"].tolist() == pytest.approx([1.10033, 1.10052, 1.1008])
        assert locks["peak"].tolist() == pytest.approx([0.56, 0.88, 1.10])
        assert locks["level"].tolist() == [1, 1, 1]
        assert len(fills(session)) == 1

    def test_the_literal_stop_ends_it_at_the_second_sample(self) -> None:
        session = staged_run(START + DOCUMENTED, risk={"elastic_trailing": {"mode": "literal"}})
        entry, stopped = fills(session)[:2]
        assert (entry["price"], stopped["price"]) == (1.1, 1.10046)
        assert result_of(session).round_trips.closed["pnl"][0] == pytest.approx(0.46)

    def test_a_short_is_its_mirror_image(self) -> None:
        session = staged_run(mirrored(START + DOCUMENTED), risk={"elastic_trailing": {"mode": "literal"}})
        entry, stopped = fills(session)[:2]
        assert (entry["side"], stopped["side"]) == (Side.SELL, Side.BUY)
        assert (entry["price"], stopped["price"]) == (1.1, 1.09954)

    def test_money_becomes_price_by_the_tick_value(self) -> None:
        # 1,000 USD of USDJPY: 0.10 USD are 0.015 JPY, and the stop locks a third of what a EURUSD stop's price would.
        path: list[Quote] = [*(149.99 for _ in range(5)), 150.0, 150.0, (150.0, 150.084), 150.084]
        session = staged_run({"USDJPY": path}, strategy={"min_stop_loss_pips": 1.0})
        (lock,) = told(session, Reason.LOCK)
        assert lock["peak"] == pytest.approx(84.0 / 150.0, abs=1e-3)
        assert lock["price"] == pytest.approx(150.0 + 0.6 * 0.084, abs=0.002)

    def test_a_lock_is_net_of_both_fees(self) -> None:
        session = staged_run(START + DOCUMENTED[:2], account={"fee_rate": 0.00005})
        peak = 0.56 - 1_000 * 0.00005 * 2.2
        (lock,) = told(session, Reason.LOCK)
        assert lock["peak"] == pytest.approx(peak, abs=1e-9)
        assert lock["value"] == pytest.approx(1_000 * (lock["price"] - 1.1) - 0.11, abs=1e-9)
        assert 0.6 * peak - 0.01 < lock["value"] <= 0.6 * peak

    def test_switched_off_it_leaves_the_plain_ladder(self) -> None:
        session = staged_run([*START, 1.1, (1.1, 1.1003), 1.1003], risk={"elastic_trailing": {"enabled": False}})
        assert told(session, Reason.LOCK)["value"].tolist()[-1] == pytest.approx(0.20)

    def test_what_a_bar_does_before_its_close_moves_no_stop(self) -> None:
        # Up to 0.56 and back within one bar: a path of four points would lock its very peak, which no clock sees.
        bars: list[Quote] = [*START, 1.1, (1.1, 1.1), (1.1, 1.1)]
        setup = staged_setup({"EURUSD": bars})
        setup.frames.records["high"][7, 0] = 1.10056
        session = Session(setup)
        session.run()
        assert len(told(session, Reason.LOCK)) == 0
        assert len(fills(session)) == 1


class TestEntries:
    def test_a_trade_has_its_stop_from_the_instant_of_its_fill(self) -> None:
        session = staged_run([*START, 1.1])
        (order,) = session.venue.orders[: session.venue.clock.n_orders]
        assert (order.type, order.side, order.reduce_only) == (OrderType.STOP, Side.SELL, True)
        # Two ATRs are two pips: the least of ten counts.
        assert (order.qty, order.trigger_price) == (1_000.0, 1.099)
        assert session.state.stages[0].tickets[0].risk == pytest.approx(1.0)

    def test_the_stop_counts_from_the_fill(self) -> None:
        session = Session(with_slippage(staged_setup({"EURUSD": [*START, 1.1, (1.1, 1.098)]}), 1.0))
        session.run()
        entry, stopped = fills(session)
        assert entry["price"] == pytest.approx(1.10011)
        assert stopped["price"] == pytest.approx(1.09911 - 0.00011, abs=2e-5)

    def test_lots_are_those_that_lose_the_allowed_risk(self) -> None:
        session = staged_run([*START, 1.1], strategy={"lot_mode": "risk"}, risk={"max_risk_per_trade_usd": 5.9})
        assert fills(session)["qty"].tolist() == [5_000.0]

    @pytest.mark.parametrize(("rise", "is_refused"), [(0.0010, False), (0.0012, True)])
    def test_the_least_lot_that_risks_too_much_is_refused(self, rise: float, is_refused: bool) -> None:
        # Two ATRs of 10 pips are 2.00, of 12 pips 2.40.
        session = staged_run([QUIET] * 5 + [QUIET + rise, QUIET + rise])
        assert (len(fills(session)) == 0) == is_refused
        assert (refused(session, Reason.MINIMUM_LOT_RISK) == [5]) == is_refused

    def test_a_least_quantity_between_two_lots_is_the_next_lot(self) -> None:
        between = {"EURUSD": {"lot_step": 1_000.0, "min_qty": 1_500.0}}
        session = staged_run([*START, 1.1], instruments=between)
        assert fills(session)["qty"].tolist() == [2_000.0]
        # Ten pips of 2,000 lose 2.00.
        poor = staged_run([*START, 1.1], instruments=between, risk={"max_risk_per_trade_usd": 1.9})
        assert refused(poor, Reason.MINIMUM_LOT_RISK) == [5]

    def test_the_least_order_value_is_met(self) -> None:
        # 1,650 dollars are 1,500 EUR at 1.1.
        valued = {"EURUSD": {"min_notional": 1_650.0}}
        session = staged_run([*START, 1.1], instruments=valued)
        assert fills(session)["qty"].tolist() == [2_000.0]
        poor = staged_run([*START, 1.1], instruments=valued, risk={"max_risk_per_trade_usd": 1.9})
        assert refused(poor, Reason.MINIMUM_LOT_RISK) == [5]

    def test_a_second_trade_joins_within_the_window_and_not_after_it(self) -> None:
        rising: list[Quote] = [round(1.1 + 0.0001 * k, 5) for k in range(1, 6)]
        quality = {"staged_quality_threshold": 0.0}
        joined = staged_run(START + rising, risk={"max_open_trades": 2, **quality})
        # Filled at the opens of frames 6 and 7: when the second was asked for the first was 60 s old.
        assert fills(joined)["frame"].tolist() == [6, 7]
        assert refused(joined, Reason.MAX_TRADES) == [7, 8, 9, 10]
        alone = staged_run(START + rising, risk={"max_open_trades": 2, **quality, "staged_open_window_seconds": 59.0})
        assert fills(alone)["frame"].tolist() == [6]
        assert refused(alone, Reason.WINDOW_EXPIRED) == [6, 7, 8, 9, 10]

    def test_a_second_trade_needs_quality_profit_and_the_same_direction(self) -> None:
        risk = {"max_open_trades": 2, "staged_open_window_seconds": 1_000.0}
        poor = staged_run([*START, 1.10002], risk={**risk, "staged_quality_threshold": 90.0})
        assert refused(poor, Reason.QUALITY) == [6]
        risk |= {"staged_quality_threshold": 0.0}
        against = staged_run([*START, 1.1, 1.09995], risk=risk)
        assert refused(against, Reason.TREND_MISMATCH) == [7]
        # 0.11 under water, and rising again.
        losing = staged_run([*START, 1.1, 1.0998, 1.09989], risk=risk)
        assert refused(losing, Reason.PROFIT) == [8]
        bearable = staged_run([*START, 1.1, 1.0998, 1.0999], risk=risk)
        assert refused(bearable, Reason.PROFIT) == []
        switched_off = staged_run([*START, 1.1, 1.1001], risk={**risk, "staged_open_enabled": False})
        assert refused(switched_off, Reason.STAGED_DISABLED) == [7]

    def test_the_cap_counts_all_symbols(self) -> None:
        bars: Bars = {"EURUSD": [*START, 1.1, 1.1001], "NZDUSD": [*START, 1.1, 1.1001]}
        session = staged_run(bars, risk={"max_open_trades": 1})
        # Of equal costs the first by name.
        assert fills(session)["symbol"].tolist() == [0]
        assert told(session, Reason.MAX_TRADES)["symbol"].tolist()[0] == 1

    def test_the_cheapest_symbol_is_asked_first_and_equals_by_name(self) -> None:
        # The fee of 0.01 lots grows with the price.
        bars: Bars = {"EURUSD": [*START, 1.1], "AUDUSD": [*START, 1.1], "NZDUSD": [0.7] * 5 + [0.7001, 0.7001]}
        session = staged_run(bars, account={"fee_rate": 0.00002})
        assert fills(session)["symbol"].tolist() == [2]
        free = staged_run(bars)
        assert fills(free)["symbol"].tolist() == [1]

    def test_what_costs_too_much_is_refused(self) -> None:
        # 1,000 EUR twice at 0.015 %: 0.33.
        dear = staged_run([*START, 1.1], account={"fee_rate": 0.00015})
        assert refused(dear, Reason.COST) == [5]

    def test_chance_leaves_entries_out_and_says_what_it_drew(self) -> None:
        session = staged_run([*START, 1.1], trading={"randomness_factor": 1.0})
        (note,) = told(session, Reason.RANDOMNESS)
        cycle = (START_NS + 6 * MINUTE_NS) // (30 * 10**9)
        assert note["value"] == draw(0, 0, cycle)
        assert len(fills(session)) == 0
        assert session.state.slots.n_pending == 0

    def test_the_compliance_screen_leaves_nothing_to_chance(self) -> None:
        halal = {"enabled": True, "swap_free_account": True}
        setup = staged_setup({"EURUSD": [*START, 1.1]}, trading={"randomness_factor": 1.0}, halal=halal)
        assert setup.params.randomness_factor == 0.0
        sentence = "The compliance screen leaves nothing to chance: trading.randomness_factor = 1 counts as 0."
        assert sentence in assumptions(setup)

    def test_entries_are_looked_for_at_the_first_close_of_each_cycle(self) -> None:
        bars: list[Quote] = [*START, *(1.1 + 0.0001 * k for k in range(1, 30))]
        session = staged_run(
            bars, interval_ns=10 * 10**9, trading={"randomness_factor": 0.0, "cycle_interval_seconds": 60}
        )
        seconds = (told(session, Reason.SIGNAL)["time_ns"] - START_NS) // 10**9
        assert seconds.tolist() == [60, 120, 180, 240, 300]

    def test_an_entry_that_the_next_bar_cannot_fill_is_gone(self) -> None:
        bars: list[Quote] = [*START, None, None, 1.1, 1.1]
        session = staged_run(bars, execution={"slippage_bps": 0.0, "max_stale_bars": 0})
        assert len(fills(session)) == 0
        assert refused(session, Reason.STALE_DATA) == [6, 7]
        assert session.state.slots.n_pending == 0
        assert (session.state.trades["status"] == TradeStatus.EMPTY).all()

    def test_nothing_opens_while_a_conversion_is_unknown(self) -> None:
        bars: Bars = {"GBPUSD": [*START, 1.1], "EURUSD": [None] * 6 + [1.25]}
        session = staged_run(bars, account={"currency": "EUR"})
        assert told(session, Reason.TERMS_UNKNOWN)["symbol"].tolist() == [0]
        assert len(fills(session)) == 0


class TestEndings:
    def test_a_trade_that_has_lasted_long_enough_is_closed(self) -> None:
        session = staged_run([*START, *[1.1] * 6], strategy={"max_duration_minutes": 3.0})
        entry, closed = fills(session)
        assert (entry["frame"], closed["frame"]) == (6, 9)
        assert closed["order_reason"] == Reason.MAX_DURATION
        assert session.venue.clock.n_orders == 0
        assert session.state.slots.n_open == 0

    def test_what_the_ladder_closes_is_no_trade_of_ours_any_more(self) -> None:
        falling: list[Quote] = [1.1, (1.1, 1.0995), *[1.0995] * 3]
        session = staged_run(
            START + falling,
            account={"initial_capital": 100.0},
            risk={"max_account_drawdown": 0.004, "max_side_margin_pct": 100.0},
        )
        assert session.engine.ladder.state == LadderState.EMERGENCY
        assert fills(session)["role"].tolist() == [Role.ENTRY, EngineRole.EMERGENCY]
        assert (session.state.trades["status"] == TradeStatus.EMPTY).all()
        assert (session.state.slots.n_open, session.state.stages[0].n_tickets) == (0, 0)
        assert session.venue.clock.n_orders == 0

    def test_what_the_broker_stops_out_is_no_trade_of_ours_any_more(self) -> None:
        session = staged_run(
            [*START, 1.1, 1.07, 1.07],
            account={"initial_capital": 45.0},
            risk={"profile": "off", "max_open_trades": 1, "max_risk_per_trade_usd": 50.0},
            strategy={"min_stop_loss_pips": 400.0, "max_stop_loss_pips": 400.0},
        )
        assert fills(session)["role"].tolist() == [Role.ENTRY, EngineRole.LIQUIDATION]
        assert (session.state.trades["status"] == TradeStatus.EMPTY).all()
        assert session.venue.clock.n_orders == 0

    def test_two_trades_of_a_symbol_end_one_by_one(self) -> None:
        # The first has made two pips when the second joins: its stop locks 0.12, the second's stands ten pips below.
        bars: list[Quote] = [*START, (1.1, 1.1001), 1.1002, (1.1002, 1.0991), 1.0991]
        session = staged_run(bars, risk={"max_open_trades": 2, "staged_quality_threshold": 0.0})
        assert fills(session)["cycle"].tolist() == [1, 2, 1, 2]
        assert fills(session)["price"].tolist() == [1.1, 1.1002, 1.10012, 1.0992]
        assert session.engine.strategy_view.position_qty[0] == 0.0


STEPS = st.lists(st.integers(-12, 12), min_size=30, max_size=60)


@settings(deadline=None, max_examples=40)
@given(
    steps=STEPS, wicks=st.integers(0, 8), participation=st.booleans(), mode=st.sampled_from(["reconciled", "literal"])
)
def test_at_every_close_each_open_trade_has_its_stop_and_all_trades_are_the_position(
    steps: list[int], wicks: int, participation: bool, mode: str
) -> None:
    prices = (1.1 + 0.0001 * np.cumsum(steps)).round(5).tolist()
    setup = staged_setup(
        {"EURUSD": prices, "NZDUSD": prices[::-1]},
        strategy={"max_duration_minutes": 9.0},
        risk={
            "max_open_trades": 3,
            "staged_quality_threshold": 0.0,
            "staged_open_window_seconds": 200.0,
            "elastic_trailing": {"mode": mode},
        },
        execution={"slippage_bps": 0.2, "volume_participation": 1.0 if participation else 0.0},
    )
    frames = setup.frames.records
    frames["high"][:, :2] += wicks * 0.0001
    frames["low"][:, :2] -= wicks * 0.0001
    if participation:
        frames["volume"][:, :2] = 1_500.0
    session = Session(setup)
    locks: dict[int, float] = {}
    for stop in range(1, len(frames) + 1):
        session.run(stop)
        assert_sound(session)
    for note in told(session, Reason.LOCK):
        assert note["value"] > locks.get(int(note["level"]), -np.inf)
        locks[int(note["level"])] = float(note["value"])


def assert_sound(session: Session) -> None:
    """Assert what holds at every close."""
    state, view = session.state, session.engine.strategy_view
    trades = state.trades
    is_open = trades["status"] == TradeStatus.OPEN
    assert state.slots.n_open == is_open.sum()
    assert is_open.sum() + (trades["status"] == TradeStatus.ASKED).sum() <= MAX_TRADES
    orders = session.venue.orders[: session.venue.clock.n_orders]
    for symbol in range(2):
        own = trades[is_open & (trades["symbol"] == symbol)]
        signs = np.where(own["side"] == PositionSide.LONG, 1.0, -1.0)
        assert np.sum(signs * own["qty"]) == pytest.approx(view.position_qty[2 * symbol], abs=1e-6)
        assert state.stages[symbol].n_tickets == len(own)
        assert len(set(own["side"].tolist())) <= 1
        for trade in own:
            assert_protected(trade, orders[orders["cycle"] == trade["ticket"]])


def assert_protected(trade: Any, orders: Any) -> None:
    stops = orders[orders["role"] == Role.STOP]
    assert trade["has_stop"] == (len(stops) == 1)
    if trade["is_closing"]:
        return
    assert trade["has_stop"]
    # Once triggered it is a market order for what participation has left.
    if stops["type"][0] == OrderType.STOP:
        # A move asked for at this close reaches the venue with the next bar.
        is_moving = stops["amend_ns"][0] != 0
        assert stops["amend_trigger_price" if is_moving else "trigger_price"][0] == trade["stop_price"]
        assert stops["qty"][0] == pytest.approx(trade["qty"])
