"""A backtest: one pass for the figures, two more for the bars that left their order open, and the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ballast import __version__
from ballast.backtest.forward_fill import forward_filled
from ballast.backtest.margin_result import margin_result_of
from ballast.backtest.metrics import FloatArray, IntArray
from ballast.backtest.notes import alarms_of, locks_of, notes_of, refusals_of, signals_of, story_of
from ballast.backtest.preflight import refuse_frozen_start
from ballast.backtest.quotes import QuoteFigures, middles_of_bars, middles_of_ticks, quote_figures
from ballast.backtest.resting_exits import RestingExits, run_watched
from ballast.backtest.result import Result
from ballast.backtest.session import Session, apply_overrides
from ballast.backtest.setup import ExecutionSettings, Setup, first_close
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import AccountKind, EngineRole, NoteKind, PathPolicy, TickKind
from ballast.model.errors import ConfigError, nearest
from ballast.risk.settings import Profile
from ballast.risk.verdicts import NAMES
from ballast.strategies import registry

BENCHMARKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "equal_weight": ("equal_weight", {"rebalance": "never"}),
    "monthly": ("equal_weight", {"rebalance": "monthly"}),
}
"""What may stand beside a result: name to strategy and settings, run with the same data, costs and fills."""

FILL_FIELDS = [
    ("ts_ms", "i8"),
    ("symbol", "i8"),
    ("side", "i8"),
    ("position_side", "i8"),
    ("qty", "f8"),
    ("price", "f8"),
    ("fee", "f8"),
    ("slippage", "f8"),
    ("is_maker", "?"),
    ("reason", "i8"),
    ("cycle", "i8"),
    ("frame", "i8"),
    ("quote_rate", "f8"),
]
FILL_FIELDS_AS_LOGGED = [name for name, _ in FILL_FIELDS if name not in {"ts_ms", "reason"}]


def run(
    setup: Setup,
    *,
    with_policies: bool = True,
    with_exits: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """
    Run a backtest and return its result.

    Parameters
    ----------
    setup : Setup
    with_policies : bool
        When a bar was ambiguous, run twice more with every such bar resolved for, and against, the
        position. Off in sweeps.
    with_exits : bool
        On margin accounts, look at the resting take-profits on the way, for the report; it takes a moment.
    progress : callable, optional
        Called with the fraction done, in (0, 1], of the main pass.

    Notes
    -----
    Where the setup asks for logs, those of the main pass are written when it has ended.
    """
    refuse_frozen_start(setup)
    session = Session(setup)
    exits = None
    if setup.has_margin and with_exits:
        exits = run_watched(session, progress)
    else:
        session.run(progress=progress)
    best = worst = None
    n_ambiguous = int(session.venue.clock.n_ambiguous)
    if with_policies and n_ambiguous:
        best = _final_equity(_with_path(setup, PathPolicy.BEST))
        worst = _final_equity(_with_path(setup, PathPolicy.WORST))
    n_lost = _write_logs(session)
    result = result_of(
        session, exits=exits, best_final_equity=best, worst_final_equity=worst, benchmarks=_benchmarks(setup)
    )
    if not n_lost:
        return result
    lost = f"{n_lost:,} lines of the logs could not be written; check the directories of [logging]."
    return replace(result, assumptions=[*result.assumptions, lost])


def _write_logs(session: Session) -> int:
    """Write the logs that the setup asks for; return how many lines were lost."""
    section, directory = session.setup.logging, session.setup.directory
    if section is None:
        return 0
    from ballast.backtest.logs import write_logs
    from ballast.logs.operator_log import open_log

    return write_logs(session, lambda clock: open_log(section, directory, clock))


def _with_path(setup: Setup, policy: PathPolicy) -> Setup:
    return replace(setup, execution=replace(setup.execution, path_policy=policy))


def _final_equity(setup: Setup) -> float:
    session = Session(setup)
    session.run()
    return float(session.engine.equity[-1])


def _benchmarks(setup: Setup) -> dict[str, Any]:
    curves = {}
    # Cash and coins of several currencies cannot be levelled against each other without margin.
    for name in setup.benchmarks if setup.conversions is None else ():
        if name not in BENCHMARKS:
            raise ConfigError(f"report.benchmarks: no benchmark '{name}'{nearest(name, BENCHMARKS)}")
        strategy_name, values = BENCHMARKS[name]
        strategy = registry.load(strategy_name)
        params = strategy.params(values, setup.n_symbols)
        # Held and levelled with cash, also beside a margin account; all that the run begins with is cash here.
        spot = replace(
            setup,
            account_kind=AccountKind.SPOT,
            initial_capital=starting_value(setup),
            initial_positions={},
            tiers=None,
            marks=None,
            funding=None,
            ticks=None,
            risk=None,
            guards=None,
        )
        session = Session(replace(spot, strategy=strategy, params=params))
        session.run()
        curves[name] = session.engine.equity
    return curves


def result_of(
    session: Session, *, timeline: Timeline | None = None, exits: RestingExits | None = None, **details: Any
) -> Result:
    """
    Return the result of a finished session.

    ``timeline`` is that of its frames, if it is already at hand, ``exits`` what rested on a margin account if somebody
    looked; ``details`` are fields of ``Result`` that one pass alone does not know.
    """
    setup, engine = session.setup, session.engine
    frames = setup.frames
    reasons = reason_names(setup.strategy.reasons)
    fills = fills_table(engine, reasons)
    outcome = dict(setup.strategy.outcome(session.state))
    placed = outcome.pop(QUOTES_PLACED, 0)
    return Result(
        strategy=setup.strategy.name,
        symbols=list(frames.symbols),
        interval_ns=frames.interval_ns,
        initial_capital=starting_value(setup),
        ts_ms=timeline.ts_ms if timeline else _ts_ms(setup),
        equity=engine.equity,
        fills=fills,
        reasons=reasons,
        initial_qty=[setup.initial_positions.get(symbol, 0.0) for symbol in frames.symbols],
        closes=timeline.closes if timeline else lambda: _closes(setup),
        risk_free_rate=setup.risk_free_rate,
        rejects=reject_counts(engine),
        signals=signals_of(session),
        refusals=refusals_of(session),
        alarms=alarms_of(session),
        locks=locks_of(session),
        rows_skipped=frames.rows_skipped,
        rows_superseded=frames.rows_superseded,
        rows_widened=frames.rows_widened,
        assumptions=assumptions(setup),
        tiers_source=setup.tiers_source,
        margin=margin_result_of(session, reasons, fills, outcome, exits) if setup.has_margin else None,
        quotes=_quotes(setup, fills, placed),
        breaches=breaches(session),
        ambiguous_fills=int(session.venue.clock.n_ambiguous),
        config=setup.config,
        config_hash=setup.config_hash,
        data_hash=frames.data_hash,
        code_version=__version__,
        story=story_of(session),
        maker_reasons=setup.strategy.maker_reasons,
        rebalances="n_events" in outcome,
        **_event_counts(outcome),
        counts={name: count for name, count in outcome.items() if name not in EVENT_COUNTS and name not in reasons},
        **details,
    )


QUOTES_PLACED = "quotes_placed"
"""Under which name a strategy that quotes counts the orders that it sent."""


def _quotes(setup: Setup, fills: Any, placed: int) -> QuoteFigures | None:
    """Return what the strategy's quotes did, None where it has none."""
    reasons, frames = setup.strategy.quote_reasons, setup.frames
    if not (reasons and setup.strategy.makes_market(setup.params)):
        return None
    symbols = range(setup.n_symbols)
    if setup.ticks is None:
        middles = [middles_of_bars(frames.records, symbol, frames.interval_ns) for symbol in symbols]
    else:
        middles = [middles_of_ticks(setup.ticks, symbol) for symbol in symbols]
    return quote_figures(fills, reasons, placed, middles)


EVENT_COUNTS = ("n_events", "upside_events", "downside_events")
"""What every result counts, whatever the strategy."""


def _event_counts(outcome: Mapping[str, int]) -> dict[str, Any]:
    return {name: outcome[name] for name in EVENT_COUNTS if name in outcome}


def starting_value(setup: Setup) -> float:
    """Return what the run began with: cash, and holdings at the first close of their symbols."""
    total = setup.initial_capital
    for symbol, qty in setup.initial_positions.items():
        total += qty * first_close(setup, symbol)
    return total


def reason_names(reasons: Mapping[int, str]) -> list[str]:
    """Return names by number: the strategy's reasons, then the roles of orders that no strategy placed."""
    names = [reasons.get(number, "") for number in range(max(reasons, default=0) + 1)]
    return [*names, *(role.name.lower() for role in EngineRole)]


def fills_table(engine: Any, names: Sequence[str]) -> Any:
    """Return the fills of a run as the table that results and reports read; ``reason`` counts in ``names``."""
    log = engine.fills[: int(engine.log.n_fills)]
    table = np.zeros(len(log), FILL_FIELDS)
    table["ts_ms"] = log["time_ns"] // MILLISECOND_NS
    # What the engine does for the account has its role for a reason.
    first_role = len(names) - len(EngineRole)
    is_own = log["role"] >= EngineRole.BALANCE
    table["reason"] = np.where(is_own, first_role + log["role"] - EngineRole.BALANCE, log["order_reason"])
    for name in FILL_FIELDS_AS_LOGGED:
        table[name] = log[name]
    return table


def reject_counts(engine: Any) -> dict[str, int]:
    """Return how often each reason kept an order from filling, by name."""
    counts = engine.log.rejects
    return {name: int(counts[number]) for number, name in NAMES.items() if counts[number]}


def breaches(session: Session) -> list[dict[str, object]]:
    """Return the moments at which an asset passed above its cap, from the strategy's notes of that name."""
    reasons = session.setup.strategy.reasons
    notes = notes_of(session)
    symbols = session.setup.frames.symbols
    return [
        {
            "ts": int(note["time_ns"]) // MILLISECOND_NS,
            "symbol": symbols[int(note["symbol"])],
            "weight": float(note["value"]),
        }
        for note in notes
        if note["kind"] == NoteKind.STRATEGY and reasons.get(int(note["reason"])) == "cap_breach"
    ]


class Timeline(NamedTuple):
    """
    What every run over the same frames shares: each bar's open, UTC ms, (n_frames,), and the last close at or before.

    ``closes`` are (n_frames, n_symbols), NaN before a symbol's first.
    """

    ts_ms: IntArray
    closes: FloatArray


def timeline_of(setup: Setup) -> Timeline:
    """Return the timeline of a setup's frames."""
    return Timeline(_ts_ms(setup), _closes(setup))


def _ts_ms(setup: Setup) -> Any:
    return np.asarray(setup.frames.records["ts_ns"]) // MILLISECOND_NS


def _closes(setup: Setup) -> Any:
    return forward_filled(setup.frames.records["close"][:, : setup.n_symbols])


def assumptions(setup: Setup) -> Sequence[str]:
    """Return in sentences what this run took for granted."""
    setup = apply_overrides(setup)
    execution = setup.execution
    sentences = [
        "Orders decided at a close fill from the next bar on."
        if not execution.same_close
        else "Optimistic: orders fill at the very close that decided them, which nobody can trade.",
        f"A taker pays {setup.costs.slippage_bps:g} bps of price and fees of {setup.costs.taker_fee_rate:g}.",
        *(_on_bars(execution) if setup.ticks is None else _on_ticks(setup)),
        f"A price older than {execution.max_stale_bars} bars makes its symbol untradable.",
        *(setup.strategy.assumptions(setup.ticks is not None) if setup.strategy.makes_market(setup.params) else ()),
    ]
    if setup.execution.latency_ns:
        sentences.append(f"Orders reach the venue {execution.latency_ns / 1e9:g} s after the decision.")
    if setup.has_margin:
        sentences.append(_PROFILES[setup.profile])
    if setup.instruments is None:
        sentences.append("Prices and quantities are not rounded: no instrument data was given.")
    return [*sentences, *setup.data_assumptions]


def _on_bars(execution: ExecutionSettings) -> Sequence[str]:
    return [
        f"Inside a bar the price goes {_PATHS[execution.path_policy]}.",
        "A bar carries as much volume at each of its prices as the orders need."
        if not execution.volume_participation
        else f"Fills in a bar sum to at most {execution.volume_participation:g} of its volume.",
        "Spread, order book depth and guards on them are absent from bars.",
    ]


def _on_ticks(setup: Setup) -> Sequence[str]:
    """Say what is taken for granted where every tick is known."""
    execution, ticks = setup.execution, setup.ticks
    is_quote = ticks["kind"] == TickKind.QUOTE
    sentences = [
        "Inside a bar every recorded tick is walked; an order meets those after its arrival alone.",
        "A resting limit waits behind the size at its price; less shown than was in front moves it up, nothing else.",
        "A taker finds whatever size it wants at the best price."
        if not execution.volume_participation
        else f"A trade or quote gives at most {execution.volume_participation:g} of its size.",
    ]
    if execution.path_policy != PathPolicy.NEAR_FIRST:
        policy = execution.path_policy.name.lower()
        sentences.append(f'execution.path = "{policy}" counts for nothing: ticks say where the price went.')
    if not is_quote.any():
        sentences.append(
            "There are no quotes: the bid is taken to be where somebody last sold, the ask where somebody last bought."
        )
    if not np.isfinite(ticks["ask_qty"][is_quote]).any():
        sentences.append(
            f"No sizes are shown: {execution.queue_ahead_trades:g} mean trades are assumed in front of a resting limit."
        )
    if is_quote.all():
        sentences.append("There are no trades: a resting limit fills only when the other side's quote passes it.")
    return sentences


_PROFILES = {
    Profile.SAFE: "The risk ladder guards the account, profile safe.",
    Profile.DOCUMENTED: "The risk ladder is the documented original with its flaws: for comparison, never for trading.",
    Profile.OFF: "No risk ladder guards the account: for comparison, never for trading.",
}

_PATHS = {
    PathPolicy.NEAR_FIRST: "from the open to the nearer extreme, the other, and the close",
    PathPolicy.HIGH_FIRST: "from the open to the high, the low, and the close",
    PathPolicy.LOW_FIRST: "from the open to the low, the high, and the close",
    PathPolicy.BEST: "the way that favours the position",
    PathPolicy.WORST: "the way that hurts the position",
}
