"""
Paths that a market might take: random walks as nervous as recorded bars, and recorded bars in another order.

The dice count: path ``n`` of a seed is the same whatever was drawn before it, on every thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ballast.backtest.made_bars import Floats
from ballast.model.durations import HOUR_NS

RANGE_OF_WALK = np.sqrt(8.0 / np.pi)
"""Mean range of a Brownian motion over its standard deviation (Feller, 1951)."""


class Quotes(NamedTuple):
    """Bars without times, each (n_bars, n_symbols)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


class Shapes(NamedTuple):
    """Recorded bars as natural logarithms over the close before, each (n_bars, n_symbols), without a gap."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


Paths = Callable[[int], Quotes]
"""From the number of a path to its bars."""


def shapes_of(records: Any, n_symbols: int) -> Shapes:
    """Return the bars of all symbols that follow one another without a gap."""
    prices = {name: np.log(np.asarray(records[name][:, :n_symbols])) for name in Shapes._fields}
    before = prices["close"][:-1]
    shapes = [prices[name][1:] - before for name in Shapes._fields]
    whole = np.all([np.isfinite(shape).all(axis=1) for shape in shapes], axis=0)
    return Shapes(*(shape[whole] for shape in shapes))


def hourly(records: Any, n_symbols: int, interval_ns: int) -> tuple[Quotes, int]:
    """Return bars of at least an hour, joined from finer ones where the data has such, and their interval."""
    quotes = Quotes(*(np.asarray(records[name][:, :n_symbols]) for name in Quotes._fields))
    if interval_ns >= HOUR_NS or HOUR_NS % interval_ns:
        return quotes, interval_ns
    hours = np.asarray(records["ts_ns"]) // HOUR_NS
    first = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    last = np.append(first[1:], len(hours)) - 1
    joined = Quotes(
        quotes.open[first],
        np.fmax.reduceat(quotes.high, first, axis=0),
        np.fmin.reduceat(quotes.low, first, axis=0),
        quotes.close[last],
    )
    return joined, HOUR_NS


def dice(seed: int, path: int) -> np.random.Generator:
    """Return the dice of one path: a counter-based generator whose key is the seed and the path's number."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, path], np.uint64)))


def random_walks(shapes: Shapes, starts: Floats, n_bars: int, seed: int) -> Paths:
    """
    Return walks without drift whose mean true range is the recorded one, symbols correlated as their closes were.

    Closes are normal in logarithms; highs and lows are drawn from the exact law of a Brownian bridge's extremes,
    each for itself.
    """
    true_range = np.maximum(shapes.high, 0.0) - np.minimum(shapes.low, 0.0)
    spread: Floats = np.asarray(true_range.mean(axis=0)) / RANGE_OF_WALK
    mixing = spread[:, None] * np.linalg.cholesky(_correlations(shapes.close))

    def path(number: int) -> Quotes:
        draw = dice(seed, number)
        moves = draw.standard_normal((n_bars, len(starts))) @ mixing.T
        luck = -2.0 * spread**2 * np.log1p(-draw.random((2, n_bars, len(starts))))
        high = (moves + np.sqrt(moves**2 + luck[0])) / 2.0
        low = (moves - np.sqrt(moves**2 + luck[1])) / 2.0
        return _laid_end_to_end(Shapes(np.zeros_like(moves), high, low, moves), starts)

    return path


def _correlations(closes: Floats) -> Floats:
    if closes.shape[1] == 1:
        return np.ones((1, 1))
    found: Floats = np.asarray(np.nan_to_num(np.corrcoef(closes.T)))
    # Perfect correlation has no Cholesky factor.
    return 0.999999 * found + 0.000001 * np.eye(len(found))


def bootstrap(shapes: Shapes, starts: Floats, n_bars: int, block: int, seed: int) -> Paths:
    """
    Return paths made of whole stretches of ``block`` recorded bars, drawn with replacement, end to end.

    All symbols take the same stretches, so that they fall together as they did. Stretches may run over the end of
    the record into its beginning.
    """
    n_recorded = len(shapes.close)
    n_blocks = -(-n_bars // block)

    def path(number: int) -> Quotes:
        begins = dice(seed, number).integers(0, n_recorded, n_blocks)
        rows = ((begins[:, None] + np.arange(block)) % n_recorded).ravel()[:n_bars]
        return _laid_end_to_end(Shapes(*(shape[rows] for shape in shapes)), starts)

    return path


def _laid_end_to_end(shapes: Shapes, starts: Floats) -> Quotes:
    closes = np.cumsum(shapes.close, axis=0)
    base = np.log(starts) + closes - shapes.close
    opened, closed = np.exp(base + shapes.open), np.exp(base + shapes.close)
    high = np.maximum(np.exp(base + shapes.high), np.maximum(opened, closed))
    low = np.minimum(np.exp(base + shapes.low), np.minimum(opened, closed))
    return Quotes(opened, high, low, closed)


def wilson(n_hits: int, n_paths: int) -> tuple[float, float]:
    """Return the Wilson score interval of a probability at 95 % (Wilson, 1927)."""
    z = 1.959963984540054
    share = n_hits / n_paths
    middle = share + z * z / (2.0 * n_paths)
    half = z * np.sqrt(share * (1.0 - share) / n_paths + z * z / (4.0 * n_paths**2))
    scale = 1.0 + z * z / n_paths
    low, high = (middle - half) / scale, (middle + half) / scale
    # All or nothing has an end that no rounding may move.
    return (0.0 if n_hits == 0 else float(low)), (1.0 if n_hits == n_paths else float(high))
