"""``--set section.key=value``: settings of the command line that stand over the file's."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ballast.model.errors import ConfigError

_WORD = re.compile(r"[\w./~+-]+")
# Typed on the command line, these start at the working directory, not at the file.
_PATHS = (
    ("data", "path"),
    ("data", "funding"),
    ("instruments", "file"),
    ("account", "tiers"),
    ("account", "tiers_stand_in"),
)


def apply(raw: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """
    Return the tables of a file with overrides put over them; the given tables stay as they are.

    Raises ``ConfigError`` for an override that is not ``section.key=value`` with a TOML value.
    """
    tables = dict(raw)
    for text in overrides:
        path, value = _parsed(text)
        _put(tables, path, value, text)
    return tables


def _parsed(text: str) -> tuple[tuple[str, ...], Any]:
    dotted, separator, literal = text.partition("=")
    path = tuple(part.strip() for part in dotted.split("."))
    if not separator or len(path) < 2 or not all(path):
        raise ConfigError(f"--set {text}: expected section.key=value, such as account.fee_rate=0.001")
    value = _value(literal.strip(), text, dotted)
    return path, str(Path(value).absolute()) if _is_path(path, value) else value


def _value(literal: str, text: str, dotted: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {literal}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if set(parsed) == {"value"}:
        return parsed["value"]
    # A shell takes quotes away, so that a word needs none; a key that wants no text refuses it.
    if _WORD.fullmatch(literal):
        return literal
    raise ConfigError(f"--set {text}: the value is not TOML; text stands in quotes: --set '{dotted}=\"text\"'")


def _is_path(path: tuple[str, ...], value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if path == ("strategy", "name"):
        return value.endswith(".py")
    # A word such as "catalog" is a name that is built in.
    return path in _PATHS and (path == ("data", "path") or bool(Path(value).suffix) or len(Path(value).parts) > 1)


def _put(tables: dict[str, Any], path: tuple[str, ...], value: Any, text: str) -> None:
    table = tables
    for part in path[:-1]:
        inner = table.get(part, {})
        if not isinstance(inner, Mapping):
            raise ConfigError(f"--set {text}: '{part}' is a value in the file, not a section; check the key")
        table[part] = dict(inner)
        table = table[part]
    table[path[-1]] = value
