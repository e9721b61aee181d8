"""A strategy that does what a test tells it, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.engine.guarding import Guards
from ballast.model.enums import AccountKind, Cause, EngineRole, NoteKind, PositionMode, Side
from ballast.model.instrument import Instrument, Tier
from ballast.model.intents import Intent, cancel, place_limit, place_market, place_stop
from ballast.model.records import Record, record
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.polling import PollingSettings
from ballast.strategies.spec import Strategy, from_module
from tests.conformance.markets import HOUR_NS, Quote, lay_out

Ask = Callable[[Record, Intent, int], int]
"""Writes intents from a count on and returns the new count."""


@record
class Nothing:
    """No settings and no memory."""

    unused: int


class Script:
    """
    The strategy: ``asks`` by the frame after whose close they are made.

    ``heard`` holds (cause, frame, role, kind, reason) of every call.
    """

    def __init__(self, asks: Mapping[int, Sequence[Ask]]) -> None:
        self.asks = asks
        self.heard: list[tuple[Cause, int, int, int, int]] = []

    def decide(self, row: Any, view: Record, state: Any, params: Any, intents: Intent) -> int:
        """Do what the script says after this close."""
        is_bar = view.cause == Cause.BAR
        role, kind, reason = (0, 0, 0) if is_bar else (view.event_role, view.event_kind, view.event_reason)
        self.heard.append((Cause(int(view.cause)), int(view.frame), int(role), int(kind), int(reason)))
        n = 0
        if is_bar:
            for ask in self.asks.get(int(view.frame), ()):
                n = ask(view, intents, n)
        return n

    @property
    def strategy(self) -> Strategy:
        """The strategy as the engine takes it."""
        module: Any = ModuleType("scripted")
        module.Params, module.State, module.decide = Nothing, Nothing, self.decide
        return from_module(module, "scripted")


def buy(qty: float, symbol: int = 0) -> Ask:
    """Ask for a market order that buys."""
    return lambda view, intents, n: place_market(intents, n, symbol, Side.BUY, qty, 0, 1)


def sell(qty: float, symbol: int = 0) -> Ask:
    """Ask for a market order that sells."""
    return lambda view, intents, n: place_market(intents, n, symbol, Side.SELL, qty, 0, 2)


def limit(side: Side, qty: float, price: float) -> Ask:
    """Ask for a limit order."""
    return lambda view, intents, n: place_limit(intents, n, 0, side, qty, price, 3)


def reduce_only(ask: Ask) -> Ask:
    """Ask for the same, reduce-only."""

    def changed(view: Record, intents: Intent, n: int) -> int:
        made = ask(view, intents, n)
        intents[made - 1].reduce_only = True  # type: ignore[index]
        return made

    return changed


def stop(side: Side, qty: float, price: float) -> Ask:
    """Ask for a stop order."""
    return lambda view, intents, n: place_stop(intents, n, 0, side, qty, price, 4)


def cancel_all() -> Ask:
    """Ask to cancel whatever is open."""
    return lambda view, intents, n: cancel(intents, n, 0, -1, -1, 5)


def elastic(**settings: Any) -> Guards:
    """Return guards with nothing but an elastic stop."""
    made = ElasticSettings.new()  # type: ignore[attr-defined]
    for key, value in settings.items():
        setattr(made, key, value)
    return Guards(elastic=made, pace=PollingSettings.new())  # type: ignore[attr-defined]


def run(
    script: Script,
    bars: Mapping[str, Sequence[Quote]],
    guards: Guards | None,
    *,
    interval_ns: int = HOUR_NS,
    tick: bool = True,
    **changes: Any,
) -> Session:
    """Return the finished run of a script without costs, on a spot account, prices in hundredths."""
    frames = lay_out(bars, interval_ns=interval_ns)
    strategy = script.strategy
    instruments = None
    if tick:
        instruments = Instrument.array(len(bars))  # type: ignore[attr-defined]
        instruments["tick_units"], instruments["tick_scale"] = 1, 100.0
    setup = Setup(
        frames=frames,
        strategy=strategy,
        params=strategy.params({}, len(bars)),
        costs=Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0),
        instruments=instruments,
        guards=guards,
    )
    session = Session(replace(setup, **changes))
    session.run()
    return session


def on_margin(n_symbols: int = 1, mode: PositionMode = PositionMode.ONE_WAY) -> dict[str, Any]:
    """Return what makes a setup one on margin, at ten times leverage."""
    tiers = Tier.array(n_symbols)  # type: ignore[attr-defined]
    tiers["symbol"] = np.arange(n_symbols)
    tiers["maintenance_margin_rate"], tiers["max_leverage"] = 0.005, 100.0
    return {
        "account_kind": AccountKind.UNIFIED_MARGIN,
        "position_mode": mode,
        "leverage": (10.0,) * n_symbols,
        "tiers": tiers,
    }


def locks(session: Session) -> list[tuple[float, float, float]]:
    """Return (lock, peak, price) of every move of a stop."""
    notes = session.engine.notes[: session.engine.log.n_notes]
    return [
        (float(note["value"]), float(note["peak"]), float(note["price"]))
        for note in notes
        if note["kind"] == NoteKind.LOCK
    ]


def fills(session: Session) -> list[tuple[int, float, float, int]]:
    """Return (side, qty, price, role) of every fill; role 0 for all of the strategy's own."""
    log = session.engine.fills[: session.engine.log.n_fills]
    return [
        (
            int(fill["side"]),
            float(fill["qty"]),
            float(fill["price"]),
            int(fill["role"]) if fill["role"] >= EngineRole.BALANCE else 0,
        )
        for fill in log
    ]
