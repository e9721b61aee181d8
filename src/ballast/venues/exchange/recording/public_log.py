"""
Public messages of Bybit as others have recorded them: a message a line, alone or after the time it came, nanoseconds.

Without such a time a message came when it says it was made.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.model.errors import DataError


class Message(NamedTuple):
    """A message as it was recorded, when it came (nanoseconds UTC), and its topic."""

    time_ns: int
    topic: str
    text: bytes


class _Head(msgspec.Struct):
    topic: str
    ts: int


def read_public_log(lines: list[bytes], source: str) -> list[Message]:
    """Return messages in the order of the file; raises ``DataError`` where a line is none."""
    return [_message(line.strip(), f"{source}: line {number}") for number, line in enumerate(lines, 1)]


def _message(line: bytes, where: str) -> Message:
    stamp, brace, rest = line.partition(b"{")
    text = brace + rest
    try:
        head = msgspec.json.decode(text, type=_Head)
        time_ns = int(stamp) if stamp.strip() else head.ts * MILLISECOND_NS
    except (ValueError, msgspec.DecodeError):
        raise DataError(
            f'{where} is no message of Bybit with topic and ts: "{line[:40]!r}"; name another file'
        ) from None
    return Message(time_ns, head.topic, text)
