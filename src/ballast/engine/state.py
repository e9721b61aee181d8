"""The engine's memory besides the strategy's own: the view, the indicators, the ladder and the log of a run."""

from __future__ import annotations

from math import inf, nan
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.engine.guarding import Guards, new_guarding, releases_for
from ballast.engine.view import View
from ballast.indicators.blocks import BLOCK_FRAMES, EVERY_FRAME
from ballast.model.events import Event
from ballast.model.market import width_for
from ballast.model.records import LegFloats, Shape, SymbolFloats, record
from ballast.risk.facts import Facts
from ballast.risk.ladder import Ladder
from ballast.risk.settings import Profile, risk_settings

MIN_FEATURE_WIDTH = 8
N_REASONS = 144
"""Room for every ``Reason`` and every verdict of the filters."""


@record
class Log:
    """
    Counts of a run: fills, notes and moves of the ladder written, refusals by ``Reason``.

    ``guarded_frame`` is the last frame whose bars the ladder has taken, ``n_closing`` how many of the engine's own
    emergency orders are live, ``deadline_ns`` what time the ladder last asked to be woken at. The extremes of a
    margin account, each with the time of its first occurrence (0 for none), are of the moments at which it was
    looked at: closes, fills, wakes, funding. ``leg_funding`` sums what each leg has paid, < 0 when received;
    ``liquidation_mark`` holds the marks when a liquidation first closed something. Indicators are computed for
    the frames before ``featured_frames``; those of a frame stand in column ``frame & feature_mask`` of their table.
    """

    n_fills: int
    n_notes: int
    n_moves: int
    guarded_frame: int = -1
    n_closing: int
    deadline_ns: int
    min_available: float = inf
    max_im_rate: float
    max_mm_rate: float
    min_available_ns: int
    max_mm_rate_ns: int
    liquidated_ns: int
    leg_funding: LegFloats
    featured_frames: int
    feature_mask: int = BLOCK_FRAMES - 1
    liquidation_mark: SymbolFloats = nan  # type: ignore[assignment]  # The default fills the array.
    rejects: Annotated[npt.NDArray[np.int64], Shape(N_REASONS)]


@record
class Note:
    """
    A signal, refusal or lock that a strategy recorded, or by ``kind`` (``NoteKind``) something of the engine's own.

    ``reason`` is the strategy's own, or a verdict of the filters. Of a lock, ``value`` is the profit that is locked,
    ``peak`` the highest so far and ``price`` the stop's trigger; of other notes all three are quantities, as the
    strategy's ``tell`` says them.
    """

    time_ns: int
    kind: int
    symbol: int
    position_side: int
    reason: int
    level: int
    value: float
    peak: float
    price: float


@record
class Move:
    """
    One move of the ladder: between which ``LadderState``, why (``LadderReason``), and what it saw.

    On accounts without margin the margin figures are NaN.
    """

    time_ns: int
    before: int
    after: int
    reason: int
    equity: float
    available_for_trading: float
    next_worst_case: float
    imbalance_ratio: float
    mm_rate: float


@record
class MarginPoint:
    """A margin account at the close of a frame; the ladder's figures are NaN where it is off."""

    available: float
    initial_margin: float
    maintenance_margin: float
    mm_rate: float
    available_for_trading: float
    reserve: float
    next_worst_case: float
    funding_paid: float
    state: int


class Engine(NamedTuple):
    """
    Everything that ``observe`` and ``act`` write. (Numba reserves the attribute name ``view``.)

    ``risk`` are the ladder's settings and ``facts`` what it saw last. ``equity`` and, on margin accounts,
    ``margin`` hold one point per frame, or none when no curve is kept. ``fills``, ``notes`` and ``moves``
    grow by doubling: the run returns to its caller when they are full. ``feature_table`` holds the indicators' outputs,
    (n_outputs, columns), of the frames around the present one, or of all when they were computed once for many runs.
    ``guarding`` is the memory of filters and elastic stops, ``releases`` the calendar that they ask; without guards
    nobody reads them.
    """

    strategy_view: Any
    ladder: Any
    risk: Any
    facts: Any
    feature_specs: Any
    feature_states: Any
    feature_ring: Any
    feature_table: Any
    log: Any
    fills: Any
    notes: Any
    moves: Any
    equity: Any
    margin: Any
    guarding: Any
    releases: Any


def new_engine(
    n_symbols: int,
    n_frames: int,
    plan: tuple[Any, Any, Any, int],
    *,
    shared_feature: Any = None,
    width: int | None = None,
    keeps_curve: bool = True,
    n_tiers: int = 0,
    has_ticks: bool = False,
    n_conversions: int = 0,
    risk: Any = None,
    guards: Guards | None = None,
) -> Engine:
    """
    Return an engine with an empty log, a NORMAL ladder and indicators laid out by ``indicators.table.plan``.

    ``risk`` is a ``RiskSettings`` record; None has no ladder. ``guards`` None has no filters and no elastic stops.
    """
    specs, states, ring, n_outputs = plan
    width = width or width_for(n_symbols)
    log = Log.new(symbols=width, legs=2 * width)  # type: ignore[attr-defined]
    if shared_feature is not None:
        log.feature_mask, log.featured_frames = EVERY_FRAME, shared_feature.shape[1]
    features = max(MIN_FEATURE_WIDTH, width_for(n_outputs))
    dimensions = {"symbols": width, "legs": 2 * width, "features": features, "tiers": n_tiers}
    view = View.new(  # type: ignore[attr-defined]
        **dimensions, conversions=n_conversions, quotes=width if has_ticks else 0
    )
    view.n_symbols = n_symbols
    return Engine(
        strategy_view=view,
        ladder=Ladder.new(symbols=width, legs=2 * width),  # type: ignore[attr-defined]
        risk=risk_settings({"profile": Profile.OFF}, has_margin=False) if risk is None else risk,
        facts=Facts.new(symbols=width, legs=2 * width),  # type: ignore[attr-defined]
        feature_specs=specs,
        feature_states=states,
        feature_ring=ring,
        feature_table=np.zeros((n_outputs, BLOCK_FRAMES)) if shared_feature is None else shared_feature,
        log=log,
        # Untouched pages cost nothing, so room for a busy run is free until it is used.
        fills=np.zeros(4096 + n_frames // 16, Event.dtype()).view(np.recarray),  # type: ignore[attr-defined]
        notes=np.zeros(4096 + n_frames, Note.dtype()).view(np.recarray),  # type: ignore[attr-defined]
        moves=Move.array(256),  # type: ignore[attr-defined]
        equity=np.zeros(n_frames if keeps_curve else 0),
        margin=MarginPoint.array(n_frames if keeps_curve and n_tiers else 0),  # type: ignore[attr-defined]
        guarding=new_guarding(guards, width),
        releases=releases_for(guards),
    )
