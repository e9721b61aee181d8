"""
The one door to Numba: flags, cache, and when things compile.

Three promises:

1. Compiled arithmetic is the interpreter's arithmetic: no fastmath, NumPy's division, bounds checked (but
   where a function says that it has checked them itself).
2. A cached function can never run old code: its key covers every project file that it could reach (see
   ``fingerprint``). Plain ``cache=True`` looks at the function's own file only.
3. Nothing compiles at import: a function compiles, or loads, at its first call.

``BALLAST_INTERPRET=1`` makes the door return every function unchanged, so that the whole pipeline runs
in the interpreter. ``BALLAST_CACHE_DIR`` moves the cache (default ``~/.cache/ballast``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

F = TypeVar("F", bound=Callable[..., Any])

INTERPRETED = os.environ.get("BALLAST_INTERPRET", "") == "1"


@overload
def compiled(function: F, *, inline: bool = False) -> F: ...
@overload
def compiled(*, inline: bool = False, needs: str = "", checks_bounds: bool = True) -> Callable[[F], F]: ...
def compiled(
    function: F | None = None, *, inline: bool = False, needs: str = "", checks_bounds: bool = True
) -> F | Callable[[F], F]:
    """
    Compile a pure function on first call, and keep the machine code on disk.

    Parameters
    ----------
    function : callable
        Plain loops over scalars, records and arrays; no allocation, no Python objects.
    inline : bool
        Ask LLVM to inline every call. For the few small functions on the per-bar path.
    needs : str, optional
        An array field of a record argument without whose rows nobody calls the function. Where that array is empty
        by its type, compiled callers get a function that does nothing, and the real one costs no compilation.
    checks_bounds : bool
        False for a function that cuts its arrays to the range that it walks, where a check at every element would
        keep the processor from comparing many at once.

    Returns
    -------
    callable
        A Numba dispatcher, or the function itself under ``BALLAST_INTERPRET=1``.
    """
    if function is None:
        return lambda wrapped: _through_the_door(wrapped, inline, needs, checks_bounds)
    return _through_the_door(function, inline, needs, checks_bounds)


def _through_the_door(function: F, inline: bool, needs: str, checks_bounds: bool) -> F:
    return function if INTERPRETED else cast(F, _inner(function, inline, needs, checks_bounds))


def compiled_for(signature: Any, function: Callable[..., Any]) -> Any:
    """
    Compile ``function`` for one exact signature, so that function-pointer arguments keep their type.

    A lazily typed dispatcher would specialise on each function that it is handed; with the signature
    fixed, one cached build serves every function of that type.
    """
    if INTERPRETED:
        return function
    dispatcher = _dispatcher(function, inline=False, is_entry=True)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


def cache_stats() -> dict[str, int]:
    """Return how often this process found compiled code on disk, and how often it had to compile."""
    if INTERPRETED:
        return {"hits": 0, "misses": 0}
    from ballast.model.code_cache import stats

    return dict(stats)


def _dispatcher(function: Callable[..., Any], *, inline: bool, is_entry: bool, checks_bounds: bool = True) -> Any:
    import numba

    from ballast.model.code_cache import CodeCache

    options: dict[str, Any] = {
        "error_model": "numpy",
        "boundscheck": checks_bounds,
        "fastmath": False,
        "nogil": True,
        "forceinline": inline,
        "no_cpython_wrapper": not is_entry,
        "no_cfunc_wrapper": not is_entry,
        "_nrt": False,
    }
    dispatcher: Any = numba.njit(**options)(function)
    dispatcher._cache = CodeCache(function, "entry" if is_entry else "intermediate")
    return dispatcher


def _blank(function: Callable[..., Any]) -> Any:
    """Return a function of the same parameters that does nothing; its result is of the type that is annotated."""
    code = function.__code__
    parameters = ", ".join(code.co_varnames[: code.co_argcount])
    nothing = {"None": None, "bool": False, "int": 0}[function.__annotations__["return"]]
    made: dict[str, Any] = {}
    exec(f"def blank({parameters}):\n    return {nothing}", {"__name__": function.__module__}, made)  # noqa: S102  # Of names alone.
    blank = made["blank"]
    blank.__code__ = blank.__code__.replace(co_name=code.co_name, co_qualname=f"{code.co_qualname}_blank")
    return blank


def _inner(function: Callable[..., Any], inline: bool, needs: str, checks_bounds: bool) -> Any:
    """Return a dispatcher for calls from compiled code, which compiles an entry for Python on its first such call."""
    from ballast.model.inner import InnerDispatcher

    dispatcher = _dispatcher(function, inline=inline, is_entry=False, checks_bounds=checks_bounds)
    dispatcher.__class__ = InnerDispatcher
    dispatcher.needs = needs
    dispatcher.make_blank = lambda: _dispatcher(_blank(function), inline=False, is_entry=False)
    dispatcher.make_entry = lambda: _dispatcher(function, inline=False, is_entry=True, checks_bounds=checks_bounds)
    return dispatcher
