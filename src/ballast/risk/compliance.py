"""
The compliance screen: accounts that may neither pay nor earn swap, nor hold over night, nor leave anything to chance.

1. A symbol is entered if it is on the list (an empty list names all) and no swap is charged: the symbol has none, or it
   is fully tradeable on a swap-free account. A demo account passes only where leniency was asked for.
2. A position is closed once it is ``max_hold_ns`` old, and ``rollover_lead_ns`` before the first rollover after it was
   opened. Nothing is entered in that stretch before a rollover.
3. What is not known counts against an entry and for a closing.
4. Under the screen nothing is skipped at random.
"""

from __future__ import annotations

from enum import IntEnum

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS, HOUR_NS, MINUTE_NS
from ballast.model.records import record


class ComplianceVerdict(IntEnum):
    """What the screen says; see ``permits_entry`` and ``asks_to_close``."""

    PASS = 0
    PASS_AS_DEMO = 110
    NOT_LISTED = 111
    SWAP_CHARGED = 112
    NEAR_ROLLOVER = 113
    CLOSE_MAX_HOLD = 116
    CLOSE_BEFORE_ROLLOVER = 117
    CLOSE_AGE_UNKNOWN = 118


class Swap(IntEnum):
    """Whether a symbol pays or charges swap."""

    UNKNOWN = 0
    CHARGED = 1
    NONE = 2


@record
class ComplianceLimits:
    """
    What the screen asks for; ``is_on`` false makes everything pass.

    ``rollover_ns`` is the broker's rollover as time of day in UTC; ``max_hold_ns`` is inclusive.
    """

    is_on: bool = False
    is_swap_free_required: bool = True
    forbids_overnight: bool = True
    is_lenient_on_demo: bool = False
    max_hold_ns: int = 24 * HOUR_NS
    rollover_ns: int = 0
    rollover_lead_ns: int = 10 * MINUTE_NS


@record
class EntryFacts:
    """What is known about a symbol and its account; the defaults are what counts against an entry."""

    is_listed: bool = False
    swap: int = Swap.UNKNOWN
    is_fully_tradeable: bool = False
    is_swap_free_account: bool = False
    is_demo: bool = False


@compiled
def permits_entry(verdict: int) -> bool:
    """Tell whether an entry verdict lets the entry through."""
    return verdict == ComplianceVerdict.PASS or verdict == ComplianceVerdict.PASS_AS_DEMO


@compiled
def asks_to_close(verdict: int) -> bool:
    """Tell whether a verdict on a position asks to close it."""
    return verdict >= ComplianceVerdict.CLOSE_MAX_HOLD


@compiled
def rollover_after(time_ns: int, rollover_ns: int) -> int:
    """Return the first rollover strictly after ``time_ns``; ``rollover_ns`` is its time of day in UTC."""
    return ((time_ns - rollover_ns) // DAY_NS + 1) * DAY_NS + rollover_ns


@compiled
def entry_verdict(is_raising: bool, now_ns: int, facts: EntryFacts, limits: ComplianceLimits) -> int:
    """Judge a request; what does not raise exposure always passes."""
    if not is_raising or not limits.is_on:
        return ComplianceVerdict.PASS
    if not facts.is_listed:
        return ComplianceVerdict.NOT_LISTED
    if limits.forbids_overnight and rollover_after(now_ns, limits.rollover_ns) - now_ns <= limits.rollover_lead_ns:
        return ComplianceVerdict.NEAR_ROLLOVER
    if not limits.is_swap_free_required or facts.swap == Swap.NONE:
        return ComplianceVerdict.PASS
    if facts.is_fully_tradeable and facts.is_swap_free_account:
        return ComplianceVerdict.PASS
    if facts.is_demo and limits.is_lenient_on_demo:
        return ComplianceVerdict.PASS_AS_DEMO
    return ComplianceVerdict.SWAP_CHARGED


@compiled
def position_verdict(now_ns: int, opened_ns: int, limits: ComplianceLimits) -> int:
    """Judge a position that was opened at ``opened_ns``; 0 or less means that nobody knows when."""
    if not limits.is_on:
        return ComplianceVerdict.PASS
    if opened_ns <= 0:
        return ComplianceVerdict.CLOSE_AGE_UNKNOWN
    if now_ns - opened_ns >= limits.max_hold_ns:
        return ComplianceVerdict.CLOSE_MAX_HOLD
    deadline_ns = rollover_after(opened_ns, limits.rollover_ns) - limits.rollover_lead_ns
    if limits.forbids_overnight and now_ns >= deadline_ns:
        return ComplianceVerdict.CLOSE_BEFORE_ROLLOVER
    return ComplianceVerdict.PASS


@compiled
def randomness_in_force(factor: float, limits: ComplianceLimits) -> float:
    """Return the share of entries that are skipped at random: the configured factor, 0 under the screen."""
    return 0.0 if limits.is_on else factor
