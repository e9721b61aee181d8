"""
The proof of the ladder: an exhaustive search for a way in which it fails its operator.

From a fresh ladder it takes every situation of the grid, every wait and every action of the operator, again and
again, until no new ladder appears, and holds each move against what a ladder owes. Breadth first, so that the path to
a counter-example is a shortest one. The ladder climbs by the very function that trades.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from ballast.model.durations import SECOND_NS
from ballast.model.enums import LadderState, QtyUnit, Reason, Side
from ballast.model.instrument import Conversion
from ballast.model.intents import Intent, cancel, place_market
from ballast.model.records import ArrayOf, LegFloats, SymbolFloats, SymbolInts, record
from ballast.risk.climb import climb, is_margin_low
from ballast.risk.facts import Facts
from ballast.risk.ladder import Ladder, review
from ballast.risk.operator import acknowledge, halt, operator_flatten, operator_freeze, operator_release
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import RiskSettings
from ballast.risk.situations import (
    FIGURES,
    KNOWN,
    STALE,
    Witness,
    expand,
    grid_of,
    pack,
    put,
    scale_of,
    see_act,
    unpack,
)

PATIENCE = 6
"""Looks at a healthy account, each after the longest wait, in which a ladder must find back to NORMAL."""


class Duty(Enum):
    """What a ladder owes; the value says it to a person."""

    ORDERED = "it freezes before it panics"
    MONOTONE = "worse figures never give a lower state"
    NO_DEAD_END = "every state can be left once its cause has gone"
    NO_FLAPPING = "a state ends once its cause has been gone for all of its time, EMERGENCY and HALTED by an operator"
    FAILS_CLOSED = "what is unknown never loosens it, and freezes it"
    EMERGENCY_REACHABLE = "an emergency is reached at once from everywhere"
    NO_AVERAGING = "nothing that raises passes from FROZEN on, and cancelling always does"
    RESUMES = "a ladder read back from its bytes goes on as if nothing had been"


@dataclass(frozen=True)
class Step:
    """One step on the way to a counter-example, and the state after it."""

    what: str
    state: LadderState

    def __str__(self) -> str:
        return f"{self.what} -> {self.state.name}"


@dataclass(frozen=True)
class CounterExample:
    """A shortest way to break a duty: the steps from a fresh ladder, and what is wrong at the end."""

    duty: Duty
    steps: tuple[Step, ...]
    fault: str


@dataclass(frozen=True)
class Proof:
    """The outcome: how much was searched, and at most one counter-example for each duty."""

    n_ladders: int
    n_moves: int
    counter_examples: dict[Duty, CounterExample]

    @property
    def holds(self) -> bool:
        """Whether every duty is kept."""
        return not self.counter_examples


@record
class Holding:
    """The part of the engine's view that the table of intents reads: one symbol, something held."""

    position_mode: int
    open_orders: SymbolInts
    price: SymbolFloats = 100.0  # type: ignore[assignment]  # The default fills the array.
    mark: SymbolFloats = 100.0  # type: ignore[assignment]
    position_qty: LegFloats
    order_value: LegFloats
    conversions: Annotated[Any, ArrayOf(Conversion, "conversions")]


OPERATOR: dict[str, Callable[[Any, int], object]] = {
    "the operator freezes": operator_freeze,
    "the operator releases": lambda ladder, now_ns: operator_release(ladder),
    "the operator flattens": operator_flatten,
    "the operator halts": lambda ladder, now_ns: halt(ladder, LadderReason.OPERATOR_HALT, now_ns),
    "the operator acknowledges": acknowledge,
}


def prove(settings: RiskSettings, progress: Callable[[int, int], None] | None = None) -> Proof:
    """
    Search all that a ladder with these settings can come to, and return what was found.

    ``progress`` is called with the number of ladders looked at and of those still waiting. Takes seconds for the safe
    profile. A profile that has no ladder keeps no duty and is not searched.
    """
    n_ladders, n_moves, found = 0, 0, dict[Duty, CounterExample]()
    for alone in _one_limit_each(settings):
        search = _Search(alone)
        while search.waiting:
            search.look_at(search.waiting.popleft())
            if progress is not None:
                progress(search.n_looked_at, len(search.waiting))
        n_ladders, n_moves, found = n_ladders + search.n_looked_at, n_moves + search.n_moves, search.found | found
    return Proof(n_ladders, n_moves, found)


def _one_limit_each(settings: RiskSettings) -> Iterator[Any]:
    """Yield the settings with each limit on losses on its own: together they would multiply, not meet."""
    limits = ("max_account_drawdown", "daily_loss_limit", "drawdown_limit")
    present = [limit for limit in limits if getattr(settings, limit) > 0.0]
    for kept in present or [""]:
        alone = settings.copy()  # type: ignore[attr-defined]  # A record is a NumPy scalar.
        for limit in present:
            if limit != kept:
                setattr(alone, limit, 0.0)
        yield alone


class _Search:
    """One breadth-first search: what is known of every ladder found so far."""

    def __init__(self, settings: RiskSettings) -> None:
        self.settings = settings
        self.grid = grid_of(settings)
        self.scale = scale_of(settings, self.grid)
        self.full, self.thin = self.grid.situations(), self.grid.thinned().situations()
        self.ladder = Ladder.new(symbols=1, legs=2)  # type: ignore[attr-defined]
        self.facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
        self.witness = Witness.new()  # type: ignore[attr-defined]
        self.ladder.evaluated_ns = self.ladder.since_ns
        start = pack(self.ladder, self.witness, self.scale)
        self.came_from: dict[int, tuple[int, str] | None] = {start: None}
        self.waiting = deque([start])
        self.found: dict[Duty, CounterExample] = {}
        self.n_looked_at = 0
        self.n_moves = 0
        room = 4096
        self._successors, self._origins = np.zeros(room, np.int64), np.zeros(room, np.int64)
        self._check_what_passes()

    def look_at(self, key: int) -> None:
        """Take every move from one ladder, and hold each against the duties."""
        self.n_looked_at += 1
        states, is_earned = self._expand(key, self.full, KNOWN)
        self._check_monotone(key, states)
        self._check_order(key, states)
        self._check_dwell(key, states, is_earned)
        self._check_emergency(key, states)
        for fault in range(STALE + 1):
            self._check_fails_closed(key, fault, self._expand(key, self.thin, fault)[0])
        self._check_way_back(key)
        self._check_resumes(key)
        for name, act in OPERATOR.items():
            ladder = self._unpacked(key)
            act(ladder, int(ladder.evaluated_ns))
            see_act(self.witness, ladder)
            self._remember(pack(ladder, self.witness, self.scale), key, name)

    def _expand(
        self, key: int, figures: npt.NDArray[np.float64], fault: int
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        waits = self.grid.waits_ns
        states = np.zeros((len(waits), len(figures)), np.int8)
        is_earned = np.zeros(states.shape, np.bool_)
        n = expand(
            *(key, self.ladder, self.witness, self.settings, self.facts, self.scale, waits, figures, fault),
            *(states, is_earned, self._successors, self._origins),
        )
        self.n_moves += states.size
        for follows, origin in zip(self._successors[:n].tolist(), self._origins[:n].tolist(), strict=True):
            if follows not in self.came_from:
                wait, row = divmod(origin, len(figures))
                self._remember(follows, key, self._told(wait, figures[row], fault))
        return states, is_earned

    def _remember(self, key: int, parent: int, what: str) -> None:
        if key not in self.came_from:
            self.came_from[key] = (parent, what)
            self.waiting.append(key)

    def _unpacked(self, key: int) -> Any:
        ladder = Ladder.new(symbols=1, legs=2)  # type: ignore[attr-defined]
        unpack(key, ladder, self.witness, self.scale)
        return ladder

    def _told(self, wait: int, figures: npt.NDArray[np.float64], fault: int = KNOWN) -> str:
        """Return a situation in words."""
        a, ratio, percent, rate, equity = (float(figure) for figure in figures)
        words = [f"A = {a:.7g} N", f"legs {ratio:.7g} : 1", f"A is {percent:.7g} % of equity"]
        words += [f"MM rate {rate * 100.0:.7g} %", f"equity {equity:.7g}"]
        if fault == STALE:
            words.append("all stale")
        elif fault != KNOWN:
            words.append(f"{FIGURES[fault]} unknown")
        waited = self.grid.waits_ns[wait] / SECOND_NS
        return (f"{waited:g} s later: " if waited else "") + ", ".join(words)

    def _break(self, duty: Duty, key: int, fault: str, *last: Step) -> None:
        """Keep a counter-example, if it is the first of its kind: the search makes the first the shortest."""
        if duty not in self.found:
            self.found[duty] = CounterExample(duty, (*self._path(key), *last), fault)

    def _path(self, key: int) -> tuple[Step, ...]:
        steps: list[Step] = []
        while (came_from := self.came_from[key]) is not None:
            steps.append(Step(came_from[1], LadderState(key & 7)))
            key = came_from[0]
        return tuple(reversed(steps))

    def _check_monotone(self, key: int, states: npt.NDArray[np.int8]) -> None:
        """Compare every situation with its neighbour that is worse in one figure."""
        if Duty.MONOTONE in self.found:
            return
        by_figure = states.reshape(self.grid.shape)
        for axis in range(1, by_figure.ndim):
            falls = np.argwhere(np.diff(by_figure, axis=axis) < 0)
            if len(falls):
                better, worse = falls[0].copy(), falls[0].copy()
                worse[axis] += 1
                rows = [int(np.ravel_multi_index(tuple(at[1:]), self.grid.shape[1:])) for at in (better, worse)]
                wait = int(better[0])
                told = [Step(self._told(wait, self.full[row]), LadderState(int(states[wait, row]))) for row in rows]
                self._break(Duty.MONOTONE, key, f"with a worse {FIGURES[axis - 1]} it stands lower: {told[1]}", told[0])
                return

    def _check_order(self, key: int, states: npt.NDArray[np.int8]) -> None:
        """Ask, where margin alone is in trouble, whether PANIC begins while FROZEN would not be called for."""
        if Duty.ORDERED in self.found or key & 7 >= LadderState.PANIC:
            return
        margins_only = states.reshape(self.grid.shape)[:, :, 0, 0, 0, 0]
        for wait, at in np.argwhere(margins_only == LadderState.PANIC).tolist():
            figures = np.array([values[0] for values in self.grid[:5]])
            figures[0] = self.grid.available[at]
            put(self.facts, 0, figures.reshape(1, 5), 0, KNOWN)
            if not is_margin_low(self.facts, self.settings.early_freeze_mult):
                step = Step(self._told(wait, figures), LadderState.PANIC)
                freeze = self.settings.early_freeze_mult
                self._break(Duty.ORDERED, key, f"it panics while A is not even below the freeze at {freeze:g} N", step)
                return

    def _check_dwell(self, key: int, states: npt.NDArray[np.int8], is_earned: npt.NDArray[np.bool_]) -> None:
        if Duty.NO_FLAPPING in self.found:
            return
        for wait, row in np.argwhere(~is_earned)[:1].tolist():
            left, ended = LadderState(key & 7), LadderState(int(states[wait, row]))
            step = Step(self._told(wait, self.full[row]), ended)
            self._break(
                Duty.NO_FLAPPING, key, f"it leaves {left.name} before its cause has been gone long enough", step
            )

    def _check_emergency(self, key: int, states: npt.NDArray[np.int8]) -> None:
        if Duty.EMERGENCY_REACHABLE in self.found:
            return
        threshold = self.settings.mm_rate_threshold / 100.0
        missed = (self.full[:, 3] >= threshold) & (states < LadderState.EMERGENCY)
        ladder = self._unpacked(key)
        operator_flatten(ladder, int(ladder.evaluated_ns))
        if ladder.state != LadderState.EMERGENCY:
            self._break(Duty.EMERGENCY_REACHABLE, key, "the operator cannot flatten")
        for wait, row in np.argwhere(missed)[:1].tolist():
            step = Step(self._told(wait, self.full[row]), LadderState(int(states[wait, row])))
            self._break(Duty.EMERGENCY_REACHABLE, key, "the maintenance margin rate calls for EMERGENCY", step)

    def _check_fails_closed(self, key: int, fault: int, states: npt.NDArray[np.int8]) -> None:
        if Duty.FAILS_CLOSED in self.found:
            return
        least = max(LadderState(key & 7), LadderState.FROZEN)
        for wait, row in np.argwhere(states < least)[:1].tolist():
            step = Step(self._told(wait, self.thin[row], fault), LadderState(int(states[wait, row])))
            self._break(Duty.FAILS_CLOSED, key, f"it must be {least.name} at least", step)

    def _check_way_back(self, key: int) -> None:
        """Let every cause go but the money that is lost, let the operator do what is his, and wait."""
        if Duty.NO_DEAD_END in self.found:
            return
        wait_ns = int(self.grid.waits_ns.max())
        for equity in self.grid.equity:
            ladder = self._unpacked(key)
            healthy = np.array([[*(values[0] for values in self.grid[:4]), equity]])
            for _ in range(PATIENCE):
                operator_release(ladder)
                acknowledge(ladder, int(ladder.evaluated_ns))
                put(self.facts, 0, healthy, 0, KNOWN)
                self.facts.time_ns = int(ladder.evaluated_ns) + wait_ns
                climb(ladder, self.settings, self.facts)
            if ladder.state != LadderState.NORMAL:
                state = LadderState(int(ladder.state)).name
                fault = f"the account is healthy again and the operator willing, but it stays in {state}"
                self._break(Duty.NO_DEAD_END, key, fault)
                return

    def _check_resumes(self, key: int) -> None:
        """Climb twice from here, once with a ladder that was read back from bytes."""
        if Duty.RESUMES in self.found:
            return
        for row in range(0, len(self.full), max(1, len(self.full) // 4)):
            put(self.facts, int(self.grid.waits_ns[-1]), self.full, row, KNOWN)
            stays, restarts = self._unpacked(key), _read_back(self._unpacked(key))
            climb(stays, self.settings, self.facts)
            climb(restarts, self.settings, self.facts)
            if stays.tobytes() != restarts.tobytes():
                self._break(Duty.RESUMES, key, "the restarted ladder goes elsewhere")

    def _check_what_passes(self) -> None:
        """Hold the table of intents against what each state may let through; it does not depend on figures."""
        intents = Intent.array(3)  # type: ignore[attr-defined]
        place_market(intents, 0, 0, Side.BUY, 1.0, QtyUnit.BASE, 0)
        place_market(intents, 1, 0, Side.SELL, 1.0, QtyUnit.BASE, 0)
        intents[1].reduce_only = True
        cancel(intents, 2, 0, 0, 0, 0)
        holding = Holding.new(symbols=1, legs=2)  # type: ignore[attr-defined]
        holding.position_qty[0] = 1.0
        for state in LadderState:
            self.ladder.state = state
            passes = [review(self.ladder, holding, intent) == Reason.NONE for intent in intents]
            if passes != [state == LadderState.NORMAL, state < LadderState.EMERGENCY, True]:
                self._break(Duty.NO_AVERAGING, self.waiting[0], f"in {state.name} the wrong requests pass")
        self.ladder.state = LadderState.NORMAL


def _read_back(ladder: Any) -> Any:
    stored = np.frombuffer(bytearray(ladder.tobytes()), ladder.dtype)
    return stored.view(np.recarray)[0]
