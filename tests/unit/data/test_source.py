from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from ballast.data.source import Layout, read_bars, symbols_in
from ballast.model.errors import ConfigError, DataError, SchemaError
from tests.unit.data.tables import MINUTE, T0, bar, parquet_of, table_of

ROWS = [bar(0, "AUSDT"), bar(1, "AUSDT", volume=None), bar(0, "BUSDT", open_=None), bar(1, "CUSDT", high=12.5)]


def test_a_parquet_file_is_read_in_file_order(tmp_path: Path) -> None:
    columns = read_bars(parquet_of(tmp_path / "bars.parquet", ROWS))
    assert columns.symbols == ("AUSDT", "BUSDT", "CUSDT")
    assert columns.symbol_index.tolist() == [0, 0, 1, 2]
    assert columns.ts_ms.tolist() == [T0, T0 + MINUTE, T0, T0 + MINUTE]
    np.testing.assert_array_equal(columns.open, [10.0, 10.0, np.nan, 10.0])
    np.testing.assert_array_equal(columns.volume, [5.0, np.nan, 5.0, 5.0])
    assert columns.high[3] == 12.5
    assert columns.mark is None


@pytest.mark.parametrize("row_group_size", [1, 2, 3, 100])
def test_row_groups_make_no_difference(tmp_path: Path, row_group_size: int) -> None:
    path = parquet_of(tmp_path / "bars.parquet", ROWS, row_group_size=row_group_size)
    columns = read_bars(path, symbols=["CUSDT", "AUSDT"])
    assert columns.symbols == ("AUSDT", "CUSDT")
    assert columns.ts_ms[columns.rows_of("AUSDT")].tolist() == [T0, T0 + MINUTE]
    assert columns.high[columns.rows_of("CUSDT")].tolist() == [12.5]


def test_row_groups_that_cannot_hold_a_symbol_are_not_read(tmp_path: Path) -> None:
    rows = [bar(minute, symbol) for symbol in ("AUSDT", "BUSDT") for minute in range(200)]
    path = parquet_of(tmp_path / "bars.parquet", rows, row_group_size=200, compression="none", use_dictionary=False)
    # Spoil the first row group's pages; whoever decodes them fails.
    offset = pq.ParquetFile(path).metadata.row_group(0).column(2).data_page_offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 16)
    assert len(read_bars(path, symbols=["BUSDT"])) == 200
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_bars(path, symbols=["AUSDT"])


def test_csv_parquet_and_tables_give_the_same_columns(tmp_path: Path) -> None:
    table = table_of(ROWS)
    pyarrow.csv.write_csv(table, tmp_path / "bars.csv")
    sources: list[Any] = [
        tmp_path / "bars.csv",
        parquet_of(tmp_path / "bars.parquet", ROWS),
        table,
        pl.from_arrow(table),
    ]
    for source in sources:
        columns = read_bars(source)
        assert columns.symbols == ("AUSDT", "BUSDT", "CUSDT")
        assert columns.ts_ms.tolist() == [T0, T0 + MINUTE, T0, T0 + MINUTE]
        np.testing.assert_array_equal(columns.open, [10.0, 10.0, np.nan, 10.0])


def test_the_pieces_a_column_comes_in_make_no_difference() -> None:
    pieces = [table_of([bar(0, close=1.0), bar(0, "BUSDT", close=2.0)]), table_of([bar(1, close=3.0)]), table_of(ROWS)]
    columns = read_bars(pa.concat_tables(pieces), symbols=["BUSDT", "CUSDT"])
    assert columns.close.tolist() == [2.0, 11.0, 11.0]
    assert read_bars(pa.concat_tables(pieces), symbols=["AUSDT"]).close.tolist() == [1.0, 3.0, 11.0, 11.0]


def test_several_files_are_read_as_one(tmp_path: Path) -> None:
    first = parquet_of(tmp_path / "1.parquet", ROWS[:2])
    second = parquet_of(tmp_path / "2.parquet", [bar(2, "BUSDT"), bar(2, "AUSDT")])
    columns = read_bars([first, second])
    assert columns.symbols == ("AUSDT", "BUSDT")
    assert columns.symbol_index.tolist() == [0, 0, 1, 0]


def test_other_column_names_are_mapped(tmp_path: Path) -> None:
    table = table_of([bar(0)]).rename_columns(["timestamp", "pair", "o", "h", "l", "c", "vol"])
    pq.write_table(table, tmp_path / "bars.parquet")
    rename = {"timestamp": "ts", "pair": "symbol", "o": "open", "h": "high", "l": "low", "c": "close", "vol": "volume"}
    columns = read_bars(tmp_path / "bars.parquet", symbols=["AUSDT"], layout=Layout(rename=rename))
    assert (columns.open[0], columns.close[0], columns.volume[0]) == (10.0, 11.0, 5.0)


def test_a_symbol_can_stand_in_for_a_missing_column() -> None:
    table = table_of([bar(0)]).drop_columns(["symbol"])
    assert read_bars(table, layout=Layout(symbol="XUSDT")).symbols == ("XUSDT",)


def test_rows_of_one_venue_are_selected() -> None:
    table = table_of([bar(0, close=11.0), bar(0, close=12.0)], venue=["bybit", "mexc"])
    assert read_bars(table, layout=Layout(venue="mexc")).close.tolist() == [12.0]


def test_rows_of_one_venue_are_found_in_whatever_row_group(tmp_path: Path) -> None:
    table = table_of([bar(0), bar(1), bar(2)], venue=["bybit", "bybit", "mexc"])
    pq.write_table(table, tmp_path / "bars.parquet", row_group_size=1)
    assert len(read_bars(tmp_path / "bars.parquet", symbols=["AUSDT"], layout=Layout(venue="mexc"))) == 1


def test_the_mark_price_at_the_close_is_read() -> None:
    columns = read_bars(table_of([bar(0), bar(1)], mark_open=[1.0, 1.0], mark_close=[10.5, None]))
    assert columns.mark is not None
    np.testing.assert_array_equal(columns.mark, [10.5, np.nan])


def test_whole_numbers_serve_as_prices() -> None:
    table = table_of([bar(0)])
    whole = table.set_column(table.schema.get_field_index("open"), "open", pa.array([10], pa.int32()))
    assert read_bars(whole).open.tolist() == [10.0]


def test_the_symbols_of_a_file_are_listed(tmp_path: Path) -> None:
    assert symbols_in(parquet_of(tmp_path / "bars.parquet", ROWS, row_group_size=2)) == ("AUSDT", "BUSDT", "CUSDT")


class TestRefusals:
    def test_a_missing_file_names_the_one_beside_it(self, tmp_path: Path) -> None:
        parquet_of(tmp_path / "bars.parquet", ROWS)
        with pytest.raises(DataError, match=r"bar\.parquet: no such file; did you mean 'bars\.parquet'\?"):
            read_bars(tmp_path / "bar.parquet")

    def test_a_file_that_is_not_parquet_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "bars.parquet").write_text("ts,symbol\n")
        with pytest.raises(DataError, match=r"bars\.parquet: not a Parquet file; give a Parquet file, or a CSV"):
            read_bars(tmp_path / "bars.parquet")

    def test_a_cut_parquet_file_is_named(self, tmp_path: Path) -> None:
        path = parquet_of(tmp_path / "bars.parquet", ROWS)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(DataError, match=r"bars\.parquet: not a readable Parquet file"):
            read_bars(path)

    def test_a_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be read"):
            read_bars(tmp_path)

    def test_a_ragged_csv_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "bars.csv").write_text("ts,symbol,open\n1,A\n")
        with pytest.raises(DataError, match=r"bars\.csv: not a readable CSV file"):
            read_bars(tmp_path / "bars.csv")

    def test_a_missing_column_names_the_nearest(self) -> None:
        table = table_of(ROWS).rename_columns(["ts", "symbol", "open", "high", "low", "closed", "volume"])
        with pytest.raises(SchemaError, match=r"no column 'close'; did you mean 'closed'\?"):
            read_bars(table)

    def test_a_missing_column_is_named_even_in_an_empty_file(self, tmp_path: Path) -> None:
        pq.write_table(table_of([]).drop_columns(["symbol"]), tmp_path / "bars.parquet")
        with pytest.raises(SchemaError, match="no column 'symbol'"):
            read_bars(tmp_path / "bars.parquet")

    def test_an_unknown_symbol_names_the_nearest(self, tmp_path: Path) -> None:
        path = parquet_of(tmp_path / "bars.parquet", ROWS, row_group_size=1)
        with pytest.raises(DataError, match=r"no rows for symbol 'AUSD'; did you mean 'AUSDT'\?"):
            read_bars(path, symbols=["BUSDT", "AUSD"])

    def test_an_unknown_symbol_far_from_all_lists_them(self) -> None:
        with pytest.raises(DataError, match="'WHALE'; it has AUSDT, BUSDT, CUSDT"):
            read_bars(table_of(ROWS), symbols=["WHALE"])

    def test_a_file_without_rows_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no rows for symbol 'AUSDT'; it has none"):
            read_bars(parquet_of(tmp_path / "bars.parquet", []), symbols=["AUSDT"])

    def test_a_text_in_a_price_column_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "bars.csv").write_text("ts,symbol,open,high,low,close,volume\n1,A,1,2,1,1,1\n2,A,oops,2,1,1,1\n")
        with pytest.raises(SchemaError, match=r"row 2, column 'open': 'oops' is not a number"):
            read_bars(tmp_path / "bars.csv")

    def test_rows_are_counted_from_the_start_of_the_file(self, tmp_path: Path) -> None:
        table = table_of(ROWS)
        texts = pa.array(["11", "11", None, "many"])
        pq.write_table(table.set_column(5, "close", texts), tmp_path / "texts.parquet", row_group_size=2)
        with pytest.raises(SchemaError, match=r"row 4, column 'close': 'many' is not a number"):
            read_bars(tmp_path / "texts.parquet", symbols=["CUSDT"])
        times = pa.array([T0, T0, T0, None], pa.timestamp("ms"))
        pq.write_table(table.set_column(0, "ts", times), tmp_path / "times.parquet", row_group_size=2)
        with pytest.raises(SchemaError, match="row 4 has no time"):
            read_bars(tmp_path / "times.parquet", symbols=["CUSDT"])

    def test_a_column_of_another_kind_is_named(self) -> None:
        with pytest.raises(SchemaError, match=r"column 'close' holds timestamp\[ms, tz=UTC\], not numbers"):
            read_bars(table_of(ROWS).set_column(5, "close", table_of(ROWS).column("ts")))

    def test_a_mapping_of_a_column_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"no column 'tss' to read as 'ts'; did you mean 'ts'\?"):
            read_bars(table_of(ROWS), layout=Layout(rename={"tss": "ts"}))

    def test_a_symbol_for_bars_that_name_theirs_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="leave out the symbol 'XUSDT'"):
            read_bars(table_of(ROWS), layout=Layout(symbol="XUSDT"))

    def test_a_mapping_that_makes_two_of_one_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="two columns would be read as 'close'"):
            read_bars(table_of(ROWS), layout=Layout(rename={"open": "close"}))

    def test_an_unknown_venue_names_the_nearest(self) -> None:
        with pytest.raises(DataError, match=r"venue 'bibit'; did you mean 'bybit'\?"):
            read_bars(table_of([bar(0)], venue=["bybit"]), layout=Layout(venue="bibit"))

    def test_no_file_at_all_is_refused(self) -> None:
        with pytest.raises(DataError, match="no file to read"):
            read_bars([])
