"""What one key accepts, in code and in words: read from the annotations of the sections."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from math import inf
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta

from ballast.model.errors import ConfigError, nearest
from ballast.model.records import Parameter
from ballast.strategies.spec import checked, range_text

_NUMBERS = (bool, int, float)
# Whole numbers beyond it are not exact as floats; infinite ones and NaN lie outside, too.
_LARGEST = 2**53


@dataclass(frozen=True)
class Key:
    """
    One key of a section.

    ``kind`` is its type without ``None``; ``default`` is ``NODEFAULT`` where the file must say.
    """

    name: str
    kind: Any
    default: Any
    meta: Meta

    @property
    def is_required(self) -> bool:
        """Whether the file must say."""
        return self.default is NODEFAULT

    @property
    def doc(self) -> str:
        """What it means, in a sentence or two."""
        return self.meta.description or ""

    @property
    def unit(self) -> str:
        """Unit, or nothing for what has none."""
        return str((self.meta.extra or {}).get("unit", ""))

    @property
    def source(self) -> str:
        """Where the default comes from, or nothing."""
        return str((self.meta.extra or {}).get("source", ""))

    @property
    def expected(self) -> str:
        """What it accepts, in words."""
        return accepts(self.parameter(self.kind)) if self.kind in _NUMBERS else _expected(self.kind)

    def parameter(self, kind: type) -> Parameter:
        """Return the range as the parameter of a strategy, for numbers of this kind."""
        meta = self.meta
        return Parameter(
            kind(),
            self.doc,
            unit=self.unit,
            minimum=_first(meta.ge, meta.gt, -inf),
            maximum=_first(meta.le, meta.lt, inf),
            exclusive_minimum=meta.gt is not None,
            exclusive_maximum=meta.lt is not None,
            source=self.source,
        )


def accepts(parameter: Parameter) -> str:
    """Return what a number, a switch or a choice accepts, in words."""
    if parameter.choices is not None:
        return _one_of([choice.name.lower() for choice in parameter.choices])
    if isinstance(parameter.default, bool):
        return "true or false"
    words = range_text(parameter)
    return words.replace("a number", "a whole number", 1) if isinstance(parameter.default, int) else words


@cache
def keys_of(section: type[msgspec.Struct]) -> Mapping[str, Key]:
    """Return the keys that a section declares, in order; fields that are whole tables of sections are not keys."""
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for field in msgspec.structs.fields(section):
        meta = next((item for item in get_args(hints[field.name])[1:] if isinstance(item, Meta)), None)
        if meta is not None:
            default = field.default if field.default_factory is NODEFAULT else field.default_factory()
            found[field.name] = Key(field.name, _without_none(get_args(hints[field.name])[0]), default, meta)
    return found


def checked_section(section: type[msgspec.Struct], raw: Any, name: str) -> dict[str, Any]:
    """
    Return the values that a table gives, as the section's own types.

    Raises ``ConfigError`` for what is not a table, an unknown key, a missing one, a wrong type or a wrong value.
    """
    keys = keys_of(section)
    refuse_no_table(raw, name)
    for key in raw:
        if key not in keys:
            hint = nearest(key, keys) or f"; [{name}] knows {', '.join(keys)}"
            raise ConfigError(f"{name}.{key}: no such key{hint}")
    for key in keys.values():
        if key.is_required and key.name not in raw:
            raise ConfigError(f"{name}.{key.name} is missing; add it to [{name}]: {key.expected}")
    return {key: checked_value(f"{name}.{key}", keys[key], value) for key, value in raw.items()}


def refuse_no_table(raw: Any, name: str) -> None:
    """Raise ``ConfigError`` for a value where a section should be."""
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{name} = {shown(raw)}: expected a section; write [{name}] with its keys beneath")


def refuse_unknown_symbol(path: str, symbol: str, symbols: Sequence[str]) -> None:
    """Raise ``ConfigError`` for a symbol that the run does not have."""
    if symbol not in symbols:
        hint = nearest(symbol, symbols) or f"; it has {', '.join(symbols)}"
        raise ConfigError(f"{path}: the symbol is not in data.symbols{hint}")


def checked_value(path: str, key: Key, value: Any) -> Any:
    """Return a value as the key's own type; raises ``ConfigError`` that names ``path``, the value and what to write."""
    kind = key.kind
    if kind in _NUMBERS:
        return _number(path, key, kind, value)
    if kind is datetime:
        return utc(path, value)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{path} = {shown(value)}: expected {key.expected}")
        return tuple(_word(path, key, get_args(kind)[0], item) for item in value)
    if get_origin(kind) is dict:
        item_kind = get_args(kind)[1]
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path} = {shown(value)}: expected {key.expected}")
        check = _number if item_kind in _NUMBERS else _word
        return {str(name): check(f"{path}.{name}", key, item_kind, item) for name, item in value.items()}
    return _word(path, key, kind, value)


def utc(path: str, value: Any) -> datetime:
    """Return a TOML date or datetime, or ISO text, as a moment in UTC; without an offset it is UTC already."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime):
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if isinstance(moment, date):
            return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{path} = {shown(value)}: not a time; write 2026-05-20 or 2026-05-20T14:30:00Z")


def shown(value: Any) -> str:
    """Return a value nearly as the file writes it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(path: str, key: Key, kind: type, value: Any) -> Any:
    is_number = isinstance(value, int | float)
    if is_number and not -_LARGEST <= value <= _LARGEST:
        raise ConfigError(f"{path} = {shown(value)}: expected {accepts(key.parameter(kind))}, at most 9e15 in size")
    return checked(path, key.parameter(kind), value)


def _word(path: str, key: Key, kind: Any, value: Any) -> str:
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if choices and value not in choices:
        hint = nearest(value, choices) if isinstance(value, str) else ""
        raise ConfigError(f"{path} = {shown(value)}: expected {_expected(kind)}{hint}")
    if not isinstance(value, str) or not (value.strip() or key.default == ""):
        raise ConfigError(f"{path} = {shown(value)}: expected {key.expected}")
    if "\0" in value:
        raise ConfigError(f"{path} = {shown(value)}: holds a character 0, which no name or path can; remove it")
    if key.meta.pattern is not None and re.search(key.meta.pattern, value) is None:
        raise ConfigError(f"{path} = {shown(value)}: not understood; expected a {_first_sentence(key.doc)}")
    return value


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return f"a list of {_expected(item)}" if get_origin(item) is Literal else 'a list of text, ["..."]'
    if get_origin(kind) is dict:
        return "a table of numbers" if get_args(kind)[1] in _NUMBERS else "a table of text"
    return "a date or a time" if kind is datetime else 'text, "..."'


def _first_sentence(doc: str) -> str:
    first = doc.partition(": ")[0].partition(". ")[0].rstrip(".").replace("`", "")
    return first[0].lower() + first[1:]


def _one_of(words: Sequence[str]) -> str:
    quoted = [f'"{word}"' for word in words]
    return quoted[0] if len(quoted) == 1 else f"one of {', '.join(quoted)}"


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in {Union, types.UnionType}:
        return next(item for item in get_args(kind) if item is not types.NoneType)
    return kind


def _first(*values: Any) -> float:
    return float(next(value for value in values if value is not None))
