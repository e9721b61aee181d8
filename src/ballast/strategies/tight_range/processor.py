"""
The paths for callers who bring the layers themselves: words and mappings in, a typed verdict out.

The arithmetic is that of ``layers``, ``paths`` and ``handler``; only reading and naming happen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

from ballast.indicators.batch import rolling_high, rolling_low, rsi, sma
from ballast.model.errors import ConfigError, nearest
from ballast.model.records import Record
from ballast.strategies.tight_range import paths
from ballast.strategies.tight_range.handler import SIDES, RangeSignal, TightRangeHandler, TightRangeSignal, is_fraction
from ballast.strategies.tight_range.layers import Action, Opinion, Votes, count, vote
from ballast.strategies.tight_range.market_data import BadMarketData, closed_bars
from ballast.strategies.tight_range.paths import DOMINANCE_SOURCE, Label, Path, Path1Policy, Source, Verdict
from ballast.strategies.tight_range.readings import Reading

TRENDS = {"bull": 1, "bullish": 1, "bear": -1, "bearish": -1}
RANGE_BARS = 20


@dataclass(frozen=True)
class PathSignal(Reading):
    """
    A path's verdict and what every layer said; reads as a mapping too.

    ``side`` is ``"buy"``, ``"sell"`` or ``"hold"``. ``max_contra_notional`` is what may still be put against
    the trend, in quote currency, None where ``portfolio_state`` names no ``portfolio_value``.
    """

    symbol: str
    side: str
    confidence: float
    strength: float
    source: str
    reason: str
    path_mode: str
    regime: str
    max_contra_allocation: float
    max_contra_notional: float | None
    contra_allocation_applied: bool
    range_strategy_activated: bool
    l3_dominance: bool
    l3_confidence: float
    l1_l2_side: str
    l1_l2_confidence: float
    l1_count: int
    l2_included: bool
    position_size_multiplier: float
    stop_loss_pct: float | None
    take_profit_pct: float | None
    indicators: Mapping[str, float]
    allow_partial_rebalance: bool
    market_making_enabled: bool


class PathProcessor:
    """
    Join what three layers say about a symbol.

    Parameters
    ----------
    path : {"path1", "path2", "path3"}
    path1_policy : {"trend", "l3_aware"}
    max_contra_allocation : float
        Fraction of the portfolio, and confidence, that may stand against a trend.
    handler : TightRangeHandler, optional
        Judges tight ranges on PATH2.
    """

    def __init__(
        self,
        path: str = "path2",
        *,
        path1_policy: str = "trend",
        max_contra_allocation: float = 0.20,
        handler: TightRangeHandler | None = None,
    ) -> None:
        self.path = Path[_known("path", path, Path)]
        self.path1_policy = Path1Policy[_known("path1_policy", path1_policy, Path1Policy)]
        if not is_fraction(max_contra_allocation):
            raise ConfigError(f"max_contra_allocation = {max_contra_allocation!r}: expected a fraction from 0 to 1")
        self.max_contra_allocation = max_contra_allocation
        self.handler = handler or TightRangeHandler()

    def process_signal(
        self,
        l1_signals: Sequence[Mapping[str, Any]] | None,
        l2_output: Mapping[str, Any] | None,
        l3_output: Mapping[str, Any] | None,
        symbol: str,
        portfolio_state: Mapping[str, Any] | None = None,
    ) -> PathSignal:
        """
        Return the verdict on a symbol; layers that cannot be read are a hold whose reason says what is wrong.

        Parameters
        ----------
        l1_signals : sequence of mappings
            ``action`` or ``side``, ``confidence`` (0.5 if absent) and perhaps ``symbol``; other symbols' do not count.
        l2_output : mapping or None
            ``side``, ``confidence`` and ``strength`` (0.5 if absent). None casts no vote.
        l3_output : mapping or None
            ``regime``, ``subtype``, ``confidence`` (0 if absent, else clamped to 0..1) and, for the policy
            ``l3_aware``, ``signal``.
        portfolio_state : mapping, optional
            ``market_data`` by symbol, ``portfolio_value`` and ``contra_exposure`` in quote currency.
        """
        fault = _fault_in(l1_signals, l2_output, l3_output, portfolio_state)
        if fault:
            return self._refused(symbol, fault)
        l3 = l3_output or {}
        state = portfolio_state or {}
        votes, opinion = _votes(l1_signals or (), symbol), _opinion(l2_output)
        joint_action, joint_confidence = count(votes, opinion)
        verdict = Verdict.new()  # type: ignore[attr-defined]
        direction, confidence = TRENDS.get(_word(l3.get("regime")), 0), _number(l3.get("confidence"), 0.0)
        range_signal = None
        if self.path == Path.PATH1 and self.path1_policy == Path1Policy.TREND:
            paths.path1(verdict, direction, confidence)
        elif self.path == Path.PATH1:
            l3_action = int(SIDES.get(_word(l3.get("signal")).upper(), Action.HOLD))
            paths.path1_l3_aware(verdict, votes, opinion, l3_action, confidence)
        elif self.path == Path.PATH3:
            fault = _obey_or_trade_range(verdict, direction, confidence, _bars_of(state, symbol))
        elif direction == 0 and _is_tight(l3):
            market_data = _bars_of(state, symbol)
            range_signal = self._process_range_regime(verdict, symbol, market_data, confidence, joint_action)
        else:
            cap = self.max_contra_allocation
            paths.path2(verdict, direction, confidence, joint_action, joint_confidence, cap)
        named = self._named(
            verdict,
            symbol=symbol,
            regime=_word(l3.get("regime")) or "neutral",
            state=state,
            l3_confidence=float(min(1.0, max(0.0, confidence))),
            joint=(int(joint_action), float(joint_confidence)),
            l1_count=int(votes.n_votes),
            l2_included=bool(opinion.is_given),
            range_signal=range_signal,
        )
        return replace(named, reason=fault) if fault else named

    def _refused(self, symbol: str, fault: str) -> PathSignal:
        """Return the hold for layers that cannot be read."""
        verdict = Verdict.new()  # type: ignore[attr-defined]
        paths.refuse_input(verdict, self.path)
        held = self._named(
            verdict,
            symbol=symbol,
            regime="unknown",
            state={},
            l3_confidence=0.0,
            joint=(int(Action.HOLD), 0.0),
            l1_count=0,
            l2_included=False,
            range_signal=None,
        )
        return replace(held, reason=f"invalid input: {fault}")

    def _process_range_regime(
        self, verdict: Record, symbol: str, market_data: Any, l3_confidence: float, joint_action: int
    ) -> TightRangeSignal | None:
        """Let the handler judge a tight range; return its signal, None without data."""
        if market_data is None:
            paths.path2_without_signal(verdict, False)
            return None
        said = Action(int(joint_action)).name
        signal = self.handler.process_tight_range_signal(symbol, market_data, l3_confidence, said)
        if signal.error_type is None:
            paths.path2_tight_range(verdict, _record_of(signal))
        else:
            paths.path2_without_signal(verdict, True)
        return signal

    def _named(
        self,
        verdict: Record,
        *,
        symbol: str,
        regime: str,
        state: Mapping[str, Any],
        l3_confidence: float,
        joint: tuple[int, float],
        l1_count: int,
        l2_included: bool,
        range_signal: TightRangeSignal | None,
    ) -> PathSignal:
        label, stop = Label(int(verdict.label)), float(verdict.stop_fraction)
        side = Action(int(verdict.action)).name.lower()
        return PathSignal(
            symbol=symbol,
            side=side,
            confidence=float(verdict.confidence),
            strength=float(verdict.strength),
            source=Source(int(verdict.source)).name.lower(),
            reason=_reason(label, side, regime, joint, range_signal),
            path_mode=self.path.name,
            regime=regime,
            max_contra_allocation=self.max_contra_allocation,
            max_contra_notional=self._contra_notional(state),
            contra_allocation_applied=bool(verdict.is_contra),
            range_strategy_activated=label in (Label.MEAN_REVERSION, Label.RANGE_STRATEGY) and side != "hold",
            l3_dominance=label == Label.DOMINANCE,
            l3_confidence=l3_confidence,
            l1_l2_side=Action(joint[0]).name.lower(),
            l1_l2_confidence=joint[1],
            l1_count=l1_count,
            l2_included=l2_included,
            position_size_multiplier=float(verdict.size_multiplier),
            stop_loss_pct=100.0 * stop if stop > 0.0 else None,
            take_profit_pct=100.0 * float(verdict.target_fraction) if stop > 0.0 else None,
            indicators={} if range_signal is None else range_signal.indicators,
            allow_partial_rebalance=bool(verdict.allow_partial_rebalance),
            market_making_enabled=bool(verdict.market_making_enabled),
        )

    def _contra_notional(self, state: Mapping[str, Any]) -> float | None:
        if state.get("portfolio_value") is None:
            return None
        value, exposure = _number(state["portfolio_value"], nan), _number(state.get("contra_exposure"), 0.0)
        # Nothing stands against a trend with less than nothing; NaN stays NaN, and leaves no room.
        return float(paths.contra_headroom(self.max_contra_allocation, value, max(exposure, 0.0)))


class PATH2Processor(PathProcessor):
    """PATH2 under the name of the document that it comes from."""

    def __init__(self, *, max_contra_allocation: float = 0.20, handler: TightRangeHandler | None = None) -> None:
        super().__init__("path2", max_contra_allocation=max_contra_allocation, handler=handler)


def allows(path_mode: str, signal_source: str) -> bool:
    """
    Tell whether an order of ``signal_source`` may be sent on a path.

    PATH3 sends what it issued itself, ``"path3_full_l3_dominance"`` and ``"path3_range"``; the others send
    everything. Raises ``ConfigError`` for a path that does not exist.
    """
    path = Path[_known("path_mode", path_mode, Path)]
    sources = {source.name.lower(): source for source in Source}
    return bool(paths.passes_gate(int(path), int(sources.get(signal_source, Source.TACTICAL))))


def _record_of(signal: TightRangeSignal) -> Record:
    """Return the handler's signal as the record that the path reads."""
    made = RangeSignal.new()  # type: ignore[attr-defined]
    made.action = int(Action[signal.action])
    made.confidence = signal.confidence
    made.size_multiplier = signal.position_size_multiplier
    made.stop_fraction = (signal.stop_loss_pct or 0.0) / 100.0
    made.target_fraction = (signal.take_profit_pct or 0.0) / 100.0
    return made


def _known(key: str, word: str, choices: Any) -> str:
    """Return an enum's member name for a word in either case."""
    names = [choice.name.lower() for choice in choices]
    if str(word).lower() not in names:
        raise ConfigError(f"{key} = {word!r}: expected one of {', '.join(names)}{nearest(str(word), names)}")
    return str(word).upper()


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def _number(value: Any, default: float) -> float:
    try:
        if isinstance(value, bool):
            return nan
        return default if value is None else float(value)
    except (TypeError, ValueError):
        return nan


def _fault_in(l1_signals: Any, l2_output: Any, l3_output: Any, portfolio_state: Any) -> str:
    """Return what cannot be read in what the layers said, empty if all of it can."""
    for name, value in (("l2_output", l2_output), ("l3_output", l3_output), ("portfolio_state", portfolio_state)):
        if value is not None and not isinstance(value, Mapping):
            return f"{name} is a {type(value).__name__}; give a mapping or None"
    if isinstance(l1_signals, Mapping | str) or not isinstance(l1_signals, Sequence | None):
        return f"l1_signals is a {type(l1_signals).__name__}; give a list of mappings"
    for position, signal in enumerate(l1_signals or ()):
        if not isinstance(signal, Mapping):
            return f"l1_signals[{position}] is a {type(signal).__name__}; give a mapping"
    market_data = None if portfolio_state is None else portfolio_state.get("market_data")
    if market_data is not None and not isinstance(market_data, Mapping):
        return f"market_data is a {type(market_data).__name__}; give a mapping from symbols to bars"
    confidence = None if l3_output is None else l3_output.get("confidence")
    if not isfinite(_number(confidence, 0.0)):
        return f"the confidence of l3_output is {confidence!r}; give a number from 0 to 1"
    return ""


def _votes(signals: Sequence[Mapping[str, Any]], symbol: str) -> Record:
    votes = Votes.new()  # type: ignore[attr-defined]
    for signal in signals:
        word = _word(signal.get("action") or signal.get("side") or "hold").upper()
        if signal.get("symbol", symbol) == symbol and (word in SIDES or word == "HOLD"):
            vote(votes, int(SIDES.get(word, Action.HOLD)), _number(signal.get("confidence"), 0.5))
    return votes


def _opinion(output: Mapping[str, Any] | None) -> Record:
    opinion = Opinion.new()  # type: ignore[attr-defined]
    if isinstance(output, Mapping) and output:
        word = _word(output.get("side") or output.get("action") or "hold").upper()
        opinion.is_given = word in SIDES or word == "HOLD"
        opinion.action = int(SIDES.get(word, Action.HOLD))
        opinion.confidence = _number(output.get("confidence"), 0.5)
        opinion.strength = _number(output.get("strength"), 0.5)
    return opinion


def _is_tight(l3: Mapping[str, Any]) -> bool:
    """Tell whether L3 speaks of a tight range, as the regime or as a range's subtype."""
    regime, subtype = _word(l3.get("regime")), _word(l3.get("subtype"))
    return regime == "tight_range" or (regime == "range" and subtype == "tight_range")


def _bars_of(state: Mapping[str, Any], symbol: str) -> Any:
    market_data = state.get("market_data")
    return None if market_data is None else market_data.get(symbol)


def _obey_or_trade_range(verdict: Record, direction: int, l3_confidence: float, market_data: Any) -> str:
    """Write PATH3's verdict; return what keeps it from judging a range, empty if nothing does."""
    try:
        # A trend is obeyed whatever the data are.
        inputs = (nan,) * 5 if direction != 0 else _range_inputs(market_data)
    except BadMarketData as error:
        paths.path3_without_range(verdict, market_data is None or error.error_type == "INSUFFICIENT_DATA")
        return f"{error.error_type}: {error}"
    paths.path3(verdict, direction, l3_confidence, *inputs)
    return ""


def _range_inputs(market_data: Any) -> tuple[float, ...]:
    """Return close, 20-bar high and low, RSI and volume ratio, NaN without volume; raises ``BadMarketData``."""
    bars = closed_bars(market_data, n_checked=RANGE_BARS + 1, n_needed=RANGE_BARS + 1)
    ratio = nan
    if bars.volume is not None:
        mean = float(sma(bars.volume, RANGE_BARS)[-1])
        ratio = float(bars.volume[-1]) / mean if isfinite(mean) and mean > 0.0 else nan
    return (
        float(bars.close[-1]),
        float(rolling_high(bars.high, RANGE_BARS)[-1]),
        float(rolling_low(bars.low, RANGE_BARS)[-1]),
        float(rsi(bars.close, 14)[-1]),
        ratio,
    )


def _reason(
    label: Label, side: str, regime: str, joint: tuple[int, float], range_signal: TightRangeSignal | None
) -> str:
    if range_signal is not None:
        return range_signal.reason
    said = f"L1 and L2 say {Action(joint[0]).name.lower()} at {joint[1]:.2f}"
    return f"{label.name.lower().replace('_', ' ')}: {side} in {regime}, {said}"


__all__ = ["DOMINANCE_SOURCE", "PATH2Processor", "PathProcessor", "PathSignal", "allows"]
