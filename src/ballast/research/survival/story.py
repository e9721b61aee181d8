"""What the figures mean, in sentences for a person who knows neither the code nor its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ballast.backtest.formatting import number, percent, significant
from ballast.research.survival.analysis import Survival, Way
from ballast.research.survival.chances import Chances
from ballast.research.survival.layers import Layer
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
    Layer.FREEZE: "The bot makes its losing position no larger from here on. Positions stay open.",
    Layer.PANIC: "Too little free money is left: the bot opens the opposite side until both are of one size, so that "
    "the loss stops growing while the price runs on.",
    Layer.EMERGENCY: "The bot closes every position at the market. The loss is final.",
    Layer.LIQUIDATION: "The exchange takes the positions and what was put behind them. The money is gone.",
}
SAME_MOVE = 0.0005
"""Moves that differ by less are told as one."""
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
    """Return for both directions, in a few sentences, what happens to the money and when."""
    return [_in_short(survival), *(sentence for name in survival.ways for sentence in _way_story(survival, name))]


def _in_short(survival: Survival) -> Sentence:
    """Return the one sentence for who reads no other."""
    ends = [
        f"{article} of {percent(min(end for end in _forced(way)), 1)}"
        for article, way in zip(("a rise", "a fall"), survival.ways.values(), strict=True)
        if _forced(way)
    ]
    if not ends:
        return Sentence("In short: on the way up and on the way down, nothing is ever closed by force.", 0)
    return Sentence(f"In short: this grid does not survive {' or '.join(ends)} without coming back.", 2)


def _forced(way: Way) -> Sequence[float]:
    ends = (way.fractions[Layer.EMERGENCY], way.fractions[Layer.LIQUIDATION])
    return [end for end in ends if end is not None]


def _way_story(survival: Survival, name: str) -> Iterator[Sentence]:
    way = survival.ways[name]
    verb = VERBS[name][survival.setup.n_symbols > 1]
    yield from _stops(survival, way, f"If {market_name(survival)} {verb}", name)


def _stops(survival: Survival, way: Way, opening: str, name: str) -> Iterator[Sentence]:
    sign = "+" if name == "up" else "\N{MINUS SIGN}"
    told = False
    for layer in (Layer.FREEZE, Layer.PANIC, Layer.EMERGENCY, Layer.LIQUIDATION):
        fraction = way.fractions[layer]
        if fraction is None or _is_passed_over(way, layer):
            continue
        words = _outcome(survival, way, layer)
        if told:
            yield Sentence(f"At {sign}{percent(fraction, 1)}{_price(way, layer)} {words}", _gravity(layer))
        else:
            at = f"{percent(fraction, 1)} without coming back{_price(way, layer, ' (to {})')}"
            yield Sentence(f"{opening} {at}, {words}", _gravity(layer))
            told = True
    if not told:
        yield Sentence(
            f"{opening} up to {percent(way.farthest, 0)} without coming back, nothing is closed by force; "
            f"{money(survival, way.equity_left)} of {money(survival, survival.setup.initial_capital)} is left there.",
            0,
        )
    elif not way.is_ended:
        yield Sentence(
            f"Nothing is closed by force as far as {sign}{percent(way.farthest, 0)}, where "
            f"{money(survival, way.equity_left)} of {money(survival, survival.setup.initial_capital)} is left.",
            1,
        )


def _is_passed_over(way: Way, layer: Layer) -> bool:
    """Tell whether a worse layer fired at the same step, so that this one is not worth a sentence of its own."""
    order = list(Layer)
    worse = [way.fractions[one] for one in order[order.index(layer) + 1 :]]
    return way.fractions[layer] in worse


def _price(way: Way, layer: Layer, form: str = " ({})") -> str:
    prices = way.prices[layer]
    return form.format(significant(prices[0])) if prices is not None and len(prices) == 1 else ""


def _gravity(layer: Layer) -> int:
    return 2 if layer in (Layer.EMERGENCY, Layer.LIQUIDATION) else 1


def _outcome(survival: Survival, way: Way, layer: Layer) -> str:
    capital = survival.setup.initial_capital
    if layer == Layer.FREEZE:
        lost = capital - (way.equity[layer] or 0.0)
        return f"averaging stops: the bot makes its losing position no larger. You are {_down(survival, lost)} by then."
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
            return f"the exchange liquidates positions; {money(survival, left)} of {money(survival, capital)} is left."
        if way.farthest - first < SAME_MOVE:
            return f"you lose everything: the exchange liquidates the account and {money(survival, 0.0)} is left."
        end = percent(way.direction * way.farthest, 1, signed=True)
        return (
            f"the exchange begins to liquidate, and at {end} you have lost everything: {money(survival, 0.0)} is left."
        )
    left = way.equity_left
    return (
        f"the bot gives up{_why(way)} and closes everything: {money(survival, left)} of {money(survival, capital)} is "
        f"left, a loss of {percent(1.0 - left / capital, 0)} that no later price brings back."
    )


def _why(way: Way) -> str:
    reason = next((row.reason for row in way.rows if row.event == Layer.EMERGENCY.value), None)
    return _REASONS.get(reason or "", "")


_REASONS = {
    "account_drawdown": ", because the limit on losses is reached,",
    "mm_rate": ", because the exchange is about to liquidate,",
}


def _down(survival: Survival, lost: float) -> str:
    amount = money(survival, abs(lost))
    return f"down {amount}" if lost > 0.0 else f"up {amount}"


def money(survival: Survival, amount: float) -> str:
    """Return an amount with its currency."""
    return f"{number(amount, 2 if survival.setup.initial_capital < 200.0 else 0)} {survival.currency}"


def without_ladder(survival: Survival) -> str | None:
    """Return the warning that a profile deserves, or None."""
    if survival.profile == "off":
        return "The risk ladder is OFF: nothing stops the averaging and nothing closes in time."
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
    name = f"{days:g} days"
    chance = model.at_horizon[days]
    closed, bust = chance[Layer.EMERGENCY], chance[Layer.LIQUIDATION]
    parts = [
        f"averaging stopped in {share(chance[Layer.FREEZE].p)} of them",
        f"the bot closed everything in {share(closed.p)}",
        f"the exchange liquidated in {share(bust.p)}",
    ]
    return (
        f"{model.n_paths:,} runs of {name} through {MODEL_NAMES[model.name]}: {', '.join(parts)}. "
        f"Half of the runs ended with less than {money(survival, model.median_equity)}, one in twenty with less than "
        f"{money(survival, model.worst_equity)}."
    )


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


def variant_words(variant: Variant, layer: Layer) -> str:
    """Return both distances of a layer, or why nothing can be opened with that setting."""
    if variant.up is None or variant.down is None:
        return (variant.refusal or "") if layer == Layer.FREEZE else ""
    ways = (variant.up[layer], variant.down[layer])
    return " / ".join("never" if one is None else f"{number(100.0 * one, 1)} %" for one in ways)
