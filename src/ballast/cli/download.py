"""``ballast data download``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.options import names
from ballast.cli.terminal import late_progress

if TYPE_CHECKING:
    from ballast.data.download import DownloadReport, Progress

_DEFAULT_DAYS = 30
_DAY_MS = 86_400_000


def download(
    venue: Annotated[str, typer.Option(help="bybit or mexc.")],
    symbols: Annotated[str, typer.Option(help="The venue's spelling, with commas between: BTCUSDT,DOGEUSDT.")],
    market: Annotated[str, typer.Option(help="spot, or linear on Bybit.")] = "spot",
    interval: Annotated[str, typer.Option(help="Bar length.")] = "1m",
    start: Annotated[
        str | None, typer.Option(help=f"First time, UTC; {_DEFAULT_DAYS} days before the end if left out.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Times end here, exclusive, UTC; else now.")] = None,
    mark: Annotated[bool, typer.Option("--mark", help="Download the bars of the mark price too.")] = False,
    funding: Annotated[bool, typer.Option("--funding", help="Download the funding rates too.")] = False,
    rest_url: Annotated[
        str | None, typer.Option(help="Address of the venue's public REST host, where it is not the usual one.")
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
    from ballast.data.series import MARKS

    wanted = names("--symbols", symbols)
    interval_ms = parse_interval(interval)
    end_ms = _time_ms("--end", end)
    start_ms = _time_ms("--start", start)
    if start_ms is None:
        start_ms = (end_ms or _now_ms()) - _DEFAULT_DAYS * _DAY_MS
    window: dict[str, Any] = {"start_ms": start_ms, "end_ms": end_ms, "now_ms": _now_ms}

    async def fetch() -> None:
        catalog = Catalog()
        async with public_history(venue, market, rest_url) as source:
            for symbol in wanted:
                with _download_progress(symbol, quiet=quiet) as show:
                    done = [
                        await download_bars(source, catalog, symbol, interval_ms=interval_ms, progress=show, **window)
                    ]
                    if mark:
                        arguments = {"interval_ms": interval_ms, "kind": MARKS, **window}
                        done.append(await download_bars(source, catalog, symbol, progress=show, **arguments))
                    if funding:
                        done.append(await download_funding(source, catalog, symbol, progress=show, **window))
                if not quiet:
                    typer.echo("\n".join(map(_download_line, done)))

    asyncio.run(fetch())


@contextmanager
def _download_progress(symbol: str, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    with late_progress(symbol, quiet=quiet) as show:

        def page_done(at: Progress) -> None:
            if show is not None and at.total_ms > 0:
                show(at.done_ms / at.total_ms)

        yield page_done


def _time_ms(option: str, text: str | None) -> int | None:
    from ballast.config.keys import utc

    return None if text is None else int(utc(option, text).timestamp() * 1000)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000


def _download_line(done: DownloadReport) -> str:
    from ballast.data.timestamps import utc_text

    line = f"{done.series}: {done.rows_new:,} new rows, {done.pages:,} pages"
    if done.listed_ms is not None:
        line += f"; listed {utc_text(done.listed_ms)}"
    if done.gaps:
        line += f"; {len(done.gaps):,} gaps, the first from {utc_text(done.gaps[0][0])} to {utc_text(done.gaps[0][1])}"
    return line
