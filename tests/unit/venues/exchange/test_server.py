"""The exchange on real sockets: shape of errors, operator, clock, slow and rude clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from ballast.model.errors import ConfigError
from ballast.venues.exchange import outbox
from ballast.venues.exchange import server as server_module
from ballast.venues.exchange.pace import parse_pace
from tests.unit.venues.exchange.bybit.desks import desk
from tests.unit.venues.exchange.markets import START_NS, line, market
from tests.unit.venues.exchange.servers import Client, with_exchange

ORDER = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}


def test_an_order_over_rest_is_pushed_to_the_private_socket() -> None:
    async def talk(client: Client) -> None:
        socket = await client.private_socket()
        await socket.send_json({"op": "subscribe", "args": ["order", "execution", "position", "wallet"]})
        assert (await socket.receive_json())["op"] == "subscribe"
        status, answer = await client.post("/v5/order/create", json.dumps(ORDER))
        assert (status, answer["retCode"]) == (200, 0)
        topics = [(await socket.receive_json())["topic"] for _ in range(5)]
        assert topics == ["order", "order", "execution", "position", "wallet"]
        await socket.close()

    with_exchange(desk(), talk)


def test_whatever_is_wrong_with_a_request_the_exchange_answers_and_lives_on() -> None:
    async def talk(client: Client) -> None:
        assert (await client.get("/v5/nothing"))[0] == 404
        assert (await client.get("/v5/market/../../etc/passwd"))[0] == 404
        status, answer = await client.post("/v5/order/create", "{")
        assert (status, answer["retCode"]) == (200, 10001)
        status, answer = await client.post("/v5/order/create", "x" * (server_module.LARGEST_BODY + 1))
        assert (status, answer["retCode"]) == (413, 10001)
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        writer.write(b"NOT HTTP AT ALL\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        assert (await client.get("/v5/market/time"))[1]["retCode"] == 0

    with_exchange(desk(), talk)


def test_a_request_that_breaks_a_handler_gets_a_server_error(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk()

    async def talk(client: Client) -> None:
        monkeypatch.setattr(of.venue, "place", None)
        status, answer = await client.post("/v5/order/create", json.dumps(ORDER))
        assert (status, answer["retCode"]) == (500, 10016)
        assert (await client.get("/v5/market/time"))[1]["retCode"] == 0

    with_exchange(of, talk)


def test_a_huge_frame_closes_its_socket_and_no_other() -> None:
    async def talk(client: Client) -> None:
        rude, calm = [await client.session.ws_connect(f"{client.url}/v5/public/linear") for _ in range(2)]
        await rude.send_str("x" * (server_module.LARGEST_FRAME + 1))
        assert (await rude.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        await calm.send_str("x")
        assert (await calm.receive_json())["success"] is False
        await calm.send_json({"op": "ping"})
        assert (await calm.receive_json())["ret_msg"] == "pong"
        await calm.close()

    with_exchange(desk(), talk)


def test_a_socket_that_never_reads_is_closed_and_the_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_WAITING", 200_000)

    async def talk(client: Client) -> None:
        deaf, calm = [await client.session.ws_connect(f"{client.url}/v5/public/linear") for _ in range(2)]
        box = client.server.sockets()[0]
        while not box.is_closed:
            box.send(b"x" * 10_000)
            await asyncio.sleep(0)
        while client.server.n_sockets > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await calm.send_json({"op": "ping"})
        assert (await calm.receive_json())["success"]
        await calm.close()
        await deaf.close()

    with_exchange(desk(), talk)


def test_who_says_nothing_for_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SILENCE_S", 0.2)

    async def talk(client: Client) -> None:
        socket = await client.session.ws_connect(f"{client.url}/v5/public/linear")
        assert (await socket.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}

    with_exchange(desk(), talk)


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_what_a_client_reads_as_the_message(length: int) -> None:
    async def talk(client: Client) -> None:
        socket = await client.session.ws_connect(f"{client.url}/v5/public/linear", max_msg_size=0)
        (box,) = client.server.sockets()
        box.send(b"x" * length)
        assert (await socket.receive_str()) == "x" * length
        await socket.close()

    with_exchange(desk(), talk)


def test_the_operator_steps_the_clock_and_sees_what_the_kernel_holds() -> None:
    of = desk(market(line(100, 103, 100)))

    async def step(client: Client, **asked: object) -> tuple[int, object]:
        async with client.session.post(f"{client.url}/operator/step", json=asked) as response:
            return response.status, await response.json()

    async def talk(client: Client) -> None:
        start = START_NS // 1_000_000
        state = (await client.get("/operator/state"))[1]
        assert (state["clock"]["time_ms"], state["prices"]["AAAUSDT"]) == (start, 100.0)
        # The path turns at 20 s, at the low, which is the open.
        assert (await step(client))[1]["clock"]["time_ms"] == start + 20_000  # type: ignore[index]
        assert (await step(client, by_ms=10_000))[1]["prices"]["AAAUSDT"] == 101.5  # type: ignore[index]
        assert (await step(client, until_ms=start + 40_000))[1]["prices"]["AAAUSDT"] == 103.0  # type: ignore[index]
        await client.post("/v5/order/create", json.dumps(ORDER))
        held = (await client.get("/operator/state"))[1]["accounts"][0]["positions"][0]
        assert (held["qty"], held["entry_price"]) == (1.0, 103.0)
        for wrong in ({"by_ms": -1}, {"by_ms": 1.5}, {"by_ms": 1, "until_ms": 2}, {"bars": 1}):
            assert (await step(client, **wrong))[0] == 400
        async with client.session.post(
            f"{client.url}/operator/transfer", json={"account": 1, "amount": 5.0}
        ) as response:
            assert (await response.json())["accounts"][1]["cash"] == 10_005.0
        async with client.session.post(f"{client.url}/operator/transfer", data=b"{") as response:
            assert response.status == 400

    with_exchange(of, talk)


def test_a_clock_that_runs_is_not_stepped() -> None:
    async def talk(client: Client) -> None:
        async with client.session.post(f"{client.url}/operator/step") as response:
            assert response.status == 409

    with_exchange(desk(), talk, parse_pace("wall"))


def test_as_fast_as_it_can_the_clock_reaches_the_markets_end_and_clients_are_served_meanwhile() -> None:
    async def talk(client: Client) -> None:
        while not (await client.get("/operator/state"))[1]["clock"]["has_ended"]:
            assert (await client.get("/v5/market/time"))[1]["retCode"] == 0

    with_exchange(desk(market(line(*range(100, 400)))), talk, parse_pace("max"))


def test_a_clock_faster_than_the_wall_tells_of_every_bar() -> None:
    of = desk(market(line(*range(100, 160))))

    async def talk(client: Client) -> None:
        socket = await client.session.ws_connect(f"{client.url}/v5/public/linear")
        await socket.send_json({"op": "subscribe", "args": ["kline.1.AAAUSDT"]})
        starts: set[int] = set()
        while len(starts) < 20:
            message = await socket.receive_json()
            starts |= {row["start"] for row in message.get("data", ()) if row["confirm"]}
        assert max(starts) - min(starts) == 19 * 60_000
        await socket.close()

    with_exchange(of, talk, parse_pace("3600x"))


@pytest.mark.parametrize("text", ["fast", "0x", "-1x", "nanx", "x", "10", "infx"])
def test_a_clock_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no such clock"):
        parse_pace(text)


def test_nothing_but_the_loopback_is_listened_on() -> None:
    async def talk(client: Client) -> None:
        table = await asyncio.to_thread(Path("/proc/net/tcp").read_text)
        sockets = [row.split() for row in table.splitlines()[1:]]
        port = f"{client.server.port:04X}"
        assert {row[1] for row in sockets if row[1].endswith(f":{port}") and row[3] == "0A"} == {f"0100007F:{port}"}

    with_exchange(desk(), talk)
