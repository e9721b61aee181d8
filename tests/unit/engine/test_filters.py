"""The filters in whole runs: what they refuse and close, to the second, and that they never touch an exit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ballast.backtest.notes import refusals_of
from ballast.backtest.session import Session
from ballast.engine.guarding import Guards
from ballast.model.enums import EngineRole, EventKind, LadderState, NoteKind, Side
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.risk.compliance import ComplianceLimits, EntryFacts, Swap
from ballast.risk.news import NewsLimits, bits_of, calendar_state, currency_bits, releases_of
from ballast.risk.settings import risk_settings
from ballast.risk.supervisor import SupervisorLevel, SupervisorLimits, operator_clear, operator_flatten, operator_halt
from ballast.risk.symbol_policy import PolicyVerdict
from tests.conformance.markets import HOUR_NS, MINUTE_NS, START_NS, Quote
from tests.unit.engine.scripted import Script, buy, elastic, fills, limit, on_margin, reduce_only, run, sell

SECOND_NS = 10**9
FLAT: list[Quote] = [100.0] * 40
RELEASE_NS = START_NS + 20 * MINUTE_NS


def news(release_ns: int = RELEASE_NS, *, follows: Sequence[str] = ("USD",), **limits: Any) -> Guards:
    """Return a news filter with one release of USD, complete over a day around it."""
    day = 24 * HOUR_NS
    item = NewsItem(release_ns, "USD", Impact.HIGH, "payrolls")
    calendar = NewsCalendar((item,), START_NS, START_NS - day, START_NS + day)
    bits = currency_bits([{"USD"}])
    made = NewsLimits.new()  # type: ignore[attr-defined]
    for key, value in limits.items():
        setattr(made, key, value)
    return Guards(
        news=made,
        calendar=calendar_state(calendar, is_recorded=True),
        releases=releases_of(calendar, bits),
        currencies=[bits_of(follows, bits)],
    )


def screen(**limits: Any) -> Guards:
    """Return a compliance screen for a symbol that charges no swap."""
    made = ComplianceLimits.new()  # type: ignore[attr-defined]
    made.is_on = True
    for key, value in limits.items():
        setattr(made, key, value)
    facts = EntryFacts.new()  # type: ignore[attr-defined]
    facts.is_listed, facts.swap = True, Swap.NONE
    return Guards(compliance=made, entry=[facts])


def supervised(**limits: int) -> Guards:
    made = SupervisorLimits.new()  # type: ignore[attr-defined]
    for key, value in limits.items():
        setattr(made, key, value)
    return Guards(supervision=made)


def minutes(script: Script, guards: Guards | None, bars: Sequence[Quote] = FLAT, **changes: Any) -> Session:
    return run(script, {"A": bars}, guards, interval_ns=MINUTE_NS, **changes)


def bought_after(frames: Sequence[int], guards: Guards) -> list[int]:
    """Return after which of these frames an order to buy was let through; the close of frame k is minute k + 1."""
    session = minutes(Script({frame: [buy(0.1)] for frame in frames}), guards)
    at = session.engine.fills["time_ns"][: session.engine.log.n_fills]
    return [int(time - START_NS) // MINUTE_NS - 1 for time in at]


def test_ten_minutes_before_and_after_a_release_are_blocked_and_eleven_are_not() -> None:
    # The release is in minute 20; frame 8 closes in minute 9, frame 9 in minute 10.
    assert bought_after([8, 9, 19, 29, 30], news()) == [8, 30]


def test_a_second_more_than_ten_minutes_is_free() -> None:
    assert bought_after([9, 29], news(RELEASE_NS + SECOND_NS)) == [9]
    assert bought_after([9, 29], news(RELEASE_NS - SECOND_NS)) == [29]


def test_a_symbol_that_follows_other_currencies_is_free() -> None:
    assert bought_after([19], news(follows=())) == [19]


def test_a_calendar_that_ends_too_early_blocks_or_passes_as_it_is_told() -> None:
    short = news()
    short.calendar.covers_until_ns = RELEASE_NS + 15 * MINUTE_NS
    session = minutes(Script({38: [buy(1.0)]}), short)
    assert refusals_of(session) == {"calendar_too_short": 1}
    allowing = news(blocks_unknown=False)
    allowing.calendar.covers_until_ns = short.calendar.covers_until_ns
    assert fills(minutes(Script({38: [buy(1.0)]}), allowing)) == [(Side.BUY, 1.0, 100.0, 0)]


def test_exits_pass_in_the_middle_of_a_release() -> None:
    script = Script({
        2: [buy(1.0)],
        19: [sell(0.5)],
        20: [reduce_only(limit(Side.SELL, 0.25, 100.0))],
        21: [sell(0.25)],
    })
    bars = [*FLAT[:22], (100.0, 100.5), *FLAT]
    session = minutes(script, news(), bars)
    assert [side for side, *_ in fills(session)] == [Side.BUY, Side.SELL, Side.SELL, Side.SELL]
    assert refusals_of(session) == {}


def test_a_short_is_closed_but_not_opened_during_a_release() -> None:
    script = Script({2: [sell(1.0)], 19: [sell(1.0), buy(1.0)]})
    session = minutes(script, news(), **on_margin())
    assert [side for side, *_ in fills(session)] == [Side.SELL, Side.BUY]
    assert refusals_of(session) == {"release_near": 1}


def test_the_strategy_is_told_of_a_refusal_and_the_note_says_why() -> None:
    script = Script({19: [buy(1.0)]})
    session = minutes(script, news())
    refused = [(kind, reason) for cause, _, _, kind, reason in script.heard if cause == 1]
    assert refused == [(EventKind.REJECTED, 100)]
    note = session.engine.notes[0]
    assert (note["kind"], note["reason"], note["time_ns"]) == (NoteKind.REFUSAL, 100, RELEASE_NS)


def test_a_symbol_that_is_denied_is_sold_but_not_bought() -> None:
    guards = Guards(listing=[PolicyVerdict.DENIED])
    session = minutes(Script({2: [buy(1.0)], 3: [sell(1.0)]}), guards, initial_positions={"A": 1.0})
    assert [side for side, *_ in fills(session)] == [Side.SELL]
    assert refusals_of(session) == {"denied": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_listed": False}, "not_listed"),
        ({"swap": Swap.CHARGED}, "swap_charged"),
        ({"swap": Swap.UNKNOWN}, "swap_charged"),
    ],
)
def test_the_screen_refuses_an_entry_that_it_does_not_know_to_be_allowed(change: dict[str, Any], reason: str) -> None:
    guards = screen()
    for key, value in change.items():
        guards.entry[0][key] = value
    session = minutes(Script({2: [buy(1.0)]}), guards)
    assert refusals_of(session) == {reason: 1}


def test_a_swap_free_account_may_enter_what_charges_swap() -> None:
    guards = screen()
    guards.entry[0].swap, guards.entry[0].is_swap_free_account = Swap.CHARGED, True
    guards.entry[0].is_fully_tradeable = True
    session = minutes(Script({2: [buy(1.0)]}), guards)
    assert len(fills(session)) == 1
    assert session.engine.notes["kind"][0] == NoteKind.ENTRY


def closings(session: Session) -> list[tuple[int, float]]:
    """Return (minutes since the start, price) of every closing by the screen."""
    log = session.engine.fills[: session.engine.log.n_fills]
    own = log[log["role"] == EngineRole.COMPLIANCE]
    return [(int(fill["time_ns"] - START_NS) // MINUTE_NS, float(fill["price"])) for fill in own]


def test_a_position_is_closed_when_it_is_as_old_as_it_may_be() -> None:
    # Bought at the open of frame 3, minute 3.
    session = minutes(Script({2: [buy(1.0)]}), screen(max_hold_ns=12 * MINUTE_NS))
    assert closings(session) == [(15, 100.0)]
    assert not session.engine.strategy_view.position_qty.any()


def test_adding_to_a_position_does_not_make_it_younger_and_a_new_one_is_young() -> None:
    script = Script({2: [buy(1.0)], 8: [buy(1.0)], 20: [buy(1.0)]})
    session = minutes(script, screen(max_hold_ns=12 * MINUTE_NS))
    assert closings(session) == [(15, 100.0), (33, 100.0)]


def test_inside_a_long_bar_a_position_is_closed_at_the_first_point_after_its_time() -> None:
    session = run(Script({0: [buy(1.0)]}), {"A": FLAT}, screen(max_hold_ns=100 * MINUTE_NS))
    # Bought in minute 60: due in minute 160, and a bar of an hour has a price every 20 minutes.
    assert closings(session) == [(160, 100.0)]
    session = run(Script({0: [buy(1.0)]}), {"A": FLAT}, screen(max_hold_ns=101 * MINUTE_NS))
    assert closings(session) == [(180, 100.0)]


def test_positions_are_closed_before_the_rollover_and_none_is_opened() -> None:
    rollover = START_NS % (24 * HOUR_NS) + 30 * MINUTE_NS
    script = Script({2: [buy(1.0)], 24: [buy(1.0)], 31: [buy(1.0)]})
    session = minutes(script, screen(rollover_ns=rollover))
    # Ten minutes before minute 30; the order after frame 24 comes too late, the one after frame 31 is a new day's.
    assert closings(session) == [(20, 100.0)]
    assert refusals_of(session) == {"near_rollover": 1}
    assert session.engine.strategy_view.position_qty[0] == 1.0


def test_a_holding_whose_age_nobody_knows_is_closed_at_once() -> None:
    session = minutes(Script({}), screen(), initial_positions={"A": 2.0})
    assert closings(session) == [(1, 100.0)]
    assert [note["reason"] for note in session.engine.notes[: session.engine.log.n_notes]] == [118]


def test_a_closing_that_could_not_fill_is_asked_for_again_at_the_next_bar() -> None:
    bars: list[Quote] = [*FLAT[:14], None, None, None, *FLAT]
    session = minutes(Script({2: [buy(1.0)]}), screen(max_hold_ns=12 * MINUTE_NS), bars)
    assert closings(session) == [(17, 100.0)]
    assert session.engine.log.n_fills == 2


def test_five_orders_that_the_venue_refuses_halt_what_is_new_until_the_operator_clears() -> None:
    script = Script({2: [buy(1.0)], 4: [sell(5.0)] * 5, 30: [buy(1.0)], 31: [sell(1.0)], 34: [buy(1.0)]})
    session = Session(minutes(script, None).setup)
    session = Session(replace(session.setup, guards=supervised(), strategy=script.strategy))
    session.run(33)
    supervisor = session.engine.guarding.supervisor
    assert supervisor.level == SupervisorLevel.HALT_NEW
    assert refusals_of(session) == {"halted": 1}
    assert [side for side, *_ in fills(session)] == [Side.BUY, Side.SELL]
    operator_clear(supervisor, int(session.engine.strategy_view.time_ns))
    session.run()
    assert [side for side, *_ in fills(session)] == [Side.BUY, Side.SELL, Side.BUY]


def test_one_refusal_cools_down_and_a_fill_between_begins_the_count_anew() -> None:
    script = Script({
        2: [buy(1.0)],
        4: [sell(5.0)] * 4,
        5: [sell(0.5)],
        6: [sell(5.0)] * 4,
        10: [buy(1.0)],
        25: [buy(1.0)],
    })
    session = minutes(script, supervised())
    assert session.engine.guarding.supervisor.level == SupervisorLevel.RUNNING
    assert refusals_of(session) == {"cooldown": 1}
    assert session.engine.strategy_view.position_qty[0] == 1.5


def test_orders_that_were_to_be_dropped_are_no_errors() -> None:
    script = Script({4: [reduce_only(sell(1.0))] * 6, 10: [buy(1.0)]})
    session = minutes(script, supervised())
    assert session.engine.log.rejects.sum() == 6
    assert len(fills(session)) == 1


@pytest.mark.parametrize("has_ladder", [False, True])
def test_flatten_cancels_and_closes_everything_and_stays(has_ladder: bool) -> None:
    risk = risk_settings({"drawdown_limit": 0.99}, has_margin=False) if has_ladder else None
    script = Script({2: [buy(1.0), limit(Side.BUY, 1.0, 50.0)], 20: [buy(1.0)]})
    session = minutes(Script({}), None)
    session = Session(replace(session.setup, guards=supervised(), risk=risk, strategy=script.strategy))
    session.run(10)
    operator_flatten(session.engine.guarding.supervisor, int(session.engine.strategy_view.time_ns))
    session.run()
    assert [(side, role) for side, _, _, role in fills(session)] == [(Side.BUY, 0), (Side.SELL, EngineRole.EMERGENCY)]
    assert session.venue.clock.n_orders == 0
    assert refusals_of(session) == {"flattening": 1}
    assert session.engine.ladder.state == (LadderState.EMERGENCY if has_ladder else LadderState.NORMAL)


def test_a_halt_freezes_the_ladder_and_the_move_is_written_down() -> None:
    risk = risk_settings({"drawdown_limit": 0.99}, has_margin=False)
    session = minutes(Script({}), None)
    script = Script({20: [buy(1.0)]})
    session = Session(replace(session.setup, guards=supervised(), risk=risk, strategy=script.strategy))
    session.run(10)
    operator_halt(session.engine.guarding.supervisor, int(session.engine.strategy_view.time_ns))
    session.run()
    moves = session.engine.moves[: session.engine.log.n_moves]
    assert [(int(move["before"]), int(move["after"])) for move in moves] == [(LadderState.NORMAL, LadderState.FROZEN)]
    assert refusals_of(session) == {"halted": 1}
    assert any(cause == 7 for cause, *_ in script.heard)


def test_the_stop_of_a_position_goes_on_trailing_while_everything_new_is_halted() -> None:
    guards = replace(elastic(), supervision=supervised().supervision)
    bars: list[Quote] = [100.0, 100.0, 100.56, 100.88, 101.1, 101.5, (101.5, 99.0)]
    session = minutes(Script({}), None, bars)
    script = Script({0: [buy(1.0)]})
    session = Session(replace(session.setup, guards=guards, strategy=script.strategy))
    session.run(3)
    operator_halt(session.engine.guarding.supervisor, int(session.engine.strategy_view.time_ns))
    session.run()
    assert fills(session)[-1] == (Side.SELL, 1.0, 100.9, EngineRole.ELASTIC_TRAILING)


def test_a_position_that_the_venue_takes_no_stop_for_is_closed() -> None:
    # The table of orders is full of limits that never fill.
    many = [limit(Side.BUY, 1e-6, 1.0)] * 1023
    script = Script({0: [buy(1.0)], 1: many})
    session = minutes(script, elastic(max_missed_moves=3), [100.0, 100.0, 100.56, 100.6, 100.7, 100.8, 100.9, 101.0])
    reasons = {int(note["kind"]) for note in session.engine.notes[: session.engine.log.n_notes]}
    assert NoteKind.CLOSING in reasons
    assert session.engine.guarding.stops[0].stop.missed_moves >= 3
