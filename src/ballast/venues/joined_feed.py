"""Several connections as one feed, where a venue lets one carry only so many topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ballast.model.public_feed import FeedEvent, PublicFeed

MOST_WAITING = 1_000
"""Events that may wait to be heard; a connection that has more is not read until some are."""


@dataclass(frozen=True)
class JoinedFeed:
    """The port ``PublicFeed`` over several: the order of events holds within each, and one that fails ends all."""

    feeds: Sequence[PublicFeed]

    async def events(self) -> AsyncGenerator[FeedEvent, None]:
        """Yield what happens in any of them; see ``PublicFeed.events``."""
        waiting: asyncio.Queue[FeedEvent | BaseException] = asyncio.Queue(MOST_WAITING)
        listeners = [asyncio.create_task(_forward(feed, waiting)) for feed in self.feeds]
        try:
            while True:
                event = await waiting.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)


async def _forward(feed: PublicFeed, waiting: asyncio.Queue[FeedEvent | BaseException]) -> None:
    try:
        async with aclosing(feed.events()) as events:
            async for event in events:
                await waiting.put(event)
    except Exception as error:  # noqa: BLE001  # It is raised again, where the events are heard.
        await waiting.put(error)
