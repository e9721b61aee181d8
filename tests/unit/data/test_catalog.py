from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ballast.data import manifest as manifests
from ballast.data.catalog import Catalog, default_root
from ballast.data.change import changing
from ballast.data.frames import build_frames, load_frames
from ballast.data.parts import funding_table
from ballast.data.series import BARS, FUNDING, Series
from ballast.model.errors import ConfigError, DataError, OutputError
from ballast.model.ports import FundingRate
from tests.unit.data.tables import MINUTE, T0, Row, bar, table_of

DAY = 1440
ONE = Series(BARS, "mexc/spot", "AUSDT", "1m")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def put(catalog: Catalog, rows: list[Row], series: Series = ONE, *, replace: bool = False) -> int:
    with changing(catalog.root) as change:
        return change.put(series, table_of(rows), replace=replace)


def files(catalog: Catalog) -> dict[str, bytes]:
    return {
        path.relative_to(catalog.root).as_posix(): path.read_bytes()
        for path in sorted(catalog.root.rglob("*"))
        if path.is_file()
    }


def test_the_layout_is_venue_market_symbol_interval(catalog: Catalog) -> None:
    put(catalog, [bar(0), bar(1)])
    (name,) = [name for name in files(catalog) if name.endswith(".parquet")]
    assert name.startswith("bars/venue=mexc/market=spot/symbol=AUSDT/interval=1m/part-2024-01-")


def test_a_folder_name_means_its_series() -> None:
    for series in (ONE, Series(FUNDING, "bybit/linear", "BTCUSDT"), Series(BARS, "fx/spot", "EUR/USD = x", "1h")):
        assert Series.of_folder(series.folder) == series
        assert series.folder.count("/") == (4 if series.kind == BARS else 3)


def test_what_was_put_is_read(catalog: Catalog) -> None:
    rows = [bar(0, volume=None), bar(1, high=12.0)]
    assert put(catalog, rows) == 2
    read = build_frames(catalog.read("mexc/spot", ["AUSDT"]), ["AUSDT"])
    assert read.data_hash == load_frames(table_of(rows), ["AUSDT"]).data_hash


def test_who_reads_while_another_writes_finds_every_part(catalog: Catalog) -> None:
    put(catalog, [bar(0)])
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [put(catalog, [bar(minute)]) for minute in range(1, 30)])
        found = [0]
        while not writing.done():
            found.append(len(catalog.read("mexc/spot", ["AUSDT"]).ts_ms))
            assert catalog.verify() == 1
        writing.result()
    assert found == sorted(found)
    assert len(set(found)) > 3


def test_minutes_are_kept_by_month_seconds_by_day_and_hours_by_year(catalog: Catalog) -> None:
    rows = [bar(0), bar(1), bar(31 * DAY), bar(366 * DAY)]
    for interval in ("1s", "1m", "1h"):
        put(catalog, rows, Series(BARS, "mexc/spot", "AUSDT", interval))
    names = [name.rsplit("-", 1)[0].split("interval=")[1] for name in files(catalog) if name.endswith(".parquet")]
    assert sorted(names) == [
        "1h/part-2024", "1h/part-2025",
        "1m/part-2024-01", "1m/part-2024-02", "1m/part-2025-01",
        "1s/part-2024-01-01", "1s/part-2024-02-01", "1s/part-2025-01-01",
    ]  # fmt: skip


def test_putting_the_same_again_changes_no_byte(catalog: Catalog) -> None:
    rows = [bar(minute) for minute in range(5)]
    put(catalog, rows)
    before = files(catalog)
    assert put(catalog, rows[1:3]) == 0
    assert files(catalog) == before


def test_the_order_of_arrival_leaves_no_trace(tmp_path: Path) -> None:
    rows = [bar(minute) for minute in range(6)]
    here, there = Catalog(tmp_path / "1"), Catalog(tmp_path / "2")
    put(here, rows)
    assert [put(there, part) for part in (rows[4:], rows[:2], rows[1:5])] == [2, 2, 2]
    assert files(there) == files(here)


def test_a_bar_that_differs_is_refused_and_named(catalog: Catalog) -> None:
    put(catalog, [bar(0), bar(1)])
    before = files(catalog)
    expected = r"mexc/spot AUSDT 1m: the high stored for 2024-01-01 00:01 is 11\.0 and the new one is 11\.5"
    with pytest.raises(DataError, match=expected):
        put(catalog, [bar(1, close=11.5), bar(2)])
    assert files(catalog) == before


def test_a_bar_that_differs_can_replace(catalog: Catalog) -> None:
    put(catalog, [bar(0), bar(1)])
    assert put(catalog, [bar(1, close=11.5), bar(2)], replace=True) == 1
    assert catalog.read("mexc/spot", ["AUSDT"]).close.tolist() == [11.0, 11.5, 11.0]
    assert catalog.verify() == 1


def test_recorded_rows_are_kept_in_their_order_once(catalog: Catalog) -> None:
    rows = [bar(1, close=3.0), bar(0), bar(1, close=4.0)]
    for new_rows in (3, 0):
        with changing(catalog.root) as change:
            assert change.put_as_recorded(ONE, table_of(rows)) == new_rows
    assert catalog.read("mexc/spot", ["AUSDT"]).close.tolist() == [3.0, 11.0, 4.0]


@pytest.mark.parametrize("last", [3.0, 4.0])
def test_of_recorded_parts_the_one_that_came_last_counts(catalog: Catalog, last: float) -> None:
    put(catalog, [bar(0), bar(1)])
    for close in (7.0 - last, last):
        with changing(catalog.root) as change:
            change.put_as_recorded(ONE, table_of([bar(0, close=close)]))
    assert build_frames(catalog.read("mexc/spot", ["AUSDT"]), ["AUSDT"]).records.close[:, 0].tolist() == [last, 11.0]


def test_the_listing_has_rows_spans_and_sizes(catalog: Catalog) -> None:
    assert catalog.summaries() == []
    put(catalog, [bar(0), bar(31 * DAY)])
    put(catalog, [bar(7, "BUSDT")], Series(BARS, "mexc/spot", "BUSDT", "1m"))
    with changing(catalog.root) as change:
        change.put(Series(FUNDING, "bybit/linear", "AUSDT"), funding_table("AUSDT", [FundingRate(T0, 0.0001)]))
    first, second, third = catalog.summaries()
    assert (first.series, first.rows, first.parts) == (ONE, 2, 2)
    assert (first.first_ms, first.last_ms) == (T0, T0 + 31 * DAY * MINUTE)
    assert (second.series.symbol, second.first_ms) == ("BUSDT", T0 + 7 * MINUTE)
    assert (third.series.kind, third.rows) == (FUNDING, 1)
    assert sum(one.bytes for one in (first, second, third)) == sum(
        len(data) for name, data in files(catalog).items() if name.endswith(".parquet")
    )


def test_only_parts_that_touch_the_window_are_read(catalog: Catalog) -> None:
    put(catalog, [bar(0), bar(31 * DAY), bar(60 * DAY)])
    february = T0 + 31 * DAY * MINUTE
    assert len(catalog.read("mexc/spot", ["AUSDT"], start_ms=february, end_ms=february + MINUTE)) == 1
    assert len(catalog.read("mexc/spot", ["AUSDT"], start_ms=february)) == 2


def test_a_coarser_interval_reads_the_longest_that_divides_it(catalog: Catalog) -> None:
    put(catalog, [bar(minute) for minute in range(10)])
    put(catalog, [bar(minute) for minute in (0, 5, 10)], Series(BARS, "mexc/spot", "AUSDT", "5m"))
    assert len(catalog.read("mexc/spot", ["AUSDT"])) == 10
    assert len(catalog.read("mexc/spot", ["AUSDT"], interval_ms=15 * MINUTE)) == 3
    assert len(catalog.read("mexc/spot", ["AUSDT"], interval_ms=4 * MINUTE)) == 10


def test_the_views_show_what_the_manifest_names(catalog: Catalog) -> None:
    put(catalog, [bar(0), bar(31 * DAY, close=12.0)])
    put(catalog, [bar(0, "42")], Series(BARS, "mexc/spot", "42", "1h"))
    with changing(catalog.root) as change:
        change.put(Series(FUNDING, "bybit/linear", "AUSDT"), funding_table("AUSDT", [FundingRate(T0, 0.0001)]))
    (catalog.root / ONE.folder / "part-2030-stray.parquet").write_bytes(b"not parquet")
    with catalog.connect() as connection:
        query = 'SELECT venue, market, symbol, "interval", count(*), max(close) FROM bars GROUP BY ALL ORDER BY symbol'
        assert connection.execute(query).fetchall() == [
            ("mexc", "spot", "42", "1h", 1, 11.0),
            ("mexc", "spot", "AUSDT", "1m", 2, 12.0),
        ]
        rates = connection.execute("SELECT venue, symbol, epoch_ms(ts), funding_rate FROM funding").fetchall()
        assert rates == [("bybit", "AUSDT", T0, 0.0001)]


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path))
    assert Catalog().root == tmp_path
    monkeypatch.delenv("BALLAST_CATALOG")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_root() == Path.home() / ".local/share/ballast/catalog"


class TestDamage:
    def part(self, catalog: Catalog) -> Path:
        put(catalog, [bar(0), bar(1)])
        return next(catalog.root.rglob("part-*"))

    def test_a_changed_part_is_named_with_the_remedy(self, catalog: Catalog) -> None:
        path = self.part(catalog)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        expected = rf"{path}: changed or damaged, its hash .* is not the manifest's .*import or download it again"
        for read in (catalog.verify, lambda: catalog.read("mexc/spot", ["AUSDT"]), lambda: put(catalog, [bar(2)])):
            with pytest.raises(DataError, match=expected):
                read()

    def test_a_lost_part_is_named_with_the_remedy(self, catalog: Catalog) -> None:
        self.part(catalog).unlink()
        with pytest.raises(
            DataError, match=r"part-.*cannot be read \(No such file or directory\);.*import or download"
        ):
            catalog.read("mexc/spot", ["AUSDT"])

    def test_leftovers_of_a_killed_change_go_with_the_next(self, catalog: Catalog) -> None:
        folder = self.part(catalog).parent
        (folder / "part-2024-01-leftover.parquet").write_bytes(b"")
        (folder / ".part-2024-01-x.parquet.1.partial").write_bytes(b"")
        put(catalog, [bar(2)])
        assert len(list(folder.iterdir())) == 1

    def test_a_change_that_fails_leaves_everything_as_it_was(self, catalog: Catalog) -> None:
        put(catalog, [bar(0)])
        before = files(catalog)

        def failing() -> None:
            with changing(catalog.root) as change:
                change.put(ONE, table_of([bar(1)]))
                change.put(Series(BARS, "mexc/spot", "BUSDT", "1m"), table_of([bar(1, "BUSDT")]))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            failing()
        assert files(catalog) == before
        assert [summary.rows for summary in catalog.summaries()] == [1]


class TestRefusals:
    def test_a_missing_dataset_names_the_nearest_and_the_download(self, catalog: Catalog) -> None:
        put(catalog, [bar(0)])
        expected = (
            r"no dataset 'mex/spot'; did you mean 'mexc/spot'\?; get it with: "
            r"ballast data import FILE --dataset mex/spot"
        )
        with pytest.raises(DataError, match=expected):
            catalog.read("mex/spot", ["AUSDT"])

    def test_an_empty_catalog_names_the_download(self, catalog: Catalog) -> None:
        with pytest.raises(DataError, match=r"get it with: ballast data download .* --symbols A,B --interval 5m"):
            catalog.read("mexc/spot", ["A", "B"], interval_ms=5 * MINUTE)

    @pytest.mark.parametrize(
        ("dataset", "command"),
        [
            ("bybit/linear", "ballast data download --venue bybit --market linear --symbols A --interval 1m"),
            ("fx/spot", "ballast data import FILE --dataset fx/spot"),
            ("sample/spot", "ballast data sample"),
        ],
    )
    def test_the_command_is_the_one_that_can_help(self, catalog: Catalog, dataset: str, command: str) -> None:
        with pytest.raises(DataError, match=f"get it with: {command}$"):
            catalog.read(dataset, ["A"])

    def test_a_missing_symbol_names_the_nearest_and_the_download(self, catalog: Catalog) -> None:
        put(catalog, [bar(0)])
        expected = (
            r"has no bars of 'AUSD'; did you mean 'AUSDT'\?; get them with: ballast data download .*--symbols AUSD "
        )
        with pytest.raises(DataError, match=expected):
            catalog.read("mexc/spot", ["AUSDT", "AUSD"])

    def test_a_window_without_data_names_what_there_is(self, catalog: Catalog) -> None:
        put(catalog, [bar(0), bar(1)])
        with pytest.raises(DataError, match="only from 2024-01-01 00:00 to 2024-01-01 00:01; get them with"):
            catalog.read("mexc/spot", ["AUSDT"], start_ms=T0 + DAY * MINUTE)

    def test_an_interval_that_cannot_be_given_names_what_there_is(self, catalog: Catalog) -> None:
        put(catalog, [bar(0)], Series(BARS, "mexc/spot", "AUSDT", "5m"))
        with pytest.raises(ConfigError, match="cannot give 1m bars of AUSDT, it has 5m; get them with"):
            catalog.read("mexc/spot", ["AUSDT"], interval_ms=MINUTE)

    def test_symbols_without_a_common_interval_are_refused(self, catalog: Catalog) -> None:
        put(catalog, [bar(0)])
        put(catalog, [bar(0, "BUSDT")], Series(BARS, "mexc/spot", "BUSDT", "1h"))
        with pytest.raises(ConfigError, match="cannot give bars of one interval"):
            catalog.read("mexc/spot", ["AUSDT", "BUSDT"])

    def test_a_dataset_that_is_no_venue_and_market_is_refused(self) -> None:
        for dataset in ("mexc", "mexc/", "/spot", "a/b/c"):
            with pytest.raises(ConfigError, match="write it like mexc/spot"):
                Series(BARS, dataset, "AUSDT", "1m")

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match=r"file/catalog: the catalog cannot be written"):
            put(Catalog(tmp_path / "file/catalog"), [bar(0)])


def test_reading_an_empty_catalog_does_not_make_it(catalog: Catalog) -> None:
    assert catalog.verify() == 0
    assert manifests.load(catalog.root).series == {}
    assert not catalog.root.exists()
