"""Test keys of accounts, and the signatures that clients make with them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class ApiKey:
    """A test key of one account."""

    key: str
    secret: str
    account: int


def sign(secret: str, text: str) -> str:
    """Return the signature of a text: HMAC-SHA256 in lower-case hex."""
    return hmac.digest(secret.encode(), text.encode("utf-8", "replace"), "sha256").hex()


def is_same(expected: str, given: str) -> bool:
    """Tell whether two signatures are the same, in a time that does not say where they differ."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
