"""``ballast data download --follow`` in a process of its own, against the local exchange as the venue."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ballast.cli.main import run
from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.parts import bars_table
from ballast.data.series import BARS, Series
from ballast.model.ports import RecordedBar
from ballast.model.public_feed import FeedKind
from tests.architecture.sources import ROOT
from tests.unit.venues.exchange.markets import MINUTE_NS, flat, line, market
from tests.unit.venues.exchange.servers import Client, with_faces
from tests.unit.venues.feeds import HOUSES, House

COMMAND = "from ballast.cli.main import main; main()"
HISTORY = 20
SYMBOLS = ["AAAUSDT", "BBBUSDT"]


class Follower:
    """A running download."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, words: str) -> str:
        """Return its next line with these words in it."""
        assert self._process.stdout is not None
        while text := (await self._process.stdout.readline()).decode():
            if words in text:
                return text
        assert self._process.stderr is not None
        raise AssertionError((await self._process.stderr.read()).decode())

    async def ends(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; return the exit code and what it said last."""
        self._process.send_signal(number)
        out, errors = await self._process.communicate()
        return self._process.returncode or 0, out.decode(), errors.decode()


@asynccontextmanager
async def following(house: House, client: Client) -> AsyncIterator[Follower]:
    arguments = ["--venue", house.name, "--symbols", ",".join(SYMBOLS), "--rest-url", client.url, "--follow"]
    if house.name == "bybit":
        arguments += ["--market", "linear"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "data", "download", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    try:
        yield Follower(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def step(client: Client, minutes: int) -> None:
    async with client.session.post(f"{client.url}/operator/step", json={"by_ms": 60_000 * minutes}) as answer:
        assert answer.status == 200


def at_exchange(house: House, talk: Callable[[Client, int], Awaitable[None]]) -> None:
    """Let ``talk`` act on an exchange whose market stands just ahead of the wall, at a time in milliseconds."""
    bars = line(*(100.0 + k % 7 for k in range(HISTORY + 31)))
    recorded = market(bars, flat(50.0, len(bars)), start_frame=HISTORY)
    # So that no bar that forms there has closed by the wall, however slow the test.
    now_ns = time.time_ns() // MINUTE_NS * MINUTE_NS + 3 * MINUTE_NS

    async def act(client: Client) -> None:
        await talk(client, now_ns // 1_000_000)

    with_faces([house.face(recorded.moved_by(now_ns - recorded.start_ns))], act)


def dataset(house: House) -> str:
    return "bybit/linear" if house.name == "bybit" else "mexc/spot"


def minutes(house: House, now_ms: int) -> list[list[int]]:
    """Return the stored minutes of each symbol, before and after now."""
    found = Catalog().read(dataset(house), SYMBOLS, interval_ms=60_000)
    times = []
    for symbol in SYMBOLS:
        rows = found.rows_of(symbol)
        times.append([(int(ts) - now_ms) // 60_000 for ts in found.ts_ms[rows]])
    return times


def check_closes(house: House, now_ms: int) -> None:
    """Hold what is stored against the market."""
    for symbol, held in zip(SYMBOLS, minutes(house, now_ms), strict=True):
        expected = [100.0 + (HISTORY + k + 1) % 7 if symbol == SYMBOLS[0] else 50.0 for k in held]
        assert list(Catalog().read(dataset(house), [symbol], interval_ms=60_000).close) == expected


def spoil_last(house: House) -> None:
    """Store other figures for the last bars, as if they had been asked for before they had closed."""
    with changing(Catalog().root) as change:
        for symbol in SYMBOLS:
            series = Series(BARS, dataset(house), symbol, "1m")
            last_ms = Catalog().entry(series).covered[-1][1] - 60_000
            change.put(series, bars_table(symbol, [RecordedBar(last_ms, 1.0, 1.0, 1.0, 1.0, 1.0)]), replace=True)


@pytest.mark.parametrize(
    ("house", "how"), list(zip(HOUSES, (signal.SIGINT, signal.SIGTERM), strict=True)), ids=lambda one: one.name
)
def test_bars_are_stored_as_they_close_through_drops_kills_and_interruptions(
    house: House, how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path))

    async def talk(client: Client, now_ms: int) -> None:
        async def stored(follower: Follower, minute: int) -> None:
            """Wait until the bars up to this minute from now are there, of both symbols."""
            while any(held[-1] < minute for held in minutes(house, now_ms)):
                await follower.says("new rows, the last from")

        async with following(house, client) as follower:
            await follower.says(f"connected, {client.url}{house.path}")
            await step(client, 1)
            await stored(follower, 0)
            faults = [{"kind": "push_dropped", "match": house.names[FeedKind.BARS], "count": 6}]
            async with client.session.post(f"{client.url}/operator/faults", json={"faults": faults}) as answer:
                assert answer.status == 200
            for _ in range(4):
                await step(client, 1)
            await stored(follower, 2)
            await follower.ends(signal.SIGKILL)
        assert all(held == list(range(-HISTORY, held[-1] + 1)) for held in minutes(house, now_ms))
        assert run(["data", "check"]) == 0
        check_closes(house, now_ms)
        spoil_last(house)
        # Nobody listens while bars close.
        await step(client, 3)
        async with following(house, client) as follower:
            await follower.says("connected")
            await stored(follower, 7)
            await step(client, 1)
            await stored(follower, 8)
            code, said, errors = await follower.ends(how)
            assert (code, errors) == (0, "")
            assert said.endswith("stopped; the same command goes on from here\n")
        assert minutes(house, now_ms) == [list(range(-HISTORY, 9))] * 2
        check_closes(house, now_ms)

    at_exchange(house, talk)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--end", "2026-05-02"], "--follow: given together with --end; a download that goes on has no end"),
        (["--mark"], "given together with --mark; bars of the mark price are not followed"),
        (["--funding"], "given together with --funding; funding rates are not followed"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "download", "--venue", "bybit", "--symbols", "A", "--follow", *arguments]) == 2
    assert message in capsys.readouterr().err
