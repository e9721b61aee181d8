"""Rooms stay small, named after what is in them, and light to enter."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.architecture.sources import PACKAGE, ROOT, package_modules, python_files, run_python, shown, tree

LONGEST_MODULE = 500  # lines
DRAWERS = {"common", "core", "helper", "helpers", "misc", "util", "utils"}
# Each costs more to import than all of Ballast; they load when first used.
HEAVY = {"aiohttp", "duckdb", "icalendar", "numba", "pandas", "plotly", "polars", "pyarrow", "rich"}


def test_every_package_and_module_says_what_it_is() -> None:
    silent = [shown(path) for path in package_modules() if not ast.get_docstring(tree(path))]
    assert silent == []


def test_every_directory_of_modules_is_a_package() -> None:
    assert [shown(path) for path in package_modules() if not (path.parent / "__init__.py").exists()] == []


def test_no_room_is_named_after_nothing() -> None:
    assert [shown(path) for path in python_files() if {path.stem, path.parent.name} & DRAWERS] == []


def test_no_module_outgrows_its_reader() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in package_modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_the_linter_has_nothing_to_say(arguments: list[str]) -> None:
    report = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--quiet", "--no-cache", "--output-format=concise", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.parametrize(("module", "allowed"), [("ballast", set()), ("ballast.cli.main", {"rich"})])
def test_starting_loads_no_heavy_library(module: str, allowed: set[str]) -> None:
    done = run_python(f"import {module}, sys, json; print(json.dumps(list(sys.modules)))", PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    assert HEAVY & {name.partition(".")[0] for name in json.loads(done.stdout)} - allowed == set()


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
