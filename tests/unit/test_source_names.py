"""Every name that the table of source names gives as present can be imported, and every other one says when."""

from __future__ import annotations

import ast
import re
from functools import reduce
from importlib import import_module

import pytest

from tests.architecture.sources import ROOT, package_modules, tree

PAGE = (ROOT / "docs" / "source_names.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
ROWS = [tuple(cells.split(" | ")) for cells in LINES if cells != "name | here"]
PRESENT = sorted({name for _, here in ROWS for name in re.findall(r"`(ballast\.[\w.]+)`", here)})


def resolve(name: str) -> object:
    """Return what a dotted name means: the longest module that imports, then its attributes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise ModuleNotFoundError(name)


def test_every_row_is_present_or_says_with_what_it_comes() -> None:
    assert len(ROWS) > 40
    odd = [row for row in ROWS if len(row) != 2 or not re.fullmatch(r"comes with .+|`ballast\.[`\w., ]+`", row[1])]
    assert odd == []


@pytest.mark.parametrize("name", PRESENT)
def test_a_name_that_is_given_as_present_is_there(name: str) -> None:
    assert callable(resolve(name))


def test_a_name_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AttributeError):
        resolve("ballast.backtest.result.Result.sumary")


def names_of_the_package() -> set[str]:
    """Return what the package's modules call their classes, functions and methods."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for path in package_modules() for node in ast.walk(tree(path)) if isinstance(node, kinds)}


def test_no_name_that_has_arrived_is_still_announced() -> None:
    announced = {
        name
        for left, here in ROWS
        if here.startswith("comes with")
        for dotted in re.findall(r"`([\w.]+)`", left)
        for name in dotted.split(".")
    }
    assert announced & names_of_the_package() == set()
    assert "LiveRebalancer" in announced
