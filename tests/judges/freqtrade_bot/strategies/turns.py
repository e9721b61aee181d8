"""A strategy for freqtrade that trades often: one trade a pair and minute, long and short in turn, held for seconds."""

from __future__ import annotations

from typing import Any

from freqtrade.strategy import IStrategy


class Turns(IStrategy):  # type: ignore[misc]
    """Enter whenever nothing is held; leave after four seconds."""

    timeframe = "1m"
    can_short = True
    minimal_roi = {"0": 10.0}  # noqa: RUF012
    stoploss = -0.9
    startup_candle_count = 5
    process_only_new_candles = False

    def populate_indicators(self, frame: Any, metadata: dict[str, str]) -> Any:
        """Need none."""
        return frame

    def populate_entry_trend(self, frame: Any, metadata: dict[str, str]) -> Any:
        """Take the side that is this pair's turn in this minute."""
        side = "long" if (frame["date"].iloc[-1].minute + len(metadata["pair"])) % 2 else "short"
        frame[f"enter_{side}"] = 1
        return frame

    def populate_exit_trend(self, frame: Any, metadata: dict[str, str]) -> Any:
        """Leave it to time."""
        return frame

    def custom_exit(self, pair: str, trade: Any, current_time: Any, *_: Any, **__: Any) -> str | None:
        """Leave after four seconds."""
        return "time" if (current_time - trade.open_date_utc).total_seconds() > 4.0 else None

    def leverage(self, *_: Any, **__: Any) -> float:
        """Trade with three times the stake."""
        return 3.0
