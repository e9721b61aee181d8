"""
What the kernel alone takes for orders such as ``exchange_client.py`` sends: ``exchange_kernel.py ACCOUNTS ORDERS``.

The same mix goes into the venue without a wire, once to the end and once more with every compiled call timed. Prints
one JSON line.
"""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import replace
from typing import Any

from ballast.cli.exchange_offers import offer_of_data
from ballast.model.enums import OrderType, Side
from ballast.venues.exchange import steps
from ballast.venues.exchange.orders import OrderRequest
from ballast.venues.exchange.venue import LocalVenue

AWAY = 0.00005


class Meter:
    """Seconds spent in compiled calls, and how many there were."""

    def __init__(self) -> None:
        self.seconds, self.n_calls = 0.0, 0

    def watch(self, name: str) -> None:
        """Time every call of one of the steps from now on."""
        called = getattr(steps, name)

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return called(*arguments)
            finally:
                self.seconds += time.perf_counter() - started
                self.n_calls += 1

        setattr(steps, name, timed)


def main() -> None:
    n_accounts, n_orders = map(int, sys.argv[1:])
    setup = offer_of_data("sample", 1, {"bybit": "unified_margin"}, n_accounts).setups["bybit"]
    market = replace(setup.market, start_frame=500)
    venue = LocalVenue(replace(setup, market=market, accounts=[replace(one, cash=1e9) for one in setup.accounts]))
    symbol, listing, dice = market.symbols[0], market.listings[0], random.Random(1)
    price = venue.last_price(0)
    qty = (int(20.0 / price / listing.lot) + 1) * listing.lot

    def trade() -> None:
        side = dice.choice((Side.BUY, Side.SELL))
        rests = dice.random() < 0.5
        limit = price * (1.0 - side * AWAY) if rests else float("nan")
        request = OrderRequest(symbol, side, OrderType.LIMIT if rests else OrderType.MARKET, qty, limit)
        order = venue.place(dice.randrange(n_accounts), request)
        # What the pushes ask for.
        venue.host.money(order.account)
        venue.host.position(order.account, 0, 0)
        venue.take_updates()

    for _ in range(1_000):
        trade()
    started = time.process_time()
    for _ in range(n_orders):
        trade()
    cpu_s = time.process_time() - started
    meter = Meter()
    for name in ("ask", "step", "money", "position"):
        meter.watch(name)
    for _ in range(n_orders):
        trade()
    print(json.dumps({"venue_us": cpu_s / n_orders * 1e6, "kernel_us": meter.seconds / n_orders * 1e6}))


if __name__ == "__main__":
    main()
