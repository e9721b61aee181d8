"""The MEXC face on real sockets: binary frames, closing, and bytes of any kind."""

from __future__ import annotations

import asyncio
import json
import random
import time
from io import BytesIO

import aiohttp
import pytest

from ballast.venues import mexc_push
from ballast.venues.exchange import server as server_module
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.mexc import sockets
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.house import MexcFace
from tests.unit.venues.exchange.bybit.desks import desk as bybit_desk
from tests.unit.venues.exchange.mexc.desks import desk, signed
from tests.unit.venues.exchange.servers import Client, with_faces

TRADES = "spot@public.aggre.deals.v3.api.pb@100ms@AAAUSDT"
KEY = {"X-MEXC-APIKEY": "key-0", "Content-Type": "application/json"}
ENDED = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def call(client: Client, method: str, path: str, **asked: str) -> object:
    url = f"{client.url}/api/v3/{path}?{signed(asked, stamp=now_ms())}"
    async with client.session.request(method, url, headers=KEY) as response:
        return await response.json()


async def listen(client: Client, *names: str, key: str = "") -> aiohttp.ClientWebSocketResponse:
    socket = await client.session.ws_connect(f"{client.url}/ws{key and f'?listenKey={key}'}")
    await socket.send_json({"method": "SUBSCRIPTION", "params": list(names)})
    assert (await socket.receive_json())["msg"] == ",".join(names)
    return socket


def test_an_order_over_rest_is_pushed_in_binary_frames_to_both_kinds_of_channel() -> None:
    async def talk(client: Client) -> None:
        made = await call(client, "POST", "userDataStream")
        assert isinstance(made, dict)
        names = ["spot@private.orders.v3.api.pb", "spot@private.deals.v3.api.pb", TRADES]
        socket = await listen(client, *names, key=made["listenKey"])
        await call(client, "POST", "order", symbol="AAAUSDT", side="BUY", type="MARKET", quantity="1")
        frames = [mexc_push.decode(await socket.receive_bytes()) for _ in range(4)]
        assert [frame.channel for frame in frames] == [names[0], names[0], names[1], names[2]]
        await call(client, "DELETE", "userDataStream", listenKey=made["listenKey"])
        assert (await socket.receive()).type in ENDED
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY

    with_faces([MexcFace(desk())], talk)


def test_a_wrong_listen_key_is_told_in_words_before_the_socket_is_closed() -> None:
    async def talk(client: Client) -> None:
        socket = await client.session.ws_connect(f"{client.url}/ws?listenKey=nonsense")
        assert await socket.receive_str() == "Invalid listen key"
        assert (await socket.receive()).type in ENDED

    with_faces([MexcFace(desk())], talk)


def test_an_idle_socket_is_closed_and_one_that_listens_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "IDLE_MS", 100)
    monkeypatch.setattr(server_module, "DOORMAN_S", 0.02)

    async def talk(client: Client) -> None:
        calm = await listen(client, TRADES)
        idle = await client.session.ws_connect(f"{client.url}/ws")
        assert (await idle.receive()).type in ENDED
        await calm.send_json({"method": "PING"})
        assert (await calm.receive_json())["msg"] == "PONG"
        for _ in range(sockets.MOST_MESSAGES + 1):
            await calm.send_json({"method": "PONG"})
        assert (await calm.receive()).type in ENDED

    with_faces([MexcFace(desk())], talk)


def test_two_faces_answer_each_in_its_own_shape() -> None:
    async def talk(client: Client) -> None:
        assert (await client.get("/api/v3/nothing")) == (404, {"code": 404, "msg": "Not Found"})
        assert (await client.get("/v5/nothing"))[1]["retCode"] == 404
        assert (await client.get("/api/v3/ping")) == (200, {})
        assert (await client.get("/v5/market/time"))[1]["retCode"] == 0
        huge = BytesIO(b"x" * (server_module.LARGEST_BODY + 1))
        async with client.session.post(f"{client.url}/api/v3/order", data=huge, headers=KEY) as response:
            assert (response.status, set(await response.json())) == (413, {"code", "msg"})
        assert (await client.get("/operator/state?venue=mexc"))[1]["accounts"][0]["initial_margin"] == 0.0
        assert (await client.get("/operator/state"))[1]["accounts"][0]["cash"] == 10_000.0
        assert (await client.get("/operator/state?venue=nasdaq"))[0] == 400
        body = json.dumps({"account": 0, "amount": 7.0})
        async with client.session.post(f"{client.url}/operator/transfer?venue=mexc", data=body) as response:
            assert (await response.json())["accounts"][0]["cash"] == 10_007.0
        assert (await client.get("/operator/state?venue=bybit"))[1]["accounts"][0]["cash"] == 10_000.0

    with_faces([BybitFace(bybit_desk()), MexcFace(desk())], talk)


def test_a_handler_that_breaks_is_a_server_error_of_the_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk()

    async def talk(client: Client) -> None:
        monkeypatch.setattr(of.venue, "place", None)
        asked = {"symbol": "AAAUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
        assert await call(client, "POST", "order", **asked) == {"code": 500, "msg": "Internal error"}
        assert (await client.get("/api/v3/ping")) == (200, {})

    with_faces([MexcFace(of)], talk)


def test_bytes_of_any_kind_on_the_socket_neither_crash_it_nor_change_a_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_MESSAGES", 10_000)
    of, dice = desk(), random.Random(3)

    def book_of(at: Desk) -> tuple[int, dict[str, str], dict[str, str]]:
        book = at.books.look(0)
        return book.version, dict(book.bids), dict(book.asks)

    async def talk(client: Client) -> None:
        held = book_of(of)
        socket = await client.session.ws_connect(f"{client.url}/ws")
        start = json.dumps({"method": "SUBSCRIPTION", "params": [TRADES]}).encode()
        for _ in range(300):
            data = bytearray(start)
            for _ in range(dice.randint(0, 12)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            await socket.send_bytes(bytes(data[: dice.randint(0, len(data))]))
        await socket.send_json({"method": "PING"})
        while (await socket.receive_json())["msg"] != "PONG":
            pass
        assert book_of(of) == held
        assert of.venue.orders.all == {}
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
        assert await reader.readline()
        writer.close()
        await socket.close()

    with_faces([MexcFace(of)], talk)
