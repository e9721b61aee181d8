from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from ballast.backtest.charts import MAX_POINTS
from ballast.backtest.metrics import FloatArray
from ballast.backtest.result import Metrics
from ballast.model.errors import OutputError
from ballast.research.report import report_html, write_report
from ballast.research.report.chart_data import chart_data
from ballast.research.report.definitions import definition, results_page
from ballast.research.report.page import _embedded
from tests.unit.backtest.sample_result import START_MS, fill, fills, long_result, small_result

HOSTILE = "<script>alert('x')</script>&\"$${title}"


def without_library(html: str) -> str:
    return html.replace(get_plotlyjs(), "")


def unpacked(text: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8")


class _Outline(HTMLParser):
    """Collects ids, addresses and unclosed elements."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.identifiers: set[str] = set()
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.identifiers.add(value or "")
            if name in {"src", "href", "srcset", "action", "data"}:
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(html: str) -> _Outline:
    parser = _Outline()
    parser.feed(without_library(html))
    return parser


def test_the_page_asks_nothing_of_the_network() -> None:
    html = without_library(report_html(long_result()))
    assert all(address.startswith("#") for address in outline(html).addresses)
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest", html)
    assert "default-src 'none'" in html


def test_every_element_is_closed_and_every_link_arrives() -> None:
    found = outline(report_html(long_result()))
    assert found.open == []
    assert {address[1:] for address in found.addresses} <= found.identifiers


def test_the_page_holds_every_section_of_a_busy_run() -> None:
    expected = {"equity", "figures", "allocation", "trades", "rebalances", "months", "costs", "round-trips", "notes"}
    assert expected <= outline(report_html(long_result())).identifiers


def test_the_page_names_figures_configuration_hashes_and_problems() -> None:
    result = long_result()
    html = report_html(result)
    for expected in (
        f"{result.metrics.final_equity:,.2f}",
        f"{result.metrics.fees:,.2f}",
        result.config_hash,
        result.data_hash,
        "upside_threshold = 0.2",
        "2 rows of data skipped as unusable, 7 superseded by a later one of the same time, 5 with",
        "BELOW_MINIMUM",
        "max_position_pct",
        "Volume is not a limit.",
        f"{result.best_final_equity:,.2f}",
        definition("sharpe").split(":")[0],
    ):
        assert expected in html


def test_what_users_name_is_escaped_everywhere() -> None:
    result = replace(
        long_result(),
        strategy=HOSTILE,
        symbols=[HOSTILE, "A", "B", "C"],
        reasons=[HOSTILE] * 5,
        rejects={HOSTILE: 1},
        assumptions=[HOSTILE],
        breaches=[{HOSTILE: HOSTILE}],
        benchmarks={HOSTILE: long_result().equity},
        config={"strategy": {HOSTILE: HOSTILE}},
        config_hash=HOSTILE,
    )
    assert "<" not in json.dumps(chart_data(result))
    html = without_library(report_html(result))
    assert "<script>alert" not in html
    assert html.count("</script>") == without_library(report_html(long_result())).count("</script>")


def test_embedded_data_cannot_close_its_own_element() -> None:
    assert "<" not in _embedded({"name": "</script><!--"})
    assert json.loads(_embedded({"name": "</script>"})) == {"name": "</script>"}


def test_a_run_that_never_traded_has_a_report() -> None:
    idle = small_result(fills=fills(), equity=np.full(3, 10_000.0), n_events=0)
    html = without_library(report_html(idle))
    assert not re.search(r">[^<]*\b(nan|inf|None)\b", html.split("<script")[0])
    assert 'id="rebalances"' not in html


def test_every_fill_is_in_the_page_with_its_reason() -> None:
    result = long_result()
    trades = chart_data(result)["trades"]
    assert trades["reasons"] == list(result.reasons)
    for index, symbol in enumerate(trades["symbols"]):
        own = result.fills[result.fills["symbol"] == index]
        assert unpacked(symbol["fills"]["ts"]).tolist() == own["ts_ms"].tolist()
        assert unpacked(symbol["fills"]["price"]).tolist() == own["price"].tolist()
        assert unpacked(symbol["fills"]["reason"]).tolist() == own["reason"].tolist()


def test_a_half_million_bars_stay_light_and_keep_their_extremes() -> None:
    n = 500_000
    equity = 10_000.0 + np.cumsum(np.random.default_rng(5).normal(0.0, 1.0, n))
    equity[300_001], equity[300_002] = 30_000.0, 5_000.0
    result = small_result(
        ts_ms=START_MS + np.arange(n, dtype=np.int64) * 60_000,
        equity=equity,
        closes=equity[:, None],
        n_events=0,
    )
    data = chart_data(result)
    drawn = unpacked(data["equity"]["run"]["value"])
    assert len(drawn) <= MAX_POINTS + 2
    assert (drawn.max(), drawn.min()) == (30_000.0, 5_000.0)
    assert unpacked(data["equity"]["drawdown"]["value"]).min() == result.metrics.max_drawdown
    assert len(json.dumps(data)) < 500_000


def test_weights_and_reserve_add_up_to_the_whole_account() -> None:
    columns = chart_data(long_result())["allocation"]["columns"]
    assert [column["name"] for column in columns][-1] == "Reserve"
    total = np.sum([unpacked(column["value"]) for column in columns], axis=0)
    assert total == pytest.approx(np.ones(len(total)), abs=1e-12)


def test_the_reserve_is_the_cash_that_the_run_had_left() -> None:
    result = long_result()
    allocation = chart_data(result)["allocation"]
    frames = np.searchsorted(result.ts_ms, unpacked(allocation["ts"]))
    cash = 1.0 - result.gross[frames] / result.equity[frames]
    assert unpacked(allocation["columns"][-1]["value"]) == pytest.approx(cash, abs=1e-9)


def test_a_short_position_is_drawn_as_lines_not_as_parts_of_a_whole() -> None:
    sold = fills(fill(-1, 10.0, 100.0, ts_ms=START_MS + 60_000, position_side=2))
    allocation = chart_data(small_result(fills=sold, n_events=0))["allocation"]
    assert not allocation["stacked"]
    assert unpacked(allocation["columns"][0]["value"])[1] == pytest.approx(-1_000.0 / 9_999.0)


def test_an_unwritable_report_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.html"):
        write_report(small_result(), tmp_path / "missing" / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_every_figure_is_defined_and_the_page_of_definitions_is_current() -> None:
    assert all(len(definition(field.name)) > 20 for field in fields(Metrics))
    page = Path(__file__).parents[3] / "docs" / "results.md"
    assert page.read_text() == results_page()


@pytest.mark.browser
def test_the_charts_are_drawn_in_a_browser_without_network_or_complaint(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium")
    write_report(long_result(), tmp_path / "report.html")
    run: subprocess.CompletedProcess[Any] = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000", "--enable-logging=stderr",
            "--dump-dom", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert run.stdout.count('class="plot-container') == 3
    assert run.stdout.count('class="point"') >= 20
    assert "CONSOLE" not in run.stderr
