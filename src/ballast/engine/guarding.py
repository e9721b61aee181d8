"""The guards' own memory and settings: one record, so that it is saved and restored with all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from ballast.model.records import ArrayOf, Shape, SymbolBools, SymbolFloats, SymbolInts, record
from ballast.orders.contract_terms import ContractTerms
from ballast.orders.elastic import ElasticDecision, ElasticStop
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.polling import Polling, PollingSettings
from ballast.orders.stop_price import StopPlacement
from ballast.risk.compliance import ComplianceLimits, EntryFacts
from ballast.risk.news import CalendarState, NewsLimits, Release
from ballast.risk.supervisor import Supervisor, SupervisorLimits
from ballast.risk.symbol_policy import SpreadLimits

LegInts = Annotated[npt.NDArray[np.int64], Shape("legs")]
NEVER = -1


@record
class LegStop:
    """
    The elastic stop of one leg.

    ``qty`` is what the leg held when it was last looked at (signed base units) and ``costs`` what holding it has cost
    so far: fees and funding, account currency. ``price`` is the trigger of the stop that was last asked for, NaN for
    none; ``is_standing``: the venue has it, as far as is known. ``looked_ns`` is the last look.
    """

    stop: ElasticStop
    polling: Polling
    looked_ns: int = NEVER
    qty: float
    costs: float
    price: float = nan
    is_standing: bool


@record
class Guarding:
    """
    What the guards know and remember; without a section of its own a guard is off.

    ``listing`` is a symbol's ``PolicyVerdict`` by its name, ``currencies`` what releases concern it; ``own_max_points``
    is its own limit of the spread, 0 for none. ``opened_ns`` is
    when a leg was opened, 0 for flat or unknown; ``is_closing`` counts the engine's own orders that are closing it.
    ``deadline_ns`` is the time that was last asked to be woken at; ``has_flattened``: everything was closed once.
    ``decision``, ``placement`` and ``terms`` are scratch.
    """

    is_supervised: bool
    has_calendar: bool
    judges_spreads: bool
    spreads: SpreadLimits
    own_max_points: SymbolFloats
    is_crypto: SymbolBools
    news: NewsLimits
    calendar: CalendarState
    compliance: ComplianceLimits
    supervision: SupervisorLimits
    supervisor: Supervisor
    currencies: SymbolInts
    listing: SymbolInts
    entry: Annotated[Any, ArrayOf(EntryFacts, "symbols")]
    opened_ns: LegInts
    is_closing: LegInts
    deadline_ns: int
    has_flattened: bool
    elastic: ElasticSettings
    pace: PollingSettings
    stops: Annotated[Any, ArrayOf(LegStop, "stops")]
    decision: ElasticDecision
    placement: StopPlacement
    terms: ContractTerms


@dataclass(frozen=True, kw_only=True)
class Guards:
    """
    What a run is guarded by; None, or empty, leaves a guard off.

    ``releases`` is an array of ``Release``, ascending in time, and ``currencies`` the bits that concern each symbol.
    ``entry`` has an ``EntryFacts``, ``listing`` a ``PolicyVerdict``, ``own_max_points`` a number and ``is_crypto`` a
    truth per symbol; the others are records of the settings that they are named after. Spreads are judged on ticks.
    """

    news: Any = None
    calendar: Any = None
    releases: Any = None
    currencies: Sequence[int] = ()
    compliance: Any = None
    entry: Sequence[Any] = ()
    listing: Sequence[int] = ()
    spreads: Any = None
    own_max_points: Sequence[float] = ()
    is_crypto: Sequence[bool] = ()
    supervision: Any = None
    elastic: Any = None
    pace: Any = None


def new_guarding(guards: Guards | None, width: int) -> Any:
    """Return the guards' memory before anything has happened, with room for ``width`` symbols."""
    n_stops = 2 * width if guards is not None and guards.elastic is not None else 0
    made = Guarding.new(symbols=width, legs=2 * width, stops=n_stops)  # type: ignore[attr-defined]
    if guards is None:
        return made
    made.is_supervised = guards.supervision is not None
    made.has_calendar = guards.news is not None
    made.judges_spreads = guards.spreads is not None
    for name in ("news", "calendar", "compliance", "spreads", "supervision", "elastic", "pace"):
        given = getattr(guards, name)
        if given is not None:
            made[name] = given
    for name in ("currencies", "listing", "own_max_points", "is_crypto"):
        given = getattr(guards, name)
        made[name][: len(given)] = given
    for symbol, facts in enumerate(guards.entry):
        made.entry[symbol] = facts
    return made


def releases_for(guards: Guards | None) -> Any:
    """Return the releases that a run asks about; none without a calendar."""
    if guards is None or guards.releases is None:
        return Release.array(0)  # type: ignore[attr-defined]
    return guards.releases
