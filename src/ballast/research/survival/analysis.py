"""The whole answer: one way up and down, levels, variants, and paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from ballast.backtest.preflight import require_start
from ballast.backtest.setup import Setup
from ballast.model.durations import DAY_NS, HOUR_NS
from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.model.errors import ConfigError, DataError
from ballast.research.survival.chances import Chances, Outcomes, chances
from ballast.research.survival.layers import FORCED, Fractions, Layer, forced_end
from ballast.research.survival.levels import Row, Table
from ballast.research.survival.paths import Quotes, bootstrap, hourly, random_walks, shapes_of
from ballast.research.survival.road import last_closes, road_of
from ballast.research.survival.variants import DIRECTIONS, LevelLimit, Variant, level_limits, sensitivity
from ballast.research.survival.walk import walked

BLOCK_HOURS = 24
FEWEST_BARS = 48
SHARES = {"ways": 0.05, "limits": 0.10, "variants": 0.15}
"""About which part of the work each question is; the paths are the rest."""

Progress = Callable[[float], None] | None


@dataclass(frozen=True)
class Way:
    """
    One way through the market, as far as anything could happen.

    ``fractions`` are of the starting price, ``prices`` by symbol, ``equity`` is the account when a layer fired, for the
    last two what they left of it; all None where a layer never fires. ``farthest`` is where the walk ended,
    ``equity_left`` what the account was worth there. ``curve`` has (fraction, equity, state) where anything happened.
    """

    direction: int
    fractions: Fractions
    prices: Mapping[Layer, Sequence[float] | None]
    equity: Mapping[Layer, float | None]
    rows: Sequence[Row]
    curve: Sequence[tuple[float, float, str]]
    farthest: float
    equity_left: float

    @property
    def is_ended(self) -> bool:
        """Whether everything was closed, by the ladder or the venue."""
        return self.forced_at is not None

    @property
    def forced_at(self) -> float | None:
        """How far the price had gone when something was first closed by force; None for never."""
        end = forced_end(self.fractions)
        return end if isfinite(end) else None


@dataclass(frozen=True, kw_only=True)
class Survival:
    """What ``ballast survive`` found out; money in ``currency``, moves as fractions of the starting prices."""

    setup: Setup
    currency: str
    starts: Sequence[float]
    ways: Mapping[str, Way]
    limits: Sequence[LevelLimit]
    variants: Sequence[Variant]
    models: Sequence[Chances]
    horizons: Mapping[str, float]
    seed: int

    @property
    def profile(self) -> str:
        """The ladder's profile."""
        return self.setup.profile.name.lower()

    @property
    def assumptions(self) -> Sequence[str]:
        """Sentences about what the figures take for granted."""
        setup = self.setup
        return (
            "One way means without ever turning, from the last close of the data, one tick a minute.",
            "A tick is the smallest step that a price can make.",
            "Several symbols move together, by the same percentage.",
            "Take-profits and reopenings happen on the way; fees and slippage are charged as configured.",
            "No funding is paid, and the mark price is the price.",
            "Orders always find enough volume.",
            f"Margin model: {MarginModel(setup.margin_model).name.lower()}.",
            *setup.data_assumptions[:1],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON carries."""
        chances_of = {model.name: self._chances(model) for model in self.models}
        return {
            "symbols": list(self.setup.frames.symbols),
            "starting_prices": list(self.starts),
            "initial_capital": self.setup.initial_capital,
            "currency": self.currency,
            "profile": self.profile,
            **{f"max_adverse_move_{name}": _named(way.fractions) for name, way in self.ways.items()},
            **{f"prices_{name}": _named(way.prices) for name, way in self.ways.items()},
            **{f"equity_{name}": _named(way.equity) for name, way in self.ways.items()},
            **{f"farthest_{name}": way.farthest for name, way in self.ways.items()},
            **{f"equity_left_{name}": way.equity_left for name, way in self.ways.items()},
            "levels": {name: [row.to_dict() for row in way.rows] for name, way in self.ways.items()},
            "largest_levels": [limit.to_dict() for limit in self.limits],
            "sensitivity": [variant.to_dict() for variant in self.variants],
            "probabilities": chances_of.get("bootstrap", {}),
            "probabilities_random_walk": chances_of.get("random_walk", {}),
            "probabilities_forced": {model.name: self._forced(model) for model in self.models},
            "equity_if_forced": {model.name: model.forced_equity for model in self.models},
            "paths": self.models[0].n_paths if self.models else 0,
            "seed": self.seed,
            "assumptions": list(self.assumptions),
            "config": dict(self.setup.config),
            "config_hash": self.setup.config_hash,
            "data_hash": self.setup.frames.data_hash,
        }

    def _forced(self, model: Chances) -> dict[str, Any]:
        return {name: model.forced[days].to_dict() for name, days in self.horizons.items()}

    def _chances(self, model: Chances) -> dict[str, Any]:
        return {
            name: {layer.value: chance.to_dict() for layer, chance in model.at_horizon[days].items()}
            for name, days in self.horizons.items()
        }


def _named(values: Mapping[Layer, Any]) -> dict[str, Any]:
    return {layer.value: values[layer] for layer in Layer}


def survive(
    setup: Setup,
    *,
    n_paths: int = 2_000,
    horizons: Mapping[str, float] | None = None,
    seed: int = 1,
    currency: str = "USDT",
    progress: Progress = None,
) -> Survival:
    """
    Return how far a market may run against this grid, and how likely it is to.

    Parameters
    ----------
    setup : Setup
        A hedge grid on a margin account in hedge mode; paths are made from its bars.
    n_paths : int
        Paths of each of the two models; 0 for none.
    horizons : mapping of str to float, optional
        Names and days; 1d, 7d and 30d if not given.
    seed : int
        Of the paths; >= 0.

    Raises
    ------
    ConfigError
        The setup is not such a grid, or its capital would be FROZEN at the start: with the smallest that would do.
    DataError
        The data has too few bars to make paths from.
    """
    refuse_other_strategies(setup)
    require_start(setup, last_closes(setup).tolist())
    horizons = horizons or {"1d": 1.0, "7d": 7.0, "30d": 30.0}
    n_bars = _bars_to_draw_from(setup) if n_paths else None
    told = _stages(progress, has_paths=n_paths > 0)
    ways = {name: one_way(setup, direction) for name, direction in DIRECTIONS.items()}
    limits = level_limits(setup, told("limits"))
    variants = sensitivity(setup, told("variants"))
    models = () if n_bars is None else path_models(setup, *n_bars, n_paths, horizons, seed, told("paths"))
    starts = road_of(setup, 1).starts.tolist()
    return Survival(
        setup=setup,
        currency=currency,
        starts=starts,
        ways=ways,
        limits=limits,
        variants=variants,
        models=models,
        horizons=horizons,
        seed=seed,
    )


def refuse_other_strategies(setup: Setup) -> None:
    """Raise ``ConfigError`` unless a setup is a hedge grid on a margin account in hedge mode."""
    if setup.strategy.name != "hedge_grid":
        raise ConfigError(
            f"strategy.name = '{setup.strategy.name}': survival is a question about averaging grids; "
            'use "hedge_grid", and backtest for others'
        )
    if setup.account_kind != AccountKind.UNIFIED_MARGIN:
        raise ConfigError(
            f'account.kind = "{setup.account_kind.name.lower()}": a grid of perpetuals is asked about; '
            'use kind = "unified_margin"'
        )
    if setup.position_mode != PositionMode.HEDGE:
        raise ConfigError('account.mode = "one_way": the grid holds a long and a short leg; use mode = "hedge"')


def one_way(setup: Setup, direction: int) -> Way:
    """Return what happens when the market runs one way, 1 up or -1 down."""
    road, table = road_of(setup, direction), Table()
    walk = walked(setup, road, watcher=table)
    steps = walk.layers()
    seen = {row.event: row.equity for row in table.rows}
    left = float(walk.session.engine.strategy_view.equity)
    return Way(
        direction=direction,
        fractions={layer: None if step is None else road.fraction(step) for layer, step in steps.items()},
        prices={layer: None if step is None else road.prices([step])[0].tolist() for layer, step in steps.items()},
        equity={layer: None if steps[layer] is None else _equity_at(layer, seen, left) for layer in Layer},
        rows=table.rows,
        curve=table.curve,
        farthest=road.fraction(walk.step),
        equity_left=left,
    )


def _equity_at(layer: Layer, seen: Mapping[str, float], left: float) -> float | None:
    """Return what a layer saw; one that was passed over saw what the worse one did."""
    if layer in FORCED:
        return left
    worse = list(Layer)[list(Layer).index(layer) :]
    return next((seen[one.value] for one in worse if one.value in seen), None)


def _bars_to_draw_from(setup: Setup) -> tuple[Quotes, int]:
    quotes, interval_ns = hourly(setup.frames.records, setup.n_symbols, setup.frames.interval_ns)
    if len(quotes.close) < FEWEST_BARS:
        raise DataError(
            f"the data has {len(quotes.close):,} bars to make paths from, too few to say anything; give at least "
            f"{FEWEST_BARS}, or --paths 0 to leave the paths out"
        )
    return quotes, interval_ns


def path_models(
    setup: Setup,
    quotes: Quotes,
    interval_ns: int,
    n_paths: int,
    horizons: Mapping[str, float],
    seed: int,
    progress: Progress = None,
) -> Sequence[Chances]:
    """Return how often each layer fires on recorded bars in another order, and on random walks."""
    shapes = shapes_of(quotes._asdict(), setup.n_symbols)
    starts = road_of(setup, 1).starts
    n_bars = max(1, int(np.ceil(max(horizons.values()) * DAY_NS / interval_ns)))
    block = max(1, BLOCK_HOURS * HOUR_NS // interval_ns)
    outcomes = Outcomes(replace(setup, marks=None, funding=None), starts, n_bars, interval_ns)
    made = {
        "bootstrap": bootstrap(shapes, starts, n_bars, int(block), seed),
        "random_walk": random_walks(shapes, starts, n_bars, seed),
    }
    days = list(horizons.values())
    found = []
    for k, (name, paths) in enumerate(made.items()):
        told = None if progress is None else _part(progress, k / len(made), 1.0 / len(made))
        found.append(chances(name, outcomes, paths, n_paths, days, interval_ns, told))
    return found


def _stages(progress: Progress, *, has_paths: bool) -> Callable[[str], Progress]:
    """Return, by name of a question, what to call with the part of it that is done."""
    if progress is None:
        return lambda name: None
    total = 1.0 if has_paths else sum(SHARES.values())
    begins, at = {}, 0.0
    for name, share in SHARES.items():
        begins[name] = (at, share / total)
        at += share / total
    begins["paths"] = (at, 1.0 - at)
    return lambda name: _part(progress, *begins[name])


def _part(progress: Callable[[float], None], begin: float, share: float) -> Callable[[float], None]:
    return lambda done: progress(begin + share * done)
