"""What commands share of the terminal: its width, and a progress bar for work that turns out to be long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE_S = 0.7
PIPE_WIDTH = 120


def console() -> Console:
    """Return a console on standard output, wide enough for tables where that is a file or a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


@contextmanager
def late_progress(title: str, *, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """
    Give a function to call with the fraction done; the bar appears on a terminal, once the work has taken a moment.

    Gives None where nobody looks: when told to be quiet, or when standard error is not a terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    start = time.monotonic()
    with ExitStack() as stack:
        advance: Callable[[float], None] | None = None

        def show(fraction: float) -> None:
            nonlocal advance
            if advance is None:
                if time.monotonic() - start < PATIENCE_S:
                    return
                advance = stack.enter_context(_bar(title))
            advance(fraction)

        yield show


@contextmanager
def _bar(title: str) -> Iterator[Callable[[float], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)
