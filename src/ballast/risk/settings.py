"""
What can be set about risk: every key of ``[risk]``, its profiles, and which settings contradict each other.

Keys keep the unit that their name says: ``_pct`` is percent, ``_s`` seconds, ``_mult`` a multiple of N, the
worst case of the next steps; limits on losses are fractions, 0 for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from ballast.model.enums import PanicTakeProfit
from ballast.model.errors import ConfigError
from ballast.model.records import parameter, record

LONGEST_ATR_PERIOD = 64
"""Bars for which the ladder has room."""


class Profile(IntEnum):
    """SAFE is the corrected ladder; DOCUMENTED the literal original, flaws included; OFF none at all."""

    SAFE = 0
    DOCUMENTED = 1
    OFF = 2


@record
class RiskSettings:
    """The settings of the risk ladder; see ``risk_settings`` for what a profile changes."""

    profile: int = parameter(
        int(Profile.SAFE),
        "`documented` reproduces the literal original, for comparison only, strategies that follow it included; "
        "`off` has no ladder at all.",
        choices=Profile,
    )
    early_freeze_mult: float = parameter(
        3.0, "FROZEN when available money A falls below this many N.", unit="multiple of N", minimum=1
    )
    panic_mult: float = parameter(
        1.5, "PANIC when available money A falls below this many N.", unit="multiple of N", minimum=1
    )
    hysteresis: float = parameter(
        1.10,
        "A threshold must be passed by this factor before its state ends.",
        unit="factor",
        minimum=1,
        maximum=2,
        exclusive_maximum=True,
    )
    freeze_dwell_s: float = parameter(
        10.0, "FROZEN ends when its causes have been gone for so long without a break.", unit="seconds", minimum=0
    )
    panic_exit_hold_s: float = parameter(
        60.0, "PANIC ends when its causes have been gone for so long without a break.", unit="seconds", minimum=0
    )
    imbalance_ratio: float = parameter(
        10.0, "One leg this many times the other counts as imbalance.", unit="ratio", minimum=1, exclusive_minimum=True
    )
    imbalance_available_pct: float = parameter(
        30.0,
        "Imbalance means PANIC only while A is below this part of equity.",
        unit="percent",
        minimum=1,
        maximum=100,
    )
    imbalance_hold_s: float = parameter(
        5.0, "Imbalance must last so long before it means PANIC.", unit="seconds", minimum=0
    )
    im_warn_pct: float = parameter(
        30.0, "Warn while A is below this part of equity.", unit="percent", minimum=0, maximum=100
    )
    im_error_pct: float = parameter(
        15.0, "Report an error while A is below this part of equity.", unit="percent", minimum=0, maximum=100
    )
    mm_warn_pct: float = parameter(
        50.0, "Warn while the account's maintenance margin rate is above this.", unit="percent", minimum=1, maximum=100
    )
    mm_rate_threshold: float = parameter(
        90.0,
        "EMERGENCY when the account's maintenance margin rate reaches this.",
        unit="percent",
        minimum=1,
        maximum=100,
    )
    max_side_margin_pct: float = parameter(
        50.0,
        "No raising order may take the margin of all long or of all short legs above this part of equity.",
        unit="percent",
        minimum=1,
        maximum=100,
    )
    panic_tp_policy: int = parameter(
        int(PanicTakeProfit.KEEP_ALL),
        "Take-profits in PANIC: keep them, or cancel those of the heavier leg.",
        choices=PanicTakeProfit,
    )
    panic_balance_fraction: float = parameter(
        0.80,
        "Part of the available balance that balancing may spend.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    panic_min_available_usd: float = parameter(
        1.0, "With less available than this nothing is balanced.", unit="quote currency", minimum=0
    )
    panic_balance_retry_s: float = parameter(60.0, "Time between two attempts at balancing.", unit="seconds", minimum=1)
    panic_max_mm_pct: float = parameter(
        70.0,
        "Balancing may not take the account's maintenance margin rate above this.",
        unit="percent",
        minimum=1,
        maximum=100,
    )
    panic_reduce_heavier: bool = parameter(
        False, "When money for half of the balancing is missing, reduce the heavier leg instead."
    )
    atr_bar_seconds: float = parameter(
        60.0, "Bars of the average true range; with coarser data its bars, scaled.", unit="seconds", minimum=1
    )
    atr_period: int = parameter(
        20, "Bars in the average true range.", unit="bars", minimum=1, maximum=LONGEST_ATR_PERIOD
    )
    wallet_max_age_s: float = parameter(
        5.0,
        "An older statement of the account means FROZEN; never less than 1.5 intervals of the feed.",
        unit="seconds",
        minimum=0,
        exclusive_minimum=True,
    )
    max_price_age_s: float = parameter(
        30.0,
        "An older price of a symbol at risk means FROZEN; never less than 1.5 intervals of the feed.",
        unit="seconds",
        minimum=0,
        exclusive_minimum=True,
    )
    account_mismatch_bps: float = parameter(
        10.0, "A larger gap between the venue's figures and our own means FROZEN.", unit="bps", minimum=0
    )
    daily_loss_limit: float = parameter(
        0.0,
        "FROZEN for the rest of the UTC day after this loss since its start; 0 for no limit.",
        unit="fraction",
        minimum=0,
        maximum=1,
        exclusive_maximum=True,
    )
    drawdown_limit: float = parameter(
        0.0,
        "FROZEN for the rest of the UTC day at this loss from the peak; 0 for no limit.",
        unit="fraction",
        minimum=0,
        maximum=1,
        exclusive_maximum=True,
    )
    max_account_drawdown: float = parameter(
        0.20,
        "EMERGENCY at this loss from the peak; 0 for no limit. On accounts without margin 0 unless given.",
        unit="fraction",
        minimum=0,
        maximum=1,
        exclusive_maximum=True,
    )


DOCUMENTED: Mapping[str, float] = MappingProxyType({
    "early_freeze_mult": 1.5,
    "panic_mult": 3.0,
    "hysteresis": 1.0,
    "freeze_dwell_s": 0.0,
    "imbalance_hold_s": 0.0,
    "panic_tp_policy": int(PanicTakeProfit.CANCEL_HEAVIER),
    "panic_balance_fraction": 1.0,
    "max_side_margin_pct": 100.0,
    "max_account_drawdown": 0.0,
})
"""What the documented profile says where it differs from the safe one. What its rules are is in ``ladder``."""

MARGIN_ONLY = ("max_account_drawdown",)
"""Limits that act on accounts without margin only where the configuration names them."""


def risk_settings(values: Mapping[str, float], *, has_margin: bool) -> Any:
    """
    Return a checked ``RiskSettings``: the given values over the profile's, over the defaults.

    ``values`` are as compiled code sees them (words already turned into their integers), each in its range.
    Raises ``ConfigError`` for settings that contradict each other.
    """
    settings = RiskSettings.new()  # type: ignore[attr-defined]
    absent: Mapping[str, float] = {} if has_margin else dict.fromkeys(MARGIN_ONLY, 0.0)
    documented = DOCUMENTED if values.get("profile") == Profile.DOCUMENTED else {}
    for key, value in {**absent, **documented, **values}.items():
        setattr(settings, key, value)
    validate(settings)
    return settings


def validate(settings: RiskSettings) -> None:
    """Refuse settings that contradict each other; the documented profile, flawed by nature, is exempt."""
    if settings.profile == Profile.DOCUMENTED:
        return
    _refuse_unordered(
        settings, "panic_mult", "early_freeze_mult", "the freeze that prevents a panic must come before it"
    )
    _refuse_unordered(settings, "im_error_pct", "im_warn_pct", "a warning must come before the error")
    _refuse_unordered(settings, "mm_warn_pct", "mm_rate_threshold", "a warning must come before the emergency")
    if settings.drawdown_limit > 0.0 and settings.max_account_drawdown > 0.0:
        _refuse_unordered(settings, "drawdown_limit", "max_account_drawdown", "freezing must come before closing")
    if settings.imbalance_ratio * (2.0 - settings.hysteresis) < 1.0:
        raise ConfigError(
            f"risk.hysteresis = {settings.hysteresis:g}: an imbalance above {settings.imbalance_ratio:g} could never "
            f"end, as no ratio is below 1; use at most {2.0 - 1.0 / settings.imbalance_ratio:.4g}"
        )


def _refuse_unordered(settings: RiskSettings, lower: str, upper: str, why: str) -> None:
    low, high = getattr(settings, lower), getattr(settings, upper)
    if low >= high:
        raise ConfigError(f"risk.{upper} = {high:g}: must be above {lower} = {low:g}; {why}")
