"""
Steps and limits of the configured symbols, as the kernel takes them.

Where several places speak of a symbol, the nearest counts, figure by figure: ``[instruments.SYMBOL]``, then
``instruments.file``, then ``[execution] tick_size`` and ``lot_step``, then none.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

from ballast.config.fx import Contract, contracts_of
from ballast.config.schema import Config
from ballast.model.errors import ConfigError, nearest
from ballast.model.instrument import instruments, step_units

Figures = Mapping[str, str | float]
"""Figures of one symbol by the names of ``InstrumentLimits``; steps as the decimal text of the source."""

_PARQUET_MAGIC = b"PAR1"
_GZIP_MAGIC = b"\x1f\x8b"
_LEAN_TYPES = {"spot": ("crypto",), "linear": ("cryptofuture",), "fx": ("forex", "cfd")}
# These venues' smallest order is an amount of quote currency, the others' a quantity.
_QUOTE_MINIMUM_VENUES = {"binance", "binanceus"}
_LEAN_COLUMNS = ("market", "symbol", "type", "minimum_price_variation", "lot_size", "minimum_order_size")


def instruments_of(config: Config, width: int | None = None) -> Any:
    """
    Return the array of ``Instrument`` of the configured symbols, in their order.

    Parameters
    ----------
    config : Config
    width : int or None
        Length of the array, at least ``config.n_symbols``, the default; the rest has no grid and no limit.

    Raises
    ------
    ConfigError
        ``instruments.file`` cannot be read, is of no known form or lacks a symbol.
    """
    symbols = config.data.symbols
    from_file = read_file(config, symbols) if config.instruments.file is not None else {}
    standard = {contract.symbol: _contract_figures(contract) for contract in contracts_of(config)}
    array = instruments(config.n_symbols if width is None else width)
    for record, symbol in zip(array, symbols, strict=False):
        _fill(record, symbol, _merged(config, symbol, standard.get(symbol, {}), from_file.get(symbol, {})))
    return array


def _contract_figures(contract: Contract) -> Figures:
    return {"tick": contract.tick, "lot_step": contract.lot_step, "min_qty": contract.lot_step}


def read_file(config: Config, symbols: Sequence[str]) -> dict[str, Figures]:
    """Return the figures that ``instruments.file`` has for each symbol; raises ``ConfigError``."""
    assert config.instruments.file is not None
    path = config.resolved(config.instruments.file)
    market = config.data.market
    content = _content(path)
    if content.startswith(_PARQUET_MAGIC):
        found = _from_properties(path, _venue(config), market, symbols)
    else:
        found = dict(_from_bybit(path, content, market))
    for symbol in symbols:
        if symbol not in found:
            hint = nearest(symbol, found) or f"; give it a table [instruments.{symbol}], or name another file"
            raise ConfigError(f"instruments.file = {path}: no {market} instrument '{symbol}'{hint}")
    return found


def _venue(config: Config) -> str | None:
    of_dataset = (config.data.dataset or "").partition("/")[0]
    return config.instruments.venue or config.data.venue or of_dataset or None


def _merged(config: Config, symbol: str, standard: Figures, from_file: Figures) -> Figures:
    common = {"tick": config.execution.tick_size, "lot_step": config.execution.lot_step}
    merged: dict[str, str | float] = {name: value for name, value in common.items() if value}
    merged |= from_file
    own = config.instruments.symbols.get(symbol)
    if own is not None:
        merged |= {name: value for name in own.__struct_fields__ if (value := getattr(own, name)) is not None}
    if "lot_step" in merged:
        # Who has a step of their own has no standard minimum.
        standard = {name: value for name, value in standard.items() if name != "min_qty"}
    return {"tick": 0.0, "lot_step": 0.0, **standard, **merged}


def _fill(record: Any, symbol: str, figures: Figures) -> None:
    record.tick_units, record.tick_scale = step_units(figures["tick"], f"tick of {symbol}")
    record.lot_units, record.lot_scale = step_units(figures["lot_step"], f"lot_step of {symbol}")
    record.min_qty = float(figures.get("min_qty", 0.0))
    record.min_notional = float(figures.get("min_notional", 0.0))
    record.max_qty = float(figures.get("max_qty", inf))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except FileNotFoundError:
        beside = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        hint = nearest(path.name, beside) or "; check the path"
        raise ConfigError(f"instruments.file = {path}: no such file{hint}") from None
    except (OSError, EOFError) as error:
        raise ConfigError(f"instruments.file = {path}: cannot be read ({error}); check the file") from None


def _from_properties(path: Path, venue: str | None, market: str, symbols: Sequence[str]) -> dict[str, Figures]:
    """Read a table of instrument properties, a row per venue, kind and symbol, all columns text."""
    rows = [row for row in _properties(path) if row["type"] in _LEAN_TYPES[market]]
    venues = {row["market"] or "" for row in rows}
    if venue is not None and venue not in venues:
        hint = nearest(venue, venues) or f"; it has {', '.join(sorted(venues))}"
        raise ConfigError(f"instruments.file = {path}: no {market} instruments of venue '{venue}'{hint}")
    found: dict[str, Mapping[str, str | None]] = {}
    for row in rows:
        symbol = row["symbol"] or ""
        if venue is None and symbol in symbols and symbol in found:
            raise ConfigError(
                f"instruments.file = {path}: '{symbol}' is there for {found[symbol]['market']} and {row['market']}; "
                "say which with instruments.venue"
            )
        if venue in {None, row["market"]}:
            found[symbol] = row
    return {symbol: _property_figures(path, row) if symbol in symbols else {} for symbol, row in found.items()}


def _properties(path: Path) -> list[dict[str, str | None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        missing = [name for name in _LEAN_COLUMNS if name not in names]
        if missing:
            raise ConfigError(
                f"instruments.file = {path}: no column '{missing[0]}'{nearest(missing[0], names)}; "
                "expected a table of instrument properties"
            )
        rows: list[dict[str, str | None]] = pq.read_table(path, columns=list(_LEAN_COLUMNS)).to_pylist()
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"instruments.file = {path}: not a readable Parquet file ({reason}); fetch it again"
        ) from None
    return rows


def _property_figures(path: Path, row: Mapping[str, str | None]) -> Figures:
    minimum = "min_notional" if row["market"] in _QUOTE_MINIMUM_VENUES else "min_qty"
    given = {
        "tick": row["minimum_price_variation"],
        "lot_step": row["lot_size"],
        minimum: row["minimum_order_size"],
    }
    return _numbers(path, row["symbol"] or "", given)


def _from_bybit(path: Path, content: bytes, market: str) -> Iterator[tuple[str, Figures]]:
    """Read answers of Bybit's instruments-info, one or several in whatever nesting."""
    try:
        body = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ConfigError(
            f"instruments.file = {path}: neither Parquet nor JSON; expected a table of instrument properties or "
            "Bybit's instruments-info answer"
        ) from None
    entries = list(_instrument_entries(body))
    if not entries:
        raise ConfigError(f"instruments.file = {path}: no instruments in it; expected Bybit's instruments-info answer")
    for entry in entries:
        if _bybit_market(entry) == market:
            yield str(entry["symbol"]), _bybit_figures(path, entry)


def _instrument_entries(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        if {"symbol", "lotSizeFilter", "priceFilter"} <= body.keys():
            yield body
        else:
            for value in body.values():
                yield from _instrument_entries(value)
    elif isinstance(body, list):
        for value in body:
            yield from _instrument_entries(value)


def _bybit_market(entry: Mapping[str, Any]) -> str | None:
    if "contractType" in entry:
        return "linear" if str(entry["contractType"]).startswith("Linear") else None
    return "spot" if "basePrecision" in entry["lotSizeFilter"] else None


def _bybit_figures(path: Path, entry: Mapping[str, Any]) -> Figures:
    lot = entry["lotSizeFilter"]
    given = {
        "tick": entry["priceFilter"].get("tickSize"),
        "lot_step": lot.get("qtyStep", lot.get("basePrecision")),
        "min_qty": lot.get("minOrderQty"),
        "min_notional": lot.get("minNotionalValue", lot.get("minOrderAmt")),
        "max_qty": lot.get("maxOrderQty"),
    }
    return _numbers(path, entry["symbol"], given)


def _numbers(path: Path, symbol: str, given: Mapping[str, str | None]) -> Figures:
    """Return the figures that are there, checked, their text kept: it is exact where a float is not."""
    for name, text in given.items():
        try:
            is_figure = text is None or text == "" or (float(text) >= 0.0 and isfinite(float(text)))
        except (TypeError, ValueError):
            is_figure = False
        if not is_figure:
            raise ConfigError(f"instruments.file = {path}: {name} of '{symbol}' is {text!r}, not a number >= 0")
    return {name: text for name, text in given.items() if text}
