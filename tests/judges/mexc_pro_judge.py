"""
An unmodified ccxt.pro watches and trades at the MEXC face, over its sockets and their binary messages.

Run by a test, in an environment of its own: ``python mexc_pro_judge.py READY.json ACTIONS SEED``. What ``watch_*`` has
shown must equal what the kernel holds, and its books and bars what REST says. Prints a summary as JSON.
"""

from __future__ import annotations

import asyncio
import json

import ccxt.pro

from tests.judges.mexc_client import FEE_RATE, connect, number_of
from tests.judges.spot_watcher import SpotWatcher
from tests.judges.truth import Operator, arguments


class Judge(SpotWatcher):
    """A watcher at MEXC."""

    def number_of(self, order_id: str) -> int:
        return number_of(order_id)


def main() -> None:
    ready, n_actions, seed = arguments()
    judge = Judge(Operator(ready["operator_url"], "mexc"), connect(ccxt.pro.mexc, ready, 0), seed, FEE_RATE)
    print(json.dumps(asyncio.run(judge.played(n_actions))))


if __name__ == "__main__":
    main()
