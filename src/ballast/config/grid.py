"""``--grid key=…``: the values that a sweep tries for a key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Any

from ballast.config.keys import keys_of
from ballast.config.schema import Config, ExecutionSection
from ballast.model.errors import ConfigError, nearest

LARGEST_AXIS = 100_000
LARGEST_GRID = 1_000_000
_TOLERANCE = Decimal("1e-9")
_BEYOND_SENSE = Decimal("1e15")
_FORM = "expected key=first:last:step or key=a,b,c, such as strategy.upside_threshold=0.2:0.6:0.05"


def variable_keys(config: Config) -> list[str]:
    """Return the keys that a sweep can vary: those of the strategy and of ``[execution]``."""
    keys = {"strategy": config.strategy.settings, "execution": keys_of(ExecutionSection)}
    return [f"{section}.{key}" for section, names in keys.items() for key in names]


def parse_grid(axes: Sequence[str], known: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """
    Return the values of each axis, in the order given.

    Parameters
    ----------
    axes : sequence of str
        Each ``key=first:last:step`` or ``key=a,b,c``. Steps count from ``first`` and include ``last`` when they
        reach it to 1e-9; values are decimal, so that 0.2:0.6:0.05 has 0.35 and not 0.35000000000000003. Items of a
        list are TOML values; text needs no quotes.
    known : sequence of str
        The keys that can be varied, with their sections.

    Raises
    ------
    ConfigError
        An axis is not of that form, names an unknown key or one twice, or has too many values; or there are too
        many combinations. Whether a value is in range shows when a configuration is made of it.
    """
    if not axes:
        raise ConfigError(f"--grid is missing; {_FORM}")
    grid: dict[str, tuple[Any, ...]] = {}
    for axis in axes:
        key, separator, values = (part.strip() for part in axis.partition("="))
        if not separator or not values:
            raise ConfigError(f"--grid {axis}: {_FORM}")
        if key not in known:
            raise ConfigError(f"--grid {axis}: '{key}' cannot be varied{nearest(key, known) or _varied(known)}")
        if key in grid:
            raise ConfigError(f"--grid {axis}: {key} has an axis already; give each key once")
        grid[key] = _range(axis, values) if ":" in values else _list(axis, values)
    n_cells = prod(map(len, grid.values()))
    if n_cells > LARGEST_GRID:
        raise ConfigError(f"--grid: {n_cells:,} combinations, more than {LARGEST_GRID:,}; take fewer values")
    return grid


def _varied(known: Sequence[str]) -> str:
    sections = dict.fromkeys(f"[{key.partition('.')[0]}]" for key in known)
    return f"; a sweep varies keys of {', '.join(sections)}"


def _range(axis: str, text: str) -> tuple[int | float, ...]:
    parts = text.split(":")
    try:
        numbers = [Decimal(part.strip()) for part in parts]
    except InvalidOperation:
        numbers = []
    if len(numbers) != 3 or not all(number.is_finite() and abs(number) < _BEYOND_SENSE for number in numbers):
        raise ConfigError(f"--grid {axis}: {_FORM}")
    first, last, step = numbers
    if step <= 0 or last < first:
        raise ConfigError(f"--grid {axis}: the step must be above 0 and the last value not below the first")
    steps = (last - first + _TOLERANCE) / step
    if steps >= LARGEST_AXIS:
        raise ConfigError(f"--grid {axis}: more than {LARGEST_AXIS:,} values; take a larger step")
    # Written as whole numbers, they are counts: bars, minutes.
    is_whole = all(part.strip().lstrip("+-").isdigit() for part in parts)
    return tuple((int if is_whole else float)(first + step * k) for k in range(int(steps) + 1))


def _list(axis: str, text: str) -> tuple[Any, ...]:
    values = tuple(_item(axis, item.strip()) for item in text.split(","))
    doubled = next((value for k, value in enumerate(values) if value in values[:k]), None)
    if doubled is not None:
        raise ConfigError(f"--grid {axis}: {doubled} is there twice; give each value once")
    return values


def _item(axis: str, text: str) -> Any:
    if not text:
        raise ConfigError(f"--grid {axis}: a value is missing between commas")
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text
