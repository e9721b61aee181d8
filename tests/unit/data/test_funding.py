"""Funding stamps: which count, when they count, and what a file may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.files import CONVENTIONAL, Layout
from ballast.data.frames import load_frames
from ballast.data.funding import Funding, load_funding
from ballast.data.parts import funding_table
from ballast.data.series import FUNDING, Series
from ballast.model.errors import DataError, SchemaError
from ballast.model.ports import FundingRate
from tests.unit.data.tables import T0

HOUR = 3_600_000
NS = 1_000_000
# A day of hours.
FRAMES = np.arange(24) * HOUR * NS + T0 * NS
Stamp = tuple[int, str, Any]


def table(stamps: list[Stamp], **extra: list[Any]) -> Any:
    times, symbols, rates = zip(*stamps, strict=True) if stamps else ((), (), ())
    columns = {
        "ts": pa.array(times, pa.timestamp("ms", "UTC")),
        "symbol": pa.array(symbols, pa.string()),
        "funding_rate": pa.array(rates, pa.float64()),
    }
    return pa.table(columns | {name: pa.array(values) for name, values in extra.items()})


def at(hour: float, symbol: str = "AUSDT", rate: Any = 0.0001) -> Stamp:
    return (int(T0 + hour * HOUR), symbol, rate)


def funding(source: Any, symbols: tuple[str, ...] = ("AUSDT",), layout: Layout = CONVENTIONAL) -> Funding:
    return load_funding(source, symbols, FRAMES, HOUR * NS, layout=layout)


def stamps(found: Funding) -> list[tuple[float, int, float]]:
    return [((one.ts_ns / NS - T0) / HOUR, int(one.symbol), float(one.rate)) for one in found.stamps]


class TestWhatCounts:
    def test_stamps_come_by_time_and_then_by_symbol(self) -> None:
        source = table([at(16, "BUSDT", 0.3), at(8, "AUSDT", 0.1), at(16, "AUSDT", 0.2), at(8, "CUSDT", 0.4)])
        assert stamps(funding(source, ("BUSDT", "AUSDT"))) == [(8, 1, 0.1), (16, 0, 0.3), (16, 1, 0.2)]

    def test_the_window_is_that_of_the_frames_with_its_start_and_without_its_end(self) -> None:
        source = table([at(-8), at(0, rate=0.1), at(23.5, rate=0.2), at(24)])
        assert stamps(funding(source)) == [(0, 0, 0.1), (23.5, 0, 0.2)]

    def test_a_stamp_in_a_hole_of_the_frames_counts(self) -> None:
        found = load_funding(table([at(8)]), ["AUSDT"], FRAMES[[0, 1, 20]], HOUR * NS)
        assert stamps(found) == [(8, 0, 0.0001)]

    def test_a_symbol_without_a_stamp_is_named_and_no_error(self) -> None:
        found = funding(table([at(8), at(30, "BUSDT")]), ("AUSDT", "BUSDT", "CUSDT"))
        assert found.missing == ("BUSDT", "CUSDT")
        assert len(found.stamps) == 1

    def test_an_empty_table_leaves_everybody_without(self) -> None:
        assert funding(table([])).missing == ("AUSDT",)

    @pytest.mark.parametrize("rate", [None, float("nan"), float("inf")])
    def test_a_row_without_a_rate_is_left_out_and_counted(self, rate: float | None) -> None:
        found = funding(table([at(8, rate=rate), at(16), at(-8, rate=rate)]))
        assert (len(found.stamps), found.rows_skipped) == (1, 1)

    def test_of_two_rows_for_the_same_stamp_the_last_counts(self) -> None:
        assert stamps(funding(table([at(8, rate=0.1), at(16, rate=0.3), at(8, rate=0.2)]))) == [
            (8, 0, 0.2),
            (16, 0, 0.3),
        ]


class TestJitter:
    @pytest.mark.parametrize("off_ms", [-1_000, -3, 0, 1, 20, 1_000])
    def test_a_stamp_within_a_second_of_the_hour_belongs_to_it(self, off_ms: int) -> None:
        assert stamps(funding(table([(T0 + 8 * HOUR + off_ms, "AUSDT", 0.1)]))) == [(8, 0, 0.1)]

    @pytest.mark.parametrize("off_ms", [-1_001, 1_001, 30_000])
    def test_any_other_keeps_its_time(self, off_ms: int) -> None:
        found = funding(table([(T0 + 8 * HOUR + off_ms, "AUSDT", 0.1)]))
        assert found.stamps.ts_ns.tolist() == [(T0 + 8 * HOUR + off_ms) * NS]

    def test_a_stamp_just_before_the_window_is_its_first_and_one_just_before_its_end_is_outside(self) -> None:
        source = table([(T0 - 2, "AUSDT", 0.1), (T0 + 24 * HOUR - 2, "AUSDT", 0.2)])
        assert stamps(funding(source)) == [(0, 0, 0.1)]

    def test_two_reports_of_one_stamp_are_one(self) -> None:
        assert stamps(funding(table([at(8, rate=0.1), (T0 + 8 * HOUR + 7, "AUSDT", 0.2)]))) == [(8, 0, 0.2)]


class TestVenues:
    source = table([at(8, rate=0.1), at(8, rate=0.2), at(8, rate=0.3)], venue=["binance", "bybit", "kraken"])

    def test_the_chosen_venue_s_rates_are_read(self) -> None:
        assert stamps(funding(self.source, layout=Layout(venue="bybit"))) == [(8, 0, 0.2)]

    def test_several_venues_want_a_choice(self) -> None:
        with pytest.raises(DataError, match=r"of several venues, binance, bybit, kraken; say which with data\.venue"):
            funding(self.source)

    def test_several_venues_of_other_symbols_do_not(self) -> None:
        source = table([at(8), at(8, "BUSDT")], venue=["bybit", "binance"])
        assert len(funding(source).stamps) == 1

    def test_an_unknown_venue_is_named_with_the_nearest(self) -> None:
        with pytest.raises(DataError, match="the table: no rows for venue 'bibit'; did you mean 'bybit'"):
            funding(self.source, layout=Layout(venue="bibit"))

    def test_a_file_of_one_venue_needs_no_column(self) -> None:
        assert len(funding(table([at(8)]), layout=Layout(venue="bybit")).stamps) == 1


class TestBadFiles:
    def test_a_misnamed_file_is_told_with_the_nearest(self, tmp_path: Path) -> None:
        pq.write_table(table([at(8)]), tmp_path / "funding.parquet")
        with pytest.raises(DataError, match=r"fundin\.parquet: no such file; did you mean 'funding\.parquet'\?"):
            funding(tmp_path / "fundin.parquet")

    def test_a_file_that_is_neither_parquet_nor_csv_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "funding.json").write_text("{}")
        with pytest.raises(DataError, match=r"funding\.json: not a Parquet file"):
            funding(tmp_path / "funding.json")

    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(SchemaError, match="no column 'funding_rate'; did you mean 'fundingrate'"):
            funding(table([at(8)]).rename_columns(["ts", "symbol", "fundingrate"]))

    def test_a_rate_that_is_no_fraction_is_refused_with_its_time(self) -> None:
        with pytest.raises(DataError, match=r"funding_rate 1\.5 at 2024-01-01 08:00 is no fraction"):
            funding(table([at(8, rate=1.5)]))

    def test_csv_is_read_too(self, tmp_path: Path) -> None:
        path = tmp_path / "funding.csv"
        path.write_text("ts,venue,symbol,funding_rate\n2024-01-01T08:00:00.004Z,bybit,AUSDT,-0.00025\n")
        assert stamps(funding(path, layout=Layout(venue="bybit"))) == [(8, 0, -0.00025)]


class TestCatalog:
    def test_downloaded_rates_are_read_by_symbol(self, tmp_path: Path) -> None:
        catalog = Catalog(tmp_path / "catalog")
        rates = [FundingRate(T0 + 8 * HOUR, 0.1), FundingRate(T0 + 16 * HOUR, 0.2)]
        with changing(catalog.root) as change:
            change.put(Series(FUNDING, "bybit/linear", "BUSDT"), funding_table("BUSDT", rates))
        found = funding(catalog.funding_files("bybit/linear", ["AUSDT", "BUSDT"]), ("AUSDT", "BUSDT"))
        assert stamps(found) == [(8, 1, 0.1), (16, 1, 0.2)]
        assert found.missing == ("AUSDT",)

    def test_none_at_all_name_the_command_that_brings_them(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no funding of AUSDT; get it with: ballast data download .* --funding"):
            Catalog(tmp_path).funding_files("bybit/linear", ["AUSDT"])


@given(
    st.lists(
        st.tuples(
            st.integers(-30 * HOUR, 30 * HOUR), st.sampled_from(["AUSDT", "BUSDT", "CUSDT"]), st.floats(-0.5, 0.5)
        ),
        max_size=30,
    )
)
def test_every_stamp_is_in_the_window_in_order_and_once(rows: list[tuple[int, str, float]]) -> None:
    symbols = ("BUSDT", "AUSDT")
    found = funding(table([(T0 + at_ms, symbol, rate) for at_ms, symbol, rate in rows]), symbols)
    keys = [(int(one.ts_ns), int(one.symbol)) for one in found.stamps]
    assert keys == sorted(set(keys))
    assert all(FRAMES[0] <= ts_ns < FRAMES[-1] + HOUR * NS for ts_ns, _ in keys)
    assert {symbols[symbol] for _, symbol in keys} | set(found.missing) == set(symbols)
    told = {symbol for at_ms, symbol, _ in rows if 1_000 < at_ms < 24 * HOUR - 1_001}
    assert told & set(symbols) <= set(symbols) - set(found.missing)


def test_recorded_rates_fall_on_the_frames_they_belong_to(recorded_data: Path) -> None:
    path = recorded_data / "funding_rates_binance_bybit_2020-01_2025-08.parquet"
    frames = load_frames(recorded_data / "binance_perp_1h_2020-01_2025-08.parquet", ["BTCUSDT", "XRPUSDT"])
    times_ns = np.asarray(frames.records.ts_ns)
    found = load_funding(path, frames.symbols, times_ns, frames.interval_ns, layout=Layout(venue="binance"))
    assert found.missing == ()
    assert np.isin(found.stamps.ts_ns, times_ns).all()
    hours = (found.stamps.ts_ns // (HOUR * NS)) % 24
    assert set(hours.tolist()) == {0, 8, 16}
