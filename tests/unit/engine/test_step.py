"""What a strategy is shown, when it is called, and what becomes of its wishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EventKind, IntentKind, QtyUnit, Reason, Side
from ballast.model.errors import InvariantBroken
from ballast.model.intents import INTENT_CAPACITY, note, place_market, timer
from ballast.strategies.registry import load
from tests.conformance.markets import Quote, lay_out
from tests.conformance.runs import FILES

Decide = Callable[[Any, Any, Any, Any, Any], int]
PRICES: Mapping[str, Sequence[Quote]] = {"A": [10.0, 11.0, None, 13.0], "B": [None, 5.0, 6.0, 7.0]}


def scripted(decide: Decide, bars: Mapping[str, Sequence[Quote]] = PRICES, **settings: Any) -> Session:
    """Return a session whose strategy is ``decide``."""
    strategy = replace(load(str(FILES / "plain_python.py")), decide=decide)
    setup = Setup(frames=lay_out(bars), strategy=strategy, params=strategy.params({}, len(bars)), **settings)
    return Session(setup)


@compiled
def answer_for_ever(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
    return place_market(intents, 0, 0, Side.BUY, 0.0, QtyUnit.BASE, 1)


def test_a_bar_shows_the_last_close_of_each_symbol_and_its_age() -> None:
    seen = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        age = [(int(view.time_ns) - int(ts)) // int(view.interval_ns) for ts in view.bar_ts_ns[:2]]
        seen.append((
            int(view.cause),
            int(view.frame),
            str(view.price[:2].tolist()),
            age[0],
            str(row.close[:2].tolist()),
        ))
        return 0

    scripted(decide).run()
    assert [facts[:2] for facts in seen] == [(Cause.BAR, frame) for frame in range(4)]
    assert [facts[2] for facts in seen] == ["[10.0, nan]", "[11.0, 5.0]", "[11.0, 6.0]", "[13.0, 7.0]"]
    assert [facts[3] for facts in seen] == [1, 1, 2, 1]
    assert [facts[4] for facts in seen] == ["[10.0, nan]", "[11.0, 5.0]", "[nan, 6.0]", "[13.0, 7.0]"]


def test_a_fill_is_told_with_no_price_of_its_bar_but_its_own() -> None:
    told = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause == Cause.ORDER:
            told.append((int(view.event_kind), float(view.event_price), float(view.price[0]), float(row.close[0])))
            return 0
        return place_market(intents, 0, 0, Side.BUY, 100.0, QtyUnit.QUOTE, 1) if view.frame == 0 else 0

    session = scripted(decide, {"A": [10.0, (12.0, 15.0)]}, costs=Costs(slippage_bps=0.0))
    session.run()
    assert told == [(EventKind.FILLED, 12.0, 10.0, 10.0)]
    assert session.engine.strategy_view.cash == pytest.approx(10_000.0 - 100.0 * 1.001)
    assert session.engine.strategy_view.entry_price[0] == 12.0
    assert session.engine.equity.tolist() == pytest.approx([10_000.0, 10_000.0 - 100.1 + 100.0 / 12.0 * 15.0])


def test_a_reduction_keeps_the_entry_price_and_a_close_forgets_it() -> None:
    entries = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause == Cause.ORDER:
            entries.append(str(float(view.entry_price[0])))
            return 0
        plan = {0: (Side.BUY, 6.0), 1: (Side.BUY, 2.0), 2: (Side.SELL, 4.0), 3: (Side.SELL, 4.0)}
        side, qty = plan.get(int(view.frame), (Side.BUY, 0.0))
        return place_market(intents, 0, 0, side, qty, QtyUnit.BASE, 1) if qty else 0

    scripted(decide, {"A": [10.0, 10.0, 14.0, 20.0, 20.0]}, costs=Costs(slippage_bps=0.0)).run()
    assert entries == ["10.0", "11.0", "11.0", "nan"]


@pytest.mark.parametrize("qty", [0.0, -1.0, float("nan")])
def test_what_the_venue_refuses_is_told_counted_and_not_open(qty: float) -> None:
    told = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause == Cause.ORDER:
            told.append((int(view.event_kind), int(view.event_reason)))
            return 0
        return place_market(intents, 0, 0, Side.BUY, qty, QtyUnit.BASE, 1) if view.frame == 0 else 0

    session = scripted(decide)
    session.run()
    assert told == [(EventKind.REJECTED, Reason.INVALID_QTY)]
    assert session.engine.log.rejects[Reason.INVALID_QTY] == 1
    assert session.engine.strategy_view.open_orders.sum() == 0


def test_notes_outgrow_their_first_room_without_a_single_order() -> None:
    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        n = 0
        for level in range(INTENT_CAPACITY):
            n = note(intents, n, 0, float(view.frame), level, 1)
        return n

    session = scripted(decide, {"A": [1.0] * 12})
    session.run()
    written = session.engine.notes[: session.engine.log.n_notes]
    assert len(written) == 12 * INTENT_CAPACITY
    assert written["value"].tolist() == [float(bar) for bar in range(12) for _ in range(INTENT_CAPACITY)]


def test_fills_outgrow_their_first_room() -> None:
    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause != Cause.BAR:
            return 0
        n = 0
        for _ in range(600):
            n = place_market(intents, n, 0, Side.BUY, 0.001, QtyUnit.BASE, 1)
        return n

    session = scripted(decide, {"A": [1.0] * 12})
    session.run()
    assert session.engine.log.n_fills == 600 * 11
    assert session.engine.strategy_view.position_qty[0] == session.venue.positions["qty"][0]


def test_a_strategy_that_answers_itself_for_ever_is_stopped() -> None:
    setup = scripted(answer_for_ever, {"A": [1.0] * 3}).setup
    session = Session(replace(setup, strategy=replace(setup.strategy, is_compiled=True)))
    with pytest.raises(InvariantBroken, match="acts without end inside bar 0"):
        session.run()


def test_a_target_is_reached_once_and_then_only_noted() -> None:
    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause != Cause.BAR:
            return 0
        n = place_market(intents, 0, 0, Side.BUY, 7.0, QtyUnit.BASE, 1)
        intents[0].kind = IntentKind.TARGET
        return n

    session = scripted(decide, {"A": [1.0] * 5})
    session.run()
    assert session.engine.fills["qty"][: session.engine.log.n_fills].tolist() == [7.0]
    # One order decided at the first close; the targets of the four later closes are met.
    assert session.engine.log.n_notes == 4


def test_a_timer_wakes_between_bars_knowing_only_closed_ones() -> None:
    woken = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause == Cause.TIMER:
            woken.append((int(view.time_ns) - int(row.ts_ns), float(row.close[0]), float(view.price[0])))
            return 0
        return timer(intents, 0, int(view.time_ns) + int(view.interval_ns) // 2, 0, 1) if view.frame == 0 else 0

    session = scripted(decide, {"A": [1.0, 2.0, 3.0]})
    session.run()
    ((after_ns, close, price),) = woken
    assert session.setup.frames.interval_ns * 1.5 <= after_ns < 2 * session.setup.frames.interval_ns
    assert (close, price) == (1.0, 1.0)


def test_progress_is_told_and_changes_nothing() -> None:
    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        return place_market(intents, 0, 0, Side.BUY, 10.0, QtyUnit.QUOTE, 1) if view.cause == Cause.BAR else 0

    bars: Mapping[str, Sequence[Quote]] = {"A": [1.0] * 120}
    told: list[float] = []
    with_progress, without = scripted(decide, bars), scripted(decide, bars)
    with_progress.run(progress=told.append)
    without.run()
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert with_progress.snapshot() == without.snapshot()


def test_a_flat_symbol_without_a_price_leaves_equity_a_number() -> None:
    session = scripted(lambda *_: 0, {"A": [1.0, 1.0], "B": [None, None]})
    session.run()
    assert session.engine.equity.tolist() == [10_000.0, 10_000.0]
