"""
Risk tiers: how much margin and leverage a venue allows at which position value.

Read from Bybit's risk-limit answer (one page or several, in whatever nesting) or from Binance's leverage brackets in
ccxt's form, told apart by content, or taken from the one ladder that is built in. A ladder is accepted only if its
bounds and rates ascend and its deductions make maintenance margin continuous:
``deduction[n] = deduction[n-1] + bound[n-1] * (rate[n] - rate[n-1])``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

from ballast.data.files import shortened
from ballast.model.errors import ConfigError, DataError, nearest
from ballast.model.instrument import Tier

_GZIP_MAGIC = b"\x1f\x8b"
_RECURRENCE_TOLERANCE = 1e-6
_NOT_SAID = nan
_BYBIT_KEYS = {"symbol", "riskLimitValue", "maintenanceMargin", "maxLeverage"}
_CCXT_KEYS = {"symbol", "maxNotional", "maintenanceMarginRate", "maxLeverage"}


class Step(NamedTuple):
    """One tier of a ladder; ``upper_value`` is its inclusive bound, ``deduction`` NaN where the source has none."""

    upper_value: float
    maintenance_margin_rate: float
    deduction: float
    max_leverage: float


Ladder = tuple[Step, ...]

BUILT_IN: Mapping[str, Mapping[str, Ladder]] = {
    # From the venue's public table of 2026-08-05, which goes on to 1.2 billion in 35 tiers. It gives the last of these
    # a deduction of 20,500, which presumes tiers between 3.8 and 8.5 million that are not known here: taken at its
    # word, margin would fall where a position grows. The recurrence gives 16,840, at most 3,660 more margin.
    "bybit-btcusdt-2026-08": {
        "BTCUSDT": (
            Step(2_000_000.0, 0.0050, 0.0, 100.0),
            Step(2_600_000.0, 0.0056, 1_200.0, 90.0),
            Step(3_200_000.0, 0.0063, 3_020.0, 80.0),
            Step(3_800_000.0, 0.0067, 4_300.0, 75.0),
            Step(8_500_000.0, 0.0100, _NOT_SAID, 50.0),
        )
    },
}
"""Ladders by name and symbol."""

_NAMES = ", ".join(BUILT_IN)
_EXPECTED = "expected Bybit's risk-limit answer or Binance's leverage brackets in ccxt's form"
_REMEDY = "correct it or fetch the file again"


@dataclass(frozen=True)
class TierTable:
    """
    The tiers of a run's symbols.

    Attributes
    ----------
    tiers : recarray of Tier
        Ascending by symbol and then ``upper_value``; each symbol's last tier has no bound.
    source : str
        Which symbols' tiers come from where.
    assumptions : tuple of str
        What is taken for granted: stand-ins, and what lies beyond a ladder's last bound.
    """

    tiers: Any
    source: str
    assumptions: tuple[str, ...]


def tier_table(symbols: Sequence[str], source: str | Path | None, stand_in: str | Path | None = None) -> TierTable:
    """
    Return the tiers of some symbols.

    Parameters
    ----------
    symbols : sequence of str
        Configured order; ``BTC/USDT:USDT`` in a file is ``BTCUSDT``.
    source, stand_in : str, path or None
        A name of ``BUILT_IN`` or a file; the second serves the symbols that the first lacks.

    Raises
    ------
    DataError
        A file cannot be read, is of no known form, or a symbol's ladder is not one.
    ConfigError
        Neither source has a symbol.
    """
    own, other = _steps(source), _steps(stand_in)
    missing = next((symbol for symbol in symbols if symbol not in own and symbol not in other), None)
    if missing is not None:
        raise ConfigError(_missing(missing, source, stand_in, [*own, *other]))
    given = [symbol for symbol in symbols if symbol in own]
    borrowed = [symbol for symbol in symbols if symbol not in own]
    chosen = {
        symbol: _checked(*((own[symbol], source) if symbol in own else (other[symbol], stand_in)), symbol)
        for symbol in symbols
    }
    words = [f"{_label(source)}: {', '.join(given)}"] if given else []
    words += [f"{_label(stand_in)}, standing in: {', '.join(borrowed)}"] if borrowed else []
    return TierTable(_records(chosen), "; ".join(words), tuple(_assumptions(chosen, borrowed, stand_in)))


def _steps(source: str | Path | None) -> Mapping[str, Sequence[Step]]:
    """Return what a source has by symbol, unchecked."""
    if source is None:
        return {}
    if str(source) in BUILT_IN:
        return BUILT_IN[str(source)]
    found: dict[str, list[Step]] = {}
    for symbol, step in _entries(Path(source)):
        found.setdefault(symbol, []).append(step)
    return found


def _entries(path: Path) -> Iterator[tuple[str, Step]]:
    body = _body(path)
    is_empty = True
    for entry in _tables(body):
        is_empty = False
        where = f"{path}: tiers of {entry['symbol']!r}"
        if entry.keys() >= _BYBIT_KEYS:
            yield str(entry["symbol"]), _bybit_step(entry, where)
        else:
            yield _native_symbol(str(entry["symbol"])), _ccxt_step(entry, where)
    if is_empty:
        raise DataError(f"{path}: no risk tiers in it; {_EXPECTED}")


def _body(path: Path) -> Any:
    try:
        content = path.read_bytes()
        return json.loads(gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content)
    except FileNotFoundError:
        beside = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        hint = nearest(path.name, [*beside, *BUILT_IN]) or f"; check the path, or name the built-in {_NAMES}"
        raise DataError(f"{path}: no such file of risk tiers{hint}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise DataError(f"{path}: not JSON; {_EXPECTED}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); check the file") from None


def _tables(body: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of tiers in a body, whatever they are wrapped in."""
    if isinstance(body, Mapping):
        if body.keys() >= _BYBIT_KEYS or body.keys() >= _CCXT_KEYS:
            yield body
        else:
            for value in body.values():
                yield from _tables(value)
    elif isinstance(body, list):
        for value in body:
            yield from _tables(value)


def _bybit_step(entry: Mapping[str, Any], where: str) -> Step:
    return Step(
        upper_value=_number(entry, "riskLimitValue", where),
        maintenance_margin_rate=_number(entry, "maintenanceMargin", where),
        deduction=_number(entry, "mmDeduction", where) if entry.get("mmDeduction") else _NOT_SAID,
        max_leverage=_number(entry, "maxLeverage", where),
    )


def _ccxt_step(entry: Mapping[str, Any], where: str) -> Step:
    info = entry.get("info")
    has_deduction = isinstance(info, Mapping) and "cum" in info
    return Step(
        upper_value=inf if entry["maxNotional"] is None else _number(entry, "maxNotional", where),
        maintenance_margin_rate=_number(entry, "maintenanceMarginRate", where),
        deduction=_number(info, "cum", where) if has_deduction and info is not None else _NOT_SAID,
        max_leverage=_number(entry, "maxLeverage", where),
    )


def _number(entry: Mapping[str, Any], key: str, where: str) -> float:
    value = entry[key]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = _NOT_SAID
    if not isfinite(number) or number < 0.0 or isinstance(value, bool):
        raise DataError(f"{where}: {key} is {value!r}, not a number >= 0; {_REMEDY}")
    return number


def _native_symbol(symbol: str) -> str:
    """Return ``BTC/USDT:USDT`` as the venue writes it, ``BTCUSDT``; dated contracts keep their date."""
    pair, _, settled = symbol.partition(":")
    date = settled.partition("-")[2]
    return pair.replace("/", "") + (f"-{date}" if date else "")


def _checked(steps: Sequence[Step], source: str | Path | None, symbol: str) -> Ladder:
    """Return a ladder in order, its deductions filled in; raises ``DataError`` for one that cannot be."""
    where = f"{source}: tiers of '{symbol}'"
    ladder: list[Step] = []
    for step in sorted(steps):
        below = ladder[-1] if ladder else Step(0.0, step.maintenance_margin_rate, 0.0, inf)
        _refuse_senseless(step, below, f"{where}: the tier up to {step.upper_value:,.0f}")
        continued = below.deduction + below.upper_value * (step.maintenance_margin_rate - below.maintenance_margin_rate)
        deduction = continued if isnan(step.deduction) else step.deduction
        if abs(deduction - continued) > _RECURRENCE_TOLERANCE * max(1.0, continued):
            raise DataError(
                f"{where}: the deduction up to {step.upper_value:,.0f} is {deduction:,.8g}, but margin continues only "
                f"with {continued:,.8g}; {_REMEDY}"
            )
        ladder.append(step._replace(deduction=deduction))
    return tuple(ladder)


def _refuse_senseless(step: Step, below: Step, where: str) -> None:
    rate, leverage = step.maintenance_margin_rate, step.max_leverage
    if not (step.upper_value > 0.0 and leverage >= 1.0 and 0.0 < rate < 1.0):
        raise DataError(f"{where} has a rate of {rate:g} and a leverage of {leverage:g}, which cannot be; {_REMEDY}")
    if step.upper_value == below.upper_value:
        raise DataError(f"{where} is there twice; {_REMEDY}")
    if rate < below.maintenance_margin_rate or leverage > below.max_leverage:
        raise DataError(
            f"{where} is looser than the one below it ({rate:g} after {below.maintenance_margin_rate:g}, "
            f"{leverage:g}x after {below.max_leverage:g}x); {_REMEDY}"
        )


def _records(chosen: Mapping[str, Ladder]) -> Any:
    rows = [
        (index, *(step if step is not ladder[-1] else step._replace(upper_value=inf)))
        for index, ladder in enumerate(chosen.values())
        for step in ladder
    ]
    records = Tier.array(len(rows))  # type: ignore[attr-defined]  # Made by the decorator.
    for number, name in enumerate(("symbol", *Step._fields)):
        records[name] = [row[number] for row in rows]
    return records


def _assumptions(chosen: Mapping[str, Ladder], borrowed: Sequence[str], stand_in: str | Path | None) -> Iterator[str]:
    if borrowed:
        yield f"The risk tiers of {', '.join(borrowed)} are another venue's, {_label(stand_in)}, and stand in."
    ends = {symbol: ladder[-1].upper_value for symbol, ladder in chosen.items()}
    bounds = ", ".join(f"{symbol} {end:,.0f}" for symbol, end in ends.items() if isfinite(end))
    if bounds:
        yield f"Positions beyond the last risk tier ({bounds}) keep its rates."


def _label(source: str | Path | None) -> str:
    return str(source) if str(source) in BUILT_IN else Path(source or "").name


def _missing(symbol: str, source: str | Path | None, stand_in: str | Path | None, known: Sequence[str]) -> str:
    if source is None and stand_in is None:
        return (
            f"account.tiers is missing: no risk tiers of {symbol!r}; name Bybit's risk-limit answer, Binance's "
            f"leverage brackets in ccxt's form, or the built-in {_NAMES}"
        )
    places = {"account.tiers": source, "account.tiers_stand_in": stand_in}
    named = ", ".join(f"{key} = {place}" for key, place in places.items() if place is not None)
    remedy = "name another file" if stand_in is not None else "name one that stands in with account.tiers_stand_in"
    return f"{named}: no risk tiers of {symbol!r}, only of {shortened(known)}; {remedy}"
