"""Whether a trade may be opened: the worked cases, the order of the reasons, and that the cap is hard."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.strategies.spec import checked
from ballast.strategies.staged_trend.entry import claim, may_open, release, settle
from ballast.strategies.staged_trend.settings import Params, Reason, validate
from tests.architecture.sources import ROOT
from tests.unit.strategies.staged_trend.staged import (
    LONG,
    NONE,
    SHORT,
    digest,
    params_of,
    request_of,
    slots_of,
    stage_of,
)


@pytest.mark.parametrize(
    ("age_s", "profit", "side", "quality", "reason"),
    [
        (15, 0.05, LONG, 75.0, Reason.NONE),
        (15, 0.05, SHORT, 75.0, Reason.TREND_MISMATCH),
        (60, 0.05, LONG, 75.0, Reason.NONE),
        (60.000001, 0.05, LONG, 75.0, Reason.WINDOW_EXPIRED),
        (61, 0.05, LONG, 75.0, Reason.WINDOW_EXPIRED),
        (15, 0.05, LONG, 49.9, Reason.QUALITY),
        (15, 0.05, LONG, nan, Reason.QUALITY),
        (15, 0.05, LONG, 50.0, Reason.NONE),
        (15, -0.10, LONG, 75.0, Reason.NONE),
        (15, -0.11, LONG, 75.0, Reason.PROFIT),
        (15, nan, LONG, 75.0, Reason.PROFIT_UNKNOWN),
    ],
)
def test_a_second_trade(age_s: float, profit: float, side: int, quality: float, reason: Reason) -> None:
    """D29."""
    request = request_of(age_s, side=side, quality=quality)
    assert Reason(may_open(request, stage_of(profit), slots_of(1), params_of())) == reason


@pytest.mark.parametrize(("n_open", "n_pending"), [(2, 0), (1, 1), (0, 2), (3, 0)])
def test_nothing_exceeds_the_cap(n_open: int, n_pending: int) -> None:
    """D29: two open anywhere."""
    slots = slots_of(n_open, n_pending)
    assert may_open(request_of(), stage_of(0.05), slots, params_of()) == Reason.MAX_TRADES
    assert may_open(request_of(n_on_symbol=0), stage_of(), slots, params_of()) == Reason.MAX_TRADES


@pytest.mark.parametrize(
    ("profits", "reason"),
    [
        ((-0.02, -0.01), Reason.NEED_BREAKEVEN),
        ((-0.02, 0.00), Reason.NONE),
        ((0.00, -0.01), Reason.NONE),
        ((-0.02, nan), Reason.NEED_BREAKEVEN),
        ((0.01, nan), Reason.NONE),
        ((nan, 0.10), Reason.PROFIT_UNKNOWN),
        ((-0.11, 0.10), Reason.PROFIT),
    ],
)
def test_a_third_trade_needs_one_at_break_even(profits: tuple[float, float], reason: Reason) -> None:
    """D29: three at most."""
    request = request_of(n_on_symbol=2)
    assert may_open(request, stage_of(*profits), slots_of(2), params_of(max_open_trades=3)) == reason


def test_the_first_trade_of_a_symbol_asks_for_nothing_but_a_slot_and_a_signal() -> None:
    request = request_of(n_on_symbol=0, quality=nan, risk=nan)
    assert may_open(request, stage_of(), slots_of(1), params_of(staged_open_enabled=False)) == Reason.NONE


@pytest.mark.parametrize(("n_on_symbol", "profits"), [(1, ()), (2, (0.1,)), (0, (0.1,))])
def test_a_record_that_disagrees_with_the_venue_opens_nothing(n_on_symbol: int, profits: tuple[float, ...]) -> None:
    request = request_of(n_on_symbol=n_on_symbol)
    assert may_open(request, stage_of(*profits), slots_of(1), params_of()) == Reason.NO_RECORD


def test_one_trade_the_other_way_is_a_mismatch_even_when_the_record_agrees() -> None:
    stage = stage_of(0.1, 0.1)
    stage.tickets[1].side = SHORT
    request = request_of(n_on_symbol=2)
    assert may_open(request, stage, slots_of(2), params_of(max_open_trades=3)) == Reason.TREND_MISMATCH


@pytest.mark.parametrize(
    ("new", "held", "reason"),
    [
        (2.00, 2.00, Reason.NONE),
        (2.01, 0.50, Reason.RISK_PER_TRADE),
        (nan, 0.50, Reason.RISK_PER_TRADE),
        (2.00, 2.01, Reason.RISK_TOTAL),
        (1.00, nan, Reason.RISK_TOTAL),
    ],
)
def test_risk_is_limited_each_and_together(new: float, held: float, reason: Reason) -> None:
    assert may_open(request_of(risk=new), stage_of(0.1, risk=held), slots_of(1), params_of()) == reason


# Each fault alone, from the first question to the last.
FAULTS: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.LADDER_NOT_NORMAL, {"is_halted": True}),
    (Reason.STALE_DATA, {"is_stale": True}),
    (Reason.NO_SYMBOL, {"is_symbol_known": False}),
    (Reason.NO_SIGNAL, {"side": NONE}),
    (Reason.MAX_TRADES, {"n_open": 2}),
    (Reason.STAGED_DISABLED, {"staged_open_enabled": False}),
    (Reason.NO_RECORD, {"n_on_symbol": 2}),
    (Reason.TREND_MISMATCH, {"stage_side": SHORT}),
    (Reason.WINDOW_EXPIRED, {"age_s": 61}),
    (Reason.QUALITY, {"quality": 49.0}),
    (Reason.PROFIT, {"profit": -0.2}),
    (Reason.RISK_PER_TRADE, {"risk": 3.0}),
]


def asked(faults: dict[str, Any]) -> Reason:
    left = dict(faults)
    stage = stage_of(left.pop("profit", 0.05), side=left.pop("stage_side", LONG))
    slots = slots_of(left.pop("n_open", 1))
    params = params_of(staged_open_enabled=left.pop("staged_open_enabled", True))
    return Reason(may_open(request_of(left.pop("age_s", 15), **left), stage, slots, params))


def test_each_fault_has_its_own_reason() -> None:
    assert [asked(fault) for _, fault in FAULTS] == [reason for reason, _ in FAULTS]


@pytest.mark.parametrize(("first", "second"), list(pairwise(FAULTS)))
def test_the_first_fault_is_the_answer(
    first: tuple[Reason, dict[str, Any]], second: tuple[Reason, dict[str, Any]]
) -> None:
    both = {**second[1], **first[1]}
    assert asked(both) == first[0]


def test_all_faults_at_once_give_the_first_reason_and_then_the_next() -> None:
    everything = {key: value for _, fault in FAULTS for key, value in fault.items()}
    for reason, fault in FAULTS:
        assert asked(everything) == reason
        for key in fault:
            del everything[key]
    assert asked(everything) == Reason.NONE


def test_asking_and_taking_the_slot_are_one_step() -> None:
    slots, params = slots_of(0), params_of()
    first = request_of(n_on_symbol=0)
    assert claim(first, stage_of(), slots, params) == Reason.NONE
    assert claim(first, stage_of(), slots, params) == Reason.NONE
    assert claim(first, stage_of(), slots, params) == Reason.MAX_TRADES
    settle(slots, was_opened=False)
    assert (slots.n_open, slots.n_pending) == (0, 1)
    settle(slots, was_opened=True)
    assert (slots.n_open, slots.n_pending) == (1, 0)
    release(slots)
    assert (slots.n_open, slots.n_pending) == (0, 0)
    release(slots)
    settle(slots, was_opened=True)
    assert (slots.n_open, slots.n_pending) == (0, 0)


@given(
    st.lists(st.sampled_from(["ask", "opened", "failed", "closed"])),
    st.integers(min_value=1, max_value=3),
)
def test_no_order_of_events_holds_more_than_the_cap(events: list[str], cap: int) -> None:
    slots, params = slots_of(0), params_of(max_open_trades=cap)
    for event in events:
        if event == "ask":
            claim(request_of(n_on_symbol=0), stage_of(), slots, params)
        elif event == "closed":
            release(slots)
        else:
            settle(slots, was_opened=event == "opened")
        assert 0 <= slots.n_open + slots.n_pending <= cap


@pytest.mark.parametrize("cap", [0, 4])
def test_a_cap_outside_1_to_3_is_refused(cap: int) -> None:
    with pytest.raises(ConfigError, match="at least 1 and at most 3"):
        checked("strategy.max_open_trades", Params.parameters["max_open_trades"], cap)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("values", "key"), [({"sma_fast": 50}, "sma_fast"), ({"rsi_entry_min": 51.0}, "rsi_entry_min")]
)
def test_settings_that_cannot_work_together_are_refused(values: dict[str, Any], key: str) -> None:
    validate(params_of(), 1)
    with pytest.raises(ConfigError, match=rf"^strategy\.{key} = "):
        validate(params_of(**values), 1)


def test_interpreted_and_compiled_code_answer_alike() -> None:
    other = "0" if os.environ.get("BALLAST_INTERPRET") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.strategies.staged_trend.staged"],
        env={**os.environ, "BALLAST_INTERPRET": other, "PYTHONPATH": f"{ROOT / 'src'}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest()
