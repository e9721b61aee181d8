"""The import contract holds, covers what exists, and catches what it is there to catch."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT, copy_package, run_python

# Packages that talk to files, sockets, clocks and people. All others are the core.
EDGES = {
    "alerts",
    "backtest",
    "cli",
    "config",
    "data",
    "files",
    "journal",
    "live",
    "logs",
    "notebook",
    "research",
    "streams",
    "venues",
    "web",
}
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(source: Path) -> subprocess.CompletedProcess[str]:
    return run_python(LINT, source)


def plant(source: Path, module: str, line: str) -> None:
    path = source / "ballast" / module
    path.parent.mkdir(exist_ok=True)
    package = path.parent / "__init__.py"
    if not package.exists():
        package.write_text("")
    path.write_text(f"{line}\n")


def test_the_project_keeps_its_import_contract() -> None:
    report = lint(ROOT / "src")
    assert report.returncode == 0, report.stdout + report.stderr


def test_every_package_of_the_core_is_under_the_pure_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    pure = next(contract for contract in contracts if contract["id"] == "pure")
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {f"ballast.{name}" for name in packages - EDGES} == set(pure["source_modules"]), (
        "list every package of the core, and no other, as a source module of the contract 'pure' in pyproject.toml"
    )


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("strategies/planted.py", "import ballast.kernel", "Strategies never see the kernel"),
        ("strategies/planted.py", "import ballast.venues", "Imports point downwards"),
        ("kernel/planted.py", "import time", "The core does no I/O"),
        ("model/planted.py", "def later() -> None:\n    import polars", "The core does no I/O"),
        ("kernel/planted.py", "import ballast.strategies", "Imports point downwards"),
        ("risk/planted.py", "import ballast.portfolio", "Imports point downwards"),
        ("backtest/planted.py", "import ballast.data", "Only the command line chooses venues and data"),
        ("live/planted.py", "import ballast.venues", "Only the command line chooses venues and data"),
        ("data/planted.py", "import ballast.venues", "Imports point downwards"),
        ("web/planted.py", "import ballast.live", "The dashboard reads the journal"),
        ("venues/bybit_public.py", "import ballast.venues.mexc_public", "Venues never import each other"),
        ("utils/planted.py", "", "Imports point downwards"),
    ],
)
def test_a_planted_fault_breaks_the_contract(tmp_path: Path, module: str, line: str, contract: str) -> None:
    source = copy_package(tmp_path)
    for package in ("kernel", "portfolio", "strategies", "venues", "data", "live"):
        plant(source, f"{package}/planted.py", "")
    plant(source, module, line)
    report = lint(source)
    assert report.returncode == 1
    broken = [row for row in report.stdout.splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) for row in broken), report.stdout
