"""``ballast survive``: when a grid stops, gives up and dies, in words, tables and on one page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ballast.cli.backtest import Quiet, Settings
from ballast.cli.outputs import refuse_overwriting, refuse_unwritable
from ballast.cli.terminal import console, late_progress
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from ballast.research.survival.analysis import Survival, Way
    from ballast.research.survival.chances import Chances
    from ballast.research.survival.columns import Column

STYLES = ("", "yellow", "red")
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
    Tell how likely a hedge grid is to lose its money, how much, and at which price.

    Starts at the last close of the data. The odds come first: of random markets made of the recorded days, how many
    end with everything closed by force, by the bot or by the exchange. Then two roads without a way back, up and down,
    level by level: what each level costs, and where the bot stops adding, panics, gives up, or is liquidated.

    --set tries a setting without touching the file. --set risk.profile=off shows the grid without its risk ladder.
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
    refuse_overwriting(file, config, json_path, html_path)
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
    for part in parts(found, terminal.width):
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


def parts(found: Survival, width: int) -> Iterator[RenderableType]:
    """Yield what is printed ``width`` columns wide: the odds and the verdict first, then the figures behind them."""
    from rich.text import Text

    from ballast.research.survival.story import likelihood, verdict

    yield _title(found)
    yield Text("\n").join(Text(sentence.words, style=STYLES[sentence.gravity]) for sentence in verdict(found))
    yield _distances(found)
    yield _lines(_meanings(found))
    columns = fitting_columns(found, width)
    for name, way in found.ways.items():
        side = "SHORT" if name == "up" else "LONG"
        yield _titled(
            f"Price {name}: the {side} side, level by level ({found.currency})", level_table(way, columns[name])
        )
    yield _lines(_column_notes(found, columns))
    yield _limits(found)
    yield from _sensitivity(found)
    for model in found.models:
        yield _chances(found, model)
        yield Text(likelihood(found, model))
    yield _lines(f"- {sentence}" for sentence in found.assumptions)


def _lines(lines: Iterable[str]) -> RenderableType:
    from rich.text import Text

    return Text("\n".join(lines))


def _titled(title: str, table: Table, remark: str = "") -> RenderableType:
    """Return a table under its title: a title of its own the table would break where it is narrow."""
    from rich.console import Group
    from rich.text import Text

    return Group(Text(title, style="bold"), table, *([Text(remark)] if remark else []))


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
        f'{", ".join(f"{one:g}" for one in leverages)}, risk profile "{found.profile}"'
    )
    return Text.assemble(("What this grid survives", "bold"), details)


def _plain_table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))


def _distances(found: Survival) -> RenderableType:
    from ballast.backtest.formatting import number
    from ballast.research.survival.story import LAST_LEVEL, LAYER_NAMES, digits_of, last_level, layers_of

    table = _plain_table()
    table.add_column("", no_wrap=True)
    for head in ("price up", "money left", "price down", "money left"):
        table.add_column(head, justify="right", no_wrap=True)
    cells: list[str] = []
    for name, way in found.ways.items():
        last = last_level(found, way)
        move, left = (None, None) if last is None else (last.fraction, last.equity)
        cells += [_move(move, name), number(left, digits_of(found))]
    table.add_row(LAST_LEVEL, *cells)
    for layer in layers_of(found):
        cells = []
        for name, way in found.ways.items():
            cells += [_move(way.fractions[layer], name), number(way.equity[layer], digits_of(found))]
        table.add_row(LAYER_NAMES[layer], *cells)
    return _titled(f"How far the price may run one way (money in {found.currency})", table)


def _meanings(found: Survival) -> Iterator[str]:
    from ballast.research.survival.story import (
        LAST_LEVEL,
        LAST_LEVEL_MEANING,
        LAYER_MEANINGS,
        LAYER_NAMES,
        layers_of,
    )

    yield f"{LAST_LEVEL}: {LAST_LEVEL_MEANING}"
    for layer in layers_of(found):
        yield f"{LAYER_NAMES[layer]}: {LAYER_MEANINGS[layer]}"


def _move(fraction: float | None, name: str) -> str:
    from ballast.backtest.formatting import percent

    return "never" if fraction is None else percent(fraction if name == "up" else -fraction, 2, signed=True)


def fitting_columns(found: Survival, width: int) -> Mapping[str, Sequence[Column]]:
    """Return the columns of each direction's level table, without those that matter least where room is short."""
    from rich.console import Console
    from rich.measure import Measurement

    from ballast.research.survival.columns import level_columns

    console = Console()
    unbounded = console.options.update_width(100 * width)
    shown = columns = {name: level_columns(found, way) for name, way in found.ways.items()}
    for rank in sorted({column.rank for one in columns.values() for column in one}, reverse=True):
        shown = {name: [column for column in one if column.rank <= rank] for name, one in columns.items()}
        tables = [level_table(way, shown[name]) for name, way in found.ways.items()]
        if max(Measurement.get(console, unbounded, table).maximum for table in tables) <= width:
            break
    return shown


def level_table(way: Way, columns: Sequence[Column]) -> Table:
    """Return the levels of a direction."""
    table = _plain_table()
    for column in columns:
        table.add_column(column.head, justify="left" if column.is_text else "right", no_wrap=True)
    for row in way.rows:
        table.add_row(*(column.cell(row) for column in columns))
    return table


def _column_notes(found: Survival, shown: Mapping[str, Sequence[Column]]) -> Iterator[str]:
    from ballast.research.survival.columns import level_columns

    for name, way in found.ways.items():
        yield from (column.note for column in shown[name] if column.note)
        if len(shown[name]) < len(level_columns(found, way)):
            yield "A wider window shows more columns, --html and --json all of them."
        # Both directions have the same columns.
        return


def _limits(found: Survival) -> RenderableType:
    from ballast.backtest.formatting import percent
    from ballast.research.survival.story import level_words

    table = _plain_table()
    for head in ("move", "up", "down"):
        table.add_column(head, justify="right")
    for limit in found.limits:
        table.add_row(percent(limit.move, 0), *(level_words(count) for count in (limit.up, limit.down)))
    return _titled("Most levels a side may have so that such a move closes nothing by force", table)


def _sensitivity(found: Survival) -> Iterator[RenderableType]:
    from ballast.research.survival.story import (
        LAYER_NAMES,
        SETTING_NAMES,
        configured_value,
        layers_of,
        variant_words,
    )

    layers = layers_of(found)
    for key, words in SETTING_NAMES.items():
        table = _plain_table()
        table.add_column("value", justify="right")
        for layer in layers:
            table.add_column(LAYER_NAMES[layer], justify="right")
        for variant in found.variants:
            if variant.key == key:
                cells = (variant_words(found, variant, layer) for layer in layers)
                table.add_row(configured_value(variant), *cells)
        yield _titled(f"If it were different: {words} (how far up / down; * as configured)", table)


def _chances(found: Survival, model: Chances) -> RenderableType:
    from ballast.research.survival.story import LAYER_NAMES, MODEL_NAMES, layers_of, share

    table = _plain_table()
    table.add_column("within")
    for layer in layers_of(found):
        table.add_column(LAYER_NAMES[layer], justify="right", no_wrap=True)
    for horizon, days in found.horizons.items():
        chances = [model.at_horizon[days][layer] for layer in layers_of(found)]
        table.add_row(horizon, *(f"{share(one.p)}\n{100 * one.low:.1f} to {100 * one.high:.1f}" for one in chances))
    remark = "Under each figure: between which two the true one lies, with 95 % certainty, in such a market."
    return _titled(f"How likely it is by when, in {MODEL_NAMES[model.name]}", table, remark)
