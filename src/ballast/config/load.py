"""From a TOML file, or a mapping of the same shape, to a checked ``Config``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ballast.config.account import account_section, fitted_data, refuse_on_kind, refuse_other_mode
from ballast.config.fx import contracts_of
from ballast.config.keys import checked_section, keys_of, refuse_no_table, refuse_unknown_symbol, shown
from ballast.config.operator_sections import OPERATOR_SECTIONS
from ballast.config.operators import operator_sections
from ballast.config.overrides import apply
from ballast.config.risk import elastic_settings_of, polling_settings_of, risk_section
from ballast.config.schema import (
    SCHEMA_VERSION,
    AccountSection,
    Config,
    DataSection,
    ExecutionSection,
    InstrumentLimits,
    InstrumentsSection,
    ReportSection,
    RiskSection,
    StrategySection,
    SymbolSettings,
)
from ballast.model.errors import ConfigError, nearest
from ballast.risk.settings import Profile
from ballast.risk.symbol_policy import SymbolKind, read_symbol
from ballast.strategies.registry import load as load_strategy
from ballast.strategies.spec import Strategy, Surroundings, plain

_FX_SLIPPAGE_BPS = 0.5
_FX_INSTRUMENT_KEYS = ("contract_size", "quote_currency", "conversion_rate")

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "data": DataSection,
    "account": AccountSection,
    "execution": ExecutionSection,
    "instruments": InstrumentsSection,
    "strategy": StrategySection,
    "risk": RiskSection,
    "report": ReportSection,
    **OPERATOR_SECTIONS,
}


def load(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Config:
    """
    Read a configuration file.

    Parameters
    ----------
    path : path
    overrides : sequence of str
        Settings that stand over the file's, each ``section.key=value`` with a TOML value. Relative paths among
        them start at the working directory, those of the file at the file.

    Raises
    ------
    ConfigError
        The file is missing or not TOML, or something in it cannot be run; the message names file, key, value and
        what to write.
    """
    file = Path(path)
    raw = apply(_parsed(file), overrides)
    try:
        return from_dict(raw, directory=file.parent)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def from_dict(raw: Mapping[str, Any], *, directory: Path | None = None) -> Config:
    """
    Check a mapping of sections as a file would hold them; ``directory`` is where its relative paths start.

    Raises ``ConfigError`` as ``load`` does, without the name of a file.
    """
    directory = Path() if directory is None else directory
    for name in raw:
        if name not in SECTIONS and name != "schema_version":
            hint = nearest(name, SECTIONS) or f"; the sections are {', '.join(SECTIONS)}"
            raise ConfigError(f"[{name}]: no such section{hint}")
    data = _data(raw.get("data", {}))
    account = account_section(raw.get("account", {}), data.symbols)
    strategy = _strategy(raw.get("strategy", {}), data.symbols, directory)
    data = fitted_data(data, account, strategy, names_market="market" in raw["data"])
    chosen = _named_strategy(strategy.name, directory)
    refuse_other_mode(account, chosen)
    config = Config(
        schema_version=_version(raw.get("schema_version", SCHEMA_VERSION)),
        data=data,
        account=account,
        execution=_execution(raw.get("execution", {}), account),
        instruments=_instruments(raw.get("instruments", {}), data.symbols, account),
        strategy=strategy,
        risk=risk_section(raw.get("risk", {}), chosen, is_margin=account.is_margin),
        report=ReportSection(**checked_section(ReportSection, raw.get("report", {}), "report")),
        **operator_sections(raw, data.symbols, chosen),
        directory=directory,
    )
    contracts_of(config)  # Refuses what nobody can convert.
    return config


def varied(config: Config, values: Mapping[str, Any]) -> Config:
    """Return a configuration with some of its keys, ``section.key``, at other values; raises as ``from_dict`` does."""
    raw = config.to_dict()
    for path, value in values.items():
        section, _, key = path.partition(".")
        raw[section] = raw[section] | {key: value}
    return from_dict(raw, directory=config.directory)


def strategy_of(config: Config) -> Strategy:
    """Return the strategy that a configuration names."""
    return _named_strategy(config.strategy.name, config.directory)


def params_of(config: Config) -> Any:
    """
    Return the ``Params`` record of a configuration's strategy, with what stands in other sections.

    Raises ``ConfigError`` for settings that the strategy refuses.
    """
    strategy = strategy_of(config)
    values = dict(config.strategy.settings) | dict(config.risk.of_strategy)
    if config.trading is not None:
        values |= {key: getattr(config.trading, key) for key in strategy.section_keys.get("trading", ())}
    params = strategy.params(
        values,
        config.n_symbols,
        config.symbol_settings,
        is_documented=config.risk.profile == Profile.DOCUMENTED.name.lower(),
    )
    if strategy.furnish is not None:
        surroundings = Surroundings(
            symbols=config.data.symbols,
            is_crypto=[read_symbol(symbol).kind == SymbolKind.CRYPTO for symbol in config.data.symbols],
            elastic=elastic_settings_of(config),
            pace=polling_settings_of(config),
            is_screened=config.halal is not None and config.halal.enabled,
        )
        strategy.furnish(params, surroundings)
    return params


def _named_strategy(name: str, directory: Path) -> Strategy:
    return load_strategy(str(directory / name) if name.endswith(".py") else name)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte-order mark, which TOML does not know.
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        beside = [entry.name for entry in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        raise ConfigError(f"{file}: no such file{nearest(file.name, beside) or '; check the path'}") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path and its permissions") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}; correct that line") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not a text file in UTF-8 (byte {error.start}); save it as UTF-8") from None


def _version(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"schema_version = {shown(value)}: expected a whole number; write {SCHEMA_VERSION}")
    if value > SCHEMA_VERSION:
        raise ConfigError(
            f"schema_version = {value}: written for a newer Ballast, this one knows {SCHEMA_VERSION}; upgrade Ballast"
        )
    return SCHEMA_VERSION


def _data(raw: Any) -> DataSection:
    data = DataSection(**checked_section(DataSection, raw, "data"))
    if (data.path is None) == (data.dataset is None):
        found = "neither is given" if data.path is None else "both are given"
        raise ConfigError(f"data.path, data.dataset: {found}; give one: a file of bars, or a dataset of the catalog")
    if data.dataset is not None:
        # A file of funding rates may have several venues, too.
        for name in ("columns",) if data.funding else ("venue", "columns"):
            if getattr(data, name):
                raise ConfigError(f"data.{name} = {shown(getattr(data, name))}: only files need it; remove it")
    if data.dataset is not None and data.kind not in (None, "bars"):
        raise ConfigError(f'data.kind = "{data.kind}": datasets hold bars; give data.path, a file of {data.kind}')
    if data.kind in ("trades", "quotes") and data.interval is None:
        raise ConfigError(f'data.kind = "{data.kind}": data.interval is missing; say how long bars of them are, "1m"')
    if not data.symbols:
        raise ConfigError("data.symbols = []: name at least one symbol")
    doubled = next((symbol for symbol in data.symbols if data.symbols.count(symbol) > 1), None)
    if doubled is not None:
        raise ConfigError(f'data.symbols: "{doubled}" is there twice; name each symbol once')
    if data.start is not None and data.end is not None and data.start >= data.end:
        raise ConfigError(
            f"data.start = {data.start.isoformat()}: not before data.end = {data.end.isoformat()}, "
            "so that the window is empty; widen it"
        )
    return data


def _execution(raw: Any, account: AccountSection) -> ExecutionSection:
    defaults = {"slippage_bps": _FX_SLIPPAGE_BPS} if account.is_fx else {}
    execution = ExecutionSection(**(defaults | checked_section(ExecutionSection, raw, "execution")))
    if execution.latency_bars and execution.latency_ns:
        raise ConfigError(
            f"execution.latency_bars = {execution.latency_bars}: given together with "
            f"latency_ns = {execution.latency_ns}; keep one"
        )
    return execution


def _instruments(raw: Any, symbols: Sequence[str], account: AccountSection) -> InstrumentsSection:
    refuse_no_table(raw, "instruments")
    keys = keys_of(InstrumentsSection)
    own = checked_section(InstrumentsSection, {key: raw[key] for key in raw if key in keys}, "instruments")
    limits = {}
    for symbol, table in raw.items():
        if symbol not in keys:
            if not isinstance(table, Mapping):
                raise ConfigError(f"instruments.{symbol}: no such key; it knows {', '.join(keys)}, a table per symbol")
            refuse_unknown_symbol(f"instruments.{symbol}", symbol, symbols)
            values = checked_section(InstrumentLimits, table, f"instruments.{symbol}")
            if not account.is_fx:
                given = {f"instruments.{symbol}.{key}": values.get(key) for key in _FX_INSTRUMENT_KEYS}
                refuse_on_kind(account.kind, "fx_margin", given)
            least, most = values.get("min_qty", 0.0), values.get("max_qty")
            if most is not None and least > most:
                raise ConfigError(
                    f"instruments.{symbol}.max_qty = {most:g}: below min_qty = {least:g}, so that no order could be "
                    "placed; correct one"
                )
            limits[symbol] = InstrumentLimits(**values)
    return InstrumentsSection(**own, symbols=limits)


def _strategy(raw: Any, symbols: Sequence[str], directory: Path) -> StrategySection:
    refuse_no_table(raw, "strategy")
    own = {key: raw[key] for key in raw if key in keys_of(StrategySection)}
    name = checked_section(StrategySection, own, "strategy")["name"]
    given = {key: value for key, value in raw.items() if key not in own and key != "symbols"}
    strategy = _named_strategy(name, directory)
    for section, keys in strategy.section_keys.items():
        for key in keys:
            if key in given:
                raise ConfigError(f"strategy.{key} = {shown(given[key])}: stands in [{section}]; write {section}.{key}")
    if strategy.follows_profile and "profile" in given:
        raise ConfigError(
            f"strategy.profile: '{name}' follows the risk ladder; delete it and set risk.profile = \"safe\", "
            '"documented" or "off"'
        )
    by_symbol = _by_symbol(raw.get("symbols", {}), strategy, symbols)
    strategy.params(given, len(symbols), {symbols.index(symbol): one.settings for symbol, one in by_symbol.items()})
    given = strategy.checked_values(given)
    settings = {
        key: plain(one, given.get(key, one.default)) for key, one in strategy.keys_of_section("strategy").items()
    }
    return StrategySection(name=name, settings=settings, symbols=by_symbol)


def _by_symbol(raw: Any, strategy: Strategy, symbols: Sequence[str]) -> dict[str, SymbolSettings]:
    refuse_no_table(raw, "strategy.symbols")
    found = {}
    for symbol, table in raw.items():
        path = f"strategy.symbols.{symbol}"
        refuse_unknown_symbol(path, symbol, symbols)
        refuse_no_table(table, path)
        keys = keys_of(SymbolSettings)
        own = checked_section(SymbolSettings, {key: table[key] for key in table if key in keys}, path)
        given = {key: value for key, value in table.items() if key not in keys}
        strategy.checked_values(given, path)
        common = next((key for key in given if key not in strategy.symbol_keys), None)
        if common is not None:
            known = ", ".join([*keys, *strategy.symbol_keys])
            raise ConfigError(
                f"{path}.{common}: the same for all symbols, which may differ in {known}; set it in [strategy]"
            )
        found[symbol] = SymbolSettings(**own, settings=given)
    return found
