"""
Files of a day: their names, the few that are open, and the old ones that go.

A file belongs to one UTC day by its name, so that rotation is nothing but the next name. Lines are written whole, with
one call, to the end of the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ballast.model.durations import SECOND_NS

KINDS = ("log", "jsonl")
MOST_OPEN = 64
_LONGEST_NAME = 40
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OURS = re.compile(r".+_(\d{4}-\d{2}-\d{2})\.(?:log|jsonl)")


def file_name(name: str) -> str:
    """
    Return a name that is safe as a part of a file's, and different for different names.

    >>> file_name("DOGEUSDT"), file_name("../etc/passwd")
    ('DOGEUSDT', 'etc-passwd-7fef78f5')
    """
    if _SAFE.fullmatch(name) and len(name) <= _LONGEST_NAME and ".." not in name:
        return name
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:_LONGEST_NAME]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest


def day_of(time_ns: int) -> date:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).date()


@dataclass
class _Open:
    descriptor: int
    is_torn: bool  # It ends in the middle of a line.


@dataclass
class DayFiles:
    """
    The files of one directory, ``{name}_YYYY-MM-DD.log`` as text and ``.jsonl`` as JSON.

    Parameters
    ----------
    directory : Path
        Made when first needed.
    most_open : int
        At most so many are open at once; who has not been written to for longest is closed.
    retention_days : int
        How many UTC days are kept, the present one among them.

    Notes
    -----
    Methods raise ``OSError``.
    """

    directory: Path
    most_open: int = MOST_OPEN
    retention_days: int = 14
    _open: OrderedDict[Path, _Open] = field(init=False, default_factory=OrderedDict)

    @property
    def n_open(self) -> int:
        """How many files are open."""
        return len(self._open)

    def write(self, name: str, day: date, kind: str, line: str) -> None:
        """Add a line, without its end, to the file of a name, a day and a kind (one of ``KINDS``)."""
        path = self.directory / f"{file_name(name)}_{day.isoformat()}.{kind}"
        file = self._opened(path)
        data = ("\n" if file.is_torn else "").encode() + line.encode("utf-8", "backslashreplace") + b"\n"
        file.is_torn = True
        # A disk that fills up takes a part of the line; the next line must not continue it.
        if os.write(file.descriptor, data) != len(data):
            raise OSError(28, "No space left on device", str(path))
        file.is_torn = False

    def _opened(self, path: Path) -> _Open:
        found = self._open.get(path)
        if found is None:
            while len(self._open) >= self.most_open:
                os.close(self._open.popitem(last=False)[1].descriptor)
            path.parent.mkdir(parents=True, exist_ok=True)
            # A link could lead the log anywhere, and what the log says is the operator's own business.
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._open[path] = found = _Open(descriptor, _is_torn(descriptor))
        self._open.move_to_end(path)
        return found

    def remove_expired(self, today: date) -> int:
        """
        Remove what is older than the days to keep; return how many files.

        Touches no file of another name, and none that stands alone: ours come as one of each kind, and somebody
        else's log in the same directory may be named like one of them.
        """
        oldest = today - timedelta(days=self.retention_days - 1)
        if not self.directory.is_dir():
            return 0
        expired = [path for path in self.directory.iterdir() if _is_before(path, oldest)]
        kinds = Counter(path.stem for path in expired)
        pairs = [path for path in expired if kinds[path.stem] == len(KINDS)]
        for path in pairs:
            path.unlink(missing_ok=True)
        return len(pairs)

    def close(self) -> None:
        """Close all files; the next line opens its own again."""
        while self._open:
            os.close(self._open.popitem()[1].descriptor)


def _is_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _is_before(path: Path, oldest: date) -> bool:
    match = _OURS.fullmatch(path.name)
    if match is None or path.is_symlink() or not path.is_file():
        return False
    try:
        return date.fromisoformat(match[1]) < oldest
    except ValueError:
        return False
