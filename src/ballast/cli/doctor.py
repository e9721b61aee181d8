"""
``ballast doctor``: what works on this machine, and what is missing for what.

Every check looks at the thing itself: it compiles a function, writes a file, reads both clocks. A check is OK, a NOTE
(everything runs, but somebody may want to know) or BROKEN (something that Ballast needs does not work).
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ballast import __version__
from ballast.model import compiled
from ballast.model.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

    from ballast.data.catalog import Catalog, SeriesSummary

OLDEST_PYTHON = (3, 11)
GIBIBYTE = 2**30
LOW_MEMORY_BYTES = GIBIBYTE  # a 1,000,000-bar run with its report stays well below this
LOW_DISK_BYTES = GIBIBYTE
FULL_DISK_BYTES = 50 * 2**20  # no room for the compiled code and one report
CLOCK_SAMPLE_NS = 50_000_000
CLOCK_TOLERANCE_NS = 5_000_000
RELEASE = datetime(2025, 1, 1, tzinfo=UTC)  # a clock that shows an earlier day is wrong

# Every library that Ballast imports, and what stops without it.
LIBRARIES = {
    "aiohttp": "downloads",
    "duckdb": "the catalog",
    "llvmlite": "the compiled engine",
    "msgspec": "reading what venues answer",
    "numba": "the compiled engine",
    "numpy": "everything",
    "plotly": "reports and charts",
    "polars": "results as data frames",
    "pyarrow": "reading and writing Parquet",
    "rich": "output in the terminal",
    "typer": "the command line",
}
# Modules that nothing needs to trade: what they would make possible, and how to get them.
OPTIONAL = {
    "pytest": ("the test suite", "make setup"),
    "talib": ("judging the indicators in the test suite", "make setup"),
    "mypy": ("type checks", "make setup"),
}


class Status(StrEnum):
    """What a check found; ordered from good to bad."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """One line of the report: ``found`` says what is there, ``remedy`` what to do when that is not enough."""

    group: str
    name: str
    status: Status
    found: str
    remedy: str = ""


def report() -> list[Check]:
    """
    Examine this machine.

    Returns
    -------
    list of Check
        In a fixed order, grouped. Takes about a second, most of it for loading the compiler. Leaves nothing behind
        but compiled code in the cache.
    """
    from ballast.model.code_cache import cache_directory

    cache = cache_directory()
    places = {"compiled code": cache, "this directory": Path.cwd()}
    try:
        from ballast.data.catalog import Catalog
    except ImportError as error:
        data = [Check("data", "catalog", Status.BROKEN, f"cannot be opened: {error}", "install what is missing above")]
    else:
        catalog = Catalog()
        data = list(_catalog(catalog))
        places["catalog"] = catalog.root
    return [
        *_versions(),
        *_machine(),
        *_compiler(cache),
        *data,
        *_disk(places),
        *_clock(),
        _terminal(),
        *_optional(),
    ]


def exit_code(checks: Iterable[Check]) -> int:
    """Return 1 when something that Ballast needs is broken, else 0; notes are not failures."""
    return int(any(check.status is Status.BROKEN for check in checks))


def render(checks: Iterable[Check], console: Console) -> None:
    """Print the checks as one table, grouped, each remedy under what it mends."""
    from rich.table import Table
    from rich.text import Text

    style = {Status.OK: "green", Status.NOTE: "yellow", Status.BROKEN: "bold red"}
    table = Table.grid(padding=(0, 2))
    group = ""
    checks = list(checks)
    for check in checks:
        if check.group != group:
            group = check.group
            table.add_row()
            table.add_row(Text(group, style="bold"))
        mark = Text(check.status.value, style=style[check.status])
        table.add_row(Text(f"  {check.name}"), mark, Text(check.found))
        if check.remedy:
            table.add_row("", "", Text(check.remedy, style="dim"))
    console.print(table)
    console.print()
    console.print(_verdict(checks))


def _verdict(checks: list[Check]) -> str:
    broken = [check.name for check in checks if check.status is Status.BROKEN]
    notes = sum(check.status is Status.NOTE for check in checks)
    noted = f"{notes} note{'s' * (notes != 1)}"
    if broken:
        return f"Broken: {', '.join(broken)}; {noted}."
    return f"Everything that Ballast needs works here; {noted}."


def _versions() -> Iterator[Check]:
    found = platform.python_version()
    new_enough = sys.version_info >= OLDEST_PYTHON
    yield Check(
        "versions",
        "python",
        Status.OK if new_enough else Status.BROKEN,
        f"{found} ({sys.executable})",
        "" if new_enough else f"install Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or later",
    )
    yield Check("versions", "ballast", Status.OK, f"{__version__} ({Path(compiled.__file__).parents[1]})")
    for library, purpose in LIBRARIES.items():
        yield _library(library, purpose)


def _library(library: str, purpose: str) -> Check:
    try:
        return Check("versions", library, Status.OK, version(library))
    except PackageNotFoundError:
        return Check("versions", library, Status.BROKEN, f"missing, needed for {purpose}", f"pip install {library}")


def _machine() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("machine", "cores", Status.OK, f"{cores} for sweeps ({platform.machine()}, {platform.system()})")
    page = os.sysconf("SC_PAGE_SIZE")
    yield _memory(page * os.sysconf("SC_PHYS_PAGES"), available_memory_bytes())


def available_memory_bytes(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the memory that a new process could use without swapping; what is free where Linux does not say."""
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _memory(total_bytes: int, available_bytes: int) -> Check:
    found = f"{_size(available_bytes)} available of {_size(total_bytes)}"
    if available_bytes >= LOW_MEMORY_BYTES:
        return Check("machine", "memory", Status.OK, found)
    return Check("machine", "memory", Status.NOTE, found, "long runs and sweeps may be killed: close something")


def _compiler(cache: Path) -> Iterator[Check]:
    yield _compiles()
    files = list(cache.glob("*.nbc")) if cache.is_dir() else []
    found = f"{cache}: {len(files)} functions, {_size(sum(file.stat().st_size for file in files))}"
    problem = write_problem(cache)
    if problem:
        remedy = "every start compiles anew: set BALLAST_CACHE_DIR to a directory that can be written"
        yield Check("compiled code", "cache", Status.NOTE, f"{found}; {problem}", remedy)
    else:
        yield Check("compiled code", "cache", Status.OK, found)


def _compiles() -> Check:
    """Compile, or load, one small function and compare it with the interpreter."""
    if compiled.INTERPRETED:
        remedy = "unset BALLAST_INTERPRET for the compiled engine, some hundred times faster"
        return Check("compiled code", "compiler", Status.NOTE, "switched off by BALLAST_INTERPRET=1", remedy)
    from ballast.model.units import floor_to_step

    start = time.perf_counter()
    try:
        works = floor_to_step(0.75, 5, 10.0) == 0.5
    except Exception as error:  # noqa: BLE001  # whatever the compiler raises is the finding
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return Check("compiled code", "compiler", Status.BROKEN, found, "reinstall numba and llvmlite")
    took_ms = (time.perf_counter() - start) * 1e3
    if works:
        return Check("compiled code", "compiler", Status.OK, f"first call after {took_ms:.0f} ms")
    return Check("compiled code", "compiler", Status.BROKEN, "gives wrong results", "reinstall numba and llvmlite")


def write_problem(directory: Path) -> str:
    """Return why no file can be made in ``directory`` (or, while it is absent, above it); empty when one can."""
    place = existing_part(directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            return ""
    except OSError as error:
        return f"cannot write in {place}: {error.strerror}"


def existing_part(path: Path) -> Path:
    """Return ``path``, or the nearest directory above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def _catalog(catalog: Catalog) -> Iterator[Check]:
    try:
        summaries = catalog.summaries()
    except DataError as error:
        found, _, remedy = str(error).rpartition("; ")
        yield Check("data", "catalog", Status.BROKEN, found, remedy)
        return
    if not summaries:
        remedy = "fill it with 'ballast data sample', 'ballast data import' or 'ballast data download'"
        yield Check("data", "catalog", Status.NOTE, f"{catalog.root}: empty", remedy)
        return
    problem = write_problem(catalog.root)
    found = f"{catalog.root}: {_size(sum(summary.bytes for summary in summaries))}"
    if problem:
        remedy = "downloads and imports fail: set BALLAST_CATALOG to a directory that can be written"
        yield Check("data", "catalog", Status.NOTE, f"{found}; {problem}", remedy)
    else:
        yield Check("data", "catalog", Status.OK, found)
    for dataset in sorted({summary.series.dataset for summary in summaries}):
        yield _dataset(dataset, [summary for summary in summaries if summary.series.dataset == dataset])


def _dataset(dataset: str, summaries: list[SeriesSummary]) -> Check:
    symbols = {summary.series.symbol for summary in summaries}
    rows = sum(summary.rows for summary in summaries)
    first = datetime.fromtimestamp(min(summary.first_ms for summary in summaries) / 1000, UTC)
    last = datetime.fromtimestamp(max(summary.last_ms for summary in summaries) / 1000, UTC)
    noun = "symbol" if len(symbols) == 1 else "symbols"
    found = f"{len(symbols)} {noun}, {rows:,} rows, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return Check("data", dataset, Status.OK, found)


def _disk(places: dict[str, Path]) -> Iterator[Check]:
    """Yield one check for each file system, naming what it holds."""
    holds: dict[int, list[str]] = {}
    free_bytes: dict[int, int] = {}
    for name, path in places.items():
        place = existing_part(path)
        device = place.stat().st_dev
        holds.setdefault(device, []).append(name)
        free_bytes[device] = shutil.disk_usage(place).free
    for device, names in holds.items():
        yield _free_disk(", ".join(names), free_bytes[device])


def _free_disk(holds: str, free_bytes: int) -> Check:
    found = f"{_size(free_bytes)} for {holds}"
    if free_bytes >= LOW_DISK_BYTES:
        return Check("disk", "free", Status.OK, found)
    status = Status.NOTE if free_bytes >= FULL_DISK_BYTES else Status.BROKEN
    return Check("disk", "free", status, found, "make room before a download, a sweep or a report")


def _clock() -> Iterator[Check]:
    now = datetime.now(UTC)
    local = now.astimezone()
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC; local time is {local:%Z} (UTC{local:%z}), Ballast uses UTC throughout"
    if now >= RELEASE:
        yield Check("clock", "date", Status.OK, found)
    else:
        yield Check("clock", "date", Status.BROKEN, found, "set the clock: every order carries its time")
    yield _drift(clock_drift_ns())
    yield _synchronised(is_clock_synchronised())


def clock_drift_ns(
    wall: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Return how much more time passed on the wall than on the monotonic clock during one short pause."""
    wall_start, monotonic_start = wall(), monotonic()
    pause(CLOCK_SAMPLE_NS / 1e9)
    return (wall() - wall_start) - (monotonic() - monotonic_start)


def _drift(drift_ns: int) -> Check:
    found = f"wall and monotonic clock differ by {drift_ns / 1e3:+.0f} µs over {CLOCK_SAMPLE_NS / 1e6:.0f} ms"
    if abs(drift_ns) <= CLOCK_TOLERANCE_NS:
        return Check("clock", "steadiness", Status.OK, found)
    remedy = "something is setting the clock, or the machine was paused: look again before trading live"
    return Check("clock", "steadiness", Status.NOTE, found, remedy)


def is_clock_synchronised() -> bool | None:
    """Return whether the kernel's clock follows a time server; None where the kernel does not say."""
    import ctypes

    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (AttributeError, OSError):
        return None
    # An all-zero `struct timex` (208 bytes on 64-bit Linux) asks and changes nothing; 5 is TIME_ERROR.
    state = adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else state != 5


def _synchronised(synchronised: bool | None) -> Check:
    if synchronised:
        return Check("clock", "time server", Status.OK, "the clock follows one")
    found = "the kernel does not say" if synchronised is None else "the clock follows none"
    remedy = "only live trading minds: venues refuse requests that are seconds off; enable NTP"
    return Check("clock", "time server", Status.NOTE, found, remedy)


def _terminal() -> Check:
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "unknown").lower()
    kind = "interactive" if sys.stdout.isatty() else "not interactive"
    found = f"{size.columns} x {size.lines}, {kind}, {encoding}"
    if encoding.replace("-", "") == "utf8":
        return Check("terminal", "terminal", Status.OK, found)
    return Check("terminal", "terminal", Status.NOTE, found, "set PYTHONUTF8=1, or lines and marks may look odd")


def _optional() -> Iterator[Check]:
    for module, (purpose, remedy) in OPTIONAL.items():
        if find_spec(module) is None:
            yield Check("not installed", module, Status.NOTE, f"would enable {purpose}", remedy)
    if not os.environ.get("BALLAST_RECORDED_DATA") and find_spec("pytest") is not None:
        found = "BALLAST_RECORDED_DATA is unset: tests on recorded markets skip"
        yield Check("not installed", "recorded data", Status.NOTE, found, "set it to their directory to run them")


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"
