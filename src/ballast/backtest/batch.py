"""
Many settings in one call of compiled code, each with its own copy of the small memory of a run.

For sweeps that want final figures only, where going back to Python for every cell would cost as much as
the runs themselves. Cells take turns, one stretch of frames each, so that the stretch stays in the
processor's cache until all have passed it. The loop that runs is the very one that a single run takes.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.state import Engine
from ballast.kernel.book import is_quiet
from ballast.kernel.venue import Venue
from ballast.model.addresses import casts
from ballast.model.compiled import compiled
from ballast.model.enums import Cause

FIGURES = ("final_equity", "n_fills", "fees")
"""What a bare run reports, in the order of a row of ``finals``."""

STRETCH_BYTES = 1 << 20
"""About a core's second-level cache: where nothing happens only indicators are read, not the frames beside them."""


def make_batch(run: Any) -> Any:
    """
    Return a function that takes cells through the loop ``run``, which must keep no curve.

    The memory at ``memory_address`` holds one cell in each ``row_bytes``; ``pieces`` has a row (address, offset in
    the cell's bytes, length) for each part of it. ``place`` is (first frame of the stretch, cell): where to go on,
    kept up to date; a ``stretch`` is so many frames. ``finals`` has a row of ``FIGURES`` for each cell. Returns
    ``END``, or what ``run`` returned when it could not go on at ``place``.
    """
    run_one = compiled(run)
    _, _, copy_bytes = casts()

    def run_cells(
        decide: Any,
        venue: Venue,
        engine: Engine,
        feed: Any,
        intents: Any,
        state_address: int,
        params_address: int,
        intents_address: int,
        stop: int,
        memory_address: int,
        row_bytes: int,
        pieces: Any,
        finals: Any,
        place: Any,
        stretch: int,
    ) -> int:
        while place[0] < stop:
            end = min(stop, place[0] + stretch)
            while place[1] < finals.shape[0]:
                row_address = memory_address + place[1] * row_bytes
                for k in range(pieces.shape[0]):
                    copy_bytes(pieces[k, 0], row_address + pieces[k, 1], pieces[k, 2])
                until = end
                while True:
                    code = run_one(
                        decide, venue, engine, feed, intents, state_address, params_address, intents_address, until
                    )
                    # What waits in the venue's tables is not part of a row: take it along until it is settled.
                    if code != Cause.END or until == stop or is_quiet(venue):
                        break
                    until += 1
                if code != Cause.END:
                    return int(code)
                for k in range(pieces.shape[0]):
                    copy_bytes(row_address + pieces[k, 1], pieces[k, 0], pieces[k, 2])
                figures = finals[place[1]]
                figures[0] = engine.strategy_view.equity
                figures[1] = engine.log.n_fills
                figures[2] = venue.accounts[0].fees
                place[1] += 1
            place[0] = end
            place[1] = 0
        return Cause.END

    return run_cells
