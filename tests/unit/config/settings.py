"""A configuration that loads, to be spoilt by one thing at a time."""

from __future__ import annotations

from typing import Any

SYMBOLS = ["BLORPUSDT", "SNORTLUSDT", "WOBBLOUSDT"]


def settings(**sections: Any) -> dict[str, Any]:
    """Return a small valid configuration; each section given stands in place of its own."""
    valid: dict[str, Any] = {
        "data": {"path": "bars.parquet", "symbols": list(SYMBOLS)},
        "strategy": {"name": "cascade"},
    }
    return valid | sections


def with_keys(section: str, **keys: Any) -> dict[str, Any]:
    """Return the valid configuration with some keys of one section set."""
    valid = settings()
    return valid | {section: valid.get(section, {}) | keys}
