"""Facts that the engine folds into its state, and alerts for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ballast.model.records import record


@record
class Event:
    """
    What the venue says happened to one order, or with kind FUNDING to one leg.

    ``qty`` is unsigned base units, ``price`` the execution price with slippage, ``fee`` in quote (>= 0),
    ``slippage`` the quote money that slippage cost (>= 0). On anything but a fill these are zero, ``qty``
    holds what was left unfilled and ``reason`` says why. ``order_reason`` and ``next_qty`` are the intent's own.
    ``frame`` is the index of the bars during which it happened.

    On FUNDING ``qty`` is what the leg holds, ``price`` the mark and ``fee`` what is paid, < 0 when received; on
    INSURANCE only ``fee`` counts. Fee and slippage are account currency, ``quote_rate`` of it for one unit of the
    symbol's quote currency; they are the same money wherever nothing is converted.
    """

    kind: int
    time_ns: int
    frame: int
    order_id: int
    account: int
    symbol: int
    position_side: int
    side: int
    qty: float
    price: float
    fee: float
    slippage: float
    role: int
    level: int
    cycle: int
    reason: int
    order_reason: int
    next_qty: float
    is_maker: bool
    quote_rate: float = 1.0


class Severity(IntEnum):
    """How loudly an alert should ring."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True)
class Alert:
    """
    Something that a person should know.

    ``key`` identifies the condition: two alerts with one key are the same trouble, and sinks may show the
    second one as a repetition. ``facts`` are plain values for machines; ``text`` is for people.
    """

    severity: Severity
    key: str
    text: str
    facts: dict[str, str | int | float | bool | None] = field(default_factory=dict)
