"""What the strategy signalled, what was refused before it reached the venue, and how the elastic stops moved."""

from __future__ import annotations

from collections.abc import Mapping

from ballast.backtest.formatting import moment, number, significant
from ballast.backtest.result import Result
from ballast.research.report.markup import MAX_ROWS, Cell, escaped, figure, heading, section, table, text, titled
from ballast.research.report.refusals import meaning


def guards(result: Result) -> str:
    """Return the section; nothing for a run without signals, refusals and locks."""
    blocks = []
    if result.signals:
        blocks.append(titled("Signals", _counts(result.signals, "Action")))
    if result.refusals:
        blocks.append(titled("Refused before the venue", _refusals(result.refusals)))
    if result.locks:
        blocks.append(titled("Moves of the elastic stop", _locks(result)))
    if not blocks:
        return ""
    lead = "What was signalled, what guards and rules kept from the venue, and what the stops locked."
    return section("guards", "Signals, refusals and stops", lead, "".join(blocks))


def _counts(counts: Mapping[str, int], head: str) -> str:
    rows = [[text(name), figure(f"{count:,}")] for name, count in counts.items()]
    return table([text(head), heading("Count")], rows, classes="narrow")


def _refusals(counts: Mapping[str, int]) -> str:
    rows = [
        [text(name), figure(f"{count:,}"), text(meaning(name))]
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return table([text("Reason"), heading("Count"), text("Meaning")], rows)


def _locks(result: Result) -> str:
    head = [text("Time (UTC)"), text("Position"), *map(heading, ("Peak profit", "Locked", "Of the peak", "Stop at"))]
    rows = [_lock_row(lock) for lock in result.locks[:MAX_ROWS]]
    more = f"The first {MAX_ROWS:,} of {len(result.locks):,}. " if len(result.locks) > MAX_ROWS else ""
    lead = f"{more}Profits are net of what the position has cost, in account currency; a stop that fills may slip."
    return f'<p class="lead">{escaped(lead)}</p>' + table(head, rows, tall=len(rows) > 15)


def _lock_row(lock: Mapping[str, object]) -> list[Cell]:
    peak, locked, price = (float(str(lock[key])) for key in ("peak", "lock", "price"))
    return [
        text(moment(int(str(lock["ts"])))),
        text(lock["position"]),
        figure(number(peak), peak),
        figure(number(locked), locked),
        figure(f"{100.0 * locked / peak:.0f} %" if peak > 0.0 else "–"),
        figure(significant(price)),
    ]
