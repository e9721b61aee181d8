"""Faults as clients meet them, on real sockets: messages, connections, answers, and what a venue may do to anybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.bybit.sockets import TradeConversation
from ballast.venues.exchange.faces import Request
from ballast.venues.exchange.faults.injection import MOST_READS, Injection, Wire
from ballast.venues.exchange.faults.kinds import KINDS, AnswerLost, PushDropped, PushLate, SymbolDelisted
from ballast.venues.exchange.faults.schedule import Hit, Schedule, parse_faults, random_faults
from ballast.venues.exchange.mexc.house import MexcFace
from tests.unit.venues.exchange.bybit.desks import desk, headers
from tests.unit.venues.exchange.bybit.desks import post as ask_for
from tests.unit.venues.exchange.markets import flat, line, market
from tests.unit.venues.exchange.servers import Client, with_exchange

ORDER = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}
LIMIT = ORDER | {"orderType": "Limit", "price": "99"}
CREATE = "/v5/order/create"
REALTIME = "/v5/order/realtime?category=linear&symbol=AAAUSDT"
Socket = aiohttp.ClientWebSocketResponse


async def arm(client: Client, *faults: dict[str, Any], clear: bool = False) -> list[dict[str, Any]]:
    asked = {"faults": faults, "clear": clear}
    async with client.session.post(f"{client.url}/operator/faults", json=asked) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return list(answer["faults"])


async def step(client: Client, **asked: int) -> Any:
    async with client.session.post(f"{client.url}/operator/step", json=asked) as response:
        return await response.json()


async def listener(client: Client, *topics: str) -> Socket:
    socket = await client.private_socket()
    await socket.send_json({"op": "subscribe", "args": topics})
    assert (await socket.receive_json())["success"]
    return socket


async def trader(client: Client) -> Socket:
    socket = await client.session.ws_connect(f"{client.url}/v5/trade")
    await socket.send_json(client.hello())
    assert (await socket.receive_json())["retCode"] == 0
    return socket


async def ask(client: Client, socket: Socket, request: str, **changed: Any) -> None:
    header = {"X-BAPI-TIMESTAMP": client.stamp()}
    await socket.send_json({"op": "order.create", "reqId": request, "header": header, "args": [LIMIT | changed]})


async def order(client: Client, **changed: Any) -> Any:
    return (await client.post(CREATE, json.dumps(ORDER | changed)))[1]


async def heard(socket: Socket, n: int) -> list[Any]:
    return [await socket.receive_json() for _ in range(n)]


async def nothing_comes(socket: Socket, within_s: float = 0.1) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await socket.receive(timeout=within_s)


def held(state: Any, account: int = 0) -> float:
    return float(state["accounts"][account]["positions"][0]["qty"])


def live(talk: Callable[[Client], Awaitable[None]]) -> None:
    with_exchange(desk(market(line(100, 103, 100), flat(50.0, 2))), talk)


def hits(schedule: Schedule, *names: str, now_ms: float = 0.0) -> list[bool]:
    return [bool(schedule.hits(AnswerLost, name, None, now_ms)) for name in names]


def test_a_fault_lets_the_first_pass_and_then_hits_as_many_as_it_says() -> None:
    schedule = Schedule()
    schedule.arm([AnswerLost(match="a*", skip=2, count=2)], 0.0)
    assert hits(schedule, *["a", "b", "ab", "a", "b", "a", "a"]) == [False, False, False, True, False, True, False]


def test_a_fault_has_its_time_from_when_it_was_armed() -> None:
    schedule = Schedule()
    schedule.arm([AnswerLost(after_ms=10.0, for_ms=5.0, count=0)], 100.0)
    assert [hits(schedule, "a", now_ms=now)[0] for now in (109.0, 110.0, 114.9, 115.0)] == [False, True, True, False]


def test_an_event_happens_once() -> None:
    schedule = Schedule()
    schedule.arm([SymbolDelisted(symbol="AAAUSDT")], 0.0)
    (armed,) = schedule.due(0.0)
    armed.n_struck += 1
    assert schedule.due(1.0) == []


def test_however_late_a_topics_messages_come_in_their_order() -> None:
    of = desk()
    injection = Injection(BybitFace(of))
    injection.arm([{"kind": "push_late", "delay_ms": 10, "jitter_ms": 1_000, "count": 0}], "test")
    wire = Wire(injection, TradeConversation(of, 1), lambda _: None)
    due = []
    for k in range(50):
        ((late_s, _),) = wire.pass_on(b'{"topic":"order"}', k / 100.0)
        due.append(round(k / 100.0 + late_s, 9))
    assert due == sorted(due)
    assert len(set(due)) > 3


def test_an_order_whose_answer_is_lost_is_there() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "answer_lost", "match": "POST /v5/order/create"})
        with pytest.raises(aiohttp.ClientConnectionError):
            await order(client, orderLinkId="mine")
        assert held((await client.get("/operator/state"))[1]) == 1.0
        assert (await order(client, orderLinkId="mine"))["retCode"] == 110072

    live(talk)


def test_on_the_trade_socket_too_an_answer_may_be_lost_late_or_unknown() -> None:
    async def talk(client: Client) -> None:
        socket = await trader(client)
        create = {"match": "order.create"}
        await arm(client, {"kind": "answer_lost", **create})
        await ask(client, socket, "1", orderLinkId="a")
        await ask(client, socket, "2", orderLinkId="b")
        assert (await socket.receive_json())["reqId"] == "2"
        await arm(client, {"kind": "answer_late", "delay_ms": 300, **create})
        await ask(client, socket, "3", orderLinkId="c")
        await ask(client, socket, "4", orderLinkId="d")
        # Late is late; nothing else waits for it.
        assert [one["reqId"] for one in await heard(socket, 2)] == ["4", "3"]
        await arm(client, {"kind": "server_timeout", **create}, {"kind": "rate_limited", "skip": 1, **create})
        await ask(client, socket, "5", orderLinkId="e")
        await ask(client, socket, "6", orderLinkId="f")
        assert [(one["reqId"], one["retCode"]) for one in await heard(socket, 2)] == [("5", 10000), ("6", 10006)]
        orders = (await client.get("/operator/state"))[1]["accounts"][0]["orders"]
        assert len(orders) == 5
        await socket.close()

    live(talk)


def test_an_answer_after_a_long_silence_finds_the_order_done_meanwhile() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "answer_late", "match": "*create", "delay_ms": 200, "jitter_ms": 100})
        sent = asyncio.create_task(order(client))
        while held((await client.get("/operator/state"))[1]) == 0.0:
            assert not sent.done()
        assert (await sent)["retCode"] == 0

    live(talk)


def test_ten_seconds_is_what_an_answer_takes_that_is_late_and_says_no_more() -> None:
    (fault,) = parse_faults([{"kind": "answer_late"}], "test")
    assert Hit(fault, 0.7).delay_s == 10.0


def test_after_an_error_of_any_kind_the_order_may_be_there() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "http_error", "match": "*create", "status": 504})
        await arm(client, {"kind": "server_timeout", "match": "*create", "skip": 1})
        async with await client.sent(CREATE, json.dumps(ORDER)) as response:
            assert (response.status, response.content_type) == (504, "text/html")
        assert (await order(client))["retCode"] == 10000
        assert (await order(client))["retCode"] == 0
        assert held((await client.get("/operator/state"))[1]) == 3.0

    live(talk)


def test_a_storm_of_rate_limits_does_nothing_and_says_when_to_come_back() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "rate_limited", "count": 2, "account": 0})
        for _ in range(2):
            async with await client.sent(CREATE, json.dumps(ORDER)) as response:
                assert response.headers["X-Bapi-Limit-Status"] == "0"
                assert (await response.json())["retCode"] == 10006
        assert held((await client.get("/operator/state"))[1]) == 0.0
        assert (await order(client))["retCode"] == 0

    live(talk)


def test_a_stale_read_does_not_know_yet_what_was_just_done() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "stale_read", "match": "GET /v5/order/*", "skip": 1, "count": 2})
        await order(client, orderType="Limit", price="99", orderLinkId="a")
        seen = [row["orderLinkId"] for row in (await client.signed(REALTIME))["result"]["list"]]
        await order(client, orderType="Limit", price="98", orderLinkId="b")
        assert seen == ["a"]
        assert [row["orderLinkId"] for row in (await client.signed(REALTIME))["result"]["list"]] == ["a"]
        # Never asked before: not found.
        assert (await client.signed(f"{REALTIME}&orderLinkId=b"))["result"]["list"] == []
        assert len((await client.signed(REALTIME))["result"]["list"]) == 2

    live(talk)


@pytest.mark.parametrize(("n_others", "seen"), [(MOST_READS - 1, 1), (MOST_READS, 0)])
def test_a_stale_read_is_remembered_until_so_many_others_have_been_asked(n_others: int, seen: int) -> None:
    of = desk()
    injection, path = Injection(BybitFace(of)), "/v5/order/realtime"
    placed: dict[str, Any] = dict(LIMIT)
    ask_for(of, "order/create", **placed)

    def n_listed(query: str) -> int:
        answer = injection.answer(Request("GET", path, query, headers(query))).answer
        assert answer is not None
        return len(json.loads(answer.body)["result"]["list"])

    injection.arm([{"kind": "stale_read", "skip": n_others + 1}], "test")
    assert n_listed("category=linear&symbol=AAAUSDT") == 1
    for other in range(n_others):
        n_listed(f"category=linear&symbol=AAAUSDT&orderLinkId=other-{other}")
    assert n_listed("category=linear&symbol=AAAUSDT") == seen


def test_under_maintenance_sockets_close_none_opens_and_requests_are_refused_until_it_is_over() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order")
        await arm(client, {"kind": "maintenance", "after_ms": 1_000, "for_ms": 5_000})
        assert (await client.get("/v5/market/time"))[0] == 200
        await step(client, by_ms=1_000)
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        async with client.session.get(f"{client.url}/v5/market/time") as response:
            assert response.status == 503
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.session.ws_connect(f"{client.url}/v5/private")
        await step(client, by_ms=5_000)
        assert (await order(client))["retCode"] == 0
        await socket.close()

    live(talk)


@pytest.mark.parametrize(("offset_ms", "code"), [(-1_500, 10002), (6_000, 10002), (-500, 0), (4_000, 0)])
def test_a_venue_whose_clock_is_off_refuses_what_is_signed_by_the_right_time(offset_ms: int, code: int) -> None:
    async def talk(client: Client) -> None:
        before = int((await client.get("/v5/market/time"))[1]["time"])
        await arm(client, {"kind": "clock_skew", "offset_ms": offset_ms})
        after = int((await client.get("/v5/market/time"))[1]["time"])
        assert abs(after - before - offset_ms) < 500
        assert (await order(client))["retCode"] == code

    live(talk)


def test_one_fill_is_never_told_while_all_else_is() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "execution", "wallet")
        await arm(client, {"kind": "push_dropped", "match": "execution"})
        await order(client)
        await socket.send_json({"op": "ping"})
        assert [one.get("topic", one.get("op")) for one in await heard(socket, 2)] == [
            "wallet",
            "pong",
        ]
        await order(client)
        assert [one["topic"] for one in await heard(socket, 2)] == ["execution", "wallet"]
        await socket.close()

    live(talk)


def test_messages_come_twice_or_in_the_wrong_order() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order", "execution", "wallet")
        await arm(client, {"kind": "push_duplicated", "match": "execution"})
        await order(client)
        first = await heard(socket, 5)
        assert [one["topic"] for one in first] == ["order", "order", "execution", "execution", "wallet"]
        assert first[2] == first[3]
        await arm(client, {"kind": "push_reordered", "match": "order", "skip": 1}, clear=True)
        await order(client)
        told = await heard(socket, 4)
        # Filled is told after its execution.
        assert [one["topic"] for one in told] == ["order", "execution", "order", "wallet"]
        assert [one["data"][0]["orderStatus"] for one in told if one["topic"] == "order"] == ["New", "Filled"]
        await socket.close()

    live(talk)


def test_one_topic_is_late_and_keeps_its_order_and_the_others_are_not() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order", "execution", "wallet")
        late = {"kind": "push_late", "match": "order", "delay_ms": 150, "jitter_ms": 100, "count": 0}
        await arm(client, late)
        await order(client)
        told = await heard(socket, 4)
        assert [one["topic"] for one in told] == ["execution", "wallet", "order", "order"]
        assert [one["data"][0]["orderStatus"] for one in told[2:]] == ["New", "Filled"]
        await socket.close()

    live(talk)


def test_a_silent_socket_is_open_and_says_nothing_not_even_pong() -> None:
    async def talk(client: Client) -> None:
        socket, other = await listener(client, "wallet"), await listener(client, "wallet")
        await arm(client, {"kind": "socket_silent"})
        await order(client)
        assert (await other.receive_json())["topic"] == "wallet"
        await socket.send_json({"op": "ping"})
        await socket.ping()
        await nothing_comes(socket)
        assert not socket.closed
        await order(client)
        assert (await other.receive_json())["topic"] == "wallet"
        await nothing_comes(socket)
        await asyncio.gather(socket.close(), other.close())

    live(talk)


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_a_socket_closes_instead_of_telling_and_the_reconnect_is_refused_before_it_succeeds(is_abrupt: bool) -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order", "execution")
        await arm(
            client,
            {"kind": "socket_closed", "match": "execution", "is_abrupt": is_abrupt},
            {"kind": "connection_refused", "match": "/v5/private", "count": 2},
        )
        await order(client)
        told = [await socket.receive() for _ in range(3)]
        closing = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert told[-1].type in closing
        assert "execution" not in [one.json()["topic"] for one in told if one.type == aiohttp.WSMsgType.TEXT]
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.session.ws_connect(f"{client.url}/v5/private")
        again = await listener(client, "execution")
        # What was missed is not told again.
        await order(client, side="Sell")
        assert (await again.receive_json())["data"][0]["side"] == "Sell"
        await asyncio.gather(socket.close(), again.close())

    live(talk)


@pytest.mark.parametrize("part", [k / 1_000 for k in (1, 100, 499, 500, 999)])
def test_an_order_fills_in_two_parts_at_whatever_split(part: float) -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order", "execution")
        await arm(client, {"kind": "partial_fill", "match": "*create", "qty": part})
        await order(client, orderType="Limit", price="101")
        new, partly, execution = await heard(socket, 3)
        assert [one["data"][0]["orderStatus"] for one in (new, partly)] == ["New", "PartiallyFilled"]
        assert float(execution["data"][0]["execQty"]) == part
        assert float(partly["data"][0]["leavesQty"]) == pytest.approx(1.0 - part)
        # The next bar opens at 103, which is above the limit; the last falls back to 100.
        await step(client, by_ms=119_000)
        filled, rest = await heard(socket, 2)
        assert filled["data"][0]["orderStatus"] == "Filled"
        assert float(rest["data"][0]["execQty"]) == pytest.approx(1.0 - part)
        assert held((await client.get("/operator/state"))[1]) == 1.0
        await socket.close()

    live(talk)


def test_a_market_order_that_fills_in_part_is_cancelled_with_what_it_has() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "partial_fill", "match": "*create", "qty": 0.4})
        made = (await order(client))["result"]["orderId"]
        (row,) = (await client.signed(f"/v5/order/history?category=linear&orderId={made}"))["result"]["list"]
        assert (row["orderStatus"], row["cumExecQty"]) == ("Cancelled", "0.400")
        # The next one is bounded no more.
        await order(client)
        assert held((await client.get("/operator/state"))[1]) == pytest.approx(1.4)

    live(talk)


def test_an_account_is_liquidated_by_the_kernel_as_soon_as_it_holds_anything() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "execution")
        (armed,) = await arm(client, {"kind": "liquidation", "account": 0})
        assert armed["n_struck"] == 0
        await order(client)
        await step(client, by_ms=1_000)
        opened, closed = await heard(socket, 2)
        assert (opened["data"][0]["execType"], closed["data"][0]["execType"]) == ("Trade", "BustTrade")
        state = (await client.get("/operator/state"))[1]
        assert (held(state), state["accounts"][0]["is_liquidated"]) == (0.0, True)
        await socket.close()

    live(talk)


def test_a_delisted_symbol_loses_its_orders_and_takes_none_and_the_others_trade_on() -> None:
    async def talk(client: Client) -> None:
        socket = await listener(client, "order")
        await order(client, orderType="Limit", price="99")
        await arm(client, {"kind": "symbol_delisted", "symbol": "AAAUSDT"})
        assert [one["data"][0]["orderStatus"] for one in await heard(socket, 2)] == ["New", "Cancelled"]
        assert (await order(client))["retCode"] == 110074
        assert (await order(client, symbol="BBBUSDT"))["retCode"] == 0
        rows = (await client.get("/v5/market/instruments-info?category=linear"))[1]["result"]["list"]
        assert [(row["symbol"], row["status"]) for row in rows] == [("AAAUSDT", "Closed"), ("BBBUSDT", "Trading")]
        await socket.close()

    live(talk)


def test_an_instruments_steps_and_limits_change_while_it_trades() -> None:
    async def talk(client: Client) -> None:
        assert (await order(client, qty="0.123"))["retCode"] == 0
        change = {"kind": "filters_changed", "symbol": "AAAUSDT", "tick": "0.5", "lot": "0.1", "min_notional": 50}
        await arm(client, change)
        (row,) = (await client.get("/v5/market/instruments-info?category=linear&symbol=AAAUSDT"))[1]["result"]["list"]
        assert (row["priceFilter"]["tickSize"], row["lotSizeFilter"]["qtyStep"]) == ("0.5", "0.1")
        assert row["lotSizeFilter"]["minNotionalValue"] == "50"
        assert [(await order(client, qty=qty))["retCode"] for qty in ("0.123", "0.3", "0.5")] == [10001, 110094, 0]
        made = (await order(client, orderType="Limit", price="99.7", qty="1"))["result"]["orderId"]
        orders = (await client.get("/operator/state"))[1]["accounts"][0]["orders"]
        assert [(one["number"], one["price"]) for one in orders] == [(int(made[-12:]), 99.5)]

    live(talk)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "answer_latte"},
        {"match": "*"},
        {"kind": "push_late"},
        {"kind": "answer_lost", "delay_ms": 5},
        {"kind": "answer_lost", "probability": 1.5},
        {"kind": "liquidation", "account": 9},
        {"kind": "symbol_delisted", "symbol": "NOUSDT"},
        {"kind": "filters_changed", "symbol": "AAAUSDT", "tick": "0"},
        {"kind": "filters_changed", "symbol": "AAAUSDT", "lot": "1e-3"},
        3,
    ],
)
def test_a_fault_that_is_none_is_refused_in_one_line_and_changes_nothing(wrong: Any) -> None:
    async def talk(client: Client) -> None:
        asked = {"faults": [{"kind": "answer_lost"}, wrong]}
        async with client.session.post(f"{client.url}/operator/faults", json=asked) as response:
            told = (await response.json())["error"]
            assert (response.status, told.count("\n"), told.startswith("operator: fault 2")) == (400, 0, True)
        assert (await client.get("/operator/faults"))[1] == {"faults": []}

    live(talk)


def test_what_is_armed_is_told_with_how_often_it_has_struck() -> None:
    async def talk(client: Client) -> None:
        await arm(client, {"kind": "server_timeout", "match": "POST *", "skip": 1})
        for _ in range(3):
            await order(client)
        (told,) = (await client.get("/operator/faults"))[1]["faults"]
        assert (told["kind"], told["n_matched"], told["n_struck"]) == ("server_timeout", 3, 1)
        assert await arm(client, clear=True) == []

    live(talk)


def test_every_fault_there_is_can_be_shown_by_a_face() -> None:
    assert BybitFace.faults | MexcFace.faults == set(KINDS)
    assert set(KINDS) - BybitFace.faults == {"listen_key_expired"}
    assert set(KINDS) - MexcFace.faults == {"liquidation"}


strikes = st.builds(
    AnswerLost,
    match=st.sampled_from(["*", "a*", "b"]),
    skip=st.integers(0, 3),
    count=st.integers(0, 4),
    probability=st.sampled_from([0.0, 0.3, 1.0]),
    after_ms=st.sampled_from([0.0, 5.0]),
    for_ms=st.none() | st.sampled_from([3.0, 30.0]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(strikes, max_size=4), st.lists(st.sampled_from(["a", "ab", "b"]), max_size=40), st.integers(0, 5))
def test_the_same_script_seed_and_questions_give_the_same_faults(
    faults: list[AnswerLost], names: list[str], seed: int
) -> None:
    def story() -> list[list[Hit]]:
        schedule = Schedule(seed)
        schedule.arm(faults, 0.0)
        told = [schedule.hits(AnswerLost, name, None, float(now)) for now, name in enumerate(names)]
        for armed, fault in zip(schedule.armed, faults, strict=True):
            assert armed.n_struck <= (len(names) if fault.count == 0 else fault.count)
            assert armed.n_struck <= max(0, armed.n_matched - fault.skip)
        return told

    assert story() == story()


def test_a_probability_is_met_over_many_and_seeds_differ() -> None:
    def struck(seed: int) -> list[bool]:
        schedule = Schedule(seed)
        schedule.arm([PushDropped(count=0, probability=0.25)], 0.0)
        return [bool(schedule.hits(PushDropped, "order", 0, 0.0)) for _ in range(2_000)]

    assert 0.21 < sum(struck(1)) / 2_000 < 0.29
    assert struck(1) != struck(2)


def test_a_fault_of_one_account_does_not_even_count_another() -> None:
    schedule = Schedule()
    schedule.arm([PushLate(delay_ms=1.0, account=1)], 0.0)
    assert [len(schedule.hits(PushLate, "order", account, 0.0)) for account in (0, None, 1, 1)] == [0, 0, 1, 0]


def test_a_bad_day_has_only_what_the_face_can_show() -> None:
    assert {fault.__struct_config__.tag for fault in random_faults(["push_late", "answer_lost"])} == {
        "push_late",
        "answer_lost",
    }


def test_a_list_of_faults_is_a_list() -> None:
    with pytest.raises(ConfigError, match="faults is a list"):
        parse_faults({"kind": "answer_lost"}, "faults.toml")
