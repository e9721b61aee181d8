"""Ten doublings of 1 %, 75x, 1,000 of capital: where the documented ladder panics, and where the bare grid dies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.backtest.margin_result import action_counts
from ballast.backtest.run import result_of
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.enums import LadderState, MarginModel, PositionSide
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import Profile, risk_settings
from ballast.strategies.hedge_grid.settings import Role
from tests.conformance.markets import Quote
from tests.unit.strategies.hedge_grid.desk import MAKER, TAKER
from tests.unit.strategies.hedge_grid.grid_run import grid_setup, trend

LEVERAGE, CAPITAL, MAINTENANCE = 75.0, 1_000.0, 0.005


def martingale(profile: Profile, model: MarginModel, *, taker: float, tail: int = 0) -> Setup:
    """Return a climb of a tenth of a per cent a bar to beyond the tenth level, on a market without grids."""
    calm: list[Quote] = [100.0] * 30
    climb = trend(100.0, 1.001, 110)
    setup = grid_setup(
        {"A": [*calm, *climb, *(trend(climb[-1][1], 1 / 1.001, tail))]},  # type: ignore[index]
        capital=CAPITAL,
        leverage=LEVERAGE,
        # Beyond anything that happens here: the long leg stays as it is.
        take_profit_percent=50.0,
    )
    return replace(
        setup,
        instruments=None,
        margin_model=model,
        costs=Costs(maker_fee_rate=MAKER if taker else 0.0, taker_fee_rate=taker, slippage_bps=0.0),
        risk=risk_settings({"profile": int(profile)}, has_margin=True),
    )


def run(setup: Setup) -> Session:
    session = Session(setup)
    session.run()
    return session


def shorts(session: Session) -> Any:
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    is_entry = (fills["role"] == Role.OPEN) | (fills["role"] == Role.AVERAGE)
    return fills[is_entry & (fills["position_side"] == PositionSide.SHORT)]


def test_the_documented_ladder_panics_with_the_fourth_short_and_never_leaves() -> None:
    session = run(martingale(Profile.DOCUMENTED, MarginModel.TEXTBOOK, taker=0.0, tail=400))
    entries = shorts(session)
    assert entries["price"].tolist() == pytest.approx([100.0, 101.0, 102.01, 103.0301], rel=1e-9)
    assert entries["qty"].tolist() == pytest.approx([0.75, 1.5, 3.0, 6.0], rel=1e-9)
    moves = session.engine.moves[: int(session.engine.log.n_moves)]
    assert [(m["before"], m["after"], m["reason"]) for m in moves] == [
        (LadderState.NORMAL, LadderState.PANIC, LadderReason.LOW_MARGIN)
    ]
    assert moves["time_ns"][0] == entries["time_ns"][3]
    # The example leaves the long leg's gain out: 0.75 coins, 3.0301 each.
    assert moves["available_for_trading"][0] == pytest.approx(-290.59 + 0.75 * 3.0301, abs=0.0051)
    assert session.engine.strategy_view.ladder_state == LadderState.PANIC
    assert session.engine.strategy_view.price[0] < 100.0


def documented_by_hand() -> list[float]:
    """Return A with 1, 2, 3 and 4 shorts: equity, less both legs' margin, less 1.17 times the whole net notional."""
    found = []
    for n in range(1, 5):
        price = 100.0 * 1.01 ** (n - 1)
        profit = sum(0.75 * 2**k * (100.0 * 1.01**k - price) for k in range(n))
        qty = 0.75 * (2**n - 1)
        found.append(CAPITAL + profit - (qty + 0.75) * price / LEVERAGE - 1.17 * (qty - 0.75) * price)
    return found


def test_the_example_is_what_its_arithmetic_says() -> None:
    assert documented_by_hand() == pytest.approx([998.00, 817.96, 451.73, -290.59], abs=0.0051)


def death_by_hand(model: MarginModel, taker: float) -> tuple[int, float]:
    """
    Return how many shorts the account can pay for, and the price at which its maintenance margin has eaten it.

    A short is paid for if what is available covers its order: margin, and where fees for closing are set aside,
    both fees. Once none is, equity and maintenance margin are lines in the price, and they meet at one price.
    """
    share = 1.0 / LEVERAGE
    wallet = CAPITAL - 2 * 0.75 * 100.0 * taker
    qty, value = 0.75, 75.0
    n = 1
    while n < 10:
        price = 100.0 * 1.01**n
        added = 0.75 * 2**n
        equity = wallet + 0.75 * (price - 100.0) + value - qty * price
        if model == MarginModel.TEXTBOOK:
            held = (qty + 0.75) * price * share
            cost = added * price * share
        else:
            held = max(qty, 0.75) * price * share + set_aside(qty, value, taker)
            cost = added * price * (share + taker + (1.0 + share) * taker)
        if cost > equity - held:
            break
        wallet -= added * price * taker
        qty, value, n = qty + added, value + added * price, n + 1
    # equity(p) = wallet - 75 + value - (qty - 0.75) p;  margin(p) = rate p + fees.
    if model == MarginModel.TEXTBOOK:
        rate, fees = MAINTENANCE * (qty + 0.75), 0.0
    else:
        rate, fees = MAINTENANCE * (qty - 0.75), set_aside(qty, value, taker)
    return n, (wallet - 75.0 + value - fees) / (qty - 0.75 + rate)


def set_aside(qty: float, value: float, taker: float) -> float:
    """Return the closing fees of both legs: the hedged 0.75 coins count twice."""
    share = 1.0 / LEVERAGE
    return 100.0 * (1 - share) * taker * 1.5 + value / qty * (1 + share) * taker * (qty + 0.75)


@pytest.mark.parametrize(
    ("model", "taker", "n_shorts", "price"),
    [
        (MarginModel.TEXTBOOK, 0.0, 9, 109.3218),
        (MarginModel.BYBIT_UNIFIED, 0.0, 9, 109.3240),
        (MarginModel.TEXTBOOK, TAKER, 9, 109.2629),
        (MarginModel.BYBIT_UNIFIED, TAKER, 9, 109.2052),
    ],
)
def test_without_a_ladder_the_martingale_dies_at_the_price_that_its_arithmetic_says(
    model: MarginModel, taker: float, n_shorts: int, price: float
) -> None:
    by_hand = death_by_hand(model, taker)
    assert by_hand[0] == n_shorts
    assert by_hand[1] == pytest.approx(price, abs=5.1e-5)
    session = run(martingale(Profile.OFF, model, taker=taker))
    assert not session.has_ladder
    assert len(shorts(session)) == n_shorts
    result = result_of(session)
    assert result.margin is not None
    assert result.margin.liquidated
    assert float(result.margin.liquidation_marks[0]) == pytest.approx(price, abs=5e-4)
    assert session.engine.strategy_view.equity == pytest.approx(0.0, abs=1e-6)
    assert result.margin.transitions == []


@pytest.mark.parametrize(("model", "n_shorts"), [(MarginModel.TEXTBOOK, 7), (MarginModel.BYBIT_UNIFIED, 8)])
def test_the_safe_ladder_stops_the_same_climb_before_the_account_is_gone(model: MarginModel, n_shorts: int) -> None:
    session = run(martingale(Profile.SAFE, model, taker=TAKER))
    assert not session.engine.strategy_view.liquidated
    assert session.engine.strategy_view.equity > 0.75 * CAPITAL
    assert len(shorts(session)) == n_shorts


def test_going_on_from_panic_to_an_emergency_is_no_way_out_of_it() -> None:
    ways = [("FROZEN", "PANIC"), ("PANIC", "NORMAL"), ("FROZEN", "PANIC"), ("PANIC", "EMERGENCY")]
    moves = [{"from": before, "to": after} for before, after in ways]
    counted = action_counts(moves, [], {"reason": np.zeros(0, np.int64)}, {})
    assert {name: count for name, count in counted.items() if count} == {"PANIC_ENTER": 2, "PANIC_EXIT": 1}
