"""What a run returns: its record, the figures that judge it, and its forms as JSON, text, frames and a plot."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.backtest import metrics as measure
from ballast.backtest.metrics import Events, FloatArray, IntArray, MonthReturn, RecordArray
from ballast.backtest.plain_values import number, plain, rows
from ballast.backtest.result_frames import frame_of, utc
from ballast.backtest.round_trips import RoundTrips, round_trips
from ballast.files.durable import write_whole
from ballast.model.enums import PositionSide, Side

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import polars as pl
    from rich.console import Console

    from ballast.backtest.leg_attribution import LegAttribution
    from ballast.backtest.margin_result import MarginResult
    from ballast.backtest.notes import Story
    from ballast.backtest.quotes import QuoteFigures

_SIDES = {side.value: side.name for side in Side}
_POSITION_SIDES = {side.value: side.name if side else None for side in PositionSide}


@dataclass(frozen=True)
class Metrics:
    """Every figure of a run under its name in the JSON; ``docs/results.md`` defines each."""

    final_equity: float
    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float
    sortino: float | None
    calmar: float | None
    recovery_factor: float | None
    max_drawdown: float
    drawdown_start: int | None
    drawdown_trough: int | None
    drawdown_end: int | None
    longest_drawdown_s: float
    rebalance_win_rate: float | None
    trade_win_rate: float | None
    average_win: float | None
    average_loss: float | None
    profit_factor: float | None
    expectancy: float | None
    turnover: float | None
    exposure: float | None
    fees: float
    slippage_paid: float
    n_events: int
    upside_events: int
    downside_events: int
    n_fills: int
    n_trades: int


@dataclass(frozen=True)
class CurveMetrics:
    """The figures that equity alone gives; all there are for a benchmark."""

    final_equity: float
    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float
    sortino: float | None
    calmar: float | None
    max_drawdown: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """
    The record of one run.

    Parameters
    ----------
    interval_ns : int
        Length of a bar of the timeline.
    ts_ms, equity : array, (n_bars,)
        Open time of each bar (UTC ms); equity at its close, after the fills inside it. At least one bar.
    fills : structured array
        In order of execution: ``ts_ms``, ``symbol`` (index into ``symbols``), ``side`` (+1 buy, -1 sell),
        ``position_side`` (0 one-way, 1 LONG, 2 SHORT), ``qty``, ``price`` (slippage included), ``fee``,
        ``slippage`` (quote currency lost to it, >= 0), ``is_maker``, ``reason`` (index into ``reasons``),
        ``cycle`` (number of the event, 0 for none), ``frame`` (the bar it happened in), ``quote_rate`` (account
        currency for one unit of the symbol's quote currency; 1 where they are the same).
    closes : array, (n_bars, n_symbols), or a function that returns it
        Last close at or before each bar; NaN before a symbol's first. Asked for only when needed.
    initial_qty : sequence of float
        Base quantity of each symbol held before the first bar, empty for none; ``initial_capital`` is then
        cash and holdings together.
    bars_per_session : float, optional
        For markets that trade in sessions; without it a year is 31,536,000 s of bars.
    risk_free_rate : float
        A fraction a year, for Sharpe and Sortino.
    counts : mapping
        What else the strategy counted, by name; each a key of the JSON.
    rejects : mapping
        How often each refusal reason occurred, the venue's among them.
    signals : mapping
        How often the strategy signalled each action.
    refusals : mapping
        How often each reason kept a request from the venue: guards, ladder, the strategy's own rules.
    alarms : mapping
        How often the strategy said that it lacks what it should have.
    locks : sequence of mappings
        Every move of an elastic stop; see ``backtest.notes.locks_of``.
    tiers_source : str
        Which symbols' risk tiers come from where; empty, and not in the JSON, on accounts without margin.
    margin : MarginResult, optional
        The margin account; None, and not in the JSON, on other accounts.
    quotes : QuoteFigures, optional
        What resting quotes did; None, and not in the JSON, for strategies that quote nothing.
    maker_reasons : collection of int
        Reasons of fills by a maker beside the strategy's other trades: they make round trips of their own.
    rebalances : bool
        Whether the strategy counts events.
    story : Story, optional
        What the strategy noted before its orders, for the report; not in the JSON.
    breaches : sequence of mappings
        Limits that were exceeded; the facts of each by name, its time, UTC ms, as ``ts``.
    benchmarks : mapping
        Name to equity, (n_bars,), on the same timeline.
    best_final_equity, worst_final_equity : float, optional
        Final equity with every ambiguous bar resolved for, and against, the position.
    """

    strategy: str
    symbols: Sequence[str]
    interval_ns: int
    initial_capital: float
    ts_ms: IntArray
    equity: FloatArray
    fills: RecordArray
    reasons: Sequence[str]
    closes: FloatArray | Callable[[], FloatArray]
    initial_qty: Sequence[float] = ()
    bars_per_session: float | None = None
    risk_free_rate: float = 0.0
    n_events: int = 0
    upside_events: int = 0
    downside_events: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    signals: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    alarms: Mapping[str, int] = field(default_factory=dict)
    locks: Sequence[Mapping[str, object]] = ()
    rows_skipped: int = 0
    rows_superseded: int = 0
    rows_widened: int = 0
    assumptions: Sequence[str] = ()
    tiers_source: str = ""
    margin: MarginResult | None = None
    quotes: QuoteFigures | None = None
    maker_reasons: Collection[int] = ()
    rebalances: bool = True
    story: Story | None = None
    breaches: Sequence[Mapping[str, object]] = ()
    benchmarks: Mapping[str, FloatArray] = field(default_factory=dict)
    ambiguous_fills: int = 0
    best_final_equity: float | None = None
    worst_final_equity: float | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    config_hash: str = ""
    data_hash: str = ""
    code_version: str = ""

    @cached_property
    def metrics(self) -> Metrics:
        """Every figure of the run, computed once."""
        trips = self.round_trips.closed
        pnl = trips["pnl"]
        curve = self.curve_metrics
        worst = measure.deepest_drawdown(self.drawdowns, self.ts_ms)
        return Metrics(
            **asdict(curve),
            recovery_factor=measure.recovery_factor(curve.total_return, curve.max_drawdown),
            drawdown_start=worst.start_ts_ms if worst else None,
            drawdown_trough=worst.trough_ts_ms if worst else None,
            drawdown_end=worst.end_ts_ms if worst else None,
            longest_drawdown_s=measure.longest_drawdown_s(self.drawdowns, self.ts_ms),
            rebalance_win_rate=self._rebalance_win_rate(),
            trade_win_rate=measure.trade_win_rate(pnl),
            average_win=measure.average_win(pnl),
            average_loss=measure.average_loss(pnl),
            profit_factor=measure.profit_factor(pnl),
            expectancy=measure.expectancy(pnl),
            turnover=measure.turnover(self.fills, self.equity, self.years),
            exposure=measure.exposure(self.gross, self.equity),
            fees=float(np.sum(self.fills["fee"])),
            slippage_paid=float(np.sum(self.fills["slippage"])),
            n_events=self.n_events,
            upside_events=self.upside_events,
            downside_events=self.downside_events,
            n_fills=len(self.fills),
            n_trades=len(trips),
        )

    @cached_property
    def curve_metrics(self) -> CurveMetrics:
        """The figures that the run shares with its benchmarks."""
        return self._curve_metrics(self.equity, self.drawdowns)

    @cached_property
    def drawdowns(self) -> FloatArray:
        """Equity / running peak - 1 at each bar, (n_bars,), each <= 0."""
        return measure.drawdowns(self.equity)

    @cached_property
    def benchmark_metrics(self) -> dict[str, CurveMetrics]:
        """The figures of each benchmark by its name."""
        return {
            name: self._curve_metrics(equity, measure.drawdowns(equity)) for name, equity in self.benchmarks.items()
        }

    @cached_property
    def position_fills(self) -> RecordArray:
        """
        The fills, led by one for each holding that the run began with.

        Such a holding counts as bought, without a fee, at the first close of its symbol.
        """
        held = [(index, qty) for index, qty in enumerate(self.initial_qty) if qty]
        if not held:
            return self.fills
        opening = np.zeros(len(held), self.fills.dtype)
        for row, (symbol, qty) in zip(opening, held, strict=True):
            closes = self.close_prices[:, symbol]
            price = closes[np.argmin(np.isnan(closes))]
            row["ts_ms"], row["symbol"], row["side"] = self.ts_ms[0], symbol, np.sign(qty)
            row["qty"], row["price"], row["quote_rate"] = abs(qty), price, 1.0
        return np.concatenate([opening, self.fills])

    @property
    def round_trips(self) -> RoundTrips:
        """Closed round trips and open lots; without those of a maker beside."""
        return self._books[0]

    @property
    def quote_trips(self) -> RoundTrips:
        """Round trips and open lots of the maker beside other trades; empty without one."""
        return self._books[1]

    @cached_property
    def _books(self) -> tuple[RoundTrips, RoundTrips]:
        is_makers = np.isin(self.position_fills["reason"], list(self.maker_reasons))
        return round_trips(self.position_fills[~is_makers]), round_trips(self.position_fills[is_makers])

    @cached_property
    def legs(self) -> list[LegAttribution]:
        """Where each leg's money came from, on accounts with margin; empty on others."""
        if self.margin is None:
            return []
        from ballast.backtest.leg_attribution import leg_attribution

        return leg_attribution(
            self.position_fills, self.margin.leg_funding, self.marks, self.equity, self.margin.rates()
        )

    @cached_property
    def gross(self) -> FloatArray:
        """Gross position value at each close, (n_bars,): abs(qty) x mark, summed over legs."""
        from ballast.backtest.leg_attribution import gross_value

        fills = self.position_fills
        if not len(fills):
            return np.zeros(len(self.equity))
        rates = self.margin.rates() if self.margin else None
        return gross_value(fills, self.marks if rates is None else self.marks * rates)

    @cached_property
    def marks(self) -> FloatArray:
        """What positions are valued at at each close, (n_bars, n_symbols): the mark; without margin the close."""
        return self.margin.marks() if self.margin else self.close_prices

    @cached_property
    def close_prices(self) -> FloatArray:
        """Last close at or before each bar, (n_bars, n_symbols); NaN before a symbol's first."""
        return self.closes() if callable(self.closes) else self.closes

    @property
    def years(self) -> float:
        """Length of the run in years of 365 days."""
        return measure.years(self.ts_ms)

    @cached_property
    def events(self) -> Events:
        """Holdings before and after each counted event, derived from the fills once."""
        return measure.events_from_fills(self.position_fills, self.ts_ms, len(self.symbols), self.initial_capital)

    @property
    def monthly_returns(self) -> list[MonthReturn]:
        """Return of every calendar month of the run, UTC."""
        return measure.monthly_returns(self.ts_ms, self.equity, self.initial_capital)

    def to_dict(self) -> dict[str, Any]:
        """
        Return the run as plain values: what ``to_json`` writes.

        Times are integers of UTC milliseconds, sides "BUY" and "SELL", what cannot be computed ``None``.
        """
        points = zip(self.ts_ms.tolist(), map(number, self.equity.tolist()), strict=True)
        return {**self._facts(), "equity": [list(point) for point in points]}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """
        Write the run as JSON, the whole file or none of it.

        Raises
        ------
        OutputError
            The file cannot be written; what stood there before still stands.
        """
        import msgspec

        facts = msgspec.json.encode(self._facts())
        write_whole(Path(path), itertools.chain([facts[:-1], b',"equity":['], self._encoded_equity(), [b"]}"]))

    def summary(self) -> str:
        """Return the run in some thirty lines of plain text."""
        from ballast.backtest.summary import summary_text

        return summary_text(self)

    def print(self, console: Console) -> None:
        """Show the run's figures on a terminal."""
        from ballast.backtest.summary import print_summary

        print_summary(self, console)

    def equity_frame(self) -> pl.DataFrame:
        """Return one row per bar: ``ts`` (UTC), equity, gross, drawdown and each benchmark's equity."""
        import polars as pl

        columns: dict[str, object] = {
            "ts": utc(pl.Series(self.ts_ms)),
            "equity": self.equity,
            "gross": self.gross,
            "drawdown": self.drawdowns,
        }
        return pl.DataFrame(columns | {f"benchmark_{name}": equity for name, equity in self.benchmarks.items()})

    def fills_frame(self) -> pl.DataFrame:
        """Return one row per fill, in order of execution, with the columns of the JSON's ``fills``."""
        return frame_of(self._fill_columns())

    def trades_frame(self) -> pl.DataFrame:
        """Return one row per closed round trip, in order of exit, with the columns of the JSON's ``trades``."""
        return frame_of(self._trade_columns())

    def plot_equity(self) -> go.Figure:
        """Return equity and benchmarks with the drawdown beneath, thinned without losing an extreme."""
        from ballast.backtest.charts import equity_figure

        return equity_figure(self)

    def _curve_metrics(self, equity: FloatArray, drawdowns: FloatArray) -> CurveMetrics:
        changes = measure.returns(equity)
        periods = measure.periods_per_year(self.interval_ns, self.bars_per_session)
        gain = measure.total_return(equity, self.initial_capital)
        growth = measure.cagr(gain, self.years)
        depth = measure.max_drawdown(drawdowns)
        return CurveMetrics(
            final_equity=float(equity[-1]),
            total_return=gain,
            cagr=growth,
            volatility=measure.volatility(changes, periods),
            sharpe=measure.sharpe(changes, periods, self.risk_free_rate),
            sortino=measure.sortino(changes, periods, self.risk_free_rate),
            calmar=measure.calmar(growth, depth),
            max_drawdown=depth,
        )

    def _rebalance_win_rate(self) -> float | None:
        return measure.rebalance_win_rate(self.events, self.close_prices) if self.n_events else None

    def _facts(self) -> dict[str, Any]:
        own = self.quote_trips if self.maker_reasons else self.round_trips
        return {
            "strategy": self.strategy,
            "symbols": list(self.symbols),
            "interval_ns": int(self.interval_ns),
            "initial_capital": float(self.initial_capital),
            **{name: number(value) for name, value in asdict(self.metrics).items()},
            **{name: int(count) for name, count in self.counts.items()},
            "rejects": {reason: int(count) for reason, count in self.rejects.items()},
            "signals": dict(self.signals),
            "refusals": dict(self.refusals),
            "alarms": dict(self.alarms),
            "locks": [plain(lock) for lock in self.locks],
            "rows_skipped": int(self.rows_skipped),
            "rows_superseded": int(self.rows_superseded),
            "rows_widened": int(self.rows_widened),
            "assumptions": list(self.assumptions),
            **({"tiers_source": self.tiers_source} if self.tiers_source else {}),
            **({**plain(self.margin.facts()), "legs": self._leg_rows()} if self.margin else {}),
            **({"quotes": plain(asdict(self.quotes) | measure.trip_figures(own.closed))} if self.quotes else {}),
            "breaches": [{key: plain(value) for key, value in breach.items()} for breach in self.breaches],
            "benchmark": {
                name: {key: number(value) for key, value in asdict(figures).items()}
                for name, figures in self.benchmark_metrics.items()
            },
            "monthly_returns": [
                {"year": month.year, "month": month.month, "return": number(month.value)}
                for month in self.monthly_returns
            ],
            "ambiguous_fills": int(self.ambiguous_fills),
            "best_final_equity": number(self.best_final_equity),
            "worst_final_equity": number(self.worst_final_equity),
            "config": plain(self.config),
            "config_hash": self.config_hash,
            "data_hash": self.data_hash,
            "code_version": self.code_version,
            "trades": rows(self._trade_columns()),
            "fills": rows(self._fill_columns()),
        }

    def _leg_rows(self) -> list[dict[str, Any]]:
        return [
            {
                **plain(asdict(leg)),
                "symbol": self.symbols[leg.symbol],
                "position_side": _POSITION_SIDES[leg.position_side],
                "net": leg.net,
            }
            for leg in self.legs
        ]

    def _encoded_equity(self) -> Iterator[bytes]:
        # In pieces: a million boxed pairs at once would be the largest thing that a run keeps in memory.
        import msgspec

        for start in range(0, len(self.ts_ms), 50_000):
            piece = slice(start, start + 50_000)
            pairs = list(zip(self.ts_ms[piece].tolist(), self.equity[piece].tolist(), strict=True))
            yield (b"," if start else b"") + msgspec.json.encode(pairs)[1:-1]

    def _fill_columns(self) -> dict[str, list[Any]]:
        fills = self.fills
        return {
            "ts": fills["ts_ms"].tolist(),
            "symbol": [self.symbols[index] for index in fills["symbol"].tolist()],
            "side": [_SIDES[side] for side in fills["side"].tolist()],
            "position_side": [_POSITION_SIDES[code] for code in fills["position_side"].tolist()],
            "qty": fills["qty"].tolist(),
            "price": fills["price"].tolist(),
            "fee": fills["fee"].tolist(),
            "slippage": fills["slippage"].tolist(),
            "is_maker": fills["is_maker"].tolist(),
            "reason": [self.reasons[index] for index in fills["reason"].tolist()],
            "cycle": fills["cycle"].tolist(),
        }

    def _trade_columns(self) -> dict[str, list[Any]]:
        trips = self.round_trips.closed
        return {
            "symbol": [self.symbols[index] for index in trips["symbol"].tolist()],
            "side": [_SIDES[side] for side in trips["side"].tolist()],
            "position_side": [_POSITION_SIDES[code] for code in trips["position_side"].tolist()],
            "qty": trips["qty"].tolist(),
            "entry_ts": trips["entry_ts_ms"].tolist(),
            "entry_price": trips["entry_price"].tolist(),
            "exit_ts": trips["exit_ts_ms"].tolist(),
            "exit_price": trips["exit_price"].tolist(),
            "fee": trips["fee"].tolist(),
            "pnl": trips["pnl"].tolist(),
            "reason": [self.reasons[index] for index in trips["reason"].tolist()],
            "cycle": trips["cycle"].tolist(),
        }
