"""An exchange on a real socket, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import uvloop

from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.faces import Face
from ballast.venues.exchange.keys import sign
from ballast.venues.exchange.pace import Pace, parse_pace
from ballast.venues.exchange.server import ExchangeServer

STEP = parse_pace("step")


class Client:
    """A plain client of a running exchange, with the key of one account."""

    def __init__(self, session: aiohttp.ClientSession, server: ExchangeServer, account: int = 0) -> None:
        self.session, self.server, self.account = session, server, account
        self.url = f"http://127.0.0.1:{server.port}"

    def stamp(self) -> str:
        return str(time.time_ns() // 1_000_000)

    def headers(self, payload: str) -> dict[str, str]:
        stamp = self.stamp()
        return {
            "X-BAPI-API-KEY": f"key-{self.account}",
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign(f"secret-{self.account}", f"{stamp}key-{self.account}5000{payload}"),
        }

    async def sent(self, path: str, body: str) -> aiohttp.ClientResponse:
        return await self.session.post(f"{self.url}{path}", data=body, headers=self.headers(body))

    async def post(self, path: str, body: str) -> Any:
        async with await self.sent(path, body) as response:
            return response.status, await response.json()

    async def signed(self, path: str) -> Any:
        query = path.partition("?")[2]
        async with self.session.get(f"{self.url}{path}", headers=self.headers(query)) as response:
            return await response.json()

    def hello(self) -> dict[str, Any]:
        expiry = int(self.stamp()) + 60_000
        return {
            "op": "auth",
            "args": [f"key-{self.account}", expiry, sign(f"secret-{self.account}", f"GET/realtime{expiry}")],
        }

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.url}{path}") as response:
            return response.status, await response.json()

    async def private_socket(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.session.ws_connect(f"{self.url}/v5/private")
        await socket.send_json(self.hello())
        assert (await socket.receive_json())["success"]
        return socket


def with_exchange(desk: Desk, talk: Callable[[Client], Awaitable[None]], pace: Pace = STEP) -> None:
    """Start an exchange, let ``talk`` run against it, and stop it."""
    with_faces([BybitFace(desk)], talk, pace)


def with_faces(faces: Sequence[Face], talk: Callable[[Client], Awaitable[None]], pace: Pace = STEP) -> None:
    """Start an exchange of several venues, let ``talk`` run against it, and stop it."""

    async def run() -> None:
        server = ExchangeServer(faces, pace)
        await server.start()
        try:
            async with aiohttp.ClientSession() as session:
                await asyncio.wait_for(talk(Client(session, server)), 60)
        finally:
            await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
