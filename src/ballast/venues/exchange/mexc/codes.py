"""Error codes and their words, where their cause arises (MEXC spot v3 documentation, "Error Code")."""

from __future__ import annotations

from ballast.model.enums import Side
from ballast.venues.exchange.refusals import Refusal

KEY_REQUIRED = 400
NOT_FOUND = 404
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
BAD_SYMBOL = 10007
INVALID_KEY = 10072
TOO_MANY_DECIMALS = 10096
WRONG_AMOUNT = 10097
TOO_MANY_ORDERS = 30029
WRONG_ORDER_IDS = 30026
WRONG_PARAMETER = 33333
WRONG_SIGNATURE = 700002
OUT_OF_WINDOW = 700003
MISSING_PARAMETER = 700004
WINDOW_TOO_LONG = 700005
ILLEGAL_CHARACTERS = 700008
WRONG_CONTENT_TYPE = 700013
NOT_SERVED = 730003
UNKNOWN_SYMBOL = -1121
UNKNOWN_ORDER = -2011
NO_SUCH_ORDER = -2013

CODES: dict[Refusal, tuple[int, str]] = {
    Refusal.WRONG_POSITION_SIDE: (NOT_SERVED, "Unsupported operation: spot orders have no position side"),
    Refusal.INVALID_QTY: (WRONG_AMOUNT, "amount is error"),
    Refusal.BELOW_MINIMUM_QTY: (30002, "The minimum transaction volume cannot be less than:{least}"),
    Refusal.ABOVE_MAXIMUM_QTY: (30003, "The maximum transaction volume cannot be greater than:{most}"),
    Refusal.BELOW_MINIMUM_NOTIONAL: (30002, "The minimum transaction volume cannot be less than:{worth}"),
    Refusal.INVALID_PRICE: (WRONG_AMOUNT, "price is error"),
    Refusal.INSUFFICIENT_FUNDS: (30004, "Insufficient position"),
    Refusal.NOTHING_TO_REDUCE: (30005, "Oversold"),
    Refusal.ABOVE_RISK_LIMIT: (30032, "Cannot exceed the maximum position"),
    Refusal.UNKNOWN_ORDER: (UNKNOWN_ORDER, "Unknown order sent."),
    Refusal.ORDER_CLOSED: (UNKNOWN_ORDER, "Unknown order sent."),
    Refusal.DUPLICATE_LINK_ID: (WRONG_ORDER_IDS, "invalid order ids: newClientOrderId has been used"),
    Refusal.TOO_MANY_ORDERS: (TOO_MANY_ORDERS, "Cannot exceed the maximum order limit"),
    Refusal.TOO_MANY_CONDITIONAL_ORDERS: (TOO_MANY_ORDERS, "Cannot exceed the maximum order limit"),
    Refusal.TRIGGER_NOT_ABOVE: (NOT_SERVED, "Unsupported operation: there are no triggers"),
    Refusal.TRIGGER_NOT_BELOW: (NOT_SERVED, "Unsupported operation: there are no triggers"),
    Refusal.WRONG_SIDE_OF_PRICE: (NOT_SERVED, "Unsupported operation: there are no triggers"),
    Refusal.NOT_MODIFIED: (WRONG_PARAMETER, "param is error: nothing would change"),
    Refusal.HAS_POSITION: (NOT_SERVED, "Unsupported operation: there are no positions"),
    Refusal.HAS_ORDERS: (NOT_SERVED, "Unsupported operation: there are open orders"),
    Refusal.NO_POSITION: (30005, "Oversold"),
    Refusal.UNSUPPORTED: (NOT_SERVED, "Unsupported operation"),
    Refusal.NOT_TRADING: (30016, "Trading disabled"),
    Refusal.NO_PRICE: (30010, "no valid trade price"),
}
"""What a client hears of a refusal; braces stand for the symbol's limits."""


class Rejection(Exception):
    """A request answered with an error; ``status`` is HTTP's."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Throttled(Rejection):
    """Too many requests; ``wait_s`` until the next may come. A banned address gets 418, others 429."""

    def __init__(self, wait_s: int, *, is_banned: bool) -> None:
        super().__init__(TOO_MANY_REQUESTS, "Too Many Requests", 418 if is_banned else 429)
        self.wait_s = wait_s


def wrong(message: str) -> Rejection:
    """Return the rejection of a parameter."""
    return Rejection(WRONG_PARAMETER, f"param is error: {message}")


def missing(name: str) -> Rejection:
    """Return the rejection of a request that lacks a parameter."""
    return Rejection(MISSING_PARAMETER, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def of_refusal(refusal: Refusal, side: int = Side.BUY, **limits: str) -> Rejection:
    """Return what a client hears of a refused order; who sells what he has not is told so."""
    code, words = CODES[refusal]
    if refusal == Refusal.INSUFFICIENT_FUNDS and side == Side.SELL:
        code, words = CODES[Refusal.NOTHING_TO_REDUCE]
    return Rejection(code, words.format_map({"least": "", "most": "", "worth": ""} | limits))
