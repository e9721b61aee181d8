"""
Questions that need no key: one client that waits its turn, retries what may pass and maps every failure.

Only reading is repeated here. An order must never go through this client: after a time-out nobody knows
whether it was placed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self, TypeVar

from ballast.model.errors import Disconnected, RateLimited, RejectedByVenue, TemporaryVenueError
from ballast.venues.pacing import Clock, SystemClock, TokenBucket, full_jitter_s

if TYPE_CHECKING:
    from types import TracebackType

    import aiohttp

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What came back, before anybody has judged it; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Patience:
    """How often and how long to try again before giving up on one question."""

    attempts: int = 6
    longest_wait_s: float = 900.0
    timeout_s: float = 20.0


@dataclass(frozen=True)
class Endpoint:
    """A venue's public REST host and the pace that it allows per client."""

    venue: str
    base_url: str
    requests_per_s: float
    burst: int


@dataclass
class PublicRest:
    """
    An asynchronous context manager around one connection pool.

    Parameters
    ----------
    endpoint : Endpoint
    clock, draw
        Time and uniform dice in [0, 1); handed in so that tests need not wait.
    patience : Patience
    """

    endpoint: Endpoint
    clock: Clock = field(default_factory=SystemClock)
    draw: Callable[[], float] = random.random  # noqa: S311  # Jitter spreads clients out; it guards nothing.
    patience: Patience = field(default_factory=Patience)

    async def __aenter__(self) -> Self:
        import aiohttp

        self._bucket = TokenBucket(self.endpoint.requests_per_s, self.endpoint.burst, self.clock)
        timeout = aiohttp.ClientTimeout(total=self.patience.timeout_s)
        self._session: aiohttp.ClientSession = aiohttp.ClientSession(self.endpoint.base_url, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str], judge: Callable[[Answer], T]) -> T:
        """
        Ask until there is an answer, the venue refuses for good, or patience is used up.

        Parameters
        ----------
        path : str
            Absolute path under the endpoint's host.
        query : mapping of str to str
        judge : callable
            Turns an answer into facts, or raises one of our errors; only ``TemporaryVenueError`` is retried.

        Raises
        ------
        TemporaryVenueError
            Every attempt failed; the message says how often and why the last one did.
        RejectedByVenue
            As the judge says.
        """
        waited_s = 0.0
        for attempt in range(self.patience.attempts):
            await self._bucket.take()
            try:
                return judge(await self._ask(path, query))
            except TemporaryVenueError as error:
                wait_s = self._wait_s(error, attempt)
                waited_s += wait_s
                if attempt + 1 == self.patience.attempts or waited_s > self.patience.longest_wait_s:
                    raise self._given_up(error, path, attempt + 1) from None
                if isinstance(error, RateLimited):
                    self._bucket.hold(wait_s)
                else:
                    await self.clock.sleep(wait_s)
        raise AssertionError("the loop returns or raises")

    async def _ask(self, path: str, query: Mapping[str, str]) -> Answer:
        import aiohttp

        try:
            async with self._session.get(path, params=query) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await response.read())
        except TimeoutError:
            raise Disconnected(f"no answer within {self.patience.timeout_s:g} s") from None
        except aiohttp.ClientError as error:
            raise Disconnected(str(error) or type(error).__name__) from None

    def _wait_s(self, error: TemporaryVenueError, attempt: int) -> float:
        if not isinstance(error, RateLimited):
            return full_jitter_s(attempt, self.draw)
        if error.retry_after_s is not None:
            return error.retry_after_s
        # Told to slow down without being told for how long: no draw may be near zero.
        return 2.0**attempt + full_jitter_s(attempt, self.draw)

    def _given_up(self, error: TemporaryVenueError, path: str, attempts: int) -> TemporaryVenueError:
        times = "once" if attempts == 1 else f"{attempts} times"
        message = f"{self.endpoint.venue}: GET {path} failed {times}, last with: {error}; try again later"
        if isinstance(error, RateLimited):
            return RateLimited(message, error.retry_after_s)
        return type(error)(message)


def refuse_http_error(answer: Answer, clock: Clock, forbidden_wait_s: float) -> None:
    """
    Raise what an HTTP status that is not success means; return for success.

    Parameters
    ----------
    answer : Answer
    clock : Clock
        For a ``Retry-After`` that is a date.
    forbidden_wait_s : float
        How long the venue shuts a client out with 403 when it does not say.
    """
    if answer.status < 300:
        return
    wait_s = retry_after_s(answer.headers, clock)
    if answer.status in {418, 429}:
        raise RateLimited(f"HTTP {answer.status}, too many requests", wait_s)
    if answer.status == 403:
        reason = "HTTP 403: too many requests from this address, or a country that the venue does not serve"
        raise RateLimited(reason, forbidden_wait_s if wait_s is None else wait_s)
    if answer.status >= 500 or answer.status == 408:
        raise TemporaryVenueError(f"HTTP {answer.status}")
    raise RejectedByVenue(f"HTTP {answer.status}: {answer.body[:200].decode(errors='replace')}")


def retry_after_s(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, >= 0; None without a readable one."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    now = datetime.fromtimestamp(clock.wall_ms() / 1000.0, UTC)
    return max(0.0, (until - now).total_seconds())


def malformed(answer: Answer, error: Exception) -> TemporaryVenueError:
    """Return the error for a body that cannot be decoded; a proxy in between may have cut it."""
    return TemporaryVenueError(f"a body of {len(answer.body)} bytes that cannot be decoded ({error})")
