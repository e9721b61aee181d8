"""
What is wrong, or at least remarkable, with bars: found, counted and reported, never repaired.

A defect is something that a recorder or a conversion got wrong and that ``import`` refuses: duplicates,
time that runs backwards, prices that are missing or not positive, a high or low that does not enclose
open and close. The rest (gaps, zero volume, jumps, redenominations) can be the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ballast.data.intervals import interval_name
from ballast.data.source import PRICES, Columns, Floats, Ints
from ballast.data.timestamps import last_of_each, most_frequent_step, utc_text
from ballast.model.durations import DAY_MS
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

# A redenomination changes the price at least so much, and the level holds: bars compared on either side, and how
# far the levels may differ from the jump.
_LEAST_FACTOR = 5.0
_LEVEL_BARS = 20
_LEVEL_TOLERANCE = 1.5
# A halt is at least so many missing bars, and no longer than an exchange needs; what is missing for months is a hole
# in the record, behind which any price may be the truth.
_HALT_BARS = 3
_LONGEST_HALT_MS = 14 * DAY_MS
# A move from 10 to 13 is one of 30 %, not of more.
_TOLERANCE = 1e-9


class Kind(StrEnum):
    """Kinds of finding; the value is how a report calls them."""

    DUPLICATE = "duplicate bar"
    NON_MONOTONE = "time running backwards"
    BAD_PRICE = "missing or non-positive price"
    NOT_ENCLOSING = "high or low not enclosing open and close"
    GAP = "gap"
    ZERO_VOLUME = "zero volume"
    PRICE_JUMP = "price jump"
    REDENOMINATION = "redenomination"


DEFECTS = (Kind.DUPLICATE, Kind.NON_MONOTONE, Kind.BAD_PRICE, Kind.NOT_ENCLOSING)


@dataclass(frozen=True)
class Finding:
    """
    All occurrences of one kind in one symbol.

    Attributes
    ----------
    symbol : str
    kind : Kind
    count : int
        Rows concerned; for gaps, how many gaps.
    row : int
        Row of the first occurrence in the source, counted from 1.
    time_ms : int
        Open time of that row's bar, UTC; for a gap, of the first missing bar.
    detail : str
        The value found there.
    """

    symbol: str
    kind: Kind
    count: int
    row: int
    time_ms: int
    detail: str

    def __str__(self) -> str:
        times = "" if self.count == 1 else f", {self.count} in all"
        return f"{self.kind} at row {self.row} ({self.symbol}, {utc_text(self.time_ms)}: {self.detail}{times})"


@dataclass(frozen=True)
class Report:
    """What ``check`` found, by symbol in the source's order and by kind; ``interval_ms`` None for a single bar."""

    origin: str
    rows: int
    symbols: tuple[str, ...]
    interval_ms: int | None
    findings: tuple[Finding, ...]

    @property
    def has_defects(self) -> bool:
        """Whether ``import`` would refuse the rows."""
        return any(finding.kind in DEFECTS for finding in self.findings)


def check(columns: Columns, *, interval_ms: int | None = None, jump_threshold: float = 0.3) -> Report:
    """
    Look for everything that a user should know of before trusting the bars.

    Parameters
    ----------
    columns : Columns
    interval_ms : int or None
        Bar length; None takes the most frequent difference between consecutive times.
    jump_threshold : float
        A close that differs from the one before by more than this fraction, either way, is a price jump:
        ``abs(close / previous - 1) > jump_threshold``; > 0.
    """
    if not jump_threshold > 0.0:
        raise ConfigError(f"a jump threshold of {jump_threshold} would report every bar; choose one above 0")
    if interval_ms is None:
        interval_ms = most_frequent_step(np.unique(columns.ts_ms))
    findings: list[Finding] = []
    for symbol in columns.symbols:
        rows = columns.rows_of(symbol)
        findings.extend(_defects(columns, symbol, rows))
        findings.extend(_oddities(columns, symbol, rows, interval_ms, jump_threshold))
    return Report(columns.origin, len(columns), columns.symbols, interval_ms, tuple(findings))


def defects(columns: Columns) -> list[Finding]:
    """Return what ``import`` refuses, by symbol and kind."""
    return [found for symbol in columns.symbols for found in _defects(columns, symbol, columns.rows_of(symbol))]


def report_table(report: Report) -> Table:
    """Return a report as a Rich table, one line per finding."""
    from rich.table import Table

    interval = "" if report.interval_ms is None else f", {interval_name(report.interval_ms)} bars"
    table = Table(title=f"{report.origin}: {report.rows:,} rows, {len(report.symbols)} symbols{interval}")
    for heading in ("symbol", "finding", "count", "first row", "first time (UTC)", "first value"):
        table.add_column(heading, justify="right" if heading in {"count", "first row"} else "left")
    for one in report.findings:
        table.add_row(one.symbol, one.kind.value, f"{one.count:,}", f"{one.row:,}", utc_text(one.time_ms), one.detail)
    return table


def _defects(columns: Columns, symbol: str, rows: Ints) -> Iterator[Finding]:
    times = columns.ts_ms[rows]
    open_, high, low, close = (getattr(columns, name)[rows] for name in PRICES)

    order = np.argsort(times, kind="stable")
    repeats = np.sort(order[1:][times[order][1:] == times[order][:-1]])
    yield from _first(Kind.DUPLICATE, columns, symbol, rows, repeats, lambda _: "the time was there before")

    backwards = np.flatnonzero(times[1:] < times[:-1]) + 1
    yield from _first(
        Kind.NON_MONOTONE, columns, symbol, rows, backwards, lambda at: f"after {utc_text(int(times[at - 1]))}"
    )

    is_bad = {name: ~_is_price(values) for name, values in zip(PRICES, (open_, high, low, close), strict=True)}
    bad = np.flatnonzero(np.logical_or.reduce(list(is_bad.values())))

    def bad_price(at: int) -> str:
        name = next(name for name in PRICES if is_bad[name][at])
        return f"{name} {getattr(columns, name)[rows[at]]:g}"

    yield from _first(Kind.BAD_PRICE, columns, symbol, rows, bad, bad_price)

    # Comparisons with NaN are false: what is missing is reported above, not here.
    outside = np.flatnonzero((high < np.fmax(open_, close)) | (low > np.fmin(open_, close)))
    yield from _first(
        Kind.NOT_ENCLOSING,
        columns,
        symbol,
        rows,
        outside,
        lambda at: f"open {open_[at]:g}, high {high[at]:g}, low {low[at]:g}, close {close[at]:g}",
    )


def _oddities(
    columns: Columns, symbol: str, rows: Ints, interval_ms: int | None, jump_threshold: float
) -> Iterator[Finding]:
    idle = np.flatnonzero(columns.volume[rows] == 0.0)
    share = len(idle) / len(rows)
    yield from _first(Kind.ZERO_VOLUME, columns, symbol, rows, idle, lambda _: f"{share:.2%} of the bars")

    # From here on bars are compared with their neighbours in time, which defects must not disturb.
    rows = rows[_is_price(columns.open[rows]) & _is_price(columns.close[rows])]
    order = last_of_each(columns.ts_ms[rows])
    rows = rows if order is None else rows[order]
    if interval_ms is not None:
        yield from _gaps(columns, symbol, rows, interval_ms)
    close = columns.close[rows]
    change = close[1:] / close[:-1] - 1.0
    jumps = np.flatnonzero(np.abs(change) > jump_threshold + _TOLERANCE) + 1
    yield from _first(Kind.PRICE_JUMP, columns, symbol, rows, jumps, lambda at: f"{change[at - 1]:+.1%}")
    if interval_ms is not None:
        yield from _redenominations(columns, symbol, rows, interval_ms)


def _gaps(columns: Columns, symbol: str, rows: Ints, interval_ms: int) -> Iterator[Finding]:
    times = columns.ts_ms[rows]
    missing = (times[1:] - times[:-1]) // interval_ms - 1
    after = np.flatnonzero(missing > 0) + 1
    if len(after) == 0:
        return
    longest = after[np.argmax(missing[after - 1])]
    detail = (
        f"{missing[after - 1].sum():,} bars missing, at most {missing[longest - 1]:,} in a row "
        f"before {utc_text(int(times[longest]))}"
    )
    first = int(after[0])
    yield Finding(symbol, Kind.GAP, len(after), int(rows[first]) + 1, int(times[first - 1]) + interval_ms, detail)


def _redenominations(columns: Columns, symbol: str, rows: Ints, interval_ms: int) -> Iterator[Finding]:
    """Find halts after which the price is another by a factor that the level keeps."""
    times, close = columns.ts_ms[rows], columns.close[rows]
    pauses = times[1:] - times[:-1]
    halts = np.flatnonzero((pauses > _HALT_BARS * interval_ms) & (pauses <= _LONGEST_HALT_MS)) + 1
    found, factors = [], {}
    for at in halts.tolist():
        factor = float(columns.open[rows[at]] / close[at - 1])
        level = float(np.median(close[at : at + _LEVEL_BARS]) / np.median(close[max(0, at - _LEVEL_BARS) : at]))
        holds = 1.0 / _LEVEL_TOLERANCE <= level / factor <= _LEVEL_TOLERANCE
        if max(factor, 1.0 / factor) >= _LEAST_FACTOR and holds:
            found.append(at)
            factors[at] = factor
    yield from _first(
        Kind.REDENOMINATION,
        columns,
        symbol,
        rows,
        np.array(found, np.int64),
        lambda at: f"price times {factors[at]:.4g} after a halt since {utc_text(int(times[at - 1]))}",
    )


def _first(
    kind: Kind, columns: Columns, symbol: str, rows: Ints, positions: Ints, detail: Callable[[int], str]
) -> Iterator[Finding]:
    """Yield one finding for some positions within a symbol's rows, if there are any."""
    if len(positions):
        at = int(positions[0])
        row = int(rows[at])
        yield Finding(symbol, kind, len(positions), row + 1, int(columns.ts_ms[row]), detail(at))


def _is_price(values: Floats) -> npt.NDArray[np.bool_]:
    return (values > 0.0) & (values < np.inf)
