"""A small market and a configuration on it, for commands to work with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ballast.data.sample import Market, write_sample

MARKET = Market(days=2, symbols=3, interval_ms=300_000)


def write_configuration(directory: Path, *replacements: tuple[str, str]) -> Path:
    """Write ``market.parquet`` and ``run.toml`` beside it, with some of its text replaced; return the latter."""
    if not (directory / "market.parquet").exists():
        write_sample(directory / "market.parquet", MARKET)
    text = f"""
[data]
path = "market.parquet"
symbols = [{listed(MARKET.names)}]

[account]
fee_rate = 0.001

[strategy]
name = "cascade"
upside_threshold = 0.05
downside_threshold = 0.05
cooldown_minutes = 10
"""
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = directory / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def listed(symbols: Sequence[str]) -> str:
    """Return symbols as they stand in a TOML list."""
    return ", ".join(f'"{symbol}"' for symbol in symbols)
