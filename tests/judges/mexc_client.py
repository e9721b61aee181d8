"""How an unmodified ccxt is pointed at the MEXC face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.judges.truth import State

FEE_RATE = 0.0005
DIGITS = 18


def connect(kind: Callable[..., Any], ready: State, key: int) -> Any:
    """Return a client that knows nothing of the exchange but its addresses and a key."""
    venue = ready["venues"]["mexc"]
    credentials = venue["keys"][key]
    client = kind({
        "apiKey": credentials["api_key"],
        "secret": credentials["api_secret"],
        "enableRateLimit": False,
    })
    rest = venue["rest_url"]
    client.urls["api"] |= {
        "spot": {"public": rest, "private": rest},
        "contract": {"public": f"{rest}/api/v1/contract", "private": f"{rest}/api/v1/private"},
        "ws": {"spot": venue["public_url"], "swap": venue["public_url"]},
    }
    return client


def number_of(order_id: str) -> int:
    """Return the exchange's own number of an order."""
    return int(order_id[-DIGITS:])
