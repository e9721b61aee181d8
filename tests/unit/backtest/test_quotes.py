"""What quotes earned, reckoned by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ballast.backtest.quotes import Middles, middles_of_bars, middles_of_ticks, quote_figures
from ballast.backtest.run import FILL_FIELDS
from ballast.model.enums import TickKind
from ballast.model.market import Frame, Tick

QUOTED = frozenset({1})


def fills(*rows: tuple[int, int, float, float, int, bool]) -> Any:
    table = np.zeros(len(rows), FILL_FIELDS)
    for one, (ts_ms, side, qty, price, reason, is_maker) in zip(table, rows, strict=True):
        one["ts_ms"], one["side"], one["qty"], one["price"] = ts_ms, side, qty, price
        one["reason"], one["is_maker"], one["fee"] = reason, is_maker, 0.5
    return table


def middles(*pairs: tuple[int, float]) -> Middles:
    return Middles(np.array([time for time, _ in pairs]), np.array([price for _, price in pairs]))


PRICES = middles((0, 100.0), (5_000, 99.0), (6_500, 98.0), (70_000, 103.0))


def test_a_buy_below_the_middle_captures_spread_and_loses_what_the_market_falls() -> None:
    figures = quote_figures(fills((5_000, 1, 2.0, 99.5, 1, True)), QUOTED, 7, [PRICES])
    # Just before 5 s the middle was 100, at 6 s 99, at 65 s 98.
    assert (figures.placed, figures.filled, figures.fees) == (7, 1, 0.5)
    assert figures.spread_captured == pytest.approx(1.0)
    assert figures.spread_captured_bps == pytest.approx(1.0 / 199.0 * 1e4)
    assert figures.adverse_selection_1s == pytest.approx(2.0)
    assert figures.adverse_selection_60s == pytest.approx(4.0)


def test_a_sell_counts_the_other_way_round() -> None:
    figures = quote_figures(fills((5_000, -1, 2.0, 100.5, 1, True)), QUOTED, 1, [PRICES])
    assert figures.spread_captured == pytest.approx(1.0)
    assert figures.adverse_selection_1s == pytest.approx(-2.0)


def test_other_fills_do_not_count() -> None:
    table = fills((5_000, 1, 2.0, 99.5, 2, True), (5_000, 1, 2.0, 99.5, 1, False))
    figures = quote_figures(table, QUOTED, 0, [PRICES])
    assert (figures.filled, figures.spread_captured, figures.adverse_selection_1s) == (0, None, None)


def test_a_horizon_beyond_the_data_is_left_out() -> None:
    table = fills((5_000, 1, 1.0, 99.5, 1, True), (69_500, 1, 1.0, 97.0, 1, True))
    figures = quote_figures(table, QUOTED, 0, [PRICES])
    assert figures.spread_captured == pytest.approx(0.5 + 1.0)
    assert figures.adverse_selection_1s == pytest.approx(1.0)
    assert figures.adverse_selection_60s == pytest.approx(2.0)


def test_ticks_give_the_middle_of_quotes_and_without_them_of_trades() -> None:
    ticks = Tick.array(3)  # type: ignore[attr-defined]
    ticks["ts_ns"] = np.array([1, 2, 3]) * 1_000_000
    ticks["kind"] = [TickKind.QUOTE, TickKind.BUY, TickKind.QUOTE]
    ticks["price"], ticks["ask"] = [99.0, 101.0, 98.0], [101.0, np.nan, np.nan]
    quoted = middles_of_ticks(ticks, 0)
    assert (quoted.ts_ms.tolist(), quoted.prices.tolist()) == ([1], [100.0])
    traded = middles_of_ticks(ticks[1:2], 0)
    assert (traded.ts_ms.tolist(), traded.prices.tolist()) == ([2], [101.0])


def test_bars_cannot_tell_of_less_than_a_bar() -> None:
    frames = Frame.array(3, symbols=1)  # type: ignore[attr-defined]
    frames["ts_ns"] = np.arange(3) * 60_000_000_000
    frames["close"][:, 0] = [100.0, 101.0, 103.0]
    series = middles_of_bars(frames, 0, 60_000_000_000)
    figures = quote_figures(fills((90_000, -1, 1.0, 100.5, 1, True)), QUOTED, 0, [series])
    assert figures.spread_captured == pytest.approx(0.5)
    assert figures.adverse_selection_1s is None
    assert figures.adverse_selection_60s == pytest.approx(1.0)
