"""Which settings contradict each other, and what a profile changes."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.model.enums import PanicTakeProfit
from ballast.model.errors import ConfigError
from ballast.risk.settings import Profile, RiskSettings, risk_settings


def test_the_safe_defaults_keep_both_documented_numbers_in_the_right_order() -> None:
    settings = risk_settings({}, has_margin=True)
    assert (settings.early_freeze_mult, settings.panic_mult) == (3.0, 1.5)
    assert settings.panic_tp_policy == PanicTakeProfit.KEEP_ALL
    assert settings.max_account_drawdown == 0.20


def test_the_documented_profile_has_the_originals_numbers() -> None:
    settings = risk_settings({"profile": int(Profile.DOCUMENTED)}, has_margin=True)
    assert (settings.early_freeze_mult, settings.panic_mult) == (1.5, 3.0)
    assert settings.panic_tp_policy == PanicTakeProfit.CANCEL_HEAVIER
    assert settings.max_account_drawdown == 0.0


def test_what_is_given_stands_over_the_profile() -> None:
    settings = risk_settings({"profile": int(Profile.DOCUMENTED), "panic_mult": 2.5}, has_margin=True)
    assert settings.panic_mult == 2.5


def test_without_margin_no_limit_is_on_unless_it_is_given() -> None:
    assert risk_settings({}, has_margin=False).max_account_drawdown == 0.0
    assert risk_settings({"max_account_drawdown": 0.3}, has_margin=False).max_account_drawdown == 0.3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"early_freeze_mult": 1.5}, "risk.early_freeze_mult = 1.5: must be above panic_mult = 1.5"),
        ({"panic_mult": 4.0}, "risk.early_freeze_mult = 3: must be above panic_mult = 4"),
        ({"im_error_pct": 30.0}, "risk.im_warn_pct = 30: must be above im_error_pct = 30"),
        ({"mm_rate_threshold": 40.0}, "risk.mm_rate_threshold = 40: must be above mm_warn_pct = 50"),
        ({"drawdown_limit": 0.25}, "risk.max_account_drawdown = 0.2: must be above drawdown_limit = 0.25"),
        ({"imbalance_ratio": 1.05}, "risk.hysteresis = 1.1: an imbalance above 1.05 could never end"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        risk_settings(values, has_margin=True)
    assert str(refused.value).startswith(words)


def test_limits_that_are_off_are_in_no_order() -> None:
    assert risk_settings({"drawdown_limit": 0.05, "max_account_drawdown": 0.0}, has_margin=True).drawdown_limit == 0.05


PARAMETERS: dict[str, Any] = RiskSettings.parameters  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", PARAMETERS)
def test_every_key_says_what_it_does_and_in_which_unit(key: str) -> None:
    parameter = PARAMETERS[key]
    assert parameter.doc.endswith(".")
    words = {"_pct": "percent", "_s": "seconds", "_mult": "multiple of N", "_bps": "bps"}
    for suffix, unit in words.items():
        assert not key.endswith(suffix) or parameter.unit == unit
    if parameter.unit == "fraction" and not parameter.exclusive_minimum:
        assert parameter.maximum <= 1.0
