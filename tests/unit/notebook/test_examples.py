"""Every example runs as it stands, and does something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ballast.strategies.registry import load
from tests.architecture.sources import PACKAGE, ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_trades(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    fills = re.search(r"^ *Fills +(\d+)", done.stdout, re.MULTILINE)
    assert fills is not None, done.stdout
    assert int(fills.group(1)) > 3


def test_the_notebook_example_leaves_a_figure_that_opens_offline(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, str(ROOT / "examples/cascade_notebook.py")], cwd=tmp_path, env=env, check=True)
    page = (tmp_path / "equity.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert re.findall(r"<script[^>]+src=", page) == []


@pytest.mark.parametrize(("name", "is_compiled"), [("own_strategy", True), ("python_strategy", False)])
def test_one_example_is_compiled_and_the_other_is_not(name: str, is_compiled: bool) -> None:
    assert load(str(ROOT / "examples" / f"{name}.py")).is_compiled == is_compiled
