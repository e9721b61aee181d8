"""
How long until the first result?

CPU seconds of whole processes: a second ``ballast backtest`` on 100,000 bars from start to JSON, the first result after
a strategy was edited, the first of all with an empty cache, ``ballast --help`` and ``import ballast``. Run it by itself
with ``python benchmarks/bench_start.py [--quick]``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from command import BALLAST, backtest, check, configuration
from rounds import HERE, Disagreement, figures, under, usage

N_ROUNDS = 9
N_COLD = 3
N_BARS = 100_000
W2_STRATEGY = HERE / "strategies" / "w2_cascade.py"
RSI_STRATEGY = HERE.parent / "src" / "ballast" / "strategies" / "rsi_reversion.py"
GOALS = {
    "import numba": None,
    "import ballast": 0.3,
    "ballast --help": 0.3,
    "backtest, RSI reversion": 1.0,
    "backtest, shipped cascade": None,
    "edited RSI reversion": 1.5,
    "edited W2 cascade": 1.5,
    "empty cache, shipped cascade": 20.0,
}
MEANINGS = {
    "import numba": "`import numba`, a part of every run here",
    "backtest, RSI reversion": f"second `ballast backtest`, RSI reversion, 1 x {N_BARS:,} bars, start to JSON",
    "backtest, shipped cascade": f"second `ballast backtest`, shipped cascade, 10 x {N_BARS:,} bars, start to JSON",
    "edited RSI reversion": "first result after editing a strategy of 15 lines, 1 x 10,000 bars",
    "edited W2 cascade": "first result after editing a strategy of 90 lines, 10 x 10,000 bars",
    "empty cache, shipped cascade": "first result with an empty cache: everything compiled, 10 x 10,000 bars",
}


class Edited:
    """A strategy file of the user's that says something else each time."""

    def __init__(self, directory: Path, source: Path, market: str, line: str, edited: str) -> None:
        self._file, self._result = directory / f"edited_{source.name}", directory / f"edited_{source.stem}.json"
        self._text, self._line, self._edited = source.read_text(encoding="utf-8"), line, edited
        self._edits, self._equity = 0, 0.0
        self._command = backtest(configuration(directory, market, 10_000, str(self._file)), self._result)
        self.first_result()

    def first_result(self) -> float:
        """Edit, run, and return the CPU seconds; the result must show that the new code ran."""
        self._edits += 1
        # A number that no earlier benchmark used either: its code would be in the cache.
        number = self._edits + time.time_ns() % 1_000_000 / 1e6
        changed = self._text.replace(self._line, self._edited.format(number))
        assert changed != self._text, f"{self._file.name} no longer says '{self._line}'"
        self._file.write_text(changed, encoding="utf-8")
        cpu_s = usage(self._command).cpu_s
        equity = json.loads(self._result.read_text(encoding="utf-8"))["final_equity"]
        if equity == self._equity:
            raise Disagreement(f"{self._file.name} was edited, and its result stayed the same")
        self._equity = equity
        return cpu_s


def measure(directory: Path, *, n_rounds: int, n_cold: int) -> dict[str, list[float]]:
    """Return the CPU seconds of every figure, round by round."""
    result = directory / "result.json"
    rsi = backtest(configuration(directory, "w1", N_BARS, "rsi_reversion"), result)
    cascade = backtest(configuration(directory, "w2", N_BARS, "cascade"), directory / "cascade.json")
    small = backtest(configuration(directory, "w2", 10_000, "cascade"), directory / "small.json")
    edited_rsi = Edited(directory, RSI_STRATEGY, "w1", "rsi < params.low", "rsi + {:.6f} < params.low")
    edited_w2 = Edited(directory, W2_STRATEGY, "w2", "1.0 - params.reserve)", "1.0 - params.reserve - 0.01 * {:.6f})")
    usage(cascade)
    usage(rsi)
    check(result, "w1", N_BARS)
    measured = {
        "import numba": lambda: usage([sys.executable, "-c", "import numba"]).cpu_s,
        "import ballast": lambda: usage([sys.executable, "-c", "import ballast"]).cpu_s,
        "ballast --help": lambda: usage([*BALLAST, "--help"]).cpu_s,
        "backtest, RSI reversion": lambda: usage(rsi).cpu_s,
        "backtest, shipped cascade": lambda: usage(cascade).cpu_s,
        "edited RSI reversion": edited_rsi.first_result,
        "edited W2 cascade": edited_w2.first_result,
    }
    seconds: dict[str, list[float]] = {name: [] for name in GOALS}
    for number in range(n_rounds):
        print(f"round {number + 1}/{n_rounds}: starts", file=sys.stderr, flush=True)
        for name, cpu_s in measured.items():
            seconds[name].append(cpu_s())
    for number in range(n_cold):
        cache = directory / f"cache_{number}"
        seconds["empty cache, shipped cascade"].append(usage(small, BALLAST_CACHE_DIR=str(cache)).cpu_s)
    return seconds


def section(*, is_quick: bool) -> str:
    """Measure, and return a section of the results."""
    n_rounds, n_cold = (2, 1) if is_quick else (N_ROUNDS, N_COLD)
    with tempfile.TemporaryDirectory() as directory:
        seconds = measure(Path(directory), n_rounds=n_rounds, n_cold=n_cold)
    rows = [
        under(f"{MEANINGS.get(name, f'`{name}`')}, CPU s", median(seconds[name]), most) for name, most in GOALS.items()
    ]
    return "\n\n".join([
        "## From start to result",
        f"Whole processes, imports included; median of {n_rounds} rounds, with an empty cache of {n_cold}.",
        figures(rows),
    ])


if __name__ == "__main__":
    print(section(is_quick="--quick" in sys.argv[1:]))
