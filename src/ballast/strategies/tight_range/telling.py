"""What the strategy's notes say, in words: for whoever checks a trade by hand."""

from __future__ import annotations

from ballast.strategies.tight_range.layers import Action
from ballast.strategies.tight_range.paths import Label
from ballast.strategies.tight_range.regimes import Regime, Subtype
from ballast.strategies.tight_range.settings import Reason


def tell(reason: int, value: float, level: int) -> str:
    """Return what one note says; nothing for those that stand elsewhere."""
    if reason == Reason.L1_SAID:
        return f"L1: {level} votes, {value:+.2f} for buying"
    if reason == Reason.L2_SAID:
        return f"L2: {_word(Action(level))} at {value:.4f}"
    if reason == Reason.L1_L2_SAID:
        return f"L1 and L2: {_word(Action(level))} at {value:.4f}"
    if reason == Reason.L3_SAID:
        regime, subtype = Regime(level // 10), Subtype(level % 10)
        kind = f", {_word(subtype)}," if subtype else ""
        return f"L3: {_word(regime)}{kind} at {value:.4f}"
    if reason == Reason.PATH_SAID:
        return f"path: {_word(Label(level))} at {value:.4f}"
    if reason == Reason.RSI_WAS:
        return f"RSI {value:.4f}"
    return f"ATR {value:.6g}" if reason == Reason.ATR_WAS else ""


def _word(member: Action | Label | Regime | Subtype) -> str:
    return member.name.lower().replace("_", " ")
