"""Every bug of `bugs.toml`, planted in a copy of the package, is caught by the tests that it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from ballast.model.enums import LadderState
from tests.architecture.sources import PACKAGE, ROOT
from tests.planted.judge import Verdict

LIST = Path(__file__).with_name("bugs.toml")
REQUESTS = ("raising", "net-reducing", "protecting", "cancelling")


@dataclass(frozen=True)
class Bug:
    """One entry of the list: in ``file``, below ``src/ballast``, ``says`` becomes ``then``, and ``tests`` must fail."""

    name: str
    file: str
    says: str
    then: str
    tests: tuple[str, ...]

    def planted_in(self, code: str) -> str:
        """Return the code with the bug; what it replaces must be there exactly once."""
        found = code.count(self.says)
        assert found == 1, f"{LIST.name}: '{self.name}': {self.file} says {found} times, not once: {self.says!r}"
        return code.replace(self.says, self.then)


BUGS = [
    Bug(
        entry["name"],
        entry["file"],
        entry["says"],
        entry["then"],
        tuple(f"tests/unit/{test}" for test in entry["tests"]),
    )
    for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["bug"]
]
TEST_FILES = sorted({file for bug in BUGS for file in bug.tests})
each_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of ``src``, with the byte code that is there: it is valid as long as a file is not touched."""
    return Path(shutil.copytree(PACKAGE.parent, tmp_path_factory.mktemp("planted") / "src"))


def judged(source: Path, files: tuple[str, ...] | list[str]) -> tuple[Verdict | int, str]:
    """Run tests on the interpreter alone, against the package in ``source``; return the verdict and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.planted.judge", str(source), *files],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(source),
            "BALLAST_INTERPRET": "1",
            # Byte code knows its source by the second and the size: too coarse for what is edited here.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    verdict = Verdict(done.returncode) if done.returncode in set(Verdict) else done.returncode
    return verdict, done.stdout[-2_000:] + done.stderr[-2_000:]


def test_no_two_bugs_have_one_name() -> None:
    assert [name for name, n in Counter(bug.name for bug in BUGS).items() if n > 1] == []


@each_bug
def test_the_list_fits_the_code(bug: Bug) -> None:
    code = (PACKAGE / bug.file).read_text(encoding="utf-8")
    compile(bug.planted_in(code), bug.file, "exec")
    assert bug.says != bug.then
    assert bug.tests
    assert [file for file in bug.tests if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("state", LadderState, ids=lambda state: state.name)
@pytest.mark.parametrize("request_kind", REQUESTS)
def test_every_cell_of_the_ladders_table_has_its_bug(state: LadderState, request_kind: str) -> None:
    assert f"cell {state.name} {request_kind}" in {bug.name for bug in BUGS}


@pytest.mark.verify
def test_without_a_bug_the_named_tests_pass(source: Path) -> None:
    verdict, said = judged(source, TEST_FILES)
    assert verdict == Verdict.ALL_PASSED, said


@pytest.mark.verify
@each_bug
def test_a_planted_bug_is_caught(source: Path, bug: Bug) -> None:
    file = source / "ballast" / bug.file
    sound = file.read_text(encoding="utf-8")
    for stale in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        stale.unlink()
    file.write_text(bug.planted_in(sound), encoding="utf-8")
    try:
        verdict, said = judged(source, bug.tests)
    finally:
        file.write_text(sound, encoding="utf-8")
    assert verdict == Verdict.AN_ASSERTION_FAILED, f"{bug.name}: {verdict!r}\n{said}"
