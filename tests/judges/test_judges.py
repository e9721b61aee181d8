"""Unmodified third-party clients trade at random; what they see is what the kernel holds, after every action."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ballast.data.tick_sample import TickMarket, write_sample_trades
from tests.judges.exchanges import judge_python, judged, running

PLAIN = ("--clock", "step", "--no-rate-limits", "--balance", "20000")
ARGUMENTS = (*PLAIN, "--venue", "bybit,mexc")
SPOT = (*PLAIN, "--kind", "spot")
JUDGES = {
    "ccxt_judge.py": ARGUMENTS,
    "pybit_judge.py": ARGUMENTS,
    "mexc_judge.py": (*ARGUMENTS, "--closed", "WOBBLOUSDT"),
    "ccxt_spot_judge.py": SPOT,
    "pybit_spot_judge.py": SPOT,
}
"""Who trades, and at which exchange."""
WATCHERS = {
    "ccxt_pro_judge.py": (80, ARGUMENTS),
    "mexc_pro_judge.py": (200, ARGUMENTS),
    "ccxt_pro_spot_judge.py": (80, SPOT),
}
"""Who watches over sockets, the actions of each, and at which exchange."""


@pytest.mark.parametrize("judge", JUDGES)
def test_a_judge_sees_what_the_kernel_holds(judge: str, tmp_path: Path) -> None:
    judge_python()
    with running(*JUDGES[judge]) as ready:
        summary = judged(judge, ready, tmp_path, n_actions=200, seed=11)
    assert summary["n_fills"] > 40
    # Refusals are part of the game, and most actions are not.
    assert sum(n for what, n in summary["done"].items() if "refused" not in what) > 150


@pytest.mark.verify
@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_judge_sees_it_two_thousand_times(judge: str, seed: int, tmp_path: Path) -> None:
    judge_python()
    with running(*JUDGES[judge], "--seed", str(seed)) as ready:
        summary = judged(judge, ready, tmp_path, n_actions=1_000, seed=seed)
    assert summary["done"].get("socket answer dropped by the client", 0) <= 5


@pytest.mark.verify
@pytest.mark.parametrize("judge", JUDGES)
def test_a_judge_sees_what_the_kernel_holds_on_ticks(judge: str, tmp_path: Path) -> None:
    judge_python()
    parts = []
    for seed, symbol in enumerate(("AAAUSDT", "BBBUSDT")):
        market = TickMarket(seed=seed, n_ticks=100_000, mean_gap_ms=400)
        write_sample_trades(tmp_path / symbol, market, symbol)
        parts.append(pl.read_parquet(tmp_path / symbol))
    pl.concat(parts).sort("ts").write_parquet(tmp_path / "trades.parquet")
    arguments = SPOT if "spot" in judge else ARGUMENTS
    with running(*arguments, "--data", str(tmp_path / "trades.parquet")) as ready:
        summary = judged(judge, ready, tmp_path, n_actions=200, seed=3)
    assert summary["n_fills"] > 40


@pytest.mark.verify
@pytest.mark.parametrize("judge", ["mexc_pro_judge.py", "ccxt_pro_spot_judge.py"])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_watched_is_that_two_thousand_times(judge: str, seed: int, tmp_path: Path) -> None:
    judge_python()
    with running(*WATCHERS[judge][1], "--seed", str(seed)) as ready:
        judged(judge, ready, tmp_path, n_actions=1_000, seed=seed)


@pytest.mark.parametrize("judge", WATCHERS)
def test_what_is_watched_over_sockets_is_what_the_kernel_holds(judge: str, tmp_path: Path) -> None:
    judge_python()
    n_actions, at = WATCHERS[judge]
    with running(*at) as ready:
        summary = judged(judge, ready, tmp_path, n_actions=n_actions, seed=5)
    assert summary["n_fills"] > 20


def test_batches_and_closed_profit_are_what_the_kernel_holds(tmp_path: Path) -> None:
    judge_python()
    with running("--clock", "step") as ready:
        assert judged("batch_judge.py", ready, tmp_path, n_actions=0, seed=0) == {"ccxt": 4, "pybit": 2}
