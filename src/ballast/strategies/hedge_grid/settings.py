"""Settings, memory and reasons of the hedge grid."""

from __future__ import annotations

from enum import IntEnum
from math import nan
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from ballast.model.records import ArrayOf, Shape, SymbolBools, SymbolFloats, SymbolInts, parameter, record

EXIT_PLAN = "take_profit"
MAX_LEVELS = 50
LONG_AGO_NS = -(2**62)


class Role(IntEnum):
    """What an order is for, in client order ids and events."""

    OPEN = 1
    AVERAGE = 2
    TP = 3
    REOPEN = 4
    CLOSE = 5
    WATCH = 6  # the price of the next level
    REPAIR = 7  # the timer that comes back to what is missing


class Reason(IntEnum):
    """Why the grid traded, or could not."""

    OPEN = 1
    AVERAGE = 2
    TP = 3
    CLOSE = 4
    RESTORE = 5
    BALANCE = 6
    REOPEN = 7
    TP_MISSING = 8
    NAKED_LEG = 9
    PAIR_FAILED = 10
    BELOW_MINIMUM = 11
    STOPPED = 12
    REPAIR = 13


ALARMS = (Reason.TP_MISSING, Reason.NAKED_LEG, Reason.PAIR_FAILED, Reason.BELOW_MINIMUM, Reason.STOPPED)
"""Notes that somebody must see: the grid lacks what it should have."""


class TakeProfitStatus(IntEnum):
    """What is known of a leg's take-profit order."""

    NONE = 0
    RESTING = 1
    CANCELLING = 2


@record
class Params:
    """
    Settings of the grid; those with an entry per symbol may differ by symbol. Leverage is the account's.

    ``is_documented``, set by the ladder's profile, keeps the original's literal sizes, targets and reopening.
    """

    initial_position_size_usd: SymbolFloats = parameter(
        1.0, "Margin of each leg's first entry.", unit="quote", minimum=0.1, maximum=100_000
    )
    grid_step_percent: SymbolFloats = parameter(
        1.0, "Distance from the last entry to the next level.", unit="percent", minimum=0.01, maximum=100
    )
    averaging_multiplier: SymbolFloats = parameter(
        2.0,
        "Size of a level as a multiple of the one before.",
        unit="times",
        minimum=1,
        exclusive_minimum=True,
        maximum=10,
    )
    take_profit_percent: SymbolFloats = parameter(
        1.0, "Profit of a closed leg after both fees, on its entry notional.", unit="percent", minimum=0.01, maximum=100
    )
    max_grid_levels_per_side: SymbolInts = parameter(
        10, "Entries that a leg may hold, the first one included.", unit="levels", minimum=1, maximum=MAX_LEVELS
    )
    min_add_interval_seconds: float = parameter(
        1.0, "Shortest time between two attempts to add to a leg.", unit="seconds", minimum=0
    )
    reopen_available_fraction: float = parameter(
        0.80,
        "A reopening costs at most this part of the available balance.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    funding_in_take_profit: bool = parameter(
        False, "Move the take-profit by the funding that the leg has paid since it was opened."
    )
    is_documented: bool


@record
class Leg:
    """
    One side of one symbol, as the grid remembers it.

    ``cycle`` counts how often the leg was closed. Level ``k`` of ``n_levels`` holds ``level_qty[k]`` (unsigned,
    base units) bought at ``level_price[k]``; what the engine added to balance the legs stands apart, because it
    is neither a level nor the size that the next one grows from. ``qty`` is the sum of both. ``pending`` is the
    role of the market order in flight, 0 for none. ``addition_failures`` counts the additions in a row that came to
    nothing; the next may be asked for from ``addition_retry_ns`` on. ``take_profit_qty`` and ``take_profit_price``
    are those last asked for, the quantity NaN when it is not known what rests; ``is_take_profit_amended`` tells what
    the last request was. ``is_take_profit_held``: taken away for as long as the ladder is in PANIC. ``watch_price``
    is NaN when no watch is armed. Money is in quote; ``fees`` and ``funding`` are positive when paid,
    ``cycle_funding`` is that since the leg was opened.
    """

    cycle: int
    n_levels: int
    qty: float
    balance_qty: float
    balance_price: float
    pending: int
    sent_ns: int = LONG_AGO_NS
    retries: int
    retry_ns: int = LONG_AGO_NS
    addition_failures: int
    addition_retry_ns: int = LONG_AGO_NS
    take_profit: int
    take_profit_qty: float = nan
    take_profit_price: float = nan
    take_profit_sent_ns: int = LONG_AGO_NS
    is_take_profit_amended: bool
    take_profit_retries: int
    take_profit_retry_ns: int = LONG_AGO_NS
    is_take_profit_held: bool
    is_estimated: bool
    watch_price: float = nan
    price_pnl: float
    fees: float
    funding: float
    cycle_funding: float
    levels_max: int
    level_qty: Annotated[npt.NDArray[np.float64], Shape(MAX_LEVELS)]
    level_price: Annotated[npt.NDArray[np.float64], Shape(MAX_LEVELS)]


@record
class State:
    """
    Memory of the grid.

    ``price`` is the last price that each symbol was seen at, in a bar or at its close. ``is_paired``: both first
    entries have been made; ``is_stopped``: nothing more is opened for this symbol. ``timer_ns`` is the earliest
    wake asked for, 0 for none. The counts are of what was done, by action.
    """

    ladder_state: int
    timer_ns: int
    n_open: int
    n_average: int
    n_tp: int
    n_close: int
    n_restore: int
    n_balance: int
    n_reopen: int
    price: SymbolFloats = nan  # type: ignore[assignment]  # The default fills the array.
    is_paired: SymbolBools
    is_stopped: SymbolBools
    leg: Annotated[Any, ArrayOf(Leg, "legs")]
