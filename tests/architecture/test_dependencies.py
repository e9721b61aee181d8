"""What is declared is imported, what is imported is declared, and the lock holds both."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.sources import ROOT, package_modules, python_files, tree

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
OURS = {"ballast", "benchmarks", "examples", "tests"}
# Run by name, by pytest or by pip, so that nothing imports them.
TOOLS = {"hatchling", "import-linter", "mypy", "pytest-randomly", "pytest-xdist", "ruff"}


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def declared(requirements: Iterable[str]) -> set[str]:
    return {name_of(requirement) for requirement in requirements}


def imported(files: Iterable[Path]) -> set[str]:
    """Return the distributions that the files import, wherever in the file they do."""
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    tops = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - OURS
    providers = packages_distributions()
    return {name_of(distribution) for top in tops for distribution in providers.get(top, [top])}


RUNTIME = declared(PROJECT["project"]["dependencies"])
EXTRAS = {name for extra in PROJECT["project"].get("optional-dependencies", {}).values() for name in declared(extra)}
DEVELOPMENT = declared(PROJECT["dependency-groups"]["dev"])
JUDGES = declared(PROJECT["dependency-groups"]["judges"])
FREQTRADE = declared(PROJECT["dependency-groups"]["freqtrade"])
FREQTRADE_LOCK = (ROOT / "tests" / "judges" / "freqtrade.lock").read_text(encoding="utf-8")
JUDGES_LOCK = (ROOT / "tests" / "judges" / "requirements.lock").read_text(encoding="utf-8")


def test_the_package_imports_exactly_what_it_declares() -> None:
    assert imported(package_modules()) - EXTRAS == RUNTIME


def test_the_tests_import_only_what_is_declared() -> None:
    others = [file for file in python_files() if file not in package_modules() and file.is_relative_to(ROOT / "tests")]
    # What the package needs itself, a judge may need too.
    assert imported(others) - RUNTIME - EXTRAS - DEVELOPMENT == (JUDGES | FREQTRADE) - RUNTIME


def test_every_development_dependency_is_used() -> None:
    assert DEVELOPMENT - TOOLS - imported(python_files()) == set()


def test_the_lock_holds_every_declared_dependency() -> None:
    locked = declared(re.findall(r"^[A-Za-z0-9][\w.-]*(?===)", LOCK, re.MULTILINE))
    assert (RUNTIME | DEVELOPMENT) - locked == set()
    assert JUDGES - declared(re.findall(r"^[A-Za-z0-9][\w.-]*(?===)", JUDGES_LOCK, re.MULTILINE)) == set()
    assert FREQTRADE - declared(re.findall(r"^[A-Za-z0-9][\w.-]*(?===)", FREQTRADE_LOCK, re.MULTILINE)) == set()


def test_every_locked_package_is_pinned_and_hashed() -> None:
    entries = [
        entry for lock in (LOCK, JUDGES_LOCK, FREQTRADE_LOCK) for entry in re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    ]
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_index() -> None:
    assert re.findall(r"\S*://\S*|--(?:extra-)?index-url|--find-links", LOCK + JUDGES_LOCK + FREQTRADE_LOCK) == []
