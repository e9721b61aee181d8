"""The bars that a configuration asks for: the one place where a command joins settings and data."""

from __future__ import annotations

from ballast.config import Config
from ballast.data.catalog import Catalog
from ballast.data.frames import Frames, build_frames
from ballast.data.intervals import parse_interval
from ballast.data.source import Columns, Layout, read_bars
from ballast.model.market import width_for


def frames_of(config: Config) -> Frames:
    """
    Read the bars of ``[data]`` and lay them side by side.

    Raises
    ------
    DataError
        The file or the dataset is not there or not readable, or a symbol has no usable bar in the window.
    ConfigError
        The interval is finer than the data.
    """
    data = config.data
    interval_ms = None if data.interval is None else parse_interval(data.interval)
    return build_frames(
        _columns(config, interval_ms),
        data.symbols,
        interval_ms=interval_ms,
        start_ms=data.start_ms,
        end_ms=data.end_ms,
        width=width_for(config.n_symbols),
    )


def _columns(config: Config, interval_ms: int | None) -> Columns:
    data = config.data
    if data.path is not None:
        layout = Layout(rename=data.columns, venue=data.venue)
        return read_bars(config.resolved(data.path), symbols=data.symbols, layout=layout)
    assert data.dataset is not None
    window = {"interval_ms": interval_ms, "start_ms": data.start_ms, "end_ms": data.end_ms}
    return Catalog().read(data.dataset, data.symbols, **window)
