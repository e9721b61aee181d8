"""
Every situation that can matter to the ladder, as a finite grid; the ground that ``proof`` searches.

Each figure takes values inside, on and beyond each of its thresholds; each clock is counted in ticks that divide
all waiting times, up to the longest, beyond which older is no different. So a ladder is one integer, and the
integers that can be reached are all there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, inf, nan
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS, SECOND_NS
from ballast.model.enums import LadderState
from ballast.model.records import Shape, record
from ballast.risk.climb import climb, is_calm, is_held, is_thawed
from ballast.risk.facts import Facts
from ballast.risk.ladder import NEVER, Ladder
from ballast.risk.settings import RiskSettings

NEAR = 1e-6
"""How far beside a threshold its neighbours lie, relative."""

MOST_TICKS = 61
_NEVER_TICKS = 63
_NO_EQUITY = 15
_NOON_NS = 20_000 * 86_400 * SECOND_NS + 43_200 * SECOND_NS
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@record
class Scale:
    """
    In what a packed ladder counts: the length of a tick, the equities of the grid, and what makes no difference.

    A clock that has run longer than its own wait is as good as one that has run for just that. What a limit that
    is off would remember is left out.
    """

    tick_ns: int
    imbalance_ticks: int
    freeze_ticks: int
    panic_ticks: int
    has_daily: bool
    has_drawdown: bool
    has_account: bool
    n_equities: int
    equity: Annotated[npt.NDArray[np.float64], Shape(_NO_EQUITY)]


@record
class Witness:
    """
    Somebody who looks on with a watch of his own: since when the causes of ``state`` have been gone without a break.

    He has the ladder's word for what a cause is, and nothing else.
    """

    state: int
    calm_since_ns: int = NEVER
    thawed_since_ns: int = NEVER


class Grid(NamedTuple):
    """
    The values of every figure, each from good to bad, and the times to wait before the next look.

    A is in units of N, which is 1; ``mm_rate`` is a fraction, ``equity`` in units of the starting capital.
    """

    available: Floats
    ratio: Floats
    available_pct: Floats
    mm_rate: Floats
    equity: Floats
    waits_ns: Integers

    @property
    def shape(self) -> tuple[int, ...]:
        """How many waits there are, then how many values of each figure."""
        return (len(self.waits_ns), *(len(values) for values in self[:5]))

    def thinned(self) -> Grid:
        """Return a third of the values: enough where what is asked does not depend on where a threshold lies."""
        return Grid._make([*(np.append(values[:-1:3], values[-1]) for values in self[:5]), self.waits_ns])

    def situations(self) -> Floats:
        """Return every combination of the figures, (n_situations, 5), in the order of ``shape``."""
        return np.stack(np.meshgrid(*self[:5], indexing="ij"), axis=-1).reshape(-1, 5)


def grid_of(settings: RiskSettings) -> Grid:
    """Return the grid for these settings; limits that are off have no points of their own."""
    widened = settings.hysteresis
    multiples = {settings.panic_mult, settings.early_freeze_mult}
    multiples |= {multiple * widened for multiple in multiples}
    day_limits = {settings.daily_loss_limit, settings.drawdown_limit} - {0.0}
    limits = day_limits | ({settings.max_account_drawdown} - {0.0})
    ratios = {settings.imbalance_ratio, settings.imbalance_ratio * (2.0 - widened)}
    percents = {settings.imbalance_available_pct, settings.imbalance_available_pct * widened}
    holds_ns = [int(seconds * SECOND_NS) for seconds in _timers(settings)]
    waits = {0, tick_ns(settings), *holds_ns} | ({DAY_NS} if day_limits else set())
    return Grid(
        available=_falling({*_around(multiples), 10.0 * max(multiples), 0.0, -1.0}),
        ratio=_falling({*_around(ratios), 0.0, inf})[::-1],
        available_pct=_falling({*_around(percents), 100.0, -inf}),
        mm_rate=_falling({0.0, *_around({settings.mm_rate_threshold / 100.0})})[::-1],
        equity=_falling({1.0, *_around(1.0 - limit for limit in limits)}),
        waits_ns=np.array(sorted(waits), np.int64),
    )


def scale_of(settings: RiskSettings, grid: Grid) -> Any:
    """Return how ladders are packed on this grid."""
    scale = Scale.new()  # type: ignore[attr-defined]
    scale.tick_ns = tick_ns(settings)
    ticks = [-(-int(seconds * SECOND_NS) // scale.tick_ns) for seconds in _timers(settings)]
    scale.imbalance_ticks, scale.freeze_ticks, scale.panic_ticks = ticks
    scale.has_daily = settings.daily_loss_limit > 0.0
    scale.has_drawdown = settings.drawdown_limit > 0.0
    scale.has_account = settings.max_account_drawdown > 0.0
    scale.n_equities = len(grid.equity)
    scale.equity[: len(grid.equity)] = grid.equity
    return scale


def tick_ns(settings: RiskSettings) -> int:
    """Return the longest tick that divides every waiting time, or a fraction of the longest where that is too many."""
    holds = [int(seconds * SECOND_NS) for seconds in _timers(settings) if seconds > 0.0]
    if not holds:
        return SECOND_NS
    tick = gcd(*holds)
    return tick if max(holds) // tick < MOST_TICKS else -(-max(holds) // (MOST_TICKS - 1))


def _timers(settings: RiskSettings) -> tuple[float, ...]:
    return settings.imbalance_hold_s, settings.freeze_dwell_s, settings.panic_exit_hold_s


def _around(thresholds: Iterable[float]) -> set[float]:
    return {float(value) for t in thresholds for value in (t * (1.0 + NEAR), t, t * (1.0 - NEAR))}


def _falling(values: set[float]) -> Floats:
    return np.array(sorted(values, reverse=True))


@compiled
def pack(ladder: Ladder, witness: Witness, scale: Scale) -> int:
    """
    Return everything in a ladder that its next move can depend on as one integer, and what its witness knows.

    FROZEN and PANIC alone wait for something to stay gone; EMERGENCY and HALTED run no clock, and leaving them
    starts all clocks anew.
    """
    state = ladder.state
    is_panic = state == LadderState.PANIC
    waits = is_panic or state == LadderState.FROZEN
    key = _age(ladder, scale, witness.calm_since_ns, scale.panic_ticks) if is_panic else _NEVER_TICKS
    key = key << 6 | (_age(ladder, scale, witness.thawed_since_ns, scale.freeze_ticks) if waits else _NEVER_TICKS)
    key = key << 4 | (_equity_index(scale, ladder.peak_equity) if scale.has_account else _NO_EQUITY)
    key = key << 4 | (_equity_index(scale, ladder.breaker_peak) if scale.has_drawdown else _NO_EQUITY)
    key = key << 4 | (_equity_index(scale, ladder.day_start_equity) if scale.has_daily else _NO_EQUITY)
    key = key << 5 | ladder.alarm
    key = key << 5 | ladder.tripped
    key = key << 1 | (1 if ladder.is_operator_frozen else 0)
    runs = state < LadderState.EMERGENCY
    key = key << 6 | (_age(ladder, scale, ladder.thawed_since_ns, scale.freeze_ticks) if waits else _NEVER_TICKS)
    imbalance = _age(ladder, scale, ladder.imbalance_since_ns, scale.imbalance_ticks)
    key = key << 6 | (imbalance if runs else _NEVER_TICKS)
    key = key << 6 | (_age(ladder, scale, ladder.calm_since_ns, scale.panic_ticks) if is_panic else _NEVER_TICKS)
    return key << 3 | state


@compiled
def unpack(key: int, ladder: Ladder, witness: Witness, scale: Scale) -> None:
    """Write a packed ladder and its witness into their records, as they stand at noon of some day."""
    ladder.evaluated_ns = _NOON_NS
    ladder.day = _NOON_NS // DAY_NS
    ladder.reason = 0
    ladder.state = key & 7
    # Nothing may go by how long a state has stood, so let it have stood for long.
    ladder.since_ns = _NOON_NS - DAY_NS
    ladder.calm_since_ns = _since(key >> 3 & 63, scale)
    ladder.imbalance_since_ns = _since(key >> 9 & 63, scale)
    ladder.thawed_since_ns = _since(key >> 15 & 63, scale)
    ladder.is_operator_frozen = (key >> 21 & 1) == 1
    ladder.tripped = key >> 22 & 31
    ladder.alarm = key >> 27 & 31
    ladder.day_start_equity = _equity_at(scale, key >> 32 & 15)
    ladder.breaker_peak = _equity_at(scale, key >> 36 & 15)
    ladder.peak_equity = _equity_at(scale, key >> 40 & 15)
    witness.state = ladder.state
    witness.thawed_since_ns = _since(key >> 44 & 63, scale)
    witness.calm_since_ns = _since(key >> 50 & 63, scale)


@compiled
def _age(ladder: Ladder, scale: Scale, since_ns: int, oldest: int) -> int:
    if since_ns == NEVER:
        return _NEVER_TICKS
    return min(oldest, (ladder.evaluated_ns - since_ns) // scale.tick_ns)


@compiled
def _since(ticks: int, scale: Scale) -> int:
    return NEVER if ticks == _NEVER_TICKS else _NOON_NS - ticks * scale.tick_ns


@compiled
def _equity_index(scale: Scale, equity: float) -> int:
    for i in range(scale.n_equities):
        if scale.equity[i] == equity:
            return i
    return _NO_EQUITY


@compiled
def _equity_at(scale: Scale, index: int) -> float:
    return nan if index == _NO_EQUITY else scale.equity[index]


KNOWN = -1
STALE = 6
"""What is wrong with a situation: nothing, or every figure too old. 0 to 5: that figure of ``FIGURES`` is NaN."""

FIGURES = ("A", "leg ratio", "A in % of equity", "MM rate", "equity", "N")


@compiled
def put(facts: Facts, wait_ns: int, figures: Floats, row: int, fault: int) -> None:
    """Write one row of figures into the facts, as seen after waiting, with what is wrong with them."""
    facts.has_margin = True
    facts.time_ns = _NOON_NS + wait_ns
    facts.available_for_trading = nan if fault == 0 else figures[row, 0]
    facts.imbalance_ratio = nan if fault == 1 else figures[row, 1]
    facts.available_pct = nan if fault == 2 else figures[row, 2]
    facts.mm_rate = nan if fault == 3 else figures[row, 3]
    facts.equity = nan if fault == 4 else figures[row, 4]
    facts.next_worst_case = nan if fault == 5 else 1.0
    facts.is_known = fault == KNOWN


@compiled
def attest(witness: Witness, ladder: Ladder, settings: RiskSettings, facts: Facts) -> bool:
    """Look at a ladder that has just climbed; tell whether, if it came down, the causes had been gone long enough."""
    now_ns = ladder.evaluated_ns
    calm, thawed = is_calm(settings, facts), is_thawed(settings, facts)
    calm_ns = now_ns - witness.calm_since_ns if calm and witness.calm_since_ns != NEVER else 0
    thawed_ns = now_ns - witness.thawed_since_ns if thawed and witness.thawed_since_ns != NEVER else 0
    before, after = witness.state, ladder.state
    is_earned = after >= before or before < LadderState.EMERGENCY
    if after < before and before == LadderState.PANIC:
        is_earned = is_earned and calm and calm_ns >= settings.panic_exit_hold_s * SECOND_NS
    if after < before and after == LadderState.NORMAL:
        is_earned = is_earned and not is_held(ladder) and thawed and thawed_ns >= settings.freeze_dwell_s * SECOND_NS
    # A state counts for itself.
    stays = before == after
    witness.calm_since_ns = (now_ns - calm_ns if stays else now_ns) if calm else NEVER
    witness.thawed_since_ns = (now_ns - thawed_ns if stays else now_ns) if thawed else NEVER
    witness.state = after
    return is_earned


def see_act(witness: Any, ladder: Any) -> None:
    """Take note of what an operator has just done: a new state counts for itself."""
    if ladder.state != witness.state:
        witness.calm_since_ns = witness.thawed_since_ns = NEVER
    witness.state = ladder.state


@compiled
def expand(
    key: int,
    ladder: Ladder,
    witness: Witness,
    settings: RiskSettings,
    facts: Facts,
    scale: Scale,
    waits_ns: Integers,
    figures: Floats,
    fault: int,
    states: npt.NDArray[np.int8],
    is_earned: npt.NDArray[np.bool_],
    successors: Integers,
    origins: Integers,
) -> int:
    """
    Climb from one packed ladder, after every wait, in every situation.

    Writes the state of each into ``states`` (waits, situations), what the witness says into ``is_earned``, the
    different ladders that follow into ``successors`` and the flat index at which each was first seen into
    ``origins``; returns how many they are.
    """
    n = 0
    for w in range(len(waits_ns)):
        for row in range(len(figures)):
            unpack(key, ladder, witness, scale)
            put(facts, waits_ns[w], figures, row, fault)
            climb(ladder, settings, facts)
            states[w, row] = ladder.state
            is_earned[w, row] = attest(witness, ladder, settings, facts)
            follows = pack(ladder, witness, scale)
            seen = n - 1
            # Neighbouring situations mostly lead to the same ladder, which is found at the end.
            while seen >= 0 and successors[seen] != follows:
                seen -= 1
            if seen < 0:
                successors[n] = follows
                origins[n] = w * len(figures) + row
                n += 1
    return n
