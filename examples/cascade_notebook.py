"""
The threshold cascade in a few lines, on a made-up market.

Run it with ``python examples/cascade_notebook.py``. In a notebook, leave ``main`` out and await at the top level.
With bars of your own, or downloaded ones, leave ``data=`` out or point it to your file.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from ballast import BacktestEngine, RebalanceConfig
from ballast.data.sample import Market, write_sample


async def main() -> None:
    bars = Path("sample.parquet")
    write_sample(bars, Market(days=10))

    config = RebalanceConfig(
        upside_threshold=0.40,
        downside_threshold=0.35,
        sell_percentage=0.20,
        usdt_reserve=0.30,
    )
    engine = BacktestEngine(
        assets=["BLORP", "SNORTL", "WOBBLO", "NOODLIX", "GRUMPO", "FIZZLO"],
        initial_capital=10_000,
        config=config,
        data=bars,
    )
    results = await engine.run_backtest(
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        end_date=datetime(2025, 1, 11, tzinfo=UTC),
    )

    print(results.summary())
    print(results.fills_frame())  # a Polars frame
    results.plot_equity().write_html("equity.html")  # a Plotly figure; in a notebook it shows itself


if __name__ == "__main__":
    asyncio.run(main())
