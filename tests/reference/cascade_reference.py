"""
Backtest the threshold cascade in plain Python, one function per group of rules.

Comments cite the cascade's rules by number. Everything is a float in quote or base units; times are UTC milliseconds.
A bar is stamped with its open time; a decision on bar *t* is made at its close, ``ts + interval_ms``, and its orders
fill at the open of the timeline entry with exactly that stamp.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.reference.bars import Bar, build_market, load_bars
from tests.reference.metrics import max_drawdown, sharpe
from tests.reference.plans import (
    TOLERANCE,
    Account,
    Config,
    Direction,
    DownsidePlan,
    Fill,
    InitialPlan,
    Side,
    UpsidePlan,
    floor_to_lot,
    is_below_minimum,
    plan_event,
    plan_initial,
    take_snapshot,
    validate,
)

__all__ = ["Config", "Event", "Fill", "Result", "load_bars", "run"]


@dataclass(frozen=True)
class Event:
    """A counted event. ``ts_ms`` is both the close it was decided at and the open it filled at."""

    ts_ms: int
    trigger: str
    direction: Direction


@dataclass(frozen=True)
class Result:
    """What a run left. Times of ``equity`` are the bars' open times, its values those at the bars' closes."""

    fills: list[Fill]
    equity: list[tuple[int, float]]
    events: list[Event]
    n_events: int
    upside: int
    downside: int
    fees: float
    win_rate: float | None
    total_return: float
    max_drawdown: float
    sharpe: float


@dataclass(frozen=True)
class Holdings:
    """Cash and quantities at one moment."""

    cash: float
    qty: dict[str, float]

    def worth(self, prices: Mapping[str, float]) -> float:
        """Return the total at the given prices; an asset without a price is worth 0."""
        return self.cash + sum(qty * prices.get(symbol, 0.0) for symbol, qty in self.qty.items())


@dataclass(frozen=True)
class Episode:
    """A counted event with what its win is judged by."""

    event: Event
    decided_prices: dict[str, float]
    before: Holdings
    after: Holdings


# Fills: rules 21-24 and 34-43.


class Desk:
    """
    Fills the orders of one plan at the opens of one bar.

    ``opens`` holds the assets that have a bar there, in configured order.
    """

    def __init__(self, account: Account, ts_ms: int, opens: dict[str, float], config: Config) -> None:
        self.account, self.ts_ms, self.opens, self.config = account, ts_ms, opens, config
        self.event_number = 0

    def sell(self, symbol: str, qty: float) -> float:
        """Sell a base quantity and return the proceeds net of fee (rules 35 and 38)."""
        price = self.opens[symbol] * (1.0 - self.config.slippage_bps / 10_000.0)
        fee = self.config.trading_fee * qty * price
        self.account.qty[symbol] -= qty
        self.account.cash += qty * price - fee
        self._record(symbol, "SELL", qty, price, fee)
        return qty * price - fee

    def buy(self, symbol: str, notional: float) -> None:
        """Buy for a quote amount, fee on top, unless it is below the minimum (rules 24, 35, 40 and 53)."""
        price = self.opens[symbol] * (1.0 + self.config.slippage_bps / 10_000.0)
        qty = floor_to_lot(notional / price, symbol, self.config)
        if is_below_minimum(qty * price, self.config):
            return
        fee = self.config.trading_fee * qty * price
        self.account.qty[symbol] += qty
        self.account.cash -= qty * price + fee
        # Rule 41: by construction a buy is affordable but for noise; anything else is an error in this program.
        noise = TOLERANCE * max(self.config.initial_capital, qty * price)
        assert self.account.cash >= -noise, f"{symbol} at {self.ts_ms} leaves {self.account.cash} in cash"
        self._record(symbol, "BUY", qty, price, fee)

    def _record(self, symbol: str, side: Side, qty: float, price: float, fee: float) -> None:
        self.account.fills.append(Fill(self.ts_ms, symbol, side, qty, price, fee, self.event_number))
        self.account.stamp_ms[symbol] = self.ts_ms  # rule 43


def fill_initial(plan: InitialPlan, desk: Desk) -> None:
    """Buy what was planned and has a bar here (rules 10, 11 and 37)."""
    for symbol in desk.opens:
        if symbol in plan.symbols:
            desk.buy(symbol, plan.notional)


def fill_upside(plan: UpsidePlan, desk: Desk, n_symbols: int) -> None:
    """Sell the trigger, then spread the proceeds as they came in (rules 21-24)."""
    config, snapshot = desk.config, plan.snapshot
    proceeds = desk.sell(plan.trigger, plan.qty)
    share = (1.0 - config.usdt_reserve) * proceeds / (n_symbols - 1)
    for symbol in desk.opens:
        if symbol != plan.trigger and symbol in snapshot.tradable:
            room = max(0.0, config.max_position_pct * snapshot.total - snapshot.values[symbol])
            desk.buy(symbol, min(share / (1.0 + config.trading_fee), room))


def fill_downside(plan: DownsidePlan, desk: Desk) -> None:
    """Sell the support that has a bar here, then buy the trigger from cash and real proceeds (rules 37-40)."""
    proceeds = 0.0
    for symbol in desk.opens:
        if symbol in plan.sells:
            proceeds += desk.sell(symbol, plan.sells[symbol])
    desk.buy(plan.trigger, min(plan.deficit, (plan.cash_used + proceeds) / (1.0 + desk.config.trading_fee)))


def fill_event(plan: UpsidePlan | DownsidePlan, desk: Desk, event_number: int, n_symbols: int) -> Episode | None:
    """Carry out an event; None when the trigger has no bar here or nothing filled (rules 34, 37 and 42)."""
    if plan.trigger not in desk.opens:
        return None
    account = desk.account
    before, n_before = Holdings(account.cash, dict(account.qty)), len(account.fills)
    desk.event_number = event_number
    direction: Direction = "UPSIDE" if isinstance(plan, UpsidePlan) else "DOWNSIDE"
    if isinstance(plan, UpsidePlan):
        fill_upside(plan, desk, n_symbols)
    else:
        fill_downside(plan, desk)
    if len(account.fills) == n_before:
        return None
    after = Holdings(account.cash, dict(account.qty))
    return Episode(Event(desk.ts_ms, plan.trigger, direction), plan.snapshot.prices, before, after)


# The run: rules 10, 12, 16, 36, 44 and 45.


def run(bars: Mapping[str, Iterable[Bar]], symbols: Sequence[str], config: Config) -> Result:
    """
    Backtest the cascade on ``symbol -> (open time in ms, open, close)`` rows in file order.

    The rows are those of the window; bad and duplicate ones are treated as rule 5 says. ``symbols`` is the configured
    order. Raises ValueError for what rule 8 refuses.
    """
    validate(config, symbols)
    market = build_market(bars, symbols, config.interval_ms)
    account = Account(config.initial_capital, dict.fromkeys(symbols, 0.0))
    last_bar: dict[str, tuple[int, float]] = {}
    plans: dict[int, InitialPlan | UpsidePlan | DownsidePlan] = {}  # by the time they fill, or are dropped, at
    episodes: list[Episode] = []
    equity = []
    for ts_ms in market.timeline:
        here = market.at(ts_ms)
        plan = plans.get(ts_ms)
        desk = Desk(account, ts_ms, {symbol: open_ for symbol, (open_, _) in here.items()}, config)
        if isinstance(plan, InitialPlan):
            fill_initial(plan, desk)
        elif plan is not None:
            episode = fill_event(plan, desk, len(episodes) + 1, len(symbols))
            episodes += [episode] if episode else []
        last_bar |= {symbol: (ts_ms, close) for symbol, (_, close) in here.items()}
        snapshot = take_snapshot(ts_ms, account, last_bar, market, config)
        equity.append((ts_ms, snapshot.total))
        # Until the first initial buy has filled, the allocation is decided again at every close (rule 12).
        next_plan = (
            plan_event(snapshot, account, market.interval_ms, config)
            if account.fills
            else plan_initial(snapshot, len(symbols), config)
        )
        if next_plan is not None:
            plans[ts_ms + market.interval_ms] = next_plan
    return summarise(account, equity, episodes, last_bar, market.interval_ms, config)


# Results: rules 46, 49 and 51.


def summarise(
    account: Account,
    equity: list[tuple[int, float]],
    episodes: Sequence[Episode],
    last_bar: Mapping[str, tuple[int, float]],
    interval_ms: int,
    config: Config,
) -> Result:
    """Gather what a run left into its result."""
    values = [value for _, value in equity]
    last_prices = {symbol: close for symbol, (_, close) in last_bar.items()}
    events = [episode.event for episode in episodes]
    upside = sum(event.direction == "UPSIDE" for event in events)
    return Result(
        fills=account.fills,
        equity=equity,
        events=events,
        n_events=len(events),
        upside=upside,
        downside=len(events) - upside,
        fees=sum(fill.fee for fill in account.fills),
        win_rate=win_rate(episodes, last_prices),
        total_return=values[-1] / config.initial_capital - 1.0,
        max_drawdown=max_drawdown(values),
        sharpe=sharpe(values, interval_ms, config.risk_free_rate),
    )


def win_rate(episodes: Sequence[Episode], last_prices: dict[str, float]) -> float | None:
    """Return the share of events worth more than not acting, judged where the next was decided (rule 51)."""
    if not episodes:
        return None
    judged_at = [later.decided_prices for later in episodes[1:]] + [last_prices]
    wins = sum(e.after.worth(prices) > e.before.worth(prices) for e, prices in zip(episodes, judged_at, strict=True))
    return wins / len(episodes)
