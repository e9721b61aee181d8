"""The names of what the catalog holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

from ballast.data.intervals import parse_interval
from ballast.model.errors import ConfigError

BARS, MARKS, FUNDING = "bars", "marks", "funding"


@dataclass(frozen=True, order=True)
class Series:
    """
    One kind of data of one symbol.

    Attributes
    ----------
    kind : str
        ``"bars"``, ``"marks"`` (bars of the mark price) or ``"funding"``.
    dataset : str
        Venue and market, such as ``"mexc/spot"``.
    symbol : str
    interval : str
        Name of the bar interval, such as ``"1m"``; empty for funding.
    """

    kind: str
    dataset: str
    symbol: str
    interval: str = ""

    def __post_init__(self) -> None:
        venue, _, market = self.dataset.partition("/")
        if not venue or not market or "/" in market:
            raise ConfigError(f"dataset {self.dataset!r} is not a venue and a market; write it like mexc/spot")

    @property
    def folder(self) -> str:
        """The series' directory relative to the catalog's root; unusual characters are percent-encoded."""
        venue, market = self.dataset.split("/")
        keys = {"venue": venue, "market": market, "symbol": self.symbol}
        if self.interval:
            keys["interval"] = self.interval
        return "/".join([self.kind, *(f"{key}={quote(value, safe='')}" for key, value in keys.items())])

    @property
    def period_unit(self) -> str:
        """The span of one part as a NumPy unit: days below 1m, months below 1h, else and for funding years."""
        if not self.interval:
            return "Y"
        interval_ms = parse_interval(self.interval)
        return "D" if interval_ms < 60_000 else "M" if interval_ms < 3_600_000 else "Y"

    @classmethod
    def of_folder(cls, folder: str) -> Self:
        """Return the series whose directory this is."""
        kind, *pairs = folder.split("/")
        keys = {key: unquote(value) for key, _, value in (pair.partition("=") for pair in pairs)}
        return cls(kind, f"{keys['venue']}/{keys['market']}", keys["symbol"], keys.get("interval", ""))

    @property
    def content(self) -> str:
        """What it holds, in a word or two: ``1m``, ``1m marks``, ``funding``."""
        return self.interval if self.kind == BARS else f"{self.interval} {self.kind}".lstrip()

    def __str__(self) -> str:
        return f"{self.dataset} {self.symbol} {self.content}"
