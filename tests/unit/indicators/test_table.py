from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ballast.indicators import batch
from ballast.indicators.catalogue import CATALOGUE
from ballast.indicators.state import BarField, Indicator
from ballast.indicators.table import Request, plan
from ballast.model.errors import ConfigError
from tests.unit.indicators.sample_bars import Bars, Floats, walk
from tests.unit.indicators.table_run import REQUESTS, digest, feed, market

ROOT = Path(__file__).parents[3]
EVERY_KIND = pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name.lower())


def outputs_of(request: Request, bars: Bars) -> Floats:
    specs, states, ring, n_outputs = plan([request])
    return feed(specs, states, ring, bars, np.full(n_outputs, np.nan))


def batch_columns(kind: Indicator, bars: Bars, period: int) -> Floats:
    """Return what the batch function of that name gives, ``(n_bars, n_outputs)``."""
    entry, function = CATALOGUE[kind], getattr(batch, kind.name.lower())
    if entry.field is not None:
        result = function(bars[entry.field], period)
    elif kind in {Indicator.RSI, Indicator.RSI_SIMPLE}:
        result = function(bars.close, period)
    else:
        result = function(bars.high, bars.low, bars.close, period)
    return np.column_stack(result) if isinstance(result, tuple) else result[:, np.newaxis]


@EVERY_KIND
def test_one_bar_at_a_time_gives_the_bytes_of_the_batch(kind: Indicator) -> None:
    bars = market(300)
    assert outputs_of(Request(kind, 14), bars).tobytes() == batch_columns(kind, bars, 14).tobytes()


@EVERY_KIND
def test_outputs_begin_when_the_catalogue_says(kind: Indicator) -> None:
    entry = CATALOGUE[kind]
    for period in range(entry.minimum_period, 9):
        outputs = outputs_of(Request(kind, period), walk(40, seed=1))
        complete = np.all(~np.isnan(outputs), axis=1, keepdims=True)[:, 0]
        assert int(np.argmax(complete)) + 1 == entry.warmup_bars(period)
        assert complete[entry.warmup_bars(period) - 1 :].all()
        assert outputs.shape == (40, len(entry.outputs))


@EVERY_KIND
def test_a_missing_bar_leaves_every_byte_as_it_was(kind: Indicator) -> None:
    specs, states, ring, n_outputs = plan([Request(kind, 3)])
    out = np.full(n_outputs, np.nan)
    feed(specs, states, ring, walk(20, seed=1), out)
    before = states.tobytes(), ring.tobytes(), out.tobytes()
    feed(specs, states, ring, Bars(*np.full((5, 4), np.nan)), out)
    assert (states.tobytes(), ring.tobytes(), out.tobytes()) == before


@EVERY_KIND
def test_columns_that_an_indicator_does_not_read_do_not_matter(kind: Indicator) -> None:
    entry, bars = CATALOGUE[kind], walk(40, seed=1)
    if entry.field is not None:
        read = {entry.field}
    elif kind in {Indicator.RSI, Indicator.RSI_SIMPLE}:
        read = {BarField.CLOSE}
    else:
        read = {BarField.HIGH, BarField.LOW, BarField.CLOSE}
    bare = Bars(*(bars[field] if field in read else np.full(40, np.nan) for field in BarField))
    assert outputs_of(Request(kind, 5), bare).tobytes() == outputs_of(Request(kind, 5), bars).tobytes()
    for field in read:
        holed = Bars(*(np.full(40, np.nan) if column is field else bars[column] for column in BarField))
        assert np.isnan(outputs_of(Request(kind, 5), holed)).all()


@pytest.mark.parametrize("field", BarField)
def test_a_series_indicator_reads_the_column_that_it_is_told(field: BarField) -> None:
    bars = walk(40, seed=1)
    outputs = outputs_of(Request(Indicator.SMA, 5, field=field), bars)
    assert np.array_equal(outputs[:, 0], batch.sma(bars[field], 5), equal_nan=True)


def test_indicators_in_one_table_do_not_touch_each_other() -> None:
    bars = market(120)
    specs, states, ring, n_outputs = plan(REQUESTS)
    together = feed(specs, states, ring, bars, np.full(n_outputs, np.nan))
    for spec, request in zip(specs, REQUESTS, strict=True):
        alone = outputs_of(request, bars)
        assert together[:, spec.output_offset : spec.output_offset + spec.n_outputs].tobytes() == alone.tobytes()


def test_memory_saved_as_bytes_in_mid_course_goes_on_as_if_nothing_had_happened() -> None:
    bars = market(200)
    specs, states, ring, n_outputs = plan(REQUESTS)
    whole = feed(specs, states, ring, bars, np.full(n_outputs, np.nan))
    for stop in (1, 13, 77):
        _, early_states, early_ring, _ = plan(REQUESTS)
        out = np.full(n_outputs, np.nan)
        feed(specs, early_states, early_ring, Bars(*(column[:stop] for column in bars)), out)
        saved = early_states.tobytes(), early_ring.tobytes(), out.tobytes()
        later_states = np.frombuffer(bytearray(saved[0]), early_states.dtype).view(np.recarray)
        later_ring, later_out = (np.frombuffer(bytearray(part), np.float64) for part in saved[1:])
        rest = feed(specs, later_states, later_ring, Bars(*(column[stop:] for column in bars)), later_out)
        assert rest.tobytes() == whole[stop:].tobytes()
        assert later_states.tobytes() == states.tobytes()
        assert later_ring.tobytes() == ring.tobytes()


def test_the_interpreter_and_the_compiler_give_the_same_bytes() -> None:
    other = "0" if os.environ.get("BALLAST_INTERPRET") == "1" else "1"
    child = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.unit.indicators.table_run"],
        env={**os.environ, "BALLAST_INTERPRET": other, "PYTHONPATH": f"{ROOT / 'src'}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stderr == ""
    assert child.stdout.strip() == digest()


def test_the_plan_leaves_no_hole_and_no_overlap() -> None:
    specs, states, ring, n_outputs = plan(REQUESTS)
    assert len(specs) == len(states) == len(REQUESTS)
    ring_end = output_end = 0
    for spec in specs:
        assert (spec.ring_offset, spec.output_offset) == (ring_end, output_end)
        ring_end += spec.ring_length
        output_end += spec.n_outputs
    assert (len(ring), n_outputs) == (ring_end, output_end)


def test_the_plan_keeps_whose_bars_an_indicator_is_fed() -> None:
    specs, *_ = plan([Request(Indicator.EMA, 9, symbol=3, interval_ns=60_000_000_000)])
    assert (specs[0].symbol, specs[0].interval_ns, specs[0].period) == (3, 60_000_000_000, 9)


def test_no_indicators_need_no_memory() -> None:
    specs, states, ring, n_outputs = plan([])
    assert (len(specs), len(states), len(ring), n_outputs) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(Indicator.RSI, 0), "rsi: period is 0; use 1 or more"),
        (Request(Indicator.CHOPPINESS, 1), "choppiness: period is 1; use 2 or more"),
        (Request(Indicator.BOLLINGER, 20, multiplier=-1.0), "bollinger: multiplier is -1.0; use"),
        (Request(Indicator.BOLLINGER, 20, multiplier=float("nan")), "bollinger: multiplier is nan; use"),
        (Request(Indicator.ATR, 14, field=BarField.OPEN), "atr: field is open, but its formula fixes its columns"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(request_: Request, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan([request_])


def test_every_indicator_is_in_the_catalogue_and_has_a_batch_function() -> None:
    assert set(CATALOGUE) == set(Indicator)
    for kind in Indicator:
        assert "Return" in (getattr(batch, kind.name.lower()).__doc__ or "")
