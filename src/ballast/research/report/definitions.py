"""The definition of every figure, taken from the docstring of the function that computes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ballast.backtest import metrics
from ballast.backtest.result import Metrics

_COMPUTED: Mapping[str, Callable[..., Any]] = {
    "total_return": metrics.total_return,
    "cagr": metrics.cagr,
    "volatility": metrics.volatility,
    "sharpe": metrics.sharpe,
    "sortino": metrics.sortino,
    "calmar": metrics.calmar,
    "recovery_factor": metrics.recovery_factor,
    "max_drawdown": metrics.max_drawdown,
    "longest_drawdown_s": metrics.longest_drawdown_s,
    "rebalance_win_rate": metrics.rebalance_win_rate,
    "trade_win_rate": metrics.trade_win_rate,
    "average_win": metrics.average_win,
    "average_loss": metrics.average_loss,
    "profit_factor": metrics.profit_factor,
    "expectancy": metrics.expectancy,
    "turnover": metrics.turnover,
    "exposure": metrics.exposure,
}

_READ_OFF = {
    "final_equity": "Cash and positions at the close of the last bar, marked at their last prices, not liquidated.",
    "drawdown_start": "Last point at the peak before the deepest drawdown, UTC ms. None without a drawdown.",
    "drawdown_trough": "Lowest point of the deepest drawdown, UTC ms. None without a drawdown.",
    "drawdown_end": "First point back at the peak after the deepest drawdown, UTC ms. None while it lasts.",
    "fees": "Sum of the fees of all fills, initial purchases included. Slippage is not a fee. Quote currency.",
    "slippage_paid": "Sum over all fills of what slippage cost against the price without it. Quote currency, >= 0.",
    "n_events": "Events of which at least one order filled; the initial allocation is not an event.",
    "upside_events": "Counted events that sold an asset above the mean.",
    "downside_events": "Counted events that bought an asset below the mean.",
    "n_fills": "Fills of all orders, the initial allocation included.",
    "n_trades": "Closed round trips: one for each fill that closes, first in, first out, per symbol and position side.",
}

_MARGIN = {
    "liquidated": (
        "Whether the venue closed anything because maintenance margin had reached the margin balance. Cancelling "
        "orders alone, which it does first, is not a liquidation."
    ),
    "liquidation_ts": "When it first did, UTC ms. None if it never did.",
    "min_available": (
        "Lowest available balance: margin balance less initial margin, below 0 when initial margin exceeds it. Of "
        "every moment at which the account was looked at: closes, fills, wakes, funding. Quote currency."
    ),
    "min_available_ts": "When it first stood so low, UTC ms.",
    "max_mm_rate": (
        "Highest maintenance margin / margin balance, of the same moments. At 1 the venue liquidates, which may be "
        "before anyone looks: a liquidated account reached 1 whatever stands here."
    ),
    "max_mm_rate_ts": "When it first stood so high, UTC ms. None for an account that never held a position.",
    "max_im_rate": "Highest initial margin / margin balance, of the same moments. Above 1 nothing can be opened.",
    "funding_paid": "Sum of funding paid, < 0 when more was received. Quote currency.",
    "realised_pnl": "Profit by price of all that was closed, against mean entries, before fees and funding.",
    "insurance_loss": "What the venue's insurance fund paid for a bankrupt account. Quote currency, >= 0.",
    "states": "Seconds that the ladder stood in each state, from the first close to the last.",
    "margin_levels": (
        "Seconds at each level at which margin is reported, by the account at each close: WARNING while A is below "
        "`im_warn_pct` of equity or the maintenance margin rate above `mm_warn_pct`, ERROR while A is below "
        "`im_error_pct`, CRITICAL while it is below 0 or the rate has reached `mm_rate_threshold`, UNKNOWN while a "
        "figure is missing, else INFO; the louder of both. A log has a line `margin` for each change. None without a "
        "ladder."
    ),
    "transitions": "Every move of the ladder: `ts`, `from`, `to` and its `reason`.",
    "actions": "How often each thing was done: fills by their reason, and the ladder's moves.",
    "legs": (
        "Where each leg's money came from. `realised_pnl` and `unrealised_pnl` are by price alone, against the leg's "
        "mean entry, the latter at the last mark; `fees` and `funding` are > 0 when paid; `net`, what the leg added "
        "to equity, is the first two less the last two. The nets sum to final equity less what the run began with, "
        "but for what an insurance fund paid to an account that owed money. `exposure` is the mean over the bars of "
        "value / equity, `largest_value` the highest value at a close; `qty` (signed) and `entry_price` are what is "
        "held at the end."
    ),
}
"""Figures that only accounts with margin have."""

_QUOTES = {
    "quotes.placed": "Orders asked for as quotes, replacements included, and those that were refused.",
    "quotes.filled": "Fills of quotes, parts included.",
    "quotes.spread_captured": (
        "Sum over fills of side x (middle just before the fill - price) x qty, > 0 when quotes filled better than the "
        "middle; `_bps` is that over the notional of the same fills. Quote currency."
    ),
    "quotes.adverse_selection_1s": (
        "Sum over fills of side x (middle just before the fill - middle 1 s later) x qty: what the market then took "
        "back, > 0 when it went against the fill, which is a cost; `_bps` likewise. Fills in the last second of the "
        "data are left out; None on bars longer than a second. Quote currency."
    ),
    "quotes.adverse_selection_60s": "The same after 60 s.",
    "quotes.fees": "Fees of these fills. Quote currency.",
    "quotes.n_trades": (
        "Closed round trips of quotes. Where the strategy trades beside them, `trades` and the figures of round trips "
        "leave these out: the maker's coins are its own."
    ),
    "quotes.trade_win_rate": "Share of these that gained, those that broke even left out.",
    "quotes.pnl": "Profit of these, net of both sides' fees. Quote currency.",
}
"""Figures that only strategies with resting quotes have."""

_QUOTES_INTRODUCTION = """
## Quotes

Strategies that quote have an object `quotes`. The middle is that of the best bid and ask where quotes are recorded,
else the last trade's price, on bars the last close. What a quote has earned some time after its fill is the spread
that it captured, less adverse selection, less the fee.
"""

_INTRODUCTION = """\
# Results

What a run is judged by. Rates and ratios are fractions (0.05 is 5 %), money is in quote currency, times are integers
of UTC milliseconds. A figure that cannot be computed is `null` in the JSON and a dash elsewhere, never NaN. Equity has
one point per bar, at the bar's close, after the fills inside it; each figure is computed from all of them, while the
charts of the report draw at most about 4,000, the lowest and the highest of each stretch.

A year is 365 days: a market that never closes has 31,536,000 s / interval bars a year, one that trades in sessions
252 x the bars of a session.

Benchmarks are measured by the same functions and stand under `benchmark` by name. `ambiguous_fills` counts the fills
whose order inside their bar cannot be known; `best_final_equity` and `worst_final_equity` are two more complete runs
with each of them resolved for and against the position: results of a policy, not proven bounds.

`fills` lists every fill in order of execution, `price` with slippage in it; `cycle` is the number of the event that it
belongs to, 0 for none. `trades` lists the closed round trips, `pnl` net of the fees of both sides, pro rata to the
quantity closed. `equity` is a list of `[ts, equity]`, `ts` the bar's open time.

`signals` counts by action what the strategy signalled, where it declares that. `entries` and `partial_rebalances` are
what `tight_range` counts: trades entered and rebalances begun. `refusals` counts by reason what never reached the
venue: guards, ladder and the strategy's own rules; `rejects` counts by reason every order that did not fill: what
guards, ladder and venue refused, what expired, and what the strategy took back (`cancelled_by_strategy`). `alarms`
counts by name how often a strategy said that it lacks what it should have: `hedge_grid` a leg that it cannot reopen
(`naked_leg`), a take-profit that keeps being refused (`tp_missing`), a pair that could not be opened (`pair_failed`),
a size below the smallest order (`below_minimum`), or a position that the venue has taken away (`stopped`). `locks`
lists every move of an elastic stop: `position`, the profit that it now locks (`lock`), the highest so far (`peak`)
and where it stands (`price`).

`rows_skipped`, `rows_superseded` and `rows_widened` count what the run made of the data's rows ([data.md](data.md));
`breaches` lists the moments, `ts`, at which prices carried an asset above the cap of its weight.

A holding from before the run counts as bought at its symbol's first close, without a fee.

The report, one HTML file that opens offline, shows the same figures with the equity, the allocation, every fill on its
price chart and every counted event: its trigger, how far that stood from the mean, its fills, and its gain, which is
what the rebalance win rate counts. It opens dark where the system is.

## Figures
"""

_MARGIN_INTRODUCTION = """
## Margin accounts

Equity is the margin balance: wallet and unrealised profit. Whatever is valued is valued at the mark price, the last
price where the data has none: equity, gross, exposure and what is unrealised. Whatever is counted from trades is
counted at the prices of the fills: turnover, round trips, realised profit. In hedge mode the long and the short leg of
a symbol never close each other: each has round trips of its own, and gross, exposure and turnover count both.

Round trips match first in, first out, while legs are booked against their mean entry, as the venue does; over a leg
that ends flat both give the same sum. Funding belongs to legs and to no round trip, so `trades` and the figures made
from them are before funding.

The report says first whether the account was liquidated, when, and at which mark. Under the price, with the entries
that stood open, each leg's mean entry, where its take-profit rested and its fills, lies the account on the same time
axis: what the ladder weighed, the maintenance margin rate against its limits, funding, and the ladder's states as
bands. Take-profits are looked at as bars close, 1,000 times a run at most.
"""


def definition(key: str) -> str:
    """Return what a figure means, in a few sentences; ``key`` is its name in the JSON."""
    for known in (_READ_OFF, _MARGIN, _QUOTES):
        if key in known:
            return known[key]
    prose = (inspect.getdoc(_COMPUTED[key]) or "").split("\nParameters\n")[0]
    sentence = " ".join(prose.split()).removeprefix("Return the ")
    return sentence[0].upper() + sentence[1:]


def results_page() -> str:
    """Return the text of ``docs/results.md``."""
    figures = "".join(_entry(field.name) for field in fields(Metrics))
    on_margin = _MARGIN_INTRODUCTION + "".join(map(_entry, _MARGIN))
    return _INTRODUCTION + figures + on_margin + _QUOTES_INTRODUCTION + "".join(map(_entry, _QUOTES))


def _entry(key: str) -> str:
    return f"\n**`{key}`** {definition(key)}\n"
