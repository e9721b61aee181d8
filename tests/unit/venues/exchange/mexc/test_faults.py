"""Faults at the MEXC face, as clients meet them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from ballast.venues import mexc_push
from ballast.venues.exchange import server as server_module
from ballast.venues.exchange.mexc.house import MexcFace
from tests.unit.venues.exchange.mexc.desks import desk, signed
from tests.unit.venues.exchange.mexc.test_server import ENDED, KEY, call, listen, now_ms
from tests.unit.venues.exchange.servers import Client, with_faces

ORDER = {"symbol": "AAAUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
DEALS, ORDERS = "spot@private.deals.v3.api.pb", "spot@private.orders.v3.api.pb"


async def arm(client: Client, **fault: Any) -> None:
    async with client.session.post(f"{client.url}/operator/faults", json={"clear": True, "faults": [fault]}) as answer:
        assert answer.status == 200, await answer.text()


async def status_of(client: Client, method: str, path: str, **asked: str) -> tuple[int, dict[str, str]]:
    url = f"{client.url}/api/v3/{path}?{signed(asked, stamp=now_ms())}"
    async with client.session.request(method, url, headers=KEY) as response:
        return response.status, dict(response.headers)


async def coins(client: Client) -> float:
    account: Any = await call(client, "GET", "account")
    return sum(float(one["free"]) for one in account["balances"] if one["asset"] == "AAA")


async def key(client: Client) -> str:
    made: Any = await call(client, "POST", "userDataStream")
    return str(made["listenKey"])


def live(talk: Callable[[Client], Awaitable[None]]) -> None:
    with_faces([MexcFace(desk())], talk)


def test_after_a_lost_or_broken_answer_the_order_is_there() -> None:
    async def talk(client: Client) -> None:
        await arm(client, kind="answer_lost", match="POST /api/v3/order")
        with pytest.raises(aiohttp.ClientConnectionError):
            await call(client, "POST", "order", **ORDER)
        await arm(client, kind="server_timeout", match="POST /api/v3/order", account=0)
        assert (await status_of(client, "POST", "order", **ORDER))[0] == 504
        assert await coins(client) == 2.0
        await arm(client, kind="rate_limited", account=0)
        status, headers = await status_of(client, "POST", "order", **ORDER)
        assert (status, headers["Retry-After"]) == (429, "1")
        assert await coins(client) == 2.0

    live(talk)


def test_a_stale_read_does_not_know_of_an_order() -> None:
    async def talk(client: Client) -> None:
        made: Any = await call(client, "POST", "order", **ORDER)
        await arm(client, kind="stale_read", match="GET /api/v3/*", count=2)
        found: Any = await call(client, "GET", "order", symbol="AAAUSDT", orderId=made["orderId"])
        assert found["code"] == -2013
        assert await call(client, "GET", "myTrades", symbol="AAAUSDT") == []
        assert len(await call(client, "GET", "myTrades", symbol="AAAUSDT")) == 1  # type: ignore[arg-type]

    live(talk)


def test_a_deal_is_dropped_by_its_channel_while_orders_are_told() -> None:
    async def talk(client: Client) -> None:
        socket = await listen(client, ORDERS, DEALS, key=await key(client))
        await arm(client, kind="push_dropped", match=f"{DEALS}*", account=0)
        for _ in range(2):
            await call(client, "POST", "order", **ORDER)
        told = [mexc_push.decode(await socket.receive_bytes()).channel for _ in range(5)]
        assert told == [ORDERS, ORDERS, ORDERS, ORDERS, DEALS]
        await socket.close()

    live(talk)


def test_a_listen_key_ends_and_with_it_its_socket_and_the_next_one_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "DOORMAN_S", 0.02)

    async def talk(client: Client) -> None:
        await arm(client, kind="listen_key_expired", account=0)
        gone = await key(client)
        socket = await client.session.ws_connect(f"{client.url}/ws?listenKey={gone}")
        assert (await socket.receive()).data in {"Invalid listen key", aiohttp.WSCloseCode.GOING_AWAY}
        extended: Any = await call(client, "PUT", "userDataStream", listenKey=gone)
        assert extended["code"]
        kept = await listen(client, ORDERS, key=await key(client))
        await call(client, "POST", "order", **ORDER)
        assert mexc_push.decode(await kept.receive_bytes()).channel == ORDERS
        await arm(client, kind="listen_key_expired", account=0)
        told = await kept.receive()
        while told.type == aiohttp.WSMsgType.BINARY:
            told = await kept.receive()
        assert told.type in ENDED

    live(talk)


def test_a_delisted_symbol_is_offline_and_takes_no_order() -> None:
    async def talk(client: Client) -> None:
        await arm(client, kind="symbol_delisted", symbol="AAAUSDT")
        refused: Any = await call(client, "POST", "order", **ORDER)
        assert refused["code"] == 30016
        rows = (await client.get("/api/v3/exchangeInfo"))[1]["symbols"]
        assert [row["status"] for row in rows] == ["3", "1"]

    live(talk)


def test_a_spot_account_is_never_liquidated() -> None:
    async def talk(client: Client) -> None:
        fault = {"faults": [{"kind": "liquidation", "account": 0}]}
        async with client.session.post(f"{client.url}/operator/faults", json=fault) as answer:
            assert (answer.status, "mexc has no liquidation" in await answer.text()) == (400, True)

    live(talk)
