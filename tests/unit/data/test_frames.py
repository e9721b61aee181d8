from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ballast.data.frames import Frames, load_frames
from ballast.model.errors import ConfigError, DataError
from tests.unit.data.tables import MINUTE, T0, Row, bar, table_of

NS = 1_000_000


def frames_of(rows: Sequence[Row], symbols: Sequence[str] = ("AUSDT",), **options: Any) -> Frames:
    return load_frames(table_of(rows), symbols, **options)


def minutes_of(frames: Frames) -> list[float]:
    return [(int(ts) // NS - T0) / MINUTE for ts in frames.records.ts_ns]


class TestTimeline:
    def test_it_is_the_union_of_the_symbols_bar_times(self) -> None:
        frames = frames_of([bar(0), bar(2), bar(1, "BUSDT"), bar(2, "BUSDT")], ["AUSDT", "BUSDT"])
        assert minutes_of(frames) == [0, 1, 2]
        np.testing.assert_array_equal(frames.records.close, [[11.0, np.nan], [np.nan, 11.0], [11.0, 11.0]])

    def test_columns_are_in_configured_order(self) -> None:
        rows = [
            bar(minute, symbol, close=close) for symbol, close in (("AUSDT", 1.0), ("BUSDT", 2.0)) for minute in (0, 1)
        ]
        assert frames_of(rows, ["BUSDT", "AUSDT"]).records.close[0].tolist() == [2.0, 1.0]

    def test_other_symbols_leave_no_trace(self) -> None:
        alone = frames_of([bar(0), bar(1)])
        beside = frames_of([bar(0), bar(0.5, "BUSDT"), bar(1), bar(5, "BUSDT")])
        assert beside.data_hash == alone.data_hash

    def test_the_window_includes_its_start_and_excludes_its_end(self) -> None:
        rows = [bar(minute) for minute in range(6)]
        assert minutes_of(frames_of(rows, start_ms=T0 + MINUTE, end_ms=T0 + 4 * MINUTE)) == [1, 2, 3]

    def test_a_late_listing_starts_at_its_first_bar(self) -> None:
        rows = [bar(minute) for minute in range(4)] + [bar(2, "BUSDT"), bar(3, "BUSDT")]
        closes = frames_of(rows, ["AUSDT", "BUSDT"]).records.close[:, 1]
        np.testing.assert_array_equal(closes, [np.nan, np.nan, 11.0, 11.0])

    def test_records_wider_than_the_symbols_are_padded_with_nan(self) -> None:
        records = frames_of([bar(0), bar(1)], width=4).records
        assert records.open.shape == (2, 4)
        assert np.isnan(records.volume[:, 1:]).all()

    def test_the_mark_is_the_mark_column_or_nan(self) -> None:
        without = frames_of([bar(0), bar(1)])
        assert np.isnan(without.records.mark).all()
        table = table_of([bar(0), bar(1), bar(2)], mark_close=[10.5, None, 0.0])
        np.testing.assert_array_equal(load_frames(table, ["AUSDT"]).records.mark[:, 0], [10.5, np.nan, np.nan])


class TestRows:
    @pytest.mark.parametrize("bad", [None, np.nan, 0.0, -1.0, np.inf])
    @pytest.mark.parametrize("field", ["open_", "close"])
    def test_a_bar_without_open_or_close_does_not_exist(self, field: str, bad: float | None) -> None:
        values: dict[str, Any] = {"high": 99.0, "low": 0.5, field: bad}
        frames = frames_of([bar(0), bar(1, **values), bar(2), bar(3)])
        assert minutes_of(frames) == [0, 2, 3]
        assert (frames.rows_skipped, frames.rows_widened) == (1, 0)

    def test_beside_another_symbol_all_its_fields_are_nan(self) -> None:
        frames = frames_of([bar(0), bar(1, close=None), bar(0, "BUSDT"), bar(1, "BUSDT")], ["AUSDT", "BUSDT"])
        assert all(np.isnan(frames.records[name][1, 0]) for name in ("open", "high", "low", "close", "volume", "mark"))

    def test_of_equal_times_the_last_in_file_order_counts(self) -> None:
        frames = frames_of([bar(0, close=1.0), bar(1, close=2.0), bar(0, close=3.0)])
        assert frames.records.close[:, 0].tolist() == [3.0, 2.0]
        assert (frames.rows_superseded, frames.rows_skipped) == (1, 0)

    def test_an_absent_bar_does_not_supersede_one_that_is_there(self) -> None:
        frames = frames_of([bar(0, close=1.0), bar(0, close=None), bar(1)])
        assert frames.records.close[0, 0] == 1.0
        assert (frames.rows_superseded, frames.rows_skipped) == (0, 1)

    def test_time_running_backwards_is_sorted(self) -> None:
        frames = frames_of([bar(2, close=3.0), bar(0, close=1.0), bar(1, close=2.0)])
        assert frames.records.close[:, 0].tolist() == [1.0, 2.0, 3.0]

    def test_a_high_and_low_that_do_not_enclose_are_widened(self) -> None:
        frames = frames_of([bar(0, open_=10.0, close=12.0, high=11.0, low=10.5), bar(1, high=20.0, low=1.0)])
        assert frames.records.high[:, 0].tolist() == [12.0, 20.0]
        assert frames.records.low[:, 0].tolist() == [10.0, 1.0]
        assert frames.rows_widened == 1

    @pytest.mark.parametrize("bad", [None, np.nan, np.inf, -np.inf])
    def test_a_missing_high_or_low_is_widened(self, bad: float | None) -> None:
        frames = frames_of([bar(0, high=bad), bar(1, low=bad), bar(2)])
        assert frames.records.high[:, 0].tolist() == [11.0, 11.0, 11.0]
        assert frames.records.low[:, 0].tolist() == [10.0, 10.0, 10.0]
        assert frames.rows_widened == 2

    def test_a_low_of_zero_is_no_price(self) -> None:
        assert frames_of([bar(0, low=0.0), bar(1)]).records.low[0, 0] == 10.0

    def test_a_missing_volume_is_zero(self) -> None:
        frames = frames_of([bar(0, volume=None), bar(1, volume=0.0), bar(2, volume=7.0), bar(3, volume=-1.0)])
        assert frames.records.volume[:, 0].tolist() == [0.0, 0.0, 7.0, 0.0]

    def test_rows_outside_the_window_are_not_counted(self) -> None:
        rows = [bar(0, close=None), bar(1), bar(1), bar(2), bar(3, high=1.0)]
        frames = frames_of(rows, start_ms=T0 + MINUTE, end_ms=T0 + 3 * MINUTE)
        assert (frames.rows_skipped, frames.rows_superseded, frames.rows_widened) == (0, 1, 0)


class TestInterval:
    def test_it_is_the_most_frequent_difference(self) -> None:
        assert frames_of([bar(minute) for minute in (0, 5, 10, 11, 16)]).interval_ns == 5 * MINUTE * NS

    def test_of_equally_frequent_ones_the_smallest(self) -> None:
        assert frames_of([bar(minute) for minute in (0, 5, 6, 11, 12)]).interval_ns == MINUTE * NS

    def test_the_data_s_own_changes_nothing(self) -> None:
        rows = [bar(0), bar(1), bar(2)]
        assert frames_of(rows, interval_ms=MINUTE).data_hash == frames_of(rows).data_hash

    def test_a_coarser_one_aggregates_into_buckets_of_the_epoch(self) -> None:
        rows = [
            bar(3, open_=10.0, close=11.0, high=15.0, low=9.0, volume=1.0),
            bar(4, open_=11.0, close=12.0, high=13.0, low=8.0, volume=2.0),
            bar(5, open_=12.0, close=14.0, high=14.5, low=11.0, volume=4.0),
            bar(9, open_=20.0, close=21.0, high=22.0, low=19.0, volume=8.0),
        ]
        frames = frames_of(rows, interval_ms=5 * MINUTE)
        record = frames.records
        assert minutes_of(frames) == [0, 5]
        assert record.open[:, 0].tolist() == [10.0, 12.0]
        assert record.high[:, 0].tolist() == [15.0, 22.0]
        assert record.low[:, 0].tolist() == [8.0, 11.0]
        assert record.close[:, 0].tolist() == [12.0, 21.0]
        assert record.volume[:, 0].tolist() == [3.0, 12.0]
        assert frames.interval_ns == 5 * MINUTE * NS

    def test_an_aggregated_bucket_keeps_its_last_mark(self) -> None:
        table = table_of([bar(0), bar(1), bar(2)], mark_close=[10.5, 10.6, 10.7])
        assert load_frames(table, ["AUSDT"], interval_ms=2 * MINUTE).records.mark[:, 0].tolist() == [10.6, 10.7]

    def test_a_bucket_counts_whole_if_it_opens_in_the_window(self) -> None:
        rows = [bar(minute, close=100.0 + minute, high=200.0) for minute in range(20)]
        frames = frames_of(rows, interval_ms=5 * MINUTE, start_ms=T0 + 3 * MINUTE, end_ms=T0 + 12 * MINUTE)
        assert minutes_of(frames) == [5, 10]
        assert frames.records.close[:, 0].tolist() == [109.0, 114.0]

    def test_aggregating_in_two_steps_is_aggregating_in_one(self) -> None:
        rng = np.random.default_rng(5)
        rows = [bar(minute, open_=rng.uniform(9, 10), close=rng.uniform(9, 10), volume=2.0) for minute in range(180)]
        fives = frames_of(rows, interval_ms=5 * MINUTE).records
        again = [
            (
                int(one.ts_ns) // NS,
                "AUSDT",
                *(float(one[name][0]) for name in ("open", "high", "low", "close", "volume")),
            )
            for one in fives
        ]
        in_two_steps = frames_of(again, interval_ms=60 * MINUTE)
        assert in_two_steps.data_hash == frames_of(rows, interval_ms=60 * MINUTE).data_hash

    def test_a_finer_one_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"data\.interval 1m is finer than the bars of the table, which are 5m"):
            frames_of([bar(0), bar(5), bar(10)], interval_ms=MINUTE)

    def test_one_that_is_no_multiple_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="7m is not a multiple of 5m"):
            frames_of([bar(0), bar(5), bar(10)], interval_ms=7 * MINUTE)

    def test_a_single_bar_needs_one_given(self) -> None:
        with pytest.raises(DataError, match=r"give data\.interval"):
            frames_of([bar(0)])
        assert len(frames_of([bar(0)], interval_ms=MINUTE)) == 1


class TestHash:
    def test_it_does_not_depend_on_width_order_of_rows_or_defects_that_were_cured(self) -> None:
        rows = [bar(0), bar(1), bar(2)]
        expected = frames_of(rows).data_hash
        assert frames_of(rows, width=4).data_hash == expected
        assert frames_of(rows[::-1]).data_hash == expected
        assert frames_of([bar(0, close=3.0), *rows, bar(7, close=None)]).data_hash == expected

    @pytest.mark.parametrize("other", [bar(2, close=11.000001), bar(2, volume=6.0), bar(2, high=11.5), bar(4)])
    def test_it_changes_with_every_value(self, other: Row) -> None:
        assert frames_of([bar(0), bar(1), other]).data_hash != frames_of([bar(0), bar(1), bar(2)]).data_hash

    def test_it_changes_with_names_marks_and_interval(self) -> None:
        rows = [bar(0), bar(1)]
        hashes = {
            frames_of(rows).data_hash,
            frames_of([bar(0, "BUSDT"), bar(1, "BUSDT")], ["BUSDT"]).data_hash,
            load_frames(table_of(rows, mark=[1.0, 1.0]), ["AUSDT"]).data_hash,
            frames_of([bar(0)], interval_ms=MINUTE).data_hash,
            frames_of([bar(0)], interval_ms=5 * MINUTE).data_hash,
        }
        assert len(hashes) == 5


class TestRefusals:
    def test_a_symbol_without_a_bar_in_the_window_names_what_there_is(self) -> None:
        rows = [bar(0), bar(1), bar(2), bar(0, "BUSDT")]
        expected = (
            r"symbol 'BUSDT' has no usable bar in 2024-01-01 00:01 \.\. the end "
            r"\(the data has 1 rows of it from 2024-01-01 00:00 to 2024-01-01 00:00\)"
        )
        with pytest.raises(DataError, match=expected):
            frames_of(rows, ["AUSDT", "BUSDT"], start_ms=T0 + MINUTE)

    def test_a_symbol_with_bad_rows_only_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"'AUSDT' has no usable bar in the beginning \.\. the end"):
            frames_of([bar(0, close=None), bar(1, open_=0.0)])

    def test_an_empty_window_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"data\.start 2024-01-01 00:00 is not before data\.end 2024-01-01 00:00"):
            frames_of([bar(0)], start_ms=T0, end_ms=T0)

    def test_a_repeated_symbol_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="names 'AUSDT' twice"):
            frames_of([bar(0)], ["AUSDT", "AUSDT"])

    def test_no_symbol_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="name at least one"):
            frames_of([bar(0)], [])
