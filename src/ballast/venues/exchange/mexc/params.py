"""What requests carry, as typed structs: field names are the protocol's. Numbers are text; unknown fields pass."""

from __future__ import annotations

from math import isfinite
from typing import Annotated

import msgspec

from ballast.venues.exchange.checks import is_on_grid
from ballast.venues.exchange.market import Listing
from ballast.venues.exchange.mexc.codes import TOO_MANY_DECIMALS, WRONG_AMOUNT, Rejection

LONGEST_NUMBER = 40

Text = Annotated[str, msgspec.Meta(max_length=200)]
ClientId = Annotated[str, msgspec.Meta(max_length=36, pattern=r"^[A-Za-z0-9_-]*\Z")]


class Params(msgspec.Struct, rename="camel", kw_only=True):
    """The base of all: no parameters."""


class Symbols(Params):
    """One symbol, or several with commas between, or all."""

    symbol: Text = ""
    symbols: Text = ""


class OneSymbol(Params):
    """A symbol, and how many rows."""

    symbol: Text = ""
    limit: int | None = None


class Klines(Params):
    """Bars by open time, milliseconds; the end is exclusive."""

    symbol: Text = ""
    interval: Text = ""
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 500


class Trades(Params):
    """Trades by time, milliseconds, both ends inclusive."""

    symbol: Text = ""
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 500


class NewOrder(Params):
    """A new order: ``quantity`` in base units, or for a market order ``quote_order_qty`` in quote money."""

    symbol: Text = ""
    side: Text = ""
    type: Text = ""
    quantity: Text = ""
    quote_order_qty: Text = ""
    price: Text = ""
    new_client_order_id: ClientId = ""
    stp_mode: Text = ""


class BatchOrders(Params):
    """Several new orders of one symbol, as a JSON list."""

    batch_orders: Annotated[str, msgspec.Meta(max_length=100_000)] = ""


class OneOrder(Params):
    """One order by either id."""

    symbol: Text = ""
    order_id: Text = ""
    orig_client_order_id: ClientId = ""


class OpenOrders(Params):
    """Open orders of one symbol, of up to five with commas between, or of all."""

    symbol: Text = ""


class History(Params):
    """Orders or trades of a symbol by time, milliseconds, both ends inclusive."""

    symbol: Text = ""
    order_id: Text = ""
    start_time: int | None = None
    end_time: int | None = None
    limit: int | None = None


class ListenKey(Params):
    """One listen key."""

    listen_key: Text = ""


def amount(text: str, name: str) -> float:
    """Return the number > 0 that a parameter's text holds; raises ``Rejection``."""
    is_plain = 0 < len(text) <= LONGEST_NUMBER and text.isascii() and text.strip() == text and "_" not in text
    try:
        value = float(text) if is_plain else 0.0
    except ValueError:
        value = 0.0
    if not isfinite(value) or value <= 0.0:
        raise Rejection(WRONG_AMOUNT, f"{name} is error")
    return value


def quantity(text: str, listing: Listing) -> float:
    """Return a quantity in base units; raises ``Rejection`` for parts of the symbol's lot."""
    return _in_steps(text, "quantity", listing.lot)


def price(text: str, listing: Listing) -> float:
    """Return a price; raises ``Rejection`` for one between the symbol's ticks."""
    return _in_steps(text, "price", listing.tick)


def _in_steps(text: str, name: str, step: float) -> float:
    value = amount(text, name)
    if not is_on_grid(value, step):
        raise Rejection(TOO_MANY_DECIMALS, f"{name} decimal places is too long")
    return value
