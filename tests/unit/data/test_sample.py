from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ballast.data.frames import load_frames
from ballast.data.quality import Kind, check
from ballast.data.sample import Market, sample_table, write_sample
from ballast.data.source import Columns, read_bars
from ballast.model.errors import ConfigError

Floats = npt.NDArray[np.float64]
# Of the values of Market(seed=1, days=3): a change of this number changes every user's sample market.
EXPECTED_HASH = "a6414ed8e8e600e5bd4967d8c3c81fc982ba83733adff666c6f349edb1f437cb"


def content_hash(table: Any) -> str:
    digest = hashlib.sha256("".join(table.column("symbol").to_pylist()).encode())
    for name in ("ts", "open", "high", "low", "close", "volume"):
        digest.update(np.ascontiguousarray(table.column(name).to_numpy()).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def market() -> Columns:
    return read_bars(sample_table(Market()))


def closes(market: Columns, symbol: str) -> Floats:
    return market.close[market.rows_of(symbol)]


def daily_returns(market: Columns, symbol: str) -> Floats:
    rows = market.rows_of(symbol)
    days = market.ts_ms[rows] // 86_400_000
    last = market.close[rows][np.flatnonzero(np.append(days[1:] != days[:-1], np.True_))]
    returns: Floats = last[1:] / last[:-1] - 1.0
    return returns


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    market = Market(seed=7, days=2)
    written = [write_sample(tmp_path / name, market) for name in ("1.parquet", "2.parquet")]
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    assert written[0] == written[1] == sample_table(market).num_rows


def test_the_values_are_the_same_on_every_machine() -> None:
    assert content_hash(sample_table(Market(seed=1, days=3))) == EXPECTED_HASH


def test_another_seed_gives_other_prices() -> None:
    assert content_hash(sample_table(Market(seed=2, days=3))) != EXPECTED_HASH


def test_more_coins_leave_the_others_as_they_are() -> None:
    few, many = (read_bars(sample_table(Market(days=3, symbols=n))) for n in (4, 8))
    for symbol in few.symbols[:3]:
        np.testing.assert_array_equal(closes(few, symbol), closes(many, symbol))


def test_the_default_is_thirty_days_of_minutes_of_six_coins(market: Columns) -> None:
    assert len(market.symbols) == 6
    assert market.ts_ms.max() - market.ts_ms.min() == 30 * 86_400_000 - 60_000
    assert load_frames(sample_table(Market(days=2)), ["BLORPUSDT"]).interval_ns == 60_000_000_000


def test_it_has_no_defects(market: Columns) -> None:
    assert not check(market).has_defects


def test_single_days_lie_between_minus_30_and_plus_200_percent_and_reach_far(market: Columns) -> None:
    returns = np.concatenate([daily_returns(market, symbol) for symbol in market.symbols])
    assert -0.30 <= returns.min() < -0.20
    assert 1.0 < returns.max() <= 2.0


def test_the_basket_moves_together(market: Columns) -> None:
    hourly = np.array([np.diff(np.log(closes(market, symbol)[::60])) for symbol in market.symbols[:-1]])
    pairs = np.corrcoef(hourly)[np.triu_indices(len(hourly), 1)]
    assert pairs.mean() > 0.3


def test_volatility_clusters_and_tails_are_fat(market: Columns) -> None:
    for symbol in market.symbols:
        moves = np.abs(np.diff(np.log(closes(market, symbol))))
        moves = np.minimum(moves, np.quantile(moves, 0.999))
        assert np.corrcoef(moves[:-60], moves[60:])[0, 1] > 0.1
        assert np.mean(moves**4) / np.mean(moves**2) ** 2 > 4.0


def test_jumps_of_several_percent_in_a_minute_occur(market: Columns) -> None:
    findings = check(market, jump_threshold=0.04).findings
    assert any(finding.kind is Kind.PRICE_JUMP for finding in findings)


def test_one_coin_is_listed_late(market: Columns) -> None:
    firsts = [int(market.ts_ms[market.rows_of(symbol)][0]) for symbol in market.symbols]
    assert len(set(firsts[:-1])) == 1
    assert firsts[-1] == firsts[0] + 12 * 86_400_000


def test_the_venue_has_one_outage(market: Columns) -> None:
    times = np.unique(market.ts_ms)
    steps = np.diff(times)
    assert sorted(set(steps.tolist())) == [60_000, 46 * 60_000]
    assert np.count_nonzero(steps == 46 * 60_000) == 1


def test_minutes_without_a_trade_stand_still(market: Columns) -> None:
    idle = market.volume == 0.0
    assert 0.0 < idle.mean() < 0.1
    assert (market.high[idle] == market.low[idle]).all()


def test_prices_are_what_their_decimal_text_says(market: Columns) -> None:
    for value in market.close[:: len(market) // 500]:
        assert len(f"{value:.10g}") <= 12
        assert float(f"{value:.10g}") == value


@pytest.mark.parametrize("interval_ms", [1_000 * 60 * 5, 3_600_000])
def test_other_intervals_are_made(interval_ms: int) -> None:
    frames = load_frames(sample_table(Market(days=5, symbols=2, interval_ms=interval_ms)), ["BLORPUSDT"])
    assert frames.interval_ns == interval_ms * 1_000_000


def test_one_coin_for_one_day_is_made() -> None:
    assert sample_table(Market(days=1, symbols=1)).num_rows == 1440 - 45


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed -1 is negative"),
        ({"days": 0}, "0 days holds nothing"),
        ({"symbols": 11}, "ask for 1 to 10"),
        ({"symbols": 0}, "ask for 1 to 10"),
        ({"interval_ms": 86_400_000}, "1d bars cannot be made"),
        ({"interval_ms": 7_000}, "7s bars cannot be made"),
    ],
)
def test_what_cannot_be_made_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Market(**options)
