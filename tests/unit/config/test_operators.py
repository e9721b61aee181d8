"""The operators' sections and the elastic stop in one file: what is accepted, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.config import from_dict
from ballast.config.risk import elastic_settings_of, polling_settings_of
from ballast.model.errors import ConfigError
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings
from ballast.orders.polling import PollingSettings

PLAIN: dict[str, Any] = {
    "data": {"path": "bars.parquet", "symbols": ["BTCUSDT", "EURUSD"]},
    "strategy": {"name": "equal_weight"},
}
NEWS = {"calendar": "calendar.json"}
SECTIONS = ("trading", "news", "halal", "supervisor", "logging")


def test_a_file_without_the_sections_has_none_of_them() -> None:
    config = from_dict(PLAIN)
    assert [getattr(config, name) for name in SECTIONS] == [None] * 5
    assert config.risk.elastic_trailing is None
    assert elastic_settings_of(config) is None
    assert {*SECTIONS, "elastic_trailing"} & {*config.to_dict(), *config.to_dict()["risk"]} == set()


def test_an_effective_configuration_with_all_of_them_loads_as_itself() -> None:
    raw = (
        PLAIN
        | {name: {} for name in SECTIONS}
        | {"news": NEWS, "risk": {"elastic_trailing": {}, "fast_trailing_interval_ms": 250}}
    )
    config = from_dict(raw)
    again = from_dict(config.to_dict())
    assert again == config
    assert again.hash == config.hash != from_dict(PLAIN).hash


def test_an_elastic_table_without_keys_has_the_documented_defaults() -> None:
    config = from_dict(PLAIN | {"risk": {"elastic_trailing": {}}})
    assert elastic_settings_of(config).tolist() == ElasticSettings.new().tolist()  # type: ignore[attr-defined]
    assert polling_settings_of(config).tolist() == PollingSettings.new().tolist()  # type: ignore[attr-defined]


def test_a_literal_stop_loads_as_itself() -> None:
    config = from_dict(PLAIN | {"risk": {"elastic_trailing": {"mode": "literal"}}})
    assert elastic_settings_of(from_dict(config.to_dict())).mode == ElasticMode.LITERAL


def test_an_effective_configuration_keeps_the_keys_of_cycles_at_their_defaults() -> None:
    config = from_dict(PLAIN | {"trading": {"denied_symbols": ["EURUSD"]}})
    assert from_dict(config.to_dict()) == config


def test_a_list_of_symbols_may_name_others_than_the_runs() -> None:
    config = from_dict(PLAIN | {"trading": {"denied_symbols": ["USDRUB"]}, "halal": {"allowed_symbols": ["GBPUSD"]}})
    assert config.trading is not None
    assert config.trading.denied_symbols == ("USDRUB",)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"newz": {}}, r"\[newz\]: no such section; did you mean 'news'"),
        ({"news": {"window": 10}}, r"news\.window: no such key"),
        ({"news": {"block_window_minutes": 0}}, r"news\.block_window_minutes = 0: expected .* \(minutes\)"),
        ({"news": {"fail_mode": "open"}}, r'news\.fail_mode = "open": expected one of "block", "allow"'),
        ({"news": {}}, r"news\.calendar is missing: name a file or an https URL"),
        ({"news": NEWS | {"covers_start": "2026-01-01"}}, r"news\.covers_start, news\.covers_end: one is missing"),
        ({"news": {"follows": {"GER40": "EUR"}}}, r"news\.follows\.GER40: the symbol is not in data\.symbols"),
        ({"news": NEWS | {"follows": {"EURUSD": "euro"}}}, r'news\.follows\.EURUSD = "euro": .* three letters'),
        ({"news": NEWS | {"crypto_follows": ["dollar"]}}, r'news\.crypto_follows = "dollar": .* three letters'),
        ({"trading": {"exotic_currencies": ["GB"]}}, r'trading\.exotic_currencies = "GB": .* three letters'),
        (
            {"trading": {"denied_symbols": ["eurusd"]}},
            r'trading\.denied_symbols: "eurusd" is no symbol of .*; write EURUSD',
        ),
        ({"trading": {"allowed_symbols": ["EURUSD", "BtcUsdt"]}}, r"; write BTCUSDT"),
        ({"halal": {"swap_free_symbols": ["eurusd"]}}, r"; write EURUSD"),
        ({"halal": {"rollover_time": "25:00"}}, r'halal\.rollover_time = "25:00"'),
        ({"supervisor": {"kill_switch_enabled": False}}, "no guard can be switched off"),
        ({"supervisor": {"error_cooldown_minutes": 0}}, r"supervisor\.error_cooldown_minutes = 0"),
        ({"logging": {"root_level": "LOUD"}}, r'logging\.root_level = "LOUD": expected one of'),
        ({"trading": {"cycle_interval_seconds": 60}}, r"'equal_weight' does not decide in cycles; remove the key"),
        ({"trading": {"symbol_max_spread_points": {"EURUSDX": 3.0}}}, r"did you mean 'EURUSD'"),
        ({"risk": {"elastic_trailing": 0.4}}, r"risk\.elastic_trailing = 0\.4: expected a section"),
        ({"risk": {"elastic_trailing": {"tolerance": 0.4}}}, r"risk\.elastic_trailing\.tolerance: no such key"),
        ({"risk": {"elastic_trailing": {"pullback_tolerance_pct": 40}}}, r"did you mean 0\.4\? it is a fraction"),
        ({"risk": {"elastic_trailing": {"max_peak_lock_usd": 2.0}}}, r"cannot be locked at a peak of 1"),
        (
            {"risk": {"elastic_trailing": {"mode": "literal", "max_peak_lock_mode": "then_elastic"}}},
            r'mode = "literal" always caps',
        ),
        ({"risk": {"fast_trailing_interval_ms": 300}}, r"nothing trails without \[risk\.elastic_trailing\]"),
        ({"risk": {"elastic_trailing": {}, "fast_trailing_interval_ms": 0}}, r"fast_trailing_interval_ms = 0"),
        ({"risk": {"elastic_trailling": {}}}, r"did you mean 'elastic_trailing'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_dict(PLAIN | sections)
