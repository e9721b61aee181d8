"""When to ask: a token bucket and back-off, over a clock that is handed in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from ballast.model.durations import MILLISECOND_NS


class Clock(Protocol):
    """What waiting needs to know of time."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class SystemClock:
    """The machine's clock."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return time.time_ns() // MILLISECOND_NS

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


class TokenBucket:
    """
    Lets ``per_second`` requests through on average and ``burst`` at once; serves waiters in turn.

    ``hold`` closes it for a while: what a venue asks of one request, it asks of all.
    """

    def __init__(self, per_second: float, burst: int, clock: Clock) -> None:
        self._per_second, self._burst, self._clock = per_second, float(burst), clock
        self._tokens = float(burst)
        self._counted_s = clock.monotonic_s()
        self._held_until_s = self._counted_s
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for a token and take it."""
        async with self._turn:
            # A hold may be prolonged while it is being waited for.
            while (wait_s := self._wait_s()) > 0.0:
                await self._clock.sleep(wait_s)
            self._tokens -= 1.0

    def hold(self, seconds: float) -> None:
        """Let nothing through for that many seconds from now."""
        self._held_until_s = max(self._held_until_s, self._clock.monotonic_s() + seconds)

    def _wait_s(self) -> float:
        now_s = self._clock.monotonic_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._counted_s) * self._per_second)
        self._counted_s = now_s
        missing = (1.0 - self._tokens) / self._per_second
        # A billionth of a token short is a rounding error, not a reason to sleep again.
        return max(self._held_until_s - now_s, missing if missing > 1e-9 else 0.0)


def full_jitter_s(attempt: int, draw: Callable[[], float], base_s: float = 0.5, longest_s: float = 30.0) -> float:
    """
    Return how long to wait before trying again after failure number ``attempt`` (from 0).

    ``draw`` gives uniform numbers in [0, 1); the wait is uniform up to ``base_s * 2**attempt``, at most
    ``longest_s`` (Amazon Architecture Blog, "Exponential Backoff and Jitter", 2015: the full-jitter form).
    """
    return draw() * min(longest_s, base_s * 2.0**attempt)
