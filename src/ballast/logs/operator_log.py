"""
The operator's log: what must be seen goes to the root log, what may be looked up to the symbol's.

A root record is for eyes: entries, exits, moved stops, switches, errors. Everything about one symbol is in that
symbol's log of the day; of that, only warnings and worse reach the root log by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ballast.config.operator_sections import LoggingSection
from ballast.logs.files import MOST_OPEN, DayFiles, day_of
from ballast.logs.line import Level, Line, as_json, as_text, cleaned
from ballast.logs.redaction import Redactor

ROOT_NAME = "ballast"


@dataclass
class OperatorLog:
    """
    Writes records, from any thread.

    No method raises for a disk: what cannot be written is counted in ``n_lost``, and the root log says so as soon as
    it can be written again.

    Parameters
    ----------
    clock : callable
        Returns the time, ns since 1970 UTC.
    directory : Path
        Of the root log, ``ballast_YYYY-MM-DD``.
    symbol_directory : Path
        Of the symbols' logs, ``{SYMBOL}_YYYY-MM-DD``.
    root_level, symbol_level : Level
        The least that is written.
    retention_days : int
        How many UTC days are kept, the present one among them.
    most_open_files : int
        Of the symbols' files.
    redactor : Redactor
        Knows the secrets.
    """

    clock: Callable[[], int]
    directory: Path = Path("logs")
    symbol_directory: Path = Path("logs/symbols")
    root_level: Level = Level.INFO
    symbol_level: Level = Level.DEBUG
    retention_days: int = 14
    most_open_files: int = MOST_OPEN
    redactor: Redactor = field(default_factory=Redactor)
    n_lost: int = field(init=False, default=0)
    _n_reported: int = field(init=False, default=0)
    _day: date | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._root = DayFiles(self.directory, retention_days=self.retention_days)
        self._symbols = DayFiles(self.symbol_directory, self.most_open_files, self.retention_days)

    def operator(self, level: Level, event: str, text: str = "", /, *, symbol: str = "", **fields: Any) -> None:
        """Write what an operator must see: to the root log, and to the symbol's if there is one."""
        self._record(level, event, text, symbol, fields, is_for_root=True)

    def symbol(self, symbol: str, level: Level, event: str, text: str = "", /, **fields: Any) -> None:
        """Write to a symbol's log; to the root log, too, from WARNING on."""
        self._record(level, event, text, symbol, fields, is_for_root=level >= Level.WARNING)

    def close(self) -> None:
        """Close the files; a later record opens them again."""
        with self._lock:
            self._root.close()
            self._symbols.close()

    def _record(
        self, level: Level, event: str, text: str, symbol: str, fields: dict[str, Any], *, is_for_root: bool
    ) -> None:
        goes_to_root = is_for_root and level >= self.root_level
        goes_to_symbol = symbol != "" and level >= self.symbol_level
        if not goes_to_root and not goes_to_symbol:
            return
        with self._lock:
            line = cleaned(Line(self.clock(), level, event, text, symbol, fields), self.redactor)
            self._turn_the_day(day_of(line.time_ns))
            if goes_to_root:
                self._report_losses(line.time_ns)
                self._write(self._root, ROOT_NAME, line)
            if goes_to_symbol:
                self._write(self._symbols, line.symbol, line)

    def _turn_the_day(self, day: date) -> None:
        """Close yesterday's files and remove those that have had their days."""
        if day == self._day:
            return
        self._day = day
        self.close()
        for files in (self._root, self._symbols):
            with suppress(OSError):
                files.remove_expired(day)

    def _write(self, files: DayFiles, name: str, line: Line) -> bool:
        day = day_of(line.time_ns)
        try:
            files.write(name, day, "log", as_text(line))
            files.write(name, day, "jsonl", as_json(line))
        except OSError:
            self.n_lost += 1
            return False
        return True

    def _report_losses(self, now_ns: int) -> None:
        n_new = self.n_lost - self._n_reported
        if n_new == 0:
            return
        line = Line(now_ns, Level.ERROR, "log_lines_lost", "the disk could not be written", fields={"lost": n_new})
        if self._write(self._root, ROOT_NAME, line):
            self._n_reported = self.n_lost
        else:
            self.n_lost -= 1  # The report itself is no loss.


def open_log(
    section: LoggingSection, directory: Path, clock: Callable[[], int], redactor: Redactor | None = None
) -> OperatorLog:
    """Return the log that ``[logging]`` asks for; ``directory`` is where its relative paths start."""
    return OperatorLog(
        clock=clock,
        directory=directory / section.root_log_dir,
        symbol_directory=directory / section.symbol_log_dir,
        root_level=Level[section.root_level],
        symbol_level=Level[section.symbol_log_level],
        retention_days=section.retention_days,
        most_open_files=section.max_open_files,
        redactor=Redactor() if redactor is None else redactor,
    )
