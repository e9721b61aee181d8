"""
Compiled code on disk: one file per function, signature and processor, named by a hash of what it depends on.

There is no index, so nothing can be invalidated wrongly and two processes cannot race: a file is either
whole or absent. A cache that cannot be read or written costs a compile, never a wrong answer.

Numba names machine code by counters of the process that compiled it: the n-th function, the n-th record
type. Code of two processes, loaded into a third, can so carry one name for two different things, and the
linker takes the first. Here names follow content instead: a function's ends in its fingerprint, a record
type's is a hash of its fields.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import types
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from ballast.model.fingerprint import fingerprint

VERSIONS = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())

# How the cache fared in this process; the conformance tests and `ballast doctor` read it.
stats = {"hits": 0, "misses": 0}


def cache_directory() -> Path:
    """Return the directory that holds compiled code; it may not exist yet."""
    root = os.environ.get("BALLAST_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ballast"
    )
    return Path(root) / "compiled"


def _record_name(record_type: Any) -> tuple[str, tuple[str, ...]]:
    return "Record", (hashlib.sha256(str(record_type).encode()).hexdigest()[:32],)


# For good, and for all of Numba in this process: a name that says what it names harms nobody.
setattr(types.Record, "mangling_args", property(_record_name))  # noqa: B010  # Typed as a method there.


def signature_text(signature: Any) -> str:
    """Return a text that differs wherever signatures do; Numba's own leaves out which module an enum is from."""
    classes = [getattr(kind, "instance_class", None) for kind in getattr(signature, "args", signature)]
    return f"{signature} {[f'{c.__module__}.{c.__qualname__}' for c in classes if c is not None]}"


class CodeCache(_Cache):
    """
    Numba's cache interface over those files.

    The compiler's ``options`` tell builds of one function apart; ``is_entry`` says that one of them is machine code.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], *, is_entry: bool) -> None:
        self._function = function
        self._options = sorted(options.items())
        self._is_entry = is_entry
        self._name = f"{function.__module__}.{function.__code__.co_qualname}".replace("<locals>", "_")
        self._fingerprint: str | None = None

    @property
    def cache_path(self) -> str:
        """Where the files lie."""
        return str(cache_directory())

    def enable(self) -> None:
        """Do nothing: the cache is always on."""

    def disable(self) -> None:
        """Do nothing: the cache is always on."""

    def flush(self) -> None:
        """Remove this function's files."""
        for file in cache_directory().glob(f"{self._name}-*.nbc"):
            file.unlink(missing_ok=True)

    def _file(self, signature: Any, codegen: Any) -> Path:
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self._function)
        build = (self._fingerprint, self._options, signature_text(signature))
        key = repr((*build, codegen.magic_tuple(), VERSIONS))
        return cache_directory() / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.nbc"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled function for ``signature``, or None."""
        try:
            data = self._file(signature, target_context.codegen()).read_bytes()
            result = CompileResult._rebuild(target_context, *pickle.loads(data))
        except (OSError, EOFError, pickle.UnpicklingError):
            stats["misses"] += 1
            self._function.__qualname__ = f"{self._function.__code__.co_qualname}_{self._fingerprint}"
            return None
        stats["hits"] += 1
        return result

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function; quietly do without when the disk will not have it."""
        if "CPUDispatcher" in str(signature):
            return  # Keyed by an address of this process, so it could never be found again.
        if result.library.has_dynamic_globals:
            raise RuntimeError(f"{self._name} captures an address and could not be cached: pass it as an argument")
        if self._is_entry:
            # As Numba does when it loads one: what was linked in has had no memory for its environments before.
            for environment in result._find_referenced_environments():
                result.codegen.set_env(environment.env_name, environment)
        file = self._file(signature, result.codegen)
        scratch = file.with_suffix(f".{uuid.uuid4().hex}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch.write_bytes(dumps(result._reduce()))
            scratch.replace(file)
        except OSError:
            with suppress(OSError):
                scratch.unlink()
