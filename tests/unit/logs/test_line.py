"""One record is one line, and both forms of it say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.logs.line import DEEPEST, MOST_ITEMS, Level, Line, as_json, as_text, cleaned
from ballast.logs.redaction import REDACTED, Redactor

AT_NS = int(datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9 + 999_999_999


def record(text: str = "", symbol: str = "", **fields: Any) -> Line:
    return cleaned(Line(AT_NS, Level.INFO, "entry", text, symbol, fields), Redactor(["hush-hush-hush"]))


def test_a_text_line_reads_from_left_to_right() -> None:
    line = record("bought at the open", "DOGEUSDT", qty=12.5, side="BUY", why="two words", none=None)
    assert as_text(line) == (
        "2026-11-20T23:59:59.999Z INFO     entry DOGEUSDT bought at the open "
        'qty=12.5 side=BUY why="two words" none=null'
    )


def test_a_json_line_holds_the_exact_time_and_every_field() -> None:
    assert json.loads(as_json(record("bought", "DOGEUSDT", qty=12.5))) == {
        "time": "2026-11-20T23:59:59.999Z",
        "time_ns": AT_NS,
        "level": "INFO",
        "event": "entry",
        "symbol": "DOGEUSDT",
        "text": "bought",
        "fields": {"qty": 12.5},
    }


class Colour(IntEnum):
    RED = 3


class Evil:
    """What says a secret when it is asked what it is, and fails when it is asked again."""

    def __repr__(self) -> str:
        return "hush-hush-hush"

    def __str__(self) -> str:
        raise RuntimeError


class EvilText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "hush-hush-hush"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (nan, "nan"),
        (inf, "inf"),
        (-inf, "-inf"),
        (True, True),
        (Colour.RED, "RED"),
        (2**63, hex(2**63)),
        (-(2**63) - 1, hex(-(2**63) - 1)),
        (Decimal("1.10"), "1.10"),
        (Evil(), "<Evil>"),
        (EvilText("plain"), REDACTED),
        (b"bytes", "<bytes>"),
        ([1, [2, nan]], [1, [2, "nan"]]),
        ({"a": {1: 2}}, {"a": {"<int>": 2}}),
        ("hush-hush-hush", REDACTED),
        (["hush-hush-hush"], [REDACTED]),
        ({"hush-hush-hush": 1}, {REDACTED: 1}),
        ({"api_key": "short"}, {"api_key": REDACTED}),
        ({"password": {"deep": 1}}, {"password": REDACTED}),
    ],
)
def test_every_value_becomes_a_plain_one(value: Any, expected: Any) -> None:
    assert json.loads(as_json(record(value=value)))["fields"]["value"] == expected


def test_a_number_of_ten_thousand_digits_is_cut() -> None:
    assert "more)" in as_text(record(value=10**10_000))


def test_what_is_too_deep_or_too_much_is_cut() -> None:
    deep: Any = 1
    for _ in range(DEEPEST + 2):
        deep = [deep]
    assert "<list>" in as_json(record(value=deep))
    many = record(value=list(range(MOST_ITEMS + 5)), table={f"k{i}": i for i in range(MOST_ITEMS + 5)})
    assert many.fields["value"][-1] == "… (5 more)"
    assert many.fields["table"]["…"] == "5 more"


def test_a_circle_ends() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert as_json(record(value=circle)).endswith("}")


def test_text_that_poses_as_another_line_stays_in_its_own() -> None:
    forged = 'x\n2026-11-20T23:59:59.999Z CRITICAL kill_switch everything sold\r\n{"level":"INFO"}'
    line = record(forged, "A\nB", note=forged)
    for written in (as_text(line), as_json(line)):
        assert len(written.splitlines()) == 1
    assert json.loads(as_json(line))["text"] == forged


def test_a_field_that_poses_as_another_field_is_quoted() -> None:
    assert 'note="x level=CRITICAL"' in as_text(record(note="x level=CRITICAL"))
    assert r'note="a\"b"' in as_text(record(note='a"b'))


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.dictionaries(st.text(max_size=8), values))
def test_any_record_is_one_line_that_parses_back_equal(
    event: str, text: str, symbol: str, fields: dict[str, Any]
) -> None:
    line = cleaned(Line(AT_NS, Level.DEBUG, event, text, symbol, fields), Redactor())
    written = as_json(line)
    assert len(written.splitlines()) == len(as_text(line).splitlines()) == 1
    assert written.isascii()
    back = json.loads(written)
    assert (back["event"], back["text"], back["symbol"], back["fields"]) == (
        line.event,
        line.text,
        line.symbol,
        line.fields,
    )
    assert all(isfinite(value) for value in line.fields.values() if isinstance(value, float))


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_what_is_not_secret_comes_back_as_it_was(text: str) -> None:
    if Redactor().redacted(text) == text:
        assert json.loads(as_json(record(text)))["text"] == text
