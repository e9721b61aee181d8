"""
An unmodified ccxt.pro watches and trades over the sockets of the local exchange.

Run by a test, in an environment of its own: ``python ccxt_pro_judge.py READY.json ACTIONS SEED``. Orders go in over the
trade socket; what ``watch_*`` has shown by the end must equal what the kernel holds. Prints a summary as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro

from tests.judges.truth import Differs, Operator, arguments, same_money, same_orders, same_positions

SYMBOL, ID = "BLORP/USDT:USDT", "BLORPUSDT"
PATIENCE_S = 20.0


def connect(ready: dict[str, Any], kind: str = "swap") -> Any:
    credentials = ready["keys"][0]
    client = ccxt.pro.bybit({
        "apiKey": credentials["api_key"],
        "secret": credentials["api_secret"],
        "enableRateLimit": False,
        "options": {"defaultType": kind, "fetchMarkets": {"types": ["spot" if kind == "spot" else "linear"]}},
    })
    private = ready["private_url"]
    client.urls["api"] = dict.fromkeys(("spot", "futures", "v2", "public", "private"), ready["rest_url"]) | {
        "ws": {
            "public": dict.fromkeys(("spot", "linear", "inverse", "option"), ready["public_url"]),
            "private": {
                "spot": {"unified": private, "nonUnified": private},
                "contract": private,
                "usdc": private,
                "trade": ready["trade_url"],
            },
        }
    }
    return client


class Judge:
    """One client in one-way mode, with five watchers."""

    symbol, kind = SYMBOL, "swap"

    def __init__(self, ready: dict[str, Any], seed: int) -> None:
        self.operator, self.client, self.dice = (
            Operator(ready["operator_url"], "bybit"),
            connect(ready, self.kind),
            random.Random(seed),
        )
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = {}
        self.position: dict[str, Any] = {}
        self.balance: dict[str, Any] = {}
        self.book: dict[str, Any] = {}

    async def watch(self, ask: Callable[[], Awaitable[Any]], keep: Callable[[Any], object]) -> None:
        while True:
            keep(await ask())

    def keep_positions(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.position.update(row)

    def watchers(self) -> list[Awaitable[None]]:
        client = self.client
        return [
            self.watch(client.watch_orders, lambda rows: self.orders.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_my_trades, lambda rows: self.trades.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_positions, self.keep_positions),
            self.watch(client.watch_balance, self.balance.update),
            self.watch(lambda: client.watch_order_book(self.symbol, 50), self.book.update),
        ]

    async def act(self) -> None:
        last = self.operator.state()["prices"][ID]
        kind = self.dice.choice(("market", "limit", "limit", "step"))
        if kind == "step":
            await asyncio.to_thread(self.operator.step, by_ms=self.dice.randint(5_000, 60_000))
            return
        price = float(self.client.price_to_precision(self.symbol, last * self.dice.uniform(0.998, 1.002)))
        qty = float(self.client.amount_to_precision(self.symbol, self.dice.uniform(20, 400) / last))
        side = self.dice.choice(("buy", "sell"))
        await self.client.create_order_ws(self.symbol, kind, side, qty, price if kind == "limit" else None)

    def compare(self) -> None:
        """Hold what the watchers have seen against the kernel."""
        account = self.operator.state()["accounts"][0]
        # The total that is parsed from a push is the equity when it was made; the wallet stands in the push itself.
        same_money(float(self.wallet()["totalWalletBalance"]), account["cash"], "watched balance")
        signed = self.position["contracts"] * (1 if self.position["side"] == "long" else -1)
        same_positions([((ID, "NONE"), signed, self.position["entryPrice"])], account)
        live = [order for order in self.orders.values() if order["status"] == "open"]
        same_orders(
            ((int(one["id"][-12:]), ID, one["side"].upper(), one["remaining"], one["price"]) for one in live), account
        )
        traded = sum(one["amount"] * (1 if one["side"] == "buy" else -1) for one in self.trades.values())
        if abs(traded - account["positions"][0]["qty"]) > 1e-6:
            raise Differs(f"watched trades sum to {traded}, the kernel holds {account['positions'][0]['qty']}")

    def wallet(self) -> dict[str, Any]:
        """Return the last wallet row that was pushed."""
        info = self.balance["info"]
        rows = info if isinstance(info, list) else info["result"]["list"]
        return dict(rows[0])

    async def book_is_right(self) -> None:
        fetched = await self.client.fetch_order_book(self.symbol, 50)
        for side in ("bids", "asks"):
            if [list(level[:2]) for level in self.book[side][:50]] != [list(level[:2]) for level in fetched[side]]:
                raise Differs(f"{side}: the watched book is {self.book[side][:2]}, the fetched one {fetched[side][:2]}")

    async def run(self, n_actions: int) -> None:
        await self.client.load_markets()
        tasks = [asyncio.ensure_future(one) for one in self.watchers()]
        try:
            await asyncio.sleep(1.0)
            for _ in range(n_actions):
                await self.act()
            await self.settle()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.close()

    async def settle(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            await asyncio.sleep(0.05)
            try:
                self.compare()
                await self.book_is_right()
            except (Differs, KeyError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                return


def run(of: type[Judge]) -> None:
    """Let a judge play, and print its summary."""
    ready, n_actions, seed = arguments()
    judge = of(ready, seed)
    asyncio.run(judge.run(n_actions))
    summary = {"n_orders": len(judge.orders), "n_trades": len(judge.trades)}
    print(json.dumps({"done": summary, "n_fills": judge.operator.state()["n_fills"]}))


if __name__ == "__main__":
    run(Judge)
