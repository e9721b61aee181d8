"""
Who may enter now: the filters, asked for every request that raises exposure, before the ladder.

1. What does not raise passes all of them, by the ladder's own classification; on a spot account no sale raises.
2. The first that objects names the reason: supervisor, symbol policy, compliance screen, news, and on ticks the spread.
3. A refusal is noted with its reason; under the compliance screen, so is every entry that passes.
"""

from __future__ import annotations

from math import inf

from ballast.engine.act import ask_ladder
from ballast.engine.guarding import Guarding
from ballast.engine.notes import write_note
from ballast.engine.state import Engine
from ballast.engine.view import View
from ballast.model.compiled import compiled
from ballast.model.enums import AccountKind, IntentKind, NoteKind, Reason, Side
from ballast.model.intents import Intent
from ballast.risk.compliance import entry_verdict, permits_entry
from ballast.risk.ladder import expect, is_raising
from ballast.risk.news import Release, news_verdict
from ballast.risk.supervisor import supervisor_verdict
from ballast.risk.symbol_policy import spread_verdict


@compiled
def ask_filters(engine: Engine, intent: Intent) -> int:
    """Return why the filters refuse a request, or ``Reason.NONE``."""
    reason = _filtered(engine, intent)
    if reason == Reason.NONE and (intent.kind == IntentKind.PLACE or intent.kind == IntentKind.AMEND):
        expect(engine.ladder, engine.strategy_view, intent)
    return reason


@compiled
def ask_filters_and_ladder(engine: Engine, intent: Intent) -> int:
    """Return why the filters, or after them the ladder, refuse a request, or ``Reason.NONE``."""
    reason = _filtered(engine, intent)
    return ask_ladder(engine, intent) if reason == Reason.NONE else reason


@compiled
def _filtered(engine: Engine, intent: Intent) -> int:
    view, guarding = engine.strategy_view, engine.guarding
    if intent.kind != IntentKind.PLACE and intent.kind != IntentKind.AMEND:
        return Reason.NONE
    is_sale = intent.kind == IntentKind.PLACE and intent.side == Side.SELL
    if is_sale and view.account_kind == AccountKind.SPOT:
        return Reason.NONE
    if not is_raising(engine.ladder, view, intent):
        return Reason.NONE
    verdict = filters_verdict(guarding, engine.releases, view.time_ns, intent.symbol)
    if verdict == Reason.NONE and view.quotes.shape[0] > 0 and guarding.judges_spreads:
        verdict = entry_spread_verdict(view, guarding, intent)
    if verdict != Reason.NONE:
        write_note(
            view,
            engine.log,
            engine.notes,
            NoteKind.REFUSAL,
            intent.symbol,
            intent.position_side,
            verdict,
            intent.qty,
            intent.price,
        )
        return verdict
    if guarding.compliance.is_on:
        write_note(
            view,
            engine.log,
            engine.notes,
            NoteKind.ENTRY,
            intent.symbol,
            intent.position_side,
            0,
            intent.qty,
            intent.price,
        )
    return Reason.NONE


@compiled(needs="quotes")
def entry_spread_verdict(view: View, guarding: Guarding, intent: Intent) -> int:
    """
    Judge the spread that a request would pay; 0 for one that is narrow enough, or that can only rest.

    A request that says nothing of its stop is judged as if it had none.
    """
    if intent.post_only:
        return 0
    symbol = intent.symbol
    quote = view.quotes[symbol]
    point = view.tick_units[symbol] / view.tick_scale[symbol]
    own, is_crypto = guarding.own_max_points[symbol], guarding.is_crypto[symbol] != 0
    distance = intent.stop_distance if intent.stop_distance != 0.0 else inf
    # Added, because compiled code gives back words of an enumeration as such.
    return 0 + spread_verdict(True, quote.bid, quote.ask, point, own, distance, is_crypto, guarding.spreads)


@compiled
def filters_verdict(guarding: Guarding, releases: Release, now_ns: int, symbol: int) -> int:
    """Judge a request that raises exposure in a symbol; the number of the first verdict against it, 0 for none."""
    # Added up, because compiled code has no variable that holds words of two enumerations.
    found = 0
    if guarding.is_supervised:
        found += supervisor_verdict(True, now_ns, symbol, guarding.supervisor)
    if found == 0:
        found += guarding.listing[symbol]
    if found == 0 and guarding.compliance.is_on:
        screened = entry_verdict(True, now_ns, guarding.entry[symbol], guarding.compliance)
        found += 0 if permits_entry(screened) else screened
    if found == 0 and guarding.has_calendar:
        found += news_verdict(True, now_ns, guarding.currencies[symbol], releases, guarding.calendar, guarding.news)
    return found
