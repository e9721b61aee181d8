"""A capital that could not carry the grid is refused with the one that could; the engine itself has tried it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.preflight import refuse_frozen_start, require_start
from ballast.backtest.session import Session
from ballast.backtest.setup import ExecutionSettings, Setup
from ballast.model.enums import MarginModel
from ballast.model.errors import ConfigError
from tests.conformance.markets import HOUR_NS, lay_out
from tests.unit.research.survival.grids import DOCUMENTED, OFF, grid, with_capital


def still(*prices: float, n_bars: int = 8, **values: Any) -> Setup:
    """Return a grid whose prices stand still."""
    setup = grid(prices=prices, ticks=((1, 10_000.0),) * len(prices), **values)
    bars = {f"S{k}USDT": [(price, price)] * n_bars for k, price in enumerate(prices)}
    return replace(setup, frames=lay_out(bars, interval_ns=HOUR_NS))


def refusal(setup: Setup) -> str:
    with pytest.raises(ConfigError) as raised:
        refuse_frozen_start(setup)
    return str(raised.value)


def least_of(message: str) -> float:
    return float(re.findall(r"at least ([\d.e+]+)", message)[0])


def has_opened_without_a_move(setup: Setup) -> bool:
    session = Session(setup)
    session.run()
    held = session.engine.strategy_view.position_qty[: 2 * setup.n_symbols]
    return bool((held != 0.0).all()) and session.engine.log.n_moves == 0


@given(
    prices=st.sampled_from([(100.0,), (0.52,), (250.0, 31.07)]),
    leverage=st.sampled_from([10.0, 50.0, 100.0]),
    model=st.sampled_from(list(MarginModel)),
    size=st.floats(5.0, 100.0),
    multiplier=st.floats(1.2, 4.0),
    freeze=st.floats(1.6, 6.0),
    slippage_bps=st.sampled_from([0.0, 10.0]),
    latency_ns=st.sampled_from([0, HOUR_NS // 3, 2 * HOUR_NS]),
)
@settings(deadline=None, max_examples=15)
def test_the_capital_that_is_named_is_accepted_and_not_frozen_by_the_first_fills(
    prices: tuple[float, ...],
    leverage: float,
    model: MarginModel,
    size: float,
    multiplier: float,
    freeze: float,
    slippage_bps: float,
    latency_ns: int,
) -> None:
    setup = still(
        *prices,
        leverage=leverage,
        model=model,
        risk={"early_freeze_mult": freeze},
        slippage_bps=slippage_bps,
        initial_position_size_usd=size,
        averaging_multiplier=multiplier,
    )
    setup = replace(setup, execution=ExecutionSettings(latency_ns=latency_ns))
    least = least_of(refusal(with_capital(setup, 1.0)))
    refuse_frozen_start(with_capital(setup, least))
    assert has_opened_without_a_move(with_capital(setup, least))
    assert not has_opened_without_a_move(with_capital(setup, 0.999 * least))


def test_the_message_says_what_was_found_and_what_the_figure_means() -> None:
    message = refusal(still(100.0, capital=10.0))
    found = re.fullmatch(
        r"account.initial_capital = 10: the grid would be FROZEN as soon as it is open, with (\S+) available "
        r"beside the reserve, less than 3 times the (\S+) that its next steps would take; "
        r"use at least (\S+), which is just enough to open it at a price that stands still",
        message,
    )
    assert found is not None
    available, worst, least = map(float, found.groups())
    assert available < 3.0 * worst
    # What is missing is what the capital lacks, to the digits that are named.
    assert available + least - 10.0 == pytest.approx(3.0 * worst, rel=1e-3)


def test_without_a_ladder_the_capital_must_open_the_legs() -> None:
    with pytest.raises(ConfigError, match="the grid could not open both legs of every symbol; use at least"):
        require_start(still(100.0, capital=1.0, risk=OFF), [100.0])
    require_start(still(100.0, capital=10.0, risk=OFF), [100.0])


@pytest.mark.parametrize("risk", [DOCUMENTED, OFF])
def test_a_backtest_asks_under_the_safe_ladder_alone(risk: Any) -> None:
    refuse_frozen_start(still(100.0, capital=1.0, risk=risk))


def test_a_size_below_the_venues_minimum_is_refused() -> None:
    setup = still(100.0, initial_position_size_usd=0.5)
    setup.instruments["min_notional"] = 500.0
    assert refusal(setup).startswith("strategy.initial_position_size_usd: too small")


def test_entries_that_no_capital_opens_are_refused_with_the_reason() -> None:
    setup = still(100.0, initial_position_size_usd=1_000.0)
    setup.tiers["max_leverage"] = [100.0, 10.0]
    assert refusal(setup) == (
        "strategy.name = 'hedge_grid': its first entries cannot all be opened, whatever the capital "
        "(above_risk_limit); use smaller ones, or less leverage"
    )
