"""The examples of ``docs/fills.md`` play as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.kernel.scenario import play, read_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "fills.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example {n}" for n in range(len(EXAMPLES))])
def test_an_example_plays_as_it_is_written(example: str) -> None:
    story = read_scenario(example, "documented")
    assert story.expected
    assert play(story)[0] == story.expected


def test_every_rule_has_an_example() -> None:
    assert len(EXAMPLES) >= 16
