"""
Secrets out of what is written: those that are known, in every form that they travel in, and what looks like one.

A known secret is found as it is, from its first six characters on, and as hex, base64 and percent encoding of all of
it. Beyond these, values under telling names, bearer tokens, keys and passwords in URLs are taken out by their looks.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from ballast.model.errors import ConfigError

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Also how much of a secret's beginning gives it away."""

_SENSITIVE = re.compile(
    r"secret|passw(?:or)?d|passphrase|(?:api|access|private)[_-]?key|token|signature|authori[sz]ation|cookie|credential"
    r"|(?:^|[_.-])(?:sign|pwd)$",
    re.IGNORECASE,
)
# No part of a pattern may be repeated without bound inside another repetition: text from outside chooses the input.
_ASSIGNMENT = re.compile(r"""([A-Za-z0-9_.-]{1,64})["']?\s{0,8}[=:]\s{0,8}""")
_VALUE = re.compile(r"""(?:(?:basic|bearer)\s{1,8})?(?:"[^"]*"?|'[^']*'?|[^\s,;&"'}\])]+)""", re.IGNORECASE)
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]{0,2000}"),
)
_BEARER = re.compile(r"\b(bearer)\s{1,8}[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^\s/@]+@")


class Redactor:
    """
    Takes secrets out of text.

    Parameters
    ----------
    secrets : iterable of str
        What must never appear. Kept in memory, never shown.

    Raises
    ------
    ConfigError
        A secret is too short to be told apart from ordinary text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._beginnings: list[str] = []
        self._encoded: set[str] = set()
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                raise ConfigError(f"a secret of {len(secret)} characters: use one of at least {SHORTEST_SECRET}")
            self._beginnings.append(secret)
            self._encoded |= set(_encodings(secret))
        self._encoded -= set(self._beginnings)
        # The longest first, so that no form is left over behind a shorter one.
        self._forms = sorted(self._encoded, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Redactor({len(self._beginnings)} secrets)"

    def redacted(self, text: str) -> str:
        """Return ``text`` without secrets."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        for secret in self._beginnings:
            text = _without(text, secret)
        for look in _LOOKS:
            text = look.sub(REDACTED, text)
        text = _BEARER.sub(rf"\1 {REDACTED}", text)
        text = _USER_INFO.sub(f"{REDACTED}@", text)
        return _without_assigned(text)


def is_sensitive(name: str) -> bool:
    """Tell whether a field of this name holds a secret, by its name."""
    return _SENSITIVE.search(name) is not None


def _without_assigned(text: str) -> str:
    """Return ``text`` without the values that follow a telling name and ``=`` or ``:``."""
    parts = []
    start = 0
    for name in _ASSIGNMENT.finditer(text):
        # A name inside a value that is already out tells nothing more.
        value = _VALUE.match(text, name.end()) if name.start() >= start and is_sensitive(name[1]) else None
        if value is not None:
            parts += [text[start : name.end()], REDACTED]
            start = value.end()
    return "".join([*parts, text[start:]])


def _without(text: str, secret: str) -> str:
    """Return ``text`` without ``secret`` and without any beginning of it that is at least six characters long."""
    beginning = secret[:SHORTEST_SECRET]
    parts = []
    start = 0
    while (found := text.find(beginning, start)) >= 0:
        end = found + SHORTEST_SECRET
        while end < len(text) and end - found < len(secret) and text[end] == secret[end - found]:
            end += 1
        parts += [text[start:found], REDACTED]
        start = end
    return "".join([*parts, text[start:]])


def _encodings(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield data.hex().upper()
    yield quote(data, safe="")
    yield quote_plus(data)
    for encoded in _base64_inside(data):
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _base64_inside(data: bytes) -> Iterator[str]:
    """Yield how ``data`` reads in base64 at each of the three places that it can have inside something longer."""
    for offset in range(3):
        encoded = b64encode(b"\0" * offset + data).decode().rstrip("=")
        whole = (offset + len(data)) * 8 // 6
        # The first and the last character may hold bits of the neighbours.
        inside = encoded[(0, 2, 3)[offset] : whole]
        if len(inside) >= SHORTEST_SECRET:
            yield inside
