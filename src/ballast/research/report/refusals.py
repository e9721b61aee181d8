"""What each reason for which an order did not fill means, for people."""

from __future__ import annotations

from collections.abc import Mapping

from ballast.model.enums import Reason

_MEANINGS: Mapping[Reason, str] = {
    Reason.INSUFFICIENT_CASH: "It would have cost more than the cash there was.",
    Reason.INSUFFICIENT_POSITION: "It would have sold more than was held.",
    Reason.BELOW_MINIMUM_NOTIONAL: "Its value was below the venue's minimum.",
    Reason.BELOW_LOT: "Its quantity was below one lot.",
    Reason.WOULD_CROSS: "Post-only, and it would have filled at once.",
    Reason.NO_PRICE: "The symbol had no recent price.",
    Reason.EXPIRED: "It waited until its time was over.",
    Reason.NOTHING_TO_REDUCE: "Reduce-only, and there was no position left to reduce.",
    Reason.INVALID_QTY: "Its quantity was no positive number.",
    Reason.INVALID_PRICE: "Its price was no positive number.",
    Reason.CANCELLED_BY_STRATEGY: "The strategy took it back.",
    Reason.IMMEDIATE_UNFILLED: "Immediate or not at all, and what it asked for was not there.",
    Reason.ORDER_TABLE_FULL: "Too many orders were open.",
    Reason.UNKNOWN_ORDER: "It was to change or cancel an order that was no longer there.",
    Reason.MARK_PRICE_UNAVAILABLE: "Its trigger waits for a mark price that the data lacks.",
    Reason.LADDER_FROZEN: "The ladder was FROZEN: nothing that raises exposure passes.",
    Reason.LADDER_PANIC: "The ladder was in PANIC: nothing that raises exposure passes.",
    Reason.LADDER_EMERGENCY: "The ladder was in EMERGENCY: the engine closes, the strategy may only cancel.",
    Reason.LADDER_HALTED: "The ladder was HALTED: only cancelling passes.",
    Reason.ABOVE_MAXIMUM_QTY: "Its quantity was above the venue's maximum.",
    Reason.UNSUPPORTED: "The venue has no such order.",
    Reason.UNKNOWN_SYMBOL: "The venue has no such symbol.",
    Reason.WATCH_TABLE_FULL: "Too many prices were watched.",
    Reason.TIMER_TABLE_FULL: "Too many timers were set.",
    Reason.INSUFFICIENT_MARGIN: "Its margin and fees were more than the available balance.",
    Reason.LIQUIDATION: "Cancelled by the venue when it liquidated the account.",
    Reason.ADL: "Closed by the venue against traders who were liquidated.",
    Reason.WRONG_POSITION_SIDE: "It named a leg that the account's mode does not have.",
    Reason.LADDER_GATE: "The account as it would have been afterwards was too weak for the ladder.",
    Reason.ABOVE_RISK_LIMIT: "The position would have been in a risk tier that allows less leverage.",
}


_VERDICTS: Mapping[str, str] = {
    "release_near": "A release that moves one of the symbol's currencies was near.",
    "calendar_missing": "There was no news calendar.",
    "calendar_old": "The news calendar was too old.",
    "calendar_empty": "The news calendar was empty.",
    "calendar_malformed": "The news calendar could not be read.",
    "calendar_in_local_time": "The news calendar did not say in which zone its times are.",
    "calendar_too_short": "The news calendar did not reach over the time around the request.",
    "not_listed": "The compliance screen does not list the symbol.",
    "swap_charged": "The symbol charges swap, or may.",
    "near_rollover": "The rollover was near, before which everything is closed.",
    "halted": "The supervisor had halted what is new, until the operator clears it.",
    "flattening": "The supervisor was closing everything.",
    "cooldown": "An error was recent.",
    "symbol_halted": "The supervisor had halted the symbol.",
    "symbol_cooldown": "An error of the symbol's data was recent.",
    "denied": "The symbol is denied by the configuration.",
    "not_allowed": "The configuration allows other symbols only.",
    "exotic": "One of its currencies is exotic.",
    "invalid_quote": "There was no usable quote.",
    "unknown_point": "The symbol's smallest price step is unknown.",
    "unknown_stop": "The distance to the stop was unknown.",
    "spread_above_points": "The spread was wider than the limit in points.",
    "spread_above_bid_fraction": "The spread was too large a part of the bid.",
    "spread_above_stop_fraction": "The spread was too large a part of the distance to the stop.",
}


def meaning(name: str) -> str:
    """Return a sentence for a reason by its name in the JSON; empty for one that only a strategy knows."""
    if name in _VERDICTS:
        return _VERDICTS[name]
    found = Reason.__members__.get(name.upper())
    return _MEANINGS.get(found, "") if found is not None else ""
