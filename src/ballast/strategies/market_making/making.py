"""
The life of one symbol's quotes: put up, kept, replaced, taken down; and the inventory and profit that they make.

Compiled functions of a ``Maker``, its symbol's part of the strategy's memory, and of any record with the maker's
settings (those of ``settings.MakerParams``), so that any strategy can make markets with them. Inventory and profit are
of the maker's own fills, whatever else the account holds.
"""

from __future__ import annotations

from math import inf

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS, SECOND_NS
from ballast.model.enums import AccountKind, EventKind, QtyUnit, Side
from ballast.model.intents import ANY, Intent, cancel, note, place_limit, place_market, timer
from ballast.model.records import Record, record
from ballast.model.units import is_price
from ballast.strategies.market_making import quoting
from ballast.strategies.market_making.reasons import Reason, Role


@record
class Maker:
    """
    What is remembered of one symbol's quotes.

    ``bid`` and ``ask`` are the prices of live quotes, 0 for none, ``*_cycle`` the number of the order, ``*_left`` what
    of it has not filled. ``half`` is the half-spread at the last refresh, a fraction; quotes stay while the middle
    price is from ``low_mid`` to ``high_mid``. ``cash`` is what the maker's fills brought (fees paid), so that
    ``cash + inventory * mid`` is its profit; ``day_start`` is that at the day's first look. ``off_reason`` says why no
    quotes are up, 0 while they may be. ``*_open`` is what of all bids and asks may still fill: one that was taken down
    may until its cancel has arrived. ``is_waiting``: something was not sent for that. ``is_long_only``: asks offer what
    the maker holds, as on spot accounts.
    """

    is_on: bool
    off_reason: int
    half: float
    low_mid: float
    high_mid: float
    refreshed_ns: int
    bid: float
    bid_cycle: int
    ask: float
    ask_cycle: int
    bid_left: float
    ask_left: float
    bid_open: float
    ask_open: float
    is_waiting: bool
    n_orders: int
    n_placed: int
    n_filled: int
    inventory: float
    cash: float
    day: int = -1
    day_start: float
    is_stopped: bool
    is_leaving: bool
    atr: float
    band_width: float
    wake_ns: int
    is_long_only: bool


@compiled
def middle_price(view: Record, symbol: int) -> float:
    """Return the price between the best two; on bars, and where a side is missing, the last close. NaN: unknown."""
    if view.quotes.shape[0] > 0:
        quote = view.quotes[symbol]
        middle = 0.5 * (quote.bid + quote.ask)
        if middle == middle:
            return middle
    return view.price[symbol]


@compiled
def spread_of(view: Record, symbol: int) -> float:
    """Return the market's spread as a fraction of its middle, 0 where nobody knows it."""
    if view.quotes.shape[0] > 0:
        quote = view.quotes[symbol]
        spread = (quote.ask - quote.bid) / (0.5 * (quote.ask + quote.bid))
        if spread == spread:
            return spread
    return 0.0


@compiled
def seen_ns(view: Record, symbol: int) -> int:
    """Return when the symbol was last heard of: its last tick, or the close of its last bar."""
    if view.quotes.shape[0] > 0:
        return max(view.quotes[symbol].ts_ns, 0)
    return view.bar_ts_ns[symbol] + view.interval_ns if view.bar_ts_ns[symbol] >= 0 else 0


@compiled
def age_limit_ns(view: Record, params: Record) -> int:
    """Return how old data may be; on bars one and a half of them at least, because more often nobody speaks."""
    limit = int(params.max_age_s * SECOND_NS)
    return limit if view.quotes.shape[0] > 0 else max(limit, view.interval_ns + view.interval_ns // 2)


@compiled
def profit_of(maker: Maker, mid: float) -> float:
    """Return what the maker has earned, its inventory valued at ``mid``; fees are paid."""
    return maker.cash + maker.inventory * mid if maker.inventory != 0.0 else maker.cash


@compiled
def has_lost(view: Record, params: Record, maker: Maker, mid: float) -> bool:
    """Tell whether the day's loss has reached its limit, the inventory valued at ``mid``."""
    return profit_of(maker, mid) - maker.day_start <= -params.daily_loss_pct * view.equity


@compiled
def make_market(
    view: Record,
    params: Record,
    maker: Maker,
    symbol: int,
    is_wanted: bool,
    atr: float,
    band_width: float,
    intents: Intent,
    n: int,
) -> int:
    """
    Decide at a close whether quotes belong in the market, and bring them up to date; return the new count of intents.

    ``is_wanted``: the range holds and the maker's flag is up. ``atr`` is in units of price, ``band_width`` a fraction;
    NaN of either is a reason for none.
    """
    maker.is_on = is_wanted
    maker.atr = atr
    maker.band_width = band_width
    return look(view, params, maker, symbol, intents, n, True)


@compiled
def look(view: Record, params: Record, maker: Maker, symbol: int, intents: Intent, n: int, is_due: bool) -> int:
    """Take quotes down, refresh them or leave them; ``is_due`` refreshes although neither price nor time ask for it."""
    mid = middle_price(view, symbol)
    _turn_day(view, maker, mid)
    reason = fault(view, params, maker, symbol, mid)
    if reason != 0:
        return stand_down(view, params, maker, symbol, reason, intents, n)
    if maker.off_reason != 0:
        maker.off_reason = 0
        is_due = True
    is_old = view.time_ns - maker.refreshed_ns >= int(params.refresh_interval_s * SECOND_NS)
    if is_due or is_old or mid < maker.low_mid or mid > maker.high_mid:
        n = refresh(view, params, maker, symbol, mid, intents, n)
    return _set_alarm(view, params, maker, symbol, intents, n)


@compiled
def stays(view: Record, params: Record, maker: Maker, symbol: int) -> bool:
    """
    Tell whether a tick can change nothing: the middle is where quotes stay, they are young, and no loss is near.

    For the quick answer at every tick; ``look`` decides what this leaves open.
    """
    if not maker.is_on:
        return maker.bid == 0.0 and maker.ask == 0.0
    if maker.off_reason == Reason.LOSS_STOP:
        return view.time_ns // DAY_NS == maker.day
    mid = middle_price(view, symbol)
    if maker.inventory != 0.0 and has_lost(view, params, maker, mid):
        return False
    if maker.off_reason == Reason.NARROW_BAND:
        return view.time_ns // DAY_NS == maker.day
    if maker.off_reason != 0:
        return False
    is_inside = maker.low_mid <= mid <= maker.high_mid
    is_young = view.time_ns - maker.refreshed_ns < int(params.refresh_interval_s * SECOND_NS)
    return bool(is_inside and is_young and spread_of(view, symbol) <= params.max_spread_bps * 1e-4)


@compiled
def _turn_day(view: Record, maker: Maker, mid: float) -> None:
    """Begin a new day's account of losses at midnight UTC."""
    day = view.time_ns // DAY_NS
    if day != maker.day and (mid == mid or maker.inventory == 0.0):
        maker.day = day
        maker.day_start = profit_of(maker, mid)
        maker.is_stopped = False


@compiled
def fault(view: Record, params: Record, maker: Maker, symbol: int, mid: float) -> int:
    """Return why no quotes may be up, or 0."""
    if not maker.is_on:
        return Reason.RANGE_ENDED
    if not is_price(mid) or view.time_ns - seen_ns(view, symbol) > age_limit_ns(view, params):
        return Reason.STALE
    if maker.is_stopped or has_lost(view, params, maker, mid):
        maker.is_stopped = True
        return Reason.LOSS_STOP
    if spread_of(view, symbol) > params.max_spread_bps * 1e-4:
        return Reason.WIDE_SPREAD
    half = quoting.half_spread(maker.atr, mid, params.k_atr, view.maker_fee_rate, params.min_edge)
    if not (half == half and half < 1.0 and quoting.pays(half, maker.band_width)):
        return Reason.NARROW_BAND
    return 0


@compiled
def stand_down(view: Record, params: Record, maker: Maker, symbol: int, reason: int, intents: Intent, n: int) -> int:
    """Take both quotes down and say why, once; sell off what is left where the range or the day's loss ended it."""
    if maker.off_reason != reason:
        maker.off_reason = reason
        n = note(intents, n, symbol, maker.inventory, 0, reason)
    n = _take_down(maker, symbol, Role.BID, reason, intents, n)
    n = _take_down(maker, symbol, Role.ASK, reason, intents, n)
    is_over = reason == Reason.RANGE_ENDED or reason == Reason.LOSS_STOP
    sells_off = is_over and params.close_inventory and not maker.is_leaving and maker.inventory != 0.0
    still = maker.ask_open if maker.inventory > 0.0 else maker.bid_open
    maker.is_waiting = sells_off and still > 0.0 and view.quotes.shape[0] > 0
    if sells_off and not maker.is_waiting:
        qty = quoting.whole_qty(
            abs(maker.inventory), view.price[symbol], view.lot_units[symbol], view.lot_scale[symbol],
            view.min_qty[symbol], view.min_notional[symbol],
        )  # fmt: skip
        if qty > 0.0:
            side = Side.SELL if maker.inventory > 0.0 else Side.BUY
            n = place_market(intents, n, symbol, side, qty, QtyUnit.BASE, Reason.INVENTORY_CLOSED)
            intents[n - 1].role = Role.CLOSE  # type: ignore[index]
            maker.is_leaving = True
    return n


@compiled
def _take_down(maker: Maker, symbol: int, role: int, reason: int, intents: Intent, n: int) -> int:
    if (maker.bid if role == Role.BID else maker.ask) == 0.0:
        return n
    if role == Role.BID:
        maker.bid = 0.0
    else:
        maker.ask = 0.0
    return cancel(intents, n, symbol, role, ANY, reason)


@compiled
def refresh(view: Record, params: Record, maker: Maker, symbol: int, mid: float, intents: Intent, n: int) -> int:
    """Put both quotes where they belong now; one that rests near enough to its place keeps it, and its queue."""
    half = quoting.half_spread(maker.atr, mid, params.k_atr, view.maker_fee_rate, params.min_edge)
    largest = params.max_inventory_pct * view.equity / mid
    target = params.target_inventory_pct * view.equity / mid
    ratio = quoting.inventory_ratio(maker.inventory, target, largest)
    centre = quoting.centre_of(mid, ratio, half, params.skew)
    size = params.quote_size_pct * view.equity / mid
    maker.half = half
    maker.low_mid = mid * (1.0 - params.refresh_move * half)
    maker.high_mid = mid * (1.0 + params.refresh_move * half)
    maker.refreshed_ns = view.time_ns
    best_bid, best_ask = 0.0, inf
    if view.quotes.shape[0] > 0:
        best_bid, best_ask = view.quotes[symbol].bid, view.quotes[symbol].ask
    units, scale = view.tick_units[symbol], view.tick_scale[symbol]
    bid = quoting.bid_price(centre, half, best_ask, units, scale)
    ask = quoting.ask_price(centre, half, best_bid, units, scale)
    is_spot = view.account_kind == AccountKind.SPOT
    # Around a target above nothing the ratio alone would let more be held than the largest inventory.
    most_bought, most_sold = max(0.0, largest - maker.inventory), max(0.0, largest + maker.inventory)
    if is_spot and bid > 0.0:
        most_bought = min(most_bought, max(0.0, view.cash) / (bid * (1.0 + view.maker_fee_rate)))
    if is_spot or maker.is_long_only:
        most_sold = min(most_sold, max(0.0, maker.inventory))
    maker.is_waiting = False
    wanted = quoting.bid_qty(size, ratio)
    n = _put(view, params, maker, symbol, Role.BID, bid, wanted, most_bought, intents, n)
    wanted = quoting.ask_qty(size, ratio)
    return _put(view, params, maker, symbol, Role.ASK, ask, wanted, most_sold, intents, n)


@compiled
def _put(
    view: Record,
    params: Record,
    maker: Maker,
    symbol: int,
    role: int,
    price: float,
    qty: float,
    most: float,
    intents: Intent,
    n: int,
) -> int:
    """
    Bring one side's quote to a price: keep it, replace it, put it up, or take it down where it has no size.

    All that may still fill of the side stays within ``most``: a quote waits until those on their way out leave it room.
    On bars a cancel meets the next open before anything fills there.
    """
    resting = maker.bid if role == Role.BID else maker.ask
    if price > 0.0:
        least = max(view.min_notional[symbol], params.min_order_value)
        qty = min(qty, most)
        qty = quoting.whole_qty(qty, price, view.lot_units[symbol], view.lot_scale[symbol], view.min_qty[symbol], least)
    else:
        qty = 0.0
    if qty == 0.0:
        return _take_down(maker, symbol, role, Reason.NO_SIZE, intents, n)
    left = maker.bid_left if role == Role.BID else maker.ask_left
    has_moved = quoting.has_moved(resting, price, params.keep_distance * maker.half)
    if resting > 0.0 and left <= qty * (1.0 + params.keep_size) and not has_moved:
        return n
    n = _take_down(maker, symbol, role, Reason.REPLACED, intents, n)
    still = maker.bid_open if role == Role.BID else maker.ask_open
    if view.quotes.shape[0] > 0 and still > 0.0 and qty + still > most * (1.0 + 1e-9):
        maker.is_waiting = True
        return n
    side = Side.BUY if role == Role.BID else Side.SELL
    n = place_limit(intents, n, symbol, side, qty, price, Reason.BID if role == Role.BID else Reason.ASK)
    intent = intents[n - 1]  # type: ignore[index]
    intent.role = role
    intent.post_only = True
    maker.n_orders += 1
    maker.n_placed += 1
    intent.cycle = maker.n_orders
    if role == Role.BID:
        maker.bid, maker.bid_cycle, maker.bid_left = price, maker.n_orders, qty
        maker.bid_open += qty
    else:
        maker.ask, maker.ask_cycle, maker.ask_left = price, maker.n_orders, qty
        maker.ask_open += qty
    return n


@compiled
def _set_alarm(view: Record, params: Record, maker: Maker, symbol: int, intents: Intent, n: int) -> int:
    """Ask to be woken when the data would be too old; one alarm at a time."""
    if maker.wake_ns > view.time_ns or (maker.bid == 0.0 and maker.ask == 0.0):
        return n
    maker.wake_ns = max(seen_ns(view, symbol) + age_limit_ns(view, params), view.time_ns) + 1
    return timer(intents, n, maker.wake_ns, Role.ALARM + symbol, Reason.STALE)


@compiled
def write_off(view: Record, maker: Maker, symbol: int, price: float, fee_per_unit: float) -> bool:
    """Take out of the inventory what somebody else has sold, or bought back, at ``price``; tell whether it was any."""
    held = view.position_qty[2 * symbol] + view.position_qty[2 * symbol + 1]
    kept = max(maker.inventory, min(held, 0.0)) if maker.inventory < 0.0 else min(maker.inventory, max(held, 0.0))
    gone = maker.inventory - kept
    maker.cash += gone * price - abs(gone) * fee_per_unit
    maker.inventory = kept
    return gone != 0.0


@compiled
def on_order(view: Record, params: Record, maker: Maker, symbol: int, intents: Intent, n: int) -> int:
    """Take what happened to one of the maker's orders into its books; a whole fill brings the quotes up to date."""
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    role = view.event_role
    if is_fill:
        maker.inventory += view.event_side * view.event_qty
        maker.cash -= view.event_side * view.event_qty * view.event_price + view.event_fee
        # What a close leaves behind of floats' noise is nothing.
        if abs(maker.inventory) * view.event_price < 1e-9:
            maker.inventory = 0.0
        maker.n_filled += 1 if role != Role.CLOSE else 0
    is_gone = view.event_kind != EventKind.PARTIALLY_FILLED
    if role == Role.BID:
        maker.bid_open = _less(maker.bid_open, view.event_qty)
    elif role == Role.ASK:
        maker.ask_open = _less(maker.ask_open, view.event_qty)
    if role == Role.CLOSE:
        maker.is_leaving = maker.is_leaving and not is_gone
    elif role == Role.BID and view.event_cycle == maker.bid_cycle:
        maker.bid_left -= view.event_qty if is_fill else 0.0
        maker.bid = 0.0 if is_gone else maker.bid
    elif role == Role.ASK and view.event_cycle == maker.ask_cycle:
        maker.ask_left -= view.event_qty if is_fill else 0.0
        maker.ask = 0.0 if is_gone else maker.ask
    # Between closes of bars nobody knows the middle: there the next close does.
    makes_room = maker.is_waiting and view.event_kind == EventKind.CANCELLED
    if ((is_fill and is_gone) or makes_room) and view.quotes.shape[0] > 0:
        return look(view, params, maker, symbol, intents, n, True)
    return n


@compiled
def _less(open_qty: float, qty: float) -> float:
    """Return what may still fill, 0 where floats' noise is left."""
    return open_qty - qty if open_qty - qty > 1e-9 * qty else 0.0
