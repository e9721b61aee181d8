"""The REST faces are asked anything at all: the shape of answers holds, and what is refused changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from ballast.venues.exchange.bybit.endpoints import ENDPOINTS as BYBIT
from ballast.venues.exchange.mexc.endpoints import ENDPOINTS as MEXC
from tests.judges.exchanges import judge_python, judged, running
from tests.judges.openapi import OPTIONAL, VALUES, descriptions, operations

N_DONE = {"bybit": 12, "mexc": 12}
"""So many endpoints at least have done what was asked for at least once."""


def fuzzed(directory: Path, n_examples: int, seed: int) -> dict[str, dict[str, list[int]]]:
    """Return, by venue and endpoint, how many requests were refused and how many done."""
    judge_python()
    (directory / "openapi.json").write_text(json.dumps(descriptions()))
    with running("--clock", "step", "--no-rate-limits", "--venue", "bybit,mexc", "--accounts", "2") as ready:
        return judged("schemathesis_judge.py", ready, directory, n_examples, seed)


def assert_all_asked(counts: dict[str, dict[str, list[int]]]) -> None:
    assert {name: set(of) for name, of in counts.items()} == operations()
    for name, of in counts.items():
        assert sum(n_done > 0 for _, n_done in of.values()) >= N_DONE[name]


def test_whatever_is_asked_is_answered_and_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    assert_all_asked(fuzzed(tmp_path, n_examples=2, seed=1))


@pytest.mark.verify
@pytest.mark.parametrize("seed", [2, 3])
def test_that_holds_for_thousands_of_requests(seed: int, tmp_path: Path) -> None:
    counts = fuzzed(tmp_path, n_examples=40, seed=seed)
    assert_all_asked(counts)
    assert sum(sum(both) for of in counts.values() for both in of.values()) > 7_000


def test_what_makes_sense_is_said_of_fields_that_there_are() -> None:
    readers = {one.params for one in BYBIT} | {one.params for one in MEXC}
    fields = {field.encode_name for reader in readers for field in msgspec.structs.fields(reader)}
    assert set(VALUES) | set(OPTIONAL) <= fields
