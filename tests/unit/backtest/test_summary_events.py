"""What the summary says in words: events where a strategy rebalances, signals where not, and what is ambiguous."""

from __future__ import annotations

from dataclasses import replace

from ballast.research.report.sections import figures
from ballast.strategies.registry import BUILT_IN
from tests.conformance.runs import finished, setup_of
from tests.unit.backtest.sample_result import long_result, small_result


def test_a_strategy_that_rebalances_shows_its_events() -> None:
    text = small_result().summary()
    assert "Events" in text
    assert "Rebalance win rate" in text


def test_a_strategy_of_signals_shows_them_and_its_counts_and_no_events() -> None:
    result = replace(small_result(), rebalances=False, n_events=0, signals={"BUY": 3, "SELL": 4}, counts={"entries": 2})
    text = result.summary()
    assert "Events" not in text
    assert "Rebalance win rate" not in text
    assert "7  3 BUY, 4 SELL" in text
    assert "Entries" in text
    page = figures(result)
    assert "Rebalance win rate" not in page
    assert "3 BUY, 4 SELL" in page


def test_only_strategies_that_rebalance_count_events() -> None:
    from ballast.backtest.run import result_of

    found = {name for name in BUILT_IN if result_of(finished(setup_of(name, 1))).rebalances}
    assert found == {"cascade", "equal_weight", "target_weights"}


def test_two_more_runs_are_no_range_of_the_first() -> None:
    # Another fill may send a strategy another way, so that both end on the same side of the run itself.
    result = replace(long_result(), best_final_equity=8_000.0, worst_final_equity=9_000.0)
    text = result.summary()
    assert "Ambiguous fills: 4. Resolved for the position, final equity is 8,000.00; against it, 9,000.00." in text
    assert "between" not in text
    alone = replace(result, best_final_equity=None, worst_final_equity=None).summary()
    assert "Ambiguous fills: 4.\n" in alone
