"""The package's own names are there at once, and what they need loads when they are first used."""

from __future__ import annotations

import re

import pytest

import ballast
from tests.architecture.sources import PACKAGE, run_python

NAMES = {
    "BacktestEngine",
    "PortfolioRebalancer",
    "RebalanceConfig",
    "RebalanceTrigger",
    "backtest_file",
    "run",
}


def test_every_public_name_is_listed_and_there() -> None:
    assert set(ballast.__all__) == {"__version__", *NAMES}
    assert set(dir(ballast)) >= NAMES
    assert all(callable(getattr(ballast, name)) for name in NAMES)


def test_type_checkers_know_the_same_names() -> None:
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    assert set(re.findall(r'"(\w+)"', stub)) == {"__version__", *NAMES}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LiveRebalancer'"):
        ballast.LiveRebalancer  # type: ignore[attr-defined]  # noqa: B018  # Comes with live trading.


def test_importing_the_package_loads_nothing_of_it() -> None:
    code = "import ballast, sys; print(sorted(name for name in sys.modules if name.startswith('ballast.')))"
    done = run_python(code, PACKAGE.parent)
    assert done.stdout.strip() == "[]", done.stderr


def test_submodules_import_as_usual() -> None:
    done = run_python("import ballast.model.errors; import ballast; print(ballast.model.errors.Error)", PACKAGE.parent)
    assert done.returncode == 0, done.stderr
