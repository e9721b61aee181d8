"""Bar times: from whatever form a file holds them to int64 milliseconds UTC, their order and their step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.model.errors import SchemaError

# A count since 1970 is told apart by size: up to the year 5138 in seconds, from 1973 in milliseconds, and so on.
_LARGEST_SECONDS = 1e11
_LARGEST_MILLISECONDS = 1e14
_LARGEST_MICROSECONDS = 1e17
_EXAMPLE = "2024-08-05T00:00:00Z"


def to_milliseconds(column: Any, origin: str, first_row: int = 0) -> npt.NDArray[np.int64]:
    """
    Return a pyarrow column of times as int64 milliseconds since 1970 UTC, finer digits cut off.

    Accepts datetimes and dates (without a zone: UTC), ISO 8601 text, and counts of seconds,
    milliseconds, microseconds or nanoseconds, whose unit is told from their size. ``first_row`` rows of the
    source stand before these.

    Raises
    ------
    SchemaError
        A time is missing or not a time; the message names the first such row, counted from 1.
    """
    import pyarrow as pa

    _refuse_missing(column, origin, first_row)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _parsed(column, origin, first_row)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        # Through NumPy, not `cast`, which loads pyarrow's compute module: 30 ms.
        times = column.chunk(0).to_numpy(zero_copy_only=False) if column.num_chunks == 1 else column.to_numpy()
        milliseconds: npt.NDArray[np.int64] = times.astype("datetime64[ms]", copy=False).view(np.int64)
        return milliseconds
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _from_counts(column.to_numpy(), origin, first_row)
    raise SchemaError(f"{origin}: column 'ts' holds {column.type}, not times; expected datetimes, ISO text or numbers")


def utc_text(time_ms: int) -> str:
    """Return a time as ``2024-08-05 00:00`` (UTC; seconds and milliseconds only when there are any)."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    if time_ms % 1000:
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{time_ms % 1000:03d}"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if time_ms % 60_000 else "%Y-%m-%d %H:%M")


def most_frequent_step(times: npt.NDArray[np.int64]) -> int | None:
    """Return the most frequent difference between consecutive ascending times, the smallest of equals; None for one."""
    if len(times) < 2:
        return None
    steps, counts = np.unique(np.diff(times), return_counts=True)
    return int(steps[np.argmax(counts)])


def last_of_each(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """
    Return the positions that put times in order, keeping the last of equal ones; None if they already are.

    "Last" is by position, so that of several rows for the same time the later row counts.
    """
    if np.all(times[1:] > times[:-1]):
        return None
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    kept: npt.NDArray[np.int64] = order[np.append(ordered[1:] != ordered[:-1], np.True_)]
    return kept


def _refuse_missing(column: Any, origin: str, first_row: int) -> None:
    if column.null_count == 0:
        return
    row = int(np.flatnonzero(column.is_null().to_numpy())[0]) + first_row + 1
    raise SchemaError(f"{origin}: row {row} has no time in column 'ts'; remove the row or give it a time")


def _parsed(column: Any, origin: str, first_row: int) -> Any:
    """Turn text into numbers if it all is, else into datetimes; offsets are honoured, none means UTC."""
    import pyarrow as pa

    for kind in (pa.int64(), pa.float64(), pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    raise SchemaError(_first_bad_text(column, origin, first_row))


def _first_bad_text(column: Any, origin: str, first_row: int) -> str:
    for row, text in enumerate(column.to_pylist(), start=first_row + 1):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return f"{origin}: row {row}, column 'ts': {text!r} is not a time; write it like {_EXAMPLE}"
    return f"{origin}: column 'ts' mixes forms of time; write them all like {_EXAMPLE}"


def _from_counts(counts: npt.NDArray[Any], origin: str, first_row: int) -> npt.NDArray[np.int64]:
    is_finite = np.isfinite(counts)
    if not is_finite.all():
        row = int(np.argmin(is_finite))
        what = f"{origin}: row {first_row + row + 1}, column 'ts': {counts[row]} is not a time"
        raise SchemaError(f"{what}; correct the row or remove it")
    largest = float(np.abs(counts).max(initial=0.0))
    if largest < _LARGEST_SECONDS:
        scaled = counts * 1000
    elif largest < _LARGEST_MILLISECONDS:
        scaled = counts
    else:
        scaled = counts // (1_000 if largest < _LARGEST_MICROSECONDS else 1_000_000)
    return np.asarray(scaled).astype(np.int64)
