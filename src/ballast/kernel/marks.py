"""
Mark prices: where they stand, and their path inside a bar.

The mark walks its own open, extremes and close, in the order in which the last price visits its extremes. A
bar without a mark is walked by the last price; without either the mark stays. Kept on venues with margin
accounts alone.
"""

from __future__ import annotations

from ballast.kernel.path import high_comes_first
from ballast.kernel.venue import LAST_POINT, SymbolMarket, Venue
from ballast.model.compiled import compiled
from ballast.model.market import Feed, MarkBar
from ballast.model.units import is_price

NOW = -1.0
"""In place of a fraction: where the marks stand."""


@compiled
def load_marks(venue: Venue, feed: Feed, frame: int) -> None:
    """Take a frame's marks, the high before the low until the path's order is decided."""
    row = feed.frames[frame]
    has_marks = feed.marks.shape[0] > 0
    for symbol in range(venue.clock.n_symbols):
        market = venue.markets[symbol]
        if has_marks and _has_mark(feed.marks[frame], symbol):
            bar = feed.marks[frame]
            _set_path(market, bar.open[symbol], bar.high[symbol], bar.low[symbol], bar.close[symbol])
        elif row.close[symbol] > 0.0:
            _set_path(market, row.open[symbol], row.high[symbol], row.low[symbol], row.close[symbol])
        else:
            _set_path(market, market.mark, market.mark, market.mark, market.mark)


@compiled(inline=True)
def _has_mark(bar: MarkBar, symbol: int) -> bool:
    return bool(bar.open[symbol] > 0.0 and bar.high[symbol] > 0.0 and bar.low[symbol] > 0.0 and bar.close[symbol] > 0.0)


@compiled(inline=True)
def _set_path(market: SymbolMarket, open_: float, high: float, low: float, close: float) -> None:
    market.mark_0 = open_
    market.mark_1 = high
    market.mark_2 = low
    market.mark_3 = close


@compiled(needs="tiers")
def order_marks(venue: Venue) -> None:
    """Let the marks visit their extremes in the order that the last price has just been given."""
    for symbol in range(venue.clock.n_symbols):
        market = venue.markets[symbol]
        high, low = market.mark_1, market.mark_2
        if market.has_bar and market.path_1 != market.path_2:
            high_first = market.path_1 > market.path_2
        else:
            high_first = high_comes_first(venue, symbol, market.mark_0, high, low)
        if not high_first:
            market.mark_1 = low
            market.mark_2 = high


@compiled(inline=True)
def mark_price(market: SymbolMarket, point: int) -> float:
    """Return the mark at one of the path's four points."""
    if point == 0:
        return market.mark_0
    if point == 1:
        return market.mark_1
    return market.mark_2 if point == 2 else market.mark_3


@compiled(inline=True)
def mark_at(market: SymbolMarket, point: int, fraction: float) -> float:
    """Return the mark a fraction of the way from ``point`` to the next, or where it stands."""
    if fraction == NOW:
        return market.mark
    if point == LAST_POINT:
        return market.mark_3
    start = mark_price(market, point)
    return start + (mark_price(market, point + 1) - start) * fraction


@compiled(needs="tiers")
def move_marks(venue: Venue, point: int, fraction: float) -> None:
    """Put every mark a fraction of the way from ``point`` to the next; at the close, conversion rates with them."""
    for symbol in range(venue.clock.n_symbols):
        market = venue.markets[symbol]
        market.mark = mark_at(market, point, fraction)
    if venue.conversions.shape[0] > 0 and point == LAST_POINT:
        _convert_at_marks(venue)


@compiled
def _convert_at_marks(venue: Venue) -> None:
    """Take the rates of the close: inside a bar they stand still, so that figures stay lines in the marks."""
    for symbol in range(venue.clock.n_symbols):
        conversion = venue.conversions[symbol]
        if conversion.via_symbol >= 0:
            mark = venue.markets[conversion.via_symbol].mark
            if is_price(mark):
                conversion.rate = 1.0 / mark if conversion.is_inverse else mark
