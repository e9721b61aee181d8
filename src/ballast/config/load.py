"""From a TOML file, or a mapping of the same shape, to a checked ``Config``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ballast.config.keys import checked_section, keys_of, refuse_no_table, shown
from ballast.config.overrides import apply
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
)
from ballast.model.enums import AccountKind
from ballast.model.errors import ConfigError, nearest
from ballast.strategies.registry import load as load_strategy
from ballast.strategies.spec import Strategy

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "data": DataSection,
    "account": AccountSection,
    "execution": ExecutionSection,
    "instruments": InstrumentsSection,
    "strategy": StrategySection,
    "risk": RiskSection,
    "report": ReportSection,
}
_DEFAULT_FEE_RATE = 0.001


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
    return Config(
        schema_version=_version(raw.get("schema_version", SCHEMA_VERSION)),
        data=data,
        account=_account(raw.get("account", {}), data.symbols),
        execution=_execution(raw.get("execution", {})),
        instruments=_instruments(raw.get("instruments", {}), data.symbols),
        strategy=_strategy(raw.get("strategy", {}), len(data.symbols), directory),
        risk=RiskSection(**checked_section(RiskSection, raw.get("risk", {}), "risk")),
        report=ReportSection(**checked_section(ReportSection, raw.get("report", {}), "report")),
        directory=directory,
    )


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


def _named_strategy(name: str, directory: Path) -> Strategy:
    return load_strategy(str(directory / name) if name.endswith(".py") else name)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
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
        for name in ("venue", "columns"):
            if getattr(data, name):
                raise ConfigError(f"data.{name} = {shown(getattr(data, name))}: only files need it; remove it")
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


def _account(raw: Any, symbols: Sequence[str]) -> AccountSection:
    refuse_no_table(raw, "account")
    kinds = {kind.name.lower() for kind in AccountKind} - {"spot"}
    if raw.get("kind") in kinds:
        raise ConfigError(f'account.kind = "{raw["kind"]}": not in this version, which runs "spot" accounts only')
    values = checked_section(AccountSection, raw, "account")
    maker, taker = _fee_rates(values)
    values |= {"maker_fee_rate": maker, "taker_fee_rate": taker}
    for symbol in values.get("positions", {}):
        _refuse_unknown_symbol(f"account.positions.{symbol}", symbol, symbols)
    return AccountSection(**values)


def _fee_rates(values: dict[str, Any]) -> tuple[float, float]:
    """Take the fee rates out of the values, in whichever form they are given, as maker and taker."""
    both = values.pop("fee_rate", None)
    maker, taker = values.get("maker_fee_rate"), values.get("taker_fee_rate")
    if both is not None:
        if maker is not None or taker is not None:
            raise ConfigError(
                f"account.fee_rate = {both}: given together with maker_fee_rate or taker_fee_rate; keep one form"
            )
        return both, both
    if (maker is None) != (taker is None):
        given, missing = ("maker", "taker") if taker is None else ("taker", "maker")
        raise ConfigError(
            f"account.{given}_fee_rate = {maker if taker is None else taker}: {missing}_fee_rate is missing; "
            "give both, or fee_rate for one rate"
        )
    if maker is None or taker is None:
        return _DEFAULT_FEE_RATE, _DEFAULT_FEE_RATE
    return maker, taker


def _execution(raw: Any) -> ExecutionSection:
    execution = ExecutionSection(**checked_section(ExecutionSection, raw, "execution"))
    if execution.latency_bars and execution.latency_ns:
        raise ConfigError(
            f"execution.latency_bars = {execution.latency_bars}: given together with "
            f"latency_ns = {execution.latency_ns}; keep one"
        )
    return execution


def _instruments(raw: Any, symbols: Sequence[str]) -> InstrumentsSection:
    refuse_no_table(raw, "instruments")
    keys = keys_of(InstrumentsSection)
    own = checked_section(InstrumentsSection, {key: raw[key] for key in raw if key in keys}, "instruments")
    limits = {}
    for symbol, table in raw.items():
        if symbol not in keys:
            if not isinstance(table, Mapping):
                raise ConfigError(f"instruments.{symbol}: no such key; it knows {', '.join(keys)}, a table per symbol")
            _refuse_unknown_symbol(f"instruments.{symbol}", symbol, symbols)
            limits[symbol] = InstrumentLimits(**checked_section(InstrumentLimits, table, f"instruments.{symbol}"))
    return InstrumentsSection(**own, symbols=limits)


def _refuse_unknown_symbol(path: str, symbol: str, symbols: Sequence[str]) -> None:
    if symbol not in symbols:
        hint = nearest(symbol, symbols) or f"; it has {', '.join(symbols)}"
        raise ConfigError(f"{path}: the symbol is not in data.symbols{hint}")


def _strategy(raw: Any, n_symbols: int, directory: Path) -> StrategySection:
    refuse_no_table(raw, "strategy")
    own = {key: raw[key] for key in raw if key in keys_of(StrategySection)}
    name = checked_section(StrategySection, own, "strategy")["name"]
    given = {key: value for key, value in raw.items() if key not in own}
    strategy = _named_strategy(name, directory)
    params = strategy.params(given, n_symbols)
    settings: dict[str, Any] = {}
    for key, parameter in strategy.parameters.items():
        value = getattr(params, key)
        if parameter.choices is not None:
            settings[key] = parameter.choices(int(value)).name.lower()
        else:
            settings[key] = type(parameter.default)(value)
    return StrategySection(name=name, settings=settings)
