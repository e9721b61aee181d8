"""
Who asks: signed requests and the clock rule.

A request is valid while ``server - recv_window <= timestamp < server + 1000 ms``; its signature is HMAC-SHA256, hex, of
timestamp, key, recv_window and the query as sent or the body.
"""

from __future__ import annotations

from collections.abc import Mapping

from ballast.venues.exchange.bybit.codes import INVALID_KEY, TIMESTAMP_OUT_OF_WINDOW, WRONG_SIGNATURE, Rejection
from ballast.venues.exchange.keys import ApiKey, is_same, sign

DEFAULT_WINDOW_MS = 5_000
LEAD_MS = 1_000
"""By how much a client's clock may be ahead, exclusive."""
_LONGEST = 16


def caller_of(headers: Mapping[str, str], payload: str, keys: Mapping[str, ApiKey], wall_ms: int) -> ApiKey:
    """Return who signed ``payload``, the query or body as sent; raises ``Rejection``."""
    name, stamp = headers.get("X-BAPI-API-KEY", ""), headers.get("X-BAPI-TIMESTAMP", "")
    window = headers.get("X-BAPI-RECV-WINDOW") or str(DEFAULT_WINDOW_MS)
    key = _known(name, keys)
    if not is_in_time(stamp, window, wall_ms):
        raise Rejection(
            TIMESTAMP_OUT_OF_WINDOW,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp[:20]}],server_timestamp[{wall_ms}],recv_window[{window[:20]}]",
        )
    expected = sign(key.secret, f"{stamp}{name}{headers.get('X-BAPI-RECV-WINDOW', '')}{payload}")
    if not is_same(expected, headers.get("X-BAPI-SIGN", "")):
        raise Rejection(WRONG_SIGNATURE, "error sign! please check your signature generation algorithm.")
    return key


def caller_of_socket(arguments: list[object], keys: Mapping[str, ApiKey], wall_ms: int) -> ApiKey:
    """Return who asks for a private socket with [key, expiry in ms, signature]; raises ``Rejection``."""
    texts = [str(one) for one in [*arguments, "", "", ""][:3]]
    key = _known(texts[0], keys)
    expires = _millis(texts[1])
    if expires is None or expires <= wall_ms:
        raise Rejection(WRONG_SIGNATURE, "Params Error: expires is in the past")
    if not is_same(sign(key.secret, f"GET/realtime{texts[1]}"), texts[2]):
        raise Rejection(WRONG_SIGNATURE, "error sign! please check your signature generation algorithm.")
    return key


def _known(name: str, keys: Mapping[str, ApiKey]) -> ApiKey:
    if name not in keys:
        raise Rejection(INVALID_KEY, "API key is invalid.")
    return keys[name]


def is_in_time(stamp: str, window: str, wall_ms: int) -> bool:
    """Tell whether a request of a time, both texts in milliseconds, is neither too old nor too early."""
    at_ms, width_ms = _millis(stamp), _millis(window)
    return at_ms is not None and width_ms is not None and wall_ms - width_ms <= at_ms < wall_ms + LEAD_MS


def _millis(text: str) -> int | None:
    """Return the milliseconds that a text holds; None if it holds none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST else None
