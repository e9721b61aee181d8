"""Why the maker asked for something, and what its orders are for."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why an order was placed or taken down, and why no quotes are up."""

    BID = 1
    ASK = 2
    INVENTORY_CLOSED = 3
    REPLACED = 4
    NO_SIZE = 5
    RANGE_ENDED = 10
    STALE = 11
    LOSS_STOP = 12
    WIDE_SPREAD = 13
    NARROW_BAND = 14


class Role(IntEnum):
    """What an order is for; an alarm's role is ``ALARM`` plus its symbol. Apart from other strategies' roles."""

    BID = 21
    ASK = 22
    CLOSE = 23
    ALARM = 1000
