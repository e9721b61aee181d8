"""``ballast data``: fill the catalog, look into it, and check bars before trusting them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ballast.cli.help import command, show_help
from ballast.cli.progress import late_progress

if TYPE_CHECKING:
    from rich.table import Table

    from ballast.data.catalog import SeriesSummary
    from ballast.data.download import DownloadReport, Progress

SAMPLE_DATASET = "sample/spot"
_DEFAULT_DAYS = 30
_DAY_MS = 86_400_000

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
    from rich.console import Console

    from ballast.data.catalog import Catalog

    catalog = Catalog()
    summaries = catalog.summaries()
    if not summaries:
        typer.echo(f"{catalog.root} is empty: fill it with 'ballast data sample', 'import' or 'download'")
        return
    console = Console(highlight=False)
    console.print(f"{catalog.root}", soft_wrap=True)
    console.print(_listing(summaries))


def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Parquet or CSV file; without it, the catalog.")
    ] = None,
    columns: Columns = None,
    symbol: Symbol = None,
    venue: Venue = None,
    interval: Interval = None,
    jump: Annotated[float, typer.Option(help="Report closes that differ by more than this fraction.")] = 0.3,
) -> None:
    """
    Report what is wrong or remarkable, and repair nothing.

    Of a file: gaps, duplicates, times that run backwards, impossible prices, bars without volume, price jumps and
    redenominations. Without a file: whether every file of the catalog is still what was written.
    """
    from ballast.data.catalog import Catalog

    if file is None:
        catalog = Catalog()
        typer.echo(f"{catalog.root}: {catalog.verify():,} files, all as they were written")
        return

    from rich.console import Console

    from ballast.data.intervals import parse_interval
    from ballast.data.quality import check as check_bars
    from ballast.data.quality import report_table
    from ballast.data.source import Layout, read_bars

    bars = read_bars(file, layout=Layout(rename=_renames(columns), symbol=symbol, venue=venue))
    interval_ms = None if interval is None else parse_interval(interval)
    found = check_bars(bars, interval_ms=interval_ms, jump_threshold=jump)
    Console(highlight=False).print(report_table(found))
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


def download(
    venue: Annotated[str, typer.Option(help="bybit or mexc.")],
    symbols: Annotated[str, typer.Option(help="The venue's spelling, with commas between: BTCUSDT,DOGEUSDT.")],
    market: Annotated[str, typer.Option(help="spot, or linear on Bybit.")] = "spot",
    interval: Annotated[str, typer.Option(help="Bar length.")] = "1m",
    start: Annotated[
        str | None, typer.Option(help=f"First time, UTC; {_DEFAULT_DAYS} days before the end if left out.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Times end here, exclusive, UTC; else now.")] = None,
    funding: Annotated[bool, typer.Option("--funding", help="Funding rates in place of bars.")] = False,
    rest_url: Annotated[
        str | None,
        typer.Option("--rest-url", help="Address of the venue's public REST host, if it is not the usual one."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """
    Download history that a venue shows to everybody into the catalog.

    Interrupted, it goes on where it stopped when it is run again; what is there is not asked for again.
    """
    import asyncio

    from ballast.cli.venues import public_history
    from ballast.data.catalog import Catalog
    from ballast.data.download import download_bars, download_funding
    from ballast.data.intervals import parse_interval

    names = [name.strip() for name in symbols.split(",") if name.strip()]
    interval_ms = parse_interval(interval)
    end_ms = _time_ms("--end", end)
    start_ms = _time_ms("--start", start)
    if start_ms is None:
        start_ms = (end_ms or _now_ms()) - _DEFAULT_DAYS * _DAY_MS

    async def fetch(symbol: str) -> DownloadReport:
        with late_progress(symbol, quiet=quiet) as show:

            def progress(at: Progress) -> None:
                if show is not None and at.total_ms > 0:
                    show(at.done_ms / at.total_ms)

            async with public_history(venue, market, rest_url) as source:
                catalog = Catalog()
                if funding:
                    return await download_funding(
                        source, catalog, symbol, start_ms=start_ms, end_ms=end_ms, now_ms=_now_ms, progress=progress
                    )
                return await download_bars(
                    source,
                    catalog,
                    symbol,
                    interval_ms=interval_ms,
                    start_ms=start_ms,
                    end_ms=end_ms,
                    now_ms=_now_ms,
                    progress=progress,
                )

    for symbol in names:
        done = asyncio.run(fetch(symbol))
        if not quiet:
            typer.echo(_download_line(done))


def _renames(columns: list[str] | None) -> dict[str, str]:
    from ballast.model.errors import ConfigError

    renames = {}
    for text in columns or ():
        theirs, separator, ours = text.partition("=")
        if not (theirs and separator and ours):
            raise ConfigError(f"--column {text}: expected their name and ours, such as timestamp=ts")
        renames[theirs] = ours
    return renames


def _time_ms(option: str, text: str | None) -> int | None:
    from ballast.config.keys import utc

    return None if text is None else int(utc(option, text).timestamp() * 1000)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000


def _listing(summaries: list[SeriesSummary]) -> Table:
    from rich.table import Table

    from ballast.data.timestamps import utc_text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("dataset", "symbol", "bars", "rows", "first (UTC)", "last (UTC)", "MiB"):
        table.add_column(heading, justify="right" if heading in {"rows", "MiB"} else "left")
    for one in summaries:
        series = one.series
        span = (utc_text(one.first_ms), utc_text(one.last_ms))
        interval = series.interval or series.kind
        table.add_row(series.dataset, series.symbol, interval, f"{one.rows:,}", *span, f"{one.bytes / 2**20:.1f}")
    return table


def _download_line(done: DownloadReport) -> str:
    from ballast.data.timestamps import utc_text

    line = f"{done.series}: {done.rows_new:,} new rows, {done.pages:,} pages"
    if done.listed_ms is not None:
        line += f"; listed {utc_text(done.listed_ms)}"
    if done.gaps:
        line += f"; {len(done.gaps):,} gaps, the first from {utc_text(done.gaps[0][0])} to {utc_text(done.gaps[0][1])}"
    return line


data_app.callback(
    invoke_without_command=True,
    help="Fill the catalog of market data, look into it, and check bars before trusting them.",
)(show_help)
for _function, _name, _examples in (
    (import_, "import", ["ballast data import bars.parquet --dataset mexc/spot"]),
    (ls, "ls", ["ballast data ls"]),
    (check, "check", ["ballast data check bars.parquet", "ballast data check"]),
    (sample, "sample", ["ballast data sample", "ballast data sample market.parquet --seed 7 --days 10"]),
    (
        download,
        "download",
        ["ballast data download --venue mexc --symbols DOGEUSDT,PEPEUSDT --interval 1m --start 2026-05-01"],
    ),
):
    command(data_app, _function, *_examples, name=_name)
