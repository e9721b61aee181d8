"""A guard wakes the ladder where it would move, and only what could move it is armed."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from ballast.kernel.thresholds import GUARD_TOLERANCE
from ballast.kernel.venue import Guard
from ballast.model.enums import LadderState, MarginModel
from ballast.risk.climb import climb
from ballast.risk.guards import N_GUARDS, GuardSlot, arm_guards, mm_guard_rate
from ballast.risk.thresholds import has_fallen_to
from tests.unit.risk.accounts import DOCUMENTED, OFF, SAFE, SECOND, facts_of, ladder_for, margin_view, refresh, settings

LIMITED = settings(daily_loss_limit=0.02, drawdown_limit=0.05)


def armed(view: Any, ladder: Any, chosen: Any = SAFE) -> Any:
    """Climb once, arm, and return the guards."""
    guards = Guard.array(N_GUARDS, symbols=view.n_symbols)  # type: ignore[attr-defined]
    facts = facts_of(view, ladder, chosen)
    climb(ladder, chosen, facts)
    arm_guards(view, ladder, chosen, facts, guards)
    return guards


def slots(guards: Any) -> set[GuardSlot]:
    return {GuardSlot(i) for i, guard in enumerate(guards) if guard.is_armed}


def value(guard: Any, view: Any) -> float:
    return float(guard.offset + sum(w * m for w, m in zip(guard.weight, view.mark, strict=True)))


def crossing(guard: Any) -> float:
    """Return the mark of a single symbol at which a guard is zero."""
    return float(-guard.offset / guard.weight[0])


def ladder_in(view: Any, state: LadderState, *next_qty: float) -> Any:
    ladder = ladder_for(view, *next_qty)
    ladder.state = state
    return ladder


def test_a_normal_account_is_woken_where_it_freezes() -> None:
    view = margin_view((10.0, 5.0), cash=200.0)
    ladder = ladder_for(view, 20.0, 10.0)
    guards = armed(view, ladder)
    assert slots(guards) == {GuardSlot.FREEZE, GuardSlot.PANIC, GuardSlot.ACCOUNT_DRAWDOWN}
    at = crossing(guards[GuardSlot.FREEZE])
    for beyond, state in ((1.0 + 1e-6, LadderState.NORMAL), (1.0 - 1e-6, LadderState.FROZEN)):
        view.mark[0] = at * beyond
        refresh(view)
        # What the limit on losses reckons from is left aside: it is met sooner on the way.
        fresh = ladder_for(view, 20.0, 10.0)
        climb(fresh, SAFE, facts_of(view, fresh))
        assert fresh.state == state


def test_imbalance_has_a_guard_only_while_a_leg_outweighs_the_other() -> None:
    balanced = margin_view((10.0, 1.0), cash=200.0)
    assert GuardSlot.IMBALANCE not in slots(armed(balanced, ladder_for(balanced)))
    skewed = margin_view((11.0, 1.0), cash=200.0)
    assert GuardSlot.IMBALANCE in slots(armed(skewed, ladder_for(skewed)))


@pytest.mark.parametrize("state", [LadderState.EMERGENCY, LadderState.HALTED])
def test_on_the_upper_rungs_nothing_is_armed(state: LadderState) -> None:
    view = margin_view((10.0, 5.0), cash=200.0)
    assert slots(armed(view, ladder_in(view, state, 20.0, 10.0))) == set()
    assert mm_guard_rate(ladder_in(view, state), SAFE) == 0.0


def test_neither_an_unknown_account_nor_a_run_without_ladder_has_guards() -> None:
    view = margin_view((10.0, 5.0), cash=200.0)
    assert slots(armed(view, ladder_for(view, 20.0), OFF)) == set()
    view.mm_rate = nan
    assert slots(armed(view, ladder_for(view, 20.0))) == set()


def test_the_maintenance_margin_rate_is_armed_at_its_threshold() -> None:
    view = margin_view((10.0, 5.0))
    assert mm_guard_rate(ladder_for(view), SAFE) == 0.9
    assert mm_guard_rate(ladder_for(view), OFF) == 0.0


@pytest.mark.parametrize(("slot", "part"), [("DAILY_LOSS", 0.98), ("DRAWDOWN", 0.95), ("ACCOUNT_DRAWDOWN", 0.80)])
def test_losses_are_armed_at_their_floor(slot: str, part: float) -> None:
    view = margin_view((10.0, 0.0), cash=1_000.0)
    guards = armed(view, ladder_for(view), LIMITED)
    # Ten base units lose what the mark falls, ten times.
    assert crossing(guards[GuardSlot[slot]]) == pytest.approx(100.0 - (1.0 - part) * 100.0, abs=1e-6)


def test_a_tripped_breaker_is_not_armed_again() -> None:
    view = margin_view((10.0, 0.0), cash=1_000.0)
    ladder = ladder_for(view)
    armed(view, ladder, LIMITED)
    view.mark[0] = 97.0
    refresh(view)
    assert slots(armed(view, ladder, LIMITED)) & {GuardSlot.DAILY_LOSS, GuardSlot.DRAWDOWN} == set()


def test_the_original_arms_what_can_move_it() -> None:
    view = margin_view((11.0, 1.0), cash=200.0, leverage=1_000.0)
    ladder = ladder_for(view, 0.5, 0.5)
    ladder.volatility[0].atr_pct = 0.1
    view.available = 5_000.0
    guards = armed(view, ladder, DOCUMENTED)
    assert slots(guards) == {GuardSlot.PANIC, GuardSlot.IMBALANCE}
    assert slots(armed(view, ladder_in(view, LadderState.PANIC), DOCUMENTED)) == set()


legs = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (pair[0] / 2.0, pair[1] / 2.0))
steps = st.lists(st.integers(0, 20).map(float), min_size=4, max_size=4)


@given(
    held=st.tuples(legs, legs),
    next_qty=steps,
    to=st.tuples(st.floats(0.6, 1.6), st.floats(0.6, 1.6)),
    state=st.sampled_from([LadderState.NORMAL, LadderState.FROZEN, LadderState.PANIC]),
    model=st.sampled_from(MarginModel),
    cash=st.floats(50.0, 2_000.0),
)
@tried(deadline=None, max_examples=250)
def test_a_ladder_that_moves_on_a_price_was_woken_for_it(
    held: Any, next_qty: Any, to: Any, state: LadderState, model: MarginModel, cash: float
) -> None:
    """Whatever moves by the time the marks have gone there, a guard that was armed has its value below zero."""
    view = margin_view(*held, price=(100.0, 20.0), cash=cash, model=model, leverage=50.0)
    ladder = ladder_in(view, state, *next_qty)
    guards = armed(view, ladder, LIMITED)
    assume(ladder.state < LadderState.EMERGENCY)
    stands, calm, thawed = int(ladder.state), int(ladder.calm_since_ns), int(ladder.thawed_since_ns)
    view.mark = [100.0 * to[0], 20.0 * to[1]]
    view.time_ns += 11 * SECOND
    refresh(view)
    facts = facts_of(view, ladder, LIMITED)
    imbalance = int(ladder.imbalance_since_ns)
    climb(ladder, LIMITED, facts)
    moved = ladder.state != stands or (ladder.calm_since_ns < 0) != (calm < 0)
    if ladder.state == stands != LadderState.NORMAL:
        moved = moved or (ladder.thawed_since_ns < 0) != (thawed < 0)
    moved = moved or (ladder.imbalance_since_ns < 0) != (imbalance < 0)
    by_rate = facts.mm_rate >= 0.9
    # A wait that is over needs no price: its end has a timer.
    by_time = stands == LadderState.FROZEN and ladder.state == LadderState.NORMAL
    by_time = by_time or imbalance >= 0
    if moved and not by_rate and not by_time:
        assert any(value(guards[slot], view) < 0.0 for slot in slots(guards))


@given(size=st.floats(1.0, 1e6), cash=st.floats(100.0, 1e6), price=st.floats(0.01, 1e5))
def test_who_is_woken_by_a_floor_finds_it_met(size: float, cash: float, price: float) -> None:
    view = margin_view((size / price, 0.0), cash=cash, price=price)
    guards = armed(view, ladder_for(view, 0.0, 0.0))
    guard = guards[GuardSlot.ACCOUNT_DRAWDOWN]
    assume(guard.is_armed)
    floor = 0.8 * cash
    # Where the kernel wakes: the value has come down to its own tolerance below zero.
    limit = -GUARD_TOLERANCE * max(1.0, abs(float(guard.offset)))
    view.mark[0] = (limit - float(guard.offset)) / float(guard.weight[0])
    assume(view.mark[0] > 0.0)
    refresh(view)
    assert has_fallen_to(view.equity, floor)
