"""Rate limits: requests a second by account and endpoint group, and requests a client address."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ballast.venues.exchange.bybit.codes import TOO_MANY_VISITS, Rejection

ADDRESS_LIMIT = 600
ADDRESS_WINDOW_MS = 5_000
ADDRESS_BAN_MS = 600_000
_SECOND_MS = 1_000


@dataclass(frozen=True)
class RateLimit:
    """A budget that endpoints of a group share: ``per_second`` requests of one account."""

    group: str
    per_second: int


class AddressBanned(Exception):
    """Too many requests from one address: HTTP 403 until the ban is over."""


class RateLimits:
    """Counts of what was asked when; ``is_on`` False lets everything pass, and sends no headers."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._seen: dict[tuple[int, str], deque[int]] = {}
        self._addresses: dict[str, deque[int]] = {}
        self._banned_until: dict[str, int] = {}

    def count_address(self, address: str, wall_ms: int) -> None:
        """Count one request of an address; raises ``AddressBanned``."""
        if not self.is_on:
            return
        if wall_ms < self._banned_until.get(address, 0):
            raise AddressBanned
        seen = _recent(self._addresses.setdefault(address, deque()), wall_ms - ADDRESS_WINDOW_MS)
        if len(seen) >= ADDRESS_LIMIT:
            self._banned_until[address] = wall_ms + ADDRESS_BAN_MS
            seen.clear()
            raise AddressBanned
        seen.append(wall_ms)

    def count(self, account: int, limit: RateLimit, wall_ms: int) -> dict[str, str]:
        """Count one request of an account and return the headers that tell of it; raises ``Rejection``."""
        if not self.is_on:
            return {}
        seen = _recent(self._seen.setdefault((account, limit.group), deque()), wall_ms - _SECOND_MS)
        left = limit.per_second - len(seen)
        if left <= 0:
            raise Rejection(TOO_MANY_VISITS, "Too many visits. Exceeded the API Rate Limit.")
        seen.append(wall_ms)
        return self.headers(account, limit, wall_ms)

    def headers(self, account: int, limit: RateLimit, wall_ms: int) -> dict[str, str]:
        """Return what a client is told of its budget."""
        if not self.is_on:
            return {}
        seen = self._seen.get((account, limit.group), deque())
        reset = seen[0] + _SECOND_MS if seen else wall_ms
        return {
            "X-Bapi-Limit": str(limit.per_second),
            "X-Bapi-Limit-Status": str(max(0, limit.per_second - len(seen))),
            "X-Bapi-Limit-Reset-Timestamp": str(reset),
        }


def _recent(seen: deque[int], since_ms: int) -> deque[int]:
    while seen and seen[0] <= since_ms:
        seen.popleft()
    return seen
