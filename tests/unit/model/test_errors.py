"""The error tree as its docstring draws it."""

from __future__ import annotations

import inspect
import re

import pytest

from ballast.model import errors
from ballast.model.errors import (
    BelowMinimum,
    ConfigError,
    DataError,
    Disconnected,
    Error,
    GapError,
    InsufficientMargin,
    OutcomeUnknown,
    RateLimited,
    RejectedByVenue,
    SchemaError,
    StaleDataError,
    TemporaryVenueError,
    VenueError,
    WouldCross,
    nearest,
)

CLASSES = {name: item for name, item in vars(errors).items() if inspect.isclass(item) and issubclass(item, Exception)}


def test_every_error_stands_in_the_drawing_under_its_parent() -> None:
    drawn: list[tuple[int, str]] = [
        (match.start(1), match[1])
        for line in (errors.__doc__ or "").splitlines()
        if (match := re.match(r"[ │├└─]*([A-Z]\w+)(?:\s|$)", line)) and match[1] in CLASSES
    ]
    assert {name for _, name in drawn} == set(CLASSES)
    for n, (depth, name) in enumerate(drawn[1:], 1):
        parent = next(other for column, other in reversed(drawn[:n]) if column < depth)
        assert CLASSES[name].__bases__ == (CLASSES[parent],)


@pytest.mark.parametrize(
    ("leaf", "branch"),
    [
        (SchemaError, DataError),
        (GapError, DataError),
        (StaleDataError, DataError),
        (RateLimited, TemporaryVenueError),
        (Disconnected, TemporaryVenueError),
        (TemporaryVenueError, VenueError),
        (InsufficientMargin, RejectedByVenue),
        (BelowMinimum, RejectedByVenue),
        (WouldCross, RejectedByVenue),
        (OutcomeUnknown, VenueError),
        (ConfigError, Error),
    ],
)
def test_whoever_catches_the_branch_catches_the_leaf(leaf: type[Exception], branch: type[Exception]) -> None:
    with pytest.raises(branch):
        raise leaf("once")


def test_an_unknown_outcome_is_never_taken_for_one_that_may_be_tried_again() -> None:
    assert not issubclass(OutcomeUnknown, TemporaryVenueError)


def test_a_rate_limit_carries_how_long_to_wait() -> None:
    assert RateLimited("slow down", 2.5).retry_after_s == 2.5
    assert RateLimited("slow down").retry_after_s is None
    assert str(RateLimited("slow down", 2.5)) == "slow down"


def test_the_nearest_word_is_suggested_and_a_far_one_is_not() -> None:
    assert nearest("slipage_bps", ["slippage_bps", "fee_rate"]) == "; did you mean 'slippage_bps'?"
    assert nearest("xyz", ["slippage_bps", "fee_rate"]) == ""
    assert nearest("anything", []) == ""
