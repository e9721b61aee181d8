"""What a feed has told already, so that after a gap each trade and each closed bar is told once, and none is lost."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ballast.model.public_feed import FeedKind, FeedTopic, PublicBar, PublicTrade

REMEMBERED_TRADES = 5_000
"""More than any venue's page of recent trades, which is what they are compared with."""


@dataclass
class TradeMemory:
    """The last trades of one symbol."""

    last_ns: int = -1
    _ids: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_TRADES))
    _known: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to go on from."""
        return not self._ids

    def unseen(self, trades: Iterable[PublicTrade]) -> list[PublicTrade]:
        """Return those of ``trades``, ascending in time, that were not told before, and remember them."""
        new = [trade for trade in trades if trade.trade_id not in self._known]
        for trade in new:
            if len(self._ids) == REMEMBERED_TRADES:
                self._known.discard(self._ids[0])
            self._ids.append(trade.trade_id)
            self._known.add(trade.trade_id)
            self.last_ns = max(self.last_ns, trade.time_ns)
        return new

    def later(self, page: Sequence[PublicTrade]) -> list[PublicTrade]:
        """
        Return those of a page of recent trades that came after the last one told, and remember them.

        A page goes back beyond the first trade that was told; what stands before a known trade is not news.
        """
        known = [k for k, trade in enumerate(page) if trade.trade_id in self._known]
        if known:
            return self.unseen(page[known[-1] + 1 :])
        return self.unseen(trade for trade in page if trade.time_ns >= self.last_ns)

    def reaches(self, page: Iterable[PublicTrade]) -> bool:
        """Return whether a page of recent trades goes back to what was told before, so that none is missing."""
        return any(trade.trade_id in self._known or trade.time_ns < self.last_ns for trade in page)


@dataclass
class BarMemory:
    """
    The last bars of one symbol and interval, by their open times, -1 before any.

    Up to ``closed_ns`` closed bars were told. Up to ``whole_ns`` the venue was asked: what was not told by then does
    not exist, because nothing traded. ``awaited_ns`` is the bar that showed that others before it are missing;
    ``is_broken`` says that somebody was told so, and wants to hear when they are there.
    """

    closed_ns: int = -1
    whole_ns: int = -1
    awaited_ns: int = -1
    is_broken: bool = False

    def missing(self, bar: PublicBar) -> int:
        """Return how many bars may be missing between the last closed one and ``bar``."""
        if self.closed_ns < 0:
            return 0
        return max(0, (bar.open_ns - max(self.closed_ns, self.whole_ns)) // bar.interval_ns - 1)

    def unseen(self, bars: Iterable[PublicBar]) -> list[PublicBar]:
        """Return those of ``bars``, ascending in time, that lie behind the last closed one, and remember them."""
        new = []
        for bar in bars:
            if bar.open_ns > self.closed_ns:
                new.append(bar)
                if bar.is_closed:
                    self.closed_ns = bar.open_ns
        return new


@dataclass
class FeedMemory:
    """What the topics of one connection have told of trades, by symbol, and of bars."""

    trades: defaultdict[str, TradeMemory] = field(default_factory=lambda: defaultdict(TradeMemory))
    bars: defaultdict[FeedTopic, BarMemory] = field(default_factory=lambda: defaultdict(BarMemory))

    def interrupted(self, topics: Iterable[FeedTopic]) -> list[FeedTopic]:
        """Return those of ``topics`` that have told something, and may have missed more while nobody listened."""
        found = []
        for topic in topics:
            if topic.kind is FeedKind.BARS and self.bars[topic].closed_ns >= 0:
                self.bars[topic].is_broken = True
                found.append(topic)
            elif topic.kind is FeedKind.TRADES and not self.trades[topic.symbol].is_empty:
                found.append(topic)
        return found
