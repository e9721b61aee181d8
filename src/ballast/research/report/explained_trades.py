"""Trades one by one, each with what was known when it was decided: enough to check it by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np

from ballast.backtest.formatting import moment, number, significant
from ballast.backtest.notes import Story
from ballast.backtest.result import Result
from ballast.model.durations import MILLISECOND_NS
from ballast.research.report.markup import MAX_ROWS, Cell, figure, heading, section, table, text

Levels = dict[tuple[int, int], list[str]]
"""What each trade's stop and target are, by symbol and number."""

LEAD = (
    "Every entry with what was known at the close that decided it, the fills that came of it, the stop and the target "
    "that were set when it had filled, and how it ended; sales that a close decided have what was known then. Profit "
    "is what its fills brought, less their fees."
)


def explained_trades(result: Result) -> str:
    """Return the table of entries; nothing for a strategy without words for its notes."""
    if result.story is None or len(result.fills) == 0:
        return ""
    levels = _levels(result.story)
    trades = _trades(result, levels)
    if not trades:
        return ""
    stories = [_about(result.story, symbol) for symbol in range(len(result.symbols))]
    rows = [_row(result, stories[int(fills["symbol"][0])], levels, fills) for fills in trades[-MAX_ROWS:]]
    lead = LEAD + (f" The last {MAX_ROWS:,} of {len(trades):,}." if len(trades) > MAX_ROWS else "")
    head = [
        Cell("#"),
        text("Decided (UTC)"),
        text("What was known"),
        text("What came of it"),
        heading("P/L"),
    ]
    return section("explained", "Trades explained", lead, table(head, rows, tall=len(rows) > 15))


def _trades(result: Result, levels: Levels) -> list[Any]:
    """Return the fills of each trade that began with a purchase, in order; those of a maker beside are none."""
    fills = result.fills[~np.isin(result.fills["reason"], list(result.maker_reasons))]
    by_cycle: dict[tuple[int, int], list[int]] = {}
    for index, (symbol, cycle) in enumerate(zip(fills["symbol"].tolist(), fills["cycle"].tolist(), strict=True)):
        by_cycle.setdefault((symbol, cycle), []).append(index)
    return [fills[indices] for key, indices in by_cycle.items() if key in levels]


def _levels(story: Story) -> Levels:
    """Return the stop and the target of each trade, in words."""
    levels: Levels = {}
    for note in story.notes[np.isin(story.notes["reason"], list(story.levels))]:
        said = f"{story.levels[int(note['reason'])]} {significant(float(note['value']))}"
        levels.setdefault((int(note["symbol"]), int(note["level"])), []).append(said)
    return levels


def _about(story: Story, symbol: int) -> Story:
    """Return what a story says of one symbol."""
    return replace(story, notes=story.notes[story.notes["symbol"] == symbol])


def _row(result: Result, story: Story, levels: Levels, fills: Any) -> list[Cell]:
    """Return the row of one trade, by the story of its symbol."""
    symbol, number_, first = int(fills["symbol"][0]), int(fills["cycle"][0]), fills[0]
    notes = _decision(story, int(first["ts_ms"]))
    decided_ms = int(notes["time_ns"][0]) // MILLISECOND_NS if len(notes) else int(first["ts_ms"])
    ends = np.asarray(result.ts_ms) + result.interval_ns // MILLISECOND_NS
    frame = max(0, int(np.searchsorted(ends, decided_ms, "right")) - 1)
    known = [f"close {significant(float(result.close_prices[frame, symbol]))}"]
    known.append(f"equity {number(float(result.equity[frame]))}")
    known += _words(story, notes)
    bought, sold = fills[fills["side"] > 0], fills[fills["side"] < 0]
    flow = float(np.sum(-fills["side"] * fills["qty"] * fills["price"] - fills["fee"]))
    is_over = abs(float(fills["side"] @ fills["qty"])) <= 1e-9 * float(bought["qty"].sum())
    return [
        figure(f"{number_:,}"),
        Cell(f"{escape(result.symbols[symbol])}<br>{moment(decided_ms)}", "text"),
        _lines(known),
        _lines([
            *map(partial(_told, result), bought),
            *levels[symbol, number_],
            *_sales(result, story, sold, decided_ms),
        ]),
        figure(number(flow, signed=True), flow) if is_over else figure("open"),
    ]


def _decision(story: Story, fill_ms: int) -> Any:
    """Return the notes of the last decision before a fill."""
    notes, times_ns = story.notes, story.notes["time_ns"]
    # A trade decided at a close fills at that very instant, or later.
    last = int(np.searchsorted(times_ns, (fill_ms + 1) * MILLISECOND_NS, "left")) - 1
    told = next((k for k in range(last, max(-1, last - 40), -1) if story.tell(notes[k])), None)
    if told is None:
        return notes[:0]
    first, end = (int(np.searchsorted(times_ns, times_ns[told], side)) for side in ("left", "right"))
    return notes[first:end]


def _sales(result: Result, story: Story, fills: Any, decided_ms: int) -> list[str]:
    """Return a line for each sale, and before it what was known if a later close than the last one told decided it."""
    lines = []
    for fill in fills:
        notes = _decision(story, int(fill["ts_ms"]))
        if len(notes) and (time_ms := int(notes["time_ns"][0]) // MILLISECOND_NS) > decided_ms:
            decided_ms = time_ms
            lines.append(f"{moment(time_ms)} {'; '.join(_words(story, notes))}")
        lines.append(_told(result, fill))
    return lines


def _words(story: Story, notes: Any) -> list[str]:
    return [said for note in notes if (said := story.tell(note))]


def _told(result: Result, fill: Any) -> str:
    return (
        f"{moment(int(fill['ts_ms']))} {result.reasons[int(fill['reason'])]}: "
        f"{'bought' if fill['side'] > 0 else 'sold'} {significant(float(fill['qty']))} at "
        f"{significant(float(fill['price']))}, fee {significant(float(fill['fee']))}"
    )


def _lines(lines: list[str]) -> Cell:
    return Cell("<br>".join(map(escape, lines)), "text wrap")
