"""
Who asks: signed requests and the clock rule.

What is signed is the query as sent and right after it the body as sent, both without the signature, which may stand in
either; it is HMAC-SHA256 in lower-case hex. A request is valid while ``timestamp < server + 1000`` and
``server - timestamp <= recvWindow``, all in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from ballast.venues.exchange.keys import ApiKey, is_same, sign
from ballast.venues.exchange.mexc.codes import (
    INVALID_KEY,
    KEY_REQUIRED,
    OUT_OF_WINDOW,
    WINDOW_TOO_LONG,
    WRONG_SIGNATURE,
    Rejection,
    missing,
)

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
LEAD_MS = 1_000
"""By how much a client's clock may be ahead, exclusive."""
KEY_HEADER = "X-MEXC-APIKEY"
_LONGEST = 16


def caller_of(
    headers: Mapping[str, str],
    query: str,
    body: str,
    asked: Mapping[str, str],
    keys: Mapping[str, ApiKey],
    wall_ms: int,
) -> ApiKey:
    """Return who signed a request whose parameters are ``asked``; raises ``Rejection``."""
    name = headers.get(KEY_HEADER, "")
    if not name:
        raise Rejection(KEY_REQUIRED, "api key required")
    if name not in keys:
        raise Rejection(INVALID_KEY, "Api key info invalid")
    for needed in ("signature", "timestamp"):
        if not asked.get(needed):
            raise missing(needed)
    stamp, window = _millis(asked["timestamp"], "timestamp"), DEFAULT_WINDOW_MS
    if "recvWindow" in asked:
        window = _millis(asked["recvWindow"], "recvWindow")
    if window > LONGEST_WINDOW_MS:
        raise Rejection(WINDOW_TOO_LONG, "recvWindow must less than 60000")
    if not (stamp < wall_ms + LEAD_MS and wall_ms - stamp <= window):
        raise Rejection(OUT_OF_WINDOW, "Timestamp for this request is outside of the recvWindow.")
    expected = sign(keys[name].secret, _unsigned(query) + _unsigned(body))
    if not is_same(expected, asked["signature"]):
        raise Rejection(WRONG_SIGNATURE, "Signature for this request is not valid.")
    return keys[name]


def _unsigned(text: str) -> str:
    """Return parameters as sent, without their signature."""
    return "&".join(one for one in text.split("&") if not one.startswith("signature="))


def _millis(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < _LONGEST):
        raise missing(name)
    return int(text)
