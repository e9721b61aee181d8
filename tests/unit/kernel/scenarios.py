"""The table of scenarios: what each kind of order does. ``docs/fills.md`` states the rules that they pin down."""

from __future__ import annotations

from math import inf, nan

from ballast.model.enums import LimitFill, PathPolicy
from tests.unit.kernel.scenario import (
    BUY,
    CASH,
    FOK,
    IOC,
    POSITION,
    QUOTE,
    SECOND_NS,
    SELL,
    Scenario,
    amend,
    at,
    cancel,
    flat,
    limit,
    market,
    stop,
    stop_limit,
    timer,
    trailing,
    watch,
)

TOUCH = {"limit_fill": LimitFill.TOUCH}
SLIP = {"slippage_rate": 0.01}
LATE = {"latency_ns": 30 * SECOND_NS}
TENTH = {"participation": 0.1}

# Low first: 60 s 100, 80 s 90, 100 s 120, 120 s 110.
DIP = (100, 120, 90, 110)
# High first: 60 s 100, 80 s 110, 100 s 80, 120 s 90.
PEAK = (100, 110, 80, 90)

MARKET = [
    Scenario("market fills at the next open", [flat(), (102, 103, 101, 102)], {"bar 0": [market(BUY, 1)]}, ["60 filled buy 1 @ 102 taker"]),
    Scenario("market buy slips up", [flat(), flat(102)], {"bar 0": [market(BUY, 1)]}, ["60 filled buy 1 @ 103.02 taker"], SLIP),
    Scenario("market sell slips down", [flat(), flat(102)], {"bar 0": [market(SELL, 1)]}, ["60 filled sell 1 @ 100.98 taker"], SLIP, held=1),
    Scenario("slippage ends on the tick beyond, up", [flat(), flat(102)], {"bar 0": [market(BUY, 1)]}, ["60 filled buy 1 @ 103.5 taker"], SLIP, {"tick": 0.5}),
    Scenario("slippage ends on the tick beyond, down", [flat(), flat(102)], {"bar 0": [market(SELL, 1)]}, ["60 filled sell 1 @ 100.5 taker"], SLIP, {"tick": 0.5}, held=1),
    Scenario("market waits for a bar", [flat(), None, None, flat(103)], {"bar 0": [market(BUY, 1)]}, ["180 filled buy 1 @ 103 taker"]),
    Scenario("market before the first bar", [None, flat(101)], {"bar 0": [market(BUY, 1)]}, ["60 filled buy 1 @ 101 taker"]),
    Scenario("asked at the last close, never filled", [flat(), flat()], {"bar 1": [market(BUY, 1)]}, []),
    Scenario("same close", [flat(), (103, 104, 100, 101), flat()], {"bar 1": [market(BUY, 1)]}, ["120 filled buy 1 @ 101 taker"], {"same_close": True}),
    Scenario("prices of 1e-8 and huge quantities", [flat(3e-8), flat(3e-8)], {"bar 0": [market(BUY, 1e11)]}, ["60 filled buy 1e+11 @ 3e-08 taker"], {}, {"tick": "0.00000001", "lot": "0.00000001"}),
]  # fmt: skip

LIMITS = [
    Scenario("a touched limit does not fill by default", [flat(), DIP], {"bar 0": [limit(BUY, 1, 90)]}, []),
    Scenario("a touched limit fills with touch", [flat(), DIP], {"bar 0": [limit(BUY, 1, 90)]}, ["80 filled buy 1 @ 90 maker"], TOUCH),
    Scenario("a limit buy gone through fills at its price", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95)]}, ["70 filled buy 1 @ 95 maker"], SLIP),
    Scenario("a limit sell gone through fills at its price", [flat(), DIP], {"bar 0": [limit(SELL, 1, 105)]}, ["90 filled sell 1 @ 105 maker"], SLIP, held=1),
    Scenario("a gap past a limit buy fills at the gap", [flat(), flat(90)], {"bar 0": [limit(BUY, 1, 95)]}, ["60 filled buy 1 @ 90 maker"], SLIP),
    Scenario("a gap past a limit sell fills at the gap", [flat(), flat(110)], {"bar 0": [limit(SELL, 1, 105)]}, ["60 filled sell 1 @ 110 maker"], SLIP, held=1),
    Scenario("a gap past an older limit", [flat(), flat(), flat(90)], {"bar 0": [limit(BUY, 1, 95)]}, ["120 filled buy 1 @ 90 maker"]),
    Scenario("an open exactly at a limit is a touch", [flat(), flat(95)], {"bar 0": [limit(BUY, 1, 95)]}, []),
    Scenario("an open exactly at a limit, touch", [flat(), flat(95)], {"bar 0": [limit(BUY, 1, 95)]}, ["60 filled buy 1 @ 95 maker"], TOUCH),
    Scenario("a marketable limit takes", [flat(), flat(102)], {"bar 0": [limit(BUY, 1, 105)]}, ["60 filled buy 1 @ 103.02 taker"], SLIP),
    Scenario("a marketable limit never pays more than its limit", [flat(), flat(102)], {"bar 0": [limit(BUY, 1, 102.5)]}, ["60 filled buy 1 @ 102.5 taker"], SLIP),
    Scenario("a marketable sell never gets less than its limit", [flat(), flat(100)], {"bar 0": [limit(SELL, 1, 99.5)]}, ["60 filled sell 1 @ 99.5 taker"], SLIP, held=1),
    Scenario("a limit at the last price takes", [flat(), flat(100)], {"bar 0": [limit(BUY, 1, 100)]}, ["60 filled buy 1 @ 100 taker"], SLIP),
    Scenario("marketable when sent, not at the open: it rests", [flat(), (103, 104, 100, 102)], {"bar 0": [limit(BUY, 1, 101)]}, ["95 filled buy 1 @ 101 maker"]),
    Scenario("a limit before any price takes at the first open", [None, flat(100)], {"bar 0": [limit(BUY, 1, 105)]}, ["60 filled buy 1 @ 101 taker"], SLIP),
    Scenario("a limit buy is rounded down to the tick", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95.9)]}, ["70 filled buy 1 @ 95 maker"], {}, {"tick": 1}),
    Scenario("a limit sell is rounded up to the tick", [flat(), DIP], {"bar 0": [limit(SELL, 1, 104.1)]}, ["90 filled sell 1 @ 105 maker"], {}, {"tick": 1}, held=1),
    Scenario("limits of one level fill in order of arrival", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95), limit(BUY, 2, 95)]}, ["70 filled buy 1 @ 95 maker", "70 filled buy 2 @ 95 maker"]),
    Scenario("both sides in order of the path", [flat(), DIP], {"bar 0": [limit(SELL, 1, 105), limit(BUY, 1, 95)]}, ["70 filled buy 1 @ 95 maker", "90 filled sell 1 @ 105 maker"], held=1),
    Scenario("two refused placements and one that is cancelled", [flat(), DIP], {"bar 0": [limit(BUY, 1, nan), limit(BUY, 1, 95)], "order 1": [cancel()]}, ["60 rejected invalid_price 1", "60 cancelled cancelled_by_strategy 1"]),
]  # fmt: skip

STOPS = [
    Scenario("a stop sell fills at its trigger", [flat(), DIP], {"bar 0": [stop(SELL, 1, 95)]}, ["70 filled sell 1 @ 95 taker"], held=1),
    Scenario("a stop sell slips from its trigger", [flat(), DIP], {"bar 0": [stop(SELL, 1, 95)]}, ["70 filled sell 1 @ 94.05 taker"], SLIP, held=1),
    Scenario("a stop buy slips from its trigger", [flat(), DIP], {"bar 0": [stop(BUY, 1, 105)]}, ["90 filled buy 1 @ 106.05 taker"], SLIP),
    Scenario("a stop is met by touch", [flat(), DIP], {"bar 0": [stop(SELL, 1, 90)]}, ["80 filled sell 1 @ 90 taker"], held=1),
    Scenario("a gap past a stop fills at the gap", [flat(), flat(80)], {"bar 0": [stop(SELL, 1, 95)]}, ["60 filled sell 1 @ 79.2 taker"], SLIP, held=1),
    Scenario("a stop already past triggers on arrival", [flat(), flat()], {"bar 0": [stop(BUY, 1, 99)]}, ["60 filled buy 1 @ 100 taker"]),
    Scenario("a stop sell's trigger is rounded down", [flat(), DIP], {"bar 0": [stop(SELL, 1, 95.9)]}, ["70 filled sell 1 @ 95 taker"], {}, {"tick": 1}, held=1),
    Scenario("a stop buy's trigger is rounded up", [flat(), DIP], {"bar 0": [stop(BUY, 1, 104.1)]}, ["90 filled buy 1 @ 105 taker"], {}, {"tick": 1}),
    Scenario("a stop-limit takes at its trigger", [flat(), DIP], {"bar 0": [stop_limit(BUY, 1, 105, 106)]}, ["90 filled buy 1 @ 106 taker"], SLIP),
    Scenario("a stop-limit below its trigger rests", [flat(), DIP, (110, 111, 100, 104)], {"bar 0": [stop_limit(BUY, 1, 105, 103)]}, ["154.545 filled buy 1 @ 103 maker"]),
    Scenario("a stop-limit jumped by a gap rests", [flat(), flat(112), (112, 113, 100, 104)], {"bar 0": [stop_limit(BUY, 1, 105, 106)]}, ["150.769 filled buy 1 @ 106 maker"]),
    Scenario("an IOC stop-limit that cannot take is dropped", [flat(), flat(112)], {"bar 0": [stop_limit(BUY, 1, 105, 106, time_in_force=IOC)]}, ["60 cancelled immediate_unfilled 1"]),
    Scenario("a post-only stop-limit never takes", [flat(), DIP], {"bar 0": [stop_limit(BUY, 1, 105, 106, post_only=True)]}, ["90 rejected would_cross 1"]),
]  # fmt: skip

RISE = (100, 110, 100, 110)
FALL = (100, 100, 90, 90)
TRAILING = [
    Scenario("a 5 % trailing sell: 95, 104.5, stays at 108, triggers at 104", [flat(), RISE, flat(108), flat(104)], {"bar 0": [trailing(SELL, 1, 0.05)]}, ["180 filled sell 1 @ 104 taker"], held=1),
    Scenario("a 5 % trailing buy: 105, 94.5, stays at 92, triggers at 95", [flat(), FALL, flat(92), flat(95)], {"bar 0": [trailing(BUY, 1, 0.05)]}, ["180 filled buy 1 @ 95 taker"]),
    Scenario("a trailing sell met in the bar", [flat(), RISE, (108, 108, 104, 104)], {"bar 0": [trailing(SELL, 1, 0.05)]}, ["157.5 filled sell 1 @ 104.5 taker"], held=1),
    Scenario("a trailing buy met in the bar", [flat(), FALL, (92, 95, 92, 95)], {"bar 0": [trailing(BUY, 1, 0.05)]}, ["156.667 filled buy 1 @ 94.5 taker"]),
    Scenario("a trailing sell by distance", [flat(), RISE, flat(103)], {"bar 0": [trailing(SELL, 1, distance=6)]}, ["120 filled sell 1 @ 103 taker"], held=1),
    Scenario("a trailing buy by distance", [flat(), FALL, (92, 97, 92, 97)], {"bar 0": [trailing(BUY, 1, distance=6)]}, ["156 filled buy 1 @ 96 taker"]),
    Scenario("a trailing sell follows inside its first bar", [flat(), PEAK], {"bar 0": [trailing(SELL, 1, 0.1)]}, ["87.3333 filled sell 1 @ 99 taker"], held=1),
    Scenario("a gap does not tighten before it triggers", [flat(), flat(90)], {"bar 0": [trailing(SELL, 1, 0.05)]}, [], held=1),
    Scenario("a gap past a trailing sell fills at the gap", [flat(), flat(), flat(80)], {"bar 0": [trailing(SELL, 1, 0.05)]}, ["120 filled sell 1 @ 79.2 taker"], SLIP, held=1),
    Scenario("a trail off the tick fills on the tick beyond", [flat(), RISE, (108, 108, 104, 104)], {"bar 0": [trailing(SELL, 1, 0.05)]}, ["157.5 filled sell 1 @ 104 taker"], {}, {"tick": 1}, held=1),
]  # fmt: skip

FORCE = [
    Scenario("an IOC out of reach is dropped", [flat(), flat()], {"bar 0": [limit(BUY, 1, 95, time_in_force=IOC)]}, ["60 cancelled immediate_unfilled 1"]),
    Scenario("an IOC takes at the open that it accepts", [flat(), flat(90)], {"bar 0": [limit(BUY, 1, 95, time_in_force=IOC)]}, ["60 filled buy 1 @ 90.9 taker"], SLIP),
    Scenario("a FOK out of reach is dropped", [flat(), flat()], {"bar 0": [limit(BUY, 1, 95, time_in_force=FOK)]}, ["60 cancelled immediate_unfilled 1"]),
    Scenario("an IOC before any price waits for one", [None, None, flat(90)], {"bar 0": [limit(BUY, 1, 95, time_in_force=IOC)]}, ["120 filled buy 1 @ 90 taker"]),
    Scenario("a post-only limit rests", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95, post_only=True)]}, ["70 filled buy 1 @ 95 maker"]),
    Scenario("a post-only limit that would take is refused", [flat(), flat(90)], {"bar 0": [limit(BUY, 1, 100, post_only=True)]}, ["60 rejected would_cross 1"]),
    Scenario("a post-only limit at a gap was already in the book", [flat(), flat(90)], {"bar 0": [limit(BUY, 1, 95, post_only=True)]}, ["60 filled buy 1 @ 90 maker"]),
    Scenario("a post-only limit sent at the open is judged at the open", [flat(), (110, 111, 100, 104)], {"bar 0": [market(BUY, 1)], "order 1": [limit(BUY, 1, 105, post_only=True)]}, ["60 filled buy 1 @ 110 taker", "90.9091 filled buy 1 @ 105 maker"]),
    Scenario("a limit sent at the open takes at the open", [flat(), flat(110)], {"bar 0": [market(BUY, 1)], "order 1": [limit(SELL, 1, 105)]}, ["60 filled buy 1 @ 111.1 taker", "60 filled sell 1 @ 108.9 taker"], SLIP),
    Scenario("post-only and IOC do not go together", [flat(), flat()], {"bar 0": [limit(BUY, 1, 95, post_only=True, time_in_force=IOC)]}, ["60 rejected unsupported 1"]),
    Scenario("reduce-only is clipped to what is held", [flat(), flat()], {"bar 0": [market(SELL, 5, reduce_only=True)]}, ["60 filled sell 3 @ 100 taker"], held=3),
    Scenario("reduce-only with nothing to reduce", [flat(), flat()], {"bar 0": [market(SELL, 5, reduce_only=True)]}, ["60 rejected nothing_to_reduce 5"]),
    Scenario("reduce-only cannot buy on spot", [flat(), flat()], {"bar 0": [market(BUY, 5, reduce_only=True)]}, ["60 rejected nothing_to_reduce 5"], held=3),
]  # fmt: skip

LATENCY = [
    Scenario("a market order arrives inside a segment", [flat(), RISE], {"bar 0": [market(BUY, 1)]}, ["90 filled buy 1 @ 105 taker"], LATE),
    Scenario("and is rounded to the tick beyond there", [flat(), RISE], {"bar 0": [market(BUY, 1)]}, ["90 filled buy 1 @ 106 taker"], LATE, {"tick": 2}),
    Scenario("latency of one bar", [flat(), RISE, flat(104)], {"bar 0": [market(BUY, 1)]}, ["120 filled buy 1 @ 104 taker"], {"latency_ns": 60 * SECOND_NS}),
    Scenario("a limit arrives too late for the dip", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95)]}, [], LATE),
    Scenario("a limit arriving where it is marketable takes", [flat(), DIP], {"bar 0": [limit(BUY, 1, 108)]}, ["90 filled buy 1 @ 106.05 taker"], {**LATE, **SLIP}),
    Scenario("a stop arriving past its trigger triggers", [flat(), RISE], {"bar 0": [stop(BUY, 1, 103)]}, ["90 filled buy 1 @ 105 taker"], LATE),
    Scenario("a trailing stop starts where it arrives", [flat(), RISE, (110, 110, 104, 104)], {"bar 0": [trailing(SELL, 1, 0.05)]}, ["158.333 filled sell 1 @ 104.5 taker"], LATE, held=1),
    Scenario("a cancel arrives too late", [flat(), flat(), DIP], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [cancel()]}, ["130 filled buy 1 @ 95 maker"], LATE),
    Scenario("a cancel arrives in time", [flat(), flat(), DIP], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [cancel()]}, ["125 cancelled cancelled_by_strategy 1"], {"latency_ns": 5 * SECOND_NS}),
    Scenario("a cancel without latency beats the gap", [flat(), flat(), flat(90)], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [cancel()]}, ["120 cancelled cancelled_by_strategy 1"]),
    Scenario("a cancel overtakes nothing: both arrive, the cancel first", [flat(), flat()], {"bar 0": [market(BUY, 1), cancel()]}, ["60 cancelled cancelled_by_strategy 1"]),
    Scenario("an amendment arrives inside a segment", [flat(), flat(), DIP], {"bar 0": [limit(SELL, 1, 119)], "bar 1": [amend(price=108.0)]}, ["152 filled sell 1 @ 108 maker"], LATE, held=1),
    Scenario("an amendment arrives after the fill", [flat(), flat(), DIP], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [amend(price=80.0)]}, ["130 filled buy 1 @ 95 maker"], LATE),
]  # fmt: skip

AMENDMENTS = [
    Scenario("a limit moved into the market takes", [flat(), flat(), flat(100)], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [amend(price=103.0)]}, ["120 filled buy 1 @ 101 taker"], SLIP),
    Scenario("a post-only limit moved into the market is refused", [flat(), flat(), flat(100)], {"bar 0": [limit(BUY, 1, 95, post_only=True)], "bar 1": [amend(price=103.0)]}, ["120 rejected would_cross 1"]),
    Scenario("a limit moved inside the bar takes there", [flat(), RISE], {"bar 0": [limit(BUY, 1, 95), watch(SELL, 105)], "watch 1": [amend(price=107.0)]}, ["90 watch 0 105", "90 filled buy 1 @ 106.05 taker"], SLIP),
    Scenario("a stop moved past the price triggers", [flat(), flat(), flat()], {"bar 0": [stop(SELL, 1, 95)], "bar 1": [amend(trigger_price=101.0)]}, ["120 filled sell 1 @ 100 taker"], held=1),
    Scenario("a new quantity, floored to lots", [flat(), flat(), DIP], {"bar 0": [limit(BUY, 1, 95)], "bar 1": [amend(qty=2.7)]}, ["130 filled buy 2 @ 95 maker"], {}, {"lot": 1}),
    Scenario("a new price, rounded to the tick", [flat(), flat(), DIP], {"bar 0": [limit(BUY, 1, 91)], "bar 1": [amend(price=95.9)]}, ["130 filled buy 1 @ 95 maker"], {}, {"tick": 1}),
    Scenario("amendments that make no sense", [flat(), flat()], {"bar 0": [limit(BUY, 1, 95), amend(qty=-1.0), amend(qty=inf), amend(price=inf), amend(price=-1.0), amend(qty=0.4), amend(qty=99.0)]}, ["60 rejected invalid_qty -1", "60 rejected invalid_qty inf", "60 rejected invalid_price 0", "60 rejected invalid_price 0", "60 rejected below_lot 0.4", "60 rejected above_maximum_qty 99"], {}, {"lot": 1, "max_qty": 50}),
    Scenario("nothing to amend is said, nothing to cancel is not", [flat(), flat()], {"bar 0": [amend(qty=2.0), cancel()]}, ["60 rejected unknown_order 2"]),
    Scenario("cancel by role and level", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95, role=1, level=2), limit(BUY, 2, 95, role=1, level=3), cancel(role=1, level=2)]}, ["60 cancelled cancelled_by_strategy 1", "70 filled buy 2 @ 95 maker"]),
]  # fmt: skip

EXPIRY = [
    Scenario("expiry is inclusive", [flat(), None, flat(102)], {"bar 0": [market(BUY, 1, expiry_ns=at(120))]}, ["120 filled buy 1 @ 102 taker"]),
    Scenario("no bar at the expiry instant", [flat(), None, None, flat()], {"bar 0": [market(BUY, 1, expiry_ns=at(120))]}, ["120 expired no_price 1"]),
    Scenario("a gap in time passes the expiry", [flat(), flat()], {"bar 0": [market(BUY, 1, expiry_ns=at(120))]}, ["600 expired expired 1"], opens=(0, 600)),
    Scenario("no bar of the symbol needed", [[flat(), flat(), flat()], [flat(), None, flat()]], {"bar 0": [market(BUY, 1, needs_symbol=1, expiry_ns=at(60))]}, ["60 s0 expired no_price 1"]),
    Scenario("waiting for the symbol needed", [[flat(), flat(), flat(103)], [flat(), None, flat()]], {"bar 0": [market(BUY, 1, needs_symbol=1)]}, ["120 s0 filled buy 1 @ 103 taker"]),
    Scenario("a limit expires before its level", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95, expiry_ns=at(69))]}, ["80 expired expired 1"]),
    Scenario("a limit reaches its level in time", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95, expiry_ns=at(70))]}, ["70 filled buy 1 @ 95 maker"]),
    Scenario("a limit one nanosecond late", [flat(), DIP], {"bar 0": [limit(BUY, 1, 95, expiry_ns=at(70) - 1)]}, ["80 expired expired 1"]),
]  # fmt: skip

VOLUME = [
    Scenario("a market order spreads over bars", [flat(), (100, 100, 100, 100, 50), (101, 101, 101, 101, 50), (102, 102, 102, 102, 50)], {"bar 0": [market(BUY, 12)]}, ["60 part buy 5 @ 100 taker", "120 part buy 5 @ 101 taker", "180 filled buy 2 @ 102 taker"], TENTH),
    Scenario("orders share a bar's volume", [flat(), (100, 100, 100, 100, 50), (101, 101, 101, 101, 50)], {"bar 0": [market(BUY, 3), market(BUY, 4)]}, ["60 filled buy 3 @ 100 taker", "60 part buy 2 @ 100 taker", "120 filled buy 2 @ 101 taker"], TENTH),
    Scenario("an IOC drops what is left", [flat(), (100, 100, 100, 100, 50)], {"bar 0": [market(BUY, 12, time_in_force=IOC)]}, ["60 part buy 5 @ 100 taker", "60 cancelled immediate_unfilled 7"], TENTH),
    Scenario("a FOK fills wholly or not at all", [flat(), (100, 100, 100, 100, 50)], {"bar 0": [market(BUY, 12, time_in_force=FOK), market(BUY, 5, time_in_force=FOK)]}, ["60 cancelled immediate_unfilled 12", "60 filled buy 5 @ 100 taker"], TENTH),
    Scenario("a limit takes what its bar gives", [flat(), (*DIP, 50), (95, 100, 80, 90, 20), (90, 90, 90, 90, 50)], {"bar 0": [limit(BUY, 8, 95)]}, ["70 part buy 5 @ 95 maker", "145 part buy 2 @ 95 maker", "180 filled buy 1 @ 90.9 taker"], {**TENTH, **SLIP}),
    Scenario("a bar without volume fills nothing", [flat(), (*DIP, 0), (100, 100, 100, 100, 50)], {"bar 0": [market(BUY, 1), limit(BUY, 1, 95), stop(SELL, 1, 95)]}, ["120 filled buy 1 @ 100 taker", "120 filled sell 1 @ 100 taker"], TENTH, held=5),
    Scenario("an unknown volume is none", [flat(), (100, 100, 100, 100, nan), (100, 100, 100, 100, 50)], {"bar 0": [market(BUY, 1)]}, ["120 filled buy 1 @ 100 taker"], TENTH),
    Scenario("volume counts in whole lots", [flat(), (100, 100, 100, 100, 57), (100, 100, 100, 100, 57)], {"bar 0": [market(BUY, 8)]}, ["60 part buy 5 @ 100 taker", "120 filled buy 3 @ 100 taker"], TENTH, {"lot": 1}),
    Scenario("a remainder below the minimum still fills", [flat(), (100, 100, 100, 100, 50), (100, 100, 100, 100, 50)], {"bar 0": [market(BUY, 6)]}, ["60 part buy 5 @ 100 taker", "120 filled buy 1 @ 100 taker"], TENTH, {"min_notional": 200.0, "min_qty": 2.0}),
    Scenario("the rest of a marketable limit goes on taking", [flat(), (100, 100, 100, 100, 50), (101, 101, 101, 101, 50)], {"bar 0": [limit(BUY, 6, 105)]}, ["60 part buy 5 @ 101 taker", "120 filled buy 1 @ 102.01 taker"], {**TENTH, **SLIP}),
    Scenario("a watch's market order shares the volume", [flat(), (*DIP, 50), flat()], {"bar 0": [market(BUY, 4), watch(BUY, 95)], "watch 1": [market(BUY, 4)]}, ["60 filled buy 4 @ 100 taker", "70 watch 0 95", "70 part buy 1 @ 95 taker", "120 filled buy 3 @ 100 taker"], TENTH),
]  # fmt: skip

UNITS = [
    Scenario("quote becomes base at the fill price, floored to lots", [flat(), flat(102)], {"bar 0": [market(BUY, 1000, qty_unit=QUOTE)]}, ["60 filled buy 9.8 @ 102 taker"], {}, {"lot": 0.01}),
    Scenario("a fraction of cash pays its fee from it", [flat(), flat(100)], {"bar 0": [market(BUY, 0.5, qty_unit=CASH)]}, ["60 filled buy 49.9 @ 100 taker"], {}, {"lot": 0.1}),
    Scenario("all cash", [flat(), flat(100)], {"bar 0": [market(BUY, 1.0, qty_unit=CASH)]}, ["60 filled buy 99.8003992 @ 100 taker"]),
    Scenario("a fifth of 35 lots is 7 lots", [flat(), flat(100)], {"bar 0": [market(SELL, 0.2, qty_unit=POSITION)]}, ["60 filled sell 7 @ 100 taker"], {}, {"lot": 1}, held=35),
    Scenario("a fraction below a lot is refused", [flat(), flat(100)], {"bar 0": [market(SELL, 0.2, qty_unit=POSITION)]}, ["60 rejected below_lot 0.2"], {}, {"lot": 1}, held=4),
    Scenario("more quote than cash is refused", [flat(), flat(100)], {"bar 0": [market(BUY, 10_000, qty_unit=QUOTE)]}, ["60 rejected insufficient_cash 10000"]),
    Scenario("more than is held is refused", [flat(), flat(100)], {"bar 0": [market(SELL, 2)]}, ["60 rejected insufficient_position 2"], held=1),
    Scenario("selling what is not held is refused", [flat(), flat(100)], {"bar 0": [market(SELL, 500)]}, ["60 rejected insufficient_position 500"]),
    Scenario("the order's minimum is tested at the fill price", [flat(), flat(99)], {"bar 0": [market(BUY, 1, min_notional=100.0)]}, ["60 rejected below_minimum_notional 1"]),
    Scenario("a minimum within 1e-9 is met", [flat(), flat(100)], {"bar 0": [market(BUY, 1, min_notional=100.0 + 5e-10)]}, ["60 filled buy 1 @ 100 taker"]),
    Scenario("the instrument's minimum of a limit is tested when it is sent", [flat(), flat(100)], {"bar 0": [limit(BUY, 1.9, 60)]}, ["60 rejected below_minimum_notional 1.9"], {}, {"min_notional": 100.0, "lot": 1}),
    Scenario("below the least quantity", [flat(), flat(100)], {"bar 0": [market(BUY, 1), market(BUY, 150, qty_unit=QUOTE)]}, ["60 rejected below_lot 1", "60 rejected below_lot 150"], {}, {"min_qty": 2.0}),
    Scenario("above the greatest quantity", [flat(), flat(100)], {"bar 0": [market(BUY, 3), market(BUY, 300, qty_unit=QUOTE)]}, ["60 rejected above_maximum_qty 3", "60 rejected above_maximum_qty 300"], {}, {"max_qty": 2.0}),
    Scenario("a position off the lot grid can be sold whole", [flat(), flat(100)], {"bar 0": [market(SELL, 11, reduce_only=True, time_in_force=FOK)]}, ["60 filled sell 10.5 @ 100 taker"], {}, {"lot": 1}, held=10.5),
]  # fmt: skip

INVALID = [
    Scenario("quantities that are none", [flat(), flat()], {"bar 0": [market(BUY, 0), market(BUY, -1), market(BUY, nan), market(BUY, inf), market(BUY, 0.4)]}, ["60 rejected invalid_qty 0", "60 rejected invalid_qty -1", "60 rejected invalid_qty nan", "60 rejected invalid_qty inf", "60 rejected below_lot 0.4"], {}, {"lot": 1, "tick": 1}),
    Scenario("prices that are none", [flat(), flat()], {"bar 0": [limit(BUY, 1, nan), limit(BUY, 1, 0), limit(BUY, 1, inf), limit(BUY, 1, 0.4), stop(BUY, 1, nan), stop_limit(BUY, 1, 5, nan)]}, ["60 rejected invalid_price 1"] * 6, {}, {"tick": 1}),
    Scenario("trails that are none", [flat(), flat()], {"bar 0": [trailing(SELL, 1), trailing(SELL, 1, 1.0), trailing(SELL, 1, nan), trailing(SELL, 1, 0.1, nan), trailing(SELL, 1, -0.1), trailing(SELL, 1, 0.1, inf)]}, ["60 rejected invalid_price 1"] * 6),
    Scenario("symbols that are none", [flat(), flat()], {"bar 0": [market(BUY, 1, symbol=1), market(BUY, 2, symbol=-1), market(BUY, 3, needs_symbol=1), watch(BUY, 5, symbol=7), cancel(symbol=9)]}, ["60 rejected unknown_symbol 1", "60 rejected unknown_symbol 2", "60 rejected unknown_symbol 3", "60 rejected unknown_symbol 0", "60 rejected unknown_symbol 0"]),
    Scenario("words that are none", [flat(), flat()], {"bar 0": [market(0, 1), market(2, 1), market(BUY, 1, type=9), market(BUY, 1, time_in_force=7), market(BUY, 1, qty_unit=5), market(BUY, 1, position_side=3), market(BUY, 1, position_side=2), {"kind": 42}, watch(3, 50)]}, ["60 rejected unsupported 1"] * 7 + ["60 rejected unsupported 0"] * 2),
    Scenario("a mark price that is not there", [flat(), flat()], {"bar 0": [stop(BUY, 1, 110, trigger_source=1)]}, ["60 rejected mark_price_unavailable 1"]),
    Scenario("watches at no price", [flat(), flat()], {"bar 0": [watch(BUY, nan), watch(BUY, 0.0), watch(BUY, inf), watch(BUY, 0.4)]}, ["60 rejected invalid_price 0"] * 4, {}, {"tick": 1}),
]  # fmt: skip

WATCHES = [
    Scenario("a watch wakes at its price and the order fills there", [flat(), DIP], {"bar 0": [watch(BUY, 95, role=3)], "watch 1": [market(BUY, 1)]}, ["70 watch 3 95", "70 filled buy 1 @ 95.95 taker"], SLIP),
    Scenario("a BUY watch is rounded to the tick below", [flat(), DIP], {"bar 0": [watch(BUY, 95.9)]}, ["70 watch 0 95"], {}, {"tick": 1}),
    Scenario("a SELL watch is rounded to the tick above", [flat(), DIP], {"bar 0": [watch(SELL, 104.1)]}, ["90 watch 0 105"], {}, {"tick": 1}),
    Scenario("a gap wakes at the open", [flat(), flat(80)], {"bar 0": [watch(BUY, 95)]}, ["60 watch 0 80"]),
    Scenario("a price already passed wakes at the next path point", [flat(), DIP], {"bar 0": [watch(BUY, 101)]}, ["60 watch 0 100"]),
    Scenario("passed inside the bar: the next path point, whatever its price", [flat(), DIP], {"bar 0": [watch(BUY, 95)], "watch 1": [watch(BUY, 95)]}, ["70 watch 0 95", "80 watch 0 90"]),
    Scenario("passed at a path point: the one after", [flat(), DIP], {"bar 0": [watch(BUY, 90)], "watch 1": [watch(BUY, 92)]}, ["80 watch 0 90", "100 watch 0 120"]),
    Scenario("a watch is one-shot", [flat(), DIP, DIP], {"bar 0": [watch(BUY, 95)]}, ["70 watch 0 95"]),
    Scenario("a watch replaces its like and no other", [flat(), DIP], {"bar 0": [watch(BUY, 95), watch(BUY, 92), watch(BUY, 94, role=1), watch(BUY, 93, position_side=2)]}, ["72 watch 1 94", "74 watch 0 93", "76 watch 0 92"]),
    Scenario("two watches at one price wake once each, in order", [flat(), DIP], {"bar 0": [watch(BUY, 95, role=1), watch(BUY, 95, role=2)], "watch 1": [watch(BUY, 95, role=3)]}, ["70 watch 1 95", "70 watch 2 95", "80 watch 3 90"]),
    Scenario("an order at the watch's price fills first", [flat(), DIP], {"bar 0": [watch(BUY, 95), limit(BUY, 1, 95)]}, ["70 filled buy 1 @ 95 maker", "70 watch 0 95"]),
    Scenario("a watch of a symbol without a bar waits", [[flat(), None, flat(80)], [flat(), flat(), flat()]], {"bar 0": [watch(BUY, 95)]}, ["120 watch 0 s0 80"]),
    Scenario("a watch before any price", [None, flat(100), DIP], {"bar 0": [watch(BUY, 95)]}, ["130 watch 0 95"]),
]  # fmt: skip

TIMERS = [
    Scenario("a timer wakes at a path point", [flat(), DIP], {"bar 0": [timer(80)], "timer 1": [market(BUY, 1)]}, ["80 timer 0", "80 filled buy 1 @ 90 taker"]),
    Scenario("or at the next one after it", [flat(), DIP], {"bar 0": [timer(81, role=2)]}, ["100 timer 2"]),
    Scenario("a timer at the close comes before the close's decision", [flat(), DIP, flat(111)], {"bar 0": [timer(119)], "timer 1": [market(BUY, 1)], "bar 1": [market(BUY, 2)]}, ["120 timer 0", "120 filled buy 1 @ 111 taker", "120 filled buy 2 @ 111 taker"]),
    Scenario("a timer in a time gap wakes at the next open", [flat(), flat()], {"bar 0": [timer(300)]}, ["600 timer 0"], opens=(0, 600)),
    Scenario("timers wake in order of time", [flat(), flat()], {"bar 0": [timer(75, role=1), timer(70, role=2), timer(75, role=3)]}, ["80 timer 2", "80 timer 1", "80 timer 3"]),
    Scenario("a timer of the past wakes at once, inside the bar", [flat(), DIP], {"bar 0": [watch(BUY, 95)], "watch 1": [timer(0)]}, ["70 watch 0 95", "80 timer 0"]),
    Scenario("orders, then watches, then timers", [flat(), flat(90)], {"bar 0": [timer(60), watch(BUY, 95), market(BUY, 1)]}, ["60 filled buy 1 @ 90 taker", "60 watch 0 90", "60 timer 0"]),
]  # fmt: skip

PATHS = [
    Scenario("near first", [flat(), PEAK], {"bar 0": [watch(SELL, 110, role=1), watch(BUY, 80, role=2)]}, ["80 watch 1 110", "100 watch 2 80"]),
    Scenario("near first, the high when equal", [flat(), (100, 110, 90, 100)], {"bar 0": [watch(SELL, 110, role=1), watch(BUY, 90, role=2)]}, ["80 watch 1 110", "100 watch 2 90"]),
    Scenario("low first", [flat(), PEAK], {"bar 0": [watch(SELL, 110, role=1), watch(BUY, 80, role=2)]}, ["80 watch 2 80", "100 watch 1 110"], {"path_policy": PathPolicy.LOW_FIRST}),
    Scenario("high first", [flat(), DIP], {"bar 0": [watch(SELL, 120, role=1), watch(BUY, 90, role=2)]}, ["80 watch 1 120", "100 watch 2 90"], {"path_policy": PathPolicy.HIGH_FIRST}),
    Scenario("best takes the target first", [flat(), (100, 110, 90, 100)], {"bar 0": [market(BUY, 1), limit(SELL, 1, 105), stop(SELL, 1, 95)]}, ["60 filled buy 1 @ 100 taker", "70 filled sell 1 @ 105 maker", "95 rejected insufficient_position 1"], {"path_policy": PathPolicy.BEST}),
    Scenario("worst takes the stop first", [flat(), (100, 110, 90, 100)], {"bar 0": [market(BUY, 1), limit(SELL, 1, 105), stop(SELL, 1, 95)]}, ["60 filled buy 1 @ 100 taker", "70 filled sell 1 @ 95 taker", "95 rejected insufficient_position 1"], {"path_policy": PathPolicy.WORST}),
    Scenario("best lets an entry dip first", [flat(), (100, 110, 90, 100)], {"bar 0": [limit(BUY, 1, 95), watch(SELL, 105)]}, ["70 filled buy 1 @ 95 maker", "95 watch 0 105"], {"path_policy": PathPolicy.BEST}),
    Scenario("the last segment counts too", [flat(), PEAK], {"bar 0": [watch(BUY, 80)], "watch 1": [stop(BUY, 1, 85)]}, ["100 watch 0 80", "110 filled buy 1 @ 85 taker"]),
]  # fmt: skip

SYMBOLS = [
    Scenario("symbols walk in lockstep, events in order of time", [[flat(), DIP], [flat(), PEAK]], {"bar 0": [limit(BUY, 1, 98, symbol=0), watch(SELL, 105, symbol=1), limit(BUY, 1, 95, symbol=1)]}, ["64 s0 filled buy 1 @ 98 maker", "70 watch 0 s1 105", "90 s1 filled buy 1 @ 95 maker"]),
    Scenario("at one moment the lower symbol fills first", [[flat(), DIP], [flat(), DIP]], {"bar 0": [limit(BUY, 2, 95, symbol=1), limit(BUY, 1, 95, symbol=0)]}, ["70 s0 filled buy 1 @ 95 maker", "70 s1 filled buy 2 @ 95 maker"]),
    Scenario("at the open in order of submission", [[flat(), DIP], [flat(), DIP]], {"bar 0": [market(BUY, 2, symbol=1), market(BUY, 1, symbol=0)]}, ["60 s1 filled buy 2 @ 100 taker", "60 s0 filled buy 1 @ 100 taker"]),
    Scenario("a wake on one symbol trades another where it stands", [[flat(), DIP], [flat(), (200, 220, 200, 220)]], {"bar 0": [watch(SELL, 105)], "watch 1": [market(BUY, 1, symbol=1)]}, ["90 watch 0 s0 105", "90 s1 filled buy 1 @ 210 taker"]),
    Scenario("sells pay for buys at the same open", [[flat(), flat(110)], [flat(), flat(50)]], {"bar 0": [market(SELL, 10, symbol=0)], "order 1": [market(BUY, 500, symbol=1, qty_unit=QUOTE)]}, ["60 s0 filled sell 10 @ 110 taker", "60 s1 filled buy 10 @ 50 taker"], cash=0, held=10),
]  # fmt: skip

TWO = {"n_accounts": 2}
CLIENTS = [
    Scenario("a client's better price comes first", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 1, 100.5, account=0)], "bar 1": [market(BUY, 3, account=1)]}, ["120 a1 part buy 1 @ 100.5 taker", "120 a0 filled sell 1 @ 100.5 maker", "120 a1 filled buy 2 @ 101 taker"], SLIP, held=1, n_accounts=2),
    Scenario("not a worse one", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 1, 101.5, account=0)], "bar 1": [market(BUY, 3, account=1)]}, ["120 a1 filled buy 3 @ 101 taker"], SLIP, held=1, n_accounts=2),
    Scenario("best price, then oldest", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 1, 100.6, account=0), limit(SELL, 1, 100.5, account=0), limit(SELL, 2, 100.5, account=0)], "bar 1": [market(BUY, 2, account=1)]}, ["120 a1 part buy 1 @ 100.5 taker", "120 a0 filled sell 1 @ 100.5 maker", "120 a1 filled buy 1 @ 100.5 taker", "120 a0 part sell 1 @ 100.5 maker"], SLIP, held=4, n_accounts=2),
    Scenario("a client does not trade with itself", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 1, 100.5, account=0)], "bar 1": [market(BUY, 1, account=0)]}, ["120 a0 filled buy 1 @ 101 taker"], SLIP, held=1, n_accounts=2),
    Scenario("a resting client who cannot pay is passed over", [flat(), flat(), flat()], {"bar 0": [limit(BUY, 200, 99.9, account=1)], "bar 1": [market(SELL, 150, account=0)]}, ["120 a1 rejected insufficient_cash 200", "120 a0 filled sell 150 @ 99 taker"], SLIP, held=150, n_accounts=2),
    Scenario("a resting client who has nothing left is passed over", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 5, 100.5, account=0), limit(SELL, 1, 100.6, account=0)], "bar 1": [market(BUY, 2, account=1)]}, ["120 a0 rejected insufficient_position 5", "120 a1 part buy 1 @ 100.6 taker", "120 a0 filled sell 1 @ 100.6 maker", "120 a1 filled buy 1 @ 101 taker"], SLIP, held=1, n_accounts=2),
    Scenario("a rest above the market is a bid for others", [flat(), (100, 100, 100, 100, 10), (100, 100, 100, 100, 0)], {"bar 0": [limit(BUY, 3, 102, account=1)], "bar 1": [limit(SELL, 1, 101, account=0)]}, ["60 a1 part buy 1 @ 100 taker", "120 a0 filled sell 1 @ 102 taker", "120 a1 part buy 1 @ 102 maker"], TENTH, held=1, n_accounts=2),
    Scenario("a post-only order does not cross a client", [flat(), (100, 100, 100, 100, 10), (100, 100, 100, 100, 0)], {"bar 0": [limit(BUY, 3, 102, account=1)], "bar 1": [limit(SELL, 1, 101, account=0, post_only=True)]}, ["60 a1 part buy 1 @ 100 taker", "120 a0 rejected would_cross 1"], TENTH, held=1, n_accounts=2),
    Scenario("a FOK takes recorded liquidity alone", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 1, 100.5, account=0)], "bar 1": [market(BUY, 2, account=1, time_in_force=FOK)]}, ["120 a1 filled buy 2 @ 101 taker"], SLIP, held=1, n_accounts=2),
    Scenario("small clients do not stop a large order", [flat(), flat(), flat()], {"bar 0": [limit(SELL, 100.5, 100.5, account=0, qty_unit=QUOTE)], "bar 1": [market(BUY, 3, account=1, min_notional=200.0)]}, ["120 a1 part buy 1 @ 100.5 taker", "120 a0 filled sell 1 @ 100.5 maker", "120 a1 filled buy 2 @ 101 taker"], SLIP, held=1, n_accounts=2),
]  # fmt: skip

SCENARIOS = [
    *MARKET,
    *LIMITS,
    *STOPS,
    *TRAILING,
    *FORCE,
    *LATENCY,
    *AMENDMENTS,
    *EXPIRY,
    *VOLUME,
    *UNITS,
    *INVALID,
    *WATCHES,
    *TIMERS,
    *PATHS,
    *SYMBOLS,
    *CLIENTS,
]
