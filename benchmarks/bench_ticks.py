"""
How fast is market making on ticks?

Ten million ticks through the range maker, with latency and queues: made up, quotes and trades and trades alone, and,
where ``BALLAST_RECORDED_DATA`` is set, recorded trades and recorded quotes, repeated day after day until there are as
many. Reading and building the bars is apart. Run it by itself with ``python benchmarks/bench_ticks.py [--quick]``.
"""

from __future__ import annotations

import os
import sys
from statistics import median

from rounds import Job, figures, interleave, table, under

N_TICKS = 10_000_000
N_ROUNDS = 3
MOST_S = 10.0
RECORDED = {
    "recorded trades": ("binance_trades_2024-07-18_19.parquet", "BTCUSDT", "trades"),
    "recorded quotes": ("fx_ticks_oanda_EURUSD_XAUUSD_2014-05-01_07.parquet", "XAUUSD", "quotes"),
}


def jobs() -> list[Job]:
    """Return what runs."""
    script = "jobs/run_ballast_maker.py"
    found = [
        Job("made-up quotes and trades", script, (N_TICKS, "AUSDT", "quotes", 2)),
        Job("made-up trades", script, (N_TICKS, "AUSDT", "trades", 2)),
    ]
    directory = os.environ.get("BALLAST_RECORDED_DATA")
    for label, (file, symbol, kind) in RECORDED.items() if directory else ():
        found.append(Job(label, script, (os.path.join(str(directory), file), symbol, kind, 2)))
    return found


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds = 1 if is_quick else N_ROUNDS
    todo = jobs()
    results = interleave(todo, n_rounds)
    rows = [
        under(f"{name}, CPU seconds for {N_TICKS:,}", median(one["cpu_s"] for one in results[name]), MOST_S)
        for name in results
    ]
    return "\n\n".join([
        "## Ticks",
        f"### The range maker over {N_TICKS:,} ticks, {n_rounds} round(s)",
        table(todo, results, "ticks"),
        "### Goals",
        figures(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
