"""How the market's time follows the wall's."""

from __future__ import annotations

from dataclasses import dataclass

from ballast.model.errors import ConfigError

_WORDS = "wall, step, max, or a multiple such as 10x"


@dataclass(frozen=True)
class Pace:
    """``speed`` is market seconds a second of the wall: 0 moves on command only, inf as fast as it can."""

    name: str
    speed: float

    @property
    def is_stepped(self) -> bool:
        """Whether time moves on command only."""
        return self.speed == 0.0


def parse_pace(text: str) -> Pace:
    """Return a pace by its name; raises ``ConfigError``."""
    if text in {"wall", "step", "max"}:
        return Pace(text, {"wall": 1.0, "step": 0.0, "max": float("inf")}[text])
    number = text.removesuffix("x")
    try:
        speed = float(number) if text.endswith("x") else 0.0
    except ValueError:
        speed = 0.0
    if not 0.0 < speed <= 1e9:
        raise ConfigError(f"--clock {text}: no such clock; choose {_WORDS}")
    return Pace(text, speed)
