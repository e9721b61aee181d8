"""What the figures mean, in sentences for a person who knows neither the code nor its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ballast.backtest.formatting import MINUS, number, percent, significant
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.chances import Chances
from ballast.research.survival.layers import FORCED, Layer
from ballast.research.survival.levels import Row
from ballast.research.survival.variants import Variant

VERBS = {"up": ("rises", "rise"), "down": ("falls", "fall")}
"""Of one symbol, of several."""
LAYER_NAMES = {
    Layer.FREEZE: "Adding stops",
    Layer.PANIC: "Panic",
    Layer.EMERGENCY: "All closed",
    Layer.LIQUIDATION: "Liquidated",
}
LAYER_MEANINGS = {
    Layer.FREEZE: "free money is short, so the bot makes its losing position no larger until there is more. "
    "Positions stay open.",
    Layer.PANIC: "too little free money is left: the bot opens the opposite side until both are of one size, so that "
    "the loss stops growing while the price runs on.",
    Layer.EMERGENCY: "the bot closes every position at the market. The loss is final. Where panic and this come at one "
    "price, it closes at once.",
    Layer.LIQUIDATION: "the exchange takes the positions and the money that was put behind them.",
}
LAST_LEVEL = "Last level"
LAST_LEVEL_MEANING = (
    "the position has all levels that it may have, or the money does not reach for another. It grows no more, the "
    "loss does."
)
SAME_MOVE = 0.0005
"""Moves that differ by less are told as one."""
A_TICK = 1e-4
"""Of the price: a level so near to the end may not have had its turn."""
SHORT_OF_NOTHING = 0.01
"""Of the capital: whoever is left with less has lost everything."""


class Sentence(NamedTuple):
    """A sentence, and how bad it is: 0 neutral, 1 a warning, 2 the loss itself."""

    words: str
    gravity: int


def market_name(survival: Survival) -> str:
    """Return what moves: the symbol, or all of them together."""
    symbols = survival.setup.frames.symbols
    return symbols[0] if len(symbols) == 1 else f"{', '.join(symbols[:-1])} and {symbols[-1]} together"


def verdict(survival: Survival) -> Sequence[Sentence]:
    """Return the odds, then for both directions, in a few sentences, what happens to the money and when."""
    warning = without_ladder(survival)
    ways = (sentence for name in survival.ways for sentence in _way_story(survival, name))
    return [*_odds(survival), *([Sentence(warning, 2)] if warning else []), *_in_short(survival), *ways]


def _odds(survival: Survival) -> Iterator[Sentence]:
    """Yield how likely it is that the money goes, and how much of it."""
    if not survival.models:
        yield Sentence("The odds were not asked for (--paths 0): this tells how far, not how likely.", 0)
        return
    model, *others = survival.models
    longest = max(survival.horizons.values())
    chance = model.forced[longest]
    if model.forced_equity is None:
        yield Sentence(
            f"Odds {_of_what(model)}: in none of {model.n_paths:,} random markets of {longest:g} days; "
            f"that means under {percent(chance.high, 1)}, not never.",
            0,
        )
    else:
        lost = survival.setup.initial_capital - model.forced_equity
        yield Sentence(
            f"Odds {_of_what(model)}: {_within(survival, model)}, at a usual loss of {_loss(survival, lost)}.", 2
        )
    where = f"That is from {model.n_paths:,} runs through {MODEL_NAMES[model.name]}"
    rest = [f"; through {MODEL_NAMES[other.name]} it is {_within(survival, other)}" for other in others]
    yield Sentence(f"{where}{''.join(rest)}.", 0)


def _of_what(model: Chances) -> str:
    """Return who ends it on these paths."""
    last = model.at_horizon[max(model.at_horizon)]
    closed, taken = (last[layer].p > 0.0 for layer in FORCED)
    if closed and taken:
        return "that the bot closes everything, or the exchange liquidates"
    if closed:
        return "that the bot gives up and closes everything"
    return "of losing the account to liquidation by the exchange" if taken else "of losing the account"


def _within(survival: Survival, model: Chances) -> str:
    """Return the odds by the two longest horizons in one clause."""
    longest = sorted(survival.horizons.values())[-2:]
    return " and ".join(f"{share(model.forced[days].p)} within {_days(days)}" for days in longest)


def _days(days: float) -> str:
    if days < 1.0:
        return f"{24.0 * days:g} hours"
    return "1 day" if days == 1.0 else f"{days:g} days"


def _loss(survival: Survival, lost: float) -> str:
    """Return a loss beside the capital; all of it, and none, in so many words."""
    capital = survival.setup.initial_capital
    if lost <= 0.0:
        return "nothing"
    if capital - lost < SHORT_OF_NOTHING * capital:
        return f"all {money(survival, capital)}"
    return of_capital(survival, lost)


def _in_short(survival: Survival) -> Iterator[Sentence]:
    """Yield the one sentence for who reads no other about the road."""
    ends = [_end(survival, name, way) for name, way in survival.ways.items()]
    is_lost = any(way.is_ended for way in survival.ways.values())
    yield Sentence(f"If the price does not come back: {'; '.join(ends)}.", 2 if is_lost else 0)
    is_whole = any(not way.is_ended for way in survival.ways.values())
    if is_whole and any(model.forced_equity is not None for model in survival.models):
        yield Sentence("That road is not the worst one: it is markets that turn on the way which end it there.", 1)


def _end(survival: Survival, name: str, way: Way) -> str:
    article = {"up": "a rise", "down": "a fall"}[name]
    if way.forced_at is None:
        return (
            f"{article} closes nothing by force as far as {percent(way.farthest, 0)}, where "
            f"{of_capital(survival, way.equity_left)} is left"
        )
    lost = survival.setup.initial_capital - way.equity_left
    who = (
        "makes the exchange liquidate the account"
        if way.fractions[Layer.LIQUIDATION] == way.forced_at
        else f'makes the risk ladder, profile "{survival.profile}", close everything'
    )
    return f"{article} of {percent(way.forced_at, 1)} {who}, at a loss of {_loss(survival, lost)}"


def _way_story(survival: Survival, name: str) -> Iterator[Sentence]:
    way = survival.ways[name]
    verb = VERBS[name][survival.setup.n_symbols > 1]
    sign = "+" if name == "up" else MINUS
    opening = f"If {market_name(survival)} {verb}"
    stops = _stops(survival, way)
    for k, (fraction, price, sentence) in enumerate(stops):
        if k:
            at = f"At {sign}{percent(fraction, 1)}{price and f' ({price})'}"
        else:
            at = f"{opening} {percent(fraction, 1)} without coming back{price and f' (to {price})'},"
        yield Sentence(f"{at} {sentence.words}", sentence.gravity)
    if not way.is_ended:
        far = f"as far as {sign}{percent(way.farthest, 0)}, where {of_capital(survival, way.equity_left)} is left."
        words = "Nothing is closed by force" if stops else f"{opening} without coming back, nothing is closed by force"
        yield Sentence(f"{words} {far}", 1 if way.equity_left < survival.setup.initial_capital else 0)


def _stops(survival: Survival, way: Way) -> Sequence[tuple[float, str, Sentence]]:
    """Return where something happens on a way, nearest first: how far, the price if there is one, and what."""
    found = [
        (fraction, _price(way.prices[layer]), Sentence(_outcome(survival, way, layer), _gravity(layer)))
        for layer in Layer
        if (fraction := way.fractions[layer]) is not None and not _is_passed_over(way, layer)
    ]
    last = last_level(survival, way)
    if last is not None:
        is_full = last.next_cost is None
        opening = "the last level is in" if is_full else "the money does not reach for another level after this one"
        words = (
            f"{opening} ({last.level}): no more levels after this, but the loss grows with every further step of the "
            f"price. You are {_down(survival, survival.setup.initial_capital - last.equity)} by then."
        )
        price = _price([last.price] if survival.setup.n_symbols == 1 else None)
        found.append((last.fraction, price, Sentence(words, 1)))
    return sorted(found, key=lambda stop: stop[0])


def last_level(survival: Survival, way: Way) -> Row | None:
    """Return the level after which no symbol gets another one; None where something else comes first."""
    last = {row.symbol: row for row in way.rows if row.event == "level"}
    is_over = len(last) == survival.setup.n_symbols and all(_is_last(way, row) for row in last.values())
    return max(last.values(), key=lambda row: row.fraction) if is_over else None


def _is_last(way: Way, row: Row) -> bool:
    """Tell whether the level after a row is not allowed, or was passed without being bought and no ladder said so."""
    if row.next_cost is None or row.next_price is None:
        return True
    start = row.price / (1.0 + way.direction * row.fraction)
    next_fraction = way.direction * (row.next_price / start - 1.0)
    reach = way.farthest if way.forced_at is None else way.forced_at
    return way.fractions[Layer.FREEZE] is None and next_fraction < reach - A_TICK


def _is_passed_over(way: Way, layer: Layer) -> bool:
    """Tell whether a worse layer fired at the same step, so that this one is not worth a sentence of its own."""
    order = list(Layer)
    worse = [way.fractions[one] for one in order[order.index(layer) + 1 :]]
    return way.fractions[layer] in worse


def _price(prices: Sequence[float] | None) -> str:
    return significant(prices[0]) if prices is not None and len(prices) == 1 else ""


def _gravity(layer: Layer) -> int:
    return 2 if layer in FORCED else 1


def _outcome(survival: Survival, way: Way, layer: Layer) -> str:
    capital = survival.setup.initial_capital
    if layer == Layer.FREEZE:
        lost = capital - (way.equity[layer] or 0.0)
        return (
            "averaging stops: the bot makes its losing position no larger. You are "
            f"{_down(survival, lost)} by then.{_resumption(way)}"
        )
    if layer == Layer.PANIC:
        lost = capital - (way.equity[layer] or 0.0)
        return (
            "it panics: free money is short, so the bot tries to balance long against short and hold the loss still. "
            f"You are {_down(survival, lost)} by then."
        )
    if layer == Layer.LIQUIDATION:
        left = way.equity_left
        first = way.fractions[layer] or 0.0
        if left >= SHORT_OF_NOTHING * capital:
            return f"the exchange liquidates positions; {of_capital(survival, left)} is left."
        if way.farthest - first < SAME_MOVE:
            return f"you lose everything: the exchange liquidates, and nothing of {money(survival, capital)} is left."
        end = percent(way.direction * way.farthest, 1, signed=True)
        return (
            f"the exchange begins to liquidate, and at {end} you have lost everything: nothing of "
            f"{money(survival, capital)} is left."
        )
    left = way.equity_left
    return (
        f"the bot gives up{_why(survival, way)} and closes everything: {of_capital(survival, left)} is "
        f"left, a loss of {money(survival, capital - left)} ({percent(1.0 - left / capital, 0)}) that no later price "
        "brings back."
    )


def _resumption(way: Way) -> str:
    """Return where levels are added after all, once averaging had stopped."""
    frozen = way.fractions[Layer.FREEZE]
    later = (row.fraction for row in way.rows if row.event == "level" and frozen is not None and row.fraction > frozen)
    first = next(later, None)
    return "" if first is None else f" It goes on at {percent(way.direction * first, 1, signed=True)}."


def _why(survival: Survival, way: Way) -> str:
    reason = next((row.reason for row in way.rows if row.event == Layer.EMERGENCY.value), None)
    if reason == "account_drawdown":
        limit = percent(float(survival.setup.risk.max_account_drawdown), 0)
        return f", because {limit} of the money is the most that it may lose,"
    return ", because the exchange is about to liquidate," if reason == "mm_rate" else ""


def _down(survival: Survival, lost: float) -> str:
    amount = money(survival, abs(lost))
    return f"down {amount}" if lost > 0.0 else f"up {amount}"


def money(survival: Survival, amount: float) -> str:
    """Return an amount with its currency."""
    return f"{number(amount, digits_of(survival))} {survival.currency}"


def of_capital(survival: Survival, amount: float) -> str:
    """Return a part of the capital beside the whole: ``198 of 1,000 USDT``."""
    part = at_most(survival, amount).removesuffix(f" {survival.currency}")
    return f"{part} of {money(survival, survival.setup.initial_capital)}"


def digits_of(survival: Survival) -> int:
    """Return how many decimals an amount deserves beside the capital."""
    return 2 if survival.setup.initial_capital < 200.0 else 0


def at_most(survival: Survival, amount: float) -> str:
    """Return an amount of what is left; what would read as zero, or is less, is nothing."""
    shown = money(survival, amount)
    return "nothing" if amount < 0.0 or shown == money(survival, 0.0) else shown


def without_ladder(survival: Survival) -> str | None:
    """Return the warning that a profile deserves, or None."""
    if survival.profile == "off":
        return "The risk ladder is OFF: nothing stops the averaging before the last level, and nothing closes in time."
    if survival.profile == "documented":
        return "The documented profile reproduces the original's flaws, for comparison only: its panic never ends."
    return None


MODEL_NAMES = {
    "bootstrap": "the recorded market, its days shuffled",
    "random_walk": "a random market as nervous as the recorded one",
}


def likelihood(survival: Survival, model: Chances) -> str:
    """Return what the longest horizon of a model says."""
    _, days = max(survival.horizons.items(), key=lambda item: item[1])
    chance = model.at_horizon[days]
    layers = {
        Layer.FREEZE: "averaging stopped in",
        Layer.EMERGENCY: "the bot closed everything in",
        Layer.LIQUIDATION: "the exchange liquidated in",
    }
    parts = [f"{words} {share(chance[layer].p)}" for layer, words in layers.items() if layer in layers_of(survival)]
    return (
        f"{model.n_paths:,} runs of {_days(days)} through {MODEL_NAMES[model.name]}: {', '.join(parts)}. "
        f"Half of the runs ended with {at_most(survival, model.median_equity)} or less, one in twenty with "
        f"{at_most(survival, model.worst_equity)} or less.".replace("nothing or less", "nothing")
    )


def layers_of(survival: Survival) -> Sequence[Layer]:
    """Return the layers that there are: without a ladder, liquidation alone."""
    return (Layer.LIQUIDATION,) if survival.profile == "off" else tuple(Layer)


def share(p: float) -> str:
    """Return a probability in percent; only what never or always happened is none or all."""
    if p in (0.0, 1.0):
        return percent(p, 0)
    if 0.0 < p < 0.001:
        return "under 0.1 %"
    if 0.999 < p < 1.0:
        return "over 99.9 %"
    return percent(p, 1)


def level_words(count: int | None) -> str:
    """Return a level count in words: None is no limit, 0 not even one."""
    if count is None:
        return "any number"
    return str(count) if count else "not even 1"


SETTING_NAMES = {
    "grid_step_percent": "distance between levels, %",
    "averaging_multiplier": "size of a level against the one before",
    "leverage": "leverage",
    "max_grid_levels_per_side": "levels a side may have",
}


def configured_value(variant: Variant) -> str:
    """Return a variant's value; a star stands by the one that is configured."""
    return f"{variant.value:g}{' *' if variant.is_configured else ''}"


def variant_words(survival: Survival, variant: Variant, layer: Layer) -> str:
    """Return both distances of a layer, or why nothing can be opened with that setting."""
    if variant.up is None or variant.down is None:
        return (variant.refusal or "") if layer == layers_of(survival)[0] else ""
    ways = (variant.up[layer], variant.down[layer])
    return " / ".join("never" if one is None else f"{number(100.0 * one, 1)} %" for one in ways)
