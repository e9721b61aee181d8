"""
What compiled code depends on: a hash of the loaded code itself and of everything it can reach.

Hashes the function's bytecode and constants, and the value of every global and closure variable that it
names: other functions by their own fingerprints and how they are to be compiled, enums by their members, numbers
and dtypes by value.
What is hashed is what is in memory and about to be compiled, not a file that may have changed since.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Callable, Iterator
from enum import EnumType
from typing import Any

import numpy as np

_FOREIGN = {*sys.stdlib_module_names, "numpy", "numba"}
"""Packages whose code is the interpreter's or Numba's business; their versions are part of every key."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype)


def fingerprint(function: Callable[..., Any]) -> str:
    """
    Return a hash of everything that can change what ``function`` compiles to.

    Raises ``TypeError`` when it names a value that has no lasting identity, because code that depends on
    one must not be kept, or when functions call each other in a circle, because Numba cannot link such
    code again after it was kept.
    """
    digest = hashlib.sha256()
    for part in _parts(function, set(), ()):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(function: Callable[..., Any], seen: set[int], callers: tuple[Any, ...]) -> Iterator[str]:
    if hasattr(function, "targetoptions"):
        # Inlined or not, with a blank or without: callers are other machine code.
        yield f"{sorted(function.targetoptions.items())}{getattr(function, 'needs', '')}"
    function = getattr(function, "py_func", function)
    if function in callers:
        circle = " -> ".join(f.__qualname__ for f in (*callers[callers.index(function) :], function))
        raise TypeError(f"compiled functions must not call each other in a circle: {circle}")
    if id(function) in seen:
        return
    seen.add(id(function))
    callers = (*callers, function)
    code = function.__code__
    yield f"{function.__module__}.{code.co_qualname}"
    yield from _code_parts(code)
    yield repr(getattr(function, "__defaults__", None))
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    named = [(name, cell.cell_contents) for name, cell in cells]
    names = sorted(_names(code))
    named += [(name, function.__globals__[name]) for name in names if name in function.__globals__]
    for name, value in _with_members(named, names):
        yield f"{name}="
        yield from _value_parts(f"{function.__qualname__}: {name}", value, seen, callers)


def _with_members(named: list[tuple[str, Any]], names: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield each value, and those members of each module of ours that the code may name."""
    for name, value in named:
        yield name, value
        if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] not in _FOREIGN:
            members = [(f"{name}.{member}", vars(value)[member]) for member in names if member in vars(value)]
            yield from _with_members(members, names)


def _code_parts(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _value_parts(where: str, value: Any, seen: set[int], callers: tuple[Any, ...]) -> Iterator[str]:
    if isinstance(value, EnumType):
        members = [(name, repr(value[name])) for name in value.__members__]
        yield f"{value.__module__}.{value.__qualname__}{members}"
    elif isinstance(value, _PLAIN):
        yield repr(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _value_parts(where, item, seen, callers)
    elif hasattr(value, "py_func") or isinstance(value, types.FunctionType):
        yield from _parts(value, seen, callers)
    elif hasattr(value, "_defn"):
        # One of Numba's intrinsics: the function that generates its code.
        yield from _parts(value._defn, seen, callers)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    elif isinstance(value, types.ModuleType):
        yield value.__name__
    elif isinstance(value, type | types.BuiltinFunctionType) or hasattr(value, "__qualname__"):
        yield f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    elif getattr(value, "__module__", "") in ("typing", "types"):
        yield repr(value)
    else:
        raise TypeError(f"{where} is a {type(value).__name__}, which compiled code must not depend on")
