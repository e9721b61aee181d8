"""Closed bars out of whatever a caller holds them in: a table, a mapping of columns, or a sequence of closes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ballast.indicators.window import Floats

TIME_NAMES = ("timestamp", "ts", "time", "datetime")


class BadMarketData(Exception):
    """Market data that no signal can be made of; ``error_type`` says in one word what is wrong with it."""

    def __init__(self, error_type: str, details: str) -> None:
        super().__init__(details)
        self.error_type = error_type


@dataclass(frozen=True)
class ClosedBars:
    """
    Columns of closed bars, oldest first, each ``(n_bars,)``.

    ``high`` and ``low`` are the closes where the data has none. ``volume`` is None without one.
    """

    close: Floats
    high: Floats
    low: Floats
    volume: Floats | None


def closed_bars(market_data: Any, *, n_checked: int, n_needed: int, now_ms: int | None = None) -> ClosedBars:
    """
    Read and check market data.

    Parameters
    ----------
    market_data : table, mapping or sequence
        Columns ``close`` and, if there are, ``high``, ``low``, ``volume`` and one of ``timestamp``, ``ts``,
        ``time``, ``datetime`` (open times, UTC, datetimes or milliseconds); or closes alone. The times of a
        pandas index count as a column.
    n_checked : int
        The last so many bars must be faultless. An older bar with a fault is left out.
    n_needed : int
        With fewer bars there is no signal.
    now_ms : int, optional
        With it, and with times, the last bar is dropped while it is still forming.

    Raises
    ------
    BadMarketData
        MISSING_CLOSE, LENGTH_MISMATCH, INVALID_TIMESTAMPS, INVALID_DATA or INSUFFICIENT_DATA, asked for in
        this order.
    """
    columns = _columns(market_data)
    if "close" not in columns:
        raise BadMarketData("MISSING_CLOSE", "market_data has no column 'close'; give one, or a sequence of closes")
    close = _numbers("close", columns["close"])
    high, low, volume = (_beside(name, columns, close) for name in ("high", "low", "volume"))
    stop = _closed_stop(columns, len(close), now_ms)
    bars = np.stack([close, close if high is None else high, close if low is None else low])[:, :stop]
    faults = _faults(bars)
    _refuse_recent(faults, bars, n_checked)
    kept = ~faults
    if kept.sum() < n_needed:
        raise BadMarketData("INSUFFICIENT_DATA", f"{n_needed} closed bars are needed, {int(kept.sum())} are there")
    closes, highs, lows = bars[:, kept]
    return ClosedBars(closes, highs, lows, None if volume is None else volume[:stop][kept])


def _columns(market_data: Any) -> dict[str, Any]:
    """Return the columns that are there, by lower-case name."""
    if market_data is None:
        raise BadMarketData("MISSING_CLOSE", "market_data is None; give a table, a mapping or a sequence of closes")
    if isinstance(market_data, Mapping):
        return {str(name).lower(): market_data[name] for name in market_data}
    if hasattr(market_data, "column_names"):
        return {str(name).lower(): market_data[name] for name in market_data.column_names}
    if hasattr(market_data, "columns"):
        columns = {str(name).lower(): market_data[name] for name in market_data.columns}
        return _times_of_index(market_data) | columns
    names = getattr(getattr(market_data, "dtype", None), "names", None)
    if names:
        return {str(name).lower(): market_data[name] for name in names}
    return _times_of_index(market_data) | {"close": market_data}


def _times_of_index(market_data: Any) -> dict[str, Any]:
    """Return the times by which a pandas table or series is indexed, as a column."""
    index = getattr(market_data, "index", None)
    return {TIME_NAMES[0]: index} if getattr(getattr(index, "dtype", None), "kind", "") == "M" else {}


def _numbers(name: str, column: Any) -> Floats:
    """Return a column as floats."""
    values = column.to_numpy() if hasattr(column, "to_numpy") else column
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadMarketData("INVALID_DATA", f"{name} is not numeric: {error}") from error
    if np.asarray(values).dtype.kind == "b":
        raise BadMarketData("INVALID_DATA", f"{name} is not numeric: truth values")
    if numbers.ndim != 1:
        raise BadMarketData("INVALID_DATA", f"{name} has {numbers.ndim} dimensions; give one number per bar")
    return numbers


def _beside(name: str, columns: Mapping[str, Any], close: Floats) -> Floats | None:
    """Return another column, which must be as long as the closes; None where there is none."""
    if columns.get(name) is None:
        return None
    numbers = _numbers(name, columns[name])
    if len(numbers) != len(close):
        raise BadMarketData("LENGTH_MISMATCH", f"{name} has {len(numbers)} bars, close has {len(close)}")
    return numbers


def _closed_stop(columns: Mapping[str, Any], n_bars: int, now_ms: int | None) -> int:
    """Check the times, and return how many bars have closed."""
    name = next((name for name in TIME_NAMES if columns.get(name) is not None), None)
    if name is None:
        return n_bars
    times_ms = _milliseconds(name, columns[name])
    if len(times_ms) != n_bars:
        raise BadMarketData("LENGTH_MISMATCH", f"{name} has {len(times_ms)} bars, close has {n_bars}")
    steps = np.diff(times_ms)
    if (steps <= 0).any():
        bar = int(np.argmax(steps <= 0)) + 1
        raise BadMarketData("INVALID_TIMESTAMPS", f"{name} does not increase at bar {bar}; sort the bars, each once")
    if now_ms is None or n_bars < 2:
        return n_bars
    # Gaps lengthen some steps, nothing shortens one.
    is_forming = int(times_ms[-1]) + int(steps.min()) > now_ms
    return n_bars - 1 if is_forming else n_bars


def _milliseconds(name: str, column: Any) -> Any:
    values = column.to_numpy() if hasattr(column, "to_numpy") else column
    array = np.asarray(values)
    try:
        if array.dtype.kind == "O":
            array = np.array([_plain_utc(value) for value in array], dtype="datetime64[us]")
        if array.dtype.kind == "M":
            array = array.astype("datetime64[ms]")
        if np.isnat(array).any() if array.dtype.kind == "M" else not np.isfinite(array).all():
            raise BadMarketData("INVALID_TIMESTAMPS", f"{name} has a missing time; leave such bars out")
        return array.astype(np.int64)
    except (TypeError, ValueError) as error:
        raise BadMarketData(
            "INVALID_TIMESTAMPS", f"{name} holds no times; give datetimes, or milliseconds since 1970, UTC"
        ) from error


def _plain_utc(value: Any) -> Any:
    """Return a datetime without its zone, in UTC, as NumPy takes it."""
    offset = value.utcoffset() if hasattr(value, "utcoffset") else None
    return value if offset is None else value.replace(tzinfo=None) - offset


def _faults(bars: Any) -> Any:
    """Tell which bars (close, high, low) cannot be: not a price, or a high and low that do not enclose the close."""
    close, high, low = bars
    is_price = (np.isfinite(bars) & (bars > 0.0)).all(axis=0)
    with np.errstate(invalid="ignore"):
        return ~(is_price & (low <= close) & (close <= high))


def _refuse_recent(faults: Any, bars: Any, n_checked: int) -> None:
    recent = np.flatnonzero(faults[-n_checked:])
    if len(recent) == 0:
        return
    bar = max(0, len(faults) - n_checked) + int(recent[0])
    close, high, low = bars[:, bar]
    raise BadMarketData(
        "INVALID_DATA",
        f"bar {bar} cannot be: close {close:g}, high {high:g}, low {low:g}; "
        "prices are finite, above 0, and low <= close <= high",
    )
