"""The examples of ``docs/fills.md`` play as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ballast.model.enums import PositionMode
from tests.unit.kernel.margin_scenario import funding_stamps, margin_venue, mark_bars
from tests.unit.kernel.margin_scenario import play as play_on_margin
from tests.unit.kernel.scenario import play, read_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "fills.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MARGIN_EXAMPLES = re.findall(r"^```text margin\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MARKET_OF_CONTRACTS = re.compile(r"^(marks|funding) {2,}(.*)\n", re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example {n}" for n in range(len(EXAMPLES))])
def test_an_example_plays_as_it_is_written(example: str) -> None:
    story = read_scenario(example, "documented")
    assert story.expected
    assert play(story)[0] == story.expected


@pytest.mark.parametrize("example", MARGIN_EXAMPLES, ids=[f"example {n}" for n in range(len(MARGIN_EXAMPLES))])
def test_an_example_on_margin_plays_as_it_is_written(example: str) -> None:
    market = dict(MARKET_OF_CONTRACTS.findall(example))
    story = read_scenario(MARKET_OF_CONTRACTS.sub("", example), "documented")
    marks = read_scenario(f"bars  {market['marks']}", "marks").bars[0] if "marks" in market else None
    words = [stamp.split() for stamp in market.get("funding", "").split("|") if stamp.strip()]
    stamps = [(float(second), float(rate)) for second, rate in words]
    settings = {**story.execution, **story.instrument}
    said = play_on_margin(
        margin_venue(cash=story.cash, mode=PositionMode.ONE_WAY, **settings),
        story.bars,
        story.plan,
        marks=None if marks is None else mark_bars(marks),
        funding=funding_stamps(*stamps) if stamps else None,
    )
    assert story.expected
    assert said == story.expected


def test_every_rule_has_an_example() -> None:
    assert len(EXAMPLES) >= 17
    assert len(MARGIN_EXAMPLES) >= 3
