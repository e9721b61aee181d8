"""
How a strategy's ``decide`` becomes a pointer that one compiled loop can call.

State and Params differ by strategy, so they travel as addresses and one generated wrapper casts them
back: the loop's type stays the same, and it is compiled and cached once for all strategies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.model.compiled import INTERPRETED, compiled_for
from ballast.model.intents import INTENT_CAPACITY, Intent
from ballast.model.records import typed


def decide_signature(frame_dtype: Any, view_dtype: Any) -> Any:
    """Return the one signature: (row, view, state address, params address, intents address) -> count."""
    from numba import types

    return types.int64(typed(frame_dtype), typed(view_dtype), types.int64, types.int64, types.int64)


def address(record: Any) -> int:
    """Return where a record's or array's bytes lie; valid while the caller keeps it alive."""
    return int(np.asarray(record).__array_interface__["data"][0])


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
    record_at, intents_at = _casts()
    intent_dtype = Intent.dtype()  # type: ignore[attr-defined]

    def decide_at(row: Any, view: Any, state_address: int, params_address: int, intents_address: int) -> int:
        state = record_at(state_address, state_dtype)
        params = record_at(params_address, params_dtype)
        return decide(row, view, state, params, intents_at(intents_address, intent_dtype))

    return decide_at


def wrap_quiet(quiet: Any, state_dtype: Any, params_dtype: Any) -> Any:
    """Return a strategy's ``quiet`` taking its records by address, like :func:`wrap`."""
    record_at, _ = _casts()

    def quiet_at(features: Any, frame: int, stop: int, view: Any, state_address: int, params_address: int) -> int:
        state = record_at(state_address, state_dtype)
        params = record_at(params_address, params_dtype)
        return quiet(features, frame, stop, view, state, params)

    return quiet_at


_cast_functions: tuple[Any, Any] | None = None


def _casts() -> tuple[Any, Any]:
    """Return the compiled casts from an address to a record, and to the array of intents."""
    global _cast_functions
    if _cast_functions is None:
        _cast_functions = _make_casts()
    return _cast_functions


def _make_casts() -> tuple[Any, Any]:
    from numba import types
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    @intrinsic
    def record_at(typing_context: Any, location: Any, dtype: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return dtype.dtype(types.int64, dtype), generate

    @intrinsic
    def intents_at(typing_context: Any, location: Any, dtype: Any) -> Any:
        array_type = types.Array(dtype.dtype, 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = make_array(array_type)(context, builder)
            word = context.get_constant(types.intp, INTENT_CAPACITY)
            size = context.get_constant(types.intp, dtype.dtype.size)
            data = builder.inttoptr(arguments[0], array.data.type)
            populate_array(array, data=data, shape=[word], strides=[size], itemsize=size, meminfo=None)
            return array._getvalue()

        return array_type(types.int64, dtype), generate

    return record_at, intents_at
