"""
A made-up market: the same seed gives the same bytes, on every machine.

What it has, so that a strategy meets it before real money does: regimes (calm, trend, mania, crash) shared
by all coins, volatility that clusters, a basket that moves together, single days between -30 % and +200 %,
jumps, minutes without a trade, one coin listed late, one outage of the whole venue.

Draws come from the raw bits of PCG64, whose stream NumPy guarantees, through elementary functions; prices
are rounded to ticks, which absorbs the last bits in which mathematics libraries differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.data.intervals import interval_name
from ballast.files.durable import write_parquet
from ballast.model.durations import DAY_MS
from ballast.model.errors import ConfigError

Floats = npt.NDArray[np.float64]

# Invented; the quote currency is added as the venues do.
COINS = ("BLORP", "SNORTL", "WOBBLO", "NOODLIX", "GRUMPO", "FIZZLO", "TWIRPY", "PLONKO", "ZIBBLE", "QUOFFY")
_WORST_DAY, _BEST_DAY = np.log(0.71), np.log(2.95)

# Length in days, drift of the log price per day, volatility as a multiple of the coin's own.
_REGIMES = {
    "calm": ((1.0, 4.0), 0.0, 0.6),
    "trend": ((0.7, 2.5), 0.04, 1.0),
    "decline": ((0.7, 2.5), -0.07, 1.1),
    "mania": ((0.2, 0.6), 0.5, 2.5),
    "crash": ((0.05, 0.2), -1.5, 3.0),
}
_REGIME_WEIGHTS = (0.38, 0.25, 0.22, 0.08, 0.07)


@dataclass(frozen=True)
class Market:
    """
    What to make up.

    Attributes
    ----------
    seed : int
        >= 0. A coin's prices do not depend on how many coins there are.
    days : int
        >= 1.
    symbols : int
        1 to 10; from two on, the last one is listed 40 % into the span.
    interval_ms : int
        Bar length; it divides a day and is at most an hour.
    start_ms : int
        Open time of the first bar, UTC; the default is 2025-01-01.
    """

    seed: int = 1
    days: int = 30
    symbols: int = 6
    interval_ms: int = 60_000
    start_ms: int = 1_735_689_600_000

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"sample seed {self.seed} is negative; choose 0 or more")
        if self.days < 1:
            raise ConfigError(f"a sample of {self.days} days holds nothing; ask for at least 1")
        if not 1 <= self.symbols <= len(COINS):
            raise ConfigError(f"a sample of {self.symbols} symbols cannot be made; ask for 1 to {len(COINS)}")
        if self.interval_ms > DAY_MS // 24 or DAY_MS % self.interval_ms:
            name = interval_name(self.interval_ms)
            raise ConfigError(f"a sample of {name} bars cannot be made; choose an interval that divides an hour")

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the order of the file."""
        return tuple(f"{coin}USDT" for coin in COINS[: self.symbols])

    @property
    def bars_per_day(self) -> int:
        """How many bars a day without an outage has."""
        return DAY_MS // self.interval_ms


def write_sample(path: Path, market: Market | None = None) -> int:
    """Write a made-up market as one Parquet file, sorted by symbol and time; return its number of rows."""
    table = sample_table(market or Market())
    write_parquet(table, path)
    return int(table.num_rows)


def sample_table(market: Market) -> Any:
    """Return a made-up market as a pyarrow table: ts, symbol, open, high, low, close, volume."""
    import pyarrow as pa

    n_bars = market.days * market.bars_per_day
    climate = _climate(market, n_bars)
    outage = _outage(market, n_bars)
    parts: dict[str, list[Any]] = {name: [] for name in ("ts", "symbol", "open", "high", "low", "close", "volume")}
    for number, name in enumerate(market.names):
        bars = _coin_bars(market, number, climate)
        traded = ~outage
        if number == market.symbols - 1 and market.symbols > 1:
            traded[: n_bars * 2 // 5] = False
        parts["ts"].append(market.start_ms + np.flatnonzero(traded) * market.interval_ms)
        parts["symbol"].extend([name] * int(traded.sum()))
        for field, values in bars.items():
            parts[field].append(values[traded])
    columns = {field: np.concatenate(values) for field, values in parts.items() if field != "symbol"}
    table = {
        "ts": pa.array(columns["ts"]).view(pa.timestamp("ms", "UTC")),
        "symbol": pa.array(parts["symbol"]),
    }
    return pa.table(table | {field: columns[field] for field in ("open", "high", "low", "close", "volume")})


@dataclass(frozen=True)
class _Climate:
    """What all coins share; shapes ``(n_bars,)``, volatility ``(days,)`` for the special day."""

    market_return: Floats
    volatility: Floats
    crash_day: int


class _Dice:
    """Uniform and normal draws made from PCG64's raw bits; one stream per seed and purpose."""

    def __init__(self, seed: int, stream: int) -> None:
        self._bits = np.random.PCG64([seed, stream])

    def uniform(self, n: int) -> Floats:
        """Return n draws from the open interval (0, 1)."""
        return ((self._bits.random_raw(n) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, n: int) -> Floats:
        # Box and Muller, A Note on the Generation of Random Normal Deviates, 1958.
        return np.sqrt(-2.0 * np.log(self.uniform(n))) * np.cos(2.0 * np.pi * self.uniform(n))


def _climate(market: Market, n_bars: int) -> _Climate:
    dice = _Dice(market.seed, 0)
    drift, volatility = np.empty(n_bars), np.empty(n_bars)
    at = 0
    while at < n_bars:
        pick, length = dice.uniform(2)
        kind = np.searchsorted(np.cumsum(_REGIME_WEIGHTS), pick)
        (shortest, longest), daily_drift, multiple = list(_REGIMES.values())[min(int(kind), len(_REGIMES) - 1)]
        end = at + max(1, int((shortest + length * (longest - shortest)) * market.bars_per_day))
        drift[at:end], volatility[at:end] = daily_drift / market.bars_per_day, multiple
        at = end
    volatility *= _clustering(dice, market, n_bars)
    daily_volatility = 0.06
    shocks = dice.normal(n_bars) * daily_volatility / np.sqrt(market.bars_per_day)
    crash_day = int(market.days * (0.55 + 0.35 * dice.uniform(1)[0]))
    return _Climate(drift + volatility * shocks, volatility, crash_day)


def _clustering(dice: _Dice, market: Market, n_bars: int) -> Floats:
    """Return a slowly wandering multiple around 1: the exponential of an autoregression by the hour."""
    n_hours = market.days * 24 + 1
    level, levels = 0.0, np.empty(n_hours)
    for hour, shock in enumerate(dice.normal(n_hours)):
        level = 0.95 * level + 0.16 * shock
        levels[hour] = level
    return np.exp(np.interp(np.arange(n_bars) / (market.bars_per_day / 24), np.arange(n_hours), levels))


def _outage(market: Market, n_bars: int) -> npt.NDArray[np.bool_]:
    """Mark three quarters of an hour, 62 % into the span, in which no coin has a bar."""
    start = n_bars * 62 // 100
    missing = np.zeros(n_bars, np.bool_)
    missing[start : start + max(1, market.bars_per_day // 32)] = True
    return missing


def _coin_bars(market: Market, number: int, climate: _Climate) -> dict[str, Floats]:
    dice = _Dice(market.seed, number + 1)
    n_bars = len(climate.market_return)
    beta, restless, price_place, idle_rate = dice.uniform(4)
    own_volatility = climate.volatility * _clustering(dice, market, n_bars) * (0.02 + 0.035 * restless)
    bar_volatility = own_volatility / np.sqrt(market.bars_per_day)
    returns = (0.7 + 0.8 * beta) * climate.market_return + bar_volatility * dice.normal(n_bars)
    returns += _jumps(dice, market, n_bars)
    _shape_days(returns, bar_volatility, market, climate, dice)
    path = np.log(10.0) * (-4.0 + 4.0 * price_place) + np.cumsum(returns)

    # Without a trade the price stands still; what the path did meanwhile shows in the next trade.
    idle = dice.uniform(n_bars) < 0.09 * idle_rate
    idle[0] = False
    last_traded = np.maximum.accumulate(np.where(idle, 0, np.arange(n_bars)))
    path = path[last_traded]

    decimals = 5 - int(np.floor(path[0] / np.log(10.0)))
    close = _on_tick(np.exp(path), decimals)
    open_ = np.concatenate([close[:1], close[:-1]])
    reach = np.where(idle, 0.0, bar_volatility)
    high = np.maximum(np.maximum(open_, close), _on_tick(np.exp(path + reach * np.abs(dice.normal(n_bars))), decimals))
    low = np.minimum(np.minimum(open_, close), _on_tick(np.exp(path - reach * np.abs(dice.normal(n_bars))), decimals))
    return {"open": open_, "high": high, "low": low, "close": close, "volume": _volumes(dice, returns, path, idle)}


def _jumps(dice: _Dice, market: Market, n_bars: int) -> Floats:
    """Return a log return of 4 to 15 % either way in about one bar in five days, 0 in the others."""
    happens = dice.uniform(n_bars) < 0.2 / market.bars_per_day
    size = 0.04 + 0.11 * dice.uniform(n_bars)
    sign = np.where(dice.uniform(n_bars) < 0.5, -1.0, 1.0)
    return np.where(happens, sign * size, 0.0)


def _shape_days(returns: Floats, bar_volatility: Floats, market: Market, climate: _Climate, dice: _Dice) -> None:
    """
    Hold every day within -29 and +195 %, make one day a mania of this coin and one a crash of all.

    What a day lacks is spread over its bars by their variance, so that it happens when the market is awake.
    """
    choice, strength, depth = dice.uniform(3)
    mania_day = int(choice * market.days * 0.5)
    by_day = returns.reshape(market.days, market.bars_per_day)
    variance = (bar_volatility**2).reshape(by_day.shape)
    targets = np.clip(by_day.sum(axis=1), _WORST_DAY, _BEST_DAY)
    targets[mania_day] = np.log(1.6 + 1.3 * strength**2)
    targets[min(climate.crash_day, market.days - 1)] = np.log(0.9 - 0.18 * depth)
    lacking = targets - by_day.sum(axis=1)
    by_day += variance * (lacking / variance.sum(axis=1))[:, None]


def _on_tick(prices: Floats, decimals: int) -> Floats:
    """Round to n / 10**decimals, at least one tick: the float that the decimal text means."""
    scale = 10.0**decimals
    return np.maximum(np.rint(prices * scale), 1.0) / scale


def _volumes(dice: _Dice, returns: Floats, path: Floats, idle: npt.NDArray[np.bool_]) -> Floats:
    """Return base volumes, larger when the price moves, a whole number of hundredths; 0 in idle bars."""
    quote = 2_000.0 * np.exp(0.9 * dice.normal(len(path))) * (1.0 + np.minimum(np.abs(returns) / 0.001, 25.0))
    base = np.maximum(np.rint(quote / np.exp(path) * 100.0), 1.0) / 100.0
    return np.where(idle, 0.0, base)
