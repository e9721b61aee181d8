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
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "src")]), "OMP_NUM_THREADS": "1"}


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
        print(f"Not installed, left out: {', '.join(missing)}. `python benchmarks/peers/setup.py` installs them.", file=sys.stderr)
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
    """Return the relative difference of final equity; raise ``Disagreement`` where it or the fills are out of bounds."""
    difference = abs(result["equity"] / expected["equity"] - 1.0)
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
    lines = [
        f"| engine | {unit} | CPU s (median) | CPU s (least) | M {unit} / CPU s | first run, CPU s | peak MB | fills | equity off by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        done = results[job.label]
        cpu = [result["cpu_s"] for result in done]
        first, peak = (median(result[key] for result in done) for key in ("first_s", "peak_rss_mb"))
        off = f"{max(result['difference'] for result in done):.0e}" if job.reference is not None else "-"
        speed = done[0]["n_bars"] / median(cpu) / 1e6
        lines.append(
            f"| {job.label} {done[0]['version']}{job.note and f' ({job.note})'} | {done[0]['n_bars']:,} | {median(cpu):.4f} "
            f"| {min(cpu):.4f} | {speed:,.4g} | {first:.2f} | {peak:.0f} | {done[0]['fills']:,} | {off} |"
        )
    return "\n".join(lines)


def goals(rows: Sequence[tuple[str, float | None, str, bool | None]]) -> str:
    """Return (what, measured, goal, whether it is met) as Markdown; None stands for what was not measured."""
    lines = ["| figure | measured | goal | |", "|---|---|---|---|"]
    for what, measured, goal, is_met in rows:
        verdict = "" if is_met is None else "met" if is_met else "**missed**"
        lines.append(f"| {what} | {'not measured' if measured is None else f'{measured:,.3g}'} | {goal} | {verdict} |")
    return "\n".join(lines)


def ratio_goal(
    results: Mapping[str, list[dict[str, Any]]], ours: str, theirs: str, at_least: float
) -> tuple[str, float | None, str, bool | None]:
    """Return one row of :func:`goals`: ``ours`` at least so many times as fast as ``theirs``."""
    what, goal = f"{ours}, times as fast as {theirs}", f"at least {at_least:g}"
    if not results.get(theirs):
        return what, None, goal, None
    measured = speed_up(results, ours, theirs)
    return what, measured, goal, measured >= at_least
