"""
Recorded trades, quotes and order-book snapshots, read as one array of ticks and the bars that they make.

A source of trades has ``ts``, ``symbol``, ``price`` and perhaps ``size`` and ``side`` (who took: ``buy`` or ``sell``);
one of quotes has ``bid`` and ``ask`` and perhaps ``bid_size`` and ``ask_size``; one of snapshots has ``side`` (``bid``
or ``ask``), ``level`` (0 is the best), ``price`` and ``size``, of which the best level of each side is read as a
quote. Ticks count where their time stamp says, to the millisecond, and stay in file order at equal times.

1. A trade without a finite price above 0 does not exist; a quote has each side whose price is one, and does not exist
   without either, nor where the bid is above the ask (all counted).
2. A size that is missing, not finite or negative is unknown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ballast.bars.of_ticks import frames_of_ticks
from ballast.data.files import CONVENTIONAL, Layout, Rows, column_names, open_source
from ballast.data.frames import Frames
from ballast.data.source import column_values, refuse_unknown_venue, times_of, wanted_rows
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import TickKind
from ballast.model.errors import DataError, SchemaError, nearest
from ballast.model.market import Tick

Kind = Literal["bars", "trades", "quotes"]

_TAKERS = {"buy": TickKind.BUY, "b": TickKind.BUY, "sell": TickKind.SELL, "s": TickKind.SELL}
_SIDES = ("bid", "ask")


@dataclass(frozen=True)
class Ticks:
    """
    Ticks of the configured symbols, ready for a run.

    Attributes
    ----------
    records : recarray of Tick
        Ascending in time.
    rows_skipped : int
        Rows of the window that are no tick under rule 1.
    """

    records: Any
    rows_skipped: int

    def __len__(self) -> int:
        return len(self.records)


def kind_of(path: Path, layout: Layout = CONVENTIONAL) -> Kind:
    """
    Return what a file holds, by its columns: closes are bars, a bid or a level makes quotes, a price trades.

    A file that says nothing, or that cannot be read, is left to the reader of bars, which says what is wrong with it.
    """
    names = column_names(path, layout)
    if "close" in names or not ("price" in names or "bid" in names):
        return "bars"
    return "quotes" if "bid" in names or "level" in names else "trades"


def read_ticks(
    path: Path,
    symbols: Sequence[str],
    kind: Kind,
    *,
    layout: Layout = CONVENTIONAL,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> Ticks:
    """
    Read the trades or quotes of ``symbols`` in ``start <= ts < end`` from a Parquet or CSV file.

    Raises
    ------
    DataError
        The file is missing or unreadable, or a symbol has no usable tick in the window.
    SchemaError
        A column is missing, or holds something else than numbers, times or sides.
    """
    origin, files = open_source(path, layout, symbols)
    groups = [group for groups in files for group in groups]
    parts = [_read(group, symbols, kind, origin, layout) for group in groups]
    ticks = np.concatenate(parts) if parts else Tick.array(0)  # type: ignore[attr-defined]
    if kind == "quotes" and any("level" in group.column_names for group in groups):
        ticks = _join_sides(ticks)
    if layout.venue is not None and len(ticks) == 0:
        refuse_unknown_venue(groups, layout.venue, origin)
    in_window = np.ones(len(ticks), np.bool_)
    if start_ms is not None:
        in_window &= ticks["ts_ns"] >= start_ms * MILLISECOND_NS
    if end_ms is not None:
        in_window &= ticks["ts_ns"] < end_ms * MILLISECOND_NS
    ticks = ticks[in_window]
    usable = ~np.isnan(ticks["price"]) | ~np.isnan(ticks["ask"])
    usable &= ~(ticks["price"] > ticks["ask"])
    kept = ticks[usable]
    for index, symbol in enumerate(symbols):
        if not np.any(kept["symbol"] == index):
            raise DataError(f"{origin}: no usable {kind} of {symbol} in the window{_known(groups, symbol, layout)}")
    order = np.argsort(kept["ts_ns"], kind="stable")
    return Ticks(kept[order].view(np.recarray), int(len(ticks) - len(kept)))


def frames_from_ticks(ticks: Ticks, symbols: Sequence[str], interval_ms: int, *, width: int | None = None) -> Frames:
    """Return the bars of ticks with the ticks beside them; ``width`` is how many symbols a record holds."""
    digest = hashlib.sha256(f"{interval_ms}\n{chr(10).join(symbols)}\n".encode())
    for name in ticks.records.dtype.names:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(ticks.records[name]).data)
    return Frames(
        records=frames_of_ticks(ticks.records, len(symbols), interval_ms * MILLISECOND_NS, width=width),
        symbols=tuple(symbols),
        interval_ns=interval_ms * MILLISECOND_NS,
        rows_skipped=ticks.rows_skipped,
        rows_superseded=0,
        rows_widened=0,
        data_hash=digest.hexdigest(),
        ticks=ticks.records,
    )


def _read(group: Rows, symbols: Sequence[str], kind: Kind, origin: str, layout: Layout) -> Any:
    """Return one group's ticks in file order; a price that cannot be is NaN."""
    names, index, mask = wanted_rows(group, symbols, layout)
    picked = [(group, mask)]
    ticks = Tick.array(len(index))  # type: ignore[attr-defined]
    place = np.array([symbols.index(name) if name in symbols else -1 for name in names], np.int64)
    ticks["symbol"] = place[index]
    ticks["ts_ns"] = times_of(group, mask, origin) * MILLISECOND_NS

    def prices(name: str) -> npt.NDArray[np.float64]:
        return _where(column_values(picked, name, len(index), origin), smallest=np.nextafter(0.0, 1.0))

    def sizes(name: str) -> npt.NDArray[np.float64]:
        known = name in group.column_names
        return _where(column_values(picked, name, len(index), origin) if known else np.full(len(index), np.nan), 0.0)

    if kind == "quotes" and "level" in group.column_names:
        sides, best = _words(group, "side", mask), column_values(picked, "level", len(index), origin) == 0
        _refuse_sides(sides, _SIDES, origin, "a book of levels; expected 'bid' or 'ask'")
        return _sides_of(ticks[best], sides[best], prices("price")[best], sizes("size")[best])
    if kind == "quotes":
        ticks["kind"] = TickKind.QUOTE
        ticks["price"], ticks["qty"] = prices("bid"), sizes("bid_size")
        ticks["ask"], ticks["ask_qty"] = prices("ask"), sizes("ask_size")
        return ticks
    ticks["kind"] = TickKind.TRADE
    if "side" in group.column_names:
        words = np.char.lower(_words(group, "side", mask))
        _refuse_sides(words, (*_TAKERS, ""), origin, "trades; expected 'buy' or 'sell', or nothing where it is unknown")
        for word, taker in _TAKERS.items():
            ticks["kind"][words == word] = taker
    ticks["price"], ticks["qty"] = prices("price"), sizes("size")
    return ticks


def _where(values: npt.NDArray[np.float64], smallest: float) -> npt.NDArray[np.float64]:
    """Return finite values of at least ``smallest``, NaN for the others."""
    return np.where(np.isfinite(values) & (values >= smallest), values, np.nan)


def _words(group: Rows, name: str, mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.str_]:
    """Return a column of words, empty where there is none."""
    column = group.column(name).dictionary_encode().unify_dictionaries()
    if column.num_chunks == 0:
        return np.empty(0, np.str_)
    words = np.array([*(str(word) for word in column.chunk(0).dictionary.to_pylist()), ""])
    codes = np.concatenate([chunk.indices.fill_null(len(words) - 1).to_numpy() for chunk in column.chunks])
    chosen: npt.NDArray[np.str_] = words[codes]
    return chosen if mask is None else chosen[mask]


def _sides_of(ticks: Any, sides: Any, prices: Any, sizes: Any) -> Any:
    """Return the best levels of books as quotes of one side each."""
    ticks["kind"] = TickKind.QUOTE
    for side, price, size in (("bid", "price", "qty"), ("ask", "ask", "ask_qty")):
        own = sides == side
        ticks[price][own], ticks[size][own] = prices[own], sizes[own]
    return ticks


def _refuse_sides(sides: Any, known: Sequence[str], origin: str, remedy: str) -> None:
    unknown = ~np.isin(sides, known)
    if np.any(unknown):
        raise SchemaError(f"{origin}: side = {str(sides[np.argmax(unknown)])!r} in {remedy}")


def _join_sides(sides: Any) -> Any:
    """
    Return one quote per snapshot, which is the sides of one symbol and time; one that is not there is empty.

    They need not stand together: symbols may take turns, and a file may be cut between them.
    """
    order = np.lexsort((sides["symbol"], sides["ts_ns"]))
    rows = sides[order]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (rows["ts_ns"][1:] != rows["ts_ns"][:-1]) | (rows["symbol"][1:] != rows["symbol"][:-1])
    snapshot = np.cumsum(begins) - 1
    quotes = rows[begins]
    for price, size in (("price", "qty"), ("ask", "ask_qty")):
        own = ~np.isnan(rows[price])
        quotes[price][snapshot[own]], quotes[size][snapshot[own]] = rows[price][own], rows[size][own]
    return quotes[np.argsort(order[begins])]


def _known(groups: Sequence[Rows], symbol: str, layout: Layout) -> str:
    names = sorted({name for group in groups for name in wanted_rows(group, None, layout)[0]})
    return nearest(symbol, names) if symbol not in names else "; widen it"
