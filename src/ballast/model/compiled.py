"""
The one door to Numba: flags, cache, and when things compile.

Three promises:

1. Compiled arithmetic is the interpreter's arithmetic: no fastmath, NumPy's division, bounds checked.
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
def compiled(*, inline: bool) -> Callable[[F], F]: ...
def compiled(function: F | None = None, *, inline: bool = False) -> F | Callable[[F], F]:
    """
    Compile a pure function on first call, and keep the machine code on disk.

    Parameters
    ----------
    function : callable
        Plain loops over scalars, records and arrays; no allocation, no Python objects.
    inline : bool
        Ask LLVM to inline every call. For the few small functions on the per-bar path.

    Returns
    -------
    callable
        A Numba dispatcher, or the function itself under ``BALLAST_INTERPRET=1``.
    """
    if function is None:
        return lambda wrapped: _through_the_door(wrapped, inline)
    return _through_the_door(function, inline)


def _through_the_door(function: F, inline: bool) -> F:
    return function if INTERPRETED else cast(F, _inner(function, inline))


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


def _dispatcher(function: Callable[..., Any], *, inline: bool, is_entry: bool) -> Any:
    import numba

    from ballast.model.code_cache import CodeCache

    options: dict[str, Any] = {
        "error_model": "numpy",
        "boundscheck": True,
        "fastmath": False,
        "nogil": True,
        "forceinline": inline,
        "no_cpython_wrapper": not is_entry,
        "no_cfunc_wrapper": not is_entry,
        "_nrt": False,
    }
    dispatcher: Any = numba.njit(**options)(function)
    dispatcher._cache = CodeCache(function, "entry" if is_entry else "inner")
    return dispatcher


_inner_class: Any = None


def _inner(function: Callable[..., Any], inline: bool) -> Any:
    """
    Return a dispatcher for calls from compiled code, which compiles an entry for Python on its first such call.

    The glue that unpacks Python arguments is most of the code of a small function, so only what Python
    really calls gets it. A caller's literals and enum members count as the plain numbers they are:
    otherwise every constant argument would compile the function once more.
    """
    global _inner_class
    if _inner_class is None:
        from numba.core import types
        from numba.core.registry import CPUDispatcher

        def plain(kind: Any) -> Any:
            kind = types.unliteral(kind)
            return kind.dtype if isinstance(kind, types.IntEnumMember) else kind

        class Inner(CPUDispatcher):
            """A compiled function without glue for Python."""

            def get_call_template(self, arguments: Any, named: Any) -> Any:
                named = {name: plain(kind) for name, kind in named.items()}
                return super().get_call_template(tuple(plain(kind) for kind in arguments), named)

            def __call__(self, *arguments: Any, **named: Any) -> Any:
                if not hasattr(self, "_entry"):
                    self._entry = _dispatcher(self.py_func, inline=False, is_entry=True)
                return self._entry(*arguments, **named)

        _inner_class = Inner
    dispatcher = _dispatcher(function, inline=inline, is_entry=False)
    dispatcher.__class__ = _inner_class
    return dispatcher
