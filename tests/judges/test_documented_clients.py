"""The few lines by which the documentation points clients at the local exchange trade there as they are shown."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import urllib.request

import pytest

from tests.architecture.sources import ROOT
from tests.judges.exchanges import judge_python, running

PAGE = (ROOT / "docs" / "local_exchange.md").read_text(encoding="utf-8")
LINES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("number", "client", "venue", "account"),
    [(0, "ccxt", "bybit", 0), (1, "pybit.unified_trading", "bybit", 1), (2, "ccxt", "mexc", 0)],
    ids=["ccxt", "pybit", "ccxt-mexc"],
)
def test_three_lines_place_an_order(number: int, client: str, venue: str, account: int) -> None:
    python = judge_python()
    assert len(ast.parse(LINES[number]).body) == 3
    with running("--clock", "step", "--venue", venue) as ready:
        code = f"import {client}\n" + LINES[number].replace("http://127.0.0.1:8800", ready["rest_url"])
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0, done.stderr
        with urllib.request.urlopen(f"{ready['operator_url']}/state") as answer:
            holder = json.load(answer)["accounts"][account]
    assert [leg["qty"] > 0.0 for leg in holder["positions"]] == [True, False, False, False]
