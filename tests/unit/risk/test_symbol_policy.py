"""Names are read exactly, and no spread slips through for want of a number."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.risk.symbol_policy import (
    EXOTIC,
    PolicyVerdict,
    SpreadLimits,
    SymbolKind,
    listing_verdict,
    read_symbol,
    spread_verdict,
)

FX = {
    "bid": 1.10000,
    "ask": 1.10010,
    "point": 0.00001,
    "own_max_points": 0.0,
    "stop_distance": 0.0020,
    "is_crypto": False,
}
COIN: dict[str, Any] = {
    "bid": 100.0,
    "ask": 101.0,
    "point": nan,
    "own_max_points": 0.0,
    "stop_distance": 20.0,
    "is_crypto": True,
}


def spread(facts: dict[str, Any], changes: dict[str, Any] | None = None, *, is_raising: bool = True) -> PolicyVerdict:
    limits = SpreadLimits.new()  # type: ignore[attr-defined]
    return PolicyVerdict(spread_verdict(is_raising=is_raising, limits=limits, **(facts | (changes or {}))))


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote"),
    [
        ("EURUSD", SymbolKind.FIAT, "EUR", "USD"),
        ("EURUSDT", SymbolKind.FIAT, "EUR", "USDT"),
        ("XAUUSD", SymbolKind.METAL, "XAU", "USD"),
        ("BTCUSDT", SymbolKind.CRYPTO, "BTC", "USDT"),
        ("BTCUSD", SymbolKind.CRYPTO, "BTC", "USD"),
        ("PAXGUSDT", SymbolKind.METAL, "PAXG", "USDT"),
        ("US30", SymbolKind.INDEX, "US30", ""),
        ("SPX", SymbolKind.INDEX, "SPX", ""),
        ("C98USDT", SymbolKind.CRYPTO, "C98", "USDT"),
        ("AAPL", SymbolKind.OTHER, "AAPL", ""),
    ],
)
def test_a_name_says_what_a_symbol_is(symbol: str, kind: SymbolKind, base: str, quote: str) -> None:
    name = read_symbol(symbol)
    assert (name.kind, name.base, name.quote) == (kind, base, quote)


@given(st.text(max_size=30))
def test_any_text_can_be_read(symbol: str) -> None:
    assert read_symbol(symbol).kind in set(SymbolKind)


def test_a_denied_symbol_is_denied_even_when_it_is_allowed() -> None:
    assert listing_verdict("EURUSD", allowed=["EURUSD"], denied=["EURUSD"]) == PolicyVerdict.DENIED
    assert listing_verdict("EURUSD", allowed=["GBPUSD"]) == PolicyVerdict.NOT_ALLOWED
    assert listing_verdict("EURUSD", allowed=["EURUSD"]) == PolicyVerdict.PASS
    assert listing_verdict("EURUSD") == PolicyVerdict.PASS


@pytest.mark.parametrize("code", EXOTIC)
def test_an_exotic_currency_is_refused_on_either_side(code: str) -> None:
    assert listing_verdict(f"USD{code}") == PolicyVerdict.EXOTIC
    assert listing_verdict(f"{code}JPY") == PolicyVerdict.EXOTIC
    assert listing_verdict(f"USD{code}", exotic=()) == PolicyVerdict.PASS


@pytest.mark.parametrize("symbol", ["TRYBUSDT", "RUBYUSDT", "XPLNUSDT", "ZARAUSDT", "EURUSD"])
def test_a_code_inside_a_longer_word_is_not_a_currency(symbol: str) -> None:
    assert listing_verdict(symbol) == PolicyVerdict.PASS


def test_there_are_sixteen_exotic_currencies() -> None:
    assert len(set(EXOTIC)) == 16


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, PolicyVerdict.PASS),
        ({"ask": 1.10015}, PolicyVerdict.PASS),  # 15 points, though the floats say 15.000000000009
        ({"ask": 1.10016, "stop_distance": 1.0}, PolicyVerdict.SPREAD_ABOVE_POINTS),
        ({"ask": 1.10016, "own_max_points": 16.0}, PolicyVerdict.PASS),
        ({"ask": 1.10010, "own_max_points": 9.0}, PolicyVerdict.SPREAD_ABOVE_POINTS),
        ({"ask": 1.10010, "stop_distance": 0.0010}, PolicyVerdict.PASS),  # exactly 10 %
        ({"ask": 1.10010, "stop_distance": 0.00099}, PolicyVerdict.SPREAD_ABOVE_STOP_FRACTION),
        ({"stop_distance": inf}, PolicyVerdict.PASS),
        ({"stop_distance": nan}, PolicyVerdict.UNKNOWN_STOP),
        ({"stop_distance": 0.0}, PolicyVerdict.UNKNOWN_STOP),
        ({"stop_distance": -1.0}, PolicyVerdict.UNKNOWN_STOP),
        ({"point": 0.0}, PolicyVerdict.UNKNOWN_POINT),
        ({"point": nan}, PolicyVerdict.UNKNOWN_POINT),
        ({"bid": nan}, PolicyVerdict.INVALID_QUOTE),
        ({"ask": nan}, PolicyVerdict.INVALID_QUOTE),
        ({"ask": inf}, PolicyVerdict.INVALID_QUOTE),
        ({"bid": 0.0}, PolicyVerdict.INVALID_QUOTE),
        ({"bid": -1.1}, PolicyVerdict.INVALID_QUOTE),
        ({"ask": 1.09999}, PolicyVerdict.INVALID_QUOTE),
        ({"ask": 1.10000}, PolicyVerdict.PASS),
    ],
)
def test_the_spread_of_a_currency_pair(changes: dict[str, float], expected: PolicyVerdict) -> None:
    assert spread(FX, changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ask": 102.0}, PolicyVerdict.PASS),
        ({"ask": 102.01, "stop_distance": inf}, PolicyVerdict.SPREAD_ABOVE_BID_FRACTION),
        ({"ask": 102.0, "stop_distance": 19.9}, PolicyVerdict.SPREAD_ABOVE_STOP_FRACTION),
        # A coin of a hundred-millionth: its spread is far below any absolute tolerance.
        ({"bid": 1e-8, "ask": 1.05e-8, "stop_distance": inf}, PolicyVerdict.SPREAD_ABOVE_BID_FRACTION),
        ({"bid": 1e-8, "ask": 1.01e-8, "stop_distance": 5e-10}, PolicyVerdict.SPREAD_ABOVE_STOP_FRACTION),
    ],
)
def test_the_spread_of_a_coin(changes: dict[str, float], expected: PolicyVerdict) -> None:
    assert spread(COIN, changes) == expected


@pytest.mark.parametrize("name", ["max_points", "max_bid_fraction", "max_stop_fraction"])
def test_a_limit_that_is_no_number_lets_nothing_pass(name: str) -> None:
    limits = SpreadLimits.new()  # type: ignore[attr-defined]
    setattr(limits, name, nan)
    facts = COIN if name == "max_bid_fraction" else FX
    assert spread_verdict(is_raising=True, limits=limits, **facts) != PolicyVerdict.PASS


prices = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(1e-9, 1e6))


@given(bid=prices, ask=prices, point=prices, stop_distance=prices, is_crypto=st.booleans())
def test_what_passes_keeps_every_limit(
    bid: float, ask: float, point: float, stop_distance: float, is_crypto: bool
) -> None:
    facts = {"bid": bid, "ask": ask, "point": point, "own_max_points": 0.0, "stop_distance": stop_distance}
    facts["is_crypto"] = is_crypto
    if spread(facts) == PolicyVerdict.PASS:
        width = ask - bid
        assert 0.0 <= width < inf
        assert width <= 0.1000001 * stop_distance
        assert width <= (0.0200001 * bid if is_crypto else 15.0000001 * point)
    assert spread(facts, is_raising=False) == PolicyVerdict.PASS
