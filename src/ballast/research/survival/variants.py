"""The same question for other settings: how many levels survive a move, and what each setting does to the distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ballast.backtest.preflight import start_of
from ballast.backtest.setup import Setup
from ballast.research.survival.layers import Fractions, forced_end
from ballast.research.survival.road import last_closes, road_of
from ballast.research.survival.walk import walked
from ballast.strategies.hedge_grid.preflight import first_quantities
from ballast.strategies.hedge_grid.settings import MAX_LEVELS

MOVES = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50)
DIRECTIONS = {"up": 1, "down": -1}
MANY_TICKS = 20_000
"""Roads with fewer are walked faster than they are leapt over."""

Progress = Callable[[float], None] | None


@dataclass(frozen=True)
class LevelLimit:
    """
    How many levels a side may have so that a move closes nothing by force.

    ``up`` and ``down`` are the largest counts with which neither the emergency fires nor the venue liquidates, and so
    do all smaller ones: 0 when even one level is too many, None when every count survives.
    """

    move: float
    up: int | None
    down: int | None

    def to_dict(self) -> dict[str, object]:
        """Return what the JSON carries."""
        return {"move": self.move, "up": self.up, "down": self.down}


@dataclass(frozen=True)
class Variant:
    """
    One setting changed for all symbols, everything else as configured.

    ``is_configured`` marks the value that every symbol has; where symbols differ there is none.

    ``up`` and ``down`` are None where ``refusal`` says why nothing can be opened with the value.
    """

    key: str
    value: float
    is_configured: bool
    up: Fractions | None
    down: Fractions | None
    refusal: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return what the JSON carries."""
        up, down = (None if one is None else {str(layer): one[layer] for layer in one} for one in (self.up, self.down))
        return {
            "key": self.key,
            "value": self.value,
            "is_configured": self.is_configured,
            "up": up,
            "down": down,
            "refusal": self.refusal,
        }


def fractions(setup: Setup, direction: int) -> Fractions:
    """Return how far the price goes, as a fraction of its start, before each layer fires; None where it never does."""
    road = road_of(setup, direction)
    layers = walked(setup, road, leaps=road.n_steps > MANY_TICKS).layers()
    return {layer: None if step is None else road.fraction(step) for layer, step in layers.items()}


def level_limits(setup: Setup, progress: Progress = None) -> Sequence[LevelLimit]:
    """Return the largest level count that survives each of ``MOVES``."""
    ends = {name: _ends(setup, direction) for name, direction in DIRECTIONS.items()}
    if progress is not None:
        progress(1.0)
    return [LevelLimit(move, *(_largest(ends[name], move) for name in DIRECTIONS)) for move in MOVES]


def _ends(setup: Setup, direction: int) -> Sequence[float]:
    """Return the forced end for 1, 2, ... levels, until more levels than are ever reached change nothing."""
    ends: list[float] = []
    for n_levels in range(1, MAX_LEVELS + 1):
        road = road_of(setup, direction)
        walk = walked(_with(setup, "max_grid_levels_per_side", n_levels), road, leaps=road.n_steps > MANY_TICKS)
        layers = {layer: None if step is None else road.fraction(step) for layer, step in walk.layers().items()}
        ends.append(forced_end(layers))
        if walk.session.state.leg["levels_max"].max() < n_levels:
            break
    return ends


def _largest(ends: Sequence[float], move: float) -> int | None:
    for n_levels, end in enumerate(ends):
        if end <= move:
            return n_levels
    return None


def sensitivity(setup: Setup, progress: Progress = None) -> Sequence[Variant]:
    """Return the distances with one setting changed at a time, configured values among them."""
    cells = list(_cells(setup))
    found = []
    for done, (key, value, is_configured) in enumerate(cells, 1):
        varied = _with(setup, key, value)
        if not _fits_tiers(varied):
            found.append(Variant(key, value, is_configured, None, None, "above the limit"))
        elif not all(first_quantities(varied.params, start_of(varied, last_closes(varied).tolist()))):
            found.append(Variant(key, value, is_configured, None, None, "orders too small"))
        else:
            up, down = (fractions(varied, direction) for direction in DIRECTIONS.values())
            found.append(Variant(key, value, is_configured, up, down))
        if progress is not None:
            progress(done / len(cells))
    return found


def _fits_tiers(setup: Setup) -> bool:
    """Tell whether every symbol's first tier allows its leverage."""
    tiers = setup.tiers
    first = [tiers[np.argmax(tiers["symbol"] == symbol)] for symbol in range(setup.n_symbols)]
    return all(leverage <= tier["max_leverage"] for leverage, tier in zip(setup.leverage, first, strict=True))


def _cells(setup: Setup) -> Iterator[tuple[str, float, bool]]:
    params = setup.params
    step = float(params.grid_step_percent[0])
    multiplier = float(params.averaging_multiplier[0])
    leverage = float(setup.leverage[0])
    levels = int(params.max_grid_levels_per_side[0])
    values: Mapping[str, Sequence[float]] = {
        "grid_step_percent": [step * factor for factor in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)],
        "averaging_multiplier": [1.0 + (multiplier - 1.0) * factor for factor in (0.25, 0.5, 0.75, 1.0, 1.5)],
        "leverage": [max(1.0, leverage * factor) for factor in (0.1, 0.25, 0.5, 1.0, 1.5)],
        "max_grid_levels_per_side": [float(max(1, min(MAX_LEVELS, levels + more))) for more in (-6, -4, -2, 0, 2)],
    }
    for key, ones in values.items():
        configured = setup.leverage if key == "leverage" else getattr(params, key)[: setup.n_symbols]
        for value in sorted(set(ones)):
            yield key, value, all(float(one) == value for one in configured)


def _with(setup: Setup, key: str, value: float) -> Setup:
    """Return the setup with one setting changed for all symbols."""
    if key == "leverage":
        return replace(setup, leverage=(value,) * setup.n_symbols)
    params: Any = np.asarray(setup.params).copy().view(np.recarray)[()]
    getattr(params, key)[:] = value
    return replace(setup, params=params)
