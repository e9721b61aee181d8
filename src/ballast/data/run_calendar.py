"""The economic calendar of a run over recorded bars: read once, before it begins, and judged whether it can serve."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ballast.config.operator_sections import NewsSection
from ballast.data.calendar import NewsDesk, desk_of
from ballast.model.durations import SECOND_NS
from ballast.model.errors import DataError


@dataclass(frozen=True, eq=False)
class RunCalendar:
    """
    What the news filter asks during a run.

    ``releases`` is an array of ``Release``, ``state`` a ``CalendarState`` and ``currencies`` the bits that concern each
    symbol. ``assumptions`` are sentences about what the calendar does not know.
    """

    releases: Any
    state: Any
    currencies: tuple[int, ...]
    assumptions: tuple[str, ...] = ()

    def content(self) -> bytes:
        """Return what distinguishes two calendars for a run."""
        state = self.state.copy()
        if state.is_recorded:
            state.as_of_ns = 1
        digest = hashlib.sha256(self.releases.tobytes() + state.tobytes() + repr(self.currencies).encode())
        return digest.digest()


def run_calendar(
    section: NewsSection, symbols: Sequence[str], directory: Path, first_ns: int, last_ns: int, now_ns: int
) -> RunCalendar:
    """
    Read the calendar that ``[news]`` names, for decisions from ``first_ns`` to ``last_ns``, both inclusive.

    ``now_ns`` is the time at which it is read: the age of what comes from a URL.

    Raises
    ------
    DataError
        With ``fail_mode = "block"``: it cannot be read, or there is no moment in the run at which it could be trusted,
        so that every entry would be refused.
    """
    desk = desk_of(section, symbols, directory)
    assert desk is not None
    fault = _at_once(desk, now_ns)
    blocks = section.fail_mode == "block"
    follows = any(desk.currencies)
    if fault is not None:
        if blocks and follows:
            raise DataError(f'{fault}; or set news.fail_mode to "allow"')
        sentence = f"The news calendar could not be used ({fault}): no release is known, and entries pass."
        return RunCalendar(desk.releases, desk.state, desk.currencies, (sentence,) if follows else ())
    trusted = _trusted(section, desk)
    sentence = _gap(section, trusted, first_ns, last_ns, blocks=blocks) if follows else ""
    return RunCalendar(desk.releases, desk.state, desk.currencies, (sentence,) if sentence else ())


def _at_once(desk: NewsDesk, now_ns: int) -> str | None:
    # On a thread of its own, because a notebook has a loop that is running already.
    with ThreadPoolExecutor(1) as one:
        return one.submit(lambda: asyncio.run(desk.refresh(now_ns))).result()


def _trusted(section: NewsSection, desk: NewsDesk) -> tuple[int, int]:
    """Return the times between which the calendar is complete and young enough, both inclusive."""
    limits, state = section.limits, desk.state
    first = int(state.covers_from_ns + limits.window_ns)
    last = int(state.covers_until_ns - limits.window_ns) - 1
    if state.is_recorded:
        return first, last
    return max(first, int(state.as_of_ns - limits.max_age_ns)), min(last, int(state.as_of_ns + limits.max_age_ns))


def _gap(section: NewsSection, trusted: tuple[int, int], first_ns: int, last_ns: int, *, blocks: bool) -> str:
    """Return in a sentence what the calendar misses of the run, empty for nothing; refuse one that misses all."""
    first, last = trusted
    if first <= first_ns and last_ns <= last:
        return ""
    span = f"{_moment(first_ns)} to {_moment(last_ns)}"
    if blocks and (last < first_ns or last_ns < first):
        raise DataError(
            f"{section.calendar}: the calendar is too old or too short for the run, {span}, so that every entry would "
            "be refused; for a calendar of past days give news.covers_start and news.covers_end"
        )
    consequence = (
        "symbols that follow a currency are not entered"
        if blocks
        else "entries pass, but near a release that it does hold"
    )
    if first > last:
        return f"The news calendar can be trusted at no time: {consequence}."
    return f"The news calendar serves from {_moment(first)} to {_moment(last)}; outside, {consequence}."


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M}"
