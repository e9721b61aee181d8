"""How loudly a margin account had to be reported: at each bar's close, by the keys of ``[risk]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.backtest.session import Session
from ballast.model.durations import MINUTE_NS
from ballast.risk.facts import Facts
from ballast.risk.monitoring import MarginLevel, take_levels


class Report(NamedTuple):
    """What is said of an account at a close: the levels of what is available and of maintenance, and the figures."""

    time_ns: int
    available: MarginLevel
    maintenance: MarginLevel
    available_for_trading: float
    equity: float
    mm_rate: float

    @property
    def level(self) -> MarginLevel:
        """The louder of both; what is unknown is louder than anything."""
        return max(self.available, self.maintenance)


def levels_of(session: Session) -> npt.NDArray[np.int64]:
    """Return both levels at each close, (n_bars, 2), see ``take_levels``; no rows without a ladder or a curve."""
    engine = session.engine
    points = engine.margin if session.has_ladder else engine.margin[:0]
    levels = np.zeros((len(points), 2), np.int64)
    if len(points):
        facts: Any = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]  # Made by the decorator.
        take_levels(engine.risk, facts, points, engine.equity, levels)
    return levels


def seconds_at_levels(session: Session) -> dict[str, float]:
    """Return how long each ``MarginLevel`` held, the louder of both, from each close to the next."""
    loudest = levels_of(session).max(axis=1, initial=MarginLevel.INFO)
    held_s = np.diff(session.frames["ts_ns"][: len(loudest)]) / 1e9
    seconds = np.bincount(loudest[:-1], weights=held_s, minlength=len(MarginLevel))
    return {level.name: float(seconds[level]) for level in MarginLevel}


def reports_of(session: Session) -> Iterator[Report]:
    """Yield a report for each minute, or longer bar, whose loudest level is another than that of the one before."""
    engine, levels = session.engine, levels_of(session)
    if not len(levels):
        return
    loudest = levels.max(axis=1)
    ts_ns, interval_ns = session.frames["ts_ns"], session.setup.frames.interval_ns
    per_report = max(1, MINUTE_NS // interval_ns)
    starts = np.arange(0, len(loudest), per_report)
    by_report = np.maximum.reduceat(loudest, starts)
    is_new = np.diff(by_report, prepend=MarginLevel.INFO) != 0
    for start in starts[is_new].tolist():
        k = start + int(np.argmax(loudest[start : start + per_report]))
        point = engine.margin[k]
        yield Report(
            int(ts_ns[k]) + interval_ns,
            MarginLevel(int(levels[k, 0])),
            MarginLevel(int(levels[k, 1])),
            float(point["available_for_trading"]),
            float(engine.equity[k]),
            float(point["mm_rate"]),
        )
