"""A small made-up market, shared by the tests of the Python interface."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.data.sample import Market, write_sample

FIVE_MINUTES_MS = 300_000


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of six days of 5m bars of BLORPUSDT, SNORTLUSDT and WOBBLOUSDT from 2025-01-01."""
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    write_sample(path, Market(days=6, symbols=3, interval_ms=FIVE_MINUTES_MS))
    return path
