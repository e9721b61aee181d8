"""A market's frames and ticks, while they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.bars.of_ticks import frames_of_ticks
from ballast.model.enums import TickKind
from ballast.model.market import Feed, Tick

SPARE_FRAMES = 1_500
KEPT_TICKS = 1 << 16
"""Ticks of earlier frames that may lie about before they are let go."""
_PRICES = ("open", "high", "low", "close", "volume", "mark")


class GrowingFeed:
    """
    A feed without an end.

    Invariants: (G1) frames follow each other without a gap; the last one is open, and has no prices. (G2) A frame
    closes with the bar of the ticks that came in it. (G3) Ticks of the open frame are all there.

    Parameters
    ----------
    feed : Feed
        The history, and as its last frame the one in which ticks begin.
    interval_ns : int
    n_symbols : int
    """

    def __init__(self, feed: Feed, interval_ns: int, n_symbols: int) -> None:
        self._interval_ns, self._n_symbols = interval_ns, n_symbols
        self._history = feed
        self._frames, self._n_frames = np.array(feed.frames), len(feed.frames)
        self._ticks, self._n_ticks = np.asarray(Tick.array(KEPT_TICKS)), 0  # type: ignore[attr-defined]

    @property
    def feed(self) -> Feed:
        """What there is so far."""
        return self._history._replace(frames=self._frames[: self._n_frames], ticks=self._ticks[: self._n_ticks])

    @property
    def n_frames(self) -> int:
        """How many frames there are, with the open one."""
        return self._n_frames

    def add(self, ts_ns: int, symbol: int, kind: TickKind, *sizes: float) -> None:
        """
        Append a tick, no earlier than the one before it.

        ``sizes`` are price and quantity, of a quote those of the bid and then of the ask.
        """
        if self._n_ticks == len(self._ticks):
            self._ticks = _with_room(self._ticks, len(self._ticks))
        self._ticks[self._n_ticks] = (ts_ns, symbol, kind, *sizes, *(np.nan,) * (4 - len(sizes)))
        self._n_ticks += 1

    def reach(self, time_ns: int) -> None:
        """Close every frame that ends at or before ``time_ns``, and open the next."""
        while (close_ns := int(self._frames["ts_ns"][self._n_frames - 1]) + self._interval_ns) <= time_ns:
            self._close(self._n_frames - 1, close_ns)
            if self._n_frames == len(self._frames):
                self._frames = _with_room(self._frames, SPARE_FRAMES)
            self._frames["ts_ns"][self._n_frames] = close_ns
            for name in _PRICES:
                self._frames[name][self._n_frames] = np.nan
            self._n_frames += 1

    def set_bar(self, symbol: int, open_ns: int, prices: tuple[float, float, float, float], volume: float) -> None:
        """Put a bar that the market itself tells in place of ours, where its frame has closed."""
        frame, rest = divmod(open_ns - int(self._frames["ts_ns"][0]), self._interval_ns)
        if rest == 0 and 0 <= frame < self._n_frames - 1:
            for name, value in zip(_PRICES, (*prices, volume), strict=False):
                self._frames[name][frame, symbol] = value

    def forget(self, n_walked: int) -> int:
        """Let go of ticks before the open frame, of the first ``n_walked``, once they are many; return how many."""
        opened_ns = self._frames["ts_ns"][self._n_frames - 1]
        old = min(n_walked, int(np.searchsorted(self._ticks["ts_ns"][: self._n_ticks], opened_ns)))
        if old < KEPT_TICKS // 2:
            return 0
        self._n_ticks -= old
        self._ticks[: self._n_ticks] = self._ticks[old : old + self._n_ticks].copy()
        return old

    def _close(self, frame: int, close_ns: int) -> None:
        ticks = self._ticks[: self._n_ticks]
        first, end = np.searchsorted(ticks["ts_ns"], (self._frames["ts_ns"][frame], close_ns))
        bars: Any = frames_of_ticks(
            ticks[first:end], self._n_symbols, self._interval_ns, width=self._frames.dtype["close"].shape[0]
        )
        if len(bars):
            self._frames[frame] = bars[0]


def _with_room(rows: npt.NDArray[Any], n_more: int) -> npt.NDArray[Any]:
    # NumPy's own concatenation may change the layout of records, and with it the kernel's build.
    grown = np.zeros(len(rows) + n_more, rows.dtype)
    grown[: len(rows)] = rows
    return grown
