"""A session is written as it was, and played to a client byte for byte; recorded public messages are played too."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ballast.model.errors import DataError, OutputError
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.recording.capture import Recorder, read_capture, read_lines
from ballast.venues.exchange.recording.public_log import read_public_log
from ballast.venues.exchange.recording.replay import Replay, replay_of
from ballast.venues.exchange.server import ExchangeServer
from tests.unit.venues.exchange.bybit.desks import desk
from tests.unit.venues.exchange.servers import STEP, Client

ORDER = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}
TOPICS = ["order", "execution", "position", "wallet"]
Dialogue = list[tuple[str, bytes]]


async def story(client: Client) -> Dialogue:
    """Trade over all three sockets and REST; return every byte that came back, by where it came from."""
    seen: Dialogue = []
    sockets = {
        path: await client.session.ws_connect(f"{client.url}{path}")
        for path in ("/v5/private", "/v5/trade", "/v5/public/linear")
    }

    async def hear(path: str, n: int) -> None:
        for _ in range(n):
            seen.append((path, (await sockets[path].receive_str()).encode()))

    for path in ("/v5/private", "/v5/trade"):
        await sockets[path].send_json(client.hello())
        await hear(path, 1)
    await sockets["/v5/private"].send_json({"op": "subscribe", "args": TOPICS})
    await hear("/v5/private", 1)
    await sockets["/v5/public/linear"].send_json({"op": "subscribe", "args": ["orderbook.50.AAAUSDT"]})
    await hear("/v5/public/linear", 2)
    for request, side in (("1", "Buy"), ("2", "Sell")):
        header = {"X-BAPI-TIMESTAMP": client.stamp()}
        args = [ORDER | {"side": side}]
        await sockets["/v5/trade"].send_json({"op": "order.create", "reqId": request, "header": header, "args": args})
        await hear("/v5/trade", 1)
        await hear("/v5/private", 5)
    async with client.session.get(f"{client.url}/v5/market/tickers?category=linear&symbol=AAAUSDT") as response:
        seen.append((f"tickers {response.status}", await response.read()))
    for _ in range(2):
        async with await client.sent("/v5/order/create", json.dumps(ORDER)) as response:
            seen.append((f"create {response.status}", await response.read()))
        await hear("/v5/private", 5)
    await asyncio.gather(*(socket.close() for socket in sockets.values()))
    return seen


def recorded(path: Path) -> Dialogue:
    async def run() -> Dialogue:
        server = ExchangeServer([BybitFace(desk())], STEP)
        server.recorder = Recorder(path)
        await server.start()
        server.recorder.begin({"rest_url": f"http://127.0.0.1:{server.port}", "symbols": ["AAAUSDT"]})
        try:
            async with aiohttp.ClientSession() as session:
                return await asyncio.wait_for(story(Client(session, server)), 30)
        finally:
            await server.stop()
            server.recorder.end()

    return asyncio.run(run())


def played(path: Path, talk: Callable[[Any], Awaitable[Any]], speed: float = float("inf")) -> Any:
    async def run() -> Any:
        server, line = replay_of(path, speed)
        assert isinstance(server, Replay)
        await server.start()
        try:
            async with aiohttp.ClientSession() as session:
                client = Client(session, server)  # type: ignore[arg-type]
                client.ready = line(server.port)  # type: ignore[attr-defined]
                return await asyncio.wait_for(talk(client), 30)
        finally:
            await server.stop()

    return asyncio.run(run())


@pytest.mark.parametrize("name", ["session.jsonl", "session.jsonl.gz"])
def test_what_a_client_heard_it_hears_again_byte_for_byte(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    first = recorded(path)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert len(first) > 25
    assert played(path, story) == first


def test_the_ready_line_is_the_recorded_one_but_for_where_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    recorded(path)

    async def look(client: Any) -> Any:
        return client.ready, client.url

    ready, url = played(path, look)
    assert (ready["rest_url"], ready["symbols"]) == (url, ["AAAUSDT"])


def test_a_capture_tells_everything_in_the_order_of_its_times_and_no_key(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    recorded(path)
    _, lines = read_capture(read_lines(path, "test"), "test")
    times = [line.at_us for line in lines]
    assert times == sorted(times)
    kinds = {str(line.__struct_config__.tag) for line in lines}
    assert kinds == {"open", "in", "out", "close", "request", "answer"}
    requests = [line for line in path.read_text().splitlines() if '"what":"request"' in line]
    assert requests
    assert "key-0" not in "".join(requests)


def test_at_the_walls_speed_a_message_comes_when_it_came(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines: list[dict[str, Any]] = [
        {"what": "session", "ready": {}},
        {"what": "open", "socket": 1, "path": "/v5/private"},
        {"what": "in", "at_us": 10_000, "socket": 1, "text": "hello"},
        {"what": "out", "at_us": 310_000, "socket": 1, "text": "late"},
        {"what": "out", "at_us": 310_000, "socket": 1, "data": "AAE="},
        {"what": "close", "at_us": 400_000, "socket": 1},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def listen(client: Client) -> float:
        socket = await client.session.ws_connect(f"{client.url}/v5/private")
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive(timeout=0.05)
        started = asyncio.get_running_loop().time()
        await socket.send_str("anything")
        assert await socket.receive_str() == "late"
        took = asyncio.get_running_loop().time() - started
        assert await socket.receive_bytes() == b"\0\1"
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.session.ws_connect(f"{client.url}/v5/private")
        return took

    assert 0.29 < played(path, listen, 1.0) < 1.0
    assert played(path, listen, 10.0) < 0.25


def two_talks(path: Path, *, queries: tuple[str, str] = ("", "")) -> None:
    """Write a session of two clients who sign in alike and then subscribe to different things."""
    lines: list[dict[str, Any]] = [{"what": "session", "ready": {}}]
    for number, (topic, query) in enumerate(zip(("order", "wallet"), queries, strict=True)):
        hello = {"op": "auth", "args": ["key-0", 1_000 + number, "signature"]}
        asked = {"op": "subscribe", "args": [topic], "req_id": str(number)}
        lines += [
            {"what": "open", "socket": number, "path": "/v5/private", "query": query},
            {"what": "out", "socket": number, "text": f"hello {query}"},
            {"what": "in", "socket": number, "text": json.dumps(hello)},
            {"what": "out", "socket": number, "text": "signed in"},
            {"what": "in", "socket": number, "text": json.dumps(asked)},
            {"what": "out", "socket": number, "text": f"{topic} is told"},
            {"what": "close", "socket": number},
        ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


async def told_of(client: Client, topic: str, query: str = "") -> list[str]:
    """Return what a client hears that signs in at another time and wants one topic."""
    async with client.session.ws_connect(f"{client.url}/v5/private{query}") as socket:
        heard = [await socket.receive_str()]
        for said in ({"op": "auth", "args": ["key-0", 9_999, "another"]}, {"op": "subscribe", "args": [topic]}):
            await socket.send_json(said)
            heard.append(await socket.receive_str())
        return heard


def test_a_client_is_played_what_it_subscribes_to_whoever_came_first(tmp_path: Path) -> None:
    two_talks(tmp_path / "session.jsonl")

    async def ask(client: Client) -> Any:
        return [await told_of(client, topic) for topic in ("wallet", "order")]

    told = played(tmp_path / "session.jsonl", ask)
    assert [heard[-1:] for heard in told] == [["wallet is told"], ["order is told"]]


def test_a_client_that_asks_for_what_nobody_did_is_played_the_next_in_order(tmp_path: Path) -> None:
    two_talks(tmp_path / "session.jsonl")

    async def ask(client: Client) -> Any:
        return [await told_of(client, topic) for topic in ("position", "position")]

    told = played(tmp_path / "session.jsonl", ask)
    assert [heard[-1] for heard in told] == ["order is told", "wallet is told"]


def test_a_socket_is_known_by_its_query(tmp_path: Path) -> None:
    two_talks(tmp_path / "session.jsonl", queries=("listenKey=a", "listenKey=b"))

    async def ask(client: Client) -> Any:
        return [(await told_of(client, "any", f"?listenKey={key}"))[0] for key in "ba"]

    assert played(tmp_path / "session.jsonl", ask) == ["hello listenKey=b", "hello listenKey=a"]


def test_a_read_is_answered_with_the_last_when_it_is_asked_more_often_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines: list[dict[str, Any]] = [
        {"what": "session", "ready": {}},
        {"what": "request", "request": 1, "method": "GET", "path": "/a", "query": "x=1&timestamp=5"},
        {"what": "answer", "request": 1, "status": 200, "body": "1"},
        {"what": "request", "request": 2, "method": "POST", "path": "/b", "body": "{}"},
        {"what": "answer", "request": 2, "status": 503, "headers": {"Content-Type": "text/html"}, "body": "no"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def ask(client: Client) -> list[tuple[int, str]]:
        told = []
        for method, where in (
            ("GET", "/a?timestamp=9&x=1"),
            ("GET", "/a?x=1"),
            ("GET", "/a?x=2"),
            *[("POST", "/b")] * 2,
        ):
            async with client.session.request(method, f"{client.url}{where}") as response:
                told.append((response.status, (await response.text())[:30]))
        return told

    told = played(path, ask)
    assert told[:2] == [(200, "1"), (200, "1")]
    assert [status for status, _ in told] == [200, 200, 404, 503, 404]


LOG = [
    b'5000000000 {"topic":"publicTrade.AAAUSDT","type":"snapshot","ts":1,"data":[1]}',
    b'{"topic":"orderbook.50.AAAUSDT","type":"snapshot","ts":5100,"data":{"u":1}}',
    b'5200000000 {"topic":"orderbook.50.AAAUSDT","type":"delta","ts":2,"data":{"u":2.50}}',
]


def test_public_messages_go_to_who_subscribes_as_they_were_and_at_their_times(tmp_path: Path) -> None:
    path = tmp_path / "log.txt.gz"
    path.write_bytes(gzip.compress(b"\n".join(LOG) + b"\n"))

    async def listen(client: Client) -> Any:
        socket = await client.session.ws_connect(f"{client.url}/v5/public/linear")
        await socket.send_json({"op": "subscribe", "args": ["kline.1.AAAUSDT"], "req_id": "x"})
        assert (await socket.receive_json())["success"] is False
        await socket.send_json({"op": "subscribe", "args": ["orderbook.50.AAAUSDT"]})
        assert (await socket.receive_json())["success"] is True
        started = asyncio.get_running_loop().time()
        heard = [await socket.receive_str() for _ in range(2)]
        took = asyncio.get_running_loop().time() - started
        await socket.send_json({"op": "ping"})
        assert (await socket.receive_json())["ret_msg"] == "pong"
        async with client.session.get(f"{client.url}/v5/market/time") as response:
            assert response.status == 404
        await socket.close()
        return heard, took

    heard, took = played(path, listen, 1.0)
    assert [one.encode() for one in heard] == [LOG[1], LOG[2].partition(b" ")[2]]
    assert 0.09 < took < 1.0


@pytest.mark.parametrize(
    ("name", "n_messages", "topic"),
    [
        ("bybit_v5_orderbook500_XRPUSDT_2024-12-01.jsonl.gz", 50, "orderbook.500.XRPUSDT"),
        ("bybit_v5_ws_doc.txt.gz", 3, "orderbook.50.BTCUSDT"),
    ],
)
def test_messages_recorded_at_the_venue_drive_the_public_socket(name: str, n_messages: int, topic: str) -> None:
    directory = os.environ.get("BALLAST_RECORDED_DATA")
    if not directory:
        pytest.skip("BALLAST_RECORDED_DATA is not set")
    path = Path(directory) / "raw" / name
    raw = gzip.decompress(path.read_bytes()).decode()
    lines = [re.sub(r"^[0-9]+ ", "", line) for line in raw.splitlines() if f'"topic":"{topic}"' in line]

    async def listen(client: Client) -> list[str]:
        socket = await client.session.ws_connect(f"{client.url}/v5/public/linear")
        await socket.send_json({"op": "subscribe", "args": [topic]})
        await socket.receive()
        return [await socket.receive_str() for _ in lines]

    assert played(path, listen) == lines
    assert len(lines) <= n_messages


@pytest.mark.parametrize("line", [b"{}", b"x", b'5 {"topic": 1, "ts": 1}', b'5x {"topic": "a", "ts": 1}', b"\xff"])
def test_a_line_that_is_no_message_is_named(line: bytes) -> None:
    with pytest.raises(DataError, match=r"log\.txt: line 2 is no message"):
        read_public_log([LOG[0], line], "log.txt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"what":"session","ready":{},"version":9}', "another version"),
        ('{"what":"session","ready":{}}\n{"what":"dance"}', "line 2"),
        ('{"what":"session","ready":{}}\n{"what":"in"}', "line 2"),
        ('{"what":"session","ready":{}}\n{"what":"in","socket":3,"text":""}', "line 2"),
        ("", "empty"),
    ],
)
def test_a_file_that_is_no_capture_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        replay_of(path, 1.0)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--record"):
        Recorder(tmp_path / "nowhere" / "session.jsonl")
    with pytest.raises(DataError, match="--replay"):
        replay_of(tmp_path / "nowhere", 1.0)


def test_a_session_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    Recorder(tmp_path / "session.jsonl").end()
    assert list(tmp_path.iterdir()) == []
