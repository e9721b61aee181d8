"""``ballast backtest``: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.cli.main import run
from tests.unit.cli.cli_market import MARKET, listed, write_configuration

FIGURES = {
    *("final_equity", "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "recovery_factor"),
    *("max_drawdown", "rebalance_win_rate", "trade_win_rate", "profit_factor", "expectancy", "turnover", "fees"),
    *("slippage_paid", "n_events", "upside_events", "downside_events", "n_fills", "rejects", "rows_skipped"),
    *("rows_widened", "assumptions", "breaches", "benchmark", "trades", "ambiguous_fills", "best_final_equity"),
    *("worst_final_equity", "fills", "equity", "config_hash", "data_hash", "code_version"),
}


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    return write_configuration(tmp_path)


def process(*arguments: str | Path, prepare: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ballast.cli.main import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=prepare,
    )


def test_a_run_writes_json_and_report_and_says_where(
    configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_path, report_path = tmp_path / "out.json", tmp_path / "out.html"
    assert run(["backtest", str(configuration), "--json", str(json_path), "--report", str(report_path)]) == 0
    result = json.loads(json_path.read_text())
    assert set(result) >= FIGURES
    assert len(result["equity"]) == MARKET.days * MARKET.bars_per_day - MARKET.bars_per_day // 32
    assert {fill["side"] for fill in result["fills"]} == {"BUY", "SELL"}
    assert report_path.read_text().lower().startswith("<!doctype html>")
    printed = capsys.readouterr()
    assert "Final equity" in printed.out
    assert f"Result: {json_path}" in printed.out
    assert f"Report: {report_path}" in printed.out
    assert printed.err == ""


def test_a_quiet_run_prints_nothing(configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", str(configuration), "--quiet", "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_the_same_run_has_the_same_result_to_the_byte(configuration: Path, tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert run(["backtest", str(configuration), "--quiet", "--json", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_settings_of_the_command_line_reach_the_run_and_its_hash(configuration: Path, tmp_path: Path) -> None:
    results = []
    for override in ("account.initial_capital=10000", "account.initial_capital=500"):
        path = tmp_path / "out.json"
        assert run(["backtest", str(configuration), "--quiet", "--json", str(path), "--set", override]) == 0
        results.append(json.loads(path.read_text()))
    assert [result["equity"][0][1] for result in results] == [10_000.0, 500.0]
    assert results[0]["config_hash"] != results[1]["config_hash"]
    assert results[0]["data_hash"] == results[1]["data_hash"]


def test_a_window_holds_its_start_and_not_its_end(configuration: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    window = ["--set", "data.start=2025-01-01T20:00:00Z", "--set", "data.end=2025-01-01T21:00:00Z"]
    assert run(["backtest", str(configuration), "--quiet", "--json", str(path), *window]) == 0
    times = [ts for ts, _ in json.loads(path.read_text())["equity"]]
    assert (times[0], times[-1]) == (1_735_761_600_000, 1_735_764_900_000)


def test_bars_can_be_aggregated(configuration: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert run(["backtest", str(configuration), "--quiet", "--json", str(path), "--set", 'data.interval="1h"']) == 0
    equity = json.loads(path.read_text())["equity"]
    assert equity[1][0] - equity[0][0] == 3_600_000


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (("fee_rate", "fee_rte"), "account.fee_rte: no such key; did you mean 'fee_rate'?"),
        (("= 0.001", '= "0.001"'), "account.fee_rate = '0.001': expected a number (fraction)"),
        (("= 0.001", "= 10"), "did you mean 0.1? it is a fraction"),
        (('"cascade"', '"cascade"\nmax_position_pct = 40'), "did you mean 0.4? it is a fraction"),
        (("upside_threshold = 0.05", "upside_threshold = 40"), "did you mean 0.4? it is a fraction"),
        (("market.parquet", "markt.parquet"), "markt.parquet: no such file; did you mean 'market.parquet'?"),
        (("market.parquet", "run.toml"), "run.toml: not a Parquet file"),
        (("BLORPUSDT", "BLORPUSD"), "no rows for symbol 'BLORPUSD'; did you mean 'BLORPUSDT'?"),
        (("[account]", "start = 2031-01-01\n[account]"), "BLORPUSDT"),
        (("[account]", 'interval = "1m"\n[account]'), "data.interval 1m is finer than the bars"),
        (("[account]", 'interval = "7m"\n[account]'), "data.interval 7m is not a multiple of 5m"),
        (("[account]", "start = 2025-01-02\nend = 2025-01-01\n[account]"), "data.start = 2025-01-02T00:00:00+00:00"),
        (('"cascade"', '"cascade"\nmax_position_pct = 0.1'), "max_position_pct"),
        (
            ("[account]", "[execution]\ntick_size = 1000000.0\n[account]"),
            "BLORPUSDT.tick = 1e+06: its prices reach only",
        ),
        (('"cascade"', '"cascad"'), "no such strategy; did you mean 'cascade'?"),
        (("[account]", "[account"), "not valid TOML"),
        (("fee_rate", 'kind = "unified_margin"\nfee_rate'), "no risk tiers of 'BLORPUSDT'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], replacement: tuple[str, str], message: str
) -> None:
    configuration = write_configuration(tmp_path, replacement)
    before = sorted(tmp_path.iterdir())
    assert run(["backtest", str(configuration), "--json", str(tmp_path / "out.json")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_left_out_of_the_rows_is_counted(
    configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pq.read_table(tmp_path / "market.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(0, 3)]), tmp_path / "market.parquet")
    assert run(["backtest", str(configuration), "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert [result[f"rows_{name}"] for name in ("skipped", "superseded", "widened")] == [0, 3, 0]
    assert "Data: 0 rows skipped, 3 superseded by later ones, 0 widened." in capsys.readouterr().out


def test_a_missing_column_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = write_configuration(tmp_path)
    table = pq.read_table(tmp_path / "market.parquet").rename_columns([
        "ts",
        "symbol",
        "open",
        "high",
        "low",
        "closing",
        "volume",
    ])
    pq.write_table(table, tmp_path / "market.parquet")
    assert run(["backtest", str(configuration)]) == 2
    assert "no column 'close'; did you mean 'closing'?" in capsys.readouterr().err


def test_a_symbol_without_a_usable_bar_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = write_configuration(tmp_path)
    table = pq.read_table(tmp_path / "market.parquet").to_pydict()
    closes = [
        0.0 if symbol == MARKET.names[1] else close
        for symbol, close in zip(table["symbol"], table["close"], strict=True)
    ]
    pq.write_table(pa.table(table | {"close": closes}), tmp_path / "market.parquet")
    assert run(["backtest", str(configuration)]) == 2
    assert MARKET.names[1] in capsys.readouterr().err


def test_columns_with_other_names_are_mapped(tmp_path: Path) -> None:
    configuration = write_configuration(
        tmp_path, ("[account]", 'columns = {when = "ts", closing = "close"}\n[account]')
    )
    table = pq.read_table(tmp_path / "market.parquet").rename_columns([
        "when",
        "symbol",
        "open",
        "high",
        "low",
        "closing",
        "volume",
    ])
    pq.write_table(table, tmp_path / "market.parquet")
    assert run(["backtest", str(configuration), "--quiet"]) == 0


def test_a_dataset_of_the_catalog_gives_the_run_of_its_file(
    configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    assert run(["data", "import", str(tmp_path / "market.parquet"), "--dataset", "made/spot"]) == 0
    equity = []
    for replacement in (("path", "path"), ('path = "market.parquet"', 'dataset = "made/spot"')):
        write_configuration(tmp_path, replacement)
        assert run(["backtest", str(configuration), "--quiet", "--json", str(tmp_path / "out.json")]) == 0
        equity.append(json.loads((tmp_path / "out.json").read_text())["equity"])
    assert equity[0] == equity[1]


def test_missing_data_names_the_command_that_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    configuration = write_configuration(tmp_path, ('path = "market.parquet"', 'dataset = "mexc/spot"'))
    assert run(["backtest", str(configuration)]) == 2
    assert "ballast data download --venue mexc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("nowhere/out.json", "no directory"),
        (".", "is a directory; name a file in it"),
        ("run.toml/out.json", "no directory"),
    ],
)
def test_an_output_without_a_place_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, message: str
) -> None:
    write_configuration(tmp_path, ("market.parquet", "missing.parquet"))
    assert run(["backtest", str(tmp_path / "run.toml"), "--json", str(tmp_path / out)]) == 2
    assert message in capsys.readouterr().err


def test_two_outputs_need_two_names(configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert run(["backtest", str(configuration), "--json", out, "--report", out]) == 2
    assert "two outputs cannot be one file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run.toml", "link.toml", "market.parquet"])
def test_what_the_run_reads_is_not_written_over(
    configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "link.toml").symlink_to("run.toml")
    before = (tmp_path / name).read_bytes()
    assert run(["backtest", str(configuration), "--report", str(tmp_path / name)]) == 2
    assert f"{name}: the run reads this file; give the output another name" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == before


def test_the_result_can_go_to_standard_output(configuration: Path, tmp_path: Path) -> None:
    written = process("backtest", configuration, "--quiet", "--json", tmp_path / "out.json")
    (tmp_path / "stdout").symlink_to("/dev/stdout")
    piped = process("backtest", configuration, "--quiet", "--json", tmp_path / "stdout")
    assert (written.returncode, piped.returncode) == (0, 0)
    assert piped.stdout == (tmp_path / "out.json").read_text()


def test_a_process_that_fails_shows_one_line_and_no_traceback(configuration: Path) -> None:
    done = process("backtest", configuration, "--set", "strategy.upside_treshold=0.3")
    assert done.returncode == 2
    assert done.stdout == ""
    what = "strategy.upside_treshold: no such key of 'cascade'; did you mean 'upside_threshold'?"
    assert done.stderr == f"error: {configuration}: {what}\n"


def test_a_full_disk_leaves_no_partial_file(configuration: Path, tmp_path: Path) -> None:
    assert process("backtest", configuration, "--quiet").returncode == 0  # so that nothing else needs the disk
    before = sorted(tmp_path.iterdir())

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = process("backtest", configuration, "--json", tmp_path / "out.json", prepare=limit_file_size)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'out.json'}: cannot be written (")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_place_that_cannot_be_written_is_refused(configuration: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert run(["backtest", str(configuration), "--json", str(tmp_path / "closed/out.json")]) == 2


def test_an_interrupted_run_exits_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    """The strategy presses Ctrl-C itself, in the middle of the run."""
    (tmp_path / "pressing.py").write_text(
        """
import os
import signal

from ballast.model.records import record

# Whoever runs the tests in the background may have had the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)


@record
class Params:
    unused: float = 0.0


@record
class State:
    n: int


def decide(row, view, state, params, intents):
    state.n += 1
    if state.n == 100:
        os.kill(os.getpid(), signal.SIGINT)
    return 0
"""
    )
    configuration = write_configuration(tmp_path)
    text = (
        configuration.read_text().partition("[strategy]")[0]
        + '[strategy]\nname = "pressing.py"\n[report]\nbenchmarks = []\n'
    )
    configuration.write_text(text)
    before = {path for path in tmp_path.iterdir() if path.name != "__pycache__"}
    done = process("backtest", configuration, "--json", tmp_path / "out.json")
    assert (done.returncode, done.stderr.strip()) == (130, "error: interrupted")
    assert {path for path in tmp_path.iterdir() if path.name != "__pycache__"} == before


def test_recorded_minutes_run_through_the_command_line(recorded_data: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        f"""
[data]
path = "{recorded_data}/mexc_spot_1m_2026-05-20_2026-06-04.parquet"
symbols = [{listed(["DOGEUSDT", "SHIBUSDT", "FARTCOINUSDT"])}]
interval = "1m"
start = 2026-05-20
end = 2026-06-04

[account]
kind = "spot"
initial_capital = 10000.0
fee_rate = 0.001

[execution]
slippage_bps = 10.0
max_stale_bars = 5
lot_step = 0.0

[strategy]
name = "cascade"
upside_threshold = 0.40
downside_threshold = 0.35
sell_percentage = 0.20
usdt_reserve = 0.30
min_order_value = 15.0
cooldown_minutes = 30
max_position_pct = 0.40
min_usdt_reserve_pct = 0.10
"""
    )
    assert run(["backtest", str(tmp_path / "run.toml"), "--quiet", "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["equity"][0][1] == 10_000.0
    assert result["n_fills"] >= 3
    assert result["final_equity"] == result["equity"][-1][1]
