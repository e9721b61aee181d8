"""The two figures at the head of the page that judge a margin account."""

from __future__ import annotations

from ballast.backtest.formatting import moment, number
from ballast.backtest.margin_result import MarginResult
from ballast.backtest.margin_summary import rate_text, worst_margin_rate


def margin_tiles(margin: MarginResult) -> list[tuple[str, str, str, float]]:
    """Return label, value, remark and the sign to colour by."""
    worst = worst_margin_rate(margin)
    least = margin.min_available
    return [
        ("Worst margin rate", rate_text(worst.value), _when(worst.ts_ms), -1.0 if worst.value >= 1.0 else 0.0),
        ("Least available", number(least), _when(margin.min_available_ts_ms), min(0.0, least)),
    ]


def _when(ts_ms: int | None) -> str:
    return "never at risk" if ts_ms is None else moment(ts_ms)[:16]
