"""Whether a result will find its place, asked before the work that makes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballast.files.durable import is_stream
from ballast.model.errors import ConfigError, OutputError, nearest

if TYPE_CHECKING:
    from ballast.config import Config


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


def refuse_overwriting(file: Path, config: Config, *paths: Path | None) -> None:
    """Raise ``ConfigError`` for an output that is the configuration itself, or a file that it names."""
    texts = _texts(config.to_dict())
    inputs = {place.resolve() for place in (file, *map(config.resolved, texts)) if place.is_file()}
    for path in paths:
        if path is not None and path.resolve() in inputs:
            raise ConfigError(f"{path}: the run reads this file; give the output another name")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)


def _refuse(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"{path}: is a directory; name a file in it")
    if is_stream(path):
        if not os.access(path, os.W_OK):
            raise OutputError(f"{path}: cannot be written (Permission denied); choose another path")
        return
    folder = path.parent
    if not folder.is_dir():
        beside = [entry.name for entry in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        raise OutputError(f"{path}: no directory {folder}{nearest(folder.name, beside) or '; make it first'}")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another path") from None
