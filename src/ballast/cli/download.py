"""``ballast data download``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.options import names
from ballast.cli.terminal import late_progress
from ballast.model.durations import DAY_MS, MILLISECOND_NS
from ballast.model.errors import ConfigError
from ballast.model.public_feed import FeedKind, FeedStatus, FeedTopic

if TYPE_CHECKING:
    from ballast.data.catalog import Catalog
    from ballast.data.download import DownloadReport, Progress
    from ballast.data.follow import Appended
    from ballast.data.series import Series

_DEFAULT_DAYS = 30


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
    follow: Annotated[
        bool, typer.Option("--follow", help="Then go on: store every bar as it closes, until interrupted.")
    ] = False,
    rest_url: Annotated[
        str | None,
        typer.Option(
            help="Address of the venue's public REST host, and with --follow of its sockets, if not the usual one."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """
    Download history that a venue shows to everybody into the catalog.

    Interrupted, it goes on where it stopped when it is run again; what is there is not asked for again.
    """
    if follow:
        _refuse_with_follow(end=end is not None, mark=mark, funding=funding)
    import asyncio

    from ballast.cli.venues import public_history
    from ballast.data.catalog import Catalog
    from ballast.data.download import download_bars, download_funding
    from ballast.data.intervals import interval_name, parse_interval
    from ballast.data.series import BARS, MARKS, Series

    wanted = names("--symbols", symbols)
    interval_ms = parse_interval(interval)
    end_ms = _time_ms("--end", end)
    start_ms = _time_ms("--start", start)
    if start_ms is None:
        start_ms = (end_ms or _now_ms()) - _DEFAULT_DAYS * DAY_MS
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
        if follow:
            series = [Series(BARS, f"{venue}/{market}", symbol, interval_name(interval_ms)) for symbol in wanted]
            await _follow(catalog, series, start_ms, url=rest_url, quiet=quiet)

    asyncio.run(fetch())


def _refuse_with_follow(**given: bool) -> None:
    reasons = {
        "end": "a download that goes on has no end",
        "mark": "bars of the mark price are not followed; download them without --follow",
        "funding": "funding rates are not followed; download them without --follow",
    }
    for name, reason in reasons.items():
        if given[name]:
            raise ConfigError(f"--follow: given together with --{name}; {reason}")


async def _follow(catalog: Catalog, series: list[Series], start_ms: int, *, url: str | None, quiet: bool) -> None:
    """Store bars as they close, until SIGINT or SIGTERM, which is how this is meant to end."""
    import asyncio
    import signal

    from ballast.cli.venues import public_feed
    from ballast.data.follow import follow_bars, known_until_ms
    from ballast.data.intervals import parse_interval

    interval_ms = parse_interval(series[0].interval)
    known_ms = {one: known_until_ms(catalog, one, start_ms // interval_ms * interval_ms) for one in series}
    # The last bar that is known is told again: it may have been asked for in the moment of its close.
    closed_ns = {
        FeedTopic(FeedKind.BARS, one.symbol, interval_ns=interval_ms * MILLISECOND_NS): (at_ms - 2 * interval_ms)
        * MILLISECOND_NS
        for one, at_ms in known_ms.items()
    }
    venue, market = series[0].dataset.split("/")

    def show(news: Appended | FeedStatus) -> None:
        if not quiet:
            typer.echo(_follow_line(news, series[0].dataset))

    async with public_feed(venue, market, list(closed_ns), url=url, closed_ns=closed_ns) as feed:
        following = asyncio.ensure_future(follow_bars(feed, catalog, known_ms, show))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, following.cancel)
        with suppress(asyncio.CancelledError):
            await following
    if not quiet:
        typer.echo("stopped; the same command goes on from here")


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

    return time.time_ns() // MILLISECOND_NS


def _download_line(done: DownloadReport) -> str:
    from ballast.data.timestamps import utc_text

    line = f"{done.series}: {done.rows_new:,} new rows, {done.pages:,} pages"
    if done.listed_ms is not None:
        line += f"; listed {utc_text(done.listed_ms)}"
    if done.gaps:
        line += f"; {len(done.gaps):,} gaps, the first from {utc_text(done.gaps[0][0])} to {utc_text(done.gaps[0][1])}"
    return line


def _follow_line(news: Appended | FeedStatus, dataset: str) -> str:
    from ballast.data.timestamps import utc_text

    if isinstance(news, FeedStatus):
        whose = dataset if news.topic is None else f"{dataset} {news.topic.symbol}"
        return f"{whose}: {news.state.value}, {news.text}"
    return f"{news.series}: {news.rows_new:,} new rows, the last from {utc_text(news.last_ms)}"
