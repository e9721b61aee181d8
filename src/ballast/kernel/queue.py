"""
Best prices from ticks, and the queue in front of resting limits.

A resting limit waits behind what was shown at its price when it came to rest. Trades at its price eat that queue
first; what they have left fills it. A trade beyond its price fills it whole, and so does a quote of the other side
beyond it (or at it, where ``limit_fill`` is TOUCH). Of orders in front that are cancelled we learn only when less is
shown than was in front of us: then we move up that far and no farther, as in hftbacktest's risk-averse model.

- Inside the spread nobody is in front.
- Deeper than the best price nobody knows: the best's own size is assumed, until a quote shows our price as the
  best, and then all that is shown.
- Where no size is recorded, ``queue_ahead_trades`` mean trades are assumed.
"""

from __future__ import annotations

from math import inf, nan

from ballast.kernel.venue import Order, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import LimitFill, Side, TickKind
from ballast.model.market import Quote, Tick

MEMORY_TRADES = 256
"""The mean trade forgets like an exponential average over so many."""


@compiled
def quoted_price(venue: Venue, symbol: int, side: int) -> float:
    """Return what a taker meets before slippage: with ticks the other side's best price, NaN if there is none."""
    if venue.quotes.shape[0] > 0:
        return venue.quotes[symbol].ask if side == Side.BUY else venue.quotes[symbol].bid
    return venue.markets[symbol].price


@compiled(needs="quotes")
def take_prices(venue: Venue, tick: Tick) -> None:
    """Let a tick move its symbol's best prices, last price and mean trade, and bring its volume."""
    symbol = tick.symbol
    quote, flow, market = venue.quotes[symbol], venue.flows[symbol], venue.markets[symbol]
    quote.ts_ns = tick.ts_ns
    volume = tick.qty
    if tick.kind == TickKind.QUOTE:
        _show(quote, tick)
        flow.has_quotes = True
        if flow.n_trades == 0:
            market.price = middle(quote, market.price)
        volume = tick.ask_qty if tick.ask_qty < tick.qty else (tick.qty if tick.qty <= tick.ask_qty else nan)
    else:
        market.price = tick.price
        if tick.qty > 0.0:
            flow.n_trades += 1
            flow.mean_trade_qty += (tick.qty - flow.mean_trade_qty) / min(flow.n_trades, MEMORY_TRADES)
        if not flow.has_quotes:
            _infer(quote, tick)
    rate = venue.execution.participation
    # NaN, an unknown volume, is none.
    market.volume_left = inf if rate == inf else (rate * volume if volume > 0.0 else 0.0)
    market.has_bar = True


@compiled
def _show(quote: Quote, tick: Tick) -> None:
    quote.bid = tick.price
    quote.bid_qty = tick.qty
    quote.ask = tick.ask
    quote.ask_qty = tick.ask_qty


@compiled
def _infer(quote: Quote, tick: Tick) -> None:
    """Read the best prices off a trade: who bought took the ask, who sold took the bid; never let them cross."""
    if tick.kind != TickKind.SELL:
        quote.ask = tick.price
        if not quote.bid <= tick.price or tick.kind == TickKind.TRADE:
            quote.bid = tick.price
    if tick.kind != TickKind.BUY:
        quote.bid = tick.price
        if not quote.ask >= tick.price:
            quote.ask = tick.price


@compiled
def middle(quote: Quote, otherwise: float) -> float:
    """Return the price between the best two; the one that there is where one is missing; ``otherwise`` without any."""
    if quote.bid == quote.bid and quote.ask == quote.ask:
        return 0.5 * (quote.bid + quote.ask)
    if quote.bid == quote.bid:
        return quote.bid
    return quote.ask if quote.ask == quote.ask else otherwise


@compiled(needs="quotes")
def join_queue(venue: Venue, order: Order) -> None:
    """Put a limit order that comes to rest behind what stands at its price."""
    quote, flow = venue.quotes[order.symbol], venue.flows[order.symbol]
    sign = 1.0 if order.side == Side.BUY else -1.0
    best, shown = own_side(quote, order.side)
    assumed = venue.execution.queue_ahead_trades * flow.mean_trade_qty
    order.is_queue_assumed = sign * order.price < sign * best
    order.queue_ahead_qty = shown if shown == shown else assumed
    # Without quotes the spread is a guess: nobody can be inside it.
    if flow.has_quotes and not sign * order.price <= sign * best:
        order.queue_ahead_qty = 0.0


@compiled
def own_side(quote: Quote, side: int) -> tuple[float, float]:
    """Return the best price of an order's own side, and the size shown there."""
    if side == Side.BUY:
        return quote.bid, quote.bid_qty
    return quote.ask, quote.ask_qty


@compiled(needs="quotes")
def move_up(venue: Venue, order: Order) -> None:
    """Let a new quote shorten the queue in front of a resting limit, or show it for the first time."""
    sign = 1.0 if order.side == Side.BUY else -1.0
    best, shown = own_side(venue.quotes[order.symbol], order.side)
    if order.price == best and shown == shown:
        order.queue_ahead_qty = shown if order.is_queue_assumed else min(order.queue_ahead_qty, shown)
        order.is_queue_assumed = False
    elif not sign * order.price <= sign * best:
        order.queue_ahead_qty = 0.0
        order.is_queue_assumed = False


@compiled
def is_passed(venue: Venue, order: Order, tick: Tick) -> bool:
    """Tell whether a tick shows the market beyond a resting limit, so that the whole of it has filled."""
    sign = 1.0 if order.side == Side.BUY else -1.0
    if tick.kind != TickKind.QUOTE:
        return sign * tick.price < sign * order.price
    price = quoted_price(venue, order.symbol, order.side)
    if venue.execution.limit_fill == LimitFill.TOUCH:
        return sign * price <= sign * order.price
    return sign * price < sign * order.price


@compiled
def eats_queue(order: Order, tick: Tick) -> bool:
    """Tell whether a trade happened at a resting limit's price and against its side of the book."""
    against = TickKind.SELL if order.side == Side.BUY else TickKind.BUY
    is_against = tick.kind == against or tick.kind == TickKind.TRADE
    return bool(is_against and tick.price == order.price and tick.qty > 0.0)


@compiled
def trade_reaching(order: Order, qty: float) -> float:
    """Take a trade of ``qty`` off the queue in front of an order; return what of it gets as far as the order."""
    eaten = min(order.queue_ahead_qty, qty)
    order.queue_ahead_qty -= eaten
    return qty - eaten
