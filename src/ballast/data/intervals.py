"""The names of bar intervals: a whole number and a unit, such as ``1m``, ``4h`` or ``1d``."""

from __future__ import annotations

import re

from ballast.model.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from ballast.model.errors import ConfigError

# Milliseconds; largest first, so that naming an interval finds the shortest name.
_UNITS_MS = {"w": 7 * DAY_MS, "d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS, "ms": 1}
_NAME = re.compile(r"([1-9][0-9]*)(ms|[wdhms])")


def parse_interval(name: str) -> int:
    """
    Return the length in milliseconds of an interval such as ``"5m"``.

    Raises
    ------
    ConfigError
        If the name is not a positive whole number followed by ms, s, m, h, d or w.
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        raise ConfigError(f"interval {name!r} is not a number and a unit; write 1s, 1m, 5m, 1h, 1d or the like")
    return int(match[1]) * _UNITS_MS[match[2]]


def interval_name(interval_ms: int) -> str:
    """Return the shortest name of an interval of a positive number of milliseconds: 300000 is ``"5m"``."""
    unit = next(unit for unit, length_ms in _UNITS_MS.items() if interval_ms % length_ms == 0)
    return f"{interval_ms // _UNITS_MS[unit]}{unit}"
