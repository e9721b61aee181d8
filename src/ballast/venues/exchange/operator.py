"""What an operator may ask and do: the kernel's truth as JSON, the clock's steps, money in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import OrderType, PositionSide, Side
from ballast.model.errors import ConfigError
from ballast.venues.exchange.accounts import figures, sides_of
from ballast.venues.exchange.faults.injection import Injection
from ballast.venues.exchange.pace import Pace
from ballast.venues.exchange.refusals import Refused
from ballast.venues.exchange.venue import LocalVenue


class SpotFigures(NamedTuple):
    """The figures of a spot account: nothing is on margin, and ``available`` is the money that no order has locked."""

    equity: float
    initial_margin: float
    maintenance_margin: float
    available: float


class OperatorError(Exception):
    """A request of the operator that cannot be done; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def state(venue: LocalVenue, pace: Pace) -> dict[str, Any]:
    """Return the clock, prices, and what the kernel holds for each account: money, legs, orders, margin."""
    return {
        "clock": {"pace": pace.name, "time_ms": venue.now_ns // MILLISECOND_NS, "has_ended": venue.has_ended},
        "prices": {name: venue.last_price(symbol) for symbol, name in enumerate(venue.market.symbols)},
        "accounts": [_account(venue, account) for account in range(len(venue.setup.accounts))],
        "n_fills": len(venue.fills),
    }


def _account(venue: LocalVenue, account: int) -> dict[str, Any]:
    record, now = venue.record, _figures(venue, account)
    holder = record.accounts[account]
    return {
        "name": venue.setup.accounts[account].name,
        "cash": float(holder.cash),
        "equity": now.equity,
        "initial_margin": now.initial_margin,
        "maintenance_margin": now.maintenance_margin,
        "available": now.available,
        "fees": float(holder.fees),
        "realised_pnl": float(holder.realised_pnl),
        "funding_paid": float(holder.funding_paid),
        "is_liquidated": bool(holder.is_liquidated),
        "position_mode": "hedge" if len(sides_of(venue, account)) == 2 else "one_way",
        "positions": [
            _leg(venue, account, symbol, side)
            for symbol in range(len(venue.market.symbols))
            for side in sides_of(venue, account)
        ],
        "orders": [_order(venue, row) for row in record.orders[: record.clock.n_orders] if row.account == account],
    }


def _figures(venue: LocalVenue, account: int) -> Any:
    if not venue.spot.has(account):
        return figures(venue, account)
    prices = [venue.last_price(symbol) for symbol in range(len(venue.market.symbols))]
    return SpotFigures(venue.spot.value(account, prices), 0.0, 0.0, venue.spot.money(account).free)


def _leg(venue: LocalVenue, account: int, symbol: int, side: PositionSide) -> dict[str, Any]:
    leg = venue.leg(account, symbol, side)
    qty = float(leg.qty)
    return {
        "symbol": venue.market.symbols[symbol],
        "position_side": side.name,
        "qty": qty,
        "entry_price": float(leg.entry_price) if qty else None,
        "leverage": float(leg.leverage),
    }


def _order(venue: LocalVenue, row: Any) -> dict[str, Any]:
    price = float(row.price)
    return {
        "number": int(row.level),
        "symbol": venue.market.symbols[int(row.symbol)],
        "side": Side(int(row.side)).name,
        "type": OrderType(int(row.type)).name,
        "qty_left": float(row.qty),
        "price": None if isnan(price) else price,
    }


def step(venues: Sequence[LocalVenue], pace: Pace, asked: Mapping[str, Any]) -> None:
    """
    Move a stepped clock: ``until_ms`` to a time, ``by_ms`` by a stretch, neither to the path's next turn.

    Every venue's moves to the same time.

    Raises ``OperatorError``.
    """
    if not pace.is_stepped:
        raise OperatorError(409, f"the clock runs by itself ({pace.name}); start the exchange with --clock step")
    unknown = sorted(set(asked) - {"until_ms", "by_ms"})
    if unknown or len(asked) > 1:
        raise OperatorError(400, f"step takes until_ms or by_ms, one of them, not {', '.join(asked)}")
    for name, value in asked.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**13:
            raise OperatorError(400, f"{name} must be a whole number of milliseconds, not {value!r}")
    if "until_ms" in asked:
        until_ns = asked["until_ms"] * MILLISECOND_NS
    elif "by_ms" in asked:
        until_ns = venues[0].now_ns + asked["by_ms"] * MILLISECOND_NS
    else:
        until_ns = min(venue.next_point_ns() for venue in venues)
    for venue in venues:
        venue.advance_to(until_ns)


def transfer(venue: LocalVenue, asked: Mapping[str, Any]) -> None:
    """Bring quote money into an account, or take it out; raises ``OperatorError``."""
    account, amount = asked.get("account"), asked.get("amount")
    is_account = isinstance(account, int) and not isinstance(account, bool)
    if set(asked) != {"account", "amount"} or not is_account or not 0 <= int(account or 0) < len(venue.setup.accounts):
        raise OperatorError(400, f"transfer takes account, from 0 to {len(venue.setup.accounts) - 1}, and amount")
    if not isinstance(amount, int | float) or isinstance(amount, bool):
        raise OperatorError(400, f"amount must be a number of quote money, not {amount!r}")
    try:
        venue.transfer(int(account or 0), float(amount))
    except Refused:
        raise OperatorError(409, f"account {account} does not hold {-amount:g}") from None


def set_faults(injection: Injection, asked: Mapping[str, Any]) -> None:
    """Put ``faults`` in force, with ``clear`` in place of all others; raises ``OperatorError``, and nothing changes."""
    unknown = sorted(set(asked) - {"faults", "clear"})
    if unknown or not isinstance(asked.get("clear", False), bool):
        raise OperatorError(400, f"faults takes faults, a list, and clear, true or false, not {', '.join(asked)}")
    try:
        injection.arm(asked.get("faults", []), "operator", is_only=asked.get("clear", False))
    except ConfigError as error:
        raise OperatorError(400, str(error)) from None
