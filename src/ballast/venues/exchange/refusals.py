"""Why the venue refuses a request at once, whatever words its face has for that."""

from __future__ import annotations

from enum import IntEnum

from ballast.model.enums import Reason


class Refusal(IntEnum):
    """What is wrong with a request."""

    WRONG_POSITION_SIDE = 1
    INVALID_QTY = 2
    BELOW_MINIMUM_QTY = 3
    ABOVE_MAXIMUM_QTY = 4
    BELOW_MINIMUM_NOTIONAL = 5
    INVALID_PRICE = 6
    INSUFFICIENT_FUNDS = 7
    NOTHING_TO_REDUCE = 8
    ABOVE_RISK_LIMIT = 9
    UNKNOWN_ORDER = 10
    ORDER_CLOSED = 11
    DUPLICATE_LINK_ID = 12
    TOO_MANY_ORDERS = 13
    TOO_MANY_CONDITIONAL_ORDERS = 14
    TRIGGER_NOT_ABOVE = 15
    TRIGGER_NOT_BELOW = 16
    NOT_MODIFIED = 17
    HAS_POSITION = 18
    HAS_ORDERS = 19
    NO_POSITION = 20
    UNSUPPORTED = 21
    NO_PRICE = 22
    NOT_TRADING = 23
    WRONG_SIDE_OF_PRICE = 24


class Refused(Exception):
    """A request that the venue refuses; nothing has changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name.lower().replace("_", " "))
        self.refusal = refusal


OF_KERNEL = {
    Reason.INSUFFICIENT_CASH: Refusal.INSUFFICIENT_FUNDS,
    Reason.INSUFFICIENT_POSITION: Refusal.INSUFFICIENT_FUNDS,
    Reason.INSUFFICIENT_MARGIN: Refusal.INSUFFICIENT_FUNDS,
    Reason.BELOW_MINIMUM_NOTIONAL: Refusal.BELOW_MINIMUM_NOTIONAL,
    Reason.BELOW_LOT: Refusal.BELOW_MINIMUM_QTY,
    Reason.ABOVE_MAXIMUM_QTY: Refusal.ABOVE_MAXIMUM_QTY,
    Reason.INVALID_QTY: Refusal.INVALID_QTY,
    Reason.INVALID_PRICE: Refusal.INVALID_PRICE,
    Reason.NOTHING_TO_REDUCE: Refusal.NOTHING_TO_REDUCE,
    Reason.ORDER_TABLE_FULL: Refusal.TOO_MANY_ORDERS,
    Reason.WATCH_TABLE_FULL: Refusal.TOO_MANY_CONDITIONAL_ORDERS,
    Reason.WRONG_POSITION_SIDE: Refusal.WRONG_POSITION_SIDE,
    Reason.ABOVE_RISK_LIMIT: Refusal.ABOVE_RISK_LIMIT,
    Reason.UNSUPPORTED: Refusal.UNSUPPORTED,
}
"""The kernel's reasons that a client hears as the answer to its request; any other cancels an accepted order."""
