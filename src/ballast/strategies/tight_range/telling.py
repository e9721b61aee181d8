"""What the strategy's notes say, in words: for whoever checks a trade by hand."""

from __future__ import annotations

from typing import Any

from ballast.strategies.tight_range.layers import Action
from ballast.strategies.tight_range.paths import Label
from ballast.strategies.tight_range.regimes import Regime, Subtype
from ballast.strategies.tight_range.settings import Reason

DIRECTIONS = {-1: " down", 0: "", 1: " up"}


def tell(note: Any) -> str:
    """Return what one note says, a row of ``engine.state.Note``; nothing for those that stand elsewhere."""
    reason, level, value = int(note["reason"]), int(note["level"]), float(note["value"])
    second, third = float(note["peak"]), float(note["price"])
    if reason == Reason.L1_SAID:
        return f"L1: {level} votes, buy {value:.4f}, sell {second:.4f}, hold {third:.4f}"
    if reason == Reason.L2_SAID:
        return f"L2: {_word(Action(level))} at {value:.4f}"
    if reason == Reason.L1_L2_SAID:
        return f"L1 and L2: {_word(Action(level))} at {value:.4f}"
    if reason == Reason.L3_SAID:
        regime, subtype = Regime(level // 10), Subtype(level % 10)
        kind = f", {_word(subtype)}," if subtype else ""
        return f"L3: {_word(regime)}{DIRECTIONS.get(int(second), '')}{kind} at {value:.4f}"
    if reason == Reason.WINDOW_WAS:
        return f"last {level} bars: change {value:+.4%}, efficiency {second:.4f}; volume {third:.2f} x its mean"
    if reason == Reason.SCORES_WERE:
        return f"scores: trend {value:.4f}, volatile {second:.4f}, breakout {third:.4f}"
    if reason == Reason.RANGE_WAS:
        return f"range {value:.4f}: bands {second:.4%} wide, 20 bars {third:.4%}, {level} touches of each or more"
    if reason == Reason.PATH_SAID:
        return f"path: {_word(Label(level))} at {value:.4f}"
    if reason == Reason.INDICATORS_WERE:
        return f"RSI {value:.4f}, ATR {second:.6g}, ADX {third:.4f}"
    return ""


def _word(member: Action | Label | Regime | Subtype) -> str:
    return member.name.lower().replace("_", " ")
