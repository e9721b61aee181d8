"""What a user gets wrong about a grid is refused in one clear line, with exit code 2, and nothing is left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.cli.main import run

HOUR = 3_600_000
START = 1_704_067_200_000
N_BARS = 60
TIERS = "brackets.json"

FILE = f"""
[data]
path = "bars.parquet"
symbols = ["AUSDT"]
interval = "1h"
mark = true
venue = "bybit"
funding = "funding.parquet"

[account]
kind = "unified_margin"
mode = "hedge"
leverage = 20
initial_capital = 10_000
tiers = "{TIERS}"

[instruments.AUSDT]
tick = 0.01
lot_step = 0.01
min_qty = 0.01

[strategy]
name = "hedge_grid"
initial_position_size_usd = 20

[risk]
"""
SPOT = """
[data]
path = "bars.parquet"
symbols = ["AUSDT"]
interval = "1h"

[strategy]
name = "{strategy}"

[risk]
"""


def write_bars(path: Path, *, with_marks: bool = True, price: float = 100.0) -> None:
    columns: dict[str, Any] = {
        "ts": pa.array([START + n * HOUR for n in range(N_BARS)], pa.timestamp("ms", "UTC")),
        "symbol": ["AUSDT"] * N_BARS,
        "volume": [1e6] * N_BARS,
    }
    for name in ("open", "high", "low", "close"):
        columns[name] = [price] * N_BARS
        if with_marks:
            columns[f"mark_{name}"] = [price] * N_BARS
    pq.write_table(pa.table(columns), path)


def write_two(path: Path) -> None:
    """Write two symbols that part: one rises by 2 % a bar, one falls by as much."""
    rows = [(n, name, 100.0 * factor**n) for name, factor in (("AUSDT", 1.02), ("BUSDT", 0.98)) for n in range(N_BARS)]
    columns: dict[str, Any] = {
        "ts": pa.array([START + n * HOUR for n, _, _ in rows], pa.timestamp("ms", "UTC")),
        "symbol": [name for _, name, _ in rows],
        "volume": [1e6] * len(rows),
    }
    for field in ("open", "high", "low", "close"):
        columns[field] = [price for _, _, price in rows]
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_bars(tmp_path / "bars.parquet")
    times = pa.array([START + 8 * HOUR], pa.timestamp("ms", "UTC"))
    funding = {"ts": times, "venue": ["bybit"], "symbol": ["AUSDT"], "funding_rate": [0.0001]}
    pq.write_table(pa.table(funding), tmp_path / "funding.parquet")
    tier = {"symbol": "A/USDT:USDT", "maxNotional": 1e6, "maintenanceMarginRate": 0.01, "maxLeverage": 50}
    (tmp_path / TIERS).write_text(json.dumps({"A/USDT:USDT": [tier | {"info": {"cum": 0.0}}]}))
    (tmp_path / "run.toml").write_text(FILE)
    return tmp_path


def refusal(directory: Path, capsys: pytest.CaptureFixture[str], command: str = "backtest", *more: str) -> str:
    """Return the one line that a command is refused with."""
    before = sorted(path.name for path in directory.iterdir())
    out = ["--json", str(directory / "out.json")] if command == "backtest" else ["--out", str(directory / "out")]
    assert run([command, str(directory / "run.toml"), *more, *out]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.strip().count("\n") == 0
    assert sorted(path.name for path in directory.iterdir()) == before
    return captured.err


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("account.leverage=51", "account.leverage = 51: the first risk tier of AUSDT"),
        ("account.leverage=0.5", "account.leverage = 0.5: expected a number at least 1"),
        ("account.initial_capital=-1", "account.initial_capital = -1: expected a number above 0"),
        ("risk.early_freeze_mult=1.5", "risk.early_freeze_mult = 1.5: must be above panic_mult = 1.5"),
        ("risk.panic_mult=4.0", "risk.early_freeze_mult = 3: must be above panic_mult = 4"),
        ("risk.panic_mult=0.99", "risk.panic_mult = 0.99: expected a number at least 1"),
        ("risk.early_freeze_mul=3", "risk.early_freeze_mul: no such key of [risk]; did you mean 'early_freeze_mult'?"),
        ('strategy.profile="documented"', "strategy.profile: 'hedge_grid' follows the risk ladder; delete it and set"),
        ('strategy.profile="recommended"', 'and set risk.profile = "safe", "documented" or "off"'),
        ('risk.profile="sane"', "risk.profile = 'sane': expected one of safe, documented, off"),
        ("risk.mm_rate_threshold=0.9", "risk.mm_rate_threshold = 0.9: expected a number at least 1"),
        ("strategy.averaging_multiplier=1.0", "strategy.averaging_multiplier = 1.0: expected a number above 1"),
        ("strategy.averaging_multiplier=0.5", "strategy.averaging_multiplier = 0.5: expected a number above 1"),
        ("strategy.averaging_multiplier=nan", "strategy.averaging_multiplier = nan: expected a finite number"),
        ("strategy.max_grid_levels_per_side=51", "expected a number at least 1 and at most 50"),
        ("strategy.take_profit_percent=0", "strategy.take_profit_percent = 0: expected a number at least 0.01"),
        ("strategy.initial_position_size_usd=0", "strategy.initial_position_size_usd = 0: expected a number"),
        ("strategy.symbols.BUSDT.leverage=3", "strategy.symbols.BUSDT: the symbol is not in data.symbols"),
        ("strategy.symbols.AUSDT.leverage=60", "strategy.symbols.AUSDT.leverage = 60: the first risk tier of AUSDT"),
        ('account.mode="one_way"', "account.mode = \"one_way\": strategy 'hedge_grid' needs a margin account in hedge"),
        ('account.kind="spot"', 'account.mode = "hedge": only margin accounts have it'),
        ('account.tiers="bybit-btcusdt-2026-08"', "no risk tiers of 'AUSDT', only of BTCUSDT; name one that stands in"),
        ('account.tiers="nowhere.json"', "nowhere.json: no such file of risk tiers"),
        ('data.funding="nowhere.parquet"', "nowhere.parquet"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_remedy(
    setting: str, words: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(directory, capsys, "backtest", "--set", setting)


def test_the_grid_on_a_spot_account_is_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "run.toml").write_text(SPOT.format(strategy="hedge_grid"))
    words = "account.kind = \"spot\": strategy 'hedge_grid' needs a margin account in hedge mode"
    assert words in refusal(directory, capsys)


def test_no_tiers_at_all_are_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "run.toml").write_text(FILE.replace(f'tiers = "{TIERS}"\n', ""))
    assert "account.tiers is missing: no risk tiers of 'AUSDT'" in refusal(directory, capsys)


def test_marks_that_the_file_lacks_are_refused_when_asked_for(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bars(directory / "bars.parquet", with_marks=False)
    assert "no column 'mark_open'" in refusal(directory, capsys)


def json_of(directory: Path, *more: str) -> dict[str, Any]:
    out = directory / "out.json"
    assert run(["backtest", str(directory / "run.toml"), *more, "--json", str(out), "--quiet"]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    out.unlink()
    return found


def test_marks_and_funding_that_are_left_out_are_said_to_be_assumed(directory: Path) -> None:
    (directory / "run.toml").write_text(FILE.replace("mark = true\n", "").replace('funding = "funding.parquet"\n', ""))
    told = json_of(directory)["assumptions"]
    assert "There is no mark price in the data: the last price stands in, for margin, funding and liquidation." in told
    assert "No funding is paid: no rates were given." in told


@pytest.mark.parametrize("model", ["bybit_unified", "textbook"])
@pytest.mark.parametrize("slippage_bps", [0, 10])
def test_a_capital_that_would_be_frozen_is_refused_with_one_that_is_not(
    model: str, slippage_bps: int, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A payment, leg after leg, would move an account that stands exactly on the threshold.
    (directory / "run.toml").write_text(FILE.replace('funding = "funding.parquet"\n', ""))
    chosen = ["--set", f'account.margin_model="{model}"', "--set", f"execution.slippage_bps={slippage_bps}"]
    line = refusal(directory, capsys, "backtest", *chosen, "--set", "account.initial_capital=200")
    assert "the grid would be FROZEN as soon as it is open" in line
    told = re.search(r"with ([\d.]+) available beside the reserve, less than 3 times the ([\d.]+) that its", line)
    assert told is not None
    assert float(told.group(1)) < 3.0 * float(told.group(2))
    found = re.search(
        r"use at least ([\d.]+), which is just enough to open it at a price that stands still$", line.strip()
    )
    assert found is not None
    least = float(found.group(1))
    refusal(directory, capsys, "backtest", *chosen, "--set", f"account.initial_capital={least * 0.9999}")
    enough = json_of(directory, *chosen, "--set", f"account.initial_capital={least}")
    assert enough["transitions"] == []
    assert enough["actions"]["OPEN"] == 2


@pytest.mark.parametrize("profile", ["documented", "off"])
def test_profiles_for_comparison_are_refused_by_sweeps_and_marked_in_results(
    profile: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "run.toml").write_text(FILE + f'profile = "{profile}"\n')
    line = refusal(directory, capsys, "sweep", "--grid", "strategy.grid_step_percent=1,2")
    assert f'risk.profile = "{profile}": a sweep takes "safe" only' in line
    told = " ".join(json_of(directory)["assumptions"])
    assert "never for trading" in told


def test_unordered_thresholds_are_the_documented_profiles_own(directory: Path) -> None:
    more = ["--set", 'risk.profile="documented"', "--set", "risk.early_freeze_mult=1.5", "--set", "risk.panic_mult=3.0"]
    assert json_of(directory, *more)["config"]["risk"]["panic_mult"] == 3.0


@pytest.mark.parametrize("strategy", ["cascade", "equal_weight"])
def test_naming_the_profile_alone_changes_no_bit_of_a_spot_result(strategy: str, directory: Path) -> None:
    write_two(directory / "bars.parquet")
    results = []
    for more in ("", '[risk]\nprofile = "safe"\n', '[risk]\nprofile = "off"\n'):
        text = SPOT.format(strategy=strategy).replace("[risk]\n", more).replace('["AUSDT"]', '["AUSDT", "BUSDT"]')
        (directory / "run.toml").write_text(text)
        found = json_of(directory)
        assert found["n_fills"] > 0
        results.append(json.dumps({key: found[key] for key in found if key not in {"config", "config_hash"}}))
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("account.leverage=51", "account.leverage = 51: the first risk tier of AUSDT"),
        ("account.initial_capital=200", "the grid would be FROZEN as soon as it is open"),
        ("risk.early_freeze_mult=1.5", "risk.early_freeze_mult = 1.5: must be above panic_mult = 1.5"),
        ("strategy.averaging_multiplier=1.0", "strategy.averaging_multiplier = 1.0: expected a number above 1"),
        ("strategy.initial_position_size_usd=0.1", "strategy.initial_position_size_usd: too small for AUSDT"),
        ('strategy.profile="documented"', "strategy.profile: 'hedge_grid' follows the risk ladder"),
        ('account.tiers="bybit-btcusdt-2026-08"', "no risk tiers of 'AUSDT', only of BTCUSDT; name one that stands in"),
    ],
)
@pytest.mark.parametrize("command", ["backtest", "survive"])
def test_a_backtest_and_survive_refuse_alike(
    command: str, setting: str, words: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "run.toml").write_text(FILE.replace("min_qty = 0.01", "min_qty = 1.0"))
    out = directory / "out.json"
    assert run([command, str(directory / "run.toml"), "--set", setting, "--json", str(out), "--quiet"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.strip().count("\n") == 0
    assert words in line
    assert not out.exists()


def test_survive_refuses_what_is_no_grid_on_margin(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "run.toml").write_text(SPOT.format(strategy="equal_weight"))
    assert run(["survive", str(directory / "run.toml"), "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("error: strategy.name = ")


def two_markets(directory: Path, closes: Mapping[str, Sequence[float | None]]) -> None:
    """Write hourly bars of two symbols, whose opens are the closes before (None: no bar), and a file that runs them."""
    rows: list[dict[str, Any]] = []
    for symbol, prices in closes.items():
        last = prices[0]
        for n, price in enumerate(prices):
            if price is None or last is None:
                continue
            ends = {"open": last, "high": max(last, price), "low": min(last, price), "close": price}
            marks = {f"mark_{name}": value for name, value in ends.items()}
            ts = START + n * HOUR
            rows.append({"ts": ts, "symbol": symbol, "volume": 1e6, **ends, **marks})
            last = price
    table = {name: [row[name] for row in rows] for name in rows[0]}
    table["ts"] = pa.array(table["ts"], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table(table), directory / "bars.parquet")
    tier = {"maxNotional": 1e6, "maintenanceMarginRate": 0.01, "maxLeverage": 50, "info": {"cum": 0.0}}
    names = [f"{symbol.removesuffix('USDT')}/USDT:USDT" for symbol in closes]
    (directory / TIERS).write_text(json.dumps({name: [tier | {"symbol": name}] for name in names}))
    text = FILE.replace('["AUSDT"]', json.dumps(list(closes))).replace('funding = "funding.parquet"\n', "")
    (directory / "run.toml").write_text(text)


def test_a_price_that_goes_stale_freezes_until_it_has_been_back_for_a_while(directory: Path) -> None:
    stale = [100.0] * 10 + [None] * 6 + [100.0] * 14
    two_markets(directory, {"AUSDT": stale, "BUSDT": [50.0] * 30})
    freeze, thaw = json_of(directory)["transitions"]
    assert (freeze["from"], freeze["to"], freeze["reason"]) == ("NORMAL", "FROZEN", "unknown_input")
    # The last bar closed at the tenth hour; one and a half intervals later its price is old.
    assert START + 11.5 * HOUR <= freeze["ts"] <= START + 12 * HOUR
    assert (thaw["from"], thaw["to"]) == ("FROZEN", "NORMAL")
    assert START + 17 * HOUR + 10_000 <= thaw["ts"] <= START + 18 * HOUR


def test_nothing_available_any_more_stops_every_addition(directory: Path) -> None:
    climb = [100.0] * 5 + [100.0 * 1.01**n for n in range(1, 40)]
    two_markets(directory, {"AUSDT": climb, "BUSDT": [50.0] * len(climb)})
    more = ["--set", "account.initial_capital=1_000", "--set", "risk.max_account_drawdown=0.99"]
    found = json_of(directory, *more, "--set", "risk.panic_balance_fraction=0.01")
    assert found["min_available"] < 0.0
    assert {move["to"] for move in found["transitions"]} >= {"FROZEN", "PANIC"}
    frozen_ms = found["transitions"][0]["ts"]
    added = [fill["ts"] for fill in found["fills"] if fill["reason"] == "average" and fill["symbol"] == "AUSDT"]
    assert added
    assert max(added) <= frozen_ms
