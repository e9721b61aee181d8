"""Reading what options hold."""

from __future__ import annotations

from ballast.model.errors import ConfigError


def names(option: str, text: str) -> list[str]:
    """Return names that stand in one option with commas between; raises ``ConfigError`` for an empty one."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ConfigError(f"{option} {text}: a name is missing; write them with commas between, such as A,B")
    return found
