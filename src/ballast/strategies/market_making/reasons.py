"""Why the maker asked for something, and what its orders are for."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why an order was placed or taken down, and why no quotes are up. Apart from other strategies' reasons."""

    BID = 51
    ASK = 52
    INVENTORY_CLOSED = 53
    REPLACED = 54
    NO_SIZE = 55
    RANGE_ENDED = 60
    STALE = 61
    LOSS_STOP = 62
    WIDE_SPREAD = 63
    NARROW_BAND = 64


class Role(IntEnum):
    """What an order is for; an alarm's role is ``ALARM`` plus its symbol. Apart from other strategies' roles."""

    BID = 21
    ASK = 22
    CLOSE = 23
    ALARM = 1000
