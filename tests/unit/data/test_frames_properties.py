"""The vectorised frames against a reading of the rules with dictionaries."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.data.frames import load_frames
from ballast.model.errors import DataError
from tests.unit.data.tables import MINUTE, T0, Row, table_of

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
FIELDS = ("open", "high", "low", "close", "volume")
values = st.one_of(st.floats(0.5, 20.0), st.sampled_from([None, 0.0, -1.0, math.inf, math.nan]))
rows_of_bars = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(SYMBOLS), values, values, values, values, values),
    min_size=1,
    max_size=60,
)


def is_price(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0.0


def by_the_rules(rows: list[Row]) -> tuple[dict[tuple[int, str], tuple[float, ...]], int, int]:
    """Return the bars by time and symbol, how many rows were skipped, how many bars widened."""
    bars: dict[tuple[int, str], tuple[Any, ...]] = {}
    skipped = 0
    for minute, symbol, *prices in rows:
        if is_price(prices[0]) and is_price(prices[3]):
            bars[minute, symbol] = tuple(prices)
        else:
            skipped += 1
    widened = 0
    for key, (open_, high, low, close, volume) in bars.items():
        top, bottom = max(open_, close), min(open_, close)
        new_high = high if is_price(high) and high >= top else top
        new_low = low if is_price(low) and low <= bottom else bottom
        widened += (new_high, new_low) != (high, low)
        bars[key] = (open_, new_high, new_low, close, volume if is_price(volume) else 0.0)
    return bars, skipped, widened


@settings(deadline=None)
@given(rows_of_bars)
def test_frames_follow_the_rules(rows: list[Row]) -> None:
    bars, skipped, widened = by_the_rules(rows)
    table = table_of([(T0 + minute * MINUTE, *rest) for minute, *rest in rows])
    symbols = sorted({symbol for _, symbol, *_ in rows})
    usable = {symbol for _, symbol in bars}
    try:
        frames = load_frames(table, symbols, width=4, interval_ms=None if len({at for at, _ in bars}) > 1 else MINUTE)
    except DataError:
        assert usable != set(symbols)
        return
    assert usable == set(symbols)
    assert (frames.rows_skipped, frames.rows_widened) == (skipped, widened)
    assert [(int(ts) // 1_000_000 - T0) // MINUTE for ts in frames.records.ts_ns] == sorted({at for at, _ in bars})
    for record in frames.records:
        minute = (int(record.ts_ns) // 1_000_000 - T0) // MINUTE
        for slot, symbol in enumerate(symbols):
            found = tuple(float(record[name][slot]) for name in FIELDS)
            expected = bars.get((minute, symbol), (math.nan,) * 5)
            assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(found, expected, strict=True))


@settings(deadline=None)
@given(rows_of_bars, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_unless_times_repeat(rows: list[Row], dice: Any) -> None:
    once = list({(minute, symbol): (minute, symbol, 10.0, *rest) for minute, symbol, _, *rest in rows}.values())
    shuffled = list(once)
    dice.shuffle(shuffled)
    results = []
    for order in (once, shuffled):
        table = table_of([(T0 + minute * MINUTE, symbol, *rest[:3], 10.0, rest[4]) for minute, symbol, *rest in order])
        symbols = sorted({symbol for _, symbol, *_ in order})
        results.append(load_frames(table, symbols, interval_ms=None if len({row[0] for row in order}) > 1 else MINUTE))
    assert results[0].data_hash == results[1].data_hash
