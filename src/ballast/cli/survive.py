"""``ballast survive``: when a grid stops, gives up and dies, in words, tables and on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ballast.cli.backtest import Quiet, Settings
from ballast.cli.outputs import refuse_unwritable
from ballast.cli.terminal import console, late_progress
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from ballast.research.survival.analysis import Survival, Way
    from ballast.research.survival.levels import Row
    from ballast.research.survival.variants import Variant

STYLES = ("", "yellow", "bold red")
_DAYS = {"h": 1.0 / 24.0, "d": 1.0, "w": 7.0}
LONGEST_DAYS = 366.0
MOST_PATHS = 1_000_000


def survive(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Configuration of a hedge grid on margin.")],
    settings: Settings = None,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures.")] = None,
    html_path: Annotated[
        Path | None, typer.Option("--html", metavar="OUT.html", help="Write a page of pictures that opens offline.")
    ] = None,
    n_paths: Annotated[
        int, typer.Option("--paths", min=0, max=MOST_PATHS, help="Random paths of each kind; 0 leaves them out.")
    ] = 2_000,
    horizon: Annotated[
        str, typer.Option("--horizon", metavar="1d,7d,30d", help="By when; hours (h), days (d) or weeks (w).")
    ] = "1d,7d,30d",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random paths: equal seeds, equal paths.")] = 1,
    quiet: Quiet = False,
) -> None:
    """
    Show how far the price may run one way before the grid stops, gives up, or loses everything.

    Starts at the last close of the data.
    """
    refuse_unwritable(json_path, html_path)
    horizons = parse_horizons(horizon)

    from ballast.backtest.setup import setup_from_config
    from ballast.cli.market import frames_of
    from ballast.config import load
    from ballast.files.durable import write_whole
    from ballast.research.survival import survive as analyse
    from ballast.research.survival import write_page

    config = load(file, settings or ())
    setup = setup_from_config(config, frames_of(config))
    with late_progress("Survival", quiet=quiet) as progress:
        found = analyse(
            setup,
            n_paths=n_paths,
            horizons=horizons,
            seed=seed,
            currency=config.account.currency,
            progress=progress,
        )
    if json_path is not None:
        write_whole(json_path, [json.dumps(found.to_dict(), indent=1, allow_nan=False).encode(), b"\n"])
    if html_path is not None:
        write_page(found, html_path)
    if quiet:
        return
    terminal = console()
    for part in parts(found):
        terminal.print(part)
        terminal.print()
    for what, path in (("Figures", json_path), ("Page", html_path)):
        if path is not None:
            terminal.print(f"{what}: {path}", soft_wrap=True)


def parse_horizons(text: str) -> Mapping[str, float]:
    """Return names and days; raises ``ConfigError`` for what is no length of time."""
    found = {}
    for name in (part.strip() for part in text.split(",")):
        count, unit = name[:-1], name[-1:]
        if not count.isdigit() or unit not in _DAYS or not 0.0 < int(count) * _DAYS[unit] <= LONGEST_DAYS:
            raise ConfigError(
                f"--horizon {text}: '{name}' is no length of time up to a year; write such as 12h, 7d or 4w, "
                "with commas between"
            )
        found[name] = int(count) * _DAYS[unit]
    return found


def parts(found: Survival) -> Iterator[RenderableType]:
    """Yield what is printed: the verdict first, then the figures behind it."""
    from rich.text import Text

    from ballast.research.survival.story import likelihood, verdict, without_ladder

    yield _title(found)
    warning = without_ladder(found)
    if warning is not None:
        yield Text(f"! {warning}", style="bold red")
    yield Text("\n").join(Text(sentence.words, style=STYLES[sentence.gravity]) for sentence in verdict(found))
    yield _distances(found)
    for name, way in found.ways.items():
        yield _levels(found, way, name)
    yield _limits(found)
    yield _sensitivity(found.variants)
    if found.models:
        yield _chances(found)
        yield Text("\n").join(Text(likelihood(found, model)) for model in found.models)
    yield Text("\n").join(Text(f"- {sentence}", style="dim") for sentence in found.assumptions)


def _title(found: Survival) -> RenderableType:
    from rich.text import Text

    from ballast.backtest.formatting import significant
    from ballast.research.survival.story import money

    leverages = sorted({float(one) for one in found.setup.leverage})
    at = ", ".join(
        f"{name} {significant(price)}" for name, price in zip(found.setup.frames.symbols, found.starts, strict=True)
    )
    details = (
        f" from {at} with {money(found, found.setup.initial_capital)}, leverage "
        f"{', '.join(f'{one:g}' for one in leverages)}, ladder {found.profile}"
    )
    return Text.assemble(("What this grid survives", "bold"), details)


def _distances(found: Survival) -> Table:
    from rich.table import Table
    from rich.text import Text

    from ballast.backtest.formatting import number
    from ballast.research.survival.layers import Layer
    from ballast.research.survival.story import LAYER_MEANINGS, LAYER_NAMES

    table = Table(title="How far the price may run one way", title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for head in ("price up", "money then", "price down", "money then"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("what it means")
    for layer in Layer:
        cells = []
        for name, way in found.ways.items():
            cells += [_move(way.fractions[layer], name), number(way.equity[layer], 2)]
        table.add_row(LAYER_NAMES[layer], *cells, Text(LAYER_MEANINGS[layer], style="dim"))
    return table


def _move(fraction: float | None, name: str) -> str:
    from ballast.backtest.formatting import percent

    return "never" if fraction is None else percent(fraction if name == "up" else -fraction, 2, signed=True)


def _levels(found: Survival, way: Way, name: str) -> Table:
    from rich import box
    from rich.table import Table

    side = "SHORT" if name == "up" else "LONG"
    table = Table(
        title=f"Price {name}: the {side} side, level by level ({found.currency})",
        caption="A: free for trading beside the reserve. N: what the next steps of all legs would cost. "
        "IM, MM: initial and maintenance margin; at an MM rate of 100 % the exchange liquidates.",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    has_many = found.setup.n_symbols > 1
    for head in ("symbol", "level") if has_many else ("level",):
        table.add_column(head, no_wrap=True)
    for head in ("move", "price", "size", "margin", "next needs", "equity", "IM", "MM", "MM rate", "A", "N"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for row in way.rows:
        cells = _level_cells(row, name)
        table.add_row(*([row.symbol] if has_many else []), *cells, style="" if row.event == "level" else "bold")
    return table


def _level_cells(row: Row, name: str) -> Sequence[str]:
    from ballast.backtest.formatting import number, percent, significant
    from ballast.research.survival.layers import Layer
    from ballast.research.survival.story import LAYER_NAMES

    what = str(row.level) if row.event == "level" else LAYER_NAMES[Layer(row.event)].lower()
    next_cost = "last" if row.event == "level" and row.next_cost is None else number(row.next_cost)
    money = [number(value, 1) for value in (row.equity, row.initial_margin, row.maintenance_margin)]
    return (
        what,
        _move(row.fraction, name),
        significant(row.fill_price if row.fill_price is not None else row.price, 7),
        significant(row.qty),
        number(row.step_margin, 2),
        next_cost if row.event == "level" else "",
        *money,
        percent(row.mm_rate, 1),
        number(row.available, 1),
        number(row.next_worst_case, 1),
        row.state.lower() if row.state else "off",
    )


def _limits(found: Survival) -> Table:
    from rich.table import Table

    from ballast.backtest.formatting import percent
    from ballast.research.survival.story import level_words

    table = Table(title="Most levels that survive a move", title_justify="left", title_style="bold")
    for head in ("move", "up", "down"):
        table.add_column(head, justify="right")
    for limit in found.limits:
        table.add_row(percent(limit.move, 0), *(level_words(count) for count in (limit.up, limit.down)))
    return table


def _sensitivity(variants: Sequence[Variant]) -> Table:
    from rich.table import Table

    from ballast.research.survival.layers import Layer
    from ballast.research.survival.story import LAYER_NAMES, variant_words

    table = Table(
        title="If one setting were different (up / down)",
        caption="Bold: as configured. The rest stays as it is.",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
    )
    table.add_column("setting")
    table.add_column("value", justify="right")
    for layer in Layer:
        table.add_column(LAYER_NAMES[layer], justify="right", no_wrap=True)
    last = ""
    for variant in variants:
        cells = [variant_words(variant, layer) for layer in Layer]
        style = "bold" if variant.is_configured else ""
        table.add_row("" if variant.key == last else variant.key, f"{variant.value:g}", *cells, style=style)
        last = variant.key
    return table


def _chances(found: Survival) -> Table:
    from rich.table import Table

    from ballast.research.survival.layers import Layer
    from ballast.research.survival.story import LAYER_NAMES, MODEL_NAMES, share

    table = Table(
        title="How likely it is by when (95 % interval)",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("market")
    table.add_column("within", justify="right")
    for layer in Layer:
        table.add_column(LAYER_NAMES[layer], justify="right", no_wrap=True)
    for model in found.models:
        name = MODEL_NAMES[model.name]
        for horizon, days in found.horizons.items():
            chances = model.at_horizon[days]
            cells = [f"{share(one.p)} ({100 * one.low:.1f}-{100 * one.high:.1f})" for one in chances.values()]
            table.add_row(name, horizon, *cells)
            name = ""
    return table
