"""
The one door to Numba: flags, cache, fingerprint.

Three promises:

1. Compiled arithmetic is the interpreter's arithmetic: no fastmath, NumPy's division, bounds checked.
2. A cached function can never run old code. Its cache key is a fingerprint of its own source file and
   of every project file which that file imports, so an edit anywhere it could reach makes a new key.
   (Plain ``cache=True`` looks at the function's own file only.)
3. Nothing compiles at import: a function compiles, or loads, at its first call.

``BALLAST_INTERPRET=1`` makes the door return every function unchanged, so that the whole pipeline runs
in the interpreter. ``BALLAST_CACHE_DIR`` moves the cache (default ``~/.cache/ballast``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

INTERPRETED = os.environ.get("BALLAST_INTERPRET", "") == "1"

_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))", re.M)
_module_digests: dict[str, str] = {}

# How the cache fared in this process; the conformance tests and `ballast doctor` read it.
cache_stats = {"hits": 0, "misses": 0}


def compiled(function: F | None = None, *, inline: bool = False) -> F:
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
        return cast(F, lambda wrapped: compiled(wrapped, inline=inline))
    if INTERPRETED:
        return function
    return cast(F, _dispatcher(function, inline))


def compiled_for(signature: Any, function: Callable[..., Any]) -> Any:
    """
    Compile ``function`` for one exact signature, so that function-pointer arguments keep their type.

    A lazily typed dispatcher would specialise on each function that it is handed; with the signature
    fixed, one cached build serves every function of that type.
    """
    if INTERPRETED:
        return function
    dispatcher = _dispatcher(function, inline=False)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


def _dispatcher(function: Callable[..., Any], inline: bool) -> Any:
    import numba

    dispatcher = numba.njit(
        error_model="numpy", boundscheck=True, fastmath=False, nogil=True, forceinline=inline, _nrt=False
    )(function)
    dispatcher._cache = _fingerprint_cache()(function)
    return dispatcher


def cache_directory() -> Path:
    """Return the directory that holds compiled code; it may not exist yet."""
    root = os.environ.get("BALLAST_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ballast"
    )
    return Path(root) / "compiled"


def fingerprint(function: Callable[..., Any]) -> str:
    """
    Return a hash of everything that can change what ``function`` compiles to.

    Covers the source of its module and of all project modules reachable through imports, its own
    position in that source, and the contents of its closure (functions by their own fingerprints).
    Values that a module computes from anything but source are outside it, so compiled code must not
    read such globals.
    """
    function = getattr(function, "py_func", function)
    digest = hashlib.sha256()
    for name in sorted(_reachable_modules(function.__module__)):
        digest.update(f"{name}={_module_digest(name)};".encode())
    digest.update(f"{function.__qualname__}:{function.__code__.co_firstlineno}".encode())
    digest.update(function.__code__.co_code)
    for cell in getattr(function, "__closure__", None) or ():
        value = cell.cell_contents
        is_function = hasattr(value, "py_func") or callable(getattr(value, "__code__", None))
        digest.update((fingerprint(value) if is_function else repr(value)).encode())
    return digest.hexdigest()


def _reachable_modules(start: str) -> set[str]:
    found: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        if name in found or not _is_project_module(name):
            continue
        found.add(name)
        queue.extend(_imported_names(name))
    return found


def _is_project_module(name: str) -> bool:
    """Tell whether edits to the module should be seen: ours, or the user's own files."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return False
    if name == "ballast" or name.startswith("ballast."):
        return True
    library = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))
    return "site-packages" not in file and "dist-packages" not in file and not file.startswith(library)


_import_lists: dict[str, list[str]] = {}


def _imported_names(module_name: str) -> list[str]:
    if module_name not in _import_lists:
        module = sys.modules[module_name]
        package = getattr(module, "__package__", None) or ""
        names: list[str] = []
        for source, members, plain in _IMPORT.findall(_source(module_name)):
            if plain:
                names.extend(part.split()[0].decode() for part in plain.split(b",") if part.split())
                continue
            base = source.decode()
            base = importlib.util.resolve_name(base, package) if base.startswith(".") else base
            names.append(base)
            members = members.strip(b"()").replace(b"\n", b" ")
            names.extend(f"{base}.{part.split()[0].decode()}" for part in members.split(b",") if part.split())
        _import_lists[module_name] = names
    return _import_lists[module_name]


def _module_digest(name: str) -> str:
    if name not in _module_digests:
        _module_digests[name] = hashlib.sha256(_source(name)).hexdigest()
    return _module_digests[name]


def _source(name: str) -> bytes:
    file = sys.modules[name].__file__
    assert file is not None
    return Path(file).read_bytes()


def _fingerprint_cache() -> Any:
    """Return the cache class; built on first use because it derives from Numba's."""
    global _cache_class
    if _cache_class is None:
        _cache_class = _make_cache_class()
    return _cache_class


_cache_class: Any = None


def _signature_text(signature: Any) -> str:
    """Return a text that differs wherever signatures do; Numba's own leaves out which module an enum is from."""
    classes = [getattr(kind, "instance_class", None) for kind in getattr(signature, "args", signature)]
    return f"{signature} {[f'{c.__module__}.{c.__qualname__}' for c in classes if c is not None]}"


def _make_cache_class() -> Any:
    import llvmlite
    import numba
    import numpy
    from numba.core.caching import CompileResultCacheImpl, _Cache
    from numba.core.serialize import dumps

    versions = (numba.__version__, llvmlite.__version__, numpy.__version__, platform.python_version())

    class FingerprintCache(_Cache):  # type: ignore[misc]  # Numba ships no types.
        """One file per (fingerprint, signature, processor): nothing to invalidate, nothing to race on."""

        def __init__(self, function: Callable[..., Any]) -> None:
            self._function = function
            self._name = f"{function.__module__}.{function.__qualname__}".replace("<locals>", "_")
            self._fingerprint: str | None = None

        @property
        def cache_path(self) -> str:
            return str(cache_directory())

        def enable(self) -> None: ...

        def disable(self) -> None: ...

        def flush(self) -> None:
            for file in cache_directory().glob(f"{self._name}-*.nbc"):
                file.unlink(missing_ok=True)

        def _file(self, signature: Any, codegen: Any) -> Path:
            if self._fingerprint is None:
                self._fingerprint = fingerprint(self._function)
            key = repr((self._fingerprint, _signature_text(signature), codegen.magic_tuple(), versions))
            return cache_directory() / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.nbc"

        def load_overload(self, signature: Any, target_context: Any) -> Any:
            import pickle

            target_context.refresh()
            try:
                data = self._file(signature, target_context.codegen()).read_bytes()
                result = CompileResultCacheImpl.rebuild(self, target_context, pickle.loads(data))
            except (OSError, EOFError, pickle.UnpicklingError):
                cache_stats["misses"] += 1
                return None
            cache_stats["hits"] += 1
            return result

        def save_overload(self, signature: Any, result: Any) -> None:
            if "CPUDispatcher" in str(signature):
                return  # Keyed by an address of this process, so it could never be found again.
            if result.library.has_dynamic_globals:
                raise RuntimeError(f"{self._name} captures an address and could not be cached: pass it as an argument")
            file = self._file(signature, result.codegen)
            scratch = file.with_suffix(f".{uuid.uuid4().hex}")
            try:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                scratch.write_bytes(dumps(result._reduce()))
                scratch.replace(file)
            except OSError:
                # A read-only or full disk costs the next start a compile, never a wrong answer.
                scratch.unlink(missing_ok=True)

    return FingerprintCache
