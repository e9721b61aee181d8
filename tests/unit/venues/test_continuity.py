"""What was told is told once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import Side
from ballast.model.public_feed import PublicBar, PublicTrade
from ballast.venues import continuity
from ballast.venues.continuity import BarMemory, TradeMemory


def trade(number: int) -> PublicTrade:
    return PublicTrade("A", number * 10, 1.0, 1.0, Side.BUY, str(number))


def bar(open_ns: int, *, is_closed: bool = True) -> PublicBar:
    return PublicBar("A", 10, open_ns, 1.0, 1.0, 1.0, 1.0, 0.0, is_closed)


@given(pages=st.lists(st.lists(st.integers(0, 30), max_size=10).map(sorted), max_size=10))
@settings(deadline=None)
def test_every_trade_of_every_page_is_told_exactly_once(pages: list[list[int]]) -> None:
    memory = TradeMemory()
    told = [one.trade_id for page in pages for one in memory.unseen([trade(number) for number in sorted(set(page))])]
    assert sorted(told, key=int) == sorted({str(number) for page in pages for number in page}, key=int)


def test_a_page_that_does_not_go_back_far_enough_says_so() -> None:
    memory = TradeMemory()
    assert memory.is_empty
    memory.unseen([trade(5), trade(6)])
    assert memory.reaches([trade(6), trade(9)])
    assert memory.reaches([trade(4), trade(9)])
    assert not memory.reaches([trade(8), trade(9)])
    assert not memory.reaches([])


def test_a_page_tells_only_what_came_after_the_last_trade() -> None:
    memory = TradeMemory()
    memory.unseen([trade(5)])
    assert memory.later([trade(3), trade(5), trade(6)]) == [trade(6)]
    assert memory.later([trade(1), trade(2)]) == []
    assert memory.later([trade(8), trade(9)]) == [trade(8), trade(9)]


def test_what_is_remembered_is_bounded() -> None:
    memory = TradeMemory()
    memory.unseen(trade(number) for number in range(continuity.REMEMBERED_TRADES + 10))
    assert memory.unseen([trade(5)]) == [trade(5)]
    assert memory.unseen([trade(continuity.REMEMBERED_TRADES + 9)]) == []


def test_a_closed_bar_ends_what_may_be_told_of_it() -> None:
    memory = BarMemory()
    assert len(memory.unseen([bar(0, is_closed=False), bar(0, is_closed=False), bar(0), bar(0), bar(10)])) == 4
    assert memory.unseen([bar(10, is_closed=False), bar(0)]) == []
    assert memory.closed_ns == 10
