"""A trade whose coins somebody else sells: an elastic stop, or the compliance screen, on the same position."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs
from ballast.engine.guarding import Guards
from ballast.model.enums import EngineRole
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.polling import PollingSettings
from ballast.risk.compliance import ComplianceLimits, EntryFacts, Swap
from ballast.strategies.tight_range.settings import Phase, Role
from tests.conformance.markets import HOUR_NS, random_market
from tests.conformance.runs import circumstances
from tests.unit.strategies.tight_range.ranges import each_close, resting, setup_on

N_SYMBOLS = 4


def elastic() -> Guards:
    settings: Any = ElasticSettings.new()  # type: ignore[attr-defined]
    settings.min_lock_increment_usd, settings.big_jump_threshold_usd = 2.0, 8.0
    settings.max_peak_threshold_usd, settings.max_peak_lock_usd = 40.0, 32.0
    return Guards(elastic=settings, pace=PollingSettings.new())  # type: ignore[attr-defined]


def screened() -> Guards:
    facts: Any = EntryFacts.array(N_SYMBOLS)  # type: ignore[attr-defined]
    facts["is_listed"], facts["swap"] = True, Swap.NONE
    limits: Any = ComplianceLimits.new()  # type: ignore[attr-defined]
    limits.is_on, limits.forbids_overnight, limits.max_hold_ns = True, False, 5 * HOUR_NS
    return Guards(compliance=limits, entry=list(facts))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("guards", "closer"), [(elastic(), EngineRole.ELASTIC_TRAILING), (screened(), EngineRole.COMPLIANCE)]
)
def test_a_trade_ends_with_its_coins_whoever_sold_them(seed: int, guards: Guards, closer: EngineRole) -> None:
    setup = setup_on(random_market(seed, N_SYMBOLS, 300), regime="assume_tight_range", costs=Costs())
    session = Session(replace(setup, **circumstances(seed), guards=guards))
    for _ in each_close(session):
        live = resting(session)
        for symbol in range(N_SYMBOLS):
            trade = session.state.markets[symbol].trade
            held = session.engine.strategy_view.position_qty[2 * symbol]
            assert trade.qty <= held * (1.0 + 1e-9) + 1e-12
            if held == 0.0:
                assert trade.phase != Phase.OPEN
                assert not [role for where, role, *_ in live if where == symbol and role in (Role.STOP, Role.TARGET)]
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    assert np.sum(fills["role"] == closer) > 3
