from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.data.timestamps import last_of_each, most_frequent_step, to_milliseconds, utc_text
from ballast.model.errors import SchemaError

EXPECTED = [1_704_067_200_000, 1_704_067_260_000]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1_704_067_200, 1_704_067_260]),
        pa.array([1_704_067_200.0, 1_704_067_260.0]),
        pa.array(EXPECTED),
        pa.array([moment * 1_000 for moment in EXPECTED]),
        pa.array([moment * 1_000_000 for moment in EXPECTED]),
        pa.array(["1704067200", "1704067260"]),
        pa.array(["1704067200000", "1704067260000"]),
        pa.array(["2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"]),
        pa.array(["2024-01-01 00:00:00", "2024-01-01 00:01:00"]),
        pa.array(["2024-01-01T01:00:00+01:00", "2024-01-01T01:01:00+01:00"]),
        pa.array(["2024-01-01T00:00:00.000", "2024-01-01T00:01:00.000"]),
        pa.array(EXPECTED, pa.timestamp("ms", "UTC")),
        pa.array([moment * 1_000_000 for moment in EXPECTED], pa.timestamp("ns")),
        pa.array([moment // 1_000 for moment in EXPECTED], pa.timestamp("s", "Europe/Zurich")),
    ],
    ids=lambda values: f"{values.type}-{values[0]}",
)
def test_every_form_of_time_is_recognised(values: Any) -> None:
    assert to_milliseconds(pa.chunked_array([values]), "f").tolist() == EXPECTED


def test_a_date_is_its_midnight_in_utc() -> None:
    dates = pa.chunked_array([pa.array([dt.date(2024, 1, 1)])])
    assert to_milliseconds(dates, "f").tolist() == EXPECTED[:1]


def test_digits_below_a_millisecond_are_cut_off() -> None:
    times = pa.chunked_array([pa.array([1_704_067_200_000_999], pa.timestamp("us"))])
    assert to_milliseconds(times, "f").tolist() == EXPECTED[:1]


def test_a_missing_time_is_named_by_its_row() -> None:
    with pytest.raises(SchemaError, match=r"^f: row 2 has no time"):
        to_milliseconds(pa.chunked_array([pa.array([1, None])]), "f")


def test_text_that_is_no_time_is_named_by_its_row_and_value() -> None:
    with pytest.raises(SchemaError, match=r"row 2, column 'ts': 'yesterday' is not a time"):
        to_milliseconds(pa.chunked_array([pa.array(["2024-01-01", "yesterday"])]), "f")


def test_a_count_that_is_no_number_is_named_by_its_row() -> None:
    with pytest.raises(SchemaError, match=r"f\.csv: row 12, column 'ts': nan is not a time"):
        to_milliseconds(pa.chunked_array([pa.array([1_704_067_200.0, float("nan")])]), "f.csv", 10)


def test_another_type_is_named() -> None:
    with pytest.raises(SchemaError, match=r"holds bool, not times"):
        to_milliseconds(pa.chunked_array([pa.array([True])]), "f")


def test_the_most_frequent_step_prefers_the_smallest_of_equals() -> None:
    assert most_frequent_step(np.array([0, 60, 120, 420, 720])) == 60
    assert most_frequent_step(np.array([0, 300, 600, 660])) == 300
    assert most_frequent_step(np.array([7])) is None


def test_texts_of_times_show_only_the_digits_that_are_there() -> None:
    assert utc_text(1_704_067_200_000) == "2024-01-01 00:00"
    assert utc_text(1_704_067_205_000) == "2024-01-01 00:00:05"
    assert utc_text(1_704_067_205_007) == "2024-01-01 00:00:05.007"


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=20)))
def test_the_last_of_each_time_is_kept_in_order(values: list[int]) -> None:
    times = np.array(values, np.int64)
    kept = last_of_each(times)
    positions = list(range(len(values))) if kept is None else kept.tolist()
    expected = {value: position for position, value in enumerate(values)}
    assert positions == [expected[value] for value in sorted(expected)]
