"""Read bars as the threshold cascade sees them: rules 3 to 5. Rows are ``(open time in ms UTC, open, close)``."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeGuard

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Bar = tuple[int, float | None, float | None]
Bars = dict[str, list[Bar]]


@dataclass(frozen=True)
class Market:
    """Usable bars as ``symbol -> open time -> (open, close)``, symbols in configured order, and all their times."""

    bars: dict[str, dict[int, tuple[float, float]]]
    timeline: list[int]
    interval_ms: int

    def at(self, ts_ms: int) -> dict[str, tuple[float, float]]:
        """Return ``(open, close)`` of the symbols that have a bar there, in configured order."""
        return {symbol: by_time[ts_ms] for symbol, by_time in self.bars.items() if ts_ms in by_time}


def load_bars(path: Path | str, symbols: Sequence[str], start_ms: int | None, end_ms: int | None) -> Bars:
    """
    Read the usable bars of the symbols from a Parquet file, sorted by time (rules 3 and 5).

    The window ``start_ms <= ts < end_ms`` refers to open times; None leaves an end open. A symbol without bars gets
    an empty list. An integer ``ts`` column is taken as milliseconds.
    """
    table = pq.read_table(path, columns=["ts", "symbol", "open", "close"])
    table = table.filter(pc.is_in(table["symbol"].cast(pa.string()), value_set=pa.array(list(symbols), pa.string())))
    ts = table["ts"]
    if pa.types.is_timestamp(ts.type):
        ts = ts.cast(pa.timestamp("ms", tz=ts.type.tz))
    rows: Bars = {symbol: [] for symbol in symbols}
    columns = (ts.cast(pa.int64()), table["symbol"], table["open"], table["close"])
    for ts_ms, symbol, open_, close in zip(*(column.to_pylist() for column in columns), strict=True):
        if (start_ms is None or start_ms <= ts_ms) and (end_ms is None or ts_ms < end_ms):
            rows[symbol].append((ts_ms, open_, close))
    return {
        symbol: [(ts_ms, open_, close) for ts_ms, (open_, close) in sorted(usable_bars(rows[symbol]).items())]
        for symbol in symbols
    }


def usable_bars(rows: Iterable[Bar]) -> dict[int, tuple[float, float]]:
    """Return ``open time -> (open, close)``: bad bars do not exist, of the others the last one counts (rule 5)."""
    bars = {}
    for ts_ms, open_, close in rows:
        if is_price(open_) and is_price(close):
            bars[ts_ms] = (float(open_), float(close))
    return bars


def is_price(value: float | None) -> TypeGuard[float]:
    """Tell whether the value is there, finite and above 0."""
    return value is not None and math.isfinite(value) and value > 0.0


def build_market(rows: Mapping[str, Iterable[Bar]], symbols: Sequence[str], interval_ms: int | None) -> Market:
    """
    Arrange the rows on the union of their times (rule 3).

    ``interval_ms`` is measured when None (rule 4). Raises ValueError for a symbol without a usable bar (rule 8).
    """
    bars = {symbol: usable_bars(rows.get(symbol, ())) for symbol in symbols}
    for symbol, by_time in bars.items():
        if not by_time:
            raise ValueError(f"{symbol} has no usable bar in the window")
    timeline = sorted({ts_ms for by_time in bars.values() for ts_ms in by_time})
    return Market(bars, timeline, most_frequent_step(timeline) if interval_ms is None else interval_ms)


def most_frequent_step(timeline: Sequence[int]) -> int:
    """Return the most frequent difference, the smallest of equally frequent ones (rule 4); 0 for a single entry."""
    steps = Counter(later - earlier for earlier, later in pairwise(timeline))
    return min(steps, key=lambda step: (-steps[step], step), default=0)
