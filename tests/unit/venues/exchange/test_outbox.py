"""The way to one client: in order, whole, in one write a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from ballast.venues.exchange.outbox import BINARY, Outbox, frame


class Line:
    """A transport that remembers what is written, and has so many bytes waiting."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_broken = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_broken

    def get_write_buffer_size(self) -> int:
        return 0

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
