"""The cascade's backtest as an object: assets, capital and settings, then one call for each period."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from ballast.backtest.result import Result
from ballast.model.errors import ConfigError
from ballast.notebook.bars import DEFAULT_DATASET, Moment, data_section
from ballast.notebook.rebalance import RebalanceConfig
from ballast.notebook.runs import run_tables


class BacktestEngine:
    """
    Backtest the threshold cascade over a basket.

    Parameters
    ----------
    assets : sequence of str
        Base names or symbols: ``"HANA"`` and ``"HANAUSDT"`` are the same.
    initial_capital : float, optional
        Quote currency; without it the configuration's.
    config : RebalanceConfig, optional
        Without it the defaults; ``ConfigError`` for anything else.
    use_trend_filter : bool
        Switch the trend filter on, whatever ``config`` says.
    data : str, path or table
        A dataset of the catalog, a Parquet or CSV file, or a Polars, pandas or pyarrow table with the
        columns of ``docs/data.md``.
    interval : str, optional
        Bar length, such as ``"5m"``; without it the data's own.
    quote : str
        Quote currency that base names get; empty to take all names as they are.

    Examples
    --------
    In a notebook, or in any coroutine::

        engine = BacktestEngine(assets=["HANA", "AIA", "XAN"], initial_capital=10_000, config=RebalanceConfig())
        results = await engine.run_backtest(start_date=datetime(2024, 1, 1), end_date=datetime(2024, 12, 31))
        print(results.summary())
    """

    def __init__(
        self,
        assets: Sequence[str],
        initial_capital: float | None = None,
        config: RebalanceConfig | None = None,
        *,
        use_trend_filter: bool = False,
        data: object = DEFAULT_DATASET,
        interval: str | None = None,
        quote: str = "USDT",
    ) -> None:
        if isinstance(assets, str):
            raise ConfigError(f"assets = {assets!r}: expected a list of names, such as [{assets!r}]")
        config = RebalanceConfig() if config is None else config
        if not isinstance(config, RebalanceConfig):
            raise ConfigError(f"config = {type(config).__name__}: expected a RebalanceConfig")
        if initial_capital is not None:
            config = replace(config, initial_capital=initial_capital)
        self.config = replace(config, trend_filter=True) if use_trend_filter else config
        self.symbols = tuple(asset if asset.endswith(quote) else asset + quote for asset in assets)
        self._data = data
        self._interval = interval

    def run(self, start_date: Moment | None = None, end_date: Moment | None = None) -> Result:
        """
        Run the backtest over a period.

        Parameters
        ----------
        start_date, end_date : date, datetime or str, optional
            Open times of bars, UTC; start inclusive, end exclusive. Without them, all there is.

        Raises
        ------
        ConfigError
            The settings do not fit together, or the period is empty.
        DataError
            Bars are missing; for datasets the message names the command that fetches them.
        """
        config = self.config
        tables = {
            "data": data_section(self._data, self.symbols, self._interval, start_date, end_date),
            "account": {"initial_capital": config.initial_capital, "fee_rate": config.trading_fee},
            "strategy": {"name": "cascade", **config.strategy_settings()},
        }
        return run_tables(tables, self._data)

    async def run_backtest(self, start_date: Moment | None = None, end_date: Moment | None = None) -> Result:
        """Run the backtest as ``run`` does, in a thread, so that a notebook or a server goes on meanwhile."""
        return await asyncio.to_thread(self.run, start_date, end_date)
