"""Return codes and their words, where their cause arises (Bybit V5 documentation, "Error codes")."""

from __future__ import annotations

from ballast.venues.exchange.refusals import Refusal

OK = 0
PARAMETER_ERROR = 10001
SERVER_TIMEOUT = 10000
TIMESTAMP_OUT_OF_WINDOW = 10002
INVALID_KEY = 10003
WRONG_SIGNATURE = 10004
TOO_MANY_VISITS = 10006
SERVER_ERROR = 10016
UNKNOWN_REQUEST = 10404
NOT_FOUND = 404
NOT_MODIFIED = 34040

CODES: dict[Refusal, tuple[int, str]] = {
    Refusal.WRONG_POSITION_SIDE: (PARAMETER_ERROR, "position idx not match position mode"),
    Refusal.INVALID_QTY: (PARAMETER_ERROR, "Qty invalid"),
    Refusal.BELOW_MINIMUM_QTY: (PARAMETER_ERROR, "The number of contracts exceeds minimum limit allowed"),
    Refusal.ABOVE_MAXIMUM_QTY: (PARAMETER_ERROR, "The number of contracts exceeds maximum limit allowed: too large"),
    Refusal.BELOW_MINIMUM_NOTIONAL: (110094, "Order does not meet minimum order value"),
    Refusal.INVALID_PRICE: (110003, "Order price exceeds the allowable range."),
    Refusal.INSUFFICIENT_FUNDS: (110007, "ab not enough for new order"),
    Refusal.NOTHING_TO_REDUCE: (110017, "current position is zero, cannot fix reduce-only order qty"),
    Refusal.ABOVE_RISK_LIMIT: (110013, "cannot set leverage due to risk limit level"),
    Refusal.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
    Refusal.ORDER_CLOSED: (110001, "order not exists or too late to cancel"),
    Refusal.DUPLICATE_LINK_ID: (110072, "OrderLinkedID is duplicate"),
    Refusal.TOO_MANY_ORDERS: (110020, "Not allowed to have more than 500 active orders."),
    Refusal.TOO_MANY_CONDITIONAL_ORDERS: (110009, "The number of stop orders exceeds the maximum allowable limit."),
    Refusal.TRIGGER_NOT_ABOVE: (110092, "expect Rising, but trigger_price is not above the current price"),
    Refusal.TRIGGER_NOT_BELOW: (110093, "expect Falling, but trigger_price is not below the current price"),
    Refusal.NOT_MODIFIED: (
        PARAMETER_ERROR,
        "The order remains unchanged as the parameters entered match the existing ones.",
    ),
    Refusal.HAS_POSITION: (110024, "You have an existing position, so position mode cannot be switched."),
    Refusal.HAS_ORDERS: (110028, "You have existing open orders, so position mode cannot be switched."),
    Refusal.NO_POSITION: (PARAMETER_ERROR, "can not set tp/sl/ts for zero position"),
    Refusal.WRONG_SIDE_OF_PRICE: (
        PARAMETER_ERROR,
        "TakeProfit set for Buy position should be higher than base_price, StopLoss lower; for Sell the reverse",
    ),
    Refusal.NO_PRICE: (110063, "Settlement in progress! The symbol is not available for trading."),
    Refusal.NOT_TRADING: (110074, "This contract is not live"),
    Refusal.UNSUPPORTED: (PARAMETER_ERROR, "The local exchange does not have this"),
}
SPOT_CODES: dict[Refusal, tuple[int, str]] = CODES | {
    Refusal.INVALID_QTY: (170137, "Order volume decimal too long."),
    Refusal.BELOW_MINIMUM_QTY: (170136, "Order quantity lower than the minimum."),
    Refusal.ABOVE_MAXIMUM_QTY: (170135, "Order quantity too large."),
    Refusal.BELOW_MINIMUM_NOTIONAL: (170140, "Order value exceeded lower limit."),
    Refusal.INVALID_PRICE: (170133, "Order price lower than the minimum."),
    Refusal.INSUFFICIENT_FUNDS: (170131, "Insufficient balance."),
    Refusal.UNKNOWN_ORDER: (170213, "Order does not exist."),
    Refusal.ORDER_CLOSED: (170213, "Order does not exist."),
    Refusal.DUPLICATE_LINK_ID: (170141, "Duplicate clientOrderId."),
    Refusal.TOO_MANY_ORDERS: (170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
    Refusal.TOO_MANY_CONDITIONAL_ORDERS: (170810, "Cannot exceed maximum of 30 conditional orders of a symbol."),
    Refusal.TRIGGER_NOT_ABOVE: (170130, "Data sent for parameter 'triggerPrice' is not valid."),
    Refusal.TRIGGER_NOT_BELOW: (170130, "Data sent for parameter 'triggerPrice' is not valid."),
    Refusal.NO_PRICE: (170151, "The trading pair is not open yet."),
    Refusal.NOT_TRADING: (170151, "The trading pair is not open yet."),
}


class Rejection(Exception):
    """A request answered with a return code other than 0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def wrong(message: str) -> Rejection:
    """Return the rejection of a parameter."""
    return Rejection(PARAMETER_ERROR, message)
