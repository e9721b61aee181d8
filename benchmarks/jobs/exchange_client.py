"""
Clients of a running exchange, in a process of their own: ``exchange_client.py READY.json CLIENTS ORDERS RATE WINDOW``.

Each client has an account, a trade socket and a private socket that hears orders, executions, positions and wallets.
With RATE 0 every client keeps WINDOW orders on the way, as fast as answers come; else all together send RATE orders a
second. Half of the orders rest a little away from the price, half are market orders, which take them. Sockets are
spoken to without a library, so that this process is no part of what is measured. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import struct
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

RUN = f"{time.time_ns() // 1_000_000:x}"
TOPICS = ["order", "execution", "position", "wallet"]
AWAY = 0.00005
"""How far from the price the resting half is placed: nearer than where a market order meets the recorded market."""


class Socket(asyncio.Protocol):
    """A WebSocket client that hands over whole text messages and answers nothing by itself."""

    def __init__(self, url: str, hear: Any) -> None:
        self.hear, self.buffer, self.is_open = hear, b"", asyncio.get_running_loop().create_future()
        self.is_lost = asyncio.Event()
        self.parts = urlsplit(url)

    @classmethod
    async def connect(cls, url: str, hear: Any) -> Socket:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(lambda: cls(url, hear), parts.hostname, parts.port)
        await socket.is_open
        return socket

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.parts.path} HTTP/1.1\r\nHost: {self.parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost.set()

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        at = 0
        if not self.is_open.done():
            at = buffer.find(b"\r\n\r\n") + 4
            if at < 4:
                self.buffer = buffer
                return
            if b" 101 " not in buffer[:16]:
                raise SystemExit(buffer[:200])
            self.is_open.set_result(None)
        n = len(buffer)
        while n - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if n - start < size:
                    break
                length, start = int.from_bytes(buffer[start : start + size], "big"), start + size
            if n - start < length:
                break
            if buffer[at] == 0x81:
                self.hear(buffer[start : start + length])
            at = start + length
        self.buffer = buffer[at:]

    def send(self, text: str) -> None:
        """Send a message; a mask of zeros leaves it as it is."""
        body = text.encode()
        head = b"\x81" + (bytes([0x80 | len(body)]) if len(body) < 126 else struct.pack(">BH", 0xFE, len(body)))
        self.transport.write(head + b"\0\0\0\0" + body)


class Client:
    """One account, its two sockets, and what it has asked and been told."""

    def __init__(self, number: int, ready: dict[str, Any], price: float, lot: str) -> None:
        self.key = ready["keys"][number % len(ready["keys"])]
        self.number, self.ready, self.price, self.lot = number, ready, price, lot
        self.dice, self.symbol = random.Random(number), ready["symbols"][0]
        self.sent_s: dict[int, float] = {}
        self.delays: list[float] = []
        self.n_sent = self.n_pushes = self.n_executions = self.n_refused = 0
        self.is_eager = False
        self.todo, self.done = 0, asyncio.Event()

    async def connect(self) -> None:
        self.trade = await Socket.connect(self.ready["trade_url"], self.answered)
        self.private = await Socket.connect(self.ready["private_url"], self.pushed)
        expiry = int(time.time() * 1_000) + 60_000
        secret = self.key["api_secret"].encode()
        signature = hmac.digest(secret, f"GET/realtime{expiry}".encode(), hashlib.sha256).hex()
        hello = json.dumps({"op": "auth", "args": [self.key["api_key"], expiry, signature]})
        self.trade.send(hello)
        self.private.send(hello)
        self.private.send(json.dumps({"op": "subscribe", "args": TOPICS}))

    def order(self) -> None:
        """Send one order."""
        self.n_sent += 1
        self.todo -= 1
        side = "Buy" if self.dice.random() < 0.5 else "Sell"
        if self.dice.random() < 0.5:
            away = 1.0 - AWAY if side == "Buy" else 1.0 + AWAY
            kind = f'"Limit","price":"{self.price * away:.6g}"'
        else:
            kind = '"Market"'
        self.sent_s[self.n_sent] = time.perf_counter()
        stamp = int(time.time() * 1_000)
        self.trade.send(
            f'{{"reqId":"{self.n_sent}","header":{{"X-BAPI-TIMESTAMP":"{stamp}"}},"op":"order.create",'
            f'"args":[{{"category":"linear","symbol":"{self.symbol}","side":"{side}","qty":"{self.lot}",'
            f'"orderLinkId":"{RUN}-{self.number}-{self.n_sent}","orderType":{kind}}}]}}'
        )

    def answered(self, text: bytes) -> None:
        if not text.startswith(b'{"reqId":"'):
            return
        number = int(text[10 : text.index(b'"', 10)])
        self.delays.append(time.perf_counter() - self.sent_s.pop(number))
        if b'"retCode":0' not in text[:64]:
            self.n_refused += 1
        if self.is_eager and self.todo > 0:
            self.order()
        elif self.todo == 0 and not self.sent_s:
            self.done.set()

    def pushed(self, text: bytes) -> None:
        self.n_pushes += 1
        if b'"topic":"execution"' in text[:64]:
            self.n_executions += 1


def cpu_s(process: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def market(ready: dict[str, Any]) -> tuple[float, str]:
    """Return the first symbol's price, and a quantity worth some 20 of its quote currency."""
    symbol = ready["symbols"][0]
    with urllib.request.urlopen(f"{ready['operator_url']}/state") as answer:
        price = json.load(answer)["prices"][symbol]
    with urllib.request.urlopen(f"{ready['rest_url']}/v5/market/instruments-info?category=linear") as answer:
        step = json.load(answer)["result"]["list"][0]["lotSizeFilter"]["qtyStep"]
    decimals = len(step.partition(".")[2])
    return price, f"{(int(20.0 / price / float(step)) + 1) * float(step):.{decimals}f}"


async def run(
    ready: dict[str, Any], price: float, qty: str, n_clients: int, n_orders: int, rate: float, window: int
) -> dict[str, Any]:
    process = ready["process"]
    clients = [Client(number, ready, price, qty) for number in range(n_clients)]
    for client in clients:
        await client.connect()
    await asyncio.sleep(0.5)
    busy, started = cpu_s(process), time.perf_counter()
    own = time.process_time()
    if rate == 0.0:
        for client in clients:
            client.todo, client.is_eager = n_orders // n_clients, True
            for _ in range(min(window, client.todo)):
                client.order()
    else:
        for client in clients:
            client.todo = n_orders // n_clients
        for k in range(n_orders // n_clients * n_clients):
            wait = started + k / rate - time.perf_counter()
            if wait > 0.0005:
                await asyncio.sleep(wait)
            clients[k % n_clients].order()
    await asyncio.wait_for(asyncio.gather(*(client.done.wait() for client in clients)), 120)
    seconds, used = time.perf_counter() - started, cpu_s(process) - busy
    own = time.process_time() - own
    await asyncio.sleep(0.5)
    delays = sorted(delay for client in clients for delay in client.delays)
    n = len(delays)
    return {
        "n_orders": n,
        "seconds": seconds,
        "server_cpu_s": used,
        "client_cpu_s": own,
        "orders_per_s": n / seconds,
        "orders_per_cpu_s": n / used,
        "p50_ms": 1e3 * delays[n // 2],
        "p99_ms": 1e3 * delays[int(n * 0.99)],
        "max_ms": 1e3 * delays[-1],
        "n_refused": sum(client.n_refused for client in clients),
        "n_pushes": sum(client.n_pushes for client in clients),
        "n_executions": sum(client.n_executions for client in clients),
    }


def main() -> None:
    ready = json.loads(Path(sys.argv[1]).read_text())
    n_clients, n_orders, rate, window = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(ready, *market(ready), n_clients, n_orders, rate, window))))


if __name__ == "__main__":
    main()
