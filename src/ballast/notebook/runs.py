"""A backtest in one call: of a configuration file, or of plain arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ballast.backtest.result import Result
from ballast.backtest.run import run as run_setup
from ballast.backtest.setup import setup_from_config
from ballast.cli.market import frames_of
from ballast.config import from_dict, load
from ballast.config.overrides import apply
from ballast.notebook.bars import DEFAULT_DATASET, Moment, data_section, frames_from


def backtest_file(path: str | os.PathLike[str], *, set: Mapping[str, object] | None = None) -> Result:  # noqa: A002
    """
    Run the backtest that a configuration file describes.

    Parameters
    ----------
    path : path
        TOML; ``docs/configuration.md`` has the keys.
    set : mapping, optional
        Settings that stand over the file's: ``{"strategy.upside_threshold": 0.3}``.

    Raises
    ------
    ConfigError, DataError
        As ``ballast backtest`` reports them.
    """
    config = load(path, _overrides(set))
    return run_setup(setup_from_config(config, frames_of(config)))


def run(
    symbols: Sequence[str],
    *,
    data: object = DEFAULT_DATASET,
    strategy: str | os.PathLike[str] = "cascade",
    start: Moment | None = None,
    end: Moment | None = None,
    interval: str | None = None,
    set: Mapping[str, object] | None = None,  # noqa: A002  # As on the command line.
    **params: object,
) -> Result:
    """
    Run a backtest.

    Parameters
    ----------
    symbols : sequence of str
        As the data spell them: ``["DOGEUSDT", "SHIBUSDT"]``.
    data : str, path or table
        A dataset of the catalog, a Parquet or CSV file, or a Polars, pandas or pyarrow table with the
        columns of ``docs/data.md``.
    strategy : str or path
        A built-in strategy, or a Python file that defines one.
    start, end : date, datetime or str, optional
        Open times of bars, UTC; start inclusive, end exclusive.
    interval : str, optional
        Bar length, such as ``"5m"``; without it the data's own.
    set : mapping, optional
        Any other setting of a configuration file: ``{"account.fee_rate": 0.0005, "execution.slippage_bps": 5}``.
    **params
        Settings of the strategy.

    Raises
    ------
    ConfigError
        A setting is unknown, out of range or does not fit another.
    DataError
        Bars are missing or cannot be used; for datasets the message names the command that fetches them.
    """
    tables = {
        "data": data_section(data, symbols, interval, start, end),
        "strategy": {"name": os.fspath(strategy), **params},
    }
    return run_tables(apply(tables, _overrides(set)), data)


def run_tables(tables: Mapping[str, Any], data: object) -> Result:
    """Run what the tables of a configuration describe, over ``data`` where that is a table of bars."""
    config = from_dict(tables)
    return run_setup(setup_from_config(config, frames_from(config, data)))


def _overrides(settings: Mapping[str, object] | None) -> list[str]:
    import msgspec

    # JSON of a number, a switch, a text or a list is TOML too; times may stand as text.
    return [f"{key}={msgspec.json.encode(value, enc_hook=_plain).decode()}" for key, value in (settings or {}).items()]


def _plain(value: Any) -> object:
    """Return a NumPy scalar as Python's own, anything else as text."""
    return value.item() if hasattr(value, "item") else str(value)
