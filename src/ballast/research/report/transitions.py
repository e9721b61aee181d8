"""The moves of the ladder, each with the rule and the figures that moved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from ballast.backtest.formatting import MISSING, moment, number, percent, title
from ballast.research.report.markup import MAX_ROWS, Cell, escaped, figure, heading, table, text
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import RiskSettings


def transition_table(transitions: Sequence[Mapping[str, object]], risk: RiskSettings) -> str:
    """Return one row per move; the first of too many."""
    if not transitions:
        return '<p class="muted">It stayed NORMAL throughout.</p>'
    head = [
        text("Time (UTC)"),
        text("From"),
        text("To"),
        text("Why"),
        *map(heading, ("Equity", "A", "N", "A / N", "Imbalance", "MM rate")),
    ]
    rows = [_row(move, risk) for move in transitions[:MAX_ROWS]]
    more = f"The first {MAX_ROWS:,} of {len(transitions):,}. " if len(transitions) > MAX_ROWS else ""
    legend = (
        "A is what is available for trading, beside the reserve; N what the next step of every leg would cost in "
        "margin; imbalance is the larger leg over the smaller."
    )
    return f'<p class="lead">{more}{legend}</p>' + table(head, rows, tall=len(rows) > 15)


def _row(move: Mapping[str, object], risk: RiskSettings) -> list[Cell]:
    reason = str(move["reason"])
    equity, available, worst_case, imbalance, mm_rate = (
        float(str(move[name]))
        for name in ("equity", "available_for_trading", "next_worst_case", "imbalance_ratio", "mm_rate")
    )
    rule = rule_of(LadderReason[reason.upper()], risk)
    why = escaped(title(reason)) + (f' <span class="muted">{escaped(rule)}</span>' if rule else "")
    return [
        text(moment(int(str(move["ts_ms"])))),
        text(move["from"]),
        Cell(f'<span class="chip {str(move["to"]).lower()}">{escaped(str(move["to"]))}</span>', "text"),
        Cell(why, "text why"),
        figure(number(equity)),
        figure(number(available)),
        figure(number(worst_case)),
        figure(number(available / worst_case) if worst_case > 0.0 else MISSING),
        figure("one empty" if imbalance == float("inf") else number(imbalance)),
        figure(percent(mm_rate) if isfinite(mm_rate) else MISSING),
    ]


def rule_of(reason: LadderReason, risk: RiskSettings) -> str:
    """Return the rule behind a reason with this run's thresholds; empty for one that explains itself."""
    rules = {
        LadderReason.EARLY_FREEZE: f"A below {risk.early_freeze_mult:g} N",
        LadderReason.LOW_MARGIN: f"A below {risk.panic_mult:g} N",
        LadderReason.HIGH_IMBALANCE: (
            f"one leg above {risk.imbalance_ratio:g}x the other, A below {risk.imbalance_available_pct:g} % of equity"
        ),
        LadderReason.MM_RATE: f"MM rate at {risk.mm_rate_threshold:g} %",
        LadderReason.ACCOUNT_DRAWDOWN: f"{100.0 * risk.max_account_drawdown:g} % below the peak",
        LadderReason.DRAWDOWN: f"{100.0 * risk.drawdown_limit:g} % below the peak",
        LadderReason.DAILY_LOSS: f"{100.0 * risk.daily_loss_limit:g} % lost since the day began",
        LadderReason.UNKNOWN_INPUT: "a figure was missing, stale or contradicted",
        LadderReason.RECOVERED: "every cause gone, with hysteresis",
        LadderReason.EMERGENCY_HOLD: "not everything would close",
    }
    return rules.get(reason, "")
