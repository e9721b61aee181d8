from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast.backtest.charts import MAX_POINTS, thinned
from ballast.model.errors import OutputError
from tests.unit.backtest.sample_result import START_MS, fill, fills, long_result, small_result

CONTRACT = {
    "final_equity", "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "recovery_factor",
    "max_drawdown", "rebalance_win_rate", "trade_win_rate", "profit_factor", "expectancy", "turnover", "fees",
    "slippage_paid", "n_events", "upside_events", "downside_events", "n_fills", "rejects", "rows_skipped",
    "rows_widened", "assumptions", "breaches", "benchmark", "trades", "ambiguous_fills", "best_final_equity",
    "worst_final_equity", "fills", "equity", "config_hash", "data_hash", "code_version"
}  # fmt: skip


def written(result: Any, path: Path) -> dict[str, Any]:
    result.to_json(path)
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_the_json_has_every_promised_key(tmp_path: Path) -> None:
    assert set() == CONTRACT - set(written(small_result(), tmp_path / "run.json"))


def test_the_json_speaks_of_sides_times_and_unknowns_as_agreed(tmp_path: Path) -> None:
    run = written(small_result(), tmp_path / "run.json")
    first, second = run["fills"]
    assert (first["ts"], first["symbol"], first["side"]) == (START_MS + 60_000, "DOGEUSDT", "BUY")
    assert (second["side"], second["position_side"], second["reason"]) == ("SELL", None, "UPSIDE_SELL")
    assert run["equity"] == [[START_MS, 10_000.0], [START_MS + 60_000, 9_999.0], [START_MS + 120_000, 10_097.9]]
    assert run["cagr"] is None
    assert run["max_drawdown"] == pytest.approx(-0.0001)
    (trade,) = run["trades"]
    assert trade["pnl"] == pytest.approx(97.9)


def test_the_json_of_a_long_run_is_its_dictionary(tmp_path: Path) -> None:
    n = 120_001
    ts_ms = START_MS + np.arange(n, dtype=np.int64) * 60_000
    equity, closes = 10_000.0 + np.sqrt(np.arange(n)), np.full((n, 1), 100.0)
    result = small_result(ts_ms=ts_ms, equity=equity, closes=closes, n_events=0)
    assert written(result, tmp_path / "run.json") == result.to_dict()


def test_position_sides_have_names(tmp_path: Path) -> None:
    hedged = small_result().fills.copy()
    hedged["position_side"] = [1, 2]
    run = written(small_result(fills=hedged), tmp_path / "run.json")
    assert [row["position_side"] for row in run["fills"]] == ["LONG", "SHORT"]


def test_what_is_not_a_number_is_null(tmp_path: Path) -> None:
    result = small_result(
        equity=np.array([10_000.0, np.nan, 10_000.0]),
        breaches=[{"weight": np.float64("nan"), "at": (np.int64(3), float("inf"))}],
        worst_final_equity=float("-inf"),
    )
    text = json.dumps(written(result, tmp_path / "run.json"))
    assert "NaN" not in text
    assert "Infinity" not in text


def test_a_run_without_fills_has_a_result(tmp_path: Path) -> None:
    idle = small_result(fills=fills(), equity=np.full(3, 10_000.0), n_events=0)
    run = written(idle, tmp_path / "run.json")
    assert (run["n_fills"], run["fees"], run["sharpe"], run["turnover"]) == (0, 0.0, 0.0, 0.0)
    unknown = [
        "rebalance_win_rate", "trade_win_rate", "profit_factor", "expectancy", "sortino", "recovery_factor", "calmar"
    ]  # fmt: skip
    assert [run[name] for name in unknown] == [None] * len(unknown)


def test_closes_are_asked_for_only_when_something_traded() -> None:
    def refuse() -> Any:
        raise AssertionError("closes were asked for")

    idle = small_result(closes=refuse, fills=fills(), n_events=0).metrics
    assert (idle.rebalance_win_rate, idle.exposure) == (None, 0.0)


def test_benchmarks_are_measured_like_the_run() -> None:
    result = small_result(benchmarks={"Buy and hold": np.array([10_000.0, 9_000.0, 11_000.0])})
    figures = result.benchmark_metrics["Buy and hold"]
    assert figures.total_return == pytest.approx(0.1)
    assert figures.max_drawdown == pytest.approx(-0.1)


def test_holdings_from_before_the_run_are_sold_not_short() -> None:
    result = small_result(
        initial_qty=[7.0],
        closes=np.array([[np.nan], [100.0], [110.0]]),
        fills=fills(fill(-1, 5.0, 110.0, ts_ms=START_MS + 120_000, fee=1.0, cycle=1, reason=1)),
    )
    (trip,) = result.round_trips.closed
    assert (trip["side"], trip["entry_ts_ms"], trip["entry_price"]) == (1, START_MS, 100.0)
    assert trip["pnl"] == pytest.approx(49.0)
    assert result.round_trips.open["qty"].tolist() == [2.0]
    assert result.events.qty_before.tolist() == [[7.0]]
    assert result.metrics.n_fills == 1


def test_fees_and_slippage_are_sums_over_all_fills() -> None:
    result = long_result()
    assert result.metrics.fees == pytest.approx(sum(row["fee"] for row in result.to_dict()["fills"]))
    assert result.metrics.slippage_paid == pytest.approx(float(np.sum(result.fills["slippage"])))


def test_an_unwritable_path_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "missing" / "run.json"))):
        small_result().to_json(tmp_path / "missing" / "run.json")
    assert list(tmp_path.iterdir()) == []


def test_frames_have_a_row_for_every_bar_fill_and_trade() -> None:
    result = long_result()
    assert result.equity_frame().height == len(result.ts_ms)
    assert result.fills_frame().height == result.metrics.n_fills
    assert result.trades_frame().height == result.metrics.n_trades
    assert result.fills_frame()["ts"].dt.epoch("ms").to_list() == result.fills["ts_ms"].tolist()
    assert result.trades_frame()["pnl"].sum() == pytest.approx(float(result.round_trips.closed["pnl"].sum()))


def test_frames_of_an_idle_run_keep_their_columns() -> None:
    idle, busy = small_result(fills=fills(), n_events=0), small_result()
    assert idle.fills_frame().schema == busy.fills_frame().schema
    assert idle.trades_frame().schema == busy.trades_frame().schema


def test_the_summary_names_the_figures_and_what_to_know_about_them() -> None:
    text = long_result().summary()
    figures = long_result().metrics
    assert f"{figures.final_equity:,.2f}" in text
    assert f"{figures.n_events:,}" in text
    for expected in (
        "cascade",
        "Maximum drawdown",
        "Buy and hold",
        "2 rows skipped, 7 superseded by later ones, 5 widened",
        "BELOW_MINIMUM 14",
    ):
        assert expected in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize("width", [60, 120])
def test_the_terminal_summary_fits_its_terminal(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    long_result().print(Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any("Sharpe" in line for line in lines)


def test_the_equity_plot_shows_the_run_the_benchmarks_and_the_drawdown() -> None:
    names = [trace.name for trace in long_result().plot_equity().data]
    assert names == ["Equity", "Buy and hold", "Monthly rebalance", "Drawdown"]


def test_thinning_keeps_every_extreme_of_its_buckets_and_both_ends() -> None:
    values = np.sin(np.arange(500_000) / 9_000.0) + np.random.default_rng(1).normal(0.0, 0.1, 500_000)
    values[123_456], values[400_001] = 9.0, -9.0
    kept = thinned(values)
    assert len(kept) <= MAX_POINTS + 2
    assert {0, 123_456, 400_001, 499_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


def test_thinning_leaves_a_short_series_alone_but_for_nan() -> None:
    assert thinned(np.array([np.nan, 1.0, np.nan, 2.0])).tolist() == [1, 3]
    assert not np.isnan(np.array([np.nan] * 9_000 + [1.0])[thinned(np.array([np.nan] * 9_000 + [1.0]))]).any()


def test_measuring_a_run_loads_no_heavy_library() -> None:
    code = (
        "import sys, ballast.backtest.result;"
        "print([n for n in ('polars', 'plotly', 'rich', 'numba', 'pyarrow', 'duckdb') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
