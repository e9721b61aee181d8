"""Configurations of the grid on recorded perpetuals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Recording(NamedTuple):
    """One file of bars, the window that is run, and whether it has mark prices."""

    name: str
    symbols: tuple[str, ...]
    interval: str
    start: str
    end: str
    has_marks: bool = False


RECORDINGS = {
    "hour": Recording(
        "bybit_perp_1h_mark_2024-01_2025-08.parquet",
        ("SOLUSDT", "ETHUSDT"),
        "1h",
        "2024-01-01",
        "2024-02-01",
        has_marks=True,
    ),
    "hours_of_all": Recording(
        "bybit_perp_1h_mark_2024-01_2025-08.parquet",
        ("SOLUSDT", "ETHUSDT", "BTCUSDT", "WIFUSDT"),
        "1h",
        "2024-02-01",
        "2025-09-01",
        has_marks=True,
    ),
    "quarters": Recording(
        "bybit_perp_15m_2024-01_2025-08.parquet", ("ETHUSDT", "BTCUSDT"), "15m", "2024-01-01", "2024-07-01"
    ),
    "five_minutes": Recording(
        "bybit_5m_2025-01_2025-08.parquet", ("BTCUSDT", "ETHUSDT", "WIFUSDT"), "5m", "2025-07-01", "2025-08-20"
    ),
    "minutes": Recording("bybit_perp_1m_WIF_2025-04_2025-05.parquet", ("WIFUSDT",), "1m", "2025-04-24", "2025-05-24"),
}


def text_of(data: Path, name: str) -> str:
    """Return a configuration file for one of ``RECORDINGS``."""
    one = RECORDINGS[name]
    return f"""
[data]
path = "{data / one.name}"
symbols = {json.dumps(one.symbols)}
interval = "{one.interval}"
start = {one.start}
end = {one.end}
mark = {str(one.has_marks).lower()}
venue = "bybit"
funding = "{data / "funding_rates_binance_bybit_2020-01_2025-08.parquet"}"

[account]
kind = "unified_margin"
mode = "hedge"
leverage = 20
initial_capital = 10_000.0
tiers = "{data / "fixtures" / "binance_usdm_leverage_tiers.json.gz"}"

[instruments]
file = "{data / "instrument_properties_lean.parquet"}"

[strategy]
name = "hedge_grid"
initial_position_size_usd = 20.0
grid_step_percent = 2.0
"""


def write_file(directory: Path, data: Path, name: str, more: str = "") -> Path:
    """Write the configuration into a directory and return its path."""
    file = directory / "run.toml"
    file.write_text(text_of(data, name) + more)
    return file
