"""An unmodified ccxt.pro watches and trades a spot account; what it has seen must equal what the kernel holds."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import ccxt.pro

from tests.judges.spot_truth import same_holdings, same_trades
from tests.judges.truth import Differs, Operator, State, same_orders

SYMBOL, ID = "BLORP/USDT", "BLORPUSDT"
PATIENCE_S = 20.0
PAUSE_S = 0.01
WARM_UP = 200
"""Steps at most before the client has a whole book: it waits for 25 changes, and then fetches a snapshot."""


class SpotWatcher(ABC):
    """
    One client of one account, with seven watchers; a venue says how orders are numbered and sent.

    Parameters
    ----------
    operator : Operator
    client : ccxt.pro.Exchange
    seed : int
    fee_rate : float
        The dearer of the account's two.
    """

    depth: int | None = None
    """Levels of the book that are watched."""
    most_levels, most_trades = 1_000, 1_000
    """That can be fetched."""

    def __init__(self, operator: Operator, client: Any, seed: int, fee_rate: float) -> None:
        self.operator, self.client, self.fee_rate = operator, client, fee_rate
        self.dice = random.Random(seed)
        self.opened_with = self.operator.state()["accounts"][0]["cash"]
        self.orders: dict[str, State] = {}
        self.trades: dict[str, State] = {}
        self.balance: State = {}
        self.book: State = {}
        self.ticker: State = {}
        self.bars: dict[int, list[float]] = {}
        self.public: list[State] = []

    @abstractmethod
    def number_of(self, order_id: str) -> int:
        """Return the exchange's own number of an order."""

    async def place(self, kind: str, side: str, qty: float, price: float | None = None) -> None:
        """Send an order."""
        await self.client.create_order(SYMBOL, kind, side, qty, price)

    async def take_back(self, order_id: str) -> None:
        """Cancel an order."""
        await self.client.cancel_order(order_id, SYMBOL)

    def ticker_is_right(self, book: State) -> None:
        """Hold the watched ticker against the book that was fetched."""
        best = self.ticker["bid"], self.ticker["ask"]
        if best != (book["bids"][0][0], book["asks"][0][0]):
            raise Differs(f"the watched ticker is {best}, the book {book['bids'][0]}, {book['asks'][0]}")

    async def watch(self, ask: Callable[[], Awaitable[Any]], keep: Callable[[Any], object]) -> None:
        while True:
            keep(await ask())

    def keep_bars(self, rows: list[list[float]]) -> None:
        self.bars |= {int(row[0]): row for row in rows}

    def watchers(self) -> list[Awaitable[None]]:
        client = self.client
        return [
            self.watch(client.watch_orders, lambda rows: self.orders.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_my_trades, lambda rows: self.trades.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_balance, self.balance.update),
            self.watch(lambda: client.watch_order_book(SYMBOL, self.depth), self.book.update),
            self.watch(lambda: client.watch_ticker(SYMBOL), self.ticker.update),
            self.watch(lambda: client.watch_ohlcv(SYMBOL), self.keep_bars),
            self.watch(lambda: client.watch_trades(SYMBOL), self.public.extend),
        ]

    async def step(self, by_ms: int) -> None:
        await asyncio.to_thread(self.operator.step, by_ms=by_ms)

    async def act(self) -> None:
        last = self.operator.state()["prices"][ID]
        kind = self.dice.choice(("market", "limit", "limit", "limit", "cancel", "step"))
        if kind == "step":
            await self.step(self.dice.randint(5_000, 60_000))
            return
        resting = [order["id"] for order in self.orders.values() if order["status"] == "open"]
        if kind == "cancel":
            if resting:
                await self.take_back(self.dice.choice(resting))
            return
        price = float(self.client.price_to_precision(SYMBOL, last * self.dice.uniform(0.998, 1.002)))
        qty = float(self.client.amount_to_precision(SYMBOL, self.dice.uniform(20, 400) / last))
        side = self.dice.choice(("buy", "buy", "sell"))
        await self.place(kind, side, qty, price if kind == "limit" else None)

    def compare(self) -> None:
        """Hold what the watchers have seen against the kernel."""
        account = self.operator.state()["accounts"][0] | {"opened_with": self.opened_with}
        same_holdings(self.balance, account, self.fee_rate)
        live = [order for order in self.orders.values() if order["status"] == "open"]
        same_orders(
            ((self.number_of(one["id"]), ID, one["side"].upper(), one["remaining"], one["price"]) for one in live),
            account,
        )
        same_trades(self.trades, account)

    async def market_is_right(self) -> None:
        fetched = await self.client.fetch_order_book(SYMBOL, self.depth or self.most_levels)
        for side in ("bids", "asks"):
            if [list(level[:2]) for level in self.book[side][: self.depth]] != [
                list(level[:2]) for level in fetched[side]
            ]:
                raise Differs(f"{side}: the watched book is {self.book[side][:2]}, the fetched one {fetched[side][:2]}")
        self.ticker_is_right(fetched)
        for row in await self.client.fetch_ohlcv(SYMBOL, "1m", limit=3):
            if self.bars.get(row[0], row) != row:
                raise Differs(f"the watched bar is {self.bars[row[0]]}, the fetched one {row}")

    async def tape_is_right(self) -> None:
        """Hold the public trades that were watched against those that REST lists, from the second instant on."""
        fetched = await self.client.fetch_trades(SYMBOL, limit=self.most_trades)
        since = max(fetched[0]["timestamp"], self.public[0]["timestamp"])
        seen, listed = (
            Counter((row["price"], row["amount"], row["side"]) for row in rows if row["timestamp"] > since)
            for rows in (self.public, fetched)
        )
        if seen != listed:
            raise Differs(f"trades: watched alone {seen - listed}, fetched alone {listed - seen}")

    async def run(self, n_actions: int) -> None:
        await self.client.load_markets()
        # Something of everything, so that each watcher has something to tell from.
        price = float(self.client.price_to_precision(SYMBOL, self.operator.state()["prices"][ID]))
        tasks = [asyncio.ensure_future(one) for one in self.watchers()]
        try:
            await asyncio.sleep(1.0)
            for side, worth in (("buy", 5_000), ("sell", 1_000)):
                await self.place("market", side, worth // price)
            for _ in range(WARM_UP):
                await self.step(3_000)
                await asyncio.sleep(PAUSE_S)
                # Its snapshot holds the first levels alone: it learns of the others as they change.
                with suppress(Differs, KeyError):
                    await self.market_is_right()
                    break
            await self.settle(tasks, self.market_is_right)
            for k in range(n_actions):
                with suppress(ccxt.pro.InsufficientFunds, ccxt.pro.BadRequest):
                    await self.act()
                await self.settle(tasks, self.market_is_right if k % 20 == 19 else None)
            await self.settle(tasks, self.tape_is_right)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.close()

    async def settle(self, tasks: Sequence[asyncio.Future[None]], more: Callable[[], Awaitable[None]] | None) -> None:
        """Wait until what was watched is what the kernel holds, and ``more`` has nothing to say either."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            await asyncio.sleep(PAUSE_S)
            for task in tasks:
                if task.done():
                    task.result()
            try:
                self.compare()
                if more is not None:
                    await more()
            except (Differs, KeyError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                return

    async def played(self, n_actions: int) -> State:
        """Let it act, and return a summary."""
        await self.run(n_actions)
        done = {"n_orders": len(self.orders), "n_trades": len(self.trades), "n_public": len(self.public)}
        return {"done": done, "n_fills": self.operator.state()["n_fills"]}
