"""``[risk]``: the settings of the risk ladder, as the ladder declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ballast.config.keys import refuse_no_table
from ballast.config.schema import Config, RiskSection
from ballast.model.records import Parameter
from ballast.risk.settings import RiskSettings, risk_settings
from ballast.strategies.spec import checked_values, plain

PARAMETERS: Mapping[str, Parameter] = RiskSettings.parameters  # type: ignore[attr-defined]  # Made by the decorator.


def risk_section(raw: Any, *, is_margin: bool) -> RiskSection:
    """
    Check ``[risk]``; raises ``ConfigError``.

    On margin accounts every setting is filled in; on others those that are given and the profile, because the
    margin rungs are absent there, not at their defaults.
    """
    refuse_no_table(raw, "risk")
    given = _checked(raw)
    effective = risk_settings(given, has_margin=is_margin)
    keys = PARAMETERS if is_margin else {"profile": None, **given}
    return RiskSection(settings={key: plain(PARAMETERS[key], effective[key]) for key in keys})


def risk_settings_of(config: Config) -> Any:
    """Return the ``RiskSettings`` record of a configuration."""
    return risk_settings(_checked(config.risk.settings), has_margin=config.account.is_margin)


def _checked(values: Mapping[str, Any]) -> dict[str, float | int | bool]:
    return checked_values(values, PARAMETERS, "risk", "of [risk]")
