"""
Run all benchmarks.

``python benchmarks/run.py`` takes about half an hour on a quiet machine and writes ``RESULTS.md`` beside this file;
``--quick`` takes a few minutes, runs each engine once, and prints. Peers take part if they are installed:
``python benchmarks/peers/setup.py``.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import bench_engine
import bench_exchange
import bench_indicators
import bench_margin
import bench_memory
import bench_start
import bench_sweep
import bench_ticks
from peers.setup import PEERS, is_installed
from rounds import HERE

BENCHMARKS = (
    bench_engine, bench_indicators, bench_sweep, bench_margin, bench_ticks, bench_start, bench_memory, bench_exchange,
)  # fmt: skip
INTRODUCTION = """\
# Results of the benchmarks

`python benchmarks/run.py` wrote this page; each part says what it asks. The workloads are stated in `reference.py`, the
markets in `markets.py`. Every engine runs in a process of its own, one at a time, all of them in turn in each round;
seconds are CPU seconds, user and system, of the fastest of a few repetitions in a process that has run before, so that
importing and compiling are apart ("first run"). Ratios are medians of the ratios within a round. A timing counts only
if fills and final equity agree with the reference.
"""


def machine() -> str:
    """Return what the figures were measured on, as Markdown."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    git = ["git", "-C", str(HERE)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changes = subprocess.run(
        [*git, "status", "--porcelain", "--", "../src"], capture_output=True, text=True, check=False
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    peers = [requirement for peer in PEERS if is_installed(peer) for requirement in PEERS[peer]]
    libraries = [f"{name} {version(name)}" for name in ("numba", "numpy", "polars", "pyarrow")]
    return "\n".join([
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f} at the start",
        f"- Machine: {os.cpu_count()} x {model}, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}",
        f"- Python {platform.python_version()}, {', '.join(libraries)}",
        f"- Peers: {', '.join(sorted(set(peers))) or 'none installed'}",
        f"- Commit: {commit.stdout.strip() or 'unknown'}{', with changes' * bool(changes.stdout.strip())}",
    ])


def main(*, is_quick: bool) -> None:
    """Run everything; print, and write the page unless it was quick."""
    parts = [INTRODUCTION.rstrip(), machine()]
    for benchmark in BENCHMARKS:
        print(f"== {benchmark.__name__}", file=sys.stderr, flush=True)
        parts.append(benchmark.section(is_quick=is_quick))
        print(parts[-1], "\n", flush=True)
    if not is_quick:
        page = HERE / "RESULTS.md"
        scratch = page.with_suffix(".part")
        scratch.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        scratch.replace(page)


if __name__ == "__main__":
    main(is_quick="--quick" in sys.argv[1:])
