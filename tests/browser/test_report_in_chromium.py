"""The report as a reader meets it: opened offline in a real browser, wide and narrow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ballast.backtest.result import Result
from ballast.research.report import write_report
from tests.unit.backtest.margin_runs import liquidated, panicked
from tests.unit.backtest.sample_result import long_result

pytestmark = pytest.mark.browser

# Loads the report in a frame of the given width and, once it has settled, writes down what can be seen.
PROBE = """<!doctype html><meta charset="utf-8"><pre id="seen">waiting</pre>
<iframe id="frame" src="report.html" style="width:{width}px;height:900px;border:0"></iframe>
<script>
addEventListener("load", () => setTimeout(() => {{
  const page = document.getElementById("frame").contentDocument;
  const drawn = [...page.querySelectorAll(".js-plotly-plot")];
  document.getElementById("seen").textContent = JSON.stringify({{
    title: page.title,
    text: page.body.innerText,
    plots: drawn.length,
    empty: drawn.filter((plot) => !plot.querySelector("svg .trace, svg .scatterlayer, svg .heatmaplayer")).length,
    width: page.documentElement.scrollWidth,
  }});
  document.getElementById("frame").remove();
}}, 4000));
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    path = os.environ.get("BALLAST_CHROMIUM")
    if not path:
        pytest.skip("BALLAST_CHROMIUM is unset: `make verify` looks for a Chromium")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(long_result(), path)
    return path


def open_in(chromium: str, report: Path, width: int) -> tuple[dict[str, Any], str]:
    """Return what the reader of a window of this width sees, and what the console says."""
    probe = report.with_name(f"probe_{width}.html")
    probe.write_text(PROBE.format(width=width), encoding="utf-8")
    profile = report.with_name(f"profile_{width}")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={profile}", "--window-size=1600,1000"]
    command += ["--virtual-time-budget=20000", "--dump-dom", probe.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert seen is not None, done.stderr
    return json.loads(unescape(seen.group(1))), done.stderr


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("run", [liquidated, panicked])
def test_the_report_of_a_margin_account_opens_and_draws(
    chromium: str, tmp_path: Path, run: Callable[[], Result], width: int
) -> None:
    path = tmp_path / "report.html"
    write_report(run(), path)
    seen, console = open_in(chromium, path, width)
    assert seen["plots"] == 3
    assert seen["empty"] == 0
    assert ("LIQUIDATED at" in seen["text"]) == (run is liquidated)
    assert ("What the ladder weighs" in seen["text"]) == (run is panicked)
    assert [line for line in console.splitlines() if "CONSOLE" in line and "error" in line.lower()] == []
    assert seen["width"] <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_the_report_opens_and_draws(chromium: str, report: Path, width: int) -> None:
    seen, console = open_in(chromium, report, width)
    assert seen["plots"] >= 3
    assert seen["empty"] == 0
    assert "cascade" in (seen["title"] + seen["text"]).lower()
    assert [line for line in console.splitlines() if "CONSOLE" in line and "error" in line.lower()] == []
    assert seen["width"] <= width
