from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.venues.pacing import SystemClock, TokenBucket, full_jitter_s
from tests.unit.venues.loopback import FakeClock


def take(bucket: TokenBucket, count: int) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(bucket.take() for _ in range(count)))

    asyncio.run(all_of_them())


def test_a_burst_passes_at_once_and_the_rest_at_the_pace() -> None:
    clock = FakeClock()
    take(TokenBucket(10.0, 5, clock), 5)
    assert clock.now_s == 0.0
    clock = FakeClock()
    take(TokenBucket(10.0, 5, clock), 25)
    assert clock.now_s == pytest.approx(2.0)


def test_an_idle_bucket_fills_no_further_than_its_burst() -> None:
    clock = FakeClock()
    bucket = TokenBucket(1.0, 2, clock)
    take(bucket, 2)
    clock.now_s += 1000.0
    before = clock.now_s
    take(bucket, 4)
    assert clock.now_s - before == pytest.approx(2.0)


def test_a_hold_stops_everybody_and_a_shorter_one_does_not_cut_it() -> None:
    clock = FakeClock()
    bucket = TokenBucket(100.0, 10, clock)
    bucket.hold(30.0)
    bucket.hold(5.0)
    take(bucket, 3)
    assert clock.now_s == pytest.approx(30.0)


@given(st.floats(0.5, 100.0), st.integers(1, 20), st.integers(1, 60))
def test_no_window_ever_sees_more_than_burst_plus_pace(per_second: float, burst: int, count: int) -> None:
    clock = FakeClock()
    take(TokenBucket(per_second, burst, clock), count)
    assert count <= burst + per_second * clock.now_s + 1e-6


@given(st.integers(0, 40), st.floats(0.0, 1.0, exclude_max=True))
def test_the_wait_after_a_failure_is_a_share_of_a_doubling_bound(attempt: int, draw: float) -> None:
    assert full_jitter_s(attempt, lambda: draw) == draw * min(30.0, 0.5 * 2.0**attempt)


def test_the_system_clock_tells_the_time() -> None:
    clock = SystemClock()
    before = clock.monotonic_s()
    asyncio.run(clock.sleep(0.0))
    assert clock.monotonic_s() >= before
    assert abs(clock.wall_ms() / 1000 - time.time()) < 5.0
