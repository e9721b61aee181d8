"""Our own fold of the kernel's fills, leg by leg, so that each fill knows what was held before it."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from ballast.kernel.ledger import leg_index
from ballast.model.enums import PositionSide
from ballast.venues.exchange import steps


class Part(NamedTuple):
    """
    What a fill did: how much of it closed, base units, and the profit on that, quote money before fees.

    ``fees`` is what that part has cost, opening and closing.
    """

    closed_qty: float
    profit: float
    fees: float


class Legs:
    """
    Every leg of every account.

    Attributes
    ----------
    held : list of float
        Signed base units by leg.
    profit : list of float
        What a leg has earned, less its fees and funding, quote money.
    """

    def __init__(self, n_accounts: int, n_symbols: int) -> None:
        sides = range(len(PositionSide))
        # The compiler is asked for each leg's index once.
        self._index = [
            [[int(leg_index(account, n_symbols, symbol, side)) for side in sides] for symbol in range(n_symbols)]
            for account in range(n_accounts)
        ]
        n_legs = 2 * n_accounts * n_symbols
        self.held, self._entry, self.profit = [0.0] * n_legs, [nan] * n_legs, [0.0] * n_legs
        self._opening_fees = [0.0] * n_legs

    def at(self, account: int, symbol: int, position_side: int) -> int:
        """Return a leg's index."""
        return self._index[account][symbol][position_side]

    def fill(self, leg: int, signed_qty: float, price: float, fee: float) -> Part:
        """Take a fill in."""
        held, entry = self.held[leg], self._entry[leg]
        closed, profit, self._entry[leg] = steps.fill_leg(held, entry, signed_qty, price)
        self.profit[leg] += profit - fee
        # Of what the leg has cost to open, and of this fee, the part that closes.
        share, closing_fee = closed / abs(held) if closed else 0.0, fee * closed / abs(signed_qty)
        paid = share * self._opening_fees[leg]
        self._opening_fees[leg] += fee - closing_fee - paid
        self.held[leg] = held + signed_qty
        return Part(closed, profit, paid + closing_fee)

    def pay(self, leg: int, payment: float) -> None:
        """Take a payment of funding in."""
        self.profit[leg] -= payment
