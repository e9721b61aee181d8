"""A sliding window: how much was asked for in the last while."""

from __future__ import annotations

from collections import deque


class Window:
    """Weights of what happened in the last ``width_ms``; times never go back."""

    def __init__(self, width_ms: int) -> None:
        self._width_ms = width_ms
        self._seen: deque[tuple[int, int]] = deque()
        self._sum = 0

    def used(self, now_ms: int) -> int:
        """Return the weight that is still in the window."""
        while self._seen and self._seen[0][0] <= now_ms - self._width_ms:
            self._sum -= self._seen.popleft()[1]
        return self._sum

    def add(self, now_ms: int, weight: int = 1) -> None:
        """Count something."""
        self._seen.append((now_ms, weight))
        self._sum += weight

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._sum = 0

    def frees_ms(self, now_ms: int) -> int:
        """Return when the oldest of what counts leaves the window; ``now_ms`` if nothing does."""
        return self._seen[0][0] + self._width_ms if self.used(now_ms) else now_ms
