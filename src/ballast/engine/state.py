"""The engine's memory besides the strategy's own: the view, the indicators, the ladder and the log of a run."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ballast.engine.view import View
from ballast.model.events import Event
from ballast.model.market import width_for
from ballast.model.records import Shape, record
from ballast.risk.ladder import Ladder

MIN_FEATURE_WIDTH = 8
N_REASONS = 64


@record
class Log:
    """Counts of a run: fills and notes written, refusals by ``Reason``."""

    n_fills: int
    n_notes: int
    rejects: Annotated[npt.NDArray[np.int64], Shape(N_REASONS)]


@record
class Note:
    """A signal, refusal or lock that a strategy recorded."""

    time_ns: int
    symbol: int
    reason: int
    level: int
    value: float


class Engine(NamedTuple):
    """
    Everything that ``observe`` and ``act`` write. (Numba reserves the attribute name ``view``.)

    ``equity`` and ``gross`` hold one point per frame, or none when no curve is kept. ``fills`` and
    ``notes`` grow by doubling: the run returns to its caller when they are full. ``shared_feature``
    replaces the incremental indicators when it has rows: one per output, (n_outputs, n_frames), computed
    once for many runs.
    """

    strategy_view: Any
    ladder: Any
    feature_specs: Any
    feature_states: Any
    feature_ring: Any
    shared_feature: Any
    log: Any
    fills: Any
    notes: Any
    equity: Any
    gross: Any


def new_engine(
    n_symbols: int,
    n_frames: int,
    plan: tuple[Any, Any, Any, int],
    *,
    shared_feature: Any = None,
    width: int | None = None,
    keeps_curve: bool = True,
) -> Engine:
    """Return an engine with an empty log, a NORMAL ladder and indicators laid out by ``indicators.table.plan``."""
    specs, states, ring, n_outputs = plan
    width = width or width_for(n_symbols)
    features = max(MIN_FEATURE_WIDTH, width_for(n_outputs))
    view = View.new(symbols=width, legs=2 * width, features=features)  # type: ignore[attr-defined]
    view.n_symbols = n_symbols
    return Engine(
        strategy_view=view,
        ladder=Ladder.new(),  # type: ignore[attr-defined]
        feature_specs=specs,
        feature_states=states,
        feature_ring=ring,
        shared_feature=np.zeros((0, 1)) if shared_feature is None else shared_feature,
        log=Log.new(),  # type: ignore[attr-defined]
        # Untouched pages cost nothing, so room for a busy run is free until it is used.
        fills=np.zeros(4096 + n_frames // 16, Event.dtype()).view(np.recarray),  # type: ignore[attr-defined]
        notes=Note.array(4096),  # type: ignore[attr-defined]
        equity=np.zeros(n_frames if keeps_curve else 0),
        gross=np.zeros(n_frames if keeps_curve else 0),
    )
