"""What a sweep leaves: a table of all cells, a map of the figure that ranks them, the best of them on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballast.backtest.result import Metrics, write_whole
from ballast.backtest.sweep import SweepResult
from ballast.cli.outputs import refuse_unwritable
from ballast.model.errors import ConfigError, OutputError, nearest

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from rich.table import Table

CELLS, MAP = "cells.parquet", "map.html"
_SHOWN = ("total_return", "sharpe", "max_drawdown", "n_fills")


def refuse_unknown_figure(name: str) -> None:
    """Raise ``ConfigError`` for a name that is no figure of a result."""
    known = [field.name for field in fields(Metrics)]
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

    from ballast.data.durable import write_parquet

    table = pa.table({name: list(values) for name, values in result.columns.items()})
    write_parquet(table.replace_schema_metadata(dict(hashes)), directory / CELLS)
    page = map_figure(result, rank).to_html(include_plotlyjs=True, full_html=True)
    write_whole(directory / MAP, page.encode())


def best_cells(result: SweepResult, rank: str, top: int) -> Table:
    """Return the best cells as a table for the terminal."""
    from rich.table import Table

    figures = list(dict.fromkeys([rank, *(name for name in _SHOWN if name in result.figures)]))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in (*result.keys, *figures):
        table.add_column(heading.rpartition(".")[2], justify="right")
    for row in result.ranked(rank)[:top]:
        table.add_row(*(_text(result.columns[name][row]) for name in (*result.keys, *figures)))
    return table


def map_figure(result: SweepResult, metric: str) -> go.Figure:
    """
    Return a metric over the grid: a line for one key, a heat map for two.

    With more keys the map spans the first two, and each point shows the best that the others allow.
    """
    import plotly.graph_objects as go

    names = [key.rpartition(".")[2] for key in result.keys]
    if len(result.keys) == 1:
        values = list(result.columns[result.keys[0]])
        figure = go.Figure(go.Scatter(x=values, y=list(result.columns[metric]), mode="lines+markers"))
        figure.update_layout(title=metric, xaxis_title=names[0], yaxis_title=metric)
        return figure
    across, down = (list(dict.fromkeys(result.columns[key])) for key in result.keys[:2])
    best = _best(result, metric)
    cells = [[best.get((x, y)) for x in across] for y in down]
    labels = [[str(value) for value in axis] for axis in (across, down)]
    figure = go.Figure(go.Heatmap(x=labels[0], y=labels[1], z=cells, colorscale="Viridis", colorbar_title=metric))
    title = metric if len(names) == 2 else f"{metric}, the best over {', '.join(names[2:])}"
    figure.update_layout(title=title, xaxis_title=names[0], yaxis_title=names[1])
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category")
    return figure


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
