from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from ballast.data.catalog import Catalog
from ballast.data.frames import build_frames, load_frames
from ballast.data.importer import import_bars
from ballast.data.source import Layout
from ballast.model.errors import ConfigError, DataError, OutputError
from tests.unit.data.tables import MINUTE, bar, parquet_of, table_of
from tests.unit.data.test_catalog import files

ROWS = [bar(minute, symbol) for symbol in ("AUSDT", "BUSDT") for minute in range(5)]
DEFECTIVE = [bar(0), bar(1), bar(3), bar(2), bar(2), bar(4, close=None), bar(5, low=-1.0), bar(6, high=10.5)]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def test_a_file_becomes_a_dataset(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", ROWS)
    report = import_bars(path, "mexc/spot", catalog)
    assert (report.symbols, report.interval, report.rows, report.rows_new) == (("AUSDT", "BUSDT"), "1m", 10, 10)
    symbols = ["BUSDT", "AUSDT"]
    stored = build_frames(catalog.read("mexc/spot", symbols), symbols)
    assert stored.data_hash == load_frames(path, symbols).data_hash


def test_importing_twice_changes_no_byte(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", ROWS)
    import_bars(path, "mexc/spot", catalog)
    before = files(catalog)
    assert import_bars(path, "mexc/spot", catalog).rows_new == 0
    assert files(catalog) == before


def test_csv_and_parquet_give_the_same_catalog(tmp_path: Path, catalog: Catalog) -> None:
    pyarrow.csv.write_csv(table_of(ROWS), tmp_path / "bars.csv")
    import_bars(tmp_path / "bars.csv", "mexc/spot", catalog)
    before = files(catalog)
    import_bars(parquet_of(tmp_path / "bars.parquet", ROWS), "mexc/spot", catalog)
    assert files(catalog) == before


def test_columns_are_mapped_and_a_symbol_given(tmp_path: Path, catalog: Catalog) -> None:
    table = table_of([bar(0), bar(1)]).drop_columns(["symbol"])
    table = table.rename_columns(["time", *table.column_names[1:]])
    pyarrow.csv.write_csv(table, tmp_path / "bars.csv")
    layout = Layout(rename={"time": "ts"}, symbol="XUSDT")
    assert import_bars(tmp_path / "bars.csv", "mexc/spot", catalog, layout=layout).symbols == ("XUSDT",)


def test_the_interval_can_be_given(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", [bar(0), bar(60)])
    assert import_bars(path, "mexc/spot", catalog, interval_ms=MINUTE).interval == "1m"


def test_the_mark_price_is_kept(tmp_path: Path, catalog: Catalog) -> None:
    pq.write_table(table_of([bar(0), bar(1)], mark_close=[10.5, None]), tmp_path / "bars.parquet")
    import_bars(tmp_path / "bars.parquet", "bybit/linear", catalog)
    mark = catalog.read("bybit/linear", ["AUSDT"]).mark
    assert mark is not None
    assert mark[0] == 10.5


def test_defects_are_refused_naming_the_first_of_each_kind(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", DEFECTIVE)
    with pytest.raises(DataError) as caught:
        import_bars(path, "mexc/spot", catalog)
    message = str(caught.value)
    assert message.startswith(f"{path}: refused for duplicate bar at row 5 (AUSDT, 2024-01-01 00:02: ")
    assert "time running backwards at row 4 (AUSDT, 2024-01-01 00:02: after 2024-01-01 00:03)" in message
    assert "missing or non-positive price at row 6 (AUSDT, 2024-01-01 00:04: close nan, 2 in all)" in message
    assert "high or low not enclosing open and close at row 8 (AUSDT, 2024-01-01 00:06: " in message
    assert message.endswith("correct the file, or keep it so with --as-recorded")
    assert "\n" not in message
    assert not catalog.root.exists()


@pytest.mark.parametrize("row", [bar(1), bar(0.5), bar(2, open_=0.0), bar(2, high=None), bar(2, low=10.5)])
def test_one_defect_is_enough(tmp_path: Path, catalog: Catalog, row: tuple[object, ...]) -> None:
    path = parquet_of(tmp_path / "bars.parquet", [bar(0), bar(1), row])
    with pytest.raises(DataError, match="refused for"):
        import_bars(path, "mexc/spot", catalog)


def test_defects_can_be_kept_as_recorded(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", DEFECTIVE)
    assert import_bars(path, "mexc/spot", catalog, as_recorded=True).rows_new == len(DEFECTIVE)
    before = files(catalog)
    assert import_bars(path, "mexc/spot", catalog, as_recorded=True).rows_new == 0
    assert files(catalog) == before
    stored = build_frames(catalog.read("mexc/spot", ["AUSDT"]), ["AUSDT"])
    direct = load_frames(path, ["AUSDT"])
    assert stored.data_hash == direct.data_hash
    assert (stored.rows_skipped, stored.rows_superseded, stored.rows_widened) == (1, 1, 2)


def test_a_second_file_that_contradicts_the_first_is_refused_whole(tmp_path: Path, catalog: Catalog) -> None:
    import_bars(parquet_of(tmp_path / "1.parquet", ROWS), "mexc/spot", catalog)
    before = files(catalog)
    changed = parquet_of(tmp_path / "2.parquet", [bar(9, "AUSDT"), bar(4, "BUSDT", close=12.0), bar(5, "BUSDT")])
    with pytest.raises(DataError, match=r"the high stored for 2024-01-01 00:04 is 11\.0 and the new one is 12\.0"):
        import_bars(changed, "mexc/spot", catalog, interval_ms=MINUTE)
    assert files(catalog) == before
    assert import_bars(changed, "mexc/spot", catalog, interval_ms=MINUTE, replace=True).rows_new == 2


FULL_DISK = """
import resource, signal, sys
import subprocess
import sys
from pathlib import Path
from ballast.data.catalog import Catalog
from ballast.data.importer import import_bars
from ballast.model.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    import_bars(sys.argv[1], "mexc/spot", Catalog(Path(sys.argv[2])), replace=True)
except OutputError as error:
    print(error)
"""


def test_a_disk_that_fills_leaves_the_catalog_as_it_was(tmp_path: Path, catalog: Catalog) -> None:
    import_bars(parquet_of(tmp_path / "1.parquet", ROWS), "mexc/spot", catalog)
    before = files(catalog)
    # The first symbol's part fits, the second one's does not.
    rows = [bar(minute, "AUSDT") for minute in range(9)]
    rows += [bar(minute, "BUSDT", close=1.0 + 1.0 / (minute + 1), high=20.0, low=0.5) for minute in range(9_000)]
    arguments = [str(parquet_of(tmp_path / "2.parquet", rows)), str(catalog.root)]
    run = subprocess.run([sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=False)
    assert "cannot be written (File too large); make room" in run.stdout, run.stderr
    assert files(catalog) == before


@pytest.mark.parametrize(("rows", "message"), [([], "no bars in the file"), ([bar(0)], "give it with --interval")])
def test_a_file_with_too_little_is_refused(
    tmp_path: Path, catalog: Catalog, rows: list[tuple[object, ...]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_bars(parquet_of(tmp_path / "bars.parquet", rows), "mexc/spot", catalog)


def test_a_bad_dataset_name_or_place_leaves_nothing(tmp_path: Path, catalog: Catalog) -> None:
    path = parquet_of(tmp_path / "bars.parquet", ROWS)
    with pytest.raises(ConfigError, match="write it like mexc/spot"):
        import_bars(path, "mexc", catalog)
    assert catalog.summaries() == []
    with pytest.raises(OutputError):
        import_bars(path, "mexc/spot", Catalog(path / "catalog"))


def test_recorded_minutes_survive_the_catalog(recorded_data: Path, catalog: Catalog) -> None:
    path = recorded_data / "mexc_spot_1m_2026-05-20_2026-06-04.parquet"
    report = import_bars(path, "mexc/spot", catalog)
    assert (report.rows, report.interval, len(report.symbols)) == (351_113, "1m", 16)
    symbols = ["DOGEUSDT", "SHIBUSDT", "FARTCOINUSDT"]
    stored = build_frames(catalog.read("mexc/spot", symbols), symbols)
    assert stored.data_hash == load_frames(path, symbols).data_hash
