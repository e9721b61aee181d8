"""Bars that nothing waiting can meet are passed by, and that changes nothing."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings

from ballast.kernel.advance import advance, next_cause
from tests.unit.kernel import scenario
from tests.unit.kernel.scenario import BUY, SELL, Ask, Scenario, limit, make_venue, stop, trailing, watch
from tests.unit.kernel.test_fills_properties import ASKS, EXECUTIONS, MARKETS, Story, plans

CALM = [(100.0, 101.0, 99.0, 100.0)] * 8


def told(bars: Any, execution: Any, plan: Any, *, walks_all: bool) -> str:
    """Return all that a venue says, and what its account and positions come to."""
    story = Story(bars, execution, held=20.0)
    with patch.object(scenario, "next_cause", advance if walks_all else next_cause):
        story.run(plan)
    venue = story.venue
    return repr([[event.tolist() for event in story.events], venue.accounts.tolist(), venue.positions.tolist()])


@settings(max_examples=200)
@given(MARKETS, EXECUTIONS, plans(ASKS))
def test_bars_that_are_passed_by_change_nothing(bars: Any, execution: Any, plan: Any) -> None:
    assert told(bars, execution, plan, walks_all=False) == told(bars, execution, plan, walks_all=True)


def instants(ask: Ask) -> int:
    """Return how many instants a calm market takes when something is asked at its first close."""
    venue = make_venue(Scenario("", CALM, {}, (), held=5.0))
    plan = {"bar 0": (ask,)}
    scenario.drive(venue, scenario.feed_of_scenario(Scenario("", CALM, {}, ())), lambda moment: plan.pop(moment, ()))
    return int(venue.clock.instant)


def test_levels_beyond_the_range_are_passed_by_and_those_at_its_ends_are_not() -> None:
    # An order arrives in the bar after it was sent: that one is walked.
    for ask in (limit(BUY, 1.0, 98.9), limit(SELL, 1.0, 101.1), stop(SELL, 1.0, 98.9), stop(BUY, 1.0, 101.1)):
        assert instants(ask) == 4
    assert instants(watch(BUY, 98.9)) == instants(watch(SELL, 101.1)) == 0
    assert instants(watch(BUY, 99.0)) > 0
    assert instants(watch(SELL, 101.0)) > 0


def test_what_waits_for_more_than_a_price_has_every_bar_walked() -> None:
    every = 4 * (len(CALM) - 1)
    assert instants(trailing(SELL, 1.0, 0.5)) == every
    expiring = limit(BUY, 1.0, 50.0, expiry_ns=scenario.at(10_000))
    assert instants(expiring) == every
