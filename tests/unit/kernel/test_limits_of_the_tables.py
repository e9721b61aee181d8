"""More than the tables hold is refused; answering for ever ends the run; nothing is ever written out of bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ballast.kernel.advance import MAX_CALLS_PER_BAR
from ballast.kernel.book import emit
from ballast.kernel.orders import submit
from ballast.kernel.venue import TIMER_CAPACITY
from ballast.model.enums import EventKind, Reason
from ballast.model.market import feed_of
from tests.unit.kernel.scenario import (
    BUY,
    SELL,
    Ask,
    Scenario,
    cancel,
    drive,
    flat,
    limit,
    make_frames,
    make_intent,
    make_venue,
    market,
    play,
    timer,
    watch,
)


def story(asks: Sequence[Ask], **more: Any) -> tuple[list[str], Any]:
    return play(Scenario("a full table", [flat(), flat()], {"bar 0": asks}, [], **more))


def test_the_timer_after_the_last_is_refused() -> None:
    log, venue = story([timer(10_000 + n) for n in range(TIMER_CAPACITY + 2)])
    assert log == ["60 rejected timer_table_full 0"] * 2
    assert venue.clock.n_timers == TIMER_CAPACITY


def test_the_watch_after_the_last_is_refused_but_a_replacement_is_not() -> None:
    _, venue = story([])
    capacity = len(venue.watches)
    asks = [watch(BUY, 50, role=n) for n in range(capacity + 1)] + [watch(BUY, 40, role=3)]
    log, venue = story(asks)
    assert log == ["60 rejected watch_table_full 0"]
    assert venue.clock.n_watches == capacity
    assert venue.watches[3].price == 40.0


def test_the_order_after_the_last_is_refused_and_ids_go_on() -> None:
    _, venue = story([])
    capacity = len(venue.orders) - 1  # The last row is where refusals are written.
    log, venue = story([limit(BUY, 1, 50)] * (capacity + 2))
    assert log == ["60 rejected order_table_full 1"] * 2
    assert venue.clock.n_orders == capacity
    assert [order.id for order in venue.orders[:capacity]] == list(range(1, capacity + 1))
    assert venue.clock.next_order_id == capacity + 3


def test_a_refused_order_has_an_id_of_its_own_and_a_refused_request_has_none() -> None:
    venue = make_venue(Scenario("ids", [flat(), flat()], {}, []))
    for ask in (market(BUY, 1), market(BUY, -1), market(BUY, 2), timer(0, symbol=9)):
        submit(venue, 0, make_intent(ask))
    assert [order.id for order in venue.orders[: venue.clock.n_orders]] == [1, 3]
    assert [(event.order_id, event.reason) for event in venue.events[: venue.clock.events_written]] == [
        (2, Reason.INVALID_QTY),
        (0, Reason.UNKNOWN_SYMBOL),
    ]


def test_a_thousand_refusals_at_one_instant_all_arrive() -> None:
    log, _ = story([market(BUY, -1)] * 1024)
    assert log == ["60 rejected invalid_qty -1"] * 1024


def test_the_queue_makes_room_where_events_were_read() -> None:
    """Each answer brings fewer refusals than the last, so the queue never holds too many at once."""
    left = [range(1, 1501), range(1501, 2401), range(2401, 3001)]

    def respond(moment: str) -> Sequence[Ask]:
        asking = moment in ("bar 0", "order 1200", "order 2000")
        return [market(BUY, -float(n)) for n in left.pop(0)] if asking else ()

    scenario = Scenario("room", [flat(), flat()], {}, [])
    log = drive(make_venue(scenario), feed_of(make_frames(scenario.bars)), respond)
    assert log == [f"60 rejected invalid_qty -{n}" for n in range(1, 3001)]


def test_a_strategy_that_answers_every_refusal_with_a_thousand_more_is_stopped() -> None:
    scenario = Scenario("flood", [flat(), flat()], {}, [])
    venue = make_venue(scenario)
    log = drive(venue, feed_of(make_frames(scenario.bars)), lambda moment: [market(BUY, -1)] * 1024)
    assert log[-1] == "runaway"
    assert log[:-1] == ["60 rejected invalid_qty -1"] * (len(log) - 1)
    assert drive(venue, feed_of(make_frames(scenario.bars)), lambda moment: ()) == ["runaway"]


def test_a_strategy_that_answers_itself_inside_a_bar_is_stopped() -> None:
    scenario = Scenario("echo", [flat(), flat()], {}, [], cash=1e9)
    venue = make_venue(scenario)
    frames = make_frames(scenario.bars)
    venue.clock.n_calls = MAX_CALLS_PER_BAR - 50
    venue.clock.counted_frame = 1
    log = drive(venue, feed_of(frames), lambda moment: [market(BUY, 1)])
    assert log == ["60 filled buy 1 @ 100 taker"] * 49 + ["runaway"]


def test_calls_are_counted_by_bar_also_when_nothing_is_live_between() -> None:
    n_frames = 300
    scenario = Scenario("a refusal a bar", [flat()] * n_frames, {}, [])
    venue = make_venue(scenario)
    log = drive(venue, feed_of(make_frames(scenario.bars)), lambda m: [market(BUY, -1)] if m.startswith("bar") else ())
    assert len(log) == n_frames
    assert venue.clock.n_calls == 1


@pytest.mark.parametrize("n_live", [1, 5, 40])
def test_cancelling_everything_leaves_an_empty_table(n_live: int) -> None:
    log, venue = story([*[limit(BUY, 1, 90 - n) for n in range(n_live)], limit(SELL, 1, 120), cancel()], held=1.0)
    assert log == ["60 cancelled cancelled_by_strategy 1"] * (n_live + 1)
    assert venue.clock.n_orders == 0


def test_an_overfull_queue_keeps_what_was_there_first() -> None:
    venue = make_venue(Scenario("queue", [flat(), flat()], {}, []))
    capacity = len(venue.events)
    for n in range(capacity + 3):
        emit(venue, venue.orders[0], int(EventKind.CANCELLED), 0, float(n), 0.0, 0.0, 0.0, False)  # noqa: FBT003
    assert venue.clock.is_overrun
    assert venue.clock.events_written == capacity
    assert [event.qty for event in venue.events[: capacity - 1]] == list(range(capacity - 1))
