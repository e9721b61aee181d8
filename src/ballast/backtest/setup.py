"""Everything that one run needs, without I/O: data, strategy, account and how orders fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ballast.config import Config, params_of, strategy_of
from ballast.config.account import refuse_leverage_above_tiers
from ballast.config.fx import fx_conversions
from ballast.config.guards import CalendarSource, guard_sentences, guards_of
from ballast.config.instruments import instruments_of
from ballast.config.operator_sections import LoggingSection
from ballast.config.risk import risk_settings_of
from ballast.engine.guarding import Guards
from ballast.model.enums import MARGIN_KINDS, AccountKind, LimitFill, MarginModel, PathPolicy, PositionMode
from ballast.model.errors import ConfigError
from ballast.model.instrument import instruments as no_grids
from ballast.risk.settings import Profile
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
    def rows_superseded(self) -> int:
        """How many gave way to a later row of the same time and symbol."""

    @property
    def rows_widened(self) -> int:
        """How many had a high or low that did not enclose open and close."""

    @property
    def data_hash(self) -> str:
        """SHA-256 of what the run reads."""


class ContractSource(Protocol):
    """What perpetuals have beside bars; see ``data.contracts.Contracts``."""

    @property
    def funding(self) -> Any:
        """Array of ``FundingStamp``, ascending in time."""

    @property
    def tiers(self) -> Any:
        """Array of ``Tier``, ascending by symbol and then bound."""

    @property
    def tiers_source(self) -> str:
        """Where the tiers come from, in words."""

    @property
    def assumptions(self) -> Sequence[str]:
        """What is taken for granted where something is missing."""


class MarketSource(FrameSource, Protocol):
    """All that has been read for a configuration."""

    @property
    def marks(self) -> Any:
        """Array of ``MarkBar`` as long as the frames, or None."""

    @property
    def news(self) -> CalendarSource | None:
        """The economic calendar; None unless the configuration names one."""

    @property
    def contracts(self) -> ContractSource:
        """Funding and tiers; empty for accounts without margin."""

    @property
    def ticks(self) -> Any:
        """Array of ``Tick`` that the frames were made of, or None."""


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
    ``queue_ahead_trades`` is the size assumed in front of a resting order on ticks that show none, in mean trades.
    """

    max_stale_bars: int = 5
    path_policy: PathPolicy = PathPolicy.NEAR_FIRST
    limit_fill: LimitFill = LimitFill.THROUGH
    volume_participation: float = 0.0
    latency_ns: int = 0
    same_close: bool = False
    queue_ahead_trades: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """
    One run, ready to go.

    ``params`` is a record of the strategy's ``Params``; ``instruments`` an array of ``Instrument``, one per
    symbol (None: no grids). ``initial_positions`` maps symbols to base quantities held at the start;
    ``benchmarks`` names what is run beside (see ``run.BENCHMARKS``).

    On margin accounts ``leverage`` has an entry per symbol; ``tiers`` is an array of ``Tier``, ``marks`` of
    ``MarkBar``, ``funding`` of ``FundingStamp`` and ``conversions`` of ``Conversion``, each None where there is none.
    ``ticks`` is an array of ``Tick`` of which the frames are the bars, None where bars are all there is. ``risk`` is a
    ``RiskSettings`` record (None: no ladder), ``guards`` the filters and elastic stops (None: none).
    ``data_assumptions`` are sentences about what the data lacks. ``logging`` None writes no logs; its relative paths
    start at ``directory``.
    """

    frames: FrameSource
    strategy: Strategy
    params: Any
    initial_capital: float = 10_000.0
    costs: Costs = field(default_factory=Costs)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    instruments: Any = None
    initial_positions: Mapping[str, float] = field(default_factory=dict)
    account_kind: AccountKind = AccountKind.SPOT
    position_mode: PositionMode = PositionMode.ONE_WAY
    margin_model: MarginModel = MarginModel.BYBIT_UNIFIED
    leverage: Sequence[float] = ()
    tiers: Any = None
    tiers_source: str = ""
    marks: Any = None
    funding: Any = None
    ticks: Any = None
    conversions: Any = None
    risk: Any = None
    guards: Guards | None = None
    logging: LoggingSection | None = None
    directory: Path = Path()
    data_assumptions: Sequence[str] = ()
    risk_free_rate: float = 0.0
    benchmarks: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    config_hash: str = ""

    @property
    def n_symbols(self) -> int:
        """Number of configured symbols."""
        return len(self.frames.symbols)

    @property
    def has_margin(self) -> bool:
        """Whether the account has margin."""
        return self.account_kind in MARGIN_KINDS

    @property
    def profile(self) -> Profile:
        """Which ladder the run asks for; OFF without one."""
        return Profile.OFF if self.risk is None else Profile(int(self.risk.profile))

    def grids(self) -> Any:
        """Return the instruments, gridless where none were given."""
        return no_grids(self.n_symbols) if self.instruments is None else self.instruments


def first_close(setup: Setup, symbol: str) -> float:
    """Return the first close of a symbol in the run's frames."""
    closes = setup.frames.records["close"][:, list(setup.frames.symbols).index(symbol)]
    return float(closes[np.argmin(np.isnan(closes))])


def setup_from_config(config: Config, frames: MarketSource) -> Setup:
    """
    Return the run that a configuration describes, over what has been read for it.

    Raises ``ConfigError`` where the strategy or an instrument refuses its settings, leverage is above what a
    symbol's tiers allow, or a tick above all prices of its symbol.
    """
    strategy = strategy_of(config)
    account, execution = config.account, config.execution
    latency_ns = execution.latency_ns or execution.latency_bars * frames.interval_ns
    timing = {"interval_ns": frames.interval_ns, "latency_ns": latency_ns}
    has_grids = (
        account.is_fx or config.instruments != type(config.instruments)() or execution.lot_step or execution.tick_size
    )
    instruments = instruments_of(config) if has_grids else None
    _refuse_ticks_above_prices(frames, instruments)
    return Setup(
        frames=frames,
        strategy=strategy,
        params=params_of(config),
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
            latency_ns=latency_ns,
            same_close=execution.fill == "same_close",
            queue_ahead_trades=execution.queue_ahead_trades,
        ),
        ticks=frames.ticks,
        instruments=instruments,
        initial_positions=account.positions,
        risk=risk_settings_of(config),
        guards=guards_of(config, frames.news, **timing),
        logging=config.logging,
        directory=config.directory,
        risk_free_rate=config.report.risk_free_rate,
        benchmarks=config.report.benchmarks,
        config=config.to_dict(),
        config_hash=config.hash,
        data_assumptions=(
            *_contract_sentences(config, frames),
            *guard_sentences(config, frames.news, **timing),
        ),
        **_margin(config, frames),
    )


def _refuse_ticks_above_prices(frames: MarketSource, instruments: Any) -> None:
    """Raise ``ConfigError`` for a symbol whose every price is less than one of its ticks, as if it were another's."""
    for number, symbol in enumerate(frames.symbols if instruments is not None else ()):
        tick = instruments[number]["tick_units"] / instruments[number]["tick_scale"]
        if tick > 0.0 and (highest := float(np.nanmax(frames.records["close"][:, number]))) < tick:
            raise ConfigError(
                f"instruments.{symbol}.tick = {tick:g}: its prices reach only {highest:g}; set this symbol's own step"
            )


def _contract_sentences(config: Config, frames: MarketSource) -> Sequence[str]:
    if not config.account.is_margin:
        return ()
    if config.account.is_fx:
        return frames.contracts.assumptions
    return (f"Risk tiers: {frames.contracts.tiers_source}.", *frames.contracts.assumptions)


def _margin(config: Config, frames: MarketSource) -> dict[str, Any]:
    """Return the fields of ``Setup`` that only margin accounts have."""
    account, contracts = config.account, frames.contracts
    if not account.is_margin:
        return {}
    assert account.mode is not None
    common = {
        "account_kind": AccountKind[account.kind.upper()],
        "position_mode": PositionMode[account.mode.upper()],
        "leverage": config.leverages,
        "tiers": contracts.tiers,
    }
    if account.is_fx:
        return common | {
            "margin_model": MarginModel.FX,
            "conversions": fx_conversions(config),
        }
    refuse_leverage_above_tiers(config, contracts.tiers, contracts.tiers_source)
    assert account.margin_model is not None
    return common | {
        "margin_model": MarginModel[account.margin_model.upper()],
        "tiers_source": contracts.tiers_source,
        "marks": frames.marks,
        "funding": contracts.funding,
    }
