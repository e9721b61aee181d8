"""Settings, contracts and requests of staged trend following, for tests; as a program, a digest of its functions."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ballast.model.enums import PositionSide
from ballast.orders.contract_terms import ContractTerms, pip_size
from ballast.strategies.staged_trend.chance import draw
from ballast.strategies.staged_trend.costs import cost_reason, entry_cost, scan_order
from ballast.strategies.staged_trend.entry import EntryRequest, Slots, claim
from ballast.strategies.staged_trend.quality import quality
from ballast.strategies.staged_trend.registry import Stage, register, set_profit, unregister
from ballast.strategies.staged_trend.settings import Params
from ballast.strategies.staged_trend.signal import signal
from ballast.strategies.staged_trend.sizing import lots, stop_distance
from ballast.strategies.staged_trend.stops import stop_reason

LONG, SHORT, NONE = PositionSide.LONG, PositionSide.SHORT, PositionSide.NONE
SECOND_NS = 1_000_000_000
OPENED_NS = 1_700_000_000 * SECOND_NS


def params_of(**values: Any) -> Any:
    """Return settings with some values other than their defaults."""
    params = Params.new(symbols=4)  # type: ignore[attr-defined]
    for key, value in values.items():
        setattr(params, key, value)
    return params


def terms_of(digits: int = 5, tick_value: float = 1.0, **values: float) -> Any:
    """Return a contract with a least lot of 0.01 and no stops level; EURUSD in a USD account by default."""
    terms = ContractTerms.new()  # type: ignore[attr-defined]
    terms.tick_units, terms.tick_scale, terms.tick_value = 1, float(10**digits), tick_value
    terms.lot_units, terms.lot_scale, terms.min_lots, terms.max_lots = 1, 100.0, 0.01, 50.0
    terms.pip_size = pip_size(digits)
    for key, value in values.items():
        setattr(terms, key, value)
    return terms


def stage_of(*profits: float, side: int = LONG, risk: float = 1.0) -> Any:
    """Return a symbol's record with one ticket per profit, the first opened at ``OPENED_NS``, the rest 1 s apart."""
    stage = Stage.new()  # type: ignore[attr-defined]
    for number, profit in enumerate(profits):
        assert register(stage, 100 + number, side, OPENED_NS + number * SECOND_NS, risk)
        assert set_profit(stage, 100 + number, profit)
    return stage


def slots_of(n_open: int, n_pending: int = 0) -> Any:
    slots = Slots.new()  # type: ignore[attr-defined]
    slots.n_open, slots.n_pending = n_open, n_pending
    return slots


def request_of(age_s: float = 15.0, **values: Any) -> Any:
    """Return a request to join one LONG, so many seconds after it."""
    request = EntryRequest.new()  # type: ignore[attr-defined]
    request.side, request.n_on_symbol, request.quality, request.risk = LONG, 1, 75.0, 1.0
    request.time_ns = OPENED_NS + int(age_s * SECOND_NS)
    for key, value in values.items():
        setattr(request, key, value)
    return request


def digest() -> str:
    """Return a hash of what every function answers to random questions, and of the records that they leave."""
    rng = np.random.default_rng(6)
    seen = hashlib.sha256()
    params, stage, slots = params_of(max_open_trades=3), stage_of(), slots_of(0)
    for number in range(300):
        fast, slow = 1.0 + rng.normal(0.0, 0.001, 2)
        rsi, choppiness, adx = rng.uniform(0.0, 100.0, 3)
        side = signal(fast, slow, rsi, params)
        atr, bid = rng.uniform(0.0, 0.002), rng.uniform(0.9, 1.1)
        ask = bid + rng.uniform(-0.00001, 0.0002)
        terms = terms_of(tick_value=rng.uniform(0.5, 1.5))
        distance = stop_distance(terms, number % 2 == 0, atr, bid, ask, params)
        size = lots(terms, distance, params)
        points = quality(fast, slow, rsi, choppiness, adx, side, params)
        cost = entry_cost(terms, size, bid, ask, 0.05)
        request = request_of(
            side=side, quality=points, n_on_symbol=stage.n_tickets, time_ns=OPENED_NS + number * SECOND_NS
        )
        reason = claim(request, stage, slots, params)
        if reason == 0:
            slots.n_pending = 0
            register(stage, number, side, request.time_ns, rng.uniform(0.0, 2.0))
        set_profit(stage, number - 1, rng.normal(0.1, 0.1))
        if number % 7 == 0:
            unregister(stage, number - int(rng.integers(1, 9)))
        answers = (
            *(side, distance, size, points, cost, reason, draw(number, number % 3, number * 2**33)),
            cost_reason(terms, number % 2 == 0, bid, ask, distance, cost, params),
            stop_reason(terms, side, bid, ask, ask - distance, params),
        )
        order = np.zeros(5, np.int64)
        n = scan_order(rng.choice([0.1, 0.2, np.nan], 5), rng.permutation(5), order)
        seen.update(np.array(answers, np.float64).tobytes() + stage.tobytes() + slots.tobytes() + order[:n].tobytes())
    return seen.hexdigest()


if __name__ == "__main__":
    print(digest())
