"""The market that a configuration asks for: the one place where a command joins settings and data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ballast.config import Config
from ballast.config.fx import fx_assumptions, fx_tiers
from ballast.data.catalog import Catalog
from ballast.data.contracts import Contracts
from ballast.data.frames import Frames, build_frames
from ballast.data.intervals import parse_interval
from ballast.data.source import Columns, Layout, Marks, read_bars
from ballast.data.ticks import Kind, frames_from_ticks, kind_of, read_ticks
from ballast.model.errors import ConfigError
from ballast.model.market import FundingStamp, width_for

if TYPE_CHECKING:
    from ballast.config.operator_sections import NewsSection
    from ballast.data.funding import Funding


def frames_of(config: Config) -> Frames:
    """
    Read the bars of ``[data]`` and lay them side by side, with contracts on margin and the news calendar.

    Raises
    ------
    DataError
        A file or the dataset is not there or not readable, or a symbol has no usable bar in the window.
    ConfigError
        The interval is finer than the data or, for trades and quotes, missing; or a symbol has no risk tiers.
    """
    data = config.data
    if data.path is not None:
        layout = Layout(rename=data.columns, venue=data.venue)
        kind = data.kind or kind_of(config.resolved(data.path), layout)
        if kind != "bars":
            return _frames_of_ticks(config, kind, layout)
    return complete(config, _columns(config))


def _frames_of_ticks(config: Config, kind: Kind, layout: Layout) -> Frames:
    data, interval_ms = config.data, _interval_ms(config)
    assert data.path is not None
    path = config.resolved(data.path)
    if interval_ms is None:
        raise ConfigError(f'data.interval: missing, and {path} holds {kind}; say how long bars of them are, "1m"')
    if config.account.is_margin:
        raise ConfigError(f"data.path = {data.path}: holds {kind}, which spot accounts alone can walk; give bars")
    ticks = read_ticks(path, data.symbols, kind, layout=layout, start_ms=data.start_ms, end_ms=data.end_ms)
    return frames_from_ticks(ticks, data.symbols, interval_ms, width=width_for(config.n_symbols))


def complete(config: Config, columns: Columns) -> Frames:
    """Lay bars that have been read side by side; on margin accounts, read funding and risk tiers for them."""
    data = config.data
    frames = build_frames(
        columns,
        data.symbols,
        interval_ms=_interval_ms(config),
        start_ms=data.start_ms,
        end_ms=data.end_ms,
        width=width_for(config.n_symbols),
    )
    if config.account.is_fx:
        no_funding = FundingStamp.array(0)  # type: ignore[attr-defined]
        terms = Contracts(no_funding, fx_tiers(config), "", tuple(fx_assumptions(config)))
        frames = replace(frames, contracts=terms)
    elif config.account.is_margin:
        frames = _with_contracts(config, frames)
    return frames if config.news is None else _with_news(config, config.news, frames)


def marks_of(config: Config) -> Marks:
    """Return what a configuration reads of the mark price."""
    return "bars" if config.data.mark else "close"


def _interval_ms(config: Config) -> int | None:
    return None if config.data.interval is None else parse_interval(config.data.interval)


def _columns(config: Config) -> Columns:
    data = config.data
    if data.path is not None:
        layout = Layout(rename=data.columns, venue=data.venue)
        return read_bars(config.resolved(data.path), symbols=data.symbols, layout=layout, marks=marks_of(config))
    assert data.dataset is not None
    window = {"interval_ms": _interval_ms(config), "start_ms": data.start_ms, "end_ms": data.end_ms}
    return Catalog().read(data.dataset, data.symbols, marks=marks_of(config), **window)


def _with_contracts(config: Config, frames: Frames) -> Frames:
    from ballast.data.tiers import tier_table

    account = config.account
    table = tier_table(config.data.symbols, _tiers(config, account.tiers), _tiers(config, account.tiers_stand_in))
    funding = None if config.data.funding is None else _funding(config, frames)
    contracts = Contracts(
        funding=FundingStamp.array(0) if funding is None else funding.stamps,  # type: ignore[attr-defined]
        tiers=table.tiers,
        tiers_source=table.source,
        assumptions=(*table.assumptions, *_mark_sentences(frames), *_funding_sentences(funding)),
    )
    digest = hashlib.sha256(frames.data_hash.encode() + contracts.content()).hexdigest()
    return replace(frames, contracts=contracts, data_hash=digest)


def _with_news(config: Config, section: NewsSection, frames: Frames) -> Frames:
    from time import time_ns

    from ballast.data.run_calendar import run_calendar

    # A decision falls on the close of a bar.
    first_ns = int(frames.records["ts_ns"][0]) + frames.interval_ns
    last_ns = int(frames.records["ts_ns"][-1]) + frames.interval_ns
    news = run_calendar(section, frames.symbols, config.directory, first_ns, last_ns, time_ns())
    digest = hashlib.sha256(frames.data_hash.encode() + news.content()).hexdigest()
    return replace(frames, news=news, data_hash=digest)


def _tiers(config: Config, source: str | None) -> str | Path | None:
    from ballast.data.tiers import BUILT_IN

    return source if source is None or source in BUILT_IN else config.resolved(source)


def _funding(config: Config, frames: Frames) -> Funding:
    from ballast.data.funding import load_funding

    data = config.data
    assert data.funding is not None
    times_ns, interval_ns = frames.records["ts_ns"], frames.interval_ns
    if data.funding == "catalog":
        assert data.dataset is not None
        return load_funding(Catalog().funding_files(data.dataset, data.symbols), data.symbols, times_ns, interval_ns)
    venue = data.venue or (data.dataset or "").partition("/")[0] or None
    file = config.resolved(data.funding)
    return load_funding(file, data.symbols, times_ns, interval_ns, layout=Layout(venue=venue))


def _mark_sentences(frames: Frames) -> Iterator[str]:
    if frames.marks is None:
        yield "There is no mark price in the data: the last price stands in, for margin, funding and liquidation."
    for symbol, missing in zip(frames.symbols, frames.unmarked, strict=False):
        if missing:
            yield f"{symbol} has no mark price in {missing:,} of {len(frames):,} frames: the last price stands in."


def _funding_sentences(funding: Funding | None) -> Iterator[str]:
    if funding is None:
        yield "No funding is paid: no rates were given."
        return
    if funding.missing:
        yield f"No funding is paid on {', '.join(funding.missing)}: the rates have no stamp of it in the window."
    if funding.rows_skipped:
        yield f"{funding.rows_skipped:,} stamps of funding without a rate were left out."
