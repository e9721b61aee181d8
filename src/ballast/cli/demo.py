"""``ballast demo``: from nothing to a report in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ballast.cli.backtest import Quiet, backtest
from ballast.model.errors import OutputError

MARKET, CONFIGURATION, REPORT, RESULT = "market.parquet", "cascade.toml", "report.html", "result.json"
# Long enough for two months and a growth rate by the year.
DAYS = 60


def demo(
    directory: Annotated[Path, typer.Option("--directory", help="Where to put market, settings and report.")] = Path(
        "demo"
    ),
    quiet: Quiet = False,
) -> None:
    """
    Make a sample market, run the cascade strategy on it, show how it did and write the report.

    The market is made up, the same on every machine. Settings of your own in the directory are kept.
    """
    from ballast.data.sample import Market, write_sample
    from ballast.files.durable import replacing

    market = Market(days=DAYS)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        configuration = directory / CONFIGURATION
        write_sample(directory / MARKET, market)
        if not configuration.exists():
            with replacing(configuration) as scratch:
                scratch.write_text(settings(market.names), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{directory}: cannot be written ({error.strerror}); choose another place with --directory"
        ) from None
    backtest(configuration, None, directory / RESULT, directory / REPORT, quiet)
    if not quiet:
        typer.echo(
            f"Open {directory / REPORT} in a browser. Change {configuration} and run: ballast backtest {configuration}"
        )


def settings(symbols: tuple[str, ...]) -> str:
    """Return the demo's configuration file: what has no sensible default, and the rest left to the defaults."""
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    return f"""\
# The demo of Ballast. Try other settings: `ballast strategies cascade` lists them, docs/configuration.md explains them.
schema_version = 1

[data]
path = "{MARKET}" # beside this file; made up, with a late listing and an outage
symbols = [{names}]

[account]
initial_capital = 10000.0

[strategy]
name = "cascade"

[report]
title = "Demo: the cascade on a made-up market"
"""
