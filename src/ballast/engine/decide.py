"""
How a strategy's ``decide`` becomes a pointer that one compiled loop can call.

State and Params differ by strategy, so they travel as addresses and one generated wrapper casts them
back: the loop's type stays the same, and it is compiled and cached once for all strategies.
"""

from __future__ import annotations

from typing import Any

from ballast.model.addresses import casts
from ballast.model.compiled import INTERPRETED, compiled_for
from ballast.model.intents import INTENT_CAPACITY, Intent
from ballast.model.records import typed


def decide_signature(frame_dtype: Any, view_dtype: Any) -> Any:
    """Return the one signature: (row, view, state address, params address, intents address) -> count."""
    from numba import types

    return types.int64(typed(frame_dtype), typed(view_dtype), types.int64, types.int64, types.int64)


def make_decide(decide: Any, frame_dtype: Any, view_dtype: Any, state: Any, params: Any, intents: Any) -> Any:
    """
    Return ``decide`` under the common signature.

    In the interpreter the addresses are ignored and the records themselves are used.
    """
    if INTERPRETED:
        return lambda row, view, state_address, params_address, intents_address: decide(
            row, view, state, params, intents
        )
    key = (decide, frame_dtype, view_dtype, state.dtype, params.dtype)
    if key not in _decides:
        signature = decide_signature(frame_dtype, view_dtype)
        _decides[key] = compiled_for(signature, wrap(decide, state.dtype, params.dtype))
    return _decides[key]


_decides: dict[Any, Any] = {}
"""Wrapped strategies of this process by what they were built for."""


def wrap(decide: Any, state_dtype: Any, params_dtype: Any) -> Any:
    """Return the wrapper that casts addresses back to records."""
    record_at, array_at, _ = casts()
    intent_dtype = Intent.dtype()  # type: ignore[attr-defined]

    def decide_at(row: Any, view: Any, state_address: int, params_address: int, intents_address: int) -> int:
        state = record_at(state_address, state_dtype)
        params = record_at(params_address, params_dtype)
        intents = array_at(intents_address, INTENT_CAPACITY, intent_dtype)
        return decide(row, view, state, params, intents)

    return decide_at


def wrap_quiet(quiet: Any, state_dtype: Any, params_dtype: Any) -> Any:
    """Return a strategy's ``quiet`` taking its records by address, like :func:`wrap`."""
    record_at, _, _ = casts()

    def quiet_at(features: Any, frame: int, stop: int, view: Any, state_address: int, params_address: int) -> int:
        state = record_at(state_address, state_dtype)
        params = record_at(params_address, params_dtype)
        return quiet(features, frame, stop, view, state, params)

    return quiet_at
