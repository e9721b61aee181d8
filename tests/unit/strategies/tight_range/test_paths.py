"""Three layers and three paths: the worked examples, and what holds for whatever the layers say."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.strategies.tight_range import PATH2Processor, PathProcessor, PathSignal, allows
from ballast.strategies.tight_range.layers import Opinion, Votes, count, vote
from ballast.strategies.tight_range.paths import Label, Verdict, contra_headroom, passes_gate, path2
from ballast.strategies.tight_range.processor import DOMINANCE_SOURCE

approx: Any = pytest.approx

BULL = {"regime": "bull", "confidence": 0.72}
BEAR = {"regime": "bear", "confidence": 0.72}
TIGHT = {"regime": "RANGE", "subtype": "TIGHT_RANGE", "confidence": 0.8}
FALLING = {"close": [1000.0] * 46 + [1000.0 - 2.0 * step for step in range(1, 15)]}


def said(action: str, confidence: Any = 0.5, **more: Any) -> dict[str, Any]:
    return {"action": action, "confidence": confidence, **more}


def heard(l1: Any, l2: Any, l3: Any, state: Any = None, *, path: str = "path2", **settings: Any) -> PathSignal:
    return PathProcessor(path, **settings).process_signal(l1, l2, l3, "BTCUSDT", state)


def test_agreement_with_the_trend_takes_the_mean_confidence() -> None:
    """E5."""
    signal = heard([said("buy", 0.8), said("buy", 0.6), said("sell", 0.5)], said("buy", 0.7), BULL)
    assert (signal.l1_l2_side, signal.l1_count, signal.l2_included) == ("buy", 3, True)
    assert signal.l1_l2_confidence == approx(0.807692308, rel=1e-9)
    assert (signal.side, signal.strength) == ("buy", 0.9)
    assert signal.confidence == approx(0.763846154, rel=1e-9)


CONTRA = ([said("buy", 0.6), said("sell", 0.4)], said("sell", 0.7))


def test_contra_is_capped_in_confidence_and_in_money() -> None:
    """E5."""
    signal = heard(*CONTRA, BULL, {"portfolio_value": 10_000, "contra_exposure": 1_500})
    assert signal.l1_l2_confidence == approx(0.647058824, rel=1e-9)
    assert (signal.side, signal.confidence, signal.strength) == ("sell", 0.2, 0.6)
    assert signal.contra_allocation_applied
    assert signal.max_contra_notional == 500.0
    assert heard(*CONTRA, BULL).max_contra_notional is None
    assert heard(*CONTRA, BULL, {"portfolio_value": 10_000, "contra_exposure": 2_500}).max_contra_notional == 0.0


def test_without_a_trend_l1_and_l2_speak_alone() -> None:
    """E5."""
    signal = heard(*CONTRA, {"regime": "neutral", "confidence": 0.72})
    assert (signal.side, signal.confidence) == ("sell", approx(0.55, rel=1e-9))
    assert not signal.contra_allocation_applied


def test_a_weak_contra_view_is_weakened_not_capped() -> None:
    """E5."""
    verdict: Any = Verdict.new()  # type: ignore[attr-defined]
    path2(verdict, 1, 0.72, -1, 0.15, 0.20)
    assert (verdict.action, verdict.confidence, verdict.is_contra) == (-1, approx(0.12), True)


def test_silence_follows_the_trend() -> None:
    """E5."""
    signal = heard([], said("hold", 0.5), BEAR)
    assert (signal.side, signal.strength) == ("sell", 0.7)
    assert signal.confidence == approx(0.576, rel=1e-9)


ACTIONS = st.sampled_from([-1, 0, 1])
CONFIDENCES = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.2, 0.21, 1.0])


@given(direction=ACTIONS, q=CONFIDENCES, joint=ACTIONS, told=CONFIDENCES, cap=CONFIDENCES)
def test_path_2_says_what_its_case_says(direction: int, q: float, joint: int, told: float, cap: float) -> None:
    verdict: Any = Verdict.new()  # type: ignore[attr-defined]
    path2(verdict, direction, q, joint, told, cap)
    if direction == 0:
        expected = (joint, 0.85 * told, 0.6, Label.NEUTRAL)
    elif joint == direction:
        expected = (direction, min(0.95, 0.5 * (q + told)), 0.9, Label.AGREEMENT)
    elif joint == -direction:
        expected = (joint, cap if told > cap + 1e-9 else told * (1.0 - cap), 0.6, Label.CONTRA_LIMITED)
    else:
        expected = (direction, 0.8 * q, 0.7, Label.TREND_DEFAULT)
    assert (verdict.action, verdict.confidence, verdict.strength, verdict.label) == expected
    assert verdict.is_contra == (verdict.label == Label.CONTRA_LIMITED)
    assert verdict.size_multiplier == (verdict.strength if verdict.action != 0 else 0.0)


def test_a_tie_holds() -> None:
    """E5."""
    signal = heard([said("buy")], said("sell"), {"regime": "neutral"})
    assert (signal.side, signal.confidence, signal.l1_l2_confidence) == ("hold", 0.0, 0.0)


@pytest.mark.parametrize(
    ("l3", "side", "confidence"),
    [
        ({"regime": "bull", "confidence": 0.97}, "buy", 0.90),
        ({"regime": "Bearish", "confidence": 0.97}, "sell", 0.90),
        ({"regime": "bull", "confidence": 0.4}, "buy", 0.4),
        ({"regime": "neutral", "confidence": 0.97}, "hold", 0.60),
        (None, "hold", 0.60),
    ],
)
def test_path_1_follows_the_regime_alone(l3: Any, side: str, confidence: float) -> None:
    """E6."""
    signal = heard([said("sell", 1.0)], said("sell", 1.0), l3, path="path1")
    assert (signal.side, signal.confidence) == (side, confidence)


@pytest.mark.parametrize(
    ("word", "l3_confidence", "side", "confidence", "strength"),
    [
        ("HOLD", 0.70, "hold", 0.70, 0.5),
        ("hold", 0.70, "hold", 0.70, 0.5),
        ("HOLD", 0.60, "buy", 0.60, 0.375),
        ("HOLD", 0.50, "buy", 0.60, 0.375),
        ("HOLD", 0.49, "buy", 0.80, 0.5),
        ("BUY", 0.90, "buy", 0.80, 0.5),
    ],
)
def test_path_1_may_follow_l2_with_an_eye_on_l3(
    word: str, l3_confidence: float, side: str, confidence: float, strength: float
) -> None:
    """E6."""
    l3 = {"signal": word, "confidence": l3_confidence}
    signal = heard([], said("buy", 0.8, strength=0.5), l3, path="path1", path1_policy="l3_aware")
    assert (signal.side, signal.confidence, signal.strength) == (side, approx(confidence), strength)


def test_l3_aware_falls_back_to_the_first_vote_and_to_nothing() -> None:
    first = heard([said("sell", 0.9), said("buy", 1.0)], None, {}, path="path1", path1_policy="l3_aware")
    assert (first.side, first.confidence) == ("sell", 0.9)
    nothing = heard([], None, {}, path="path1", path1_policy="l3_aware")
    assert (nothing.side, nothing.confidence) == ("hold", 0.5)


@pytest.mark.parametrize("word", ["buy", "sell", "hold"])
def test_path_3_obeys_l3_whatever_the_others_say(word: str) -> None:
    """E6."""
    signal = heard([said(word, 1.0)] * 5, said(word, 1.0), {"regime": "bear", "confidence": 0.97}, path="path3")
    assert (signal.side, signal.confidence, signal.strength) == ("sell", 0.95, 1.0)
    assert signal.l3_dominance
    assert signal.source == DOMINANCE_SOURCE
    assert allows("PATH3", signal.source)


def test_the_gate_of_path_3_lets_its_own_orders_through_alone() -> None:
    """E6."""
    assert not allows("PATH3", "tactical")
    assert allows("PATH2", "tactical")
    assert allows("PATH1", "anything")
    assert allows("path3", "path3_range")
    assert not allows("PATH3", "PATH3_FULL_L3_DOMINANCE")
    assert [passes_gate(3, source) for source in range(7)] == [False] * 5 + [True] * 2
    with pytest.raises(ConfigError, match=r"path_mode = 'PATH4': expected one of path1, path2, path3"):
        allows("PATH4", DOMINANCE_SOURCE)


def ranging(last: float, volume: float | None) -> dict[str, Any]:
    """Return bars between 90 and 110 that end in a straight walk to ``last``."""
    closes = [100.0 + (10.0 if bar % 2 else -10.0) for bar in range(40)]
    closes += [100.0 + (last - 100.0) * step / 10.0 for step in range(1, 11)]
    table: dict[str, Any] = {"close": closes}
    if volume is not None:
        table["volume"] = [1.0] * 49 + [volume]
    return table


@pytest.mark.parametrize(
    ("last", "volume", "side"),
    [(88.0, 5.0, "buy"), (112.0, 5.0, "sell"), (88.0, 1.0, "hold"), (88.0, None, "hold"), (100.0, 5.0, "hold")],
)
def test_path_3_trades_the_edges_of_a_range_on_a_surge_of_volume(last: float, volume: Any, side: str) -> None:
    table = ranging(last, volume)
    if side != "hold" or last == 88.0:
        # Twenty quiet bars first, so that the walk is all that the index sees.
        table["close"] = [100.0] * 30 + [100.0 + (last - 100.0) * step / 20.0 for step in range(1, 21)]
    signal = heard([], None, {"regime": "range"}, {"market_data": {"BTCUSDT": table}}, path="path3")
    assert signal.side == side
    assert signal.source == "path3_range"
    if side != "hold":
        assert (signal.confidence, signal.strength, signal.position_size_multiplier) == (0.56, 0.7, 0.6)
        assert (signal.stop_loss_pct, signal.take_profit_pct) == (2.0, 2.0)
    else:
        assert (signal.confidence, signal.strength) == (0.6, 0.5)


@pytest.mark.parametrize(
    ("market_data", "confidence", "strength", "words"),
    [
        (None, 0.5, 0.4, "MISSING_CLOSE"),
        ([100.0] * 20, 0.5, 0.4, "INSUFFICIENT_DATA: 21 closed bars are needed, 20 are there"),
        ([100.0] * 20 + [float("nan")], 0.4, 0.3, "INVALID_DATA: bar 20 cannot be"),
        ({"close": [100.0] * 30, "ts": [0] * 30}, 0.4, 0.3, "INVALID_TIMESTAMPS"),
    ],
)
def test_path_3_says_why_it_cannot_judge_a_range_and_obeys_trends_all_the_same(
    market_data: Any, confidence: float, strength: float, words: str
) -> None:
    state = {"market_data": {"BTCUSDT": market_data}}
    signal = heard([], None, {"regime": "range"}, state, path="path3")
    assert (signal.side, signal.confidence, signal.strength) == ("hold", confidence, strength)
    assert signal.reason.startswith(words)
    assert heard([], None, BULL, state, path="path3").side == "buy"


@pytest.mark.parametrize("l3", [TIGHT, {"regime": "tight_range", "confidence": 0.8}])
def test_a_tight_range_belongs_to_the_handler_under_either_name(l3: Any) -> None:
    signal = heard([], None, l3, {"market_data": {"BTCUSDT": FALLING}})
    assert (signal.side, signal.confidence, signal.strength) == ("buy", 0.7, 0.8)
    assert (signal.position_size_multiplier, signal.range_strategy_activated) == (0.5, True)
    assert (signal.stop_loss_pct, signal.take_profit_pct) == (approx(0.8), approx(1.5))
    assert signal.indicators["rsi"] < 40.0
    assert "RSI < 40" in signal.reason
    assert (signal.allow_partial_rebalance, signal.market_making_enabled) == (True, True)


def test_the_other_layers_lift_the_handlers_confidence() -> None:
    l3 = {**TIGHT, "confidence": 0.5}
    state = {"market_data": {"BTCUSDT": FALLING}}
    assert heard([], None, l3, state).confidence == approx(0.45)
    assert heard([said("BUY", 0.9)], None, l3, state).confidence == approx(0.54)


def test_flags_stand_when_the_handler_holds_and_fall_when_it_cannot_judge() -> None:
    def flags(market_data: Any) -> tuple[Any, ...]:
        signal = heard([], None, TIGHT, {"market_data": market_data})
        return (
            signal.side,
            signal.confidence,
            signal.strength,
            signal.allow_partial_rebalance,
            signal.market_making_enabled,
        )

    assert flags({"BTCUSDT": [100.0] * 60}) == ("hold", 0.45, 0.4, True, True)
    assert flags({"BTCUSDT": [100.0] * 20}) == ("hold", 0.2, 0.4, False, False)
    assert flags({}) == ("hold", 0.3, 0.3, False, False)


def test_a_sentiment_score_is_no_confidence() -> None:
    l3 = {"regime": "bear", "sentiment_score": -0.9, "confidence": 0.5}
    assert heard([], None, l3).confidence == approx(0.4)
    assert heard([], None, {"regime": "bear", "sentiment_score": -0.9}).confidence == 0.0
    assert heard([], None, {"regime": "bear", "confidence": -0.9}).confidence == 0.0


def test_votes_are_read_generously_and_counted_strictly() -> None:
    l1 = [
        said("LONG", 2.0),
        {"side": "Buy"},
        said("buy", 1.0, symbol="ETHUSDT"),
        said("maybe", 1.0),
        said("sell", float("nan")),
    ]
    signal = heard(l1, said("SHORT", 0.5), {"regime": "unknown"})
    # 1.0 (clamped) and 0.5 (absent) for buy; 0.5 for sell; the rest does not count.
    assert signal.l1_count == 2
    assert (signal.l1_l2_side, signal.l1_l2_confidence) == ("buy", approx(1.5 / 2.0))


@pytest.mark.parametrize(
    ("heard_from", "words"),
    [
        ({"l1": ["buy"]}, "l1_signals[0] is a str; give a mapping"),
        ({"l1": said("buy")}, "l1_signals is a dict; give a list of mappings"),
        ({"l1": "buy"}, "l1_signals is a str; give a list of mappings"),
        ({"l2": "buy"}, "l2_output is a str; give a mapping or None"),
        ({"l3": "bull"}, "l3_output is a str; give a mapping or None"),
        ({"l3": {**BULL, "confidence": float("nan")}}, "the confidence of l3_output is nan; give a number from 0 to 1"),
        ({"l3": {**BULL, "confidence": "sure"}}, "the confidence of l3_output is 'sure'"),
        ({"l3": {**BULL, "confidence": True}}, "the confidence of l3_output is True"),
        ({"state": [1.0]}, "portfolio_state is a list; give a mapping or None"),
        ({"state": {"market_data": [1.0]}}, "market_data is a list; give a mapping from symbols to bars"),
    ],
)
def test_layers_that_cannot_be_read_hold_and_say_why(heard_from: dict[str, Any], words: str) -> None:
    spoken: dict[str, Any] = {"l1": [said("buy", 0.9)], "l2": said("buy", 0.9), "l3": BULL, "state": None} | heard_from
    signal = heard(**spoken)
    assert (signal.side, signal.confidence, signal.strength) == ("hold", 0.2, 0.1)
    assert signal.reason.startswith(f"invalid input: {words}")
    assert not signal.allow_partial_rebalance
    assert not signal.market_making_enabled
    others = [heard(**spoken, path=path) for path in ("path1", "path3")]
    assert [(other.side, other.confidence, other.strength) for other in others] == [("hold", 0.4, 0.3)] * 2


def test_less_than_nothing_against_a_trend_leaves_no_more_room_than_the_cap() -> None:
    state = {"portfolio_value": 10_000, "contra_exposure": -5_000}
    assert heard(*CONTRA, BULL, state).max_contra_notional == 2_000.0


@pytest.mark.parametrize("l2", [None, {}])
def test_an_absent_l2_casts_no_vote(l2: Any) -> None:
    signal = heard([said("sell", 0.3)], l2, {})
    assert (signal.l2_included, signal.l1_l2_side, signal.l1_l2_confidence) == (False, "sell", 1.0)


def test_the_documents_name_is_path_2() -> None:
    signal = PATH2Processor().process_signal([said("buy")], None, BULL, "BTCUSDT", {})
    assert (signal["path_mode"], signal["max_contra_allocation"], signal["side"]) == ("PATH2", 0.2, "buy")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "path9"}, "path = 'path9'"),
        ({"path1_policy": "l3aware"}, "did you mean 'l3_aware'"),
        ({"max_contra_allocation": "0.2"}, "max_contra_allocation = '0.2': expected a fraction from 0 to 1"),
        ({"max_contra_allocation": 20}, "max_contra_allocation = 20"),
    ],
)
def test_a_path_that_cannot_be_is_refused(settings: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        PathProcessor(**settings)


VOTES = st.lists(
    st.tuples(st.sampled_from([-1, 0, 1]), st.one_of(st.floats(-1.0, 2.0), st.sampled_from([0.5, float("nan")]))),
    max_size=6,
)

OPINIONS: Any = st.none() | st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(votes=VOTES, l2=OPINIONS)
def test_only_a_strict_majority_of_confidence_acts(votes: Any, l2: tuple[int, float] | None) -> None:
    box: Any = Votes.new()  # type: ignore[attr-defined]
    opinion: Any = Opinion.new()  # type: ignore[attr-defined]
    weights = {-1: 0.0, 0: 0.0, 1: 0.0}
    for action, confidence in votes:
        vote(box, action, confidence)
        if not isnan(confidence):
            weights[action] += min(1.0, max(0.0, confidence))
    if l2 is not None:
        opinion.is_given = True
        opinion.action = l2[0]
        opinion.confidence = l2[1]
        weights[l2[0]] += l2[1]
    action, confidence = count(box, opinion)
    others = [weight for side, weight in weights.items() if side != action]
    if confidence > 0.0:
        assert weights[action] > max(others) + 1e-12
        assert confidence == approx(weights[action] / sum(weights.values()))
    else:
        assert action == 0
        top = sorted(weights.values())[-2:]
        assert top[1] - top[0] <= 1e-12


@given(value=st.floats(0.0, 1e9), exposure=st.floats(0.0, 1e9), cap=st.floats(0.0, 1.0))
def test_contra_headroom_fills_the_cap_and_never_passes_it(value: float, exposure: float, cap: float) -> None:
    room = contra_headroom(cap, value, exposure)
    assert room >= 0.0
    assert exposure + room <= max(cap * value, exposure) * (1.0 + 1e-12) + 1e-9


def test_unknown_money_leaves_no_contra_room() -> None:
    assert contra_headroom(0.2, float("nan"), 0.0) == 0.0
    assert contra_headroom(0.2, 1_000.0, float("nan")) == 0.0
