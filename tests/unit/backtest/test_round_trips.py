from __future__ import annotations

import numpy as np
import pytest

from ballast.backtest import metrics
from ballast.backtest.round_trips import round_trips
from tests.unit.backtest.sample_result import START_MS, fill, fills

LONG, SHORT = 1, 2


def test_two_round_trips_without_fees() -> None:
    trips = round_trips(fills(fill(1, 10, 100), fill(-1, 10, 110), fill(1, 10, 110), fill(-1, 10, 105)))
    assert trips.closed["pnl"].tolist() == [100.0, -50.0]
    assert len(trips.open) == 0


def test_fees_of_both_sides_come_off_to_the_cent() -> None:
    trips = round_trips(
        fills(
            fill(1, 10, 100, fee=1.00),
            fill(-1, 10, 110, fee=1.10),
            fill(1, 10, 110, fee=1.10),
            fill(-1, 10, 105, fee=1.05),
        )
    )
    pnl = trips.closed["pnl"]
    assert trips.closed["fee"] == pytest.approx([2.10, 2.15])
    assert pnl == pytest.approx([97.90, -52.15])
    assert metrics.profit_factor(pnl) == pytest.approx(1.8773, abs=5e-5)
    assert metrics.expectancy(pnl) == pytest.approx(22.875)


def test_the_oldest_lot_closes_first_and_one_fill_makes_one_trip() -> None:
    trips = round_trips(
        fills(
            fill(1, 4, 100, ts_ms=START_MS, fee=0.4),
            fill(1, 6, 120, ts_ms=START_MS + 1, fee=1.2),
            fill(-1, 7, 130, ts_ms=START_MS + 2, fee=0.7, reason=3, cycle=9),
        )
    )
    (trip,) = trips.closed
    assert (trip["qty"], trip["entry_ts_ms"], trip["exit_ts_ms"]) == (7.0, START_MS, START_MS + 2)
    assert trip["entry_price"] == pytest.approx((4 * 100 + 3 * 120) / 7)
    assert trip["fee"] == pytest.approx(0.4 + 0.6 + 0.7)
    assert trip["pnl"] == pytest.approx(7 * 130 - 760 - 1.7)
    assert (trip["reason"], trip["cycle"], trip["side"]) == (3, 9, 1)
    (lot,) = trips.open
    assert (lot["qty"], lot["entry_price"], lot["entry_ts_ms"]) == (3.0, 120.0, START_MS + 1)
    assert lot["fee"] == pytest.approx(0.6)


def test_a_one_way_position_can_turn_in_one_fill() -> None:
    trips = round_trips(fills(fill(1, 5, 100), fill(-1, 8, 110, fee=0.8), fill(1, 3, 100, fee=0.3)))
    assert trips.closed["side"].tolist() == [1, -1]
    assert trips.closed["qty"].tolist() == [5.0, 3.0]
    assert trips.closed["pnl"] == pytest.approx([50.0 - 0.5, 30.0 - 0.3 - 0.3])


def test_long_and_short_of_one_symbol_are_kept_apart() -> None:
    trips = round_trips(
        fills(
            fill(1, 2, 100, position_side=LONG),
            fill(-1, 3, 100, position_side=SHORT),
            fill(1, 3, 90, position_side=SHORT),
            fill(-1, 1, 90, position_side=LONG),
        )
    )
    assert trips.closed["position_side"].tolist() == [SHORT, LONG]
    assert trips.closed["pnl"].tolist() == [30.0, -10.0]
    assert trips.open["position_side"].tolist() == [LONG]


def test_symbols_do_not_close_each_other() -> None:
    trips = round_trips(fills(fill(1, 1, 10, symbol=0), fill(-1, 1, 20, symbol=1)))
    assert len(trips.closed) == 0
    assert trips.open["side"].tolist() == [1, -1]


def test_the_rounding_of_a_sum_leaves_no_position_behind() -> None:
    # 0.1 + 0.2 is sold as 0.3, which is a little less.
    trips = round_trips(fills(fill(1, 0.1, 10), fill(1, 0.2, 10), fill(-1, 0.3, 11), fill(1, 0.1, 10)))
    assert len(trips.closed) == 1
    assert trips.open["qty"].tolist() == [0.1]


def test_no_fills_make_no_trips() -> None:
    trips = round_trips(fills())
    assert (len(trips.closed), len(trips.open)) == (0, 0)


def test_money_is_conserved_between_trips_lots_and_cash() -> None:
    random = np.random.default_rng(3)
    rows = [
        fill(
            int(random.choice([-1, 1])),
            float(random.uniform(0.1, 5.0)),
            float(random.uniform(50, 150)),
            symbol=int(random.integers(3)),
            fee=float(random.uniform(0, 1)),
        )
        for _ in range(500)
    ]
    traded = fills(*rows)
    trips = round_trips(traded)
    cash = -np.sum(traded["side"] * traded["qty"] * traded["price"]) - np.sum(traded["fee"])
    lots = trips.open
    at_entry = np.sum(lots["side"] * lots["qty"] * lots["entry_price"]) + np.sum(lots["fee"])
    assert np.sum(trips.closed["pnl"]) == pytest.approx(cash + at_entry, rel=1e-9)
