"""The settings object has the cascade's settings, no more and no fewer, and checks them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from ballast import RebalanceConfig
from ballast.model.errors import ConfigError
from ballast.strategies.registry import load

PARAMETERS = load("cascade").parameters


def test_the_documented_defaults_are_the_defaults() -> None:
    config = RebalanceConfig()
    documented = {
        "upside_threshold": 0.40,
        "downside_threshold": 0.35,
        "sell_percentage": 0.20,
        "usdt_reserve": 0.30,
        "min_order_value": 15.0,
        "cooldown_minutes": 30.0,
        "max_position_pct": 0.40,
        "min_position_pct": 0.15,
        "initial_capital": 10_000.0,
        "trading_fee": 0.001,
    }
    assert {name: getattr(config, name) for name in documented} == documented


def test_it_has_every_setting_of_the_strategy_in_order() -> None:
    names = [field.name for field in fields(RebalanceConfig)]
    assert names == [*PARAMETERS, "initial_capital", "trading_fee"]


def test_types_and_defaults_are_those_of_the_strategy() -> None:
    hints = get_type_hints(RebalanceConfig)
    for name, parameter in PARAMETERS.items():
        if parameter.choices is None:
            assert hints[name] is type(parameter.default), name
            assert getattr(RebalanceConfig(), name) == parameter.default, name
        else:
            assert set(hints[name].__args__) == {choice.name.lower() for choice in parameter.choices}, name


def test_the_strategy_takes_what_it_gives() -> None:
    settings = RebalanceConfig(sell_percentage=0.5, profile="documented", confirm_closes=3).strategy_settings()
    params = load("cascade").params(settings, 3)
    assert (params.sell_percentage, params.profile, params.confirm_closes) == (0.5, 1, 3)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"upside_threshold": -0.1}, "upside_threshold = -0.1"),
        ({"downside_threshold": 35}, "did you mean 0.35"),
        ({"profile": "documentd"}, "did you mean 'documented'"),
        ({"confirm_closes": 1.5}, "whole number"),
        ({"trend_filter": "yes"}, "expected true or false"),
    ],
)
def test_a_value_that_cannot_be_is_refused_where_it_is_written(settings: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        RebalanceConfig(**settings)
    with pytest.raises(ConfigError, match=hint):
        replace(RebalanceConfig(), **settings)


def test_help_says_what_every_setting_means() -> None:
    text = RebalanceConfig.__doc__ or ""
    assert [
        name for name, parameter in PARAMETERS.items() if f"{name} : " not in text or parameter.doc not in text
    ] == []
