"""
Timing inside one process: CPU seconds (user and system, this process and its children), peak memory, one JSON line.

Needs nothing: the peers' environments read it too. What is timed is whole runs in a process that has run before, so
that importing and compiling are apart; the minimum of a few repetitions is what the machine can do undisturbed.
"""

from __future__ import annotations

import gc
import json
import resource
import time
from collections.abc import Callable
from typing import Any


def cpu_s() -> float:
    """Return the CPU seconds that this process and its finished children have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process, in MB of 10**6 bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / 1e6


def report(engine: str, version: str, n_bars: int, run: Callable[[], dict[str, Any]], repetitions: int) -> None:
    """
    Run once to warm up and a few times more, and print what came out as one JSON line.

    ``run`` returns its result, ``equity`` and ``fills`` at least, and may put ``cpu_s`` into it to say that only a part
    of it counts. ``n_bars`` is the work of one run.
    """
    started = cpu_s()
    run()
    first_s = cpu_s() - started
    seconds = []
    result: dict[str, Any] = {}
    for _ in range(repetitions):
        gc.collect()
        started = cpu_s()
        result = run()
        seconds.append(result.pop("cpu_s", None) or cpu_s() - started)
    line = {
        "engine": engine,
        "version": version,
        "n_bars": n_bars,
        "cpu_s": min(seconds),
        "first_s": first_s,
        "peak_rss_mb": peak_rss_mb(),
        **result,
    }
    print(json.dumps(line, default=float), flush=True)
