"""What the kernel holds, by the operator's word, and how a client's view is held against it. Runs without Ballast."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from math import isclose
from typing import Any

State = dict[str, Any]
Leg = tuple[str, str]


class Differs(AssertionError):
    """A client sees something else than the kernel holds."""


class Operator:
    """The operator's endpoints of a running exchange."""

    def __init__(self, url: str) -> None:
        self._url = url

    def state(self) -> State:
        with urllib.request.urlopen(f"{self._url}/state") as response:
            return dict(json.load(response))

    def step(self, **asked: int) -> State:
        request = urllib.request.Request(f"{self._url}/step", json.dumps(asked).encode(), method="POST")
        with urllib.request.urlopen(request) as response:
            return dict(json.load(response))


def same_money(seen: float, held: float, what: str) -> None:
    if not isclose(seen, held, rel_tol=1e-12, abs_tol=1.1e-8):
        raise Differs(f"{what}: the client sees {seen!r}, the kernel holds {held!r}")


def same_positions(seen: Iterable[tuple[Leg, float, float]], account: State) -> None:
    """Compare ((symbol, LONG | SHORT | NONE), signed quantity, entry price) of what is held."""
    held = {
        (leg["symbol"], leg["position_side"]): (leg["qty"], leg["entry_price"])
        for leg in account["positions"]
        if leg["qty"]
    }
    shown = {leg: (qty, entry) for leg, qty, entry in seen if qty}
    if shown.keys() != held.keys():
        raise Differs(f"positions: the client sees {sorted(shown)}, the kernel holds {sorted(held)}")
    for leg, (qty, entry) in shown.items():
        if not isclose(qty, held[leg][0], rel_tol=1e-9) or not isclose(entry, held[leg][1], rel_tol=1e-8):
            raise Differs(f"position {leg}: the client sees {qty} at {entry}, the kernel holds {held[leg]}")


def same_orders(seen: Iterable[tuple[int, str, str, float, float]], account: State) -> None:
    """Compare (number, symbol, BUY | SELL, quantity left, price) of orders that rest on the book."""
    held = {
        (order["number"], order["symbol"], order["side"], round(order["qty_left"], 9), order["price"])
        for order in account["orders"]
    }
    shown = {(number, symbol, side, round(left, 9), price) for number, symbol, side, left, price in seen}
    if shown != held:
        raise Differs(f"orders: only the client sees {shown - held}, only the kernel holds {held - shown}")
