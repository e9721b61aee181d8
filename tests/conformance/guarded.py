"""The cases of the battery under every guard at once, so lively that each of them acts."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from ballast.backtest.setup import Setup
from ballast.engine.guarding import Guards
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.polling import PollingSettings
from ballast.risk.compliance import ComplianceLimits, EntryFacts, Swap
from ballast.risk.news import NewsLimits, bits_of, calendar_state, currency_bits, releases_of
from ballast.risk.settings import risk_settings
from ballast.risk.supervisor import SupervisorLimits
from ballast.risk.symbol_policy import PolicyVerdict
from tests.conformance.markets import HOUR_NS, MINUTE_NS
from tests.conformance.runs import CASES, N_SYMBOLS, ON_MARGIN, digest, finished, setup_of

DAY_NS = 24 * HOUR_NS
SEED_OF = {label: 1 + number % 3 for number, label in enumerate(CASES)}
"""One market and one set of circumstances a case; all three occur."""


def guards(setup: Setup, seed: int) -> Guards:
    """Return all guards; ``seed`` draws the calendar."""
    times = setup.frames.records["ts_ns"]
    draw = np.random.default_rng(seed)
    picked = np.sort(draw.choice(times, 12, replace=False)).tolist()
    names = ["USD", "EUR"]
    items = tuple(NewsItem(int(time), names[k % 2], Impact.HIGH, "") for k, time in enumerate(picked))
    first, last = int(times[0]), int(times[-1])
    calendar = NewsCalendar(items, first, first - DAY_NS, last - 10 * HOUR_NS)
    bits = currency_bits([set(names)])
    news: Any = NewsLimits.new()  # type: ignore[attr-defined]
    news.window_ns = 90 * MINUTE_NS
    facts: Any = EntryFacts.array(N_SYMBOLS)  # type: ignore[attr-defined]
    facts["is_listed"], facts["swap"] = True, Swap.NONE
    screen: Any = ComplianceLimits.new()  # type: ignore[attr-defined]
    screen.is_on, screen.max_hold_ns, screen.rollover_lead_ns = True, 17 * HOUR_NS, 20 * MINUTE_NS
    screen.forbids_overnight = seed % 2 == 0
    supervision: Any = SupervisorLimits.new()  # type: ignore[attr-defined]
    supervision.max_consecutive, supervision.cooldown_ns = 50, 2 * HOUR_NS
    elastic: Any = ElasticSettings.new()  # type: ignore[attr-defined]
    elastic.min_lock_increment_usd, elastic.big_jump_threshold_usd = 3.0, 12.0
    elastic.max_peak_threshold_usd, elastic.max_peak_lock_usd = 60.0, 48.0
    return Guards(
        news=news,
        calendar=calendar_state(calendar, is_recorded=True),
        releases=releases_of(calendar, bits),
        currencies=[bits_of({names[k % 2]}, bits) if k < 3 else 0 for k in range(N_SYMBOLS)],
        compliance=screen,
        entry=list(facts),
        listing=[0, 0, 0, PolicyVerdict.DENIED],
        supervision=supervision,
        elastic=elastic,
        pace=PollingSettings.new(),  # type: ignore[attr-defined]
    )


def filtered_setup(label: str) -> Setup:
    """Return a case under all filters, without stops."""
    setup = guarded_setup(label)
    assert setup.guards is not None
    return replace(setup, guards=replace(setup.guards, elastic=None, pace=None))


def guarded_setup(label: str) -> Setup:
    """Return a case under all guards; on margin also under the ladder."""
    seed = SEED_OF[label]
    setup = setup_of(label, seed)
    has_margin = CASES[label].strategy in ON_MARGIN
    risk = risk_settings({}, has_margin=True) if has_margin else setup.risk
    return replace(setup, guards=guards(setup, seed), risk=risk)


if __name__ == "__main__":
    # Run under BALLAST_INTERPRET=1: the door reads it once, at import.
    kind = {"guarded": guarded_setup, "filtered": filtered_setup}[sys.argv[1]]
    sys.stdout.write(json.dumps({label: digest(finished(kind(label))) for label in sys.argv[2:]}))
