"""What everybody may ask of the market: the book, bars, the last day's figures. Prices in quote money per base unit."""

from __future__ import annotations

from collections import defaultdict
from math import nan
from typing import Any, NamedTuple

import numpy as np

from ballast.bars.of_ticks import frames_of_ticks
from ballast.kernel.advance import path_price
from ballast.kernel.marks import mark_price
from ballast.kernel.venue import Phase
from ballast.model.durations import DAY_NS
from ballast.model.enums import OrderType, Side
from ballast.venues.exchange.market import Levels
from ballast.venues.exchange.orders import OrderState
from ballast.venues.exchange.venue import LocalVenue

LEVEL_SPACING = 0.0001
"""Between levels of the shown book, of the price; never less than a tick."""


class Level(NamedTuple):
    """One price of the book, and the quantity that rests there in base units."""

    price: float
    qty: float


class Book(NamedTuple):
    """Both sides, best price first."""

    bids: list[Level]
    asks: list[Level]


class Bar(NamedTuple):
    """One bar; ``open_ns`` is its open time, volume in base units, turnover in quote money."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float


class Day(NamedTuple):
    """The last 24 hours; ``before`` is the price at their start, ``hour_before`` the one an hour ago."""

    before: float
    hour_before: float
    high: float
    low: float
    volume: float
    turnover: float


def book(venue: LocalVenue, symbol: int, depth: int) -> Book:
    """
    Return the book to ``depth`` levels a side, clients' resting orders among them; empty before the first price.

    A market of ticks shows its recorded best prices and what else is recorded of its book. What is not is made up: of
    a market of bars both best levels, where a taker would be filled, and behind the best always levels at equal
    distances.
    """
    best = _best(venue, symbol)
    if best is None:
        return Book([], [])
    depth_of = venue.host.depth
    recorded = ((), ()) if depth_of is None else depth_of.sides(symbol, venue.now_ns)
    sides = []
    for (price, qty), behind, side in zip(best, recorded, (Side.BUY, Side.SELL), strict=True):
        resting = _market_levels(venue, symbol, side, Level(price, qty), behind, depth) if price > 0.0 else {}
        for tick, client_qty in _clients(venue, symbol, side).items():
            resting[tick] = resting.get(tick, 0.0) + client_qty
        best_first = sorted(resting.items(), reverse=side == Side.BUY)[:depth]
        tick_size = venue.market.listings[symbol].tick
        sides.append([Level(tick * tick_size, qty) for tick, qty in best_first])
    return Book(*sides)


def _best(venue: LocalVenue, symbol: int) -> tuple[Level, Level] | None:
    """Return the market's best levels, NaN where nothing is known of one; None before the first price."""
    last, tick = venue.last_price(symbol), venue.market.listings[symbol].tick
    if not last > 0.0:
        return None
    seen = venue.host.best(symbol)
    if seen is None and not venue.host.has_price(symbol):
        # Where a bar is missing nobody trades but clients with each other.
        return Level(nan, nan), Level(nan, nan)
    if seen is None:
        bid, ask = (Level(venue.host.slipped(symbol, side, last), nan) for side in (Side.SELL, Side.BUY))
    else:
        bid, ask = Level(seen.bid, seen.bid_qty), Level(seen.ask, seen.ask_qty)
    return (bid._replace(price=ask.price - tick) if bid.price >= ask.price else bid), ask


def _market_levels(
    venue: LocalVenue, symbol: int, side: Side, best: Level, behind: Levels, depth: int
) -> dict[int, float]:
    """Return a side of the market's own book, quantity by tick; ``behind`` is what is recorded of it, best first."""
    listing, terms = venue.market.listings[symbol], venue.setup.book
    first = round(best.price / listing.tick)
    if behind:
        # Best prices may come by a stream of their own, ahead of the book's.
        resting = {round(price / listing.tick): qty for price, qty in behind[: depth + 1]}
        resting = {tick: qty for tick, qty in resting.items() if (tick - first) * side <= 0}
    else:
        spacing = max(1, round(venue.last_price(symbol) * LEVEL_SPACING / listing.tick))
        ticks = (first - side * spacing * k for k in range(min(depth, terms.levels)))
        resting = {
            tick: max(1, round(terms.value_per_level / (tick * listing.tick) / listing.lot)) * listing.lot
            for tick in ticks
            if tick > 0
        }
    if best.qty > 0.0:
        resting[first] = best.qty
    return resting


def changed_levels(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return what has to be told of one side, quantity by price: new and changed levels, "0" for those that went."""
    gone = {price: "0" for price in before if price not in now}
    return gone | {price: qty for price, qty in now.items() if before.get(price) != qty}


def _clients(venue: LocalVenue, symbol: int, side: Side) -> dict[int, float]:
    """Return what clients' limit orders of a side leave on the book, by tick."""
    tick, found = venue.market.listings[symbol].tick, defaultdict[int, float](float)
    for order in venue.orders.of_symbol(symbol):
        is_resting = order.state in (OrderState.NEW, OrderState.PARTIALLY_FILLED)
        if is_resting and order.request.type == OrderType.LIMIT and order.request.side == side:
            found[round(order.price / tick)] += order.left_qty
    return found


def bars(
    venue: LocalVenue,
    symbol: int,
    interval_ns: int,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    limit: int = 200,
    of_mark: bool = False,
) -> list[Bar]:
    """
    Return bars by open time, oldest first; the last may still be forming.

    ``interval_ns`` is a multiple of the market's own. Of those with ``start_ns <= open_ns <= end_ns`` the last
    ``limit``, or the first where only a start is given.
    """
    own = _own_bars(venue, symbol, since_ns=None if start_ns is None else start_ns - interval_ns, of_mark=of_mark)
    opens = own["open_ns"] // interval_ns * interval_ns
    keep = np.ones(len(opens), bool)
    if start_ns is not None:
        keep &= opens >= start_ns
    if end_ns is not None:
        keep &= opens <= end_ns
    wanted = np.unique(opens[keep])
    wanted = (
        wanted[:limit] if start_ns is not None and end_ns is None else wanted[len(wanted) - min(limit, len(wanted)) :]
    )
    first, after = np.searchsorted(opens, wanted, "left"), np.searchsorted(opens, wanted, "right")
    return [_joined(int(at), own, slice(i, j)) for at, i, j in zip(wanted, first, after, strict=True)]


def fresh_bars(venue: LocalVenue, symbol: int, interval_ns: int, since_ns: int) -> list[tuple[Bar, bool]]:
    """Return the bars that have closed after ``since_ns``, and the one that is forming, each with whether it closed."""
    now_ns, first = venue.now_ns, since_ns // interval_ns * interval_ns
    found = bars(venue, symbol, interval_ns, start_ns=first, limit=1_000)
    ends = [(bar, bar.open_ns + interval_ns) for bar in found]
    return [(bar, end <= now_ns) for bar, end in ends if end > since_ns]


def _joined(open_ns: int, own: dict[str, Any], rows: slice) -> Bar:
    high, low = float(own["high"][rows].max()), float(own["low"][rows].min())
    volume = float(own["volume"][rows].sum())
    turnover = float((own["volume"][rows] * own["close"][rows]).sum())
    return Bar(open_ns, float(own["open"][rows][0]), high, low, float(own["close"][rows][-1]), volume, turnover)


def _own_bars(venue: LocalVenue, symbol: int, *, since_ns: int | None, of_mark: bool) -> dict[str, Any]:
    """Return the market's own bars of a symbol from ``since_ns`` on so far, with the one that is forming."""
    feed, end = venue.host.feed, int(venue.record.clock.closed_frame) + 1
    first = 0 if since_ns is None else int(np.searchsorted(feed.frames["ts_ns"][:end], since_ns))
    frames = feed.frames[first:end]
    source = feed.marks[first:end] if of_mark and len(feed.marks) else frames
    found = {name: source[name][:, symbol] for name in ("open", "high", "low", "close")}
    found["open_ns"], found["volume"] = frames["ts_ns"], np.nan_to_num(frames["volume"][:, symbol])
    there = found["close"] == found["close"]
    found = {name: values[there] for name, values in found.items()}
    forming = _forming(venue, symbol, of_mark)
    if forming is None:
        return found
    return {name: np.append(values, getattr(forming, name)) for name, values in found.items()}


def _forming(venue: LocalVenue, symbol: int, of_mark: bool) -> Bar | None:
    """Return the bar that the market is in, as far as its path has gone."""
    record = venue.record
    clock, one = record.clock, record.markets[symbol]
    if clock.phase in {Phase.CLOSED, Phase.BETWEEN} or not one.has_bar:
        return None
    if venue.market.has_ticks:
        return _of_ticks(venue, symbol)
    at = mark_price if of_mark else path_price
    now = venue.mark_price(symbol) if of_mark else venue.last_price(symbol)
    seen = [*(float(at(one, point)) for point in range(int(clock.point) + 1)), now]
    share = (venue.now_ns - int(clock.open_ns)) / venue.market.interval_ns
    volume = float(np.nan_to_num(venue.market.feed.frames["volume"][clock.frame, symbol])) * min(1.0, share)
    return Bar(int(clock.open_ns), seen[0], max(seen), min(seen), now, volume, volume * now)


def _of_ticks(venue: LocalVenue, symbol: int) -> Bar | None:
    """Return the bar of the ticks that have come in this frame; None without any."""
    ticks = venue.host.ticks_of_frame()
    ticks = ticks[ticks["symbol"] == symbol]
    if len(ticks) == 0:
        return None
    row = frames_of_ticks(ticks, symbol + 1, venue.market.interval_ns)[0]
    price, volume = float(row.close[symbol]), float(row.volume[symbol])
    return Bar(
        int(row.ts_ns),
        float(row.open[symbol]),
        float(row.high[symbol]),
        float(row.low[symbol]),
        price,
        volume,
        volume * price,
    )


def day(venue: LocalVenue, symbol: int) -> Day:
    """Return the figures of the last 24 hours, or of what there is of them."""
    now = venue.now_ns
    recent = _own_bars(venue, symbol, since_ns=now - DAY_NS, of_mark=False)
    rows = recent["open_ns"] >= now - DAY_NS
    if not rows.any():
        last = venue.last_price(symbol)
        return Day(last, last, last, last, 0.0, 0.0)
    hour = recent["open_ns"] >= now - DAY_NS // 24
    volume = recent["volume"][rows]
    return Day(
        float(recent["open"][rows][0]),
        float(recent["open"][hour][0]) if hour.any() else nan,
        float(recent["high"][rows].max()),
        float(recent["low"][rows].min()),
        float(volume.sum()),
        float((volume * recent["close"][rows]).sum()),
    )


def next_funding(venue: LocalVenue, symbol: int) -> tuple[int, float] | None:
    """Return when funding is paid next, and the rate as a fraction; None if it is not."""
    stamps = venue.host.feed.funding[venue.record.clock.next_funding :]
    rows = np.flatnonzero(stamps["symbol"] == symbol)
    return None if len(rows) == 0 else (int(stamps["ts_ns"][rows[0]]), float(stamps["rate"][rows[0]]))
