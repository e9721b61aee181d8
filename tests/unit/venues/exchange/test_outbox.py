"""The way to one client: in order, whole, in one write a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from ballast.venues.exchange import outbox
from ballast.venues.exchange.faults.injection import Wire
from ballast.venues.exchange.outbox import BINARY, Outbox, frame


class Line:
    """A transport that remembers what is written, and has so many bytes waiting."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_broken = False
        self.n_waiting = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_broken

    def get_write_buffer_size(self) -> int:
        return self.n_waiting

    def abort(self) -> None:
        self.is_broken = True


def talk(do: Callable[[Outbox, Line], Awaitable[None]]) -> Line:
    line = Line()

    async def run() -> None:
        await do(Outbox(cast(asyncio.Transport, line)), line)

    asyncio.run(run())
    return line


def test_messages_of_one_turn_go_out_in_order_in_one_write() -> None:
    async def do(box: Outbox, line: Line) -> None:
        box.send(b"a")
        box.push(b"b")
        assert line.written == []
        await asyncio.sleep(0.001)

    assert talk(do).written == [frame(b"a") + frame(b"b", BINARY)]


def test_an_answer_waits_a_moment_and_what_comes_after_it_waits_with_it() -> None:
    async def do(box: Outbox, line: Line) -> None:
        box.send(b"before")
        box.reply(b"answer")
        box.send(b"after")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert line.written == [frame(b"before")]
        await asyncio.sleep(0.02)

    assert b"".join(talk(do).written) == frame(b"before") + frame(b"answer") + frame(b"after")


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_at_the_end_what_is_due_is_sent_and_nothing_more(is_abrupt: bool) -> None:
    async def do(box: Outbox, line: Line) -> None:
        box.send(b"a")
        box.reply(b"late")
        box.close(is_abrupt=is_abrupt)
        box.send(b"b")
        await asyncio.sleep(0.02)
        assert line.is_broken == is_abrupt

    assert talk(do).written == [frame(b"a")]


def test_what_is_sent_is_noted_when_it_is() -> None:
    noted: list[tuple[bytes, bool]] = []

    async def do(box: Outbox, _line: Line) -> None:
        box.note = lambda data, is_binary: noted.append((data, is_binary))
        box.send(b"a")
        box.push(b"b")
        assert noted == []
        await asyncio.sleep(0.001)

    talk(do)
    assert noted == [(b"a", False), (b"b", True)]


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_WAITING", 10)

    async def do(box: Outbox, line: Line) -> None:
        for line.n_waiting in (10, 11):
            assert not line.is_broken
            box.send(b"a")
            await asyncio.sleep(0.001)
        assert (line.is_broken, box.is_closed) == (True, True)

    talk(do)


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\0"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\0\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\0\0\0\0\0\x01\0\0"),
    ],
)
def test_a_frame_begins_with_its_kind_and_length(length: int, head: bytes) -> None:
    assert frame(b"x" * length) == head + b"x" * length
    assert frame(b"x", BINARY) == b"\x82\x01x"


def test_a_silent_client_is_answered_nothing() -> None:
    class Silent:
        is_silent, is_clear = True, False

        def pass_on(self, _message: bytes, _now_s: float) -> list[tuple[float, bytes]]:
            return []

    async def do(box: Outbox, _line: Line) -> None:
        box.wire = cast(Wire, Silent())
        box.reply(b"pong")
        box.send(b"a")
        await asyncio.sleep(0.02)

    assert talk(do).written == []
