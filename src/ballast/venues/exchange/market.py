"""What an exchange lists: symbols with their steps, the recorded market that drives them, and the terms of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isnan
from typing import Any, Protocol

import numpy as np

from ballast.kernel.venue import tier_ranges
from ballast.model.enums import AccountKind, MarginModel, PositionMode, TickKind
from ballast.model.errors import ConfigError
from ballast.model.market import Feed

QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC")
FOREVER_NS = 1 << 62
Levels = Sequence[tuple[float, float]]
"""One side of a book, best first: price, and base units that rest there."""
_ON_TICK = 1e-6
"""How far off a tick a price still is that tick, in ticks."""


@dataclass(frozen=True)
class Listing:
    """
    One symbol as clients see it: coins, steps, limits of an order, and how many decimals numbers are written with.

    A tick is ``tick_units / tick_scale``. ``max_qty`` is inf and ``min_*`` are 0 where there is no such limit.
    """

    symbol: str
    base: str
    quote: str
    tick: float
    lot: float
    price_decimals: int
    qty_decimals: int
    tick_units: int
    tick_scale: float
    min_qty: float
    max_qty: float
    min_notional: float

    @cached_property
    def _price_format(self) -> str:
        return f".{self.price_decimals}f"

    @cached_property
    def _qty_format(self) -> str:
        return f".{self.qty_decimals}f"

    def price(self, value: float) -> str:
        """Return a price, quote per base unit, as the venue writes it; "" for none (NaN)."""
        return "" if isnan(value) else format(value, self._price_format)

    def qty(self, value: float) -> str:
        """Return a quantity in base units as the venue writes it."""
        return format(value, self._qty_format)


class Depth(Protocol):
    """What is known of the market's books beyond their best prices."""

    def sides(self, symbol: int, now_ns: int) -> tuple[Levels, Levels]:
        """Return bids and asks as they stood at ``now_ns``, which never goes back; both empty if nobody knows."""


class Books(Protocol):
    """Recorded books, from which each venue reads by itself."""

    def open(self, shift_ns: int) -> Depth:
        """Return the books from their beginning, told ``shift_ns`` later than they were recorded."""


@dataclass(frozen=True)
class Market:
    """
    A market that was recorded, or that goes on while we listen.

    Prices are brought to the nearest tick, because an order that waits may fill at the open of a bar, and what is paid
    has to be what clients can be told; best prices to the next one outward, so that they never cross.

    Attributes
    ----------
    symbols : tuple of str
    feed : Feed
        Frames, and perhaps marks, funding and ticks; frames before ``start_frame`` are history that clients may ask
        for.
    interval_ns : int
    instruments : recarray of Instrument
        By symbol; tick and lot must be there, because the wire speaks in steps.
    tiers : recarray of Tier
    start_frame : int
        The first frame that is traded.
    books : Books or None
        Of a market of ticks; without, what lies behind the best prices is made up.
    shift_ns : int
        How much later the market is told than it was recorded.
    is_live : bool
        Its ticks come while it is traded, and it has no end.

    Raises
    ------
    ConfigError
        A symbol has no tick or no lot step, or there is no frame to trade.
    """

    symbols: tuple[str, ...]
    feed: Feed
    interval_ns: int
    instruments: Any
    tiers: Any
    start_frame: int = 0
    books: Books | None = None
    shift_ns: int = 0
    is_live: bool = False

    def __post_init__(self) -> None:
        for symbol, one in zip(self.symbols, self.instruments, strict=False):
            if one.tick_units == 0 or one.lot_units == 0:
                raise ConfigError(f"instruments.{symbol}: an exchange needs a tick and a lot_step; give both")
        if not 0 <= self.start_frame < len(self.feed.frames):
            raise ConfigError(f"the market has {len(self.feed.frames)} bars; none is left to trade")
        grids = self.instruments[: len(self.symbols)]
        frames, ticks = _on_ticks(self.feed.frames, grids), _walked_on_ticks(self.feed.ticks, grids)
        object.__setattr__(self, "feed", self.feed._replace(frames=frames, ticks=ticks))

    @property
    def has_ticks(self) -> bool:
        """Whether bars are walked by their ticks."""
        return self.is_live or len(self.feed.ticks) > 0

    @cached_property
    def listings(self) -> list[Listing]:
        """The symbols as clients see them, in order; a venue may change what it lists."""
        return [listing_of(*pair) for pair in zip(self.symbols, self.instruments, strict=False)]

    @cached_property
    def first_limits(self) -> tuple[float, ...]:
        """Up to which position value each symbol's first risk tier goes, quote money."""
        first, _ = tier_ranges(self.tiers, len(self.symbols))
        return tuple(float(upper) for upper in self.tiers["upper_value"][first])

    @cached_property
    def start_ns(self) -> int:
        """When trading begins."""
        return int(self.feed.frames["ts_ns"][self.start_frame])

    @cached_property
    def end_ns(self) -> int:
        """When the last bar closes."""
        return FOREVER_NS if self.is_live else int(self.feed.frames["ts_ns"][-1]) + self.interval_ns

    def moved_by(self, shift_ns: int) -> Market:
        """Return the same market at other times."""
        moved = {name: np.copy(getattr(self.feed, name)) for name in ("frames", "funding", "ticks")}
        for rows in moved.values():
            rows["ts_ns"] += shift_ns
        feed = self.feed._replace(**{name: rows.view(np.recarray) for name, rows in moved.items()})
        return replace(self, feed=feed, shift_ns=self.shift_ns + shift_ns)


def _on_ticks(frames: Any, instruments: Any) -> Any:
    """Return frames with every price on its symbol's ticks: the same frames where they all are."""
    units, scales = (np.asarray(instruments[name], dtype=np.float64) for name in ("tick_units", "tick_scale"))
    n_symbols, moved = len(units), {}
    for name in ("open", "high", "low", "close"):
        prices = frames[name][:, :n_symbols]
        nearest = np.round(prices * scales / units) * units / scales
        if not np.array_equal(nearest, prices, equal_nan=True):
            moved[name] = nearest
    if not moved:
        return frames
    copied = np.copy(frames).view(np.recarray)
    for name, nearest in moved.items():
        copied[name][:, :n_symbols] = nearest
    return copied


def _walked_on_ticks(ticks: Any, instruments: Any) -> Any:
    """Return recorded trades and quotes with every price on its symbol's ticks: the same where they all are."""
    if len(ticks) == 0:
        return ticks
    symbols, is_quote = ticks["symbol"], ticks["kind"] == TickKind.QUOTE
    units, scales = (np.asarray(instruments[name], dtype=np.float64)[symbols] for name in ("tick_units", "tick_scale"))
    moved = {}
    for name, outward in (("price", np.floor), ("ask", np.ceil)):
        steps = ticks[name] * scales / units
        nearest = np.round(steps)
        is_off = np.abs(steps - nearest) > _ON_TICK
        if is_off.any():
            chosen = np.maximum(np.where(is_quote, outward(steps), nearest), 1.0)
            moved[name] = np.where(is_off, chosen * units / scales, ticks[name])
    if not moved:
        return ticks
    copied = np.copy(ticks).view(np.recarray)
    for name, prices in moved.items():
        copied[name] = prices
    return copied


def plain(value: float) -> str:
    """Return a number as venues write it: without an exponent, with up to eight decimals."""
    return np.format_float_positional(float(value), precision=8, trim="-")


def listing_of(symbol: str, instrument: Any) -> Listing:
    """Return an instrument as clients see it."""
    quote = next((one for one in QUOTES if symbol.endswith(one) and symbol != one), "USDT")
    tick, lot = instrument.tick_units / instrument.tick_scale, instrument.lot_units / instrument.lot_scale
    return Listing(
        symbol=symbol,
        base=symbol.removesuffix(quote),
        quote=quote,
        tick=float(tick),
        lot=float(lot),
        price_decimals=round(float(np.log10(instrument.tick_scale))),
        qty_decimals=round(float(np.log10(instrument.lot_scale))),
        tick_units=int(instrument.tick_units),
        tick_scale=float(instrument.tick_scale),
        min_qty=float(instrument.min_qty),
        max_qty=float(instrument.max_qty),
        min_notional=float(instrument.min_notional),
    )


@dataclass(frozen=True)
class AccountTerms:
    """What an account opens with; ``cash`` in quote money, fee rates as fractions."""

    name: str
    cash: float = 100_000.0
    kind: AccountKind = AccountKind.UNIFIED_MARGIN
    position_mode: PositionMode = PositionMode.ONE_WAY
    margin_model: MarginModel = MarginModel.BYBIT_UNIFIED
    leverage: float = 10.0
    maker_fee_rate: float = 0.0002
    taker_fee_rate: float = 0.00055


@dataclass(frozen=True)
class FillTerms:
    """How orders become fills: see ``kernel.venue.Execution``; latency belongs to the network, not to the venue."""

    slippage_rate: float = 0.0001
    participation: float = inf
    path_policy: int = 0
    limit_fill: int = 0


@dataclass(frozen=True)
class BookTerms:
    """The book that is shown around a recorded price: levels a side, and the value resting on each, quote money."""

    levels: int = 200
    value_per_level: float = 20_000.0


@dataclass(frozen=True)
class Setup:
    """All that an exchange is made of."""

    market: Market
    accounts: Sequence[AccountTerms]
    fills: FillTerms = field(default_factory=FillTerms)
    book: BookTerms = field(default_factory=BookTerms)
