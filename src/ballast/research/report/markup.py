"""The few pieces of HTML that every section is made of. Whatever takes ``str`` of a user's escapes it here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

MAX_ROWS = 3_000
"""A browser lays out no longer table with pleasure; the JSON holds every row."""


class Cell(NamedTuple):
    """One table cell: finished markup, its classes, a tooltip and a style, both plain text."""

    html: str
    classes: str = ""
    title: str = ""
    style: str = ""


def escaped(words: str) -> str:
    """Return the words as markup; a percent sign stays with its number."""
    return escape(words).replace(" %", "&nbsp;%")


def text(value: object) -> Cell:
    """Return a left-aligned cell of escaped text."""
    return Cell(escaped(str(value)), "text")


def figure(value: str, tone: float = 0.0) -> Cell:
    """Return a right-aligned cell, green above zero and red below."""
    return Cell(escaped(value), tone_class(tone))


def heading(words: str) -> Cell:
    """Return a column head over figures."""
    return Cell(escape(words))


def tone_class(tone: float) -> str:
    """Return the class that colours by sign."""
    return "gain" if tone > 0 else "loss" if tone < 0 else ""


def row(cells: Iterable[Cell], tag: str = "td") -> str:
    """Return one table row."""
    return "<tr>" + "".join(_cell(cell, tag) for cell in cells) + "</tr>"


def table(
    head: Sequence[Cell],
    body: Iterable[Sequence[Cell]],
    foot: Sequence[Cell] = (),
    classes: str = "",
    *,
    tall: bool = False,
) -> str:
    """Return a table in a box that scrolls sideways when narrow, and downwards when ``tall``."""
    header = f"<thead>{row(head, 'th')}</thead>" if head else ""
    footer = f"<tfoot>{row(foot)}</tfoot>" if foot else ""
    rows = "".join(row(cells) for cells in body)
    box = "scroll tall" if tall else "scroll"
    return (
        f'<div class="{box}"><table{_attribute("class", classes)}>{header}<tbody>{rows}</tbody>{footer}</table></div>'
    )


def section(identifier: str, title: str, lead: str, content: str) -> str:
    """Return a titled section; ``lead`` is plain text and may be empty."""
    opening = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<section id="{identifier}"><h2>{escape(title)}</h2>{opening}{content}</section>'


def titled(words: str, content: str) -> str:
    """Return a block under a smaller title."""
    return f"<h3>{escape(words)}</h3>{content}"


def bullets(sentences: Iterable[str]) -> str:
    """Return a list of escaped sentences."""
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _cell(cell: Cell, tag: str) -> str:
    attributes = _attribute("class", cell.classes) + _attribute("title", cell.title) + _attribute("style", cell.style)
    return f"<{tag}{attributes}>{cell.html}</{tag}>"


def _attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value)}"' if value else ""
