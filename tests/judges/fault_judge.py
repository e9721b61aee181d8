"""
What an unmodified ccxt makes of a venue's bad days: each fault over REST, and what ccxt raises or returns.

Run by a test, in an environment of its own: ``python fault_judge.py READY.json``. Prints a summary as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ccxt

from tests.judges.ccxt_judge import connect
from tests.judges.truth import Differs, Operator

SYMBOL, ID = "BLORP/USDT:USDT", "BLORPUSDT"
CREATE = {"match": "POST /v5/order/create"}


class Judge:
    """One client in one-way mode, and the operator who spoils its day."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.operator = Operator(ready["operator_url"], "bybit")
        self.client = connect(ready, 0)
        self.client.load_markets()
        self.seen: dict[str, str] = {}

    def arm(self, kind: str, **fields: Any) -> None:
        self.operator.arm({"kind": kind, **fields})

    def buy(self, name: str, **more: Any) -> Any:
        return self.client.create_order(SYMBOL, "market", "buy", 1000, None, {"clientOrderId": name, **more})

    def fetch(self, made: str) -> Any:
        return self.client.fetch_order(made, SYMBOL, {"acknowledged": True})

    def held(self) -> float:
        return float(self.operator.state()["accounts"][0]["positions"][0]["qty"])

    def expect(self, what: str, error: type[Exception], do: Callable[[], Any], bought: float) -> None:
        """Hold what is raised, and what the kernel has bought meanwhile, against what should be."""
        before = self.held()
        try:
            do()
        except error as raised:
            self.seen[what] = type(raised).__name__
        else:
            raise Differs(f"{what}: nothing was raised")
        if abs(self.held() - before - bought) > 1e-9:
            raise Differs(f"{what}: {self.held() - before} were bought, not {bought}")

    def after_accept(self) -> None:
        """Show that the order is there, whatever the client was told; the same id again proves it."""
        self.client.timeout = 500
        for kind, error, fields in (
            ("answer_lost", ccxt.NetworkError, {}),
            ("answer_late", ccxt.RequestTimeout, {"delay_ms": 2_000}),
            ("http_error", ccxt.ExchangeNotAvailable, {"status": 502}),
            ("server_timeout", ccxt.ExchangeError, {}),
        ):
            name = kind.replace("_", "-")
            self.arm(kind, **CREATE, **fields)
            self.expect(kind, error, partial(self.buy, name), 1000.0)
            self.expect(f"{kind}, again", ccxt.InvalidOrder, partial(self.buy, name), 0.0)
        self.client.timeout = 10_000

    def refused(self) -> None:
        self.arm("rate_limited", **CREATE)
        self.expect("rate_limited", ccxt.RateLimitExceeded, lambda: self.buy("storm"), 0.0)
        self.arm("maintenance")
        self.expect("maintenance", ccxt.ExchangeNotAvailable, lambda: self.buy("closed"), 0.0)
        self.arm("clock_skew", offset_ms=60_000)
        self.expect("clock_skew", ccxt.InvalidNonce, lambda: self.buy("late"), 0.0)

    def stale(self) -> None:
        self.arm("stale_read", match="GET /v5/order/*", count=0)
        made = self.buy("unseen")["id"]
        self.expect("stale_read", ccxt.OrderNotFound, lambda: self.fetch(made), 0.0)
        self.arm("stale_read", match="GET /v5/order/*", after_ms=60_000)
        if self.fetch(made)["status"] != "closed":
            raise Differs("the order is not closed")

    def parts(self) -> None:
        self.arm("partial_fill", **CREATE, qty=300)
        made = self.buy("part")["id"]
        order = self.fetch(made)
        if (order["status"], order["filled"], order["amount"]) != ("canceled", 300.0, 1_000.0):
            raise Differs(f"a partial fill is parsed as {order['status']}, {order['filled']} of {order['amount']}")
        self.seen["partial_fill"] = f"{order['filled']:g} of {order['amount']:g}"

    def rules(self) -> None:
        self.arm("filters_changed", symbol=ID, min_notional=1_000_000)
        self.expect("filters_changed", ccxt.InvalidOrder, lambda: self.buy("small"), 0.0)
        self.arm("filters_changed", symbol=ID, min_notional=5)
        self.arm("liquidation", account=0)
        self.operator.step(by_ms=60_000)
        # ccxt's own list of trades leaves liquidations out.
        asked = {"category": "linear", "symbol": ID}
        newest = self.client.private_get_v5_execution_list(asked)["result"]["list"][0]
        if newest["execType"] != "BustTrade" or any(one["contracts"] for one in self.client.fetch_positions([SYMBOL])):
            raise Differs(f"the position was not liquidated: {newest}")
        self.seen["liquidation"] = newest["execType"]
        self.arm("symbol_delisted", symbol=ID)
        if self.client.load_markets(reload=True)[SYMBOL]["active"]:
            raise Differs("a delisted symbol is active")
        self.expect("symbol_delisted", ccxt.ExchangeError, lambda: self.buy("gone"), 0.0)


def main() -> None:
    judge = Judge(json.loads(Path(sys.argv[1]).read_text()))
    judge.after_accept()
    judge.refused()
    judge.stale()
    judge.parts()
    judge.rules()
    print(json.dumps({"seen": judge.seen}))


if __name__ == "__main__":
    main()
