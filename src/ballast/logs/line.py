"""One record as one line: text for people, JSON for programs, out of the same redacted values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from math import isfinite
from typing import Any

from ballast.logs.escaping import LONGEST_TEXT, escaped, shortened
from ballast.logs.redaction import REDACTED, Redactor, is_sensitive
from ballast.model.durations import MILLISECOND_NS, SECOND_NS

DEEPEST = 4
MOST_ITEMS = 64
_LARGEST_INT = 2**63


class Level(IntEnum):
    """How much a record matters; the numbers are those of Python's ``logging``."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


@dataclass(frozen=True)
class Line:
    """
    One record.

    ``event`` is a word for programs, such as ``order_filled``; ``text`` is for people; ``fields`` are numbers, text,
    and lists and tables of them. ``symbol`` is empty for what concerns no single one.
    """

    time_ns: int
    level: Level
    event: str
    text: str = ""
    symbol: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def cleaned(line: Line, redactor: Redactor) -> Line:
    """Return the record with secrets out, long text cut, and every value a plain one."""
    event, text, symbol = (_safe(value, redactor) for value in (line.event, line.text, line.symbol))
    return Line(line.time_ns, line.level, event, text, symbol, _plain(line.fields, redactor, 0))


def _safe(text: str, redactor: Redactor, longest: int = LONGEST_TEXT) -> str:
    # What will be cut off anyway is not searched: a megabyte from a venue must not hold up the loop.
    searched = redactor.redacted(text[: 4 * LONGEST_TEXT])
    if len(text) <= 4 * LONGEST_TEXT and len(searched) <= longest:
        return searched
    return f"{searched[:longest]}… ({max(len(text), len(searched)) - longest} more)"


def as_json(line: Line) -> str:
    """Return a cleaned record as JSON on one line, ASCII, without its end; ``time`` is UTC."""
    record: dict[str, Any] = {
        "time": _time_text(line.time_ns),
        "time_ns": line.time_ns,
        "level": line.level.name,
        "event": line.event,
        "symbol": line.symbol,
        "text": line.text,
        "fields": line.fields,
    }
    return json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def as_text(line: Line) -> str:
    """Return a cleaned record as text on one line, without its end."""
    parts = [_time_text(line.time_ns), f"{line.level.name:<8}", line.event]
    parts += [part for part in (line.symbol, line.text) if part]
    parts += [f"{name}={_shown(value)}" for name, value in line.fields.items()]
    return escaped(" ".join(parts))


def _time_text(time_ns: int) -> str:
    # Seconds and the rest apart: a float of the whole would lose digits.
    seconds, rest = divmod(time_ns, SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // MILLISECOND_NS:03d}Z"


def _shown(value: Any) -> str:
    if isinstance(value, str) and value and not set(value) & set(' "='):
        return value
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any, redactor: Redactor, depth: int) -> Any:
    """Return a value as JSON can hold it. What is not known is named by its type and never asked what it is."""
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int(value)
        return number if -_LARGEST_INT <= number < _LARGEST_INT else shortened(hex(number))
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    if isinstance(value, str):
        return _safe(str(value), redactor)
    if isinstance(value, Decimal):
        return shortened(str(value))
    if depth < DEEPEST and isinstance(value, Mapping):
        return _plain_table(value, redactor, depth)
    if depth < DEEPEST and isinstance(value, list | tuple):
        items = [_plain(item, redactor, depth + 1) for item in value[:MOST_ITEMS]]
        return items if len(value) <= MOST_ITEMS else [*items, f"… ({len(value) - MOST_ITEMS} more)"]
    return f"<{type(value).__name__}>"


def _plain_table(table: Mapping[Any, Any], redactor: Redactor, depth: int) -> dict[str, Any]:
    plain = {}
    for key, value in list(table.items())[:MOST_ITEMS]:
        name = key if isinstance(key, str) else f"<{type(key).__name__}>"
        shown = _safe(name, redactor, 64)
        plain[shown] = REDACTED if is_sensitive(name) else _plain(value, redactor, depth + 1)
    if len(table) > MOST_ITEMS:
        plain["…"] = f"{len(table) - MOST_ITEMS} more"
    return plain
