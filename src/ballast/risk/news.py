"""
The news filter: no new trades around releases that move the currencies of a symbol.

1. A release blocks from ``window_ns`` before it to ``window_ns`` after it, both inclusive.
2. A symbol is blocked by the releases of its own currencies only. Gold and indices follow USD, crypto is exempt unless
   it is told to follow some currency.
3. A calendar that is missing, old, or does not reach over the whole window is unknown: ``blocks_unknown`` decides.
   Releases that it does hold block all the same.
4. What does not raise exposure always passes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.durations import HOUR_NS, MINUTE_NS
from ballast.model.errors import ConfigError
from ballast.model.ports import ALL_CURRENCIES, Impact, NewsCalendar
from ballast.model.records import record
from ballast.risk.symbol_policy import FIAT, STABLECOINS, SymbolKind, read_symbol

MAX_CURRENCIES = 62
"""How many currencies one set can hold: the bits of an int64 without its sign."""
NO_SYMBOL = 0
"""The currencies of a symbol that no release concerns."""


class NewsVerdict(IntEnum):
    """Why a new trade must wait; the ``CALENDAR_`` words say what is wrong with the calendar."""

    PASS = 0
    RELEASE_NEAR = 100
    CALENDAR_MISSING = 101
    CALENDAR_OLD = 102
    CALENDAR_EMPTY = 103
    CALENDAR_MALFORMED = 104
    CALENDAR_IN_LOCAL_TIME = 105
    CALENDAR_TOO_SHORT = 106


@record
class NewsLimits:
    """What blocks, and for how long. ``max_age_ns`` is inclusive."""

    window_ns: int = 10 * MINUTE_NS
    max_age_ns: int = 24 * HOUR_NS
    min_impact: int = Impact.HIGH
    blocks_unknown: bool = True


@record
class Release:
    """One release; ``currencies`` is a set of bits as ``currency_bits`` numbers them."""

    time_ns: int
    currencies: int
    impact: int


@record
class CalendarState:
    """
    What is known about the calendar in use.

    ``as_of_ns`` 0: there is none. ``fault`` is what was wrong with the latest attempt to get one. ``is_recorded``
    marks a calendar of past days, whose age says nothing. It covers ``covers_from_ns <= t < covers_until_ns``.
    """

    as_of_ns: int = 0
    covers_from_ns: int = 0
    covers_until_ns: int = 0
    fault: int = NewsVerdict.CALENDAR_MISSING
    is_recorded: bool = False


@compiled
def news_verdict(
    is_raising: bool, now_ns: int, currencies: int, releases: Release, state: CalendarState, limits: NewsLimits
) -> int:
    """
    Judge a request for a symbol of these currencies at ``now_ns``; returns a ``NewsVerdict``.

    ``releases`` is an array of ``Release``, ascending in time.
    """
    if not is_raising or currencies == NO_SYMBOL:
        return NewsVerdict.PASS
    if is_near(now_ns, currencies, releases, limits):
        return NewsVerdict.RELEASE_NEAR
    return calendar_fault(now_ns, state, limits) if limits.blocks_unknown else NewsVerdict.PASS


@compiled
def is_near(now_ns: int, currencies: int, releases: Release, limits: NewsLimits) -> bool:
    """Tell whether a release of these currencies is at most the window away, before or after."""
    first = _first_at_or_after(releases, now_ns - limits.window_ns)
    for i in range(first, len(releases)):  # type: ignore[arg-type]
        release = releases[i]  # type: ignore[index]
        if release.time_ns > now_ns + limits.window_ns:
            return False
        if release.impact >= limits.min_impact and release.currencies & currencies != 0:
            return True
    return False


@compiled
def _first_at_or_after(releases: Release, time_ns: int) -> int:
    low, high = 0, len(releases)  # type: ignore[arg-type]
    while low < high:
        middle = (low + high) // 2
        if releases[middle].time_ns < time_ns:  # type: ignore[index]
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def calendar_fault(now_ns: int, state: CalendarState, limits: NewsLimits) -> int:
    """Return what keeps the calendar from being trusted now, or ``NewsVerdict.PASS``; a date ahead of now counts."""
    if state.as_of_ns <= 0:
        return state.fault if state.fault != NewsVerdict.PASS else NewsVerdict.CALENDAR_MISSING
    if not state.is_recorded and abs(now_ns - state.as_of_ns) > limits.max_age_ns:
        return state.fault if state.fault != NewsVerdict.PASS else NewsVerdict.CALENDAR_OLD
    if now_ns - limits.window_ns < state.covers_from_ns or now_ns + limits.window_ns >= state.covers_until_ns:
        return NewsVerdict.CALENDAR_TOO_SHORT
    return NewsVerdict.PASS


def currencies_of(
    symbol: str, *, crypto: Collection[str] = (), overrides: Mapping[str, Collection[str]] | None = None
) -> frozenset[str]:
    """
    Return the currencies whose releases concern a symbol; none where it is exempt.

    ``crypto`` is what symbols with a crypto base follow; ``overrides`` gives single symbols their own. A name that
    tells nothing follows USD.

    >>> sorted(currencies_of("EURUSD")), sorted(currencies_of("XAUUSD")), sorted(currencies_of("BTCUSDT"))
    (['EUR', 'USD'], ['USD'], [])
    """
    if overrides and symbol in overrides:
        return frozenset(overrides[symbol])
    name = read_symbol(symbol)
    if name.kind == SymbolKind.CRYPTO:
        return frozenset(crypto)
    found = {name.base, name.quote} & FIAT
    if name.kind != SymbolKind.FIAT or name.quote in STABLECOINS:
        found.add("USD")
    return frozenset(found)


def currency_bits(sets: Sequence[Collection[str]]) -> dict[str, int]:
    """
    Give each currency of some symbols a bit of its own.

    Raises ``ConfigError`` for more than ``MAX_CURRENCIES``.
    """
    names = sorted({name for currencies in sets for name in currencies})
    if len(names) > MAX_CURRENCIES:
        raise ConfigError(
            f"news.currencies: the symbols follow {len(names)} currencies, at most {MAX_CURRENCIES} can be; name fewer"
        )
    return {name: 1 << position for position, name in enumerate(names)}


def bits_of(currencies: Collection[str], bits: Mapping[str, int]) -> int:
    """Return a set of currencies as bits; ``ALL_CURRENCIES`` is all of them, an unknown one none."""
    if ALL_CURRENCIES in currencies:
        return (1 << len(bits)) - 1
    total = 0
    for name in currencies:
        total |= bits.get(name, 0)
    return total


def releases_of(calendar: NewsCalendar, bits: Mapping[str, int]) -> Any:
    """Return the releases that concern any of the numbered currencies as an array of ``Release``, ascending in time."""
    kept = sorted((item.time_ns, bits_of((item.currency,), bits), int(item.impact)) for item in calendar.items)
    kept = [row for row in kept if row[1]]
    releases = Release.array(len(kept))  # type: ignore[attr-defined]
    for position, row in enumerate(kept):
        releases[position] = row
    return releases


def calendar_state(calendar: NewsCalendar, *, is_recorded: bool = False) -> Any:
    """Return the ``CalendarState`` of a calendar that has just been read."""
    state = CalendarState.new()  # type: ignore[attr-defined]
    state.as_of_ns = calendar.as_of_ns
    state.covers_from_ns, state.covers_until_ns = calendar.covers_from_ns, calendar.covers_until_ns
    state.fault, state.is_recorded = NewsVerdict.PASS, is_recorded
    return state
