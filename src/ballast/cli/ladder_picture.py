"""The ladder as a picture: one SVG that needs nothing else, and one page around it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from ballast.cli.ladder_chart import GATED, KINDS, NEVER, NO, Rung, number, thresholds, warnings
from ballast.model.enums import LadderState
from ballast.risk.settings import Profile, RiskSettings

WIDTH = 1_180
MARGIN = 40
CARD_HEIGHT = 92
LINE = 19
COLOURS = {
    LadderState.NORMAL: ("#2b8a3e", "#ebfbee"),
    LadderState.FROZEN: ("#1971c2", "#e7f5ff"),
    LadderState.PANIC: ("#e8590c", "#fff4e6"),
    LadderState.EMERGENCY: ("#c92a2a", "#fff5f5"),
    LadderState.HALTED: ("#343a40", "#f1f3f5"),
}
_PILLS = {NO: ("#c92a2a", "#fff", "✕"), GATED: ("#f08c00", "#fff", "≤")}
_PASSES = ("#2b8a3e", "#fff", "✓")
_INK, _QUIET, _NO_INK = "#212529", "#495057", "#c92a2a"
_COLUMN = (WIDTH - 2 * MARGIN) // 2
_WRAP = 62


def picture(rungs: Sequence[Rung], settings: RiskSettings, *, has_margin: bool = True) -> str:
    """Return the diagram as SVG: the highest rung on top, between rungs what leads up and what leads down."""
    body: list[str] = []
    y = 84
    for rung in reversed(rungs):
        body.extend(_card(rung, y))
        y += CARD_HEIGHT
        if rung.state != LadderState.NORMAL:
            ups, downs = _wrapped(rung.enters), _wrapped(rung.leaves)
            height = max(len(ups), len(downs), 2) * LINE + 34
            body.extend(_arrow(MARGIN + 24, y, height, ups, "up", COLOURS[rung.state][0]))
            if rung.leaves == (NEVER,):
                body.append(_text(MARGIN + _COLUMN + 15, y + height / 2 + 5, "no way out", colour=_NO_INK, weight=600))
            elif downs:
                body.extend(_arrow(MARGIN + _COLUMN + 24, y, height, downs, "down", _colour_below(rung)))
            y += height
    if has_margin:
        body.extend(_scale(settings, y + 54))
        y += 150
    for warning in warnings(settings) if has_margin else []:
        body.append(_text(MARGIN, y + 22, f"⚠ {warning}", size=15, colour=_NO_INK, weight=600))
        y += 34
    height = y + 40
    title = f"The risk ladder, profile {Profile(int(settings.profile)).name.lower()}"
    fonts = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{fonts}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(MARGIN, 46, title, size=26, weight=700),
        *_legend(),
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def page(rungs: Sequence[Rung], settings: RiskSettings, *, has_margin: bool = True) -> str:
    """Return a page with the diagram and every threshold in force."""
    rows = "\n".join(
        f"<tr><td><code>{escape(key)}</code></td><td>{escape(value)}</td><td>{escape(unit)}</td>"
        f"<td>{escape(meaning).replace('`', '')}</td></tr>"
        for key, value, unit, meaning in thresholds(settings)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The risk ladder</title><style>
body {{ font: 15px/1.5 system-ui, -apple-system, Segoe UI, Roboto, sans-serif; color: {_INK}; margin: 2rem auto;
max-width: {WIDTH}px; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dee2e6; vertical-align: top; }}
td:nth-child(2) {{ font-variant-numeric: tabular-nums; font-weight: 600; white-space: nowrap; }}
</style></head><body>
{picture(rungs, settings, has_margin=has_margin)}
<h2>Thresholds in force</h2>
<p>A is what is available for trading beside the reserve; N what the next steps of all legs would cost in margin.</p>
<table><tr><th>key</th><th>value</th><th>unit</th><th>meaning</th></tr>
{rows}
</table></body></html>
"""


def _colour_below(rung: Rung) -> str:
    return COLOURS[LadderState(rung.state - 1)][0]


def _wrapped(sentences: Sequence[str]) -> list[tuple[str, bool]]:
    """Return lines that fit a column, and for each whether it begins a sentence."""
    lines = []
    for sentence in sentences:
        for k, line in enumerate(textwrap.wrap(sentence, _WRAP)):
            lines.append((line, k == 0))
    return lines


def _text(
    x: float, y: float, words: str, *, size: int = 14, colour: str = _INK, weight: int = 400, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def _legend() -> Iterator[str]:
    x = WIDTH - MARGIN - 400
    for (fill, ink, mark), words in ((_PASSES, "passes"), (_PILLS[GATED], "if affordable"), (_PILLS[NO], "refused")):
        yield f'<circle cx="{x}" cy="40" r="10" fill="{fill}"/>'
        yield _text(x, 45, mark, size=13, colour=ink, weight=700, anchor="middle")
        yield _text(x + 17, 45, words, colour=_QUIET)
        x += 150


def _card(rung: Rung, y: float) -> Iterator[str]:
    colour, ground = COLOURS[rung.state]
    wide = WIDTH - 2 * MARGIN
    yield (
        f'<rect x="{MARGIN}" y="{y}" width="{wide}" height="{CARD_HEIGHT}" rx="14" fill="{ground}" '
        f'stroke="{colour}" stroke-width="2"/>'
    )
    yield f'<rect x="{MARGIN + 14}" y="{y + 16}" width="6" height="{CARD_HEIGHT - 32}" rx="3" fill="{colour}"/>'
    yield _text(MARGIN + 32, y + 40, rung.state.name, size=24, colour=colour, weight=700)
    yield _text(MARGIN + 32, y + 70, f"The engine {rung.does}.", colour=_QUIET)
    x = MARGIN + 250
    for kind, verdict in zip(KINDS, rung.passes, strict=True):
        fill, ink, mark = _PILLS.get(verdict, _PASSES)
        yield f'<rect x="{x}" y="{y + 14}" width="200" height="34" rx="17" fill="#ffffff" stroke="{fill}"/>'
        yield f'<circle cx="{x + 18}" cy="{y + 31}" r="11" fill="{fill}"/>'
        yield _text(x + 18, y + 36, mark, colour=ink, weight=700, anchor="middle")
        yield _text(x + 38, y + 36, kind)
        x += 210


def _arrow(
    x: float, y: float, height: float, lines: Sequence[tuple[str, bool]], way: str, colour: str
) -> Iterator[str]:
    top, bottom = y + 8, y + height - 8
    tip, tail = (top, bottom) if way == "up" else (bottom, top)
    side = 9 if way == "up" else -9
    yield (
        f'<line x1="{x}" y1="{tail}" x2="{x}" y2="{tip + side}" stroke="{colour}" stroke-width="4" '
        f'stroke-linecap="round"/>'
    )
    yield f'<path d="M{x} {tip} l-9 {1.6 * side:g} h18 z" fill="{colour}"/>'
    start = y + height / 2 - (len(lines) - 1) * LINE / 2 + 5
    for k, (line, begins) in enumerate(lines):
        if begins and len(lines) > 1:
            yield f'<circle cx="{x + 26}" cy="{start + k * LINE - 5:g}" r="2.5" fill="{colour}"/>'
        yield _text(x + 38, start + k * LINE, line)


def _scale(settings: RiskSettings, y: float) -> Iterator[str]:
    """Draw A in multiples of N, with the bands in which the ladder stands while A falls."""
    freeze, panic, widened = settings.early_freeze_mult, settings.panic_mult, settings.hysteresis
    most = max(freeze, panic) * widened * 1.35
    wide = WIDTH - 2 * MARGIN

    def at(multiple: float) -> float:
        return MARGIN + wide * multiple / most

    yield _text(MARGIN, y - 22, "A, what is available for trading, in multiples of N", size=15, weight=600)
    edges = [(0.0, panic, LadderState.PANIC), (panic, freeze, LadderState.FROZEN), (max(freeze, panic), most, None)]
    for low, high, state in edges:
        if high > low:
            name = state or LadderState.NORMAL
            colour, _ = COLOURS[name]
            yield f'<rect x="{at(low):g}" y="{y}" width="{at(high) - at(low):g}" height="30" fill="{colour}"/>'
            yield _text((at(low) + at(high)) / 2, y + 20, name.name, colour="#fff", weight=600, anchor="middle")
    for multiple in sorted({panic, freeze}):
        yield f'<line x1="{at(multiple):g}" y1="{y + 26}" x2="{at(multiple):g}" y2="{y + 36}" stroke="{_INK}"/>'
        yield _text(at(multiple), y + 54, f"{number(multiple)} N", weight=600, anchor="middle")
        if widened > 1.0:
            back = multiple * widened
            yield f'<path d="M{at(back):g} {y + 34} l-6 10 h12 z" fill="{_QUIET}"/>'
            yield _text(at(back) + 10, y + 72, f"back at {number(back)} N", size=13, colour=_QUIET, anchor="middle")
