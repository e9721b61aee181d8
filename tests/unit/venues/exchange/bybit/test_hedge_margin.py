"""
A live hedge account's margin, reached through the wire: what clients are pushed and read is what the venue charged.

All rows can be reached. An entry price between ticks is the average of buys at the two ticks around it, many enough
that it comes out to a millionth of a tick; what is too many is closed again, which leaves the entry as it is. The row
whose long entry was inferred follows from the others as the account got there: by 0.1 bought, and 0.1 of the short
closed, at 53.60.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import aiohttp
import pytest

from tests.unit.kernel.test_margin import SNAPSHOTS
from tests.unit.venues.exchange.bybit.desks import desk, listed
from tests.unit.venues.exchange.markets import MINUTE_NS, flat, market
from tests.unit.venues.exchange.servers import Client, with_exchange

TICKS, LOTS = 100, 10
"""To one unit of LTCUSDT's price and quantity."""
SYMBOL = {"category": "linear", "symbol": "LTCUSDT"}
LONG, SHORT = 1, 2
BETWEEN = 53.60
"""Where the account changed its legs, between the last two rows."""
EXACT = Decimal("1e-8")


class Account:
    """One client over REST and a private socket, and the operator who moves price and money."""

    def __init__(self, client: Client, prices: Sequence[float]) -> None:
        self.client, self.prices, self.n_told = client, list(prices), 0
        self.socket: aiohttp.ClientWebSocketResponse

    async def ask(self, path: str, **fields: Any) -> None:
        status, answer = await self.client.post(f"/v5/{path}", json.dumps(fields))
        assert (status, answer["retCode"]) == (200, 0), answer

    async def operate(self, what: str, **fields: Any) -> None:
        async with self.client.session.post(f"{self.client.url}/operator/{what}", json=fields) as response:
            assert response.status == 200

    async def at(self, price: float) -> None:
        """Wait until the price stands there; prices come one a minute, each once."""
        await self.operate("step", until_ms=START_MS + self.prices.index(price) * MINUTE_NS // 1_000_000)

    async def trade(self, side: str, leg: int, lots: int) -> None:
        if lots:
            order = SYMBOL | {"side": side, "orderType": "Market", "qty": f"{lots / LOTS:.1f}", "positionIdx": leg}
            await self.ask("order/create", **order)

    async def open(self, side: str, leg: int, lots: int, entry: float) -> None:
        """Come to hold so many lots at an entry price between two ticks."""
        low, upper_lots, all_lots = average(entry, lots)
        for price, part in ((low, all_lots - upper_lots), (low + 1, upper_lots)):
            await self.at(price / TICKS)
            await self.trade(side, leg, part)
        await self.trade("Sell" if side == "Buy" else "Buy", leg, all_lots - lots)

    async def told(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the legs and the wallet that are pushed where nothing but the mark has moved."""
        # A conditional order takes no margin, and a position is told at every change of an order.
        self.n_told += 1
        stop = {"side": "Buy", "orderType": "Market", "qty": "1", "positionIdx": LONG, "triggerPrice": "99"}
        await self.ask("order/create", **SYMBOL, **stop, triggerDirection=1, orderLinkId=f"far-{self.n_told}")
        await self.ask("order/cancel", **SYMBOL, orderLinkId=f"far-{self.n_told}")
        await self.operate("transfer", account=0, amount=1.0)
        *legs, wallet = [await self.socket.receive_json() for _ in range(3)]
        assert [message["topic"] for message in (*legs, wallet)] == ["position", "position", "wallet"]
        return legs[-1]["data"], wallet["data"][0]


def average(entry: float, least_lots: int) -> tuple[int, int, int]:
    """Return a tick, and how many of so many lots to trade one tick above it for an average of ``entry``."""
    ticks = Fraction(str(entry)) * TICKS
    low = int(ticks)
    part = (ticks - low).limit_denominator(1_000)
    times = -(-least_lots // part.denominator)
    return low, times * part.numerator, times * part.denominator


ENTRIES = [(5_553, 5_554), (5_591, 5_592)]
PRICES = [*(tick / TICKS for pair in ENTRIES for tick in pair), *(row[0] for row in SNAPSHOTS[:-1])]
PRICES += [BETWEEN, SNAPSHOTS[-1][0]]
MARKET = market([bar for price in PRICES for bar in flat(price, 1)], lot="0.1", names=("LTCUSDT",))
START_MS = MARKET.start_ns // 1_000_000


def same(row: tuple[float, ...], legs: list[dict[str, Any]], wallet: dict[str, Any]) -> None:
    _, long_qty, long_entry, short_qty, short_entry, *charged = row
    sizes = [(leg["positionIdx"], leg["side"], float(leg["size"])) for leg in legs]
    assert sizes == [(LONG, "Buy", long_qty), (SHORT, "Sell", short_qty)]
    entries = [float(leg.get("entryPrice") or leg["avgPrice"]) for leg in legs]
    assert entries == pytest.approx([long_entry, short_entry], abs=1e-7)
    told = [Decimal(leg[name]) for leg in legs for name in ("positionIM", "positionMM")]
    expected = [Decimal(f"{value:.8f}") for value in charged]
    assert max(abs(one - other) for one, other in zip(told, expected, strict=True)) <= EXACT
    for name, sums in (("totalInitialMargin", expected[0::2]), ("totalMaintenanceMargin", expected[1::2])):
        assert abs(Decimal(wallet[name]) - sum(sums)) <= 2 * EXACT


def test_what_a_hedged_account_is_told_of_its_margin_is_what_the_venue_charged() -> None:
    of = desk(MARKET, cash=100.0, leverage=5.0)

    async def read(client: Client) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        legs = listed(await client.signed("/v5/position/list?category=linear&symbol=LTCUSDT"))
        return legs, listed(await client.signed("/v5/account/wallet-balance?accountType=UNIFIED"))[0]

    async def talk(client: Client) -> None:
        account = Account(client, PRICES)
        await account.operate("transfer", account=0, amount=5_000.0)
        await account.ask("position/switch-mode", category="linear", coin="USDT", mode=3)
        await account.ask("position/set-leverage", **SYMBOL, buyLeverage="10", sellLeverage="10")
        _, long_qty, long_entry, short_qty, short_entry, *_ = SNAPSHOTS[0]
        await account.open("Sell", SHORT, round(short_qty * LOTS), short_entry)
        await account.open("Buy", LONG, round(long_qty * LOTS), long_entry)
        account.socket = await client.private_socket()
        await account.socket.send_json({"op": "subscribe", "args": ["position", "wallet"]})
        assert (await account.socket.receive_json())["success"]
        for row in SNAPSHOTS:
            if row is SNAPSHOTS[-1]:
                await account.at(BETWEEN)
                await account.trade("Buy", LONG, 1)
                await account.trade("Buy", SHORT, 1)
                for _ in range(4):
                    await account.socket.receive_json()
            await account.at(row[0])
            same(row, *await account.told())
            same(row, *await read(client))
        await account.socket.close()

    with_exchange(of, talk)
