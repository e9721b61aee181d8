"""
Rate limits: each endpoint has a budget of weight by address and one by account, and some have one by the second.

Who goes on asking while he is told to wait is banned, from two minutes up to three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ballast.model.durations import DAY_MS, SECOND_MS
from ballast.venues.exchange.mexc.codes import Throttled
from ballast.venues.exchange.window import Window

WINDOW_MS = 10_000
ADDRESS_LIMIT = 300
ACCOUNT_LIMIT = 500
"""Weight in a window. Published figures for addresses are 300 and 500: the smaller one holds here."""
PATIENCE = 20
"""Requests that are answered with 429 before the address is banned."""
FIRST_BAN_MS, LONGEST_BAN_MS = 120_000, 3 * DAY_MS


@dataclass(frozen=True)
class Weight:
    """What a request costs its address and its account; ``per_second`` 0 is no limit by the second."""

    address: int = 1
    account: int = 0
    per_second: int = 0


@dataclass
class _Offence:
    """What an address has done: requests since it was told to wait, bans so far, and the end of the last."""

    n_refused: int = 0
    n_bans: int = 0
    banned_until_ms: int = 0


class RateLimits:
    """Counts of what was asked when; ``is_on`` False lets everything pass."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._windows: dict[tuple[str, str | int], Window] = {}
        self._offences: dict[str, _Offence] = {}

    def count_address(self, address: str, endpoint: str, weight: Weight, wall_ms: int) -> None:
        """Count a request of an address; raises ``Throttled``."""
        if not self.is_on:
            return
        offence = self._offences.setdefault(address, _Offence())
        if wall_ms < offence.banned_until_ms:
            raise Throttled(ceil((offence.banned_until_ms - wall_ms) / SECOND_MS), is_banned=True)
        try:
            self._count((endpoint, address), WINDOW_MS, ADDRESS_LIMIT, weight.address, wall_ms)
        except Throttled:
            self._note(offence, wall_ms)
            raise
        offence.n_refused = 0

    def count_account(self, account: int, endpoint: str, weight: Weight, wall_ms: int) -> None:
        """Count a request of an account; raises ``Throttled``."""
        if not self.is_on:
            return
        if weight.per_second:
            self._count((f"{endpoint} a second", account), SECOND_MS, weight.per_second, 1, wall_ms)
        if weight.account:
            self._count((endpoint, account), WINDOW_MS, ACCOUNT_LIMIT, weight.account, wall_ms)

    def _count(self, key: tuple[str, str | int], width_ms: int, most: int, weight: int, wall_ms: int) -> None:
        window = self._windows.setdefault(key, Window(width_ms))
        if window.used(wall_ms) + weight > most:
            raise Throttled(max(1, ceil((window.frees_ms(wall_ms) - wall_ms) / SECOND_MS)), is_banned=False)
        window.add(wall_ms, weight)

    def _note(self, offence: _Offence, wall_ms: int) -> None:
        offence.n_refused += 1
        if offence.n_refused > PATIENCE:
            ban_ms = min(LONGEST_BAN_MS, FIRST_BAN_MS * 2**offence.n_bans)
            offence.n_bans, offence.n_refused, offence.banned_until_ms = offence.n_bans + 1, 0, wall_ms + ban_ms
