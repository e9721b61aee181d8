"""
Measured rounds: every engine once, one at a time, each in a fresh process, then all of them again.

What disturbs the machine disturbs all engines of a round alike, so ratios are taken within a round and their median is
shown. A timing counts only if its result agrees with the reference.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from peers.setup import is_installed, python_of

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {
    # Bytecode is kept, as it is by default.
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "src")]),
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Job:
    """
    One engine on one workload.

    ``peer`` names the environment, None for Ballast's own; ``tolerance`` is how far, relatively, the final equity may
    be from that of ``reference``, the arguments of ``jobs/run_reference.py`` (None: nothing to compare with).
    """

    label: str
    script: str
    arguments: tuple[object, ...]
    peer: str | None = None
    reference: tuple[object, ...] | None = None
    tolerance: float = 1e-11
    note: str = ""


class Usage(NamedTuple):
    """What a whole process took: CPU seconds (user and system) and peak resident MB."""

    cpu_s: float
    peak_rss_mb: float


class Disagreement(Exception):
    """An engine did not do the same work, so its time means nothing."""


def run(job: Job) -> dict[str, Any]:
    """Run a job and return what it printed."""
    python = sys.executable if job.peer is None else str(python_of(job.peer))
    command = [python, str(HERE / job.script), *map(str, job.arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def usage(command: Sequence[str], **environment: str) -> Usage:
    """Run a command to its end and return what the process took; a failure ends the benchmark."""
    process = subprocess.Popen(command, env={**ENVIRONMENT, **environment}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


def available(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs that can run here, and say which cannot."""
    missing = sorted({job.peer for job in jobs if job.peer is not None and not is_installed(job.peer)})
    if missing:
        print(
            f"Not installed, left out: {', '.join(missing)}. `python benchmarks/peers/setup.py` installs them.",
            file=sys.stderr,
        )
    return [job for job in jobs if job.peer not in missing]


def interleave(jobs: Sequence[Job], n_rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run all jobs ``n_rounds`` times in turn, results checked; return what each printed, by label."""
    expected: dict[tuple[object, ...], dict[str, Any]] = {}
    results: dict[str, list[dict[str, Any]]] = {job.label: [] for job in jobs}
    for number in range(n_rounds):
        for job in jobs:
            print(f"round {number + 1}/{n_rounds}: {job.label}", file=sys.stderr, flush=True)
            result = run(job)
            if job.reference is not None:
                if job.reference not in expected:
                    expected[job.reference] = run(Job("reference", "jobs/run_reference.py", job.reference))
                result["difference"] = agreement(job, result, expected[job.reference])
            results[job.label].append(result)
    return results


def agreement(job: Job, result: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    """Return how far, relatively, the final equity is off; raise ``Disagreement`` beyond the tolerance."""
    difference: float = abs(float(result["equity"]) / expected["equity"] - 1.0)
    if result["fills"] != expected["fills"] or not difference <= job.tolerance:
        raise Disagreement(
            f"{job.label}: {result['fills']} fills and equity {result['equity']!r}, "
            f"the reference has {expected['fills']} and {expected['equity']!r}"
        )
    return difference


def rate(result: Mapping[str, Any]) -> float:
    """Return bars (rows, pairs times bars) per CPU second."""
    return float(result["n_bars"] / result["cpu_s"])


def speed_up(results: Mapping[str, list[dict[str, Any]]], ours: str, theirs: str) -> float:
    """Return how many times faster ``ours`` is, by CPU time for the same work: the median over the rounds."""
    return median(rate(a) / rate(b) for a, b in zip(results[ours], results[theirs], strict=True))


def table(jobs: Sequence[Job], results: Mapping[str, list[dict[str, Any]]], unit: str) -> str:
    """Return the timings as Markdown."""
    header = ["engine", unit, "CPU s (median)", "CPU s (least)", f"M {unit} / CPU s", "first run, CPU s", "peak MB"]
    lines = [f"| {' | '.join([*header, 'fills', 'equity off by'])} |", "|---" * (len(header) + 2) + "|"]
    for job in jobs:
        done = results[job.label]
        n_bars, fills, version = (done[0][key] for key in ("n_bars", "fills", "version"))
        cpu_s, first_s, peak_mb = (median(one[key] for one in done) for key in ("cpu_s", "first_s", "peak_rss_mb"))
        off = "-" if job.reference is None else f"{max(one['difference'] for one in done):.0e}"
        name = f"{job.label} {version}{job.note and f' ({job.note})'}"
        lines.append(
            f"| {name} | {n_bars:,} | {cpu_s:.4f} | {min(one['cpu_s'] for one in done):.4f} "
            f"| {n_bars / cpu_s / 1e6:,.4g} | {first_s:.2f} | {peak_mb:.0f} | {fills:,} | {off} |"
        )
    return "\n".join(lines)


class Figure(NamedTuple):
    """A line of results: what it is, its value (None: not measured here), its goal in words, whether it is met."""

    what: str
    measured: float | None
    goal: str = ""
    is_met: bool | None = None


def under(what: str, measured: float, most: float | None) -> Figure:
    """Return a figure that should stay below ``most``; None sets no goal."""
    return Figure(what, measured) if most is None else Figure(what, measured, f"under {most:g}", measured < most)


def times_as_fast(
    results: Mapping[str, list[dict[str, Any]]], ours: str, theirs: str, least: float | None = None
) -> Figure:
    """Return how many times as fast ``ours`` is, and whether that is at least ``least``."""
    what, goal = f"{ours}, times as fast as {theirs}", "" if least is None else f"at least {least:g}"
    if not results.get(theirs):
        return Figure(what, None, goal)
    measured = speed_up(results, ours, theirs)
    return Figure(what, measured, goal, None if least is None else measured >= least)


def figures(rows: Sequence[Figure]) -> str:
    """Return figures and goals as Markdown."""
    lines = ["| figure | measured | goal | |", "|---|---|---|---|"]
    for row in rows:
        measured = "not measured" if row.measured is None else f"{row.measured:,.3g}"
        verdict = {None: "", True: "met", False: "**missed**"}[row.is_met]
        lines.append(f"| {row.what} | {measured} | {row.goal} | {verdict} |")
    return "\n".join(lines)
