"""The concrete venues: where commands choose who answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ballast.model.errors import ConfigError, nearest
from ballast.model.ports import PublicHistory
from ballast.venues import bybit_public, mexc_public
from ballast.venues.public_rest import PublicRest

MARKETS = {"bybit": ("spot", "linear"), "mexc": ("spot",)}
_ENDPOINTS = {"bybit": bybit_public.ENDPOINT, "mexc": mexc_public.ENDPOINT}


@asynccontextmanager
async def public_history(venue: str, market: str, rest_url: str | None = None) -> AsyncIterator[PublicHistory]:
    """
    Give a venue's public history; ``rest_url`` stands in for the address of its host.

    Raises ``ConfigError`` for a venue or a market that Ballast does not know.
    """
    if venue not in MARKETS:
        hint = nearest(venue, MARKETS) or f"; Ballast knows {', '.join(MARKETS)}"
        raise ConfigError(f"--venue {venue}: no such venue{hint}")
    if market not in MARKETS[venue]:
        raise ConfigError(f"--market {market}: {venue} has no such market; it has {', '.join(MARKETS[venue])}")
    endpoint = _ENDPOINTS[venue]
    if rest_url is not None:
        endpoint = replace(endpoint, base_url=rest_url)
    async with PublicRest(endpoint) as rest:
        yield bybit_public.BybitHistory(rest, market) if venue == "bybit" else mexc_public.MexcHistory(rest)
