"""A cached function never runs old code, and a second start compiles nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.sources import copy_package, run_python

HELPER = """
from ballast.model.compiled import compiled

SCALE = {scale}

@compiled
def rate() -> float:
    return {rate}
"""
INLINED = HELPER.replace("@compiled", "@compiled(inline=True)")
# Ways to reach another file's function, constant or parameter default.
CALLERS = {
    "a function": ("from ballast.bars.planted_rate import rate", "rate()"),
    "a renamed function": ("from ballast.bars.planted_rate import rate as fee", "fee()"),
    "a function of a module": ("from ballast.bars import planted_rate", "planted_rate.rate()"),
    "a function of a renamed module": ("import ballast.bars.planted_rate as rates", "rates.rate()"),
    "a relative import": ("from .planted_rate import rate", "rate()"),
    "a bracketed import": ("from ballast.bars.planted_rate import (\n    SCALE,  # a comment\n    rate,\n)", "rate()"),
    "a constant": ("from ballast.bars.planted_rate import SCALE", "SCALE"),
    "a function handed on by a third file": ("from ballast.bars.planted_middle import middle", "middle()"),
    "a function that the package hands on": ("from ballast.bars import handed_on", "handed_on()"),
}
MIDDLE = """
from ballast.bars.planted_rate import rate
from ballast.model.compiled import compiled

@compiled
def middle() -> float:
    return rate()
"""
CALLER = """
{line}
from ballast.model.compiled import compiled

@compiled
def charge(qty: float) -> float:
    return qty * {expression}
"""
RUN = """
import json
from {module} import charge
from ballast.model.compiled import cache_stats
print(json.dumps([charge(2.0), cache_stats()["hits"], cache_stats()["misses"]]))
"""


class Start(NamedTuple):
    """What one start of the interpreter saw."""

    answer: float
    hits: int
    misses: int


def start(source: Path, module: str = "ballast.bars.planted_caller") -> Start:
    environment = {"BALLAST_CACHE_DIR": str(source.parent / "cache"), "BALLAST_INTERPRET": ""}
    done = run_python(RUN.format(module=module), source, **environment)
    assert done.returncode == 0, done.stderr
    return Start(*json.loads(done.stdout))


def plant(source: Path, line: str, expression: str) -> Path:
    bars = source / "ballast" / "bars"
    bars.mkdir(exist_ok=True)
    handed_on = "from ballast.bars.planted_rate import rate as handed_on\n" if "handed_on" in line else ""
    (bars / "__init__.py").write_text(handed_on)
    (bars / "planted_middle.py").write_text(MIDDLE)
    (bars / "planted_caller.py").write_text(CALLER.format(line=line, expression=expression))
    helper = bars / "planted_rate.py"
    helper.write_text(HELPER.format(scale=50.0, rate=50.0))
    return helper


@pytest.mark.parametrize(("line", "expression"), CALLERS.values(), ids=list(CALLERS))
def test_an_edit_in_another_file_reaches_a_cached_caller(tmp_path: Path, line: str, expression: str) -> None:
    source = copy_package(tmp_path)
    helper = plant(source, line, expression)
    assert start(source).answer == 100.0
    second = start(source)
    assert (second.answer, second.misses) == (100.0, 0)
    assert second.hits > 0
    helper.write_text(HELPER.format(scale=0.25, rate=0.25))
    assert start(source).answer == 0.5


def test_an_edit_reaches_a_function_of_the_users_own_file(tmp_path: Path) -> None:
    source = copy_package(tmp_path)
    helper = source / "my_rates.py"
    helper.write_text(HELPER.format(scale=1.0, rate=50.0))
    (source / "my_strategy.py").write_text(CALLER.format(line="from my_rates import rate", expression="rate()"))
    assert start(source, "my_strategy").answer == 100.0
    assert start(source, "my_strategy").misses == 0
    helper.write_text(HELPER.format(scale=1.0, rate=0.25))
    assert start(source, "my_strategy").answer == 0.5


def test_a_function_that_is_to_be_inlined_is_other_code_and_so_are_its_callers(tmp_path: Path) -> None:
    source = copy_package(tmp_path)
    helper = plant(source, *CALLERS["a function"])
    called = start(source)
    helper.write_text(INLINED.format(scale=50.0, rate=50.0))
    inlined = start(source)
    assert inlined == called
    assert inlined.misses == 2
    assert start(source) == Start(answer=100.0, hits=1, misses=0)


def test_taking_an_edit_back_finds_the_old_machine_code_again(tmp_path: Path) -> None:
    source = copy_package(tmp_path)
    helper = plant(source, *CALLERS["a function"])
    before = helper.read_text()
    start(source)
    helper.write_text(HELPER.format(scale=0.25, rate=0.25))
    start(source)
    helper.write_text(before)
    back = start(source)
    assert (back.answer, back.misses) == (100.0, 0)


def test_a_damaged_cache_file_costs_a_compile_and_no_answer(tmp_path: Path) -> None:
    source = copy_package(tmp_path)
    plant(source, *CALLERS["a function"])
    start(source)
    (file,) = (tmp_path / "cache").rglob("*charge*.nbc")
    file.write_bytes(file.read_bytes()[:100])
    assert start(source) == Start(answer=100.0, hits=1, misses=1)


def test_a_cache_that_cannot_be_written_changes_no_answer(tmp_path: Path) -> None:
    source = copy_package(tmp_path)
    plant(source, *CALLERS["a function"])
    (tmp_path / "cache").write_text("a file where the directory should be")
    assert start(source).answer == 100.0
