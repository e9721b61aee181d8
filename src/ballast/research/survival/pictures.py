"""The pictures of the page, as SVG that takes its colours from the page's style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from ballast.backtest.formatting import number, percent, significant
from ballast.model.enums import LadderState
from ballast.research.report.markup import escaped
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.chances import Chances
from ballast.research.survival.layers import Layer
from ballast.research.survival.story import LAYER_NAMES

WIDTH, HEIGHT = 1_120, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 42, 46
BEYOND = 1.12
"""The picture goes this much farther than the last thing that happens."""
LEAST_SHOWN = 0.03
HEADROOM = 1.35
"""Over the money, for the names of the layers."""
_COLOURS = {Layer.FREEZE: "freeze", Layer.PANIC: "panic", Layer.EMERGENCY: "emergency", Layer.LIQUIDATION: "end"}
_BANDS = {
    LadderState.FROZEN.name: "freeze",
    LadderState.PANIC.name: "panic",
    LadderState.EMERGENCY.name: "emergency",
}


class Scale:
    """From figures to places: ``x`` and ``y`` in pixels of the drawing."""

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float], height: int = HEIGHT) -> None:
        self.x_range, self.y_range, self.height = x_range, y_range, height

    def x(self, value: float) -> float:
        """Return where a figure lies from left to right."""
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a figure lies from top to bottom."""
        low, high = self.y_range
        return TOP + (high - value) / (high - low) * (self.height - TOP - BOTTOM)


def drawing(title: str, body: Sequence[str], height: int = HEIGHT) -> str:
    """Return one picture; ``title`` is what is read out for it."""
    return (
        f'<div class="picture"><svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{escaped(title)}</title>'
        f"{''.join(body)}</svg></div>"
    )


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
    floor_y = scale.height - BOTTOM
    for value, words in y_words:
        yield _line(LEFT, scale.y(value), WIDTH - RIGHT, scale.y(value), "grid")
        yield _text(LEFT - 8, scale.y(value) + 4, words, "tick", "end")
    for value, words in x_words:
        yield _line(scale.x(value), floor_y, scale.x(value), floor_y + 5, "grid")
        yield _text(scale.x(value), floor_y + 20, words, "tick")


def _shown(way: Way) -> float:
    """Return how far from the start a way is worth showing."""
    known = [fraction for fraction in way.fractions.values() if fraction is not None]
    last = max([*known, *(row.fraction for row in way.rows)], default=0.0)
    if not way.is_ended:
        last *= 2.0
    return min(max(last * BEYOND, LEAST_SHOWN), way.farthest if not way.is_ended else 1e9)


def money_picture(survival: Survival) -> str:
    """Return price against money left, both directions, with the bands of the ladder's states behind."""
    up, down = survival.ways["up"], survival.ways["down"]
    capital = survival.setup.initial_capital
    reach = max(_shown(up), _shown(down))
    highest = max([capital, *(equity for way in (up, down) for at, equity, _ in way.curve if at <= reach)])
    scale = Scale((-reach, reach), (0.0, HEADROOM * highest))
    body = [*_band_marks(scale, up, reach), *_band_marks(scale, down, reach)]
    ticks = [(value, percent(value, 1, signed=True)) for value in nice_steps(-reach, reach, 10)]
    body += _axes(scale, ticks, [(value, number(value, 0)) for value in nice_steps(0.0, 1.02 * highest, 5)])
    body.append(_line(scale.x(0.0), TOP, scale.x(0.0), HEIGHT - BOTTOM, "start"))
    body.append(_text(scale.x(0.0), TOP - 8, "price today", "tick"))
    for way in (down, up):
        points = [(0.0, capital), *((at, equity) for at, equity, _ in way.curve if at <= reach)]
        if way.is_ended:
            points += [(way.farthest, way.equity_left), (reach, way.equity_left)]
        body.append(_path([(scale.x(way.direction * at), scale.y(equity)) for at, equity in points], "money"))
    body += _ends(scale, up, reach)
    body += _ends(scale, down, reach)
    body.append(_text(LEFT, HEIGHT - 6, "← price falls", "tick", "start"))
    body.append(_text(WIDTH - RIGHT, HEIGHT - 6, "price rises →", "tick", "end"))
    return drawing(f"Money left in {survival.currency} against how far the price has run one way", body)


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
            f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}" '
            f'class="band {colour}"/>'
        )


def _ends(scale: Scale, way: Way, reach: float) -> Iterator[str]:
    """Yield a mark where each layer fires: its name stands over the picture, lower when it would cover another."""
    placed = 0
    for layer, fraction in way.fractions.items():
        if fraction is None or fraction > reach:
            continue
        x = scale.x(way.direction * fraction)
        # On the side of the start, where the picture has room.
        anchor = "end" if way.direction > 0 else "start"
        yield _line(x, TOP, x, HEIGHT - BOTTOM, f"mark {_COLOURS[layer]}")
        words = f"{LAYER_NAMES[layer]} {percent(way.direction * fraction, 1, signed=True)}"
        yield _text(x - 5 * way.direction, TOP + 16 + 18 * placed, words, f"label {_COLOURS[layer]}", anchor)
        placed += 1


def ladder_picture(survival: Survival, name: str) -> str:
    """Return the level ladder of a direction: every level at its price, as long as what it takes in margin."""
    way = survival.ways[name]
    rows = [row for row in way.rows if row.event == "level"]
    if not rows:
        return ""
    line, top = 24, 30
    height = top + line * len(rows) + 12
    most = max(row.step_margin or 0.0 for row in rows)
    room = WIDTH - 420
    body = [
        _text(160, 18, "price (move)", "tick", "end"),
        _text(180, 18, "margin of the level", "tick", "start"),
        _text(WIDTH - RIGHT, 18, "what the next level needs", "tick", "end"),
    ]
    ordered = list(reversed(rows)) if name == "up" else rows
    for k, row in enumerate(ordered):
        y = top + line * k
        length = max(2.0, (row.step_margin or 0.0) / most * room)
        moved = percent(row.fraction * way.direction, 1, signed=True)
        body.append(_text(160, y + 15, f"{significant(row.fill_price, 6)} ({moved})", "tick", "end"))
        body.append(f'<rect x="180" y="{y + 3}" width="{length:.1f}" height="{line - 8}" class="level"/>')
        words = f"level {row.level}: {number(row.step_margin)}"
        body.append(_text(180 + length + 8, y + 15, words, "label", "start"))
        needs = "last level" if row.next_cost is None else number(row.next_cost)
        body.append(_text(WIDTH - RIGHT, y + 15, needs, "tick", "end"))
    return drawing(f"Levels when the price goes {name}", body, height)


def chance_picture(survival: Survival, model: Chances) -> str:
    """Return the probability that each layer has fired, day by day."""
    days = max(survival.horizons.values())
    height = 340
    scale = Scale((0.0, days), (0.0, 1.0), height)
    x_words = [(value, f"{value:g} d") for value in nice_steps(0.0, days, 10)]
    body = list(_axes(scale, x_words, [(k / 5.0, percent(k / 5.0, 0)) for k in range(6)]))
    n_points = len(model.curve)
    for k, layer in enumerate(Layer):
        points = [(scale.x(days * i / (n_points - 1)), scale.y(float(model.curve[i, k]))) for i in range(n_points)]
        body.append(_path(points, f"chance {_COLOURS[layer]}"))
        body.append(f'<rect x="{LEFT + 190 * k}" y="12" width="14" height="4" class="key {_COLOURS[layer]}"/>')
        body.append(_text(LEFT + 190 * k + 20, 18, LAYER_NAMES[layer], "label", "start"))
    return drawing("How likely it is that each layer has fired by then", body, height)
