"""The worked quotes, as the maker itself asks for them."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.enums import IntentKind
from ballast.model.intents import INTENT_CAPACITY, Intent
from ballast.strategies.market_making import Maker, make_market
from ballast.strategies.market_making.reasons import Reason, Role
from ballast.strategies.registry import load
from tests.conformance.markets import lay_out

approx: Any = pytest.approx
MID, ATR = 50_000.0, 100.0


def asked(inventory: float, band_width: float) -> tuple[list[tuple[Role, float, float]], Any]:
    """Return role, price and quantity of the quotes asked for at a middle of 50,000 with 10,000 of equity."""
    strategy = load("range_maker")
    market = lay_out({"S": [MID, MID]})
    costs = Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=0.0)
    session = Session(Setup(frames=market, strategy=strategy, params=strategy.params({}, 1), costs=costs))
    session.run()
    view, maker = session.engine.strategy_view, Maker.new()  # type: ignore[attr-defined]
    assert view.equity == 10_000.0
    maker.inventory = inventory
    intents = Intent.array(INTENT_CAPACITY)  # type: ignore[attr-defined]
    n = make_market(
        view, session.params, maker, 0, is_wanted=True, atr=ATR, band_width=band_width, intents=intents, n=0
    )
    placed = [one for one in intents[:n] if one.kind == IntentKind.PLACE]
    assert all(one.post_only for one in placed)
    return [(Role(int(one.role)), float(one.price), float(one.qty)) for one in placed], maker


def test_the_worked_quotes_without_inventory() -> None:
    """E13: nothing is held, so that a spot account offers no ask; the bid is 0.002 at 49,940."""
    quotes, maker = asked(0.0, 1.0)
    assert maker.half == approx(0.0012, rel=1e-12)
    ((role, price, qty),) = quotes
    assert (role, price, qty) == (Role.BID, approx(49_940.0, rel=1e-9), approx(0.002, rel=1e-9))


def test_the_worked_quotes_with_half_an_inventory() -> None:
    """E13: half of 5 % of 10,000 is 0.005; the centre is 49,970, the bid halved."""
    (bid, ask), _ = asked(0.005, 1.0)
    assert bid == (Role.BID, approx(49_910.036, rel=1e-9), approx(0.001, rel=1e-9))
    assert ask == (Role.ASK, approx(50_029.964, rel=1e-9), approx(0.002, rel=1e-9))


def test_the_worked_band_is_too_narrow() -> None:
    """E13."""
    quotes, maker = asked(0.0, 0.002)
    assert quotes == []
    assert maker.off_reason == Reason.NARROW_BAND
