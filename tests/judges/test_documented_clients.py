"""The few lines by which the documentation points clients at the local exchange trade there as they are shown."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.judges.exchanges import judge_python, running

PAGE = (ROOT / "docs" / "local_exchange.md").read_text(encoding="utf-8")
LINES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    """Give an exchange of both venues; each client trades an account of its own."""
    judge_python()
    with running("--clock", "step", "--venue", "bybit,mexc") as ready:
        yield ready


@pytest.mark.parametrize(
    ("number", "client", "venue", "account"),
    [(0, "ccxt", "bybit", 0), (2, "pybit.unified_trading", "bybit", 1), (3, "ccxt", "mexc", 0)],
    ids=["ccxt", "pybit", "ccxt-mexc"],
)
def test_three_lines_place_an_order(ready: dict[str, Any], number: int, client: str, venue: str, account: int) -> None:
    place(ready, number, client, venue, account)


def test_three_lines_place_an_order_of_spot() -> None:
    judge_python()
    with running("--clock", "step", "--kind", "spot") as ready:
        place(ready, 1, "ccxt", "bybit", 1)


def place(ready: dict[str, Any], number: int, client: str, venue: str, account: int) -> None:
    assert len(ast.parse(LINES[number]).body) == 3
    code = f"import {client}\n" + LINES[number].replace("http://127.0.0.1:8800", ready["rest_url"])
    done = subprocess.run([judge_python(), "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    with urllib.request.urlopen(f"{ready['operator_url']}/state?venue={venue}") as answer:
        holder = json.load(answer)["accounts"][account]
    assert [leg["qty"] > 0.0 for leg in holder["positions"]] == [True, False, False, False]
