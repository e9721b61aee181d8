"""Figures as people read them: percent, money, times and durations; a dash for what cannot be computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor, isfinite, log10

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
_UNITS_S = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return ``1,234.50``; ``signed`` puts a plus before what is positive. Never shows a negative zero."""
    if value is None or not isfinite(value):
        return MISSING
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def percent(fraction: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a fraction as ``12.34 %``; from 1,000 % on, without decimals."""
    if fraction is None or not isfinite(fraction):
        return MISSING
    digits = digits if abs(fraction) < 10.0 else 0
    return f"{number(100.0 * fraction, digits, signed=signed)} %"


def significant(value: float | None, digits: int = 6) -> str:
    """Return a price or quantity with so many significant digits, trailing zeros cut, never in exponents."""
    if value is None or not isfinite(value):
        return MISSING
    if value == 0.0:
        return "0"
    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


def title(name: str) -> str:
    """Return a name as words: ``buy_and_hold`` is ``Buy and hold``. Capitals within it stay."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def moment(ts_ms: int | None) -> str:
    """Return a time as ``2026-05-20 14:20``, UTC, with seconds only where there are any."""
    if ts_ms is None:
        return MISSING
    when = _EPOCH + timedelta(milliseconds=int(ts_ms))
    return when.strftime("%Y-%m-%d %H:%M:%S" if when.second else "%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Return the two largest units: ``3 d 4 h``, ``5 m``, ``0 s``."""
    parts = []
    rest = round(seconds)
    for name, size in _UNITS_S:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def interval(interval_ns: int) -> str:
    """Return a bar length as it is written in a configuration: ``1m``, ``4h``, ``90s``."""
    seconds = interval_ns / 1e9
    name, size = next(((name, size) for name, size in _UNITS_S if seconds >= size and seconds % size == 0), ("s", 1))
    return f"{seconds / size:g}{name}"
