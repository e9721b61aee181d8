"""The page about the Python interface runs as it stands, from top to bottom, as in a notebook."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from ballast.backtest.result import Result
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def run_cells(names: dict[str, Any]) -> None:
    for number, block in enumerate(BLOCKS):
        value = eval(compile(block, f"block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.isawaitable(value):
            await value


def test_every_example_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    asyncio.run(run_cells(names))
    results = [value for value in names.values() if isinstance(value, Result)]
    assert len(results) == 4
    assert all(result.metrics.n_fills for result in results)
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert (tmp_path / "result.json").exists()
