"""The writers fill whole slots: nothing of an earlier decision leaks into a later one."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest

from ballast.model.enums import EventKind, IntentKind, OrderType, QtyUnit, Reason, Side
from ballast.model.intents import (
    ANY,
    INTENT_CAPACITY,
    Intent,
    cancel,
    clear,
    note,
    place_limit,
    place_market,
    place_stop,
    place_trailing,
    timer,
    watch,
)

WRITERS: list[tuple[Callable[[Any], int], dict[str, float]]] = [
    (
        lambda slots: place_market(slots, 1, 3, Side.SELL, 0.5, QtyUnit.POSITION_FRACTION, 9),
        {"kind": IntentKind.PLACE, "type": OrderType.MARKET, "qty": 0.5, "qty_unit": QtyUnit.POSITION_FRACTION},
    ),
    (lambda slots: place_limit(slots, 1, 3, Side.SELL, 2.0, 101.0, 9), {"type": OrderType.LIMIT, "price": 101.0}),
    (lambda slots: place_stop(slots, 1, 3, Side.SELL, 2.0, 95.0, 9), {"type": OrderType.STOP, "trigger_price": 95.0}),
    (
        lambda slots: place_trailing(slots, 1, 3, Side.SELL, 2.0, 0.05, 9),
        {"type": OrderType.TRAILING, "trail_fraction": 0.05},
    ),
    (lambda slots: cancel(slots, 1, 3, ANY, 4, 9), {"kind": IntentKind.CANCEL, "role": ANY, "level": 4}),
    (
        lambda slots: watch(slots, 1, 3, Side.SELL, 95.0, 2, 9),
        {"kind": IntentKind.WATCH, "side": Side.SELL, "trigger_price": 95.0, "role": 2},
    ),
    (lambda slots: timer(slots, 1, 77, 2, 9), {"kind": IntentKind.TIMER, "expiry_ns": 77, "role": 2, "symbol": 0}),
    (lambda slots: note(slots, 1, 3, 1.5, 4, 9), {"kind": IntentKind.NOTE, "qty": 1.5, "level": 4}),
]


@pytest.mark.parametrize(("write", "expected"), WRITERS)
def test_a_writer_fills_one_slot_and_leaves_nothing_of_the_last_decision(
    write: Callable[[Any], int], expected: dict[str, float]
) -> None:
    slots = Intent.array(3)  # type: ignore[attr-defined]
    for name in slots.dtype.names:
        slots[name] = 1
    before = slots.copy()
    assert write(slots) == 2
    fresh = Intent.new()  # type: ignore[attr-defined]
    clear(fresh, 0, 0, 0)
    assert {name: slots[1][name] for name in expected} == expected
    assert slots[1].reason == 9
    for name in set(slots.dtype.names) - {"kind", "symbol", "reason", "side", "type", "qty", *expected}:
        np.testing.assert_equal(slots[1][name], fresh[name])
    assert slots[0] == before[0]
    assert slots[2] == before[2]


def test_a_cleared_slot_is_a_harmless_one() -> None:
    slot = Intent.new()  # type: ignore[attr-defined]
    clear(slot, IntentKind.PLACE, 2, 5)
    assert (slot.symbol, slot.reason, slot.qty, slot.needs_symbol, slot.expiry_ns) == (2, 5, 0.0, ANY, 0)
    np.testing.assert_equal([slot.price, slot.trigger_price], [nan, nan])


def test_writing_past_the_last_slot_is_an_error_not_a_write() -> None:
    slots = Intent.array(INTENT_CAPACITY)  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        place_market(slots, INTENT_CAPACITY, 0, Side.BUY, 1.0, QtyUnit.BASE, 0)


def test_a_side_is_the_sign_of_what_it_adds() -> None:
    assert Side.BUY == -Side.SELL == 1


def test_reasons_and_kinds_are_numbered_without_holes_or_doubles() -> None:
    for words in (Reason, EventKind, IntentKind, OrderType, QtyUnit):
        assert sorted(int(word) for word in words) == list(range(len(words)))


def test_reasons_fit_the_table_that_counts_them() -> None:
    from ballast.engine.state import N_REASONS

    assert max(Reason) < N_REASONS
