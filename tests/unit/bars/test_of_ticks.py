"""Frames without gaps; the bars of ticks are tested where ticks are read."""

from __future__ import annotations

import numpy as np

from ballast.bars.of_ticks import frames_of_ticks, without_gaps
from ballast.model.enums import TickKind
from ballast.model.market import Tick


def test_every_interval_between_the_first_and_the_last_has_a_frame_and_the_new_ones_have_no_bars() -> None:
    ticks = Tick.array(3)  # type: ignore[attr-defined]
    ticks["ts_ns"], ticks["kind"] = [25, 51, 59], TickKind.BUY
    ticks["price"], ticks["qty"] = [5.0, 7.0, 6.0], 1.0
    frames = without_gaps(frames_of_ticks(ticks, 1, 10), 10)
    assert frames["ts_ns"].tolist() == [20, 30, 40, 50]
    assert frames["close"][[0, 3], 0].tolist() == [5.0, 6.0]
    assert np.isnan(frames["close"][1:3]).all()
    assert np.isnan(frames["volume"][1:3]).all()
