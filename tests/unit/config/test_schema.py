"""The effective configuration and its hash."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.config import from_dict, varied
from ballast.config.keys import keys_of
from ballast.config.load import SECTIONS
from ballast.config.schema import DataSection, ExecutionSection
from ballast.data.intervals import parse_interval
from ballast.model.errors import ConfigError
from tests.unit.config.settings import SYMBOLS, settings, with_keys

executions = st.fixed_dictionaries(
    {},
    optional={
        "slippage_bps": st.floats(0, 9_999),
        "max_stale_bars": st.integers(0, 100),
        "lot_step": st.sampled_from([0, 0.1, 1, 1e-8]),
        "path": st.sampled_from(["near_first", "high_first", "low_first"]),
        "volume_participation": st.floats(0, 1),
        "latency_ns": st.integers(0, 86_400 * 10**9),
        "fill": st.sampled_from(["next_open", "same_close"]),
    },
)
windows = st.fixed_dictionaries(
    {}, optional={"start": st.dates(date(2020, 1, 1), date(2024, 1, 1)), "interval": st.sampled_from(["1m", "4h"])}
)


@given(executions, windows, st.dictionaries(st.sampled_from(SYMBOLS), st.floats(0, 1e9)))
def test_the_effective_configuration_loads_as_itself(
    execution: dict[str, Any], window: dict[str, Any], positions: dict[str, float]
) -> None:
    raw = settings(execution=execution, account={"positions": positions})
    raw["data"] |= window
    config = from_dict(raw)
    again = from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.hash == config.hash


def test_the_hash_does_not_depend_on_how_the_same_settings_are_written() -> None:
    plain = from_dict(settings())
    assert plain.hash == from_dict(with_keys("account", fee_rate=0.001)).hash
    assert plain.hash == from_dict(with_keys("account", initial_capital=10_000)).hash
    assert plain.hash == from_dict(with_keys("strategy", upside_threshold=0.4)).hash
    assert plain.hash == from_dict({"schema_version": 1} | dict(reversed(settings().items()))).hash
    day = from_dict(with_keys("data", start="2026-05-20"))
    assert day.hash == from_dict(with_keys("data", start=datetime(2026, 5, 20, tzinfo=UTC))).hash


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("account", "fee_rate", 0.002),
        ("strategy", "upside_threshold", 0.41),
        ("execution", "path", "high_first"),
        ("data", "symbols", SYMBOLS[::-1]),
        ("data", "start", "2026-05-20"),
        ("report", "risk_free_rate", 0.01),
    ],
)
def test_the_hash_depends_on_what_changes_the_run(section: str, key: str, value: object) -> None:
    assert from_dict(with_keys(section, **{key: value})).hash != from_dict(settings()).hash


def test_the_hash_is_the_same_wherever_the_file_lies() -> None:
    assert from_dict(settings(), directory=Path("/a")).hash == from_dict(settings(), directory=Path("/b")).hash


def test_a_varied_configuration_is_the_one_that_a_file_with_these_values_gives() -> None:
    config = varied(from_dict(settings()), {"strategy.upside_threshold": 0.3, "execution.path": "low_first"})
    raw = with_keys("strategy", upside_threshold=0.3) | {"execution": {"path": "low_first"}}
    assert config == from_dict(raw)


def test_a_configuration_cannot_be_changed() -> None:
    config = from_dict(settings())
    with pytest.raises(AttributeError):
        config.account.initial_capital = 1.0  # type: ignore[misc]


@given(st.text("0123456789smhdw", max_size=4))
def test_intervals_are_the_ones_that_data_knows(name: str) -> None:
    def accepts(name: str) -> bool:
        try:
            from_dict(with_keys("data", interval=name))
        except ConfigError:
            return False
        return True

    def known(name: str) -> bool:
        try:
            parse_interval(name)
        except ConfigError:
            return False
        return True

    assert accepts(name) == known(name)


def test_every_key_says_what_it_means() -> None:
    silent = [key.name for section in SECTIONS.values() for key in keys_of(section).values() if not key.doc]
    assert silent == []


def test_every_number_with_a_dimension_has_a_unit() -> None:
    keys = [*keys_of(ExecutionSection).values(), *keys_of(DataSection).values()]
    assert [key.name for key in keys if key.kind in {int, float} and not key.unit] == []
