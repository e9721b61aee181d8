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
    sentences = list(guard_sentences(config, None, interval_ns=interval_ns, latency_ns=latency_ns))
    assert f"from {lead_ns / MINUTE_NS:g} minutes before 00:00 UTC" in sentences[0]


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
