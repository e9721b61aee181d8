"""A book kept from a snapshot and the changes after it, which knows when a change is missing."""

from __future__ import annotations

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
class LocalBook:
    """
    One symbol's book; ``number`` is the last update's, None while there is no book.

    Prices are kept as the venue wrote them: two texts of one price would be two levels, and venues write one.
    """

    number: int | None = None
    _bids: dict[str, str] = field(default_factory=dict)
    _asks: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Have no book until the next snapshot."""
        self.number = None
        self._bids.clear()
        self._asks.clear()

    def restart(self, number: int, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> None:
        """Begin anew from a snapshot; nothing of the book before it remains."""
        self.number = number
        self._bids, self._asks = _present(bids), _present(asks)

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
        _replace(self._bids, bids)
        _replace(self._asks, asks)
        self.number = last
        return Applied.YES

    def levels(self) -> tuple[Levels, Levels]:
        """Return bids and asks as (price, qty), each best first."""
        bids = sorted(((float(price), float(qty)) for price, qty in self._bids.items()), reverse=True)
        return tuple(bids), tuple(sorted((float(price), float(qty)) for price, qty in self._asks.items()))


def _present(levels: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {price: qty for price, qty in levels if float(qty) > 0.0}


def _replace(side: dict[str, str], levels: Iterable[tuple[str, str]]) -> None:
    for price, qty in levels:
        if float(qty) > 0.0:
            side[price] = qty
        else:
            side.pop(price, None)
