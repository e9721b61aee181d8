"""A book kept from a snapshot and the changes after it, which knows when a change is missing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

Levels = tuple[tuple[float, float], ...]


class Applied(Enum):
    """What became of a message: ``OLD`` ones were known before, after a ``GAP`` the book waits for a snapshot."""

    YES = "yes"
    OLD = "old"
    GAP = "gap"


@dataclass
class _Side:
    """One side: quantities by price, and the prices ascending."""

    qty: dict[float, float] = field(default_factory=dict)
    prices: list[float] = field(default_factory=list)

    def restart(self, levels: Iterable[tuple[str, str]]) -> None:
        self.qty = {float(price): qty for price, text in levels if (qty := float(text)) > 0.0}
        self.prices = sorted(self.qty)

    def change(self, levels: Iterable[tuple[str, str]]) -> None:
        for price_text, qty_text in levels:
            price, qty = float(price_text), float(qty_text)
            is_there = price in self.qty
            if qty > 0.0:
                self.qty[price] = qty
                if not is_there:
                    insort(self.prices, price)
            elif is_there:
                del self.qty[price]
                del self.prices[bisect_left(self.prices, price)]


@dataclass
class LocalBook:
    """One symbol's book; ``number`` is the last update's, None while there is no book."""

    number: int | None = None
    _bids: _Side = field(default_factory=_Side)
    _asks: _Side = field(default_factory=_Side)

    def forget(self) -> None:
        """Have no book until the next snapshot."""
        self.number = None
        self._bids, self._asks = _Side(), _Side()

    def restart(self, number: int, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> None:
        """Begin anew from a snapshot; nothing of the book before it remains."""
        self.number = number
        self._bids.restart(bids)
        self._asks.restart(asks)

    def change(
        self, first: int, last: int, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]
    ) -> Applied:
        """
        Apply the updates numbered ``first`` to ``last``; quantities replace, and a quantity of 0 removes a level.

        A message whose last update is known is ``OLD``. One that does not follow the last is a ``GAP``, and so is
        every change without a book: the book is forgotten, because a level that went missing would stay for ever.
        """
        if self.number is None:
            return Applied.GAP
        if last <= self.number:
            return Applied.OLD
        if first > self.number + 1:
            self.forget()
            return Applied.GAP
        self._bids.change(bids)
        self._asks.change(asks)
        self.number = last
        return Applied.YES

    def levels(self, depth: int | None = None) -> tuple[Levels, Levels]:
        """Return bids and asks as (price, qty), each best first, up to ``depth`` levels a side."""
        bids, asks = self._bids, self._asks
        best_bids = bids.prices[: -depth - 1 : -1] if depth is not None else bids.prices[::-1]
        best_asks = asks.prices[:depth]
        return tuple((p, bids.qty[p]) for p in best_bids), tuple((p, asks.qty[p]) for p in best_asks)
