"""The votes of L1 and the opinion of L2, against what they are said to be, one case after the other."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.engine.view import View
from ballast.model.market import Frame
from ballast.strategies.tight_range.layers import (
    FEATURES_PER_SYMBOL,
    Feature,
    Opinion,
    Votes,
    clear_votes,
    count,
    tactical_opinion,
    technical_votes,
    vote,
)

CLOSE = 100.0
SAID = {1: "buy", -1: "sell", 0: "hold"}
RSIS = st.floats(0.0, 100.0) | st.sampled_from([nan, 40.0, 60.0, 39.99, 60.01])
POSITIONS = st.floats(-2.0, 3.0) | st.sampled_from([nan, 0.2, 0.8, 0.19, 0.81])
GAPS = st.floats(-3.0, 3.0) | st.sampled_from([nan, 0.0, 0.25, -0.25, 0.26, -0.26])


def row_and_view() -> tuple[Any, Any]:
    """Return a bar that closed at ``CLOSE``, and a view for its indicators."""
    row: Any = Frame.array(1, symbols=1)[0]  # type: ignore[attr-defined]
    row.close[0] = CLOSE
    view: Any = View.new(  # type: ignore[attr-defined]
        symbols=1, legs=2, features=FEATURES_PER_SYMBOL, tiers=0, conversions=0, quotes=0
    )
    return row, view


def votes_on(rsi: float, position: float, gap: float, atr: float = 2.0) -> Any:
    """Return L1's votes where the close is ``gap`` ATRs above its mean."""
    row, view = row_and_view()
    view.feature[Feature.RSI], view.feature[Feature.POSITION] = rsi, position
    view.feature[Feature.EMA_12], view.feature[Feature.WILDER_ATR] = CLOSE - gap * atr, atr
    votes: Any = Votes.new()  # type: ignore[attr-defined]
    clear_votes(votes)
    technical_votes(row, view, votes, 0, votes)
    return votes


def side(value: float, low: float, high: float) -> int:
    if value < low - 1e-9:
        return 1
    return -1 if value > high + 1e-9 else 0


def told(action: int, confidence: float) -> float:
    return 0.5 if action == 0 else confidence


@given(rsi=RSIS, position=POSITIONS, gap=GAPS)
def test_each_vote_is_for_one_side_with_its_confidence(rsi: float, position: float, gap: float) -> None:
    votes = votes_on(rsi, position, gap)
    weights, n_votes = {"buy": 0.0, "sell": 0.0, "hold": 0.0}, 0
    exact_gap = (CLOSE - (CLOSE - gap * 2.0)) / 2.0
    for value, action, confidence in (
        (rsi, side(rsi, 40.0, 60.0), 0.5 + abs(rsi - 50.0) / 100.0),
        (position, side(position, 0.2, 0.8), 0.5 + abs(position - 0.5)),
        (exact_gap, -side(exact_gap, -0.25, 0.25), 0.5 + 0.5 * min(1.0, abs(exact_gap))),
    ):
        if isfinite(value):
            weights[SAID[action]] += min(1.0, told(action, confidence))
            n_votes += 1
    assert votes.n_votes == n_votes
    assert {name: votes[name] for name in weights} == weights


@pytest.mark.parametrize("missing", range(3))
def test_what_is_not_a_number_casts_no_vote(missing: int) -> None:
    values = [30.0, 0.1, 1.0]
    values[missing] = nan
    votes = votes_on(*values)
    assert votes.n_votes == 2
    assert votes.hold == 0.0


def test_where_nothing_moves_momentum_holds() -> None:
    votes = votes_on(50.0, 0.5, 1.0, atr=0.0)
    assert (votes.hold, votes.n_votes) == (1.5, 3)


@pytest.mark.parametrize(
    ("mean", "plus", "minus", "adx", "action", "confidence", "strength"),
    [
        (99.0, 30.0, 20.0, 20.0, 1, 0.7, 0.4),
        (101.0, 20.0, 30.0, 20.0, -1, 0.7, 0.4),
        (99.0, 20.0, 30.0, 20.0, 0, 0.5, 0.4),  # above its mean, and the lean is down
        (101.0, 30.0, 20.0, 20.0, 0, 0.5, 0.4),
        (100.0, 30.0, 20.0, 20.0, 0, 0.5, 0.4),
        (99.0, 25.0, 25.0, 20.0, 0, 0.5, 0.4),
        (100.0, 25.0, 25.0, 20.0, 0, 0.5, 0.4),
        (99.0, 30.0, 20.0, 80.0, 1, 1.0, 1.0),
    ],
)
def test_l2_is_for_the_side_on_which_mean_and_lean_agree(
    mean: float, plus: float, minus: float, adx: float, action: int, confidence: float, strength: float
) -> None:
    said = opinion_on(mean, plus, minus, adx)
    assert (said.is_given, said.action) == (True, action)
    assert (said.confidence, said.strength) == (pytest.approx(confidence), pytest.approx(strength))


def opinion_on(mean: float, plus: float, minus: float, adx: float) -> Any:
    row, view = row_and_view()
    view.feature[Feature.SMA_50], view.feature[Feature.ADX] = mean, adx
    view.feature[Feature.PLUS_DI], view.feature[Feature.MINUS_DI] = plus, minus
    opinion: Any = Opinion.new()  # type: ignore[attr-defined]
    tactical_opinion(row, view, opinion, 0, opinion)
    return opinion


@pytest.mark.parametrize("missing", range(4))
def test_l2_is_silent_where_one_of_its_numbers_is_none(missing: int) -> None:
    values = [99.0, 30.0, 20.0, 20.0]
    values[missing] = nan
    assert not opinion_on(*values).is_given


def test_an_opinion_that_is_not_given_does_not_count_whatever_was_said_before() -> None:
    votes: Any = Votes.new()  # type: ignore[attr-defined]
    vote(votes, 1, 0.6)
    stale = opinion_on(101.0, 20.0, 30.0, 50.0)
    action, confidence = count(votes, stale)
    assert action == -1
    assert confidence == pytest.approx(1.0 / 1.6)
    stale.is_given = False
    assert count(votes, stale) == (1, 1.0)
