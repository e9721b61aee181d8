"""
A scenario: bars, what is asked when, and what the venue then says, as lines that a person can check.

Bars are a minute long and start at second 0 of ``START_NS``, so frame n opens at second 60 n and its path
points stand at 0, 20, 40 and 60 seconds after that. Maker fees are 0.1 %, taker fees 0.2 %.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np

from ballast.bars.of_ticks import frames_of_ticks
from ballast.kernel.advance import next_cause, settle_at_close, sync_last_price
from ballast.kernel.orders import submit
from ballast.kernel.venue import Phase, new_venue, state_bytes
from ballast.model.enums import (
    Cause,
    EventKind,
    IntentKind,
    LimitFill,
    OrderType,
    PathPolicy,
    QtyUnit,
    Reason,
    Side,
    TickKind,
    TimeInForce,
)
from ballast.model.instrument import Instrument, step_units
from ballast.model.intents import Intent, clear
from ballast.model.market import Frame, Tick, feed_of

SECOND_NS = 1_000_000_000
START_NS = 1_747_699_200 * SECOND_NS
INTERVAL_NS = 60 * SECOND_NS
WIDTH = 2
"""Room for two symbols in every scenario, so that one build serves all."""
MAKER_RATE, TAKER_RATE = 0.001, 0.002

Bar = tuple[float, ...] | None
Ask = Mapping[str, Any]

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
QUOTE, CASH, POSITION = QtyUnit.QUOTE, QtyUnit.CASH_FRACTION, QtyUnit.POSITION_FRACTION
_WORDS = (LimitFill, PathPolicy, inf, nan)
"""What scenarios in text may say besides this module's own words."""


def market(side: int, qty: float, **more: Any) -> Ask:
    return {"kind": IntentKind.PLACE, "side": side, "qty": qty, **more}


def limit(side: int, qty: float, price: float, **more: Any) -> Ask:
    return {**market(side, qty), "type": OrderType.LIMIT, "price": price, **more}


def stop(side: int, qty: float, trigger_price: float, **more: Any) -> Ask:
    return {**market(side, qty), "type": OrderType.STOP, "trigger_price": trigger_price, **more}


def stop_limit(side: int, qty: float, trigger_price: float, price: float, **more: Any) -> Ask:
    return {**stop(side, qty, trigger_price), "type": OrderType.STOP_LIMIT, "price": price, **more}


def trailing(side: int, qty: float, fraction: float = 0.0, distance: float = 0.0, **more: Any) -> Ask:
    shape = {"type": OrderType.TRAILING, "trail_fraction": fraction, "trail_distance": distance}
    return {**market(side, qty), **shape, **more}


def cancel(**more: Any) -> Ask:
    return {"kind": IntentKind.CANCEL, "role": -1, "level": -1, **more}


def amend(**more: Any) -> Ask:
    return {"kind": IntentKind.AMEND, "role": -1, "level": -1, **more}


def watch(side: int, price: float, **more: Any) -> Ask:
    return {"kind": IntentKind.WATCH, "side": side, "trigger_price": price, **more}


def timer(second: float, **more: Any) -> Ask:
    return {"kind": IntentKind.TIMER, "expiry_ns": at(second), **more}


def at(second: float) -> int:
    """Return the time in ns of a second of the scenario."""
    return START_NS + int(second * SECOND_NS)


def flat(price: float = 100.0) -> Bar:
    return (price, price, price, price)


@dataclass(frozen=True)
class Scenario:
    """
    One story.

    ``bars`` holds (open, high, low, close[, volume]) per frame, or one such list per symbol; None is a missing
    bar. ``plan`` maps moments to what is asked then: ``bar 0`` is the close of frame 0, ``order 2`` the second
    ORDER, ``watch 1`` and ``timer 1`` likewise. ``held`` is what account 0 holds of symbol 0 at the start;
    ``opens`` the frames' opening seconds where time has gaps. ``ticks`` are words that ``make_ticks`` reads; with them
    the bars are theirs. ``tells`` names the ticks that are told, ``quotes`` and ``trades``.
    """

    name: str
    bars: Sequence[Any]
    plan: Mapping[str, Sequence[Ask]]
    expected: Sequence[str]
    execution: Mapping[str, Any] = field(default_factory=dict)
    instrument: Mapping[str, Any] = field(default_factory=dict)
    cash: float = 10_000.0
    held: float = 0.0
    opens: Sequence[float] = ()
    n_accounts: int = 1
    ticks: Sequence[Sequence[str]] = ()
    tells: str = ""


def read_scenario(text: str, name: str) -> Scenario:
    """
    Read a scenario as it stands in ``scenarios.txt`` and in the documentation.

    One line each for ``bars`` (per symbol: open high low close [volume], one number for a flat bar, ``-`` for none),
    or ``ticks`` (see ``make_ticks``) and perhaps ``tells``, ``set`` (settings of execution and instrument), ``held``,
    ``cash``, ``accounts`` and ``opens``; a line per request, after the moment of asking; and then what is said, after
    its second.
    """
    columns: list[list[Bar]] = []
    plan: dict[str, list[Ask]] = {}
    expected: list[str] = []
    settings: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for line in text.splitlines():
        key, value = re.split(r"\s{2,}", line, maxsplit=1) if "  " in line else line.split(" ", 1)
        if key == "bars":
            columns.append([_read_bar(bar.split()) for bar in value.split("|")])
        elif key == "ticks":
            facts["ticks"] = [tick.split() for tick in value.split("|")]
        elif key == "tells":
            facts["tells"] = value
        elif key == "set":
            settings = eval(f"dict({value})", globals())
        elif key in _FACTS:
            facts[_FACTS[key]] = eval(f"[{value.replace(' ', ',')}]") if key == "opens" else eval(value)
        elif key[0].isdigit():
            expected.append(f"{key} {value}")
        else:
            plan.setdefault(key, []).extend(eval(f"[{value}]", globals()))
    instrument = {name: settings.pop(name) for name in _INSTRUMENT & set(settings)}
    return Scenario(name, columns, plan, expected, settings, instrument, **facts)


_FACTS = {"held": "held", "cash": "cash", "accounts": "n_accounts", "opens": "opens"}
_INSTRUMENT = {"tick", "lot", "min_qty", "max_qty", "min_notional"}


def _read_bar(words: Sequence[str]) -> Bar:
    if words == ["-"]:
        return None
    return flat(float(words[0])) if len(words) == 1 else tuple(map(float, words))


def read_scenarios() -> list[Scenario]:
    """Return the table of scenarios."""
    paragraphs = (Path(__file__).parent / "scenarios.txt").read_text(encoding="utf-8").split("\n\n")
    named = [one.strip().split("\n", 1) for one in paragraphs if not one.startswith("#")]
    return [read_scenario(text, name) for name, text in named]


def make_frames(bars: Sequence[Any], opens: Sequence[float] = ()) -> Any:
    by_symbol = bars if isinstance(bars[0], list) else [bars]
    n_frames = len(by_symbol[0])
    frames = Frame.array(n_frames, symbols=WIDTH)  # type: ignore[attr-defined]
    for name in ("open", "high", "low", "close", "volume", "mark"):
        frames[name] = np.nan
    for n in range(n_frames):
        frames[n].ts_ns = at(opens[n] if opens else 60 * n)
        for symbol, column in enumerate(by_symbol):
            bar = column[n]
            if bar is not None:
                for name, value in zip(("open", "high", "low", "close"), bar[:4], strict=True):
                    frames[name][n, symbol] = value
                frames["volume"][n, symbol] = bar[4] if len(bar) > 4 else 1e12
    return frames


def make_ticks(ticks: Sequence[Sequence[str]]) -> Any:
    """
    Read ticks, each a second, for the second symbol ``s1``, and what happened.

    That is ``buy``, ``sell`` or ``trade`` with price and quantity, or ``quote`` with bid, its size, ask and its size.
    """
    made = Tick.array(len(ticks))  # type: ignore[attr-defined]
    for tick, (second, *words) in zip(made, ticks, strict=True):
        tick.ts_ns = at(float(second))
        if words[0] == "s1":
            tick.symbol = 1
            del words[0]
        tick.kind = TickKind[words[0].upper()]
        values = [nan if word == "-" else float(word) for word in words[1:]]
        for name, value in zip(("price", "qty", "ask", "ask_qty"), values, strict=False):
            setattr(tick, name, value)
    return made


def feed_of_scenario(scenario: Scenario) -> Any:
    """Return the scenario's bars, or its ticks and their bars."""
    if not scenario.ticks:
        return feed_of(make_frames(scenario.bars, scenario.opens))
    ticks = make_ticks(scenario.ticks)
    return feed_of(frames_of_ticks(ticks, WIDTH, INTERVAL_NS, width=WIDTH), ticks=ticks)


def make_venue(scenario: Scenario) -> Any:
    n_symbols = len(scenario.bars) if scenario.bars and isinstance(scenario.bars[0], list) else 1
    if any("s1" in tick for tick in scenario.ticks):
        n_symbols = 2
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    for name, value in scenario.instrument.items():
        if name in ("tick", "lot"):
            instruments[f"{name}_units"], instruments[f"{name}_scale"] = step_units(value, name)
        else:
            instruments[name] = value
    shape = {"interval_ns": INTERVAL_NS, "n_accounts": scenario.n_accounts, "width": WIDTH}
    venue = new_venue(n_symbols, instruments, has_ticks=bool(scenario.ticks), **shape)
    venue.clock.tells_quotes = "quotes" in scenario.tells
    venue.clock.tells_trades = "trades" in scenario.tells
    for name, value in scenario.execution.items():
        setattr(venue.execution, name, value)
    for account in range(scenario.n_accounts):
        venue.accounts[account].cash = scenario.cash
        venue.accounts[account].maker_fee_rate = MAKER_RATE
        venue.accounts[account].taker_fee_rate = TAKER_RATE
    if scenario.held:
        venue.positions[0].qty = scenario.held
        venue.positions[0].entry_price = 100.0
    return venue


def make_intent(ask: Ask) -> Any:
    intent = Intent.new()  # type: ignore[attr-defined]
    clear(intent, ask["kind"], ask.get("symbol", 0), 0)
    for name, value in ask.items():
        if name != "account":
            setattr(intent, name, value)
    return intent


def drive(venue: Any, feed: Any, respond: Callable[[str], Sequence[Ask]], stop_frame: int | None = None) -> list[str]:
    """Walk the clock; ``respond`` hears each moment's name and says what is asked then. Returns what was said."""
    log: list[str] = []
    counts: Counter[str] = Counter()
    frames = feed.frames
    end = len(frames) if stop_frame is None else stop_frame
    while True:
        cause = Cause(next_cause(venue, feed, end))
        if cause < 0:
            return log if cause == Cause.END else [*log, cause.name.lower()]
        word = cause.name.lower()
        counts[word] += 1
        moment = f"bar {venue.clock.closed_frame}" if cause == Cause.BAR else f"{word} {counts[word]}"
        if cause != Cause.BAR:
            log.append(_told(venue, cause))
        asks = respond(moment)
        for ask in asks:
            symbol = ask.get("symbol", 0)
            if venue.clock.phase in (Phase.BETWEEN, Phase.CLOSED) and 0 <= symbol < venue.clock.n_symbols:
                sync_last_price(venue, frames, symbol)
            submit(venue, ask.get("account", 0), make_intent(ask))
        if asks and venue.execution.same_close and venue.clock.phase == Phase.BETWEEN:
            settle_at_close(venue, frames)


def _told(venue: Any, cause: Cause) -> str:
    clock = venue.clock
    second = (clock.now_ns - START_NS) / SECOND_NS
    several = clock.n_symbols > 1
    if cause in (Cause.QUOTE, Cause.TRADE):
        return f"{second:.6g} {cause.name.lower()} {clock.woken_price:.10g}"
    if cause != Cause.ORDER:
        symbol = f" s{clock.woken_symbol}" if several else ""
        price = f" {clock.woken_price:.10g}" if cause == Cause.WATCH else ""
        return f"{second:.6g} {cause.name.lower()} {clock.woken_role}{symbol}{price}"
    event = venue.events[clock.events_read]
    clock.events_read += 1
    assert event.time_ns == clock.now_ns
    who = (f" a{event.account}" if len(venue.accounts) > 1 else "") + (f" s{event.symbol}" if several else "")
    kind = EventKind(event.kind)
    if kind not in (EventKind.FILLED, EventKind.PARTIALLY_FILLED):
        return f"{second:.6g}{who} {kind.name.lower()} {Reason(event.reason).name.lower()} {event.qty:.10g}"
    rate = MAKER_RATE if event.is_maker else TAKER_RATE
    assert event.fee == event.qty * event.price * rate
    word = "filled" if kind == EventKind.FILLED else "part"
    side, liquidity = Side(event.side).name.lower(), "maker" if event.is_maker else "taker"
    return f"{second:.6g}{who} {word} {side} {event.qty:.10g} @ {event.price:.10g} {liquidity}"


def play(scenario: Scenario) -> tuple[list[str], Any]:
    """Return what was said, and the venue at the end."""
    venue = make_venue(scenario)
    plan = dict(scenario.plan)
    log = drive(venue, feed_of_scenario(scenario), lambda moment: plan.pop(moment, ()))
    assert not plan, f"never came: {sorted(plan)}"
    return log, venue


def digest(scenario: Scenario) -> str:
    """Return a hash of all that was said and all that is left."""
    log, venue = play(scenario)
    return hashlib.sha256("\n".join(log).encode() + state_bytes(venue)).hexdigest()
