"""Trades one by one, each with what was known when it was decided: enough to check it by hand."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from ballast.backtest.formatting import moment, number, significant
from ballast.backtest.notes import Story
from ballast.backtest.result import Result
from ballast.model.durations import MILLISECOND_NS
from ballast.research.report.markup import MAX_ROWS, Cell, figure, heading, section, table, text

LEAD = (
    "Every entry with what was known at the close that decided it, the fills that came of it, the stop and the target "
    "that were set when it had filled, and how it ended. Profit is what its fills brought, less their fees."
)


def explained_trades(result: Result) -> str:
    """Return the table of entries; nothing for a strategy without words for its notes."""
    if result.story is None or len(result.fills) == 0:
        return ""
    trades = _trades(result)
    if not trades:
        return ""
    rows = [_row(result, result.story, fills) for fills in trades[-MAX_ROWS:]]
    lead = LEAD + (f" The last {MAX_ROWS:,} of {len(trades):,}." if len(trades) > MAX_ROWS else "")
    head = [
        Cell("#"),
        text("Decided (UTC)"),
        text("What was known"),
        text("What came of it"),
        heading("P/L"),
    ]
    return section("explained", "Trades explained", lead, table(head, rows, tall=len(rows) > 15))


def _trades(result: Result) -> list[Any]:
    """Return the fills of each trade that began with a purchase, in order; those of a maker beside are none."""
    fills = result.fills[~np.isin(result.fills["reason"], list(result.maker_reasons))]
    by_cycle: dict[tuple[int, int], list[int]] = {}
    for index, (symbol, cycle) in enumerate(zip(fills["symbol"].tolist(), fills["cycle"].tolist(), strict=True)):
        by_cycle.setdefault((symbol, cycle), []).append(index)
    assert result.story is not None
    entered = {(int(note["symbol"]), int(note["level"])) for note in _levels(result.story)}
    return [fills[indices] for key, indices in by_cycle.items() if key in entered]


def _levels(story: Story) -> Any:
    return story.notes[np.isin(story.notes["reason"], list(story.levels))]


def _row(result: Result, story: Story, fills: Any) -> list[Cell]:
    symbol, number_, first = int(fills["symbol"][0]), int(fills["cycle"][0]), fills[0]
    notes = _decision(story, symbol, int(first["ts_ms"]))
    decided_ms = int(notes["time_ns"][0]) // MILLISECOND_NS if len(notes) else int(first["ts_ms"])
    ends = np.asarray(result.ts_ms) + result.interval_ns // MILLISECOND_NS
    frame = max(0, int(np.searchsorted(ends, decided_ms, "right")) - 1)
    known = [f"close {significant(float(result.close_prices[frame, symbol]))}"]
    known.append(f"equity {number(float(result.equity[frame]))}")
    known += [said for note in notes if (said := story.tell(note))]
    bought, sold = fills[fills["side"] > 0], fills[fills["side"] < 0]
    flow = float(np.sum(-fills["side"] * fills["qty"] * fills["price"] - fills["fee"]))
    is_over = abs(float(fills["side"] @ fills["qty"])) <= 1e-9 * float(bought["qty"].sum())
    return [
        figure(f"{number_:,}"),
        Cell(f"{escape(result.symbols[symbol])}<br>{moment(decided_ms)}", "text"),
        _lines(known),
        _lines([*_told(result, bought), *_levels_of(story, symbol, number_), *_told(result, sold)]),
        figure(number(flow, signed=True), flow) if is_over else figure("open"),
    ]


def _decision(story: Story, symbol: int, fill_ms: int) -> Any:
    """Return the notes of the last decision about a symbol before a fill."""
    own = story.notes[(story.notes["symbol"] == symbol) & ~np.isin(story.notes["reason"], list(story.levels))]
    # A trade decided at a close fills at that very instant, or later.
    last = int(np.searchsorted(own["time_ns"], (fill_ms + 1) * MILLISECOND_NS, "left")) - 1
    told = [k for k in range(max(0, last - 40), last + 1) if story.tell(own[k])]
    if not told:
        return own[:0]
    return own[own["time_ns"] == own[told[-1]]["time_ns"]]


def _levels_of(story: Story, symbol: int, number_: int) -> list[str]:
    levels = _levels(story)
    own = levels[(levels["symbol"] == symbol) & (levels["level"] == number_)]
    return [f"{story.levels[int(note['reason'])]} {significant(float(note['value']))}" for note in own]


def _told(result: Result, fills: Any) -> list[str]:
    return [
        f"{moment(int(fill['ts_ms']))} {result.reasons[int(fill['reason'])]}: "
        f"{'bought' if fill['side'] > 0 else 'sold'} {significant(float(fill['qty']))} at "
        f"{significant(float(fill['price']))}, fee {significant(float(fill['fee']))}"
        for fill in fills
    ]


def _lines(lines: list[str]) -> Cell:
    return Cell("<br>".join(map(escape, lines)), "text wrap")
