"""Everything that one run needs, without I/O: data, strategy, account and how orders fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ballast.config import Config, strategy_of
from ballast.config.instruments import instruments_of
from ballast.model.enums import LimitFill, PathPolicy
from ballast.model.instrument import instruments as no_grids
from ballast.strategies.spec import Strategy


class FrameSource(Protocol):
    """Bars laid side by side; see ``data.frames.Frames``."""

    @property
    def records(self) -> Any:
        """Array of ``Frame``, ascending in time."""

    @property
    def symbols(self) -> Sequence[str]:
        """Names by column."""

    @property
    def interval_ns(self) -> int:
        """Length of a bar."""

    @property
    def rows_skipped(self) -> int:
        """How many rows of the source were no usable bar."""

    @property
    def rows_widened(self) -> int:
        """How many had a high or low that did not enclose open and close."""

    @property
    def data_hash(self) -> str:
        """SHA-256 of what the run reads."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Fees as fractions of notional, slippage in basis points of price."""

    maker_fee_rate: float = 0.001
    taker_fee_rate: float = 0.001
    slippage_bps: float = 10.0


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """
    How orders become fills.

    ``volume_participation`` is a fraction of each bar's volume, 0 for off. ``max_stale_bars`` is how many
    intervals a forward-filled price stays usable. ``same_close`` fills at the deciding close.
    """

    max_stale_bars: int = 5
    path_policy: PathPolicy = PathPolicy.NEAR_FIRST
    limit_fill: LimitFill = LimitFill.THROUGH
    volume_participation: float = 0.0
    latency_ns: int = 0
    same_close: bool = False


@dataclass(frozen=True, kw_only=True)
class Setup:
    """
    One run, ready to go.

    ``params`` is a record of the strategy's ``Params``; ``instruments`` an array of ``Instrument``, one per
    symbol (None: no grids). ``initial_positions`` maps symbols to base quantities held at the start;
    ``benchmarks`` names what is run beside (see ``run.BENCHMARKS``).
    """

    frames: FrameSource
    strategy: Strategy
    params: Any
    initial_capital: float = 10_000.0
    costs: Costs = field(default_factory=Costs)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    instruments: Any = None
    initial_positions: Mapping[str, float] = field(default_factory=dict)
    risk_free_rate: float = 0.0
    benchmarks: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    config_hash: str = ""

    @property
    def n_symbols(self) -> int:
        """Number of configured symbols."""
        return len(self.frames.symbols)

    def grids(self) -> Any:
        """Return the instruments, gridless where none were given."""
        return no_grids(self.n_symbols) if self.instruments is None else self.instruments


def first_close(setup: Setup, symbol: str) -> float:
    """Return the first close of a symbol in the run's frames."""
    closes = setup.frames.records["close"][:, list(setup.frames.symbols).index(symbol)]
    return float(closes[np.argmin(np.isnan(closes))])


def setup_from_config(config: Config, frames: FrameSource) -> Setup:
    """
    Return the run that a configuration describes, over bars that have been read for it.

    Raises ``ConfigError`` where the strategy or an instrument refuses its settings.
    """
    strategy = strategy_of(config)
    account, execution = config.account, config.execution
    has_grids = config.instruments != type(config.instruments)() or execution.lot_step or execution.tick_size
    return Setup(
        frames=frames,
        strategy=strategy,
        params=strategy.params(config.strategy.settings, config.n_symbols),
        initial_capital=account.initial_capital,
        costs=Costs(
            maker_fee_rate=account.maker_fee_rate or 0.0,
            taker_fee_rate=account.taker_fee_rate or 0.0,
            slippage_bps=execution.slippage_bps,
        ),
        execution=ExecutionSettings(
            max_stale_bars=execution.max_stale_bars,
            path_policy=PathPolicy[execution.path.upper()],
            limit_fill=LimitFill[execution.limit_fill.upper()],
            volume_participation=execution.volume_participation,
            latency_ns=execution.latency_ns or execution.latency_bars * frames.interval_ns,
            same_close=execution.fill == "same_close",
        ),
        instruments=instruments_of(config) if has_grids else None,
        initial_positions=account.positions,
        risk_free_rate=config.report.risk_free_rate,
        benchmarks=config.report.benchmarks,
        config=config.to_dict(),
        config_hash=config.hash,
    )
