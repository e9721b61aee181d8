"""``[account]``: what it starts with, what it pays, and what only accounts on margin have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec.structs import replace

from ballast.config.keys import checked_section, refuse_no_table, refuse_unknown_symbol, shown
from ballast.config.schema import AccountSection, Config, DataSection, StrategySection
from ballast.model.enums import AccountKind
from ballast.model.errors import ConfigError
from ballast.strategies.spec import Strategy

# Maker and taker.
_SPOT_FEE_RATES = (0.001, 0.001)
_MARGIN_FEE_RATES = (0.0002, 0.00055)
_MARGIN_DEFAULTS: Mapping[str, Any] = {"mode": "one_way", "leverage": 1.0, "margin_model": "bybit_unified"}
_MARGIN_KEYS = (*_MARGIN_DEFAULTS, "tiers", "tiers_stand_in")
_FX_FEE_RATES = (0.000035, 0.000035)
_FX_DEFAULTS: Mapping[str, Any] = {"mode": "one_way", "leverage": 30.0, "currency": "USD", "stop_out_level_pct": 50.0}
_KINDS = ("spot", "unified_margin", "fx_margin")
_FEE_RATES = {"spot": _SPOT_FEE_RATES, "unified_margin": _MARGIN_FEE_RATES, "fx_margin": _FX_FEE_RATES}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"unified_margin": _MARGIN_DEFAULTS, "fx_margin": _FX_DEFAULTS}
_ONLY = {
    "unified_margin": ("margin_model", "tiers", "tiers_stand_in"),
    "fx_margin": ("stop_out_level_pct",),
}
"""Keys that one kind of margin account has and the other has not."""


def account_section(raw: Any, symbols: Sequence[str]) -> AccountSection:
    """Check ``[account]``, with the defaults of its kind; raises ``ConfigError``."""
    refuse_no_table(raw, "account")
    if raw.get("kind") in [kind.name.lower() for kind in AccountKind if kind.name.lower() not in _KINDS]:
        raise ConfigError(f'account.kind = "{raw["kind"]}": not in this version, which runs {", ".join(_KINDS)}')
    values = checked_section(AccountSection, raw, "account")
    kind = values.get("kind", "spot")
    if kind == "spot":
        _refuse_on_spot({f"account.{key}": values.get(key) for key in _MARGIN_KEYS})
    elif values.get("positions"):
        raise ConfigError("account.positions: a margin account starts without positions; remove the key")
    for other, keys in _ONLY.items():
        if kind != other:
            refuse_on_kind(kind, other, {f"account.{key}": values.get(key) for key in keys})
    values = {**_DEFAULTS.get(kind, {}), **values}
    for symbol in values.get("positions", {}):
        refuse_unknown_symbol(f"account.positions.{symbol}", symbol, symbols)
    maker, taker = _fee_rates(values, _FEE_RATES[kind])
    return AccountSection(**values | {"maker_fee_rate": maker, "taker_fee_rate": taker})


def fitted_data(
    data: DataSection, account: AccountSection, strategy: StrategySection, *, names_market: bool
) -> DataSection:
    """
    Return ``[data]`` as the account's kind reads it: margin accounts trade linear contracts.

    Raises ``ConfigError`` where the two, or leverage by symbol, do not fit; ``names_market`` says whether the
    file itself names the market.
    """
    if not account.is_margin:
        by_symbol = {f"strategy.symbols.{name}.leverage": own.leverage for name, own in strategy.symbols.items()}
        _refuse_on_spot({"data.mark": data.mark, "data.funding": data.funding, **by_symbol})
        return data
    if account.is_fx:
        refuse_on_kind(account.kind, "unified_margin", {"data.mark": data.mark, "data.funding": data.funding})
        if names_market and data.market != "fx":
            raise ConfigError(f'data.market = "{data.market}": an fx_margin account trades fx; write "fx"')
        return replace(data, market="fx")
    if names_market and data.market != "linear":
        raise ConfigError(
            f'data.market = "{data.market}": a unified_margin account trades linear contracts; write "linear"'
        )
    if data.funding == "catalog" and data.dataset is None:
        raise ConfigError('data.funding = "catalog": the bars come from a file; name a file of funding rates, too')
    return replace(data, market="linear")


def refuse_other_mode(account: AccountSection, strategy: Strategy) -> None:
    """Raise ``ConfigError`` where a strategy that needs a margin account in one mode is given another account."""
    needed = strategy.position_mode
    if needed is None or (account.is_margin and account.mode == needed.name.lower()):
        return
    found = f'account.mode = "{account.mode}"' if account.is_margin else f'account.kind = "{account.kind}"'
    raise ConfigError(
        f"{found}: strategy '{strategy.name}' needs a margin account in {needed.name.lower()} mode; "
        f'set account.kind = "unified_margin" and account.mode = "{needed.name.lower()}"'
    )


def refuse_leverage_above_tiers(config: Config, tiers: Any, source: str) -> None:
    """
    Raise ``ConfigError`` for leverage that not even the smallest position may have.

    ``tiers`` is an array of ``Tier`` for the configured symbols; ``source`` says where they come from.
    """
    for index, (symbol, leverage) in enumerate(zip(config.data.symbols, config.leverages, strict=True)):
        first = tiers[tiers["symbol"] == index][0]
        if leverage > first["max_leverage"]:
            own = config.strategy.symbols.get(symbol)
            is_own = own is not None and own.leverage is not None
            path = f"strategy.symbols.{symbol}.leverage" if is_own else "account.leverage"
            bound = f"up to {first['upper_value']:,.0f}" if isfinite(first["upper_value"]) else "of any size"
            raise ConfigError(
                f"{path} = {leverage:g}: the first risk tier of {symbol}, positions {bound}, allows at most "
                f"{first['max_leverage']:g} ({source}); lower it"
            )


def refuse_on_kind(kind: str, owner: str, values: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` for a value, by its path, that only accounts of kind ``owner`` have."""
    for path, value in values.items():
        if value not in (None, False):
            raise ConfigError(
                f'{path} = {shown(value)}: only {owner} accounts have it and account.kind = "{kind}"; remove the key'
            )


def _refuse_on_spot(values: Mapping[str, Any]) -> None:
    for path, value in values.items():
        if value not in (None, False):
            raise ConfigError(
                f'{path} = {shown(value)}: only margin accounts have it; set account.kind = "unified_margin", '
                "or remove the key"
            )


def _fee_rates(values: dict[str, Any], defaults: tuple[float, float]) -> tuple[float, float]:
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
    return defaults if maker is None or taker is None else (maker, taker)
