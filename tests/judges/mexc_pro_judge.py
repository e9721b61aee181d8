"""
An unmodified ccxt.pro watches and trades at the MEXC face, over its sockets and their binary messages.

Run by a test, in an environment of its own: ``python mexc_pro_judge.py READY.json ACTIONS SEED``. What ``watch_*`` has
shown by the end must equal what the kernel holds, and its books and bars what REST says. Prints a summary as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import ccxt.pro

from tests.judges.mexc_client import connect, number_of, same_holdings, same_trades
from tests.judges.truth import Differs, Operator, State, arguments, same_orders

SYMBOL, ID = "BLORP/USDT", "BLORPUSDT"
PATIENCE_S = 20.0
PAUSE_S = 0.01
WARM_UP = 200
"""Steps at most before the client has a whole book: it waits for 25 changes, and then fetches a snapshot."""


class Judge:
    """One client of one account, with seven watchers."""

    def __init__(self, ready: State, seed: int) -> None:
        self.operator = Operator(ready["operator_url"], "mexc")
        self.client, self.dice = connect(ccxt.pro.mexc, ready, 0), random.Random(seed)
        self.opened_with = self.operator.state()["accounts"][0]["cash"]
        self.orders: dict[str, State] = {}
        self.trades: dict[str, State] = {}
        self.balance: State = {}
        self.book: State = {}
        self.ticker: State = {}
        self.bars: dict[int, list[float]] = {}
        self.public: list[State] = []

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
            self.watch(lambda: client.watch_order_book(SYMBOL), self.book.update),
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
                await self.client.cancel_order(self.dice.choice(resting), SYMBOL)
            return
        price = float(self.client.price_to_precision(SYMBOL, last * self.dice.uniform(0.998, 1.002)))
        qty = float(self.client.amount_to_precision(SYMBOL, self.dice.uniform(20, 400) / last))
        side = self.dice.choice(("buy", "buy", "sell"))
        await self.client.create_order(SYMBOL, kind, side, qty, price if kind == "limit" else None)

    def compare(self) -> None:
        """Hold what the watchers have seen against the kernel."""
        account = self.operator.state()["accounts"][0] | {"opened_with": self.opened_with}
        same_holdings(self.balance, account)
        live = [order for order in self.orders.values() if order["status"] == "open"]
        same_orders(
            ((number_of(one["id"]), ID, one["side"].upper(), one["remaining"], one["price"]) for one in live), account
        )
        same_trades(self.trades, account)

    async def market_is_right(self) -> None:
        fetched = await self.client.fetch_order_book(SYMBOL, 1_000)
        for side in ("bids", "asks"):
            if [list(level[:2]) for level in self.book[side]] != [list(level[:2]) for level in fetched[side]]:
                raise Differs(f"{side}: the watched book is {self.book[side][:2]}, the fetched one {fetched[side][:2]}")
        best = self.ticker["bid"], self.ticker["ask"]
        if best != (fetched["bids"][0][0], fetched["asks"][0][0]):
            raise Differs(f"the watched ticker is {best}, the book {fetched['bids'][0]}, {fetched['asks'][0]}")
        for row in await self.client.fetch_ohlcv(SYMBOL, "1m", limit=3):
            if self.bars.get(row[0], row) != row:
                raise Differs(f"the watched bar is {self.bars[row[0]]}, the fetched one {row}")

    async def tape_is_right(self) -> None:
        """Hold the public trades that were watched against those that REST lists, from the second instant on."""
        fetched = await self.client.fetch_trades(SYMBOL, limit=1_000)
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
                await self.client.create_order(SYMBOL, "market", side, worth // price)
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


def main() -> None:
    ready, n_actions, seed = arguments()
    judge = Judge(ready, seed)
    asyncio.run(judge.run(n_actions))
    summary = {"n_orders": len(judge.orders), "n_trades": len(judge.trades), "n_public": len(judge.public)}
    print(json.dumps({"done": summary, "n_fills": judge.operator.state()["n_fills"]}))


if __name__ == "__main__":
    main()
