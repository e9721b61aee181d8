"""How a section and its keys are declared."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Meta


class Section(msgspec.Struct, frozen=True):
    """What all sections are."""


def key(doc: str, *, unit: str = "", source: str = "", **limits: Any) -> Meta:
    """Describe a key; ``limits`` are ``ge``, ``gt``, ``le``, ``lt`` and ``pattern``."""
    return Meta(description=doc, extra={"unit": unit, "source": source}, **limits)
