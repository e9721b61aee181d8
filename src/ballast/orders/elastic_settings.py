"""Settings of the elastic trailing stop, and which of them cannot work together."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from ballast.model.errors import ConfigError
from ballast.model.records import parameter, record
from ballast.orders.fixed_point import LARGEST_AMOUNT

SMALLEST = 1e-8


class ElasticMode(IntEnum):
    """RECONCILED lets a trade breathe; LITERAL follows the published guide, ORIGINAL the program that it describes."""

    RECONCILED = 0
    LITERAL = 1
    ORIGINAL = 2


class MaxPeakLockMode(IntEnum):
    """What follows ``max_peak_lock_usd``: the elastic line once it has passed it, or nothing."""

    THEN_ELASTIC = 0
    CAP = 1


@record
class ElasticSettings:
    """Settings of the elastic stop. Amounts are profits of one position, net of its costs, in account currency."""

    enabled: bool = parameter(
        True, "Off leaves the plain ladder: one increment behind the profit, three quarters of it after a big jump."
    )
    pullback_tolerance_pct: float = parameter(
        0.40, "Part of the peak profit that may be given back.", unit="fraction", minimum=0, maximum=1
    )
    min_lock_increment_usd: float = parameter(
        0.10,
        "Step of the ladder. Nothing is locked below the first step.",
        unit="account currency",
        minimum=SMALLEST,
        maximum=LARGEST_AMOUNT,
    )
    big_jump_threshold_usd: float = parameter(
        0.40, "A rise of more than this is a jump.", unit="account currency", minimum=0, maximum=LARGEST_AMOUNT
    )
    big_jump_lock_margin_usd: float = parameter(
        0.10,
        "`reconciled` locks this much above the level before the jump; `literal` this much below the peak.",
        unit="account currency",
        minimum=0,
        maximum=LARGEST_AMOUNT,
    )
    max_peak_lock_usd: float = parameter(
        0.80,
        "What is locked once the peak has reached `max_peak_threshold_usd`.",
        unit="account currency",
        minimum=0,
        maximum=LARGEST_AMOUNT,
    )
    max_peak_threshold_usd: float = parameter(
        1.00,
        "Peak profit from which `max_peak_lock_usd` counts.",
        unit="account currency",
        minimum=0,
        maximum=LARGEST_AMOUNT,
    )
    max_peak_lock_mode: int = parameter(
        MaxPeakLockMode.THEN_ELASTIC,
        "Whether the elastic line may pass `max_peak_lock_usd`. `literal` and `original` always cap.",
        choices=MaxPeakLockMode,
    )
    mode: int = parameter(
        ElasticMode.RECONCILED,
        "`literal` and `original` reproduce the source, which its own example stops out; for comparison.",
        choices=ElasticMode,
    )
    jump_window_seconds: float = parameter(
        3.0,
        "A jump is measured against a profit at most this old; the other modes take the sample before, of any age.",
        unit="seconds",
        minimum=0.001,
        maximum=86_400,
    )
    min_lock_move_usd: float = parameter(
        0.01,
        "A lock moves by at least this much; the first always moves. `reconciled` alone reads it.",
        unit="account currency",
        minimum=0,
        maximum=LARGEST_AMOUNT,
    )
    lowest_lock_usd: float = parameter(
        -2.00,
        "A stop that the market's distance rule would push below this is not placed.",
        unit="account currency",
        minimum=-LARGEST_AMOUNT,
        maximum=0,
    )
    max_missed_moves: int = parameter(3, "Refused moves in a row that raise an alarm.", unit="moves", minimum=1)


_OF_RECONCILED = ("max_peak_lock_mode", "jump_window_seconds", "min_lock_move_usd")
_NOT_OF_ORIGINAL = ("big_jump_lock_margin_usd", "max_peak_threshold_usd")
_OF_ELASTIC_LINE = (
    *("pullback_tolerance_pct", "big_jump_lock_margin_usd", "max_peak_lock_usd", "max_peak_threshold_usd"),
    "max_peak_lock_mode",
)


def unread(settings: ElasticSettings) -> tuple[str, ...]:
    """Return the keys that change nothing under these settings, whatever they say."""
    keys = {
        ElasticMode.RECONCILED: (),
        ElasticMode.LITERAL: _OF_RECONCILED,
        ElasticMode.ORIGINAL: _OF_RECONCILED + _NOT_OF_ORIGINAL,
    }[ElasticMode(settings.mode)]
    return keys if settings.enabled else tuple(dict.fromkeys(keys + _OF_ELASTIC_LINE))


def file_key(key: str) -> str:
    """Return a setting's key as a configuration file spells it."""
    return f"risk.elastic_trailing.{key}"


def validate(settings: ElasticSettings, spell: Callable[[str], str] = file_key) -> None:
    """
    Refuse settings that would lock more than the peak.

    Raises ``ConfigError`` naming the keys as ``spell`` writes them.
    """
    if settings.mode != ElasticMode.RECONCILED:
        return
    if settings.max_peak_lock_usd > settings.max_peak_threshold_usd:
        raise ConfigError(
            f"{spell('max_peak_lock_usd')} = {settings.max_peak_lock_usd:g}: cannot be locked at a peak of "
            f"{settings.max_peak_threshold_usd:g}; use at most {spell('max_peak_threshold_usd')}"
        )
    if settings.big_jump_lock_margin_usd > settings.big_jump_threshold_usd:
        raise ConfigError(
            f"{spell('big_jump_lock_margin_usd')} = {settings.big_jump_lock_margin_usd:g}: a jump of "
            f"{settings.big_jump_threshold_usd:g} does not bring so much; use at most {spell('big_jump_threshold_usd')}"
        )
