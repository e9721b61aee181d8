"""What ``docs/market_making.md`` says that the maker earned, earned again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ballast import backtest_file

pytestmark = pytest.mark.skipif(not os.environ.get("BALLAST_RECORDED_DATA"), reason="BALLAST_RECORDED_DATA is not set")

DOCUMENT = (Path(__file__).parents[4] / "docs/market_making.md").read_text(encoding="utf-8")
RUN = next(block for block in re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL) if "range_maker" in block)
FILES = {
    "1INCHUSDT": ("bybit_spot_trades_1INCH_UNIUSDC_2025-05.parquet", "trades"),
    "BTCUSDT": ("binance_trades_2024-07-18_19.parquet", "trades"),
    "ETHUSDT": ("binance_trades_2024-07-18_19.parquet", "trades"),
    "XAUUSD": ("fx_ticks_oanda_EURUSD_XAUUSD_2014-05-01_07.parquet", "quotes"),
    "EURUSD": ("fx_ticks_oanda_EURUSD_XAUUSD_2014-05-01_07.parquet", "quotes"),
    "JETUSDT": ("mexc_spot_l2snap_JETUSDT_listing_2023-08-24.parquet", "quotes"),
}
REGIMES = {"classifier": "classifier", "assumed": "assume_tight_range"}


def rows() -> list[list[str]]:
    """Return the cells of the table of results; what a row leaves out is that of the row above."""
    found: list[list[str]] = []
    for line in re.findall(r"^\|(.*\| (?:classifier|assumed) \|.*)\|$", DOCUMENT, re.MULTILINE):
        cells = [cell.strip() for cell in line.split("|")]
        above = found[-1] if found else cells
        found.append([cell or over if k < 4 else cell for k, (cell, over) in enumerate(zip(cells, above, strict=True))])
    return found


def steps_of(symbol: str) -> tuple[str, str]:
    """Return the tick and the lot that the document names."""
    text = DOCUMENT.replace("\n", " ")
    found = re.search(rf"([0-9.]+) and ([0-9.]+) for {symbol}", text)
    assert found is not None
    return found[1], found[2]


@pytest.mark.parametrize("row", rows(), ids=lambda row: " ".join(row[:4]))
def test_the_documented_figures_are_those_of_the_documented_run(tmp_path: Path, row: list[str]) -> None:
    data, bars, regime, fee, placed, filled, *figures = row
    symbol = data.split(",")[0]
    file, kind = FILES[symbol]
    tick, lot = steps_of(symbol)
    replaced = {
        "trades.parquet": str(Path(os.environ["BALLAST_RECORDED_DATA"]) / file),
        'kind = "trades"': f'kind = "{kind}"',
        "1INCHUSDT": symbol,
        'interval = "1m"': f'interval = "{bars.replace(" ", "")}"',
        "fee_rate = 0.001": f"fee_rate = {float(fee)}",
        "tick = 0.0001": f"tick = {tick}",
        "lot_step = 0.01": f"lot_step = {lot}",
        "assume_tight_range": REGIMES[regime],
        "max_age_s = 120.0": "max_age_s = 120.0" if symbol == "1INCHUSDT" else "",
    }
    text = RUN
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "run.toml").write_text(text)
    facts = backtest_file(tmp_path / "run.toml").to_dict()
    quotes = facts["quotes"]
    assert (quotes["placed"], quotes["filled"]) == (int(placed.replace(",", "")), int(filled))
    earned = [quotes[f"{name}_bps"] for name in ("spread_captured", "adverse_selection_1s", "adverse_selection_60s")]
    told = [None if value is None else f"{value:.2f}" for value in (*earned, facts["final_equity"] - 10_000.0)]
    assert [cell or None for cell in figures] == ["0" if value == "0.00" else value for value in told]
