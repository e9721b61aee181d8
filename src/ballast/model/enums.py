"""The words that compiled and interpreted code share, as integers with names."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Direction of an order; the value is the sign of the base quantity it adds."""

    BUY = 1
    SELL = -1


class PositionSide(IntEnum):
    """Which leg of a symbol: NONE where a symbol has one net position (spot, one-way)."""

    NONE = 0
    LONG = 1
    SHORT = 2


class OrderType(IntEnum):
    """How an order becomes a fill."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3
    TRAILING = 4


class TimeInForce(IntEnum):
    """How long an order may wait."""

    GTC = 0
    IOC = 1
    FOK = 2


class TriggerSource(IntEnum):
    """Which price wakes a stop."""

    LAST = 0
    MARK = 1


class QtyUnit(IntEnum):
    """What an intent's ``qty`` counts; everything but BASE becomes base units at the fill price."""

    BASE = 0
    QUOTE = 1  # notional without its fee
    CASH_FRACTION = 2  # of cash, fee included
    POSITION_FRACTION = 3  # of the position held


class IntentKind(IntEnum):
    """What a strategy may ask for."""

    PLACE = 0
    AMEND = 1
    CANCEL = 2
    TARGET = 3
    WATCH = 4
    TIMER = 5
    ALERT = 6
    NOTE = 7


class Cause(IntEnum):
    """Why a strategy is called; negative values end a run and never reach one."""

    PAUSE = -4
    RUNAWAY = -3
    FULL = -2
    END = -1
    BAR = 0
    ORDER = 1
    WATCH = 2
    TIMER = 3
    QUOTE = 4
    TRADE = 5
    FUNDING = 6
    LADDER = 7


class EventKind(IntEnum):
    """What the venue says about an order; the last two are about a leg and about an account."""

    FILLED = 0
    PARTIALLY_FILLED = 1
    EXPIRED = 2
    CANCELLED = 3
    REJECTED = 4
    FUNDING = 5
    INSURANCE = 6  # the fund pays what a bankrupt account cannot


class Reason(IntEnum):
    """Why an order did less than was asked. Strategies number their own reasons apart from these."""

    NONE = 0
    INSUFFICIENT_CASH = 1
    INSUFFICIENT_POSITION = 2
    BELOW_MINIMUM_NOTIONAL = 3
    BELOW_LOT = 4
    WOULD_CROSS = 5
    NO_PRICE = 6
    EXPIRED = 7
    NOTHING_TO_REDUCE = 8
    INVALID_QTY = 9
    INVALID_PRICE = 10
    CANCELLED_BY_STRATEGY = 11
    IMMEDIATE_UNFILLED = 12
    ORDER_TABLE_FULL = 13
    UNKNOWN_ORDER = 14
    MARK_PRICE_UNAVAILABLE = 15
    LADDER_FROZEN = 16
    LADDER_PANIC = 17
    LADDER_EMERGENCY = 18
    LADDER_HALTED = 19
    ABOVE_MAXIMUM_QTY = 20
    UNSUPPORTED = 21
    UNKNOWN_SYMBOL = 22
    WATCH_TABLE_FULL = 23
    TIMER_TABLE_FULL = 24
    INSUFFICIENT_MARGIN = 25
    LIQUIDATION = 26
    ADL = 27
    WRONG_POSITION_SIDE = 28
    LADDER_GATE = 29  # the account as it would be afterwards is too weak
    ABOVE_RISK_LIMIT = 30  # more leverage than the position's tier allows


class LadderState(IntEnum):
    """States of the risk ladder, weakest to strongest."""

    NORMAL = 0
    FROZEN = 1
    PANIC = 2
    EMERGENCY = 3
    HALTED = 4


class PathPolicy(IntEnum):
    """Which extreme of a bar the price visits first."""

    NEAR_FIRST = 0  # the one nearer to the open
    HIGH_FIRST = 1
    LOW_FIRST = 2
    BEST = 3  # the one that favours the position
    WORST = 4  # the one that hurts it


class LimitFill(IntEnum):
    """When a resting limit order counts as filled."""

    THROUGH = 0  # the price went strictly beyond it
    TOUCH = 1  # the price reached it


class TickKind(IntEnum):
    """What a recorded tick tells; of trades, who took liquidity."""

    QUOTE = 0
    BUY = 1
    SELL = -1
    TRADE = 2  # nobody knows who took


class AccountKind(IntEnum):
    """How an account pays."""

    SPOT = 0
    UNIFIED_MARGIN = 1
    FX_MARGIN = 2
    CASH_EQUITY = 3


MARGIN_KINDS = (AccountKind.UNIFIED_MARGIN, AccountKind.FX_MARGIN)
"""Accounts that hold positions on margin."""


class MarginModel(IntEnum):
    """By which rules a margin account is charged; ``docs/margin.md`` derives them."""

    BYBIT_UNIFIED = 0
    TEXTBOOK = 1  # every leg's notional over leverage, maintenance by tier, no closing fees
    FX = 2  # as TEXTBOOK; the broker closes the largest loser first, at the market


class PositionMode(IntEnum):
    """Whether a symbol has one net position, or a long and a short leg of their own."""

    ONE_WAY = 0
    HEDGE = 1


class PanicTakeProfit(IntEnum):
    """What happens to take-profits while the ladder is in PANIC."""

    KEEP_ALL = 0
    CANCEL_HEAVIER = 1


class EngineRole(IntEnum):
    """Roles of orders that no strategy placed, far above any strategy's own."""

    BALANCE = 200
    REDUCE_HEAVIER = 201
    EMERGENCY = 202
    LIQUIDATION = 203
    LADDER = 204  # a timer of the ladder's own
    ELASTIC_TRAILING = 205
    COMPLIANCE = 206
    GUARD = 207  # a timer of the guards' own


class NoteKind(IntEnum):
    """Whose note it is, and of what."""

    STRATEGY = 0
    REFUSAL = 1  # a filter refused a request
    ENTRY = 2  # the compliance screen let one pass
    LOCK = 3  # an elastic stop moved
    CLOSING = 4  # a guard closes a position
    SWITCH = 5  # the supervisor's level rose
