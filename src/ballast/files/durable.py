"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ballast.model.errors import OutputError


@contextmanager
def replacing(path: Path, *, makes_directories: bool = True) -> Iterator[Path]:
    """
    Give a scratch path beside ``path`` to write to, and move it into place once the block has succeeded.

    What was written is on the disk before the move, so that even a power cut leaves the old file or the
    new one. A link stays, and the file that it leads to is replaced.

    Raises
    ------
    OutputError
        The disk is full or the place cannot be written, or it is a device or a pipe, which nothing can take
        the place of; nothing partial is left.
    """
    if is_stream(path):
        raise OutputError(f"{path}: is a device or a pipe; name a file")
    name, path = path, path.resolve()
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        if makes_directories:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        _flush(scratch)
        os.replace(scratch, path)
        _flush(path.parent)
    except OSError as error:
        raise _unwritten(name, error) from None
    finally:
        # After the move there is nothing to remove; on a broken disk there is nothing that could be.
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Return whether something is there that is neither file nor directory: a device, a pipe, a socket."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_whole(path: Path, content: Iterable[bytes]) -> None:
    """
    Write a file from pieces of its bytes, into a directory that exists; raises ``OutputError``.

    A device or a pipe, such as ``/dev/stdout``, is written to as the pieces come.
    """
    if is_stream(path):
        try:
            with path.open("wb") as stream:
                stream.writelines(content)
        except OSError as error:
            raise _unwritten(path, error) from None
        return
    with replacing(path, makes_directories=False) as scratch, scratch.open("wb") as file:
        file.writelines(content)


def write_parquet(table: Any, path: Path) -> None:
    """Write a pyarrow table, in row groups of a million rows; raises ``OutputError``."""
    import pyarrow.parquet as pq

    with replacing(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", row_group_size=1_000_000)


def _unwritten(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{path}: cannot be written ({reason}); make room or choose another path")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
