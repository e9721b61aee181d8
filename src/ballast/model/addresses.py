"""
Memory by address: how records of any layout pass through a function of one type.

An address says nothing of the lifetime of what lies there: the caller keeps it alive.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


def address(record: Any) -> int:
    """Return where a record's or array's bytes lie; valid while the caller keeps it alive."""
    return int(np.asarray(record).ctypes.data)


@cache
def casts() -> tuple[Any, Any, Any]:
    """
    Return what compiled code, and only that, can do with addresses.

    ``record_at(address, dtype)``, ``array_at(address, length, dtype)`` and ``copy_bytes(target address, source
    address, length)``.
    """
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    @intrinsic
    def record_at(typing_context: Any, location: Any, dtype: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return dtype.dtype(types.int64, dtype), generate

    @intrinsic
    def array_at(typing_context: Any, location: Any, length: Any, dtype: Any) -> Any:
        array_type = types.Array(dtype.dtype, 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = make_array(array_type)(context, builder)
            size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(dtype.dtype)))
            data = builder.inttoptr(arguments[0], array.data.type)
            populate_array(array, data=data, shape=[arguments[1]], strides=[size], itemsize=size, meminfo=None)
            return array._getvalue()  # noqa: SLF001

        return array_type(types.int64, types.int64, dtype), generate

    @intrinsic
    def copy_bytes(typing_context: Any, target: Any, source: Any, length: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            byte_pointer = context.get_value_type(types.voidptr)
            here, there = (builder.inttoptr(argument, byte_pointer) for argument in arguments[:2])
            cgutils.raw_memcpy(builder, here, there, arguments[2], 1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), generate

    return record_at, array_at, copy_bytes
