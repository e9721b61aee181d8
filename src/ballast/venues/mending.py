"""What a stream missed of trades and bars, asked for where the venue shows the recent past."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ballast.model.durations import MILLISECOND_NS
from ballast.model.ports import BarsPage, RecordedBar
from ballast.model.public_feed import FeedEvent, FeedKind, FeedState, FeedStatus, FeedTopic, PublicBar, PublicTrade
from ballast.venues.continuity import FeedMemory
from ballast.venues.pacing import Clock, SystemClock


class RecentHistory(Protocol):
    """The part of a venue's history that a stream is mended with."""

    @property
    def bars_per_page(self) -> int:
        """How many bars one question may span."""

    async def bars(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars with ``start_ms <= open time < end_ms``, ascending; the last may still be forming."""

    async def recent_trades(self, symbol: str) -> tuple[PublicTrade, ...]:
        """Return the last trades, ascending."""


@dataclass(frozen=True)
class HistoryMender:
    """The port ``Mender`` for trades and bars; books are each venue's own affair."""

    memory: FeedMemory
    history: RecentHistory
    clock: Clock = field(default_factory=SystemClock)

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return the trades or bars that came while nobody listened, and whether that is all of them."""
        return await (self._bars(topic) if topic.kind is FeedKind.BARS else self._trades(topic))

    async def _trades(self, topic: FeedTopic) -> list[FeedEvent]:
        memory = self.memory.trades[topic.symbol]
        page = await self.history.recent_trades(topic.symbol)
        is_whole = memory.reaches(page)
        found: list[FeedEvent] = list(memory.later(page))
        state = FeedState.REPAIRED if is_whole else FeedState.UNREPAIRED
        text = f"{len(found)} trades" if is_whole else f"{len(found)} trades; those before are no longer told"
        return [*found, self._status(state, topic, text)]

    async def _bars(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return bars, of which those are closed that another follows: the last one's close will be told."""
        memory = self.memory.bars[topic]
        known = await self._since(topic, memory.closed_ns + topic.interval_ns, memory.awaited_ns)
        closed = memory.unseen(_bar(topic, bar, is_closed=True) for bar in known[:-1])
        found: list[FeedEvent] = [*closed, *(_bar(topic, bar, is_closed=False) for bar in known[-1:])]
        if known:
            memory.whole_ns = known[-1].open_time_ms * MILLISECOND_NS - topic.interval_ns
        if memory.is_broken:
            memory.is_broken = False
            found.append(self._status(FeedState.REPAIRED, topic, f"{len(closed)} closed bars"))
        return found

    async def _since(self, topic: FeedTopic, start_ns: int, awaited_ns: int) -> list[RecordedBar]:
        """Return all bars from ``start_ns`` on; a page without any is no end before the bar that is awaited."""
        step_ms, at_ms, found = topic.interval_ns // MILLISECOND_NS, start_ns // MILLISECOND_NS, list[RecordedBar]()
        while True:
            end_ms = at_ms + step_ms * self.history.bars_per_page
            bars = (await self.history.bars(topic.symbol, step_ms, at_ms, end_ms)).bars
            found += bars
            at_ms = end_ms
            if len(bars) < self.history.bars_per_page and at_ms * MILLISECOND_NS > awaited_ns:
                return found

    def _status(self, state: FeedState, topic: FeedTopic, text: str) -> FeedStatus:
        return FeedStatus(state, self.clock.wall_ms() * MILLISECOND_NS, topic, text)


def _bar(topic: FeedTopic, bar: RecordedBar, *, is_closed: bool) -> PublicBar:
    return PublicBar(topic.symbol, topic.interval_ns, bar.open_time_ms * MILLISECOND_NS, *bar[1:], is_closed=is_closed)
