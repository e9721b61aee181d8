from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ballast.data.quality import Finding, Kind, Report, check, report_table
from ballast.data.source import read_bars
from ballast.model.errors import ConfigError
from tests.unit.data.tables import MINUTE, T0, Row, bar, table_of


def report_of(rows: Sequence[Row], **options: Any) -> Report:
    return check(read_bars(table_of(rows)), **options)


def found(report: Report) -> dict[Kind, Finding]:
    return {finding.kind: finding for finding in report.findings}


def flat(minutes: Sequence[float], price: float = 10.0) -> list[Row]:
    return [bar(minute, open_=price, close=price) for minute in minutes]


def test_clean_bars_have_no_findings() -> None:
    report = report_of(flat(range(10)))
    assert report.findings == ()
    assert (report.rows, report.symbols, report.interval_ms) == (10, ("AUSDT",), MINUTE)
    assert not report.has_defects


def test_duplicates_are_counted_from_their_second_row() -> None:
    finding = found(report_of([*flat([0, 1]), *flat([1, 1, 2])]))[Kind.DUPLICATE]
    assert (finding.count, finding.row, finding.time_ms) == (2, 3, T0 + MINUTE)


def test_time_running_backwards_is_found_where_it_does() -> None:
    report = report_of([*flat([0, 2]), *flat([1, 3])])
    finding = found(report)[Kind.NON_MONOTONE]
    assert (finding.count, finding.row, finding.detail) == (1, 3, "after 2024-01-01 00:02")
    assert Kind.GAP not in found(report)


@pytest.mark.parametrize("field", ["open_", "high", "low", "close"])
@pytest.mark.parametrize("value", [None, 0.0, -2.0])
def test_prices_that_are_none_are_found(field: str, value: float | None) -> None:
    values: dict[str, Any] = {"high": 11.0, "low": 10.0, field: value}
    finding = found(report_of([*flat([0, 1]), bar(2, **values)]))[Kind.BAD_PRICE]
    assert (finding.count, finding.row) == (1, 3)
    assert finding.detail == f"{field.rstrip('_')} {'nan' if value is None else format(value, 'g')}"


def test_a_high_or_low_that_does_not_enclose_is_found_with_its_prices() -> None:
    finding = found(report_of([*flat([0]), bar(1, high=10.5), bar(2, low=10.5)]))[Kind.NOT_ENCLOSING]
    assert (finding.count, finding.row) == (2, 2)
    assert finding.detail == "open 10, high 10.5, low 10, close 11"


def test_gaps_are_counted_with_their_longest() -> None:
    finding = found(report_of(flat([0, 1, 2, 4, 5, 9, 10])))[Kind.GAP]
    assert (finding.count, finding.row, finding.time_ms) == (2, 4, T0 + 3 * MINUTE)
    assert finding.detail == "4 bars missing, at most 3 in a row before 2024-01-01 00:09"


def test_an_absent_bar_is_a_gap() -> None:
    assert found(report_of([*flat([0, 1]), bar(2, close=None), *flat([3])]))[Kind.GAP].count == 1


def test_zero_volume_is_counted_with_its_share() -> None:
    finding = found(report_of([*flat([0, 1, 2]), bar(3, open_=10.0, close=10.0, volume=0.0)]))[Kind.ZERO_VOLUME]
    assert (finding.count, finding.row, finding.detail) == (1, 4, "25.00% of the bars")


def test_price_jumps_are_found_above_the_threshold_either_way() -> None:
    rows = [bar(0, close=10.0), bar(1, close=13.0), bar(2, close=9.0), bar(3, close=9.0)]
    finding = found(report_of(rows))[Kind.PRICE_JUMP]
    assert (finding.count, finding.row, finding.detail) == (1, 3, "-30.8%")
    assert found(report_of(rows, jump_threshold=0.29))[Kind.PRICE_JUMP].count == 2


def test_a_new_level_after_a_halt_is_a_redenomination() -> None:
    rows = [*flat(range(30), 0.002), *flat(range(600, 630), 2.0)]
    finding = found(report_of(rows))[Kind.REDENOMINATION]
    assert (finding.count, finding.row, finding.detail) == (
        1,
        31,
        "price times 1000 after a halt since 2024-01-01 00:29",
    )


def test_a_new_level_without_a_halt_or_one_that_does_not_hold_is_none() -> None:
    assert Kind.REDENOMINATION not in found(report_of([*flat(range(30), 0.002), *flat(range(30, 60), 2.0)]))
    assert Kind.REDENOMINATION not in found(report_of([*flat(range(30), 0.002), *flat(range(50_000, 50_030), 2.0)]))
    spike = [*flat(range(30), 0.002), *flat([600], 2.0), *flat(range(601, 630), 0.002)]
    assert Kind.REDENOMINATION not in found(report_of(spike))


def test_symbols_are_judged_apart() -> None:
    report = report_of([bar(0), bar(0, "BUSDT"), bar(1), bar(1, "BUSDT"), bar(1, "BUSDT")])
    assert [(finding.symbol, finding.kind, finding.row) for finding in report.findings] == [
        ("BUSDT", Kind.DUPLICATE, 5)
    ]


def test_a_threshold_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose one above 0"):
        report_of(flat([0]), jump_threshold=0.0)


def test_a_single_bar_is_reported() -> None:
    assert report_of(flat([0])).interval_ms is None


def test_the_table_has_a_line_per_finding() -> None:
    screen = StringIO()
    Console(file=screen, width=160).print(report_table(report_of([*flat([0, 1]), *flat([1]), *flat([5])])))
    text = screen.getvalue()
    assert "4 rows, 1 symbols, 1m bars" in text
    assert "duplicate bar" in text
    assert "3 bars missing" in text


class TestRecorded:
    def test_the_two_redenominations_of_2021_are_found_and_no_other(self, recorded_data: Path) -> None:
        report = check(read_bars(recorded_data / "binance_spot_5m_2020-12_2021-07.parquet"))
        findings = [finding for finding in report.findings if finding.kind is Kind.REDENOMINATION]
        assert [(finding.symbol, finding.detail.split()[2]) for finding in findings] == [
            ("BTCSTUSDT", "0.1"),
            ("COCOSUSDT", "1000"),
        ]

    def test_the_catalogued_defects_of_equities_are_found(self, recorded_data: Path) -> None:
        report = check(read_bars(recorded_data / "us_equity_1d_sp500_2013-02_2016-12.parquet"))
        counts = {
            kind: sum(finding.count for finding in report.findings if finding.kind is kind)
            for kind in (Kind.NOT_ENCLOSING, Kind.DUPLICATE, Kind.NON_MONOTONE)
        }
        assert counts == {Kind.NOT_ENCLOSING: 12, Kind.DUPLICATE: 0, Kind.NON_MONOTONE: 0}
        assert report.has_defects
