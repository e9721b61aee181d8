"""When to connect again, and when to give up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ReconnectPlan:
    """
    Waits that double from ``first_s`` up to ``longest_s``, ``attempts`` of them.

    Each is stretched by up to ``jitter``, a fraction, so that clients which lost the same venue do not come back at
    once. A connection that has held for ``stable_s`` makes the next failure the first again.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    attempts: int = 10
    jitter: float = 0.2
    stable_s: float = 60.0


PUBLIC_PLAN = ReconnectPlan()
EXECUTION_PLAN = ReconnectPlan(first_s=2.0, longest_s=8.0, attempts=3)
"""For streams of one's own executions: who does not know what was filled must not wait long to say so."""


@dataclass
class Reconnecting:
    """What one connection has been through; times are monotonic seconds, ``draw`` uniform in [0, 1)."""

    plan: ReconnectPlan
    draw: Callable[[], float]
    failures: int = 0
    connected_s: float | None = None

    def connected(self, now_s: float) -> None:
        """Note that the venue has answered."""
        self.connected_s = now_s

    def lost(self, now_s: float) -> float | None:
        """Return how long to wait before the next attempt, or None when there is none left."""
        if self.connected_s is not None and now_s - self.connected_s >= self.plan.stable_s:
            self.failures = 0
        self.connected_s = None
        if self.failures >= self.plan.attempts:
            return None
        wait_s = min(self.plan.longest_s, self.plan.first_s * 2.0**self.failures)
        self.failures += 1
        return wait_s * (1.0 + self.plan.jitter * self.draw())
