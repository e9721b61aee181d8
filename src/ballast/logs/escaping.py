"""Text that stays on its line: nothing that another party sent can begin a line, colour it or turn it round."""

from __future__ import annotations

import unicodedata

LONGEST_TEXT = 4096
# Controls, formats (bidirectional marks, zero widths), surrogates, private and unassigned, line and paragraph ends.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escaped(text: str) -> str:
    r"""
    Return ``text`` with every character that a terminal acts on, or does not show, as an escape.

    >>> print(escaped("a\nb\x1b[2J"))
    a\nb\x1b[2J
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if unicodedata.category(character) not in _UNSEEN else _escape(character) for character in text
    )


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return ``text``, cut to ``longest`` characters and then saying how many are missing."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more)"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
