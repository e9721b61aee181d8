"""
What compiled code depends on: a hash of its own source file and of every project file that file imports.

An edit anywhere it could reach makes a new fingerprint; an edit elsewhere does not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))", re.M)
_module_digests: dict[str, str] = {}
_import_lists: dict[str, list[str]] = {}


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
