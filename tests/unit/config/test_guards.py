"""What the sections of a file come to: the guards of a run, and the sentences that say so."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.config import from_dict
from ballast.config.guards import guard_sentences, guards_of
from ballast.risk.compliance import Swap
from ballast.risk.symbol_policy import PolicyVerdict
from tests.unit.config.settings import SYMBOLS, settings

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS


def guards(interval_ns: int = MINUTE_NS, latency_ns: int = 0, **sections: Any) -> Any:
    return guards_of(from_dict(settings(**sections)), None, interval_ns=interval_ns, latency_ns=latency_ns)


def test_a_file_without_sections_is_guarded_by_nothing() -> None:
    assert guards() is None
    assert guards(halal={"enabled": False}) is None


def test_the_section_alone_switches_the_screen_on() -> None:
    assert guards(halal={}).compliance.is_on
    assert guards(halal={"max_hold_hours": 6.0}).compliance.is_on


def sentences(**sections: Any) -> list[str]:
    return list(guard_sentences(from_dict(settings(**sections)), None, interval_ns=MINUTE_NS, latency_ns=0))


def test_a_screen_that_is_off_is_told() -> None:
    assert sentences(halal={"enabled": False}) == ["The compliance screen is off: halal.enabled = false."]


STAGED = {
    "data": {"path": "bars.parquet", "symbols": ["EURUSD"]},
    "account": {"kind": "fx_margin"},
    "strategy": {"name": "staged_trend"},
}


@pytest.mark.parametrize(("trading", "told"), [({}, "0.05"), ({"randomness_factor": 0.25}, "0.25")])
def test_chance_that_the_screen_takes_away_is_told(trading: dict[str, float], told: str) -> None:
    sentence = f"The compliance screen leaves nothing to chance: trading.randomness_factor = {told} counts as 0."
    assert sentence in sentences(**STAGED, halal={}, trading=trading)
    assert not any("chance" in one for one in sentences(**STAGED, trading=trading))


def test_no_chance_is_nothing_to_tell() -> None:
    assert not any("chance" in one for one in sentences(**STAGED, halal={}, trading={"randomness_factor": 0.0}))
    assert not any("chance" in one for one in sentences(halal={}))


def counts_for_nothing(**table: Any) -> list[str]:
    return [one.split(" ")[0] for one in sentences(risk={"elastic_trailing": table}) if "counts for nothing" in one]


def test_what_the_elastic_stops_mode_does_not_read_is_told() -> None:
    own = {"min_lock_move_usd": 0.05, "big_jump_lock_margin_usd": 0.2}
    assert counts_for_nothing(**own) == []
    assert counts_for_nothing(mode="literal") == []
    assert counts_for_nothing(**own, mode="literal") == ["risk.elastic_trailing.min_lock_move_usd"]
    assert counts_for_nothing(**own, mode="original") == [
        "risk.elastic_trailing.min_lock_move_usd",
        "risk.elastic_trailing.big_jump_lock_margin_usd",
    ]
    assert counts_for_nothing(pullback_tolerance_pct=0.25, max_peak_lock_mode="cap", enabled=False) == [
        "risk.elastic_trailing.pullback_tolerance_pct",
        "risk.elastic_trailing.max_peak_lock_mode",
    ]


@pytest.mark.parametrize(
    ("interval_ns", "latency_ns", "lead_ns"),
    [
        (MINUTE_NS, 0, 10 * MINUTE_NS),
        (HOUR_NS, 0, 20 * MINUTE_NS),
        (HOUR_NS, MINUTE_NS, 21 * MINUTE_NS),
        (24 * HOUR_NS, 0, 8 * HOUR_NS),
    ],
)
def test_positions_are_closed_early_enough_for_the_bars_to_have_a_price(
    interval_ns: int, latency_ns: int, lead_ns: int
) -> None:
    found = guards(interval_ns, latency_ns, halal={"enabled": True})
    assert found.compliance.rollover_lead_ns == lead_ns
    config = from_dict(settings(halal={"enabled": True}))
    told = list(guard_sentences(config, None, interval_ns=interval_ns, latency_ns=latency_ns))
    assert f"from {lead_ns / MINUTE_NS:g} minutes before 00:00 UTC" in told[0]


def test_coins_on_spot_charge_no_swap_and_positions_on_margin_may() -> None:
    spot = guards(halal={"enabled": True, "allowed_symbols": SYMBOLS[:1]})
    assert [facts.swap for facts in spot.entry] == [Swap.NONE] * 3
    assert [bool(facts.is_listed) for facts in spot.entry] == [True, False, False]
    margin = {"kind": "unified_margin", "tiers": "tiers.json"}
    held = guards(account=margin, halal={"enabled": True, "swap_free_symbols": SYMBOLS[1:2]})
    assert [facts.swap for facts in held.entry] == [Swap.CHARGED, Swap.NONE, Swap.CHARGED]
    free = guards(account=margin, halal={"enabled": True, "swap_free_account": True})
    assert all(facts.is_swap_free_account and facts.is_fully_tradeable for facts in free.entry)


def test_symbols_are_judged_by_their_names() -> None:
    found = guards(trading={"denied_symbols": SYMBOLS[1:2]})
    assert list(found.listing) == [PolicyVerdict.PASS, PolicyVerdict.DENIED, PolicyVerdict.PASS]


def test_an_exotic_currency_is_one_in_whatever_case_it_is_written() -> None:
    trading = {"exotic_currencies": ["eur"]}
    found = guards_of(from_dict(STAGED | {"trading": trading}), None, interval_ns=MINUTE_NS, latency_ns=0)
    assert found is not None
    assert list(found.listing) == [PolicyVerdict.EXOTIC]


def test_the_elastic_table_puts_a_stop_on_every_leg() -> None:
    found = guards(risk={"elastic_trailing": {"pullback_tolerance_pct": 0.25}, "fast_trailing_interval_ms": 100})
    assert found.elastic.pullback_tolerance_pct == 0.25
    assert found.pace.fast_trailing_interval_ms == 100


def test_a_strategy_with_stops_of_its_own_gets_none_from_the_engine(tmp_path: Any) -> None:
    source = (
        "from ballast.model.records import record\n"
        "CARRIES_OWN_STOPS = True\n"
        "@record\nclass Params:\n    unused: int\n"
        "@record\nclass State:\n    unused: int\n"
        "def decide(row, view, state, params, intents):\n    return 0\n"
    )
    (tmp_path / "own.py").write_text(source)
    raw = settings(strategy={"name": "own.py"}, risk={"elastic_trailing": {}})
    config = from_dict(raw, directory=tmp_path)
    assert guards_of(config, None, interval_ns=MINUTE_NS, latency_ns=0) is None
