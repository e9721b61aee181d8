"""The documented use works as shown, and gives what the command line gives."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from ballast import BacktestEngine, RebalanceConfig, backtest_file
from ballast.backtest.result import Result
from ballast.data.catalog import Catalog
from ballast.data.importer import import_bars
from ballast.model.errors import ConfigError, DataError

ASSETS = ["BLORP", "SNORTL", "WOBBLO"]
SENSITIVE = RebalanceConfig(upside_threshold=0.05, downside_threshold=0.05, max_position_pct=0.5)


def facts(result: Result) -> dict[str, Any]:
    """Return what a result says, without how it was asked for."""
    return {key: value for key, value in result.to_dict().items() if key not in {"config", "config_hash"}}


async def documented_use(market: Path) -> Result:
    config = RebalanceConfig(
        upside_threshold=0.40,
        downside_threshold=0.35,
        sell_percentage=0.20,
        usdt_reserve=0.30,
        min_order_value=15.0,
        cooldown_minutes=30,
    )
    engine = BacktestEngine(assets=ASSETS, initial_capital=10000, config=config, data=market)
    return await engine.run_backtest(start_date=datetime(2025, 1, 1), end_date=datetime(2025, 1, 5))  # noqa: DTZ001


def test_the_documented_use_works_as_shown(market: Path) -> None:
    results = asyncio.run(documented_use(market))
    assert results.initial_capital == 10_000.0
    assert f"{results.metrics.final_equity:,.2f}" in results.summary()
    assert results.metrics.n_fills >= len(ASSETS)


def test_the_engine_and_a_file_with_the_same_settings_agree_fill_by_fill(market: Path, tmp_path: Path) -> None:
    file = tmp_path / "same.toml"
    file.write_text(
        f"""
        [data]
        path = "{market}"
        symbols = ["BLORPUSDT", "SNORTLUSDT", "WOBBLOUSDT"]
        [account]
        initial_capital = 5000.0
        fee_rate = 0.002
        [strategy]
        name = "cascade"
        upside_threshold = 0.05
        downside_threshold = 0.05
        max_position_pct = 0.5
        """
    )
    config = RebalanceConfig(
        upside_threshold=0.05, downside_threshold=0.05, max_position_pct=0.5, initial_capital=5_000.0, trading_fee=0.002
    )
    by_engine = BacktestEngine(ASSETS, config=config, data=market).run()
    by_file = backtest_file(file)
    assert by_engine.metrics.n_events > 0
    assert facts(by_engine) == facts(by_file)
    assert by_engine.config_hash == by_file.config_hash


def test_awaiting_gives_what_running_gives_and_two_may_be_awaited_at_once(market: Path) -> None:
    engines = [BacktestEngine(ASSETS, config=SENSITIVE, data=market, initial_capital=cash) for cash in (1e3, 1e4)]

    async def both() -> list[Result]:
        return list(await asyncio.gather(*(engine.run_backtest() for engine in engines)))

    assert [facts(result) for result in asyncio.run(both())] == [facts(engine.run()) for engine in engines]


def test_the_loop_goes_on_while_a_backtest_runs(market: Path) -> None:
    async def ticks_meanwhile() -> int:
        running = asyncio.create_task(BacktestEngine(ASSETS, data=market).run_backtest())
        ticks = 0
        while not running.done():
            await asyncio.sleep(0)
            ticks += 1
        await running
        return ticks

    # Not in a thread, the task would be done after one or two turns of the loop.
    assert asyncio.run(ticks_meanwhile()) > 10


def test_the_same_bars_from_file_table_and_catalog_give_the_same_result(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    import_bars(market, "mexc/spot", Catalog())
    sources = [market, str(market), pq.read_table(market), pl.read_parquet(market), "mexc/spot"]
    results = [BacktestEngine(ASSETS, config=SENSITIVE, data=source).run() for source in sources]
    assert [facts(result) for result in results] == [facts(results[0])] * len(sources)
    assert facts(BacktestEngine(ASSETS, config=SENSITIVE).run()) == facts(results[0])


def test_a_table_is_cut_and_put_together_as_a_file_is(market: Path) -> None:
    sources = (market, pq.read_table(market))
    results = [BacktestEngine(ASSETS, data=source, interval="1h").run("2025-01-04", "2025-01-06") for source in sources]
    assert [len(result.equity) for result in results] == [48, 48]
    assert results[0].data_hash == results[1].data_hash


def test_a_file_that_is_called_like_a_dataset_is_a_file(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mexc").mkdir()
    shutil.copy(market, tmp_path / "mexc" / "spot")
    assert BacktestEngine(ASSETS, data="mexc/spot").run().metrics.n_fills > 0


def test_missing_bars_are_an_error_that_names_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path))
    with pytest.raises(DataError) as caught:
        BacktestEngine(["HANA", "AIA", "XAN"], interval="5m").run(date(2024, 1, 1), date(2024, 12, 31))
    command = str(caught.value).partition("ballast data download ")[2].split()
    options = dict(zip(command[::2], command[1::2], strict=True))
    assert options["--venue"] == "mexc"
    assert options["--symbols"] == "HANAUSDT,AIAUSDT,XANUSDT"
    assert options["--interval"] == "5m"
    assert (options["--start"], options["--end"]) == ("2024-01-01", "2024-12-31")


@pytest.mark.parametrize(
    ("assets", "quote", "symbols"),
    [
        (["DOGE", "SHIBUSDT"], "USDT", ("DOGEUSDT", "SHIBUSDT")),
        (["DOGE", "SHIB"], "USDC", ("DOGEUSDC", "SHIBUSDC")),
        (["EURUSD", "XAUUSD"], "", ("EURUSD", "XAUUSD")),
    ],
)
def test_base_names_get_the_quote(assets: list[str], quote: str, symbols: tuple[str, ...]) -> None:
    assert BacktestEngine(assets, quote=quote).symbols == symbols


def test_the_period_begins_with_its_start_and_ends_before_its_end(market: Path) -> None:
    result = BacktestEngine(ASSETS, data=market).run("2025-01-04", datetime(2025, 1, 5, tzinfo=UTC))
    first, last = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (result.ts_ms[0], result.ts_ms[-1]))
    assert (first, last) == (datetime(2025, 1, 4, tzinfo=UTC), datetime(2025, 1, 4, 23, 55, tzinfo=UTC))


def test_an_interval_aggregates(market: Path) -> None:
    assert BacktestEngine(ASSETS, data=market, interval="1h").run().interval_ns == 3_600_000_000_000


def test_the_capital_of_the_engine_stands_over_the_configuration(market: Path) -> None:
    config = RebalanceConfig(initial_capital=700.0)
    assert BacktestEngine(ASSETS, config=config, data=market).run().initial_capital == 700.0
    assert BacktestEngine(ASSETS, 800.0, config, data=market).run().initial_capital == 800.0


def test_the_trend_filter_can_be_switched_on_at_the_engine(market: Path) -> None:
    engines = [BacktestEngine(ASSETS, config=SENSITIVE, data=market, use_trend_filter=on) for on in (False, True)]
    assert [engine.config.trend_filter for engine in engines] == [False, True]
    without, with_filter = (engine.run() for engine in engines)
    assert not np.array_equal(without.equity, with_filter.equity)


def test_what_is_no_list_of_assets_and_no_settings_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"assets = 'DOGE': expected a list of names"):
        BacktestEngine("DOGE")
    with pytest.raises(ConfigError, match="config = dict: expected a RebalanceConfig"):
        BacktestEngine(ASSETS, config={"upside_threshold": 0.4})  # type: ignore[arg-type]


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(ConfigError, match="data = int: expected a file, a dataset"):
        BacktestEngine(ASSETS, data=7).run()


def test_settings_that_cannot_work_together_are_refused(market: Path) -> None:
    with pytest.raises(ConfigError, match="max_position_pct"):
        BacktestEngine(ASSETS[:2], config=RebalanceConfig(max_position_pct=0.1), data=market).run()
