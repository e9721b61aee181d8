"""Which bars are ambiguous, and how the last price and the path's times are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ballast.model.enums import PathPolicy
from ballast.model.market import feed_of
from tests.unit.kernel.scenario import (
    BUY,
    SELL,
    Ask,
    Scenario,
    drive,
    flat,
    limit,
    make_frames,
    make_venue,
    market,
    play,
    stop,
    stop_limit,
    timer,
    trailing,
    watch,
)

WIDE = (100, 110, 90, 100)


def n_ambiguous(asks: Sequence[Ask], bars: Sequence[Any] = (flat(), WIDE), **more: Any) -> int:
    plan = {"bar 0": asks, **more.pop("plan", {})}
    _, venue = play(Scenario("ambiguity", bars, plan, [], held=5.0, **more))
    return int(venue.clock.n_ambiguous)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ([limit(SELL, 1, 105), stop(SELL, 1, 95)], 1),
        ([limit(SELL, 1, 105), limit(BUY, 1, 95)], 1),
        ([stop(BUY, 1, 105), limit(BUY, 1, 95)], 1),
        ([stop_limit(BUY, 1, 105, 106), stop(SELL, 1, 95)], 1),
        ([watch(SELL, 105, role=1), watch(BUY, 95)], 1),
        ([watch(SELL, 105), stop(SELL, 1, 95)], 1),
        ([limit(SELL, 1, 105)], 0),
        ([limit(SELL, 1, 105), limit(SELL, 1, 106)], 0),
        ([limit(SELL, 1, 111), stop(SELL, 1, 95)], 0),
        ([limit(SELL, 1, 105), stop(SELL, 1, 89)], 0),
        ([market(BUY, 1)], 0),
        ([], 0),
        ([trailing(SELL, 1, 0.05)], 0),  # 95 is met whichever comes first.
        ([trailing(SELL, 1, 0.12)], 1),  # 88 is not in the bar; 110 first makes it 96.8, which is.
        ([trailing(BUY, 1, 0.12)], 1),
        ([trailing(SELL, 1, 0.3)], 0),
    ],
)
def test_a_bar_is_ambiguous_when_something_waits_on_both_sides(asks: list[Ask], expected: int) -> None:
    assert n_ambiguous(asks) == expected


def test_orders_made_at_the_open_count_in_the_same_bar() -> None:
    bracket = [limit(SELL, 1, 105), stop(SELL, 1, 95)]
    assert n_ambiguous([market(BUY, 1)], plan={"order 1": bracket}) == 1


def test_an_order_made_inside_the_bar_within_its_range_counts() -> None:
    assert n_ambiguous([watch(SELL, 105)], plan={"watch 1": [stop(SELL, 1, 95)]}) == 1
    assert n_ambiguous([watch(SELL, 105)], plan={"watch 1": [stop(SELL, 1, 80)]}) == 0


def test_what_fills_at_the_open_does_not_count() -> None:
    assert n_ambiguous([limit(BUY, 1, 105), stop(SELL, 1, 95)]) == 0


def test_each_symbol_and_bar_counts_once() -> None:
    asks = [ask for s in (0, 1) for ask in (limit(BUY, 1, 95, symbol=s), watch(SELL, 105, symbol=s))]
    assert n_ambiguous(asks, [[flat(), WIDE, WIDE], [flat(), WIDE, flat()]]) == 2


@pytest.mark.parametrize("policy", list(PathPolicy))
def test_a_policy_never_changes_what_is_unambiguous(policy: PathPolicy) -> None:
    asks = [limit(BUY, 1, 95), limit(BUY, 1, 92), market(SELL, 2)]
    scenario = Scenario("one side", [flat(), WIDE, flat(97)], {"bar 0": asks}, [], {"path_policy": policy}, held=5.0)
    log, venue = play(scenario)
    assert venue.clock.n_ambiguous == 0
    assert sorted(line.split(" ", 1)[1] for line in log) == [
        "filled buy 1 @ 92 maker",
        "filled buy 1 @ 95 maker",
        "filled sell 2 @ 100 taker",
    ]


def test_a_trailing_sell_ratchets() -> None:
    bars = [flat(), flat(100), flat(110), flat(108)]
    for n_bars, expected in zip((2, 3, 4), (95.0, 104.5, 104.5), strict=True):
        ask = trailing(SELL, 1, 0.05)
        _, venue = play(Scenario("ratchet", bars[:n_bars], {"bar 0": [ask]}, [], held=5.0))
        assert venue.orders[0].trigger_price == pytest.approx(expected, rel=1e-15)


def test_a_trailing_buy_ratchets() -> None:
    bars = [flat(), flat(100), flat(90), flat(92)]
    for n_bars, expected in zip((2, 3, 4), (105.0, 94.5, 94.5), strict=True):
        _, venue = play(Scenario("ratchet", bars[:n_bars], {"bar 0": [trailing(BUY, 1, 0.05)]}, []))
        assert venue.orders[0].trigger_price == pytest.approx(expected, rel=1e-15)


def test_long_silence_keeps_the_last_price() -> None:
    """A limit sent after a hundred missing bars is judged against the last price there was."""
    bars = [flat(), *[None] * 100, flat(98)]
    log, _ = play(Scenario("silence", bars, {"bar 100": [limit(BUY, 1, 101, post_only=True)]}, []))
    assert log == ["6060 rejected would_cross 1"]
    log, _ = play(Scenario("silence", bars, {"bar 0": [limit(BUY, 1, 99)]}, []))
    assert log == ["6060 filled buy 1 @ 98 maker"]


@pytest.mark.parametrize("interval_ns", [60_000_000_000, 60_000_000_001, 60_000_000_002])
def test_path_points_stand_at_thirds_floored_to_a_nanosecond(interval_ns: int) -> None:
    scenario = Scenario("thirds", [flat(), flat()], {}, [], opens=(0, 100))
    venue = make_venue(scenario)
    venue.clock.interval_ns = interval_ns
    seen: list[int] = []

    def respond(moment: str) -> Sequence[Ask]:
        if moment.startswith("timer"):
            seen.append(int(venue.clock.now_ns - venue.clock.open_ns))
            return [{**timer(0), "expiry_ns": venue.clock.now_ns + 1}]
        return [timer(100)] if moment == "bar 0" else ()

    drive(venue, feed_of(make_frames(scenario.bars, scenario.opens)), respond)
    assert seen == [0, interval_ns // 3, 2 * interval_ns // 3, interval_ns]
