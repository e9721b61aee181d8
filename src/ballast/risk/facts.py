"""
The figures that the ladder climbs by, each from one definition that serves the figure and its guard.

Between fills everything but the maintenance margin is a line in the mark prices: profit moves with the net
position, initial margin with the size it is charged on, entries and closing fees are constants. So equity,
available balance, reserve and worst case are kept as forms ``offset + sum(weight[s] * mark[s])``; the figure is the
form at the present marks, and ``guards`` turns the same form into the price where a threshold is met.
The forms of equity and available balance are anchored to the account's own figures.
"""

from __future__ import annotations

from math import inf, isfinite, isnan, nan
from typing import Any

from ballast.kernel.margin import Legs, Linear, initial_margin, is_on_margin
from ballast.kernel.projection import legs_in, terms_in
from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.enums import PositionMode
from ballast.model.instrument import quote_rate
from ballast.model.records import LegFloats, SymbolFloats, record
from ballast.model.units import is_price
from ballast.risk.breakers import are_breakers_set
from ballast.risk.ladder import NEVER, Ladder
from ballast.risk.safety import safety_factor
from ballast.risk.settings import Profile, RiskSettings

View = Any


@record
class Form:
    """A figure that is linear in the mark prices, in quote currency."""

    offset: float
    weight: SymbolFloats


@record
class Facts:
    """
    What is known of an account at one instant.

    ``available`` is the account's available balance, ``available_for_trading`` (A) what remains of it beside the
    ``reserve``, ``next_worst_case`` (N) what the next steps of all legs would cost in margin. ``available_pct`` is
    A in percent of equity. ``imbalance_ratio`` is the larger leg over the smaller, the worst of all symbols: inf
    where one is empty, 0 where nothing can be unbalanced. ``long_margin`` and ``short_margin`` sum qty x mark /
    leverage over the legs of a side. ``is_known`` is false as soon as one figure is NaN or too old. Accounts without
    margin have equity alone. ``leg_qty`` is unsigned, ``2 * symbol`` for LONG; ``leg_entry`` is 0 where flat.
    Where the account keeps another currency, ``leg_qty`` and ``next_qty`` are times the conversion rate.
    """

    time_ns: int
    has_margin: bool
    is_known: bool
    equity: float = nan
    available: float = nan
    available_for_trading: float = nan
    available_pct: float = nan
    reserve: float = nan
    next_worst_case: float = nan
    imbalance_ratio: float
    mm_rate: float = nan
    long_margin: float
    short_margin: float
    atr_pct: float = nan
    safety_factor: float = nan
    equity_form: Form
    available_form: Form
    reserve_form: Form
    next_form: Form
    leg_qty: LegFloats
    leg_entry: LegFloats
    next_qty: LegFloats


@compiled
def measure(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts) -> None:
    """Fill ``facts`` from what the view shows now, and forget what the last step approved."""
    facts.time_ns = view.time_ns
    facts.equity = view.equity
    facts.has_margin = is_on_margin(view.account_kind)
    for leg in range(2 * view.n_symbols):
        ladder.approved_qty[leg] = 0.0
    if not facts.has_margin:
        facts.is_known = isfinite(view.equity) or not are_breakers_set(settings)
        return
    facts.available = view.available
    facts.mm_rate = view.mm_rate
    _read_legs(view, ladder, facts)
    _read_volatility(view, ladder, facts)
    draw_reserve(view, settings, facts)
    draw_next(view, settings, facts)
    _draw_account(view, facts)
    facts.imbalance_ratio = _imbalance(view, settings, facts)
    weigh(facts, settings)
    facts.is_known = (
        isfinite(facts.available_for_trading)
        and isfinite(facts.next_worst_case)
        and isfinite(facts.equity)
        and not isnan(facts.mm_rate)
        and not isnan(facts.imbalance_ratio)
        and is_fresh(view, ladder, settings, facts)
    )


@compiled
def weigh(facts: Facts, settings: RiskSettings) -> None:
    """Reckon what follows from available balance, reserve and equity."""
    facts.available_for_trading = facts.available - facts.reserve
    if settings.profile == Profile.DOCUMENTED:
        # The original divides by what is available, and sees no imbalance once that is gone.
        facts.available_pct = facts.available_for_trading / facts.available * 100.0 if facts.available > 0.0 else nan
    elif facts.equity <= 0.0:
        facts.available_pct = -inf
    else:
        facts.available_pct = facts.available_for_trading / facts.equity * 100.0


@compiled
def _read_legs(view: View, ladder: Ladder, facts: Facts) -> None:
    facts.long_margin = 0.0
    facts.short_margin = 0.0
    for symbol in range(view.n_symbols):
        long, short = 2 * symbol, 2 * symbol + 1
        legs = legs_in(view, symbol)
        facts.leg_qty[long], facts.leg_entry[long] = legs.long_qty, legs.long_entry
        facts.leg_qty[short], facts.leg_entry[short] = legs.short_qty, legs.short_entry
        rate = quote_rate(view, symbol)
        facts.next_qty[long], facts.next_qty[short] = ladder.next_qty[long] * rate, ladder.next_qty[short] * rate
    weigh_sides(view, facts)


@compiled
def weigh_sides(view: View, facts: Facts) -> None:
    """Sum the margin of all long and of all short legs: qty x mark / leverage under every model."""
    facts.long_margin = 0.0
    facts.short_margin = 0.0
    for symbol in range(view.n_symbols):
        if facts.leg_qty[2 * symbol] > 0.0:
            facts.long_margin += facts.leg_qty[2 * symbol] * view.mark[symbol] / view.leverage[symbol]
        if facts.leg_qty[2 * symbol + 1] > 0.0:
            facts.short_margin += facts.leg_qty[2 * symbol + 1] * view.mark[symbol] / view.leverage[symbol]


@compiled(inline=True)
def is_at_risk(facts: Facts, symbol: int) -> bool:
    """Tell whether a symbol has a position or a next step, so that its price matters."""
    long, short = 2 * symbol, 2 * symbol + 1
    return (
        facts.leg_qty[long] > 0.0
        or facts.leg_qty[short] > 0.0
        or facts.next_qty[long] > 0.0
        or facts.next_qty[short] > 0.0
    )


@compiled
def _read_volatility(view: View, ladder: Ladder, facts: Facts) -> None:
    worst = 0.0
    for symbol in range(view.n_symbols):
        worst = max(worst, ladder.volatility[symbol].atr_pct)
    facts.atr_pct = worst
    facts.safety_factor = safety_factor(worst)


@compiled(inline=True)
def legs_of_facts(facts: Facts, symbol: int) -> Legs:
    """Return the legs of a symbol that the facts reckon with."""
    long, short = 2 * symbol, 2 * symbol + 1
    return Legs(facts.leg_qty[long], facts.leg_entry[long], facts.leg_qty[short], facts.leg_entry[short])


@compiled
def step_margin(view: View, facts: Facts, symbol: int, long_added: float, short_added: float) -> Linear:
    """
    Return, as a line in the mark, by how much the initial margin grows when legs are added to at the mark.

    The new average entry is itself a line in the mark, and the margin's offset is linear in the entries: so its
    part that moves with the mark is the offset reckoned with the slopes of the entries.
    """
    legs = legs_of_facts(facts, symbol)
    terms = terms_in(view, symbol)
    more_long, more_short = legs.long_qty + long_added, legs.short_qty + short_added
    long_part = long_added / more_long if more_long > 0.0 else 0.0
    short_part = short_added / more_short if more_short > 0.0 else 0.0
    long_entry, short_entry = legs.long_entry * (1.0 - long_part), legs.short_entry * (1.0 - short_part)
    now = initial_margin(legs, terms)
    then = initial_margin(Legs(more_long, long_entry, more_short, short_entry), terms)
    moving = initial_margin(Legs(more_long, long_part, more_short, short_part), terms)
    return Linear(then.weight + moving.offset - now.weight, then.offset - now.offset)


@compiled
def draw_reserve(view: View, settings: RiskSettings, facts: Facts) -> None:
    """
    Set the reserve: the safety factor times the margin that balancing every symbol would take.

    The documented profile takes the whole notional instead. Accounts with one net position per symbol have nothing
    to balance and no reserve.
    """
    facts.reserve_form.offset = 0.0
    for symbol in range(view.n_symbols):
        facts.reserve_form.weight[symbol] = 0.0
        missing = facts.leg_qty[2 * symbol] - facts.leg_qty[2 * symbol + 1]
        if view.position_mode != PositionMode.HEDGE or missing == 0.0:
            continue
        line = Linear(abs(missing), 0.0)
        if settings.profile != Profile.DOCUMENTED:
            line = step_margin(view, facts, symbol, max(0.0, -missing), max(0.0, missing))
        facts.reserve_form.weight[symbol] = facts.safety_factor * line.weight
        facts.reserve_form.offset += facts.safety_factor * line.offset
    facts.reserve = value_of(facts.reserve_form, view)


@compiled
def draw_next(view: View, settings: RiskSettings, facts: Facts) -> None:
    """Set the worst case of the next steps: the sum over all legs of what each leg's next step takes on its own."""
    is_hedge = view.position_mode == PositionMode.HEDGE
    facts.next_form.offset = 0.0
    for symbol in range(view.n_symbols):
        facts.next_form.weight[symbol] = 0.0
        for short in range(2):
            qty = facts.next_qty[2 * symbol + short]
            if qty == 0.0:
                continue
            line = Linear(qty / view.leverage[symbol], 0.0)
            if settings.profile != Profile.DOCUMENTED:
                # One net position steps on the side on which it stands.
                is_short = short == 1 or (not is_hedge and facts.leg_qty[2 * symbol + 1] > 0.0)
                line = step_margin(view, facts, symbol, 0.0 if is_short else qty, qty if is_short else 0.0)
            facts.next_form.weight[symbol] += line.weight
            facts.next_form.offset += line.offset
    facts.next_worst_case = value_of(facts.next_form, view)


@compiled
def _draw_account(view: View, facts: Facts) -> None:
    moved = 0.0
    charged = 0.0
    for symbol in range(view.n_symbols):
        long, short = 2 * symbol, 2 * symbol + 1
        net = facts.leg_qty[long] - facts.leg_qty[short]
        line = initial_margin(legs_of_facts(facts, symbol), terms_in(view, symbol))
        facts.equity_form.weight[symbol] = net
        facts.available_form.weight[symbol] = net - line.weight
        if net != 0.0:
            moved += net * view.mark[symbol]
        if net != line.weight:
            charged += (net - line.weight) * view.mark[symbol]
    facts.equity_form.offset = view.equity - moved
    facts.available_form.offset = view.available - charged


@compiled
def value_of(form: Form, view: View) -> float:
    """Return a form's value at the present marks; a mark without weight need not be known."""
    value = form.offset
    for symbol in range(view.n_symbols):
        if form.weight[symbol] != 0.0:
            value += form.weight[symbol] * view.mark[symbol]
    return value


@compiled
def _imbalance(view: View, settings: RiskSettings, facts: Facts) -> float:
    """Return the worst ratio of a symbol's legs; less than half the smallest order counts as empty."""
    worst = 0.0
    if view.position_mode != PositionMode.HEDGE:
        return worst
    for symbol in range(view.n_symbols):
        heavier = max(facts.leg_qty[2 * symbol], facts.leg_qty[2 * symbol + 1])
        lighter = min(facts.leg_qty[2 * symbol], facts.leg_qty[2 * symbol + 1])
        dust = view.min_qty[symbol] / 2.0 * quote_rate(view, symbol)
        if heavier <= dust:
            continue
        if lighter > dust:
            worst = max(worst, heavier / lighter)
        elif settings.profile != Profile.DOCUMENTED:
            worst = inf
    return worst


@compiled
def is_fresh(view: View, ladder: Ladder, settings: RiskSettings, facts: Facts) -> bool:
    """Tell whether account and prices are young enough, and the venue's account agrees with ours."""
    patience_ns = 3 * view.interval_ns // 2
    if ladder.wallet_ns != NEVER:
        if view.time_ns - ladder.wallet_ns > max(settings.wallet_max_age_s * SECOND_NS, patience_ns):
            return False
        if not ladder.account_gap_bps <= settings.account_mismatch_bps:
            return False
    oldest = max(settings.max_price_age_s * SECOND_NS, patience_ns)
    for symbol in range(view.n_symbols):
        if is_at_risk(facts, symbol):
            seen_ns = view.bar_ts_ns[symbol] + view.interval_ns
            if not is_price(view.mark[symbol]) or view.bar_ts_ns[symbol] < 0:
                return False
            if view.quotes.shape[0] > 0:
                seen_ns = max(seen_ns, view.quotes[symbol].ts_ns)
            if view.time_ns - seen_ns > oldest:
                return False
    return True
