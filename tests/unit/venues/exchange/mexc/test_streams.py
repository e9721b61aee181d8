"""What the socket says, without sockets: conversations over mailboxes that remember."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.venues import mexc_push
from ballast.venues.exchange.faces import Visit
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.house import MexcFace
from ballast.venues.exchange.mexc.listen_keys import LIFE_MS, MOST_SOCKETS
from ballast.venues.exchange.mexc.sockets import (
    IDLE_MS,
    MOST_MESSAGES,
    MOST_SUBSCRIPTIONS,
    SILENCE_MS,
    Conversation,
)
from ballast.venues.exchange.mexc.wire import order_id
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market, ticked
from tests.unit.venues.exchange.mexc.desks import WALL_MS, ask, desk, get, order

ORDERS, DEALS, ACCOUNT = (f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account"))
DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@AAAUSDT"
TICKER = "spot@public.aggre.bookTicker.v3.api.pb@10ms@AAAUSDT"
KLINE = "spot@public.kline.v3.api.pb@AAAUSDT@Min1"
TRADES = "spot@public.aggre.deals.v3.api.pb@100ms@AAAUSDT"
LIMIT = "spot@public.limit.depth.v3.api.pb@AAAUSDT@5"
MINI = "spot@public.miniTicker.v3.api.pb@AAAUSDT@UTC+8"


class Mailbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.frames: list[Any] = []

    def send(self, text: bytes) -> None:
        self.texts.append(text)

    def push(self, data: bytes) -> None:
        self.frames.append(mexc_push.decode(data))

    def take(self) -> list[Any]:
        taken, self.frames = self.frames, []
        return taken


class Client:
    """A face, and one socket on it."""

    def __init__(self, of: Desk, key: str = "", face: MexcFace | None = None) -> None:
        self.desk, self.face, self.box = of, face or MexcFace(of), Mailbox()
        query = f"listenKey={key}" if key else ""
        talk = self.face.sockets["/ws"](Visit(1, query, self.box))
        assert isinstance(talk, Conversation)
        self.talk = talk

    def say(self, method: str, *names: str, number: int | None = None) -> list[Any]:
        message: dict[str, Any] = {"method": method, "params": list(names)}
        if number is not None:
            message["id"] = number
        return [json.loads(one) for one in self.talk.hear(json.dumps(message))]

    def listen(self, *names: str) -> None:
        assert [one["msg"] for one in self.say("SUBSCRIPTION", *names)] == [",".join(names)]

    def hear(self) -> list[Any]:
        self.face.publish()
        return self.box.take()


def private(of: Desk, *names: str) -> Client:
    key = ask(of, "POST", "userDataStream")["listenKey"]
    client = Client(of, key)
    client.listen(*names)
    return client


def body(frame: Any) -> Any:
    return getattr(frame, frame.WhichOneof("body"))


# Messages.


def test_channels_are_subscribed_to_and_left_and_pings_answered() -> None:
    client = Client(desk())
    assert client.say("SUBSCRIPTION", TRADES, number=7) == [{"id": 7, "code": 0, "msg": TRADES}]
    assert client.say("PING") == [{"id": 0, "code": 0, "msg": "PONG"}]
    assert client.say("PING", number=True) == [{"id": 0, "code": 0, "msg": "PONG"}]
    assert client.say("ping") == [{"id": 0, "code": 0, "msg": "PONG"}]
    assert client.say("PONG") == []
    assert client.say("UNSUBSCRIPTION", TRADES) == [{"id": 0, "code": 0, "msg": TRADES}]
    order(client.desk, type="MARKET", price="")
    assert client.hear() == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "spot",
        "spot@public.aggre.depth.v3.api.pb@100ms",
        "spot@public.aggre.depth.v3.api.pb@1ms@AAAUSDT",
        "spot@public.aggre.depth.v3.api.pb@100ms@NOUSDT",
        "spot@public.aggre.depth.v3.api.pb@AAAUSDT@100ms",
        "spot@public.aggre.depth.v3.api@100ms@AAAUSDT",
        "spot@public.limit.depth.v3.api.pb@AAAUSDT@7",
        "spot@public.kline.v3.api.pb@AAAUSDT@Month1",
        "spot@public.miniTicker.v3.api.pb@AAAUSDT@here",
        "spot@private.orders.v3.api.pb",
        "spot@private.everything.v3.api.pb",
        "x" * 10_000,
    ],
)
def test_a_channel_that_is_none_or_nobodys_is_not_subscribed_to(name: str) -> None:
    client = Client(desk())
    (answer,) = client.say("SUBSCRIPTION", name)
    assert answer["msg"].startswith("Not Subscribed successfully!")
    assert len(answer["msg"]) < 200
    assert client.say("SUBSCRIPTION", name, TRADES)[0]["msg"] == TRADES


def test_one_socket_has_up_to_thirty_subscriptions() -> None:
    client = Client(desk())
    zones = [f"spot@public.miniTickers.v3.api.pb@UTC{hours:+d}" for hours in range(-12, 15)]
    names = [*zones, TRADES, DEPTH, KLINE, TICKER]
    assert len(names) == MOST_SUBSCRIPTIONS + 1
    answers = [answer["msg"] for answer in client.say("SUBSCRIPTION", *names)]
    assert answers[0] == ",".join(names[:-1])
    assert ["more than 30" in answer for answer in answers] == [False, True]
    client.say("UNSUBSCRIPTION", TRADES)
    assert client.say("SUBSCRIPTION", TICKER)[0]["msg"] == TICKER


# Public channels.


def test_changes_of_the_book_follow_on_the_version_that_rest_told() -> None:
    client = Client(desk(market(line(100, 104, 101, 103), flat(50.0, 3))))
    of = client.desk
    client.listen(DEPTH)
    snapshot = get(of, "depth", symbol="AAAUSDT", limit=1_000)
    sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    version = snapshot["lastUpdateId"]
    for k in range(1, 12):
        order(of, quantity="0.5", price=str(90 + k))
        of.venue.advance_to(START_NS + k * 15 * SECOND_NS)
        if k % 3 == 0:
            # A look over REST in between must not swallow what the sockets have not been told.
            get(of, "depth", symbol="AAAUSDT")
            order(of, quantity="0.5", price=str(80 + k))
            get(of, "depth", symbol="AAAUSDT")
        for frame in client.hear():
            change = frame.publicAggreDepths
            assert int(change.fromVersion) == version + 1
            version = int(change.toVersion)
            for side in ("bids", "asks"):
                for level in getattr(change, side):
                    sides[side][level.price] = level.quantity
                sides[side] = {price: qty for price, qty in sides[side].items() if float(qty)}
    now = get(of, "depth", symbol="AAAUSDT", limit=1_000)
    assert now["lastUpdateId"] == version > 5
    assert {side: dict(now[side]) for side in ("bids", "asks")} == sides


def test_on_ticks_a_move_of_the_best_prices_is_told_without_a_trade() -> None:
    quotes = ((0.5, "quote", 100.0, 5.0, 101.0, 4.0), (2.0, "quote", 100.25, 3.0, 101.0, 4.0))
    of = desk(ticked(*quotes))
    of.venue.advance_to(START_NS + SECOND_NS)
    client = Client(of)
    client.listen(TICKER, DEPTH)
    client.hear()
    of.venue.advance_to(START_NS + 3 * SECOND_NS)
    best, depth = (body(frame) for frame in sorted(client.hear(), key=lambda frame: frame.channel != TICKER))
    assert (best.bidPrice, best.bidQuantity, best.askPrice) == ("100.25", "3.000", "101.00")
    assert ("100.25", "3.000") in [(level.price, level.quantity) for level in depth.bids]


def test_states_are_told_at_once_and_again_when_they_change() -> None:
    of = desk(market(line(100, 104, 101), flat(50.0, 2)))
    client = Client(of)
    client.listen(TICKER, LIMIT, MINI, "spot@public.bookTicker.batch.v3.api.pb@AAAUSDT")
    first = client.box.take()
    assert [frame.WhichOneof("body") for frame in first] == [
        "publicAggreBookTicker",
        "publicLimitDepths",
        "publicMiniTicker",
        "publicBookTickerBatch",
    ]
    assert {frame.symbol for frame in first} == {"AAAUSDT"}
    assert (body(first[0]).bidPrice, body(first[0]).askPrice) == ("99.99", "100.00")
    assert [level.price for level in body(first[1]).asks] == ["100.00", "100.01", "100.02", "100.03", "100.04"]
    assert (body(first[2]).symbol, body(first[2]).price) == ("AAAUSDT", "100.00")
    assert client.hear() == []
    of.venue.advance_to(START_NS + MINUTE_NS)
    later = client.hear()
    assert body(later[0]).askPrice == get(of, "ticker/bookTicker", symbol="AAAUSDT")["askPrice"] == "104.00"
    assert int(body(later[1]).version) == get(of, "depth", symbol="AAAUSDT")["lastUpdateId"]
    assert client.hear() == []


def test_trades_and_bars_are_told_as_they_happen() -> None:
    of = desk(market(line(100, 104, 101, 102), flat(50.0, 3)))
    client = Client(of)
    client.listen(TRADES, KLINE, "spot@public.miniTickers.v3.api.pb@24H")
    client.box.take()
    order(of, account=1, type="MARKET", quantity="3", price="")
    trades = [deal for frame in client.hear() if frame.channel == TRADES for deal in body(frame).deals]
    assert [(deal.price, deal.quantity, deal.tradeType) for deal in trades] == [("100.00", "3.000", 1)]
    bars = []
    for second in (30, 60, 90, 150):
        of.venue.advance_to(START_NS + second * SECOND_NS)
        bars += [body(frame) for frame in client.hear() if frame.channel == KLINE]
    start = START_NS // SECOND_NS
    assert [bar.windowStart - start for bar in bars] == [0, 0, 60, 60, 60, 120]
    assert (bars[1].closingPrice, bars[1].windowEnd - start, bars[1].interval) == ("104.00", 60, "Min1")
    told = get(of, "klines", symbol="AAAUSDT", interval="1m")[-1]
    assert [told[k] for k in range(1, 6)] == [
        getattr(bars[-1], name) for name in ("openingPrice", "highestPrice", "lowestPrice", "closingPrice", "volume")
    ]


def test_each_frame_is_made_once_for_all_who_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk()
    face = MexcFace(of)
    clients = [Client(of, face=face) for _ in range(3)]
    for client in clients:
        client.listen(TRADES)
    made, encode = [], mexc_push.encode

    def counted(channel: str, *rest: Any, **about: Any) -> bytes:
        made.append(channel)
        return encode(channel, *rest, **about)

    monkeypatch.setattr(mexc_push, "encode", counted)
    order(of, type="MARKET", price="")
    face.publish()
    assert (len(made), [len(client.box.take()) for client in clients]) == (1, [1, 1, 1])
    clients[0].talk.leave()
    order(of, type="MARKET", price="")
    face.publish()
    assert [len(client.box.take()) for client in clients] == [0, 1, 1]


# Private channels.


def test_an_order_a_deal_and_each_coin_that_changed_are_told_in_that_order() -> None:
    of = desk()
    client = private(of, ORDERS, DEALS, ACCOUNT)
    order(of, type="MARKET", quantity="2", price="", newClientOrderId="mine")
    frames = client.hear()
    assert [frame.channel for frame in frames] == [ORDERS, ORDERS, DEALS, ACCOUNT, ACCOUNT]
    new, filled, deal, money, coins = map(body, frames)
    assert (new.status, filled.status, filled.orderType, filled.tradeType) == (1, 2, 5, 1)
    assert (filled.id, filled.clientId, filled.avgPrice) == (order_id(1), "mine", "100.00")
    assert (new.cumulativeQuantity, filled.lastDealQuantity, filled.remainQuantity) == ("0.000", "2.000", "0.000")
    assert (deal.orderId, deal.amount, deal.feeAmount, deal.feeCurrency, deal.isMaker) == (
        order_id(1),
        "200.00000000",
        "0.10000000",
        "USDT",
        False,
    )
    assert (money.vcoinName, money.balanceAmount, money.balanceAmountChange, money.frozenAmount, money.type) == (
        "USDT",
        "9799.90000000",
        "-200.10000000",
        "0.00000000",
        "ENTRUST",
    )
    assert (coins.vcoinName, coins.balanceAmount, coins.balanceAmountChange) == ("AAA", "2.000", "2.000")
    assert {frame.symbol for frame in frames[:3]} == {"AAAUSDT"}


def test_what_a_resting_order_locks_is_told_and_freed_again() -> None:
    of = desk()
    client = private(of, ACCOUNT)
    order(of, price="90")
    (locked,) = map(body, client.hear())
    assert (locked.frozenAmount, locked.frozenAmountChange, locked.balanceAmountChange, locked.type) == (
        "90.04500000",
        "90.04500000",
        "-90.04500000",
        "ENTRUST_PLACE",
    )
    ask(of, "DELETE", "order", symbol="AAAUSDT", orderId=order_id(1))
    (freed,) = map(body, client.hear())
    assert (freed.frozenAmount, freed.balanceAmount, freed.type) == ("0.00000000", "10000.00000000", "ENTRUST_CANCEL")
    of.venue.transfer(0, 5.0)
    (paid_in,) = map(body, client.hear())
    assert (paid_in.balanceAmount, paid_in.type) == ("10005.00000000", "DEPOSIT")
    of.venue.transfer(0, -10.0)
    (paid_out,) = map(body, client.hear())
    assert (paid_out.balanceAmountChange, paid_out.type) == ("-10.00000000", "WITHDRAW")


def test_parts_of_an_order_are_told_one_by_one() -> None:
    of = desk(market(line(100, 95, 90), volume=4.0), participation=0.5)
    client = private(of, ORDERS, DEALS)
    order(of, quantity="3", price="98")
    of.venue.advance_to(START_NS + 2 * MINUTE_NS - 1)
    frames = client.hear()
    orders = [body(frame) for frame in frames if frame.channel == ORDERS]
    assert [(one.status, one.lastDealQuantity, one.remainQuantity) for one in orders] == [
        (1, "0.000", "3.000"),
        (3, "2.000", "1.000"),
        (2, "1.000", "0.000"),
    ]
    assert [body(frame).quantity for frame in frames if frame.channel == DEALS] == ["2.000", "1.000"]


def test_nobody_hears_of_another_account() -> None:
    of = desk()
    client = private(of, ORDERS, DEALS, ACCOUNT)
    order(of, account=1, type="MARKET", price="")
    assert client.hear() == []


# How a socket ends.


def test_a_wrong_listen_key_is_told_so_and_closed() -> None:
    client = Client(desk(), key="nonsense")
    assert client.box.texts == [b"Invalid listen key"]
    assert client.talk.overdue(WALL_MS) == "invalid listen key"


def test_a_listen_key_carries_up_to_five_sockets() -> None:
    of = desk()
    key = ask(of, "POST", "userDataStream")["listenKey"]
    clients = [Client(of, key) for _ in range(MOST_SOCKETS + 1)]
    assert [bool(client.talk.overdue(WALL_MS)) for client in clients] == [False] * MOST_SOCKETS + [True]
    clients[0].talk.leave()
    assert not Client(of, key).talk.overdue(WALL_MS)


def test_a_socket_ends_with_its_listen_key() -> None:
    of = desk()
    client = private(of, ORDERS)
    (key,) = ask(of, "GET", "userDataStream")["listenKey"]
    for minute in range(60):
        of.wall_ms = WALL_MS + minute * 60_000
        client.say("PING")
    assert client.talk.overdue(WALL_MS + LIFE_MS - 1) == ""
    assert client.talk.overdue(WALL_MS + LIFE_MS) == "the listen key has ended"
    of.listen_keys.extend(0, key, of.wall_ms)
    assert client.talk.overdue(of.wall_ms) == ""
    of.listen_keys.end(0, key, of.wall_ms)
    assert client.talk.overdue(of.wall_ms) == "the listen key has ended"


def test_a_socket_without_a_subscription_ends_after_half_a_minute_and_a_silent_one_after_a_minute() -> None:
    of = desk()
    client = Client(of)
    assert client.talk.overdue(WALL_MS + IDLE_MS - 1) == ""
    assert client.talk.overdue(WALL_MS + IDLE_MS) == "no subscription"
    client.listen(TRADES)
    assert client.talk.overdue(WALL_MS + IDLE_MS) == ""
    assert client.talk.overdue(WALL_MS + SILENCE_MS) == "no traffic"
    of.wall_ms = WALL_MS + SILENCE_MS - 1
    client.say("PING")
    assert client.talk.overdue(WALL_MS + SILENCE_MS) == ""
    client.say("UNSUBSCRIPTION", TRADES)
    assert client.talk.overdue(of.wall_ms + IDLE_MS - 1) == ""
    assert client.talk.overdue(of.wall_ms + IDLE_MS) == "no subscription"


def test_what_is_pushed_is_traffic_too() -> None:
    of = desk(market(line(100, 104), flat(50.0, 1)))
    client = Client(of)
    client.listen(TRADES)
    of.wall_ms = WALL_MS + SILENCE_MS - 1
    of.venue.advance_to(START_NS + 30 * SECOND_NS)
    assert client.hear()
    assert client.talk.overdue(WALL_MS + SILENCE_MS) == ""


def test_too_many_messages_in_a_second_end_a_socket() -> None:
    client = Client(desk())
    client.listen(TRADES)
    for _ in range(MOST_MESSAGES - 1):
        client.say("PING")
    assert client.talk.overdue(WALL_MS) == ""
    assert client.say("PING") == []
    assert client.talk.overdue(WALL_MS) == "too many messages"


# Whatever comes.


@cache
def fuzzed() -> Client:
    return Client(desk(cash=1e6))


words = st.sampled_from(["SUBSCRIPTION", "UNSUBSCRIPTION", "PING", "method", "params", "id", TRADES, DEPTH, ORDERS])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
messages = st.dictionaries(words, values, max_size=3).map(json.dumps) | values.map(json.dumps)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80).map(lambda data: data.decode("utf-8", "replace")) | messages | st.text(max_size=40))
def test_no_frame_crashes_the_socket_or_changes_the_book(frame: str) -> None:
    client = fuzzed()
    client.desk.wall_ms += 1_000
    before = client.desk.books.look(0)
    held = (before.version, dict(before.bids), dict(before.asks))
    for answer in client.talk.hear(frame):
        assert set(json.loads(answer)) == {"id", "code", "msg"}
    client.face.publish()
    after = client.desk.books.look(0)
    assert (after.version, after.bids, after.asks) == held
    assert client.desk.venue.orders.all == {}


def test_a_frame_nested_deeper_than_any_reader_goes_is_an_error() -> None:
    assert json.loads(Client(desk()).talk.hear("[" * 100_000)[0])["code"] == 1
