"""Playing the elastic stop over series of profits, for tests; as a program, a digest of everything it did."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ballast.model.enums import PositionSide
from ballast.orders.contract_terms import ContractTerms
from ballast.orders.elastic import ElasticDecision, ElasticStop, Verdict, accept, begin, step
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings
from ballast.orders.polling import Polling, PollingSettings, look
from ballast.orders.stop_price import StopPlacement, place

START_NS = 1_700_000_000_000_000_000
EVERY_NS = 3_000_000_000


def settings_of(mode: ElasticMode = ElasticMode.RECONCILED, **values: Any) -> Any:
    """Return settings with some values other than their defaults."""
    settings = ElasticSettings.new()  # type: ignore[attr-defined]
    settings.mode = mode
    for key, value in values.items():
        setattr(settings, key, value)
    return settings


def new_stop(baseline: float | None = 0.0) -> Any:
    """Return the stop of a position with this profit at the start; None for one that was found open."""
    stop = ElasticStop.new()  # type: ignore[attr-defined]
    if baseline is not None:
        begin(stop, baseline, START_NS)
    return stop


def new_decision() -> Any:
    return ElasticDecision.new()  # type: ignore[attr-defined]


def play(stop: Any, settings: Any, profits: Sequence[float], every_ns: int = EVERY_NS) -> list[Any]:
    """Take one sample each ``every_ns``, accept every move as asked, and return copies of the decisions."""
    decisions = []
    for number, profit in enumerate(profits, 1):
        decision = new_decision()
        if step(stop, settings, profit, START_NS + number * every_ns, decision) == Verdict.MOVE:
            accept(stop, decision.target)
        decisions.append(decision)
    return decisions


def locks(profits: Sequence[float], settings: Any, baseline: float | None = 0.0) -> list[float | None]:
    """Return the lock in force after each sample, None without one."""
    stop = new_stop(baseline)
    found: list[float | None] = []
    for number, profit in enumerate(profits, 1):
        decision = new_decision()
        if step(stop, settings, profit, START_NS + number * EVERY_NS, decision) == Verdict.MOVE:
            accept(stop, decision.target)
        found.append(None if np.isnan(stop.lock) else float(stop.lock))
    return found


def digest() -> str:
    """Return a hash of all states and decisions over random walks in every mode, at three paces."""
    rng = np.random.default_rng(5)
    seen = hashlib.sha256()
    for mode in ElasticMode:
        for every_ns in (100_000_000, 300_000_000, EVERY_NS):
            for enabled in (True, False):
                settings, stop = settings_of(mode, enabled=enabled), new_stop()
                profits = np.cumsum(rng.normal(0.02, 0.2, 200)).tolist()
                profits[50], profits[60] = float("nan"), 1e300
                for decision in play(stop, settings, profits, every_ns):
                    seen.update(decision.tobytes() + _placed(settings, decision, rng).tobytes())
                seen.update(stop.tobytes() + _polled(profits).tobytes())
    return seen.hexdigest()


def _placed(settings: Any, decision: Any, rng: np.random.Generator) -> Any:
    terms = ContractTerms.new()  # type: ignore[attr-defined]
    terms.tick_units, terms.tick_scale, terms.tick_value = 1, 1e3, 2.0 / 3.0
    terms.stops_level, terms.pip_size = 0.01, 0.01
    placement = StopPlacement.new()  # type: ignore[attr-defined]
    side = PositionSide.LONG if rng.random() < 0.5 else PositionSide.SHORT
    market = 150.0 + rng.normal(0.0, 0.2)
    place(terms, settings, side, 0.01, 150.0, decision.target, decision.lock, market, placement)
    return placement


def _polled(profits: Sequence[float]) -> Any:
    polling = Polling.new()  # type: ignore[attr-defined]
    settings = PollingSettings.new()  # type: ignore[attr-defined]
    for profit in profits:
        look(polling, settings, profit)
    return polling


if __name__ == "__main__":
    print(digest())
