"""What a sweep leaves: a table of all cells, a map of the figure that ranks them, the best of them on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballast.backtest.batch import FIGURES
from ballast.backtest.formatting import number, percent, title
from ballast.backtest.result import Metrics
from ballast.backtest.sweep import SweepResult
from ballast.cli.outputs import refuse_unwritable
from ballast.files.durable import write_whole
from ballast.model.errors import ConfigError, OutputError, nearest

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from rich.table import Table

CELLS, MAP = "cells.parquet", "map.html"
MOST_LABELLED_CELLS = 400
_ACCENT = "#1d5c84"
_SCALE = [[0.0, "#b2453a"], [0.5, "#f4f4f0"], [1.0, "#2c7a55"]]
_SIGNED = {"total_return", "cagr", "sharpe", "sortino", "calmar", "recovery_factor", "expectancy"}
_FRACTIONS = {
    "total_return", "cagr", "volatility", "max_drawdown", "rebalance_win_rate", "trade_win_rate", "exposure"
}  # fmt: skip
_SHOWN = ("total_return", "sharpe", "max_drawdown", "n_fills", "fees")


def refuse_unknown_figure(name: str, *, final_only: bool) -> None:
    """Raise ``ConfigError`` for a name that is no figure of such a sweep."""
    known = list(FIGURES) if final_only else [field.name for field in fields(Metrics)]
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise ConfigError(f"--rank {name}: no such figure{hint}")


def refuse_unwritable_directory(directory: Path) -> None:
    """Raise ``OutputError`` unless the files can be written in a directory that is there, or that can be made."""
    if directory.is_dir():
        refuse_unwritable(directory / CELLS, directory / MAP)
    elif directory.exists():
        raise OutputError(f"{directory}: is a file; name a directory")
    else:
        refuse_unwritable(directory)


def write_files(result: SweepResult, rank: str, directory: Path, hashes: Mapping[str, str]) -> None:
    """
    Write the table of all finished cells as Parquet and the map of ``rank`` as a page that opens offline.

    ``hashes`` go into the table's metadata. Raises ``OutputError``; nothing partial is left.
    """
    import pyarrow as pa

    from ballast.files.durable import write_parquet

    table = pa.table({name: list(values) for name, values in result.columns.items()})
    write_parquet(table.replace_schema_metadata(dict(hashes)), directory / CELLS)
    page = map_figure(result, rank).to_html(include_plotlyjs=True, full_html=True, default_height="95vh")
    write_whole(directory / MAP, [page.encode()])


def best_cells(result: SweepResult, rank: str, top: int) -> Table:
    """Return the best cells as a table for the terminal."""
    from rich.table import Table

    figures = list(dict.fromkeys([rank, *(name for name in _SHOWN if name in result.figures)]))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in (*result.keys, *figures):
        table.add_column(title(heading.rpartition(".")[2]), justify="right")
    for row in result.ranked(rank)[:top]:
        settings = [_text(result.columns[key][row]) for key in result.keys]
        table.add_row(*settings, *(_figure(name, result.columns[name][row]) for name in figures))
    return table


def map_figure(result: SweepResult, metric: str) -> go.Figure:
    """
    Return a metric over the grid: a line for one key, a heat map for two.

    With more keys the map spans the first two, and each point shows the best that the others allow.
    """
    import plotly.graph_objects as go

    names = [title(key.rpartition(".")[2]) for key in result.keys]
    if len(result.keys) == 1:
        values, heights = list(result.columns[result.keys[0]]), list(result.columns[metric])
        trace = go.Scatter(x=values, y=heights, mode="lines+markers", line={"color": _ACCENT})
        return _dressed(go.Figure(trace), f"{result.strategy}: {title(metric)}", names[0], title(metric))
    across, down = (list(dict.fromkeys(result.columns[key])) for key in result.keys[:2])
    best = _best(result, metric)
    cells = [[best.get((x, y)) for x in across] for y in down]
    heat = go.Heatmap(
        x=[str(value) for value in across],
        y=[str(value) for value in down],
        z=cells,
        text=[[_figure(metric, value) for value in row] for row in cells],
        texttemplate="%{text}" if len(across) * len(down) <= MOST_LABELLED_CELLS else None,
        hovertemplate=f"{names[0]} %{{x}}<br>{names[1]} %{{y}}<br>{title(metric)} %{{text}}<extra></extra>",
        colorscale=_SCALE,
        zmid=0 if metric in _SIGNED else None,
        xgap=1,
        ygap=1,
        showscale=False,
    )
    heading = f"{result.strategy}: {title(metric)}"
    if len(names) > 2:
        heading += f", the best over {', '.join(names[2:])}"
    figure = _dressed(go.Figure(heat), heading, names[0], names[1])
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category")
    return figure


def _dressed(figure: go.Figure, heading: str, across: str, upwards: str) -> go.Figure:
    """Give a figure the report's paper, ink and type."""
    return figure.update_layout(
        title={"text": heading, "x": 0.03, "font": {"size": 21}},
        xaxis_title=across,
        yaxis_title=upwards,
        template="simple_white",
        paper_bgcolor="#fcfcfa",
        plot_bgcolor="#fcfcfa",
        font={"family": "system-ui, sans-serif", "size": 14, "color": "#1c2024"},
        margin={"l": 90, "r": 40, "t": 80, "b": 70},
    )


def _figure(metric: str, value: float | None) -> str:
    if metric in _FRACTIONS:
        return percent(value)
    return number(value, 0 if metric.startswith("n_") else 2)


def _best(result: SweepResult, metric: str) -> dict[tuple[Any, Any], float]:
    """Return the greatest value for each pair of the first two keys; undefined ones leave a hole."""
    best: dict[tuple[Any, Any], float] = {}
    columns = (result.columns[name] for name in (*result.keys[:2], metric))
    for x, y, value in zip(*columns, strict=True):
        if value is not None and isfinite(value):
            best[x, y] = max(value, best.get((x, y), value))
    return best


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
