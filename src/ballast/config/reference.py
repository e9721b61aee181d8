"""The configuration reference: the same declarations that validate a file, as a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ballast.config.keys import Key, accepts, keys_of
from ballast.config.load import SECTIONS
from ballast.config.risk import ELASTIC, PARAMETERS, POLLING
from ballast.config.schema import Config, InstrumentLimits, SymbolSettings
from ballast.model.records import Parameter
from ballast.strategies.registry import BUILT_IN, load
from ballast.strategies.spec import Strategy

_INTRODUCTION = """\
# Configuration

One TOML file says what a run does. Unknown keys are refused with the nearest known one. Fractions are written as
fractions: 0.40 is 40 %. Times are UTC. `--set section.key=value` puts a value over the file's.

This page is generated from the declarations that check the file: `make docs` writes it.
"""


_ELASTIC = """\
## `[risk.elastic_trailing]`

A stop that follows the profit of every position: `docs/elastic_trailing.md`. The table switches it on.
"""

_PACE = """\
How often it looks, keys of `[risk]`:
"""


@dataclass(frozen=True)
class Row:
    """One key, in words."""

    key: str
    default: str
    accepts: str
    unit: str
    meaning: str
    source: str


def page() -> str:
    """Return the reference as Markdown."""
    parts = [_INTRODUCTION, _table([_row(keys_of(Config)["schema_version"], "1")])]
    for name, section in SECTIONS.items():
        parts.append(_risk(section) if name == "risk" else _section(f"[{name}]", section))
        if name == "instruments":
            parts.append(_section("[instruments.SYMBOL]", InstrumentLimits))
        if name == "strategy":
            parts.append(_section("[strategy.symbols.SYMBOL]", SymbolSettings))
            parts.extend(_strategy(load(built_in)) for built_in in BUILT_IN)
    return "\n".join(parts)


def parameter_rows(parameters: Mapping[str, Parameter]) -> list[Row]:
    """Return the settings of a strategy in words."""
    return [_parameter_row(key, parameter) for key, parameter in parameters.items()]


def summary(strategy: Strategy) -> str:
    """Return the first sentence of a strategy's module, on one line."""
    module = sys.modules[strategy.decide.__module__]
    first = (module.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first.split())


def _section(title: str, section: type[msgspec.Struct]) -> str:
    return _part(title, section, [_row(key, _default(key)) for key in keys_of(section).values()])


def _risk(section: type[msgspec.Struct]) -> str:
    ladder = _part("[risk]", section, parameter_rows(PARAMETERS))
    return f"{ladder}\n{_ELASTIC}\n{_table(parameter_rows(ELASTIC))}\n{_PACE}\n{_table(parameter_rows(POLLING))}"


def _part(title: str, section: type[msgspec.Struct], rows: list[Row]) -> str:
    return f"## `{title}`\n\n{_doc(section)}\n\n{_table(rows)}"


def _strategy(strategy: Strategy) -> str:
    own = _table(parameter_rows(strategy.keys_of_section("strategy")))
    text = f"### `{strategy.name}`\n\n{summary(strategy)}\n\n{own}"
    for section in strategy.section_keys:
        rows = _table(parameter_rows(strategy.keys_of_section(section)))
        text += f"\nKeys of `[{section}]` that only this strategy reads:\n\n{rows}"
    if not strategy.symbol_keys:
        return text
    return f"{text}\nBy symbol: {', '.join(f'`{key}`' for key in strategy.symbol_keys)}.\n"


def _row(key: Key, default: str) -> Row:
    return Row(key.name, default, key.expected, key.unit, key.doc, key.source)


def _parameter_row(key: str, parameter: Parameter) -> Row:
    value: Any = parameter.default
    if parameter.choices is not None:
        value = parameter.choices(int(value)).name.lower()
    return Row(key, _shown(value), accepts(parameter), parameter.unit, parameter.doc, parameter.source)


def _default(key: Key) -> str:
    if key.is_required:
        return "must be given"
    return "none" if key.default is None or key.default == {} else _shown(key.default)


def _shown(value: Any) -> str:
    """Return a value as the file writes it."""
    if isinstance(value, float):
        return f"{value:g}"
    return msgspec.json.encode(value).decode().replace(",", ", ")


def _doc(section: type[msgspec.Struct]) -> str:
    return " ".join((section.__doc__ or "").replace("``", "`").split())


def _table(rows: list[Row]) -> str:
    lines = ["| key | default | accepts | unit | meaning | source |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *_lines(rows)]) + "\n"


def _lines(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        cells = (f"`{row.key}`", row.default, row.accepts, row.unit, row.meaning, row.source)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
