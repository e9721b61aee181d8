"""Client order ids: read back whole, short enough for every venue, and a slip of the pen is seen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.ids import ClientOrderId, parse

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
IDS = st.builds(
    ClientOrderId,
    owner=st.text(CAPITALS, min_size=3, max_size=3),
    strategy=st.text(CAPITALS, min_size=5, max_size=5),
    position_side=st.integers(min_value=0, max_value=2),
    role=st.text(CAPITALS, min_size=2, max_size=2),
    level=st.integers(min_value=0, max_value=999),
    cycle=st.integers(min_value=0, max_value=99_999),
    sequence=st.integers(min_value=0, max_value=9_999),
    attempt=st.integers(min_value=0, max_value=9),
)


@given(IDS)
def test_an_id_reads_back_whole(made: ClientOrderId) -> None:
    assert parse(str(made)) == made


@given(IDS)
def test_an_id_is_one_that_every_venue_accepts(made: ClientOrderId) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", str(made))


@given(IDS, IDS)
def test_different_parts_make_different_ids(one: ClientOrderId, other: ClientOrderId) -> None:
    assert (str(one) == str(other)) == (one == other)


@given(IDS, st.data())
def test_one_wrong_character_is_seen(made: ClientOrderId, data: st.DataObject) -> None:
    text = str(made)
    position = data.draw(st.integers(min_value=0, max_value=len(text) - 1))
    wrong = data.draw(st.sampled_from([c for c in CAPITALS if c != text[position]]))
    assert parse(text[:position] + wrong + text[position + 1 :]) is None


@given(IDS, st.data())
def test_two_neighbours_that_change_places_are_seen(made: ClientOrderId, data: st.DataObject) -> None:
    text = str(made)
    k = data.draw(st.integers(min_value=0, max_value=len(text) - 2))
    swapped = text[:k] + text[k + 1] + text[k] + text[k + 2 :]
    assert swapped == text or parse(swapped) is None


@pytest.mark.parametrize("text", ["", "BAL", "hello-world", "BAL-CSC01-L-TP-007-00012-0003-1", "x" * 36])
def test_what_is_not_ours_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "parts",
    [
        {"owner": "TOOLONG"},
        {"strategy": "abc"},
        {"role": "T"},
        {"level": 1000},
        {"cycle": 100_000},
        {"sequence": 10_000},
        {"attempt": 10},
        {"level": -1},
    ],
)
def test_parts_out_of_range_are_refused(parts: dict[str, object]) -> None:
    whole = {
        "owner": "BAL",
        "strategy": "CSC01",
        "position_side": 1,
        "role": "TP",
        "level": 7,
        "cycle": 12,
        "sequence": 3,
    }
    with pytest.raises(ValueError, match="out of range"):
        str(ClientOrderId(**{**whole, **parts}))  # type: ignore[arg-type]  # Values of the wrong size are the point.
