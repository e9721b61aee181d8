"""Why the ladder moved, as integers with names."""

from __future__ import annotations

from enum import IntEnum


class LadderReason(IntEnum):
    """What moved the ladder to the state in which it is; NONE for no move."""

    NONE = 0
    UNKNOWN_INPUT = 1  # a figure is missing, stale or contradicts the venue's
    EARLY_FREEZE = 2
    OPERATOR_FREEZE = 3
    DAILY_LOSS = 4
    DRAWDOWN = 5
    LOW_MARGIN = 6
    HIGH_IMBALANCE = 7
    MM_RATE = 8
    ACCOUNT_DRAWDOWN = 9
    LIQUIDATION = 10
    AUTO_DELEVERAGING = 11
    STATE_MISMATCH = 12
    OPERATOR_FLATTEN = 13
    OPERATOR_HALT = 14
    EMERGENCY_HOLD = 15  # an emergency that could not close everything
    RECOVERED = 16
    ACKNOWLEDGED = 17
