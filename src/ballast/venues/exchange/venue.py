"""
The venue without a wire: n accounts trade one recorded market through the kernel.

Synchronous, without clocks and sockets: who holds it says what time it is, hands in requests, and takes what
happened. Times are the market's, nanoseconds UTC. Invariants: (V1) every fill, fee, margin and liquidation is the
kernel's; orders here only remember. (V2) A request is done, or refused with nothing changed, when its call returns.
(V3) Updates come in the order in which things happened.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from dataclasses import replace
from math import isfinite, isnan, nan
from typing import Any

import numpy as np

from ballast.kernel.margin_account import set_leverage
from ballast.model.enums import EventKind, OrderType, PositionMode, PositionSide, QtyUnit, Reason, Side, TimeInForce
from ballast.model.units import round_to_tick
from ballast.venues.exchange.checks import check_leg, check_order, check_qty, check_reach, check_room, check_trigger
from ballast.venues.exchange.hosting import Happened, Host
from ballast.venues.exchange.legs import Legs
from ballast.venues.exchange.market import Setup
from ballast.venues.exchange.orders import (
    BestMoved,
    Fill,
    FundingPaid,
    Order,
    OrderChanged,
    OrderRequest,
    OrderState,
    Origin,
    PositionChanged,
    Trigger,
    Update,
    WalletChanged,
    forced_trade_of,
    protection_of,
)
from ballast.venues.exchange.refusals import OF_KERNEL, Refusal, Refused
from ballast.venues.exchange.registry import Registry
from ballast.venues.exchange.spot import SpotBooks
from ballast.venues.exchange.tape import Tape


class LocalVenue:
    """
    A venue that clients trade at.

    Attributes
    ----------
    setup : Setup
    record : Venue
        The kernel's own state, for reading: the truth about money and positions.
    host : Host
        The same, asked quickly.
    orders : Registry
    spot : SpotBooks
    tape : Tape
    fills : list of Fill
        Every execution, oldest first.
    funding : list of FundingPaid
        Every payment, oldest first.
    delisted : set of int
        Symbols that trade no more.
    """

    def __init__(self, setup: Setup) -> None:
        # A market of its own, because what is listed may change.
        self.setup = replace(setup, market=replace(setup.market))
        self.market = self.setup.market
        self.host = Host(setup)
        self.record = self.host.record
        self.orders = Registry()
        self._legs = Legs(len(self.record.accounts), len(self.market.symbols))
        self.spot = SpotBooks(self.setup, self.host, self._legs, self.orders)
        self.tape = Tape(self.market)
        self.fills: list[Fill] = []
        self.funding: list[FundingPaid] = []
        self.delisted: set[int] = set()
        self._protection: dict[tuple[int, int, Origin], Order] = {}
        self._updates: list[Update] = []
        self._n_events = 0
        self._symbols = {name: symbol for symbol, name in enumerate(self.market.symbols)}
        self._looked_ns = -1
        self._settle()
        self._updates.clear()

    @property
    def now_ns(self) -> int:
        """The market's time."""
        return self.host.now_ns

    @property
    def has_ended(self) -> bool:
        """Whether the market's last price has been reached; the venue then stands still, and still trades."""
        return self.now_ns >= self.market.end_ns - 1

    def advance_to(self, time_ns: int) -> None:
        """Let everything happen until ``time_ns``; time never goes back, nor past the market's end."""
        self.host.move_to(time_ns)
        self._settle()

    def next_point_ns(self) -> int:
        """Return when the price next turns: the smallest step in which this market moves by itself."""
        return self.host.next_point_ns()

    def take_updates(self) -> list[Update]:
        """Return what has happened since the last call, oldest first."""
        taken, self._updates = self._updates, []
        return taken

    def last_price(self, symbol: int) -> float:
        """Return where the price stands, off the tick grid on the way between two; NaN before the first."""
        return self.host.last_price(symbol)

    def mark_price(self, symbol: int) -> float:
        """Return the mark price; the last price where the market has none."""
        return self.host.mark_price(symbol)

    def withdraw(self, symbol: int) -> None:
        """Let a symbol of a market of ticks have no price until its next tick: nothing fills."""
        self.host.withdraw(symbol)
        self._updates.append(BestMoved(symbol))

    def symbol(self, name: str) -> int | None:
        """Return a symbol's number; None if it is not listed."""
        return self._symbols.get(name)

    def is_hedged(self, account: int) -> bool:
        """Tell whether an account's symbols have two legs."""
        return int(self.host.position_mode.item(account)) == PositionMode.HEDGE

    def held(self, account: int, symbol: int, position_side: int) -> float:
        """Return what a leg holds, signed, base units."""
        return float(self.host.qty.item(self._leg(account, symbol, position_side)))

    def leg(self, account: int, symbol: int, position_side: int) -> Any:
        """Return the kernel's record of a leg."""
        return self.record.positions[self._leg(account, symbol, position_side)]

    def realised_profit(self, account: int, symbol: int, position_side: int) -> float:
        """Return what a leg has earned since the start, less its fees and funding; quote money."""
        return self._legs.profit[self._leg(account, symbol, position_side)]

    def protection(self, account: int, symbol: int, position_side: int, origin: Origin) -> float:
        """Return where a leg's take-profit or stop-loss waits; 0 for nowhere."""
        order = self._protection.get((account, self._leg(account, symbol, position_side), origin))
        return 0.0 if order is None else order.trigger_price

    def check(self, account: int, request: OrderRequest) -> int:
        """Return the number of an order's symbol; raises ``Refused`` if the order is wrong on its face."""
        symbol = self._symbols[request.symbol]
        if symbol in self.delisted:
            raise Refused(Refusal.NOT_TRADING)
        if request.link_id and self.orders.has_link(account, request.link_id):
            raise Refused(Refusal.DUPLICATE_LINK_ID)
        last_price, held = self.last_price(symbol), self.held(account, symbol, request.position_side)
        can_wait = request.type == OrderType.LIMIT and request.time_in_force == TimeInForce.GTC
        if not (can_wait or request.trigger or self.host.has_price(symbol)):
            raise Refused(Refusal.NO_PRICE)
        check_order(request, self.is_hedged(account), held, last_price, self.market.listings[symbol])
        is_spot = self.spot.has(account)
        check_room(request, self.orders, account, symbol, is_spot=is_spot)
        if is_spot and request.trigger == Trigger.NONE:
            self.spot.check(account, symbol, request)
        return symbol

    def place(self, account: int, request: OrderRequest) -> Order:
        """
        Take an order.

        Raises
        ------
        Refused
            It is wrong on its face, or the kernel will not have it; it then exists nowhere.
        """
        symbol = self.check(account, request)
        order = self.orders.new(account, symbol, request, self.now_ns, self.last_price(symbol))
        order.price = self._on_tick(symbol, request.price, request.side)
        if request.trigger != Trigger.NONE:
            self._arm(order)
            return order
        self._send(order)
        self._settle()
        if order.state == OrderState.REJECTED:
            raise Refused(OF_KERNEL[order.reason])
        if order.state == OrderState.CREATED:
            self._change(order, OrderState.NEW)
        return order

    def amend(
        self, order: Order, *, qty: float | None = None, price: float | None = None, trigger_price: float | None = None
    ) -> None:
        """Change what an order asks for, where it is given; ``qty`` counts what has filled. Raises ``Refused``."""
        if not order.is_live:
            raise Refused(Refusal.ORDER_CLOSED)
        qty, price = order.qty if qty is None else qty, order.price if price is None else price
        trigger_price = order.trigger_price if trigger_price is None else trigger_price
        left = qty - order.filled_qty
        if order.request.qty_unit == QtyUnit.BASE:
            check_qty(left, nan, self.market.listings[order.symbol])
        elif qty != order.qty:
            raise Refused(Refusal.UNSUPPORTED)
        if order.request.type == OrderType.LIMIT:
            check_reach([price], self.market.listings[order.symbol].tick)
            price = self._on_tick(order.symbol, price, order.request.side)
        moves_trigger = order.is_conditional and trigger_price != order.trigger_price
        is_same_price = price == order.price or isnan(price)
        if qty == order.qty and is_same_price and not moves_trigger:
            raise Refused(Refusal.NOT_MODIFIED)
        if order.state != OrderState.UNTRIGGERED and self.spot.has(order.account):
            self.spot.check_again(order, left, price)
        if moves_trigger:
            if order.state != OrderState.UNTRIGGERED:
                raise Refused(Refusal.ORDER_CLOSED)
            last_price = self.last_price(order.symbol)
            request = self.spot.aimed(order, trigger_price, last_price)
            check_trigger(request.trigger, trigger_price, last_price, self.market.listings[order.symbol].tick)
            order.request, order.trigger_price = request, trigger_price
            self.host.watch(order)
        if order.state != OrderState.UNTRIGGERED:
            self.host.amend(order, left if qty != order.qty else nan, price)
        order.qty, order.price = qty, price
        self._change(order, order.state)
        self._settle()

    def cancel(self, order: Order) -> None:
        """Take an order back; raises ``Refused`` if it is closed already."""
        if not order.is_live:
            raise Refused(Refusal.ORDER_CLOSED)
        self._cancel(order, Reason.CANCELLED_BY_STRATEGY)
        self._settle()

    def set_leverage(self, account: int, symbol: int, leverage: float) -> None:
        """Change a symbol's leverage, in both legs; raises ``Refused``."""
        if self.leg(account, symbol, PositionSide.NONE).leverage == leverage:
            raise Refused(Refusal.NOT_MODIFIED)
        reason = set_leverage(self.record, account, symbol, leverage)
        if reason == Reason.INSUFFICIENT_MARGIN:
            raise Refused(Refusal.INSUFFICIENT_FUNDS)
        if reason != Reason.NONE:
            raise Refused(Refusal.ABOVE_RISK_LIMIT)
        self._updates.append(PositionChanged(account, symbol))

    def set_position_mode(self, account: int, mode: PositionMode) -> None:
        """Change whether an account's symbols have one position or two legs; raises ``Refused`` unless it is idle."""
        if self.record.accounts[account].position_mode == mode:
            raise Refused(Refusal.NOT_MODIFIED)
        first, end = self._leg(account, 0, PositionSide.NONE), self._leg(account + 1, 0, PositionSide.NONE)
        if np.any(self.record.positions["qty"][first:end]):
            raise Refused(Refusal.HAS_POSITION)
        if self.orders.has_live(account):
            raise Refused(Refusal.HAS_ORDERS)
        self.record.accounts[account].position_mode = mode

    def transfer(self, account: int, amount: float) -> None:
        """Bring quote money in, or take it out when ``amount`` < 0; raises ``Refused`` if it is not there."""
        holder = self.record.accounts[account]
        if not isfinite(amount) or holder.cash + amount < 0.0:
            raise Refused(Refusal.INSUFFICIENT_FUNDS)
        holder.cash += amount
        self._updates.append(WalletChanged(account))

    def lose(self, account: int, amount: float) -> None:
        """Take quote money away, also what is not there: the kernel judges what follows as time goes on."""
        self.record.accounts[account].cash -= amount
        self._updates.append(WalletChanged(account))

    def delist(self, symbol: int) -> None:
        """Cancel a symbol's orders, and take no new one; positions stay."""
        self.delisted.add(symbol)
        for order in self.orders.of_symbol(symbol):
            if order.is_live:
                self._cancel(order, Reason.CANCELLED_BY_STRATEGY)
                self._settle()

    def check_protection(
        self, account: int, symbol: int, position_side: PositionSide, origin: Origin, price: float, *, is_ahead: bool
    ) -> Trigger:
        """Return on which way a leg's protection would be met; raises ``Refused`` if it cannot be set there."""
        last_price = self.last_price(symbol) if is_ahead else nan
        held, tick = self.held(account, symbol, position_side), self.market.listings[symbol].tick
        return check_leg(held, origin, price, last_price, tick)

    def protect(
        self,
        account: int,
        symbol: int,
        position_side: PositionSide,
        origin: Origin,
        price: float,
        *,
        is_ahead: bool = True,
    ) -> None:
        """
        Set a leg's take-profit or stop-loss, which closes all of it; price 0 takes it away.

        Raises ``Refused``: no position, a price on the wrong side, or nothing would change. Unless it must lie ahead,
        what the price has passed already is met by the next one.
        """
        trigger = self.check_protection(account, symbol, position_side, origin, price, is_ahead=is_ahead)
        if price == self.protection(account, symbol, position_side, origin):
            raise Refused(Refusal.NOT_MODIFIED)
        held = self.held(account, symbol, position_side)
        key = (account, self._leg(account, symbol, position_side), origin)
        if key in self._protection:
            self._cancel(self._protection[key], Reason.CANCELLED_BY_STRATEGY)
        if price != 0.0:
            request = protection_of(self.market.symbols[symbol], held, position_side, origin, trigger, price)
            self._protection[key] = self.orders.new(account, symbol, request, self.now_ns, self.last_price(symbol))
            self._arm(self._protection[key])
        self._updates.append(PositionChanged(account, symbol))

    def _leg(self, account: int, symbol: int, position_side: int) -> int:
        return self._legs.at(account, symbol, position_side)

    def _on_tick(self, symbol: int, price: float, side: Side) -> float:
        """Return the tick that never pays more than was asked; NaN stays."""
        listing = self.market.listings[symbol]
        return float(round_to_tick(price, listing.tick_units, listing.tick_scale, side == Side.SELL))

    def _settle(self) -> None:
        """Let the kernel do all that is due, and hear it."""
        sent = None
        for word in self.host.run():
            if sent is not None:
                self._acknowledge(sent)
            sent = self._trigger(self.orders.all[word]) if isinstance(word, int) else None
            if isinstance(word, Happened):
                self._take(word)
        if sent is not None:
            self._acknowledge(sent)
        now_ns = self.now_ns
        if now_ns != self._looked_ns:
            self._looked_ns = now_ns
            self._look()

    def _look(self) -> None:
        """Put on the tape what the market has done."""
        if self.market.has_ticks:
            self._updates += self.tape.hear(self.host.take_walked())
        else:
            self._updates += self.tape.look(self.host.prices(), max(0, self.host.frame), self.now_ns)

    def _send(self, order: Order) -> None:
        order.kernel_id = self.host.place(order)
        self.orders.by_kernel[order.kernel_id] = order

    def _arm(self, order: Order) -> None:
        self.host.watch(order)
        self._change(order, OrderState.UNTRIGGERED)

    def _trigger(self, order: Order) -> Order:
        """Send a conditional order whose price has been met, if it can be paid; the kernel stands at that price."""
        if order.request.closes_all:
            order.qty = abs(self.held(order.account, order.symbol, order.request.position_side))
        order.is_triggered = True
        self._unprotect(order)
        self._change(order, OrderState.TRIGGERED)
        if self.spot.has(order.account) and not self.spot.can_pay(order):
            order.reason = Reason.INSUFFICIENT_CASH
            self._change(order, OrderState.CANCELLED)
            return order
        order.state = OrderState.CREATED
        self._send(order)
        return order

    def _cancel(self, order: Order, reason: Reason) -> None:
        if order.state != OrderState.UNTRIGGERED:
            self.host.cancel(order)
            return
        self.host.forget_watch(order)
        self._unprotect(order)
        order.reason = reason
        self._change(order, OrderState.DEACTIVATED)

    def _unprotect(self, order: Order) -> None:
        if not self._protection:
            return
        self._protection = {key: one for key, one in self._protection.items() if one is not order}

    def _take(self, event: Happened) -> None:
        """Take in one word of the kernel."""
        kind = event.kind
        if self.market.has_ticks:
            # What the market did before comes first.
            self._look()
        if kind in (EventKind.FILLED, EventKind.PARTIALLY_FILLED):
            self._take_fill(event)
        elif kind == EventKind.FUNDING:
            self._take_funding(event)
        elif kind == EventKind.INSURANCE:
            self._updates.append(WalletChanged(event.account))
        else:
            order = self.orders.by_kernel[event.order_id]
            order.reason = Reason(event.reason)
            is_new = order.state == OrderState.CREATED and not order.is_triggered
            if is_new and kind == EventKind.REJECTED and order.reason in OF_KERNEL:
                order.state = OrderState.REJECTED
                self.orders.forget(order)
            else:
                self._acknowledge(order)
                self._change(order, OrderState.CANCELLED)

    def _acknowledge(self, order: Order) -> None:
        if order.state == OrderState.CREATED:
            self._change(order, OrderState.NEW)

    def _take_fill(self, event: Happened) -> None:
        account, symbol, qty, price = event.account, event.symbol, event.qty, event.price
        order = self.orders.by_kernel.get(event.order_id) or self._venues_own(event)
        self._acknowledge(order)
        leg = self._leg(account, symbol, event.position_side)
        fee = event.fee
        part = self._legs.fill(leg, qty * event.side, price, fee)
        order.filled_qty += qty
        order.filled_value += qty * price
        if order.request.qty_unit == QtyUnit.QUOTE:
            order.qty = order.filled_qty
        order.fees += fee
        is_filled = event.kind == EventKind.FILLED
        self._change(order, OrderState.FILLED if is_filled else OrderState.PARTIALLY_FILLED)
        is_maker = event.is_maker
        fee_rates = self.host.maker_fee_rate if is_maker else self.host.taker_fee_rate
        fill = Fill(
            number=self._next_number(),
            order=copy(order),
            qty=qty,
            price=price,
            fee=fee,
            fee_rate=float(fee_rates.item(account)),
            is_maker=is_maker,
            closed_qty=part.closed_qty,
            profit=part.profit,
            mark_price=self.mark_price(symbol),
            time_ns=event.time_ns,
            closed_fees=part.fees,
        )
        self.fills.append(fill)
        self._updates += [fill, PositionChanged(account, symbol), WalletChanged(account)]
        if not is_maker:
            self._updates.append(self.tape.print(symbol, Side(event.side), price, qty, fill.time_ns))
        self._after_fill(order, leg)

    def _after_fill(self, order: Order, leg: int) -> None:
        """Put protection on what an order has opened, and take it from what is closed."""
        if self._legs.held[leg] == 0.0:
            for key in [key for key in self._protection if key[1] == leg]:
                self._cancel(self._protection[key], Reason.NOTHING_TO_REDUCE)
            return
        request = order.request
        if self._legs.held[leg] * request.opens < 0.0:
            return
        for origin, price in ((Origin.TAKE_PROFIT, request.take_profit), (Origin.STOP_LOSS, request.stop_loss)):
            if not isnan(price):
                # Refused: set by an earlier part of this order.
                with suppress(Refused):
                    self.protect(order.account, order.symbol, request.position_side, origin, price, is_ahead=False)

    def _venues_own(self, event: Happened) -> Order:
        """Return an order for what the venue itself trades: a liquidation or ADL."""
        symbol, origin = event.symbol, Origin.ADL if event.reason == Reason.ADL else Origin.LIQUIDATION
        side, leg = Side(event.side), PositionSide(event.position_side)
        request = forced_trade_of(self.market.symbols[symbol], side, event.qty, leg, origin)
        return self.orders.new(event.account, symbol, request, event.time_ns, self.last_price(symbol))

    def _take_funding(self, event: Happened) -> None:
        account, symbol, side = event.account, event.symbol, PositionSide(event.position_side)
        if not self.is_hedged(account):
            side = PositionSide.NONE
        leg = self._leg(account, symbol, side)
        self._legs.pay(leg, event.fee)
        paid = FundingPaid(
            number=self._next_number(),
            account=account,
            symbol=symbol,
            position_side=side,
            qty=self._legs.held[leg],
            mark_price=event.price,
            payment=event.fee,
            time_ns=event.time_ns,
        )
        self.funding.append(paid)
        self._updates += [paid, PositionChanged(account, symbol), WalletChanged(account)]

    def _next_number(self) -> int:
        self._n_events += 1
        return self._n_events

    def _change(self, order: Order, state: OrderState) -> None:
        """Put an order into a state, and tell of it and of its position, as the venue does at every change."""
        order.state = state
        order.updated_ns = self.host.clock_ns
        if not order.is_live:
            self.orders.close(order)
        self._updates += [OrderChanged(copy(order)), PositionChanged(order.account, order.symbol)]
