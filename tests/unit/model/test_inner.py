"""Code that only compiled code calls is machine code in its callers alone."""

from __future__ import annotations

import pytest
from numba import float64

from ballast.model.compiled import INTERPRETED, compiled


@compiled
def doubled(value: float) -> float:
    return 2.0 * value


@compiled
def one_above_double(value: float) -> float:
    if value < 0.0:
        raise ValueError("below zero")
    return doubled(value) + 1.0


@pytest.mark.skipif(INTERPRETED, reason="nothing is compiled")
def test_only_what_python_calls_becomes_machine_code() -> None:
    assert one_above_double(2.0) == 5.0
    (called,) = one_above_double.entry.overloads.values()  # type: ignore[attr-defined]
    doubled.compile((float64,))  # type: ignore[attr-defined]  # Where all came from the cache, nothing has.
    (linked,) = doubled.overloads.values()  # type: ignore[attr-defined]
    assert called.library.get_pointer_to_function(called.fndesc.llvm_func_name) != 0
    assert linked.library.get_pointer_to_function(linked.fndesc.llvm_func_name) == 0
    assert doubled(2.0) == 4.0


def test_errors_of_inner_code_reach_python() -> None:
    with pytest.raises(ValueError, match="below zero"):
        one_above_double(-1.0)
