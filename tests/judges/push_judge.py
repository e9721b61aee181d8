"""
An unmodified pybit hears what a bad day makes of the private socket, and comes back when that is closed or silent.

Run by a test, in an environment of its own: ``python push_judge.py READY.json ACTIONS SEED``. Prints what was heard of
each fault as JSON; the tests say what it should have been.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from pybit.unified_trading import HTTP, WebSocket

from tests.judges.pybit_judge import PATIENCE_S, point_at
from tests.judges.truth import Operator, State, arguments

SYMBOL, ACCOUNT = "BLORPUSDT", 1
LATE_MS = 300
PING_S, PONG_S = 0.5, 0.3


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)


class Judge:
    """One client in one-way mode, which writes down what it hears, and when."""

    def __init__(self, ready: State) -> None:
        point_at(ready)
        credentials = {name: ready["keys"][ACCOUNT][name] for name in ("api_key", "api_secret")}
        self.operator = Operator(ready["operator_url"], "bybit")
        self.client = HTTP(**credentials, max_retries=1)
        self.heard: list[tuple[float, str, State]] = []
        self.n_orders = 0
        self.socket = WebSocket(
            channel_type="private", testnet=False, ping_interval=PING_S, ping_timeout=PONG_S, **credentials
        )
        for subscribe in ("order_stream", "execution_stream", "wallet_stream"):
            getattr(self.socket, subscribe)(self.note)
        self.buy_and_hear("wallet")

    def note(self, message: State) -> None:
        self.heard += [(time.monotonic(), message["topic"], row) for row in message["data"]]

    def buy(self) -> str:
        """Buy, as the next order; return its name."""
        self.n_orders += 1
        name = f"push-{self.n_orders}"
        asked: State = {"category": "linear", "symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "1000"}
        self.client.place_order(**asked, orderLinkId=name)
        return name

    def buy_and_hear(self, last: str, *, patience: int = 20) -> list[str]:
        """Buy until a message of that topic comes; return the topics that came by then."""
        for _ in range(patience):
            self.heard.clear()
            self.buy()
            deadline = time.monotonic() + PATIENCE_S / patience
            while time.monotonic() < deadline:
                if last in self.topics():
                    return self.topics()
                time.sleep(0.005)
        raise TimeoutError(f"no {last} was heard")

    def topics(self) -> list[str]:
        return [topic for _, topic, _ in list(self.heard)]

    def rows(self, topic: str) -> list[State]:
        return [row for _, one, row in list(self.heard) if one == topic]

    def held(self) -> float:
        return float(self.operator.state()["accounts"][ACCOUNT]["positions"][0]["qty"])

    def struck(self, kind: str, **fields: Any) -> list[str]:
        """Buy under a fault; return the topics that were heard."""
        self.operator.arm({"kind": kind, "account": ACCOUNT, **fields})
        return self.buy_and_hear("wallet")

    def dropped(self) -> State:
        topics = self.struck("push_dropped", match="execution")
        asked = {"category": "linear", "symbol": SYMBOL, "orderLinkId": f"push-{self.n_orders}"}
        rows = self.client.get_executions(**asked)["result"]["list"]
        return {"topics": topics, "by_rest": len(rows)}

    def duplicated(self) -> State:
        before = self.held()
        self.struck("push_duplicated", match="execution")
        ids = [row["execId"] for row in self.rows("execution")]
        told = sum(float(row["execQty"]) for row in self.rows("execution"))
        return {"ids": len(ids), "different": len(set(ids)), "told": told, "held": self.held() - before}

    def reordered(self) -> State:
        topics = self.struck("push_reordered", match="order", skip=1)
        return {"topics": topics, "states": [row["orderStatus"] for row in self.rows("order")]}

    def late(self) -> State:
        topics = self.struck("push_late", match="execution", delay_ms=LATE_MS)
        until(lambda: "execution" in self.topics(), "the execution never came")
        times = {topic: at for at, topic, _ in self.heard}
        return {"topics": topics, "late_ms": 1_000 * (times["execution"] - times["wallet"])}

    def comes_back(self, kind: str, **fields: Any) -> State:
        """Lose the socket while an order is told of; it is back when the next one is."""
        self.operator.arm({"kind": kind, "account": ACCOUNT, "match": "execution", **fields})
        self.heard.clear()
        socket = self.socket.ws
        self.buy()
        until(lambda: self.socket.ws is not socket, f"{kind}: nobody has noticed")
        missed = self.topics()
        # It answers for itself once it is signed in again.
        topics = self.buy_and_hear("wallet")
        position = self.client.get_positions(category="linear", symbol=SYMBOL)["result"]["list"][0]
        wallet = float(self.rows("wallet")[-1]["totalWalletBalance"])
        cash = self.operator.state()["accounts"][ACCOUNT]["cash"]
        return {
            "missed": missed,
            "topics": topics,
            "same_position": abs(float(position["size"]) - self.held()) < 1e-9,
            "same_wallet": abs(wallet - cash) < 1.1e-8,
        }


def main() -> None:
    ready, _, _ = arguments()
    logging.getLogger("pybit").setLevel(logging.CRITICAL)
    judge = Judge(ready)
    seen = {
        "push_dropped": judge.dropped(),
        "push_duplicated": judge.duplicated(),
        "push_reordered": judge.reordered(),
        "push_late": judge.late(),
        "socket_closed politely": judge.comes_back("socket_closed"),
        "socket_closed abruptly": judge.comes_back("socket_closed", is_abrupt=True),
        "socket_silent": judge.comes_back("socket_silent"),
    }
    judge.socket.exit()
    print(json.dumps({"seen": seen}))


if __name__ == "__main__":
    main()
