"""``ballast survive``: it says in plain words when the money is gone, and everything it writes agrees."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ballast.backtest.setup import setup_from_config
from ballast.cli.main import run
from ballast.cli.market import frames_of
from ballast.cli.survive import parts
from ballast.config import load
from ballast.research.survival import survive as analyse

FILE = """
[data]
path = "bars.csv"
symbols = ["BTCUSDT"]
[account]
kind = "unified_margin"
mode = "hedge"
leverage = 50
initial_capital = {capital}
tiers = "bybit-btcusdt-2026-08"
[instruments.BTCUSDT]
tick = 5.0
lot_step = 0.00001
[strategy]
name = "{strategy}"
[risk]
profile = "{profile}"
"""
HOUR_MS = 3_600_000


def written(
    directory: Path, *, capital: float = 500.0, profile: str = "safe", strategy: str = "hedge_grid", n_bars: int = 120
) -> Path:
    draw = np.random.default_rng(2)
    closes = 50_000.0 * np.exp(0.006 * np.cumsum(draw.standard_normal(n_bars + 1)))
    lines = ["ts,symbol,open,high,low,close,volume"]
    for k in range(n_bars):
        high, low = max(closes[k : k + 2]) * 1.002, min(closes[k : k + 2]) / 1.002
        lines.append(
            f"{1_706_400_000_000 + k * HOUR_MS},BTCUSDT,{closes[k]:.1f},{high:.1f},{low:.1f},{closes[k + 1]:.1f},10"
        )
    (directory / "bars.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = directory / "grid.toml"
    path.write_text(FILE.format(capital=capital, profile=profile, strategy=strategy), encoding="utf-8")
    return path


def test_it_says_when_the_money_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out, html = written(tmp_path, profile="off"), tmp_path / "out.json", tmp_path / "out.html"
    assert run(["survive", str(file), "--paths", "40", "--json", str(out), "--html", str(html)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    found = json.loads(out.read_text())
    up, down = found["max_adverse_move_up"], found["max_adverse_move_down"]
    assert list(up) == list(down) == ["freeze", "panic", "emergency", "liquidation"]
    assert up["freeze"] is up["panic"] is up["emergency"] is None
    said = [float(move) for move in re.findall(r"At [+−]([\d.]+) % \([\d,.]+\) (?:you lose|the exchange)", shown)]
    assert said == [round(100.0 * up["liquidation"], 1), round(100.0 * down["liquidation"], 1)]
    assert shown.count("you lose everything") + shown.count("you have lost everything") == 2
    assert shown.index("Odds of losing the account to liquidation") < shown.index("The risk ladder is OFF")
    assert "less than" not in shown
    assert found["equity_up"]["liquidation"] < 1.0
    assert list(found["probabilities"]) == ["1d", "7d", "30d"]
    assert set(found["probabilities"]["7d"]["liquidation"]) == {"p", "low", "high"}
    # Nothing but the exchange closes anything here.
    liquidated = {horizon: layers["liquidation"] for horizon, layers in found["probabilities"].items()}
    assert found["probabilities_forced"]["bootstrap"] == liquidated
    page = html.read_text()
    assert page.count("<svg") == 2 * 5
    assert "http" not in page.replace("http-equiv", "")


def test_the_safe_ladder_fires_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert run(["survive", str(written(tmp_path)), "--paths", "0", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    for name in ("up", "down"):
        layers = found[f"max_adverse_move_{name}"]
        assert 0.0 < layers["freeze"] <= layers["panic"] <= layers["emergency"]
        assert layers["liquidation"] is None
        levels = [row["level"] for row in found["levels"][name] if row["event"] == "level"]
        assert levels == sorted(levels)
        assert levels[0] == 1
    assert found["probabilities"] == {}
    assert "averaging stops" in capsys.readouterr().out
    configured = [cell for cell in found["sensitivity"] if cell["is_configured"]]
    assert [cell["up"] for cell in configured] == [found["max_adverse_move_up"]] * 4


@pytest.mark.parametrize("profile", ["safe", "off"])
@pytest.mark.parametrize("width", [80, 120])
def test_no_figure_is_cut_off(tmp_path: Path, profile: str, width: int) -> None:
    config = load(written(tmp_path, profile=profile))
    found = analyse(setup_from_config(config, frames_of(config)), n_paths=40)
    shown = StringIO()
    console = Console(file=shown, width=width)
    for part in parts(found, width):
        console.print(part)
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown.getvalue()
    assert max(map(len, shown.getvalue().splitlines())) <= width
    # What makes the configured value stand out does so without colours.
    assert len(re.findall(r"^ *[\d.]+ \* ", shown.getvalue(), re.MULTILINE)) == 4
    for figure in (row.next_cost for way in found.ways.values() for row in way.rows if row.next_cost):
        assert f"{figure:,.2f}" in shown.getvalue()
    assert ("\nIM: " in shown.getvalue()) == (width == 120) == ("A wider window" not in shown.getvalue())


def test_equal_seeds_give_equal_figures(tmp_path: Path) -> None:
    file = str(written(tmp_path))
    found = []
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        out = tmp_path / f"{name}.json"
        assert (
            run(["survive", file, "--paths", "60", "--horizon", "2d", "--seed", seed, "--quiet", "--json", str(out)])
            == 0
        )
        found.append(json.loads(out.read_text()))
    assert found[0] == found[1]
    assert found[0]["probabilities"] != found[2]["probabilities"]


@pytest.mark.parametrize(
    ("changes", "arguments", "words"),
    [
        ({"capital": 5}, [], r"initial_capital = 5: the grid would be FROZEN .* use at least \d"),
        ({"strategy": "equal_weight"}, [], r"strategy.name = 'equal_weight': .* use \"hedge_grid\""),
        ({}, ["--horizon", "7"], r"--horizon 7: '7' is no length of time"),
        ({}, ["--horizon", "1d,0d"], r"'0d' is no length of time"),
        ({"n_bars": 20}, [], r"20 bars to make paths from, too few .* --paths 0"),
    ],
)
def test_bad_input_is_refused_with_what_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], arguments: list[str], words: str
) -> None:
    file = written(tmp_path, **changes)  # type: ignore[arg-type]
    assert run(["survive", str(file), *arguments, "--html", str(tmp_path / "out.html")]) == 2
    assert re.search(words, capsys.readouterr().err)
    assert not (tmp_path / "out.html").exists()
