"""The public client against the local exchange as either venue, on real sockets that break."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ballast.model.errors import Disconnected, RejectedByVenue
from ballast.model.public_feed import (
    BookLevels,
    FeedEvent,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicTrade,
    TickerSeen,
)
from ballast.venues.public_socket import Silence
from tests.unit.venues.feeds import BARS, HOUSES, MINUTE_NS, TICKER, TRADES, House, Listening, with_feed

pytestmark = pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)


def states(told: Sequence[FeedEvent]) -> list[FeedState]:
    return [event.state for event in told if isinstance(event, FeedStatus)]


def closed(told: Sequence[FeedEvent]) -> list[int]:
    return [event.open_ns for event in told if isinstance(event, PublicBar) and event.is_closed]


def own_trades(told: Sequence[FeedEvent]) -> list[PublicTrade]:
    """Return the trades that were told, each once and in order; those that clients here have made."""
    trades = [event for event in told if isinstance(event, PublicTrade)]
    assert len({trade.trade_id for trade in trades}) == len(trades)
    assert [trade.time_ns for trade in trades] == sorted(trade.time_ns for trade in trades)
    return [trade for trade in trades if (trade.side, trade.qty) == (1, 1.0)]


def test_trades_books_bars_and_tickers_are_told(house: House) -> None:
    async def talk(feed: Listening) -> None:
        book = await feed.next_of(BookLevels)
        assert book.bids[0][0] < book.asks[0][0]
        await feed.bought()
        trade = await feed.next_of(PublicTrade)
        assert (trade.symbol, trade.qty, trade.side) == ("AAAUSDT", 1.0, 1)
        assert (await feed.closed_bar()).close == 100.0

    told = with_feed(house, talk, TRADES, house.book, BARS, TICKER)
    assert any(isinstance(event, TickerSeen) for event in told)
    assert states(told) == [FeedState.CONNECTED]


def test_what_happened_while_the_socket_was_down_is_told_once_and_in_order(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.until(FeedState.CONNECTED)
        await feed.next_of(BookLevels)
        await feed.bought()
        first = await feed.next_of(PublicTrade)
        await feed.closed_bar()
        feed.proxy.is_shut = True
        feed.proxy.cut()
        await feed.until(FeedState.LOST)
        await feed.bought()
        await feed.step(300)
        await feed.bought()
        feed.proxy.is_shut = False
        await feed.until(FeedState.REPAIRED)
        await feed.until(FeedState.REPAIRED)
        await feed.bought()
        last = await feed.next_of(PublicTrade)
        assert last.time_ns > first.time_ns

    told = with_feed(house, talk, TRADES, BARS, house.book)
    assert len(own_trades(told)) == 4
    opens = closed(told)
    assert opens == list(range(opens[0], opens[0] + len(opens) * MINUTE_NS, MINUTE_NS))
    assert len(opens) >= 3


def test_a_socket_that_says_nothing_is_given_up(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.next_of(BookLevels)
        feed.proxy.is_silent = True
        assert "nothing came for 0.3 s" in (await feed.until(FeedState.LOST)).text
        feed.proxy.is_silent = False
        feed.proxy.cut()
        await feed.until(FeedState.CONNECTED)
        await feed.next_of(BookLevels)
        assert feed.proxy.n_clients >= 2

    with_feed(house, talk, house.book, silence=Silence(ping_s=0.1, dead_s=0.3))


def test_pings_keep_a_quiet_connection_and_a_topic_without_news_is_stale(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.next_of(BookLevels)
        await feed.bought()
        await feed.next_of(PublicTrade)
        assert (await feed.until(FeedState.STALE)).topic == TRADES
        await feed.bought()
        assert (await feed.until(FeedState.FRESH)).topic == TRADES
        assert feed.proxy.n_clients == 1

    silence = Silence(ping_s=0.05, dead_s=0.5, stale_s={FeedKind.TRADES: 0.7})
    told = with_feed(house, talk, house.book, TRADES, silence=silence)
    assert FeedState.LOST not in states(told)


def test_a_venue_that_stays_away_is_given_up_after_the_last_attempt(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.next_of(BookLevels)
        feed.proxy.is_shut = True
        feed.proxy.cut()
        with pytest.raises(Disconnected, match="4 attempts to connect failed, last: "):
            await feed.until(FeedState.CONNECTED)

    told = with_feed(house, talk, house.book)
    assert states(told).count(FeedState.LOST) == 5


def test_a_topic_that_the_venue_refuses_ends_the_feed(house: House) -> None:
    async def talk(feed: Listening) -> None:
        with pytest.raises(RejectedByVenue, match=r"refused a subscription: .*; check symbols"):
            await feed.next_of(PublicTrade)

    with_feed(house, talk, FeedTopic(FeedKind.TRADES, "NOSUCHUSDT"))


# The exchange's own faults.


@pytest.mark.parametrize("kind", ["push_dropped", "push_reordered"])
def test_a_change_of_the_book_that_is_missing_or_late_brings_the_book_anew(house: House, kind: str) -> None:
    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        await feed.bought("99.80")
        await feed.book_as_fetched()
        await feed.arm(kind, FeedKind.BOOK)
        for price in ("99.81", "99.82"):
            await feed.bought(price)
        assert "does not follow the last one" in (await feed.until(FeedState.GAP)).text
        await feed.until(FeedState.REPAIRED)
        await feed.bought("99.83")
        await feed.book_as_fetched()
        assert await feed.struck() == 1

    told = with_feed(house, talk, house.book)
    assert states(told) == [FeedState.CONNECTED, FeedState.GAP, FeedState.REPAIRED]


def test_what_comes_twice_is_told_once(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        await feed.arm("push_duplicated", count=0)
        await feed.bought()
        await feed.bought("99.80")
        await feed.book_as_fetched()
        await feed.closed_bar()
        await feed.bought()
        while len(own_trades(feed.told)) < 2:
            await feed.next_of(PublicTrade)
        assert await feed.struck() > 3

    told = with_feed(house, talk, house.book, TRADES, BARS)
    assert len(own_trades(told)) == 2
    assert len(set(closed(told))) == len(closed(told))
    assert states(told) == [FeedState.CONNECTED]


def test_the_close_of_a_bar_that_was_dropped_is_asked_for(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.next_of(BookLevels)
        await feed.closed_bar()
        await feed.arm("push_dropped", FeedKind.BARS, count=3)
        await feed.step(60)
        await feed.step(60)
        await feed.step(60)
        while len(closed(feed.told)) < 5:
            await feed.step(5)
            await feed.next_of(PublicBar)
        assert await feed.struck() == 3

    opens = closed(with_feed(house, talk, house.book, BARS))
    assert opens == list(range(opens[0], opens[0] + len(opens) * MINUTE_NS, MINUTE_NS))


def test_a_socket_that_falls_silent_is_left_for_another(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        await feed.arm("socket_silent", FeedKind.BOOK)
        await feed.bought("99.80")
        assert "nothing came" in (await feed.until(FeedState.LOST)).text
        await feed.book_as_fetched()

    with_feed(house, talk, house.book, silence=Silence(ping_s=0.1, dead_s=0.3))


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_a_socket_that_is_closed_is_opened_again_even_if_not_at_once(house: House, is_abrupt: bool) -> None:
    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        await feed.bought()
        await feed.next_of(PublicTrade)
        await feed.arm("connection_refused", match=house.path, count=2)
        await feed.arm("socket_closed", FeedKind.TRADES, is_abrupt=is_abrupt)
        await feed.bought()
        await feed.until(FeedState.REPAIRED)
        await feed.book_as_fetched()

    told = with_feed(house, talk, house.book, TRADES)
    assert states(told).count(FeedState.LOST) == 3
    assert len(own_trades(told)) == 2


def test_maintenance_is_waited_for(house: House) -> None:
    async def talk(feed: Listening) -> None:
        await feed.book_as_fetched()
        await feed.closed_bar()
        await feed.arm("maintenance", for_ms=60_000.0)
        await feed.step(1)
        await feed.until(FeedState.LOST)
        await feed.until(FeedState.LOST)
        await feed.step(180)
        await feed.until(FeedState.REPAIRED)
        await feed.book_as_fetched()

    opens = closed(with_feed(house, talk, house.book, BARS))
    assert opens == list(range(opens[0], opens[0] + len(opens) * MINUTE_NS, MINUTE_NS))
    assert len(opens) >= 4
