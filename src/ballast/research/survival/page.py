"""The page: the verdict, the pictures, and the tables behind them, in one file that opens offline."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from ballast.backtest.formatting import number, percent, significant
from ballast.files.durable import write_whole
from ballast.research.report.markup import Cell, bullets, escaped, figure, heading, section, table, text, titled
from ballast.research.survival import story
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.layers import Layer
from ballast.research.survival.pictures import chance_picture, ladder_picture, money_picture

_GRAVITY = ("", "warned", "lost")
_SETTINGS = {
    "grid_step_percent": "Distance between levels, %",
    "averaging_multiplier": "Size of a level against the one before",
    "leverage": "Leverage",
    "max_grid_levels_per_side": "Levels a side may have",
}


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
_SETTINGS_LEAD = "How far the price may rise / fall one way before each thing happens. Bold is what is configured."


def _title(survival: Survival) -> str:
    return f"What this grid survives: {', '.join(survival.setup.frames.symbols)}"


def _span(survival: Survival) -> str:
    pairs = zip(survival.setup.frames.symbols, survival.starts, strict=True)
    at = ", ".join(f"{symbol} {significant(price)}" for symbol, price in pairs)
    leverages = ", ".join(f"{one:g}" for one in sorted({float(one) for one in survival.setup.leverage}))
    capital = story.money(survival, survival.setup.initial_capital)
    words = f"{capital}, leverage {leverages}, from {at}; risk ladder: {survival.profile}"
    return f'<p class="span">{escaped(words)}</p>'


def _verdict(survival: Survival) -> str:
    warning = story.without_ladder(survival)
    opening = f'<p class="warning">{escaped(warning)}</p>' if warning else ""
    lines = "".join(
        f'<p class="{_GRAVITY[sentence.gravity]}">{escaped(sentence.words)}</p>' for sentence in story.verdict(survival)
    )
    return f'<div class="verdict">{opening}{lines}</div>'


def _layers(survival: Survival) -> str:
    head = [Cell("", "text"), *map(heading, ("price up", "money then", "price down", "money then")), Cell("", "text")]
    body = []
    for layer in Layer:
        cells = [text(story.LAYER_NAMES[layer])]
        for way in survival.ways.values():
            cells += [figure(_move(way, way.fractions[layer])), figure(number(way.equity[layer]))]
        body.append([*cells, Cell(escaped(story.LAYER_MEANINGS[layer]), "wrap")])
    return table(head, body)


def _move(way: Way, fraction: float | None) -> str:
    return "never" if fraction is None else percent(way.direction * fraction, 2, signed=True)


def _way_section(survival: Survival, name: str) -> str:
    way = survival.ways[name]
    side = "short" if name == "up" else "long"
    lead = (
        f"When the price {'rises' if name == 'up' else 'falls'}, the {side} side loses and is added to, level by level."
    )
    heads = (
        "size",
        "margin",
        "next level needs",
        "money in the account",
        "initial margin",
        "maintenance margin",
        "of the account",
        "A",
        "N",
    )
    head = [*map(text, ("level", "move")), heading("price"), *map(heading, heads), text("state")]
    body = []
    for row in way.rows:
        is_level = row.event == "level"
        what = f"level {row.level}" if is_level else story.LAYER_NAMES[Layer(row.event)]
        price = significant(row.price if row.fill_price is None else row.fill_price, 7)
        needs = "last level" if row.next_cost is None else number(row.next_cost)
        cells = (
            price,
            significant(row.qty),
            number(row.step_margin),
            needs if is_level else "",
            number(row.equity),
            number(row.initial_margin),
            number(row.maintenance_margin),
            percent(row.mm_rate, 1),
            number(row.available),
            number(row.next_worst_case),
        )
        where = f"{what} {row.symbol}" if survival.setup.n_symbols > 1 else what
        opening = [text(where), text(_move(way, row.fraction))]
        body.append([*opening, *map(figure, cells), text(row.state or "off")])
    legend = (
        "A is the money free for trading beside the safety reserve; N is what the next steps of all sides would need. "
        "At a maintenance margin of 100 % of the account the exchange liquidates."
    )
    content = ladder_picture(survival, name) + table(head, body) + f'<p class="lead">{escaped(legend)}</p>'
    return section(f"way-{name}", f"Level by level, price {name}", lead, content)


def _limits(survival: Survival) -> str:
    head = [text("a move of"), heading("up"), heading("down")]
    body = [
        [text(percent(limit.move, 0)), *(figure(story.level_words(count)) for count in (limit.up, limit.down))]
        for limit in survival.limits
    ]
    return table(head, body, classes="narrow")


def _variants(survival: Survival) -> str:
    blocks = []
    for key, title in _SETTINGS.items():
        head = [text("value"), *(heading(story.LAYER_NAMES[layer]) for layer in Layer)]
        body = []
        for variant in survival.variants:
            if variant.key != key:
                continue
            cells = [text(f"{variant.value:g}"), *(figure(story.variant_words(variant, layer)) for layer in Layer)]
            classes = "configured" if variant.is_configured else ""
            body.append([Cell(cell.html, f"{cell.classes} {classes}".strip()) for cell in cells])
        blocks.append(titled(title, table(head, body)))
    return "".join(blocks)


def _chance_section(survival: Survival) -> str:
    blocks = []
    for model in survival.models:
        head = [text("within"), *(heading(story.LAYER_NAMES[layer]) for layer in Layer)]
        body = []
        for horizon, days in survival.horizons.items():
            chances = model.at_horizon[days].values()
            cells = [f"{story.share(one.p)} ({100.0 * one.low:.1f} to {100.0 * one.high:.1f})" for one in chances]
            body.append([text(horizon), *map(figure, cells)])
        name = story.MODEL_NAMES[model.name]
        content = chance_picture(survival, model) + table(head, body)
        words = f"<p>{escaped(story.likelihood(survival, model))}</p>"
        blocks.append(titled(name[:1].upper() + name[1:], words + content))
    lead = "In brackets, between which two figures the true one lies with 95 % certainty, given this kind of market."
    return section("chances", "How likely it is by when", lead, "".join(blocks))
