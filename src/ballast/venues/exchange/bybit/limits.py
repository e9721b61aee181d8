"""Rate limits: requests a second by account and endpoint group, and requests a client address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ballast.model.durations import SECOND_MS
from ballast.venues.exchange.bybit.codes import TOO_MANY_VISITS, Rejection
from ballast.venues.exchange.window import Window

ADDRESS_LIMIT = 600
ADDRESS_WINDOW_MS = 5_000
ADDRESS_BAN_MS = 600_000


@dataclass(frozen=True)
class RateLimit:
    """A budget that endpoints of a group share: ``per_second`` requests of one account; in spot another if not 0."""

    group: str
    per_second: int
    spot_per_second: int = 0

    @cached_property
    def in_spot(self) -> RateLimit:
        """The budget where spot is traded."""
        return RateLimit(self.group, self.spot_per_second or self.per_second)


def order_limit(verb: str) -> RateLimit:
    """Return the budget of what is done to orders: "create", "cancel-batch" and so on, each with its own."""
    return RateLimit(f"order/{verb}", per_second=10, spot_per_second=20)


class AddressBanned(Exception):
    """Too many requests from one address: HTTP 403 until the ban is over."""


class RateLimits:
    """Counts of what was asked when; ``is_on`` False lets everything pass, and sends no headers."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._seen: dict[tuple[int, str], Window] = {}
        self._addresses: dict[str, Window] = {}
        self._banned_until: dict[str, int] = {}

    def count_address(self, address: str, wall_ms: int) -> None:
        """Count one request of an address; raises ``AddressBanned``."""
        if not self.is_on:
            return
        if wall_ms < self._banned_until.get(address, 0):
            raise AddressBanned
        seen = self._addresses.setdefault(address, Window(ADDRESS_WINDOW_MS))
        if seen.used(wall_ms) >= ADDRESS_LIMIT:
            self._banned_until[address] = wall_ms + ADDRESS_BAN_MS
            seen.clear()
            raise AddressBanned
        seen.add(wall_ms)

    def count(self, account: int, limit: RateLimit, wall_ms: int) -> dict[str, str]:
        """Count one request of an account and return the headers that tell of it; raises ``Rejection``."""
        if not self.is_on:
            return {}
        seen = self._seen.setdefault((account, limit.group), Window(SECOND_MS))
        if seen.used(wall_ms) >= limit.per_second:
            raise Rejection(TOO_MANY_VISITS, "Too many visits. Exceeded the API Rate Limit.")
        seen.add(wall_ms)
        return self.headers(account, limit, wall_ms)

    def headers(self, account: int, limit: RateLimit, wall_ms: int) -> dict[str, str]:
        """Return what a client is told of its budget."""
        if not self.is_on:
            return {}
        seen = self._seen.get((account, limit.group)) or Window(SECOND_MS)
        return {
            "X-Bapi-Limit": str(limit.per_second),
            "X-Bapi-Limit-Status": str(max(0, limit.per_second - seen.used(wall_ms))),
            "X-Bapi-Limit-Reset-Timestamp": str(seen.frees_ms(wall_ms)),
        }
