"""
A client that hears all public streams of a running exchange: ``exchange_listener.py READY.json MESSAGES BARS``.

It listens to book, trades, ticker and bars of every symbol until it has heard so many messages, or of each symbol so
many closed bars; 0 is no such end. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from exchange_client import Socket, cpu_s

KINDS = ("orderbook.50", "publicTrade", "tickers", "kline.1")


def memory_mb(process: int) -> float:
    """Return the resident memory of a process, MB of 10**6 bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


class Listener:
    """Counts what it hears."""

    def __init__(self, process: int, n_symbols: int, n_messages: int, n_bars: int) -> None:
        self.process, self.n_symbols, self.most, self.most_bars = process, n_symbols, n_messages, n_bars
        self.n_messages = self.n_bytes = self.n_closed = 0
        self.early_mb, self.done = 0.0, asyncio.Event()

    def hear(self, text: bytes) -> None:
        self.n_messages += 1
        self.n_bytes += len(text)
        if self.n_messages == self.most // 5:
            self.early_mb = memory_mb(self.process)
        if text.startswith(b'{"topic":"kline'):
            self.n_closed += text.count(b'"confirm":true')
            if self.n_closed == self.most_bars * self.n_symbols > 0:
                self.done.set()
        if self.n_messages == self.most:
            self.done.set()


async def run(ready: dict[str, Any], n_messages: int, n_bars: int) -> dict[str, Any]:
    process, symbols = ready["process"], ready["symbols"]
    listener = Listener(process, len(symbols), n_messages, n_bars)
    wanted = json.dumps({"op": "subscribe", "args": [f"{kind}.{name}" for kind in KINDS for name in symbols]})
    busy, started, n_connections = cpu_s(process), time.perf_counter(), 0
    while not listener.done.is_set():
        socket = await Socket.connect(ready["public_url"], listener.hear)
        socket.send(wanted)
        n_connections += 1
        # Who cannot keep up is cut off, and comes again.
        ends = [asyncio.create_task(one.wait()) for one in (listener.done, socket.is_lost)]
        _, left = await asyncio.wait(ends, timeout=3_600, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        if len(left) == len(ends):
            raise SystemExit(f"after an hour {listener.n_messages} messages and {listener.n_closed} bars were heard")
    seconds = time.perf_counter() - started
    return {
        "n_messages": listener.n_messages,
        "n_connections": n_connections,
        "mega_bytes": listener.n_bytes / 1e6,
        "n_closed_bars": listener.n_closed,
        "seconds": seconds,
        "server_cpu_s": cpu_s(process) - busy,
        "early_mb": listener.early_mb,
        "late_mb": memory_mb(process),
    }


def main() -> None:
    ready = json.loads(Path(sys.argv[1]).read_text())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(ready, int(sys.argv[2]), int(sys.argv[3])))))


if __name__ == "__main__":
    main()
