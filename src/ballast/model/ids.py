"""
Client order ids: readable, fixed in width, a function of the intent, never reused.

``BAL-CSC01-L-TP-007-00012-0003-1-XY``: owner tag, strategy, leg, role, level, cycle, sequence, attempt,
check characters. At most 36 characters of ``[A-Za-z0-9_-]``, which every supported venue accepts. Symbol
and side travel with the order itself. Levels can be rebuilt from these ids alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEGS = {0: "N", 1: "L", 2: "S"}
_LEG_NUMBERS = {letter: number for number, letter in _LEGS.items()}
_PATTERN = re.compile(r"([A-Z0-9]{3})-([A-Z0-9]{5})-([NLS])-([A-Z0-9]{2})-(\d{3})-(\d{5})-(\d{4})-(\d)-([A-Z0-9]{2})")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class ClientOrderId:
    """The parts of one client order id; ``role`` is two characters, ``owner`` three, ``strategy`` five."""

    owner: str
    strategy: str
    position_side: int
    role: str
    level: int
    cycle: int
    sequence: int
    attempt: int = 0

    def __str__(self) -> str:
        body = (
            f"{self.owner}-{self.strategy}-{_LEGS[self.position_side]}-{self.role}"
            f"-{self.level:03d}-{self.cycle:05d}-{self.sequence:04d}-{self.attempt:d}"
        )
        text = f"{body}-{_check(body)}"
        if not _PATTERN.fullmatch(text):
            raise ValueError(f"client order id parts out of range: {self!r}")
        return text


def parse(text: str) -> ClientOrderId | None:
    """Return the parts of ``text``, or None when it is not one of ours (wrong shape or check characters)."""
    match = _PATTERN.fullmatch(text)
    if match is None or _check(text[:-3]) != match[9]:
        return None
    owner, strategy, leg, role, level, cycle, sequence, attempt = match.groups()[:8]
    return ClientOrderId(owner, strategy, _LEG_NUMBERS[leg], role, int(level), int(cycle), int(sequence), int(attempt))


def _check(body: str) -> str:
    """Return two characters that change when any one character changes or two neighbours swap."""
    total = 0
    for position, character in enumerate(body):
        total = (total * 31 + ord(character) * (position + 1)) % 1021
    return _ALPHABET[total // 32] + _ALPHABET[total % 32]
