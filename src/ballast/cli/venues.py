"""The concrete venues: where commands choose who answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

from ballast.model.errors import ConfigError, nearest
from ballast.model.ports import PublicHistory
from ballast.model.public_feed import FeedTopic, PublicFeed
from ballast.venues import bybit_public, mexc_public, mexc_stream
from ballast.venues.bybit_stream import BybitDialect, BybitMender
from ballast.venues.continuity import BarMemory, FeedMemory
from ballast.venues.joined_feed import JoinedFeed
from ballast.venues.mexc_stream import MexcDialect, MexcMender
from ballast.venues.public_rest import Endpoint, Patience, PublicRest
from ballast.venues.public_socket import PublicSocket

FEED_PATIENCE = Patience(attempts=3, longest_wait_s=10.0, timeout_s=5.0)
"""For what a stream has missed: it stands still meanwhile, and asks again with the next message."""


class _Venue(NamedTuple):
    """Markets with the paths of their sockets, where sockets are, how many topics each takes, and where REST is."""

    markets: Mapping[str, str]
    sockets_url: str
    topics_a_socket: int
    endpoint: Endpoint


_VENUES = {
    "bybit": _Venue(
        {"spot": "/v5/public/spot", "linear": "/v5/public/linear"},
        "wss://stream.bybit.com",
        # The names of all topics of a socket may be 21,000 characters long.
        500,
        bybit_public.ENDPOINT,
    ),
    "mexc": _Venue({"spot": "/ws"}, "wss://wbs-api.mexc.com", mexc_stream.SUBSCRIPTIONS_A_SOCKET, mexc_public.ENDPOINT),
}


@asynccontextmanager
async def public_history(venue: str, market: str, rest_url: str | None = None) -> AsyncIterator[PublicHistory]:
    """
    Give a venue's public history; ``rest_url`` stands in for the address of its host.

    Raises ``ConfigError`` for a venue or a market that Ballast does not know.
    """
    async with PublicRest(_endpoint(venue, market, rest_url)) as rest:
        yield bybit_public.BybitHistory(rest, market) if venue == "bybit" else mexc_public.MexcHistory(rest)


@asynccontextmanager
async def public_feed(
    venue: str,
    market: str,
    topics: Sequence[FeedTopic],
    *,
    url: str | None = None,
    closed_ns: Mapping[FeedTopic, int] | None = None,
) -> AsyncIterator[PublicFeed]:
    """
    Give a venue's public stream, over as many sockets as its topics take.

    Parameters
    ----------
    venue, market : str
    topics : sequence of FeedTopic
    url : str, optional
        Stands in for the addresses of the venue's hosts, REST and sockets.
    closed_ns : mapping of FeedTopic to int, optional
        For topics of bars, the open time of a bar up to which all are known: the stream begins behind it, with those
        that closed before it listened. A topic that is not there begins with the bar that forms.

    Raises
    ------
    ConfigError
        The venue or the market is unknown, or has no such topic.
    """
    endpoint, known = _endpoint(venue, market, url), _VENUES[venue]
    socket_url = (url or known.sockets_url).rstrip("/") + known.markets[market]
    async with PublicRest(endpoint, patience=FEED_PATIENCE) as rest:
        feeds = []
        for at in range(0, len(topics), known.topics_a_socket):
            listened = topics[at : at + known.topics_a_socket]
            memory = FeedMemory()
            for topic in listened:
                if closed_ns and topic in closed_ns:
                    memory.bars[topic] = BarMemory(closed_ns[topic])
            feeds.append(_socket(venue, market, listened, memory, socket_url, rest))
        yield feeds[0] if len(feeds) == 1 else JoinedFeed(feeds)


def _socket(
    venue: str, market: str, topics: Sequence[FeedTopic], memory: FeedMemory, url: str, rest: PublicRest
) -> PublicFeed:
    if venue == "bybit":
        bybit = BybitDialect(market, topics, memory)
        return PublicSocket(url, bybit, BybitMender(bybit, bybit_public.BybitHistory(rest, market)))
    mexc = MexcDialect(topics, memory)
    return PublicSocket(url, mexc, MexcMender(mexc, mexc_public.MexcHistory(rest)))


def _endpoint(venue: str, market: str, url: str | None) -> Endpoint:
    """Return where a venue answers; raises ``ConfigError`` for a venue or a market that is none."""
    if venue not in _VENUES:
        hint = nearest(venue, _VENUES) or f"; Ballast knows {', '.join(_VENUES)}"
        raise ConfigError(f"--venue {venue}: no such venue{hint}")
    known = _VENUES[venue]
    if market not in known.markets:
        raise ConfigError(f"--market {market}: {venue} has no such market; it has {', '.join(known.markets)}")
    return known.endpoint if url is None else replace(known.endpoint, base_url=url)
