"""``ballast data``: fill the catalog, look into it, and check bars before trusting them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ballast.cli.download import download
from ballast.cli.help import command, show_help
from ballast.cli.options import names
from ballast.cli.terminal import console
from ballast.model.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from rich.table import Table

    from ballast.data.catalog import SeriesSummary
    from ballast.data.source import Columns as Bars

SAMPLE_DATASET = "sample/spot"
SAMPLE_SYMBOL = "RANGEUSDT"

data_app = typer.Typer(rich_markup_mode=None)
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="THEIRS=OURS", help="Read a column under our name: timestamp=ts. Repeatable."),
]
Symbol = Annotated[str | None, typer.Option(help="Symbol of every row, for files without such a column.")]
Venue = Annotated[str | None, typer.Option(help="Keep only the rows of this venue.")]
Interval = Annotated[str | None, typer.Option(help="Bar length, such as 1m; else it is told from the times.")]


def import_(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV file of bars.")],
    dataset: Annotated[str, typer.Option(help="Where to file the bars: venue/market, such as mexc/spot.")],
    columns: Columns = None,
    symbol: Symbol = None,
    venue: Venue = None,
    interval: Interval = None,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Keep defects instead of refusing the file.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Let bars that differ from stored ones count.")] = False,
) -> None:
    """
    Copy the bars of a file into the catalog, all or none. The same file twice changes nothing.

    Duplicates, times that run backwards, impossible prices: the first of each kind is named and the file refused.
    """
    from ballast.data.catalog import Catalog
    from ballast.data.importer import import_bars
    from ballast.data.intervals import parse_interval
    from ballast.data.source import Layout

    catalog = Catalog()
    done = import_bars(
        file,
        dataset,
        catalog,
        layout=Layout(rename=_renames(columns), symbol=symbol, venue=venue),
        interval_ms=None if interval is None else parse_interval(interval),
        as_recorded=as_recorded,
        replace=replace,
    )
    typer.echo(
        f"{done.dataset}: {done.rows_new:,} new of {done.rows:,} {done.interval} bars of "
        f"{', '.join(done.symbols)} in {catalog.root}"
    )


def ls() -> None:
    """List what the catalog holds."""
    from ballast.data.catalog import Catalog

    catalog = Catalog()
    summaries = catalog.summaries()
    if not summaries:
        typer.echo(f"{catalog.root} is empty: fill it with 'ballast data sample', 'import' or 'download'")
        return
    terminal = console()
    terminal.print(f"{catalog.root}", soft_wrap=True)
    terminal.print(_listing(summaries))


def check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Parquet or CSV file of bars.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Of the catalog, in place of a file: mexc/spot.")] = None,
    symbols: Annotated[str | None, typer.Option(help="Only these, with commas between.")] = None,
    columns: Columns = None,
    symbol: Symbol = None,
    venue: Venue = None,
    interval: Interval = None,
    jump: Annotated[float, typer.Option(help="Report closes that differ by more than this fraction.")] = 0.3,
) -> None:
    """
    Report what is wrong or remarkable in bars, and repair nothing.

    Gaps, duplicates, times that run backwards, impossible prices, bars without volume, price jumps, redenominations.
    Without a file or a dataset: whether every file of the catalog is still what was written.
    """
    from ballast.data.intervals import parse_interval
    from ballast.data.quality import check as check_bars
    from ballast.data.quality import report_table
    from ballast.data.source import Layout, read_bars

    if file is not None and dataset is not None:
        raise ConfigError(f"--dataset {dataset}: given together with the file {file}; check one of them")
    if file is None and dataset is None:
        _verify()
        return
    interval_ms = None if interval is None else parse_interval(interval)
    wanted = None if symbols is None else names("--symbols", symbols)
    if file is not None:
        bars = read_bars(file, symbols=wanted, layout=Layout(rename=_renames(columns), symbol=symbol, venue=venue))
    else:
        bars = _stored(dataset or "", wanted, interval_ms)
    found = check_bars(bars, interval_ms=interval_ms, jump_threshold=jump)
    console().print(report_table(found))
    if found.has_defects:
        typer.echo("A backtest reads these bars as docs/data.md says; 'ballast data import' refuses them.")


def sample(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help=f"Parquet file; without it, {SAMPLE_DATASET} in the catalog."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    days: Annotated[int, typer.Option(help="Length in days.")] = 30,
    symbols: Annotated[int, typer.Option(help="How many coins, 1 to 10; the last one is listed late.")] = 6,
    interval: Annotated[str, typer.Option(help="Bar length; it divides an hour.")] = "1m",
) -> None:
    """
    Make up a market: calm, trends, manias and crashes, jumps, a late listing and an outage.

    Its coins do not exist. It is there to try things on, and for tests.
    """
    from tempfile import TemporaryDirectory

    from ballast.data.catalog import Catalog
    from ballast.data.importer import import_bars
    from ballast.data.intervals import parse_interval
    from ballast.data.sample import Market, write_sample

    market = Market(seed=seed, days=days, symbols=symbols, interval_ms=parse_interval(interval))
    if file is not None:
        rows, place = write_sample(file, market), str(file)
    else:
        catalog = Catalog()
        with TemporaryDirectory() as scratch:
            rows = write_sample(Path(scratch) / "sample.parquet", market)
            # Another seed makes another market under the same name: the last one asked for counts.
            import_bars(
                Path(scratch) / "sample.parquet", SAMPLE_DATASET, catalog, interval_ms=market.interval_ms, replace=True
            )
        place = f"{SAMPLE_DATASET} in {catalog.root}"
    typer.echo(f"{rows:,} {interval} bars of {', '.join(market.names)}: {place}")


def sample_trades(
    file: Annotated[Path, typer.Argument(help="Parquet file.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    trades: Annotated[int, typer.Option(help="How many; about one a second.")] = 40_000,
) -> None:
    """
    Make up the trades of one coin that stays in a tight range.

    Nothing answers to orders in it: what a maker earns there says nothing about what it would earn.
    """
    from ballast.data.tick_sample import TickMarket, write_sample_trades

    market = TickMarket(
        seed=seed, n_ticks=trades, middle=10_000, reach=60, moves=1.0, mean_gap_ms=1_000, has_quotes=False
    )
    typer.echo(f"{write_sample_trades(file, market, SAMPLE_SYMBOL):,} trades of {SAMPLE_SYMBOL}: {file}")


def _verify() -> None:
    from ballast.data.catalog import Catalog

    catalog = Catalog()
    typer.echo(f"{catalog.root}: {catalog.verify():,} files, each as it was written")


def _stored(dataset: str, symbols: list[str] | None, interval_ms: int | None) -> Bars:
    from ballast.data.catalog import Catalog
    from ballast.data.series import BARS

    catalog = Catalog()
    bars = [one.series for one in catalog.summaries() if one.series.kind == BARS]
    held = {one.dataset: None for one in bars}
    if dataset not in held:
        hint = nearest(dataset, held) or f"; it has {', '.join(held) or 'none yet'}"
        raise DataError(f"--dataset {dataset}: not in {catalog.root}{hint}")
    all_symbols = [one.symbol for one in bars if one.dataset == dataset]
    return catalog.read(dataset, symbols or list(dict.fromkeys(all_symbols)), interval_ms=interval_ms)


def _renames(columns: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in columns or ()]
    wrong = next((pair for pair in pairs if not all(pair)), None)
    if wrong is not None:
        raise ConfigError(f"--column {''.join(wrong)}: expected their name and ours, such as timestamp=ts")
    return {theirs: ours for theirs, _, ours in pairs}


def _listing(summaries: list[SeriesSummary]) -> Table:
    from rich.table import Table

    from ballast.data.timestamps import utc_text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("dataset", "symbol", "bars", "rows", "first (UTC)", "last (UTC)", "MiB"):
        table.add_column(heading, justify="right" if heading in {"rows", "MiB"} else "left", no_wrap=True)
    for one in summaries:
        series = one.series
        span = (utc_text(one.first_ms), utc_text(one.last_ms))
        table.add_row(series.dataset, series.symbol, series.content, f"{one.rows:,}", *span, f"{one.bytes / 2**20:.1f}")
    return table


data_app.callback(
    invoke_without_command=True,
    help="Fill the catalog of market data, look into it, and check bars before trusting them.",
)(show_help)
for _function, _name, _examples in (
    (import_, "import", ["ballast data import bars.parquet --dataset mexc/spot"]),
    (ls, "ls", ["ballast data ls"]),
    (
        check,
        "check",
        [
            "ballast data check bars.parquet",
            "ballast data check --dataset sample/spot --jump 0.2",
            "ballast data check",
        ],
    ),
    (sample, "sample", ["ballast data sample", "ballast data sample market.parquet --seed 7 --days 10"]),
    (sample_trades, "sample-trades", ["ballast data sample-trades trades.parquet"]),
    (
        download,
        "download",
        [
            "ballast data download --venue mexc --symbols DOGEUSDT,PEPEUSDT --interval 1m --start 2026-05-01",
            "ballast data download --venue bybit --market linear --symbols BTCUSDT --interval 1m --follow",
        ],
    ),
):
    command(data_app, _function, *_examples, name=_name)
