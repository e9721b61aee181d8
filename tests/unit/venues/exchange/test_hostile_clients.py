"""Bytes of any kind on real connections: an error in the venue's shape or a closed socket, and all others trade on."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
import re
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import aiohttp
import pytest

from ballast.venues.exchange import outbox
from ballast.venues.exchange import server as server_module
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.keys import sign
from ballast.venues.exchange.mexc import sockets as mexc_sockets
from ballast.venues.exchange.mexc.house import MexcFace
from tests.unit.venues.exchange.bybit.desks import desk as bybit_desk
from tests.unit.venues.exchange.markets import line, market
from tests.unit.venues.exchange.mexc.desks import desk as mexc_desk
from tests.unit.venues.exchange.mexc.desks import signed
from tests.unit.venues.exchange.raw_sockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    LAST,
    PING,
    PONG,
    TEXT,
    Frame,
    Raw,
    frame,
)
from tests.unit.venues.exchange.servers import Client, with_faces

PRIVATE, TRADE, PUBLIC, MEXC = "/v5/private", "/v5/trade", "/v5/public/linear", "/ws"
ORDER = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "99"}
CREATE = "/v5/order/create"
PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG = 1002, 1007, 1009


class Siege:
    """Two venues, one client who trades calmly, and everybody else."""

    def __init__(self, client: Client, faces: tuple[BybitFace, MexcFace]) -> None:
        self.client, self.port, (self.bybit, self.mexc) = client, client.server.port, faces
        self._connections: list[Raw] = []

    def kernel(self) -> list[bytes]:
        return [face.venue.record.tobytes() for face in (self.bybit, self.mexc)]

    async def connect(self) -> Raw:
        self._connections.append(await Raw.connect(self.port))
        return self._connections[-1]

    async def socket(self, path: str) -> Raw:
        raw = await self.connect()
        await raw.upgrade(path)
        return raw

    async def close(self) -> None:
        for raw in self._connections:
            await raw.close()

    async def ended(self, n_left: int = 1) -> None:
        """Wait until the server has forgotten all sockets but so many."""
        async with asyncio.timeout(10):
            while self.client.server.n_sockets > n_left:  # noqa: ASYNC110  # There is nobody to tell.
                await asyncio.sleep(0.005)


@pytest.fixture
def besieged(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[Siege], Awaitable[None]]], None]:
    """Run an attack; afterwards the calm client trades as ever, and nothing has gone to the log."""

    def run(attack: Callable[[Siege], Awaitable[None]]) -> None:
        of = market(line(100, 103, 97, 100))
        faces = BybitFace(bybit_desk(of)), MexcFace(mexc_desk())

        async def talk(client: Client) -> None:
            siege = Siege(client, faces)
            calm = await Client(client.session, client.server, account=1).private_socket()
            await calm.send_json({"op": "subscribe", "args": ["order"]})
            assert (await calm.receive_json())["success"]
            await attack(siege)
            await siege.close()
            body = json.dumps(ORDER | {"orderLinkId": "calm"})
            assert (await Client(client.session, client.server, account=1).post(CREATE, body))[1]["retCode"] == 0
            assert (await calm.receive_json())["data"][0]["orderLinkId"] == "calm"
            assert (await client.get("/api/v3/ping")) == (200, {})
            await calm.close()

        with caplog.at_level(logging.WARNING):
            with_faces(faces, talk)
        assert [record.getMessage() for record in caplog.records] == []

    return run


def real_messages(client: Client, path: str) -> list[dict[str, Any]]:
    """Return what an honest client says at a path."""
    if path == MEXC:
        names = ["spot@public.aggre.deals.v3.api.pb@100ms@AAAUSDT", "spot@private.orders.v3.api.pb"]
        return [{"method": "SUBSCRIPTION", "params": names, "id": 3}, {"method": "UNSUBSCRIPTION", "params": names[:1]}]
    if path == PUBLIC:
        topics = ["orderbook.50.AAAUSDT", "kline.1.AAAUSDT", "publicTrade.AAAUSDT", "tickers.AAAUSDT"]
        return [{"op": op, "args": topics, "req_id": "r1"} for op in ("subscribe", "unsubscribe")]
    if path == PRIVATE:
        return [client.hello(), {"op": "subscribe", "args": ["order", "wallet"], "req_id": 7}]
    header = {"X-BAPI-TIMESTAMP": client.stamp(), "X-BAPI-RECV-WINDOW": "5000"}
    which = {"category": "linear", "symbol": "AAAUSDT", "orderLinkId": "x"}
    asked: list[tuple[str, dict[str, Any]]] = [("create", ORDER), ("amend", which | {"qty": "2"}), ("cancel", which)]
    asked.append(("create-batch", {"category": "linear", "request": [ORDER, ORDER]}))
    return [client.hello()] + [
        {"op": f"order.{verb}", "reqId": "1", "header": header, "args": [fields]} for verb, fields in asked
    ]


NASTY: list[Any] = [
    *(None, True, 0, -1, 0.5, 1e308, 2**63, 2**70, -(2**70), "", "\0", "²", "１", "9" * 5_000, "x" * 100_000),
    *(
        "é😀",
        "\r\nX: y",
        "../../etc",
        [],
        {},
        [[]],
        {"a": {"b": []}},
        ["order"] * 300,
        "nan",
        "Infinity",
        "1e5",
        "1e308",
    ),
]


def spoiled(message: dict[str, Any], dice: random.Random) -> Any:
    """Return a message with one of its parts replaced by something nasty, or left out."""
    whole = deepcopy(message)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(whole)
    node, key = dice.choice(places)
    if isinstance(node, dict) and dice.random() < 0.2:
        del node[key]
    elif isinstance(node[key], str) and dice.random() < 0.5:
        # Topics are made of parts.
        parts = re.split("([.@])", node[key])
        parts[dice.randrange(len(parts))] = str(dice.choice(NASTY))
        node[key] = "".join(parts)
    else:
        node[key] = dice.choice(NASTY)
    return whole


def garbled(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with some changed, left out, doubled, or cut off."""
    garbage = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(garbage) + 1)
        size = dice.randint(0, 9)
        part = garbage[at : at + size] * 2 if dice.random() < 0.3 else bytes(dice.choices(range(256), k=size))
        garbage[at : at + dice.choice((0, size))] = part
    return bytes(garbage[: dice.randint(0, len(garbage))] if dice.random() < 0.3 else garbage)


def has_shape(path: str, data: bytes) -> bool:
    told = json.loads(data)
    if path == MEXC:
        return set(told) == {"id", "code", "msg"}
    if path == TRADE:
        return {"retCode", "retMsg", "op", "header", "connId"} <= set(told)
    return "topic" in told or {"op", "conn_id"} <= set(told)


SIGN_OF_LIFE = {"op": "ping", "method": "PING", "reqId": "last", "req_id": "last", "id": 99}


def is_last(told: dict[str, Any]) -> bool:
    return "last" in (told.get("reqId"), told.get("req_id")) or told.get("id") == 99


async def hear_out(raw: Raw, path: str) -> list[dict[str, Any]]:
    """Return all that is said before the answer to a sign of life; every word of it has the venue's shape."""
    await raw.say(SIGN_OF_LIFE)
    heard = []
    while True:
        told = await raw.hear()
        assert told is not None
        assert told.opcode in {TEXT, BINARY, PING, PONG}, told
        if told.opcode == TEXT:
            assert has_shape(path, told.data), told.data[:300]
            heard.append(json.loads(told.data))
            if is_last(heard[-1]):
                return heard[:-1]


async def storm(siege: Siege, path: str, n_frames: int, seed: int) -> None:
    """Say what is nearly right, signed in where that can be; nothing happens that was not said to have happened."""
    dice = random.Random(f"{path} {seed}")
    venue = siege.bybit.venue
    for signs_in in (False, True):
        raw, before = await siege.socket(path), len(venue.orders.all)
        heard = []
        if signs_in and path in {PRIVATE, TRADE}:
            await raw.say(siege.client.hello())
        for k in range(n_frames):
            said = real_messages(siege.client, path)
            message = dice.choice([one for one in said if signs_in or one.get("op") != "auth"])
            if "reqId" in message:
                message["reqId"] = str(k)
            text = json.dumps(spoiled(message, dice) if dice.random() < 0.7 else message).encode()
            data = garbled(text, dice) if dice.random() < 0.3 else text
            binary = dice.random() < 0.2 or not is_text(data)
            await raw.send(frame(data, LAST | (BINARY if binary else TEXT)))
            if k % 20 == 19:
                heard += await hear_out(raw, path)
        heard += await hear_out(raw, path)
        done = [told for told in heard if told.get("op", "").startswith("order.create") and told["retCode"] == 0]
        n_made = sum(len([one for one in told["data"].get("list", [told["data"]]) if one["orderId"]]) for told in done)
        assert len(venue.orders.all) - before == n_made
        assert signs_in or n_made == 0


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("path", [PUBLIC, PRIVATE, TRADE, MEXC])
def test_what_is_nearly_a_message_gets_an_error_and_the_talk_goes_on(
    path: str, besieged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mexc_sockets, "MOST_MESSAGES", 10**6)
    besieged(lambda siege: storm(siege, path, 150, seed=1))


@pytest.mark.verify
@pytest.mark.parametrize("path", [PUBLIC, PRIVATE, TRADE, MEXC])
@pytest.mark.parametrize("seed", range(2, 6))
def test_ten_thousand_of_them(path: str, seed: int, besieged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mexc_sockets, "MOST_MESSAGES", 10**6)
    besieged(lambda siege: storm(siege, path, 1_250, seed))


DEEP = [b"[" * 100_000, b'{"op":' * 50_000, b'{"op":"subscribe","args":' + b"[" * 9_000 + b"]" * 9_000 + b"}"]
LONG = [b'{"op":"' + b"x" * 900_000 + b'"}', b'{"req_id":' + b"9" * 100_000 + b"}", b"9" * 5_000, b'"\\ud800"']


@pytest.mark.parametrize("path", [PUBLIC, PRIVATE, TRADE, MEXC])
def test_however_deep_or_long_a_message_is_it_changes_nothing(path: str, besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        before, raw = siege.kernel(), await siege.socket(path)
        for data in DEEP + LONG:
            await raw.send(frame(data))
            await hear_out(raw, path)
        assert siege.kernel() == before

    besieged(attack)


NO_NUMBERS: list[Any] = ["²", "１", "050", "-1", "9" * 5_000, 2**70, 1e308, None, True, [1], "1\0"]


def with_no_number(path: str, number: Any) -> list[dict[str, Any]]:
    """Return what asks for something by a number that is none."""
    if path == MEXC:
        names = ("spot@public.kline.v3.api.pb@AAAUSDT@Min{}", "spot@public.limit.depth.v3.api.pb@AAAUSDT@{}")
        return [{"method": "SUBSCRIPTION", "params": [name.format(number)]} for name in names]
    if path == PUBLIC:
        return [{"op": "subscribe", "args": [f"{kind}.{number}.AAAUSDT"]} for kind in ("orderbook", "kline")]
    auth = {"op": "auth", "args": ["key-0", number, "x"]}
    order = {"op": "order.create", "header": {"X-BAPI-TIMESTAMP": number}, "args": [ORDER]}
    return [auth, order] if path == TRADE else [auth]


@pytest.mark.parametrize("path", [PUBLIC, PRIVATE, TRADE, MEXC])
def test_a_number_that_is_none_is_refused(path: str, besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        before, raw = siege.kernel(), await siege.socket(path)
        if path == TRADE:
            await raw.say(siege.client.hello())
            await hear_out(raw, path)
        for number in NO_NUMBERS:
            said = with_no_number(path, number)
            for message in said:
                await raw.say(message)
            told = await hear_out(raw, path)
            assert len(told) == len(said)
            words = [str(one.get("retCode", one.get("msg"))) for one in told]
            assert not any(one.get("success") for one in told)
            assert not [word for word in words if word == "0" or word.startswith("spot@")], number
        assert siege.kernel() == before

    besieged(attack)


BROKEN = {
    "reserved bits": (frame(b"{}", 0x70 | LAST | TEXT), PROTOCOL_ERROR),
    "reserved opcode": (frame(b"{}", LAST | 3), PROTOCOL_ERROR),
    "fragmented ping": (frame(b"", PING), PROTOCOL_ERROR),
    "long ping": (frame(b"x" * 126, LAST | PING), PROTOCOL_ERROR),
    "continuation of nothing": (frame(b"{}", LAST | CONTINUATION), PROTOCOL_ERROR),
    "message inside a message": (frame(b'{"op"', TEXT) + frame(b"{}"), PROTOCOL_ERROR),
    "invalid UTF-8": (frame(b'{"op":"\xff\xfe"}'), INVALID_TEXT),
    "invalid UTF-8 over frames": (frame(b'{"op":"\xf0\x9f', TEXT) + frame(b'"}', LAST), INVALID_TEXT),
    "close without a code": (frame(b"x", LAST | CLOSE), PROTOCOL_ERROR),
    "close with a code that is none": (frame(b"\x03\xed", LAST | CLOSE), PROTOCOL_ERROR),
    "huge": (frame(b"x" * (server_module.LARGEST_FRAME + 1)), TOO_BIG),
    "huge by its head alone": (frame(b"x", length=2**62), TOO_BIG),
    "length below zero": (frame(b"x", length=2**63), TOO_BIG),
    "huge in parts": (frame(b"x" * 60_000, TEXT) + frame(b"x" * 60_000, CONTINUATION) * 20, TOO_BIG),
}


@pytest.mark.parametrize("path", [PUBLIC, MEXC])
def test_a_frame_that_breaks_the_protocol_closes_its_socket(path: str, besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        before = siege.kernel()
        for what, (data, code) in BROKEN.items():
            raw = await siege.socket(path)
            await raw.send(data)
            told: Frame | None = await raw.hear()
            while told is not None and told.opcode != CLOSE:
                told = await raw.hear()
            assert told is None or told.code == code, what
        await siege.ended()
        assert siege.kernel() == before

    besieged(attack)


def test_a_message_may_come_byte_by_byte_in_as_many_frames_as_it_has_bytes(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        raw = await siege.socket(PUBLIC)
        text = json.dumps({"op": "ping", "req_id": "slow"}).encode()
        parts = [frame(bytes([byte]), TEXT if k == 0 else CONTINUATION) for k, byte in enumerate(text)]
        parts.insert(5, frame(b"between", LAST | PING))
        for byte in b"".join(parts) + frame(b"", LAST | CONTINUATION):
            await raw.send(bytes([byte]))
        between, answer = await raw.hear(), await raw.hear()
        assert between == Frame(PONG, b"between")
        assert answer is not None
        assert json.loads(answer.data)["req_id"] == "slow"

    besieged(attack)


def test_who_goes_away_without_a_word_is_forgotten(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        before = siege.kernel()
        body = json.dumps(ORDER).encode()
        head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n".encode()
        for unfinished in (b"", b"GET /v5", b"GET /v5/market/time HTTP/1.1\r\nHo", head, head + body):
            for is_abrupt in (False, True):
                raw = await siege.connect()
                await raw.send(unfinished)
                raw.abort() if is_abrupt else raw.writer.write_eof()
        for path in (PUBLIC, PRIVATE, TRADE, MEXC):
            for unfinished in (b"", b"\x81", b"\x81\xff", frame(b"{}", TEXT), frame(b"x" * 200)[:50]):
                for is_abrupt in (False, True):
                    raw = await siege.socket(path)
                    await raw.say(siege.client.hello())
                    await raw.send(unfinished)
                    raw.abort() if is_abrupt else raw.writer.write_eof()
        await siege.ended()
        assert siege.kernel() == before

    besieged(attack)


def test_who_does_not_read_costs_no_more_than_what_may_wait_for_him(
    besieged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, names = 300_000, ["orderbook.200.AAAUSDT", "tickers.AAAUSDT", "publicTrade.AAAUSDT"]
    monkeypatch.setattr(outbox, "MOST_WAITING", most)

    async def attack(siege: Siege) -> None:
        for _ in range(10):
            deaf = await siege.socket(PUBLIC)
            # The kernel's own buffers are large: nobody takes anything out of them.
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await deaf.say({"op": "subscribe", "args": names})
            for _ in range(200):
                await deaf.say({"op": "ping"})
        reader = await siege.client.session.ws_connect(f"{siege.client.url}{PUBLIC}")
        await reader.send_json({"op": "subscribe", "args": [names[0]]})
        assert (await reader.receive_json())["success"]
        numbers, largest = [(await reader.receive_json())["data"]["u"]], 0
        while siege.client.server.n_sockets > 2:
            async with siege.client.session.post(f"{siege.client.url}/operator/step", json={"by_ms": 500}) as response:
                assert response.status == 200, await response.text()
            _calm, *boxes = siege.client.server.sockets()
            for box in boxes:
                box.send(b"x" * 20_000)
            waiting = [box._transport.get_write_buffer_size() for box in boxes]
            largest = max([largest, *waiting])
            told = await reader.receive()
            while not told.data.startswith("x"):
                numbers.append(json.loads(told.data)["data"]["u"])
                told = await reader.receive()
        assert largest < most + 60_000
        # Who reads has missed nothing.
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 3
        await reader.close()

    besieged(attack)


def get(path: str, *headers: str, version: str = "HTTP/1.1", method: str = "GET") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"{method} {path} {version}\r\nHost: x\r\n{lines}\r\n".encode("utf-8", "surrogateescape")


def post(path: str, body: bytes, *headers: str) -> bytes:
    return get(path, f"Content-Length: {len(body)}", *headers, method="POST") + body


TIME, ACCOUNT = "/v5/market/time", "/v5/account/info"
KEYED = ("X-BAPI-API-KEY: key-0", "X-BAPI-SIGN: x")
MEXC_KEYED = ("X-MEXC-APIKEY: key-0",)
REQUESTS = {
    "path upwards": get("/v5/../../etc/passwd"),
    "path upwards, encoded": get("/v5/%2e%2e/%2e%2e/etc/passwd"),
    "path to another venue": get("/v5/market/../../api/v3/time"),
    "path with a line break, encoded": get("/v5/market/time%0d%0aX-Injected:%20yes"),
    "query with a line break, encoded": get("/api/v3/depth?symbol=%0d%0aX-Injected:%20yes"),
    "path with a NUL": get("/v5/market/time%00.html"),
    "path with a raw NUL": get("/v5/market/\0time"),
    "path that is not UTF-8": get("/v5/market/\udcff\udcfe"),
    "path that is another address": get("http://example.com/v5/nothing"),
    "no path": get("*", method="OPTIONS"),
    "method of its own": get(TIME, method="DANCE"),
    "lower-case method": get(TIME, method="get"),
    "old protocol": get("/v5/nothing", version="HTTP/1.0"),
    "no protocol": b"GET /v5/market/time\r\n\r\n",
    "new protocol": get(TIME, version="HTTP/3.0"),
    "bytes": bytes(range(256)) + b"\r\n\r\n",
    "encryption": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "header with a raw line break": get(TIME, "X-A: b\nX-Injected: yes", "Content-Length: x"),
    "header without a name": get(TIME, ": b"),
    "header with a space in its name": get(TIME, "X A: b"),
    "huge header": get(TIME, "X-A: " + "b" * 100_000),
    "many headers": get(TIME, *(f"X-{k}: {k}" * 20 for k in range(2_000))),
    "huge path": get("/v5/" + "x" * 100_000),
    "two lengths": get(CREATE, "Content-Length: 2", "Content-Length: 3", method="POST") + b"{}",
    "length and chunks": get(CREATE, "Content-Length: 2", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
    "length below zero": get(CREATE, "Content-Length: -1", method="POST"),
    "huge length": get(CREATE, f"Content-Length: {2**70}", method="POST"),
    "chunk of no length": get(CREATE, "Transfer-Encoding: chunked", method="POST") + b"zz\r\n",
    "unknown coding": get(CREATE, "Transfer-Encoding: secret", method="POST"),
    "not gzip": post(CREATE, b"not gzip at all", "Content-Encoding: gzip"),
    "cut gzip": post(CREATE, gzip.compress(b"{}" * 1_000)[:20], "Content-Encoding: gzip"),
    "bomb": post(CREATE, gzip.compress(bytes(50_000_000), 1), "Content-Encoding: gzip"),
    "unknown expectation": post(CREATE, b"{}", "Expect: a-miracle"),
    "key that is not UTF-8": get(ACCOUNT, "X-BAPI-API-KEY: \udcff\udcfe"),
    "time that is not UTF-8": get(ACCOUNT, *KEYED, "X-BAPI-TIMESTAMP: \udcff\udcfe"),
    "window that is not UTF-8": get(ACCOUNT, *KEYED, "X-BAPI-TIMESTAMP: 1", "X-BAPI-RECV-WINDOW: \udcff"),
    "time of many digits": get(ACCOUNT, *KEYED, f"X-BAPI-TIMESTAMP: {'9' * 5_000}"),
    "window of many digits": get(ACCOUNT, *KEYED, "X-BAPI-TIMESTAMP: 1", f"X-BAPI-RECV-WINDOW: {'9' * 5_000}"),
    "other digits": get(ACCOUNT, *KEYED, "X-BAPI-TIMESTAMP: ²"),
    "mexc key that is not UTF-8": get("/api/v3/account?timestamp=1&signature=x", "X-MEXC-APIKEY: \udcff"),
    "mexc time of many digits": get(f"/api/v3/account?signature=x&timestamp={'9' * 5_000}", *MEXC_KEYED),
    "mexc content that is none": post("/api/v3/order", b"\xff\xfe", *MEXC_KEYED, "Content-Type: application/json"),
    "mexc deep content": post("/api/v3/order", b'{"a":' * 50_000, *MEXC_KEYED, "Content-Type: application/json"),
    "socket without its key": get(PRIVATE, "Connection: Upgrade", "Upgrade: websocket"),
    "socket that is none": get(PRIVATE),
    "socket of another version": get(MEXC, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 7"),
    "operator's body that is none": post("/operator/step", b"[" * 50_000),
    "operator's huge number": post("/operator/step", b'{"by_ms":' + b"9" * 5_000 + b"}"),
    "operator's money that is none": post("/operator/transfer", b'{"account":0,"amount":1e999}'),
}


def test_a_request_by_hand_is_refused_in_the_venues_shape_or_cut_off(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        before = siege.kernel()
        for what, request in REQUESTS.items():
            raw = await siege.connect()
            await raw.send(request)
            answer = await raw.answer()
            assert answer is None or is_refusal(*answer), (what, answer)
            assert siege.kernel() == before, what

    besieged(attack)


def is_refusal(status: int, headers: dict[bytes, bytes], body: bytes) -> bool:
    if status >= 500 or any(b"injected" in name for name in headers):
        return False
    if headers[b"content-type"].startswith(b"application/json"):
        return bool({"retCode", "code", "error"} & set(json.loads(body)))
    # Before it is known to be a request it has no venue.
    return status in {400, 417}


def replayed(client: Client, **changed: str) -> tuple[str, dict[str, str]]:
    body = json.dumps(ORDER | changed)
    return body, client.headers(body)


@pytest.mark.parametrize("sent", [b"", b"GET /v5/market/time HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a head"])
def test_a_request_that_does_not_come_holds_no_connection(
    sent: bytes, besieged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PATIENCE_S", 0.2)

    async def attack(siege: Siege) -> None:
        raw = await siege.connect()
        await raw.send(sent)
        async with asyncio.timeout(5):
            assert await raw.reader.read() == b""

    besieged(attack)


@pytest.mark.parametrize("path", [CREATE, "/api/v3/order", "/operator/step"])
def test_a_body_that_does_not_come_is_answered_and_cut_off(
    path: str, besieged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "BODY_S", 0.2)
    monkeypatch.setattr(server_module, "LINGER_S", 0.1)

    async def attack(siege: Siege) -> None:
        before, raw = siege.kernel(), await siege.connect()
        await raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{{".encode())
        answered = await raw.answer()
        assert answered is not None
        status, _, body = answered
        assert status == 408
        assert {"retCode", "code"} & json.loads(body).keys()
        async with asyncio.timeout(5):
            assert await raw.reader.read() == b""
        assert siege.kernel() == before

    besieged(attack)


def test_a_signed_request_counts_for_what_was_signed_and_while_it_is_fresh(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        client = siege.client

        async def send(body: str, headers: dict[str, str]) -> int:
            async with client.session.post(f"{client.url}{CREATE}", data=body, headers=headers) as response:
                return int((await response.json())["retCode"])

        body, headers = replayed(client, orderLinkId="once")
        # The venue knows no nonce: what keeps a repeated request from trading twice is the client's own id.
        assert [await send(body, headers) for _ in range(3)] == [0, 110072, 110072]
        assert await send(body.replace('"1"', '"9"'), headers) == 10004
        other = headers | {"X-BAPI-API-KEY": "key-1"}
        assert await send(body, other) == 10004
        for late_ms, code in ((-6_000, 10002), (2_000, 10002), (-1_000, 110072)):
            stamp = str(int(client.stamp()) + late_ms)
            signature = sign("secret-0", f"{stamp}key-05000{body}")
            stamped = headers | {"X-BAPI-TIMESTAMP": stamp, "X-BAPI-SIGN": signature}
            assert await send(body, stamped) == code
        assert len(siege.bybit.venue.orders.all) == 1

    besieged(attack)


def test_a_message_is_not_done_twice_under_one_id_nor_late(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        raw = await siege.socket(TRADE)
        await raw.say(siege.client.hello())
        old = {"X-BAPI-TIMESTAMP": str(int(siege.client.stamp()) - 6_000)}
        new = {"X-BAPI-TIMESTAMP": siege.client.stamp()}
        for request, header in (("a", new), ("a", new), ("b", old), ("c" * 40, new)):
            await raw.say({"op": "order.create", "reqId": request, "header": header, "args": [ORDER]})
        told = await hear_out(raw, TRADE)
        assert [one["retCode"] for one in told] == [0, 0, 20006, 10002, 10001]
        expired = {"op": "auth", "args": ["key-0", 1, sign("secret-0", "GET/realtime1")]}
        other = await siege.socket(PRIVATE)
        await other.say(expired)
        assert [one["success"] for one in await hear_out(other, PRIVATE)] == [False]

    besieged(attack)


def test_a_signed_mexc_request_counts_while_it_is_fresh(besieged: Any) -> None:
    async def attack(siege: Siege) -> None:
        client = siege.client
        asked = {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "99"}

        async def send(query: str) -> Any:
            headers = {"X-MEXC-APIKEY": "key-0", "Content-Type": "application/json"}
            async with client.session.post(f"{client.url}/api/v3/order?{query}", headers=headers) as response:
                return (await response.json()).get("code")

        fresh = signed(asked | {"newClientOrderId": "once"}, stamp=int(client.stamp()))
        assert [await send(fresh) for _ in range(2)] == [None, 30026]
        assert await send(fresh.replace("quantity=1", "quantity=9")) == 700002
        assert await send(signed(asked, stamp=int(client.stamp()) - 6_000)) == 700003
        assert len(siege.mexc.venue.orders.all) == 1

    besieged(attack)


def test_a_message_that_breaks_the_exchange_closes_its_socket_and_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = bybit_desk()

    async def talk(client: Client) -> None:
        socket = await client.session.ws_connect(f"{client.url}{TRADE}")
        await socket.send_json(client.hello())
        await socket.receive_json()
        with monkeypatch.context() as planted:
            planted.setattr(of.venue, "place", None)
            header = {"X-BAPI-TIMESTAMP": client.stamp()}
            await socket.send_json({"op": "order.create", "header": header, "args": [ORDER]})
            closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.INTERNAL_ERROR)
        assert (await client.post(CREATE, json.dumps(ORDER)))[1]["retCode"] == 0

    with_faces([BybitFace(of)], talk)
    assert [record.getMessage() for record in caplog.records] == ["a message at /v5/trade failed"]
