"""
An unmodified pybit trades at the local exchange, over REST and the trade socket; its view must equal the kernel's.

Run by a test, in an environment of its own: ``python pybit_judge.py READY.json ACTIONS SEED``. What the private socket
has told by the end must add up to what the kernel holds. Prints a summary as JSON.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pybit._http_manager
import pybit._websocket_trading
import pybit.unified_trading
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

from tests.judges.truth import Differs, Operator, arguments, play, same_money, same_orders, same_positions

LEGS = {1: "LONG", 2: "SHORT"}
PATIENCE_S = 10.0
ENDS = {"Filled", "Cancelled", "PartiallyFilledCanceled", "Deactivated"}


def point_at(ready: dict[str, Any]) -> None:
    """Give pybit's modules the exchange's addresses."""
    pybit._http_manager.HTTP_URL = ready["rest_url"]
    pybit.unified_trading.PUBLIC_WSS = ready["public_url"].rpartition("/")[0] + "/{CHANNEL_TYPE}"
    pybit.unified_trading.PRIVATE_WSS = ready["private_url"]
    pybit._websocket_trading.TRADE_WSS = ready["trade_url"]


class Heard:
    """What the private socket has said."""

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.positions: dict[tuple[str, int], dict[str, Any]] = {}
        self.wallet: dict[str, Any] = {}
        self.held: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
        self.executions: set[str] = set()
        self.faults: list[str] = []

    def order(self, message: dict[str, Any]) -> None:
        for row in message["data"]:
            before = self.orders.get(row["orderId"])
            if before in ENDS:
                self.faults.append(f"order {row['orderId']} was {before} and became {row['orderStatus']}")
            self.orders[row["orderId"]] = row["orderStatus"]

    def execution(self, message: dict[str, Any]) -> None:
        for row in message["data"]:
            if row["execId"] in self.executions:
                self.faults.append(f"execution {row['execId']} came twice")
            self.executions.add(row["execId"])
            # An execution does not name its leg: in hedge mode what closes does.
            is_closing = Decimal(row["closedSize"]) > 0
            leg = (1 if row["side"] == "Buy" else 2) if not is_closing else (2 if row["side"] == "Buy" else 1)
            self.held[row["symbol"], leg] += Decimal(row["execQty"]) * (1 if row["side"] == "Buy" else -1)

    def position(self, message: dict[str, Any]) -> None:
        for row in message["data"]:
            self.positions[row["symbol"], row["positionIdx"]] = row

    def money(self, message: dict[str, Any]) -> None:
        self.wallet = message["data"][0]


class Dropped(logging.Handler):
    """
    Counts the answers that pybit itself threw away.

    It sends a request before it notes that an answer is due; on a busy machine the answer can be there first. A
    refusal then reads in its log like one that it passes on, so those count as well: they are asked for where nothing
    was heard.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        logging.getLogger("pybit._websocket_trading").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.count += any(words in record.getMessage() for words in ("unregistered reqId", "returned an error"))


class Judge:
    """One client of one account, in hedge mode."""

    category = "linear"
    actions: tuple[str, ...] = (
        "market",
        "limit",
        "limit",
        "limit",
        "socket",
        "reduce",
        "stop",
        "cancel",
        "amend",
        "step",
        "step",
    )

    def __init__(self, ready: dict[str, Any], seed: int) -> None:
        point_at(ready)
        credentials = {name: ready["keys"][1][name] for name in ("api_key", "api_secret")}
        self.operator = Operator(ready["operator_url"], "bybit")
        self.client = HTTP(**credentials, max_retries=1)
        self.dice = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.heard = self.listener()
        self.dropped = Dropped()
        rows = self.client.get_instruments_info(category=self.category)["result"]["list"]
        priced = {row["symbol"] for row in self.tickers() if row["lastPrice"]}
        self.steps = {
            row["symbol"]: (Decimal(self.lot_of(row["lotSizeFilter"])), Decimal(row["priceFilter"]["tickSize"]))
            for row in rows
            if row["symbol"] in priced
        }
        self.private = WebSocket(channel_type="private", testnet=False, **credentials)
        self.private.order_stream(self.heard.order)
        self.private.execution_stream(self.heard.execution)
        self.private.wallet_stream(self.heard.money)
        self.trade = WebSocketTrading(testnet=False, **credentials)
        self.prepare()

    def listener(self) -> Heard:
        """Return what keeps what the private socket says."""
        return Heard()

    def prepare(self) -> None:
        """Choose the position mode, and listen to positions."""
        self.client.switch_position_mode(category="linear", coin="USDT", mode=3)
        self.private.position_stream(self.heard.position)

    def lot_of(self, sizes: dict[str, Any]) -> str:
        """Return the step of quantities."""
        return str(sizes["qtyStep"])

    def tickers(self) -> list[dict[str, Any]]:
        return list(self.client.get_tickers(category=self.category)["result"]["list"])

    def compare(self) -> None:
        account = self.operator.state()["accounts"][1]
        self.compare_wallet(self.client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0], account)
        same_orders((order_of(row) for row in self.open_orders() if row["orderStatus"] != "Untriggered"), account)

    def compare_wallet(self, wallet: dict[str, Any], account: dict[str, Any]) -> None:
        """Hold money, margin and positions against the kernel."""
        same_money(float(wallet["totalWalletBalance"]), account["cash"], "balance")
        same_money(float(wallet["totalEquity"]), account["equity"], "equity")
        same_money(float(wallet["totalInitialMargin"]), account["initial_margin"], "initial margin")
        same_money(float(wallet["totalMaintenanceMargin"]), account["maintenance_margin"], "maintenance margin")
        rows = self.client.get_positions(category="linear", settleCoin="USDT", limit=200)["result"]["list"]
        same_positions(map(leg_of, rows), account)

    def open_orders(self) -> list[dict[str, Any]]:
        """Return all open orders, page by page."""
        orders: list[dict[str, Any]] = []
        cursor = ""
        scope = {"settleCoin": "USDT"} if self.category == "linear" else {}
        while True:
            page = self.client.get_open_orders(category=self.category, limit=50, cursor=cursor, **scope)["result"]
            orders += page["list"]
            cursor = page["nextPageCursor"]
            if not cursor:
                return orders

    def act(self) -> None:
        symbol = self.dice.choice(sorted(self.steps))
        name = self.dice.choice(self.actions)
        try:
            getattr(self, name)(symbol)
            self.done[name] += 1
        except InvalidRequestError as error:
            self.done[f"{name} refused: {error.status_code}"] += 1

    def price(self, symbol: str) -> Decimal:
        return Decimal(next(row["lastPrice"] for row in self.tickers() if row["symbol"] == symbol))

    def on_grid(self, value: Decimal, step: Decimal) -> str:
        return format((value // step) * step, "f")

    def order(self, symbol: str, **more: Any) -> dict[str, Any]:
        leg = self.dice.choice((1, 2))
        last, (lot, tick) = self.price(symbol), self.steps[symbol]
        value = Decimal(self.dice.choice((1_000, 1_000, 40_000))) * Decimal(self.dice.uniform(0.01, 1.0))
        body = {
            "category": "linear",
            "symbol": symbol,
            "side": "Buy" if leg == 1 else "Sell",
            "orderType": "Limit",
            "qty": self.on_grid(value / last, lot),
            "price": self.on_grid(last * Decimal(self.dice.uniform(0.995, 1.005)), tick),
            "positionIdx": leg,
        }
        return body | more

    def market(self, symbol: str) -> None:
        self.client.place_order(**self.order(symbol, orderType="Market"))

    def limit(self, symbol: str) -> None:
        self.client.place_order(**self.order(symbol, timeInForce=self.dice.choice(("GTC", "PostOnly", "FOK"))))

    def socket(self, symbol: str) -> None:
        """Place an order over the trade socket, and wait for its answer."""
        answered, answer = threading.Event(), {}

        def hear(message: dict[str, Any]) -> None:
            answer.update(message)
            answered.set()

        dropped = self.dropped.count
        self.trade.place_order(hear, error_callback=hear, **self.order(symbol))
        if not answered.wait(PATIENCE_S):
            if self.dropped.count == dropped:
                raise Differs("the trade socket did not answer")
            self.done["socket answer dropped by the client"] += 1
            return
        if answer["retCode"]:
            self.done[f"socket refused: {answer['retCode']}"] += 1

    def reduce(self, symbol: str) -> None:
        body = self.order(symbol, orderType="Market", reduceOnly=True)
        self.client.place_order(**body | {"side": "Sell" if body["positionIdx"] == 1 else "Buy"})

    def stop(self, symbol: str) -> None:
        rises = self.dice.random() < 0.5
        trigger = self.on_grid(self.price(symbol) * Decimal("1.004" if rises else "0.996"), self.steps[symbol][1])
        kind = self.dice.choice(("Market", "Limit"))
        self.client.place_order(
            **self.order(symbol, orderType=kind, triggerPrice=trigger, **self.conditional(rises=rises))
        )

    def conditional(self, *, rises: bool) -> dict[str, Any]:
        """Return what makes an order wait for a price."""
        return {"triggerDirection": 1 if rises else 2}

    def cancel(self, symbol: str) -> None:
        rows = self.client.get_open_orders(category=self.category, symbol=symbol)["result"]["list"]
        if rows:
            row = self.dice.choice(rows)
            waits = {"orderFilter": "StopOrder"} if row["orderStatus"] == "Untriggered" else {}
            self.client.cancel_order(category=self.category, symbol=symbol, orderId=row["orderId"], **waits)

    def amend(self, symbol: str) -> None:
        rows = self.client.get_open_orders(category=self.category, symbol=symbol, orderFilter="Order")["result"]["list"]
        if rows:
            row, (lot, tick) = self.dice.choice(rows), self.steps[symbol]
            price = self.on_grid(Decimal(row["price"]) * Decimal(self.dice.uniform(0.998, 1.002)), tick)
            qty = format(Decimal(row["qty"]) + lot * self.dice.randint(0, 3), "f")
            self.client.amend_order(category=self.category, symbol=symbol, orderId=row["orderId"], price=price, qty=qty)

    def step(self, _symbol: str) -> None:
        self.operator.step(by_ms=self.dice.randint(1_000, 90_000))

    def hear_out(self) -> None:
        """Hold what the private socket has said by the end against the kernel."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._compare_heard()
            except Differs:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _compare_heard(self) -> None:
        account = self.operator.state()["accounts"][1]
        if self.heard.faults:
            raise Differs("; ".join(self.heard.faults[:3]))
        self._compare_held(account)
        live = {int(name[-12:]) for name, status in self.heard.orders.items() if status in {"New", "PartiallyFilled"}}
        if live != {order["number"] for order in account["orders"]}:
            held_orders = {order["number"] for order in account["orders"]}
            raise Differs(
                f"orders: heard of {sorted(live - held_orders)} in vain, and not of {sorted(held_orders - live)}"
            )

    def _compare_held(self, account: dict[str, Any]) -> None:
        same_positions(map(leg_of, self.heard.positions.values()), account)
        held = {(leg["symbol"], leg["position_side"]): leg["qty"] for leg in account["positions"]}
        for (symbol, leg), qty in self.heard.held.items():
            if abs(float(qty) - held[symbol, LEGS[leg]]) > 1e-9:
                raise Differs(
                    f"executions of {symbol} {LEGS[leg]} sum to {qty}, the kernel holds {held[symbol, LEGS[leg]]}"
                )
        if self.heard.wallet:
            same_money(float(self.heard.wallet["totalWalletBalance"]), account["cash"], "pushed balance")


def leg_of(row: dict[str, Any]) -> tuple[tuple[str, str], float, float]:
    signed = float(row["size"]) * (1 if row["side"] == "Buy" else -1)
    entry = float(row.get("avgPrice") or row.get("entryPrice") or 0)
    return (row["symbol"], LEGS[row["positionIdx"]]), signed, entry


def order_of(row: dict[str, Any]) -> tuple[int, str, str, float, float]:
    number = int(row["orderId"][-12:])
    return number, row["symbol"], row["side"].upper(), float(row["leavesQty"]), float(row["price"])


def run(of: type[Judge]) -> None:
    """Let a judge play, and print its summary."""
    ready, n_actions, seed = arguments()
    judge = of(ready, seed)
    summary = play(judge, n_actions)
    judge.hear_out()
    summary["n_heard"] = len(judge.heard.orders)
    judge.private.exit()
    judge.trade.exit()
    print(json.dumps(summary))


if __name__ == "__main__":
    run(Judge)
