"""The cascade's settings as one object, under the names that its users know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

from ballast.strategies.registry import load
from ballast.strategies.spec import checked

_CASCADE = load("cascade")
_ACCOUNT = {
    "initial_capital": "Cash at the start, quote currency.",
    "trading_fee": "Fee of every fill, a fraction of its notional.",
}


def _default(name: str) -> Any:
    """Return the strategy's own default, so that there is one of each."""
    parameter = _CASCADE.parameters[name]
    return parameter.default if parameter.choices is None else parameter.choices(int(parameter.default)).name.lower()


@dataclass(frozen=True, kw_only=True)
class RebalanceConfig:
    """
    Settings of the threshold cascade.

    Raises ``ConfigError`` for a value of the wrong type or out of range; fractions are written as fractions.
    """

    upside_threshold: float = _default("upside_threshold")
    downside_threshold: float = _default("downside_threshold")
    sell_percentage: float = _default("sell_percentage")
    usdt_reserve: float = _default("usdt_reserve")
    min_order_value: float = _default("min_order_value")
    cooldown_minutes: float = _default("cooldown_minutes")
    max_position_pct: float = _default("max_position_pct")
    min_position_pct: float = _default("min_position_pct")
    min_usdt_reserve_pct: float = _default("min_usdt_reserve_pct")
    redistribute_shortfall: bool = _default("redistribute_shortfall")
    profile: Literal["recommended", "documented"] = _default("profile")
    trend_filter: bool = _default("trend_filter")
    trend_window_hours: float = _default("trend_window_hours")
    trend_short_hours: float = _default("trend_short_hours")
    trend_strength: float = _default("trend_strength")
    trend_max_veto_hours: float = _default("trend_max_veto_hours")
    trim_over_max: bool = _default("trim_over_max")
    refill_reserve: bool = _default("refill_reserve")
    stop_averaging_below: float = _default("stop_averaging_below")
    max_events_per_day: int = _default("max_events_per_day")
    confirm_closes: int = _default("confirm_closes")
    initial_capital: float = 10_000.0
    trading_fee: float = 0.001

    def __post_init__(self) -> None:
        for name, value in self.strategy_settings().items():
            checked(name, _CASCADE.parameters[name], value)

    def strategy_settings(self) -> dict[str, Any]:
        """Return what ``[strategy]`` of a configuration file would hold, without the name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _ACCOUNT}


def _described() -> Iterator[str]:
    for name, parameter in _CASCADE.parameters.items():
        unit = f" ({parameter.unit})" if parameter.unit else ""
        yield f"    {name} : {_default(name)!r}{unit}\n        {parameter.doc}"
    for name, meaning in _ACCOUNT.items():
        yield f"    {name}\n        {meaning}"


RebalanceConfig.__doc__ = "\n".join([
    (RebalanceConfig.__doc__ or "").rstrip(),
    "",
    "    Parameters",
    "    ----------",
    *_described(),
    "    ",
])
