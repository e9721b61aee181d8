"""Figures as lines and groups of lines, for every form in which a run is summed up."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """
    One line: what, how much, and a remark that may be empty.

    ``key`` is the figure's name in the JSON, empty for one that has none; ``tone`` the sign to colour by.
    """

    label: str
    value: str
    remark: str = ""
    key: str = ""
    tone: float = 0.0


class Group(NamedTuple):
    """Figures that belong together."""

    title: str
    figures: list[Figure]
