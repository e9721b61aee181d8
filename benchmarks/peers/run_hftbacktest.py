"""
hftbacktest on W1: ``run_hftbacktest.py w1 N_BARS REPETITIONS``.

It replays order books, so a bar comes as four book events at its open: the old best bid and ask go, the new ones
come, the ask at the open and the bid one tick below. The strategy, compiled, wakes a millisecond later with the RSI of
the close before (TA-Lib's) and sends a market order without latency: purchases fill at the open, sales one tick lower,
and so does its reference. Building the events is not timed.
"""

from __future__ import annotations

import sys
from typing import Any

import hftbacktest
import numpy as np
import reference
import talib
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTC,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)
from markets import MINUTE_NS, market
from numba import njit
from timing import report

TICK = 0.01
LOT = 1e-8
WAIT = True  # until the order is answered


def book_events(ts_ns: Any, open_: Any) -> Any:
    """Return four book events for each bar."""
    n_bars = len(open_)
    before = np.concatenate((open_[:1], open_[:-1]))
    sides = (
        (BUY_EVENT, before - TICK, 0.0),
        (SELL_EVENT, before, 0.0),
        (BUY_EVENT, open_ - TICK, 1e9),
        (SELL_EVENT, open_, 1e9),
    )
    events = np.zeros((n_bars, 4), event_dtype)
    for k, (side, price, qty) in enumerate(sides):
        events[:, k]["ev"] = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT | side
        events[:, k]["px"] = np.round(price, 2)
        events[:, k]["qty"] = qty
        events[:, k]["exch_ts"] = events[:, k]["local_ts"] = ts_ns
    return events.reshape(-1)


@njit
def trade(backtest: Any, rsi: Any, low: float, high: float, cash: float) -> Any:
    """Walk the bars, a minute at a time; return final cash, position and fills."""
    start = cash
    order_id = 0
    position = 0.0
    backtest.elapse(MINUTE_NS + 1_000_000)
    for bar in range(1, len(rsi)):
        signal = rsi[bar - 1]
        if position == 0.0 and signal < low:
            order_id += 1
            ask = backtest.depth(0).best_ask
            qty = np.floor(cash / (ask * (1.0 + reference.FEE_RATE)) / LOT) * LOT
            backtest.submit_buy_order(0, order_id, ask, qty, GTC, MARKET, WAIT)
            position = backtest.position(0)
        elif position > 0.0 and signal > high:
            order_id += 1
            backtest.submit_sell_order(0, order_id, backtest.depth(0).best_bid, position, GTC, MARKET, WAIT)
            position = backtest.position(0)
            values = backtest.state_values(0)
            cash = start + values.balance - values.fee
            backtest.clear_inactive_orders(0)
        if backtest.elapse(MINUTE_NS) != 0:
            break
    values = backtest.state_values(0)
    return start + values.balance - values.fee, values.position, order_id


def main(n_bars: int, repetitions: int) -> None:
    """Time the workload and print the result."""
    bars = market("w1", n_bars)
    events = book_events(bars.ts_ns, bars.open[:, 0])
    close = np.ascontiguousarray(bars.close[:, 0])

    def run() -> dict[str, Any]:
        asset = (
            BacktestAsset()
            .data(events)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(reference.FEE_RATE, reference.FEE_RATE)
            .tick_size(TICK)
            .lot_size(LOT)
            .last_trades_capacity(0)
        )
        backtest = HashMapMarketDepthBacktest([asset])
        rsi = talib.RSI(close, reference.PERIOD)
        cash, position, fills = trade(backtest, rsi, reference.LOW, reference.HIGH, reference.W1_CASH)
        backtest.close()
        return {"equity": cash + position * close[-1], "fills": fills}

    report("hftbacktest", hftbacktest.__version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
