"""The pictures of the page, as SVG that takes its colours from the page's style."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from ballast.backtest.formatting import number, percent, significant
from ballast.model.enums import LadderState
from ballast.research.report.markup import escaped
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.chances import Chances
from ballast.research.survival.columns import moved
from ballast.research.survival.layers import Layer
from ballast.research.survival.levels import Row
from ballast.research.survival.story import LAST_LEVEL, LAYER_NAMES, last_level, layers_of


class Canvas(NamedTuple):
    """How large a picture is, in pixels at which its letters are read, and what its borders take."""

    width: int
    height: int
    left: int
    right: int = 20
    top: int = 42
    bottom: int = 46

    @property
    def n_ticks(self) -> int:
        """About how many figures have room along the lower edge."""
        return self.width // 85


SCREENS = {"wide": Canvas(1_120, 420, 70), "slim": Canvas(360, 380, 44, 8)}
"""Class name in the page's style and canvas: every picture is drawn for large screens and for small ones."""
LETTER = 6.8
"""Pixels that a letter takes, about."""
BEYOND = 1.12
"""The picture goes this much farther than the last thing that happens."""
LEAST_SHOWN = 0.03
LABEL = 18
"""Pixels that a line of labels takes over the money."""
_COLOURS = {Layer.FREEZE: "freeze", Layer.PANIC: "panic", Layer.EMERGENCY: "emergency", Layer.LIQUIDATION: "end"}
_BANDS = {
    LadderState.FROZEN.name: "freeze",
    LadderState.PANIC.name: "panic",
    LadderState.EMERGENCY.name: "emergency",
}


class Scale:
    """From figures to places: ``x`` and ``y`` in pixels of the canvas."""

    def __init__(self, canvas: Canvas, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.canvas, self.x_range, self.y_range = canvas, x_range, y_range
        self.ends = (canvas.left, canvas.width - canvas.right)
        self.floor = canvas.height - canvas.bottom

    def x(self, value: float) -> float:
        """Return where a figure lies from left to right."""
        (low, high), (left, right) = self.x_range, self.ends
        return left + (value - low) / (high - low) * (right - left)

    def y(self, value: float) -> float:
        """Return where a figure lies from top to bottom."""
        low, high = self.y_range
        return self.canvas.top + (high - value) / (high - low) * (self.floor - self.canvas.top)


def drawn(title: str, draw: Callable[[Canvas], tuple[int, Sequence[str]]]) -> str:
    """Return one picture for each screen; ``draw`` gives its height and what is in it, ``title`` is read out for it."""
    pictures = []
    for name, canvas in SCREENS.items():
        height, body = draw(canvas)
        pictures.append(
            f'<div class="picture {name}"><svg viewBox="0 0 {canvas.width} {height}" role="img">'
            f"<title>{escaped(title)}</title>{''.join(body)}</svg></div>"
        )
    return "".join(pictures)


def nice_steps(low: float, high: float, wanted: int) -> Sequence[float]:
    """Return round figures between two others, about so many."""
    raw = (high - low) / wanted
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if power * factor >= raw)
    first = ceil(low / step)
    return [step * k for k in range(first, floor(high / step) + 1)]


def _text(x: float, y: float, words: str, classes: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escaped(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, classes: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>'


def _path(points: Sequence[tuple[float, float]], classes: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="{classes}"/>'


def _axes(scale: Scale, x_words: Sequence[tuple[float, str]], y_words: Sequence[tuple[float, str]]) -> Iterator[str]:
    left, right = scale.ends
    for value, words in y_words:
        yield _line(left, scale.y(value), right, scale.y(value), "grid")
        yield _text(left - 8, scale.y(value) + 4, words, "tick", "end")
    for value, words in x_words:
        yield _line(scale.x(value), scale.floor, scale.x(value), scale.floor + 5, "grid")
        yield _text(scale.x(value), scale.floor + 20, words, "tick")


def _shown(way: Way) -> float:
    """Return how far from the start a way is worth showing."""
    known = [fraction for fraction in way.fractions.values() if fraction is not None]
    last = max([*known, *(row.fraction for row in way.rows)], default=0.0)
    if not way.is_ended:
        last *= 2.0
    return min(max(last * BEYOND, LEAST_SHOWN), way.farthest if not way.is_ended else 1e9)


def money_picture(survival: Survival) -> str:
    """Return price against money left, both directions, with the bands of the ladder's states behind."""
    title = f"Money left in {survival.currency} against how far the price has run one way"
    return drawn(title, lambda canvas: (canvas.height, list(_money(survival, canvas))))


def _money(survival: Survival, canvas: Canvas) -> Iterator[str]:
    ways, capital = survival.ways.values(), survival.setup.initial_capital
    reaches = {way.direction: _shown(way) for way in ways}
    seen = [equity for way in ways for at, equity, _ in way.curve if at <= reaches[way.direction]]
    highest = max([capital, *seen])
    x_range = (-reaches[-1], reaches[1])
    labels, n_lines = _labels(survival, Scale(canvas, x_range, (0.0, 1.0)))
    # The labels' lines lie over the money.
    room = canvas.height - canvas.top - canvas.bottom
    scale = Scale(canvas, x_range, (0.0, highest * room / (room - LABEL * n_lines - 10)))
    for way in ways:
        yield from _band_marks(scale, way, reaches[way.direction])
    ticks = [(value, percent(value, 0, signed=True)) for value in nice_steps(*x_range, canvas.n_ticks)]
    yield from _axes(scale, ticks, [(value, number(value, 0)) for value in nice_steps(0.0, 1.02 * highest, 5)])
    yield _line(scale.x(0.0), canvas.top, scale.x(0.0), scale.floor, "start")
    yield _text(scale.x(0.0), canvas.top - 8, "price today", "tick")
    for way in ways:
        reach = reaches[way.direction]
        points = [(0.0, capital), *((at, equity) for at, equity, _ in way.curve if at <= reach)]
        if way.is_ended:
            points += [(way.farthest, way.equity_left), (reach, way.equity_left)]
        yield _path([(scale.x(way.direction * at), scale.y(equity)) for at, equity in points], "money")
    yield from labels
    yield _text(scale.ends[0], canvas.height - 6, "← price falls", "tick", "start")
    yield _text(scale.ends[1], canvas.height - 6, "price rises →", "tick", "end")


def _band_marks(scale: Scale, way: Way, reach: float) -> Iterator[str]:
    """Yield the bands of the states along a way."""
    changes = [(0.0, LadderState.NORMAL.name)]
    for at, _, state in way.curve:
        if state != changes[-1][1]:
            changes.append((at, state))
    if way.fractions[Layer.LIQUIDATION] is not None:
        changes.append((way.fractions[Layer.LIQUIDATION] or 0.0, "LIQUIDATED"))
    ends = [at for at, _ in changes[1:]] + [reach]
    for (begin, state), end in zip(changes, ends, strict=True):
        colour = "end" if state == "LIQUIDATED" else _BANDS.get(state)
        if colour is None or begin >= reach:
            continue
        left, right = sorted((scale.x(way.direction * begin), scale.x(way.direction * min(end, reach))))
        yield (
            f'<rect x="{left:.1f}" y="{scale.canvas.top}" width="{right - left:.1f}" '
            f'height="{scale.floor - scale.canvas.top}" class="band {colour}"/>'
        )


def _labels(survival: Survival, scale: Scale) -> tuple[Sequence[str], int]:
    """Return a mark with its name where each layer fires, each name where it covers no other, and the lines it took."""
    body: list[str] = []
    lines: list[float] = []
    """How far to the right each line is taken."""
    for x, name, move, colour in sorted(_marks(survival, scale)):
        words = f"{name} {move}"
        length = LETTER * len(words)
        left = x + 5 if x + 5 + length < scale.ends[1] else x - 5 - length
        line = next((k for k, end in enumerate(lines) if end < left), len(lines))
        lines[line:] = [left + length, *lines[line + 1 :]]
        body.append(_line(x, scale.canvas.top, x, scale.floor, f"mark {colour}"))
        body.append(_text(left, scale.canvas.top + 14 + LABEL * line, words, f"label {colour}", "start"))
    return body, len(lines)


def _marks(survival: Survival, scale: Scale) -> Iterator[tuple[float, str, str, str]]:
    """Yield place, name, move and colour of all that happens within the picture."""
    for way in survival.ways.values():
        found = [(fraction, LAYER_NAMES[layer], _COLOURS[layer]) for layer, fraction in way.fractions.items()]
        last = last_level(survival, way)
        found.append((None if last is None else last.fraction, LAST_LEVEL, "last"))
        for fraction, name, colour in found:
            if fraction is not None and fraction <= _shown(way):
                at = way.direction * fraction
                yield scale.x(at), name, percent(at, 1, signed=True), colour


def ladder_picture(survival: Survival, name: str) -> str:
    """Return the level ladder of a direction: every level at its price, as long as what it takes in margin."""
    way = survival.ways[name]
    rows = [row for row in way.rows if row.event == "level"]
    if not rows:
        return ""
    ordered = list(reversed(rows)) if name == "up" else rows
    return drawn(f"Levels when the price goes {name}", lambda canvas: _levels(ordered, way, canvas))


def _levels(rows: Sequence[Row], way: Way, canvas: Canvas) -> tuple[int, Sequence[str]]:
    has_many = len({row.symbol for row in rows}) > 1
    line, top, foot, label = 24, 30, canvas.left + 90, 130 if has_many else 100
    most = max(row.step_margin or 0.0 for row in rows)
    room = canvas.width - foot - label - canvas.right
    body = [
        _text(foot - 20, 18, "price (move)", "tick", "end"),
        _text(foot, 18, "margin of the level", "tick", "start"),
    ]
    for k, row in enumerate(rows):
        y = top + line * k
        length = max(2.0, (row.step_margin or 0.0) / most * room)
        body.append(_text(foot - 8, y + 15, f"{significant(row.fill_price, 6)} ({moved(way, row)})", "tick", "end"))
        body.append(f'<rect x="{foot}" y="{y + 3}" width="{length:.1f}" height="{line - 8}" class="level"/>')
        words = f"{row.symbol if has_many else 'level'} {row.level}: {number(row.step_margin)}"
        body.append(_text(foot + length + 8, y + 15, words, "label", "start"))
    return top + line * len(rows) + 12, body


def chance_picture(survival: Survival, model: Chances) -> str:
    """Return the probability that each layer has fired, day by day."""
    title = "How likely it is that each layer has fired by then"
    return drawn(title, lambda canvas: (canvas.height, list(_chances(survival, model, canvas))))


def _chances(survival: Survival, model: Chances, canvas: Canvas) -> Iterator[str]:
    days, layers = max(survival.horizons.values()), layers_of(survival)
    scale = Scale(canvas, (0.0, days), (0.0, 1.0))
    x_words = [(value, f"{value:g} d") for value in nice_steps(0.0, days, canvas.n_ticks)]
    yield from _axes(scale, x_words, [(k / 5.0, percent(k / 5.0, 0)) for k in range(6)])
    n_points = len(model.curve)
    n_a_line = max(1, (canvas.width - canvas.left) // 150)
    for k, layer in enumerate(layers):
        curve = model.curve[:, list(Layer).index(layer)]
        points = [(scale.x(days * i / (n_points - 1)), scale.y(float(curve[i]))) for i in range(n_points)]
        yield _path(points, f"chance {_COLOURS[layer]}")
        x, y = canvas.left + 150 * (k % n_a_line), 14 + 16 * (k // n_a_line)
        yield f'<rect x="{x}" y="{y - 6}" width="14" height="4" class="key {_COLOURS[layer]}"/>'
        yield _text(x + 20, y, LAYER_NAMES[layer], "label", "start")
