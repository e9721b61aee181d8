"""Faults that happen once: what a venue may do to an account or a symbol, asked of the kernel."""

from __future__ import annotations

import re
from typing import Any

from ballast.model.errors import ConfigError, nearest
from ballast.model.instrument import step_units
from ballast.venues.exchange.faults.kinds import Fault, FiltersChanged, Liquidation, SymbolDelisted
from ballast.venues.exchange.market import listing_of
from ballast.venues.exchange.venue import LocalVenue

LEFT_OF_MAINTENANCE = 0.5
"""What an account to be liquidated is left with, of its maintenance margin."""
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?", re.ASCII)
LIMITS = ("min_qty", "max_qty", "min_notional")


def check(venue: LocalVenue, fault: Fault, where: str) -> None:
    """Raise ``ConfigError`` for a fault that names what the venue does not have."""
    symbols, n_accounts = venue.market.symbols, len(venue.setup.accounts)
    symbol, account = getattr(fault, "symbol", None), getattr(fault, "account", None)
    if symbol is not None and symbol not in symbols:
        known = ", ".join(symbols[:10])
        raise ConfigError(f"{where}: symbol {symbol} is not listed{nearest(symbol, symbols)}; there are {known}")
    if account is not None and account >= n_accounts:
        raise ConfigError(f"{where}: account {account} does not exist; there are 0 to {n_accounts - 1}")
    if isinstance(fault, FiltersChanged):
        _steps(fault, where)


def happen(venue: LocalVenue, fault: Fault) -> bool:
    """Make a fault happen; False where it has to wait."""
    if isinstance(fault, Liquidation):
        return _ruin(venue, fault.account)
    if isinstance(fault, SymbolDelisted):
        venue.delist(venue.market.symbols.index(fault.symbol))
    elif isinstance(fault, FiltersChanged):
        _relist(venue, fault)
    return True


def _ruin(venue: LocalVenue, account: int) -> bool:
    now = venue.host.money(account)
    if now.gross == 0.0:
        return False
    venue.lose(account, now.equity - LEFT_OF_MAINTENANCE * now.maintenance_margin)
    return True


def _relist(venue: LocalVenue, fault: FiltersChanged) -> None:
    symbol = venue.market.symbols.index(fault.symbol)
    instrument = venue.record.instruments[symbol]
    for name, value in _steps(fault, fault.symbol).items():
        setattr(instrument, name, value)
    for name in LIMITS:
        if getattr(fault, name) is not None:
            setattr(instrument, name, getattr(fault, name))
    venue.market.listings[symbol] = listing_of(fault.symbol, instrument)


def _steps(fault: FiltersChanged, where: str) -> dict[str, Any]:
    """Return the fields of an instrument that its new steps make; raises ``ConfigError``."""
    fields: dict[str, Any] = {}
    for name in ("tick", "lot"):
        text = getattr(fault, name)
        if text is None:
            continue
        if not DECIMAL.fullmatch(text) or float(text) == 0.0:
            raise ConfigError(f'{where}: {name} = "{text}"; write a decimal above 0, such as "0.01"')
        fields[f"{name}_units"], fields[f"{name}_scale"] = step_units(text, name)
    return fields
