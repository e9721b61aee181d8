"""
An unmodified ccxt.pro whose sockets are closed, fall silent, or find the venue shut: it comes back by itself.

Run by a test, in an environment of its own: ``python reconnect_judge.py READY.json ACTIONS SEED``. After each fault its
user does what every bot does, watches on and asks over REST for what it may have missed; then what was watched must
equal what the kernel holds again. Prints what was seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro

from tests.judges import mexc_client
from tests.judges.ccxt_pro_judge import PATIENCE_S, SYMBOL, Judge
from tests.judges.truth import Operator, State, arguments

KEEP_ALIVE_MS = 250
"""Between a client's pings: two without an answer, and it takes its socket for dead."""
SHUT_MS = 60_000
SOCKETS = {"match": "*orderbook*"}, {"match": "order"}
"""Of the public and of the private socket: a message that comes soon."""


async def until(done: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not await asyncio.to_thread(done):
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.02)


class Watcher:
    """Watches on, whatever happens to its sockets, and counts how often it was told that one is lost."""

    survived: tuple[type[Exception], ...] = (ccxt.NetworkError,)

    def __init__(self) -> None:
        self.lost: Counter[str] = Counter()

    async def watch(self, ask: Callable[[], Awaitable[Any]], keep: Callable[[Any], object]) -> None:
        while True:
            try:
                keep(await ask())
            except self.survived as error:
                self.lost[type(error).__name__] += 1
                await asyncio.sleep(0.02)


class Bybit(Watcher, Judge):
    """The watchers of one account at Bybit's face, and the operator who spoils their day."""

    def __init__(self, ready: State, seed: int) -> None:
        Watcher.__init__(self)
        Judge.__init__(self, ready, seed)
        self.client.streaming["keepAlive"] = KEEP_ALIVE_MS
        self.seen: State = {}

    async def buy(self) -> None:
        await self.client.create_order(SYMBOL, "market", "buy", 1000)

    def n_sockets(self) -> int:
        return int(self.operator.state()["n_sockets"])

    async def scene(self, name: str, *faults: State, then: Callable[[], object] = lambda: None) -> None:
        """Let a fault strike, wait until the watchers are back, and hold their view against the kernel."""
        self.lost.clear()
        n_sockets = self.n_sockets()
        await asyncio.to_thread(self.operator.arm, *faults)
        await asyncio.to_thread(self.operator.step, by_ms=60_000)
        if not any(fault["kind"] == "maintenance" for fault in faults):
            await self.buy()
        await until(lambda: self.lost.total() > 0, f"{name}: nobody has noticed")
        struck = await asyncio.to_thread(self.operator.faults)
        await asyncio.to_thread(then)
        await until(lambda: self.n_sockets() == n_sockets, f"{name}: nobody has come back")
        # A socket that is open is not yet one that has signed in and subscribed.
        await asyncio.sleep(1.0)
        await self.catch_up()
        await asyncio.to_thread(self.operator.step, by_ms=1_000)
        await self.buy()
        await self.settle()
        self.seen[name] = {"errors": sorted(self.lost), "struck": sum(fault["n_struck"] for fault in struck)}

    async def catch_up(self) -> None:
        """Ask over REST for what may have been missed."""
        self.trades |= {row["id"]: dict(row) for row in await self.client.fetch_my_trades(SYMBOL)}
        for number in [number for number, order in self.orders.items() if order["status"] == "open"]:
            self.orders[number] = dict(await self.client.fetch_order(number, SYMBOL, {"acknowledged": True}))

    async def run(self) -> None:  # type: ignore[override]
        await self.client.load_markets()
        tasks = [asyncio.ensure_future(one) for one in self.watchers()]
        try:
            await asyncio.sleep(1.0)
            await self.buy()
            await self.settle()
            for one, where in zip(("public", "private"), SOCKETS, strict=True):
                for is_abrupt in (False, True):
                    how = "abruptly" if is_abrupt else "politely"
                    await self.scene(
                        f"socket_closed {how}, {one}", {"kind": "socket_closed", "is_abrupt": is_abrupt, **where}
                    )
                await self.scene(f"socket_silent, {one}", {"kind": "socket_silent", **where})
            refused = {"kind": "connection_refused", "count": 3}
            await self.scene("connection_refused", {"kind": "socket_closed", **SOCKETS[1]}, refused)
            await self.scene(
                "maintenance",
                {"kind": "maintenance", "for_ms": SHUT_MS},
                then=lambda: self.operator.step(by_ms=SHUT_MS),
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.close()


class Mexc(Watcher):
    """A client at MEXC's face whose listen key ends before its time."""

    # It asks with the key that has ended before it makes another one.
    survived = (ccxt.NetworkError, ccxt.AuthenticationError, ccxt.BadRequest)

    def __init__(self, ready: State) -> None:
        super().__init__()
        self.operator = Operator(ready["operator_url"], "mexc")
        self.client = mexc_client.connect(ccxt.pro.mexc, ready, 0)
        self.client.options["listenKeyRefreshRate"] = KEEP_ALIVE_MS
        self.trades: dict[str, State] = {}

    async def buy(self) -> None:
        await self.client.create_order("BLORP/USDT", "market", "buy", 1000)

    async def run(self) -> State:
        await self.client.load_markets()
        keep = lambda rows: self.trades.update({row["id"]: dict(row) for row in rows})  # noqa: E731
        task = asyncio.ensure_future(self.watch(self.client.watch_my_trades, keep))
        try:
            await asyncio.sleep(1.0)
            await self.buy()
            await until(lambda: len(self.trades) == 1, "the first deal was not heard")
            first = self.client.options["listenKey"]
            await asyncio.to_thread(self.operator.arm, {"kind": "listen_key_expired", "account": 0})
            await until(lambda: self.client.options["listenKey"] not in {None, first}, "there is no new key")
            await asyncio.sleep(1.0)
            await self.buy()
            await until(lambda: len(self.trades) == 2, "the second deal was not heard")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.client.close()
        return {"errors": sorted(self.lost), "struck": sum(fault["n_struck"] for fault in self.operator.faults())}


def main() -> None:
    ready, _, seed = arguments()
    judge = Bybit(ready, seed)
    asyncio.run(judge.run())
    judge.seen["listen_key_expired"] = asyncio.run(Mexc(ready).run())
    print(json.dumps({"seen": judge.seen}))


if __name__ == "__main__":
    main()
