"""
Accounts of an FX broker: what a lot is, what other currencies are worth, and what leverage and stop-out come to.

A symbol is quoted in its quote currency, the account kept in its own. Between the two stands a conversion rate: 1
where they are the same, else a fixed ``conversion_rate``, else the last close of a symbol of the run that joins them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from ballast.config.schema import Config, InstrumentLimits
from ballast.model.errors import ConfigError
from ballast.model.instrument import Conversion, Tier
from ballast.risk.symbol_policy import METALS, read_symbol

STANDARD_LOT = 100_000.0
METAL_LOTS = {"XAU": 100.0, "XAG": 5_000.0, "XPT": 100.0, "XPD": 100.0}
SMALLEST_LOT = 0.01
"""What a broker trades at least, in lots, and its step."""
TICKS = {"JPY": "0.001", "HUF": "0.001", "KRW": "0.001"}
METAL_TICK = "0.01"
CURRENCY_TICK = "0.00001"


@dataclass(frozen=True)
class Contract:
    """
    One symbol at an FX broker.

    ``rate`` is account currency for one unit of ``quote_currency``, None where it follows ``via_symbol``, the index of
    a symbol of the run; ``is_inverse``: as one over its price.
    """

    symbol: str
    contract_size: float
    quote_currency: str
    tick: str
    rate: float | None
    via_symbol: int = -1
    is_inverse: bool = False

    @property
    def lot_step(self) -> float:
        """Step and smallest quantity where nothing else is said, in base units."""
        return SMALLEST_LOT * self.contract_size


def contracts_of(config: Config) -> tuple[Contract, ...]:
    """
    Return the contracts of the configured symbols; empty on other accounts.

    Raises
    ------
    ConfigError
        A name that says nothing and has no ``contract_size`` and ``quote_currency``, a lot or tick of zero, or a
        quote currency that nothing converts.
    """
    if not config.account.is_fx:
        return ()
    return tuple(_contract(config, symbol) for symbol in config.data.symbols)


def _contract(config: Config, symbol: str) -> Contract:
    own = config.instruments.symbols.get(symbol, InstrumentLimits())
    path = f"instruments.{symbol}"
    for key in ("tick", "lot_step", "min_qty"):
        if getattr(own, key) == 0.0:
            raise ConfigError(f"{path}.{key} = 0.0: a broker trades in steps above zero; remove the key or correct it")
    name = read_symbol(symbol)
    known_lot = METAL_LOTS.get(name.base) if name.base in METALS else STANDARD_LOT if name.kind.name == "FIAT" else None
    contract_size = own.contract_size or known_lot
    quote = (own.quote_currency or name.quote).upper()
    if contract_size is None or not quote:
        raise ConfigError(
            f"data.symbols: '{symbol}' is no pair of currencies and no metal that is known; give it a table "
            f"[{path}] with contract_size, quote_currency and tick, or correct the name"
        )
    tick = METAL_TICK if name.base in METALS else TICKS.get(quote, CURRENCY_TICK)
    return Contract(symbol, contract_size, quote, tick, *_conversion(config, path, symbol, quote, own.conversion_rate))


def _conversion(
    config: Config, path: str, symbol: str, quote: str, given: float | None
) -> tuple[float | None, int, bool]:
    """Return a fixed rate or None, the symbol whose price it is, and whether it is one over that price."""
    currency = config.account.currency.upper()
    if quote == currency:
        if given not in (None, 1.0):
            raise ConfigError(
                f"{path}.conversion_rate = {given:g}: {symbol} is quoted in {quote}, the account's own currency; "
                "remove the key"
            )
        return 1.0, -1, False
    if given is not None:
        return given, -1, False
    for index, other in enumerate(config.data.symbols):
        pair = read_symbol(other)
        if {pair.base, pair.quote} == {quote, currency}:
            return None, index, pair.base == currency
    raise ConfigError(
        f"{path}: {symbol} is quoted in {quote}, account.currency is {currency}, and nothing joins the two; set "
        f"{path}.conversion_rate ({currency} for one {quote}), or add {quote}{currency} or {currency}{quote} to "
        "data.symbols"
    )


def fx_conversions(config: Config) -> Any:
    """Return an array of ``Conversion`` by symbol; None where every symbol is quoted in the account's currency."""
    contracts = contracts_of(config)
    if all(contract.rate == 1.0 for contract in contracts):
        return None
    conversions = Conversion.array(len(contracts))  # type: ignore[attr-defined]
    for record, contract in zip(conversions, contracts, strict=True):
        # Unknown until the symbol that it follows has closed once.
        record.rate = 0.0 if contract.rate is None else contract.rate
        record.via_symbol, record.is_inverse = contract.via_symbol, contract.is_inverse
    return conversions


def fx_tiers(config: Config) -> Any:
    """Return one ``Tier`` per symbol: a broker's maintenance margin is the stop-out's part of the initial margin."""
    tiers = Tier.array(config.n_symbols)  # type: ignore[attr-defined]
    tiers["symbol"] = np.arange(config.n_symbols)
    tiers["upper_value"] = tiers["max_leverage"] = inf
    assert config.account.stop_out_level_pct is not None
    tiers["maintenance_margin_rate"] = config.account.stop_out_level_pct / 100.0 / np.array(config.leverages)
    return tiers


def fx_assumptions(config: Config) -> Iterator[str]:
    """Yield in sentences what an FX account takes for granted."""
    account = config.account
    yield (
        f"At a margin level of {account.stop_out_level_pct:g} % the broker closes the largest loser first, at the "
        "market; it forgives what a wallet falls below zero. No swap is charged or paid over night."
    )
    for contract in contracts_of(config):
        of = f"{contract.quote_currency} of {contract.symbol}"
        if contract.rate is None:
            via = config.data.symbols[contract.via_symbol]
            yield f"{of} becomes {account.currency} at the last close of {via}."
        elif contract.rate != 1.0:
            yield f"{of} becomes {account.currency} at the fixed rate of {contract.rate:g}."
