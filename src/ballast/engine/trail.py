"""
The elastic stop on every leg: a resting reduce-only stop at the venue, moved as the profit tells.

1. The profit is net of what holding the leg has cost, fees and funding, and of the fee that closing it at its entry
   would cost; prices are those that the view has: the last close, or where a watch woke.
2. The stop only moves towards the market. When the leg grows or shrinks the stop stays where it is, what it locks is
   reckoned anew, and the peak begins at the present profit.
3. A leg that is flat has no stop: what is left of one is cancelled.
4. A stop that the venue refused is asked for again at each look; after ``max_missed_moves`` in a row the leg is closed.
5. Nothing smaller than a lot, or than the venue's minimum, gets a stop: it could not fill.
"""

from __future__ import annotations

from math import isnan, nan

from ballast.engine.guarding import NEVER, Guarding, LegStop
from ballast.engine.notes import write_note
from ballast.engine.state import Engine
from ballast.engine.view import View
from ballast.kernel.orders import submit
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import (
    Cause,
    EngineRole,
    EventKind,
    IntentKind,
    NoteKind,
    PositionMode,
    PositionSide,
    QtyUnit,
    Reason,
    Side,
)
from ballast.model.events import Event
from ballast.model.intents import Intent, cancel, clear, place_stop
from ballast.model.units import floor_to_step, is_price
from ballast.orders.contract_terms import ContractTerms
from ballast.orders.elastic import AfterMiss, Verdict, accept, begin, forget, miss, step
from ballast.orders.polling import look, pace_ns, rest
from ballast.orders.stop_price import Placement, place
from ballast.risk.emergency import close_leg

FINE_SCALE = 1e8
"""Ticks in one unit of price where the instrument has none."""
CLOSING = 1
"""Level of a market order of the stop's own; the resting stop has 0."""


@compiled(needs="stops")
def take_event(engine: Engine, guarding: Guarding, venue: Venue, event: Event, leg: int, intents: Intent) -> None:
    """Fold what became of an order, or a payment, into the leg's stop."""
    view = engine.strategy_view
    own = guarding.stops[leg]
    if event.kind == EventKind.FUNDING:
        own.costs += event.fee
        _reckon(view, own, leg)
        return
    is_fill = event.kind == EventKind.FILLED or event.kind == EventKind.PARTIALLY_FILLED
    if event.role == EngineRole.ELASTIC_TRAILING and event.level != CLOSING:
        _hear_of_stop(engine, guarding, venue, own, event, leg, intents)
    if is_fill:
        _resize(venue, view, own, leg, view.position_qty[leg], event.fee, event.price, intents)


@compiled(needs="stops")
def _hear_of_stop(
    engine: Engine, guarding: Guarding, venue: Venue, own: LegStop, event: Event, leg: int, intents: Intent
) -> None:
    """Note that the venue has filled, dropped or refused the stop."""
    if event.kind == EventKind.PARTIALLY_FILLED:
        return
    if event.order_id > 0:
        # It rests for days: no strategy is to wait for it as for an order of its own.
        engine.strategy_view.open_orders[event.symbol] += 1
    own.is_standing = False
    if event.kind == EventKind.CANCELLED or event.reason == Reason.NOTHING_TO_REDUCE:
        # The position was gone: nobody was refused anything.
        engine.log.rejects[event.reason] -= 1
        return
    if event.kind != EventKind.REJECTED:
        return
    if miss(own.stop, guarding.elastic, False) == AfterMiss.CLOSE and guarding.is_closing[leg] == 0:
        _close(engine, guarding, venue, leg, intents)


@compiled
def _close(engine: Engine, guarding: Guarding, venue: Venue, leg: int, intents: Intent) -> None:
    """Close a leg that the venue takes no stop for."""
    view = engine.strategy_view
    qty = abs(view.position_qty[leg])
    if qty == 0.0:
        return
    close_leg(view, intents, 0, leg, qty, EngineRole.ELASTIC_TRAILING, 0)
    intent = intents[0]  # type: ignore[index]
    intent.level = CLOSING
    view.open_orders[leg // 2] += 1
    guarding.is_closing[leg] += 1
    write_note(
        view, engine.log, engine.notes, NoteKind.CLOSING, leg // 2, intent.position_side, 0, qty, view.price[leg // 2]
    )
    submit(venue, 0, intent)


@compiled
def _resize(
    venue: Venue, view: View, own: LegStop, leg: int, qty: float, fee: float, price: float, intents: Intent
) -> None:
    """Take a fill: begin with a new position, drop the stop of one that is gone, keep the stop of one that changed."""
    was = own.qty
    if qty == 0.0 or was * qty < 0.0:
        if own.is_standing:
            _cancel(venue, view, leg, intents)
        _forget(own)
    own.costs = own.costs * abs(qty / was) if own.qty != 0.0 and abs(qty) < abs(was) else own.costs + fee
    own.qty = qty
    if qty == 0.0:
        own.costs = 0.0
        return
    _reckon(view, own, leg)
    begin(own.stop, profit_at(view, own, leg, price), view.time_ns)


@compiled
def _reckon(view: View, own: LegStop, leg: int) -> None:
    """Say anew what the stop locks where it stands."""
    if own.qty != 0.0 and not isnan(own.price):
        own.stop.lock = profit_at(view, own, leg, own.price)


@compiled
def _forget(own: LegStop) -> None:
    """Return a leg's stop to that of a leg that never held anything."""
    own.qty = 0.0
    own.costs = 0.0
    own.price = nan
    own.is_standing = False
    own.looked_ns = NEVER
    rest(own.polling)
    forget(own.stop)


@compiled
def net_entry(view: View, own: LegStop, leg: int) -> float:
    """Return the price at which closing the leg brings exactly what it has cost."""
    entry, qty = view.entry_price[leg], abs(own.qty)
    cost = own.costs + qty * entry * view.taker_fee_rate
    return entry + cost / qty if own.qty > 0.0 else entry - cost / qty


@compiled
def profit_at(view: View, own: LegStop, leg: int, price: float) -> float:
    """Return the leg's profit at a price, net of its costs, account currency."""
    return own.qty * (price - net_entry(view, own, leg))


@compiled(needs="stops")
def trail(engine: Engine, guarding: Guarding, venue: Venue, cause: int, intents: Intent) -> None:
    """Look at every leg whose price this cause tells."""
    view = engine.strategy_view
    if cause != Cause.BAR and cause != Cause.WATCH:
        return
    for leg in range(2 * view.n_symbols):
        if view.position_qty[leg] == 0.0:
            continue
        if cause == Cause.BAR:
            _look(engine, guarding, venue, leg, view.price[leg // 2], intents)
        elif leg // 2 == view.event_symbol:
            _look(engine, guarding, venue, leg, view.event_price, intents)


@compiled
def _look(engine: Engine, guarding: Guarding, venue: Venue, leg: int, price: float, intents: Intent) -> None:
    view = engine.strategy_view
    own = guarding.stops[leg]
    if not is_price(price) or _is_dust(view, leg):
        return
    if own.qty == 0.0:
        # Held from before the first fill that was seen: its first sample is its baseline.
        own.qty = view.position_qty[leg]
    pace = pace_ns(own.polling, guarding.pace)
    if own.looked_ns != NEVER and view.time_ns // pace == own.looked_ns // pace:
        return
    own.looked_ns = view.time_ns
    if own.is_standing:
        own.stop.missed_moves = 0
    profit = profit_at(view, own, leg, price)
    look(own.polling, guarding.pace, profit)
    decision = guarding.decision
    if step(own.stop, guarding.elastic, profit, view.time_ns, decision) == Verdict.MOVE:
        _move(engine, guarding, venue, own, leg, price, intents)
    elif not isnan(own.price) and not own.is_standing:
        _ask(venue, view, own, leg, intents)


@compiled
def _is_dust(view: View, leg: int) -> bool:
    symbol = leg // 2
    lots = floor_to_step(abs(view.position_qty[leg]), view.lot_units[symbol], view.lot_scale[symbol])
    return lots <= 0.0 or lots < view.min_qty[symbol]


@compiled
def _move(
    engine: Engine, guarding: Guarding, venue: Venue, own: LegStop, leg: int, price: float, intents: Intent
) -> None:
    """Ask for the stop at its new price, and note the lock."""
    view, placement, decision = engine.strategy_view, guarding.placement, guarding.decision
    set_terms(view, leg // 2, guarding.terms)
    side = PositionSide.LONG if own.qty > 0.0 else PositionSide.SHORT
    entry = net_entry(view, own, leg)
    found = place(
        guarding.terms,
        guarding.elastic,
        side,
        abs(own.qty),
        entry,
        decision.target,
        own.stop.lock,
        price,
        placement,
    )
    if found != Placement.PLACE:
        if not isnan(own.price) and not own.is_standing:
            _ask(venue, view, own, leg, intents)
        return
    own.price = placement.price
    n_missed = own.stop.missed_moves
    accept(own.stop, placement.lock)
    # Only a stop that still stands at the next look was taken.
    own.stop.missed_moves = n_missed
    write_note(
        view, engine.log, engine.notes, NoteKind.LOCK, leg // 2, leg_side(view, leg), 0, placement.lock, placement.price
    )
    engine.notes[engine.log.n_notes - 1].peak = decision.peak
    _ask(venue, view, own, leg, intents)


@compiled
def set_terms(view: View, symbol: int, terms: ContractTerms) -> None:
    """Take a symbol's ticks and lots; one unit of it is worth its price in account currency."""
    has_ticks = view.tick_units[symbol] > 0
    terms.tick_units = view.tick_units[symbol] if has_ticks else 1
    terms.tick_scale = view.tick_scale[symbol] if has_ticks else FINE_SCALE
    terms.tick_value = terms.tick_units / terms.tick_scale
    terms.lot_units = view.lot_units[symbol]
    terms.lot_scale = view.lot_scale[symbol]
    terms.min_lots = view.min_qty[symbol]
    terms.pip_size = terms.tick_value
    terms.stops_level = 0.0


@compiled
def leg_side(view: View, leg: int) -> int:
    """Return the ``PositionSide`` that orders of a leg name: NONE where a symbol has one net position."""
    if view.position_mode != PositionMode.HEDGE:
        return PositionSide.NONE
    return PositionSide.SHORT if leg % 2 == 1 else PositionSide.LONG


@compiled
def _ask(venue: Venue, view: View, own: LegStop, leg: int, intents: Intent) -> None:
    """Place the stop, or move the one that stands."""
    symbol = leg // 2
    intent = intents[0]  # type: ignore[index]
    if own.is_standing:
        clear(intent, IntentKind.AMEND, symbol, 0)
        intent.trigger_price = own.price
    else:
        side = Side.SELL if own.qty > 0.0 else Side.BUY
        place_stop(intents, 0, symbol, side, 1.0, own.price, 0)
        # Whatever the leg holds when it fires.
        intent.qty_unit = QtyUnit.POSITION_FRACTION
        intent.reduce_only = True
        own.is_standing = True
    intent.role = EngineRole.ELASTIC_TRAILING
    intent.position_side = leg_side(view, leg)
    submit(venue, 0, intent)


@compiled
def _cancel(venue: Venue, view: View, leg: int, intents: Intent) -> None:
    cancel(intents, 0, leg // 2, EngineRole.ELASTIC_TRAILING, 0, 0)
    intents[0].position_side = leg_side(view, leg)  # type: ignore[index]
    submit(venue, 0, intents[0])  # type: ignore[index]
