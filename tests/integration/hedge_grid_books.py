"""
A margin account kept a second time, in decimals, from nothing but fills, funding, marks and tiers.

It shares no arithmetic with the kernel or the ladder: wallet, average entries, margins of the hedge rule and of the
textbook, reserve and worst case are written from their definitions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.enums import Cause, EngineRole, EventKind, MarginModel, PositionSide, Side

ZERO = Decimal(0)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
CLOSE_ENOUGH = Decimal("1e-6")
FILLS = (EventKind.FILLED, EventKind.PARTIALLY_FILLED)


@dataclass
class Leg:
    """One leg: unsigned size, average entry, and what its next step would buy."""

    qty: Decimal = ZERO
    entry: Decimal = ZERO
    next_qty: Decimal = ZERO


@dataclass
class Books:
    """The account; ``legs`` by symbol and ``PositionSide``."""

    setup: Setup
    cash: Decimal
    legs: dict[tuple[int, int], Leg] = field(default_factory=dict)

    def leg(self, symbol: int, side: int) -> Leg:
        """Return a leg, empty if nothing has touched it."""
        return self.legs.setdefault((symbol, side), Leg())

    def take_fill(self, view: Any) -> None:
        """Book the fill that the view tells of."""
        is_short = view.event_position_side == SHORT
        leg = self.leg(int(view.event_symbol), int(view.event_position_side))
        qty, price = Decimal(float(view.event_qty)), Decimal(float(view.event_price))
        opens = (view.event_side == Side.SELL) == is_short
        if opens:
            leg.entry = (leg.qty * leg.entry + qty * price) / (leg.qty + qty)
            leg.qty += qty
        else:
            self.cash += qty * (leg.entry - price if is_short else price - leg.entry)
            leg.qty -= qty
            if abs(leg.qty) < Decimal("1e-9"):
                leg.qty, leg.entry = ZERO, ZERO
        self.cash -= Decimal(float(view.event_fee))
        if view.event_role < EngineRole.BALANCE and (opens or view.event_kind == EventKind.FILLED):
            leg.next_qty = Decimal(float(view.event_next_qty))

    def equity(self, marks: Any) -> Decimal:
        """Return wallet and unrealised profit."""
        total = self.cash
        for (symbol, side), leg in self.legs.items():
            if leg.qty:
                move = Decimal(float(marks[symbol])) - leg.entry
                total += leg.qty * (-move if side == SHORT else move)
        return total

    def initial_margin(
        self, symbol: int, mark: Decimal, long_added: Decimal = ZERO, short_added: Decimal = ZERO
    ) -> Decimal:
        """Return a symbol's initial margin, with its legs grown at the mark."""
        long, short = self._grown(symbol, LONG, mark, long_added), self._grown(symbol, SHORT, mark, short_added)
        leverage = Decimal(float(self.setup.leverage[symbol]))
        if self.setup.margin_model == MarginModel.TEXTBOOK:
            return (long.qty + short.qty) * mark / leverage
        return max(long.qty, short.qty) * mark / leverage + sum(self._fees(symbol, long, short), ZERO)

    def maintenance_margin(self, symbol: int, mark: Decimal) -> Decimal:
        """Return a symbol's maintenance margin."""
        long, short = self.leg(symbol, LONG), self.leg(symbol, SHORT)
        if self.setup.margin_model == MarginModel.TEXTBOOK:
            return self._tier(symbol, long.qty * mark) + self._tier(symbol, short.qty * mark)
        bigger, smaller = max(long.qty, short.qty), min(long.qty, short.qty)
        fees = sum(self._fees(symbol, long, short), ZERO)
        return fees + ((bigger - smaller) / bigger * self._tier(symbol, bigger * mark) if bigger else ZERO)

    def reserve(self, marks: Any, factor: float) -> Decimal:
        """Return the safety factor times what evening all legs out would take."""
        total = ZERO
        for symbol, mark in self._marks(marks):
            missing = self.leg(symbol, LONG).qty - self.leg(symbol, SHORT).qty
            evened = self.initial_margin(symbol, mark, max(ZERO, -missing), max(ZERO, missing))
            total += evened - self.initial_margin(symbol, mark)
        return total * Decimal(factor)

    def next_worst_case(self, marks: Any) -> Decimal:
        """Return the sum over all legs of what each leg's next step would take on its own."""
        total = ZERO
        for symbol, mark in self._marks(marks):
            now = self.initial_margin(symbol, mark)
            total += self.initial_margin(symbol, mark, self.leg(symbol, LONG).next_qty) - now
            total += self.initial_margin(symbol, mark, ZERO, self.leg(symbol, SHORT).next_qty) - now
        return total

    def _marks(self, marks: Any) -> list[tuple[int, Decimal]]:
        live = sorted({symbol for (symbol, _), leg in self.legs.items() if leg.qty or leg.next_qty})
        return [(symbol, Decimal(float(marks[symbol]))) for symbol in live]

    def _grown(self, symbol: int, side: int, mark: Decimal, added: Decimal) -> Leg:
        leg = self.leg(symbol, side)
        qty = leg.qty + added
        return Leg(qty, (leg.qty * leg.entry + added * mark) / qty if qty else ZERO)

    def _fees(self, symbol: int, long: Leg, short: Leg) -> tuple[Decimal, Decimal]:
        taker = Decimal(self.setup.costs.taker_fee_rate)
        share = 1 / Decimal(float(self.setup.leverage[symbol]))
        hedged = min(long.qty, short.qty)
        return (
            long.entry * (1 - share) * taker * (long.qty + hedged),
            short.entry * (1 + share) * taker * (short.qty + hedged),
        )

    def _tier(self, symbol: int, value: Decimal) -> Decimal:
        tiers = [tier for tier in self.setup.tiers if tier["symbol"] == symbol]
        tier = next((one for one in tiers if value <= Decimal(float(one["upper_value"]))), tiers[-1])
        asked = value * Decimal(float(tier["maintenance_margin_rate"])) - Decimal(float(tier["deduction"]))
        return max(ZERO, asked)


class Audit:
    """A run whose every figure is reckoned again, at every fill, funding and close."""

    def __init__(self, setup: Setup) -> None:
        self.books = Books(setup, Decimal(float(setup.initial_capital)))
        self.n_checked: Counter[str] = Counter()
        self.worst: dict[str, Decimal] = {}
        self._decide = setup.strategy.decide
        self._was_told_of_ladder = False
        self.session = Session(replace(setup, strategy=replace(setup.strategy, decide=self.decide, is_compiled=False)))
        self.session.run()

    def decide(self, row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        """Check, then decide as the strategy does."""
        if view.cause != Cause.LADDER:
            self._book(view)
            self._check(view)
        self._was_told_of_ladder = view.cause == Cause.LADDER
        return int(self._decide(row, view, state, params, intents))

    def _book(self, view: Any) -> None:
        if view.cause == Cause.ORDER and view.event_kind in FILLS:
            self.books.take_fill(view)
            self.n_checked["fills"] += 1
        elif view.cause == Cause.FUNDING:
            self.books.cash -= Decimal(float(view.event_fee))
            self.n_checked["funding"] += 1

    def _check(self, view: Any) -> None:
        books, marks = self.books, view.mark
        live = books._marks(marks)
        equity = books.equity(marks)
        initial = sum((books.initial_margin(symbol, mark) for symbol, mark in live), ZERO)
        maintenance = sum((books.maintenance_margin(symbol, mark) for symbol, mark in live), ZERO)
        self._agree("equity", equity, view.equity)
        self._agree("initial_margin", initial, view.initial_margin)
        self._agree("maintenance_margin", maintenance, view.maintenance_margin)
        self._agree("available", equity - initial, view.available)
        # Once the strategy has answered a move of the ladder, the facts reckon with what it has asked for.
        if self.session.has_ladder and not self._was_told_of_ladder:
            facts = self.session.engine.facts
            reserve = books.reserve(marks, float(facts.safety_factor))
            self._agree("available_for_trading", equity - initial - reserve, facts.available_for_trading)
            self._agree("next_worst_case", books.next_worst_case(marks), facts.next_worst_case)

    def _agree(self, name: str, ours: Decimal, theirs: float) -> None:
        gap = abs(ours - Decimal(float(theirs)))
        self.worst[name] = max(gap, self.worst.get(name, ZERO))
        assert gap <= CLOSE_ENOUGH, (name, ours, float(theirs), self.n_checked)
