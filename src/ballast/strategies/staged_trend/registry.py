"""
Which trades of a symbol belong together: the first one opens a window, later ones join it.

Invariants: (T1) tickets stand in the order in which they were opened; (T2) the window begins with the first
and is never renewed while a ticket lives; (T3) without tickets there is no record of time or trend.
"""

from __future__ import annotations

from math import nan
from typing import Annotated

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.records import ArrayOf, record
from ballast.strategies.staged_trend.settings import MAX_TRADES

NO_TICKET = -1


@record
class Ticket:
    """One open trade. ``profit`` is net and floating, NaN while unread; ``risk`` what it loses at its stop."""

    id: int = NO_TICKET
    side: int = PositionSide.NONE
    opened_ns: int
    profit: float = nan
    risk: float = nan


@record
class Stage:
    """One symbol's tickets, the time of the first and the trend that it joined."""

    first_trade_ns: int
    trend: int = PositionSide.NONE
    n_tickets: int
    tickets: Annotated[npt.NDArray[np.void], ArrayOf(Ticket, MAX_TRADES)]


@compiled
def ticket_index(stage: Stage, ticket_id: int) -> int:
    """Return the place of a ticket, or -1."""
    for index in range(stage.n_tickets):
        if stage.tickets[index].id == ticket_id:
            return index
    return -1


@compiled
def register(stage: Stage, ticket_id: int, side: int, opened_ns: int, risk: float) -> bool:
    """
    Add a trade that was really opened; return whether it was.

    A negative id is a venue's way of saying that nothing was opened; it, a known id, a side other than LONG
    and SHORT, and one ticket too many are refused. After a restart, register what the venue holds with the
    venue's times, in any order: the earliest begins the window.
    """
    is_side = side == PositionSide.LONG or side == PositionSide.SHORT
    if ticket_id < 0 or not is_side or stage.n_tickets == MAX_TRADES or ticket_index(stage, ticket_id) >= 0:
        return False
    if stage.n_tickets == 0 or opened_ns < stage.first_trade_ns:
        stage.first_trade_ns = opened_ns
        stage.trend = side
    at = stage.n_tickets
    while at > 0 and stage.tickets[at - 1].opened_ns > opened_ns:
        copy(stage.tickets[at], stage.tickets[at - 1])
        at -= 1
    ticket = stage.tickets[at]
    ticket.id = ticket_id
    ticket.side = side
    ticket.opened_ns = opened_ns
    ticket.profit = nan
    ticket.risk = risk
    stage.n_tickets += 1
    return True


@compiled
def unregister(stage: Stage, ticket_id: int) -> bool:
    """Take out a trade that is closed; return whether it was there. The last one takes time and trend with it."""
    at = ticket_index(stage, ticket_id)
    if at < 0:
        return False
    for index in range(at, stage.n_tickets - 1):
        copy(stage.tickets[index], stage.tickets[index + 1])
    stage.n_tickets -= 1
    clear(stage.tickets[stage.n_tickets])
    if stage.n_tickets == 0:
        stage.first_trade_ns = 0
        stage.trend = PositionSide.NONE
    return True


@compiled
def forget_missing(stage: Stage, open_ids: npt.NDArray[np.int64]) -> int:
    """Take out every ticket that the venue does not hold; return how many."""
    n_missing = 0
    for index in range(stage.n_tickets - 1, -1, -1):
        ticket_id = stage.tickets[index].id
        if not contains(open_ids, ticket_id):
            unregister(stage, ticket_id)
            n_missing += 1
    return n_missing


@compiled
def contains(ids: npt.NDArray[np.int64], ticket_id: int) -> bool:
    """Tell whether an id is among others."""
    for index in range(ids.shape[0]):
        if ids[index] == ticket_id:
            return True
    return False


@compiled
def set_profit(stage: Stage, ticket_id: int, profit: float) -> bool:
    """Note a ticket's floating profit, NaN if it could not be read; return whether the ticket is there."""
    at = ticket_index(stage, ticket_id)
    if at >= 0:
        stage.tickets[at].profit = profit
    return at >= 0


@compiled
def copy(target: Ticket, source: Ticket) -> None:
    """Make one slot equal to another."""
    target.id = source.id
    target.side = source.side
    target.opened_ns = source.opened_ns
    target.profit = source.profit
    target.risk = source.risk


@compiled
def clear(ticket: Ticket) -> None:
    """Empty a slot, so that equal histories leave equal bytes."""
    ticket.id = NO_TICKET
    ticket.side = PositionSide.NONE
    ticket.opened_ns = 0
    ticket.profit = nan
    ticket.risk = nan
