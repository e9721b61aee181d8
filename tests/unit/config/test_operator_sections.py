"""The operators' sections load through the same checks as all others, and say what the guards take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ballast.config.keys import checked_section, keys_of
from ballast.config.operator_sections import (
    OPERATOR_SECTIONS,
    HalalSection,
    LoggingSection,
    NewsSection,
    SupervisorSection,
    TradingSection,
)
from ballast.model.durations import HOUR_NS, MINUTE_NS
from ballast.model.errors import ConfigError
from ballast.model.ports import Impact
from ballast.risk.compliance import ComplianceLimits
from ballast.risk.news import NewsLimits
from ballast.risk.supervisor import SupervisorLimits
from ballast.risk.symbol_policy import PolicyVerdict, SpreadLimits


def loaded(name: str, **keys: Any) -> Any:
    section = OPERATOR_SECTIONS[name]
    return section(**checked_section(section, keys, name))


@pytest.mark.parametrize(
    ("section", "limits"),
    [
        (NewsSection(), NewsLimits),
        (HalalSection(enabled=False), ComplianceLimits),
        (SupervisorSection(), SupervisorLimits),
    ],
)
def test_the_defaults_of_file_and_record_are_the_same(section: Any, limits: Any) -> None:
    assert section.limits.tolist() == limits.new().tolist()


def test_the_spread_limits_of_file_and_record_are_the_same() -> None:
    assert TradingSection().spread_limits.tolist() == SpreadLimits.new().tolist()  # type: ignore[attr-defined]


def test_the_documented_defaults() -> None:
    assert (TradingSection().cycle_interval_seconds, TradingSection().randomness_factor) == (30, 0.05)
    assert (LoggingSection().root_level, LoggingSection().symbol_log_level) == ("INFO", "DEBUG")
    assert (LoggingSection().symbol_log_dir, LoggingSection().retention_days) == ("logs/symbols", 14)
    assert (NewsSection().block_window_minutes, NewsSection().fail_mode) == (10, "block")
    assert (HalalSection().max_hold_hours, HalalSection().demo_leniency, HalalSection().enabled) == (24.0, False, True)
    assert (SupervisorSection().max_consecutive_errors, SupervisorSection().error_cooldown_minutes) == (5, 15)


def test_every_key_says_what_it_means() -> None:
    for section in OPERATOR_SECTIONS.values():
        keys = keys_of(section)
        assert set(keys) == set(section.__struct_fields__)
        assert all(key.doc.endswith(".") for key in keys.values())


def test_values_reach_the_guards() -> None:
    news = loaded("news", block_window_minutes=3, max_age_hours=1.5, min_impact="medium", fail_mode="allow").limits
    assert (news.window_ns, news.max_age_ns) == (3 * MINUTE_NS, 90 * MINUTE_NS)
    assert (news.min_impact, news.blocks_unknown) == (Impact.MEDIUM, False)
    halal = loaded("halal", enabled=True, rollover_time="21:30", max_hold_hours=6, demo_leniency=True).limits
    assert (halal.is_on, halal.rollover_ns, halal.max_hold_ns) == (True, 21 * HOUR_NS + 30 * MINUTE_NS, 6 * HOUR_NS)
    assert halal.is_lenient_on_demo
    supervisor = loaded("supervisor", max_consecutive_errors=3, max_mixed_errors=7, mixed_window_minutes=2).limits
    assert (supervisor.max_consecutive, supervisor.max_mixed, supervisor.mixed_window_ns) == (3, 7, 2 * MINUTE_NS)
    spread = loaded("trading", max_spread_points=30, crypto_max_spread=0.01, max_spread_of_stop=0.2).spread_limits
    assert (spread.max_points, spread.max_bid_fraction, spread.max_stop_fraction) == (30.0, 0.01, 0.2)


def test_symbols_follow_what_the_file_says() -> None:
    section = loaded("news", follows={"GER40": "eur, usd"}, crypto_follows=["usd"])
    assert section.followed(["GER40", "BTCUSDT", "EURUSD"]) == ({"EUR", "USD"}, {"USD"}, {"EUR", "USD"})


def test_the_lists_of_symbols_are_kept() -> None:
    trading = loaded("trading", denied_symbols=["EURUSD"], exotic_currencies=["SEK"])
    assert [trading.listing(symbol) for symbol in ("EURUSD", "USDSEK", "USDTRY")] == [
        PolicyVerdict.DENIED,
        PolicyVerdict.EXOTIC,
        PolicyVerdict.PASS,
    ]
    assert loaded("halal").lists("ANY")
    assert not loaded("halal", allowed_symbols=["EURUSD"]).lists("XAUUSD")


def test_a_calendar_of_past_days_needs_both_ends_in_order() -> None:
    section = loaded("news", covers_start="2026-11-01", covers_end="2026-12-01T00:00:00+01:00")
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert section.recorded == (int(start.timestamp()) * 10**9, int(end.timestamp()) * 10**9)
    assert loaded("news").recorded is None
    with pytest.raises(ConfigError, match="one is missing"):
        loaded("news", covers_start="2026-11-01")
    with pytest.raises(ConfigError, match="not before"):
        loaded("news", covers_start="2026-11-01", covers_end="2026-11-01")


REFUSED = [
    ("news", {"block_window_minutes": 0}, "at least 1"),
    ("news", {"max_age_hours": 25}, "at most 24"),
    ("news", {"fail_mode": "ignore"}, '"block", "allow"'),
    ("news", {"enabled": False}, "no such key"),
    ("halal", {"rollover_time": "24:00"}, "not understood"),
    ("halal", {"rollover_time": "21:30\n"}, "not understood"),
    ("halal", {"max_hold_hours": 0}, "above 0"),
    ("supervisor", {"kill_switch_enabled": False}, "no guard can be switched off"),
    ("supervisor", {"max_consecutive_errors": 0}, "at least 1"),
    ("supervisor", {"max_consecutive_errors": 10**9}, "at most 50"),
    ("supervisor", {"max_mixed_errors": 65}, "at most 64"),
    ("supervisor", {"error_cooldown_minutes": 0}, "at least 1"),
    ("logging", {"root_level": "OFF"}, "expected one of"),
    ("logging", {"symbol_log_level": "ERROR"}, "expected one of"),
    ("logging", {"retention_days": 0}, "at least 1"),
    ("trading", {"randomness_factor": 5}, "did you mean 0.05"),
    ("trading", {"crypto_max_spread": 2}, "did you mean 0.02"),
    ("trading", {"max_spread_points": 0}, "above 0"),
    ("trading", {"test_mode": True}, "no such key"),
    ("trading", {"cycle_interval": 30}, "did you mean 'cycle_interval_seconds'"),
]


@pytest.mark.parametrize(("name", "keys", "message"), REFUSED, ids=[f"{name} {keys}" for name, keys, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_in_one_line(name: str, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        loaded(name, **keys)
    assert str(caught.value).startswith(f"{name}.")
