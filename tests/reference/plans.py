"""Decide as the threshold cascade does, from the numbers of one bar: rules 6 to 32, with 8 and 53."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.reference.bars import Market

Side = Literal["BUY", "SELL"]
Direction = Literal["UPSIDE", "DOWNSIDE"]

TOLERANCE = 1e-9  # rule 9
SUPPORT_FRACTION = 0.25  # rule 28
MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Config:
    """
    Every number the rules read.

    Names ending in ``_pct``, ``_threshold``, ``_percentage`` and ``_reserve`` hold fractions; ``trading_fee`` and the
    yearly ``risk_free_rate`` too. ``lot_step`` is in base units, one for all symbols or one per symbol (0 or absent
    from the mapping: no rounding). ``interval_ms`` is measured from the timeline when None.
    """

    upside_threshold: float = 0.40
    downside_threshold: float = 0.35
    sell_percentage: float = 0.20
    usdt_reserve: float = 0.30
    min_order_value: float = 15.0
    cooldown_minutes: float = 30.0
    max_position_pct: float = 0.40
    min_usdt_reserve_pct: float = 0.10
    initial_capital: float = 10_000.0
    trading_fee: float = 0.001
    slippage_bps: float = 10.0
    max_stale_bars: int = 5
    lot_step: float | Mapping[str, float] = 0.0
    interval_ms: int | None = None
    risk_free_rate: float = 0.0


@dataclass(frozen=True)
class Fill:
    """One executed order. ``price`` includes slippage; ``event_number`` counts from 1, 0 marks an initial buy."""

    ts_ms: int
    symbol: str
    side: Side
    qty: float
    price: float
    fee: float
    event_number: int


@dataclass
class Account:
    """Cash, quantities, the latest fill time of each asset, and the fills so far."""

    cash: float
    qty: dict[str, float]
    stamp_ms: dict[str, int] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """The numbers of one bar at its close. ``prices`` lacks assets that have had no bar yet; ``values`` lacks none."""

    ts_ms: int
    cash: float
    prices: dict[str, float]
    values: dict[str, float]
    tradable: list[str]
    total: float
    mean: float

    def deviation(self, symbol: str) -> float:
        """Return the relative distance of the asset's value from the mean, 0 when the mean is 0 (rule 15)."""
        return (self.values[symbol] - self.mean) / self.mean if self.mean != 0.0 else 0.0


@dataclass(frozen=True)
class InitialPlan:
    """Buy each symbol for the same quote amount."""

    symbols: list[str]
    notional: float


@dataclass(frozen=True)
class UpsidePlan:
    """Sell ``qty`` of the trigger, then spread the proceeds."""

    snapshot: Snapshot
    trigger: str
    qty: float


@dataclass(frozen=True)
class DownsidePlan:
    """Sell the supporting quantities, then buy the trigger for at most ``deficit``, spending ``cash_used`` of cash."""

    snapshot: Snapshot
    trigger: str
    deficit: float
    cash_used: float
    sells: dict[str, float]


# Configuration: rule 8.


def validate(config: Config, symbols: Sequence[str]) -> None:
    """Raise ValueError for what rule 8 refuses; NaN fails every comparison and so is refused too."""
    capacity = len(symbols) * config.max_position_pct
    checks = (
        (config.upside_threshold > 0.0, "upside_threshold must be > 0"),
        (0.0 < config.downside_threshold < 1.0, "downside_threshold must be in (0, 1)"),
        (0.0 < config.sell_percentage <= 1.0, "sell_percentage must be in (0, 1]"),
        (0.0 <= config.usdt_reserve < 1.0, "usdt_reserve must be in [0, 1)"),
        (0.0 <= config.min_usdt_reserve_pct < 1.0, "min_usdt_reserve_pct must be in [0, 1)"),
        (config.initial_capital > 0.0, "initial_capital must be > 0"),
        (config.min_order_value > 0.0, "min_order_value must be > 0"),
        (config.cooldown_minutes >= 0.0, "cooldown_minutes must be >= 0"),
        (config.max_stale_bars >= 0, "max_stale_bars must be >= 0"),
        (len(symbols) >= 2, "at least 2 symbols are needed"),
        (len(set(symbols)) == len(symbols), "duplicate symbols"),
        (capacity >= 1.0 - config.usdt_reserve - TOLERANCE, "symbols x max_position_pct must be >= 1 - usdt_reserve"),
    )
    for holds, message in checks:
        if not holds:
            raise ValueError(f"{message}: {list(symbols)}, {config}")


# Amounts: rules 9 and 53.


def is_below_minimum(amount: float, config: Config) -> bool:
    """Tell whether a quote amount is below ``min_order_value`` (rule 9)."""
    return amount < config.min_order_value - TOLERANCE


def floor_to_lot(qty: float, symbol: str, config: Config) -> float:
    """Return the quantity floored to the symbol's lot step (rule 53)."""
    step = config.lot_step.get(symbol, 0.0) if isinstance(config.lot_step, Mapping) else config.lot_step
    return math.floor(qty / step * (1.0 + 1e-12) + 1e-9) * step if step > 0.0 else qty


# State: rules 6, 7, 14 and 15.


def take_snapshot(
    ts_ms: int, account: Account, last_bar: Mapping[str, tuple[int, float]], market: Market, config: Config
) -> Snapshot:
    """Value everything at the close of bar ``ts_ms``; ``last_bar`` holds each asset's latest (open time, close)."""
    stale_limit_ms = config.max_stale_bars * market.interval_ms
    prices = {symbol: close for symbol, (_, close) in last_bar.items()}
    values = {symbol: account.qty[symbol] * prices.get(symbol, 0.0) for symbol in market.bars}
    tradable = [s for s in market.bars if s in last_bar and ts_ms - last_bar[s][0] <= stale_limit_ms]
    mean = sum(values[symbol] for symbol in tradable) / len(tradable) if tradable else 0.0
    return Snapshot(ts_ms, account.cash, prices, values, tradable, account.cash + sum(values.values()), mean)


# Decisions: rules 10-13 and 16-32.


def plan_initial(snapshot: Snapshot, n_symbols: int, config: Config) -> InitialPlan:
    """Buy an equal share of every tradable asset; shares of the others stay in cash (rules 10 and 11)."""
    notional = (1.0 - config.usdt_reserve) * config.initial_capital / n_symbols / (1.0 + config.trading_fee)
    return InitialPlan(snapshot.tradable, notional)


def plan_event(
    snapshot: Snapshot, account: Account, interval_ms: int, config: Config
) -> UpsidePlan | DownsidePlan | None:
    """Return the first plan that is not empty, trying candidates in the order of their severity (rule 18)."""
    for symbol, direction in rank_candidates(snapshot, account, interval_ms, config):
        plan = (
            plan_upside(snapshot, symbol, account.qty[symbol], config)
            if direction == "UPSIDE"
            else plan_downside(snapshot, symbol, config)
        )
        if plan is not None:
            return plan
    return None


def rank_candidates(
    snapshot: Snapshot, account: Account, interval_ms: int, config: Config
) -> list[tuple[str, Direction]]:
    """Return the assets that may trigger, most severe first, ties in configured order (rules 9, 16, 17 and 19)."""
    ranked: list[tuple[float, str, Direction]] = []
    for symbol in snapshot.tradable:
        if is_cooling_down(symbol, snapshot.ts_ms + interval_ms, account, config):
            continue
        deviation = snapshot.deviation(symbol)
        if deviation > config.upside_threshold + TOLERANCE:
            ranked.append((round(deviation / config.upside_threshold, 9), symbol, "UPSIDE"))
        elif deviation < -config.downside_threshold - TOLERANCE:
            ranked.append((round(-deviation / config.downside_threshold, 9), symbol, "DOWNSIDE"))
    ranked.sort(key=lambda entry: -entry[0])  # Stable: equal severities keep the configured order.
    return [(symbol, direction) for _, symbol, direction in ranked]


def is_cooling_down(symbol: str, now_ms: int, account: Account, config: Config) -> bool:
    """Tell whether the asset's latest fill is less than the cooldown ago; never for an asset never filled (rule 19)."""
    stamp_ms = account.stamp_ms.get(symbol)
    return stamp_ms is not None and now_ms - stamp_ms < config.cooldown_minutes * MS_PER_MINUTE


def plan_upside(snapshot: Snapshot, trigger: str, held_qty: float, config: Config) -> UpsidePlan | None:
    """Plan the sale of part of the trigger (rule 20)."""
    qty = floor_to_lot(config.sell_percentage * held_qty, trigger, config)
    return None if is_below_minimum(qty * snapshot.prices[trigger], config) else UpsidePlan(snapshot, trigger, qty)


def plan_downside(snapshot: Snapshot, trigger: str, config: Config) -> DownsidePlan | None:
    """Plan the purchase of the trigger from cash above the floor, then from outperformers (rules 25-32)."""
    value = snapshot.values[trigger]
    fee_rate = config.trading_fee
    deficit = min(snapshot.mean - value, config.max_position_pct * snapshot.total - value)  # rule 25
    if is_below_minimum(deficit, config):
        return None
    deployable = max(0.0, snapshot.cash - config.min_usdt_reserve_pct * snapshot.total)  # rule 26
    need = deficit * (1.0 + fee_rate)
    cash_used = min(deployable, need)
    slices = {}
    if cash_used < need:  # rule 27
        slices = support_slices(snapshot, trigger, (need - cash_used) / (1.0 - fee_rate), config)
    sells = support_quantities(snapshot, slices, config)
    sold = sum(qty * snapshot.prices[symbol] for symbol, qty in sells.items())
    notional = min(deficit, (cash_used + sold * (1.0 - fee_rate)) / (1.0 + fee_rate))  # rule 32
    price = snapshot.prices[trigger]
    if is_below_minimum(floor_to_lot(notional / price, trigger, config) * price, config):
        return None
    return DownsidePlan(snapshot, trigger, deficit, cash_used, sells)


def support_slices(snapshot: Snapshot, trigger: str, gross: float, config: Config) -> dict[str, float]:
    """Spread ``gross`` over the outperformers by excess, capped, with one pass for the shortfall (rules 27-30)."""
    excess = {symbol: snapshot.values[symbol] - snapshot.mean for symbol in snapshot.tradable if symbol != trigger}
    excess = {symbol: over for symbol, over in excess.items() if over > TOLERANCE * snapshot.mean}
    total_excess = sum(excess.values())
    raw = {symbol: gross * over / total_excess for symbol, over in excess.items()}
    cap = {symbol: SUPPORT_FRACTION * snapshot.values[symbol] for symbol in excess}
    capped = {symbol for symbol in excess if raw[symbol] > cap[symbol]}
    shortfall = sum(raw[symbol] - cap[symbol] for symbol in capped)
    slices = {symbol: min(raw[symbol], cap[symbol]) for symbol in excess}
    slices = {symbol: amount for symbol, amount in slices.items() if not is_below_minimum(amount, config)}
    receivers = [symbol for symbol in slices if symbol not in capped]
    receivers_excess = sum(excess[symbol] for symbol in receivers)
    for symbol in receivers:
        slices[symbol] = min(slices[symbol] + shortfall * excess[symbol] / receivers_excess, cap[symbol])
    return slices


def support_quantities(snapshot: Snapshot, slices: Mapping[str, float], config: Config) -> dict[str, float]:
    """Turn slices into base quantities; what lot rounding pushes below the minimum is dropped (rules 31 and 53)."""
    quantities = {}
    for symbol, amount in slices.items():
        price = snapshot.prices[symbol]
        qty = floor_to_lot(amount / price, symbol, config)
        if not is_below_minimum(qty * price, config):
            quantities[symbol] = qty
    return quantities
