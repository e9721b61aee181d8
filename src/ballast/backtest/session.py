"""
One pass of the engine over the kernel, from its first frame to any other, with all its memory in hand.

A session can stop after any frame, be copied as bytes, and go on; the result does not depend on where it
was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from math import inf
from typing import Any

import numpy as np

from ballast.backtest import batch
from ballast.backtest.loop import (
    GUARDED,
    GUARDED_WITH_LADDER,
    WITH_LADDER,
    WITHOUT_LADDER,
    Rungs,
    call_pointer,
    make_loop,
    no_short_way,
    no_skip,
    python_loop,
    shared_loop,
    specialised_loop,
)
from ballast.backtest.setup import Setup, first_close
from ballast.engine.decide import make_decide, wrap, wrap_quiet
from ballast.engine.state import Engine, new_engine
from ballast.indicators.table import plan
from ballast.kernel.margin_account import set_leverage
from ballast.kernel.venue import Venue, new_venue, state_bytes
from ballast.model.addresses import address
from ballast.model.compiled import INTERPRETED
from ballast.model.enums import AccountKind, Cause, Reason
from ballast.model.errors import ConfigError, DataError, InvariantBroken
from ballast.model.intents import INTENT_CAPACITY, Intent
from ballast.model.market import feed_of
from ballast.risk.settings import Profile
from ballast.strategies.spec import no_preparation


class Session:
    """
    A strategy trading a market, frame by frame.

    Parameters
    ----------
    setup : Setup
    specialised : bool
        Build the strategy into the loop: slower to start, faster to run; for sweeps.
    shared_feature : array, (n_outputs, n_frames), optional
        Indicator outputs computed before, equal to what the engine would compute. A specialised session
        whose strategy declares ``quiet`` then passes over the frames at which nothing happens.
    keeps_curve : bool
        Record equity at every frame, and every fill. Without it final equity, the number of fills and the
        account are all that is sure to be there, and sweeps are much faster.
    """

    def __init__(
        self, setup: Setup, *, specialised: bool = False, shared_feature: Any = None, keeps_curve: bool = True
    ) -> None:
        setup = apply_overrides(setup)
        self.setup = setup
        self.frames = setup.frames.records
        refuse_unwalkable(setup)
        self.feed = feed_of(self.frames, setup.marks, setup.funding, setup.ticks)
        width = self.frames.dtype["close"].shape[0]
        strategy, n_symbols = setup.strategy, setup.n_symbols
        requests = strategy.features(setup.params, n_symbols, setup.frames.interval_ns)
        foreign = [r for r in requests if r.interval_ns not in (0, setup.frames.interval_ns)]
        if foreign:
            raise ConfigError(
                f"strategy '{strategy.name}' asks for an indicator on bars of {foreign[0].interval_ns / 1e9:g} s; "
                f"this version computes indicators on the data's own interval, {setup.frames.interval_ns / 1e9:g} s"
            )
        self.venue = _venue(setup)
        self.engine = new_engine(
            n_symbols,
            len(self.frames),
            plan(requests),
            shared_feature=shared_feature,
            width=width,
            keeps_curve=keeps_curve,
            n_tiers=self.venue.tiers.shape[0],
            has_ticks=setup.ticks is not None,
            n_conversions=self.venue.conversions.shape[0],
            risk=setup.risk,
            guards=setup.guards,
        )
        _open_account(setup, self.venue, self.engine)
        # Arrays of one: a record keeps its bytes alive only through its array.
        makers = width if strategy.makes_market(setup.params) else 0
        self._state = strategy.state_type.array(1, symbols=width, legs=2 * width, makers=makers)
        self._params = np.array([setup.params], dtype=setup.params.dtype).view(np.recarray)
        self._intents = Intent.array(INTENT_CAPACITY)  # type: ignore[attr-defined]
        strategy.prepare(self.state, self.params, any(setup.initial_positions.values()))
        self._pristine = self._small_memory()
        self._run_cells: Callable[..., int] | None = None
        self._rungs = _rungs(setup)
        self._has_all_features = shared_feature is not None
        self._is_specialised = specialised and strategy.is_compiled and not INTERPRETED

    @property
    def state(self) -> Any:
        """The strategy's own memory."""
        return self._state[0]

    @property
    def params(self) -> Any:
        """The strategy's settings."""
        return self._params[0]

    @property
    def has_ladder(self) -> bool:
        """Whether the risk ladder is on."""
        return self._rungs is WITH_LADDER or self._rungs is GUARDED_WITH_LADDER

    @property
    def runs_batches(self) -> bool:
        """Whether :meth:`final_figures` works here: a compiled strategy, built in, no curve, nothing to guard."""
        return self._is_specialised and self._is_plain and len(self.engine.equity) == 0

    @property
    def _is_plain(self) -> bool:
        """Whether nothing has to be looked at while the strategy is quiet: bars, spot, no ladder, no guards."""
        is_spot = self.setup.account_kind == AccountKind.SPOT
        return is_spot and self._rungs is WITHOUT_LADDER and self.setup.ticks is None

    @property
    def final_equity(self) -> float:
        """Equity after the last frame that was run."""
        return float(self.engine.strategy_view.equity)

    def run(self, stop: int | None = None, progress: Callable[[float], None] | None = None) -> None:
        """
        Run until frame ``stop`` (exclusive; None: to the end).

        Raises
        ------
        InvariantBroken
            When the strategy answers its own orders for ever inside one bar.
        """
        end = len(self.frames) if stop is None else stop
        step = end if progress is None else max(1, end // 50)
        for boundary in [*range(step, end, step), end]:
            self._finish(partial(self._run, boundary))
            if progress is not None:
                progress(boundary / end)

    def _finish(self, go_on: Callable[[], int]) -> None:
        """Call ``go_on`` until it has reached its end, with longer logs each time they were full."""
        while (code := go_on()) == Cause.FULL:
            self._grow()
        if code == Cause.RUNAWAY:
            raise InvariantBroken(
                f"strategy '{self.setup.strategy.name}' acts without end inside bar {self.venue.clock.frame}: "
                f"it answers its own orders for ever, or asks for more than {INTENT_CAPACITY:,} things at once"
            )

    def snapshot(self) -> bytes:
        """Return all memory of the run as bytes: equal bytes, equal futures."""
        parts = [state_bytes(self.venue), *(np.asarray(part).tobytes() for part in self.engine)]
        return b"".join([*parts, self._state.tobytes()])

    def reset(self, setup: Setup) -> None:
        """
        Go back to before the first frame, for a setup that differs in the strategy's settings only.

        The indicators stay laid out as they are, so those settings must ask for the same ones. Logs and
        tables are not cleared, only their counts: what lies beyond them is never read.
        """
        self.setup = apply_overrides(setup)
        for part, saved in zip(self._small_parts(), self._pristine, strict=True):
            part[...] = saved
        self._prepare(setup)

    def _prepare(self, setup: Setup) -> None:
        """Take on a setup's settings, and let the strategy make its memory ready for them."""
        self._params[0] = setup.params
        self._state[...] = self._pristine[-1]
        setup.strategy.prepare(self.state, self.params, any(setup.initial_positions.values()))

    def final_figures(self, setups: Sequence[Setup]) -> Any:
        """
        Run setups that differ in the strategy's settings only, and return (n_setups, 3): see ``batch.FIGURES``.

        For sessions that run batches; each row equals what ``reset`` and ``run`` give.
        """
        parts = [*self._small_parts(), self._params]
        sizes = [part.nbytes for part in parts]
        offsets = np.cumsum([0, *sizes])
        pieces = np.stack([[address(part) for part in parts], offsets[:-1], sizes], axis=1)
        state_at, params_at, end = offsets[-3:]
        memory = np.empty((len(setups), end), np.uint8)
        self.reset(setups[0])
        memory[:] = np.frombuffer(b"".join(part.tobytes() for part in parts), np.uint8)
        settings = b"".join(setup.params.tobytes() for setup in setups)
        memory[:, params_at:] = np.frombuffer(settings, np.uint8).reshape(len(setups), -1)
        if setups[0].strategy.prepare is not no_preparation:
            for row, setup in zip(memory, setups, strict=True):
                self._prepare(setup)
                row[state_at:params_at] = np.frombuffer(self._state, np.uint8)
        finals = np.empty((len(setups), len(batch.FIGURES)))
        stretch = max(1, batch.STRETCH_BYTES // self.frames.itemsize)
        tables = (address(memory), memory.strides[0], pieces, finals, np.zeros(2, np.int64), stretch)
        if self._run_cells is None:
            self._run_cells = self._specialised(batch.make_batch, tables)
        self._finish(partial(self._run_cells, len(self.frames), *tables))
        return finals

    def _small_parts(self) -> list[Any]:
        """Return views of the memory that counts and positions live in: all but tables and logs."""
        venue, engine = np.asarray(self.venue), self.engine
        names = ("clock", "markets", "accounts", "positions", "guards", "conversions", "quotes", "flows")
        parts = [venue[name] for name in names]
        records = (
            *(engine.strategy_view, engine.ladder, engine.log, engine.feature_states, engine.feature_ring),
            engine.guarding,
        )
        return [*parts, *(np.asarray(record) for record in records), np.asarray(self._state)]

    def _small_memory(self) -> list[Any]:
        return [part.copy() for part in self._small_parts()]

    @cached_property
    def _run(self) -> Callable[[int], int]:
        strategy = self.setup.strategy
        if not (strategy.is_compiled or INTERPRETED):
            return self._python
        if self._is_specialised:
            return self._specialised(None, ())
        addresses = (address(self._state), address(self._params), address(self._intents))
        view_dtype = self.engine.strategy_view.dtype
        decide = make_decide(strategy.decide, self.frames.dtype, view_dtype, self.state, self.params, self._intents)
        if INTERPRETED:
            plain = make_loop(call_pointer, no_skip, no_short_way, self._rungs)
            return lambda stop: self._interpret(plain, decide, stop)
        loop = shared_loop((self.venue, self.engine, self.feed, self._intents, *addresses, 0), self._rungs)
        return lambda stop: loop(decide, self.venue, self.engine, self.feed, self._intents, *addresses, stop)

    def _specialised(self, finish: Any, more: tuple[Any, ...]) -> Callable[..., int]:
        """Return the specialised loop, or what ``finish`` makes of it, waiting for ``stop`` and arguments ``more``."""
        strategy = self.setup.strategy
        addresses = (address(self._state), address(self._params), address(self._intents))
        arguments = (self.venue, self.engine, self.feed, self._intents, *addresses, 0, *more)
        dtypes = (self._state.dtype, self._params.dtype)
        skips = self._is_plain and strategy.quiet is not None and self._has_all_features
        quiet_at = wrap_quiet(strategy.quiet, *dtypes) if skips else None
        key = (strategy.decide, skips, *map(str, dtypes))
        decide_at = wrap(strategy.decide, *dtypes)
        run = specialised_loop(
            decide_at,
            quiet_at,
            key,
            arguments,
            self._rungs,
            acts_on_bars_only=strategy.acts_on_bars_only,
            finish=finish,
        )
        return lambda stop, *rest: run(0, self.venue, self.engine, self.feed, self._intents, *addresses, stop, *rest)

    def _interpret(self, loop: Any, decide: Any, stop: int) -> int:
        # Compiled code divides by zero in silence, as IEEE 754 says; let the interpreter do the same.
        with np.errstate(all="ignore"):
            return int(loop(decide, self.venue, self.engine, self.feed, self._intents, 0, 0, 0, stop))

    def _python(self, stop: int) -> int:
        memory = (self.venue, self.engine, self.feed, self._intents, self.state, self.params)
        return python_loop(self.setup.strategy.decide, *memory, stop, self._rungs)

    def _grow(self) -> None:
        engine = self.engine
        if engine.log.n_fills >= len(engine.fills):
            self.engine = engine._replace(fills=_doubled(engine.fills))
        elif engine.log.n_moves + 1 >= len(engine.moves):
            self.engine = engine._replace(moves=_doubled(engine.moves))
        else:
            self.engine = engine._replace(notes=_doubled(engine.notes))


def apply_overrides(setup: Setup) -> Setup:
    """Return the setup with what the strategy itself fixes about fills."""
    overrides = dict(setup.strategy.execution_overrides(setup.params))
    if not overrides:
        return setup
    slippage_bps = overrides.pop("slippage_bps", setup.costs.slippage_bps)
    return replace(
        setup, costs=replace(setup.costs, slippage_bps=slippage_bps), execution=replace(setup.execution, **overrides)
    )


def refuse_unwalkable(setup: Setup) -> None:
    """
    Refuse ticks that the frames are not the bars of, and settings that make no sense on ticks.

    Raises ``ConfigError`` for an account that has funding or marks of its own, or fills at the deciding close,
    ``DataError`` for ticks out of order or without a bar.
    """
    if setup.ticks is None:
        return
    if setup.has_margin and setup.account_kind != AccountKind.FX_MARGIN:
        kind = setup.account_kind.name.lower()
        raise ConfigError(f'account.kind = "{kind}": ticks are walked for spot and fx_margin accounts only; give bars')
    if setup.execution.same_close:
        raise ConfigError('execution.fill = "same_close": ticks come after every close; leave it out')
    times, symbols = setup.ticks["ts_ns"], setup.ticks["symbol"]
    is_late = times[1:] < times[:-1]
    if np.any(is_late):
        raise DataError(f"ticks: row {int(np.argmax(is_late)) + 1} is before the one above it; sort them")
    frame = np.searchsorted(setup.frames.records["ts_ns"], times, "right") - 1
    opens, closes = setup.frames.records["ts_ns"][frame], setup.frames.records["close"]
    is_astray = (frame < 0) | (times >= opens + setup.frames.interval_ns)
    is_astray |= np.isnan(closes[frame, np.minimum(symbols, closes.shape[1] - 1)])
    if np.any(is_astray):
        row = int(np.argmax(is_astray))
        raise DataError(f"ticks: row {row} lies in no bar of its symbol; build the bars from the ticks")


def _rungs(setup: Setup) -> Rungs:
    """
    Return the part of ladder and guards.

    There is no ladder without one, nor on accounts without margin whose settings name no breaker.
    """
    risk = setup.risk
    has_ladder = False
    if setup.profile != Profile.OFF:
        has_breakers = max(risk.daily_loss_limit, risk.drawdown_limit, risk.max_account_drawdown) > 0.0
        has_ladder = bool(has_breakers or setup.has_margin)
    if setup.guards is None:
        return WITH_LADDER if has_ladder else WITHOUT_LADDER
    return GUARDED_WITH_LADDER if has_ladder else GUARDED


def _venue(setup: Setup) -> Any:
    width = setup.frames.records.dtype["close"].shape[0]
    venue = new_venue(
        setup.n_symbols,
        setup.grids(),
        interval_ns=setup.frames.interval_ns,
        width=width,
        tiers=setup.tiers,
        has_ticks=setup.ticks is not None,
        conversions=setup.conversions,
    )
    told = setup.strategy.tick_causes if setup.strategy.makes_market(setup.params) else ()
    venue.clock.tells_quotes = Cause.QUOTE in told
    venue.clock.tells_trades = Cause.TRADE in told
    execution = venue.execution
    execution.slippage_rate = setup.costs.slippage_bps / 10_000.0
    execution.participation = setup.execution.volume_participation or inf
    execution.latency_ns = setup.execution.latency_ns
    execution.path_policy = setup.execution.path_policy
    execution.limit_fill = setup.execution.limit_fill
    execution.same_close = setup.execution.same_close
    execution.queue_ahead_trades = setup.execution.queue_ahead_trades
    return venue


def _open_account(setup: Setup, venue: Venue, engine: Engine) -> None:
    """Give venue and view the same account and instruments."""
    view, account = engine.strategy_view, venue.accounts[0]
    account.cash = view.cash = view.equity = view.initial_capital = setup.initial_capital
    account.maker_fee_rate = view.maker_fee_rate = setup.costs.maker_fee_rate
    account.taker_fee_rate = view.taker_fee_rate = setup.costs.taker_fee_rate
    view.slippage_rate = venue.execution.slippage_rate
    view.latency_ns = setup.execution.latency_ns
    view.max_stale_bars = setup.execution.max_stale_bars
    view.interval_ns = setup.frames.interval_ns
    if setup.risk is not None:
        view.panic_tp_policy = setup.risk.panic_tp_policy
    if setup.has_margin:
        _open_margin(setup, venue, view)
    for symbol, instrument in enumerate(setup.grids()):
        for name in ("lot_units", "lot_scale", "tick_units", "tick_scale", "min_qty", "max_qty", "min_notional"):
            getattr(view, name)[symbol] = instrument[name]
    for name, qty in setup.initial_positions.items():
        leg = 2 * list(setup.frames.symbols).index(name)
        view.position_qty[leg] = venue.positions[leg].qty = qty
        # What it once cost is not known: profit counts from the run's first price on.
        view.entry_price[leg] = venue.positions[leg].entry_price = first_close(setup, name)


def _open_margin(setup: Setup, venue: Venue, view: Any) -> None:
    """Give venue and view the same kind of margin account, leverage and tiers."""
    if setup.tiers is None:
        raise ConfigError("a margin account needs risk tiers and none were given; name them with account.tiers")
    for holder in (venue.accounts[0], view):
        holder.position_mode = setup.position_mode
        holder.margin_model = setup.margin_model
    venue.accounts[0].kind = view.account_kind = setup.account_kind
    for symbol, leverage in enumerate(setup.leverage):
        if set_leverage(venue, 0, symbol, leverage) != Reason.NONE:
            raise ConfigError(
                f"leverage of {setup.frames.symbols[symbol]} = {leverage:g}: it must be from 1 to "
                f"{venue.tiers[venue.markets[symbol].first_tier].max_leverage:g}, what the first risk tier allows"
            )
        view.leverage[symbol] = leverage
    view.tiers[...] = venue.tiers
    view.conversions[...] = venue.conversions
    view.first_tier[...] = venue.markets["first_tier"]
    view.end_tier[...] = venue.markets["end_tier"]
    view.available = view.equity


def _doubled(log: Any) -> Any:
    grown = np.zeros(2 * len(log), log.dtype).view(type(log))
    grown[: len(log)] = log
    return grown
