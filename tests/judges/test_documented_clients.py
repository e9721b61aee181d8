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
from urllib.parse import urlsplit

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


def statements(code: str) -> int:
    """Count what stands there beside imports."""
    return sum(not isinstance(one, ast.Import) for one in ast.parse(code).body)


def done(ready: dict[str, Any], number: int) -> subprocess.CompletedProcess[str]:
    """Run the lines as they are shown, but for the port."""
    port = urlsplit(ready["rest_url"]).port
    code = LINES[number].replace(":8800", f":{port}")
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    ended = subprocess.run(
        [judge_python(), "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def held(ready: dict[str, Any], venue: str, account: int) -> float:
    with urllib.request.urlopen(f"{ready['operator_url']}/state?venue={venue}") as answer:
        holder = json.load(answer)["accounts"][account]
    assert all(leg["qty"] == 0.0 for leg in holder["positions"][1:])
    return float(holder["positions"][0]["qty"])


@pytest.mark.parametrize(
    ("number", "venue", "account"),
    [(0, "bybit", 0), (2, "bybit", 1), (3, "mexc", 0)],
    ids=["ccxt", "pybit", "ccxt-mexc"],
)
def test_three_lines_place_an_order(ready: dict[str, Any], number: int, venue: str, account: int) -> None:
    place(ready, number, venue, account)


def test_three_lines_place_an_order_of_spot() -> None:
    judge_python()
    with running("--clock", "step", "--kind", "spot") as ready:
        place(ready, 1, "bybit", 1)


def place(ready: dict[str, Any], number: int, venue: str, account: int) -> None:
    assert statements(LINES[number]) == 3
    before = held(ready, venue, account)
    assert done(ready, number).stdout == ""
    assert held(ready, venue, account) == before + 1_000.0


@pytest.mark.parametrize(
    ("number", "venue", "account", "seen"),
    [
        (4, "bybit", 0, ("'bids': [[", "'amount': 1000.0")),
        (5, "bybit", 1, ("'orderbook.50.BLORPUSDT'", "'orderStatus': 'Filled'", "'op': 'order.create'")),
        (6, "mexc", 0, ("[[1", "'id': 'C02__", "'amount': 1000.0")),
    ],
    ids=["ccxt", "pybit", "ccxt-mexc"],
)
def test_what_is_shown_of_sockets_trades_and_tells_of_it(
    ready: dict[str, Any], number: int, venue: str, account: int, seen: tuple[str, ...]
) -> None:
    before = held(ready, venue, account)
    ended = done(ready, number)
    # What pybit drops for it came too soon, it logs: the page says so.
    told = ended.stdout + ended.stderr
    assert held(ready, venue, account) == before + 1_000.0
    assert all(words in told for words in seen), told
