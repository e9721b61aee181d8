"""
No setting, no mode and no environment lets a guard stand aside.

What may be configured is drawn at random from everything that a file can say; the plainest violation must be refused
under all of it.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from enum import IntEnum
from math import nan
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ballast.model.enums
from ballast.config.keys import keys_of
from ballast.config.operator_sections import (
    OPERATOR_SECTIONS,
    HalalSection,
    NewsSection,
    SupervisorSection,
    TradingSection,
)
from ballast.engine import guard, screen, trail
from ballast.model.durations import DAY_NS
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.risk import compliance, news, supervisor, symbol_policy
from ballast.risk.compliance import EntryFacts, entry_verdict
from ballast.risk.news import NewsVerdict, calendar_state, news_verdict, releases_of
from ballast.risk.supervisor import (
    ErrorClass,
    SupervisorLevel,
    SupervisorVerdict,
    new_supervisor,
    report_error,
    supervisor_verdict,
)
from ballast.risk.symbol_policy import PolicyVerdict, spread_verdict
from tests.architecture.sources import ROOT
from tests.unit.risk.filter_verdicts import RAISING, digest

NOON_NS = 1_795_176_000 * 10**9
FILTERS = (news, compliance, supervisor, symbol_policy, screen, guard, trail)
# A word that would name a way round a guard.
BYPASS = re.compile(r"test_?mode|dry_?run|bypass|override_guard|disable|skip|force|unsafe|no_guard", re.IGNORECASE)


def sections(kind: Any) -> st.SearchStrategy[Any]:
    """Draw a section: every number and word that the file may hold."""
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    for name, key in keys_of(kind).items():
        limits: Any = key.meta
        low = limits.ge if limits.ge is not None else limits.gt
        high = limits.le if limits.le is not None else limits.lt
        if key.kind is int:
            drawn[name] = st.integers(low, high)
        elif key.kind is float:
            drawn[name] = st.floats(low, high, exclude_min=limits.gt is not None, exclude_max=limits.lt is not None)
        elif key.kind is bool and name != "kill_switch_enabled":
            drawn[name] = st.booleans()
        elif name in {"min_impact", "fail_mode"}:
            drawn[name] = st.sampled_from(key.kind.__args__)
    return st.builds(kind, **drawn)


@given(sections(NewsSection))
def test_a_release_now_blocks_under_every_setting(section: Any) -> None:
    item = NewsItem(NOON_NS, "USD", Impact.HIGH, "")
    calendar = NewsCalendar((item,), NOON_NS, NOON_NS - DAY_NS, NOON_NS + DAY_NS)
    found = releases_of(calendar, {"USD": 1})
    assert (
        news_verdict(RAISING, NOON_NS, 1, found, calendar_state(calendar), section.limits) == NewsVerdict.RELEASE_NEAR
    )


@given(sections(SupervisorSection))
def test_errors_without_end_halt_under_every_setting(section: Any) -> None:
    state = new_supervisor(["A"])
    for count in range(64):
        report_error(state, section.limits, ErrorClass.REJECTED, -1, NOON_NS + count)
    assert state.level == SupervisorLevel.HALT_NEW
    assert supervisor_verdict(RAISING, NOON_NS + 10**18, 0, state) == SupervisorVerdict.HALTED


@given(sections(SupervisorSection))
def test_one_error_cools_down_under_every_setting(section: Any) -> None:
    state = new_supervisor(["A"])
    report_error(state, section.limits, ErrorClass.REJECTED, -1, NOON_NS)
    assert supervisor_verdict(RAISING, NOON_NS, 0, state) != SupervisorVerdict.PASS


@given(sections(TradingSection), st.booleans())
def test_a_quote_that_is_none_and_a_spread_as_wide_as_the_price_are_refused_under_every_setting(
    section: Any, is_crypto: bool
) -> None:
    limits = section.spread_limits
    for bid, ask in [(nan, 1.1), (1.1, nan), (0.0, 1.1), (1.0, 1.9), (1.1, 1.0)]:
        verdict = spread_verdict(RAISING, bid, ask, 0.00001, 0.0, 1.0, is_crypto, limits)
        assert verdict != PolicyVerdict.PASS


@given(sections(HalalSection))
def test_a_symbol_off_the_list_is_refused_under_every_setting_of_an_account_that_is_screened(section: Any) -> None:
    unlisted = EntryFacts.new()  # type: ignore[attr-defined]
    unlisted.is_demo = True
    verdict = entry_verdict(RAISING, NOON_NS, unlisted, section.limits)
    assert (verdict == compliance.ComplianceVerdict.PASS) == (not section.enabled)


@pytest.mark.parametrize("module", FILTERS, ids=[module.__name__ for module in FILTERS])
def test_no_filter_knows_a_way_round_itself(module: ModuleType) -> None:
    words = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Name | ast.arg | ast.Attribute)
    ]
    names = {getattr(word, "id", getattr(word, "arg", getattr(word, "attr", ""))) for word in words}
    assert [name for name in sorted(names) if BYPASS.search(name)] == []
    assert names & {"environ", "getenv", "os"} == set()


def test_no_key_of_a_file_switches_a_guard_off() -> None:
    switches = {
        f"{name}.{key}" for name, section in OPERATOR_SECTIONS.items() for key in keys_of(section) if BYPASS.search(key)
    }
    assert switches == set()
    enabling = {
        f"{name}.{key}" for name, section in OPERATOR_SECTIONS.items() for key in keys_of(section) if "enable" in key
    }
    # The first asks for a screen that other accounts have no use for, the second takes true only.
    assert enabling == {"halal.enabled", "supervisor.kill_switch_enabled"}


def test_the_interpreter_and_an_environment_full_of_switches_give_the_same_verdicts() -> None:
    switches = {"BALLAST_TEST_MODE": "1", "TEST_MODE": "1", "BALLAST_DISABLE_GUARDS": "1", "DRY_RUN": "1"}
    environment = {
        **os.environ,
        **switches,
        "BALLAST_INTERPRET": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    command = [sys.executable, "-m", "tests.unit.risk.filter_verdicts"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest()


def test_no_two_verdicts_share_a_number() -> None:
    kinds: list[type[IntEnum]] = [
        NewsVerdict,
        compliance.ComplianceVerdict,
        SupervisorVerdict,
        PolicyVerdict,
        ballast.model.enums.Reason,
    ]
    numbers = [int(verdict) for kind in kinds for verdict in kind if verdict]
    assert len(numbers) == len(set(numbers))
