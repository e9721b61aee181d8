"""Results that may change only when somebody means it; ``python -m tests.golden.runs`` writes them anew."""

from __future__ import annotations

import pytest

from tests.golden.runs import DIRECTORY, RUNS, SETUPS, golden_text


@pytest.mark.parametrize("name", [*RUNS, *SETUPS])
def test_a_run_gives_what_it_gave(name: str) -> None:
    assert golden_text(name) == (DIRECTORY / f"{name}.txt").read_text()


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.stem for path in DIRECTORY.glob("*.txt")) == sorted([*RUNS, *SETUPS])
