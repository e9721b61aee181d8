"""Margin accounts at the venue: what orders need, what moves the wallet, funding, liquidation, guards."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.kernel.liquidation import deleverage
from ballast.kernel.margin_account import figures_at, refresh_reserves, set_leverage
from ballast.kernel.marks import NOW
from ballast.kernel.thresholds import MARGIN_RATE_GUARD
from ballast.model.enums import EngineRole, MarginModel, OrderType, PositionMode, Reason
from ballast.model.errors import ConfigError
from ballast.model.order_terms import Terms, order_cost
from tests.unit.kernel.margin_scenario import LONG, SHORT, funding_stamps, margin_venue, mark_bars, play
from tests.unit.kernel.scenario import BUY, SELL, amend, cancel, flat, limit, market, stop, stop_limit, timer
from tests.unit.kernel.test_margin import tier_table

ONE_WAY, HEDGE = PositionMode.ONE_WAY, PositionMode.HEDGE
COST_OF_TEN = 1_000.0 / 10.0 + 1_000.0 * 0.002 + 1_000.0 * 0.9 * 0.002
"""What 10 bought at 100 need with 10x: 100 of margin, 2 and 1.8 of fees."""


def long(qty: float, **more: Any) -> Any:
    return market(BUY, qty, position_side=LONG, **more)


def short(qty: float, **more: Any) -> Any:
    return market(SELL, qty, position_side=SHORT, **more)


def test_legs_open_and_close_apart_and_only_profit_and_fees_move_the_wallet() -> None:
    venue = margin_venue()
    plan = {
        "bar 0": [long(2.0), short(3.0)],
        "bar 1": [market(SELL, 9.0, position_side=LONG), market(BUY, 1.0, position_side=SHORT)],
    }
    assert play(venue, [flat(), flat(), flat(110.0)], plan) == [
        "60 filled buy long 2 @ 100",
        "60 filled sell short 3 @ 100",
        "120 filled sell long 2 @ 110",
        "120 filled buy short 1 @ 110",
    ]
    fees = (200 + 300 + 220 + 110) * 0.002
    assert venue.accounts[0].cash == pytest.approx(1_000.0 - fees + 20.0 - 10.0, rel=1e-12)
    assert venue.accounts[0].fees == pytest.approx(fees, rel=1e-12)
    assert venue.positions["qty"][:2].tolist() == [0.0, -2.0]


def test_one_position_turns_over_in_one_way_mode() -> None:
    venue = margin_venue(mode=ONE_WAY)
    said = play(venue, [flat(), flat(), flat(110.0)], {"bar 0": [market(BUY, 2.0)], "bar 1": [market(SELL, 5.0)]})
    assert said == ["60 filled buy 2 @ 100", "120 filled sell 5 @ 110"]
    assert venue.positions[0].qty == -3.0
    assert venue.positions[0].entry_price == 110.0


@pytest.mark.parametrize(
    ("mode", "ask"),
    [(HEDGE, market(BUY, 1.0)), (ONE_WAY, long(1.0)), (ONE_WAY, short(1.0))],
)
def test_the_position_side_must_fit_the_mode(mode: PositionMode, ask: Any) -> None:
    said = play(margin_venue(mode=mode), [flat(), flat()], {"bar 0": [ask]})
    assert len(said) == 1
    assert "rejected" in said[0]
    assert "wrong_position_side 1" in said[0]


@pytest.mark.parametrize(("cash", "passes"), [(COST_OF_TEN, True), (COST_OF_TEN - 1e-6, False)])
def test_an_order_needs_its_cost_to_the_last_cent(cash: float, passes: bool) -> None:
    (line,) = play(margin_venue(cash=cash), [flat(), flat()], {"bar 0": [long(10.0)]})
    assert line == ("60 filled buy long 10 @ 100" if passes else "60 rejected long insufficient_margin 10")


def test_textbook_orders_need_no_fees() -> None:
    said = play(margin_venue(cash=100.0, model=MarginModel.TEXTBOOK), [flat(), flat()], {"bar 0": [long(10.0)]})
    assert said == ["60 filled buy long 10 @ 100"]


def test_resting_orders_that_open_hold_their_cost_until_they_fill_or_go() -> None:
    venue = margin_venue(cash=2.0 * order_cost(900.0, BUY, Terms(0, 10.0, 0.002)))
    order = limit(BUY, 10.0, 90.0, position_side=LONG)
    plan = {"bar 0": [order, order, order], "bar 1": [cancel(position_side=LONG)], "bar 2": [order]}
    said = play(venue, [flat()] * 4, plan)
    assert said == [
        "60 rejected long insufficient_margin 10",
        "120 cancelled long cancelled_by_strategy 10",
        "120 cancelled long cancelled_by_strategy 10",
    ]
    refresh_reserves(venue)
    figures = figures_at(venue, 0, NOW)
    assert figures.initial_margin == pytest.approx(900.0 * (0.1 + 0.002 + 0.9 * 0.002), rel=1e-12)
    assert figures.available == figures.equity - figures.initial_margin
    # As if filled at 90: 900 x 1 % and its closing fee.
    assert figures.maintenance_margin == pytest.approx(900.0 * (0.01 + 0.9 * 0.002), rel=1e-12)


def test_what_a_resting_order_held_is_not_asked_for_again_when_it_fills() -> None:
    venue = margin_venue(cash=order_cost(900.0, BUY, Terms(0, 10.0, 0.002)))
    plan = {"bar 0": [limit(BUY, 10.0, 90.0, position_side=LONG)]}
    assert play(venue, [flat(), flat(), (95, 95, 89, 90)], plan) == [f"{140 + 20 * 5 / 6:.6g} filled buy long 10 @ 90"]
    assert venue.positions[0].qty == 10.0


def test_what_the_market_leaves_of_a_taker_holds_its_cost() -> None:
    venue = margin_venue(cash=300.0, participation=0.1)
    scarce = [flat(), (100, 100, 100, 100, 10), (100, 100, 100, 100, 0), flat()]
    large, other = limit(BUY, 20.0, 101.0, position_side=LONG), limit(BUY, 10.0, 90.0, position_side=LONG)
    said = play(venue, scarce[:3], {"bar 0": [large], "bar 1": [other]})
    assert said == ["60 part buy long 1 @ 100", "120 rejected long insufficient_margin 10"]
    refresh_reserves(venue)
    # One held at 100, and 19 that rest at 101.
    margins = 100.0 * (0.1 + 0.9 * 0.002) + 1_919.0 * (0.1 + 0.002 + 0.9 * 0.002)
    assert figures_at(venue, 0, NOW).initial_margin == pytest.approx(margins, rel=1e-12)


def test_what_is_left_of_a_taker_and_cannot_be_paid_is_cancelled() -> None:
    venue = margin_venue(cash=100.0, participation=0.1)
    scarce = [flat(), (100, 100, 100, 100, 10), (100, 100, 100, 100, 0)]
    said = play(venue, scarce, {"bar 0": [limit(BUY, 20.0, 101.0, position_side=LONG)]})
    assert said == ["60 part buy long 1 @ 100", "60 cancelled long insufficient_margin 19"]


def test_targets_and_untriggered_stops_need_nothing() -> None:
    venue = margin_venue(cash=COST_OF_TEN)
    plan = {
        "order 1": [
            limit(SELL, 10.0, 120.0, position_side=LONG),
            stop(BUY, 50.0, 150.0, position_side=LONG),
            stop_limit(SELL, 50.0, 50.0, 50.0, position_side=SHORT),
        ],
        "bar 0": [long(10.0)],
    }
    said = play(venue, [flat(), flat(), flat()], plan)
    assert said == ["60 filled buy long 10 @ 100"]
    refresh_reserves(venue)
    assert figures_at(venue, 0, NOW).initial_margin == pytest.approx(101.8, rel=1e-12)


@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.STOP_LIMIT])
def test_a_conditional_order_short_of_margin_at_its_trigger_is_cancelled(kind: OrderType) -> None:
    ask = {**stop_limit(BUY, 50.0, 105.0, 104.0, position_side=LONG), "type": kind}
    said = play(margin_venue(cash=100.0), [flat(), (100, 110, 100, 110)], {"bar 0": [ask]})
    assert len(said) == 1
    assert said[0].endswith("cancelled long insufficient_margin 50")


def test_what_reduces_needs_no_margin() -> None:
    venue = margin_venue(cash=COST_OF_TEN)
    plan = {"bar 0": [long(10.0)], "bar 1": [market(SELL, 10.0, position_side=LONG, reduce_only=True)]}
    assert play(venue, [flat(), flat(), flat()], plan)[1:] == ["120 filled sell long 10 @ 100"]


def test_an_amended_order_is_charged_anew() -> None:
    venue = margin_venue(cash=100.0)
    plan = {
        "bar 0": [limit(BUY, 5.0, 90.0, position_side=LONG)],
        "bar 1": [amend(position_side=LONG, qty=20.0, price=nan, trigger_price=nan)],
    }
    assert play(venue, [flat()] * 4, plan) == ["120 rejected long insufficient_margin 20"]


def test_closing_orders_in_one_way_mode_are_netted_one_by_one() -> None:
    venue = margin_venue(mode=ONE_WAY, cash=200.0)
    plan = {"bar 0": [market(BUY, 10.0)], "order 1": [limit(SELL, 8.0, 110.0), limit(SELL, 8.0, 120.0)]}
    assert play(venue, [flat(), flat()], plan) == ["60 filled buy 10 @ 100"]
    refresh_reserves(venue)
    # Two of the first order's rest close; the other six of the second would open at 120.
    cost = order_cost(6.0 * 120.0, SELL, Terms(0, 10.0, 0.002))
    assert figures_at(venue, 0, NOW).initial_margin == pytest.approx(101.8 + cost, rel=1e-12)


def test_an_order_is_never_netted_against_the_other_leg() -> None:
    venue = margin_venue(cash=COST_OF_TEN + 50.0)
    said = play(venue, [flat(), flat()], {"bar 0": [long(10.0), short(10.0)]})
    assert said == ["60 filled buy long 10 @ 100", "60 rejected short insufficient_margin 10"]


def test_leverage_binds_positions_orders_and_itself() -> None:
    venue = margin_venue(cash=10_000.0, leverage=50.0)
    plan = {"bar 0": [limit(BUY, 5.0, 90.0, position_side=LONG)], "bar 1": [long(5.5), long(0.01)]}
    assert play(venue, [flat()] * 3, plan) == [
        "120 filled buy long 5.5 @ 100",
        "120 rejected long above_risk_limit 0.01",
    ]
    assert set_leverage(venue, 0, 0, 51.0) == Reason.ABOVE_RISK_LIMIT
    assert set_leverage(venue, 0, 0, 0.5) == Reason.INVALID_QTY
    assert set_leverage(venue, 0, 0, 20.0) == Reason.NONE
    assert venue.positions[0].leverage == venue.positions[1].leverage == 20.0
    venue.accounts[0].cash = 500.0
    assert set_leverage(venue, 0, 0, 1.0) == Reason.INSUFFICIENT_MARGIN
    assert venue.positions[0].leverage == 20.0


def test_lots_and_reductions_stay_with_their_leg() -> None:
    venue = margin_venue(lot=0.1)
    plan = {
        "bar 0": [long(2.05), market(SELL, 1.0, position_side=LONG, reduce_only=True)],
        "bar 1": [market(BUY, 1.0, position_side=SHORT), market(SELL, 5.0, position_side=LONG)],
    }
    assert play(venue, [flat()] * 3, plan) == [
        "60 filled buy long 2 @ 100",
        "60 filled sell long 1 @ 100",
        "120 rejected short nothing_to_reduce 1",
        "120 filled sell long 1 @ 100",
    ]


def test_funding_is_paid_on_what_is_held_at_the_stamp_at_its_mark() -> None:
    """Long 3 and short 1 at the stamp of second 120, which is bar 1's close, at mark 102; nothing before or after."""
    venue = margin_venue()
    marks = mark_bars([flat(100.0), (100.0, 103.0, 99.0, 102.0), flat(104.0), flat(104.0)])
    funding = funding_stamps((-60, 0.5), (60, 0.001), (120, 0.001), (170, 0.002), (1_000, 0.5))
    plan = {"bar 0": [long(3.0), short(1.0)], "funding 2": [market(SELL, 3.0, position_side=LONG)]}
    assert play(venue, [flat()] * 4, plan, marks=marks, funding=funding) == [
        "60 filled buy long 3 @ 100",
        "60 filled sell short 1 @ 100",
        "120 funding long 0.306",
        "120 funding short -0.102",
        "120 filled sell long 3 @ 100",
        "180 funding short -0.208",
    ]
    assert venue.accounts[0].funding_paid == pytest.approx(0.306 - 0.102 - 0.208, rel=1e-12)
    assert venue.accounts[0].cash == pytest.approx(1_000.0 - 1_000.0 * 0.001 * 1.4 - 0.0 + 0.004, abs=1e-9)


def test_stamps_before_the_first_open_are_not_paid() -> None:
    venue = margin_venue()
    venue.positions[0].qty, venue.positions[0].entry_price = 1.0, 100.0
    funding = funding_stamps((-7_200, 0.01), (-0.001, 0.01), (0, 0.02))
    assert play(venue, [flat(), flat()], {}, funding=funding) == ["0 funding long 2"]


def test_funding_in_a_gap_of_bars_is_paid_at_the_next_open() -> None:
    venue = margin_venue()
    bars = [flat(), flat(), flat()]
    said = play(venue, bars, {"bar 0": [long(1.0)]}, funding=funding_stamps((130, 0.01)))
    assert said == ["60 filled buy long 1 @ 100", "140 funding long 1"]


# 10 long at 100 with 104: 102 after the fee. 102 + 10 (m - 100) = 0.1 m + 1.8 at m = 899.8 / 9.9.
BUST_MARK = 899.8 / 9.9
# All that is left, 102 + 10 (m - 100), less the fee at the price itself: 10 p x 0.998 = 898.
BANKRUPTCY_PRICE = 898.0 / 9.98


def test_a_long_is_taken_over_where_its_maintenance_eats_the_balance() -> None:
    venue = margin_venue(cash=104.0)
    heard: list[float] = []
    said = play(
        venue,
        [flat(), flat(), (100, 100, 80, 80)],
        {"bar 0": [long(10.0)], "order 1": [limit(SELL, 10.0, 150.0, position_side=LONG)]},
        hear=lambda moment: heard.append(float(venue.markets[0].mark)),
    )
    second = 120 + 20 * 0.0 + 20 + 20 * (100 - BUST_MARK) / 20  # the high is the open: the fall is the second third
    assert said == [
        "60 filled buy long 10 @ 100",
        f"{second:.6g} filled sell long 10 @ {BANKRUPTCY_PRICE:.8g} liquidation",
        f"{second:.6g} cancelled long liquidation 10",
    ]
    assert heard[-2] == pytest.approx(BUST_MARK, abs=1e-8)
    account = venue.accounts[0]
    assert account.is_liquidated
    assert account.cash == pytest.approx(0.0, abs=1e-8)
    assert account.cash >= 0.0
    assert account.insurance_loss == pytest.approx(0.0, abs=1e-8)


def test_a_short_is_taken_over_above() -> None:
    """
    A short of 10 at 100 is in tier 2 from the first tick above: wallet 102.4, F = 100 x 1.1 x 0.002 x 10 = 2.2.

    102.4 - 10 (m - 100) = 0.02 x 10 m - 10 + 2.2 at m = 1 110.2 / 10.2; it is closed down to 1 000 first.
    """
    venue = margin_venue(cash=104.4)
    said = play(venue, [flat(), flat(), (100, 120, 100, 120)], {"bar 0": [short(10.0)]})
    second = 120 + 20 + 20 * (1_110.2 / 10.2 - 100) / 20
    assert said[1].startswith(f"{second:.6g} filled buy short")
    assert said[1].endswith("liquidation")
    assert venue.accounts[0].is_liquidated
    assert venue.accounts[0].cash >= 0.0


def test_the_mark_liquidates_and_not_the_last_price() -> None:
    venue = margin_venue(cash=104.0)
    marks = mark_bars([flat(), flat(), (100, 100, 80, 80)])
    said = play(venue, [flat(), flat(), flat()], {"bar 0": [long(10.0)]}, marks=marks)
    assert said[1].endswith(f"filled sell long 10 @ {BANKRUPTCY_PRICE:.8g} liquidation")
    venue = margin_venue(cash=104.0)
    marks = mark_bars([flat(), flat(), flat()])
    said = play(venue, [flat(), flat(), (100, 100, 80, 80)], {"bar 0": [long(10.0)]}, marks=marks)
    assert said == ["60 filled buy long 10 @ 100"]


def test_what_a_gap_costs_beyond_the_balance_the_insurance_fund_pays() -> None:
    """At an open of 85 the balance is 102 - 150 = -48, and closing at the bankruptcy price costs 10 x p x 0.002."""
    venue = margin_venue(cash=104.0)
    said = play(venue, [flat(), flat(), flat(85.0)], {"bar 0": [long(10.0)]})
    assert said[1] == f"120 filled sell long 10 @ {BANKRUPTCY_PRICE:.8g} liquidation"
    account = venue.accounts[0]
    assert account.cash == pytest.approx(0.0, abs=1e-8)
    assert account.cash >= 0.0
    assert account.insurance_loss == pytest.approx(48.0 + 10.0 * BANKRUPTCY_PRICE * 0.002, rel=1e-9)


def test_cancelling_orders_may_be_enough() -> None:
    """
    10 long at 100 and a bid for 9 at 60, 20x: the two are charged as if both were held, which is tier 2.

    F = 100 x 0.95 x 0.002 x 10 = 1.9, the bid's 540 x 0.95 x 0.002 = 1.026, the wallet 300 less 2.
    """
    venue = margin_venue(cash=300.0, leverage=20.0)
    plan = {"bar 0": [long(10.0)], "order 1": [limit(BUY, 9.0, 60.0, position_side=LONG)]}
    said = play(venue, [flat(), flat(), (100, 100, 71.5, 100)], plan)
    mark = (1_000.0 - 298.0 + 0.02 * 540.0 - 10.0 + 1.9 + 1.026) / (10.0 - 0.2)
    second = 120 + 20 + 20 * (100 - mark) / 28.5
    assert said == ["60 filled buy long 10 @ 100", f"{second:.6g} cancelled long liquidation 9"]
    assert venue.positions[0].qty == 10.0
    assert not venue.accounts[0].is_liquidated


def test_a_position_in_a_higher_tier_is_first_closed_down_to_the_lower() -> None:
    """
    60 long at 100: tier 3. Wallet 750 less 12; F = 100 x 0.9 x 0.002 x 60 = 10.8.

    738 + 60 (m - 100) = 0.05 x 60 m - 160 + 10.8 at m = 5 112.8 / 57; what is kept there is 5 000, tier 2's end.
    """
    venue = margin_venue(cash=750.0, lot=0.01)
    said = play(venue, [flat(), flat(), (100, 100, 89.6, 89.6)], {"bar 0": [long(60.0)]})
    mark = (6_000.0 - 738.0 - 160.0 + 10.8) / 57.0
    kept = int(5_000.0 / mark * 100.0) / 100.0
    assert len(said) == 2
    assert said[1].endswith(f"filled sell long {60.0 - kept:.8g} @ {mark:.8g} liquidation")
    assert venue.positions[0].qty == kept
    assert venue.accounts[0].cash == pytest.approx(
        738.0 + (60.0 - kept) * (mark - 100.0) - (60.0 - kept) * mark * 0.002, rel=1e-9
    )


def test_two_symbols_stand_and_fall_together() -> None:
    venue = margin_venue(cash=204.0, n_symbols=2)
    bars = [[flat(), flat(), (100, 100, 70, 70)], [flat(), flat(), (100, 100, 70, 70)]]
    plan = {"bar 0": [long(9.0), market(SELL, 5.0, position_side=SHORT, symbol=1)]}
    said = play(venue, bars, plan)
    # Net 4 long: equity 200 (after 2.8 of fees 201.2) + 4 (m - 100) against 0.14 m + F; all legs go at once.
    fees = 9 * 100 * 0.9 * 0.002 + 5 * 100 * 1.1 * 0.002
    mark = (400.0 - 201.2 + fees) / (4.0 - 0.14)
    assert mark < 70.0  # never reached: the hedge across symbols carries it
    assert len(said) == 2
    venue = margin_venue(cash=204.0, n_symbols=2)
    bars[1] = [flat(), flat(), (100, 125, 100, 125)]
    said = play(venue, bars, plan)
    assert [line.split(" ", 1)[1].split(" @")[0] for line in said[2:]] == [
        "filled sell s0 long 9",
        "filled buy s1 short 5",
    ]
    assert venue.accounts[0].cash == pytest.approx(0.0, abs=1e-8)
    assert venue.accounts[0].cash >= 0.0
    assert (venue.positions["qty"] == 0.0).all()


@given(
    st.floats(min_value=1.0, max_value=30.0),
    st.floats(min_value=0.0, max_value=30.0),
    st.floats(min_value=60.0, max_value=140.0),
    st.sampled_from([MarginModel.BYBIT_UNIFIED, MarginModel.TEXTBOOK]),
    st.floats(min_value=1.0, max_value=2_000.0),
)
def test_the_quick_bound_never_hides_a_liquidation(
    long_qty: float, short_qty: float, price: float, model: MarginModel, cash: float
) -> None:
    """A walk with marks far apart in one bar ends as a walk that is forced to look at every point."""

    def end(*, forced: bool) -> tuple[bool, float]:
        venue = margin_venue(cash=1e6, model=model)
        account = venue.accounts[0]
        for leg, qty in enumerate((long_qty, -short_qty)):
            venue.positions[leg].qty, venue.positions[leg].entry_price = qty, 100.0 if qty else nan
        account.cash = cash
        # A stamp that costs nothing at the bar's end: nothing is calm before it.
        funding = funding_stamps((120, 0.0)) if forced else None
        play(venue, [flat(), (100, max(100, price), min(100, price), price)], {}, funding=funding)
        return bool(account.is_liquidated), float(account.cash)

    assert end(forced=False) == end(forced=True)


def test_a_debt_without_positions_is_forgiven_and_told() -> None:
    venue = margin_venue(cash=-5.0)
    assert play(venue, [flat(), flat()], {"bar 0": [timer(90)]}) == ["0 insurance -5", "100 timer 0 at 100"]
    assert venue.accounts[0].cash == 0.0
    assert venue.accounts[0].insurance_loss == 5.0


def test_a_guard_fires_once_where_its_line_is_crossed() -> None:
    venue = margin_venue()
    venue.guards[7].is_armed, venue.guards[7].offset, venue.guards[7].weight[0] = True, -95.0, 1.0
    bars = [flat(), (100, 100, 90, 90), flat(90.0)]
    assert play(venue, bars, {}) == ["90 ladder 7 at 95"]


def test_of_two_guards_the_first_on_the_way_fires_first() -> None:
    venue = margin_venue()
    for k, level in ((2, 92.0), (3, 96.0)):
        venue.guards[k].is_armed, venue.guards[k].offset, venue.guards[k].weight[0] = True, -level, 1.0
    assert play(venue, [flat(), (100, 100, 90, 90)], {}) == ["88 ladder 3 at 96", "96 ladder 2 at 92"]


def test_a_guard_armed_beyond_its_line_fires_at_the_next_point() -> None:
    venue = margin_venue()

    def arm(moment: str) -> None:
        if moment == "timer 1":
            venue.guards[0].is_armed, venue.guards[0].offset, venue.guards[0].weight[0] = True, -200.0, 1.0

    plan = {"bar 0": [timer(61)], "ladder 1": [timer(115)]}
    assert play(venue, [flat(), flat(), flat()], plan, hear=arm) == [
        "80 timer 0 at 100",
        "100 ladder 0 at 100",
        "120 timer 0 at 100",
    ]


def test_a_gap_fires_a_guard_at_the_open() -> None:
    venue = margin_venue()
    venue.guards[0].is_armed, venue.guards[0].offset, venue.guards[0].weight[0] = True, 95.0, -1.0
    assert play(venue, [flat(90.0), flat(96.0)], {}) == ["60 ladder 0 at 96"]


def test_the_margin_rate_guard_fires_where_its_rate_is_reached() -> None:
    """10 long at 100, wallet 102: (0.1 m + 1.8) / (10 m - 898) = 0.5 at m = 450.8 / 4.9."""
    venue = margin_venue(cash=104.0)
    venue.accounts[0].mm_guard_rate = 0.5
    said = play(venue, [flat(), flat(), (100, 100, 91.5, 91.5)], {"bar 0": [long(10.0)]})
    second = 140 + 20 * (100 - 450.8 / 4.9) / 8.5
    assert said[1:] == [f"{second:.6g} ladder {MARGIN_RATE_GUARD} at {450.8 / 4.9:.8g}"]
    assert venue.accounts[0].mm_guard_rate == 0.0


def test_adl_closes_a_part_at_the_venues_price() -> None:
    venue = margin_venue()
    play(venue, [flat(), flat()], {"bar 0": [long(4.0)]})
    cash = venue.accounts[0].cash
    deleverage(venue, 0, 0, LONG, 3.0, 110.0)
    assert venue.accounts[0].cash == pytest.approx(cash + 30.0 - 330.0 * 0.002, rel=1e-12)
    assert venue.positions[0].qty == 1.0
    event = venue.events[venue.clock.events_written - 1]
    assert (event.reason, event.role, event.order_id) == (Reason.ADL, EngineRole.LIQUIDATION, 0)
    deleverage(venue, 0, 0, LONG, 9.0, 110.0)
    assert venue.positions[0].qty == 0.0
    assert not venue.accounts[0].is_liquidated


def test_tiers_must_be_there_and_in_order() -> None:
    from ballast.kernel.venue import tier_ranges

    with pytest.raises(ConfigError, match="none for symbol 1"):
        tier_ranges(tier_table((inf, 0.01, 0.0, 50.0)), 2)
    with pytest.raises(ConfigError, match="not ascending"):
        tier_ranges(tier_table((inf, 0.01, 0.0, 50.0), (100.0, 0.01, 0.0, 50.0)), 1)
