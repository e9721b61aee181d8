"""The kernel behind the engine: what a strategy asks for and what it hears, and that both sides keep the same books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.model.enums import Cause, EventKind, IntentKind, QtyUnit, Reason, Side
from ballast.model.errors import InvariantBroken
from ballast.model.instrument import Instrument, step_units
from ballast.model.intents import clear
from ballast.model.records import record
from ballast.strategies.spec import from_module
from tests.unit.kernel.scenario import (
    BUY,
    INTERVAL_NS,
    SELL,
    START_NS,
    Ask,
    flat,
    limit,
    make_frames,
    market,
    stop,
    timer,
    watch,
)


@record
class Params:
    """No settings."""

    unused: int


@record
class State:
    """What a strategy remembers."""

    n_calls: int


@dataclass(frozen=True)
class Bars:
    """Frames made by hand."""

    records: Any
    symbols: Sequence[str] = ("AUSDT", "BUSDT")
    interval_ns: int = INTERVAL_NS
    rows_skipped: int = 0
    rows_superseded: int = 0
    rows_widened: int = 0
    data_hash: str = ""


Decide = Callable[[Any, str], Sequence[Ask]]


def session(decide: Decide, bars: Sequence[Any], *, grid: Mapping[str, Any] | None = None, **more: Any) -> Session:
    """Return a session whose strategy answers ``decide(view, cause name)`` with asks."""

    def written(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        state.n_calls += 1
        asks = decide(view, Cause(view.cause).name.lower())
        for intent, ask in zip(intents, asks, strict=False):
            clear(intent, ask["kind"], ask.get("symbol", 0), ask.get("reason", 0))
            for name, value in ask.items():
                setattr(intent, name, value)
        return len(asks)

    module = ModuleType("by_hand")
    vars(module).update(Params=Params, State=State, decide=written)
    columns = bars if isinstance(bars[0], list) else [list(bars), [None] * len(bars)]
    instruments = Instrument.array(2)  # type: ignore[attr-defined]
    for name, step in (grid or {}).items():
        instruments[f"{name}_units"], instruments[f"{name}_scale"] = step_units(step, name)
    return Session(
        Setup(
            frames=Bars(make_frames(columns)),
            strategy=from_module(module, "by_hand"),
            params=Params.new(),  # type: ignore[attr-defined]
            costs=Costs(maker_fee_rate=0.001, taker_fee_rate=0.001, slippage_bps=0.0),
            instruments=instruments,
            **more,
        )
    )


def at_close(*by_frame: Sequence[Ask]) -> Decide:
    """Ask at the closes of frames 0, 1, ... and at nothing else."""
    return lambda view, cause: by_frame[view.frame] if cause == "bar" and view.frame < len(by_frame) else ()


def fills(done: Session) -> list[tuple[float, int, float, float]]:
    """Return (second, side, qty, price) of every fill."""
    log = done.engine.fills[: done.engine.log.n_fills]
    return [((e.time_ns - START_NS) / 1e9, int(e.side), float(e.qty), float(e.price)) for e in log]


def test_an_order_of_a_close_fills_at_the_next_open() -> None:
    done = session(at_close([market(BUY, 2)]), [flat(), flat(101), flat(102)])
    done.run()
    assert fills(done) == [(60.0, 1, 2.0, 101.0)]
    assert done.engine.equity.tolist() == pytest.approx([10_000.0, 9_999.798, 10_001.798])


def test_same_close_fills_where_it_was_decided() -> None:
    execution = ExecutionSettings(same_close=True)
    done = session(at_close([], [market(BUY, 2)]), [flat(), flat(101), flat(102)], execution=execution)
    done.run()
    assert fills(done) == [(120.0, 1, 2.0, 101.0)]


def test_the_view_keeps_the_venues_books() -> None:
    plan = at_close([market(BUY, 2), limit(BUY, 1, 95), stop(SELL, 1, 90)], [], [market(SELL, 1)])
    done = session(plan, [flat(), (100, 102, 94, 96), (96, 97, 85, 86), flat(88), flat(90)])
    done.run()
    view, venue = done.engine.strategy_view, done.venue
    assert len(fills(done)) == 4
    assert view.cash == venue.accounts[0].cash
    assert view.position_qty[:4].tolist() == venue.positions["qty"][:4].tolist()
    assert view.open_orders[0] == venue.clock.n_orders == 0


def test_a_refused_order_is_not_open() -> None:
    seen: list[tuple[str, int]] = []

    def decide(view: Any, cause: str) -> Sequence[Ask]:
        seen.append((cause, int(view.open_orders[0])))
        return [market(BUY, -1)] if cause == "bar" and view.frame == 0 else ()

    done = session(decide, [flat(), flat()])
    done.run()
    assert seen == [("bar", 0), ("order", 0), ("bar", 0)]
    assert done.engine.log.rejects[Reason.INVALID_QTY] == 1


def test_every_refusal_reaches_the_strategy_with_its_reason() -> None:
    heard: list[str] = []

    def decide(view: Any, cause: str) -> Sequence[Ask]:
        if cause == "order":
            heard.append(f"{EventKind(view.event_kind).name} {Reason(view.event_reason).name}")
        return [market(SELL, 1), market(BUY, 1e6), limit(BUY, 1, -5)] if cause == "bar" and view.frame == 0 else ()

    session(decide, [flat(), flat()]).run()
    assert heard == ["REJECTED INVALID_PRICE", "REJECTED INSUFFICIENT_POSITION", "REJECTED INSUFFICIENT_CASH"]


def test_a_target_becomes_the_order_that_reaches_it() -> None:
    def target(qty: float, unit: int = QtyUnit.BASE) -> Ask:
        return {"kind": IntentKind.TARGET, "qty": qty, "qty_unit": unit}

    plan = at_close([target(3)], [target(1)], [target(1)], [target(500, QtyUnit.QUOTE)])
    done = session(plan, [flat()] * 6)
    done.run()
    assert fills(done) == [(60.0, 1, 3.0, 100.0), (120.0, -1, 2.0, 100.0), (240.0, 1, 4.0, 100.0)]


def test_an_answer_to_a_fill_acts_at_the_same_open_and_sees_no_price_of_it() -> None:
    seen: list[float] = []

    def decide(view: Any, cause: str) -> Sequence[Ask]:
        if cause == "bar":
            return [market(SELL, 10)] if view.frame == 0 else ()
        seen.append(float(view.price[0]))
        return [market(BUY, 500, symbol=1, qty_unit=QtyUnit.QUOTE)] if view.event_side == Side.SELL else ()

    bars = [[flat(), flat(110)], [flat(40), flat(50)]]
    done = session(decide, bars, initial_positions={"AUSDT": 10.0}, initial_capital=0.001)
    done.run()
    assert fills(done) == [(60.0, -1, 10.0, 110.0), (60.0, 1, 10.0, 50.0)]
    assert seen == [100.0, 100.0]


def test_a_watch_wakes_inside_the_bar_and_its_order_fills_there() -> None:
    heard: list[tuple[str, float, float, int]] = []

    def decide(view: Any, cause: str) -> Sequence[Ask]:
        if cause == "bar":
            return [watch(BUY, 95.5, role=7), timer(100, role=8)] if view.frame == 0 else ()
        if cause in ("watch", "timer"):
            heard.append((cause, (view.time_ns - START_NS) / 1e9, float(view.event_price), int(view.event_role)))
        return [market(BUY, 1)] if cause == "watch" else ()

    done = session(decide, [flat(), (100, 120, 90, 110)], grid={"tick": 1})
    done.run()
    assert fills(done) == [(70.0, 1, 1.0, 95.0)]
    assert heard[0] == ("watch", 70.0, 95.0, 7)
    assert heard[1][:2] == ("timer", 100.0)
    assert heard[1][3] == 8
    assert np.isnan(heard[1][2])


def test_a_strategy_that_answers_itself_for_ever_is_named() -> None:
    forever = session(lambda view, cause: [market(BUY, -1)] * 1000, [flat(), flat()])
    with pytest.raises(InvariantBroken, match="by_hand"):
        forever.run()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_session_may_be_cut_at_any_frame(cut: int) -> None:
    plan = at_close([market(BUY, 2), limit(BUY, 1, 95), stop(SELL, 1, 90), watch(BUY, 93)], [limit(SELL, 1, 103)])
    bars = [flat(), (100, 102, 94, 96), (96, 104, 85, 86), flat(88)]
    whole, parts = session(plan, bars), session(plan, bars)
    whole.run()
    parts.run(cut)
    parts.run()
    assert whole.snapshot() == parts.snapshot()
    assert len(fills(whole)) == 4
