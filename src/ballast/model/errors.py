"""
Every exception that Ballast raises on purpose, and what the operator does about each.

::

    Error
    ├─ ConfigError             fix the file, start again
    ├─ DataError               refuse the input
    │  ├─ SchemaError          the file is not what it should be
    │  ├─ GapError             data that must be there is missing
    │  └─ StaleDataError       data is too old to act on
    ├─ VenueError
    │  ├─ TemporaryVenueError  retry with back-off
    │  │  ├─ RateLimited       wait as long as the venue asks
    │  │  └─ Disconnected      reconnect
    │  ├─ RejectedByVenue      drop the intent
    │  │  ├─ InsufficientMargin
    │  │  ├─ BelowMinimum
    │  │  └─ WouldCross
    │  └─ OutcomeUnknown       never retry; reconcile first
    ├─ JournalError            stop: a decision that cannot be recorded must not be made
    ├─ OutputError             make room or choose another path; nothing partial was left
    └─ InvariantBroken         stop trading, keep the evidence

A refusal by the risk layer or the kernel is a value (`Reason`), not an exception.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Error(Exception):
    """Root of the tree. The message is one line: what was expected, what was found, what to do."""


class ConfigError(Error):
    """The configuration cannot be run as it stands."""


class DataError(Error):
    """Market data cannot be used."""


class SchemaError(DataError):
    """A file lacks a column or holds the wrong type."""


class GapError(DataError):
    """Data that the run needs is not there."""


class StaleDataError(DataError):
    """Data is older than the limit allows."""


class VenueError(Error):
    """A venue answered with something other than success."""


class TemporaryVenueError(VenueError):
    """Worth another try after a pause."""


class RateLimited(TemporaryVenueError):
    """The venue asks us to wait; ``retry_after_s`` says how long, if it said so."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Disconnected(TemporaryVenueError):
    """The connection is gone."""


class RejectedByVenue(VenueError):
    """The venue refused and will refuse again."""


class InsufficientMargin(RejectedByVenue):
    """Not enough balance or margin."""


class BelowMinimum(RejectedByVenue):
    """Smaller than the venue's minimum."""


class WouldCross(RejectedByVenue):
    """A post-only order would have taken liquidity."""


class OutcomeUnknown(VenueError):
    """Sent, not answered. Counts as exposure until the venue has proved otherwise."""


class JournalError(Error):
    """The journal could not be written."""


class OutputError(Error):
    """A result could not be written."""


class InvariantBroken(Error):
    """Something that cannot happen happened."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known word, or an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""
