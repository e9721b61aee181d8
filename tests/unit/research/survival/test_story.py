"""What is said about a grid: the odds first, then the money, and nothing that reads like less than nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ballast.research.survival import survive
from ballast.research.survival.analysis import Survival
from ballast.research.survival.chances import Chances, counted
from ballast.research.survival.columns import level_columns
from ballast.research.survival.layers import Layer
from ballast.research.survival.page import page
from ballast.research.survival.paths import wilson
from ballast.research.survival.story import at_most, last_level, likelihood, verdict
from tests.unit.research.survival.grids import OFF, SAFE, grid

HOUR_NS = 3_600_000_000_000
DAYS = {"1d": 1.0, "7d": 7.0}
NEVER = np.inf
FREEZE, PANIC, EMERGENCY, LIQUIDATION = range(4)


@cache
def bare() -> Survival:
    """Return a grid without a ladder that dies both ways."""
    return survive(grid(risk=OFF, capital=300.0, max_grid_levels_per_side=8), n_paths=0)


@cache
def guarded() -> Survival:
    """Return the same grid behind the safe ladder."""
    return survive(grid(risk=SAFE, capital=300.0, max_grid_levels_per_side=8), n_paths=0)


@cache
def pair() -> Survival:
    """Return two symbols without a ladder."""
    setup = grid(risk=OFF, prices=(100.0, 7.0), ticks=((1, 100.0), (1, 1000.0)), capital=600.0)
    return survive(setup, n_paths=0)


def runs(*rows: tuple[float, float, float, float, float]) -> Chances:
    """Return the outcome of runs: the day on which each layer fired, and the final equity."""
    table = np.array(rows)
    table[:, :-1] *= 86_400e9
    return counted("bootstrap", table, list(DAYS.values()), HOUR_NS)


def with_runs(survival: Survival, *models: Chances) -> Survival:
    return replace(survival, models=models, horizons=DAYS)


DOOMED = (0.5, 0.6, NEVER, 0.9, 0.0)
CLOSED = (0.5, 0.6, 3.0, NEVER, 240.0)
CALM = (NEVER, NEVER, NEVER, NEVER, 310.0)


def test_closed_by_force_is_closed_by_the_bot_or_by_the_exchange() -> None:
    model = runs(DOOMED, CLOSED, (0.1, 0.2, 5.0, 6.0, 120.0), CALM)
    assert {days: chance.p for days, chance in model.forced.items()} == {1.0: 0.25, 7.0: 0.75}
    assert (model.forced[7.0].low, model.forced[7.0].high) == wilson(3, 4)
    assert model.forced_equity == 120.0
    assert [model.at_horizon[7.0][layer].p for layer in Layer] == [0.75, 0.75, 0.5, 0.5]


def test_what_is_closed_after_the_last_horizon_does_not_count() -> None:
    model = runs(CALM, (0.5, 0.5, 8.0, NEVER, 100.0))
    assert model.forced[7.0].p == 0.0
    assert model.forced_equity is None


def test_the_first_sentence_gives_the_odds_and_the_loss() -> None:
    told = verdict(with_runs(guarded(), runs(CLOSED, CALM, CALM, CALM)))
    assert told[0].words == (
        "Odds that the bot gives up and closes everything: 0 % within 1 day and 25.0 % within 7 days, "
        "at a usual loss of 60 of 300 USDT."
    )
    assert told[0].gravity == 2


def test_the_odds_name_who_ends_it() -> None:
    by_exchange = verdict(with_runs(bare(), runs(DOOMED, CALM)))[0].words
    assert by_exchange.startswith("Odds of losing the account to liquidation by the exchange: 50.0 % within 1 day")
    assert by_exchange.endswith("at a usual loss of all 300 USDT.")
    both = verdict(with_runs(guarded(), runs(DOOMED, CLOSED)))[0].words
    assert both.startswith("Odds that the bot closes everything, or the exchange liquidates: 50.0 % within 1 day")


def test_no_loss_among_the_runs_is_not_told_as_no_risk() -> None:
    told = verdict(with_runs(guarded(), runs(*[CALM] * 100)))[0]
    assert told.words == (
        "Odds of losing the account: in none of 100 random markets of 7 days; that means under 3.7 %, not never."
    )


def test_without_paths_it_says_that_nothing_is_said_about_the_odds() -> None:
    assert verdict(bare())[0].words.startswith("The odds were not asked for")


def test_the_second_market_stands_beside_the_first() -> None:
    other = replace(runs(CALM, CALM, CALM, CLOSED, DOOMED), name="random_walk")
    words = verdict(with_runs(guarded(), runs(CLOSED, CALM), other))[1].words
    assert words == (
        "That is from 2 runs through the recorded market, its days shuffled; through a random market as nervous as "
        "the recorded one it is 20.0 % within 1 day and 40.0 % within 7 days."
    )


@pytest.mark.parametrize("amount", [0.0, -0.2, -35.0, 0.4])
def test_what_is_left_of_everything_is_nothing(amount: float) -> None:
    assert at_most(bare(), amount) == "nothing"


def test_nobody_ends_with_less_than_nothing() -> None:
    survival = with_runs(bare(), runs(*[DOOMED] * 19, CALM))
    words = likelihood(survival, survival.models[0])
    assert words.endswith("Half of the runs ended with nothing, one in twenty with nothing.")
    assert "less than" not in words
    assert "averaging" not in words


@pytest.mark.parametrize(
    ("n_levels", "words"),
    [
        (4, "the last level is in (4): no more levels"),
        (8, "the money does not reach for another level after this one (7)"),
    ],
)
def test_the_end_of_averaging_is_named_also_without_a_ladder(n_levels: int, words: str) -> None:
    survival = survive(grid(risk=OFF, capital=300.0, max_grid_levels_per_side=n_levels), n_paths=0)
    for name, way in survival.ways.items():
        rows = [row for row in way.rows if row.event == "level"]
        assert last_level(survival, way) == rows[-1]
        assert way.fractions[Layer.FREEZE] is None
        verb = "rises" if name == "up" else "falls"
        opening = f"If S0USDT {verb} {100.0 * rows[-1].fraction:.1f} % without coming back"
        (told,) = (one.words for one in verdict(survival) if one.words.startswith(opening))
        assert words in told


def test_where_the_end_comes_before_the_next_level_averaging_has_not_ended() -> None:
    survival = survive(grid(risk=OFF, capital=60.0, grid_step_percent=8.0, initial_position_size_usd=8.0), n_paths=0)
    for way in survival.ways.values():
        assert way.is_ended
        assert last_level(survival, way) is None


def test_the_last_level_has_come_once_every_symbol_has_it() -> None:
    way = pair().ways["down"]
    last = last_level(pair(), way)
    assert last is not None
    assert last.fraction == max(row.fraction for row in way.rows if row.event == "level")
    assert {row.symbol: row.level for row in way.rows if row.event == "level"} == {"S0USDT": 7, "S1USDT": 8}
    assert (last.symbol, last.level) == ("S1USDT", 8)
    assert last_level(pair(), replace(way, rows=[row for row in way.rows if row.symbol == "S0USDT"])) is None


def test_an_end_is_told_as_money_lost_with_the_profile_that_lost_it() -> None:
    short = next(one.words for one in verdict(guarded()) if one.words.startswith("If the price does not come back"))
    for way in guarded().ways.values():
        assert way.fractions[Layer.EMERGENCY] is not None
        assert f'profile "safe", close everything, at a loss of {300.0 - way.equity_left:.0f} of 300 USDT' in short


def test_a_road_that_ends_nothing_is_not_told_as_safety() -> None:
    setup = grid(risk=OFF, capital=5_000.0, max_grid_levels_per_side=2)
    survival = survive(setup, n_paths=0)
    assert not any(way.is_ended for way in survival.ways.values())
    remark = "That road is not the worst one"
    assert any(one.words.startswith(remark) for one in verdict(with_runs(survival, runs(DOOMED, CALM))))
    assert not any(one.words.startswith(remark) for one in verdict(with_runs(survival, runs(CALM))))
    assert not any(one.words.startswith(remark) for one in verdict(with_runs(bare(), runs(DOOMED, CALM))))


def test_averaging_that_goes_on_is_not_told_as_ended() -> None:
    way = guarded().ways["up"]
    frozen = way.fractions[Layer.FREEZE]
    assert frozen is not None
    later = replace(next(row for row in way.rows if row.event == "level"), fraction=frozen + 0.1)
    again = replace(guarded(), ways={"up": replace(way, rows=[*way.rows, later])})
    (told,) = (one.words for one in verdict(again) if "averaging stops" in one.words)
    assert told.endswith(f"It goes on at +{100.0 * (frozen + 0.1):.1f} %.")
    (before,) = (one.words for one in verdict(replace(guarded(), ways={"up": way})) if "averaging stops" in one.words)
    assert "goes on" not in before


def test_first_entries_stand_at_the_start() -> None:
    for survival in (bare(), guarded(), pair()):
        for way in survival.ways.values():
            move = next(column.cell for column in level_columns(survival, way) if column.head == "move")
            told = [move(row) for row in way.rows]
            assert [one == "start" for one in told] == [row.level == 1 for row in way.rows]


def test_every_abbreviation_is_explained_where_it_stands() -> None:
    columns = level_columns(guarded(), guarded().ways["up"])
    for head in ("IM", "MM", "MM rate", "A", "N"):
        (note,) = (column.note for column in columns if column.head == head)
        assert note.startswith(f"{head}: ")
    assert {"A", "N", "state"}.isdisjoint(column.head for column in level_columns(bare(), bare().ways["up"]))


@pytest.mark.parametrize("survival", [bare, guarded, pair])
def test_the_page_draws_every_picture_for_large_screens_and_for_small_ones(survival: Any) -> None:
    html = page(with_runs(survival(), runs(DOOMED, CALM)))
    assert html.count('class="picture wide"') == html.count('class="picture slim"') == 4
    assert not re.search(r"\b(nan|inf|None)\b", html.split("</style>")[1])
