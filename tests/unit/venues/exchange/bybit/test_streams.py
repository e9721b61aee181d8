"""What the three sockets say, without sockets: conversations over listeners that remember."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.market import orderbook
from ballast.venues.exchange.bybit.params import OneSymbol
from ballast.venues.exchange.bybit.private_stream import PrivateStream
from ballast.venues.exchange.bybit.public_stream import PublicStream
from ballast.venues.exchange.bybit.sockets import (
    Conversation,
    PrivateConversation,
    PublicConversation,
    TradeConversation,
)
from ballast.venues.exchange.keys import sign
from tests.unit.venues.exchange.bybit.desks import WALL_MS, desk, order
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market

Message = dict[str, Any]
AUTH = {"op": "auth", "args": ["key-0", WALL_MS + 1_000, sign("secret-0", f"GET/realtime{WALL_MS + 1_000}")]}


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, text: bytes) -> None:
        self.heard.append(json.loads(text))

    def of(self, topic: str) -> list[Message]:
        return [message for message in self.heard if message.get("topic") == topic]


def say(talk: Conversation, **message: Any) -> list[Message]:
    return [json.loads(reply) for reply in talk.hear(json.dumps(message))]


def public(of: Desk) -> tuple[PublicConversation, PublicStream, Ear]:
    stream, ear = PublicStream(of), Ear()
    return PublicConversation(of, 1, stream, ear), stream, ear


def private(of: Desk) -> tuple[PrivateConversation, PrivateStream, Ear]:
    stream, ear = PrivateStream(of), Ear()
    return PrivateConversation(of, 1, stream, ear), stream, ear


def run(of: Desk, stream: PublicStream | PrivateStream, seconds: float) -> None:
    of.venue.advance_to(START_NS + int(seconds * SECOND_NS))
    stream.publish(of.venue.take_updates())


@pytest.mark.parametrize("depth", [1, 50, 200])
def test_a_book_rebuilt_from_snapshot_and_deltas_is_the_book(depth: int) -> None:
    of = desk(market(line(100, 103, 96, 99)), slippage_rate=0.0005)
    talk, stream, ear = public(of)
    topic = f"orderbook.{depth}.AAAUSDT"
    acknowledged, snapshot = say(talk, op="subscribe", args=[topic], req_id="1")
    assert (acknowledged["success"], acknowledged["req_id"], snapshot["type"]) == (True, "1", "snapshot")
    sides = {side: dict(snapshot["data"][side]) for side in "ba"}
    for k in range(1, 60):
        if k % 5 == 0:
            order(of, price=f"{of.venue.last_price(0) - 0.03:.2f}", qty="0.7")
        run(of, stream, k * 3)
    deltas = ear.of(topic)
    numbers = [snapshot["data"]["u"], *(message["data"]["u"] for message in deltas)]
    assert numbers == list(range(1, len(deltas) + 2))
    # Of the best prices alone the venue tells no changes.
    assert {message["type"] for message in deltas} == {"snapshot" if depth == 1 else "delta"}
    for message in deltas:
        for side in "ba":
            before = {} if depth == 1 else sides[side]
            sides[side] = before | dict(message["data"][side])
            sides[side] = {price: qty for price, qty in sides[side].items() if qty != "0"}
    now = orderbook(of, -1, OneSymbol(symbol="AAAUSDT", limit=depth))
    assert sides == {"b": dict(now["b"]), "a": dict(now["a"])}
    assert len(deltas) > 20


def test_a_late_subscriber_starts_from_the_same_count() -> None:
    of = desk(market(line(100, 103, 96)))
    talk, stream, _ = public(of)
    say(talk, op="subscribe", args=["orderbook.50.AAAUSDT"])
    for k in range(1, 5):
        run(of, stream, 7 * k)
    late = Ear()
    other = PublicConversation(of, 2, stream, late)
    _, snapshot = say(other, op="subscribe", args=["orderbook.50.AAAUSDT"])
    run(of, stream, 35)
    assert late.heard[0]["data"]["u"] == snapshot["data"]["u"] + 1


def test_every_closed_bar_is_confirmed_once_however_far_time_jumps() -> None:
    of = desk(market(line(*range(100, 112))))
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["kline.1.AAAUSDT", "kline.5.AAAUSDT"])
    for seconds in (10, 59, 61, 240, 300, 540, 599, 601):
        run(of, stream, seconds)
    for minutes, expected in ((1, 10), (5, 2)):
        confirmed = [m["data"][0]["start"] for m in ear.of(f"kline.{minutes}.AAAUSDT") if m["data"][0]["confirm"]]
        first = START_NS // 1_000_000 // (minutes * 60_000) * minutes * 60_000
        assert confirmed == [first + k * minutes * 60_000 for k in range(len(confirmed))]
        assert len(confirmed) in {expected, expected + 1}


def test_a_ticker_is_told_whole_and_then_what_changed() -> None:
    of = desk(market(line(100, 103)))
    talk, stream, ear = public(of)
    _, snapshot = say(talk, op="subscribe", args=["tickers.AAAUSDT"])
    run(of, stream, 30)
    (delta,) = ear.of("tickers.AAAUSDT")
    assert (snapshot["type"], delta["type"]) == ("snapshot", "delta")
    assert delta["data"]["lastPrice"] == "101.50"
    assert "fundingRate" not in delta["data"]


def test_what_clients_trade_is_printed_for_everybody() -> None:
    of = desk()
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["publicTrade.AAAUSDT"])
    order(of, orderType="Market", side="Sell", qty="1.5")
    stream.publish(of.venue.take_updates())
    (row,) = ear.of("publicTrade.AAAUSDT")[0]["data"]
    assert (row["S"], row["v"], row["p"]) == ("Sell", "1.500", "100.00")


def test_who_unsubscribes_hears_no_more() -> None:
    of = desk(market(line(100, 103)))
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["publicTrade.AAAUSDT", "tickers.AAAUSDT"])
    say(talk, op="unsubscribe", args=["publicTrade.AAAUSDT"])
    run(of, stream, 30)
    assert {message["topic"] for message in ear.heard} == {"tickers.AAAUSDT"}
    talk.leave()
    run(of, stream, 40)
    assert len(ear.heard) == 1


def test_a_private_socket_says_nothing_before_something_happens() -> None:
    of = desk()
    talk, stream, ear = private(of)
    assert say(talk, op="subscribe", args=["order"])[0]["success"] is False
    assert say(talk, **AUTH)[0]["success"] is True
    assert say(talk, op="subscribe", args=["order", "execution", "position", "wallet"])[0]["success"] is True
    stream.publish(of.venue.take_updates())
    assert ear.heard == []


def test_a_market_order_is_told_as_new_filled_executed_position_and_wallet() -> None:
    of = desk()
    talk, stream, ear = private(of)
    say(talk, **AUTH)
    say(talk, op="subscribe", args=["order", "execution", "position", "wallet"])
    order(of, orderType="Market", orderLinkId="mine")
    stream.publish(of.venue.take_updates())
    assert [message["topic"] for message in ear.heard] == ["order", "order", "execution", "position", "wallet"]
    first, second, execution, position, wallet = (message["data"][0] for message in ear.heard)
    assert (first["orderStatus"], second["orderStatus"]) == ("New", "Filled")
    assert (execution["orderLinkId"], execution["feeCurrency"]) == ("mine", "USDT")
    assert (position["size"], float(position["entryPrice"])) == ("1.000", 100.0)
    assert float(wallet["totalWalletBalance"]) == pytest.approx(10_000.0 - 0.055)


def test_a_position_is_told_at_every_change_of_an_order_though_it_stays_flat() -> None:
    of = desk()
    talk, stream, ear = private(of)
    say(talk, **AUTH)
    say(talk, op="subscribe", args=["position.linear"])
    made = order(of)["result"]["orderId"]
    stream.publish(of.venue.take_updates())
    of.venue.cancel(of.venue.orders.find(0, number=int(made[-12:])))
    stream.publish(of.venue.take_updates())
    assert [(message["topic"], message["data"][0]["side"]) for message in ear.heard] == [("position.linear", "")] * 2


def test_nobody_hears_of_another_account() -> None:
    of = desk()
    talk, stream, ear = private(of)
    say(talk, **AUTH)
    say(talk, op="subscribe", args=["order", "wallet"])
    order(of, account=1, orderType="Market")
    stream.publish(of.venue.take_updates())
    assert ear.heard == []


def test_a_kind_and_its_category_are_not_mixed_in_one_subscription() -> None:
    talk, _, _ = private(desk())
    say(talk, **AUTH)
    assert say(talk, op="subscribe", args=["order", "order.linear"])[0]["success"] is False


@pytest.mark.parametrize(
    "changed", [["nobody", WALL_MS + 1, "x"], ["key-0", WALL_MS + 1, "x"], ["key-0", WALL_MS, "x"], ["key-0"], []]
)
def test_a_socket_that_signs_in_wrongly_is_not_let_in(changed: list[Any]) -> None:
    talk, _, _ = private(desk())
    assert say(talk, op="auth", args=changed)[0]["success"] is False


def trader(of: Desk) -> TradeConversation:
    talk = TradeConversation(of, 3)
    assert say(talk, **AUTH)[0]["retCode"] == 0
    return talk


def ask(talk: TradeConversation, op: str, request: str, **fields: Any) -> Message:
    header = {"X-BAPI-TIMESTAMP": str(WALL_MS)}
    which = {"category": "linear", "symbol": "AAAUSDT"}
    (reply,) = say(talk, op=op, reqId=request, header=header, args=[which | fields])
    return reply


def test_the_trade_socket_creates_amends_and_cancels() -> None:
    of = desk()
    talk = trader(of)
    made = ask(talk, "order.create", "1", side="Buy", orderType="Limit", qty="1", price="99", orderLinkId="mine")
    assert (made["retCode"], made["reqId"], made["data"]["orderLinkId"]) == (0, "1", "mine")
    assert ask(talk, "order.amend", "2", orderLinkId="mine", price="98")["retCode"] == 0
    assert ask(talk, "order.create", "3", side="Buy", orderType="Limit", qty="1", price="99", orderLinkId="mine")[
        "retCode"
    ] == (110072)
    assert ask(talk, "order.cancel", "4", orderLinkId="mine")["retCode"] == 0
    assert ask(talk, "order.cancel", "4", orderLinkId="mine")["retCode"] == 20006
    assert ask(talk, "order.dance", "5")["retCode"] == 10404


def test_the_trade_socket_asks_who_and_when() -> None:
    of = desk()
    stranger = TradeConversation(of, 3)
    assert ask(stranger, "order.create", "1")["retCode"] == 10004
    (late,) = say(trader(of), op="order.create", reqId="1", header={"X-BAPI-TIMESTAMP": "1"}, args=[{}])
    assert late["retCode"] == 10002


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "1", '{"op": 1}', '{"op": "dance"}', '{"op": "subscribe"}', '{"op":"subscribe","args":[1]}'],
)
def test_a_frame_that_is_no_message_gets_an_error_and_the_talk_goes_on(text: str) -> None:
    of = desk()
    for talk in (public(of)[0], private(of)[0]):
        (reply,) = (json.loads(one) for one in talk.hear(text))
        assert reply["success"] is False
        assert "op" in say(talk, op="ping")[0]
    (reply,) = (json.loads(one) for one in trader(of).hear(text))
    assert reply["retCode"] != 0


@cache
def quiet_desk() -> Desk:
    return desk()


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=40)
    | st.sampled_from(["orderbook.1.AAAUSDT", "orderbook.9.AAAUSDT", "kline.x.AAAUSDT", "tickers."])
)
def test_a_topic_is_heard_or_refused(name: str) -> None:
    talk = PublicConversation(quiet_desk(), 1, PublicStream(quiet_desk()), Ear())
    replies = say(talk, op="subscribe", args=[name])
    known = name == "orderbook.1.AAAUSDT"
    assert replies[0]["success"] is known


def test_arguments_longer_than_the_venue_takes_are_refused() -> None:
    talk, _, _ = public(desk())
    (reply,) = say(talk, op="subscribe", args=["orderbook.50.AAAUSDT"] * 1_100)
    assert reply["success"] is False


def test_bars_of_a_market_with_a_gap_are_confirmed_when_their_time_is_over() -> None:
    bars = flat(100.0, 4)
    gap = market(bars)
    gap.feed.frames["ts_ns"][2:] += 5 * MINUTE_NS
    of = desk(gap)
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["kline.1.AAAUSDT"])
    run(of, stream, 90)
    run(of, stream, 150)
    confirmed = [m["data"][0]["start"] for m in ear.of("kline.1.AAAUSDT") if m["data"][0]["confirm"]]
    assert confirmed == [START_NS // 1_000_000 + 60_000 * k for k in range(2)]


def test_the_best_prices_are_told_again_under_the_same_number_when_nothing_changes_for_three_seconds() -> None:
    of = desk()
    of.wall_ms = 1_000
    talk, stream, ear = public(of)
    (_, first) = say(talk, op="subscribe", args=["orderbook.1.AAAUSDT"])
    for wall_ms in (3_999, 4_000, 4_001, 7_000):
        stream.publish([], wall_ms)
    told = ear.of("orderbook.1.AAAUSDT")
    assert [(one["type"], one["data"]) for one in told] == [("snapshot", first["data"])] * 2


def test_with_the_walls_time_a_book_is_told_no_more_often_than_the_venue_tells_it_and_then_whole() -> None:
    of = desk()
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["orderbook.50.AAAUSDT", "publicTrade.AAAUSDT"])
    for wall_ms, price in ((1_000, "99.5"), (1_005, "99.6"), (1_019, "99.7")):
        order(of, price=price)
        stream.publish(of.venue.take_updates(), wall_ms)
    told = ear.of("orderbook.50.AAAUSDT")
    assert len(told) == 1
    first = told[0]
    assert [level[0] for level in first["data"]["b"]] == ["99.50"]
    order(of, orderType="Market", side="Sell", qty="0.5")
    stream.publish(of.venue.take_updates(), 1_019)
    assert len(ear.of("publicTrade.AAAUSDT")) == 1
    # Nothing new, but what was held back is due.
    stream.publish([], 1_020)
    stream.publish([], 1_060)
    told = ear.of("orderbook.50.AAAUSDT")
    assert len(told) == 2
    second = told[1]
    assert {level[0] for level in second["data"]["b"]} == {"99.60", "99.70"}
    assert second["data"]["u"] == first["data"]["u"] + 1
