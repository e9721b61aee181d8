"""What the kernel holds, by the operator's word, and how a client's view is held against it. Runs without Ballast."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterable
from math import isclose
from pathlib import Path
from typing import Any, Protocol

State = dict[str, Any]
Leg = tuple[str, str]


class Differs(AssertionError):
    """A client sees something else than the kernel holds."""


class Operator:
    """The operator's endpoints of a running exchange, for one of its venues."""

    def __init__(self, url: str, venue: str) -> None:
        self._url, self._venue = url, venue

    def state(self) -> State:
        with urllib.request.urlopen(f"{self._url}/state?venue={self._venue}") as response:
            return dict(json.load(response))

    def step(self, **asked: int) -> State:
        request = urllib.request.Request(f"{self._url}/step", json.dumps(asked).encode(), method="POST")
        with urllib.request.urlopen(request) as response:
            return dict(json.load(response))

    def arm(self, *faults: State) -> None:
        """Put faults in force, in place of all others."""
        body = json.dumps({"clear": True, "faults": faults}).encode()
        request = urllib.request.Request(f"{self._url}/faults?venue={self._venue}", body, method="POST")
        with urllib.request.urlopen(request) as response:
            json.load(response)

    def faults(self) -> list[State]:
        """Return the faults in force, each with how often it has struck."""
        with urllib.request.urlopen(f"{self._url}/faults?venue={self._venue}") as response:
            return list(json.load(response)["faults"])


class Player(Protocol):
    """A judge that acts at random and compares after every action."""

    operator: Operator
    done: Counter[str]

    def act(self) -> None: ...

    def compare(self) -> None: ...


def play(judge: Player, n_actions: int) -> State:
    """Let a judge act and compare; return a summary."""
    judge.compare()
    for _ in range(n_actions):
        judge.act()
        judge.compare()
    return {"done": judge.done, "n_fills": judge.operator.state()["n_fills"]}


def arguments() -> tuple[State, int, int]:
    """Return the exchange's first line, the number of actions and the seed, from the command line."""
    return json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]), int(sys.argv[3])


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
