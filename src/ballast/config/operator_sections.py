"""
The sections for operators: news, compliance, supervisor, logs, and what may be traded when.

Their ranges are drawn so that every guard can be set and none can be switched off: there is no test mode in which
less is checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from ballast.config.declarations import Section, key
from ballast.model.durations import HOUR_NS, MINUTE_NS
from ballast.model.errors import ConfigError
from ballast.model.ports import Impact
from ballast.risk.compliance import ComplianceLimits
from ballast.risk.news import NewsLimits, currencies_of
from ballast.risk.supervisor import ERRORS_KEPT, SupervisorLimits
from ballast.risk.symbol_policy import EXOTIC, PolicyVerdict, SpreadLimits, listing_verdict

_STAGED = "staged entries"


class NewsSection(Section, frozen=True, kw_only=True):
    """Scheduled releases, around which nothing new is entered. Exits and trailing stops go on."""

    calendar: Annotated[
        str | None,
        key("Economic calendar, JSON or iCalendar: a file or an https URL. Must be given."),
    ] = None
    block_window_minutes: Annotated[
        int, key("How long before and after a release, inclusive.", unit="minutes", ge=1, le=240, source=_STAGED)
    ] = 10
    min_impact: Annotated[Literal["low", "medium", "high"], key("The least impact that blocks.", source=_STAGED)] = (
        "high"
    )
    fail_mode: Annotated[
        Literal["block", "allow"],
        key("What a calendar that is missing, too old or unreadable means for symbols that follow a currency."),
    ] = "block"
    max_age_hours: Annotated[
        float, key("Age from which a calendar is too old.", unit="hours", gt=0, le=24, source=_STAGED)
    ] = 24.0
    refresh_minutes: Annotated[
        int,
        key(
            "Time between two looks at the calendar; a backtest looks once.",
            unit="minutes",
            ge=1,
            le=1_440,
            source=_STAGED,
        ),
    ] = 15
    crypto_follows: Annotated[
        tuple[str, ...], key("Currencies whose releases block crypto, too; crypto is exempt without them.")
    ] = ()
    follows: Annotated[
        dict[str, str],
        key('Currencies of single symbols, in place of those that the name tells: `{GER40 = "EUR USD"}`.'),
    ] = msgspec.field(default_factory=dict)
    covers_start: Annotated[
        datetime | None,
        key("For a calendar of past days: complete from here, inclusive. Its age then says nothing.", unit="UTC"),
    ] = None
    covers_end: Annotated[datetime | None, key("Complete until here, exclusive.", unit="UTC")] = None

    def __post_init__(self) -> None:
        _refuse_no_currency("news.crypto_follows", self.crypto_follows)
        for symbol, names in self.follows.items():
            _refuse_no_currency(f"news.follows.{symbol}", _words(names))
        if (self.covers_start is None) != (self.covers_end is None):
            raise ConfigError("news.covers_start, news.covers_end: one is missing; give both, or neither")
        if self.covers_start is not None and self.covers_end is not None and self.covers_start >= self.covers_end:
            raise ConfigError(
                f"news.covers_start = {self.covers_start.isoformat()}: not before news.covers_end = "
                f"{self.covers_end.isoformat()}; widen the window"
            )

    @property
    def limits(self) -> Any:
        """The ``NewsLimits`` of this section."""
        limits = NewsLimits.new()  # type: ignore[attr-defined]
        limits.window_ns = self.block_window_minutes * MINUTE_NS
        limits.max_age_ns = int(self.max_age_hours * HOUR_NS)
        limits.min_impact = Impact[self.min_impact.upper()]
        limits.blocks_unknown = self.fail_mode == "block"
        return limits

    @property
    def recorded(self) -> tuple[int, int] | None:
        """The window of a calendar of past days, ns UTC, start inclusive; None for one that is kept up to date."""
        if self.covers_start is None or self.covers_end is None:
            return None
        return int(self.covers_start.timestamp()) * 10**9, int(self.covers_end.timestamp()) * 10**9

    def followed(self, symbols: Sequence[str]) -> tuple[frozenset[str], ...]:
        """Return the currencies whose releases block each symbol."""
        own = {symbol: frozenset(_words(text.upper())) for symbol, text in self.follows.items()}
        crypto = {name.upper() for name in self.crypto_follows}
        return tuple(currencies_of(symbol, crypto=crypto, overrides=own) for symbol in symbols)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _refuse_no_currency(path: str, names: Sequence[str]) -> None:
    for name in names:
        if not re.fullmatch("[A-Za-z]{3}", name):
            raise ConfigError(f'{path} = "{name}": not a currency; write its three letters, such as USD')


class HalalSection(Section, frozen=True, kw_only=True):
    """The compliance screen: no swap, nothing held over night, nothing left to chance."""

    enabled: Annotated[
        bool, key("Whether the account is screened, as by the section alone. A result says that it is off.")
    ] = True
    swap_free_mode: Annotated[
        bool, key("Enter only what charges no swap: by the symbol, or on a swap-free account.", source=_STAGED)
    ] = True
    no_overnight_holds: Annotated[bool, key("Close before each rollover.", source=_STAGED)] = True
    max_hold_hours: Annotated[
        float, key("Age at which a position is closed.", unit="hours", gt=0, le=8_760, source=_STAGED)
    ] = 24.0
    rollover_time: Annotated[
        str, key("Time of day of the broker's rollover.", unit="UTC", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]\\Z")
    ] = "00:00"
    close_before_rollover_minutes: Annotated[
        int,
        key("How long before the rollover positions are closed, and nothing is entered.", unit="minutes", ge=1, le=240),
    ] = 10
    allowed_symbols: Annotated[tuple[str, ...], key("The only symbols that may be entered; empty for all.")] = ()
    swap_free_account: Annotated[
        bool, key("The broker charges this account no swap. Spot accounts need not say so: they own what they hold.")
    ] = False
    swap_free_symbols: Annotated[tuple[str, ...], key("Symbols on which nobody is charged swap.")] = ()
    demo_leniency: Annotated[
        bool,
        key(
            "Let swap pass on accounts that are proven to be demo accounts; every such entry is noted. A backtest is "
            "none."
        ),
    ] = False

    @property
    def limits(self) -> Any:
        """The ``ComplianceLimits`` of this section."""
        limits = ComplianceLimits.new()  # type: ignore[attr-defined]
        hours, minutes = self.rollover_time.split(":")
        limits.is_on = self.enabled
        limits.is_swap_free_required = self.swap_free_mode
        limits.forbids_overnight = self.no_overnight_holds
        limits.is_lenient_on_demo = self.demo_leniency
        limits.max_hold_ns = int(self.max_hold_hours * HOUR_NS)
        limits.rollover_ns = int(hours) * HOUR_NS + int(minutes) * MINUTE_NS
        limits.rollover_lead_ns = self.close_before_rollover_minutes * MINUTE_NS
        return limits

    def lists(self, symbol: str) -> bool:
        """Tell whether a symbol may be entered by its name."""
        return not self.allowed_symbols or symbol in self.allowed_symbols


class SupervisorSection(Section, frozen=True, kw_only=True):
    """Errors that pile up halt new trades until the operator clears the halt. Exits and trailing stops go on."""

    kill_switch_enabled: Annotated[
        bool,
        key("Always true; a file that says false is refused, because no guard can be switched off.", source=_STAGED),
    ] = True
    max_consecutive_errors: Annotated[
        int,
        key(
            "Errors of one class, without a success between, that halt; for a symbol's data, that halt the symbol.",
            unit="errors",
            ge=1,
            le=50,
            source=_STAGED,
        ),
    ] = 5
    max_mixed_errors: Annotated[
        int, key("Errors of any class within `mixed_window_minutes` that halt.", unit="errors", ge=1, le=ERRORS_KEPT)
    ] = 10
    mixed_window_minutes: Annotated[int, key("Stretch over which they count.", unit="minutes", ge=1, le=1_440)] = 10
    error_cooldown_minutes: Annotated[
        int, key("How long after an error nothing new is entered.", unit="minutes", ge=1, le=1_440, source=_STAGED)
    ] = 15

    def __post_init__(self) -> None:
        if not self.kill_switch_enabled:
            raise ConfigError(
                "supervisor.kill_switch_enabled = false: no guard can be switched off; remove the key, or raise "
                "max_consecutive_errors and max_mixed_errors"
            )

    @property
    def limits(self) -> Any:
        """The ``SupervisorLimits`` of this section."""
        limits = SupervisorLimits.new()  # type: ignore[attr-defined]
        limits.max_consecutive = self.max_consecutive_errors
        limits.max_mixed = self.max_mixed_errors
        limits.mixed_window_ns = self.mixed_window_minutes * MINUTE_NS
        limits.cooldown_ns = self.error_cooldown_minutes * MINUTE_NS
        return limits


class LoggingSection(Section, frozen=True, kw_only=True):
    """Logs for the operator, as text and as JSON, one file a UTC day."""

    root_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING"], key("The least that the root log holds.", source=_STAGED)
    ] = "INFO"
    root_log_dir: Annotated[
        str, key("Directory of the root log, `ballast_YYYY-MM-DD`. A relative path starts at the configuration file.")
    ] = "logs"
    symbol_log_level: Annotated[
        Literal["DEBUG", "INFO"], key("The least that the symbols' logs hold.", source=_STAGED)
    ] = "DEBUG"
    symbol_log_dir: Annotated[
        str, key("Directory of the symbols' logs, `{SYMBOL}_YYYY-MM-DD`. Relative as above.", source=_STAGED)
    ] = "logs/symbols"
    retention_days: Annotated[
        int, key("How many days are kept, today among them.", unit="days", ge=1, le=3_650, source=_STAGED)
    ] = 14
    max_open_files: Annotated[int, key("How many symbols' files are open at once.", unit="files", ge=2, le=512)] = 64


class TradingSection(Section, frozen=True, kw_only=True):
    """When decisions are made, and which symbols may be entered."""

    cycle_interval_seconds: Annotated[
        int, key("Time between two looks at the market.", unit="seconds", ge=1, le=86_400, source=_STAGED)
    ] = 30
    randomness_factor: Annotated[
        float,
        key(
            "Share of entries that are skipped at random; 0 under `[halal]`.",
            unit="fraction",
            ge=0,
            le=1,
            source=_STAGED,
        ),
    ] = 0.05
    allowed_symbols: Annotated[tuple[str, ...], key("The only symbols that may be entered; empty for all.")] = ()
    denied_symbols: Annotated[tuple[str, ...], key("Symbols that may not be entered, whatever else says so.")] = ()
    exotic_currencies: Annotated[tuple[str, ...], key("Currencies whose pairs may not be entered.", source=_STAGED)] = (
        EXOTIC
    )
    max_spread_points: Annotated[
        float,
        key("Widest spread of an entry, except for crypto.", unit="points", gt=0, le=10_000, source=_STAGED),
    ] = 15.0
    symbol_max_spread_points: Annotated[
        dict[str, float],
        key("The same for single symbols: `{XAUUSD = 40.0}`.", unit="points", gt=0, le=10_000),
    ] = msgspec.field(default_factory=dict)
    crypto_max_spread: Annotated[
        float, key("Widest spread of an entry in crypto, of the bid.", unit="fraction", gt=0, le=0.1, source=_STAGED)
    ] = 0.02
    max_spread_of_stop: Annotated[
        float,
        key("Widest spread of an entry, of the distance to its stop.", unit="fraction", gt=0, le=0.5, source=_STAGED),
    ] = 0.10

    def __post_init__(self) -> None:
        _refuse_no_currency("trading.exotic_currencies", self.exotic_currencies)

    @property
    def spread_limits(self) -> Any:
        """The ``SpreadLimits`` of this section."""
        limits = SpreadLimits.new()  # type: ignore[attr-defined]
        limits.max_points = self.max_spread_points
        limits.max_bid_fraction = self.crypto_max_spread
        limits.max_stop_fraction = self.max_spread_of_stop
        return limits

    def listing(self, symbol: str) -> PolicyVerdict:
        """Judge a symbol by its name."""
        exotic = [name.upper() for name in self.exotic_currencies]
        return listing_verdict(symbol, allowed=self.allowed_symbols, denied=self.denied_symbols, exotic=exotic)


OPERATOR_SECTIONS: dict[str, type[Section]] = {
    "trading": TradingSection,
    "news": NewsSection,
    "halal": HalalSection,
    "supervisor": SupervisorSection,
    "logging": LoggingSection,
}
