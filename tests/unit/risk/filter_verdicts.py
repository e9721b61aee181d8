"""Prints a digest of many verdicts of the filters, so that two ways of running them can be compared."""

from __future__ import annotations

import hashlib
import itertools
from math import inf, nan
from typing import Any

from ballast.model.durations import DAY_NS, MINUTE_NS
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.risk.compliance import ComplianceLimits, EntryFacts, entry_verdict, position_verdict
from ballast.risk.news import NewsLimits, calendar_state, news_verdict, releases_of
from ballast.risk.supervisor import (
    ErrorClass,
    SupervisorLimits,
    ladder_floor,
    new_supervisor,
    operator_clear,
    report_error,
    report_success,
    saved,
    supervisor_verdict,
)
from ballast.risk.symbol_policy import SpreadLimits, spread_verdict

RAISING = True
START_NS = 1_795_176_000_000_000_000


def new(kind: Any, **fields: Any) -> Any:
    made = kind.new()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def spreads() -> list[int]:
    prices = (nan, inf, -1.0, 0.0, 1e-8, 1.1, 1.10015, 1.10016, 101.0)
    limits = new(SpreadLimits)
    return [
        int(spread_verdict(is_raising, bid, ask, 1e-5, 0.0, stop, is_crypto, limits))
        for bid, ask, stop in itertools.product(prices, repeat=3)
        for is_raising, is_crypto in itertools.product((False, True), repeat=2)
    ]


def news() -> list[int]:
    items = tuple(
        NewsItem(START_NS + n * 97 * MINUTE_NS, ("USD", "EUR", "ALL")[n % 3], Impact(n % 4), "") for n in range(12)
    )
    calendar = NewsCalendar(items, START_NS, START_NS, START_NS + DAY_NS)
    bits = {"EUR": 1, "USD": 2}
    releases, state = releases_of(calendar, bits), calendar_state(calendar)
    return [
        int(news_verdict(RAISING, START_NS + minute * MINUTE_NS, currencies, releases, state, limits))
        for minute in range(-60, 2_000, 7)
        for currencies in range(4)
        for limits in (new(NewsLimits), new(NewsLimits, blocks_unknown=False, min_impact=1))
    ]


def compliance() -> list[int]:
    limits = [new(ComplianceLimits, is_on=True, rollover_ns=ns) for ns in (0, 7 * MINUTE_NS)]
    known = itertools.product((False, True), range(3), (False, True), (False, True), (False, True))
    names = ("is_listed", "swap", "is_fully_tradeable", "is_swap_free_account", "is_demo")
    facts = [new(EntryFacts, **dict(zip(names, values, strict=True))) for values in known]
    entries = [
        entry_verdict(RAISING, START_NS + n * 13 * MINUTE_NS, f, limit)
        for n in range(60)
        for f in facts
        for limit in limits
    ]
    held = [
        position_verdict(START_NS + n * 13 * MINUTE_NS, START_NS * (n % 5 > 0), limit)
        for n in range(200)
        for limit in limits
    ]
    return [int(verdict) for verdict in entries + held]


def supervision() -> bytes:
    supervisor, limits = new_supervisor(["A", "B"]), new(SupervisorLimits)
    told = []
    for n in range(400):
        now_ns = START_NS + n * (n % 7) * MINUTE_NS // 3
        if n % 11 == 0:
            report_success(supervisor, n % 3 - 1)
        told.append(int(report_error(supervisor, limits, ErrorClass(n * n % 7), n % 3 - 1, now_ns)))
        told.append(int(supervisor_verdict(RAISING, now_ns + MINUTE_NS, n % 2, supervisor)))
        told.append(int(ladder_floor(supervisor)))
        if n % 50 == 49:
            operator_clear(supervisor, now_ns)
    return saved(supervisor, ["A", "B"]) + repr(told).encode()


def digest() -> str:
    """Return one digest of everything."""
    return hashlib.sha256(repr([spreads(), news(), compliance()]).encode() + supervision()).hexdigest()


if __name__ == "__main__":
    print(digest())
