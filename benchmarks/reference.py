"""
What the workloads mean, in plain Python that Numba compiles too: the results that every engine must reproduce.

**W1** decides at each close by Wilder's RSI of 14 bars, seeded with the mean of the first 14 changes: flat and below
40, buy with all cash; long and above 60, sell everything. Orders fill at the next open; the fee, 0.1 % of notional, is
paid out of the cash; the last position is valued at the last close. **W3** is W1 for a grid of 1,000 threshold pairs.

**W2** is a threshold cascade whose quantities are fixed at the deciding close; see :func:`w2_orders`.

Needs nothing: the peers' environments read it too.
"""

from __future__ import annotations

from typing import Any

PERIOD, LOW, HIGH = 14, 40.0, 60.0
TAIL_BARS = 1000  # of an indicator, where every engine has long forgotten how it began
W1_CASH, W2_CASH, FEE_RATE = 1e9, 100_000.0, 0.001


def pairs(n_pairs: int) -> list[tuple[float, float]]:
    """Return W3's 1,000 thresholds, (low, high), or fewer of them, evenly: some rarely trade, some often."""
    grid = [(20.0 + 0.75 * row, 51.0 + column) for row in range(40) for column in range(25)]
    return [grid[k * len(grid) // n_pairs] for k in range(n_pairs)]


def wilder_rsi(close: Any, period: int, out: Any) -> None:
    """Write the RSI of a series of closes, NaN before bar ``period``."""
    gain_mean = loss_mean = 0.0
    out[0] = float("nan")
    for i in range(1, len(close)):
        change = close[i] - close[i - 1]
        gain = max(0.0, change)
        loss = max(0.0, -change)
        if i <= period:
            gain_mean += gain / period
            loss_mean += loss / period
        else:
            gain_mean = (gain_mean * (period - 1) + gain) / period
            loss_mean = (loss_mean * (period - 1) + loss) / period
        out[i] = 100.0 * gain_mean / (gain_mean + loss_mean) if i >= period else float("nan")


def w1(open_: Any, close: Any, rsi: Any, low: float, high: float, sell_discount: float) -> tuple[float, int]:
    """
    Return W1's final equity and number of fills.

    ``sell_discount`` is how far below the open a sale fills: 0, or one tick for an engine that knows bid and ask.
    """
    cash, qty, fills = W1_CASH, 0.0, 0
    for i in range(1, len(open_)):
        if qty == 0.0 and rsi[i - 1] < low:
            qty = cash / (open_[i] * (1.0 + FEE_RATE))
            cash = 0.0
            fills += 1
        elif qty > 0.0 and rsi[i - 1] > high:
            cash = qty * (open_[i] - sell_discount) * (1.0 - FEE_RATE)
            qty = 0.0
            fills += 1
    return cash + qty * close[len(close) - 1], fills


# One function, so that every engine can compile it by itself.
def w2_orders(  # noqa: C901, PLR0912
    bar: int, close: Any, qty: Any, cash: float, ready: Any, order: Any
) -> bool:
    """
    Write W2's orders, decided at the close of ``bar``, as signed base quantities; tell whether there are any.

    The first bar invests 70 % of the cash equally. Later at most one asset triggers: of those whose ``ready`` bar has
    come and which stand more than 40 % above or 35 % below the mean value, the farthest (first of equals).

    - Above: sell 20 % of it, keep 30 % of the proceeds, spread the rest over the others.
    - Below: buy what it lacks to the mean. If the cash, less a safety of 1 %, does not reach, sell first from what is
      above the mean, the most valuable first: what is missing, at most 25 % of each.

    No order is worth less than 15. ``ready`` moves 30 bars on for an asset that has triggered.
    """
    n = len(close)
    for a in range(n):
        order[a] = 0.0
    if bar == 0:
        for a in range(n):
            order[a] = cash * 0.7 / n / (1.0 + FEE_RATE) / close[a]
        return True
    mean = 0.0
    for a in range(n):
        mean += qty[a] * close[a]
    mean /= n
    farthest, distance = -1, 0.0
    for a in range(n):
        deviation = qty[a] * close[a] / mean - 1.0
        if bar >= ready[a] and (deviation > 0.40 or deviation < -0.35) and abs(deviation) > distance:
            farthest, distance = a, abs(deviation)
    if farthest < 0:
        return False
    value = qty[farthest] * close[farthest]
    has_orders = False
    if value > mean:
        proceeds = 0.2 * value
        if proceeds >= 15.0:
            order[farthest] = -0.2 * qty[farthest]
            has_orders = True
            leg = 0.7 * proceeds * (1.0 - FEE_RATE) / (n - 1)
            for a in range(n):
                if a != farthest and leg >= 15.0:
                    order[a] = leg / (1.0 + FEE_RATE) / close[a]
    elif mean - value >= 15.0:
        need = mean - value
        available = cash
        limit = float("inf")  # Values at or above it have been drawn upon.
        while available * 0.99 / (1.0 + FEE_RATE) < need:
            richest, most = -1, mean
            for a in range(n):
                if a != farthest and most < qty[a] * close[a] < limit:
                    richest, most = a, qty[a] * close[a]
            if richest < 0:
                break
            limit = most
            notional = min(0.25 * most, need * (1.0 + FEE_RATE) / 0.99 - available)
            if notional >= 15.0:
                order[richest] = -notional / close[richest]
                has_orders = True
                available += notional * (1.0 - FEE_RATE)
        notional = min(need, 0.99 * available / (1.0 + FEE_RATE))
        if notional >= 15.0:
            order[farthest] = notional / close[farthest]
            has_orders = True
    if has_orders:
        ready[farthest] = bar + 30
    return has_orders


def w2(open_: Any, close: Any, orders: Any, qty: Any, ready: Any, order: Any) -> tuple[float, int, int]:
    """
    Return W2's final equity, fills and triggers (the first purchase is none).

    ``orders`` is :func:`w2_orders`, compiled or not; the arrays, one element per asset and all zero, are its memory.
    Orders fill at the next open, sells first, each kind in the order of the assets.
    """
    cash, fills, triggers, is_due = W2_CASH, 0, 0, False
    for i in range(len(close)):
        if is_due:
            for side in (-1.0, 1.0):
                for a in range(len(order)):
                    if order[a] * side > 0.0:
                        notional = order[a] * open_[i, a]
                        cash -= notional + abs(notional) * FEE_RATE
                        qty[a] += order[a]
                        fills += 1
        is_due = orders(i, close[i], qty, cash, ready, order)
        triggers += is_due and i > 0
    equity = cash
    for a in range(len(order)):
        equity += qty[a] * close[len(close) - 1, a]
    return equity, fills, triggers
