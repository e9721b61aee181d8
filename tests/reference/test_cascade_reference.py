"""Hand-worked cases of the cascade's numbered rules, so that the judge is itself judged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.bars import Bar, most_frequent_step, usable_bars
from tests.reference.cascade_reference import (
    Config,
    Desk,
    Episode,
    Event,
    Holdings,
    Result,
    fill_downside,
    fill_event,
    fill_upside,
    load_bars,
    run,
    win_rate,
)
from tests.reference.metrics import max_drawdown, sharpe
from tests.reference.plans import (
    Account,
    DownsidePlan,
    Snapshot,
    UpsidePlan,
    floor_to_lot,
    is_cooling_down,
    plan_downside,
    plan_event,
    plan_upside,
    rank_candidates,
    support_slices,
)
from tests.reference.random_market import random_market, write_parquet

MINUTE = 60_000
approx = pytest.approx
CONFIG = Config(slippage_bps=0.0)
FREE = replace(CONFIG, trading_fee=0.0)


def snapshot_of(values: Mapping[str, float], cash: float, price: float = 1.0) -> Snapshot:
    mean = sum(values.values()) / len(values)
    prices = dict.fromkeys(values, price)
    return Snapshot(0, cash, prices, dict(values), list(values), cash + sum(values.values()), mean)


def account_of(snapshot: Snapshot) -> Account:
    return Account(snapshot.cash, {s: value / snapshot.prices[s] for s, value in snapshot.values.items()})


def desk_at_close(snapshot: Snapshot, config: Config) -> Desk:
    return Desk(account_of(snapshot), MINUTE, dict(snapshot.prices), config)


def minutes(*prices: float | tuple[float, float] | None) -> list[Bar]:
    """Return one row a minute; a number is open and close at once, None is no bar."""
    pairs = [(price, price) if isinstance(price, float) else price for price in prices]
    return [(index * MINUTE, *pair) for index, pair in enumerate(pairs) if pair is not None]


def orders(result: Result) -> list[tuple[int, str, str]]:
    return [(fill.ts_ms // MINUTE, fill.symbol, fill.side) for fill in result.fills]


def sides(desk: Desk) -> list[str]:
    return [f"{fill.symbol} {fill.side}" for fill in desk.account.fills]


def downside_plan(snapshot: Snapshot, trigger: str, config: Config) -> DownsidePlan:
    plan = plan_downside(snapshot, trigger, config)
    assert plan is not None
    return plan


def upside_plan(snapshot: Snapshot, trigger: str, config: Config) -> UpsidePlan:
    plan = plan_upside(snapshot, trigger, account_of(snapshot).qty[trigger], config)
    assert plan is not None
    return plan


# Data and time: rules 3-8.


@pytest.mark.parametrize("bad", [None, nan, inf, 0.0, -1.0])
def test_a_bar_with_a_bad_open_or_close_does_not_exist(bad: float | None) -> None:
    assert usable_bars([(0, bad, 1.0), (1, 1.0, bad), (2, 1.0, 2.0)]) == {2: (1.0, 2.0)}


def test_of_several_bars_of_one_time_the_last_usable_one_counts() -> None:
    assert usable_bars([(0, 1.0, 1.0), (0, 2.0, 3.0)]) == {0: (2.0, 3.0)}
    assert usable_bars([(0, 1.0, 1.0), (0, 2.0, nan)]) == {0: (1.0, 1.0)}


def test_the_interval_is_the_most_frequent_step_and_of_equals_the_smallest() -> None:
    assert most_frequent_step([0, 5, 10, 11, 12, 17]) == 5
    assert most_frequent_step([0, 5, 6, 11, 12]) == 1
    assert most_frequent_step([7]) == 0


def test_the_window_includes_its_start_and_excludes_its_end(tmp_path: Path) -> None:
    write_parquet({"A": minutes(1.0, 2.0, 3.0, 4.0), "B": minutes(1.0), "C": minutes(9.0)}, tmp_path / "bars.parquet")
    bars = load_bars(tmp_path / "bars.parquet", ["A", "B"], MINUTE, 3 * MINUTE)
    assert bars == {"A": [(MINUTE, 2.0, 2.0), (2 * MINUTE, 3.0, 3.0)], "B": []}


def test_a_price_is_usable_for_k_intervals_and_no_longer() -> None:
    # B's last bar is minute 1. A falls to 0.4 of B when B is 5 intervals old, or when it is 6 and A alone is the mean.
    config = replace(FREE, cooldown_minutes=0.0, max_position_pct=1.0)
    in_time = run({"A": minutes(*[10.0] * 6, 4.0, 4.0), "B": minutes(10.0, 10.0)}, ["A", "B"], config)
    too_late = run({"A": minutes(*[10.0] * 7, 4.0, 4.0), "B": minutes(10.0, 10.0)}, ["A", "B"], config)
    assert orders(in_time)[2:] == [(7, "A", "BUY")]
    assert orders(too_late)[2:] == []


def test_a_gap_of_all_symbols_makes_prices_old_too() -> None:
    # Minutes 2 to 7 do not exist for anyone. At minute 8 only A has a bar, and B's last is 7 intervals old.
    gap: list[None] = [None] * 6
    bars = {"A": minutes(10.0, 10.0, *gap, 4.0, 4.0), "B": minutes(10.0, 10.0, *gap, None, 10.0)}
    config = replace(FREE, cooldown_minutes=0.0, max_position_pct=1.0)
    assert orders(run(bars, ["A", "B"], config)) == [(1, "A", "BUY"), (1, "B", "BUY")]
    assert orders(run(bars, ["A", "B"], replace(config, max_stale_bars=7)))[2:] == [(9, "A", "BUY")]


@pytest.mark.parametrize(
    "change",
    [
        {"upside_threshold": 0.0},
        {"downside_threshold": 0.0},
        {"downside_threshold": 1.0},
        {"sell_percentage": 0.0},
        {"sell_percentage": 1.1},
        {"usdt_reserve": -0.1},
        {"usdt_reserve": 1.0},
        {"min_usdt_reserve_pct": -0.1},
        {"min_usdt_reserve_pct": 1.0},
        {"initial_capital": 0.0},
        {"min_order_value": 0.0},
        {"cooldown_minutes": -1.0},
        {"max_stale_bars": -1},
        {"max_position_pct": 0.349},
        {"upside_threshold": nan},
    ],
)
def test_an_infeasible_parameter_is_refused(change: dict[str, float]) -> None:
    fields = {**vars(CONFIG), **change}
    with pytest.raises(ValueError, match="must be"):
        run({"A": minutes(1.0), "B": minutes(1.0)}, ["A", "B"], Config(**fields))


def test_the_limits_of_the_parameters_are_accepted() -> None:
    edge = replace(CONFIG, sell_percentage=1.0, usdt_reserve=0.0, max_position_pct=0.5, min_usdt_reserve_pct=0.0)
    edge = replace(edge, cooldown_minutes=0.0, max_stale_bars=0)
    assert run({"A": minutes(1.0), "B": minutes(1.0)}, ["A", "B"], edge).equity == [(0, 10_000.0)]


@pytest.mark.parametrize(
    ("symbols", "message"),
    [(["A"], "at least 2"), (["A", "B", "A"], "duplicate"), (["A", "C"], "C has no"), (["A", "D"], "D has no")],
)
def test_symbols_that_cannot_be_run_are_refused(symbols: list[str], message: str) -> None:
    bars = {"A": minutes(1.0), "B": minutes(1.0), "C": minutes(0.0, nan)}
    with pytest.raises(ValueError, match=message):
        run(bars, symbols, replace(CONFIG, max_position_pct=1.0))


# The start: rules 10-13.


def test_the_start_spends_a_share_with_its_fee_and_keeps_the_reserve_exactly() -> None:
    bars = {"A": minutes(2.0, 2.0), "B": minutes(5.0, 5.0), "C": minutes(0.5, 0.5)}
    result = run(bars, ["A", "B", "C"], CONFIG)
    assert [fill.qty for fill in result.fills] == approx([1165.501166, 466.200466, 4662.004662], rel=1e-9)
    assert [fill.qty * fill.price for fill in result.fills] == approx([2331.002331] * 3, rel=1e-9)
    assert result.fees == approx(6.993007, rel=1e-6)
    assert result.equity == [(0, 10_000.0), (MINUTE, approx(3000.0 + 3 * 2331.002331, rel=1e-9))]
    assert result.n_events == 0
    assert result.win_rate is None
    assert {fill.event_number for fill in result.fills} == {0}


def test_a_fill_pays_slippage_on_the_open_and_the_fee_on_the_slipped_price() -> None:
    account = Account(1000.0, {"A": 10.0, "B": 0.0})
    desk = Desk(account, MINUTE, {"A": 4.0, "B": 4.0}, Config(slippage_bps=50.0))
    # 10 at 3.98 bring 39.8 less 0.0398; 40.2 buys 10 at 4.02 and costs 0.0402 more.
    assert desk.sell("A", 10.0) == approx(39.7602)
    desk.buy("B", 40.2)
    assert account.qty == {"A": 0.0, "B": approx(10.0)}
    assert [fill.price for fill in account.fills] == approx([3.98, 4.02])
    assert [fill.fee for fill in account.fills] == approx([0.0398, 0.0402])
    assert account.cash == approx(1000.0 + 39.7602 - 40.2402)


def test_the_start_fills_at_the_open_after_the_first_close() -> None:
    bars = {"A": minutes((1.0, 2.0), (4.0, 5.0)), "B": minutes(1.0, 1.0)}
    fill = run(bars, ["A", "B"], replace(FREE, max_position_pct=1.0)).fills[0]
    assert (fill.ts_ms, fill.symbol, fill.price, fill.qty) == (MINUTE, "A", 4.0, 875.0)


def test_an_asset_listed_at_the_first_fill_has_missed_the_start() -> None:
    bars = {"A": minutes(1.0, 1.0, 1.0), "B": minutes(1.0, 1.0, 1.0), "C": minutes(None, 1.0, 1.0)}
    assert orders(run(bars, ["A", "B", "C"], FREE)) == [(1, "A", "BUY"), (1, "B", "BUY"), (2, "C", "BUY")]


def test_the_start_is_decided_again_until_one_buy_fills_and_then_never() -> None:
    # Nothing fills at minute 1 (a gap of all); at minute 3 only A has a bar; B, missed, comes by the downside rule.
    bars = {"A": minutes(1.0, None, 1.0, 1.0, 1.0, 1.0), "B": minutes(1.0, None, 1.0, None, 1.0, 1.0)}
    result = run(bars, ["A", "B"], replace(FREE, max_position_pct=1.0))
    assert [(f.ts_ms // MINUTE, f.symbol, f.event_number) for f in result.fills] == [(3, "A", 0), (4, "B", 1)]
    # Mean 1750, B -1: D = 1750 from cash 6500 (floor 1000).
    assert [fill.qty for fill in result.fills] == approx([3500.0, 1750.0])
    assert result.events == [Event(4 * MINUTE, "B", "DOWNSIDE")]


def test_a_late_listing_is_bought_at_the_open_after_its_first_bar() -> None:
    bars = {"A": minutes(1.0, 1.0, 1.0, 1.0), "B": minutes(1.0, 1.0, 1.0, 1.0), "C": minutes(None, None, 2.0, 2.0)}
    result = run(bars, ["C", "A", "B"], FREE)
    # C's share stays in cash: 10000 - 2 x 2333.33. Mean 1555.56 with C; A and B +0.5, C -1 is the more severe.
    assert orders(result) == [(1, "A", "BUY"), (1, "B", "BUY"), (3, "C", "BUY")]
    assert [fill.qty * fill.price for fill in result.fills] == approx([7000 / 3, 7000 / 3, 14_000 / 9])


def test_an_initial_share_below_the_minimum_is_never_bought() -> None:
    bars = {"A": minutes(1.0, 1.0, 1.0), "B": minutes(1.0, 1.0, 1.0)}
    result = run(bars, ["A", "B"], replace(FREE, initial_capital=42.8, max_position_pct=1.0))
    assert result.fills == []
    assert result.equity[-1] == (2 * MINUTE, 42.8)


def test_no_decision_is_taken_at_the_last_close() -> None:
    bars = {"A": minutes(1.0), "B": minutes(1.0)}
    assert run(bars, ["A", "B"], replace(FREE, max_position_pct=1.0)).fills == []


# The trigger: rules 9 and 16-19.


def test_the_most_severe_comes_first_and_equals_keep_their_order() -> None:
    snapshot = snapshot_of({"B": 1000.0, "A": 3000.0, "C": 1000.0}, 2000.0)
    ranked = rank_candidates(snapshot, account_of(snapshot), MINUTE, CONFIG)
    assert ranked == [("A", "UPSIDE"), ("B", "DOWNSIDE"), ("C", "DOWNSIDE")]


def test_severities_that_differ_by_noise_are_equal() -> None:
    snapshot = snapshot_of({"B": 500.0 + 1e-8, "C": 500.0, "A": 2000.0}, 0.0)
    config = replace(CONFIG, upside_threshold=2.0)
    assert rank_candidates(snapshot, account_of(snapshot), MINUTE, config) == [("B", "DOWNSIDE"), ("C", "DOWNSIDE")]


@pytest.mark.parametrize(
    "values",
    [{"A": 1400.0, "B": 800.0, "C": 800.0}, {"A": 650.0, "B": 1175.0, "C": 1175.0}, {"A": 0.0, "B": 0.0, "C": 0.0}],
)
def test_a_deviation_exactly_at_the_threshold_does_not_trigger(values: dict[str, float]) -> None:
    snapshot = snapshot_of(values, 1000.0)
    assert plan_event(snapshot, account_of(snapshot), MINUTE, CONFIG) is None


def test_a_deviation_just_past_the_tolerance_triggers() -> None:
    snapshot = snapshot_of({"A": 1400.0, "B": 800.0 - 1e-5, "C": 800.0}, 1000.0)
    assert isinstance(plan_event(snapshot, account_of(snapshot), MINUTE, CONFIG), UpsidePlan)


def test_an_empty_plan_lets_the_next_candidate_try() -> None:
    # A (-1.0) lacks 14.5, below the minimum; C at +0.966 has severity 2.4, B is at +0.03.
    snapshot = snapshot_of({"A": 0.0, "B": 15.0, "C": 28.5}, 1000.0)
    account = account_of(snapshot)
    assert [symbol for symbol, _ in rank_candidates(snapshot, account, MINUTE, CONFIG)] == ["A", "C"]
    config = replace(CONFIG, sell_percentage=0.6)
    plan = plan_event(snapshot, account, MINUTE, config)
    assert isinstance(plan, UpsidePlan)
    assert plan.trigger == "C"


def test_the_cooldown_ends_exactly_at_its_length() -> None:
    account = Account(0.0, {"A": 1.0, "B": 1.0}, {"A": 60_000})
    assert is_cooling_down("A", 60_000 + 30 * MINUTE - 1, account, CONFIG)
    assert not is_cooling_down("A", 60_000 + 30 * MINUTE, account, CONFIG)
    assert not is_cooling_down("B", 0, account, CONFIG)


def test_the_first_close_that_ends_a_cooldown_may_trigger() -> None:
    # Initial fills are stamped minute 1; the close of bar 30 is minute 31, 30 minutes later; its orders fill there.
    bars = {"A": minutes(*[1.0] * 2, *[4.0] * 32), "B": minutes(*[1.0] * 34), "C": minutes(*[1.0] * 34)}
    result = run(bars, ["A", "B", "C"], CONFIG)
    assert result.events[0] == Event(31 * MINUTE, "A", "UPSIDE")
    # The event stamps all three: no other by the end.
    assert result.n_events == 1


# The upside event: rules 20-24.


def test_an_upside_event_keeps_the_reserve_share_and_spreads_the_rest() -> None:
    snapshot = Snapshot(
        0,
        2000.0,
        {"A": 30.0, "B": 10.0, "C": 5.0},
        {"A": 3000.0, "B": 1000.0, "C": 1000.0},
        ["A", "B", "C"],
        7000.0,
        5000.0 / 3,
    )
    desk = desk_at_close(snapshot, CONFIG)
    fill_upside(upside_plan(snapshot, "A", CONFIG), desk, 3)
    assert sides(desk) == ["A SELL", "B BUY", "C BUY"]
    assert [fill.qty for fill in desk.account.fills] == approx([20.0, 20.958042, 41.916084], rel=1e-7)
    assert desk.account.cash == approx(2179.82)
    assert sum(fill.fee for fill in desk.account.fills) == approx(1.019161, rel=1e-6)
    assert Holdings(desk.account.cash, desk.account.qty).worth(snapshot.prices) == approx(6998.980839, rel=1e-9)
    assert desk.account.stamp_ms == {"A": MINUTE, "B": MINUTE, "C": MINUTE}


def test_shares_below_the_minimum_leave_only_the_sale() -> None:
    snapshot = snapshot_of({"A": 214.5, "B": 50.0, "C": 50.0}, 100.0)
    desk = desk_at_close(snapshot, CONFIG)
    fill_upside(upside_plan(snapshot, "A", CONFIG), desk, 3)
    assert sides(desk) == ["A SELL"]
    assert desk.account.cash == approx(100.0 + 42.8571)


def test_a_sale_below_the_minimum_is_no_event() -> None:
    snapshot = snapshot_of({"A": 74.9, "B": 20.0}, 100.0)
    assert plan_upside(snapshot, "A", 74.9, CONFIG) is None
    assert plan_upside(snapshot, "A", 75.0, CONFIG) is not None


def test_a_buy_is_clipped_at_the_position_cap_of_the_decision() -> None:
    # A cap of 1600: B at 1550 has room for 50 of its share of 140, C at 1650 for none, D takes 140 in full.
    snapshot = snapshot_of({"A": 3000.0, "B": 1550.0, "C": 1650.0, "D": 300.0}, 0.0)
    config = replace(FREE, max_position_pct=1600.0 / 6500.0)
    desk = desk_at_close(snapshot, config)
    fill_upside(upside_plan(snapshot, "A", config), desk, 4)
    assert sides(desk) == ["A SELL", "B BUY", "D BUY"]
    assert [fill.qty for fill in desk.account.fills] == approx([600.0, 50.0, 140.0])


def test_shares_of_untradable_and_barless_assets_stay_in_cash() -> None:
    snapshot = replace(snapshot_of({"A": 3000.0, "B": 500.0, "C": 500.0, "D": 500.0}, 500.0), tradable=["A", "B", "D"])
    desk = desk_at_close(snapshot, FREE)
    del desk.opens["D"]
    fill_upside(upside_plan(snapshot, "A", FREE), desk, 4)
    # Three shares of 420 / 3 each; only B's is spent.
    assert sides(desk) == ["A SELL", "B BUY"]
    assert [fill.qty for fill in desk.account.fills] == approx([600.0, 140.0])
    assert desk.account.cash == approx(500.0 + 600.0 - 140.0)
    assert "D" not in desk.account.stamp_ms


# The downside event: rules 25-33 and 39.


def test_a_downside_event_is_paid_from_cash_above_the_floor() -> None:
    snapshot = snapshot_of({"A": 600.0, "B": 1200.0, "C": 1200.0}, 1000.0)
    plan = downside_plan(snapshot, "A", CONFIG)
    assert [plan.deficit, plan.cash_used] == approx([400.0, 400.4])
    assert plan.sells == {}
    desk = desk_at_close(snapshot, CONFIG)
    fill_downside(plan, desk)
    assert desk.account.qty["A"] == approx(1000.0)
    assert desk.account.cash == approx(599.6)


@pytest.mark.parametrize(("floor", "sold", "bought"), [(0.10, 475.0, 474.050949), (0.0, 401.101101, 700.0)])
def test_cash_comes_before_outperformers_and_those_are_capped(floor: float, sold: float, bought: float) -> None:
    snapshot = snapshot_of({"A": 500.0, "B": 1900.0, "C": 1200.0}, 300.0)
    config = replace(CONFIG, min_usdt_reserve_pct=floor)
    desk = desk_at_close(snapshot, config)
    fill_downside(downside_plan(snapshot, "A", config), desk)
    assert sides(desk) == ["B SELL", "A BUY"]
    assert [fill.qty for fill in desk.account.fills] == approx([sold, bought], rel=1e-8)


def test_a_capped_shortfall_goes_to_the_uncapped_up_to_their_own_cap() -> None:
    snapshot = snapshot_of({"A": 300.0, "B": 1500.0, "C": 1200.0, "E": 1000.0}, 0.0)
    plan = downside_plan(snapshot, "A", CONFIG)
    assert plan.sells == {"B": approx(375.0), "C": approx(300.0)}
    desk = desk_at_close(snapshot, CONFIG)
    fill_downside(plan, desk)
    assert desk.account.qty["A"] == approx(300.0 + 673.651349, rel=1e-9)
    assert desk.account.cash == approx(0.0, abs=1e-9)


def test_a_shortfall_is_split_by_excess_when_no_cap_binds() -> None:
    # Mean 1000, excess 800, 300, 100: raw 500, 187.5, 62.5 of 750. B's cap of 450 leaves 50, split 3 : 1.
    snapshot = replace(snapshot_of({"A": 0.0, "B": 1800.0, "C": 1300.0, "D": 1100.0}, 0.0), mean=1000.0)
    slices = support_slices(snapshot, "A", 750.0, CONFIG)
    assert slices == {"B": approx(450.0), "C": approx(187.5 + 37.5), "D": approx(62.5 + 12.5)}


def test_dropped_slices_are_given_to_no_one_and_receive_nothing() -> None:
    # Mean 1000, excess 800, 190, 10: raw 560, 133, 7 of 700. B's cap 450 leaves 110; D's 7 is dropped before the pass,
    # so C alone receives.
    values = {"A": 0.0, "B": 1800.0, "C": 1190.0, "D": 1010.0}
    slices = support_slices(snapshot_of(values, 0.0), "A", 700.0, CONFIG)
    assert slices == {"B": approx(450.0), "C": approx(133.0 + 110.0)}


def test_an_asset_at_the_mean_supports_nobody() -> None:
    snapshot = replace(snapshot_of({"A": 500.0, "B": 1000.0 + 1e-7}, 0.0), mean=1000.0)
    assert support_slices(snapshot, "A", 100.0, CONFIG) == {}
    assert support_slices(replace(snapshot, mean=999.99999), "A", 100.0, CONFIG) == {"B": approx(100.0)}


def test_a_deficit_is_clipped_at_the_position_cap_before_anything_is_sold() -> None:
    # Mean 2000, total 6000, cap 0.25: A at 1000 lacks 1000 but may grow by 500 only; all of it from B and C.
    snapshot = snapshot_of({"A": 1000.0, "B": 2500.0, "C": 2500.0}, 0.0)
    plan = downside_plan(snapshot, "A", replace(FREE, max_position_pct=0.25))
    assert plan.deficit == approx(500.0)
    assert plan.sells == {"B": approx(250.0), "C": approx(250.0)}


@pytest.mark.parametrize(("lacking", "is_empty"), [(14.99, True), (15.0, False)])
def test_a_deficit_below_the_minimum_is_no_event(lacking: float, is_empty: bool) -> None:
    snapshot = replace(snapshot_of({"A": 20.0, "B": 60.0}, 100.0), mean=20.0 + lacking)
    assert (plan_downside(snapshot, "A", replace(FREE, max_position_pct=1.0)) is None) == is_empty


def test_a_plan_that_can_pay_too_little_sells_nothing() -> None:
    # Nothing above the floor, and B's whole slice of 25 % would be 15: net of fee that buys 14.97.
    snapshot = snapshot_of({"A": 10.0, "B": 60.0}, 7.0)
    assert plan_downside(snapshot, "A", replace(CONFIG, max_position_pct=1.0)) is None
    assert plan_downside(snapshot, "A", replace(FREE, max_position_pct=1.0)) is not None


def test_missing_proceeds_are_not_replaced_from_cash_and_surplus_stays() -> None:
    snapshot = snapshot_of({"A": 500.0, "B": 1900.0, "C": 1200.0}, 690.0)
    plan = downside_plan(snapshot, "A", FREE)
    floor = 0.1 * 4290.0
    assert plan.cash_used == approx(690.0 - floor)
    assert plan.sells == {"B": approx(700.0 - plan.cash_used)}
    for opens, bought, cash in [
        ({"A": 1.0, "C": 1.0}, plan.cash_used, floor),
        ({"A": 1.0, "B": 0.5, "C": 1.0}, plan.cash_used + plan.sells["B"] / 2, floor),
        ({"A": 1.0, "B": 2.0, "C": 1.0}, 700.0, floor + plan.sells["B"]),
    ]:
        desk = Desk(account_of(snapshot), MINUTE, opens, FREE)
        fill_downside(plan, desk)
        assert desk.account.qty["A"] == approx(500.0 + bought)
        assert desk.account.cash == approx(cash)


# Fills and gaps: rules 34-44.


def gapped_market(a: Sequence[float | None], b: Sequence[float | None], c: Sequence[float | None]) -> Result:
    """Run three symbols that start at 1.0 for two minutes; A falls to 0.2 at minute 2."""
    start = (1.0, 1.0)
    bars = {"A": minutes(*start, *a), "B": minutes(*start, *b), "C": minutes(*start, *c)}
    # No cash may be used, so that every downside event needs sells of B and C.
    return run(bars, ["A", "B", "C"], replace(FREE, cooldown_minutes=0.0, min_usdt_reserve_pct=0.9))


def test_an_event_fills_at_the_next_open_sells_first_in_configured_order() -> None:
    result = gapped_market([0.2, 0.2], [1.0, 1.0], [1.0, 1.0])
    assert orders(result)[3:] == [(3, "B", "SELL"), (3, "C", "SELL"), (3, "A", "BUY")]
    assert {fill.event_number for fill in result.fills[3:]} == {1}


def test_a_planned_event_is_carried_out_though_the_open_has_moved_back() -> None:
    result = gapped_market([0.2, 1.0], [1.0, 1.0], [1.0, 1.0])
    assert result.events == [Event(3 * MINUTE, "A", "DOWNSIDE")]


def test_a_gap_of_all_symbols_drops_the_plan_and_the_next_close_checks_afresh() -> None:
    result = gapped_market([0.2, None, 0.2, 0.2], [1.0, None, 1.0, 1.0], [1.0, None, 1.0, 1.0])
    assert [event.ts_ms // MINUTE for event in result.events] == [5]
    recovered = gapped_market([0.2, None, 1.0, 1.0], [1.0, None, 1.0, 1.0], [1.0, None, 1.0, 1.0])
    assert recovered.n_events == 0


def test_a_trigger_without_a_bar_drops_the_event_with_its_sells() -> None:
    result = gapped_market([0.2, None, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    # Decided again at minute 3 on A's price of minute 2, and filled at minute 4.
    assert orders(result)[3:] == [(4, "B", "SELL"), (4, "C", "SELL"), (4, "A", "BUY")]
    assert result.n_events == 1


def test_a_supporter_without_a_bar_only_leaves_out_its_order() -> None:
    result = gapped_market([0.2, 0.2], [1.0, None], [1.0, 1.0])
    assert orders(result)[3:] == [(3, "C", "SELL"), (3, "A", "BUY")]
    assert result.fills[4].qty * 0.2 == approx(result.fills[3].qty)


def test_an_event_that_fills_nothing_leaves_no_trace() -> None:
    result = gapped_market([0.2, 0.2, 0.2], [1.0, None, 1.0], [1.0, None, 1.0])
    # At minute 3 no supporter has a bar and there is no cash; the plan of minute 3 fills at minute 4 as number 1.
    assert [event.ts_ms // MINUTE for event in result.events] == [4]
    assert result.fills[3].event_number == 1


def test_sells_stand_when_their_buy_is_below_the_minimum() -> None:
    snapshot = snapshot_of({"A": 10.0, "B": 60.0, "C": 35.0}, 0.0)
    config = replace(FREE, max_position_pct=1.0)
    plan = downside_plan(snapshot, "A", config)
    assert plan.sells == {"B": approx(15.0)}
    desk = Desk(account_of(snapshot), MINUTE, {"A": 1.0, "B": 0.9, "C": 1.0}, config)
    episode = fill_event(plan, desk, 1, 3)
    assert episode is not None
    assert sides(desk) == ["B SELL"]
    assert desk.account.stamp_ms == {"B": MINUTE}


# Results: rules 46-51.


def test_the_metrics_of_a_worked_equity_curve() -> None:
    values = [10_000.0, 10_100.0, 9_898.0, 10_195.0, 9_800.0, 10_300.0]
    assert sharpe(values, 3_600_000, 0.0) == approx(16.607029, rel=1e-7)
    assert sharpe(values, 86_400_000, 0.0) == approx(3.389896, rel=1e-6)
    assert max_drawdown(values) == approx(-0.038744483, rel=1e-7)
    assert max_drawdown([10_000.0, 12_000.0, 12_500.0]) == 0.0
    # Returns of 0.1 and 0, two bars a year: mean 0.05 less 0.015, deviation 0.1 / sqrt(2), times sqrt(2).
    assert sharpe([1.0, 1.1, 1.1], 15_768_000_000, 0.03) == approx(0.035 / 0.1 * 2)


def test_sharpe_is_zero_without_two_returns_or_any_deviation() -> None:
    assert sharpe([1.0], MINUTE, 0.0) == 0.0
    assert sharpe([1.0, 2.0], MINUTE, 0.0) == 0.0
    assert sharpe([1.0, 1.0, 1.0], MINUTE, 0.5) == 0.0


def test_an_event_wins_if_it_beats_not_acting_where_the_next_was_decided() -> None:
    before = Holdings(2000.0, {"A": 100.0, "B": 100.0, "C": 200.0})
    after = Holdings(2179.82, {"A": 80.0, "B": 120.958042, "C": 241.916084})
    first = Episode(Event(0, "A", "UPSIDE"), {"A": 30.0, "B": 10.0, "C": 5.0}, before, after)
    second = replace(first, decided_prices={"A": 24.0, "B": 11.0, "C": 5.5})
    better, worse = second.decided_prices, {"A": 36.0, "B": 9.0, "C": 4.5}
    assert after.worth(better) - before.worth(better) == approx(160.896923, rel=1e-6)
    assert after.worth(worse) == approx(7237.064755, rel=1e-9)
    assert win_rate([first, second], worse) == 0.5
    assert win_rate([first], better) == 1.0
    assert win_rate([replace(first, after=before)], better) == 0.0


def test_an_untradable_asset_keeps_its_value_in_the_equity() -> None:
    bars = {"A": minutes(*[1.0] * 12), "B": minutes(1.0, 1.0)}
    result = run(bars, ["A", "B"], replace(FREE, max_position_pct=1.0, max_stale_bars=1))
    assert [value for _, value in result.equity] == [approx(10_000.0)] * 12
    assert result.total_return == approx(0.0)


# Lots: rule 53.


def test_an_exact_multiple_of_a_lot_keeps_all_its_lots() -> None:
    config = replace(CONFIG, lot_step=0.1)
    assert 0.3 / 0.1 < 3.0
    assert floor_to_lot(0.3, "A", config) == approx(0.3)
    assert floor_to_lot(0.3 - 5e-11, "A", config) == approx(0.3)
    assert floor_to_lot(0.3999, "A", config) == approx(0.3)
    per_symbol = replace(CONFIG, lot_step={"A": 10.0})
    assert (floor_to_lot(19.0, "A", per_symbol), floor_to_lot(19.5, "B", per_symbol)) == (10.0, 19.5)


def test_a_planned_sale_is_tested_in_whole_lots() -> None:
    snapshot = snapshot_of({"A": 99.0, "B": 10.0}, 0.0)
    assert upside_plan(snapshot, "A", replace(CONFIG, lot_step=5.0)).qty == 15.0
    assert plan_upside(snapshot, "A", 99.0, replace(CONFIG, lot_step=10.0)) is None


def test_a_buy_is_floored_at_the_fill_price_and_tested_there() -> None:
    desk = desk_at_close(snapshot_of({"A": 10.0, "B": 10.0}, 1000.0), replace(FREE, lot_step=10.0, slippage_bps=1000.0))
    desk.buy("A", 32.9)
    desk.buy("B", 14.9)
    assert sides(desk) == ["A BUY"]
    assert [(fill.qty, fill.price) for fill in desk.account.fills] == [(20.0, 1.1)]


def test_supporters_below_the_minimum_in_whole_lots_are_left_out_and_the_plan_counts_lots() -> None:
    # Deficit 700, no cash: raw slices 350 each of B and C; C's lot of 400 leaves nothing of it.
    snapshot = snapshot_of({"A": 300.0, "B": 1500.0, "C": 1500.0, "D": 700.0}, 0.0)
    config = replace(FREE, lot_step={"B": 100.0, "C": 400.0, "A": 250.0})
    plan = downside_plan(snapshot, "A", config)
    assert plan.sells == {"B": 300.0}
    desk = desk_at_close(snapshot, config)
    fill_downside(plan, desk)
    assert desk.account.qty["A"] == 550.0
    assert desk.account.cash == approx(50.0)
    # The buy itself is rounded in the plan: one lot of 301 is more than the 300 that can be paid.
    assert plan_downside(snapshot, "A", replace(config, lot_step={"B": 100.0, "C": 400.0, "A": 301.0})) is None


# Random markets.


def test_a_market_survives_its_file(tmp_path: Path) -> None:
    market = random_market(3, 5, 300, 0.05, 0.02)
    write_parquet(market, tmp_path / "bars.parquet")
    bars = load_bars(tmp_path / "bars.parquet", list(market), None, None)
    assert bars == {s: [(ts, *pair) for ts, pair in usable_bars(rows).items()] for s, rows in market.items()}


def test_a_market_has_the_defects_it_promises() -> None:
    market = random_market(1, 6, 2000, 0.01, 0.02)
    usable = {symbol: usable_bars(rows) for symbol, rows in market.items()}
    for symbol, rows in market.items():
        times = {row[0] for row in rows}
        assert len(usable[symbol]) < len(times) < len(rows)
    assert min(usable["S2USDT"]) > min(usable["S0USDT"])
    timeline = sorted({ts_ms for by_time in usable.values() for ts_ms in by_time})
    assert {later - earlier for earlier, later in pairwise(timeline)} > {MINUTE, 4 * MINUTE}


@pytest.mark.parametrize("seed", range(4))
def test_a_volatile_market_triggers_many_events_of_both_kinds(seed: int) -> None:
    market = random_market(seed, 6, 3000, 0.01, 0.02)
    result = run(market, list(market), Config())
    assert result.upside > 10
    assert result.downside > 10
    downside = {number for number, event in enumerate(result.events, start=1) if event.direction == "DOWNSIDE"}
    assert any(fill.side == "SELL" and fill.event_number in downside for fill in result.fills)


CONFIGS = st.builds(
    Config,
    upside_threshold=st.sampled_from([0.1, 0.4]),
    downside_threshold=st.sampled_from([0.1, 0.35]),
    sell_percentage=st.sampled_from([0.2, 1.0]),
    usdt_reserve=st.sampled_from([0.0, 0.3]),
    cooldown_minutes=st.sampled_from([0.0, 2.0, 30.0]),
    min_usdt_reserve_pct=st.sampled_from([0.0, 0.1]),
    trading_fee=st.sampled_from([0.0, 0.001]),
    slippage_bps=st.sampled_from([0.0, 10.0]),
    max_stale_bars=st.sampled_from([0, 1, 5]),
    lot_step=st.sampled_from([0.0, 0.001]),
)
RUNS = settings(max_examples=40, deadline=None)


@given(seed=st.integers(0, 10_000), config=CONFIGS)
@RUNS
def test_replaying_the_fills_gives_the_final_equity(seed: int, config: Config) -> None:
    market = random_market(seed, 4, 250, 0.03, 0.03)
    result = run(market, list(market), config)
    cash, qty = config.initial_capital, dict.fromkeys(market, 0.0)
    for fill in result.fills:
        sign = 1.0 if fill.side == "BUY" else -1.0
        qty[fill.symbol] += sign * fill.qty
        cash -= sign * fill.qty * fill.price + fill.fee
        assert fill.fee == approx(config.trading_fee * fill.qty * fill.price)
        assert cash > -1e-6
        assert qty[fill.symbol] > -1e-9 * max(1.0, fill.qty)
    worth = cash + sum(qty[symbol] * list(usable_bars(rows).values())[-1][1] for symbol, rows in market.items())
    assert worth == approx(result.equity[-1][1], rel=1e-9)


@given(seed=st.integers(0, 10_000), config=CONFIGS, n_bars=st.integers(10, 240))
@RUNS
def test_the_future_changes_no_fill_of_the_past(seed: int, config: Config, n_bars: int) -> None:
    market = random_market(seed, 4, 250, 0.03, 0.03)
    config = replace(config, interval_ms=MINUTE)
    end_ms = market["S0USDT"][0][0] + n_bars * MINUTE
    past = {symbol: [row for row in rows if row[0] < end_ms] for symbol, rows in market.items()}
    # A symbol that is not listed yet gets a bar after the window, which gives no time to fill anything.
    bars = {symbol: [*rows, (end_ms + 100 * MINUTE, 1.0, 1.0)] for symbol, rows in past.items()}
    full, cut = run(market, list(market), config), run(bars, list(market), config)
    assert cut.fills == [fill for fill in full.fills if fill.ts_ms < end_ms]


@given(seed=st.integers(0, 10_000), config=CONFIGS)
@RUNS
def test_no_asset_triggers_inside_its_cooldown(seed: int, config: Config) -> None:
    market = random_market(seed, 4, 250, 0.03, 0.03)
    result = run(market, list(market), config)
    for number, event in enumerate(result.events, start=1):
        earlier = [f.ts_ms for f in result.fills if f.symbol == event.trigger and f.event_number < number]
        assert not earlier or event.ts_ms - max(earlier) >= config.cooldown_minutes * MINUTE


@given(seed=st.integers(0, 10_000), config=CONFIGS)
@RUNS
def test_quoting_in_another_unit_changes_no_value(seed: int, config: Config) -> None:
    market = random_market(seed, 4, 250, 0.03, 0.03)
    config = replace(config, lot_step=0.0)
    quarter = {s: [(ts, o and o / 4, c and c / 4) for ts, o, c in rows] for s, rows in market.items()}
    full, scaled = run(market, list(market), config), run(quarter, list(market), config)
    # A power of two changes no digit, so the runs agree to the bit.
    assert scaled.equity == full.equity
    assert [fill.qty / 4 for fill in scaled.fills] == [fill.qty for fill in full.fills]
