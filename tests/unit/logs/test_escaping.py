"""Nothing that is written can leave its line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.logs.escaping import LONGEST_TEXT, escaped, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 100 %", "plain text, 100 %"),
        ("Überraschung 價格", "Überraschung 價格"),
        ("two\nlines", r"two\nlines"),
        ("two\r\nlines", r"two\r\nlines"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\x00b\x7f", r"a\x00b\x7f"),
        ("tab\there", r"tab\there"),
        ("\u2028next\u2029", r"\u2028next\u2029"),
        ("\u202eltr", r"\u202eltr"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\ud800", r"\ud800"),
        ("\U000e0041tag", r"\U000e0041tag"),
    ],
)
def test_what_a_terminal_acts_on_is_shown_instead(text: str, expected: str) -> None:
    assert escaped(text) == expected


@given(st.text(st.characters()))
def test_the_result_is_one_line_that_a_terminal_only_shows(text: str) -> None:
    shown = escaped(text)
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    shown.encode("utf-8")


def test_long_text_is_cut_and_says_so() -> None:
    assert shortened("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert shortened("x" * (LONGEST_TEXT + 3)).endswith("x… (3 more)")
