"""News blocks new trades of the currencies concerned, in the window, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.durations import DAY_NS, HOUR_NS, MINUTE_NS
from ballast.model.errors import ConfigError
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.risk.news import (
    CalendarState,
    NewsLimits,
    NewsVerdict,
    Release,
    bits_of,
    calendar_state,
    currencies_of,
    currency_bits,
    news_verdict,
    releases_of,
)

SECOND_NS = 1_000_000_000
EVENT_NS = int(datetime(2026, 11, 20, 13, 30, tzinfo=UTC).timestamp()) * SECOND_NS
BITS = currency_bits([{"EUR", "USD", "JPY"}])
EURUSD = bits_of({"EUR", "USD"}, BITS)


def calendar(*items: tuple[int, str, Impact], as_of_ns: int = EVENT_NS - HOUR_NS) -> NewsCalendar:
    listed = tuple(sorted(NewsItem(time_ns, currency, impact, "x") for time_ns, currency, impact in items))
    midnight = EVENT_NS // DAY_NS * DAY_NS
    return NewsCalendar(listed, as_of_ns, midnight, midnight + DAY_NS)


PAYROLLS = calendar((EVENT_NS, "USD", Impact.HIGH))


def verdict(
    now_ns: int,
    found: NewsCalendar = PAYROLLS,
    *,
    currencies: int = EURUSD,
    is_raising: bool = True,
    state: Any = None,
    **changes: Any,
) -> NewsVerdict:
    limits = NewsLimits.new()  # type: ignore[attr-defined]
    for name, value in changes.items():
        setattr(limits, name, value)
    state = calendar_state(found) if state is None else state
    return NewsVerdict(news_verdict(is_raising, now_ns, currencies, releases_of(found, BITS), state, limits))


@pytest.mark.parametrize("sign", [-1, 1], ids=["ahead", "past"])
@pytest.mark.parametrize(
    ("offset_ns", "expected"),
    [
        (0, NewsVerdict.RELEASE_NEAR),
        (600 * SECOND_NS, NewsVerdict.RELEASE_NEAR),
        (600 * SECOND_NS + 1, NewsVerdict.PASS),
        (601 * SECOND_NS, NewsVerdict.PASS),
    ],
)
def test_ten_minutes_block_and_a_second_more_does_not(sign: int, offset_ns: int, expected: NewsVerdict) -> None:
    """D33."""
    assert verdict(EVENT_NS + sign * offset_ns) == expected


def test_a_medium_release_blocks_nothing_unless_it_is_asked_to() -> None:
    """D33: impact."""
    medium = calendar((EVENT_NS, "USD", Impact.MEDIUM))
    assert verdict(EVENT_NS, medium) == NewsVerdict.PASS
    assert verdict(EVENT_NS, medium, min_impact=Impact.MEDIUM) == NewsVerdict.RELEASE_NEAR


def test_a_release_of_another_currency_blocks_nothing() -> None:
    assert verdict(EVENT_NS, calendar((EVENT_NS, "JPY", Impact.HIGH))) == NewsVerdict.PASS
    assert verdict(EVENT_NS, calendar((EVENT_NS, "GBP", Impact.HIGH))) == NewsVerdict.PASS


def test_a_release_of_all_currencies_blocks_every_symbol_that_follows_one() -> None:
    everywhere = calendar((EVENT_NS, "ALL", Impact.HIGH))
    assert verdict(EVENT_NS, everywhere) == NewsVerdict.RELEASE_NEAR
    assert verdict(EVENT_NS, everywhere, currencies=0) == NewsVerdict.PASS


def test_an_exit_passes_in_the_middle_of_a_release_and_without_a_calendar() -> None:
    assert verdict(EVENT_NS, is_raising=False) == NewsVerdict.PASS
    assert verdict(EVENT_NS, is_raising=False, state=CalendarState.new()) == NewsVerdict.PASS  # type: ignore[attr-defined]


FAR_NS = EVENT_NS + HOUR_NS


def state_with(**changes: Any) -> Any:
    state = calendar_state(PAYROLLS)
    for name, value in changes.items():
        setattr(state, name, value)
    return state


UNKNOWN = {
    "none was ever read": (state_with(as_of_ns=0), NewsVerdict.CALENDAR_MISSING),
    "none was ever read, the last attempt was malformed": (
        state_with(as_of_ns=0, fault=NewsVerdict.CALENDAR_MALFORMED),
        NewsVerdict.CALENDAR_MALFORMED,
    ),
    "none was ever read, the last attempt was in local time": (
        state_with(as_of_ns=0, fault=NewsVerdict.CALENDAR_IN_LOCAL_TIME),
        NewsVerdict.CALENDAR_IN_LOCAL_TIME,
    ),
    "older than a day": (state_with(as_of_ns=FAR_NS - 24 * HOUR_NS - 1), NewsVerdict.CALENDAR_OLD),
    "older than a day, the last attempt was empty": (
        state_with(as_of_ns=FAR_NS - 25 * HOUR_NS, fault=NewsVerdict.CALENDAR_EMPTY),
        NewsVerdict.CALENDAR_EMPTY,
    ),
    "dated beyond tomorrow": (state_with(as_of_ns=FAR_NS + 24 * HOUR_NS + 1), NewsVerdict.CALENDAR_OLD),
    "ends within the window": (
        state_with(covers_until_ns=FAR_NS + 10 * MINUTE_NS),
        NewsVerdict.CALENDAR_TOO_SHORT,
    ),
    "begins within the window": (
        state_with(covers_from_ns=FAR_NS - 10 * MINUTE_NS + 1),
        NewsVerdict.CALENDAR_TOO_SHORT,
    ),
}


@pytest.mark.parametrize(("state", "expected"), UNKNOWN.values(), ids=list(UNKNOWN))
def test_what_is_not_known_blocks_with_its_own_reason_unless_told_to_allow(state: Any, expected: NewsVerdict) -> None:
    assert verdict(FAR_NS, state=state) == expected
    assert verdict(FAR_NS, state=state, blocks_unknown=False) == NewsVerdict.PASS
    assert verdict(FAR_NS, state=state, currencies=0) == NewsVerdict.PASS


@pytest.mark.parametrize(
    "state",
    [
        state_with(as_of_ns=FAR_NS - 24 * HOUR_NS),
        state_with(covers_until_ns=FAR_NS + 10 * MINUTE_NS + 1),
        state_with(covers_from_ns=FAR_NS - 10 * MINUTE_NS),
        state_with(fault=NewsVerdict.CALENDAR_MALFORMED),
    ],
    ids=["a day old", "ends after the window", "begins with the window", "the latest refresh failed"],
)
def test_a_calendar_that_is_just_good_enough_passes(state: Any) -> None:
    assert verdict(FAR_NS, state=state) == NewsVerdict.PASS


def test_a_release_that_is_known_blocks_even_when_the_calendar_is_old_and_the_old_ones_are_allowed() -> None:
    old = state_with(as_of_ns=EVENT_NS - 72 * HOUR_NS)
    assert verdict(EVENT_NS, state=old, blocks_unknown=False) == NewsVerdict.RELEASE_NEAR


def test_the_age_of_a_calendar_of_past_days_says_nothing() -> None:
    recorded = calendar_state(
        calendar((EVENT_NS, "USD", Impact.HIGH), as_of_ns=EVENT_NS + 900 * DAY_NS), is_recorded=True
    )
    assert verdict(FAR_NS, state=recorded) == NewsVerdict.PASS
    assert verdict(FAR_NS + DAY_NS, state=recorded) == NewsVerdict.CALENDAR_TOO_SHORT


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("EURUSD", {"EUR", "USD"}),
        ("GBPJPY", {"GBP", "JPY"}),
        ("EUR/USD", {"EUR", "USD"}),
        ("EUR_USD", {"EUR", "USD"}),
        ("EURUSD.m", {"EUR", "USD"}),
        ("EURUSDm", {"EUR", "USD"}),
        ("EURUSD-ECN", {"EUR", "USD"}),
        ("eurusd", {"EUR", "USD"}),
        ("USDTRY", {"USD", "TRY"}),
        ("USDCAD", {"USD", "CAD"}),
        ("EURUSDT", {"EUR", "USD"}),
        ("XAUUSD", {"USD"}),
        ("XAU_USD", {"USD"}),
        ("XAUEUR", {"USD", "EUR"}),
        ("XAUUSDT", {"USD"}),
        ("US30", {"USD"}),
        ("NAS100", {"USD"}),
        ("GER40", {"USD"}),
        ("SPX500_USD", {"USD"}),
        ("UK100GBP", {"USD", "GBP"}),
        ("BTCUSD", set()),
        ("BTCUSDT", set()),
        ("BTC/USDT:USDT", set()),
        ("BTC-USDT-SWAP", set()),
        ("1000PEPEUSDT", set()),
        ("TRUMPUSDT", set()),
        ("SPXUSDT", set()),
        ("AAPL", {"USD"}),
        ("FOOUSD", {"USD"}),
        ("FOOEUR", {"USD", "EUR"}),
        ("", {"USD"}),
        ("\n", {"USD"}),
    ],
)
def test_a_symbol_follows_the_currencies_of_its_exact_parts(symbol: str, expected: set[str]) -> None:
    assert currencies_of(symbol) == expected


def test_crypto_follows_what_it_is_told_to_and_single_symbols_too() -> None:
    assert currencies_of("BTCUSDT", crypto={"USD"}) == {"USD"}
    assert currencies_of("GER40", overrides={"GER40": {"EUR"}}) == {"EUR"}
    assert currencies_of("EURUSD", overrides={"GER40": {"EUR"}}) == {"EUR", "USD"}


def test_more_currencies_than_an_integer_has_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match="follow 63 currencies, at most 62"):
        currency_bits([{f"C{number:02d}" for number in range(63)}])
    assert max(currency_bits([{f"C{number:02d}" for number in range(62)}]).values()) < 2**62


@given(
    offsets=st.lists(st.integers(-3 * HOUR_NS, 3 * HOUR_NS), max_size=12),
    currencies=st.lists(st.sampled_from(["EUR", "USD", "JPY", "GBP", "ALL"]), min_size=12, max_size=12),
    impacts=st.lists(st.sampled_from(Impact), min_size=12, max_size=12),
    window_ns=st.integers(MINUTE_NS, 240 * MINUTE_NS),
    follows=st.sets(st.sampled_from(["EUR", "USD", "JPY"])),
)
def test_the_search_agrees_with_looking_at_every_release(
    offsets: list[int], currencies: list[str], impacts: list[Impact], window_ns: int, follows: set[str]
) -> None:
    items = list(zip([EVENT_NS + offset for offset in offsets], currencies, impacts, strict=False))
    found = calendar(*items)
    near = any(
        abs(time_ns - EVENT_NS) <= window_ns and impact == Impact.HIGH and (currency == "ALL" or currency in follows)
        for time_ns, currency, impact in items
    )
    answer = verdict(EVENT_NS, found, currencies=bits_of(follows, BITS), window_ns=window_ns, blocks_unknown=False)
    assert answer == (NewsVerdict.RELEASE_NEAR if near and follows else NewsVerdict.PASS)


@given(st.lists(st.tuples(st.integers(1, 2**61), st.sampled_from(["EUR", "CHF", "ALL"])), max_size=20))
def test_releases_are_in_order_and_only_those_that_concern_somebody(rows: list[tuple[int, str]]) -> None:
    items = tuple(NewsItem(time_ns, currency, Impact.HIGH, "") for time_ns, currency in rows)
    releases = releases_of(NewsCalendar(items, 1, 0, 2), BITS)
    assert len(releases) == sum(currency != "CHF" for _, currency in rows)
    assert all(earlier.time_ns <= later.time_ns for earlier, later in pairwise(releases))


def test_no_releases_is_an_array_too() -> None:
    assert len(releases_of(NewsCalendar((), 1, 0, 2), BITS)) == len(Release.array(0)) == 0  # type: ignore[attr-defined]
