"""``[trading]``, ``[news]``, ``[halal]``, ``[supervisor]`` and ``[logging]``: read where the file has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ballast.config.keys import checked_section, keys_of, refuse_unknown_symbol, shown
from ballast.config.operator_sections import OPERATOR_SECTIONS, TradingSection
from ballast.model.errors import ConfigError
from ballast.strategies.spec import Strategy

_OF_CYCLES = ("cycle_interval_seconds", "randomness_factor")
"""What only strategies that decide in cycles read."""

_SYMBOL_LISTS = (
    *(("trading", "allowed_symbols"), ("trading", "denied_symbols")),
    *(("halal", "allowed_symbols"), ("halal", "swap_free_symbols")),
)
"""Lists that several files may share, so that they may name symbols which a run does not have."""


def operator_sections(raw: Mapping[str, Any], symbols: Sequence[str], strategy: Strategy) -> dict[str, Any]:
    """
    Check the operators' sections that a file has; one that it lacks is absent.

    Raises ``ConfigError``, also for keys that nothing in this run would read.
    """
    tables = {
        name: checked_section(OPERATOR_SECTIONS[name], raw[name], name) for name in OPERATOR_SECTIONS if name in raw
    }
    if not strategy.decides_in_cycles:
        _refuse_cycles(tables.get("trading", {}), strategy)
    for symbol in tables.get("news", {}).get("follows", {}):
        refuse_unknown_symbol(f"news.follows.{symbol}", symbol, symbols)
    for symbol in tables.get("trading", {}).get("symbol_max_spread_points", {}):
        refuse_unknown_symbol(f"trading.symbol_max_spread_points.{symbol}", symbol, symbols)
    for section, key in _SYMBOL_LISTS:
        _refuse_other_case(f"{section}.{key}", tables.get(section, {}).get(key, ()), symbols)
    if "news" in tables and "calendar" not in tables["news"]:
        raise ConfigError("news.calendar is missing: name a file or an https URL; without a filter remove [news]")
    return {name: OPERATOR_SECTIONS[name](**values) for name, values in tables.items()}


def _refuse_other_case(path: str, names: Sequence[str], symbols: Sequence[str]) -> None:
    """Refuse a name that is a symbol of the run but for its letters' case: it would stand for nothing."""
    folded = {symbol.casefold(): symbol for symbol in symbols}
    for name in names:
        if name not in symbols and name.casefold() in folded:
            raise ConfigError(f"{path}: {shown(name)} is no symbol of data.symbols; write {folded[name.casefold()]}")


def _refuse_cycles(values: Mapping[str, Any], strategy: Strategy) -> None:
    keys = keys_of(TradingSection)
    for key in _OF_CYCLES:
        # A value at its default changes nothing: the effective configuration of a run names it, too.
        if key in values and values[key] != keys[key].default:
            raise ConfigError(
                f"trading.{key} = {shown(values[key])}: strategy '{strategy.name}' does not decide in cycles; "
                "remove the key"
            )
