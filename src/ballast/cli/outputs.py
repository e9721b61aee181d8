"""Whether a result will find its place, asked before the work that makes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ballast.model.errors import ConfigError, OutputError, nearest


def refuse_unwritable(*paths: Path | None) -> None:
    """
    Check that every file can be written where it is wanted; None is skipped. Nothing is left behind.

    Raises
    ------
    OutputError
        A directory is missing or cannot be written, or a directory has the file's name.
    ConfigError
        Two outputs have one name.
    """
    wanted = [path for path in paths if path is not None]
    for number, path in enumerate(wanted):
        if path.resolve() in [other.resolve() for other in wanted[:number]]:
            raise ConfigError(f"{path}: two outputs cannot be one file; give each its own name")
        _refuse(path)


def _refuse(path: Path) -> None:
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"{path}: is a directory; name a file in it")
    if not folder.is_dir():
        beside = [entry.name for entry in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        raise OutputError(f"{path}: no directory {folder}{nearest(folder.name, beside) or '; make it first'}")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another path") from None
