"""
Copies of records that a loop works on: compiled code keeps their fields in registers.

A record lies in memory that other writes might touch, so every step of a loop would store and load what the step before
left. A copy that nobody else can reach has no such neighbours. In the interpreter the copy is the record itself.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import INTERPRETED


def _interpreted() -> tuple[Any, Any]:
    def borrowed(record: Any) -> Any:
        return record

    def give_back(copy: Any, record: Any) -> None:
        return

    return borrowed, give_back


def _generated() -> tuple[Any, Any]:
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def move(context: Any, builder: Any, target: Any, source: Any, record: Any) -> None:
        cgutils.raw_memcpy(builder, target, source, context.get_constant(types.intp, record.size), 1)

    @intrinsic
    def borrowed(typing_context: Any, record: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            copy = cgutils.alloca_once(builder, context.get_data_type(record))
            move(context, builder, copy, arguments[0], record)
            return copy

        return record(record), generate

    @intrinsic
    def give_back(typing_context: Any, copy: Any, record: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            move(context, builder, arguments[1], arguments[0], record)
            return context.get_dummy_value()

        return types.void(copy, record), generate

    return borrowed, give_back


borrowed, give_back = _interpreted() if INTERPRETED else _generated()
"""``borrowed(record)`` returns a copy to work on, ``give_back(copy, record)`` writes it to where it came from."""
