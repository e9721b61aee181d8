"""The ``ballast`` command as a user runs it: a configuration, a file of bars, a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reference import FEE_RATE, W1_CASH, W2_CASH
from rounds import HERE, Disagreement, Job, run, usage

BALLAST = [sys.executable, "-c", "from ballast.cli.main import main; main()"]


def configuration(directory: Path, market: str, n_bars: int, strategy: str) -> Path:
    """Write bars and a configuration that runs ``strategy`` on them; return its path."""
    bars = directory / f"{market}_{n_bars}.parquet"
    if not bars.exists():
        usage([sys.executable, str(HERE / "jobs" / "write_bars.py"), market, str(n_bars), str(bars)])
    path = directory / f"{market}_{n_bars}_{Path(strategy).stem}.toml"
    symbols = [f"S{k}" for k in range(10 if market == "w2" else 1)]
    cash = W2_CASH if market == "w2" else W1_CASH
    path.write_text(
        f'[data]\npath = "{bars}"\nsymbols = {json.dumps(symbols)}\n\n'
        f"[account]\ninitial_capital = {cash}\nfee_rate = {FEE_RATE}\n\n"
        f'[execution]\nslippage_bps = 0.0\n\n[strategy]\nname = "{strategy}"\n',
        encoding="utf-8",
    )
    return path


def backtest(configuration: Path, result: Path | None = None) -> list[str]:
    """Return the command that runs a configuration and, if asked, writes the result."""
    return [*BALLAST, "backtest", str(configuration), "--quiet", *(() if result is None else ("--json", str(result)))]


def check(result: Path, *reference: object) -> float:
    """Raise ``Disagreement`` unless a result is the reference's; return its final equity."""
    found = json.loads(result.read_text(encoding="utf-8"))
    expected = run(Job("reference", "jobs/run_reference.py", reference))
    equity: float = found["final_equity"]
    if found["n_fills"] != expected["fills"] or abs(equity / expected["equity"] - 1.0) > 1e-11:
        raise Disagreement(f"ballast backtest: {found['n_fills']} fills, equity {equity}; the reference has {expected}")
    return equity
