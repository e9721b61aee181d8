"""The maker's inventory when somebody else closes the position: an elastic stop, or the compliance screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ballast.backtest.session import Session
from ballast.engine.guarding import Guards
from ballast.model.enums import EngineRole, Reason
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.polling import PollingSettings
from ballast.risk.compliance import ComplianceLimits, EntryFacts, Swap
from tests.unit.strategies.range_maker.ticks import BUSY, SECOND_NS, made_up, maker_of, setup_of


def elastic() -> Guards:
    settings: Any = ElasticSettings.new()  # type: ignore[attr-defined]
    settings.min_lock_increment_usd, settings.big_jump_threshold_usd = 0.0001, 0.01
    return Guards(elastic=settings, pace=PollingSettings.new())  # type: ignore[attr-defined]


def screened() -> Guards:
    facts: Any = EntryFacts.array(1)  # type: ignore[attr-defined]
    facts["is_listed"], facts["swap"] = True, Swap.NONE
    limits: Any = ComplianceLimits.new()  # type: ignore[attr-defined]
    limits.is_on, limits.forbids_overnight, limits.max_hold_ns = True, False, 10 * SECOND_NS
    return Guards(compliance=limits, entry=list(facts))


@pytest.mark.parametrize(
    ("guards", "closer"), [(elastic(), EngineRole.ELASTIC_TRAILING), (screened(), EngineRole.COMPLIANCE)]
)
def test_the_inventory_is_what_is_left_whoever_closed_the_rest(guards: Guards, closer: EngineRole) -> None:
    session = Session(replace(setup_of(made_up(), BUSY, interval_ms=5_000), guards=guards))
    for frame in range(len(session.frames)):
        session.run(frame + 1)
        maker, view = maker_of(session), session.engine.strategy_view
        assert maker.inventory == pytest.approx(view.position_qty[0], abs=1e-9)
        assert maker.cash == pytest.approx(view.cash - 10_000.0, abs=1e-6)
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    assert (fills["role"] == closer).sum() > 3
    assert session.engine.log.rejects[Reason.INSUFFICIENT_POSITION] == 0
