"""From the sections of a file to what guards a run, and to the sentences that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ballast.config.load import strategy_of
from ballast.config.operator_sections import HalalSection, TradingSection
from ballast.config.risk import ELASTIC, elastic_settings_of, polling_settings_of
from ballast.config.schema import Config
from ballast.engine.guarding import Guards
from ballast.model.durations import MINUTE_NS
from ballast.orders.elastic_settings import file_key, unread
from ballast.risk.compliance import EntryFacts, Swap
from ballast.risk.symbol_policy import SymbolKind, read_symbol
from ballast.strategies.spec import plain


class CalendarSource(Protocol):
    """The economic calendar as read for a run; see ``data.run_calendar.RunCalendar``."""

    @property
    def releases(self) -> Any:
        """Array of ``Release``, ascending in time."""

    @property
    def state(self) -> Any:
        """A ``CalendarState``."""

    @property
    def currencies(self) -> tuple[int, ...]:
        """The bits that concern each symbol."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the calendar does not know."""


def guards_of(config: Config, calendar: CalendarSource | None, *, interval_ns: int, latency_ns: int) -> Guards | None:
    """
    Return what guards a run over bars of ``interval_ns``; None where nothing does.

    ``calendar`` is what was read for ``[news]``, None without that section. Positions are closed before the rollover
    early enough that the order fills before it: bars have a price every third of their length.
    """
    given: dict[str, Any] = {}
    symbols = config.data.symbols
    if config.trading is not None:
        given["listing"] = [config.trading.listing(symbol) for symbol in symbols]
        given["spreads"] = config.trading.spread_limits
        given["own_max_points"] = [config.trading.symbol_max_spread_points.get(symbol, 0.0) for symbol in symbols]
        given["is_crypto"] = [read_symbol(symbol).kind == SymbolKind.CRYPTO for symbol in symbols]
    if config.news is not None:
        assert calendar is not None
        given |= {"news": config.news.limits, "calendar": calendar.state}
        given |= {"releases": calendar.releases, "currencies": calendar.currencies}
    if _is_screened(config):
        assert config.halal is not None
        limits = config.halal.limits
        limits.rollover_lead_ns = _lead_ns(config.halal, interval_ns, latency_ns)
        given["compliance"] = limits
        given["entry"] = [_entry_facts(config, config.halal, symbol) for symbol in symbols]
    if config.supervisor is not None:
        given["supervision"] = config.supervisor.limits
    if _is_trailed(config):
        given |= {"elastic": elastic_settings_of(config), "pace": polling_settings_of(config)}
    return Guards(**given) if given else None


def guard_sentences(
    config: Config, calendar: CalendarSource | None, *, interval_ns: int, latency_ns: int
) -> Iterator[str]:
    """Yield what the guards of a run over bars take for granted."""
    if calendar is not None:
        yield from calendar.assumptions
    yield from _screen_sentences(config)
    if _is_screened(config) and config.halal is not None and config.halal.no_overnight_holds:
        minutes = _lead_ns(config.halal, interval_ns, latency_ns) / MINUTE_NS
        yield (
            f"Positions are closed, and none is opened, from {minutes:g} minutes before {config.halal.rollover_time} "
            "UTC on; one that the market closes over is closed at the next price."
        )
    if config.supervisor is not None:
        yield "The supervisor counts orders that the venue refuses; in a backtest nobody clears what it halts."
    if _is_trailed(config):
        yield "An elastic stop follows every position; it is looked at at closes and wakes, and rests at the venue."
    yield from _elastic_sentences(config)


def _screen_sentences(config: Config) -> Iterator[str]:
    """Yield what the compliance screen overrules, or that it is off."""
    if config.halal is not None and not config.halal.enabled:
        yield "The compliance screen is off: halal.enabled = false."
    chance = (config.trading or TradingSection()).randomness_factor
    if _is_screened(config) and strategy_of(config).decides_in_cycles and chance > 0.0:
        yield f"The compliance screen leaves nothing to chance: trading.randomness_factor = {chance:g} counts as 0."


def _elastic_sentences(config: Config) -> Iterator[str]:
    """Yield which settings of the elastic stop its mode, or its being off, leaves without a meaning."""
    table = config.risk.elastic_trailing
    if table is None:
        return
    settings = elastic_settings_of(config)
    for name in unread(settings):
        if name in table and table[name] != plain(ELASTIC[name], ELASTIC[name].default):
            other = f'mode = "{table["mode"]}"' if settings.enabled else "enabled = false"
            yield f"{file_key(name)} = {table[name]} counts for nothing: {other} does not read it."


def _is_screened(config: Config) -> bool:
    return config.halal is not None and config.halal.enabled


def _is_trailed(config: Config) -> bool:
    return config.risk.elastic_trailing is not None and not strategy_of(config).carries_own_stops


def _lead_ns(section: HalalSection, interval_ns: int, latency_ns: int) -> int:
    return max(int(section.limits.rollover_lead_ns), -(-interval_ns // 3)) + latency_ns


def _entry_facts(config: Config, section: HalalSection, symbol: str) -> Any:
    """Return what is known of a symbol: coins that are owned charge no swap, whatever is held on margin may."""
    facts = EntryFacts.new()  # type: ignore[attr-defined]
    facts.is_listed = section.lists(symbol)
    is_free = config.account.kind == "spot" or symbol in section.swap_free_symbols
    facts.swap = Swap.NONE if is_free else Swap.CHARGED
    facts.is_fully_tradeable = True
    facts.is_swap_free_account = section.swap_free_account
    return facts
