"""
Which symbols may be traded, and at which spread.

A symbol's name is split exactly: ``EURUSD`` is EUR and USD, and no code is ever found inside a longer word. What
the name does not tell is ``OTHER`` and treated with more caution, never less. None of these rules touches an exit.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum

from ballast.model.compiled import compiled
from ballast.model.records import record

TOLERANCE = 1e-9

_FIAT = (
    "AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNH CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JOD JPY KES "
    "KRW KWD KZT MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD VND "
    "ZAR"
)
_CRYPTO = (
    "AAVE ADA ALGO APT ARB ATOM AVAX BCH BNB BTC DASH DOGE DOT EOS ETC ETH FIL LINK LTC MKR NEAR NEO OP PEPE SHIB SOL "
    "SUI TON TRX UNI XBT XLM XMR XRP XTZ ZEC"
)
FIAT = frozenset(_FIAT.split())
CRYPTO = frozenset(_CRYPTO.split())
METALS = frozenset({"XAU", "XAG", "XPT", "XPD", "PAXG", "XAUT"})
STABLECOINS = ("FDUSD", "USDT", "USDC", "USDE", "BUSD", "TUSD", "USDD", "DAI")
EXOTIC = (
    *("BRL", "CLP", "CNH", "COP", "CZK", "HUF", "IDR", "ILS"),
    *("INR", "KRW", "MXN", "PLN", "RUB", "THB", "TRY", "ZAR"),
)

_PAIR = re.compile(r"([A-Z]{3})([A-Z]{3})(?![A-Z])")
_WORD = re.compile(r"[A-Z0-9]*")
_INDEX = re.compile(
    r"(?:AU|AUS|CHN?|CN|DE|DJ|ES|ESP|EU|EUSTX|FRA?|GER|HK|IN|IT|JPN?|NAS|NETH|NL|RUS|SG|SPX?|STOXX|SWI|UK|US|USTEC|WS)"
    r"\d{2,4}"
)
_INDEX_NAMES = frozenset({"DAX", "DJI", "FTSE", "HSI", "NASDAQ", "NDX", "NIKKEI", "RUT", "SPX", "USTEC", "VIX"})


class SymbolKind(IntEnum):
    """What a symbol is, as far as its name tells."""

    OTHER = 0
    FIAT = 1
    METAL = 2
    INDEX = 3
    CRYPTO = 4


@dataclass(frozen=True)
class SymbolName:
    """A symbol's base and quote; ``quote`` is empty where the name has none."""

    base: str
    quote: str
    kind: SymbolKind


def read_symbol(symbol: str) -> SymbolName:
    """
    Read what a symbol's name says.

    ``EURUSD``, ``EURUSD.m``, ``EURUSDm``, ``EUR/USD`` and ``EUR_USD`` are the same; ``BTC/USDT:USDT`` is ``BTCUSDT``.

    >>> read_symbol("XAUUSD").kind.name, read_symbol("USDTRY").base, read_symbol("1000PEPEUSDT").base
    ('METAL', 'USD', '1000PEPE')
    """
    base, quote = _parts(symbol.upper() if symbol.islower() else symbol)
    return SymbolName(base, quote, _kind(base, quote))


def _parts(symbol: str) -> tuple[str, str]:
    known = FIAT | METALS
    pair = _PAIR.match(symbol)
    if pair and pair[1] in known and pair[2] in known:
        return pair[1], pair[2]
    words = re.split(r"[/_:-]", symbol)
    if len(words) > 1 and words[1]:
        return words[0], words[1]
    word = _WORD.match(symbol)
    name = word[0] if word else ""
    for quote in (*STABLECOINS, *FIAT):
        if name.endswith(quote) and name != quote:
            return name.removesuffix(quote), quote
    return name, ""


def _kind(base: str, quote: str) -> SymbolKind:
    is_stable = quote in STABLECOINS
    if base in METALS:
        return SymbolKind.METAL
    if base in FIAT and (quote in FIAT or is_stable):
        return SymbolKind.FIAT
    # Without digits the name of an index against a stablecoin is a coin that borrowed it.
    if _INDEX.fullmatch(base) or (base in _INDEX_NAMES and not is_stable):
        return SymbolKind.INDEX
    if is_stable or base in CRYPTO or base in STABLECOINS:
        return SymbolKind.CRYPTO
    return SymbolKind.OTHER


class PolicyVerdict(IntEnum):
    """Why a symbol may not be entered."""

    PASS = 0
    DENIED = 130
    NOT_ALLOWED = 131
    EXOTIC = 132
    INVALID_QUOTE = 133
    UNKNOWN_POINT = 134
    UNKNOWN_STOP = 135
    SPREAD_ABOVE_POINTS = 136
    SPREAD_ABOVE_BID_FRACTION = 137
    SPREAD_ABOVE_STOP_FRACTION = 138


def listing_verdict(
    symbol: str, *, allowed: Collection[str] = (), denied: Collection[str] = (), exotic: Collection[str] = EXOTIC
) -> PolicyVerdict:
    """
    Judge a symbol by its name.

    An empty ``allowed`` allows all; ``denied`` stands over ``allowed``, and so do ``exotic`` currencies, which are
    compared with the whole base and quote. To trade one, take it from the list.
    """
    if symbol in denied:
        return PolicyVerdict.DENIED
    if allowed and symbol not in allowed:
        return PolicyVerdict.NOT_ALLOWED
    name = read_symbol(symbol)
    if name.kind != SymbolKind.CRYPTO and (name.base in exotic or name.quote in exotic):
        return PolicyVerdict.EXOTIC
    return PolicyVerdict.PASS


@record
class SpreadLimits:
    """
    How wide a spread may be for an entry, every limit inclusive.

    ``max_points`` holds for symbols that are not crypto and have no limit of their own, ``max_bid_fraction`` for
    crypto, ``max_stop_fraction`` for all that carry a stop.
    """

    max_points: float = 15.0
    max_bid_fraction: float = 0.02
    max_stop_fraction: float = 0.10


@compiled
def _is_above(value: float, limit: float) -> bool:
    """Tell whether ``value`` passes ``limit`` by more than rounding; NaN does."""
    return not value <= limit + TOLERANCE * max(1.0, abs(limit))


@compiled
def spread_verdict(
    is_raising: bool,
    bid: float,
    ask: float,
    point: float,
    own_max_points: float,
    stop_distance: float,
    is_crypto: bool,
    limits: SpreadLimits,
) -> int:
    """
    Judge the spread that a request would pay; what does not raise exposure always passes.

    Parameters
    ----------
    is_raising : bool
        Whether the request can raise exposure.
    bid, ask : float
        Best prices; NaN, a bid of 0 or less, and a crossed book are refused.
    point : float
        The smallest step of the price; read for symbols that are not crypto.
    own_max_points : float
        The symbol's own limit in points, 0 for none.
    stop_distance : float
        Distance from entry to stop in price units; infinity for a strategy that carries no stop. NaN and anything
        not above 0 are refused.
    is_crypto : bool
        Whether the symbol is crypto: judged by the fraction of the bid, not in points.
    """
    if not is_raising:
        return PolicyVerdict.PASS
    spread = ask - bid
    if not (bid > 0.0 and spread >= 0.0 and spread < bid):
        return PolicyVerdict.INVALID_QUOTE
    if is_crypto:
        if _is_above(spread / bid, limits.max_bid_fraction):
            return PolicyVerdict.SPREAD_ABOVE_BID_FRACTION
    else:
        if not point > 0.0:
            return PolicyVerdict.UNKNOWN_POINT
        if _is_above(spread / point, own_max_points if own_max_points > 0.0 else limits.max_points):
            return PolicyVerdict.SPREAD_ABOVE_POINTS
    if not stop_distance > 0.0:
        return PolicyVerdict.UNKNOWN_STOP
    if _is_above(spread / stop_distance, limits.max_stop_fraction):
        return PolicyVerdict.SPREAD_ABOVE_STOP_FRACTION
    return PolicyVerdict.PASS
