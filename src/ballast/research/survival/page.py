"""The page: the verdict, the pictures, and the tables behind them, in one file that opens offline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ballast.backtest.formatting import number, percent, significant, title
from ballast.files.durable import write_whole
from ballast.research.report.markup import Cell, bullets, escaped, figure, heading, section, table, text, titled
from ballast.research.survival import story
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.columns import level_columns
from ballast.research.survival.pictures import chance_picture, ladder_picture, money_picture

_GRAVITY = ("", "warned", "lost")


def write_page(survival: Survival, path: str | os.PathLike[str]) -> None:
    """Write the page, the whole file or none of it; raises ``OutputError``."""
    write_whole(Path(path), [page(survival).encode()])


def page(survival: Survival) -> str:
    """Return the page as HTML."""
    style = files("ballast.research.report").joinpath("style.css").read_text(encoding="utf-8")
    own = files("ballast.research.survival").joinpath("page.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    parts = (
        section("money", "What is left, and when it is gone", _MONEY_LEAD, money_picture(survival) + _layers(survival)),
        *(_way_section(survival, name) for name in survival.ways),
        section("levels", "Most levels a side may have", _LEVELS_LEAD, _limits(survival)),
        section("settings", "If one setting were different", _SETTINGS_LEAD, _variants(survival)),
        _chance_section(survival) if survival.models else "",
        section("notes", "What this takes for granted", "", bullets(survival.assumptions)),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escaped(_title(survival))} · Ballast</title>\n<style>{style}{own}</style>\n</head>\n<body>\n"
        f"<header><h1>{escaped(_title(survival))}</h1>{_span(survival)}{_verdict(survival)}</header>\n"
        f"<main>{''.join(parts)}</main>\n<footer>No forecast: what would happen if, not what will.</footer>\n"
        "</body>\n</html>\n"
    )


_MONEY_LEAD = (
    "Read it from the middle: to the right the price rises, to the left it falls, each time without ever turning back. "
    "The line is the money in the account."
)
_LEVELS_LEAD = (
    "With more levels than this, the move ends in everything being closed by force, by the bot or by the exchange."
)
_SETTINGS_LEAD = "How far the price may rise / fall one way before each thing happens. A star marks what is configured."


def _title(survival: Survival) -> str:
    return f"What this grid survives: {', '.join(survival.setup.frames.symbols)}"


def _span(survival: Survival) -> str:
    pairs = zip(survival.setup.frames.symbols, survival.starts, strict=True)
    at = ", ".join(f"{symbol} {significant(price)}" for symbol, price in pairs)
    leverages = ", ".join(f"{one:g}" for one in sorted({float(one) for one in survival.setup.leverage}))
    capital = story.money(survival, survival.setup.initial_capital)
    words = f'{capital}, leverage {leverages}, from {at}; risk profile "{survival.profile}"'
    return f'<p class="span">{escaped(words)}</p>'


def _verdict(survival: Survival) -> str:
    lines = "".join(
        f'<p class="{_GRAVITY[sentence.gravity]}">{escaped(sentence.words)}</p>' for sentence in story.verdict(survival)
    )
    return f'<div class="verdict">{lines}</div>'


def _layers(survival: Survival) -> str:
    head = [Cell("", "text"), *map(heading, ("price up", "money left", "price down", "money left"))]
    body = [[text(story.LAST_LEVEL), *_last_levels(survival)]]
    meanings = [f"{story.LAST_LEVEL}: {story.LAST_LEVEL_MEANING}"]
    for layer in story.layers_of(survival):
        cells = [text(story.LAYER_NAMES[layer])]
        for way in survival.ways.values():
            cells += [figure(_move(way, way.fractions[layer])), figure(number(way.equity[layer]))]
        body.append(cells)
        meanings.append(f"{story.LAYER_NAMES[layer]}: {story.LAYER_MEANINGS[layer]}")
    return table(head, body) + bullets(meanings)


def _last_levels(survival: Survival) -> Iterator[Cell]:
    for way in survival.ways.values():
        last = story.last_level(survival, way)
        yield figure(_move(way, None if last is None else last.fraction))
        yield figure(number(None if last is None else last.equity))


def _move(way: Way, fraction: float | None) -> str:
    return "never" if fraction is None else percent(way.direction * fraction, 2, signed=True)


def _way_section(survival: Survival, name: str) -> str:
    way = survival.ways[name]
    side = "short" if name == "up" else "long"
    lead = (
        f"When the price {'rises' if name == 'up' else 'falls'}, the {side} side loses and is added to, level by level."
    )
    columns = level_columns(survival, way)
    head = [text(column.head) if column.is_text else heading(column.head) for column in columns]
    body = [[(text if column.is_text else figure)(column.cell(row)) for column in columns] for row in way.rows]
    notes = bullets(column.note for column in columns if column.note)
    return section(
        f"way-{name}", f"Level by level, price {name}", lead, ladder_picture(survival, name) + table(head, body) + notes
    )


def _limits(survival: Survival) -> str:
    head = [text("a move of"), heading("up"), heading("down")]
    body = [
        [text(percent(limit.move, 0)), *(figure(story.level_words(count)) for count in (limit.up, limit.down))]
        for limit in survival.limits
    ]
    return table(head, body, classes="narrow")


def _variants(survival: Survival) -> str:
    blocks = []
    layers = story.layers_of(survival)
    for key, name in story.SETTING_NAMES.items():
        head = [text("value"), *(heading(story.LAYER_NAMES[layer]) for layer in layers)]
        body = []
        for variant in survival.variants:
            if variant.key != key:
                continue
            classes = "configured" if variant.is_configured else ""
            cells = [text(story.configured_value(variant))]
            cells += [figure(story.variant_words(survival, variant, layer)) for layer in layers]
            body.append([Cell(cell.html, f"{cell.classes} {classes}".strip()) for cell in cells])
        blocks.append(titled(title(name), table(head, body)))
    return "".join(blocks)


def _chance_section(survival: Survival) -> str:
    blocks = []
    for model in survival.models:
        layers = story.layers_of(survival)
        head = [text("within"), *(heading(story.LAYER_NAMES[layer]) for layer in layers)]
        body = []
        for horizon, days in survival.horizons.items():
            chances = [model.at_horizon[days][layer] for layer in layers]
            cells = [f"{story.share(one.p)} ({100.0 * one.low:.1f} to {100.0 * one.high:.1f})" for one in chances]
            body.append([text(horizon), *map(figure, cells)])
        content = chance_picture(survival, model) + table(head, body)
        words = f"<p>{escaped(story.likelihood(survival, model))}</p>"
        blocks.append(titled(title(story.MODEL_NAMES[model.name]), words + content))
    lead = "In brackets, between which two figures the true one lies with 95 % certainty, given this kind of market."
    return section("chances", "How likely it is by when", lead, "".join(blocks))
