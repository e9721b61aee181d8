"""Recorded perpetuals with funding through the command line: whole JSON, conserved money, the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from ballast.cli.main import run
from tests.integration.hedge_grid_files import RECORDINGS, text_of, write_file

KEYS: Mapping[str, Any] = {
    "liquidated": bool,
    "liquidation_ts": (int, type(None)),
    "min_available": float,
    "max_mm_rate": float,
    "max_im_rate": float,
    "funding_paid": float,
    "realised_pnl": float,
    "levels_max_long": int,
    "levels_max_short": int,
    "states": dict,
    "transitions": list,
    "actions": dict,
    "assumptions": list,
    "tiers_source": str,
}
STATES = {"NORMAL", "FROZEN", "PANIC", "EMERGENCY", "HALTED"}
LEAST_MS = {"FROZEN": 10_000, "PANIC": 60_000}
ACTIONS = {
    *("OPEN", "AVERAGE", "TP", "CLOSE", "RESTORE", "BALANCE", "REOPEN"),
    *("EMERGENCY", "FREEZE", "UNFREEZE", "PANIC_ENTER", "PANIC_EXIT"),
}
QUICK = ["hour", "minutes"]
# Half the smallest BTC lot costs more than 20 of margin.
OVERRIDES = {
    "hours_of_all": ["strategy.symbols.BTCUSDT.initial_position_size_usd=100.0"],
    "quarters": ["strategy.symbols.BTCUSDT.initial_position_size_usd=100.0"],
    "five_minutes": ["strategy.symbols.BTCUSDT.initial_position_size_usd=200.0"],
}


def bytes_of(file: Path, *settings: str) -> bytes:
    """Return the JSON of a run."""
    out = file.with_suffix(".json")
    more = [part for setting in settings for part in ("--set", setting)]
    assert run(["backtest", str(file), *more, "--json", str(out), "--quiet"]) == 0
    return out.read_bytes()


def assert_well_formed(found: dict[str, Any]) -> None:
    for key, kind in KEYS.items():
        assert isinstance(found[key], kind), key
    assert set(found["states"]) == STATES
    assert set(found["actions"]) >= ACTIONS
    assert found["max_drawdown"] <= 0.0
    for fill in found["fills"]:
        assert isinstance(fill["ts"], int)
        assert fill["side"] in {"BUY", "SELL"}
        assert fill["position_side"] in {"LONG", "SHORT"}
        assert fill["qty"] > 0.0
        assert fill["price"] > 0.0
        assert isfinite(fill["fee"])
    state, since = "NORMAL", 0
    for move in found["transitions"]:
        assert move["from"] == state
        assert move["ts"] >= since
        assert move["reason"]
        if move["to"] in {"NORMAL", "FROZEN"} and state in {"FROZEN", "PANIC"}:
            assert found["config"]["risk"]["profile"] == "documented" or move["ts"] - since >= LEAST_MS[state]
        state, since = move["to"], move["ts"]


def assert_conserved(found: dict[str, Any]) -> None:
    """Check that price, fees and funding alone made the final equity of the capital, in sum and leg by leg."""
    unrealised = sum(leg["unrealised_pnl"] for leg in found["legs"])
    ended = found["initial_capital"] + found["realised_pnl"] - found["fees"] - found["funding_paid"] + unrealised
    assert ended + found["insurance_loss"] == pytest.approx(found["final_equity"], abs=1e-6)
    for key, total in (("fees", "fees"), ("funding", "funding_paid"), ("realised_pnl", "realised_pnl")):
        assert sum(leg[key] for leg in found["legs"]) == pytest.approx(found[total], abs=1e-6)
    assert sum(fill["fee"] for fill in found["fills"]) == pytest.approx(found["fees"], abs=1e-6)


def refuse_constant(text: str) -> Any:
    raise AssertionError(text)


def checked(name: str, tmp_path: Path, data: Path, *settings: str) -> dict[str, Any]:
    """Run twice, check that both are one, and return the checked result."""
    file = write_file(tmp_path, data, name)
    first = bytes_of(file, *settings)
    assert bytes_of(file, *reversed(settings)) == first
    found: dict[str, Any] = json.loads(first, parse_constant=refuse_constant)
    assert_well_formed(found)
    assert_conserved(found)
    return found


def settings_of(name: str, profile: str) -> list[str]:
    return [*OVERRIDES.get(name, []), f'risk.profile="{profile}"', "strategy.grid_step_percent=1.5"]


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("profile", ["safe", "off"])
def test_a_short_recording_comes_out_whole(name: str, profile: str, tmp_path: Path, recorded_data: Path) -> None:
    found = checked(name, tmp_path, recorded_data, *settings_of(name, profile))
    assert found["n_fills"] > 20
    assert found["funding_paid"] != 0.0
    assert (found["transitions"] == []) == (profile == "off")


@pytest.mark.verify
@pytest.mark.parametrize("name", [name for name in RECORDINGS if name not in QUICK])
@pytest.mark.parametrize("profile", ["safe", "documented", "off"])
@pytest.mark.parametrize("model", ["bybit_unified", "textbook"])
def test_a_long_recording_comes_out_whole(
    name: str, profile: str, model: str, tmp_path: Path, recorded_data: Path
) -> None:
    more = ["account.initial_capital=50_000.0", f'account.margin_model="{model}"']
    found = checked(name, tmp_path, recorded_data, *settings_of(name, profile), *more)
    assert found["n_fills"] > 20
    assert {fill["symbol"] for fill in found["fills"]} == set(RECORDINGS[name].symbols)


def test_each_symbol_trades_by_its_own_settings(tmp_path: Path, recorded_data: Path) -> None:
    file = tmp_path / "run.toml"
    own = "[strategy.symbols.ETHUSDT]\nleverage = 5\ngrid_step_percent = 4.0\ninitial_position_size_usd = 80.0\n"
    file.write_text(text_of(recorded_data, "hour") + own)
    found = json.loads(bytes_of(file))
    opened = {(fill["symbol"], fill["position_side"]): fill for fill in found["fills"] if fill["reason"] == "open"}
    lots = {"SOLUSDT": (0.1, 20.0 * 20.0), "ETHUSDT": (0.01, 80.0 * 5.0)}
    for (symbol, _), fill in opened.items():
        lot, notional = lots[symbol]
        assert notional - 1.01 * lot * fill["price"] <= fill["qty"] * fill["price"] <= notional * 1.003
    steps = {"SOLUSDT": 2.0, "ETHUSDT": 4.0}
    last: dict[tuple[str, str], float] = {}
    n_steps = dict.fromkeys(steps, 0)
    for fill in found["fills"]:
        leg = (fill["symbol"], fill["position_side"])
        if fill["reason"] == "average" and leg in last:
            against = abs(fill["price"] / last[leg] - 1.0) * 100.0
            # Slippage at both ends takes a little off; gaps only add.
            assert against >= steps[fill["symbol"]] - 0.25
            n_steps[fill["symbol"]] += 1
        if fill["reason"] in {"open", "average", "reopen"}:
            last[leg] = fill["price"]
    assert all(n > 0 for n in n_steps.values())
