"""The columns of the level tables, on the terminal and on the page, each with what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ballast.backtest.formatting import number, percent, significant
from ballast.research.survival import story
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.layers import Layer
from ballast.research.survival.levels import Row


class Column(NamedTuple):
    """
    One column of a level table.

    Those of the highest ``rank`` go first where there is no room for all, rank 0 never. ``note`` explains the column
    in a line, empty where the head says enough.
    """

    head: str
    cell: Callable[[Row], str]
    rank: int = 0
    note: str = ""
    is_text: bool = False


def level_columns(survival: Survival, way: Way) -> Sequence[Column]:
    """Return the columns of a direction's table, from left to right; those of the ladder only where there is one."""
    digits = max(1, story.digits_of(survival))
    has_many = survival.setup.n_symbols > 1
    columns = [
        Column("level", _event, is_text=True),
        Column("move", lambda row: moved(way, row), note="move: of the market, from the start."),
        Column(
            "price",
            lambda row: _price(row, has_many=has_many),
            note="price: what the level was filled at, slippage included.",
        ),
        Column("size", lambda row: _of_level(row, significant(row.qty)), 4),
        Column("margin", lambda row: _of_level(row, number(row.step_margin)), 1, _MARGIN),
        Column("next needs", lambda row: _of_level(row, _next_needs(row)), note=_NEXT_NEEDS),
        Column("money left", lambda row: number(row.equity, digits)),
        Column("IM", lambda row: number(row.initial_margin, digits), 6, _INITIAL),
        Column("MM", lambda row: number(row.maintenance_margin, digits), 6, _MAINTENANCE),
        Column("MM rate", lambda row: percent(row.mm_rate, 1), 2, _RATE),
    ]
    if has_many:
        columns.insert(0, Column("symbol", lambda row: row.symbol if row.event == "level" else "all", is_text=True))
    return columns if survival.profile == "off" else [*columns, *_ladder_columns(survival, digits)]


def _ladder_columns(survival: Survival, digits: int) -> Sequence[Column]:
    risk = survival.setup.risk
    stops = f"Adding stops when A falls below {risk.early_freeze_mult:g} N, panic begins below {risk.panic_mult:g} N."
    return [
        Column("A", lambda row: number(row.available, digits), 3, _AVAILABLE),
        Column("N", lambda row: number(row.next_worst_case, digits), 3, f"{_WORST_CASE} {stops}"),
        Column("state", lambda row: (row.state or "").lower(), 5, "state: of the risk ladder.", is_text=True),
    ]


_MARGIN = "margin: own money that the level binds, size x price / leverage."
_NEXT_NEEDS = "next needs: free money that the level after it takes: margin, fees and slippage."
_INITIAL = "IM: initial margin, own money that all positions bind."
_MAINTENANCE = "MM: maintenance margin, the least money with which the exchange lets the positions be."
_RATE = (
    "MM rate: the part of your money that the exchange demands as maintenance margin; at 100 % it liquidates. It may "
    "fall while you lose, because a position that is worth less binds less."
)
_AVAILABLE = "A: money free for trading, beside the safety reserve."
_WORST_CASE = "N: what the next levels of all sides would cost."


def _event(row: Row) -> str:
    return str(row.level) if row.event == "level" else story.LAYER_NAMES[Layer(row.event)].lower()


def _of_level(row: Row, words: str) -> str:
    return words if row.event == "level" else ""


def moved(way: Way, row: Row) -> str:
    """Return how far the market had moved; a first entry is made at the start."""
    # It stands a tick from it, and slippage away: that says nothing about the market.
    if row.level == 1 and row.fraction == way.rows[0].fraction:
        return "start"
    return percent(way.direction * row.fraction, 2, signed=True)


def _price(row: Row, *, has_many: bool) -> str:
    if has_many and row.event != "level":
        return ""
    return significant(row.price if row.fill_price is None else row.fill_price, 7)


def _next_needs(row: Row) -> str:
    return "last" if row.next_cost is None else number(row.next_cost)
