"""
What a run is judged by: one definition of every figure, as pure functions of arrays.

Conventions: rates and ratios are fractions (0.05 is 5 %), money is in quote currency, times are UTC
milliseconds, a drawdown is <= 0. A figure that cannot be computed is ``None``, never NaN or infinite.
An equity array holds one value per bar, marked at the bar's close after the fills inside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
RecordArray = npt.NDArray[Any]
"""A structured array; its fields are named where it is used."""

SECONDS_PER_YEAR = 31_536_000.0
SECONDS_PER_DAY = 86_400.0
SESSIONS_PER_YEAR = 252
MINIMUM_CAGR_YEARS = 30 * SECONDS_PER_DAY / SECONDS_PER_YEAR
"""Shorter runs have no CAGR: compounding a few days to a year says nothing about a year."""

MONEY_TOLERANCE = 1e-9
"""Money meets a threshold within this times max(1, |threshold|)."""
_ZERO_DEVIATION = 1e-12
"""Returns that differ by less than this per bar differ by rounding only."""


class Drawdown(NamedTuple):
    """One fall of equity below its running peak. ``end_ts_ms`` is ``None`` while it lasts."""

    depth: float
    start_ts_ms: int
    trough_ts_ms: int
    end_ts_ms: int | None


class MonthReturn(NamedTuple):
    """Return of one calendar month, UTC; the first and last month may be partial."""

    year: int
    month: int
    value: float


class Events(NamedTuple):
    """
    Holdings just before and just after the fills of each counted event, in order of time.

    ``qty_before`` and ``qty_after`` are (n_events, n_symbols), signed base units; the cash columns and
    ``decision_frame``, the index of the bar at whose close the event was decided, are (n_events,).
    """

    qty_before: FloatArray
    cash_before: FloatArray
    qty_after: FloatArray
    cash_after: FloatArray
    decision_frame: IntArray


def returns(equity: FloatArray) -> FloatArray:
    """
    Return the simple returns between consecutive equity points.

    A return across a gap in the data counts as one. A return on equity that is not positive has no
    meaning and is left out, so the result may be shorter than ``len(equity) - 1``.
    """
    usable = equity[:-1] > 0.0
    later, base = (equity[1:], equity[:-1]) if usable.all() else (equity[1:][usable], equity[:-1][usable])
    return np.asarray(later / base - 1.0, dtype=np.float64)


def total_return(equity: FloatArray, initial_capital: float) -> float:
    """
    Return the total return: final equity / initial capital - 1.

    A fraction. Open positions are marked at their last price, not liquidated.
    """
    return float(equity[-1]) / initial_capital - 1.0


def years(ts_ms: IntArray) -> float:
    """Return the time between the first and the last equity point in years of 365 days."""
    return float(ts_ms[-1] - ts_ms[0]) / 1_000.0 / SECONDS_PER_YEAR


def periods_per_year(interval_ns: int, bars_per_session: float | None = None) -> float:
    """
    Return how many bars a year has.

    31,536,000 s over the interval for a market that never closes; 252 x ``bars_per_session`` for one
    that trades in sessions.
    """
    if bars_per_session is not None:
        return SESSIONS_PER_YEAR * bars_per_session
    return SECONDS_PER_YEAR * 1e9 / interval_ns


def cagr(total_return: float, years: float) -> float | None:
    """
    Return the compound annual growth rate: (1 + total return) ^ (1 / years) - 1.

    A fraction a year, years of 365 days between the first and last equity point. None for less than
    30 days, and when more than everything was lost.
    """
    if years < MINIMUM_CAGR_YEARS or total_return < -1.0:
        return None
    return float((1.0 + total_return) ** (1.0 / years) - 1.0)


def volatility(returns: FloatArray, periods_per_year: float) -> float | None:
    """
    Return the volatility: sample standard deviation of the returns per bar x sqrt(bars a year).

    A fraction a year. None with fewer than two returns.
    """
    if len(returns) < 2:
        return None
    return float(np.std(returns, ddof=1) * np.sqrt(periods_per_year))


def sharpe(returns: FloatArray, periods_per_year: float, risk_free_rate: float = 0.0) -> float:
    """
    Return the Sharpe ratio: (mean return - risk-free rate per bar) / sample deviation x sqrt(bars a year).

    Returns per bar; the risk-free rate is yearly and divided evenly. 0 with fewer than two returns or
    without deviation. Sharpe, The Sharpe Ratio, Journal of Portfolio Management, 1994.
    """
    if len(returns) < 2:
        return 0.0
    deviation = float(np.std(returns, ddof=1))
    if deviation < _ZERO_DEVIATION:
        return 0.0
    excess = float(np.mean(returns)) - risk_free_rate / periods_per_year
    return excess / deviation * float(np.sqrt(periods_per_year))


def sortino(returns: FloatArray, periods_per_year: float, risk_free_rate: float = 0.0) -> float | None:
    """
    Return the Sortino ratio: mean excess return / sqrt(mean(min(excess, 0)^2)) x sqrt(bars a year).

    Excess over the yearly risk-free rate, divided evenly over the bars; the mean of squares runs over
    all returns. None without a return or without a falling one. Sortino and Price, Performance
    Measurement in a Downside Risk Framework, 1994.
    """
    if len(returns) == 0:
        return None
    excess = returns - risk_free_rate / periods_per_year
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    if downside < _ZERO_DEVIATION:
        return None
    return float(np.mean(excess)) / downside * float(np.sqrt(periods_per_year))


def drawdowns(equity: FloatArray) -> FloatArray:
    """Return equity / running peak - 1 for every point, shape (n_bars,), each <= 0."""
    from ballast.backtest.underwater import write_drawdowns

    depth = np.empty(len(equity))
    write_drawdowns(np.asarray(equity, dtype=np.float64), depth)
    return depth


def max_drawdown(depth: FloatArray) -> float:
    """
    Return the maximum drawdown: the lowest equity / running peak - 1 over the bars' closes.

    A fraction <= 0; 0 for equity that never fell.

    Parameters
    ----------
    depth : array, (n_bars,)
        What ``drawdowns`` returns.
    """
    return float(np.min(depth))


def deepest_drawdown(depth: FloatArray, ts_ms: IntArray) -> Drawdown | None:
    """
    Return the drawdown with the lowest point: its peak, trough and recovery.

    It starts at the last point at the peak and ends at the first point back at it. None for equity
    that never fell.

    Parameters
    ----------
    depth : array, (n_bars,)
        What ``drawdowns`` returns.
    """
    trough = int(np.argmin(depth))
    if depth[trough] == 0.0:
        return None
    start = int(np.flatnonzero(depth[:trough] == 0.0)[-1])
    recovered = np.flatnonzero(depth[trough:] == 0.0)
    end = int(ts_ms[trough + recovered[0]]) if len(recovered) else None
    return Drawdown(float(depth[trough]), int(ts_ms[start]), int(ts_ms[trough]), end)


def longest_drawdown_s(depth: FloatArray, ts_ms: IntArray) -> float:
    """
    Return the longest time under water: from a peak of equity to the first point back at it, or to the end.

    Seconds; 0 for equity that never fell. Not necessarily the deepest drawdown.

    Parameters
    ----------
    depth : array, (n_bars,)
        What ``drawdowns`` returns.
    """
    below = (depth < 0.0).view(np.int8)
    edges = np.diff(below, prepend=np.int8(0), append=np.int8(0))
    # The peak is the point before the first one below it; a run without an end lasts to the last point.
    starts = np.flatnonzero(edges == 1) - 1
    ends = np.minimum(np.flatnonzero(edges == -1), len(depth) - 1)
    return float(np.max(ts_ms[ends] - ts_ms[starts])) / 1_000.0 if len(starts) else 0.0


def calmar(cagr: float | None, max_drawdown: float) -> float | None:
    """
    Return the Calmar ratio: CAGR / |maximum drawdown|.

    None without a CAGR or without a drawdown. Young, Calmar Ratio: A Smoother Tool, Futures, 1991.
    """
    return None if cagr is None or max_drawdown == 0.0 else cagr / abs(max_drawdown)


def recovery_factor(total_return: float, max_drawdown: float) -> float | None:
    """
    Return the recovery factor: total return / |maximum drawdown|.

    None without a drawdown.
    """
    return None if max_drawdown == 0.0 else total_return / abs(max_drawdown)


def wins(pnl: FloatArray) -> FloatArray:
    """Return the profits among the results; break-even (within 1e-9) is neither profit nor loss."""
    return pnl[pnl > MONEY_TOLERANCE]


def losses(pnl: FloatArray) -> FloatArray:
    """Return the losses among the results, each < 0; break-even (within 1e-9) is neither profit nor loss."""
    return pnl[pnl < -MONEY_TOLERANCE]


def trade_win_rate(pnl: FloatArray) -> float | None:
    """
    Return the trade win rate: closed round trips with a profit / those with a profit or a loss.

    Net of fees; break-even (within 1e-9) is neither. A fraction; None without a profit or a loss.
    """
    decided = len(wins(pnl)) + len(losses(pnl))
    return len(wins(pnl)) / decided if decided else None


def trip_figures(trips: RecordArray) -> dict[str, float | int | None]:
    """Return how many round trips there are, which share of them gained, and what they came to."""
    pnl = trips["pnl"]
    return {"n_trades": len(pnl), "trade_win_rate": trade_win_rate(pnl), "pnl": float(np.sum(pnl))}


def average_win(pnl: FloatArray) -> float | None:
    """
    Return the average win: mean profit of the closed round trips that made one.

    Quote currency, net of fees, > 0; None without any.
    """
    return float(np.mean(wins(pnl))) if len(wins(pnl)) else None


def average_loss(pnl: FloatArray) -> float | None:
    """
    Return the average loss: mean result of the closed round trips that lost.

    Quote currency, net of fees, < 0; None without any.
    """
    return float(np.mean(losses(pnl))) if len(losses(pnl)) else None


def expectancy(pnl: FloatArray) -> float | None:
    """
    Return the expectancy: mean result of all closed round trips, break-even ones included.

    Quote currency a trade, net of fees; None without any.
    """
    return float(np.mean(pnl)) if len(pnl) else None


def profit_factor(pnl: FloatArray) -> float | None:
    """
    Return the profit factor: sum of profits / |sum of losses| of the closed round trips.

    Net of fees; None without a loss, because the ratio has no finite value then.
    """
    lost = losses(pnl)
    return float(np.sum(wins(pnl)) / -np.sum(lost)) if len(lost) else None


def turnover(fills: RecordArray, equity: FloatArray, years: float) -> float | None:
    """
    Return the turnover: notional of all fills, both sides, / mean equity / years.

    Times a year. None for a run without duration or with mean equity <= 0.
    """
    mean_equity = float(np.mean(equity))
    if years <= 0.0 or mean_equity <= 0.0:
        return None
    return float(np.sum(fills["qty"] * fills["price"] * fills["quote_rate"])) / mean_equity / years


def exposure(gross: FloatArray, equity: FloatArray) -> float | None:
    """
    Return the exposure: mean over the bars of gross position value / equity.

    A fraction of equity, above 1 with leverage; bars whose equity is not positive are left out. None
    when there is no other bar.
    """
    usable = equity > 0.0
    if not usable.all():
        gross, equity = gross[usable], equity[usable]
    return float(np.mean(gross / equity)) if len(equity) else None


def monthly_returns(ts_ms: IntArray, equity: FloatArray, initial_capital: float) -> list[MonthReturn]:
    """
    Return the return of every calendar month (UTC) that has an equity point, in order.

    A month runs from the last point of the month before (the initial capital for the first) to its own
    last point; a bar belongs to the month in which it opens. NaN on a base that is not positive.
    """
    months = ts_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(np.diff(months) != 0, True))
    ends = equity[last]
    bases = np.append(initial_capital, ends[:-1])
    values = np.divide(ends, bases, out=np.full(len(ends), np.nan), where=bases > 0.0) - 1.0
    return [
        MonthReturn(int(1970 + month // 12), int(month % 12 + 1), float(value))
        for month, value in zip(months[last], values, strict=True)
    ]


def events_from_fills(fills: RecordArray, ts_ms: IntArray, n_symbols: int, initial_capital: float) -> Events:
    """
    Derive the counted events from fills that carry their event's number.

    Parameters
    ----------
    fills : structured array
        Fields ``ts_ms``, ``symbol`` (index), ``side`` (+1 buy, -1 sell), ``qty``, ``price``, ``fee`` and
        ``cycle``: the event's number, 0 for fills that belong to none (the initial allocation). In order
        of execution.
    ts_ms : array, (n_bars,)
        Open times of the timeline's bars.

    Returns
    -------
    Events
        An event was decided at the close of the bar before the one in which its first fill lies.
    """
    signed_qty = fills["side"] * fills["qty"]
    cash_flow = -signed_qty * fills["price"] - fills["fee"]
    numbers, first = np.unique(fills["cycle"], return_index=True)
    order = np.argsort(first[numbers > 0])
    numbers, first = numbers[numbers > 0][order], first[numbers > 0][order]

    holdings = np.zeros((len(fills) + 1, n_symbols))
    holdings[np.arange(1, len(fills) + 1), fills["symbol"]] = signed_qty
    qty_before = np.cumsum(holdings, axis=0)[first]
    cash_before = initial_capital + np.append(0.0, np.cumsum(cash_flow))[first]

    qty_after, cash_after = qty_before.copy(), cash_before.copy()
    event_of_number = {number: event for event, number in enumerate(numbers.tolist())}
    event = np.array([event_of_number.get(cycle, -1) for cycle in fills["cycle"].tolist()], dtype=np.int64)
    own = event >= 0
    np.add.at(qty_after, (event[own], fills["symbol"][own]), signed_qty[own])
    np.add.at(cash_after, event[own], cash_flow[own])
    fill_frame = np.searchsorted(ts_ms, fills["ts_ms"][first], side="right") - 1
    return Events(qty_before, cash_before, qty_after, cash_after, np.maximum(fill_frame - 1, 0))


def event_values(events: Events, closes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """
    Return what the holdings before and after each event came to be worth, two arrays (n_events,).

    Both are valued at the closes of the bar in which the next counted event was decided; for the last
    event, at the last bar.

    Parameters
    ----------
    closes : array, (n_bars, n_symbols)
        Last close at or before each bar; NaN before a symbol's first, where it counts as 0.
    """
    horizon = np.append(events.decision_frame[1:], len(closes) - 1)[: len(events.decision_frame)]
    prices = np.nan_to_num(closes[horizon], nan=0.0)
    before = events.cash_before + np.sum(events.qty_before * prices, axis=1)
    after = events.cash_after + np.sum(events.qty_after * prices, axis=1)
    return before, after


def rebalance_win_rate(events: Events, closes: FloatArray) -> float | None:
    """
    Return the rebalance win rate: the share of the counted events that beat not having acted.

    An event wins if quantities and cash just after its fills are worth strictly more than those just
    before them (beyond 1e-9, relative), both valued at the closes of the bar in which the next counted
    event was decided; for the last event, at the last bar. A fraction; None without events.

    Parameters
    ----------
    closes : array, (n_bars, n_symbols)
        As for ``event_values``.
    """
    if len(events.decision_frame) == 0:
        return None
    before, after = event_values(events, closes)
    return float(np.mean(after - before > MONEY_TOLERANCE * np.maximum(1.0, np.abs(before))))
