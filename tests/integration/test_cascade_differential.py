"""The cascade fills exactly as an independent implementation of its rules does, on drawn and on recorded markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.differential import assert_agreement, assert_agreement_on_a_random_market


@pytest.mark.parametrize("block", range(4))
def test_forty_random_markets_give_the_same_fills(block: int, tmp_path: Path) -> None:
    n_fills = [assert_agreement_on_a_random_market(seed, tmp_path) for seed in range(10 * block, 10 * block + 10)]
    assert sum(n_fills) > 200


@pytest.mark.verify
@pytest.mark.parametrize("block", range(8))
def test_four_hundred_random_markets_give_the_same_fills(block: int, tmp_path: Path) -> None:
    for seed in range(1_000 + 50 * block, 1_050 + 50 * block):
        assert_agreement_on_a_random_market(seed, tmp_path)


MEXC = "mexc_spot_1m_2026-05-20_2026-06-04.parquet"
SPRING_2021 = "binance_spot_5m_2020-12_2021-07.parquet"
SUMMER_2024 = "binance_spot_5m_2024-01_2024-09.parquet"
HOURLY = "binance_spot_1h_2018-01_2025-08.parquet"
LIVELY: Mapping[str, Any] = {"upside_threshold": 0.1, "downside_threshold": 0.08, "max_position_pct": 0.6}
NARROW: Mapping[str, Any] = {
    "upside_threshold": 0.03,
    "downside_threshold": 0.03,
    "sell_percentage": 0.5,
    "cooldown_minutes": 0.0,
    "min_order_value": 1.0,
    "max_position_pct": 0.9,
    "usdt_reserve": 0.1,
    "min_usdt_reserve_pct": 0.0,
}
DAY_MS = 86_400_000
CRASH_2021_MS = 1_621_382_400_000  # 2021-05-19 00:00 UTC
CRASH_2024_MS = 1_722_816_000_000  # 2024-08-05 00:00 UTC


def around(day_ms: int, days: int) -> tuple[int, int]:
    return day_ms - days * DAY_MS, day_ms + days * DAY_MS


MARKETS = {
    "MEXC minutes": (MEXC, ["DOGEUSDT", "SHIBUSDT", "FARTCOINUSDT"], (None, None), NARROW),
    "2021-05-19": (SPRING_2021, None, around(CRASH_2021_MS, 10), LIVELY),
    "2024-08-05": (SUMMER_2024, None, around(CRASH_2024_MS, 10), NARROW),
    "eight years of hours": (HOURLY, None, (None, None), {}),
}


def symbols_of(path: Path, wanted: Sequence[str] | None, start: int = 0) -> list[str]:
    """Return ``wanted``, or four of the file's symbols from number ``start`` on."""
    import polars as pl

    return list(wanted or sorted(pl.read_parquet(path, columns=["symbol"])["symbol"].unique())[start : start + 4])


@pytest.mark.parametrize("name", MARKETS)
def test_recorded_markets_give_the_same_fills(name: str, recorded_data: Path) -> None:
    file, wanted, window, values = MARKETS[name]
    path = recorded_data / file
    assert assert_agreement(path, symbols_of(path, wanted), values, window=window) > 20


@pytest.mark.verify
@pytest.mark.parametrize("values", [{}, LIVELY, NARROW], ids=["defaults", "lively", "narrow"])
@pytest.mark.parametrize("file", [MEXC, SPRING_2021, SUMMER_2024, HOURLY])
def test_whole_recorded_files_give_the_same_fills(file: str, values: Mapping[str, Any], recorded_data: Path) -> None:
    path = recorded_data / file
    for start in (0, 3):
        symbols = symbols_of(path, None, start)
        if len(symbols) > 2:
            assert_agreement(path, symbols, {"max_position_pct": 0.5, **values}, slippage_bps=5.0)
