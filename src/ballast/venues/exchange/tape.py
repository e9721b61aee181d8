"""The tape: the market's trades, as everybody sees them."""

from __future__ import annotations

from collections import deque
from math import isnan, nan
from typing import Any

import numpy as np

from ballast.model.enums import Side, TickKind
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.orders import BestMoved, TradePrinted

KEPT_TRADES = 1_000
"""Trades that are remembered, a symbol."""


class Tape:
    """
    Trades by symbol.

    A bar tells no single trades, so one is made up wherever the price has moved between two looks, with the bar's
    volume for that time, at least a lot. Recorded trades, and what clients trade, are printed as they are.

    Attributes
    ----------
    trades : list of deque of TradePrinted
        By symbol, oldest first.
    n_printed : int
        How many there have been.
    """

    def __init__(self, market: Market) -> None:
        self.trades: list[deque[TradePrinted]] = [deque(maxlen=KEPT_TRADES) for _ in market.symbols]
        self._market = market
        self._printed = [nan] * len(market.symbols)
        self._volumes = np.asarray(market.feed.frames)["volume"]
        self._printed_ns = market.start_ns
        self.n_printed = 0

    def print(self, symbol: int, side: Side, price: float, qty: float, time_ns: int) -> TradePrinted:
        """Return a trade, remembered; ``side`` is the taker's."""
        self.n_printed += 1
        trade = TradePrinted(self.n_printed, symbol, side, price, qty, time_ns)
        self.trades[symbol].append(trade)
        return trade

    def hear(self, ticks: Any) -> list[TradePrinted | BestMoved]:
        """Return what ticks tell: every trade, and whose best prices have moved."""
        is_quote = ticks["kind"] == TickKind.QUOTE
        told: list[TradePrinted | BestMoved] = [BestMoved(one) for one in np.unique(ticks["symbol"][is_quote]).tolist()]
        for ts_ns, symbol, kind, price, qty, *_ in ticks[~is_quote].tolist():
            before, self._printed[symbol] = self._printed[symbol], price
            # Of a trade whose taker nobody noted the price may tell.
            guessed = Side.SELL if price < before else Side.BUY
            side = guessed if kind == TickKind.TRADE else Side(kind)
            told.append(self.print(symbol, side, price, qty if qty > 0.0 else self._market.listings[symbol].lot, ts_ns))
        return told

    def look(self, prices: list[float], frame: int, now_ns: int) -> list[TradePrinted]:
        """Return a trade for each symbol whose price has moved; ``frame`` is the bar that the market is in."""
        share = max(0, now_ns - self._printed_ns) / self._market.interval_ns
        self._printed_ns = now_ns
        printed = []
        for symbol, price in enumerate(prices):
            before = self._printed[symbol]
            if price == before or isnan(price):
                continue
            self._printed[symbol] = price
            listing = self._market.listings[symbol]
            volume = float(self._volumes[frame, symbol])
            lots = max(1.0, float(np.floor(share * volume / listing.lot))) if volume > 0.0 else 1.0
            at = round(price / listing.tick) * listing.tick
            side = Side.SELL if price < before else Side.BUY
            printed.append(self.print(symbol, side, at, lots * listing.lot, now_ns))
        return printed
