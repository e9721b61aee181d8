"""The configuration reference says what the code checks."""

from __future__ import annotations

from pathlib import Path

from ballast.config.keys import keys_of
from ballast.config.load import SECTIONS
from ballast.config.reference import page
from ballast.strategies.registry import BUILT_IN, load

ROOT = Path(__file__).parents[3]


def test_the_page_is_the_one_that_is_generated() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page(), "run 'make docs'"


def test_the_page_has_every_key() -> None:
    text = page()
    keys = [key for section in SECTIONS.values() for key in keys_of(section)]
    keys += [key for name in BUILT_IN for key in load(name).parameters]
    assert [key for key in keys if f"| `{key}` |" not in text] == []


def test_defaults_stand_as_a_file_writes_them() -> None:
    text = page()
    assert "| `slippage_bps` | 10 |" in text
    assert '| `benchmarks` | ["' in text
    assert '| `profile` | "recommended" | one of "recommended", "documented" |' in text
    assert "| `symbols` | must be given |" in text
