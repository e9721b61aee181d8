"""
Run tests against one copy of the package, and say by exit code what they found; `test_planted_bugs` starts it.

``python -m tests.planted.judge SOURCE TEST_FILE...``. Tries of properties are the same in every run, and a
counter-example is not made smaller, since only that there is one counts.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

OPTIONS = ["-q", "-x", "-n", "0", "--tb=line", "-p", "no:cacheprovider", "-p", "no:randomly"]


class Verdict(IntEnum):
    """What became of the tests; as exit codes, none of which pytest or the interpreter uses."""

    ALL_PASSED = 40
    AN_ASSERTION_FAILED = 41
    SOMETHING_ELSE = 42  # an error, or tests that could not be collected
    OTHER_SOURCE = 43  # the package was imported from elsewhere


class Judge:
    """A pytest plugin that notes whether what failed was an assertion."""

    def __init__(self) -> None:
        self.failed_as_asserted = False

    def pytest_collection(self) -> None:
        """Load how properties are tried, after ``conftest`` has loaded its own way and before tests are read."""
        # Here and not above: pytest wants to see it imported.
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("planted", deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("planted")

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """Note the kind of a failure: an assertion, or ``pytest.raises`` without what it waited for."""
        if call.excinfo is not None and call.when == "call":
            self.failed_as_asserted = call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))


def verdict_on(source: Path, files: list[str]) -> Verdict:
    """Run the test files until one fails, with the package that stands in ``source``."""
    import ballast

    if not Path(ballast.__file__).is_relative_to(source):
        return Verdict.OTHER_SOURCE
    judge = Judge()
    code = pytest.main([*OPTIONS, *files], plugins=[judge])
    if code == pytest.ExitCode.OK:
        return Verdict.ALL_PASSED
    failed = code == pytest.ExitCode.TESTS_FAILED and judge.failed_as_asserted
    return Verdict.AN_ASSERTION_FAILED if failed else Verdict.SOMETHING_ELSE


if __name__ == "__main__":
    sys.exit(verdict_on(Path(sys.argv[1]).resolve(), sys.argv[2:]))
