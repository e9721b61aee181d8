"""``[risk]``: the settings of the risk ladder, and of the elastic trailing stop, as these declare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ballast.config.keys import refuse_no_table
from ballast.config.schema import Config, RiskSection
from ballast.model.errors import ConfigError, nearest
from ballast.model.records import Parameter
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings, file_key, validate
from ballast.orders.polling import PollingSettings
from ballast.risk.settings import RiskSettings, risk_settings
from ballast.strategies.spec import Strategy, checked_values, plain

# Made by the decorator.
PARAMETERS: Mapping[str, Parameter] = RiskSettings.parameters  # type: ignore[attr-defined]
ELASTIC: Mapping[str, Parameter] = ElasticSettings.parameters  # type: ignore[attr-defined]
POLLING: Mapping[str, Parameter] = PollingSettings.parameters  # type: ignore[attr-defined]
_ELASTIC_TABLE = "elastic_trailing"


def risk_section(raw: Any, strategy: Strategy, *, is_margin: bool) -> RiskSection:
    """
    Check ``[risk]``; raises ``ConfigError``.

    On margin accounts every setting of the ladder is filled in; on others those that are given and the profile,
    because the margin rungs are absent there, not at their defaults. The elastic stop's are filled in where the file
    has its table, or the strategy carries such stops itself; the strategy's own keys of ``[risk]`` always.
    """
    refuse_no_table(raw, "risk")
    if strategy.carries_own_stops:
        raw = {_ELASTIC_TABLE: {}, **raw}
    own = strategy.keys_of_section("risk")
    known = (*PARAMETERS, *POLLING, *own, _ELASTIC_TABLE)
    for key in raw:
        if key not in known:
            raise ConfigError(f"risk.{key}: no such key of [risk]{nearest(key, known)}")
    polling = {key: raw[key] for key in raw if key in POLLING}
    if polling and _ELASTIC_TABLE not in raw:
        raise ConfigError(
            f"risk.{next(iter(polling))}: nothing trails without [risk.{_ELASTIC_TABLE}]; add it, or remove the key"
        )
    given = _checked({key: raw[key] for key in raw if key in PARAMETERS})
    effective = risk_settings(given, has_margin=is_margin)
    keys = PARAMETERS if is_margin else {"profile": None, **given}
    settings = {key: plain(PARAMETERS[key], effective[key]) for key in keys}
    given = checked_values({key: raw[key] for key in raw if key in own}, own, "risk", "of [risk]")
    of_strategy = {key: plain(one, given.get(key, one.default)) for key, one in own.items()}
    if _ELASTIC_TABLE not in raw:
        return RiskSection(settings=settings, of_strategy=of_strategy)
    looks = _polling(polling)
    return RiskSection(
        settings=settings,
        of_strategy=of_strategy,
        elastic_trailing=_elastic_table(raw[_ELASTIC_TABLE]),
        polling={key: plain(declared, looks[key]) for key, declared in POLLING.items()},
    )


def risk_settings_of(config: Config) -> Any:
    """Return the ``RiskSettings`` record of a configuration."""
    return risk_settings(_checked(config.risk.settings), has_margin=config.account.is_margin)


def elastic_settings_of(config: Config) -> Any:
    """Return the ``ElasticSettings`` record of a configuration; None where nothing trails."""
    table = config.risk.elastic_trailing
    return None if table is None else _elastic(table)


def polling_settings_of(config: Config) -> Any:
    """Return the ``PollingSettings`` record of a configuration; its defaults where nothing trails."""
    return _polling(config.risk.polling)


def _checked(values: Mapping[str, Any]) -> dict[str, float | int | bool]:
    return checked_values(values, PARAMETERS, "risk", "of [risk]")


def _elastic_table(raw: Any) -> dict[str, Any]:
    path = f"risk.{_ELASTIC_TABLE}"
    refuse_no_table(raw, path)
    settings = _elastic(raw)
    if settings.mode != ElasticMode.RECONCILED:
        if raw.get("max_peak_lock_mode") == "then_elastic":
            raise ConfigError(
                f'{path}.max_peak_lock_mode = "then_elastic": mode = "{raw["mode"]}" always caps; remove the key, '
                'or set mode = "reconciled"'
            )
        return {key: plain(one, settings[key]) for key, one in ELASTIC.items() if key != "max_peak_lock_mode"}
    return {key: plain(one, settings[key]) for key, one in ELASTIC.items()}


def _elastic(raw: Mapping[str, Any]) -> Any:
    settings = ElasticSettings.new()  # type: ignore[attr-defined]
    for key, value in checked_values(raw, ELASTIC, f"risk.{_ELASTIC_TABLE}", f"of [risk.{_ELASTIC_TABLE}]").items():
        setattr(settings, key, value)
    validate(settings, file_key)
    return settings


def _polling(raw: Mapping[str, Any]) -> Any:
    settings = PollingSettings.new()  # type: ignore[attr-defined]
    for key, value in checked_values(raw, POLLING, "risk", "of [risk]").items():
        setattr(settings, key, value)
    return settings
