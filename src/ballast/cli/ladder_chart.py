"""What there is to say of a ladder with given settings: its rungs, what passes, and what moves it, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ballast.model.enums import LadderState, PanicTakeProfit
from ballast.risk.settings import Profile, RiskSettings

KINDS = ("raising", "net-reducing", "protecting", "cancelling")
"""Kinds of request, in the order of every row."""

MEANINGS = {
    "raising": "not reduce-only, and able to increase a net position or the heavier leg",
    "net-reducing": "opens the lighter leg, as far as the heavier one reaches",
    "protecting": "reduce-only orders, stops and targets moved to less risk",
    "cancelling": "takes an order away",
}

YES, GATED, NO = "passes", "if affordable", "refused"
NEVER = "never"
"""What leaves a state that has no way out."""


@dataclass(frozen=True)
class Rung:
    """One state: what passes there by kind of request, what the engine itself does, how it is reached and left."""

    state: LadderState
    passes: tuple[str, ...]
    does: str
    enters: tuple[str, ...]
    leaves: tuple[str, ...]


def number(value: float) -> str:
    """Return a number without noise, such as 1.65."""
    return f"{value:.6g}"


def rungs(settings: RiskSettings, *, has_margin: bool = True) -> tuple[Rung, ...]:
    """Return the rungs from the lowest to the highest; without margin, no margin rule is told of."""
    gate = GATED if has_margin else YES
    towards_balance = gate if settings.profile != Profile.DOCUMENTED else YES
    return (
        Rung(LadderState.NORMAL, (gate, YES, YES, YES), "lets the strategy trade", (), ()),
        Rung(
            LadderState.FROZEN,
            (NO, towards_balance, YES, YES),
            "takes on nothing new, and waits",
            tuple(_freezes(settings, has_margin)),
            tuple(_thaws(settings, has_margin)),
        ),
        Rung(LadderState.PANIC, (NO, towards_balance, YES, YES), _panic_acts(settings), *_panic(settings, has_margin)),
        Rung(
            LadderState.EMERGENCY,
            (NO, NO, NO, YES),
            "cancels every order, closes every leg, both legs of a symbol together",
            tuple(_emergencies(settings, has_margin)),
            ("the operator acknowledges: FROZEN",),
        ),
        Rung(
            LadderState.HALTED,
            (NO, NO, NO, YES),
            "sends nothing; stops and targets that rest stay where they are",
            ("the operator halts", "an emergency could not close everything"),
            ("the operator acknowledges: FROZEN", "the operator flattens: EMERGENCY"),
        ),
    )


def _freezes(settings: RiskSettings, has_margin: bool) -> list[str]:
    causes = [f"A < {number(settings.early_freeze_mult)} N"] if has_margin else []
    if has_margin and settings.profile != Profile.DOCUMENTED:
        causes.append("a figure is unknown, or older than it may be")
    if settings.daily_loss_limit > 0.0:
        causes.append(f"a loss of {number(settings.daily_loss_limit * 100.0)} % since the day began")
    if settings.drawdown_limit > 0.0:
        causes.append(f"a loss of {number(settings.drawdown_limit * 100.0)} % from the peak")
    return [*causes, "the operator freezes"]


def _thaws(settings: RiskSettings, has_margin: bool) -> list[str]:
    if settings.profile == Profile.DOCUMENTED:
        return [f"A ≥ {number(settings.early_freeze_mult)} N: NORMAL, at once", "what the operator froze, he releases"]
    margin = f"A ≥ {number(settings.early_freeze_mult * settings.hysteresis)} N, " if has_margin else ""
    ways = [f"{margin}all known, for {number(settings.freeze_dwell_s)} s without a break: NORMAL"]
    if settings.daily_loss_limit > 0.0 or settings.drawdown_limit > 0.0:
        ways.append("a loss holds it until the next day (UTC)")
    return [*ways, "what the operator froze, he releases"]


def _panic_acts(settings: RiskSettings) -> str:
    keeps = settings.panic_tp_policy == PanicTakeProfit.KEEP_ALL
    policy = "keeps all take-profits" if keeps else "cancels the heavier leg's take-profit"
    part = number(settings.panic_balance_fraction * 100.0)
    again = "" if settings.profile == Profile.DOCUMENTED else f", every {number(settings.panic_balance_retry_s)} s"
    return f"{policy}; balances the legs with up to {part} % of what is available{again}"


def _panic(settings: RiskSettings, has_margin: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not has_margin:
        return ("not on an account without margin",), ()
    ratio, percent = settings.imbalance_ratio, settings.imbalance_available_pct
    held = f" for {number(settings.imbalance_hold_s)} s" if settings.imbalance_hold_s else ""
    base = "what is available" if settings.profile == Profile.DOCUMENTED else "equity"
    imbalance = f"one leg > {number(ratio)} times the other while A < {number(percent)} % of {base}{held}"
    enters = (f"A < {number(settings.panic_mult)} N", imbalance)
    if settings.profile == Profile.DOCUMENTED:
        return enters, (NEVER,)
    widened = settings.hysteresis
    calm = f"A ≥ {number(settings.panic_mult * widened)} N, and legs ≤ {number(ratio * (2.0 - widened))} : 1"
    calm += (
        f" or A ≥ {number(percent * widened)} % of equity, for {number(settings.panic_exit_hold_s)} s without a break"
    )
    return enters, (f"{calm}: FROZEN, or NORMAL where the causes of FROZEN have been gone for their time too",)


def _emergencies(settings: RiskSettings, has_margin: bool) -> list[str]:
    causes = []
    if has_margin:
        causes = [f"maintenance margin rate ≥ {number(settings.mm_rate_threshold)} %", "liquidation, auto-deleveraging"]
    if settings.max_account_drawdown > 0.0:
        causes.append(f"a loss of {number(settings.max_account_drawdown * 100.0)} % from the peak")
    return [*causes, "the operator flattens, or positions that cannot be explained"]


def warnings(settings: RiskSettings) -> list[str]:
    """Return what is wrong with the order of the thresholds, to be shown beside them."""
    if settings.early_freeze_mult > settings.panic_mult:
        return []
    freeze, panic = number(settings.early_freeze_mult), number(settings.panic_mult)
    return [f"Falling, A passes {panic} N before {freeze} N: PANIC comes before the freeze that should prevent it."]


def thresholds(settings: RiskSettings) -> list[tuple[str, str, str, str]]:
    """Return key, value, unit and meaning of every setting in force."""
    parameters: dict[str, Any] = RiskSettings.parameters  # type: ignore[attr-defined]
    rows = []
    for key, parameter in parameters.items():
        value = getattr(settings, key)
        if parameter.choices is not None:
            shown = parameter.choices(int(value)).name.lower()
        elif isinstance(parameter.default, bool):
            shown = "true" if value else "false"
        else:
            shown = number(float(value))
        rows.append((key, shown, parameter.unit, parameter.doc))
    return rows
