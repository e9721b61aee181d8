"""Accounts trade with each other and with recorded flow, and no money is made or lost, to the last unit."""

from __future__ import annotations

import asyncio
import json
import os
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.cli.exchange_offers import kinds_of, offer_of_data
from ballast.model.enums import PositionMode, Side
from ballast.model.instrument import step_units
from ballast.venues import mexc_push
from ballast.venues.exchange.bybit import desk as bybit_desk
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.bybit.limits import RateLimits as BybitLimits
from ballast.venues.exchange.faces import Face
from ballast.venues.exchange.keys import ApiKey
from ballast.venues.exchange.market import Market, Setup
from ballast.venues.exchange.mexc import desk as mexc_desk
from ballast.venues.exchange.mexc.house import MexcFace
from ballast.venues.exchange.mexc.limits import RateLimits as MexcLimits
from ballast.venues.exchange.orders import Origin
from ballast.venues.exchange.venue import LocalVenue
from tests.unit.venues.exchange.bybit import desks as bybit
from tests.unit.venues.exchange.conservation import (
    TOLD_UNIT,
    Deal,
    Ledger,
    assert_conserved,
    coins,
    figure,
    pairs,
)
from tests.unit.venues.exchange.markets import SECOND_NS, flat, line, market
from tests.unit.venues.exchange.mexc import desks as mexc
from tests.unit.venues.exchange.mexc.test_server import KEY, now_ms
from tests.unit.venues.exchange.servers import Client, with_faces

N_ACCOUNTS = 3
FEE_RATES = {
    "bybit": {True: Decimal("0.0002"), False: Decimal("0.00055")},
    "mexc": {True: Decimal(0), False: Decimal("0.0005")},
}
FLOWS = {"deep": inf, "scarce": 0.004, "none": 1e-9}
"""How much of a bar's volume the recorded market fills."""
RECORDED = {"bybit": "bybit_perp_1m_WIF_2025-04_2025-05.parquet", "mexc": "mexc_spot_1m_2026-05-20_2026-06-04.parquet"}


@dataclass(frozen=True)
class Asked:
    """An order in plain words; without a price it is a market order. ``leg`` counts in hedge mode alone."""

    symbol: str
    side: Side
    qty: str
    price: str | None
    leg: int


def bybit_order(asked: Asked, *, hedged: bool) -> dict[str, Any]:
    kind = {"orderType": "Market"} if asked.price is None else {"orderType": "Limit", "price": asked.price}
    side = "Buy" if asked.side == Side.BUY else "Sell"
    leg = {"positionIdx": asked.leg} if hedged else {}
    return {"category": "linear", "symbol": asked.symbol, "side": side, "qty": asked.qty, **kind, **leg}


def mexc_order(asked: Asked) -> dict[str, str]:
    kind = {"type": "MARKET"} if asked.price is None else {"type": "LIMIT", "price": asked.price}
    side = "BUY" if asked.side == Side.BUY else "SELL"
    return {"symbol": asked.symbol, "side": side, "quantity": asked.qty, **kind}


def bybit_deal(row: dict[str, Any], account: int) -> Deal:
    return Deal(
        number=row["seq"],
        account=account,
        symbol=row["symbol"],
        side=1 if row["side"] == "Buy" else -1,
        qty=Decimal(row["execQty"]),
        price=Decimal(row["execPrice"]),
        told_fee=Decimal(row["execFee"]),
        is_maker=row["isMaker"],
        time_ms=int(row["execTime"]),
    )


def mexc_deal(row: dict[str, Any], account: int) -> Deal:
    return Deal(
        number=int(row["id"].removesuffix("X1")),
        account=account,
        symbol=row["symbol"],
        side=1 if row["isBuyer"] else -1,
        qty=Decimal(row["qty"]),
        price=Decimal(row["price"]),
        told_fee=Decimal(row["commission"]),
        is_maker=row["isMaker"],
        time_ms=row["time"],
    )


def mexc_pushed(symbol: str, row: Any, account: int) -> Deal:
    return Deal(
        number=int(row.tradeId.removesuffix("X1")),
        account=account,
        symbol=symbol,
        side=1 if row.tradeType == 1 else -1,
        qty=Decimal(row.quantity),
        price=Decimal(row.price),
        told_fee=Decimal(row.feeAmount),
        is_maker=row.isMaker,
        time_ms=row.time,
    )


class Trader(ABC):
    """Somebody who trades for all accounts of a desk, by its protocol."""

    name: str
    venue: LocalVenue

    @abstractmethod
    def order(self, account: int, asked: Asked) -> None: ...

    @abstractmethod
    def deals(self, account: int) -> list[Deal]: ...

    def funding(self, account: int) -> Decimal:
        return Decimal(0)

    @abstractmethod
    def worth(self, account: int) -> Decimal:
        """Return what the account is told that it has, all in all, at the marks."""


class BybitTrader(Trader):
    name = "bybit"

    def __init__(self, of: Market, mode: PositionMode, participation: float) -> None:
        self.desk = bybit.desk(of, n_accounts=N_ACCOUNTS, mode=mode, participation=participation)
        self.venue, self.is_hedged = self.desk.venue, mode == PositionMode.HEDGE

    def order(self, account: int, asked: Asked) -> None:
        bybit.post(self.desk, "order/create", account=account, **bybit_order(asked, hedged=self.is_hedged))

    def executions(self, account: int, kind: str) -> list[dict[str, Any]]:
        rows, cursor = [], ""
        while True:
            query = f"category=linear&execType={kind}&limit=100&cursor={cursor}"
            answer = bybit.get(self.desk, "execution/list", query, account=account)
            rows += bybit.listed(answer)
            cursor = answer["result"]["nextPageCursor"]
            if not cursor:
                return rows

    def deals(self, account: int) -> list[Deal]:
        return [bybit_deal(row, account) for row in self.executions(account, "Trade")]

    def funding(self, account: int) -> Decimal:
        return sum((Decimal(row["execFee"]) for row in self.executions(account, "Funding")), Decimal(0))

    def worth(self, account: int) -> Decimal:
        (row,) = bybit.listed(bybit.get(self.desk, "account/wallet-balance", "accountType=UNIFIED", account=account))
        return Decimal(row["totalEquity"])


class MexcTrader(Trader):
    name = "mexc"

    def __init__(self, of: Market, participation: float) -> None:
        self.desk = mexc.desk(of, n_accounts=N_ACCOUNTS, participation=participation)
        self.venue = self.desk.venue

    def order(self, account: int, asked: Asked) -> None:
        mexc.ask(self.desk, "POST", "order", account=account, **mexc_order(asked))

    def deals(self, account: int) -> list[Deal]:
        rows = mexc.ask(self.desk, "GET", "myTrades", account=account, symbol="AAAUSDT")
        return [mexc_deal(row, account) for row in rows]

    def worth(self, account: int) -> Decimal:
        rows = mexc.ask(self.desk, "GET", "account", account=account)["balances"]
        held = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in rows}
        return held["USDT"] + held.get("AAA", Decimal(0)) * Decimal(self.venue.mark_price(0))


def small_market() -> Market:
    """Return a market whose lots times ticks times fee rates have no more decimals than clients are told."""
    bars = line(100, 101, 99.5, 100, 100.5, 99, 100)
    return market(bars, volume=600.0, funding=[(60.0, 0.001), (120.0, -0.0005), (240.0, 0.0003)], lot="0.1")


def trader_of(kind: str, flow: str, of: Market | None = None) -> Trader:
    if kind == "mexc":
        return MexcTrader(of or small_market(), FLOWS[flow])
    mode = PositionMode.HEDGE if kind == "bybit, hedged" else PositionMode.ONE_WAY
    return BybitTrader(of or small_market(), mode, FLOWS[flow])


def ledger_of(trader: Trader, put_in: Sequence[Decimal]) -> Ledger:
    deals = [deal for account in range(N_ACCOUNTS) for deal in trader.deals(account)]
    funding = {account: trader.funding(account) for account in range(N_ACCOUNTS)}
    return Ledger(FEE_RATES[trader.name], deals, put_in, funding)


def same_as_told(trader: Trader, ledger: Ledger) -> None:
    """Hold what an account is told that it has against its figure and its coins at the mark."""
    mark = Decimal(trader.venue.mark_price(0))
    for account in range(N_ACCOUNTS):
        worth = ledger.expected(account) + coins(trader.venue, account, 0) * mark
        assert abs(trader.worth(account) - worth) <= 2 * TOLD_UNIT


actions = st.lists(
    st.tuples(
        st.integers(0, N_ACCOUNTS - 1),
        st.sampled_from([Side.BUY, Side.SELL]),
        st.integers(1, 40),
        st.none() | st.integers(-30, 30),
        st.sampled_from([1, 2]),
        st.integers(0, 25),
        st.sampled_from([0, 0, 0, 250, -100]),
    ),
    max_size=25,
)


@pytest.mark.parametrize("kind", ["bybit", "bybit, hedged", "mexc"])
@settings(max_examples=12, deadline=None)
@given(actions, st.sampled_from(sorted(FLOWS)))
def test_whoever_trades_with_whom_money_and_coins_are_conserved(kind: str, asked: list[Any], flow: str) -> None:
    trader = trader_of(kind, flow)
    at = trader.venue
    put_in = [Decimal(10_000)] * N_ACCOUNTS
    for account, side, lots, ticks, leg, seconds, deposit in asked:
        price = None if ticks is None else f"{at.last_price(0) + ticks * 0.01:.2f}"
        trader.order(account, Asked("AAAUSDT", side, f"{lots / 10:.1f}", price, leg))
        if deposit:
            at.transfer(account, deposit)
            put_in[account] += deposit
        at.advance_to(at.now_ns + seconds * SECOND_NS)
    ledger = ledger_of(trader, put_in)
    assert_conserved(at, ledger)
    same_as_told(trader, ledger)
    if flow == "none":
        matched, with_market = pairs(ledger.deals)
        assert with_market == []
        assert 2 * len(matched) == len(ledger.deals)
        assert sum(ledger.funding.values()) == 0


def test_without_recorded_flow_what_one_account_gains_the_others_lose_and_the_fees_are_all_that_goes() -> None:
    trader = trader_of("bybit", "none")
    for account, side, price in ((0, Side.BUY, "100.05"), (1, Side.BUY, "100.10"), (2, Side.SELL, "99.90")):
        trader.order(account, Asked("AAAUSDT", side, "2.0", price, 0))
    trader.order(2, Asked("AAAUSDT", Side.SELL, "1.5", None, 0))
    ledger = ledger_of(trader, [Decimal(10_000)] * N_ACCOUNTS)
    matched, with_market = pairs(ledger.deals)
    assert [(taker.account, maker.account, maker.price) for taker, maker in matched] == [
        (2, 1, Decimal("100.10")),
        (2, 0, Decimal("100.05")),
    ]
    assert with_market == []
    fees = (2 * Decimal("100.10") + Decimal("1.5") * Decimal("100.05")) * Decimal("0.00075")
    assert sum(ledger.expected(account) for account in range(N_ACCOUNTS)) == 30_000 - fees
    assert_conserved(trader.venue, ledger)


@pytest.mark.parametrize("kind", ["bybit", "mexc"])
def test_an_open_off_the_ticks_costs_what_the_client_is_told(kind: str) -> None:
    """A resting buy fills at a better open: 99.9949 where ticks are 0.01."""
    of = market([*flat(101.0, 1), *flat(99.9949, 2)], lot="0.1")
    trader = trader_of(kind, "deep", of)
    trader.order(0, Asked("AAAUSDT", Side.BUY, "2.0", "100.50", 0))
    trader.venue.advance_to(of.end_ns)
    ledger = ledger_of(trader, [Decimal(10_000)] * N_ACCOUNTS)
    assert [deal.price for deal in ledger.deals] == [Decimal("99.99")]
    assert_conserved(trader.venue, ledger)


def test_money_stays_when_an_account_is_liquidated_and_the_fund_pays_what_it_cannot() -> None:
    of = bybit.desk(market(line(100, 100, 85, 85), lot="0.1"), n_accounts=N_ACCOUNTS, cash=1_000.0)
    for account, side, qty in ((0, "Buy", "98"), (1, "Sell", "20"), (2, "Buy", "3")):
        bybit.order(of, account=account, side=side, qty=qty, orderType="Market")
    at = of.venue
    at.advance_to(at.market.end_ns)
    assert at.fills[-1].order.request.origin == Origin.LIQUIDATION
    assert bool(at.record.accounts[0].is_liquidated)
    for account in range(N_ACCOUNTS):
        # A take-over has a price off the grid: what it is told as is rounded, what it moves is not.
        mine = [fill for fill in at.fills if fill.order.account == account]
        spent = sum(fill.qty * fill.order.request.side * fill.price + fill.fee for fill in mine)
        assert float(figure(at, account)) == pytest.approx(1_000.0 - spent, abs=1e-8)
    assert float(at.record.accounts[0].cash) >= 0.0


def with_large_lots(setup: Setup) -> Setup:
    """Return an exchange with lots a hundred times as large, so that the smallest unit of money can be told."""
    instruments = np.copy(setup.market.instruments).view(np.recarray)
    for one in instruments:
        lot = min(100 * one.lot_units / one.lot_scale, 1.0 if setup.accounts[0].leverage == 1.0 else inf)
        one.lot_units, one.lot_scale = step_units(f"{lot:g}", "lot")
        one.min_qty = one.lot_units / one.lot_scale
    market = replace(setup.market, instruments=instruments, start_frame=100)
    accounts = [replace(one, cash=10_000.0) for one in setup.accounts]
    # The recorded market keeps so far away that clients meet between.
    return replace(setup, market=market, accounts=accounts, fills=replace(setup.fills, slippage_rate=0.001))


def faces_on(source: str, names: Sequence[str]) -> dict[str, Face]:
    """Return exchanges of several accounts on recorded bars, or on the sample market."""
    offer = offer_of_data(source, 1, kinds_of(tuple(names), None), N_ACCOUNTS)
    keys = {f"key-{k}": ApiKey(f"key-{k}", f"secret-{k}", k) for k in range(N_ACCOUNTS)}
    faces: dict[str, Face] = {}
    for name in names:
        venue = LocalVenue(with_large_lots(offer.setups[name]))
        faces[name] = (
            BybitFace(bybit_desk.Desk(venue, keys, BybitLimits(is_on=False)))
            if name == "bybit"
            else MexcFace(mexc_desk.Desk(venue, keys, MexcLimits(is_on=False)))
        )
    return faces


class Listener:
    """One account's client over real sockets: it sends orders by REST, and keeps the deals that are pushed."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name, self.deals = client, name, list[Deal]()
        self._socket: aiohttp.ClientWebSocketResponse

    async def listen(self) -> None:
        if self.name == "bybit":
            self._socket = await self.client.private_socket()
            await self._socket.send_json({"op": "subscribe", "args": ["execution"]})
        else:
            key = (await self.mexc("POST", "userDataStream"))["listenKey"]
            self._socket = await self.client.session.ws_connect(f"{self.client.url}/ws?listenKey={key}")
            await self._socket.send_json({"method": "SUBSCRIPTION", "params": ["spot@private.deals.v3.api.pb"]})
        await self._socket.receive_json()

    async def mexc(self, method: str, path: str, **asked: str) -> Any:
        query = mexc.signed(asked, account=self.client.account, stamp=now_ms())
        headers = KEY | {"X-MEXC-APIKEY": f"key-{self.client.account}"}
        async with self.client.session.request(
            method, f"{self.client.url}/api/v3/{path}?{query}", headers=headers
        ) as response:
            return await response.json()

    async def order(self, asked: Asked) -> bool:
        """Send an order; tell whether it was accepted."""
        if self.name == "mexc":
            return "orderId" in await self.mexc("POST", "order", **mexc_order(asked))
        body = json.dumps(bybit_order(asked, hedged=False))
        return bool((await self.client.post("/v5/order/create", body))[1]["retCode"] == 0)

    async def hear_out(self) -> None:
        """Read all that has been said: what comes before the answer to a ping."""
        await self._socket.send_json({"op": "ping", "method": "PING"})
        while True:
            message = await self._socket.receive()
            if message.type == aiohttp.WSMsgType.BINARY:
                frame = mexc_push.decode(message.data)
                self.deals.append(mexc_pushed(frame.symbol, frame.privateDeals, self.client.account))
                continue
            told = message.json()
            if told.get("op") == "pong" or told.get("msg") == "PONG":
                return
            self.deals += [bybit_deal(row, self.client.account) for row in told["data"] if row["execType"] == "Trade"]

    async def close(self) -> None:
        await self._socket.close()


async def play(server: Client, faces: dict[str, Face], n_actions: int, seed: int) -> int:
    """Let the accounts trade at random over sockets, checking as they go; return how often they met each other."""
    dice, n_met = random.Random(seed), 0
    listeners = {
        name: [Listener(Client(server.session, server.server, k), name) for k in range(N_ACCOUNTS)] for name in faces
    }
    everybody = [one for heard in listeners.values() for one in heard]
    for one in everybody:
        await one.listen()
    for k in range(n_actions):
        name = dice.choice(sorted(faces))
        venue = faces[name].venue
        symbol = dice.choice([s for s in range(len(venue.market.symbols)) if venue.last_price(s) > 0.0][:2])
        listing, last = venue.market.listings[symbol], venue.last_price(symbol)
        lots = max(1, round(dice.uniform(20, 400) / last / listing.lot))
        ticks = round(last * dice.uniform(0.9995, 1.0005) / listing.tick)
        asked = Asked(
            listing.symbol,
            dice.choice((Side.BUY, Side.BUY, Side.SELL)),
            listing.qty(lots * listing.lot),
            None if dice.random() < 0.4 else listing.price(ticks * listing.tick),
            0,
        )
        await dice.choice(listeners[name]).order(asked)
        if dice.random() < 0.3:
            body = json.dumps({"by_ms": dice.randint(100, 30_000)})
            async with server.session.post(f"{server.url}/operator/step", data=body) as response:
                assert response.status == 200
        if k % 100 == 99:
            n_met = 0
            for which, heard in listeners.items():
                await asyncio.gather(*(one.hear_out() for one in heard))
                deals = [deal for one in heard for deal in one.deals]
                assert_conserved(faces[which].venue, Ledger(FEE_RATES[which], deals, [Decimal(10_000)] * N_ACCOUNTS))
                n_met += len(pairs(deals)[0])
    for one in everybody:
        await one.close()
    return n_met


def over_sockets(faces: dict[str, Face], n_actions: int, seed: int) -> int:
    met = 0

    async def talk(client: Client) -> None:
        nonlocal met
        met = await play(client, faces, n_actions, seed)

    with_faces(list(faces.values()), talk)
    return met


def test_over_sockets_what_accounts_hear_of_their_deals_is_their_money_at_both_venues() -> None:
    assert over_sockets(faces_on("sample", ("bybit", "mexc")), 200, seed=4) > 10


def recorded(name: str) -> str:
    where = os.environ.get("BALLAST_RECORDED_DATA")
    if not where:
        pytest.skip("recorded data are not here: set BALLAST_RECORDED_DATA to where they are")
    return str(Path(where) / RECORDED[name])


@pytest.mark.verify
@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("seed", [1, 2])
def test_over_sockets_that_holds_on_recorded_bars(name: str, seed: int) -> None:
    assert over_sockets(faces_on(recorded(name), (name,)), 1_000, seed) > 20
