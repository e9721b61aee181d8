"""
Unmodified ccxt and pybit trade in batches and ask for closed profit; what they parse must be what the kernel holds.

Run by a test, in an environment of its own: ``python batch_judge.py READY.json``. Prints a summary as JSON.
"""

from __future__ import annotations

import json
import sys
from math import isclose
from pathlib import Path
from typing import Any

from pybit.unified_trading import HTTP

from tests.judges.ccxt_judge import connect
from tests.judges.truth import Differs, Operator

SYMBOL, ID = "BLORP/USDT:USDT", "BLORPUSDT"


def by_ccxt(ready: dict[str, Any], operator: Operator) -> int:
    """Create and cancel in batches, close a position, and return how many orders there were."""
    client = connect(ready, 0)
    client.load_markets()
    last = client.fetch_ticker(SYMBOL)["last"]
    price = float(client.price_to_precision(SYMBOL, last * 0.98))
    wanted = [
        {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 1_000 * k, "price": price} for k in range(1, 5)
    ]
    made = [order["id"] for order in client.create_orders(wanted)]
    resting = operator.state()["accounts"][0]["orders"]
    if [(order["number"], order["qty_left"]) for order in resting] != [
        (int(name[-12:]), 1_000.0 * k) for k, name in enumerate(made, 1)
    ]:
        raise Differs(f"orders: ccxt has made {made}, the kernel holds {resting}")
    client.cancel_orders(made[1:], SYMBOL)
    left = [order["number"] for order in operator.state()["accounts"][0]["orders"]]
    if left != [int(made[0][-12:])]:
        raise Differs(f"orders: ccxt has left {made[0]}, the kernel holds {left}")
    client.create_order(SYMBOL, "market", "buy", 5_000)
    operator.step(by_ms=60_000)
    client.create_order(SYMBOL, "market", "sell", 5_000, None, {"reduceOnly": True})
    (closed,) = client.fetch_positions_history([SYMBOL])
    account = operator.state()["accounts"][0]
    earned = float(closed["info"]["closedPnl"])
    if not isclose(earned, account["cash"] - 100_000.0, abs_tol=1e-6):
        raise Differs(f"closed profit: ccxt sees {earned}, the wallet has {account['cash']}")
    return len(made)


def by_pybit(ready: dict[str, Any], operator: Operator) -> int:
    """Do the same with the second account, and ask before an order what it would do."""
    key = ready["keys"][1]
    client = HTTP(api_key=key["api_key"], api_secret=key["api_secret"], max_retries=1)
    client.endpoint = ready["rest_url"]
    client.set_margin_mode(setMarginMode="REGULAR_MARGIN")
    plain = {"symbol": ID, "side": "Sell", "orderType": "Market", "qty": "3000"}
    answer = client.place_batch_order(category="linear", request=[plain, plain | {"qty": "0.1"}])
    codes = [one["code"] for one in answer["retExtInfo"]["list"]]
    if codes != [0, 10001]:
        raise Differs(f"a batch is answered with {codes}")
    before = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
    told = client.pre_check_order(category="linear", **plain)["result"]
    client.place_order(category="linear", **plain)
    after = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
    for name, row in (("pre", before), ("post", after)):
        if abs(told[f"{name}ImrE4"] - float(row["accountIMRate"]) * 1e4) > 1:
            raise Differs(f"{name}: the check said {told}, the wallet has {row['accountIMRate']}")
    client.place_order(category="linear", **plain | {"side": "Buy", "qty": "6000", "reduceOnly": True})
    (row,) = client.get_closed_pnl(category="linear", symbol=ID)["result"]["list"]
    gained = operator.state()["accounts"][1]["cash"] - 100_000.0
    if not isclose(float(row["closedPnl"]), gained, abs_tol=1e-6):
        raise Differs(f"closed profit: pybit sees {row['closedPnl']}, the wallet has gained {gained}")
    return len(codes)


def main() -> None:
    ready = json.loads(Path(sys.argv[1]).read_text())
    operator = Operator(ready["operator_url"], "bybit")
    print(json.dumps({"ccxt": by_ccxt(ready, operator), "pybit": by_pybit(ready, operator)}))


if __name__ == "__main__":
    main()
