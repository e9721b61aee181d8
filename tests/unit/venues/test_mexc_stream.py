"""MEXC's public messages, without a socket, and what only its sockets do."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.cli import venues
from ballast.cli.venues import public_feed
from ballast.model.enums import Side
from ballast.model.errors import ConfigError, Disconnected, RejectedByVenue
from ballast.model.public_feed import (
    BookLevels,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicTrade,
    TickerSeen,
)
from ballast.venues import mexc_push
from ballast.venues.exchange import server as server_module
from ballast.venues.exchange.mexc import sockets
from ballast.venues.mexc_public import BookSnapshot, numbered_trades
from ballast.venues.mexc_stream import MexcDialect
from ballast.venues.public_socket import Reading
from tests.unit.venues.exchange.markets import flat, market
from tests.unit.venues.exchange.servers import Client, with_faces
from tests.unit.venues.feeds import Listening, Mexc, with_feed

MS, MINUTE_NS = 1_000_000, 60_000_000_000
TRADES = FeedTopic(FeedKind.TRADES, "BTCUSDT")
BOOK = FeedTopic(FeedKind.BOOK, "BTCUSDT", depth=1_000)
TOP = FeedTopic(FeedKind.BOOK, "BTCUSDT", depth=5)
BARS = FeedTopic(FeedKind.BARS, "BTCUSDT", interval_ns=MINUTE_NS)
TICKER = FeedTopic(FeedKind.TICKER, "BTCUSDT")
NAMES = {
    TRADES: "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT",
    BOOK: "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT",
    TOP: "spot@public.limit.depth.v3.api.pb@BTCUSDT@5",
    BARS: "spot@public.kline.v3.api.pb@BTCUSDT@Min1",
    TICKER: "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT",
}
READY = b'{"id":0,"code":0,"msg":"spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"}'
SENT_MS = 1_758_841_135_824


def dialect() -> MexcDialect:
    return MexcDialect(list(NAMES))


def read(of: MexcDialect, topic: FeedTopic, body: str, **fields: Any) -> Reading:
    return of.read(mexc_push.encode(NAMES[topic], body, fields, symbol="BTCUSDT", sendTime=SENT_MS), 7)


def deal(time_ms: int, price: str = "109378.90") -> dict[str, Any]:
    return {"price": price, "quantity": "0.020", "tradeType": 2, "time": time_ms}


def deals(of: MexcDialect, *rows: dict[str, Any]) -> Reading:
    return read(of, TRADES, "publicAggreDeals", deals=rows)


def bar(of: MexcDialect, minute: int, close: str = "2") -> Reading:
    figures = {"openingPrice": "1", "highestPrice": "4", "lowestPrice": "0.5", "volume": "10", "amount": "15"}
    times = {"interval": "Min1", "windowStart": 60 * minute, "windowEnd": 60 * minute + 60}
    return read(of, BARS, "publicSpotKline", closingPrice=close, **times, **figures)


def change(of: MexcDialect, version: int, price: str, qty: str = "1") -> Reading:
    fields = {"fromVersion": str(version), "toVersion": str(version), "bids": [{"price": price, "quantity": qty}]}
    return read(of, BOOK, "publicAggreDepths", **fields)


def snapshot(number: int, *bids: tuple[str, str]) -> BookSnapshot:
    return BookSnapshot(5, number, list(bids), [("101.00", "2")])


def told_states(reading: Reading) -> list[FeedState]:
    return [event.state for event in reading.events if isinstance(event, FeedStatus)]


def bids(of: MexcDialect, told: BookSnapshot) -> list[tuple[float, float]]:
    levels = of.restart(BOOK, told, 7)[0]
    assert isinstance(levels, BookLevels)
    return list(levels.bids)


def test_topics_are_asked_for_in_one_message_by_the_venues_names() -> None:
    assert [json.loads(text) for text in dialect().greeting()] == [
        {"method": "SUBSCRIPTION", "params": list(NAMES.values())}
    ]


def test_a_trade_is_told_once_and_equal_ones_of_one_message_each() -> None:
    of = dialect()
    (told,) = deals(of, deal(1_000)).events
    assert isinstance(told, PublicTrade)
    assert told[:5] == ("BTCUSDT", 1_000 * MS, 109378.9, 0.02, Side.SELL)
    again = deals(of, deal(1_000), deal(1_001), deal(1_001), deal(1_001, "109378.91"))
    assert [event.time_ns // MS for event in again.events if isinstance(event, PublicTrade)] == [1_001] * 3
    assert len({event.trade_id for event in again.events if isinstance(event, PublicTrade)}) == 3
    assert again.topic == TRADES


@given(rows=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1.0, 2.0]), st.just(1.0), st.sampled_from(Side))))
@settings(deadline=None)
def test_every_trade_of_a_message_has_a_name_of_its_own_and_the_same_twice(
    rows: list[tuple[int, float, float, Side]],
) -> None:
    trades = numbered_trades("A", rows)
    assert len({trade.trade_id for trade in trades}) == len(rows)
    assert trades == numbered_trades("A", rows)
    assert [trade.time_ns for trade in trades] == sorted(row[0] * MS for row in rows)


def test_a_bar_that_another_follows_is_asked_for_and_nothing_is_said_to_be_missing() -> None:
    of = dialect()
    expected = PublicBar("BTCUSDT", MINUTE_NS, MINUTE_NS, 1.0, 4.0, 0.5, 2.0, 10.0, is_closed=False)
    assert bar(of, 1).events == [expected]
    assert bar(of, 1, close="3").missed == []
    next_one = bar(of, 2)
    assert (next_one.events, next_one.missed) == ([], [BARS])
    # Those who were asked had it.
    of.memory.bars[BARS].unseen([expected._replace(is_closed=True)])
    assert len(bar(of, 2).events) == 1
    assert bar(of, 1).events == []


def test_bars_that_are_missing_before_the_last_one_are_said_to_be() -> None:
    of = dialect()
    bar(of, 1)
    hole = bar(of, 3)
    assert (told_states(hole), hole.missed) == ([FeedState.GAP], [BARS])
    # The venue was asked and has none: minutes without a trade.
    of.memory.bars[BARS].whole_ns = 2 * MINUTE_NS
    assert len(bar(of, 3).events) == 1


def test_a_book_is_what_rest_told_and_the_changes_after_it() -> None:
    of = dialect()
    of.greeting()
    assert of.read(READY, 7).missed == [BOOK]
    # Changes that come before the book wait for it, and those that it holds already are passed over.
    assert [change(of, version, "98").events for version in (5, 6)] == [[], []]
    assert bids(of, snapshot(5, ("99.00", "1"))) == [(99.0, 1.0), (98.0, 1.0)]
    (levels,) = change(of, 7, "99", qty="0").events
    assert levels == BookLevels("BTCUSDT", SENT_MS * MS, ((98.0, 1.0),), ((101.0, 2.0),), BOOK.depth)
    assert change(of, 7, "97").events == []


def test_a_hole_in_a_books_versions_is_said_once_and_asked_about_until_it_is_closed() -> None:
    of = dialect()
    of.restart(BOOK, snapshot(5, ("99", "1")), 7)
    assert len(change(of, 6, "98").events) == 1
    hole = change(of, 8, "97")
    assert (told_states(hole), hole.missed) == ([FeedState.GAP], [BOOK])
    # REST may be behind the socket: the change that is missing is in neither.
    assert of.restart(BOOK, snapshot(6, ("99", "1")), 7) == []
    later = change(of, 9, "96")
    assert (later.events, later.missed) == ([], [BOOK])
    levels, status = of.restart(BOOK, snapshot(7, ("99", "1")), 7)
    assert isinstance(levels, BookLevels)
    assert [price for price, _ in levels.bids] == [99.0, 97.0, 96.0]
    assert isinstance(status, FeedStatus)
    assert status.state is FeedState.REPAIRED
    assert len(change(of, 10, "95").events) == 1


@given(
    lost=st.sets(st.integers(1, 30)),
    behind=st.lists(st.integers(0, 3), min_size=31, max_size=31),
)
@settings(deadline=None)
def test_whatever_is_lost_a_book_that_is_told_is_the_venues(lost: set[int], behind: list[int]) -> None:
    of = dialect()
    of.greeting()
    # Change k puts a level at 100 + k and takes away the one at 95 + k.
    truth = [[(100.0 + k, 1.0) for k in range(n, max(n - 5, -1), -1)] for n in range(31)]
    told = []
    for version in range(1, 31):
        if version in lost:
            continue
        fields = [{"price": f"{100 + version}.0", "quantity": "1"}, {"price": f"{95 + version}", "quantity": "0"}]
        reading = read(of, BOOK, "publicAggreDepths", fromVersion=str(version), toVersion=str(version), bids=fields)
        told += [(version, event) for event in reading.events if isinstance(event, BookLevels)]
        for topic in reading.missed:
            number = max(0, version - behind[version])
            rows = [(f"{price:g}", "1") for price, _ in truth[number]]
            mended = of.restart(topic, BookSnapshot(0, number, rows, []), 7)
            told += [(max(number, version), event) for event in mended if isinstance(event, BookLevels)]
    assert all(list(book.bids) == truth[version] for version, book in told)
    if not lost:
        assert len(told) == 30


def test_the_first_levels_and_the_best_prices_are_told_as_they_come() -> None:
    of = dialect()
    sides = {"bids": [{"price": "99", "quantity": "1"}], "asks": [{"price": "101", "quantity": "2"}]}
    (levels,) = read(of, TOP, "publicLimitDepths", version="9", **sides).events
    assert levels == BookLevels("BTCUSDT", SENT_MS * MS, ((99.0, 1.0),), ((101.0, 2.0),), TOP.depth)
    (ticker,) = read(of, TICKER, "publicAggreBookTicker", bidPrice="99", bidQuantity="1", askPrice="").events
    assert ticker == TickerSeen("BTCUSDT", SENT_MS * MS, {"bidPrice": "99", "bidQuantity": "1"})


def test_what_was_missed_is_asked_for_once_the_venue_listens_again() -> None:
    of = dialect()
    deals(of, deal(1_000))
    bar(of, 1)
    of.restart(BOOK, snapshot(5), 7)
    of.greeting()
    assert of.read(b'{"id":0,"code":0,"msg":"PONG"}', 7).missed == []
    assert of.read(READY, 7).missed == [TRADES, BARS, BOOK]
    assert of.read(READY, 7).missed == []
    assert change(of, 6, "99").missed == [BOOK]


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 0, "code": 0, "msg": "Not Subscribed successfully! [spot@x].  Reason： Blocked! "},
        {"id": 0, "code": 1, "msg": "params is a list of channels"},
    ],
)
def test_a_subscription_that_is_blocked_ends_the_talk(answer: dict[str, Any]) -> None:
    with pytest.raises(RejectedByVenue, match=r"mexc refused a subscription: .*; check symbols"):
        dialect().read(json.dumps(answer).encode(), 7)


def test_rubbish_is_told_apart_from_what_nobody_asked_for() -> None:
    of = dialect()
    wrong_side = mexc_push.encode(NAMES[TRADES], "publicAggreDeals", {"deals": [deal(1) | {"tradeType": 9}]})
    no_bar = mexc_push.encode(NAMES[BARS], "publicAggreDeals", {"deals": []})
    for rubbish in (b"{", b'{"msg":1}', b"\xff\xfe", wrong_side, no_bar):
        with pytest.raises(Disconnected, match="cannot be read"):
            of.read(rubbish, 7)
    assert of.read(mexc_push.encode("spot@public.other", "publicAggreDeals", {"deals": [deal(1)]}), 7).events == []


@given(message=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_read_or_given_up(message: bytes) -> None:
    with suppress(Disconnected, RejectedByVenue):
        assert dialect().read(message, 7).events == []


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        ([FeedTopic(FeedKind.BOOK, "A", depth=50)], "no book of 50 levels; choose 5, 10, 20, 1000"),
        ([FeedTopic(FeedKind.BARS, "A", interval_ns=7_000_000_000)], "no bars of 7 s"),
        ([TRADES._replace(symbol=f"A{k}") for k in range(31)], "one socket of mexc takes 30 topics, not 31"),
    ],
)
def test_what_the_venue_has_not_is_refused(topics: list[FeedTopic], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        MexcDialect(topics)


def test_a_socket_that_is_a_day_old_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "LIFE_MS", 300)
    monkeypatch.setattr(server_module, "DOORMAN_S", 0.05)

    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        assert "a day has passed" in (await feed.until(FeedState.LOST)).text
        await feed.book_as_fetched()

    house = Mexc()
    with_feed(house, talk, house.book)


def test_more_topics_than_a_socket_takes_are_heard_over_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(venues._VENUES, "mexc", venues._VENUES["mexc"]._replace(topics_a_socket=3))
    topics = [FeedTopic(FeedKind.BOOK, name, depth) for name in ("AAAUSDT", "BBBUSDT") for depth in (5, 10, 20, 1_000)]

    async def talk(client: Client) -> None:
        heard: set[tuple[str, int]] = set()
        async with public_feed("mexc", "spot", topics, url=client.url) as feed, aclosing(feed.events()) as events:
            async for event in events:
                if isinstance(event, BookLevels):
                    heard.add((event.symbol, len(event.bids)))
                if len(heard) == len(topics):
                    break
            assert client.server.n_sockets == 3
        for _ in range(100):
            if not client.server.n_sockets:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a socket was left open")

    with_faces([Mexc().face(market(flat(100.0, 3), flat(50.0, 3)))], talk)


def test_a_feed_that_fails_ends_those_that_it_was_joined_with() -> None:
    topics = [FeedTopic(FeedKind.TRADES, f"NO{k}USDT") for k in range(40)]

    async def talk(client: Client) -> None:
        async with public_feed("mexc", "spot", topics, url=client.url) as feed, aclosing(feed.events()) as events:
            with pytest.raises(RejectedByVenue, match="Blocked"):
                async for _ in events:
                    pass

    with_faces([Mexc().face(market(flat(100.0, 3), flat(50.0, 3)))], talk)
