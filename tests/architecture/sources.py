"""The project's own files, as the architecture tests read them."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "ballast"
_TEXT = {".css", ".html", ".js", ".md", ".py", ".sh", ".toml", ".txt", ".yml", ""}
_MADE = {"__pycache__", "build", "demo", "dist", "node_modules"}


def package_modules() -> list[Path]:
    """Return every module of the package, sorted."""
    return sorted(PACKAGE.rglob("*.py"))


def python_files() -> list[Path]:
    """Return every Python file that the project wrote, sorted."""
    return [path for path in text_files() if path.suffix == ".py"]


@cache
def text_files() -> tuple[Path, ...]:
    """Return every text file that the project wrote, hidden directories but ``.ci`` left out."""
    return tuple(sorted(path for path in _walk(ROOT) if path.suffix in _TEXT))


def _walk(directory: Path) -> Iterator[Path]:
    for entry in directory.iterdir():
        if entry.is_dir():
            if entry.name == ".ci" or not (entry.name.startswith(".") or entry.name in _MADE):
                yield from _walk(entry)
        elif not entry.name.startswith("."):
            yield entry


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """Return the path as a message should name it."""
    return str(path.relative_to(ROOT))


def copy_package(directory: Path) -> Path:
    """Copy the package's sources and settings into ``directory``; return its ``src``."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, directory / "src" / "ballast", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", directory)
    return directory / "src"


def run_python(code: str, source: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """
    Run ``code`` in a new interpreter that finds the package in ``source``.

    Writes no byte code: a copy that is edited within one second would otherwise run its old form.
    """
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=source.parent,
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
