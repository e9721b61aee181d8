"""Results to test with: a few fills written by hand, and a long seeded run of a small threshold rebalancer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ballast.backtest.metrics import FloatArray, RecordArray
from ballast.backtest.result import Result
from ballast.backtest.run import FILL_FIELDS

FILL = np.dtype(FILL_FIELDS)
REASONS = ["INITIAL_ALLOCATION", "UPSIDE_SELL", "UPSIDE_BUY", "SUPPORT_SELL", "DOWNSIDE_BUY"]
START_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC.
MINUTE_MS = 60_000


def fill(
    side: int,
    qty: float,
    price: float,
    *,
    ts_ms: int = START_MS,
    symbol: int = 0,
    position_side: int = 0,
    fee: float = 0.0,
    cycle: int = 0,
    reason: int = 0,
    quote_rate: float = 1.0,
) -> tuple[Any, ...]:
    """Return one row of ``FILL`` on bars of a minute; what is not said is zero."""
    frame = (ts_ms - START_MS) // MINUTE_MS
    return (ts_ms, symbol, side, position_side, qty, price, fee, 0.0, False, reason, cycle, frame, quote_rate)


def fills(*rows: tuple[Any, ...]) -> RecordArray:
    return np.array(list(rows), dtype=FILL)


def small_result(**changes: Any) -> Result:
    """Return a run of three bars in which ten units were bought and sold."""
    ts_ms = START_MS + np.arange(3, dtype=np.int64) * MINUTE_MS
    facts: dict[str, Any] = {
        "strategy": "cascade",
        "symbols": ["DOGEUSDT"],
        "interval_ns": 60_000_000_000,
        "initial_capital": 10_000.0,
        "ts_ms": ts_ms,
        "equity": np.array([10_000.0, 9_999.0, 10_097.9]),
        "fills": fills(
            fill(1, 10.0, 100.0, ts_ms=int(ts_ms[1]), fee=1.0),
            fill(-1, 10.0, 110.0, ts_ms=int(ts_ms[2]), fee=1.1, cycle=1, reason=1),
        ),
        "reasons": REASONS,
        "closes": np.array([[100.0], [100.0], [110.0]]),
        "n_events": 1,
        "upside_events": 1,
    }
    return Result(**(facts | changes))


@cache
def long_result(n_bars: int = 9_000, interval_minutes: int = 15) -> Result:
    """Return about 94 days of four coins, the last one listed late, under a small threshold rebalancer."""
    symbols = ["DOGEUSDT", "SHIBUSDT", "PEPEUSDT", "FARTCOINUSDT"]
    closes = _prices(n_bars, np.array([0.21, 1.4e-5, 9.2e-6, 0.87]))
    closes[: n_bars // 3, 3] = np.nan
    ts_ms = START_MS + np.arange(n_bars, dtype=np.int64) * interval_minutes * MINUTE_MS
    account = _Rebalancer(closes, ts_ms)
    account.run()
    hold = 10_000.0 * np.nanmean(closes / closes[0], axis=1, where=~np.isnan(closes[0]))
    return Result(
        strategy="cascade",
        symbols=symbols,
        interval_ns=interval_minutes * 60_000_000_000,
        initial_capital=10_000.0,
        ts_ms=ts_ms,
        equity=account.equity,
        fills=np.array(account.fills, dtype=FILL),
        reasons=REASONS,
        closes=lambda: closes,
        n_events=account.upside + account.downside,
        upside_events=account.upside,
        downside_events=account.downside,
        rejects={"BELOW_MINIMUM": 14, "NO_PRICE": 3},
        rows_skipped=2,
        rows_superseded=7,
        rows_widened=5,
        assumptions=["Orders fill in full at the open of the next bar.", "Volume is not a limit."],
        breaches=[{"ts": int(ts_ms[n_bars // 2]), "limit": "max_position_pct", "symbol": "DOGEUSDT", "weight": 0.4312}],
        benchmarks={"buy_and_hold": hold, "monthly_rebalance": 0.5 * hold + 0.5 * np.sqrt(hold * 10_000.0)},
        ambiguous_fills=4,
        best_final_equity=float(account.equity[-1]) + 12.5,
        worst_final_equity=float(account.equity[-1]) - 20.25,
        config={
            "data": {"dataset": "mexc/spot", "symbols": symbols, "interval": f"{interval_minutes}m"},
            "account": {"kind": "spot", "initial_capital": 10_000.0, "fee_rate": 0.001},
            "execution": {"slippage_bps": 10.0, "max_stale_bars": 5, "lot_step": 0.0},
            "strategy": {"name": "cascade", "upside_threshold": 0.2, "downside_threshold": 0.2},
        },
        config_hash="0f3c9b1e55ad7c0b6b0d1c52f6a7f0a4be6e4d0fd6a8a2ecb8d0d34cbd9d4f11",
        data_hash="b1946ac92492d2347c6235b4d2611184a7d1f1d0b0f0c6b1f2a8e3c4d5e6f708",
        code_version="0.1.0",
    )


def _prices(n_bars: int, first: FloatArray) -> FloatArray:
    random = np.random.default_rng(7)
    spread = 0.0045 * np.exp(0.5 * np.cumsum(random.normal(0.0, 0.02, n_bars)))[:, None]
    moves = 2.0 * spread * (0.3 * random.standard_t(4, (n_bars, 1)) + random.standard_t(4, (n_bars, len(first))))
    moves[n_bars // 2, 0] += 0.45
    moves[2 * n_bars // 3] -= 0.22
    moves[0] = 0.0
    return np.asarray(first * np.exp(np.cumsum(moves - 0.00002, axis=0)))


class _Rebalancer:
    """Sells a fifth of what ran ahead, fills up what fell behind; opens equal last closes."""

    def __init__(self, closes: FloatArray, ts_ms: Any) -> None:
        self.closes, self.ts_ms = closes, ts_ms
        self.qty = np.zeros(closes.shape[1])
        self.cash = 10_000.0
        self.equity = np.full(len(closes), 10_000.0)
        self.fills: list[tuple[Any, ...]] = []
        self.upside = self.downside = 0

    def run(self) -> None:
        free_at = 0
        for bar in range(1, len(self.closes)):
            listed = np.flatnonzero(~np.isnan(self.closes[bar - 1]))
            values = self.qty[listed] * self.closes[bar - 1, listed]
            if bar == 1:
                for symbol in listed.tolist():
                    self._trade(bar, symbol, 7_000.0 / self.closes.shape[1], reason=0, cycle=0)
            elif bar > free_at:
                deviations = values / values.mean() - 1.0
                if self._rebalance(bar, listed, values, deviations):
                    free_at = bar + 24
            prices = np.nan_to_num(self.closes[bar])
            self.equity[bar] = self.cash + float(self.qty @ prices)

    def _rebalance(self, bar: int, listed: Any, values: FloatArray, deviations: FloatArray) -> bool:
        cycle = self.upside + self.downside + 1
        if deviations.max() > 0.2:
            trigger = int(deviations.argmax())
            self._trade(bar, listed[trigger], -0.2 * values[trigger], reason=1, cycle=cycle)
            for symbol in np.delete(listed, trigger).tolist():
                self._trade(bar, symbol, 0.14 * values[trigger] / (len(listed) - 1), reason=2, cycle=cycle)
            self.upside += 1
            return True
        if deviations.min() < -0.2:
            trigger, richest = int(deviations.argmin()), int(deviations.argmax())
            wanted = float(values.mean() - values[trigger])
            self._trade(bar, listed[richest], -min(0.25 * values[richest], 0.5 * wanted), reason=3, cycle=cycle)
            self._trade(bar, listed[trigger], min(wanted, 0.9 * self.cash), reason=4, cycle=cycle)
            self.downside += 1
            return True
        return False

    def _trade(self, bar: int, symbol: int, notional: float, *, reason: int, cycle: int) -> None:
        """Buy for a positive, sell for a negative notional at the last close, 10 bps worse, for 0.1 %."""
        side = 1 if notional > 0 else -1
        price = self.closes[bar - 1, symbol] * (1 + side * 0.001)
        qty = abs(notional) / price
        fee, slippage = 0.001 * qty * price, qty * self.closes[bar - 1, symbol] * 0.001
        self.qty[symbol] += side * qty
        self.cash -= side * qty * price + fee
        row = (self.ts_ms[bar], symbol, side, 0, qty, price, fee, slippage, False, reason, cycle, bar, 1.0)
        self.fills.append(row)
