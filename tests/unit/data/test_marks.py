"""Mark prices beside the bars: as frames, aggregated, and from the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.frames import Frames, build_frames, load_frames
from ballast.data.importer import import_bars
from ballast.data.parts import bars_table, marks_table
from ballast.data.series import BARS, MARKS, Series
from ballast.model.errors import DataError, SchemaError
from ballast.model.ports import RecordedBar
from tests.unit.data.tables import MINUTE, T0, Row, bar, table_of

HOUR = 60 * MINUTE
Mark = tuple[float | None, float | None, float | None, float | None]


def marked(rows: list[Row], marks: list[Mark]) -> Any:
    names = ("mark_open", "mark_high", "mark_low", "mark_close")
    return table_of(rows, **{name: [mark[n] for mark in marks] for n, name in enumerate(names)})


def frames_of(rows: list[Row], marks: list[Mark], symbols: tuple[str, ...] = ("AUSDT",), **options: Any) -> Frames:
    return load_frames(
        marked(rows, marks), symbols, marks="bars", interval_ms=options.pop("interval_ms", MINUTE), **options
    )


def path_of(frames: Frames, slot: int = 0) -> list[list[float]]:
    return [[frames.marks[name][n, slot] for name in ("open", "high", "low", "close")] for n in range(len(frames))]


class TestFrames:
    def test_marks_lie_beside_the_frames_and_their_close_in_them(self) -> None:
        frames = frames_of([bar(0), bar(1)], [(10.0, 12.0, 9.0, 11.0), (11.0, 11.5, 10.5, 11.2)], width=2)
        assert path_of(frames) == [[10.0, 12.0, 9.0, 11.0], [11.0, 11.5, 10.5, 11.2]]
        assert frames.records.mark[:, 0].tolist() == [11.0, 11.2]
        assert frames.unmarked == (0,)
        assert np.isnan(path_of(frames, 1)).all()

    def test_without_being_asked_for_there_are_none(self) -> None:
        frames = load_frames(marked([bar(0), bar(1)], [(10.0, 12.0, 9.0, 11.0)] * 2), ["AUSDT"])
        assert frames.marks is None
        assert frames.unmarked == ()
        assert frames.records.mark[:, 0].tolist() == [11.0, 11.0]

    def test_a_frame_without_a_mark_is_counted_and_nothing_stands_in(self) -> None:
        frames = frames_of([bar(n) for n in range(3)], [(None,) * 4, (1.0, 1.0, 1.0, None), (10.0, 12.0, 9.0, 11.0)])
        assert np.isnan(path_of(frames)[:2]).all()
        assert frames.unmarked == (2,)
        np.testing.assert_array_equal(frames.records.mark[:, 0], [np.nan, np.nan, 11.0])

    def test_marks_that_begin_late_are_absent_before(self) -> None:
        rows = [bar(0), bar(1), bar(0, "BUSDT"), bar(1, "BUSDT")]
        marks: list[Mark] = [(5.0, 5.0, 5.0, 5.0), (6.0, 6.0, 6.0, 6.0), (None,) * 4, (7.0, 7.0, 7.0, 7.0)]
        frames = frames_of(rows, marks, ("BUSDT", "AUSDT"))
        assert frames.unmarked == (1, 0)
        np.testing.assert_array_equal(frames.marks.close, [[np.nan, 5.0], [7.0, 6.0]])

    @pytest.mark.parametrize("wrong", [0.0, -1.0, float("inf"), float("nan")])
    def test_what_is_no_price_is_no_mark(self, wrong: float) -> None:
        frames = frames_of([bar(0), bar(1)], [(wrong, 12.0, 9.0, 11.0), (10.0, 12.0, 9.0, wrong)])
        assert frames.unmarked == (2,)

    def test_a_high_or_low_that_does_not_enclose_is_widened(self) -> None:
        frames = frames_of([bar(0), bar(1)], [(10.0, 10.5, 10.2, 11.0), (11.0, None, None, 10.0)])
        assert path_of(frames) == [[10.0, 11.0, 10.0, 11.0], [11.0, 11.0, 10.0, 10.0]]
        assert frames.rows_widened == 0

    def test_of_two_rows_for_the_same_time_the_last_mark_counts(self) -> None:
        frames = frames_of([bar(0), bar(0), bar(0)], [(1.0,) * 4, (2.0,) * 4, (None,) * 4])
        assert frames.marks.close[:, 0].tolist() == [2.0]

    def test_a_mark_outlives_a_bar_that_is_not_there(self) -> None:
        rows = [bar(0), bar(0, "BUSDT", close=None), bar(1), bar(1, "BUSDT")]
        frames = frames_of(rows, [(1.0,) * 4, (2.0,) * 4, (1.5,) * 4, (2.5,) * 4], ("AUSDT", "BUSDT"))
        assert np.isnan(frames.records.close[0, 1])
        assert frames.marks.close[:, 1].tolist() == [2.0, 2.5]
        assert frames.unmarked == (0, 0)

    def test_marks_off_the_timeline_are_left_out(self) -> None:
        rows = [bar(0), bar(1, close=None), bar(2), bar(3)]
        frames = frames_of(rows, [(1.0,) * 4, (2.0,) * 4, (None,) * 4, (4.0,) * 4])
        np.testing.assert_array_equal(frames.marks.close[:, 0], [1.0, np.nan, 4.0])

    def test_a_frame_without_a_bar_needs_no_mark(self) -> None:
        rows = [bar(0), bar(1), bar(1, "BUSDT")]
        frames = frames_of(rows, [(1.0,) * 4, (2.0,) * 4, (3.0,) * 4], ("AUSDT", "BUSDT"))
        assert np.isnan(frames.marks.close[0, 1])
        assert frames.unmarked == (0, 0)

    def test_the_window_cuts_marks_and_bars_alike(self) -> None:
        frames = frames_of([bar(n) for n in range(4)], [(float(n + 1),) * 4 for n in range(4)], start_ms=T0 + MINUTE)
        assert frames.marks.open[:, 0].tolist() == [2.0, 3.0, 4.0]

    def test_the_hash_covers_the_whole_mark_bar(self) -> None:
        first = frames_of([bar(0)], [(10.0, 12.0, 9.0, 11.0)])
        other = frames_of([bar(0)], [(10.0, 12.5, 9.0, 11.0)])
        assert first.data_hash != other.data_hash
        assert first.data_hash == frames_of([bar(0)], [(10.0, 12.0, 9.0, 11.0)], width=4).data_hash

    @pytest.mark.parametrize("missing", ["mark_open", "mark_high", "mark_low", "mark_close"])
    def test_a_missing_column_is_named(self, missing: str) -> None:
        table = marked([bar(0)], [(10.0, 12.0, 9.0, 11.0)]).drop([missing])
        with pytest.raises(SchemaError, match=f"the table: no column '{missing}', of which data.mark = true reads"):
            load_frames(table, ["AUSDT"], marks="bars")

    def test_text_in_a_mark_is_refused(self) -> None:
        table = marked([bar(0)], [(10.0, 12.0, 9.0, 11.0)]).drop(["mark_low"])
        with pytest.raises(SchemaError, match="row 1, column 'mark_low': 'low' is not a number"):
            load_frames(table.append_column("mark_low", [["low"]]), ["AUSDT"], marks="bars")


class TestAggregation:
    def test_a_bucket_takes_first_open_last_close_and_the_extremes(self) -> None:
        marks: list[Mark] = [(10.0, 14.0, 9.0, 11.0), (11.0, 12.0, 8.0, 12.0), (12.0, 13.0, 11.0, 13.0), (None,) * 4]
        frames = frames_of([bar(n) for n in range(4)], marks, interval_ms=2 * MINUTE)
        assert path_of(frames) == [[10.0, 14.0, 8.0, 12.0], [12.0, 13.0, 11.0, 13.0]]
        assert frames.records.mark[:, 0].tolist() == [12.0, 13.0]

    def test_a_symbol_without_any_mark_stays_without(self) -> None:
        frames = frames_of([bar(n) for n in range(4)], [(None,) * 4] * 4, interval_ms=2 * MINUTE)
        assert frames.unmarked == (2,)

    @given(st.lists(st.tuples(*[st.floats(1, 100)] * 4), min_size=4, max_size=24))
    def test_coarser_marks_of_coarser_marks_are_those_of_the_whole(self, values: list[Any]) -> None:
        rows = [bar(n) for n in range(len(values))]
        fine = frames_of(rows, values)
        whole = frames_of(rows, values, interval_ms=4 * MINUTE)
        for n in range(len(whole)):
            part = np.array(path_of(fine)[4 * n : 4 * n + 4])
            assert path_of(whole)[n] == [part[0, 0], part[:, 1].max(), part[:, 2].min(), part[-1, 3]]


class TestCatalog:
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Catalog:
        catalog = Catalog(tmp_path / "catalog")
        bars = [RecordedBar(T0 + n * HOUR, 10.0, 12.0, 9.0, 11.0, 1.0) for n in range(4)]
        marks = [RecordedBar(T0 + n * HOUR, 10.0 + n, 13.0 + n, 9.0, 11.0 + n, 0.0) for n in (1, 2)]
        with changing(catalog.root) as change:
            for symbol in ("AUSDT", "BUSDT"):
                change.put(Series(BARS, "bybit/linear", symbol, "1h"), bars_table(symbol, bars))
            change.put(Series(MARKS, "bybit/linear", "BUSDT", "1h"), marks_table("BUSDT", marks))
        return catalog

    def test_stored_marks_join_their_bars_by_symbol_and_time(self, catalog: Catalog) -> None:
        symbols = ["AUSDT", "BUSDT"]
        frames = build_frames(catalog.read("bybit/linear", symbols, marks="bars"), symbols)
        nan = np.nan
        np.testing.assert_array_equal(frames.marks.close, [[nan, nan], [nan, 12.0], [nan, 13.0], [nan, nan]])
        assert frames.marks.high[1, 1] == 14.0
        assert frames.unmarked == (4, 2)

    def test_no_marks_at_all_name_the_command_that_brings_them(self, catalog: Catalog) -> None:
        with pytest.raises(
            DataError, match=r"has no mark price of AUSDT; get it with: ballast data download .* --mark"
        ):
            catalog.read("bybit/linear", ["AUSDT"], marks="bars")

    def test_where_none_can_be_had_no_command_is_named(self, catalog: Catalog) -> None:
        with changing(catalog.root) as change:
            change.put(
                Series(BARS, "sample/spot", "AUSDT", "1h"),
                bars_table("AUSDT", [RecordedBar(T0, 10.0, 12.0, 9.0, 11.0, 1.0)]),
            )
        with pytest.raises(DataError, match=r"sample/spot has no mark price of AUSDT; leave data\.mark out$"):
            catalog.read("sample/spot", ["AUSDT"], marks="bars")

    def test_bars_without_marks_are_read_as_ever(self, catalog: Catalog) -> None:
        assert catalog.read("bybit/linear", ["BUSDT"]).mark is None

    def test_an_import_keeps_the_marks_of_its_file(self, tmp_path: Path) -> None:
        rows = [bar(n) for n in range(3)]
        table = marked(rows, [(10.0, 12.0, 9.0, 11.0), (None,) * 4, (11.0, 12.0, 9.5, 11.5)])
        pq.write_table(table, tmp_path / "bars.parquet")
        catalog = Catalog(tmp_path / "catalog")
        import_bars(tmp_path / "bars.parquet", "bybit/linear", catalog)
        stored = build_frames(catalog.read("bybit/linear", ["AUSDT"], marks="bars"), ["AUSDT"])
        assert stored.data_hash == load_frames(table, ["AUSDT"], marks="bars").data_hash

    def test_the_view_of_marks_can_be_asked(self, catalog: Catalog) -> None:
        with catalog.connect() as connection:
            rows = connection.execute("SELECT symbol, mark_close FROM marks ORDER BY ts").fetchall()
        assert rows == [("BUSDT", 12.0), ("BUSDT", 13.0)]


class TestRecorded:
    def test_bybit_hours_are_marked_throughout(self, recorded_data: Path) -> None:
        path = recorded_data / "bybit_perp_1h_mark_2024-01_2025-08.parquet"
        symbols = ["BTCUSDT", "WIFUSDT"]
        frames = load_frames(path, symbols, marks="bars")
        assert frames.unmarked == (0, 0)
        assert frames.marks[0].open[0] == 42324.8
        traded = ~np.isnan(frames.records.close)
        assert np.all(frames.marks.high[traded] >= frames.marks.low[traded])
        # A mark follows the index, not each trade: near the close, not at it.
        gap = np.abs(frames.marks.close[traded] / frames.records.close[traded] - 1.0)
        assert 0.0 < np.median(gap) < 0.001
